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

/** Bytes by which a number of a curve is longer than one of the next smaller curve that Transit has. */
const LONGER: Readonly<Partial<Record<EcCurve, number>>> = { "P-256": 32, "P-384": 16, "P-521": 18 };

/**
 * Whether a signature (ECDSA as r and s side by side) can be one of a key for this algorithm. Transit does not look: it signs and
 * verifies with whatever key there is, any hash goes with any curve, and RSA parameters are passed over for other keys. A signature
 * on P-384 has r and s under 2^256 by chance once in 2^256, one on P-521 under 2^384 once in 2^274.
 */
export function isSignatureOf({ scheme, curve }: AlgorithmFacts, signature: Bytes): boolean {
  if (scheme === "eddsa") return signature.length === 64;
  if (scheme !== "ecdsa") return [256, 384, 512].includes(signature.length);
  const width = COORDINATE_BYTES[curve as EcCurve];
  const longer = LONGER[curve as EcCurve] as number;
  return signature.length === 2 * width && signature.some((byte, index) => byte !== 0 && index % width < longer);
}

/** The key type in the words of this library; a type without one there is reported as Transit spells it. */
export function vaultKeyType(type: string, keySizeBytes?: number): KeyType {
  if (type === "hmac" && keySizeBytes !== undefined) return `HMAC-${keySizeBytes * 8}`;
  return type
    .replace(/^rsa-(\d{4})$/, "RSA-$1")
    .replace(/^ecdsa-p(\d{3})$/, "P-$1")
    .replace(/^ed25519$/, "Ed25519")
    .replace(/^aes(\d{3})-(gcm96|cbc)$/, "AES-$1");
}
