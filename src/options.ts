/** Reads an options object once: own properties only, and nothing unknown. */
import { ConfigError } from "./errors.js";

/** What was found, without a prototype; absent and `undefined` are the same. */
export type ReadOptions = Readonly<Record<string, unknown>>;

/**
 * Copies the named own properties of an options object. An unknown one, or something that is no object, is a problem, for
 * a misspelt option is one that does not protect.
 */
export function readOptions(value: unknown, names: readonly string[], problems: string[]): ReadOptions {
  const read = Object.create(null) as Record<string, unknown>;
  if (value === undefined) return read;
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

/** A value for a message: a short text with nothing in it but plain characters, a number, or else its type only. */
export function printable(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return `(${value === null ? "null" : typeof value})`;
  const plain = value.slice(0, 64).replace(/[^\w./:@+-]/g, "?");
  return `"${plain}${value.length > 64 ? "…" : ""}"`;
}

/** The option `now`: one that throws, or gives no number, is passed over for the platform's clock. */
export function readClock(now: (() => number) | undefined): () => number {
  return guarded(now, Date.now, Number.isFinite);
}

/** The option `random`: one that throws, or gives no number in [0, 1), is passed over for the platform's. */
export function readRandom(random: (() => number) | undefined): () => number {
  return guarded(random, Math.random, (value) => value >= 0 && value < 1);
}

function guarded(given: (() => number) | undefined, own: () => number, fits: (value: number) => boolean): () => number {
  if (given === undefined) return own;
  return () => {
    try {
      const value = given();
      return fits(value) ? value : own();
    } catch {
      return own();
    }
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
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  throw new ConfigError("ERR_KMS_CONFIG", `the configuration has ${count}: ${problems.join("; ")}`, { problems });
}
