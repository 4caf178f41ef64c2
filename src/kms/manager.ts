/** `KmsManager`: the operations, the same for every provider. */
import { sleep } from "../abort.js";
import { findAlgorithm, type SignatureAlgorithm } from "../algorithms.js";
import type { Bytes } from "../encoding/bytes.js";
import { isKmsError, ProviderError, type ConfigError } from "../errors.js";
import { webDigest } from "../hasher.js";
import { optionProblems, readClock, readOptions, readRandom, throwProblems, type ReadOptions } from "../options.js";
import { Call, invalidArgument, isRotation, runCall, type CallOptions } from "./context.js";
import type { ManagerCore, RotationPolicy } from "./core.js";
import type { BatchItem, BatchOptions, KmsOperation, ManagerOptions, MetadataOptions, NeedsRotationOptions, PublicKeyOptions, RotateIfNeededOptions, RotateOptions, SignOptions, VerifyOptions, VersionsOptions } from "./options.js";
import type { CallContext, KeyRef, KmsProvider } from "./provider.js";
import { PublicKeyCache } from "./public-key.js";
import type { KeyMetadata, KeyVersion, PublicKey, RotationResult, SignResult } from "./results.js";
import { isDue, rotate, rotateIfDue } from "./rotation.js";
import { offered, settleAll, signData } from "./signing.js";
import { verifyData, type UntrustedSignature } from "./verification.js";

const MANAGER_OPTIONS = ["keyId", "keyVersion", "algorithm", "rotation", "timeoutMs", "onEvent", "hasher", "now", "sleep", "random"] as const;

const CALL_OPTIONS: readonly string[] = ["signal", "timeoutMs"];
const SIGN_OPTIONS: readonly string[] = ["algorithm", "digest", "encoding", "lowS"];

