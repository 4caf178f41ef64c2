/** Which key specs the emulated KMS has, what each can be used for, and what its algorithms are. */
import { invalid } from "./failure.js";
import type { EmulatedKeyType, SignScheme } from "../keys.js";

/** `KeySpec` of AWS KMS, as far as it is emulated. */
export type AwsKeySpec =
  | "SYMMETRIC_DEFAULT"
  | "RSA_2048"
  | "RSA_3072"
  | "RSA_4096"
  | "ECC_NIST_P256"
  | "ECC_NIST_P384"
  | "ECC_NIST_P521"
  | "ECC_SECG_P256K1"
  | "ECC_NIST_EDWARDS25519"
  | "HMAC_224"
  | "HMAC_256"
  | "HMAC_384"
  | "HMAC_512";

/** `KeyUsage` of AWS KMS. */
export type AwsKeyUsage = "SIGN_VERIFY" | "ENCRYPT_DECRYPT" | "GENERATE_VERIFY_MAC" | "KEY_AGREEMENT";

export interface KeySpecFacts {
  readonly keyType: EmulatedKeyType;
  /** `UpdateAlias` moves an alias between keys of one family only. */
  readonly family: "symmetric" | "asymmetric" | "hmac";
  /** The usages it can have, the usual one first, with the algorithms of each. */
  readonly usages: Readonly<Partial<Record<AwsKeyUsage, readonly string[]>>>;
}

const RSA_SIGNING = ["PKCS1_V1_5", "PSS"].flatMap((padding) => [256, 384, 512].map((bits) => `RSASSA_${padding}_SHA_${bits}`));

function rsa(keyType: EmulatedKeyType): KeySpecFacts {
  const encryption = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];
  return { keyType, family: "asymmetric", usages: { SIGN_VERIFY: RSA_SIGNING, ENCRYPT_DECRYPT: encryption } };
}

function ecc(keyType: EmulatedKeyType, ...algorithms: string[]): KeySpecFacts {
  return { keyType, family: "asymmetric", usages: { SIGN_VERIFY: algorithms } };
}

function nist(keyType: EmulatedKeyType, algorithm: string): KeySpecFacts {
  return { keyType, family: "asymmetric", usages: { SIGN_VERIFY: [algorithm], KEY_AGREEMENT: ["ECDH"] } };
}

function hmac(bits: 224 | 256 | 384 | 512): KeySpecFacts {
  return { keyType: `HMAC-${bits}`, family: "hmac", usages: { GENERATE_VERIFY_MAC: [`HMAC_SHA_${bits}`] } };
}

/** AWS wire sheet 2.5. */
export const KEY_SPECS: Readonly<Record<AwsKeySpec, KeySpecFacts>> = Object.assign(Object.create(null) as object, {
  SYMMETRIC_DEFAULT: { keyType: "AES-256", family: "symmetric", usages: { ENCRYPT_DECRYPT: ["SYMMETRIC_DEFAULT"] } },
  RSA_2048: rsa("RSA-2048"),
  RSA_3072: rsa("RSA-3072"),
  RSA_4096: rsa("RSA-4096"),
  ECC_NIST_P256: nist("P-256", "ECDSA_SHA_256"),
  ECC_NIST_P384: nist("P-384", "ECDSA_SHA_384"),
  ECC_NIST_P521: nist("P-521", "ECDSA_SHA_512"),
  ECC_SECG_P256K1: ecc("secp256k1", "ECDSA_SHA_256"),
  ECC_NIST_EDWARDS25519: ecc("Ed25519", "ED25519_SHA_512", "ED25519_PH_SHA_512"),
  HMAC_224: hmac(224),
  HMAC_256: hmac(256),
  HMAC_384: hmac(384),
  HMAC_512: hmac(512),
} satisfies Record<AwsKeySpec, KeySpecFacts>);

/** The service has these too; here they are refused as a region refuses what it does not offer. */
const NOT_EMULATED = ["SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"];

