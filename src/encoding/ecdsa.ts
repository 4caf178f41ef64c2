/** The two forms of an ECDSA signature: DER (RFC 3279 section 2.2.3) and IEEE P1363, which is what JOSE uses (RFC 7518 section 3.4). */
import type { EcCurve } from "../algorithms.js";
import { ValidationError } from "../errors.js";
import { fromBigInt, toBigInt } from "./bigint.js";
import { asBytes, concatBytes, type Bytes } from "./bytes.js";
import { assertEnd, readInteger, readSequence, SEQUENCE, writeElement, writeInteger } from "./der.js";
import { invalidEncoding } from "./invalid.js";

interface Group {
  /** Bytes of each half of a P1363 signature. */
  readonly width: number;
  /** The group's order n: r and s are in [1, n-1]. */
  readonly order: bigint;
}

/** NIST SP 800-186 section 3.2.1; SEC 2 section 2.4.1. Without a prototype, so that `__proto__` finds nothing. */
const GROUPS: Readonly<Record<string, Group>> = {
  __proto__: null as never,
  "P-256": { width: 32, order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n },
  "P-384": {
    width: 48,
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  "P-521": {
    width: 66,
    order:
      0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
  secp256k1: { width: 32, order: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n },
} satisfies Record<EcCurve | "__proto__", Group>;

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
  const { width } = groupOf(curve);
  const r = readInteger(readSequence(asBytes(der, "der")));
  const s = readInteger(r.rest);
  assertEnd(s.rest);
  if (r.content.length > width || s.content.length > width) throw invalidEncoding("ECDSA signature: r or s is wider than the curve");
  const signature = new Uint8Array(2 * width);
  signature.set(r.content, width - r.content.length);
  signature.set(s.content, 2 * width - s.content.length);
  return signature;
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
  const [r, s] = halves(asBytes(signature, "signature"), groupOf(curve));
  return writeElement(SEQUENCE, writeInteger(r), writeInteger(s));
}

/**
 * The same P1363 signature with its s in the lower half: n - s is as valid as s, and some protocols allow one only.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when the length is not the curve's, or r or s not in [1, n-1]
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `signature` is not a `Uint8Array`, or the curve is unknown
 * @see SEC 1 section 4.1.4 (both values verify); BIP 62 and BIP 146 (low s)
 */
export function normalizeLowS(signature: Uint8Array, curve: EcCurve): Bytes {
  const { width, order } = groupOf(curve);
  const bytes = asBytes(signature, "signature");
  if (!isEcdsaInRange(bytes, curve)) throw invalidEncoding("ECDSA signature: r or s is not in [1, n-1]");
  const s = toBigInt(bytes.subarray(width));
  const lowS = s > order >> 1n ? order - s : s;
  return concatBytes(bytes.subarray(0, width), fromBigInt(lowS, width));
}

/**
 * Whether a P1363 signature has the curve's length, and r and s are in [1, n-1]. Each verifier must check this first
 * (FIPS 186-5 section 6.4.2); one that did not took 0 for a valid signature of everything (CVE-2022-21449).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when the curve is unknown
 */
export function isEcdsaInRange(signature: Bytes, curve: EcCurve): boolean {
  const group = groupOf(curve);
  if (signature.length !== 2 * group.width) return false;
  return halves(signature, group)
    .map(toBigInt)
    .every((value) => value > 0n && value < group.order);
}

function halves(signature: Bytes, { width }: Group): [r: Bytes, s: Bytes] {
  if (signature.length !== 2 * width) throw invalidEncoding("ECDSA signature: the length is not that of the curve");
  return [signature.subarray(0, width), signature.subarray(width)];
}

function groupOf(curve: EcCurve): Group {
  const group = typeof curve === "string" ? GROUPS[curve] : undefined;
  if (group === undefined) {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "the curve must be P-256, P-384, P-521 or secp256k1");
  }
  return group;
}
