/** Public keys as the service writes them, and as RFC 7518 has them. */
import { COORDINATE_BYTES } from "../algorithms.js";
import { encodeBase64Url } from "../encoding/base64.js";
import type { Bytes } from "../encoding/bytes.js";
import { invalidAnswer, requiredBase64Url, requiredString, type Fields } from "../http/fields.js";
import { checkJwk } from "../jwk/check.js";
import type { PublicJwk } from "../jwk/types.js";
import { JWK_CURVES, JWK_TYPES } from "./algorithms.js";

/** Whether a key of that `kty` has a public part. */
export function hasPublicJwk(kty: string): boolean {
  return JWK_TYPES[kty] !== undefined;
}

/**
 * Puts a key into the one form that it has in JOSE, and has it checked by the strict parser. Members are picked by name, so
 * that nothing else, such as a private one, comes along.
 *
 * The service itself is exact; emulators write integers as their platform does: a modulus with a zero byte in front,
 * coordinates without theirs.
 *
 * @throws {ProviderError} `ERR_KMS_RESPONSE_INVALID`
 */
export function readPublicJwk(key: Fields): PublicJwk {
  const type = JWK_TYPES[requiredString(key, "kty")];
  const jwk = type === "RSA" ? { kty: type, n: minimal(key, "n"), e: minimal(key, "e") } : readEc(key);
  try {
    return checkJwk(jwk);
  } catch {
    throw invalidAnswer("key is no public key");
  }
}

function readEc(key: Fields): object {
  const crv = JWK_CURVES[requiredString(key, "crv")];
  if (crv === undefined) throw invalidAnswer("crv is no curve of the service");
  const width = COORDINATE_BYTES[crv];
  return { kty: "EC", crv, x: padded(key, "x", width), y: padded(key, "y", width) };
}

/** An integer in the fewest octets (RFC 7518 section 6.3.1.1). */
function minimal(key: Fields, name: string): string {
  const bytes = requiredBase64Url(key, name);
  const first = bytes.findIndex((byte) => byte !== 0);
  return encodeBase64Url(first < 0 ? bytes : bytes.subarray(first));
}

/** A coordinate in the full width of its curve (RFC 7518 section 6.2.1.2); one that is too long stays so, and is refused. */
function padded(key: Fields, name: string, width: number): string {
  const bytes: Bytes = requiredBase64Url(key, name);
  if (bytes.length >= width) return encodeBase64Url(bytes);
  const full = new Uint8Array(width);
  full.set(bytes, width - bytes.length);
  return encodeBase64Url(full);
}
