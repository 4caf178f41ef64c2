/** Public keys from JSON text, or from a value that was parsed already. */
import { checkJwk, invalidJwk, type Members } from "./check.js";
import type { PublicJwk } from "./types.js";

/** Longest text taken, in UTF-16 code units; a key of 8,192 bits with a chain of certificates is well below. */
const MAX_TEXT = 65_536;

/**
 * A public key from JSON text, or from a value that was parsed already, of which only own properties count.
 *
 * Refused are, besides what is no JSON and no key: a member that occurs twice (in text, where it can be seen), private
 * members, key sets, base64url that is not canonical, extra leading zeros, coordinates of another length than the
 * curve's, points off the curve, Ed25519 keys of small order, RSA moduli that are even or not of 2,048 to 8,192 bits,
 * exponents that are even, below 3 or over 33 bits, and text over 65,536 characters. Members it does not know are
 * left out (RFC 7517 section 4), as is everything inside them.
 *
 * The result is a new frozen object, recognised when it comes back: parsing it again costs nothing.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK`, naming the member and never quoting it
 * @see RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2, RFC 8812 section 3.1
 * @example
 * ```ts
 * const jwk = parseJwk('{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}');
 * ```
 */
export function parseJwk(value: unknown): PublicJwk {
  return parseJwkValue(typeof value === "string" ? parseText(value) : value);
}

/** The same for a value that is no text: `checkJwk`, with `key_ops`. */
export function parseJwkValue(value: unknown): PublicJwk {
  return checkJwk(value, readOperations);
}

/** RFC 7517 section 4.3: an array of strings, none twice. */
function readOperations({ key_ops: value }: Members): object {
  if (value === undefined) return {};
  const operations: readonly unknown[] = Array.isArray(value) ? [...value] : [undefined];
  if (operations.some((operation) => typeof operation !== "string") || new Set(operations).size < operations.length) {
    throw invalidJwk("key_ops must be different strings");
  }
  return { key_ops: Object.freeze(operations) };
}

/**
 * JSON.parse keeps the last of equal members without a word, where another parser keeps the first (RFC 8259 section 4).
 * So the members in the text are counted, as colons outside of strings and of inner values, which is safe once the
 * text is known to be JSON.
 */
function parseText(text: string): unknown {
  try {
    const value: object = text.length > MAX_TEXT ? null : JSON.parse(text);
    if (countMembers(text) === Object.keys(value).length) return value; // keys of null: throws
  } catch {
    // The platform's message quotes the text.
  }
  throw invalidJwk(`it must be a JSON object of at most ${MAX_TEXT} characters, with no member twice`);
}

function countMembers(json: string): number {
  let depth = 0;
  let members = 0;
  for (const character of json.replace(/"(?:[^"\\]+|\\.)*"/g, "")) {
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    else if (character === ":" && depth === 1) members += 1;
  }
  return members;
}
