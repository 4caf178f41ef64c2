/** Between big-endian bytes and integers, for checks on public numbers. Not constant in time, and used on nothing secret. */
import { concatBytes, type Bytes } from "./bytes.js";

/** The unsigned big-endian integer; 0 for no bytes. By 8 bytes at a time, for each signature is looked at with this. */
export function toBigInt(bytes: Uint8Array): bigint {
  const { buffer, byteOffset, length } = bytes.length % 8 === 0 ? bytes : concatBytes(new Uint8Array(-bytes.length & 7), bytes);
  const words = new DataView(buffer, byteOffset, length);
  let value = 0n;
  for (let at = 0; at < words.byteLength; at += 8) value = (value << 64n) | words.getBigUint64(at);
  return value;
}

/** A non-negative integer as big-endian bytes of that length, which must be enough. */
export function fromBigInt(value: bigint, length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = length, rest = value; at > 0; rest >>= 8n) bytes[--at] = Number(rest & 255n);
  return bytes;
}

/** Bits of the big-endian integer, whose first byte is not 0. */
export function bitLength(bytes: Uint8Array): number {
  return bytes.length * 8 - (Math.clz32(bytes[0] ?? 0) - 24); // clz32 counts in 32 bits, a byte has 8
}
