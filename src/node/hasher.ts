/** `nodeHasher`: hashing with `node:crypto`, which answers at once; WebCrypto costs a thread's round trip a call. */
import { createHash, createHmac, createSecretKey } from "node:crypto";
import type { Bytes } from "../encoding/bytes.js";
import type { Hasher } from "../hasher.js";

const NAMES = { "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" } as const;

/**
 * Give it as the option `hasher` on Node: the same bytes as WebCrypto, synchronously.
 *
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", hasher: nodeHasher });
 * ```
 */
export const nodeHasher: Hasher = {
  digest: (hash, data) => plain(createHash(NAMES[hash]).update(data).digest()),
  hmacSha256(key) {
    const secret = createSecretKey(key);
    return (data) => plain(createHmac("sha256", secret).update(data).digest());
  },
};

/** Without the methods of a `Buffer`, and over memory of its own. */
function plain(buffer: Buffer): Bytes {
  return new Uint8Array(buffer);
}
