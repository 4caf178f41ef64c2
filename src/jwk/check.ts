/** The strict check of public keys: one key has one form, and what cannot be a key is none (RFC 7517, 7518, 8037, 8812). */
import { isEcCurve } from "../algorithms.js";
import { decodeBase64Url } from "../encoding/base64.js";
import { bitLength } from "../encoding/bigint.js";
import type { Bytes } from "../encoding/bytes.js";
import { ValidationError } from "../errors.js";
import { isEd25519Point, isOnCurve } from "./curves.js";
import type { PublicJwk } from "./types.js";

/** Private members of every key type (RFC 7518 sections 6.2.2, 6.3.2, 6.4; RFC 8037 section 2), and the one that makes a key set. */
const FORBIDDEN = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "keys"] as const;

/** The own members of what was passed, without a prototype. */
type Members = Readonly<Record<string, unknown>>;

/** What this module made: checked, and frozen, so that it stays so. */
const checked = /* @__PURE__ */ new WeakSet<object>();

/**
 * What `parseJwk` does with a value that is no text, for keys that come from our own code.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK`
 */
export function checkJwk(value: unknown): PublicJwk {
  if (checked.has(value as object)) return value as PublicJwk;
  const members: Members = { __proto__: null, ...(value as object) };
  const secret = FORBIDDEN.find((name) => members[name] !== undefined);
  if (secret !== undefined) throw invalidJwk(`${secret} is not for public keys`);
  const jwk: Record<string, unknown> = {};
  for (const name of [...checkKey(members), "kid", "alg", "use"]) {
    const member = members[name];
    if (typeof member === "string") jwk[name] = member;
    else if (member !== undefined) throw invalidJwk(`${name} must be a string`);
  }
  if (members.key_ops !== undefined) jwk.key_ops = readOperations(members.key_ops);
  checked.add(Object.freeze(jwk));
  return jwk as unknown as PublicJwk;
}

/** Only the members that make the key, without `kid`, `alg`, `use` and `key_ops`. */
export function bareJwk({ kid, alg, use, key_ops, ...key }: PublicJwk): PublicJwk {
  return key as PublicJwk;
}

/** Checks what makes the key, and names the members that do. */
function checkKey(members: Members): readonly string[] {
  const { kty, crv } = members;
  if (kty === "RSA") {
    // RFC 7518 section 3.3 asks for 2,048 bits or more; above 8,192 not every WebCrypto follows.
    checkOdd(members, "n", 2048, 8192);
    // RFC 8017 section 3.1: at least 3, and coprime to an even number. 33 bits are what BoringSSL takes, and no key in
    // use exceeds: a huge exponent only makes each verification slow.
    checkOdd(members, "e", 2, 33);
    return ["kty", "n", "e"];
  }
  if (kty === "EC" && isEcCurve(crv)) {
    if (!isOnCurve(crv, decode(members, "x"), decode(members, "y"))) throw invalidJwk("x and y are no point of the curve");
    return ["kty", "crv", "x", "y"];
  }
  if (kty !== "OKP" || crv !== "Ed25519") throw invalidJwk("kty or crv is not supported");
  if (!isEd25519Point(decode(members, "x"))) throw invalidJwk("x is no point of the curve, or one of small order");
  return ["kty", "crv", "x"];
}

/** An odd number in the fewest bytes. */
function checkOdd(members: Members, name: string, least: number, most: number): void {
  const bytes = decode(members, name);
  const bits = bitLength(bytes);
  if (bytes[0] === 0 || ((bytes.at(-1) ?? 0) & 1) === 0 || bits < least || bits > most) {
    throw invalidJwk(`${name} must be odd, of ${least} to ${most} bits, without leading zeros`);
  }
}

function decode(members: Members, name: string): Bytes {
  try {
    return decodeBase64Url(members[name] as string);
  } catch {
    throw invalidJwk(`${name} must be base64url`);
  }
}

/** RFC 7517 section 4.3: an array of strings, none twice. */
function readOperations(value: unknown): readonly unknown[] {
  const operations: readonly unknown[] = Array.isArray(value) ? [...value] : [undefined];
  if (operations.some((operation) => typeof operation !== "string") || new Set(operations).size < operations.length) {
    throw invalidJwk("key_ops must be different strings");
  }
  return Object.freeze(operations);
}

/** The one error for what is no public key; the reason is a text of ours. */
export function invalidJwk(reason: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_JWK", `JWK: ${reason}`);
}
