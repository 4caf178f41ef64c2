/**
 * Whether two numbers are a point of a curve. This is a check on public values and no cipher; WebCrypto cannot be left
 * to make it, for not every runtime does.
 */
import type { EcCurve } from "../algorithms.js";

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
 * SEC 1 section 3.2.2.1: both coordinates below p, and on the curve. The cofactor of all four is 1, so that every point
 * is in the group; the point at infinity has no coordinates.
 */
export function isOnCurve(curve: EcCurve, x: bigint, y: bigint): boolean {
  const { p, a, b } = CURVES[curve];
  return x < p && y < p && (y * y - (x * x * x + a * x + b)) % p === 0n;
}

/** RFC 8032 section 5.1: p = 2²⁵⁵ - 19, and d of -x² + y² = 1 + dx²y². */
const P = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffedn;
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n;
/** y of a point of order 8; its negative is the other one. */
const Y_OF_ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

/**
 * Whether the y of an Ed25519 key, sign bit taken away, is one that RFC 8032 section 5.1.3 decodes, and not of small
 * order: with such a key one signature is valid for many messages. (WebCrypto, "Ed25519, verify" asks for the same, and
 * runtimes import these keys.) The sign bit excludes no more: x = 0, the only x without a second sign, has small order.
 */
export function isEd25519Point(y: bigint): boolean {
  if (y >= P) return false;
  if ([0n, 1n, P - 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8].includes(y)) return false;
  // x² = u/v has a root when uv is a square, which Euler's criterion tells. v is never 0, for -1/d is not a square.
  const u = y * y - 1n;
  const v = D * y * y + 1n;
  return power((u * v) % P, (P - 1n) / 2n) === 1n;
}

/** base ^ exponent mod P. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}
