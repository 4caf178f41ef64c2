/** Transit's words for what JOSE names mean. */
import { COORDINATE_BYTES, findAlgorithm, type AlgorithmFacts, type EcCurve, type KeyType, type SignatureAlgorithm } from "../algorithms.js";
import type { Bytes } from "../encoding/bytes.js";
import type { InputRule } from "../kms/provider.js";

/** Over this a message is hashed here: base64 grows by a third, and a JSON string may have 1 MiB. */
const MESSAGE_MAX_BYTES = 700 * 1024;

/** Transit has no secp256k1. */
export function inputRule(algorithm: SignatureAlgorithm): InputRule | undefined {
  const facts = findAlgorithm(algorithm);
  if (facts === undefined || facts.curve === "secp256k1") return undefined;
  return { messageMaxBytes: MESSAGE_MAX_BYTES, digest: facts.hash !== undefined };
}

/** Parameters of `sign` and `verify`, all spelt out: nothing is left to a default (RSA would sign with PSS and the longest salt). */
export type TransitParameters = Readonly<Record<string, string>>;

const BY_SCHEME: Readonly<Record<AlgorithmFacts["scheme"], TransitParameters>> = {
  "rsa-pkcs1": { signature_algorithm: "pkcs1v15" },
  "rsa-pss": { signature_algorithm: "pss", salt_length: "hash" },
  ecdsa: {},
  eddsa: {},
};

/** Ed25519 takes neither a hash nor `prehashed`: newer Vault refuses them. Transit writes SHA-256 as `sha2-256`. */
export function transitParameters(algorithm: SignatureAlgorithm): TransitParameters {
  const { scheme, hash } = findAlgorithm(algorithm) as AlgorithmFacts;
  return { ...(hash && { hash_algorithm: hash.replace("SHA", "sha2") }), ...BY_SCHEME[scheme], marshaling_algorithm: "asn1" };
}

const RSA_BYTES: readonly number[] = [256, 384, 512];
/** Width of the next smaller curve that Transit has. */
const SMALLER: Readonly<Partial<Record<EcCurve, number>>> = { "P-384": 32, "P-521": 48 };

/**
 * Whether a signature (ECDSA as r and s side by side) can be one of a key for this algorithm. Transit does not look: it signs and
 * verifies with whatever key there is, any hash goes with any curve, and RSA parameters are passed over for other keys. A signature
 * on P-384 has r and s under 2^256 by chance once in 2^256, one on P-521 under 2^384 once in 2^274.
 */
export function isSignatureOf({ scheme, curve }: AlgorithmFacts, signature: Bytes): boolean {
  if (scheme === "eddsa") return signature.length === 64;
  if (scheme !== "ecdsa") return RSA_BYTES.includes(signature.length);
  const width = COORDINATE_BYTES[curve as EcCurve];
  const spare = width - (SMALLER[curve as EcCurve] ?? 0);
  return signature.length === 2 * width && [0, width].some((from) => signature.subarray(from, from + spare).some((byte) => byte !== 0));
}

const KEY_TYPES: Readonly<Record<string, KeyType>> = {
  __proto__: null as never,
  "rsa-2048": "RSA-2048",
  "rsa-3072": "RSA-3072",
  "rsa-4096": "RSA-4096",
  "ecdsa-p256": "P-256",
  "ecdsa-p384": "P-384",
  "ecdsa-p521": "P-521",
  ed25519: "Ed25519",
  "aes128-gcm96": "AES-128",
  "aes256-gcm96": "AES-256",
  "aes128-cbc": "AES-128",
  "aes256-cbc": "AES-256",
};

/** The key type in the words of this library; a type without one there is reported as Transit spells it. */
export function vaultKeyType(type: string, keySizeBytes: number | undefined): KeyType {
  if (type === "hmac" && keySizeBytes !== undefined) return `HMAC-${keySizeBytes * 8}`;
  return KEY_TYPES[type] ?? type;
}
