/** The two forms of an ECDSA signature: DER (RFC 3279 section 2.2.3) and IEEE P1363, which is what JOSE uses (RFC 7518 section 3.4). */
import { COORDINATE_BYTES, isEcCurve, type EcCurve } from "../algorithms.js";
import { ValidationError } from "../errors.js";
import { fromBigInt, toBigInt } from "./bigint.js";
import { asBytes, concatBytes, equalBytes, type Bytes } from "./bytes.js";
import { readPair, writeIntegers } from "./der.js";
import { invalidEncoding } from "./invalid.js";

/** The order n of each group. NIST SP 800-186 section 3.2.1; SEC 2 section 2.4.1. */
const ORDERS: Readonly<Record<EcCurve, bigint>> = {
  "P-256": 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  "P-384": 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  "P-521":
    0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  secp256k1: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
};

/**
 * An ECDSA signature from DER to r and s side by side, each as wide as the curve's order: 64, 96 or 132 bytes.
 *
 * Only the one DER form of two non-negative integers is taken, and each must fit its half. Whether they are in
 * [1, n-1] is a question of verification, not of encoding: `verifySignature` answers it.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `der` is not a `Uint8Array`, or the curve is unknown
 * @see RFC 3279 section 2.2.3 (Ecdsa-Sig-Value), X.690 section 10
 * @example
 * ```ts
 * const forJose = ecdsaDerToP1363(signature, "P-256"); // 64 bytes
 * ```
 */
export function ecdsaDerToP1363(der: Uint8Array, curve: EcCurve): Bytes {
  const signature = readEcdsaDer(asBytes(der, "der"), curve);
  if (signature === undefined) throw invalidEncoding("DER of a signature");
  return signature;
}

/** The same, or undefined when the bytes are none. */
export function readEcdsaDer(der: Bytes, curve: EcCurve): Bytes | undefined {
  const width = widthOf(curve);
  const signature = new Uint8Array(2 * width);
  const [r, s] = readPair(der).map((integer) => integer.subarray(-width)) as [Bytes, Bytes];
  signature.set(r, width - r.length);
  signature.set(s, 2 * width - s.length);
  // Each signature has one form in DER, and this is it only if it comes out again.
  return equalBytes(ecdsaP1363ToDer(signature, curve), der) ? signature : undefined;
}

/**
 * An ECDSA signature from r and s side by side to DER, the inverse of {@link ecdsaDerToP1363}; the range of r and s is
 * not looked at either.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when the length is not the curve's
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `signature` is not a `Uint8Array`, or the curve is unknown
 * @see RFC 7518 section 3.4, RFC 3279 section 2.2.3
 * @example
 * ```ts
 * const forOpenssl = ecdsaP1363ToDer(signature, "P-256");
 * ```
 */
export function ecdsaP1363ToDer(signature: Uint8Array, curve: EcCurve): Bytes {
  const width = widthOf(curve);
  const bytes = asBytes(signature, "signature");
  if (bytes.length !== 2 * width) throw invalidEncoding(`signature for ${curve}`);
  return writeIntegers(bytes.subarray(0, width), bytes.subarray(width));
}

/**
 * The same P1363 signature with its s in the lower half: n - s is as valid as s, and some protocols allow one only.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when the length is not the curve's, or r or s not in [1, n-1]
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `signature` is not a `Uint8Array`, or the curve is unknown
 * @see SEC 1 section 4.1.4 (both values verify); BIP 62 and BIP 146 (low s)
 */
export function normalizeLowS(signature: Uint8Array, curve: EcCurve): Bytes {
  const width = widthOf(curve);
  const order = ORDERS[curve];
  const bytes = asBytes(signature, "signature");
  if (!isEcdsaInRange(bytes, curve)) throw invalidEncoding(`signature for ${curve}`);
  const s = toBigInt(bytes.subarray(width));
  return concatBytes(bytes.subarray(0, width), fromBigInt(s > order >> 1n ? order - s : s, width));
}

/**
 * Whether a P1363 signature has the curve's length, and r and s are in [1, n-1]. Each verifier must check this first
 * (FIPS 186-5 section 6.4.2); one that did not took 0 for a valid signature of everything (CVE-2022-21449).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when the curve is unknown
 */
export function isEcdsaInRange(signature: Bytes, curve: EcCurve): boolean {
  const width = widthOf(curve);
  if (signature.length !== 2 * width) return false;
  return [signature.subarray(0, width), signature.subarray(width)].map(toBigInt).every((value) => value > 0n && value < ORDERS[curve]);
}

/** Bytes of r and of s. */
function widthOf(curve: EcCurve): number {
  if (isEcCurve(curve)) return COORDINATE_BYTES[curve];
  throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "unknown curve");
}
