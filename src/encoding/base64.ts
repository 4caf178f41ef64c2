/**
 * Strict base64 and base64url (RFC 4648) in the form that each is usually in: base64 with padding, base64url without.
 * Each value has one text, and any other text is refused. The other forms are in `checked.ts`.
 */
import { invalidEncoding, textOf, type Bytes } from "./bytes.js";

export type Base64Name = keyof typeof LAST_TWO;

interface Alphabet {
  /** Character code of each of the 64 values. */
  readonly codes: Uint8Array;
  /** Value of each ASCII code; 0 for what is no character of the alphabet. */
  readonly values: Uint8Array;
}

const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LAST_TWO = { base64: "+/", base64url: "-_" };
const EQUALS_SIGN = 61;

/** Made at first use, for importing a module does nothing. */
const alphabets: { [name in Base64Name]?: Alphabet } = {};

/** Bytes as base64: the alphabet with `+` and `/`, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, "base64", true);
}

/** Bytes as base64url: the alphabet with `-` and `_`, not padded. This is what JOSE and Azure use. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, "base64url", false);
}

/**
 * The bytes of a base64 text. Refused are values that are no string, characters outside the alphabet (white space
 * too), padding that is missing or misplaced, and bits set that no byte uses (RFC 4648 section 3.5).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, never quoting the text
 */
export function decodeBase64(text: string): Bytes {
  return decode(text, "base64", true);
}

/**
 * The bytes of a base64url text, as strict as {@link decodeBase64}; padding is refused.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, never quoting the text
 */
export function decodeBase64Url(text: string): Bytes {
  return decode(text, "base64url", false);
}

function alphabetOf(name: Base64Name): Alphabet {
  return (alphabets[name] ??= buildAlphabet(LETTERS_AND_DIGITS + LAST_TWO[name]));
}

function buildAlphabet(characters: string): Alphabet {
  const codes = new TextEncoder().encode(characters);
  const values = new Uint8Array(128);
  codes.forEach((code, value) => (values[code] = value));
  return { codes, values };
}

/** Bytes in one of the two alphabets, the last group filled with `=` or not. */
export function encode(bytes: Uint8Array, name: Base64Name, padded: boolean): string {
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
  return textOf(out.fill(EQUALS_SIGN, length));
}

/**
 * The bytes of a text in one of the two alphabets, the last group filled with `=` or not. Read as if it were canonical,
 * and taken only if the same text comes out again: that finds each character outside the alphabet, each `=` too many or
 * too few, and each bit that no byte uses.
 */
export function decode(text: string, name: Base64Name, padded: boolean): Bytes {
  if (typeof text !== "string") throw invalidEncoding(name);
  const { values } = alphabetOf(name);
  const { length } = text.replace(/==?$/, "");
  const bytes = new Uint8Array((length * 3) >> 2);
  for (let index = 0, pending = 0, to = 0; index < length; index += 1) {
    pending = (pending << 6) | (values[text.charCodeAt(index)] as number); // undefined counts as 0
    // The second, third and fourth character of a group complete a byte, of which an array keeps the low 8 bits.
    const place = index & 3;
    if (place > 0) bytes[to++] = pending >> (6 - 2 * place);
  }
  if (encode(bytes, name, padded) !== text) throw invalidEncoding(name);
  return bytes;
}
