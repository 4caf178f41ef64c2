/** The strict check of public keys: one key has one form, and what cannot be a key is none (RFC 7517, 7518, 8037, 8812). */
import { COORDINATE_BYTES, isEcCurve, type EcCurve, type KeyType } from "../algorithms.js";
import { decodeBase64, decodeBase64Url, encodeBase64Url } from "../encoding/base64.js";
import { bitLength, toBigInt, type Bytes } from "../encoding/bytes.js";
import { ValidationError } from "../errors.js";
import { subtleCrypto } from "../hasher.js";
import type { PublicJwk } from "./types.js";

/** Private members of every key type (RFC 7518 sections 6.2.2, 6.3.2, 6.4; RFC 8037 section 2), and the one that makes a key set. */
const FORBIDDEN = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "keys"] as const;

/** The own members of what was passed, without a prototype. */
export type Members = Readonly<Record<string, unknown>>;

/** What this module made: checked, and frozen, so that it stays so. */
const checked = /* @__PURE__ */ new WeakSet<object>();

/**
 * What `parseJwk` does with a value that is no text, but for `key_ops`, which keys from our own code do not have.
 *
 * @param readMore gives further members to keep, checked
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK`
 */
export function checkJwk(value: unknown, readMore?: (members: Members) => object): PublicJwk {
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
  checked.add(Object.freeze(Object.assign(jwk, readMore?.(members))));
  return jwk as unknown as PublicJwk;
}

/** Only the members that make the key, without `kid`, `alg`, `use` and `key_ops`. */
export function bareJwk({ kid, alg, use, key_ops, ...key }: PublicJwk): PublicJwk {
  return key as PublicJwk;
}

/**
 * `RSA-` and the bits of the modulus, the name of the curve, or `Ed25519`.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK` when the key is none
 * @see RFC 7518 section 6
 * @example
 * ```ts
 * keyTypeOf(jwk); // "RSA-2048", "P-256", "Ed25519"
 * ```
 */
export function keyTypeOf(jwk: PublicJwk): KeyType {
  const key = checkJwk(jwk);
  return key.kty === "RSA" ? `RSA-${bitLength(decodeBase64Url(key.n))}` : key.crv;
}

/** The required members of all key types in lexical order (RFC 7638 section 3.2, RFC 8037 section 2). */
const REQUIRED = ["crv", "e", "kty", "n", "x", "y"];

/**
 * The SHA-256 thumbprint of a public key as base64url, 43 characters: a name for the key that anyone can compute. Members
 * such as `kid` and `alg` do not count.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK` when the key is none
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` when the runtime has no WebCrypto
 * @see RFC 7638 section 3
 * @example
 * ```ts
 * const kid = await jwkThumbprint(parseJwk(text));
 * ```
 */
export async function jwkThumbprint(jwk: PublicJwk): Promise<string> {
  // Without a prototype, where JSON.stringify would ask a polluted one for toJSON. It keeps to the order of the names, and
  // the values are names of ours and base64url, in which it escapes nothing.
  const canonical = JSON.stringify({ __proto__: null, ...checkJwk(jwk) }, REQUIRED);
  return encodeBase64Url(new Uint8Array(await subtleCrypto().digest("SHA-256", new TextEncoder().encode(canonical))));
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
  const isEc = kty === "EC" && isEcCurve(crv);
  if (!isEc && (kty !== "OKP" || crv !== "Ed25519")) throw invalidJwk("kty or crv is not supported");
  const x = decode(members, "x");
  if (!(isEc ? isOnCurve(crv, x, decode(members, "y")) : isEd25519Point(x))) throw invalidJwk("no point of the curve");
  return isEc ? ["kty", "crv", "x", "y"] : ["kty", "crv", "x"];
}

