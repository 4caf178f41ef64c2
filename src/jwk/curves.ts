/**
 * Whether the numbers of a key are a point of its curve. This is a check on public values and no cipher; WebCrypto cannot be left
 * to make it, for not every runtime does.
 */
import { COORDINATE_BYTES, type EcCurve } from "../algorithms.js";
import { toBigInt } from "../encoding/bigint.js";
import type { Bytes } from "../encoding/bytes.js";

/** The field prime p, and a and b of y² = x³ + ax + b. */
interface Weierstrass {
  readonly p: bigint;
  readonly a: bigint;
  readonly b: bigint;
}

/** NIST SP 800-186 section 3.2.1; SEC 2 section 2.4.1. */
const CURVES: Readonly<Record<EcCurve, Weierstrass>> = {
  "P-256": {
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    a: -3n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  "P-384": {
    p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
    a: -3n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  "P-521": {
    p: 0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffn,
    a: -3n,
    b: 0x051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
  secp256k1: { p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn, a: 0n, b: 7n },
};

/**
 * SEC 1 section 3.2.2.1: both coordinates as wide as the field, below p, and on the curve. The cofactor of all four is 1,
 * so that every point is in the group; the point at infinity has no coordinates.
 */
export function isOnCurve(curve: EcCurve, ...coordinates: readonly [x: Bytes, y: Bytes]): boolean {
  if (coordinates.some(({ length }) => length !== COORDINATE_BYTES[curve])) return false;
  const [x, y] = coordinates.map(toBigInt) as [bigint, bigint];
  const { p, a, b } = CURVES[curve];
  return x < p && y < p && (y * y - (x * x * x + a * x + b)) % p === 0n;
}

/** RFC 8032 section 5.1: p = 2²⁵⁵ - 19. */
const P = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffedn;

/**
 * Whether an Ed25519 key is a point that RFC 8032 section 5.1.3 decodes, and not of small order: with such a key one
 * signature is valid for many messages. (WebCrypto, "Ed25519, verify" asks for the same, and runtimes import these keys.)
 * The sign bit excludes no more: x = 0, the only x without a second sign, has small order.
 */
export function isEd25519Point(key: Bytes): boolean {
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
