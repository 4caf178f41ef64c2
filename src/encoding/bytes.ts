/** Byte arrays: the type, recognising one from any realm, and a few operations. */
import { ValidationError } from "../errors.js";

/** A `Uint8Array` over an ordinary `ArrayBuffer`, so that it goes to WebCrypto and `Response` under TypeScript 5.6 to 7. */
export type Bytes = ReturnType<typeof Uint8Array.of>;

const TAG = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get as (
  this: unknown,
) => string | undefined;

/** Whether a value is a `Uint8Array`, also one of another realm (a frame, a worker, a test runner), where `instanceof` fails. */
export function isBytes(value: unknown): value is Bytes {
  return ArrayBuffer.isView(value) && TAG.call(value) === "Uint8Array";
}

/**
 * The value as bytes, or an error that names it. Nothing is copied, except out of shared memory, which could change
 * between a check and a use, and which WebCrypto refuses.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`
 */
export function asBytes(value: unknown, name: string): Bytes {
  if (!isBytes(value)) {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `${name} must be a Uint8Array`, {
      hint: "encode text with new TextEncoder().encode(text), decode base64 with knhk-kms/encoding",
    });
  }
  return Object.prototype.toString.call(value.buffer) === "[object SharedArrayBuffer]" ? Uint8Array.from(value) : value;
}

export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether two byte arrays are equal. Not constant in time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
