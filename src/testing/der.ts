/**
 * ECDSA signatures between DER and r, s side by side, for the emulators. Written apart from `encoding`, whose conversion is
 * what the emulators help to test.
 */
import { concatBytes } from "../encoding/bytes.js";
import type { Bytes } from "../encoding/bytes.js";

/** SEQUENCE of the two INTEGERs r and s (RFC 3279 section 2.2.3) from r and s side by side. */
export function signatureToDer(signature: Bytes): Bytes {
  const half = signature.length / 2;
  return element(0x30, concatBytes(integer(signature.subarray(0, half)), integer(signature.subarray(half))));
}

/** r and s side by side, each `half` bytes, or undefined when the input is not strictly the DER of two positive integers that fit. */
export function signatureFromDer(der: Bytes, half: number): Bytes | undefined {
  const parts = readSignature(der);
  return parts === undefined || parts.extra > 0 || parts.surplus > 0 ? undefined : sideBySide(parts, half);
}

/** The content bytes of r and s, and how many bytes follow them inside the SEQUENCE, and follow the SEQUENCE. */
export interface SignatureParts {
  readonly r: Bytes;
  readonly s: Bytes;
  readonly surplus: number;
  readonly extra: number;
}

/** r and s side by side, each `half` bytes, or undefined when one is negative or too long. */
export function sideBySide(parts: SignatureParts, half: number): Bytes | undefined {
  const r = fixedLength(parts.r, half);
  const s = fixedLength(parts.s, half);
  return r && s && concatBytes(r, s);
}

/** The parts of a SEQUENCE that begins with two INTEGERs; undefined when it is not that. */
export function readSignature(der: Bytes): SignatureParts | undefined {
  const sequence = readElement(der, 0x30);
  const first = sequence && readElement(sequence.content, 0x02);
  const second = first && readElement(first.rest, 0x02);
  if (sequence === undefined || first === undefined || second === undefined) return undefined;
  if (!isMinimal(first.content) || !isMinimal(second.content)) return undefined;
  return { r: first.content, s: second.content, surplus: second.rest.length, extra: sequence.rest.length };
}

/** Minimal, positive: no leading zeros but one before a byte from 0x80 (X.690 section 8.3). */
function integer(bytes: Bytes): Bytes {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return element(0x02, (digits[0] as number) < 0x80 ? digits : concatBytes(Uint8Array.of(0), digits));
}

/** Lengths up to 255, enough for a P-521 signature (X.690 section 8.1.3). */
function element(tag: number, content: Bytes): Bytes {
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length];
  return concatBytes(Uint8Array.of(tag, ...length), content);
}

function readElement(der: Bytes, tag: number): { content: Bytes; rest: Bytes } | undefined {
  const long = der[1] === 0x81;
  const length = der[long ? 2 : 1];
  if (der[0] !== tag || length === undefined || (long ? length < 0x80 : length >= 0x80)) return undefined;
  const start = long ? 3 : 2;
  if (der.length < start + length) return undefined;
  return { content: der.subarray(start, start + length), rest: der.subarray(start + length) };
}

/** Whether the first nine bits of an integer are not all alike (X.690 section 8.3.2). */
function isMinimal([first, second]: Bytes): boolean {
  if (first === undefined) return false;
  if (second === undefined) return true;
  return !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
}

/** A positive integer in that many bytes, or undefined. */
function fixedLength(integerBytes: Bytes, length: number): Bytes | undefined {
  if ((integerBytes[0] as number) >= 0x80) return undefined;
  const digits = integerBytes[0] === 0 ? integerBytes.subarray(1) : integerBytes;
  return digits.length > length ? undefined : concatBytes(new Uint8Array(length - digits.length), digits);
}
