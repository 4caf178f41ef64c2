/** The token of whoever is signed in with the Azure CLI: for developers, not for servers. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError } from "../../credentials/chain.js";
import { FUNCTION, matching, readSourceOptions, TEXT, TIMEOUT } from "../../credentials/options.js";
import { endsAt, optionalSeconds, readToken, requiredSecret, tokenError } from "../../credentials/token-request.js";
import { invalidAnswer, member, type Fields } from "../../http/fields.js";
import { readClock } from "../../options.js";
import { scopeOf, unexpired, type AzureCredentialsFunction } from "../../azure/credentials/entra.js";
import { run, type Ended } from "../run.js";

/** Options of {@link azureFromCli}. */
export interface AzureFromCliOptions {
  /** Id or domain of the tenant. Default: what the vault's challenge names, else the one that is signed in to. */
  readonly tenantId?: string;
  /** Id or name of the subscription whose sign-in counts. Default: the selected one. */
  readonly subscription?: string;
  /** The program, by name or path; on Windows by name only. Default `az`. */
  readonly command?: string;
  /** Milliseconds that it may take. Default 10,000; the time limit of the call that waits for it counts too. */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

const SOURCE = "Azure CLI";
const MAX_BYTES = 65_536;

/** The patterns of the vendor's clients. On Windows they are what keeps an argument from being more than one. */
const TENANT = /^[0-9a-z][0-9a-z.-]*$/i;
const RESOURCE = /^[\w.:/-]+$/;
const SUBSCRIPTION = /^[\w.-](?:[\w. -]*[\w.-])?$/;

/**
 * Tokens of the Azure CLI, by `az account get-access-token`: one process a token, no shell but on Windows, where `az` is a
 * batch file. The process sees the environment of this one and runs in the system's folder.
 *
 * `az` takes seconds at times: with it, give calls a `timeoutMs` of 30,000.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Azure CLI reference, `az account get-access-token`
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl, keyName: "signer", credentials: azureFromCli(), timeoutMs: 30_000 });
 * ```
 */
export function azureFromCli(options: AzureFromCliOptions = {}): AzureCredentialsFunction {
  const rules = { tenantId: matching(TENANT, "the id or a domain of a tenant"), subscription: matching(SUBSCRIPTION, "the id or name of a subscription"), command: TEXT, timeoutMs: TIMEOUT, now: FUNCTION };
  const read = readSourceOptions(options, rules);
  const now = readClock(read.now);
  return async (ask) => {
    if (ask.claims !== undefined) throw tokenError(SOURCE, "it cannot answer a claims challenge", { hint: "sign in again: az logout, then az login" });
    const ended = await runAz(read.command ?? "az", argumentsFor(read, ask), { signal: ask.signal, timeoutMs: read.timeoutMs ?? 10_000 });
    const at = now();
    return unexpired(SOURCE, readToken(SOURCE, { body: outputOf(ended) }, (fields) => readCliToken(fields, at)), at);
  };
}

/** The words of the command line after its name. */
export function argumentsFor({ tenantId, subscription }: AzureFromCliOptions, ask: CredentialAsk): string[] {
  const resource = scopeOf(SOURCE, ask).replace(/\/\.default$/, "");
  const tenant = tenantId ?? ask.tenantId;
  if (!RESOURCE.test(resource) || (tenant !== undefined && !TENANT.test(tenant))) throw tokenError(SOURCE, "the scope or the tenant has characters that it cannot have");
  const args = ["account", "get-access-token", "--output", "json", "--resource", resource];
  if (tenant !== undefined) args.push("--tenant", tenant);
  if (subscription !== undefined) args.push("--subscription", subscription);
  return args;
}

/** Not the current folder, where `cmd.exe` and a `PATH` with a dot in it would look for the program first. */
function runAz(command: string, args: readonly string[], limits: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<Ended> {
  if (process.platform !== "win32") return run(command, args, { ...limits, maxBytes: MAX_BYTES, cwd: "/" });
  const cwd = process.env.SystemRoot ?? "C:\\Windows";
  return run(`${cwd}\\System32\\cmd.exe`, windowsArguments(command, args), { ...limits, maxBytes: MAX_BYTES, cwd, verbatim: true });
}

/** A batch file needs `cmd.exe`; the only character of an argument that it would split at is a blank. */
export function windowsArguments(command: string, args: readonly string[]): string[] {
  if (!/^[\w.-]+$/.test(command)) throw tokenError(SOURCE, "on Windows the command must be a name");
  return ["/d", "/s", "/c", `"${[command, ...args.map((arg) => (arg.includes(" ") ? `"${arg}"` : arg))].join(" ")}"`];
}

/** What it printed, as JSON. Its errors are looked at, and never shown. */
function outputOf(ended: Ended): unknown {
  if (ended.how !== "done") throw NOT_DONE[ended.how]();
  const { code, output, errors } = ended;
  if (code !== 0) throw refusalOf(errors);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(output)) as unknown;
  } catch {
    throw tokenError(SOURCE, "az did not print one JSON text");
  }
}

const NOT_DONE: Readonly<Record<Exclude<Ended["how"], "done">, () => Error>> = {
  "not-found": () => new NotConfiguredError(`${SOURCE}: az is not installed`),
  "not-started": () => tokenError(SOURCE, "az could not be started"),
  "too-long": () => tokenError(SOURCE, "az took too long", { retryable: true, hint: "give the call a longer timeoutMs" }),
  "too-large": () => tokenError(SOURCE, `az printed more than ${MAX_BYTES} bytes`),
  aborted: () => tokenError(SOURCE, "az was still running when the call ended", { retryable: true, hint: "give the call a longer timeoutMs" }),
};

/** As the vendor's client reads them: who is not signed in has not set this source up; who must consent to a scope has. */
function refusalOf(errors: string): Error {
  if (/az:.*not found|is not recognized/.test(errors)) return NOT_DONE["not-found"]();
  if (/az login/.test(errors) && !/az login[^\n]* --scope/.test(errors)) return new NotConfiguredError(`${SOURCE}: nobody is signed in; run az login`);
  return tokenError(SOURCE, "az refuses", { hint: "run az account get-access-token by hand to see what it says" });
}

function readCliToken(fields: Fields, now: number): { readonly token: string; readonly expiresAt: Date } {
  const type = member(fields, "tokenType");
  if (type !== undefined && String(type).toLowerCase() !== "bearer") throw invalidAnswer("tokenType is not Bearer");
  return { token: requiredSecret(fields, "accessToken"), expiresAt: endsAt(endOf(fields), now) };
}

/** `expires_on` is Unix time, since version 2.54; `expiresOn` is the wall clock of this machine, and an hour of the year is in it twice. */
function endOf(fields: Fields): number {
  const seconds = optionalSeconds(fields, "expires_on", { text: true });
  if (seconds !== undefined) return seconds * 1000;
  const [, day, time] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,9})?$/.exec(String(member(fields, "expiresOn"))) ?? [];
  const local = Date.parse(`${day}T${time}`);
  if (Number.isNaN(local)) throw invalidAnswer("neither expires_on nor expiresOn is a time");
  return local;
}
