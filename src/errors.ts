/**
 * The error classes. Messages are fixed texts of this library with its own identifiers in them: nothing that a service,
 * a platform or a secret holder wrote ever gets into an error.
 */

/** Configuration or credentials cannot work. */
export type ConfigErrorCode = "ERR_KMS_CONFIG" | "ERR_KMS_CREDENTIALS";

/** What was asked cannot be done; nothing changed. */
export type ValidationErrorCode =
  | "ERR_KMS_INVALID_ARGUMENT"
  | "ERR_KMS_UNSUPPORTED"
  | "ERR_KMS_INVALID_ENCODING"
  | "ERR_KMS_INVALID_JWK"
  | "ERR_KMS_TOKEN_INVALID";

/** No complete answer. */
export type NetworkErrorCode =
  | "ERR_KMS_NETWORK"
  | "ERR_KMS_TLS"
  | "ERR_KMS_TIMEOUT"
  | "ERR_KMS_ABORTED"
  | "ERR_KMS_REDIRECT"
  | "ERR_KMS_TOO_LARGE"
  | "ERR_KMS_OVERLOADED";

/** The service answered, and not with what was asked. */
export type ProviderErrorCode =
  | "ERR_KMS_UNAUTHENTICATED"
  | "ERR_KMS_ACCESS_DENIED"
  | "ERR_KMS_NOT_FOUND"
  | "ERR_KMS_KEY_STATE"
  | "ERR_KMS_KEY_EXPIRED"
  | "ERR_KMS_KEY_MISMATCH"
  | "ERR_KMS_DECRYPT_FAILED"
  | "ERR_KMS_CONFLICT"
  | "ERR_KMS_THROTTLED"
  | "ERR_KMS_QUOTA"
  | "ERR_KMS_UNAVAILABLE"
  | "ERR_KMS_RESPONSE_INVALID"
  | "ERR_KMS_REJECTED";

/** Every code; a `switch` over it is checked by the compiler. */
export type KmsErrorCode = ConfigErrorCode | ValidationErrorCode | NetworkErrorCode | ProviderErrorCode;

/**
 * What is known of the state at the service, for the whole operation.
 * `not-sent`: nothing that changes state was sent. `rejected`: the service said that it did nothing.
 * `partial`: an earlier step took effect, repeat the call to finish. `unknown`: look before you repeat a state change.
 */
export type Outcome = "not-sent" | "rejected" | "partial" | "unknown";

/** What an error says besides its code and message. Absent means unknown. */
export interface ErrorDetails {
  /** `aws`, `azure`, `vault`, or the name of a provider of yours. */
  readonly provider?: string | undefined;
  /** The method that was called, such as `sign`. */
  readonly operation?: string | undefined;
  /** As configured. */
  readonly keyId?: string | undefined;
  readonly keyVersion?: string | undefined;
  /** HTTP status of the answer. */
  readonly status?: number | undefined;
  /** The service's own code, at most 64 characters of a closed alphabet. */
  readonly providerCode?: string | undefined;
  /** The service's id of the request, for its support. */
  readonly requestId?: string | undefined;
  /** Requests that were sent for this failure. */
  readonly attempts?: number | undefined;
  /** Whether the same call can succeed later without a change of yours. */
  readonly retryable?: boolean | undefined;
  /** Milliseconds to wait before that, where the service said so. */
  readonly retryAfterMs?: number | undefined;
  readonly outcome?: Outcome | undefined;
  /** What to do next. */
  readonly hint?: string | undefined;
  /** Of a `ConfigError`: everything that is wrong. */
  readonly problems?: readonly string[] | undefined;
  /** An error of this library; anything else is dropped, for its text could quote a secret. */
  readonly cause?: unknown;
}

const BRAND: unique symbol = Symbol.for("knhk-kms.error") as never;

/** What JSON shows, in this order, and what of it `addErrorContext` may fill in: an error has name, code and message from the start. */
const FIELDS = [
  "name",
  "code",
  "message",
  "provider",
  "operation",
  "keyId",
  "keyVersion",
  "status",
  "providerCode",
  "requestId",
  "attempts",
  "retryable",
  "retryAfterMs",
  "outcome",
  "hint",
  "problems",
] as const;

/** Codes of a `ProviderError` after which nobody knows what the service did: it said yes, and what it said made no sense. */
const UNCLEAR = /RESPONSE_INVALID|KEY_MISMATCH/;

/** Base of all errors of this library. Catch by family with `instanceof`, or across copies of the library with {@link isKmsError}. */
export class KmsError<C extends KmsErrorCode = KmsErrorCode> extends Error {
  /** What went wrong, for a `switch`. */
  declare readonly code: C;
  /** `aws`, `azure`, `vault`, or the name of a provider of yours. */
  declare readonly provider?: string;
  /** The method that was called, such as `sign`. */
  declare readonly operation?: string;
  /** As configured. */
  declare readonly keyId?: string;
  /** As configured, or as the call named it. */
  declare readonly keyVersion?: string;
  /** HTTP status of the answer. */
  declare readonly status?: number;
  /** The service's own code, at most 64 characters of a closed alphabet. */
  declare readonly providerCode?: string;
  /** The service's id of the request, for its support. */
  declare readonly requestId?: string;
  /** Requests that were sent for this failure; 0 when it failed before the first. */
  declare readonly attempts: number;
  /** Whether the same call can succeed later without a change of yours. */
  declare readonly retryable: boolean;
  /** Milliseconds to wait before that, where the service said so. */
  declare readonly retryAfterMs?: number;
  /** What is known of the state at the service. */
  declare readonly outcome: Outcome;
  /** What to do next. */
  declare readonly hint?: string;

