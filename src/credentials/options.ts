/** Reads the options of a credential source: once, own members only, and nothing unknown. */
import { isTimeout, readOptions, throwProblems } from "../options.js";

/** What an option may be, and how a problem says so. */
export type OptionRule = readonly [fits: (value: unknown) => boolean, what: string];

export const FUNCTION: OptionRule = [(value) => typeof value === "function", "a function"];
export const OBJECT: OptionRule = [(value) => typeof value === "object" && value !== null, "an object"];
/** Not empty, in one line. */
export const TEXT: OptionRule = [(value) => typeof value === "string" && /^[^\p{Cc}\p{Cs}]+$/u.test(value), "a text in one line"];
export const BOOLEAN: OptionRule = [(value) => typeof value === "boolean", "true or false"];
export const TIMEOUT: OptionRule = [isTimeout, "a number of milliseconds"];

/** The options that every source which asks over HTTP takes. */
export const HTTP_OPTIONS = { env: OBJECT, fetch: FUNCTION, now: FUNCTION, timeoutMs: TIMEOUT } as const;

/** A rule for a text that must match as a whole. */
export function matching(pattern: RegExp, what: string): OptionRule {
  return [(value) => typeof value === "string" && pattern.test(value), what];
}

/** A rule for one of some words. */
export function oneOf(words: readonly string[]): OptionRule {
  return [(value) => words.includes(value as string), `one of ${words.join(", ")}`];
}

/**
 * The options as an object without a prototype. `own` finds problems that concern several of them.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem
 */
export function readSourceOptions<T>(
  given: T | undefined,
  rules: Readonly<Record<string, OptionRule>>,
  { required = [], own }: { readonly required?: readonly string[]; readonly own?: (read: Readonly<Record<string, unknown>>) => string[] } = {},
): T {
  const problems: string[] = [];
  const names = Object.keys(rules);
  const read = readOptions(given, names, problems);
  for (const name of names) {
    const [fits, what] = rules[name] as OptionRule;
    if (read[name] === undefined ? required.includes(name) : !fits(read[name])) problems.push(`${name} must be ${what}`);
  }
  throwProblems([...problems, ...(own?.(read) ?? [])]);
  return read as T;
}
