/**
 * The one door to the network: every request of every provider goes through `send`, which owns deadline, abort, retry, the
 * bound on the answer, and the rule that no redirect is followed.
 */
import { inWords, noAnswer, settlesWithin, waitBy } from "../abort.js";
import { addErrorContext, isKmsError, ProviderError, ValidationError, withOutcome, type KmsError, type Outcome, type ProviderErrorCode } from "../errors.js";
import type { CallContext } from "../kms/provider.js";
import { parseJson, readBody, refuseBody } from "./body.js";
import { invalidAnswer } from "./fields.js";
import { retryAfterMs, type Transport } from "./transport.js";

/** What a request does at the service: `read` and `compute` can be repeated, a `change` only if it is known not to have happened. */
export type Effect = "read" | "compute" | "change";

export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute, made of checked parts. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  header(name: string): string | null;
  /** The whole JSON value; undefined for an empty body, and in an error answer for one that is no JSON. */
  readonly body: unknown;
  readonly requestId?: string | undefined;
}

/** What can be done about a refusal: nothing, wait and repeat, or repeat once if the service's `recover` changed something. */
export type Remedy = "none" | "retry" | "throttle" | "credentials" | "clock";

/** A service's reading of an answer that is not a success. */
export interface Failure {
  readonly code: ProviderErrorCode;
  readonly remedy: Remedy;
  /** The service's own code; dropped when it is anything but a short word. */
  readonly providerCode?: string | undefined;
  readonly hint?: string | undefined;
  /** Whether a repetition later may succeed; by default that is so for `retry` and `throttle`. */
  readonly retryable?: boolean;
  /** Whether the service is known to have done nothing; by default so below status 500. */
  readonly outcome?: "rejected" | "unknown";
}

/** A request as it goes out, with the credential that authorized it. */
export interface Authorized<C> {
  readonly request: WireRequest;
  readonly credential: C;
}

/** What the door must know of a service. `C` is its kind of credential. */
export interface Service<C> {
  /** Anew for every attempt: time, credential and clock offset may have changed. The signal carries the attempt's time limit. */
  authorize(request: WireRequest, context: CallContext, signal: AbortSignal): Promise<Authorized<C>>;
  describeFailure(answer: Answer): Failure;
  /** True: something changed (a new token can be had, the clock offset was corrected); the request is then repeated once. */
  recover?(remedy: "credentials" | "clock", answer: Answer, credential: C): boolean;
  /** Sees every answer, for what is learnt from headers. */
  observe?(answer: Answer, effect: Effect): void;
  /** The service's id of a request. */
  requestIdOf?(answer: Answer): string | null | undefined;
  /** Headers with a wait in milliseconds, looked at before `retry-after`. */
  readonly waitHeaders?: readonly string[];
  /** Reads a body; undefined when it is none. By default as one whole JSON text. */
  readonly parseBody?: (bytes: Uint8Array) => unknown;
}

/**
 * Sends a request and returns the answer, if its status is 2xx and its body empty or one whole JSON text.
 *
 * @throws {NetworkError} any of its codes
 * @throws {ProviderError} what `describeFailure` says, or `ERR_KMS_RESPONSE_INVALID`
 */
export async function send<C>(service: Service<C>, transport: Transport, context: CallContext, effect: Effect, request: WireRequest): Promise<Answer> {
  assertOrigin(request, transport);
  const { budget, provider } = transport;
  const { operation } = context;
  const recovered: Remedy[] = [];
  let retries = 0;
  let lastCost = 0;
  let before: Outcome = "not-sent";
  for (let number = 1; ; number += 1) {
    const attempt: Attempt<C> = { service, transport, context, effect, request, number, before, sent: false, remedy: "none" };
    const error = await tryOnce(attempt, effect !== "change" && budget.couldRepeat(retries));
    if (error === undefined) {
      budget.succeeded(lastCost);
      return attempt.answer as Answer;
    }
    addErrorContext(error, { provider, operation, status: attempt.status, attempts: context.attempts });
    const { remedy } = attempt;
    if (remedy === "none" || (effect === "change" && error.outcome === "unknown")) throw error;
    before = error.outcome;
    if (remedy === "credentials" || remedy === "clock") {
      if (recovered.includes(remedy) || !service.recover?.(remedy, attempt.answer as Answer, attempt.credential as C)) throw error;
      recovered.push(remedy);
      continue;
    }
    const next = budget.next({ throttled: remedy === "throttle", retries, hintMs: error.retryAfterMs, remainingMs: context.remainingMs() });
    if (next === undefined) throw error;
    context.emit({ type: "retry", provider, operation, attempt: number, delayMs: next.waitMs, reason: error.code });
    await waitBy(transport.sleep, next.waitMs, context);
    retries += 1;
    lastCost = next.cost;
  }
}

