/** Strict base64 and base64url (RFC 4648): each value has one text, and any other text is refused. */
import { ValidationError } from "../errors.js";
import { asBytes, type Bytes } from "./bytes.js";
import { invalidEncoding } from "./invalid.js";

export interface Base64EncodeOptions {
  /** Whether `=` fills the last group. By default it does in base64, and does not in base64url. */
  readonly padding?: boolean | undefined;
}

export interface Base64DecodeOptions {
  /** Whether `=` must fill the last group or must not occur. By default `required` in base64, `forbidden` in base64url. */
  readonly padding?: "required" | "forbidden" | undefined;
}

interface Alphabet {
  readonly name: "base64" | "base64url";
  /** Character code of each of the 64 values. */
  readonly codes: Uint8Array;
  /** Value of each ASCII code, or `NONE`. */
  readonly values: Uint8Array;
}

const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const EQUALS_SIGN = 61;
const NONE = 255;

// Made at first use, for importing a module does nothing.
let standard: Alphabet | undefined;
let urlSafe: Alphabet | undefined;

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
  return encode(asBytes(bytes, "bytes"), standardAlphabet(), encodePadding(options, true));
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
  return encode(asBytes(bytes, "bytes"), urlSafeAlphabet(), encodePadding(options, false));
}

/**
 * The bytes of a base64 text. Refused are values that are no string, characters outside the alphabet (white space
 * too), padding that is missing, misplaced or forbidden, and bits set that no byte uses (RFC 4648 section 3.5).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, saying what is wrong and where, never quoting the text
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when an option is not what it says
 * @see RFC 4648 sections 3 and 4
 * @example
 * ```ts
 * decodeBase64("Zg=="); // Uint8Array [102]
 * decodeBase64("Zg", { padding: "forbidden" }); // the same
 * ```
 */
export function decodeBase64(text: string, options?: Base64DecodeOptions): Bytes {
  return decode(text, standardAlphabet(), decodePadding(options, "required"));
}

/**
 * The bytes of a base64url text, as strict as {@link decodeBase64}.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, saying what is wrong and where, never quoting the text
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when an option is not what it says
 * @see RFC 4648 sections 3 and 5
 * @example
 * ```ts
 * decodeBase64Url("-w"); // Uint8Array [251]
 * ```
 */
export function decodeBase64Url(text: string, options?: Base64DecodeOptions): Bytes {
  return decode(text, urlSafeAlphabet(), decodePadding(options, "forbidden"));
}

function standardAlphabet(): Alphabet {
  return (standard ??= buildAlphabet("base64", "+/"));
}

function urlSafeAlphabet(): Alphabet {
  return (urlSafe ??= buildAlphabet("base64url", "-_"));
}

function buildAlphabet(name: Alphabet["name"], lastTwo: string): Alphabet {
  const codes = Uint8Array.from(LETTERS_AND_DIGITS + lastTwo, (character) => character.charCodeAt(0));
  const values = new Uint8Array(128).fill(NONE);
  codes.forEach((code, value) => (values[code] = value));
  return { name, codes, values };
}

function encode(bytes: Bytes, { codes }: Alphabet, padded: boolean): string {
  const length = Math.ceil((bytes.length * 4) / 3);
  const out = new Uint8Array(padded ? Math.ceil(length / 4) * 4 : length);
  for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
    // Bytes past the end count as 0; characters past the end are not stored, or padding takes their place below.
    const group = ((bytes[from] as number) << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    out[to] = codes[group >> 18] as number;
    out[to + 1] = codes[(group >> 12) & 63] as number;
    out[to + 2] = codes[(group >> 6) & 63] as number;
    out[to + 3] = codes[group & 63] as number;
  }
  return new TextDecoder().decode(out.fill(EQUALS_SIGN, length));
}

function decode(text: string, { name, values }: Alphabet, padding: "required" | "forbidden"): Bytes {
  if (typeof text !== "string") throw invalidEncoding(`${name}: not a string`);
  const length = padding === "required" ? lengthWithoutPadding(text, name) : text.length;
  if (length % 4 === 1) throw invalidEncoding(`${name}: no value has a text of this length`);
  const bytes = new Uint8Array((length * 3) >> 2);
  let at = 0;
  let pending = 0;
  let bits = 0;
  for (let index = 0; index < length; index += 1) {
    const code = text.charCodeAt(index);
    const value = code < 128 ? (values[code] as number) : NONE;
    if (value === NONE) throw invalidEncoding(`${name}: a character outside the alphabet at index ${index}`);
    pending = (pending << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = pending >> bits; // a byte array keeps the low 8 bits
    }
  }
  if ((pending & ((1 << bits) - 1)) !== 0) throw invalidEncoding(`${name}: unused bits are set at index ${length - 1}`);
  return bytes;
}

/**
 * Of a whole number of groups at most the last two characters are padding. One `=` more, or one elsewhere, is then a
 * character outside the alphabet, and the count of the rest is right by itself.
 */
function lengthWithoutPadding(text: string, name: string): number {
  if (text.length % 4 !== 0) throw invalidEncoding(`${name}: the length is not a multiple of 4`);
  if (text.endsWith("==")) return text.length - 2;
  return text.endsWith("=") ? text.length - 1 : text.length;
}

function encodePadding(options: Base64EncodeOptions | undefined, fallback: boolean): boolean {
  const padding = ownPadding(options) ?? fallback;
  if (typeof padding !== "boolean") throw badOption("true or false");
  return padding;
}

function decodePadding(options: Base64DecodeOptions | undefined, fallback: "required" | "forbidden"): "required" | "forbidden" {
  const padding = ownPadding(options) ?? fallback;
  if (padding !== "required" && padding !== "forbidden") throw badOption(`"required" or "forbidden"`);
  return padding;
}

/** Own properties only, so that a polluted prototype loosens nothing. */
function ownPadding(options: { readonly padding?: unknown } | undefined): unknown {
  return options !== undefined && Object.hasOwn(options, "padding") ? options.padding : undefined;
}

function badOption(values: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", `padding must be ${values}`);
}
