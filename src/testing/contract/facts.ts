/**
 * What algorithm names mean, written apart from the rest of the library, so that the suite does not repeat a mistake of
 * it: RFC 7518 sections 3.3 to 3.5, RFC 8812 section 3.2, RFC 8037 section 3.1.
 */
import type { SignatureAlgorithm } from "../../algorithms.js";
import type { Bytes } from "../../encoding/bytes.js";
import type { ContractKeyType } from "../contract.js";

interface Meaning {
  readonly family: "RSA" | "EC" | "OKP";
  /** Of an EC or OKP key. */
  readonly curve?: ContractKeyType;
  readonly hash?: "SHA-256" | "SHA-384" | "SHA-512";
  /** WebCrypto's name; absent where it has none. */
  readonly web?: string;
}

const MEANINGS: Readonly<Record<SignatureAlgorithm, Meaning>> = {
  RS256: { family: "RSA", hash: "SHA-256", web: "RSASSA-PKCS1-v1_5" },
  RS384: { family: "RSA", hash: "SHA-384", web: "RSASSA-PKCS1-v1_5" },
  RS512: { family: "RSA", hash: "SHA-512", web: "RSASSA-PKCS1-v1_5" },
  PS256: { family: "RSA", hash: "SHA-256", web: "RSA-PSS" },
  PS384: { family: "RSA", hash: "SHA-384", web: "RSA-PSS" },
  PS512: { family: "RSA", hash: "SHA-512", web: "RSA-PSS" },
  ES256: { family: "EC", curve: "P-256", hash: "SHA-256", web: "ECDSA" },
  ES384: { family: "EC", curve: "P-384", hash: "SHA-384", web: "ECDSA" },
  ES512: { family: "EC", curve: "P-521", hash: "SHA-512", web: "ECDSA" },
  ES256K: { family: "EC", curve: "secp256k1", hash: "SHA-256" },
  Ed25519: { family: "OKP", curve: "Ed25519", web: "Ed25519" },
};

export const ALL_ALGORITHMS = Object.keys(MEANINGS) as SignatureAlgorithm[];

const HASH_BYTES = { "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 } as const;

/** Bytes of a signature; of ECDSA with r and s side by side. */
export const SIGNATURE_BYTES: Readonly<Record<ContractKeyType, number>> = {
  "RSA-2048": 256,
  "RSA-3072": 384,
  "RSA-4096": 512,
  "P-256": 64,
  "P-384": 96,
  "P-521": 132,
  secp256k1: 64,
  Ed25519: 64,
};

/** Orders of the groups: NIST SP 800-186 section 3.2.1, SEC 2 section 2.4.1. */
const ORDERS: Readonly<Record<string, string>> = {
  "P-256": "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
  "P-384": "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  "P-521": "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
  secp256k1: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
};

export function meaningOf(algorithm: SignatureAlgorithm): Meaning {
  return MEANINGS[algorithm];
}

/** Those that fit a key type; the first is what a manager takes when none is named. */
export function algorithmsFor(keyType: ContractKeyType): readonly SignatureAlgorithm[] {
  return ALL_ALGORITHMS.filter((algorithm) => {
    const { family, curve } = MEANINGS[algorithm];
    return family === "RSA" ? keyType.startsWith("RSA-") : curve === keyType;
  });
}

export function defaultFor(keyType: ContractKeyType): SignatureAlgorithm {
  return algorithmsFor(keyType)[0] as SignatureAlgorithm;
}

/** Bytes of the digest that the algorithm signs; 0 for Ed25519. */
export function digestBytes(algorithm: SignatureAlgorithm): number {
  const { hash } = MEANINGS[algorithm];
  return hash === undefined ? 0 : HASH_BYTES[hash];
}

export async function digestFor(algorithm: SignatureAlgorithm, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest(MEANINGS[algorithm].hash as string, data));
}

/** Verifies with WebCrypto alone; undefined where the runtime has no such algorithm. Of ECDSA r and s side by side. */
export async function verifyHere(spki: Bytes, algorithm: SignatureAlgorithm, data: Bytes, signature: Bytes): Promise<boolean | undefined> {
  const { web: name, hash, curve } = MEANINGS[algorithm];
  if (name === undefined) return undefined;
  const form = { name, ...(hash === undefined ? {} : { hash }), ...(curve === undefined ? {} : { namedCurve: curve }) };
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("spki", spki, form, false, ["verify"]);
  } catch (error) {
    // Not every runtime has Ed25519; the other ones are everywhere.
    if (name === "Ed25519" && (error as Error).name === "NotSupportedError") return undefined;
    throw new Error("expected the published SPKI to be one that WebCrypto imports", { cause: error });
  }
  return crypto.subtle.verify({ ...form, ...(name === "RSA-PSS" ? { saltLength: digestBytes(algorithm) } : {}) }, key, signature, data);
}

/** r and s of a signature in either form; DER is SEQUENCE of two INTEGERs with lengths of one byte, or of two from 128 on. */
export function ecdsaNumbers(signature: Bytes, encoding: string): { readonly r: bigint; readonly s: bigint } {
  if (encoding !== "der") return { r: numberOf(signature.subarray(0, signature.length / 2)), s: numberOf(signature.subarray(signature.length / 2)) };
  const start = signature[1] === 0x81 ? 3 : 2;
  const end = start + 2 + (signature[start + 1] as number);
  return { r: numberOf(signature.subarray(start + 2, end)), s: numberOf(signature.subarray(end + 2)) };
}

/** Whether s is in the lower half of the group. */
export function isLow(s: bigint, keyType: ContractKeyType): boolean {
  return s <= BigInt(`0x${ORDERS[keyType]}`) / 2n;
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
}
