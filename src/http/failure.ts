/** Turns what went wrong with one attempt into an error of this library, and says what can be done about it. */
import { isKmsError, NetworkError, ProviderError, withOutcome, type KmsError, type NetworkErrorCode, type Outcome, type ProviderErrorCode } from "../errors.js";
import { retryAfterMs } from "./retry.js";
import type { Answer, Job, Remedy } from "./send.js";

/** A failed attempt. `from` is there if the service answered. */
export interface Failed {
  readonly error: KmsError;
  readonly remedy: Remedy;
  readonly from?: Answer;
}

/** A success whose body is not one whole JSON text: cut off, or not from the service at all. A repetition can help. */
export class Unparsable {
  readonly status: number;

  constructor(status: number) {
    this.status = status;
  }
}

/** Statuses below 500 that say nothing of what was done: a time-out, a retry by the runtime itself (Node on 421), early data. */
const UNCLEAR_STATUS: readonly number[] = [408, 421, 425];

/** Reads an answer that is not a success. */
export function readRefusal<C>({ service, transport }: Job<C>, answer: Answer): Failed {
  const { status } = answer;
  const failure = service.describeFailure(answer);
  const byStatus = status < 500 && !UNCLEAR_STATUS.includes(status) ? "rejected" : "unknown";
  const error = new ProviderError(failure.code, failure.message ?? FAILURE_TEXT[failure.code], {
    status,
    requestId: answer.requestId,
    providerCode: cleanProviderCode(failure.providerCode),
    retryable: failure.retryable ?? (failure.remedy === "retry" || failure.remedy === "throttle"),
    retryAfterMs: retryAfterMs(answer.header, transport.now, service.waitHeaders),
    outcome: status === 421 ? "unknown" : (failure.outcome ?? byStatus),
    hint: failure.hint,
  });
  return { error, remedy: failure.remedy, from: answer };
}

/** Where something was thrown. */
export interface Scene<C> {
  readonly job: Job<C>;
  /** Fires when the attempt's time is over, or the caller's signal fires. */
  readonly attemptSignal: AbortSignal;
  /** Whether the service may have acted. */
  readonly sent: boolean;
  /** How the attempt before ended, which is how the whole ends if this one sent nothing. */
  readonly before: Outcome;
}

/** Explains what was thrown on the way. Nothing of a platform's error gets into ours: its text can quote secrets. */
export function explain<C>(thrown: unknown, { job, attemptSignal, sent, before }: Scene<C>): Failed {
  const repeatable = job.effect !== "change";
  const outcome: Outcome = sent ? "unknown" : before;
  if (job.context.signal?.aborted === true) {
    return { error: networkError("ERR_KMS_ABORTED", { outcome }), remedy: "none" };
  }
  if (attemptSignal.aborted) {
    return { error: networkError("ERR_KMS_TIMEOUT", { outcome, retryable: repeatable || outcome !== "unknown" }), remedy: "retry" };
  }
  // One that a given fetch threw knows less than we do.
  if (isKmsError(thrown)) return { error: sent && thrown.outcome === "not-sent" ? withOutcome(thrown, "unknown") : thrown, remedy: "none" };
  if (thrown instanceof Unparsable) {
    const { status } = thrown;
    return { error: new ProviderError("ERR_KMS_RESPONSE_INVALID", "the answer's body is not one whole JSON text", { status }), remedy: "retry" };
  }
  // An engine's or a test tool's own failure (too much recursion, an unhandled mock) is not the network's.
  if (thrown instanceof Error && thrown.name === "InternalError") throw thrown;
  const kind = connectFailure(thrown);
  if (kind === "overflow") return { error: networkError("ERR_KMS_TOO_LARGE", { outcome }), remedy: "none" };
  if (kind === "certificate" || kind === "tls") {
    return { error: networkError("ERR_KMS_TLS", { outcome: kind === "tls" ? outcome : before }), remedy: "none" };
  }
  const reached = kind === "unreached" ? before : outcome;
  return { error: networkError("ERR_KMS_NETWORK", { outcome: reached, retryable: repeatable || reached !== "unknown" }), remedy: "retry" };
}

const NETWORK_TEXT = {
  ERR_KMS_ABORTED: "the call was aborted by its signal",
  ERR_KMS_TIMEOUT: "no complete answer in the time allowed",
  ERR_KMS_NETWORK: "the connection failed",
  ERR_KMS_TLS: "there is no secure connection: the service's certificate or protocol was not accepted",
  ERR_KMS_TOO_LARGE: "the headers of the answer are larger than this runtime takes",
} as const satisfies Partial<Record<NetworkErrorCode, string>>;

/** A network error with its standard text. */
export function networkError(code: keyof typeof NETWORK_TEXT, details: { outcome: Outcome; retryable?: boolean }): NetworkError {
  const hint = code === "ERR_KMS_TLS" ? "a private certificate authority is given to the runtime, on Node by NODE_EXTRA_CA_CERTS" : undefined;
  return new NetworkError(code, NETWORK_TEXT[code], { ...details, hint });
}

/** What a rejected `fetch` tells by the code of its cause (Node) or its own (Bun). `unreached`: nothing can have been sent. */
function connectFailure(thrown: unknown): "unreached" | "certificate" | "tls" | "overflow" | undefined {
  const { code, syscall } = systemError((thrown as { cause?: unknown } | null | undefined)?.cause) ?? systemError(thrown) ?? {};
  if (code === undefined) return undefined;
  if (code === "UND_ERR_HEADERS_OVERFLOW") return "overflow";
  if (/^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/.test(code)) return "certificate";
  // Such as a record that does not decrypt: that can happen when the request is under way.
  if (/^(ERR_TLS_|ERR_SSL_|EPROTO$)/.test(code)) return "tls";
  // The network can also go away under a connection that is open.
  if (syscall === "read" || syscall === "write") return undefined;
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused)$/.test(code) ? "unreached" : undefined;
}

function systemError(value: unknown): { readonly code: string; readonly syscall?: unknown } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { code, syscall } = value as { code?: unknown; syscall?: unknown };
  return typeof code === "string" ? { code, syscall } : undefined;
}

function cleanProviderCode(code: string | undefined): string | undefined {
  return code !== undefined && /^[A-Za-z][\w.-]{0,63}$/.test(code) ? code : undefined;
}

const FAILURE_TEXT: Readonly<Record<ProviderErrorCode, string>> = {
  ERR_KMS_UNAUTHENTICATED: "the service does not accept the credentials",
  ERR_KMS_ACCESS_DENIED: "the credentials are good and do not permit this",
  ERR_KMS_NOT_FOUND: "the service does not know this key or version",
  ERR_KMS_KEY_STATE: "the key is in a state that forbids this",
  ERR_KMS_KEY_EXPIRED: "the key is outside the time in which it may be used",
  ERR_KMS_KEY_MISMATCH: "the key does not fit what was asked",
  ERR_KMS_DECRYPT_FAILED: "the service could not decrypt",
  ERR_KMS_CONFLICT: "the service is busy with another change of this key",
  ERR_KMS_THROTTLED: "the service asks for fewer requests",
  ERR_KMS_QUOTA: "a limit of the service is reached that waiting does not lift",
  ERR_KMS_UNAVAILABLE: "the service is not available",
  ERR_KMS_RESPONSE_INVALID: "the answer is not what the service documents",
  ERR_KMS_REJECTED: "the service rejected the request",
};
