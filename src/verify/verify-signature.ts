/** Checking a signature here, on WebCrypto, with no request. Whatever is passed is checked first. */
import { algorithmsOf, findAlgorithm, type AlgorithmFacts, type EcCurve, type SignatureAlgorithm, type SignatureEncoding } from "../algorithms.js";
import { asBytes, isBytes, type Bytes } from "../encoding/bytes.js";
import { readEcdsaDer } from "../encoding/ecdsa.js";
import { ValidationError } from "../errors.js";
import { invalidJwk, keyTypeOf } from "../jwk/check.js";
import { parseJwkValue } from "../jwk/parse.js";
import { spkiToJwk } from "../jwk/spki.js";
import type { PublicJwk } from "../jwk/types.js";
import { cryptoKeyOf, verifyWithJwk } from "./crypto-key.js";

/** A JWK, an object that holds one as `jwk` (what `getPublicKey` answers), or SubjectPublicKeyInfo in DER. */
export type PublicKeyInput = PublicJwk | { readonly jwk: PublicJwk } | Uint8Array;

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
    throw invalidArgument("encoding must be raw, der or ieee-p1363");
  }
  return verifyWithJwk(readPublicKey(publicKey, facts), facts, { data, signature: nativeSignature(signature, facts, encoding) });
}

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
  return cryptoKeyOf(readPublicKey(publicKey, facts), facts);
}

function factsOf(algorithm: unknown): AlgorithmFacts {
  const facts = findAlgorithm(algorithm);
  if (facts === undefined) throw invalidArgument("unknown signature algorithm");
  return facts;
}

/** The key in any of its forms, checked. It is used only for what it says it is for (RFC 7517 section 4), and with algorithms of its type. */
function readPublicKey(input: unknown, { name }: AlgorithmFacts): PublicJwk {
  const jwk = checkInput(input);
  const own: object = { __proto__: null, ...jwk }; // what the key lacks it does not inherit
  const { alg, use, key_ops: operations } = own as PublicJwk;
  const keyType = keyTypeOf(jwk);
  if (!algorithmsOf(keyType).includes(name)) throw invalidArgument(`${name} is not for a key of type ${keyType}`);
  if (use !== undefined && use !== "sig") throw unfit("use");
  if (operations !== undefined && !operations.includes("verify")) throw unfit("key_ops");
  if (alg !== undefined && findAlgorithm(alg)?.name !== name) throw unfit("alg");
  return jwk;
}

function checkInput(input: unknown): PublicJwk {
  if (isBytes(input)) return spkiToJwk(input);
  if (typeof input !== "object" || input === null) {
    throw invalidArgument("publicKey must be a JWK, an object with a jwk, or SPKI bytes", "PEM and JWK text go through decodePem and parseJwk first");
  }
  return parseJwkValue(Object.hasOwn(input, "jwk") ? (input as { readonly jwk: unknown }).jwk : input);
}

/** The signature in the one form that WebCrypto takes, or undefined when it is not in the form that it is said to be in. */
function nativeSignature(signature: Bytes, { scheme, curve }: AlgorithmFacts, encoding: SignatureEncoding | undefined): Bytes | undefined {
  const isEcdsa = scheme === "ecdsa";
  if (isEcdsa && encoding === "der") return readEcdsaDer(signature, curve as EcCurve);
  return encoding === undefined || encoding === (isEcdsa ? "ieee-p1363" : "raw") ? signature : undefined;
}

function unfit(member: string): ValidationError {
  return invalidJwk(`its ${member} is for something else`);
}

function invalidArgument(message: string, hint?: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message, { hint });
}
