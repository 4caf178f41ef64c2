/**
 * What `knhk-kms/encoding` offers besides hex and PEM: `base64.ts`, with a choice of padding, and `ecdsa.ts`, both with a
 * check of what is passed.
 */
import { isEcCurve, type EcCurve } from "../algorithms.js";
import { ValidationError } from "../errors.js";
import { decode, encode } from "./base64.js";
import { asBytes, invalidEncoding, type Bytes } from "./bytes.js";
import { ecdsaP1363ToDer as writeEcdsaDer, readEcdsaDer } from "./ecdsa.js";

/** Options of the encoders of base64 and base64url. */
export interface Base64EncodeOptions {
  /** Whether `=` fills the last group. By default it does in base64, and does not in base64url. */
  readonly padding?: boolean | undefined;
}

/** Options of the decoders of base64 and base64url. */
export interface Base64DecodeOptions {
  /** Whether `=` must fill the last group or must not occur. By default `required` in base64, `forbidden` in base64url. */
  readonly padding?: "required" | "forbidden" | undefined;
}

/** What the option `padding` may be: without and with. */
const ENCODING = [false, true] as const;
const DECODING = ["forbidden", "required"] as const;

/**
 * Bytes as base64: the alphabet with `+` and `/`, padded unless told otherwise.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `bytes` is not a `Uint8Array` or an option is not what it says
 * @see RFC 4648 section 4
 * @example
 * ```ts
 * encodeBase64(Uint8Array.of(102)); // "Zg=="
 * ```
 */
export function encodeBase64(bytes: Uint8Array, options?: Base64EncodeOptions): string {
  return encode(asBytes(bytes, "bytes"), "base64", isPadded(options, ENCODING, true));
}

/**
 * Bytes as base64url: the alphabet with `-` and `_`, not padded unless told otherwise. This is what JOSE and Azure use.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `bytes` is not a `Uint8Array` or an option is not what it says
 * @see RFC 4648 section 5, RFC 7515 appendix C
 * @example
 * ```ts
 * encodeBase64Url(Uint8Array.of(251)); // "-w"
 * ```
 */
export function encodeBase64Url(bytes: Uint8Array, options?: Base64EncodeOptions): string {
  return encode(asBytes(bytes, "bytes"), "base64url", isPadded(options, ENCODING, false));
}

/**
 * The bytes of a base64 text. Refused are values that are no string, characters outside the alphabet (white space
 * too), padding that is missing, misplaced or forbidden, and bits set that no byte uses (RFC 4648 section 3.5).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, never quoting the text
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when an option is not what it says
 * @see RFC 4648 sections 3 and 4
 * @example
 * ```ts
 * decodeBase64("Zg=="); // Uint8Array [102]
 * decodeBase64("Zg", { padding: "forbidden" }); // the same
 * ```
 */
export function decodeBase64(text: string, options?: Base64DecodeOptions): Bytes {
  return decode(text, "base64", isPadded(options, DECODING, "required"));
}

/**
 * The bytes of a base64url text, as strict as {@link decodeBase64}.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, never quoting the text
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when an option is not what it says
 * @see RFC 4648 sections 3 and 5
 * @example
 * ```ts
 * decodeBase64Url("-w"); // Uint8Array [251]
 * ```
 */
export function decodeBase64Url(text: string, options?: Base64DecodeOptions): Bytes {
  return decode(text, "base64url", isPadded(options, DECODING, "forbidden"));
}

/**
 * An ECDSA signature from DER to r and s side by side, each as wide as the curve's order: 64, 96 or 132 bytes.
 *
 * Only the one DER form of two non-negative integers is taken, and each must fit its half. Whether they are in
 * [1, n-1] is a question of verification, not of encoding: `verifySignature` answers it.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `der` is not a `Uint8Array`, or the curve is unknown
 * @see RFC 3279 section 2.2.3 (Ecdsa-Sig-Value), X.690 section 10
 * @example
 * ```ts
 * const forJose = ecdsaDerToP1363(signature, "P-256"); // 64 bytes
 * ```
 */
export function ecdsaDerToP1363(der: Uint8Array, curve: EcCurve): Bytes {
  assertCurve(curve);
  const signature = readEcdsaDer(asBytes(der, "der"), curve);
  if (signature === undefined) throw invalidEncoding("DER of a signature");
  return signature;
}

/**
 * An ECDSA signature from r and s side by side to DER, the inverse of {@link ecdsaDerToP1363}; the range of r and s is
 * not looked at either.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when the length is not the curve's
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `signature` is not a `Uint8Array`, or the curve is unknown
 * @see RFC 3279 section 2.2.3 (Ecdsa-Sig-Value), RFC 7518 section 3.4
 * @example
 * ```ts
 * const forOpenssl = ecdsaP1363ToDer(signature, "P-256");
 * ```
 */
export function ecdsaP1363ToDer(signature: Uint8Array, curve: EcCurve): Bytes {
  assertCurve(curve);
  return writeEcdsaDer(asBytes(signature, "signature"), curve);
}

/** Own properties only, so that a polluted prototype loosens nothing. */
function isPadded<T>(options: { readonly padding?: T | undefined } | undefined, choices: readonly T[], fallback: T): boolean {
  const { padding = fallback } = { __proto__: null, ...options } as { readonly padding?: T };
  if (!choices.includes(padding)) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `padding must be ${choices.join(" or ")}`);
  return padding === choices[1];
}

function assertCurve(curve: EcCurve): void {
  if (!isEcCurve(curve)) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "unknown curve");
}
