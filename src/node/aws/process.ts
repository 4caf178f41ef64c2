/** Credentials that a program prints: the setting `credential_process`. */
import type { AwsCredentialsFunction } from "../../aws/credentials/environment.js";
import { readExpiration } from "../../aws/credentials/sts.js";
import { parseTime, type AwsCredentials } from "../../aws/authorization.js";
import { FUNCTION, readSourceOptions, TEXT, TIMEOUT } from "../../credentials/options.js";
import { readToken, requiredSecret, tokenError } from "../../credentials/token-request.js";
import { invalidAnswer, member, type Fields } from "../../http/fields.js";
import { readClock } from "../../options.js";
import { run, type Ended, type RunOptions } from "../run.js";

/** Options of {@link awsFromProcess}. */
export interface AwsFromProcessOptions {
  /** The command line, as `credential_process` has it. */
  readonly command: string;
  /** Milliseconds that the program may take. Default 60,000; the time limit of the call that waits for it counts too. */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

const SOURCE = "credential_process";
/** What is not said to end is asked for again after this long. */
export const UNTOLD_MS = 300_000;
const MAX_OUTPUT_BYTES = 65_536;

/**
 * Credentials from the output of a program.
 *
 * No shell is involved: the command is split into words as the AWS CLI splits it (quotes and backslashes count; variables,
 * `~`, pipes and the like stand for themselves), and the program is started with them. The vendor's JavaScript client
 * hands the whole line to a shell, where whatever is spliced into it can become a command; who needs a shell names it:
 * `sh -c '…'`. The program sees the environment of this process, no input, and what it writes to its error output is
 * dropped. Over 64 KiB of either output, or past its time, it is killed.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see AWS SDKs and Tools Reference Guide, "Process credential provider"
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials: awsFromProcess({ command: "issue-credentials --role signer" }) });
 * ```
 */
export function awsFromProcess(options: AwsFromProcessOptions): AwsCredentialsFunction {
  const read = readSourceOptions(options, { command: TEXT, timeoutMs: TIMEOUT, now: FUNCTION }, { required: ["command"] });
  const now = readClock(read.now);
  return async ({ signal }) => {
    const words = (process.platform === "win32" ? splitWindowsWords : splitWords)(read.command);
    if (words === undefined || words[0] === undefined || words[0] === "") throw tokenError(SOURCE, "the command line is empty, or has a quote that does not end");
    const output = await outputOf(words, { signal, timeoutMs: read.timeoutMs ?? 60_000 });
    return readToken(SOURCE, { body: parseOutput(output) }, (fields) => readCredentials(fields, now()));
  };
}

function parseOutput(output: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(output)) as unknown;
  } catch {
    throw tokenError(SOURCE, "the program did not print one JSON text");
  }
}

function readCredentials(fields: Fields, now: number): AwsCredentials {
  if (member(fields, "Version") !== 1) throw invalidAnswer("Version is not 1");
  const accessKeyId = requiredSecret(fields, "AccessKeyId");
  const secretAccessKey = requiredSecret(fields, "SecretAccessKey");
  // An empty text is none, as the vendor's clients have it.
  const given = (name: string): unknown => member(fields, name) || undefined;
  const sessionToken = given("SessionToken") === undefined ? undefined : requiredSecret(fields, "SessionToken");
  const expiration = given("Expiration");
  const expiresAt = expiration === undefined ? new Date(now + UNTOLD_MS) : readExpiration(SOURCE, parseTime(expiration), now);
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt };
}

type Failed = Exclude<Ended["how"], "done">;

const FAILURES: Readonly<Record<Failed, readonly [problem: string, retryable: boolean]>> = {
  "not-found": ["the program was not found", false],
  "not-started": ["the program could not be started", false],
  "too-long": ["the program took too long", true],
  "too-large": [`the program printed more than ${MAX_OUTPUT_BYTES} bytes`, false],
  aborted: ["the program was still running when the call ended", true],
};

/** What a program wrote until it ended, with code 0. */
async function outputOf([file = "", ...args]: readonly string[], limits: Pick<RunOptions, "signal" | "timeoutMs">): Promise<Uint8Array> {
  const ended = await run(file, args, { ...limits, maxBytes: MAX_OUTPUT_BYTES });
  if (ended.how === "done" && ended.code === 0) return ended.output;
  const died = ended.how === "done" ? (ended.code === null ? "the program was killed" : `the program ended with code ${ended.code}`) : undefined;
  const [problem, retryable] = died === undefined ? FAILURES[ended.how as Failed] : [died, false];
  throw tokenError(SOURCE, problem, { retryable, hint: "run the command by hand to see what it says" });
}

// A command line is split as the AWS command line splits it: nothing is expanded and no shell is run.

/**
 * White space separates words. In single quotes everything stands for itself, in double quotes a backslash only escapes a
 * double quote or a backslash, elsewhere it escapes any character: `shlex.split` of Python, which the AWS CLI uses.
 * Undefined when a quote or an escape does not end.
 */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  const part = /(\s+)|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)|([^])/g;
  let word: string | undefined;
  for (const [, space, single, double, escaped, plain, rest] of text.matchAll(part)) {
    if (rest !== undefined) return undefined;
    if (space === undefined) word = `${word ?? ""}${single ?? double?.replace(/\\(["\\])/g, "$1") ?? escaped ?? plain ?? ""}`;
    else if (word !== undefined) words.push(word), (word = undefined);
  }
  return word === undefined ? words : [...words, word];
}

/**
 * The same for Windows, where a backslash is a part of paths: it is special only before a double quote (the C runtime's
 * rules, as in botocore's `_windows_shell_split`). Single quotes stand for themselves.
 */
export function splitWindowsWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (const [part] of text.matchAll(/\\*"|[ \t]|\\+|[^ \t\\"]+/g)) {
    if (part.endsWith('"')) {
      const backslashes = part.length - 1;
      word = `${word ?? ""}${"\\".repeat(backslashes >> 1)}`;
      if (backslashes % 2 === 1) word += '"';
      else isQuoted = !isQuoted;
    } else if (!isQuoted && (part === " " || part === "\t")) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = `${word ?? ""}${part}`;
  }
  if (isQuoted) return undefined;
  return word === undefined ? words : [...words, word];
}
