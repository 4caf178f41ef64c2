/** Hashing behind one small interface, so that a runtime with a faster way than WebCrypto can pass it as the option `hasher`. */
import type { Bytes } from "./encoding/bytes.js";
import { ValidationError } from "./errors.js";

/** Hash functions, as WebCrypto names them. */
export type HashName = "SHA-256" | "SHA-384" | "SHA-512";

/** Bytes in a digest of each hash. */
export const DIGEST_BYTES: Readonly<Record<HashName, number>> = { "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 };

/** A key set up once for many MACs. */
export type MacFunction = (data: Bytes) => Bytes | Promise<Bytes>;

/** What signing needs of a hash library. Each function may answer at once or by a promise. */
export interface Hasher {
  digest(hash: HashName, data: Bytes): Bytes | Promise<Bytes>;
  /** HMAC-SHA-256 with this key (RFC 2104). */
  hmacSha256(key: Bytes): MacFunction | Promise<MacFunction>;
}

/**
 * The platform's WebCrypto, or a typed error where there is none.
 *
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED`
 */
export function subtleCrypto(): SubtleCrypto {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) throw new ValidationError("ERR_KMS_UNSUPPORTED", "globalThis.crypto.subtle is required");
  return subtle;
}

/** The digest of the platform's WebCrypto, which is looked up at each call. */
export async function webDigest(hash: HashName, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await subtleCrypto().digest(hash, data));
}

/** The default where keyed hashes are needed, too. */
export const webHasher: Hasher = {
  digest: webDigest,
  async hmacSha256(key) {
    const subtle = subtleCrypto();
    const imported = await subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return async (data) => new Uint8Array(await subtle.sign("HMAC", imported, data));
  },
};
