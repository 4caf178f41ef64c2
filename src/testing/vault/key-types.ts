/** The key types of the transit engine, and what each can do. */
import type { EmulatedKeyType } from "../keys.js";
import type { VaultProduct } from "./answer.js";

/** Types that the emulator makes. */
export type VaultKeyType =
  | "rsa-2048"
  | "rsa-3072"
  | "rsa-4096"
  | "ecdsa-p256"
  | "ecdsa-p384"
  | "ecdsa-p521"
  | "ed25519"
  | "aes128-gcm96"
  | "aes256-gcm96"
  | "chacha20-poly1305"
  | "xchacha20-poly1305"
  | "hmac";

export interface KeyTypeFacts {
  readonly encrypts: boolean;
  readonly signs: boolean;
  readonly derives: boolean;
  /** An asymmetric type: what makes its keys, and the name that read-key gives each version. */
  readonly pair?: { readonly keyType: EmulatedKeyType; readonly name: string };
  /** A symmetric type: bytes of a key; of `hmac` the default, which the servers refuse to have. */
  readonly secretBytes?: number;
  readonly only?: VaultProduct;
}

const pair = (keyType: EmulatedKeyType, name: string): KeyTypeFacts => ({
  encrypts: keyType.startsWith("RSA-"),
  signs: true,
  derives: keyType === "Ed25519",
  pair: { keyType, name },
});
const secret = (secretBytes: number): KeyTypeFacts => ({ encrypts: true, signs: false, derives: true, secretBytes });

/** Without a prototype: types come from request bodies. */
export const KEY_TYPES: Readonly<Record<string, KeyTypeFacts>> = Object.assign(Object.create(null) as object, {
  "rsa-2048": pair("RSA-2048", "rsa-2048"),
  "rsa-3072": pair("RSA-3072", "rsa-3072"),
  "rsa-4096": pair("RSA-4096", "rsa-4096"),
  "ecdsa-p256": pair("P-256", "P-256"),
  "ecdsa-p384": pair("P-384", "P-384"),
  "ecdsa-p521": pair("P-521", "P-521"),
  ed25519: pair("Ed25519", "ed25519"),
  "aes128-gcm96": secret(16),
  "aes256-gcm96": secret(32),
  "chacha20-poly1305": secret(32),
  "xchacha20-poly1305": { ...secret(32), only: "openbao" },
  hmac: { encrypts: false, signs: false, derives: false, secretBytes: 0 },
} satisfies Record<VaultKeyType, KeyTypeFacts>);

/** Bounds of `key_size`, which `hmac` keys alone have. */
export const HMAC_KEY_BYTES = { min: 32, max: 512 };

export function keyTypeFacts(type: string, product: VaultProduct): KeyTypeFacts | undefined {
  const facts = KEY_TYPES[type];
  return facts?.only === undefined || facts.only === product ? facts : undefined;
}
