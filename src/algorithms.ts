/** JOSE facts: which signature algorithms there are, what each means, and which key fits. */
import type { HashName } from "./hasher.js";

/** Names of RFC 7518, RFC 8812 and RFC 9864. `EdDSA` is accepted as another spelling of `Ed25519`. */
export type SignatureAlgorithm =
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "ES256K"
  | "Ed25519";

/** Curves of ECDSA keys, as RFC 7518 and RFC 8812 name them. */
export type EcCurve = "P-256" | "P-384" | "P-521" | "secp256k1";

/** One word that says type and size of a key. */
export type KeyType =
  | "RSA-2048"
  | "RSA-3072"
  | "RSA-4096"
  | EcCurve
  | "Ed25519"
  | "ML-DSA-44"
  | "ML-DSA-65"
  | "ML-DSA-87"
  | "HMAC-224"
  | "HMAC-256"
  | "HMAC-384"
  | "HMAC-512"
  | "AES-128"
  | "AES-192"
  | "AES-256"
  | (string & {}); // what a service adds later is reported as it is

/** How the bytes of a signature are laid out: RSA and Ed25519 have one form, ECDSA has two. */
export type SignatureEncoding = "raw" | "der" | "ieee-p1363";

/** What an algorithm name means, everywhere. */
export interface AlgorithmFacts {
  readonly name: SignatureAlgorithm;
  /** `rsa-pss` is MGF1 with the same hash and a salt as long as the hash. */
  readonly scheme: "rsa-pkcs1" | "rsa-pss" | "ecdsa" | "eddsa";
  /** Absent for Ed25519, which signs the message itself. */
  readonly hash?: HashName;
  /** The only curve that fits; absent for RSA. */
  readonly curve?: EcCurve | "Ed25519";
}

/** Bytes of one coordinate and of each half of a signature. */
export const COORDINATE_BYTES: Readonly<Record<EcCurve, number>> = { "P-256": 32, "P-384": 48, "P-521": 66, secp256k1: 32 };

/** Whether a value is the name of an elliptic curve, as a key's `crv` says it. */
export function isEcCurve(value: unknown): value is EcCurve {
  return typeof value === "string" && Object.hasOwn(COORDINATE_BYTES, value);
}

/** Strongest habit first: the first that fits a key is its default. */
export const ALGORITHMS: readonly AlgorithmFacts[] = [
  { name: "RS256", scheme: "rsa-pkcs1", hash: "SHA-256" },
  { name: "RS384", scheme: "rsa-pkcs1", hash: "SHA-384" },
  { name: "RS512", scheme: "rsa-pkcs1", hash: "SHA-512" },
  { name: "PS256", scheme: "rsa-pss", hash: "SHA-256" },
  { name: "PS384", scheme: "rsa-pss", hash: "SHA-384" },
  { name: "PS512", scheme: "rsa-pss", hash: "SHA-512" },
  { name: "ES256", scheme: "ecdsa", hash: "SHA-256", curve: "P-256" },
  { name: "ES384", scheme: "ecdsa", hash: "SHA-384", curve: "P-384" },
  { name: "ES512", scheme: "ecdsa", hash: "SHA-512", curve: "P-521" },
  { name: "ES256K", scheme: "ecdsa", hash: "SHA-256", curve: "secp256k1" },
  { name: "Ed25519", scheme: "eddsa", curve: "Ed25519" },
];

/** The facts of a name, `EdDSA` included, or undefined for any other value. */
export function findAlgorithm(name: unknown): AlgorithmFacts | undefined {
  return ALGORITHMS.find((facts) => facts.name === (name === "EdDSA" ? "Ed25519" : name));
}

/** The algorithms a key type can be used with; the first is its default. */
export function algorithmsOf(keyType: string): readonly SignatureAlgorithm[] {
  return ALGORITHMS.filter(({ scheme, curve }) => (scheme.startsWith("rsa-") ? keyType.startsWith("RSA-") : keyType === curve)).map(({ name }) => name);
}