  /** For authors of providers and sources. A `cause` that is no error of this library is dropped. Throws nothing. */
  constructor(code: C, message: string, details: ErrorDetails = {}) {
    super(message, isKmsError(details.cause) ? { cause: details.cause } : undefined);
    this.code = code;
    addErrorContext(this, details);
    addErrorContext(this, { attempts: 0, retryable: false, outcome: UNCLEAR.test(code) ? "unknown" : "not-sent" });
  }

  /**
   * The fields as plain data, without stack. Throws nothing.
   *
   * @example
   * ```ts
   * console.error(JSON.stringify(shared)); // which calls it
   * ```
   */
  toJSON(): Record<string, unknown> {
    const json: Record<string, unknown> = {};
    for (const field of FIELDS) if (this[field as never] !== undefined) json[field] = this[field as never];
    if (isKmsError(this.cause)) json.cause = this.cause.toJSON();
    return json;
  }
}

/** Configuration or credentials cannot work: {@link ConfigErrorCode}. */
export class ConfigError extends KmsError<ConfigErrorCode> {
  /** Every problem found, each saying what to change. */
  declare readonly problems: readonly string[];

  /** Without `problems` the message is the only one. Throws nothing. */
  constructor(code: ConfigErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, { ...details, problems: Object.freeze([...(details.problems ?? [message])]) });
  }
}

/** What was asked cannot be done, and nothing changed: {@link ValidationErrorCode}. */
export class ValidationError extends KmsError<ValidationErrorCode> {}

/** There was no complete answer: {@link NetworkErrorCode}. */
export class NetworkError extends KmsError<NetworkErrorCode> {}

/** The service answered, and not with what was asked: {@link ProviderErrorCode}. */
export class ProviderError extends KmsError<ProviderErrorCode> {}

// A bundler may shorten the classes' own names. On the prototypes, so that neither shows up among an error's own properties.
for (const [name, { prototype }] of Object.entries({ KmsError, ConfigError, ValidationError, NetworkError, ProviderError })) {
  Object.defineProperties(prototype, { name: { value: name, writable: true }, [BRAND]: { value: true } });
}

/**
 * Whether a value is an error of this library, also of another copy of it, and of that code if one is given.
 *
 * Never throws.
 *
 * @example
 * ```ts
 * try {
 *   await kms.sign(data);
 * } catch (error) {
 *   if (isKmsError(error, "ERR_KMS_THROTTLED")) return retryLater(error.retryAfterMs);
 *   throw error;
 * }
 * ```
 */
export function isKmsError<C extends KmsErrorCode>(value: unknown, code?: C): value is KmsError & { readonly code: C } {
  const error = value as { readonly [BRAND]?: unknown; readonly code?: unknown } | null | undefined;
  return error?.[BRAND] === true && (code === undefined || error.code === code);
}

/**
 * Fills in what an error does not say yet, and returns the same error. For authors of providers: what parses an answer
 * knows neither operation nor key, so the caller of it adds them.
 *
 * Never throws.
 *
 * @example
 * ```ts
 * try {
 *   return parseAnswer(body);
 * } catch (error) {
 *   throw isKmsError(error) ? addErrorContext(error, { operation: "sign", keyId: "signer" }) : error;
 * }
 * ```
 */
export function addErrorContext<E extends KmsError>(error: E, details: ErrorDetails): E {
  const fields = error as { -readonly [field in keyof ErrorDetails]: unknown };
  for (const field of FIELDS as readonly (keyof ErrorDetails)[]) {
    // No attempts yet is no answer either.
    if ((fields[field] ?? 0) === 0 && details[field] !== undefined) fields[field] = details[field];
  }
  return error;
}

/**
 * The same error for one of several callers who shared a request: each adds its own operation and key to a copy.
 *
 * Never throws.
 *
 * @example
 * ```ts
 * const own = addErrorContext(copyError(shared), { operation: "verify" });
 * ```
 */
export function copyError(error: KmsError): KmsError {
  const { code, message, cause, constructor } = error;
  // Reflect.construct gives the copy its family without running a constructor that may take other arguments.
  const copy = Reflect.construct(KmsError, [code, message, { cause }], constructor) as KmsError;
  return Object.assign(copy, error, { operation: undefined });
}

/**
 * Says what a failure means for the whole operation, where one of its steps knows less or more; returns the same error.
 *
 * Never throws.
 *
 * @example
 * ```ts
 * throw withOutcome(new ProviderError("ERR_KMS_CONFLICT", "another rotation is under way"), "rejected");
 * ```
 */
export function withOutcome<E extends KmsError>(error: E, outcome: Outcome): E {
  (error as { outcome: Outcome }).outcome = outcome;
  return error;
}
