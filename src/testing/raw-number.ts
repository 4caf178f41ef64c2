/** Big-number helpers of the raw signer. Slow and not constant in time: for emulated test keys only. */
import type { Bytes } from "../encoding/bytes.js";

/** Big-endian bytes as a number (RFC 8017 section 4.2, OS2IP). */
export function bytesToNumber(bytes: Uint8Array): bigint {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex === "" ? 0n : BigInt(`0x${hex}`);
}

/** A number as exactly `length` big-endian bytes (RFC 8017 section 4.1, I2OSP). */
export function numberToBytes(value: bigint, length: number): Bytes {
  const hex = value.toString(16).padStart(2 * length, "0");
  if (hex.length !== 2 * length) throw new RangeError("number too large for its field");
  return Uint8Array.from({ length }, (_, index) => Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16));
}

/** Bits of a positive number; 0 for 0. */
export function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

/** The remainder in [0, modulus): `%` keeps the sign of its left side. */
export function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** base ** exponent mod modulus, four bits of the exponent at a time. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  const powers = [1n, modulo(base, modulus)];
  while (powers.length < 16) powers.push(((powers.at(-1) as bigint) * (powers[1] as bigint)) % modulus);
  let result = 1n;
  for (const digit of exponent.toString(16)) {
    for (let square = 0; square < 4; square += 1) result = (result * result) % modulus;
    result = (result * (powers[Number.parseInt(digit, 16)] as bigint)) % modulus;
  }
  return result;
}

/** The inverse by Euclid's extended algorithm; the two arguments must have no common divisor. */
export function modInverse(value: bigint, modulus: bigint): bigint {
  let [previous, current] = [modulus, modulo(value, modulus)];
  let [previousFactor, factor] = [0n, 1n];
  while (current !== 0n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [previousFactor, factor] = [factor, previousFactor - quotient * factor];
  }
  return modulo(previousFactor, modulus);
}

/** A random number in [1, limit). 64 bits more than needed make the bias negligible (FIPS 186-5 appendix A.4.1). */
export function randomBelow(limit: bigint): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.ceil(bitLength(limit) / 8) + 8));
  return (bytesToNumber(bytes) % (limit - 1n)) + 1n;
}
