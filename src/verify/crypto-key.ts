/** Public keys for WebCrypto: checked by our own parser first, and handed over in a clean form. */
import { findAlgorithm, fitsKeyType, type AlgorithmFacts, type SignatureAlgorithm } from "../algorithms.js";
import { isBytes } from "../encoding/bytes.js";
import { ValidationError } from "../errors.js";
import { subtleCrypto } from "../hasher.js";
import { keyTypeOf } from "../jwk/key-type.js";
import { parseJwk } from "../jwk/parse.js";
import { spkiToJwk } from "../jwk/spki.js";
import type { PublicJwk } from "../jwk/types.js";

/** A JWK, an object that holds one as `jwk` (what `getPublicKey` answers), or SubjectPublicKeyInfo in DER. */
export type PublicKeyInput = PublicJwk | { readonly jwk: PublicJwk } | Uint8Array;

/** By algorithm, and under the frozen object of our parser: what a caller can still change is read anew each time. */
const imported = /* @__PURE__ */ new WeakMap<PublicJwk, Map<SignatureAlgorithm, CryptoKey>>();

const NAMES = { "rsa-pkcs1": "RSASSA-PKCS1-v1_5", "rsa-pss": "RSA-PSS", ecdsa: "ECDSA", eddsa: "Ed25519" } as const;

/** The hint of every error that says that a signature cannot be verified here. */
export const ASK_THE_SERVICE = "let the service verify: kms.verify(data, signature, { remote: true })";

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
  const facts = factsOf(algorithm);
  const jwk = readPublicKey(publicKey);
  assertForVerifying(jwk, facts);
  const known = imported.get(jwk)?.get(facts.name);
  if (known !== undefined) return known;
  const key = await importJwk(jwk, facts);
  const keys = imported.get(jwk) ?? new Map<SignatureAlgorithm, CryptoKey>();
  imported.set(jwk, keys.set(facts.name, key));
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

function readPublicKey(input: unknown): PublicJwk {
  if (isBytes(input)) return spkiToJwk(input);
  if (typeof input !== "object" || input === null) {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "publicKey must be a JWK, an object with a jwk, or SPKI bytes", {
      hint: "PEM and JWK text go through decodePem and parseJwk first",
    });
  }
  return parseJwk(Object.hasOwn(input, "jwk") ? (input as { readonly jwk: unknown }).jwk : input);
}

/** A key is used only for what it says it is for (RFC 7517 section 4), and only with algorithms of its type. */
function assertForVerifying(jwk: PublicJwk, facts: AlgorithmFacts): void {
  const own: object = { __proto__: null, ...jwk }; // what the key lacks it does not inherit
  const { alg, use, key_ops: operations } = own as PublicJwk;
  const keyType = keyTypeOf(jwk);
  if (!fitsKeyType(facts.name, keyType)) {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `${facts.name} does not work with a key of type ${keyType}`);
  }
  if (use !== undefined && use !== "sig") throw unfit("its use is not sig");
  if (operations !== undefined && !operations.includes("verify")) throw unfit("its key_ops do not allow verify");
  if (alg !== undefined && findAlgorithm(alg)?.name !== facts.name) throw unfit(`its alg is not ${facts.name}`);
}

async function importJwk(jwk: PublicJwk, facts: AlgorithmFacts): Promise<CryptoKey> {
  // Before any import, for runtimes disagree on the error: no WebCrypto has this curve.
  if (facts.curve === "secp256k1") {
    throw new ValidationError("ERR_KMS_UNSUPPORTED", "no WebCrypto verifies ES256K", { hint: ASK_THE_SERVICE });
  }
  const subtle = subtleCrypto();
  try {
    return await subtle.importKey("jwk", onlyNumbers(jwk), importParameters(facts), true, ["verify"]);
  } catch {
    // The key passed our checks, so it is the runtime that lacks something. Its error may quote the key.
    throw new ValidationError("ERR_KMS_UNSUPPORTED", `this runtime's WebCrypto does not take a key for ${facts.name}`, {
      hint: ASK_THE_SERVICE,
    });
  }
}

/**
 * Members picked by name: some runtimes stumble over `alg: "Ed25519"`, others would take what our parser does not know.
 * Without a prototype, for WebCrypto reads inherited members too.
 */
function onlyNumbers(jwk: PublicJwk): JsonWebKey {
  const { kty } = jwk;
  if (kty === "RSA") return { __proto__: null, kty, n: jwk.n, e: jwk.e } as JsonWebKey;
  if (kty === "EC") return { __proto__: null, kty, crv: jwk.crv, x: jwk.x, y: jwk.y } as JsonWebKey;
  return { __proto__: null, kty, crv: jwk.crv, x: jwk.x } as JsonWebKey;
}

/** WebCrypto reads what belongs to the name: `hash` for RSA, `namedCurve` for ECDSA. */
function importParameters({ scheme, hash, curve }: AlgorithmFacts): Algorithm {
  const parameters = { name: NAMES[scheme] };
  if (scheme === "ecdsa") return { ...parameters, namedCurve: curve } as EcKeyImportParams;
  return scheme === "eddsa" ? parameters : ({ ...parameters, hash } as RsaHashedImportParams);
}

function unfit(reason: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_JWK", `the key is not for verifying this: ${reason}`);
}
