/**
 * The little DER (X.690 section 10) that signatures and public keys need: how it is written. A value has one form in DER,
 * so what is read is taken only if it is what would be written. Internal.
 */
import { concatBytes, type Bytes } from "./bytes.js";

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const SEQUENCE = 0x30;

/** The element with that tag and the parts as content, at most 65,535 bytes together. */
export function writeElement(tag: number, ...parts: readonly ArrayLike<number>[]): Bytes {
  const content = concatBytes(...parts);
  const { length } = content;
  return concatBytes(length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length], content);
}

/** A SEQUENCE of INTEGERs from big-endian magnitudes of any width. */
export function writeIntegers(...magnitudes: readonly Bytes[]): Bytes {
  return writeElement(SEQUENCE, ...magnitudes.map(writeInteger));
}

/** In the fewest octets, with a zero in front where the first bit would say "negative" (X.690 section 8.3). */
function writeInteger(magnitude: Bytes): Bytes {
  const octets = magnitude.subarray(magnitude.findIndex((octet) => octet > 0)); // -1, the last octet, for the number 0
  return writeElement(INTEGER, (octets[0] as number) < 0x80 ? [] : [0], octets);
}
