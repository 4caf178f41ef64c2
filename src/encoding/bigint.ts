/** Between big-endian bytes and integers, for checks on public numbers. Not constant in time, and used on nothing secret. */
import type { Bytes } from "./bytes.js";
import { decodeHex, encodeHex } from "./hex.js";

/** The unsigned big-endian integer; 0 for no bytes. */
export function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x0${encodeHex(bytes)}`);
}

/** A non-negative integer as big-endian bytes of that length, which must be enough. */
export function fromBigInt(value: bigint, length: number): Bytes {
  return decodeHex(value.toString(16).padStart(2 * length, "0"));
}

/** Bits of the big-endian integer, whose first byte is not 0. */
export function bitLength(bytes: Uint8Array): number {
  return bytes.length * 8 - (Math.clz32(bytes[0] ?? 0) - 24); // clz32 counts in 32 bits, a byte has 8
}
