/** One credential for all calls of a provider: fetched on use, kept until shortly before it ends, refreshed once for all who wait. */
import { assertNotAborted, settlesWithin, SingleFlight } from "../abort.js";
import { ConfigError, copyError, isKmsError, ValidationError, type ErrorDetails, type KmsError, type KmsErrorCode } from "../errors.js";
import type { CallContext } from "../kms/provider.js";

/** What a credentials function is told. */
export interface CredentialAsk {
  /** Fires when the attempt that waits for the answer is over. */
  readonly signal: AbortSignal;
  /** Azure: the scope of the token wanted. */
  readonly scope?: string | undefined;
  /** Azure: claims of a challenge, to be passed to the token endpoint. */
  readonly claims?: string | undefined;
  /** Azure: the tenant that the vault named when it refused a token; for a source that was given none. */
  readonly tenantId?: string | undefined;
  /** The service did not accept the last one. */
  readonly refused: boolean;
}

/** Every credential, on every provider: a value, or a function that returns one, at once or by a promise. */
export type CredentialOption<T> = T | ((ask: CredentialAsk) => T | Promise<T>);

/** What all credentials have: the time at which they end, if they do. */
export interface Expiring {
  readonly expiresAt?: Date | undefined;
  /** When to ask for another one, if earlier than usual; counts only with `expiresAt`. */
  readonly refreshAt?: Date | undefined;
}

/** What a refusal says of the credential that would be accepted. */
export interface Demands {
  /** For the next one only. */
  readonly claims?: string | undefined;
  /** From now on. */
  readonly tenantId?: string | undefined;
}

export interface CredentialCacheOptions<T extends Expiring> {
  readonly provider: string;
  readonly source: CredentialOption<T>;
  /** Copies what was given into a credential with own checked fields; throws a `ConfigError` that names what is wrong, never the value. */
  readonly check: (value: unknown) => T;
  readonly now: () => number;
  readonly random: () => number;
  readonly scope?: string;
}

/** Refreshed this long before its end, or a fifth of its life before, if that is less. */
const EARLY_MS = 300_000;
/** An early refresh holds a call up no longer than this, or a quarter of its time: the credential at hand still serves. */
const EARLY_WAIT_MS = 2_000;

export class CredentialCache<T extends Expiring> {
  readonly #options: CredentialCacheOptions<T>;
  readonly #flight = new SingleFlight<T>();
  /** Credentials that are a value; they cannot be asked for again. */
  readonly #fixed: T | undefined;
  #kept: { readonly credential: T; readonly refreshAt: number } | undefined;
  /** What was handed out last, kept or not. */
  #last: T | undefined;
  /** What the source is told of the last one. */
  #told: Demands & { readonly refused: boolean } = { refused: false, claims: undefined, tenantId: undefined };

  constructor(options: CredentialCacheOptions<T>) {
    this.#options = options;
    this.#fixed = typeof options.source === "function" ? undefined : options.check(options.source);
  }

