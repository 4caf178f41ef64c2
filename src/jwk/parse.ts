/** The strict parser of public keys: one key has one form, and what cannot be a key is none (RFC 7517, 7518, 8037, 8812). */
import { COORDINATE_BYTES } from "../algorithms.js";
import { decodeBase64Url } from "../encoding/base64.js";
import { bitLength, toBigInt } from "../encoding/bigint.js";
import type { Bytes } from "../encoding/bytes.js";
import { isKmsError, ValidationError } from "../errors.js";
import { isEd25519Point, isOnCurve } from "./curves.js";
import type { EcJwk, OkpJwk, PublicJwk, RsaJwk } from "./types.js";

/** Longest text taken, in UTF-16 code units; a key of 8,192 bits with a chain of certificates is well below. */
const MAX_TEXT = 65_536;
/** Longest number, in characters: 8,192 bits. */
const MAX_NUMBER = 1366;
/** RFC 7518 section 3.3 asks for 2,048 bits or more; above 8,192 not every WebCrypto follows. */
const MODULUS_BITS = { least: 2048, most: 8192 };
/** What BoringSSL takes, and no key in use exceeds: a huge exponent only makes each verification slow. */
const MAX_EXPONENT_BITS = 33;

/** Private members of every key type (RFC 7518 sections 6.2.2, 6.3.2, 6.4; RFC 8037 section 2), and the one that makes a key set. */
const FORBIDDEN = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "keys"] as const;

type Members = (name: string) => unknown;

/** Without a prototype, so that `kty: "__proto__"` finds nothing. */
const READERS: Readonly<Record<string, (member: Members) => RsaJwk | EcJwk | OkpJwk>> = {
  __proto__: null as never,
  RSA: readRsa,
  EC: readEc,
  OKP: readOkp,
};

/** What this module made: checked, and frozen, so that it stays so. */
const checked = /* @__PURE__ */ new WeakSet<object>();

/**
 * A public key from JSON text, or from a value that was parsed already, of which only own properties count.
 *
 * Refused are, besides what is no JSON and no key: a member that occurs twice (in text, where it can be seen), private
 * members, key sets, base64url that is not canonical, extra leading zeros, coordinates of another length than the
 * curve's, points off the curve, Ed25519 keys of small order, RSA moduli that are even or not of 2,048 to 8,192 bits,
 * exponents that are even, below 3 or over 33 bits, and text over 65,536 characters. Members it does not know are
 * left out (RFC 7517 section 4), as is everything inside them.
 *
 * The result is a new frozen object, recognised when it comes back: parsing it again costs nothing.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK`, naming the member and never quoting it
 * @see RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2, RFC 8812 section 3.1
 * @example
 * ```ts
 * const jwk = parseJwk('{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}');
 * ```
 */
export function parseJwk(value: unknown): PublicJwk {
  if (typeof value === "object" && value !== null && checked.has(value)) return value as PublicJwk;
  const object = typeof value === "string" ? parseText(value) : value;
  if (!isObject(object)) throw invalid("the key is not a JSON object");
  const member: Members = (name) => (Object.hasOwn(object, name) ? object[name] : undefined);
  for (const name of FORBIDDEN) {
    if (member(name) !== undefined) throw invalid(`the member ${name} must not be in a public key`);
  }
  const kty = member("kty");
  const read = typeof kty === "string" ? READERS[kty] : undefined;
  if (read === undefined) throw invalid("kty must be RSA, EC or OKP");
  const jwk = Object.freeze({ ...read(member), ...readCommon(member) });
  checked.add(jwk);
  return jwk;
}

/**
 * JSON.parse keeps the last of equal members without a word, where another parser keeps the first (RFC 8259 section 4).
 * So the members in the text are counted, as colons outside of strings and of inner values, which is safe once the
 * text is known to be JSON.
 */
