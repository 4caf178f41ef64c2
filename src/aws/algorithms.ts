/** JOSE words on one side, the words of AWS KMS on the other. Lookups have no prototype, so that `__proto__` finds nothing. */
import { algorithmsOf, findAlgorithm, type AlgorithmFacts, type KeyType, type SignatureAlgorithm } from "../algorithms.js";
import type { InputRule } from "../kms/provider.js";
import type { KeyMetadata, KeyState, KeyUse } from "../kms/results.js";

/** What a `SigningAlgorithmSpec` begins with; it ends with the hash. */
const SCHEMES: Readonly<Record<AlgorithmFacts["scheme"], string>> = { "rsa-pkcs1": "RSASSA_PKCS1_V1_5", "rsa-pss": "RSASSA_PSS", ecdsa: "ECDSA", eddsa: "ED25519" };

/** The `KeySpec` of the only keys that rotate in place. */
export const SYMMETRIC = "SYMMETRIC_DEFAULT";

/** Each `KeySpec` that is not our word with underscores. */
const KEY_TYPES: Readonly<Record<string, KeyType>> = {
  __proto__: null as never,
  [SYMMETRIC]: "AES-256",
  ECC_SECG_P256K1: "secp256k1",
  ECC_NIST_EDWARDS25519: "Ed25519",
};

/** `KeyUsage`: a key has one for life. */
const USES: Readonly<Record<string, readonly KeyUse[]>> = {
  __proto__: null as never,
  SIGN_VERIFY: ["sign", "verify"],
  ENCRYPT_DECRYPT: ["encrypt", "decrypt"],
  GENERATE_VERIFY_MAC: ["generateMac", "verifyMac"],
  KEY_AGREEMENT: ["deriveKey"],
};

/** `Origin`. */
const ORIGINS: Readonly<Record<string, KeyMetadata["origin"]>> = {
  __proto__: null as never,
  AWS_KMS: "service",
  EXTERNAL: "imported",
  AWS_CLOUDHSM: "service",
  EXTERNAL_KEY_STORE: "external",
};

/** The `SigningAlgorithm` of a JOSE name, or undefined when KMS has none. One name serves ES256 and ES256K: there the key's curve decides. */
export function signingAlgorithmOf(algorithm: string): string | undefined {
  const facts = findAlgorithm(algorithm);
  return facts && `${SCHEMES[facts.scheme]}_${(facts.hash ?? "SHA-512").replace("-", "_")}`;
}

/** What Sign takes: a message of 1 to 4,096 bytes (so the model, whatever the page says of 0), or its digest; Ed25519 the message only. */
export function inputRule(algorithm: SignatureAlgorithm): InputRule | undefined {
  const facts = findAlgorithm(algorithm);
  return facts && { messageMinBytes: 1, messageMaxBytes: 4096, digest: facts.hash !== undefined };
}

/** The one word for a key spec; one that is new here stays as it is. */
export function keyTypeOfSpec(spec: string): KeyType {
  return KEY_TYPES[spec] ?? spec.replace(/^ECC_NIST_P(\d+)$/, "P-$1").replace(/^(RSA|HMAC|ML_DSA)_\d+$/, (word) => word.replaceAll("_", "-"));
}

/** The signature algorithms in a list of the service's that a key of that type can be used with. */
export function algorithmsIn(names: readonly string[], keyType: KeyType): SignatureAlgorithm[] {
  return algorithmsOf(keyType).filter((algorithm) => names.includes(signingAlgorithmOf(algorithm) as string));
}

/** `PendingReplicaDeletion` is `pending-deletion`. A state that is new here is at least not one in which the key is known to work. */
export function keyStateOf(state: string): KeyState {
  const known = /^(Creating|Enabled|Disabled|Updating|Pending(Import|(Replica)?Deletion))$/.test(state);
  return known ? (state.replace(/^Pending(Replica)?/, "pending-").toLowerCase() as KeyState) : "unavailable";
}

/** None for a usage that is new here, or that has no word of ours. */
export function usesOf(usage: string | undefined): readonly KeyUse[] {
  return USES[usage ?? ""] ?? [];
}

/** What KMS holds itself it holds in hardware modules (Developer Guide, "AWS KMS keys"). */
export function materialOf(origin: string | undefined): Pick<KeyMetadata, "origin" | "protection"> {
  const known = ORIGINS[origin ?? ""];
  return known === undefined ? {} : { origin: known, protection: known === "external" ? known : "hsm" };
}
