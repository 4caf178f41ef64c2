/** The two forms of an ECDSA signature: DER (RFC 3279 section 2.2.3) and IEEE P1363, which is what JOSE uses (RFC 7518 section 3.4). */
import { COORDINATE_BYTES, type EcCurve } from "../algorithms.js";
import { decodeBase64 } from "./base64.js";
import { concatBytes, invalidEncoding, type Bytes } from "./bytes.js";
import { INTEGER, SEQUENCE, writeIntegers } from "./der.js";

/** The order n of each group in base64, with the hexadecimal beside it. NIST SP 800-186 section 3.2.1; SEC 2 section 2.4.1. */
const ORDERS: Readonly<Record<EcCurve, string>> = {
  // ffffffff 00000000 ffffffff ffffffff bce6faad a7179e84 f3b9cac2 fc632551
  "P-256": "/////wAAAAD//////////7zm+q2nF56E87nKwvxjJVE=",
  // ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff c7634d81 f4372ddf 581a0db2 48b0a77a ecec196a ccc52973
  "P-384": "////////////////////////////////x2NNgfQ3Ld9YGg2ySLCneuzsGWrMxSlz",
  // 01ff and 31 times ff, then fa 51868783 bf2f966b 7fcc0148 f709a5d0 3bb5c9b8 899c47ae bb6fb71e 91386409
  "P-521": "Af//////////////////////////////////////////+lGGh4O/L5Zrf8wBSPcJpdA7tcm4iZxHrrtvtx6ROGQJ",
  // ffffffff ffffffff ffffffff fffffffe baaedce6 af48a03b bfd25e8c d0364141
  secp256k1: "/////////////////////rqu3OavSKA7v9JejNA2QUE=",
};

/**
 * A signature from DER to P1363, or undefined when the bytes are none. Only the one DER form of two non-negative integers is
 * taken, and each must fit its half; whether they are in range is another question.
 *
 * @see RFC 3279 section 2.2.3 (Ecdsa-Sig-Value), X.690 section 10
 */
export function readEcdsaDer(der: Bytes, curve: EcCurve): Bytes | undefined {
  const width = COORDINATE_BYTES[curve];
  const signature = new Uint8Array(2 * width);
  // Two integers of P-521 can be 128 bytes or more, whose length then takes a second octet; each one is below that.
  let at = der[1] === 0x81 ? 3 : 2;
  const rest = der.length - at;
  if (der[0] !== SEQUENCE || der[at - 1] !== rest || rest > 0x7f !== at > 2) return undefined;
  for (const end of [width, 2 * width]) {
    const start = at + 2;
    const length = der[at + 1] as number;
    // A first bit that is set says "negative"; a zero in front is there for no other reason (X.690 section 8.3).
    const zeros = der[start] === 0 ? 1 : 0;
    const isMinimal = !zeros || length === 1 || (der[start + 1] as number) > 0x7f;
    if (der[at] !== INTEGER || !length || (der[start] as number) > 0x7f || !isMinimal || length - zeros > width) return undefined;
    at = start + length;
    signature.set(der.subarray(start + zeros, at), end - length + zeros);
  }
  return at === der.length ? signature : undefined;
}

/**
 * A signature from P1363 to DER.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when the length is not the curve's
 */
export function ecdsaP1363ToDer(signature: Bytes, curve: EcCurve): Bytes {
  const width = COORDINATE_BYTES[curve];
  if (signature.length !== 2 * width) throw invalidEncoding(`signature for ${curve}`);
  return writeIntegers(signature.subarray(0, width), signature.subarray(width));
}

/**
 * The same P1363 signature, whose r and s are in range, with its s in the lower half: n - s is as valid as s, and some
 * protocols allow one only.
 *
 * @see SEC 1 section 4.1.4 (both values verify); BIP 62 and BIP 146 (low s)
 */
export function normalizeLowS(signature: Bytes, curve: EcCurve): Bytes {
  const width = COORDINATE_BYTES[curve];
  const s = signature.subarray(width);
  const other = decodeBase64(ORDERS[curve]);
  let borrow = 0;
  for (let at = width - 1; at >= 0; at -= 1) {
    const difference = (other[at] as number) - (s[at] as number) - borrow;
    other[at] = difference; // a byte array keeps the low 8 bits
    borrow = difference < 0 ? 1 : 0;
  }
  return concatBytes(signature.subarray(0, width), isBelow(other, s) ? other : s);
}

/**
 * Whether a P1363 signature has the curve's length, and r and s are in [1, n-1]. Each verifier must check this first
 * (FIPS 186-5 section 6.4.2); one that did not took 0 for a valid signature of everything (CVE-2022-21449).
 */
export function isEcdsaInRange(signature: Bytes, curve: EcCurve): boolean {
  const width = COORDINATE_BYTES[curve];
  const order = decodeBase64(ORDERS[curve]);
  const halves = [signature.subarray(0, width), signature.subarray(width)];
  return signature.length === 2 * width && halves.every((half) => half.some(Boolean) && isBelow(half, order));
}

/** Whether a big-endian number is below another of the same width. Equal ones differ nowhere, and undefined is below nothing. */
function isBelow(a: Bytes, b: Bytes): boolean {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return (a[at] as number) < (b[at] as number);
}
