/** JWK thumbprints: a name for a key that anyone can compute (RFC 7638). */
import { encodeBase64Url } from "../encoding/base64.js";
import { subtleCrypto } from "../hasher.js";
import { checkJwk } from "./check.js";
import type { PublicJwk } from "./types.js";

/** The required members of all key types in lexical order (RFC 7638 section 3.2, RFC 8037 section 2). */
const REQUIRED = ["crv", "e", "kty", "n", "x", "y"];

/**
 * The SHA-256 thumbprint of a public key as base64url, 43 characters. Members such as `kid` and `alg` do not count.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK` when the key is none
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` when the runtime has no WebCrypto
 * @see RFC 7638 section 3
 * @example
 * ```ts
 * const kid = await jwkThumbprint(parseJwk(text));
 * ```
 */
export async function jwkThumbprint(jwk: PublicJwk): Promise<string> {
  // Without a prototype, where JSON.stringify would ask a polluted one for toJSON. It keeps to the order of the names, and
  // the values are names of ours and base64url, in which it escapes nothing.
  const canonical = JSON.stringify({ __proto__: null, ...checkJwk(jwk) }, REQUIRED);
  return encodeBase64Url(new Uint8Array(await subtleCrypto().digest("SHA-256", new TextEncoder().encode(canonical))));
}
