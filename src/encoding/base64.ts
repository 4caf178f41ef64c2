/** Strict base64 and base64url (RFC 4648): each value has one text, and any other text is refused. */
import { ValidationError } from "../errors.js";
import { asBytes, type Bytes } from "./bytes.js";
import { invalidEncoding } from "./invalid.js";

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

type Name = keyof typeof LAST_TWO;

interface Alphabet {
  /** Character code of each of the 64 values. */
  readonly codes: Uint8Array;
  /** Value of each ASCII code, or `NONE`. */
  readonly values: Uint8Array;
}

const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LAST_TWO = { base64: "+/", base64url: "-_" };
const EQUALS_SIGN = 61;
/** The bit that no value has. */
const NONE = 64;

/** What the option `padding` may be: without and with. */
const ENCODING = [false, true] as const;
const DECODING = ["forbidden", "required"] as const;

/** Made at first use, for importing a module does nothing. */
const alphabets: { [name in Name]?: Alphabet } = {};

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

function alphabetOf(name: Name): Alphabet {
  return (alphabets[name] ??= buildAlphabet(LETTERS_AND_DIGITS + LAST_TWO[name]));
}

function buildAlphabet(characters: string): Alphabet {
  const codes = new TextEncoder().encode(characters);
  const values = new Uint8Array(128).fill(NONE);
  codes.forEach((code, value) => (values[code] = value));
  return { codes, values };
}

function encode(bytes: Bytes, name: Name, padded: boolean): string {
  const { codes } = alphabetOf(name);
  const length = Math.ceil((bytes.length * 4) / 3);
  const out = new Uint8Array(padded ? Math.ceil(length / 4) * 4 : length);
  for (let from = 0, to = 0; from < bytes.length; from += 3) {
    // Bytes past the end are undefined, which counts as 0; characters past it are not stored, or overwritten below.
    const group = ((bytes[from] as number) << 16) | ((bytes[from + 1] as number) << 8) | (bytes[from + 2] as number);
    out[to++] = codes[group >> 18] as number;
    out[to++] = codes[(group >> 12) & 63] as number;
    out[to++] = codes[(group >> 6) & 63] as number;
    out[to++] = codes[group & 63] as number;
  }
  return new TextDecoder().decode(out.fill(EQUALS_SIGN, length));
}

function decode(text: string, name: Name, padded: boolean): Bytes {
  const bytes = typeof text === "string" ? read(text, alphabetOf(name).values, padded) : undefined;
  if (bytes === undefined) throw invalidEncoding(name);
  return bytes;
}

/**
 * The bytes, or undefined. Of a whole number of groups at most the last two characters are padding: one `=` more, or
 * one elsewhere, is then a character outside the alphabet.
 */
function read(text: string, values: Uint8Array, padded: boolean): Bytes | undefined {
  if (padded && text.length % 4 !== 0) return undefined;
  const { length } = padded ? text.replace(/==?$/, "") : text;
  const bytes = new Uint8Array((length * 3) >> 2);
  let at = 0;
  let pending = 0;
  let bits = 0;
  let all = 0;
  for (let index = 0; index < length; index += 1) {
    const value = values[text.charCodeAt(index)] ?? NONE;
    all |= value;
    pending = (pending << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = pending >> bits; // a byte array keeps the low 8 bits
    }
  }
  // One character over whole groups leaves 6 bits; fewer belong to no byte and must be 0.
  return all < NONE && bits < 6 && (pending & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}

/** Own properties only, so that a polluted prototype loosens nothing. */
function isPadded<T>(options: { readonly padding?: T | undefined } | undefined, choices: readonly T[], fallback: T): boolean {
  const { padding = fallback } = { __proto__: null, ...options } as { readonly padding?: T };
  if (!choices.includes(padding)) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `padding must be ${choices.join(" or ")}`);
  return padding === choices[1];
}
