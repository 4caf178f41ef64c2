/** PEM: DER as text between two lines that name it (RFC 7468). */
import { ValidationError } from "../errors.js";
import { decodeBase64, encodeBase64 } from "./base64.js";
import type { Bytes } from "./bytes.js";
import { invalidEncoding } from "./invalid.js";

/** RFC 7468 section 3, `label`, not empty: printable words, separated by one space or hyphen. */
const LABEL = /^[!-,.-~]+(?:[ -][!-,.-~]+)*$/;
/** RFC 7468 section 3, `W`: what may surround a block. */
const WHITE_SPACE = /^[ \t\r\n\v\f]*$/;
const END_OF_LINE = /\r\n?|\n/;
/** Base64 characters, then blanks. */
const LINE = /^([A-Za-z0-9+/=]*)[ \t]*$/;

/**
 * Bytes as one PEM block: lines of 64 characters, each ended by a line feed, the last one too.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `der` is not a `Uint8Array`, or the label no label
 * @see RFC 7468 sections 2 and 3
 * @example
 * ```ts
 * encodePem("PUBLIC KEY", spki); // "-----BEGIN PUBLIC KEY-----\nMFkw…
 * ```
 */
export function encodePem(label: string, der: Uint8Array): string {
  assertLabel(label);
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/**
 * The bytes of a text that is exactly one PEM block with that label. As the grammar of the RFC allows, any line ending,
 * line length, blanks at the end of a line and white space around the block are taken; its base64 is strict, and
 * anything else, such as a second block, headers or text before it, is refused.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`, never quoting the text
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when the label is no label
 * @see RFC 7468 sections 2 and 3
 * @example
 * ```ts
 * const spki = decodePem(text, "PUBLIC KEY");
 * ```
 */
export function decodePem(text: string, label: string): Bytes {
  assertLabel(label);
  if (typeof text !== "string") throw invalidEncoding("PEM: not a string");
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw invalidEncoding("PEM: no block with that label");
  const around = [text.slice(0, from), text.slice(to + end.length)];
  if (!around.every((part) => WHITE_SPACE.test(part))) throw invalidEncoding("PEM: something stands before or after the block");
  const bytes = decodeBase64(base64Lines(text.slice(from + begin.length, to)).join(""));
  if (bytes.length === 0) throw invalidEncoding("PEM: the block is empty");
  return bytes;
}

/** What stands between the two boundaries: the rest of the first one's line, lines of base64, the start of the last one's. */
function base64Lines(body: string): string[] {
  const lines = body.split(END_OF_LINE).map((line) => {
    const base64 = LINE.exec(line)?.[1];
    if (base64 === undefined) throw invalidEncoding("PEM: a line is not base64");
    return base64;
  });
  if (lines[0] !== "" || !/[\r\n]$/.test(body)) throw invalidEncoding("PEM: a boundary has no line of its own");
  return lines;
}

function assertLabel(label: string): void {
  if (typeof label !== "string" || !LABEL.test(label)) {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "the PEM label must be printable words, such as PUBLIC KEY");
  }
}
