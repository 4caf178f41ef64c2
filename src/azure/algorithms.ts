/** What Azure calls algorithms, key types and uses. Its algorithm names are the JOSE names. */
import type { SignatureAlgorithm } from "../algorithms.js";
import type { InputRule } from "../kms/provider.js";
import type { KeyUse } from "../kms/results.js";

/** The service never hashes ("Key types, algorithms, and operations"): it takes digests only. */
const DIGEST_ONLY: InputRule = Object.freeze({ messageMaxBytes: 0, digest: true });

/** Bytes of a signature: r and s side by side, or a modulus of 2,048, 3,072 or 4,096 bits. */
const RSA_BYTES = [256, 384, 512] as const;
const SIGNATURE_BYTES: Readonly<Record<string, readonly number[]>> = {
  __proto__: null as never,
  RS256: RSA_BYTES,
  RS384: RSA_BYTES,
  RS512: RSA_BYTES,
  PS256: RSA_BYTES,
  PS384: RSA_BYTES,
  PS512: RSA_BYTES,
  ES256: [64],
  ES384: [96],
  ES512: [132],
  ES256K: [64],
};

/** Undefined for Ed25519, which no vault and no HSM has. */
export function inputRule(algorithm: SignatureAlgorithm): InputRule | undefined {
  return SIGNATURE_BYTES[algorithm] === undefined ? undefined : DIGEST_ONLY;
}

export function isSignatureLength(algorithm: SignatureAlgorithm, length: number): boolean {
  return SIGNATURE_BYTES[algorithm]?.includes(length) === true;
}

/** `kty` of the service to that of JOSE (RFC 7518 section 6.1); a key in an HSM has a type of its own. */
export const JWK_TYPES: Readonly<Record<string, "RSA" | "EC">> = {
  __proto__: null as never,
  RSA: "RSA",
  "RSA-HSM": "RSA",
  EC: "EC",
  "EC-HSM": "EC",
};

/** `crv` of the service to that of JOSE; RFC 8812 names secp256k1, which was `SECP256K1` before it became `P-256K`. */
export const JWK_CURVES: Readonly<Record<string, "P-256" | "P-384" | "P-521" | "secp256k1">> = {
  __proto__: null as never,
  "P-256": "P-256",
  "P-384": "P-384",
  "P-521": "P-521",
  "P-256K": "secp256k1",
  SECP256K1: "secp256k1",
};

/** `key_ops` that are a use; `import` and `export` are none. */
const USES: Readonly<Record<string, KeyUse>> = {
  __proto__: null as never,
  sign: "sign",
  verify: "verify",
  encrypt: "encrypt",
  decrypt: "decrypt",
  wrapKey: "wrapKey",
  unwrapKey: "unwrapKey",
};

/** What a key may be used for, each once, in the order of the answer. */
export function usesOf(keyOps: readonly string[]): readonly KeyUse[] {
  return [...new Set(keyOps)].flatMap((operation) => USES[operation] ?? []);
}
