/** Makes the versions of keys, and derives keys from them. */
import { encodeBase64Url } from "../../encoding/base64.js";
import { concatBytes } from "../../encoding/bytes.js";
import type { Bytes } from "../../encoding/bytes.js";
import { subtleCrypto } from "../../hasher.js";
import { generateEmulatedKey, importEmulatedKey, importEmulatedPublicKey } from "../keys.js";
import type { EmulatedKey } from "../keys.js";
import { decodeRawUrl } from "./go-base64.js";
import { KEY_TYPES } from "./key-types.js";
import type { VaultKeyType } from "./key-types.js";
import type { KeyVersion } from "./store.js";

/** PKCS #8 in front of an Ed25519 seed (RFC 8410 section 7). */
const ED25519_PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

/** A random 32-byte HMAC key belongs to every version, whatever the type (OpenBao `keysutil/policy.go`, RotateInMemory). */
const HMAC_KEY_BYTES = 32;

export interface NewVersion {
  readonly type: VaultKeyType;
  readonly version: number;
  readonly createdAt: number;
  /** Of an `hmac` key. */
  readonly keySize?: number | undefined;
  /** What to use instead of a random key; without its private part the version only verifies. */
  readonly jwk?: JsonWebKey | undefined;
  readonly hmacKey?: Bytes | undefined;
}

export async function makeVersion({ type, version, createdAt, keySize, jwk, hmacKey }: NewVersion): Promise<KeyVersion> {
  const made = KEY_TYPES[type]?.pair;
  const random = crypto.getRandomValues(new Uint8Array(type === "hmac" ? (keySize ?? HMAC_KEY_BYTES) : HMAC_KEY_BYTES));
  const base = { version, createdAt, hmacKey: hmacKey ?? random };
  if (made === undefined) return { ...base, signs: false };
  if (jwk === undefined) return { ...base, signs: true, pair: await generateEmulatedKey(made.keyType) };
  const signs = jwk.d !== undefined;
  return { ...base, signs, pair: await (signs ? importEmulatedKey(jwk) : importEmulatedPublicKey(jwk)) };
}

/**
 * The Ed25519 key that a derived key has for one context: HKDF-SHA-256 (RFC 5869) over the 64 bytes of seed and public key,
 * without salt, the context as info, and the first 32 bytes as the seed (OpenBao `keysutil/policy.go`, DeriveKey).
 */
export async function deriveEd25519(pair: EmulatedKey, context: Bytes): Promise<EmulatedKey> {
  const { d, x } = pair.exportPrivateJwk();
  const subtle = subtleCrypto();
  const base = await subtle.importKey("raw", concatBytes(rawBytes(d), rawBytes(x)), "HKDF", false, ["deriveBits"]);
  const bits = await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: context }, base, 256);
  const seed = new Uint8Array(bits);
  const key = await subtle.importKey("pkcs8", concatBytes(ED25519_PKCS8, seed), "Ed25519", true, ["sign"]);
  const jwk = await subtle.exportKey("jwk", key);
  return importEmulatedKey({ kty: "OKP", crv: "Ed25519", x: jwk.x as string, d: encodeBase64Url(seed) });
}

/** The 32 bytes of an Ed25519 public key. */
export function rawPublicKey(pair: EmulatedKey): Bytes {
  return rawBytes(pair.publicJwk?.x);
}

function rawBytes(text: string | undefined): Bytes {
  const decoded = decodeRawUrl(text ?? "");
  return "bytes" in decoded ? decoded.bytes : new Uint8Array();
}
