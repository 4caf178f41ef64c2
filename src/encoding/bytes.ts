/** Byte arrays: the type, recognising one from any realm, a few operations, and the one error of what decodes them. */
import { ValidationError } from "../errors.js";

/** A `Uint8Array` over an ordinary `ArrayBuffer`, so that it goes to WebCrypto and `Response` under TypeScript 5.6 to 7. */
export type Bytes = ReturnType<typeof Uint8Array.of>;

/** Whether a value is a `Uint8Array`, also one of another realm (a frame, a worker, a test runner), where `instanceof` fails. */
export function isBytes(value: unknown): value is Bytes {
  // The getter of all typed arrays, which no property of the value can replace.
  return ArrayBuffer.isView(value) && Reflect.get(Uint8Array.prototype, Symbol.toStringTag, value) === "Uint8Array";
}

/**
 * The value as bytes, or an error that names it. Nothing is copied, except out of another realm, and out of shared
 * memory, which could change between a check and a use, and which WebCrypto refuses.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`
 */
export function asBytes(value: unknown, name: string): Bytes {
  if (isBytes(value)) return value.buffer instanceof ArrayBuffer ? value : new Uint8Array(value);
  throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `${name} must be a Uint8Array`, {
    hint: "for text: new TextEncoder().encode(text)",
  });
}

/** One array out of byte arrays, or arrays of numbers, of which the low 8 bits count. */
export function concatBytes(...parts: readonly ArrayLike<number>[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Made at its first use, and kept: making one costs as much as what it is used for. */
let ascii: TextDecoder | undefined;

/** ASCII codes as text. */
export function textOf(codes: Uint8Array): string {
  return (ascii ??= new TextDecoder()).decode(codes);
}

/** Whether two byte arrays are equal. Not constant in time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return a.length === b.length;
}

/**
 * The unsigned big-endian integer; 0 for no bytes. By 8 bytes at a time, but for the first few. Not constant in time: for public values only.
 */
export function toBigInt(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let value = 0n;
  let at = 0;
  for (; (bytes.length - at) % 8 > 0; at += 1) value = (value << 8n) | BigInt(view.getUint8(at));
  for (; at < bytes.length; at += 8) value = (value << 64n) | view.getBigUint64(at);
  return value;
}

/** Bits of the big-endian integer, whose first byte is not 0. */
export function bitLength(bytes: Uint8Array): number {
  return bytes.length * 8 + 24 - Math.clz32(bytes[0] ?? 0); // clz32 counts in 32 bits, a byte has 8
}

/** The error of the decoders. `what` is a name of ours, and there is no position: what is decoded may be a secret. */
export function invalidEncoding(what: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ENCODING", `not valid ${what}`);
}
