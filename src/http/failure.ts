/** Turns what went wrong with one attempt into an error of this library, and says what can be done about it. */
import { isKmsError, NetworkError, ProviderError, withOutcome, type KmsError, type Outcome, type ProviderErrorCode } from "../errors.js";
import { retryAfterMs } from "./retry.js";
import type { Answer, Attempt, Effect, Job, Remedy } from "./send.js";

/** A failed attempt. */
export interface Failed {
  readonly error: KmsError;
  readonly remedy: Remedy;
}

/** Statuses below 500 that say nothing of what was done: a time-out, a retry by the runtime itself (Node on 421), early data. */
const UNCLEAR_STATUS: readonly number[] = [408, 421, 425];

/** Reads an answer that is not a success. */
export function readRefusal<C>({ service, transport, effect }: Job<C>, answer: Answer): Failed {
  const { status } = answer;
  const failure = service.describeFailure(answer);
  const byStatus = status < 500 && !UNCLEAR_STATUS.includes(status) ? "rejected" : "unknown";
  const outcome = status === 421 ? "unknown" : (failure.outcome ?? byStatus);
  const passing = failure.retryable ?? (failure.remedy === "retry" || failure.remedy === "throttle");
  const error = new ProviderError(failure.code, failure.message ?? FAILURE_TEXT[failure.code], {
    status,
    requestId: answer.requestId,
    providerCode: cleanProviderCode(failure.providerCode),
    // As after a lost connection: a change that may have happened must be looked at before it is sent again.
    retryable: passing && (effect !== "change" || outcome !== "unknown"),
    retryAfterMs: retryAfterMs(answer.header, transport.now, service.waitHeaders),
    outcome,
    hint: failure.hint,
  });
  return { error, remedy: failure.remedy };
}

/** Explains what was thrown on the way. Nothing of a platform's error gets into ours: its text can quote secrets. */
export function explain<C>(thrown: unknown, { context, effect }: Job<C>, { sent, before, remedy }: Attempt<C>, attemptSignal: AbortSignal): Failed {
  const outcome = sent ? "unknown" : before;
  if (context.signal?.aborted === true) return failed("ERR_KMS_ABORTED", effect, outcome);
  if (attemptSignal.aborted) return failed("ERR_KMS_TIMEOUT", effect, outcome);
  // One that a given fetch threw knows less than we do.
  if (isKmsError(thrown)) return { error: sent && thrown.outcome === "not-sent" ? withOutcome(thrown, "unknown") : thrown, remedy };
  // An engine's or a test tool's own failure (too much recursion, an unhandled mock) is not the network's.
  if (thrown instanceof Error && thrown.name === "InternalError") throw thrown;
  const { code = "", syscall } = systemError((thrown as { cause?: unknown } | null | undefined)?.cause) ?? systemError(thrown) ?? {};
  const [, kind, unreached] = CONNECT_FAILURES.find(([pattern]) => pattern.test(code)) ?? [undefined, "ERR_KMS_NETWORK"];
  // The network can also go away under a connection that is open.
  return failed(kind, effect, unreached === true && syscall !== "read" && syscall !== "write" ? before : outcome);
}

type Cause = "ERR_KMS_ABORTED" | "ERR_KMS_TIMEOUT" | "ERR_KMS_NETWORK" | "ERR_KMS_TLS" | "ERR_KMS_TOO_LARGE";

const NETWORK_TEXT: Readonly<Record<Cause, string>> = {
  ERR_KMS_ABORTED: "the call was aborted by its signal",
  ERR_KMS_TIMEOUT: "no complete answer in the time allowed",
  ERR_KMS_NETWORK: "the connection failed",
  ERR_KMS_TLS: "the service's certificate or protocol was not accepted",
  ERR_KMS_TOO_LARGE: "the headers of the answer are too large",
};

/** Time and network can be better at the next try; the others stay as they are. */
function failed(code: Cause, effect: Effect, outcome: Outcome): Failed {
  const passing = code === "ERR_KMS_TIMEOUT" || code === "ERR_KMS_NETWORK";
  const hint = code === "ERR_KMS_TLS" ? "on Node, NODE_EXTRA_CA_CERTS names a private certificate authority" : undefined;
  const retryable = passing && (effect !== "change" || outcome !== "unknown");
  return { error: new NetworkError(code, NETWORK_TEXT[code], { outcome, retryable, hint }), remedy: passing ? "retry" : "none" };
}

/** What a rejected `fetch` tells by the code of its cause (Node) or its own (Bun), and whether nothing can have been sent. */
const CONNECT_FAILURES: readonly (readonly [pattern: RegExp, code: Cause, unreached?: boolean])[] = [
  [/^UND_ERR_HEADERS_OVERFLOW$/, "ERR_KMS_TOO_LARGE"],
  [/^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/, "ERR_KMS_TLS", true],
  // Such as a record that does not decrypt: that can happen when the request is under way.
  [/^(ERR_TLS_|ERR_SSL_|EPROTO$)/, "ERR_KMS_TLS"],
  [/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused)$/, "ERR_KMS_NETWORK", true],
];

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
  ERR_KMS_ACCESS_DENIED: "the credentials do not permit this",
  ERR_KMS_NOT_FOUND: "the service does not know this key or version",
  ERR_KMS_KEY_STATE: "the key is in a state that forbids this",
  ERR_KMS_KEY_EXPIRED: "the key is outside its time",
  ERR_KMS_KEY_MISMATCH: "the key does not fit what was asked",
  ERR_KMS_DECRYPT_FAILED: "the service could not decrypt",
  ERR_KMS_CONFLICT: "the service is busy with another change of this key",
  ERR_KMS_THROTTLED: "the service asks for fewer requests",
  ERR_KMS_QUOTA: "a limit of the service is reached",
  ERR_KMS_UNAVAILABLE: "the service is not available",
  ERR_KMS_RESPONSE_INVALID: "the answer is not what the service documents",
  ERR_KMS_REJECTED: "the service rejected the request",
};
