/** Reads the JSON of a request by the shape of its operation, with the texts that the service uses for what does not fit. */
import { decodeBase64 } from "../../encoding/base64.js";
import type { Bytes } from "../../encoding/bytes.js";
import { AwsFailure, invalid } from "./failure.js";

/** One member of a request; bounds are lengths of strings, blobs and lists, and values of integers. */
export type Member =
  | (Bounded & { readonly kind: "string"; readonly pattern?: string; readonly values?: readonly string[] })
  | (Bounded & { readonly kind: "blob" | "integer" })
  | (Bounded & { readonly kind: "list"; readonly of: Member })
  | { readonly kind: "boolean"; readonly required?: boolean }
  | { readonly kind: "structure"; readonly members: Members; readonly required?: boolean };

interface Bounded {
  readonly min?: number;
  readonly max?: number;
  readonly required?: boolean;
}

export type Members = Readonly<Record<string, Member>>;

export const KEY_ID: Member = { kind: "string", min: 1, max: 2048, required: true };
export const GRANT_TOKENS: Member = { kind: "list", of: { kind: "string", min: 1, max: 8192 }, max: 10 };
export const BOOLEAN: Member = { kind: "boolean" };
export const MARKER: Member = { kind: "string", min: 1, max: 1024 };
export const MESSAGE: Member = { kind: "blob", min: 1, max: 4096, required: true };

/**
 * The members of a request, blobs decoded, unknown members left out, `null` read as absent.
 *
 * @throws {AwsFailure} `SerializationException` for a wrong JSON type, `ValidationException` with every constraint that is broken
 */
export function readMembers(members: Members, json: unknown): Record<string, unknown> {
  const read = readStructure(members, json);
  const problems: string[] = [];
  checkStructure({ members, value: read, path: "", problems });
  if (problems.length === 0) return read;
  throw invalid(`${problems.length} validation error${problems.length > 1 ? "s" : ""} detected: ${problems.join("; ")}`);
}

function readStructure(members: Members, json: unknown): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw mistyped("Unexpected token type");
  const read: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(members)) {
    const value = Object.hasOwn(json, name) ? (json as Record<string, unknown>)[name] : undefined;
    if (value !== undefined && value !== null) read[name] = readMember(member, value);
  }
  return read;
}

function readMember(member: Member, value: unknown): unknown {
  if (member.kind === "structure") return readStructure(member.members, value);
  if (member.kind === "list") {
    if (!Array.isArray(value)) throw mistyped(convertible(value, "a list"));
    return value.filter((item) => item !== null).map((item) => readMember(member.of, item));
  }
  if (Array.isArray(value)) throw mistyped("Start of list found where not expected");
  if (typeof value === "object") throw mistyped("Start of structure or map found where not expected.");
  if (member.kind === "boolean" && typeof value !== "boolean") throw mistyped(convertible(value, "a Boolean"));
  if (member.kind === "integer" && !Number.isInteger(value)) throw mistyped(convertible(value, "an Integer"));
  if (member.kind === "string" && typeof value !== "string") throw mistyped(convertible(value, "a String"));
  return member.kind === "blob" ? readBlob(value) : value;
}

function readBlob(value: unknown): Bytes {
  if (typeof value !== "string") throw mistyped(convertible(value, "a Blob"));
  try {
    return decodeBase64(value);
  } catch {
    throw mistyped("Invalid base64");
  }
}

/** Texts of the layer in front of every AWS service that speaks JSON. */
function convertible(value: unknown, wanted: string): string {
  const found = typeof value === "boolean" ? String(value).toUpperCase() : (typeof value).toUpperCase();
  return `${found}_VALUE can not be converted to ${wanted}`;
}

function mistyped(text: string): AwsFailure {
  return new AwsFailure("SerializationException", text);
}

interface Check {
  readonly members: Members;
  readonly value: Record<string, unknown>;
  readonly path: string;
  readonly problems: string[];
}

function checkStructure({ members, value, path, problems }: Check): void {
  for (const [name, member] of Object.entries(members)) {
    const at = `${path}${name.charAt(0).toLowerCase()}${name.slice(1)}`;
    const found = value[name];
    if (found !== undefined) checkMember(member, found, at, problems);
    else if (member.required === true) problems.push(problem(member, "null", at, "Member must not be null"));
  }
}

function checkMember(member: Member, value: unknown, at: string, problems: string[]): void {
  if (member.kind === "structure") {
    checkStructure({ members: member.members, value: value as Record<string, unknown>, path: `${at}.`, problems });
  } else if (member.kind === "list") {
    const items = value as unknown[];
    checkBounds(member, items.length, { shown: `'[${items.join(", ")}]'`, at, problems });
    items.forEach((item, index) => checkMember(member.of, item, `${at}.${index + 1}.member`, problems));
  } else if (member.kind !== "boolean") {
    const size = member.kind === "integer" ? (value as number) : (value as string | Bytes).length;
    checkBounds(member, size, { shown: `'${String(value)}'`, at, problems });
    if (member.kind === "string") checkText(member, value as string, at, problems);
  }
}

interface Place {
  readonly shown: string;
  readonly at: string;
  readonly problems: string[];
}

function checkBounds(member: Member & Bounded, size: number, { shown, at, problems }: Place): void {
  const noun = member.kind === "integer" ? "value" : "length";
  if (member.max !== undefined && size > member.max) {
    problems.push(problem(member, shown, at, `Member must have ${noun} less than or equal to ${member.max}`));
  }
  if (member.min !== undefined && size < member.min) {
    problems.push(problem(member, shown, at, `Member must have ${noun} greater than or equal to ${member.min}`));
  }
}

function checkText(member: Member & { kind: "string" }, value: string, at: string, problems: string[]): void {
  const shown = `'${value}'`;
  if (member.values !== undefined && !member.values.includes(value)) {
    problems.push(problem(member, shown, at, `Member must satisfy enum value set: [${member.values.join(", ")}]`));
  }
  if (member.pattern !== undefined && !new RegExp(`^(?:${member.pattern})$`).test(value)) {
    problems.push(problem(member, shown, at, `Member must satisfy regular expression pattern: ${member.pattern}`));
  }
}

/** The service repeats what was sent, except blobs. */
function problem(member: Member, shown: string, at: string, constraint: string): string {
  const value = member.kind === "blob" ? "Value" : `Value ${shown}`;
  return `${value} at '${at}' failed to satisfy constraint: ${constraint}`;
}
