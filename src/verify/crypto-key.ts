/** Checked keys on WebCrypto: imported in a clean form, and shown only what can be a signature. */
import type { AlgorithmFacts, EcCurve, SignatureAlgorithm } from "../algorithms.js";
import type { Bytes } from "../encoding/bytes.js";
import { isEcdsaInRange } from "../encoding/ecdsa.js";
import { ValidationError } from "../errors.js";
import { DIGEST_BYTES, subtleCrypto } from "../hasher.js";
import { bareJwk } from "../jwk/check.js";
import type { PublicJwk } from "../jwk/types.js";

/** By algorithm, and under the frozen object of our parser: what a caller can still change is read anew each time. */
const imported = /* @__PURE__ */ new WeakMap<PublicJwk, Map<SignatureAlgorithm, CryptoKey>>();

const NAMES = { "rsa-pkcs1": "RSASSA-PKCS1-v1_5", "rsa-pss": "RSA-PSS", ecdsa: "ECDSA", eddsa: "Ed25519" } as const;

/** RFC 8032 section 5.1.6: 64 bytes. */
const ED25519_BITS = 512;

/**
 * A key from `checkJwk`, of a type that fits the algorithm, as a `CryptoKey` that verifies. Kept as long as the JWK is.
 *
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` when no WebCrypto has the algorithm (ES256K), or this one does not
 * @see Web Cryptography API, importKey
 */
export async function cryptoKeyOf(jwk: PublicJwk, facts: AlgorithmFacts): Promise<CryptoKey> {
  const keys = imported.get(jwk) ?? new Map<SignatureAlgorithm, CryptoKey>();
  imported.set(jwk, keys);
  const key = keys.get(facts.name) ?? (await importJwk(jwk, facts));
  keys.set(facts.name, key);
  return key;
}

async function importJwk(jwk: PublicJwk, facts: AlgorithmFacts): Promise<CryptoKey> {
  // Before any import, for runtimes disagree on the error: no WebCrypto has this curve.
  if (facts.curve === "secp256k1") throw unsupported(facts);
  const subtle = subtleCrypto();
  // Some runtimes stumble over `alg: "Ed25519"`. Without a prototype, for WebCrypto reads inherited members too.
  const numbers = { __proto__: null, ...bareJwk(jwk) } as never;
  try {
    return await subtle.importKey("jwk", numbers, parametersOf(facts), true, ["verify"]);
  } catch {
    // The key passed our checks, so it is the runtime that lacks something. Its error may quote the key.
    throw unsupported(facts);
  }
}

interface SignedData {
  readonly data: Bytes;
  /** As P1363 where it is one of ECDSA; undefined when it cannot be one. */
  readonly signature: Bytes | undefined;
}

/**
 * Whether a signature is one of that data under a key from `checkJwk`, of a type that fits the algorithm.
 *
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` as above
 */
export async function verifyWithJwk(jwk: PublicJwk, facts: AlgorithmFacts, { data, signature }: SignedData): Promise<boolean> {
  const key = await cryptoKeyOf(jwk, facts);
  // RFC 8017 section 8.2.2 step 1. What has another length than the one there is makes workerd throw, where others answer false.
  const { modulusLength = ED25519_BITS } = key.algorithm as Partial<RsaKeyAlgorithm>;
  const width = Math.ceil(modulusLength / 8);
  if (signature === undefined || !(facts.scheme === "ecdsa" ? isEcdsaInRange(signature, facts.curve as EcCurve) : signature.length === width)) return false;
  try {
    return await subtleCrypto().verify(parametersOf(facts), key, signature, data);
  } catch {
    throw unsupported(facts);
  }
}

/** For both operations: WebCrypto reads what belongs to the name. */
function parametersOf({ scheme, hash, curve }: AlgorithmFacts): never {
  return { name: NAMES[scheme], hash, namedCurve: curve, saltLength: hash && DIGEST_BYTES[hash] } as never;
}

/** The one error for what cannot be verified here. */
function unsupported({ name }: AlgorithmFacts): ValidationError {
  return new ValidationError("ERR_KMS_UNSUPPORTED", `WebCrypto here does not verify ${name}: pass remote: true`);
}
