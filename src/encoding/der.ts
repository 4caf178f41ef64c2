/**
 * A small strict reader and writer of DER (X.690 section 10): definite and minimal lengths, minimal integers, nothing
 * left over. Internal; just what signatures and public keys need.
 */
import { concatBytes, type Bytes } from "./bytes.js";
import { invalidEncoding } from "./invalid.js";

export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const SEQUENCE = 0x30;

/** A part of the input, and what follows it. Both are views, nothing is copied. */
interface Part {
  readonly content: Bytes;
  readonly rest: Bytes;
}

/**
 * Splits the element with that tag off the start.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`
 */
export function readElement(bytes: Bytes, tag: number): Part {
  if (bytes[0] !== tag) throw invalidEncoding("DER: an element is missing or of another type");
  const { start, length } = readLength(bytes);
  if (length > bytes.length - start) throw invalidEncoding("DER: an element is cut short");
  return { content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) };
}

/**
 * The content of a SEQUENCE that is all there is.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`
 */
export function readSequence(bytes: Bytes): Bytes {
  const { content, rest } = readElement(bytes, SEQUENCE);
  assertEnd(rest);
  return content;
}

/**
 * Splits a non-negative INTEGER off the start; its content is the magnitude, without the zero octet that only says
 * "not negative" (X.690 section 8.3).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`
 */
export function readInteger(bytes: Bytes): Part {
  const { content, rest } = readElement(bytes, INTEGER);
  const [first, second] = content;
  if (first === undefined) throw invalidEncoding("DER: an integer is empty");
  if (first >= 0x80) throw invalidEncoding("DER: an integer is negative");
  if (first > 0 || second === undefined) return { content, rest };
  if (second < 0x80) throw invalidEncoding("DER: an integer has a leading zero");
  return { content: content.subarray(1), rest };
}

/**
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when something is left
 */
export function assertEnd(rest: Bytes): void {
  if (rest.length > 0) throw invalidEncoding("DER: something follows the end");
}

/** The element with that tag and the parts as content, at most 65,535 bytes together. */
export function writeElement(tag: number, ...parts: readonly Bytes[]): Bytes {
  const content = concatBytes(...parts);
  const { length } = content;
  if (length < 0x80) return concatBytes(Uint8Array.of(tag, length), content);
  if (length < 0x100) return concatBytes(Uint8Array.of(tag, 0x81, length), content);
  return concatBytes(Uint8Array.of(tag, 0x82, length >> 8, length & 0xff), content);
}

/** The INTEGER of a big-endian magnitude of any width. */
export function writeInteger(magnitude: Bytes): Bytes {
  const first = magnitude.findIndex((octet) => octet > 0);
  if (first < 0) return writeElement(INTEGER, Uint8Array.of(0));
  const sign = (magnitude[first] as number) < 0x80 ? [] : [0];
  return writeElement(INTEGER, Uint8Array.from(sign), magnitude.subarray(first));
}

/**
 * Lengths of up to two octets: nothing that is read here is longer than 65,535 bytes. Minimal (X.690 section 10.1), and
 * never indefinite. Octets that are missing make the number too small for its form.
 */
function readLength(bytes: Bytes): { start: number; length: number } {
  const first = bytes[1] ?? 0x80;
  if (first < 0x80) return { start: 2, length: first };
  const octets = first - 0x80;
  if (octets < 1 || octets > 2) throw invalidEncoding("DER: a length is indefinite or too large");
  const length = bytes.subarray(2, 2 + octets).reduce((total, octet) => total * 256 + octet, 0);
  if (length < (octets === 1 ? 0x80 : 0x100)) throw invalidEncoding("DER: a length is not in its shortest form");
  return { start: 2 + octets, length };
}