function parseText(text: string): unknown {
  if (text.length > MAX_TEXT) throw invalid(`the text is longer than ${MAX_TEXT} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("the text is not JSON"); // the platform's message quotes it
  }
  if (isObject(value) && countMembers(text) !== Object.keys(value).length) throw invalid("a member occurs twice");
  return value;
}

function countMembers(json: string): number {
  let depth = 0;
  let members = 0;
  for (const character of json.replace(/"(?:[^"\\]+|\\.)*"/g, "")) {
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    else if (character === ":" && depth === 1) members += 1;
  }
  return members;
}

function readRsa(member: Members): RsaJwk {
  const n = readNumber(member, "n");
  const e = readNumber(member, "e");
  const modulusBits = bitLength(n.bytes);
  if (n.bytes[0] === 0 || e.bytes[0] === 0) throw invalid("n and e must not have leading zeros");
  if (modulusBits < MODULUS_BITS.least || modulusBits > MODULUS_BITS.most) throw invalid("n must have 2,048 to 8,192 bits");
  if (!isOdd(n.bytes)) throw invalid("n is even");
  // RFC 8017 section 3.1: e is at least 3, and coprime to an even number, so odd.
  if (!isOdd(e.bytes) || bitLength(e.bytes) < 2) throw invalid("e must be odd and at least 3");
  if (bitLength(e.bytes) > MAX_EXPONENT_BITS) throw invalid("e must have at most 33 bits");
  return { kty: "RSA", n: n.text, e: e.text };
}

function readEc(member: Members): EcJwk {
  const crv = member("crv");
  if (!isEcCurve(crv)) throw invalid("crv must be P-256, P-384, P-521 or secp256k1");
  const x = readNumber(member, "x");
  const y = readNumber(member, "y");
  const width = COORDINATE_BYTES[crv];
  if (x.bytes.length !== width || y.bytes.length !== width) throw invalid(`x and y must have ${width} bytes`);
  if (!isOnCurve(crv, toBigInt(x.bytes), toBigInt(y.bytes))) throw invalid("x and y are not a point of the curve");
  return { kty: "EC", crv, x: x.text, y: y.text };
}

function readOkp(member: Members): OkpJwk {
  const crv = member("crv");
  if (crv !== "Ed25519") throw invalid("crv must be Ed25519");
  const x = readNumber(member, "x");
  if (x.bytes.length !== 32) throw invalid("x must have 32 bytes");
  // Little-endian, with the sign of x in the highest bit (RFC 8032 section 5.1.2).
  const y = toBigInt(x.bytes.slice().reverse()) & ((1n << 255n) - 1n);
  if (!isEd25519Point(y)) throw invalid("x is not a point of the curve, or one of small order");
  return { kty: "OKP", crv, x: x.text };
}

function readCommon(member: Members): Pick<PublicJwk, "kid" | "alg" | "use" | "key_ops"> {
  const common: { kid?: string; alg?: string; use?: string; key_ops?: readonly string[] } = {};
  for (const name of ["kid", "alg", "use"] as const) {
    const value = member(name);
    if (value === undefined) continue;
    if (typeof value !== "string") throw invalid(`${name} must be a string`);
    common[name] = value;
  }
  const operations = member("key_ops");
  if (operations !== undefined) common.key_ops = readOperations(operations);
  return common;
}

/** RFC 7517 section 4.3: an array of strings, none twice. */
function readOperations(value: unknown): readonly string[] {
  const operations: readonly unknown[] = Array.isArray(value) ? Array.from(value) : [undefined];
  const strings = operations.filter((operation) => typeof operation === "string");
  if (strings.length !== operations.length) throw invalid("key_ops must be an array of strings");
  if (new Set(strings).size !== strings.length) throw invalid("key_ops has an entry twice");
  return Object.freeze(strings);
}

/** A number as its text and its bytes, at least one. */
function readNumber(member: Members, name: string): { text: string; bytes: Bytes } {
  const text = member(name);
  if (typeof text !== "string" || text === "") throw invalid(`${name} must be a string of base64url`);
  if (text.length > MAX_NUMBER) throw invalid(`${name} is too long`);
  try {
    return { text, bytes: decodeBase64Url(text) };
  } catch (error) {
    throw invalid(`${name} is not canonical base64url`, isKmsError(error) ? error : undefined);
  }
}

function isOdd(bytes: Bytes): boolean {
  return ((bytes.at(-1) ?? 0) & 1) === 1;
}

function isEcCurve(value: unknown): value is EcJwk["crv"] {
  return typeof value === "string" && Object.hasOwn(COORDINATE_BYTES, value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(reason: string, cause?: unknown): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_JWK", `JWK: ${reason}`, { cause });
}