/** The options of each operation, besides those of every call; what is not here is no operation. */
const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  __proto__: null as never,
  sign: SIGN_OPTIONS,
  signBatch: ["concurrency"],
  verify: ["digest", "remote"],
  getPublicKey: ["keyVersion"],
  getKeyMetadata: ["include"],
  listKeyVersions: ["include"],
  rotateKey: ["policy"],
  needsRotation: ["intervalMs"],
  rotateIfNeeded: ["intervalMs", "allowFrequent", "policy"],
} satisfies Record<KmsOperation | "__proto__", readonly string[]>;

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
  #core: ManagerCore;

  /**
   * A manager over a provider, which may be one of yours. Sends nothing; the options are read once.
   *
   * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options
   * @example
   * ```ts
   * const provider = createVaultProvider({ address, mountPath: "transit", credentials: { token } });
   * const kms = new KmsManager(provider, { keyId: "signer", algorithm: "ES256" });
   * ```
   */
  constructor(provider: KmsProvider, options: ManagerOptions) {
    const problems: string[] = [];
    const read = readOptions(options, MANAGER_OPTIONS, problems);
    const whole = isProvider(provider);
    if (!whole) problems.push(`provider must be a KmsProvider: a name, and ${PROVIDER_METHODS.join(", ")}`);
    throwProblems([...problems, ...managerProblems(whole ? provider : undefined, read)]);
    const { keyId, keyVersion, algorithm, rotation, now, random } = read as unknown as ManagerOptions;
    const core: object = {
      __proto__: null, // so that no option is inherited
      hasher: { digest: webDigest },
      sleep,
      ...read,
      key: { keyId, keyVersion, algorithm: findAlgorithm(algorithm)?.name, intervalMs: rotation?.intervalMs },
      provider,
      keys: new PublicKeyCache(provider),
      now: readClock(now),
      random: readRandom(random),
    };
    this.#core = core as ManagerCore;
  }

  /**
   * The provider's name: `aws`, `azure`, `vault`, or that of a provider of yours. Sends nothing. Throws nothing.
   */
  get provider(): string {
    return this.#core.provider.name;
  }

  /**
   * The key as configured. Sends nothing. Throws nothing.
   */
  get keyId(): string {
    return this.#core.key.keyId;
  }

  /**
   * Signs data, within 10 s by default. One request when the algorithm is given here or configured (Azure without a version:
   * one more once in 5 minutes); otherwise the public key is read first, once in 5 minutes. Repeated on failure.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, `ERR_KMS_UNSUPPORTED`
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when no credential could be had
   * @throws {NetworkError} `ERR_KMS_NETWORK`, `ERR_KMS_TLS`, `ERR_KMS_TIMEOUT`, `ERR_KMS_ABORTED`, `ERR_KMS_REDIRECT`, `ERR_KMS_TOO_LARGE`
   * @throws {ProviderError} `ERR_KMS_KEY_EXPIRED` or `ERR_KMS_KEY_STATE` for a key that may not sign now, `ERR_KMS_KEY_MISMATCH` for one of another type
   * @throws {ProviderError} `ERR_KMS_UNAUTHENTICATED`, `ERR_KMS_ACCESS_DENIED`, `ERR_KMS_NOT_FOUND`, `ERR_KMS_THROTTLED`, `ERR_KMS_QUOTA`,
   *   `ERR_KMS_UNAVAILABLE`, `ERR_KMS_RESPONSE_INVALID`, `ERR_KMS_REJECTED`
   * @example
   * ```ts
   * const { signature, keyVersion } = await kms.sign(new TextEncoder().encode("hello"), { algorithm: "ES256" });
   * ```
   */
  sign(data: Bytes, options?: SignOptions): Promise<SignResult> {
    return this.#run("sign", options, (core, read, context) => signData(core, data, read, context));
  }

  /**
   * Signs many data, each as `sign` does: with its own parameters, its own requests, repeated on failure, and a deadline of
   * its own, 10 s by default. At most 8 at a time by default. Results are in the order of the items; it never rejects for a
   * failure of an item, whose reason is what `sign` would throw.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` for options that are none, and for items that are no array or more than 10,000
   * @example
   * ```ts
   * const results = await kms.signBatch([{ data }, { data, algorithm: "ES256" }], { concurrency: 4 });
   * const failed = results.filter(({ status }) => status === "rejected");
   * ```
   */
  async signBatch(items: readonly BatchItem[], options?: BatchOptions): Promise<PromiseSettledResult<SignResult>[]> {
    const call = this.#call("signBatch");
    const read = call.read<BatchOptions>(options, namesOf("signBatch"));
    if (!Array.isArray(items) || items.length > 10_000) throw call.fail(invalidArgument("items must be an array of at most 10000"));
    return settleAll(items as readonly BatchItem[], read.concurrency, (item) => {
      const context = this.#call("signBatch");
      return runCall(context, item, ["data", ...SIGN_OPTIONS], (own) => signData(this.#core, own.data, own, context), read);
    });
  }

  /**
   * Whether a signature is one of this key over the data, within 10 s by default. Everything in `claim` is untrusted; a
   * `SignResult` fits. On the platform, with a public key that is read once in 5 minutes (after a "no" once more, at most
   * every 30 s); by the service, one request, for digests, ES256K and `remote: true`. AWS, another version than the current
   * one: up to two requests more in 30 s. Repeated on failure. False for whatever is wrong with the claim.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` for data or signature that are no bytes, `ERR_KMS_UNSUPPORTED` where neither platform nor service can verify
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when no credential could be had
   * @throws {NetworkError} `ERR_KMS_NETWORK`, `ERR_KMS_TLS`, `ERR_KMS_TIMEOUT`, `ERR_KMS_ABORTED`, `ERR_KMS_REDIRECT`, `ERR_KMS_TOO_LARGE`
   * @throws {ProviderError} `ERR_KMS_UNAUTHENTICATED`, `ERR_KMS_ACCESS_DENIED`, `ERR_KMS_NOT_FOUND`, `ERR_KMS_KEY_STATE`, `ERR_KMS_THROTTLED`, `ERR_KMS_QUOTA`,
   *   `ERR_KMS_UNAVAILABLE`, `ERR_KMS_RESPONSE_INVALID`, `ERR_KMS_KEY_MISMATCH`, `ERR_KMS_REJECTED`
   * @example
   * ```ts
   * const signed = await kms.sign(data);
   * await kms.verify(data, signed); // true
   * await kms.verify(data, { signature, algorithm: "ES256" }); // what came with a message
   * ```
   */
  verify(data: Bytes, claim: UntrustedSignature, options?: VerifyOptions): Promise<boolean> {
    return this.#run("verify", options, (core, read, context) => verifyData(core, data, claim, read, context));
  }

  /**
   * The public key of the current, pinned or named version, as JWK, SPKI and PEM, within 10 s by default. One request, or
   * none for 5 minutes after it; on AWS up to two more to find out whether a named version is one of the alias. Repeated on
   * failure. The result is a copy.
   *
   * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` for a key without a public part, `ERR_KMS_INVALID_ARGUMENT`
   * @throws {ProviderError} `ERR_KMS_NOT_FOUND` for a version that is none of this key's
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when no credential could be had
   * @throws {NetworkError} `ERR_KMS_NETWORK`, `ERR_KMS_TLS`, `ERR_KMS_TIMEOUT`, `ERR_KMS_ABORTED`, `ERR_KMS_REDIRECT`, `ERR_KMS_TOO_LARGE`
   * @throws {ProviderError} `ERR_KMS_UNAUTHENTICATED`, `ERR_KMS_ACCESS_DENIED`, `ERR_KMS_KEY_STATE`, `ERR_KMS_THROTTLED`, `ERR_KMS_QUOTA`,
   *   `ERR_KMS_UNAVAILABLE`, `ERR_KMS_RESPONSE_INVALID`, `ERR_KMS_KEY_MISMATCH`, `ERR_KMS_REJECTED`
   * @example
   * ```ts
   * const { jwk, pem, keyVersion } = await kms.getPublicKey();
   * ```
   */
  getPublicKey(options?: PublicKeyOptions): Promise<PublicKey> {
    return this.#run("getPublicKey", options, async ({ key: { keyId, keyVersion: pinned }, keys, provider }, { keyVersion = pinned }, context) => {
      const [problem] = provider.keyProblems({ keyId, keyVersion });
      if (problem !== undefined) throw invalidArgument(problem);
      // What is no version of the key must not get into the cache, whose entries verify believes.
      if (keyVersion !== undefined && keyVersion !== pinned && !(await keys.owns(keyId, keyVersion, context))) {
        throw new ProviderError("ERR_KMS_NOT_FOUND", "the key has no such version", { keyVersion });
      }
      const key = await keys.get({ keyId, keyVersion }, context);
      // What could be written to is copied: the cache's own object never leaves it.
      return { ...key, spki: key.spki.slice(), algorithms: [...key.algorithms] };
    });
  }

  /**
   * What the service says of the key, read anew, within 10 s by default. One request, and those that `include` asks for, by
   * default none. Repeated on failure.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when no credential could be had
   * @throws {NetworkError} `ERR_KMS_NETWORK`, `ERR_KMS_TLS`, `ERR_KMS_TIMEOUT`, `ERR_KMS_ABORTED`, `ERR_KMS_REDIRECT`, `ERR_KMS_TOO_LARGE`
   * @throws {ProviderError} `ERR_KMS_UNAUTHENTICATED`, `ERR_KMS_ACCESS_DENIED`, `ERR_KMS_NOT_FOUND`, `ERR_KMS_KEY_STATE`, `ERR_KMS_THROTTLED`, `ERR_KMS_QUOTA`,
   *   `ERR_KMS_UNAVAILABLE`, `ERR_KMS_RESPONSE_INVALID`, `ERR_KMS_KEY_MISMATCH`, `ERR_KMS_REJECTED`
   * @example
   * ```ts
   * const { keyType, state, tags } = await kms.getKeyMetadata({ include: ["tags"] });
   * ```
   */
  getKeyMetadata(options?: MetadataOptions): Promise<KeyMetadata> {
    return this.#run("getKeyMetadata", options, async ({ key, provider }, { include }, context) => {
      const { minRotationIntervalMs: _, ...metadata } = await provider.getKeyMetadata(key, checkInclude(include, ["tags", "rotation"]), context);
      return { ...metadata, provider: provider.name, keyId: key.keyId };
    });
  }

  /**
   * All versions of the key, in no particular order. A request a page, on AWS behind an alias at least two, each with a
   * deadline of its own, 10 s by default, and repeated on failure. Nothing is sent before the first version is asked for, nor
   * after the last that is.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when no credential could be had
   * @throws {NetworkError} `ERR_KMS_NETWORK`, `ERR_KMS_TLS`, `ERR_KMS_TIMEOUT`, `ERR_KMS_ABORTED`, `ERR_KMS_REDIRECT`, `ERR_KMS_TOO_LARGE`
   * @throws {ProviderError} `ERR_KMS_UNAUTHENTICATED`, `ERR_KMS_ACCESS_DENIED`, `ERR_KMS_NOT_FOUND`, `ERR_KMS_KEY_STATE`, `ERR_KMS_THROTTLED`, `ERR_KMS_QUOTA`,
   *   `ERR_KMS_UNAVAILABLE`, `ERR_KMS_RESPONSE_INVALID`, `ERR_KMS_KEY_MISMATCH`, `ERR_KMS_REJECTED`
   * @example
   * ```ts
   * for await (const { keyVersion, current } of kms.listKeyVersions()) console.log(keyVersion, current);
   * ```
   */
  async *listKeyVersions(options?: VersionsOptions): AsyncIterableIterator<KeyVersion> {
    const started = performance.now();
    const { keyId } = this.#core.key;
    let call = this.#call("listKeyVersions");
    try {
      const read = call.read<VersionsOptions>(options, namesOf("listKeyVersions"));
      const include = checkInclude(read.include, ["state"]);
      call.begin(read);
      for await (const version of this.#core.provider.listKeyVersions({ keyId }, include, () => (call = this.#call("listKeyVersions").begin(read)))) yield { ...version, keyId };
    } catch (error) {
      throw call.fail(error);
    } finally {
      call.end(started);
    }
  }

  /**
   * Makes a new version that signs from now on; older ones stay verifiable and listed. Within 60 s by default. Vault: one
   * request, Azure: two, AWS: up to a dozen. What changes state is sent once, and repeated only when the service is known to
   * have done nothing. `outcome` of an error says what is known.
   *
   * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` with what to do as `hint`, `ERR_KMS_INVALID_ARGUMENT`
   * @throws {ProviderError} `ERR_KMS_CONFLICT` while another rotation is under way
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when no credential could be had
   * @throws {NetworkError} `ERR_KMS_NETWORK`, `ERR_KMS_TLS`, `ERR_KMS_TIMEOUT`, `ERR_KMS_ABORTED`, `ERR_KMS_REDIRECT`, `ERR_KMS_TOO_LARGE`
   * @throws {ProviderError} `ERR_KMS_UNAUTHENTICATED`, `ERR_KMS_ACCESS_DENIED`, `ERR_KMS_NOT_FOUND`, `ERR_KMS_KEY_STATE`, `ERR_KMS_THROTTLED`, `ERR_KMS_QUOTA`,
   *   `ERR_KMS_UNAVAILABLE`, `ERR_KMS_RESPONSE_INVALID`, `ERR_KMS_KEY_MISMATCH`, `ERR_KMS_REJECTED`
   * @example
   * ```ts
   * const { status, newVersion } = await kms.rotateKey();
   * ```
   */
  rotateKey(options?: RotateOptions): Promise<RotationResult> {
    return this.#run("rotateKey", options, rotate);
  }

  /**
   * Whether the newest version is older than `intervalMs`: the call's, else the configured one; there is no default. Its age
   * is read from the service within 10 s by default: one request (AWS symmetric keys: three). Repeated on failure.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` without any interval, `ERR_KMS_UNSUPPORTED` when the service does not tell the age
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when no credential could be had
   * @throws {NetworkError} `ERR_KMS_NETWORK`, `ERR_KMS_TLS`, `ERR_KMS_TIMEOUT`, `ERR_KMS_ABORTED`, `ERR_KMS_REDIRECT`, `ERR_KMS_TOO_LARGE`
   * @throws {ProviderError} `ERR_KMS_UNAUTHENTICATED`, `ERR_KMS_ACCESS_DENIED`, `ERR_KMS_NOT_FOUND`, `ERR_KMS_KEY_STATE`, `ERR_KMS_THROTTLED`, `ERR_KMS_QUOTA`,
   *   `ERR_KMS_UNAVAILABLE`, `ERR_KMS_RESPONSE_INVALID`, `ERR_KMS_KEY_MISMATCH`, `ERR_KMS_REJECTED`
   * @example
   * ```ts
   * if (await kms.needsRotation({ intervalMs: 90 * 86_400_000 })) await kms.rotateKey();
   * ```
   */
  needsRotation(options?: NeedsRotationOptions): Promise<boolean> {
    return this.#run("needsRotation", options, (core, { intervalMs }, context) => isDue(core, { intervalMs, allowFrequent: true }, context));
  }

  /**
   * Rotates if the newest version is older than `intervalMs`, still so after a wait of up to 10 s; undefined when it is not.
   * Within 60 s by default. The requests of `needsRotation`, and when they say so, once more and those of `rotateKey`.
   * Reads are repeated on failure, the rotation as `rotateKey` says.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` without any interval, or for one that would use up a limited number of rotations
   * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` as `rotateKey` and `needsRotation` say
   * @throws {ProviderError} `ERR_KMS_CONFLICT` while another rotation is under way
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when no credential could be had
   * @throws {NetworkError} `ERR_KMS_NETWORK`, `ERR_KMS_TLS`, `ERR_KMS_TIMEOUT`, `ERR_KMS_ABORTED`, `ERR_KMS_REDIRECT`, `ERR_KMS_TOO_LARGE`
   * @throws {ProviderError} `ERR_KMS_UNAUTHENTICATED`, `ERR_KMS_ACCESS_DENIED`, `ERR_KMS_NOT_FOUND`, `ERR_KMS_KEY_STATE`, `ERR_KMS_THROTTLED`, `ERR_KMS_QUOTA`,
   *   `ERR_KMS_UNAVAILABLE`, `ERR_KMS_RESPONSE_INVALID`, `ERR_KMS_KEY_MISMATCH`, `ERR_KMS_REJECTED`
   * @example
   * ```ts
   * const rotated = await kms.rotateIfNeeded({ intervalMs: 90 * 86_400_000 });
   * if (rotated !== undefined) console.log(rotated.newVersion);
   * ```
   */
  rotateIfNeeded(options?: RotateIfNeededOptions): Promise<RotationResult | undefined> {
    return this.#run("rotateIfNeeded", options, rotateIfDue);
  }

  /**
   * False: no key of this service can do that, with that algorithm. What this key can is in its metadata. Sends nothing.
   * Throws nothing.
   *
   * @example
   * ```ts
   * if (!kms.supports("sign", "Ed25519")) console.log(`${kms.provider} has no Ed25519`);
   * ```
   */
  supports(operation: KmsOperation, algorithm?: string): boolean {
    const { provider } = this.#core;
    if (algorithm !== undefined && offered(provider, algorithm) === undefined) return false;
    return OPERATIONS[operation] !== undefined && (provider.rotateKey !== undefined || !isRotation(operation));
  }

  /**
   * A manager of another key of the same service, with the same credentials, caches and limits. Version, algorithm and
   * rotation are those of `options`, none by default. Sends nothing.
   *
   * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of key and options
   * @example
   * ```ts
   * const other = kms.withKey("another-key", { algorithm: "ES256" });
   * ```
   */
  withKey(keyId: string, options?: { readonly keyVersion?: string; readonly algorithm?: SignatureAlgorithm | "EdDSA"; readonly rotation?: RotationPolicy }): KmsManager {
    const problems: string[] = [];
    const read = readOptions(options, ["keyVersion", "algorithm", "rotation"], problems);
    throwProblems(problems);
    const twin = new KmsManager(this.#core.provider, { keyId, ...read });
    twin.#core = { __proto__: null, ...this.#core, key: twin.#core.key } as ManagerCore;
    return twin;
  }

  #call(operation: KmsOperation): Call {
    return new Call(this.#core, operation);
  }

  #run<T, O extends CallOptions>(operation: KmsOperation, options: O | undefined, task: (core: ManagerCore, read: O, context: CallContext) => Promise<T>): Promise<T> {
    const call = this.#call(operation);
    return runCall(call, options, namesOf(operation), (read) => task(this.#core, read, call));
  }
}

function namesOf(operation: KmsOperation): readonly string[] {
  return [...CALL_OPTIONS, ...(OPERATIONS[operation] as readonly string[])];
}

function checkInclude<P extends string>(include: readonly P[] = [], known: readonly P[]): readonly P[] {
  if (Array.isArray(include) && include.every((part) => known.includes(part))) return include;
  throw invalidArgument(`include must be a list of: ${known.join(", ")}`);
}

const PROVIDER_METHODS = ["inputRule", "keyProblems", "sign", "getPublicKey", "getKeyMetadata", "listKeyVersions", "ownsVersion"] as const;

/** One that a user wrote may be incomplete. */
function isProvider(value: KmsProvider | null | undefined): value is KmsProvider {
  return typeof value?.name === "string" && PROVIDER_METHODS.every((name) => typeof value[name] === "function");
}

/** Everything that is wrong with the options of a manager. Without a provider, which had problems of its own, what only it knows is left out. */
function managerProblems(provider: KmsProvider | undefined, read: ReadOptions): string[] {
  const { keyId = null, keyVersion, algorithm } = read;
  const problems = optionProblems({ ...read, keyId });
  if (provider === undefined) return problems;
  if (optionProblems({ keyId, keyVersion }).length === 0) problems.push(...provider.keyProblems({ keyId, keyVersion } as KeyRef));
  if (findAlgorithm(algorithm) !== undefined && offered(provider, algorithm) === undefined) problems.push(`algorithm ${String(algorithm)} is not offered by ${provider.name}`);
  return problems;
}

/**
 * Makes a provider and a manager out of one flat object of options, and reports the problems of both at once. The names
 * that both know, such as `now`, go to both.
 */
export function createManager<O extends object>(options: object, providerNames: readonly string[], createProvider: (options: O) => KmsProvider): KmsManager {
  const problems: string[] = [];
  const read = readOptions(options, [...providerNames, ...MANAGER_OPTIONS], problems);
  let provider: KmsProvider | undefined;
  try {
    provider = createProvider(readOptions(read, providerNames, []) as O);
  } catch (error) {
    if (!isKmsError(error, "ERR_KMS_CONFIG")) throw error;
    problems.push(...(error as unknown as ConfigError).problems);
  }
  throwProblems([...new Set([...problems, ...managerProblems(provider, read)])]);
  return new KmsManager(provider as KmsProvider, readOptions(read, MANAGER_OPTIONS, []) as unknown as ManagerOptions);
}
