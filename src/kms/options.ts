/** What a manager is made with, and what each of its operations is told. */
import type { Sleep } from "../abort.js";
import type { SignatureAlgorithm } from "../algorithms.js";
import type { Bytes } from "../encoding/bytes.js";
import type { Hasher } from "../hasher.js";
import type { CallOptions } from "./context.js";
import type { RotationPolicy } from "./core.js";
import type { OnEvent } from "./events.js";
import type { MetadataPart } from "./results.js";
import type { SignParameters } from "./signing.js";
import type { VerifyParameters } from "./verification.js";

/** What a manager is made with, besides its provider. */
export interface ManagerOptions {
  /** As the service names keys. */
  readonly keyId: string;
  /** Pins one version. Default: the current one. */
  readonly keyVersion?: string | undefined;
  /** Default: by the key's own type. */
  readonly algorithm?: SignatureAlgorithm | "EdDSA" | undefined;
  /** For `needsRotation` and `rotateIfNeeded`. No default. */
  readonly rotation?: RotationPolicy | undefined;
  /** Milliseconds for a call. Default 10,000, and 60,000 for `rotateKey` and `rotateIfNeeded`. */
  readonly timeoutMs?: number | undefined;
  /** Told of attempts, retries, results and more; changes nothing, whatever it does. */
  readonly onEvent?: OnEvent | undefined;
  /** Instead of WebCrypto for hashing. */
  readonly hasher?: Hasher | undefined;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Serves the wait of `rotateIfNeeded` only. */
  readonly sleep?: Sleep | undefined;
  /** In [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Options of `sign`. */
export type SignOptions = SignParameters & CallOptions;
/** Options of `verify`. */
export type VerifyOptions = VerifyParameters & CallOptions;
/** One signature of a batch: the data, and what `sign` takes with it. */
export type BatchItem = SignParameters & { readonly data: Bytes };

/** Options of `signBatch`. */
export interface BatchOptions extends CallOptions {
  /** Requests in flight. Default 8, at most 64. */
  readonly concurrency?: number;
}
/** Options of `getPublicKey`. */
export interface PublicKeyOptions extends CallOptions {
  /** Default: the pinned or the current one. */
  readonly keyVersion?: string;
}
/** Options of `getKeyMetadata`. */
export interface MetadataOptions extends CallOptions {
  /** What costs a request or more of its own. Default none. */
  readonly include?: readonly MetadataPart[];
}
/** Options of `listKeyVersions`. */
export interface VersionsOptions extends CallOptions {
  /** AWS: the state of each version costs a request each. The other services tell it anyway. */
  readonly include?: readonly "state"[];
}
/** Options of `rotateKey`. */
export interface RotateOptions extends CallOptions {
  /** AWS, asymmetric and HMAC keys: the new key's policy, as JSON text. Default: the old key's. */
  readonly policy?: string;
}
/** Options of `needsRotation`. */
export interface NeedsRotationOptions extends CallOptions {
  /** Milliseconds. Default: the configured one. */
  readonly intervalMs?: number;
}
/** Options of `rotateIfNeeded`. */
export interface RotateIfNeededOptions extends NeedsRotationOptions, RotateOptions {
  /** Rotate a key whose rotations are limited in number more often than every 90 days. Default false. */
  readonly allowFrequent?: boolean;
}

/** What `supports` can be asked about. */
export type KmsOperation = "sign" | "signBatch" | "verify" | "getPublicKey" | "getKeyMetadata" | "listKeyVersions" | "rotateKey" | "needsRotation" | "rotateIfNeeded";
