/** JWK thumbprints: a name for a key that anyone can compute (RFC 7638). */
import { encodeBase64Url } from "../encoding/base64.js";
import { subtleCrypto } from "../hasher.js";
import { parseJwk } from "./parse.js";
import type { PublicJwk } from "./types.js";

/** The required members of each key type in lexical order (RFC 7638 section 3.2, RFC 8037 section 2). */
const REQUIRED: Readonly<Record<PublicJwk["kty"], readonly string[]>> = {
  RSA: ["e", "kty", "n"],
  EC: ["crv", "kty", "x", "y"],
  OKP: ["crv", "kty", "x"],
};

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
  const key = parseJwk(jwk);
  // Written by hand: the values are names of ours and base64url, which JSON never escapes, and JSON.stringify would ask
  // a polluted prototype for toJSON.
  const members = REQUIRED[key.kty].map((name) => `"${name}":"${key[name as keyof PublicJwk]}"`);
  const canonical = new TextEncoder().encode(`{${members.join(",")}}`);
  return encodeBase64Url(new Uint8Array(await subtleCrypto().digest("SHA-256", canonical)));
}
