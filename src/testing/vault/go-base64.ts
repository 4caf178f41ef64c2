/**
 * Base64 as Go's decoder takes it, which is laxer than the library's own: CR and LF inside are skipped, unused low bits are
 * not checked. Written apart from `encoding`, whose codec the emulator helps to test.
 */
import type { Bytes } from "../../encoding/bytes.js";

const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The bytes, or the place of the first input byte that is wrong. */
export type Decoded = { readonly bytes: Bytes } | { readonly wrongAt: number };

/** `base64.StdEncoding`: padded. */
export function decodeStandard(text: string): Decoded {
  return decode(text, STANDARD, true);
}

/** `base64.RawURLEncoding`: not padded. */
export function decodeRawUrl(text: string): Decoded {
  return decode(text, URL_SAFE, false);
}

/** Padded standard base64. */
export function encodeStandard(bytes: Uint8Array): string {
  const text = encodeUnpadded(bytes, STANDARD);
  return text + "=".repeat((4 - (text.length % 4)) % 4);
}

/** Base64url without padding. */
export function encodeRawUrl(bytes: Uint8Array): string {
  return encodeUnpadded(bytes, URL_SAFE);
}

function encodeUnpadded(bytes: Uint8Array, alphabet: string): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3);
    const bits = (first << 16) | (second << 8) | third;
    const characters = Math.min(bytes.length - at, 3) + 1;
    for (let index = 0; index < characters; index += 1) text += alphabet[(bits >> (18 - 6 * index)) & 63];
  }
  return text;
}

/** Error places as Go's `encoding/base64` counts them: a group cut short is wrong as many places before the end as it has digits. */
function decode(text: string, alphabet: string, padded: boolean): Decoded {
  const bytes: number[] = [];
  let group: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (isLineEnd(character)) continue;
    if (character === "=" && padded) {
      const wrongAt = paddingProblem(text, at, group.length);
      return wrongAt === undefined ? { bytes: Uint8Array.from([...bytes, ...groupBytes(group)]) } : { wrongAt };
    }
    const value = alphabet.indexOf(character);
    if (value < 0) return { wrongAt: at };
    group.push(value);
    if (group.length < 4) continue;
    for (const byte of groupBytes(group)) bytes.push(byte);
    group = [];
  }
  if (group.length === 1 || (group.length > 0 && padded)) return { wrongAt: text.length - group.length };
  return { bytes: Uint8Array.from([...bytes, ...groupBytes(group)]) };
}

/** Where padding whose first `=` is at `at`, after that many digits, is wrong; undefined when it is right and nothing follows. */
function paddingProblem(text: string, at: number, digits: number): number | undefined {
  if (digits < 2) return at;
  let end = skipLineEnds(text, at + 1);
  if (digits === 2) {
    if (end === text.length) return end;
    if (text[end] !== "=") return end - 1;
    end = skipLineEnds(text, end + 1);
  }
  return end < text.length ? end : undefined;
}

function skipLineEnds(text: string, from: number): number {
  let at = from;
  while (at < text.length && isLineEnd(text[at] as string)) at += 1;
  return at;
}

function isLineEnd(character: string): boolean {
  return character === "\n" || character === "\r";
}

function groupBytes(digits: readonly number[]): number[] {
  const [first = 0, second = 0, third = 0, fourth = 0] = digits;
  const bits = (first << 18) | (second << 12) | (third << 6) | fourth;
  return [(bits >> 16) & 0xff, (bits >> 8) & 0xff, bits & 0xff].slice(0, Math.max(0, digits.length - 1));
}
