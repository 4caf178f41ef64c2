/** Strict base 16 (RFC 4648 section 8). */
import { asBytes, invalidEncoding, textOf, type Bytes } from "./bytes.js";


/**
 * Bytes as lower-case hex, two characters a byte.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `bytes` is not a `Uint8Array`
 * @see RFC 4648 section 8
 * @example
 * ```ts
 * encodeHex(Uint8Array.of(1, 171)); // "01ab"
 * ```
 */
export function encodeHex(bytes: Uint8Array): string {
  const source = asBytes(bytes, "bytes");
  const codes = new Uint8Array(source.length * 2);
  for (let index = 0; index < source.length; index += 1) {
    const byte = source[index] as number;
    codes[2 * index] = digitCode(byte >> 4);
    codes[2 * index + 1] = digitCode(byte & 15);
  }
  return textOf(codes);
}

/**
 * The bytes of a hex text, in either case. Refused are values that are no string, an odd length, and every other character.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, never quoting the text
 * @see RFC 4648 section 8
 * @example
 * ```ts
 * decodeHex("01AB"); // Uint8Array [1, 171]
 * ```
 */
export function decodeHex(text: string): Bytes {
  if (typeof text !== "string" || text.length % 2 !== 0) throw invalidEncoding("hex");
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < text.length; index += 1) {
    const digit = digitValue(text.charCodeAt(index));
    if (digit === undefined) throw invalidEncoding("hex");
    // The even characters are the high halves; a byte array keeps the low 8 bits.
    bytes[index >> 1] = ((bytes[index >> 1] as number) << 4) | digit;
  }
  return bytes;
}

/** `0` is 48, `a` is 97. */
function digitCode(digit: number): number {
  return digit < 10 ? 48 + digit : 87 + digit;
}

function digitValue(code: number): number | undefined {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32; // the bit that tells ASCII letters' cases apart
  return lower >= 97 && lower <= 102 ? lower - 87 : undefined;
}
