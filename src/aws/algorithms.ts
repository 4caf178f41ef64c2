/** JOSE words on one side, the words of AWS KMS on the other. */
import { algorithmsOf, findAlgorithm, type AlgorithmFacts, type KeyType, type SignatureAlgorithm } from "../algorithms.js";
import type { InputRule } from "../kms/provider.js";
import type { KeyMetadata, KeyState, KeyUse } from "../kms/results.js";

/** `SigningAlgorithmSpec`. One name serves ES256 and ES256K: there the key's curve decides. Without a prototype, as all tables here. */
const SIGNING: Readonly<Record<string, string>> = {
  __proto__: null as never,
  RS256: "RSASSA_PKCS1_V1_5_SHA_256",
  RS384: "RSASSA_PKCS1_V1_5_SHA_384",
  RS512: "RSASSA_PKCS1_V1_5_SHA_512",
  PS256: "RSASSA_PSS_SHA_256",
  PS384: "RSASSA_PSS_SHA_384",
  PS512: "RSASSA_PSS_SHA_512",
  ES256: "ECDSA_SHA_256",
  ES384: "ECDSA_SHA_384",
  ES512: "ECDSA_SHA_512",
  ES256K: "ECDSA_SHA_256",
  Ed25519: "ED25519_SHA_512",
} satisfies Record<SignatureAlgorithm | "__proto__", string>;

/** `Message` of Sign and Verify: 1 to 4,096 bytes in the model, whatever the page says of 0. */
export const MESSAGE_MIN_BYTES = 1;
export const MESSAGE_MAX_BYTES = 4096;

/** The `KeySpec` of the only keys that rotate in place. */
export const SYMMETRIC = "SYMMETRIC_DEFAULT";

/** `KeySpec`. */
const KEY_TYPES: Readonly<Record<string, KeyType>> = {
  __proto__: null as never,
  SYMMETRIC_DEFAULT: "AES-256",
  RSA_2048: "RSA-2048",
  RSA_3072: "RSA-3072",
  RSA_4096: "RSA-4096",
  ECC_NIST_P256: "P-256",
  ECC_NIST_P384: "P-384",
  ECC_NIST_P521: "P-521",
  ECC_SECG_P256K1: "secp256k1",
  ECC_NIST_EDWARDS25519: "Ed25519",
  ML_DSA_44: "ML-DSA-44",
  ML_DSA_65: "ML-DSA-65",
  ML_DSA_87: "ML-DSA-87",
  HMAC_224: "HMAC-224",
  HMAC_256: "HMAC-256",
  HMAC_384: "HMAC-384",
  HMAC_512: "HMAC-512",
};

const STATES: Readonly<Record<string, KeyState>> = {
  __proto__: null as never,
  Creating: "creating",
  Enabled: "enabled",
  Disabled: "disabled",
  PendingDeletion: "pending-deletion",
  PendingReplicaDeletion: "pending-deletion",
  PendingImport: "pending-import",
  Unavailable: "unavailable",
  Updating: "updating",
};

/** `KeyUsage`: a key has one for life. */
const USES: Readonly<Record<string, readonly KeyUse[]>> = {
  __proto__: null as never,
  SIGN_VERIFY: ["sign", "verify"],
  ENCRYPT_DECRYPT: ["encrypt", "decrypt"],
  GENERATE_VERIFY_MAC: ["generateMac", "verifyMac"],
  KEY_AGREEMENT: ["deriveKey"],
};

type Material = Pick<KeyMetadata, "origin" | "protection">;

/** `Origin`. What KMS holds itself it holds in hardware modules (Developer Guide, "AWS KMS keys"). */
const MATERIAL: Readonly<Record<string, Material>> = {
  __proto__: null as never,
  AWS_KMS: { origin: "service", protection: "hsm" },
  EXTERNAL: { origin: "imported", protection: "hsm" },
  AWS_CLOUDHSM: { origin: "service", protection: "hsm" },
  EXTERNAL_KEY_STORE: { origin: "external", protection: "external" },
};

/** The `SigningAlgorithm` of a JOSE name, or undefined when KMS has none. */
export function signingAlgorithmOf(algorithm: string): string | undefined {
  return SIGNING[algorithm];
}

/** What Sign takes: a message as it is, or its digest; Ed25519 the message only. */
export function inputRule(algorithm: SignatureAlgorithm): InputRule | undefined {
  if (signingAlgorithmOf(algorithm) === undefined) return undefined;
  const { hash } = findAlgorithm(algorithm) as AlgorithmFacts;
  return { messageMinBytes: MESSAGE_MIN_BYTES, messageMaxBytes: MESSAGE_MAX_BYTES, digest: hash !== undefined };
}

/** The one word for a key spec; one that is new here stays as it is. */
export function keyTypeOfSpec(spec: string): KeyType {
  return KEY_TYPES[spec] ?? spec;
}

/** The signature algorithms in a list of the service's that a key of that type can be used with. */
export function algorithmsIn(names: readonly string[], keyType: KeyType): SignatureAlgorithm[] {
  return algorithmsOf(keyType).filter((algorithm) => names.includes(SIGNING[algorithm] as string));
}

/** A state that is new here is at least not one in which the key is known to work. */
export function keyStateOf(state: string): KeyState {
  return STATES[state] ?? "unavailable";
}

/** None for a usage that is new here, or that has no word of ours. */
export function usesOf(usage: string | undefined): readonly KeyUse[] {
  return USES[usage ?? ""] ?? [];
}

export function materialOf(origin: string | undefined): Material {
  return MATERIAL[origin ?? ""] ?? {};
}
