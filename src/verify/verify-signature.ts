/** Checking a signature here, on WebCrypto, with no request. */
import type { AlgorithmFacts, EcCurve, SignatureAlgorithm, SignatureEncoding } from "../algorithms.js";
import { asBytes, type Bytes } from "../encoding/bytes.js";
import { isEcdsaInRange, readEcdsaDer } from "../encoding/ecdsa.js";
import { ValidationError } from "../errors.js";
import { DIGEST_BYTES, subtleCrypto } from "../hasher.js";
import type { PublicJwk } from "../jwk/types.js";
import { cryptoKeyOf, factsOf, readPublicKey, unsupported, type PublicKeyInput } from "./crypto-key.js";

/** What {@link verifySignature} is given. */
export interface VerifySignatureInput {
  /** A JWK, an object that holds one as `jwk`, or SubjectPublicKeyInfo in DER. */
  readonly publicKey: PublicKeyInput;
  /** Decided by you, never taken from the message or the signature. */
  readonly algorithm: SignatureAlgorithm | "EdDSA";
  /** The message itself, not its digest; must not change until the answer is there. */
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
  /** By default `ieee-p1363` for ES256, ES384 and ES512, and `raw`, their only form, for the others. */
  readonly encoding?: SignatureEncoding | undefined;
}

interface SignedData {
  readonly data: Bytes;
  readonly signature: Bytes;
  readonly encoding: SignatureEncoding | undefined;
}

/** RFC 8032 section 5.1.6: 64 bytes. */
const ED25519_BITS = 512;

/**
 * Whether a signature is one of that message under that key. Everything that is wrong with the signature itself is
 * `false`: its length, form, range, or an encoding that the algorithm does not have. A throw means that the question
 * cannot be answered: the key, the algorithm or an argument is not what it must be, or the runtime lacks the algorithm.
 *
 * `PS*` takes a salt exactly as long as the hash. Sends nothing.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when an argument has another type, the algorithm or encoding is
 *   unknown, or the algorithm none for that type of key
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK`, `ERR_KMS_INVALID_ENCODING` when the public key is not acceptable, or not for verifying this
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` for ES256K, and what else this runtime's WebCrypto lacks
 * @see RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1, FIPS 186-5 section 6.4.2
 * @example
 * ```ts
 * const { jwk } = await kms.getPublicKey();
 * const valid = await verifySignature({ publicKey: jwk, algorithm: "ES256", data, signature });
 * ```
 */
export async function verifySignature(input: VerifySignatureInput): Promise<boolean> {
  // Own properties, read once: a polluted prototype adds no encoding.
  const { publicKey, algorithm, encoding, ...bytes } = { __proto__: null, ...input };
  const facts = factsOf(algorithm);
  const data = asBytes(bytes.data, "data");
  const signature = asBytes(bytes.signature, "signature");
  if (encoding !== undefined && !["raw", "der", "ieee-p1363"].includes(encoding)) {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "encoding must be raw, der or ieee-p1363");
  }
  return verifyWithJwk(readPublicKey(publicKey), facts, { data, signature, encoding });
}

/** The same for a key from `checkJwk`, and arguments that were checked already. */
export async function verifyWithJwk(jwk: PublicJwk, facts: AlgorithmFacts, { data, signature, encoding }: SignedData): Promise<boolean> {
  const key = await cryptoKeyOf(jwk, facts);
  const candidate = facts.scheme === "ecdsa" ? ecdsaCandidate(signature, facts, encoding) : rawCandidate(signature, key, encoding);
  return candidate !== undefined && (await verifyWith(key, facts, candidate, data));
}

/** The signature as P1363 if it can be one at all. */
function ecdsaCandidate(signature: Bytes, facts: AlgorithmFacts, encoding: SignatureEncoding = "ieee-p1363"): Bytes | undefined {
  const curve = facts.curve as EcCurve; // each ecdsa algorithm has one
  const candidate = encoding === "der" ? readEcdsaDer(signature, curve) : signature;
  return encoding !== "raw" && candidate !== undefined && isEcdsaInRange(candidate, curve) ? candidate : undefined;
}

/** The signature if it has the one length there is: workerd throws where others answer false to another. */
function rawCandidate(signature: Bytes, key: CryptoKey, encoding: SignatureEncoding = "raw"): Bytes | undefined {
  const { modulusLength = ED25519_BITS } = key.algorithm as Partial<RsaKeyAlgorithm>;
  // RFC 8017 section 8.2.2 step 1.
  return encoding === "raw" && signature.length === Math.ceil(modulusLength / 8) ? signature : undefined;
}

/** WebCrypto reads what belongs to the name: `hash` for ECDSA, `saltLength` for PSS. */
async function verifyWith(key: CryptoKey, { name, hash }: AlgorithmFacts, signature: Bytes, data: Bytes): Promise<boolean> {
  const parameters = { name: key.algorithm.name, hash, saltLength: hash && DIGEST_BYTES[hash] };
  try {
    return await subtleCrypto().verify(parameters, key, signature, data);
  } catch {
    throw unsupported(name);
  }
}
