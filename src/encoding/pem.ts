/** PEM: DER as text between two lines that name it (RFC 7468). */
import { ValidationError } from "../errors.js";
import { decodeBase64, encodeBase64 } from "./base64.js";
import { asBytes, invalidEncoding, type Bytes } from "./bytes.js";

/** RFC 7468 section 3, `label`, not empty: printable words, separated by one space or hyphen. */
const LABEL = /^[!-,.-~]+(?:[ -][!-,.-~]+)*$/;
/** RFC 7468 section 3, `W`, is what may surround a block. */
const OTHER_THAN_WHITE_SPACE = /[^ \t\r\n\v\f]/;
/** Blanks are for ends of lines. */
const INNER_BLANK = /[ \t]\S/;
/** Where no blank is inside a line: each boundary has a line of its own, and something is between them. */
const WHOLE_LINES = /^\s[^]*\S\s*[\r\n]$/;

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
  return writePem(label, asBytes(der, "der"));
}

/** The same for a label of ours. */
export function writePem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${encodeBase64(der).replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
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
  if (typeof text !== "string") throw invalidEncoding("PEM");
  return readPem(text, label);
}

/** The same for a string and a label of ours. */
export function readPem(text: string, label: string): Bytes {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  const around = text.slice(0, from) + text.slice(to + end.length);
  const body = text.slice(from + begin.length, to);
  if (from < 0 || to < from || OTHER_THAN_WHITE_SPACE.test(around) || INNER_BLANK.test(body) || !WHOLE_LINES.test(body)) throw invalidEncoding("PEM");
  return decodeBase64(body.replace(/[ \t\r\n]+/g, ""));
}

function assertLabel(label: string): void {
  if (typeof label !== "string" || !LABEL.test(label)) {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "the PEM label must be printable words");
  }
}
