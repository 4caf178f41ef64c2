/** What kind of key a JWK is, in the one word that the library uses for type and size. */
import type { KeyType } from "../algorithms.js";
import { decodeBase64Url } from "../encoding/base64.js";
import { bitLength } from "../encoding/bigint.js";
import { checkJwk } from "./check.js";
import type { PublicJwk } from "./types.js";

/**
 * `RSA-` and the bits of the modulus, the name of the curve, or `Ed25519`.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK` when the key is none
 * @see RFC 7518 section 6
 * @example
 * ```ts
 * keyTypeOf(jwk); // "RSA-2048", "P-256", "Ed25519"
 * ```
 */
export function keyTypeOf(jwk: PublicJwk): KeyType {
  const key = checkJwk(jwk);
  if (key.kty !== "RSA") return key.crv;
  return `RSA-${bitLength(decodeBase64Url(key.n))}`;
}
