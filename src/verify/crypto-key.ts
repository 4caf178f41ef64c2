/** Public keys for WebCrypto: checked by our own parser first, and handed over in a clean form. */
import { findAlgorithm, fitsKeyType, type AlgorithmFacts, type SignatureAlgorithm } from "../algorithms.js";
import { isBytes } from "../encoding/bytes.js";
import { ValidationError } from "../errors.js";
import { subtleCrypto } from "../hasher.js";
import { bareJwk, checkJwk, invalidJwk } from "../jwk/check.js";
import { keyTypeOf } from "../jwk/key-type.js";
import { spkiToJwk } from "../jwk/spki.js";
import type { PublicJwk } from "../jwk/types.js";

/** A JWK, an object that holds one as `jwk` (what `getPublicKey` answers), or SubjectPublicKeyInfo in DER. */
export type PublicKeyInput = PublicJwk | { readonly jwk: PublicJwk } | Uint8Array;

/** By algorithm, and under the frozen object of our parser: what a caller can still change is read anew each time. */
const imported = /* @__PURE__ */ new WeakMap<PublicJwk, Map<SignatureAlgorithm, CryptoKey>>();

const NAMES = { "rsa-pkcs1": "RSASSA-PKCS1-v1_5", "rsa-pss": "RSA-PSS", ecdsa: "ECDSA", eddsa: "Ed25519" } as const;

/**
 * A public key as a `CryptoKey` that verifies signatures of that algorithm. The import is kept as long as the JWK is,
 * if the JWK comes from `parseJwk`, `spkiToJwk` or `getPublicKey`; any other is parsed and imported at each call.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK` when the key is none, or its `use`, `key_ops` or `alg` are for something else
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when the bytes are not DER of a public key
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when the algorithm is unknown, or none for that type of key
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` when no WebCrypto has the algorithm (ES256K), or this one does not
 * @see RFC 7517 sections 4.2 to 4.4; Web Cryptography API, importKey
 * @example
 * ```ts
 * const key = await toCryptoKey(jwk, "ES256");
 * ```
 */
export async function toCryptoKey(publicKey: PublicKeyInput, algorithm: SignatureAlgorithm | "EdDSA"): Promise<CryptoKey> {
  return cryptoKeyOf(readPublicKey(publicKey), factsOf(algorithm));
}

/** The same for a key from `checkJwk` and a known algorithm. */
export async function cryptoKeyOf(jwk: PublicJwk, facts: AlgorithmFacts): Promise<CryptoKey> {
  assertForVerifying(jwk, facts);
  const keys = imported.get(jwk) ?? new Map<SignatureAlgorithm, CryptoKey>();
  imported.set(jwk, keys);
  const key = keys.get(facts.name) ?? (await importJwk(jwk, facts));
  keys.set(facts.name, key);
  return key;
}

/**
 * What an algorithm's name means.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`
 */
export function factsOf(algorithm: unknown): AlgorithmFacts {
  const facts = findAlgorithm(algorithm);
  if (facts === undefined) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "unknown signature algorithm");
  return facts;
}

/** The key in any of its forms, checked. */
export function readPublicKey(input: unknown): PublicJwk {
  if (isBytes(input)) return spkiToJwk(input);
  if (typeof input !== "object" || input === null) {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "publicKey must be a JWK, an object with a jwk, or SPKI bytes", {
      hint: "PEM and JWK text go through decodePem and parseJwk first",
    });
  }
  return checkJwk(Object.hasOwn(input, "jwk") ? (input as { readonly jwk: unknown }).jwk : input);
}

/** A key is used only for what it says it is for (RFC 7517 section 4), and only with algorithms of its type. */
function assertForVerifying(jwk: PublicJwk, { name }: AlgorithmFacts): void {
  const own: object = { __proto__: null, ...jwk }; // what the key lacks it does not inherit
  const { alg, use, key_ops: operations } = own as PublicJwk;
  const keyType = keyTypeOf(jwk);
  if (!fitsKeyType(name, keyType)) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `${name} is not for a key of type ${keyType}`);
  if (use !== undefined && use !== "sig") throw unfit("use");
  if (operations !== undefined && !operations.includes("verify")) throw unfit("key_ops");
  if (alg !== undefined && findAlgorithm(alg)?.name !== name) throw unfit("alg");
}

function unfit(member: string): ValidationError {
  return invalidJwk(`its ${member} is for something else`);
}

/** WebCrypto reads what belongs to the name: `hash` for RSA, `namedCurve` for ECDSA. */
async function importJwk(jwk: PublicJwk, { name, scheme, hash, curve }: AlgorithmFacts): Promise<CryptoKey> {
  // Before any import, for runtimes disagree on the error: no WebCrypto has this curve.
  if (curve === "secp256k1") throw unsupported(name);
  const subtle = subtleCrypto();
  // Some runtimes stumble over `alg: "Ed25519"`. Without a prototype, for WebCrypto reads inherited members too.
  const numbers = { __proto__: null, ...bareJwk(jwk) } as never;
  try {
    return await subtle.importKey("jwk", numbers, { name: NAMES[scheme], hash, namedCurve: curve } as never, true, ["verify"]);
  } catch {
    // The key passed our checks, so it is the runtime that lacks something. Its error may quote the key.
    throw unsupported(name);
  }
}

/** The one error for what cannot be verified here. */
export function unsupported(name: SignatureAlgorithm): ValidationError {
  return new ValidationError("ERR_KMS_UNSUPPORTED", `WebCrypto here does not verify ${name}`, {
    hint: "let the service verify, with { remote: true }",
  });
}
