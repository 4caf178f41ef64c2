/** Request members as typed fields, as leniently as the servers convert them, with the warnings they give. */
import { plainError } from "./answer.js";
import type { Answer } from "./answer.js";

export type FieldKind = "string" | "int" | "bool" | "duration" | "any";
export type Schema = Readonly<Record<string, FieldKind>>;

/** The fields of one request; what was not sent is undefined. Durations are seconds. */
export class Fields {
  readonly warnings: readonly string[];
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(values: ReadonlyMap<string, unknown>, warnings: readonly string[]) {
    this.#values = values;
    this.warnings = warnings;
  }

  string(name: string): string | undefined {
    return this.#values.get(name) as string | undefined;
  }

  number(name: string): number | undefined {
    return this.#values.get(name) as number | undefined;
  }

  boolean(name: string): boolean | undefined {
    return this.#values.get(name) as boolean | undefined;
  }

  any(name: string): unknown {
    return this.#values.get(name);
  }
}

/** A value that does not convert, in the server's words. */
class Unconvertible extends Error {}

/**
 * Reads members by a schema. `captured` are the parameters of the path, which win over members of the same name.
 * A `null` counts as the zero value of the field's kind.
 */
export function readFields(schema: Schema, members: Readonly<Record<string, unknown>>, captured: Readonly<Record<string, string>>): Fields | Answer {
  const values = new Map<string, unknown>();
  for (const [name, kind] of Object.entries(schema)) {
    if (!Object.hasOwn(members, name)) continue;
    try {
      values.set(name, CONVERT[kind](members[name]));
    } catch (error) {
      if (!(error instanceof Unconvertible)) throw error;
      return plainError(400, `Field validation failed: error converting input for field "${name}": ${error.message}`);
    }
  }
  // A part of the path that may be missing and is, hides a member of its name all the same.
  for (const [name, value] of Object.entries(captured)) values.set(name, value);
  return new Fields(values, warningsOf(schema, members, captured));
}

function warningsOf(schema: Schema, members: Readonly<Record<string, unknown>>, captured: Readonly<Record<string, string>>): string[] {
  const names = Object.keys(members).sort();
  const unknown = names.filter((name) => !Object.hasOwn(schema, name) && !Object.hasOwn(captured, name));
  const replaced = names.filter((name) => Object.hasOwn(captured, name));
  return [
    ...(unknown.length > 0 ? [`Endpoint ignored these unrecognized parameters: [${unknown.join(" ")}]`] : []),
    ...(replaced.length > 0
      ? [`Endpoint replaced the value of these parameters with the values captured from the endpoint's path: [${replaced.join(" ")}]`]
      : []),
  ];
}

/** Weak conversion of Go's mapstructure, as far as JSON has types. */
const CONVERT: Readonly<Record<FieldKind, (value: unknown) => unknown>> = {
  any: (value) => value ?? undefined,
  string: toText,
  int(value) {
    if (value === null || value === "") return 0;
    if (typeof value === "boolean") return Number(value);
    if (typeof value === "object") throw unconvertible("int", value);
    const number = parseInteger(String(value));
    if (number === undefined) throw new Unconvertible("'' cannot parse value as 'int': strconv.ParseInt: invalid syntax");
    if (Math.abs(number) >= 2 ** 63) throw new Unconvertible("'' cannot parse value as 'int': strconv.ParseInt: value out of range");
    return number;
  },
  bool(value) {
    if (value === null || value === "") return false;
    if (typeof value === "object") throw unconvertible("bool", value);
    const parsed = parseGoBool(String(value));
    if (parsed === undefined) throw new Unconvertible("'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax");
    return parsed;
  },
  duration(value) {
    if (value === null || value === "") return 0;
    if (typeof value === "object" || typeof value === "boolean") throw new Unconvertible("could not parse duration from input");
    const text = String(value);
    const seconds = parseDuration(text);
    if (seconds === undefined) throw new Unconvertible(durationProblem(text));
    if (seconds < 0) throw new Unconvertible(`cannot provide negative value '${seconds}'`);
    return seconds;
  },
};

function toText(value: unknown): string {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "object") throw unconvertible("string", value);
  return String(value);
}

function unconvertible(wanted: string, value: unknown): Unconvertible {
  return new Unconvertible(`'' expected type '${wanted}', got unconvertible type '${goType(value)}'`);
}

/** The name of the Go type that a JSON value is decoded to. */
export function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "object") return "map[string]interface {}";
  return ({ boolean: "bool", number: "json.Number" } as Record<string, string>)[typeof value] ?? "string";
}

/** `strconv.ParseInt` with base 0, so that `0x10` counts. */
function parseInteger(text: string): number | undefined {
  const match = /^([+-]?)(0x[0-9a-f]+|0o?[0-7]*|0b[01]+|[1-9][0-9]*)$/i.exec(text);
  if (match === null) return undefined;
  const digits = (match[2] as string).replace(/^0(?=[0-7])/, "0o");
  return (match[1] === "-" ? -1 : 1) * Number(digits);
}

/** `strconv.ParseBool`. */
export function parseGoBool(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : undefined;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds as a number, or a sum such as `1h30m`, with one sign before it; days are an addition of the servers. */
export function parseDuration(text: string): number | undefined {
  if (/^-?[0-9]+$/.test(text)) return Number(text);
  if (!/^[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:ns|us|ms|s|m|h|d))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/([0-9.]+)(ns|us|ms|s|m|h|d)/g)];
  const sum = parts.reduce((total, [, count, unit]) => total + Number(count) * (UNIT_SECONDS[unit as string] as number), 0);
  return Math.trunc(text.startsWith("-") ? -sum : sum);
}

/** What Go's `time.ParseDuration` says: it reads number and unit by turns, up to the first that is none. */
export function durationProblem(text: string): string {
  return `time: ${kindOfProblem(text)} ${JSON.stringify(text)}`;
}

function kindOfProblem(text: string): string {
  const rest = text.replace(/^[+-]/, "").replace(/^(?:[0-9.]+(?:ns|us|ms|s|m|h)(?=[0-9.]|$))+/, "");
  const unit = /^[0-9.]+([^0-9.]*)/.exec(rest)?.[1];
  if (unit === undefined) return "invalid duration";
  return unit === "" ? "missing unit in duration" : `unknown unit ${JSON.stringify(unit)} in duration`;
}
