/** `KmsManager`: the operations, the same for every provider. */
import { sleep, type Sleep } from "../abort.js";
import { findAlgorithm, type SignatureAlgorithm } from "../algorithms.js";
import type { Bytes } from "../encoding/bytes.js";
import { isKmsError, type ConfigError } from "../errors.js";
import { webHasher, type Hasher } from "../hasher.js";
import { readClock, readOptions, readRandom, throwProblems, type ReadOptions } from "../options.js";
import { checkInclude, managerProblems, providerProblems, readArguments, throwInvalid } from "./arguments.js";
import { DEFAULT_CONCURRENCY, settleAll } from "./batch.js";
import { completeError, runCall, runListing, type CallOptions, type CallSubject } from "./context.js";
import type { ManagedKey, ManagerCore, RotationPolicy } from "./core.js";
import type { OnEvent } from "./events.js";
import type { CallContext, KmsProvider } from "./provider.js";
import { PublicKeyCache } from "./public-key.js";
import type { KeyMetadata, KeyVersion, MetadataPart, PublicKey, RotationResult, SignResult } from "./results.js";
import { isDue, rotate, rotateIfDue } from "./rotation.js";
import { SIGN_PARAMETERS, signData, type SignParameters } from "./signing.js";
import { assertOwnVersion, VERIFY_PARAMETERS, verifyData, type UntrustedSignature, type VerifyParameters } from "./verification.js";

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

const MANAGER_OPTIONS = ["keyId", "keyVersion", "algorithm", "rotation", "timeoutMs", "onEvent", "hasher", "now", "sleep", "random"] as const;

const CALL_OPTIONS = ["signal", "timeoutMs"] as const;

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

/**
 * Signs, verifies, publishes and rotates with one key of one provider. Making one sends nothing. All methods are safe to
 * call concurrently; all take `{ signal, timeoutMs }`.
 *
 * @example
 * ```ts
 * const kms = createVaultKms({ address: "https://vault.example:8200", mountPath: "transit", keyName: "signer", credentials: { token } });
 * const signed = await kms.sign(new TextEncoder().encode("hello"), { algorithm: "ES256" });
 * await kms.verify(new TextEncoder().encode("hello"), signed); // true
 * ```
 */
export class KmsManager {
  readonly #key: ManagedKey;
  #core: ManagerCore;