/** Values that `KeySpec` can have, in the order in which the service listed them, with later ones behind. */
export const KEY_SPEC_VALUES = [
  ...["RSA_2048", "ECC_NIST_P384", "ECC_NIST_P256", "ECC_NIST_P521", "HMAC_384", "RSA_3072", "ECC_SECG_P256K1", "RSA_4096"],
  ...["SYMMETRIC_DEFAULT", "HMAC_256", "HMAC_224", "HMAC_512", "ECC_NIST_EDWARDS25519"],
  ...NOT_EMULATED,
];

export const KEY_USAGE_VALUES = ["SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"];

/** Member of the metadata and of the public key that lists the algorithms of a usage. */
export const ALGORITHM_MEMBER: Readonly<Record<AwsKeyUsage, string>> = {
  SIGN_VERIFY: "SigningAlgorithms",
  ENCRYPT_DECRYPT: "EncryptionAlgorithms",
  GENERATE_VERIFY_MAC: "MacAlgorithms",
  KEY_AGREEMENT: "KeyAgreementAlgorithms",
};

/** What a signing algorithm means. `ED25519_PH_SHA_512` has no scheme: WebCrypto lacks it. */
export interface SigningFacts {
  readonly scheme?: SignScheme;
  readonly messageTypes: readonly string[];
  /** Bytes of a `DIGEST`. */
  readonly digestBytes: number;
}

function signing(scheme: SignScheme["scheme"], bits: 256 | 384 | 512): SigningFacts {
  return { scheme: { scheme, hash: `SHA-${bits}` }, messageTypes: ["RAW", "DIGEST"], digestBytes: bits / 8 };
}

/** AWS wire sheet 2.7; a salt as long as the hash is what the scheme defaults to. */
const SIGNING: Readonly<Record<string, SigningFacts>> = Object.assign(Object.create(null) as object, {
  RSASSA_PKCS1_V1_5_SHA_256: signing("rsa-pkcs1", 256),
  RSASSA_PKCS1_V1_5_SHA_384: signing("rsa-pkcs1", 384),
  RSASSA_PKCS1_V1_5_SHA_512: signing("rsa-pkcs1", 512),
  RSASSA_PSS_SHA_256: signing("rsa-pss", 256),
  RSASSA_PSS_SHA_384: signing("rsa-pss", 384),
  RSASSA_PSS_SHA_512: signing("rsa-pss", 512),
  ECDSA_SHA_256: signing("ecdsa", 256),
  ECDSA_SHA_384: signing("ecdsa", 384),
  ECDSA_SHA_512: signing("ecdsa", 512),
  ED25519_SHA_512: { scheme: { scheme: "eddsa" }, messageTypes: ["RAW"], digestBytes: 64 },
  ED25519_PH_SHA_512: { messageTypes: ["DIGEST"], digestBytes: 64 },
} satisfies Record<string, SigningFacts>);

export const SIGNING_ALGORITHM_VALUES = [...Object.keys(SIGNING), "ML_DSA_SHAKE_256", "SM2DSA"];

/** In the order of the service's own message. */
export const MAC_ALGORITHM_VALUES = ["HMAC_SHA_384", "HMAC_SHA_256", "HMAC_SHA_224", "HMAC_SHA_512"];

/** The facts of an algorithm that some key of these specs has. */
export function signingFacts(algorithm: string): SigningFacts {
  const facts = SIGNING[algorithm];
  if (facts === undefined) throw invalid(`${algorithm} is not emulated`);
  return facts;
}

export function keySpecFacts(spec: string): KeySpecFacts | undefined {
  return (KEY_SPECS as Readonly<Record<string, KeySpecFacts>>)[spec];
}

/** The spec of a key type, or undefined for one that KMS does not have. */
export function keySpecOf(keyType: string): AwsKeySpec | undefined {
  return (Object.keys(KEY_SPECS) as AwsKeySpec[]).find((spec) => KEY_SPECS[spec].keyType === keyType);
}
