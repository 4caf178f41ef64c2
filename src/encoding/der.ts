/**
 * The little DER (X.690 section 10) that signatures and public keys need. A value has one form in DER, so the reader is
 * lax: whoever calls it writes what was read anew, and takes it only if that gives the same bytes. Internal.
 */
import { concatBytes, type Bytes } from "./bytes.js";

const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const SEQUENCE = 0x30;

/** The element with that tag and the parts as content, at most 65,535 bytes together. */
export function writeElement(tag: number, ...parts: readonly ArrayLike<number>[]): Bytes {
  const length = parts.reduce((total, part) => total + part.length, 0);
  const header = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length];
  return concatBytes(header, ...parts);
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

/**
 * The contents of the first two elements in a SEQUENCE, as views; what is missing is empty. Tags, the form of lengths
 * and what follows are not looked at.
 */
export function readPair(bytes: Bytes): [first: Bytes, second: Bytes] {
  const [sequence] = split(bytes);
  const [first, rest] = split(sequence);
  return [first, split(rest)[0]];
}

/** The content of the first element, and what follows it. */
function split(bytes: Bytes): [content: Bytes, rest: Bytes] {
  let start = 2;
  let length = bytes[1] ?? 0;
  if (length >= 0x80) {
    start = length - 0x7e; // after the octets of the length, which are counted in the low 7 bits
    length = bytes.subarray(2, start).reduce((total, octet) => total * 256 + octet, 0);
  }
  return [bytes.subarray(start, start + length), bytes.subarray(start + length)];
}