  /** @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options */
  constructor(provider: KmsProvider, options: ManagerOptions) {
    const problems: string[] = [];
    const read = readOptions(options, MANAGER_OPTIONS, problems);
    const unfit = providerProblems(provider);
    problems.push(...unfit, ...managerProblems(unfit.length === 0 ? provider : undefined, read));
    throwProblems(problems);
    const { keyId, keyVersion, algorithm, rotation, hasher, now, timeoutMs, onEvent, random, sleep: ownSleep } = read as unknown as ManagerOptions;
    this.#key = { keyId, keyVersion, algorithm: findAlgorithm(algorithm)?.name, rotation: rotation === undefined ? undefined : { intervalMs: rotation.intervalMs } };
    this.#core = {
      provider,
      keys: new PublicKeyCache(provider),
      hasher: hasher ?? webHasher,
      now: readClock(now),
      sleep: ownSleep ?? sleep,
      random: readRandom(random),
      timeoutMs,
      onEvent,
    };
  }

  /** The provider's name. */
  get provider(): string {
    return this.#core.provider.name;
  }

  /** The key as configured. */
  get keyId(): string {
    return this.#key.keyId;
  }

  /**
   * Signs data. One request when the algorithm is given here or configured (Azure without a version: one more once in 5
   * minutes); otherwise the public key is read first, once in 5 minutes. Repeated on failure.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, `ERR_KMS_UNSUPPORTED`
   * @throws {NetworkError} any of its codes
   * @throws {ProviderError} any of its codes but `DECRYPT_FAILED` and `CONFLICT`
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
   */
  async sign(data: Bytes, options?: SignOptions): Promise<SignResult> {
    return this.#run("sign", options, SIGN_PARAMETERS, (context, read) => signData(this.#core, this.#key, data, read, context));
  }

  /**
   * Signs many data, each as `sign` does and with a deadline of its own. Never rejects for a failure of an item.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` for items that are no list, or more than 10,000
   */
  async signBatch(items: readonly BatchItem[], options?: BatchOptions): Promise<PromiseSettledResult<SignResult>[]> {
    const { concurrency = DEFAULT_CONCURRENCY, ...call } = this.#read("signBatch", options, [...CALL_OPTIONS, "concurrency"]);
    const list = this.#read("signBatch", { items: items ?? null }, ["items"]).items;
    return settleAll(list, concurrency, async (item) => {
      const read = this.#read("signBatch", item, ["data", ...SIGN_PARAMETERS]);
      return this.#run("signBatch", call, [], (context) => signData(this.#core, this.#key, read.data, read, context));
    });
  }

  /**
   * Whether a signature is one of this key over the data. Everything in `claim` is untrusted; a `SignResult` fits. On the
   * platform, with a public key that is read once in 5 minutes; by the service for digests, ES256K and `remote: true`.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, `ERR_KMS_UNSUPPORTED`
   * @throws {NetworkError} or {ProviderError} when the question could not be answered
   */
  async verify(data: Bytes, claim: UntrustedSignature, options?: VerifyOptions): Promise<boolean> {
    return this.#run("verify", options, VERIFY_PARAMETERS, (context, read) => verifyData(this.#core, this.#key, data, claim, read, context));
  }

  /**
   * The public key of the current, pinned or named version. One request, or none for 5 minutes after it; on AWS up to two
   * more to find out whether a named version is one of the alias.
   *
   * @throws {ProviderError} `ERR_KMS_NOT_FOUND`, `ERR_KMS_KEY_STATE`, …
   * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` for a key without a public part
   */
  async getPublicKey(options?: PublicKeyOptions): Promise<PublicKey> {
    return this.#run("getPublicKey", options, ["keyVersion"], async (context, { keyVersion = this.#key.keyVersion }) => {
      const key = { keyId: this.keyId, keyVersion };
      throwInvalid(this.#core.provider.keyProblems(key));
      if (keyVersion !== undefined && keyVersion !== this.#key.keyVersion) await assertOwnVersion(this.#core, this.#key, keyVersion, context);
      return copyPublicKey(await this.#core.keys.get(key, context));
    });
  }

  /** What the service says of the key, read anew. One request, and those that `include` asks for. */
  async getKeyMetadata(options?: MetadataOptions): Promise<KeyMetadata> {
    return this.#run("getKeyMetadata", options, ["include"], async (context, { include }) => {
      const parts = checkInclude(include, ["tags", "rotation"]);
      const { minRotationIntervalMs: _, ...metadata } = await this.#core.provider.getKeyMetadata(this.#key, parts, context);
      return { ...metadata, provider: this.provider, keyId: this.keyId };
    });
  }

  /** All versions of the key, in no particular order. A request a page, each with a deadline of its own. */
  async *listKeyVersions(options?: VersionsOptions): AsyncIterableIterator<KeyVersion> {
    const { keyId } = this;
    const call = this.#read("listKeyVersions", options, [...CALL_OPTIONS, "include"]);
    const list = (newContext: () => CallContext) => this.#core.provider.listKeyVersions({ keyId }, checkInclude(call.include, ["state"]), newContext);
    for await (const version of runListing(this.#subject(), "listKeyVersions", call, list)) yield { ...version, keyId };
  }

  /**
   * Makes a new version that signs from now on; older ones stay verifiable and listed. Sent once: repeated only when the
   * service is known to have done nothing. `outcome` of an error says what is known.
   *
   * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` with what to do as `hint`
   * @throws {ProviderError} `ERR_KMS_CONFLICT`, `ERR_KMS_QUOTA`, …
   */
  async rotateKey(options?: RotateOptions): Promise<RotationResult> {
    return this.#run("rotateKey", options, ["policy"], (context, { policy }) => rotate(this.#core, this.#key, policy, context));
  }

  /**
   * Whether the newest version is older than the interval. Its age is read from the service: one request (AWS symmetric
   * keys: three).
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` without any interval
   */
  async needsRotation(options?: NeedsRotationOptions): Promise<boolean> {
    return this.#run("needsRotation", options, ["intervalMs"], (context, { intervalMs }) => isDue(this.#core, this.#key, { intervalMs, allowFrequent: true }, context));
  }

  /**
   * Rotates if the newest version is older than the interval, still so after a wait of up to 10 s. Undefined: not needed.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` without any interval, or for one that would use up a limited number of rotations
   */
  async rotateIfNeeded(options?: RotateIfNeededOptions): Promise<RotationResult | undefined> {
    return this.#run("rotateIfNeeded", options, ["intervalMs", "allowFrequent", "policy"], (context, read) => rotateIfDue(this.#core, this.#key, read, context));
  }

  /** False: no key of this service can do that, with that algorithm. What this key can is in its metadata. */
  supports(operation: KmsOperation, algorithm?: string): boolean {
    const { provider } = this.#core;
    const facts = findAlgorithm(algorithm);
    if (algorithm !== undefined && (facts === undefined || provider.inputRule(facts.name) === undefined)) return false;
    if (operation === "rotateKey" || operation === "rotateIfNeeded") return provider.rotateKey !== undefined;
    return ["sign", "signBatch", "verify", "getPublicKey", "getKeyMetadata", "listKeyVersions", "needsRotation"].includes(operation);
  }

  /** A manager of another key of the same service, with the same credentials, caches and limits. Costs nothing. */
  withKey(keyId: string, options?: { readonly keyVersion?: string; readonly algorithm?: SignatureAlgorithm | "EdDSA"; readonly rotation?: RotationPolicy }): KmsManager {
    const problems: string[] = [];
    const read = readOptions(options, ["keyVersion", "algorithm", "rotation"], problems);
    throwProblems(problems);
    const twin = new KmsManager(this.#core.provider, { keyId, ...read });
    twin.#core = this.#core;
    return twin;
  }

  #subject(): CallSubject {
    const { onEvent, timeoutMs } = this.#core;
    return { provider: this.provider, keyId: this.keyId, keyVersion: this.#key.keyVersion, onEvent, timeoutMs };
  }

  /** Reads arguments; an error of theirs says what the call was, like any other. */
  #read<A extends object>(operation: KmsOperation, given: A | undefined, names: readonly string[]): A {
    try {
      return readArguments<A>(given, names);
    } catch (error) {
      throw completeError(error, this.#subject(), { operation, changeSent: false, attempts: 0 });
    }
  }

  async #run<T, O extends CallOptions>(operation: KmsOperation, options: O | undefined, names: readonly string[], task: (context: CallContext, read: O) => Promise<T>): Promise<T> {
    const read = this.#read(operation, options, [...CALL_OPTIONS, ...names]);
    return runCall(this.#subject(), operation, read, (context) => task(context, read));
  }
}

/** What could be written to is copied: the cache's own object never leaves it. */
function copyPublicKey(key: PublicKey): PublicKey {
  return { ...key, spki: key.spki.slice(), algorithms: [...key.algorithms] };
}

/**
 * Makes a provider and a manager out of one flat object of options, and reports the problems of both at once. The names
 * that both know, such as `now`, go to both.
 */
export function createManager<O extends object>(options: object, providerNames: readonly string[], createProvider: (options: O) => KmsProvider): KmsManager {
  const problems: string[] = [];
  const read = readOptions(options, [...providerNames, ...MANAGER_OPTIONS], problems);
  const pick = (names: readonly string[]): ReadOptions => ({ __proto__: null, ...Object.fromEntries(Object.entries(read).filter(([name]) => names.includes(name))) });
  const own = pick(MANAGER_OPTIONS);
  let provider: KmsProvider | undefined;
  try {
    provider = createProvider(pick(providerNames) as O);
  } catch (error) {
    if (!isKmsError(error, "ERR_KMS_CONFIG")) throw error;
    problems.push(...(error as unknown as ConfigError).problems);
  }
  throwProblems([...new Set([...problems, ...managerProblems(provider, own)])]);
  return new KmsManager(provider as KmsProvider, own as unknown as ManagerOptions);
}