/** A credential must not leave for another place, whoever wrote the URL. */
function assertOrigin({ url }: WireRequest, { origin }: Transport): void {
  if (!url.startsWith(`${origin}/`)) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "a request may only go to the configured origin");
}

/** One attempt: what it is for, and what is known of it, filled in as it goes on. */
interface Attempt<C> {
  readonly service: Service<C>;
  readonly transport: Transport;
  readonly context: CallContext;
  readonly effect: Effect;
  readonly request: WireRequest;
  readonly number: number;
  /** What the attempts before leave known. */
  readonly before: Outcome;
  /** Whether anything can have been sent. */
  sent: boolean;
  remedy: Remedy;
  credential?: C;
  status?: number | undefined;
  answer?: Answer;
}

/** One request with a controller and a timer of its own, both gone at its end. `AbortSignal.any` and `.timeout` leak on Node 20. */
async function tryOnce<C>(attempt: Attempt<C>, mayRepeat: boolean): Promise<KmsError | undefined> {
  const { context, transport, number } = attempt;
  const started = performance.now();
  const remaining = context.remainingMs();
  const controller = new AbortController();
  const { signal } = controller;
  let error: KmsError | undefined;
  try {
    if (remaining <= 0 || context.signal?.aborted === true) controller.abort();
    const exchanging = exchange(attempt, signal);
    // What does not listen to the signal is left to itself.
    if (!(await settlesWithin(exchanging, mayRepeat ? remaining / 2 : remaining, context.signal))) controller.abort();
    signal.throwIfAborted();
    const answer = await exchanging;
    if (answer.status >= 300) error = readRefusal(attempt, answer);
  } catch (thrown) {
    error = explain(attempt, thrown, signal.aborted);
  }
  if (attempt.sent) {
    context.attempts += 1;
    const { status, answer } = attempt;
    const durationMs = performance.now() - started;
    const outcome = error?.code ?? "ok";
    context.emit({ type: "attempt", provider: transport.provider, operation: context.operation, attempt: number, durationMs, outcome, status, requestId: answer?.requestId });
  }
  return error;
}

async function exchange<C>(attempt: Attempt<C>, signal: AbortSignal): Promise<Answer> {
  const { service, transport, context, effect } = attempt;
  signal.throwIfAborted();
  const { request, credential } = await service.authorize(attempt.request, context, signal);
  attempt.credential = credential;
  assertOrigin(request, transport);
  // Called as a plain function: the platform's `fetch` as a method of something else is an "Illegal invocation" on Workers and in browsers.
  const doFetch = transport.fetch ?? (globalThis.fetch as typeof fetch | undefined);
  if (doFetch === undefined) throw new ValidationError("ERR_KMS_UNSUPPORTED", "globalThis.fetch is required");
  const init = initOf(request, transport, signal);
  signal.throwIfAborted();
  attempt.sent = true;
  if (effect === "change") context.changeSent = true;
  const response = await doFetch(request.url, init);
  const body = await readAnswer(attempt, response, signal);
  // What an abort has cut short says nothing, and nobody waits for it.
  signal.throwIfAborted();
  const answer = { status: response.status, header: (name: string) => response.headers.get(name), body, requestId: undefined as string | undefined };
  answer.requestId = cleanText(service.requestIdOf?.(answer), /^[\w.:/+=-]{1,128}$/);
  attempt.answer = answer;
  service.observe?.(answer, effect);
  return answer;
}

/** Without a prototype, for `fetch` reads inherited members too; and a request without a body inherits none. */
function initOf({ url, ...request }: WireRequest, transport: Transport, signal: AbortSignal): RequestInit {
  const headers = { ...transport.headers, "accept-encoding": "identity", ...request.headers };
  return { __proto__: null, ...request, headers, redirect: "manual", signal } as RequestInit;
}

/** The body of an answer; a redirect, or a status that is none, is an error at once and its body is not read. */
async function readAnswer<C>(attempt: Attempt<C>, response: Response, signal: AbortSignal): Promise<unknown> {
  const { status } = response;
  attempt.status = status || undefined;
  const redirected = status === 0 || response.type === "opaqueredirect" || (status >= 300 && status < 400);
  if (redirected && status !== 304) refuseBody(response, noAnswer("ERR_KMS_REDIRECT"));
  if (redirected || !(status >= 200 && status < 600)) refuseBody(response, invalidAnswer("status"));
  const bytes = await readBody(response, signal);
  const { parseBody = parseJson } = attempt.service;
  const body = parseBody(bytes);
  if (status < 300 && body === undefined && bytes.length > 0) {
    attempt.remedy = "retry"; // cut off, or not from the service at all: a repetition can help
    throw invalidAnswer("the body is not JSON");
  }
  return body;
}

