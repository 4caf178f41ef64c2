/** Checked readers for the fields of a JSON answer: a value of the right type, or an error that names the field and nothing else. */
import { inWords } from "../abort.js";
import { decodeBase64, decodeBase64Url } from "../encoding/base64.js";
import type { Bytes } from "../encoding/bytes.js";
import { ProviderError, type ProviderErrorCode } from "../errors.js";

/** A JSON object. Only its own members are ever read. */
export type Fields = Readonly<Record<string, unknown>>;

/** The error for an answer that is not what the service documents. `what` is a text of ours, never of the answer. */
export function invalidAnswer(what: string): ProviderError {
  return answerError("ERR_KMS_RESPONSE_INVALID", what);
}

/** The error for an answer that speaks of something else than what was asked for. */
export function mismatchedAnswer(what: string): ProviderError {
  return answerError("ERR_KMS_KEY_MISMATCH", what);
}

function answerError(code: ProviderErrorCode, what: string): ProviderError {
  return new ProviderError(code, `${inWords(code)}: ${what}`);
}

/** The value as a JSON object. */
export function asObject(value: unknown, what = "the body"): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalidAnswer(`${what} is not an object`);
  return value as Fields;
}

/** A member, or undefined when it is absent or `null`, which means the same in an answer. */
export function member(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined;
}

function reader<T>(kind: string, accept: (value: unknown) => value is T) {
  return (fields: Fields, name: string): T | undefined => {
    const value = member(fields, name);
    if (value === undefined || accept(value)) return value;
    throw invalidAnswer(`${name} is not ${kind}`);
  };
}

export const optionalString = /* @__PURE__ */ reader("a string", (value): value is string => typeof value === "string");
export const optionalBoolean = /* @__PURE__ */ reader("a boolean", (value): value is boolean => typeof value === "boolean");
export const optionalNumber = /* @__PURE__ */ reader("a number", (value): value is number => typeof value === "number" && Number.isFinite(value));
export const optionalInteger = /* @__PURE__ */ reader("an integer", (value): value is number => Number.isSafeInteger(value));
export const optionalArray = /* @__PURE__ */ reader("an array", (value): value is readonly unknown[] => Array.isArray(value));

export function optionalObject(fields: Fields, name: string): Fields | undefined {
  const value = member(fields, name);
  return value === undefined ? undefined : asObject(value, name);
}

/** Makes a reader of a member that must be there out of one of the above. */
function required<T>(optional: (fields: Fields, name: string) => T | undefined) {
  return (fields: Fields, name: string): T => {
    const value = optional(fields, name);
    if (value === undefined) throw invalidAnswer(`${name} is missing`);
    return value;
  };
}

export const requiredString = /* @__PURE__ */ required(optionalString);
export const requiredBoolean = /* @__PURE__ */ required(optionalBoolean);
export const requiredNumber = /* @__PURE__ */ required(optionalNumber);
export const requiredInteger = /* @__PURE__ */ required(optionalInteger);
export const requiredArray = /* @__PURE__ */ required(optionalArray);
export const requiredObject = /* @__PURE__ */ required(optionalObject);

/** An array of strings; absent is empty. */
export function optionalStrings(fields: Fields, name: string): readonly string[] {
  const value = optionalArray(fields, name) ?? [];
  if (!value.every((item) => typeof item === "string")) throw invalidAnswer(`${name} is not an array of strings`);
  return value as readonly string[];
}

/** Strict base64 (RFC 4648 section 4, padded), at least one byte. */
export function requiredBase64(fields: Fields, name: string): Bytes {
  return decodeWith(decodeBase64, requiredString(fields, name), name);
}

/** Strict base64url (RFC 4648 section 5, unpadded), at least one byte. */
export function requiredBase64Url(fields: Fields, name: string): Bytes {
  return decodeWith(decodeBase64Url, requiredString(fields, name), name);
}

/** Runs a strict parser of ours on a part of an answer: what it refuses is an invalid answer. */
export function decodeWith<T>(decode: (text: string) => T, text: string, name: string): T {
  if (text === "") throw invalidAnswer(`${name} is empty`);
  try {
    return decode(text);
  } catch {
    throw invalidAnswer(`${name} is not canonical`);
  }
}

/** Seconds since 1970, a fraction allowed, as a date between 1970 and 9999. */
export function optionalTimestamp(fields: Fields, name: string): Date | undefined {
  const seconds = optionalNumber(fields, name);
  if (seconds === undefined) return undefined;
  if (seconds < 0 || seconds > 253_402_300_799) throw invalidAnswer(`${name} is not a time`);
  return new Date(Math.round(seconds * 1000));
}
