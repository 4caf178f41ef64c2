/** The seam: what a key service has to offer so that `KmsManager` can work with it. Types only. */
import type { SignatureAlgorithm, SignatureEncoding } from "../algorithms.js";
import type { Bytes } from "../encoding/bytes.js";
import type { PublicJwk } from "../jwk/types.js";
import type { KmsEvent } from "./events.js";
import type { KeyMetadata, KeyVersion, MetadataPart, RotationResult } from "./results.js";

/** A key as the caller named it; without a version, the one that is current at the service. */
export interface KeyRef {
  readonly keyId: string;
  readonly keyVersion?: string | undefined;
}

/** What one call may use, and how it tells what happens. */
export interface CallContext {
  /** The manager's method, such as `sign`. */
  readonly operation: string;
  /** The caller's signal, if there is one; the deadline is not in it. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the deadline of this call. */
  remainingMs(): number;
  emit(event: KmsEvent): void;
  /** Set by whoever sends a request that changes state, just before: without it a failure is known to have changed nothing. */
  changeSent: boolean;
  /** Requests sent so far. */
  attempts: number;
}

/** What the service takes for an algorithm. */
export interface InputRule {
  /** Shorter messages are hashed by the manager; 0 when absent. */
  readonly messageMinBytes?: number;
  /** Longer messages are hashed by the manager; 0 when only digests are taken. */
  readonly messageMaxBytes: number;
  /** Whether the service signs a digest. */
  readonly digest: boolean;
}

/** What a provider is given to sign: whole, or already hashed, by `form`. */
export interface SignInput {
  readonly key: KeyRef;
  readonly algorithm: SignatureAlgorithm;
  readonly form: "message" | "digest";
  readonly input: Bytes;
}

/** A signature, in the encoding that the service answers with. */
export interface ProviderSignature {
  readonly signature: Bytes;
  /** As the service answers it; the manager converts. */
  readonly encoding: SignatureEncoding;
  /** The version that signed, from the answer. */
  readonly keyVersion: string;
  readonly requestId?: string | undefined;
}

/** The signature is `raw` for RSA and Ed25519, `ieee-p1363` for ECDSA. */
export interface VerifyInput extends SignInput {
  readonly signature: Bytes;
}

/** A public key, as a provider reads it: checked by its own rules, and of the key that was asked for. */
export interface ProviderPublicKey {
  /** Strictly parsed. */
  readonly jwk: PublicJwk;
  readonly keyVersion: string;
  /** What this key can sign with at the service, if the service says so; else all that fit its type. */
  readonly algorithms?: readonly SignatureAlgorithm[];
}

/** What the manager adds is left out. */
export type ProviderKeyMetadata = Omit<KeyMetadata, "provider" | "keyId"> & {
  /** Rotations of this key are limited in number: `rotateIfNeeded` refuses a shorter interval. */
  readonly minRotationIntervalMs?: number;
};

/** One version, as a provider lists it. */
export type ProviderKeyVersion = Omit<KeyVersion, "keyId">;
/** What a provider's rotation did. */
export type ProviderRotation = Omit<RotationResult, "keyId">;

/** What a provider is given to rotate. */
export interface RotateInput {
  readonly key: KeyRef;
  /** AWS, asymmetric and HMAC keys: the policy of the new key, as JSON text; without it the old key's. */
  readonly policy?: string | undefined;
}

/**
 * One service with one credential. It knows no key (that is an argument) and no policy. Methods throw `KmsError`s; a
 * method that the service lacks is absent.
 */
export interface KmsProvider {
  /** Lower case, shown in results and errors. */
  readonly name: string;
  /** The service signs with a named version only: the manager reads the current one first and keeps it for the cache's lifetime. */
  readonly signsByVersion?: boolean;
  /** The service verifies with a named version only. */
  readonly verifiesByVersion?: boolean;
  /** The age of a key is in the part `rotation` of its metadata, and not in what one request tells. */
  readonly agesByRotation?: boolean;
  /** Undefined: no key of this service can sign so, and `supports` says false. */
  inputRule(algorithm: SignatureAlgorithm): InputRule | undefined;
  /** What is wrong with a key reference, each saying what to change; checked when a manager is made. */
  keyProblems(key: KeyRef): string[];
  sign(input: SignInput, context: CallContext): Promise<ProviderSignature>;
  getPublicKey(key: KeyRef, context: CallContext): Promise<ProviderPublicKey>;
  getKeyMetadata(key: KeyRef, include: readonly MetadataPart[], context: CallContext): Promise<ProviderKeyMetadata>;
  /** Any order; `newContext` gives each request its own deadline. */
  listKeyVersions(key: KeyRef, include: readonly "state"[], newContext: () => CallContext): AsyncIterable<ProviderKeyVersion>;
  /** Whether that text, which nobody has checked, names a version of this key. No request may name anything else than this key. */
  ownsVersion(key: KeyRef, keyVersion: string, context: CallContext): Promise<boolean>;
  /** By the service; false only if the service said so. */
  verify?(input: VerifyInput, context: CallContext): Promise<boolean>;
  rotateKey?(input: RotateInput, context: CallContext): Promise<ProviderRotation>;
}