  /**
   * The credential to use now. A value is returned as it is; a function is asked when nothing is kept, or what is kept is
   * about to end. No credential is returned after its end.
   *
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
   */
  async get(context: CallContext, signal: AbortSignal): Promise<T> {
    if (this.#fixed !== undefined) return this.#unexpired(this.#fixed);
    const kept = this.#kept;
    const now = this.#options.now();
    if (kept !== undefined && now < kept.refreshAt && !isOver(kept.credential, now)) return kept.credential;
    const fetching = (): Promise<T> => this.#flight.run(() => this.#ask(context, signal), { signal, remainingMs: () => context.remainingMs() });
    if (kept === undefined || isOver(kept.credential, now)) return fetching();
    // Early: the one who comes first refreshes; if that fails or takes long the old one still serves, and the next try
    // waits a little.
    const { credential } = kept;
    this.#kept = { credential, refreshAt: now + 30_000 };
    const refresh = fetching();
    const inTime = await settlesWithin(refresh, Math.min(EARLY_WAIT_MS, context.remainingMs() / 4), signal);
    const fresh = inTime ? await refresh.catch(() => undefined) : undefined;
    return fresh ?? (isOver(credential, this.#options.now()) ? refresh : credential);
  }

  /** Drops a credential that the service refused, if it is still the one in use. True: asking again may give another. */
  refuse(credential: T, { claims, tenantId = this.#told.tenantId }: Demands = {}): boolean {
    // Another call may have replaced it by now: then there is nothing to tell the source.
    if (this.#last === credential) {
      this.#kept = undefined;
      this.#told = { refused: true, claims, tenantId };
    }
    return this.#fixed === undefined;
  }

  async #ask(context: CallContext, signal: AbortSignal): Promise<T> {
    const { source, check, now, random, provider, scope } = this.#options;
    const started = performance.now();
    let outcome: "ok" | KmsErrorCode = "ERR_KMS_CREDENTIALS";
    let expiresAt: Date | undefined;
    try {
      const credential = this.#unexpired(check(await (source as (ask: CredentialAsk) => unknown)({ signal, scope, ...this.#told })));
      this.#last = credential;
      this.#told = { ...this.#told, refused: false, claims: undefined };
      expiresAt = credential.expiresAt;
      if (expiresAt !== undefined) {
        const end = expiresAt.getTime();
        const early = Math.min(EARLY_MS, (end - now()) / 5);
        const latest = Math.min(end - early / 2, credential.refreshAt?.getTime() ?? end);
        this.#kept = { credential, refreshAt: latest - (early * random()) / 2 };
      }
      outcome = "ok";
      return credential;
    } catch (error) {
      if (isKmsError(error)) outcome = error.code;
      // A leader that gave up says nothing about the source: one of those who wait takes over.
      assertNotAborted(signal);
      throw asCredentialsError(error);
    } finally {
      context.emit({ type: "token", provider, operation: context.operation, durationMs: performance.now() - started, outcome, expiresAt });
    }
  }

  #unexpired(credential: T): T {
    if (!isOver(credential, this.#options.now())) return credential;
    throw credentialsError("the credentials have expired; a function can renew them");
  }
}

function isOver(credential: Expiring, now: number): boolean {
  return credential.expiresAt !== undefined && credential.expiresAt.getTime() <= now;
}

/** The error for credentials that cannot be had or used. */
export function credentialsError(message: string): ConfigError {
  return new ConfigError("ERR_KMS_CREDENTIALS", message);
}

/**
 * What a credentials function threw, as an error of ours: a copy, for the function may throw the same one again. A failed
 * request of its own is no failure of the service's, and its time-out none of the caller's.
 */
function asCredentialsError(error: unknown): KmsError {
  if (error instanceof ConfigError || error instanceof ValidationError) return copyError(error);
  const { retryable, retryAfterMs } = isKmsError(error) ? error : ({} as ErrorDetails);
  return new ConfigError("ERR_KMS_CREDENTIALS", "the credentials function failed", { retryable, retryAfterMs, cause: error });
}

/** Reads the optional `expiresAt` of a credential, or another of its times. */
export function readExpiresAt(value: unknown, name = "expiresAt"): Date | undefined {
  if (value === undefined || value === null) return undefined;
  if (Object.prototype.toString.call(value) !== "[object Date]" || Number.isNaN((value as Date).getTime())) {
    throw credentialsError(`credentials: ${name} must be a valid Date`);
  }
  return new Date((value as Date).getTime());
}

/**
 * Reads a member of a credential that goes into a header: visible ASCII, for other characters are refused by some runtimes,
 * with the value in the message.
 */
export function readSecret(value: unknown, name: string): string {
  const secret = Object.hasOwn(Object(value) as object, name) ? (value as Record<string, unknown>)[name] : undefined;
  if (typeof secret === "string" && /^[!-~]{1,65536}$/.test(secret)) return secret;
  throw credentialsError(`credentials: ${name} must be visible ASCII`);
}