/** A word of the service, if it is of the form that such words have. */
function cleanText(text: string | null | undefined, form: RegExp): string | undefined {
  return typeof text === "string" && form.test(text) ? text : undefined;
}

/** A change that may have happened must be looked at before it is sent again. */
function isRetryable(passing: boolean, effect: Effect, outcome: Outcome): boolean {
  return passing && (effect !== "change" || outcome !== "unknown");
}

/** Reads an answer that is not a success. */
function readRefusal<C>(attempt: Attempt<C>, answer: Answer): KmsError {
  const { service, transport, effect } = attempt;
  const { status, requestId } = answer;
  const { code, remedy, providerCode, hint, ...failure } = service.describeFailure(answer);
  // A time-out, early data, or a fault of the service's: that says nothing of what was done.
  const byStatus = status === 408 || status === 425 || status >= 500 ? "unknown" : "rejected";
  // On 421 Node has sent the request a second time.
  const outcome = status === 421 ? "unknown" : (failure.outcome ?? byStatus);
  const passing = failure.retryable ?? (remedy === "retry" || remedy === "throttle");
  attempt.remedy = remedy;
  return new ProviderError(code, `the service answered ${status}: ${inWords(code)}`, {
    requestId,
    providerCode: cleanText(providerCode, /^[A-Za-z][\w.-]{0,63}$/),
    retryable: isRetryable(passing, effect, outcome),
    retryAfterMs: retryAfterMs(answer.header, transport.now, service.waitHeaders),
    outcome,
    hint,
  });
}

/** Codes of a certificate that was not accepted, such as `DEPTH_ZERO_SELF_SIGNED_CERT`: then nothing was sent. */
const CERTIFICATE = /^(?!ERR_SSL_)(.*_)?CERT(_|$)|^UNABLE_TO_|^HOSTNAME_MISMATCH/;
/** Other codes of the protocol: a record that does not decrypt, say, can come after something was sent. */
const TLS = /^(ERR_TLS_|ERR_SSL_|EPROTO$)/;
/** Codes of a service that was not reached. */
const UNREACHED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|E(NET|HOST)UNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused)/;

/** Explains what was thrown on the way. Nothing of a platform's error gets into ours: its text can quote secrets. */
function explain<C>(attempt: Attempt<C>, thrown: unknown, gaveUp: boolean): KmsError {
  const { context, effect, sent, before } = attempt;
  const aborted = context.signal?.aborted === true;
  if (!aborted && !gaveUp) {
    // One that a given fetch threw knows less than we do.
    if (isKmsError(thrown)) return sent && thrown.outcome === "not-sent" ? withOutcome(thrown, "unknown") : thrown;
    // An engine's or a test tool's own failure (too much recursion, an unhandled mock) is not the network's.
    if (thrown instanceof Error && thrown.name === "InternalError") throw thrown;
  }
  // What a rejected `fetch` tells by the code of its cause (Node) or its own (Bun).
  const { code: reason = "", syscall } = [(thrown as PlatformError)?.cause, thrown as PlatformError].find((each) => typeof each?.code === "string") ?? {};
  const untrusted = CERTIFICATE.test(reason);
  const whole = reason === "UND_ERR_HEADERS_OVERFLOW" ? "ERR_KMS_TOO_LARGE" : untrusted || TLS.test(reason) ? "ERR_KMS_TLS" : "ERR_KMS_NETWORK";
  const code = aborted ? "ERR_KMS_ABORTED" : gaveUp ? "ERR_KMS_TIMEOUT" : whole;
  // The network can also go away under a connection that is open.
  const unreached = untrusted || (UNREACHED.test(reason) && syscall !== "read" && syscall !== "write");
  const outcome = sent && !unreached ? "unknown" : before;
  // Time and network can be better at the next try; the others stay as they are.
  const passing = code === "ERR_KMS_TIMEOUT" || code === "ERR_KMS_NETWORK";
  attempt.remedy = passing ? "retry" : "none";
  return noAnswer(code, { outcome, retryable: isRetryable(passing, effect, outcome) });
}

/** What may be in an error of a platform's, of all that can be thrown. */
type PlatformError = { readonly code?: string; readonly syscall?: unknown; readonly cause?: PlatformError } | null | undefined;
