/**
 * Strict base64 and base64url (RFC 4648) in the form that each is usually in: base64 with padding, base64url without.
 * Each value has one text, and any other text is refused. The other forms are in `checked.ts`.
 */
import { invalidEncoding, type Bytes } from "./bytes.js";

/** Arguments that every engine takes at once. */
const CHUNK = 8192;

/** Bytes as base64: the alphabet with `+` and `/`, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // Not by spreading, for which the bytes would be copied one by one.
    binary += String.fromCharCode.apply(undefined, bytes.subarray(at, at + CHUNK) as never);
  }
  return btoa(binary);
}

/** Bytes as base64url: the alphabet with `-` and `_`, not padded. This is what JOSE and Azure use. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return toUrl(encodeBase64(bytes));
}

/**
 * The bytes of a base64 text. Refused are values that are no string, characters outside the alphabet (white space
 * too), padding that is missing or misplaced, and bits set that no byte uses (RFC 4648 section 3.5).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, never quoting the text
 */
export function decodeBase64(text: string): Bytes {
  return decode("base64", text);
}

/**
 * The bytes of a base64url text, as strict as {@link decodeBase64}; padding is refused.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, never quoting the text
 */
export function decodeBase64Url(text: string): Bytes {
  return decode("base64url", text);
}

/** `atob` is lax, and each value has one text: what was read is taken only if the same text comes out again. */
function decode(name: "base64" | "base64url", text: string): Bytes {
  const isUrl = name === "base64url";
  try {
    const binary = atob(isUrl ? text.replace(/-/g, "+").replace(/_/g, "/") : text);
    const canonical = btoa(binary);
    const bytes = new Uint8Array(binary.length);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = binary.charCodeAt(at);
    if (text === (isUrl ? toUrl(canonical) : canonical)) return bytes;
  } catch {
    // No string, or a character outside of the alphabet. The platform's message could quote the text.
  }
  throw invalidEncoding(name);
}

function toUrl(base64: string): string {
  return base64.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