/** An odd number in the fewest bytes. */
function checkOdd(members: Members, name: string, least: number, most: number): void {
  const bytes = decode(members, name);
  const bits = bitLength(bytes);
  if (bytes[0] === 0 || !((bytes.at(-1) as number) & 1) || bits < least || bits > most) {
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

/** The one error for what is no public key; the reason is a text of ours. */
export function invalidJwk(reason: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_JWK", `JWK: ${reason}`);
}

// Whether the numbers of a key are a point of its curve. This is a check on public values and no cipher; WebCrypto cannot be
// left to make it, for not every runtime does.

/** The equation of a curve: y² = x³ + ax + b modulo the prime p; a is -3, and 0 on secp256k1. */
interface Weierstrass {
  readonly p: bigint;
  /** In base64, with the hexadecimal above it. */
  readonly b: string;
}

/** NIST SP 800-186 section 3.2.1; SEC 2 section 2.4.1. */
const CURVES: Readonly<Record<EcCurve, Weierstrass>> = {
  "P-256": {
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    // 5ac635d8 aa3a93e7 b3ebbd55 769886bc 651d06b0 cc53b0f6 3bce3c3e 27d2604b
    b: "WsY12Ko6k+ez671VdpiGvGUdBrDMU7D2O848PifSYEs=",
  },
  "P-384": {
    p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
    // b3312fa7 e23ee7e4 988e056b e3f82d19 181d9c6e fe814112 0314088f 5013875a c656398d 8a2ed19d 2a85c8ed d3ec2aef
    b: "szEvp+I+5+SYjgVr4/gtGRgdnG7+gUESAxQIj1ATh1rGVjmNii7RnSqFyO3T7Crv",
  },
  "P-521": {
    p: 0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffn,
    // 0051 953eb961 8e1c9a1f 929a21a0 b68540ee a2da725b 99b315f3 b8b48991 8ef109e1 56193951 ec7e937b 1652c0bd 3bb1bf07 3573df88 3d2c34f1 ef451fd4 6b503f00
    b: "AFGVPrlhjhyaH5KaIaC2hUDuotpyW5mzFfO4tImRjvEJ4VYZOVHsfpN7FlLAvTuxvwc1c9+IPSw08e9FH9RrUD8A",
  },
  secp256k1: { p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn, b: "Bw==" }, // 7
};

/**
 * SEC 1 section 3.2.2.1: both coordinates as wide as the field, below p, and on the curve. The cofactor of all four is 1,
 * so that every point is in the group; the point at infinity has no coordinates.
 */
function isOnCurve(curve: EcCurve, ...coordinates: readonly [x: Bytes, y: Bytes]): boolean {
  if (coordinates.some(({ length }) => length !== COORDINATE_BYTES[curve])) return false;
  const { p, b } = CURVES[curve];
  const [x, y, constant] = [...coordinates, decodeBase64(b)].map(toBigInt) as [bigint, bigint, bigint];
  const a = curve === "secp256k1" ? 0n : -3n;
  return x < p && y < p && (y * y - (x * x * x + a * x + constant)) % p === 0n;
}

/** RFC 8032 section 5.1: p = 2²⁵⁵ - 19. */
const P = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffedn;

/**
 * Whether an Ed25519 key is a point that RFC 8032 section 5.1.3 decodes, and not of small order: with such a key one
 * signature is valid for many messages. (WebCrypto, "Ed25519, verify" asks for the same, and runtimes import these keys.)
 * The sign bit excludes no more: x = 0, the only x without a second sign, has small order.
 */
function isEd25519Point(key: Bytes): boolean {
  if (key.length !== 32) return false;
  // Little-endian, with the sign of x in the highest bit (RFC 8032 section 5.1.2).
  const y = BigInt.asUintN(255, toBigInt(key.slice().reverse()));
  // The curve -x² + y² = 1 + dx²y², with d = -121665/121666, says x² = u/v for u = y² - 1 and v = (121666 - 121665 y²)/121666.
  const t = (y * y) % P;
  const u = t - 1n;
  // u/v has a root when 121666² uv has one, which Euler's criterion tells: z^((p-1)/2) = 1, that is z^(2²⁵⁴) = z¹⁰.
  const z = (121666n * u * (121666n - 121665n * t)) % P;
  let square = z;
  for (let times = 0; times < 254; times += 1) square = (square * square) % P;
  // Small order have y = 0, y = ±1, where z = 0, and what doubles to y = 0: there x² = -y², so that 121666 u² = y⁴.
  return y > 0n && y < P && z !== 0n && square === z ** 10n % P && (121666n * u * u - t * t) % P !== 0n;
}
