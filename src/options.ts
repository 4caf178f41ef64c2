/** Reads an options object once: own properties only, nothing unknown, and each of the kind that its name asks for. */
import { findAlgorithm } from "./algorithms.js";
import { ConfigError } from "./errors.js";
import type { Hasher } from "./hasher.js";

/** What was found, without a prototype; absent and `undefined` are the same. */
export type ReadOptions = Readonly<Record<string, unknown>>;

/**
 * Copies the named own properties of an options object. An unknown one, or something that is no object, is a problem, for
 * a misspelt option is one that does not protect.
 */
export function readOptions(value: unknown = {}, names: readonly string[], problems: string[]): ReadOptions {
  const read: Record<string, unknown> = { __proto__: null };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    problems.push("options must be an object");
    return read;
  }
  for (const name of Object.keys(value)) {
    if (names.includes(name)) {
      const option = (value as Record<string, unknown>)[name];
      if (option !== undefined) read[name] = option;
    } else {
      problems.push(`unknown option ${printable(name)}; known are ${names.join(", ")}`);
    }
  }
  return read;
}

/** What an option must be: of a type (or one of several), in other words than "a type", and what that does not say. */
type OptionRule = readonly [types: string, what?: string, fits?: (value: never) => boolean];

const FUNCTION: OptionRule = ["function"];
const FLAG: OptionRule = ["boolean"];
const TEXT: OptionRule = ["string"];

/** A name has one meaning, whether it is an option of a provider, of a manager or of a call. */
const RULES: Readonly<Record<string, OptionRule>> = {
  __proto__: null as never,
  fetch: FUNCTION,
  now: FUNCTION,
  sleep: FUNCTION,
  random: FUNCTION,
  onEvent: FUNCTION,
  allowInsecureHttp: FLAG,
  allowCustomEndpoint: FLAG,
  allowFrequent: FLAG,
  digest: FLAG,
  lowS: FLAG,
  remote: FLAG,
  keyId: TEXT,
  keyVersion: TEXT,
  credentials: ["object function", "a credential or a function", Boolean],
  env: ["object", "an object", Boolean],
  algorithm: ["string", "a JOSE name, such as ES256", (value) => findAlgorithm(value) !== undefined],
  encoding: ["string", "ieee-p1363 or der", (value) => value === "der" || value === "ieee-p1363"],
  hasher: ["object", "a Hasher", (value: Partial<Hasher> | null) => isFunction(value?.digest) && isFunction(value?.hmacSha256)],
  signal: ["object", "an AbortSignal", (value: Partial<AbortSignal> | null) => isFunction(value?.addEventListener)],
  timeoutMs: ["number", "from 1 to 2147483647", isTimeout],
  intervalMs: ["number", "at least 60000", isInterval],
  rotation: ["object", "{ intervalMs } of at least 60000", (value: { intervalMs?: unknown } | null) => String(Object.keys(value ?? {})) === "intervalMs" && isInterval(value?.intervalMs)],
  policy: ["string", "JSON text", ({ length }: string) => length <= 131_072],
  concurrency: ["number", "an integer from 1 to 64", (value: number) => Number.isInteger(value) && value >= 1 && value <= 64],
};

/** What is wrong with the values of options that were read, each saying what to change. */
export function optionProblems(read: ReadOptions): string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(read)) {
    // What has no rule may be anything.
    const [types = typeof value, what = `a ${types}`, fits] = RULES[name] ?? [];
    if (value !== undefined && (!types.includes(typeof value) || fits?.(value as never) === false)) problems.push(`${name} must be ${what}`);
  }
  return problems;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

/** Whether a value can be a time limit: what a timer of 32 bits can hold. */
export function isTimeout(value: unknown): value is number {
  return typeof value === "number" && value >= 1 && value <= 2_147_483_647;
}

function isInterval(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 60_000;
}

/** A value for a message: the start of a text, with nothing in it but plain characters, or else its type only. */
export function printable(value: unknown): string {
  return typeof value === "string" ? `"${value.slice(0, 64).replace(/[^\w./:@+-]/g, "?")}"` : `(${typeof value})`;
}

/** The option `now`: one that throws, or gives no number, is passed over for the platform's clock. */
export function readClock(now: (() => number) | undefined): () => number {
  return guarded(Date.now, Number.isFinite, now);
}

/** The option `random`: one that throws, or gives no number in [0, 1), is passed over for the platform's. */
export function readRandom(random: (() => number) | undefined): () => number {
  return guarded(Math.random, (value) => value >= 0 && value < 1, random);
}

function guarded(own: () => number, fits: (value: number) => boolean, given = own): () => number {
  return () => {
    try {
      const value = given();
      if (fits(value)) return value;
    } catch {
      // as if it had given no number
    }
    return own();
  };
}

/** Which addresses a configuration may name; what comes from code may name more than what comes from a URI or JSON. */
export interface AddressTrust {
  /** A host outside the table of the service, or a port. */
  readonly customEndpoint: boolean;
  /** http. */
  readonly insecureHttp: boolean;
}

/**
 * Throws one error for all problems, if there are any.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG`
 */
export function throwProblems(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new ConfigError("ERR_KMS_CONFIG", problems.join("; "), { problems });
}
