/**
 * The one door to the network: every request of every provider goes through `send`, which owns deadline, abort, retry, the
 * bound on the answer, and the rule that no redirect is followed.
 */
import { assertNotAborted, onAbort, waitBy } from "../abort.js";
import { addErrorContext, NetworkError, ProviderError, ValidationError, type ErrorDetails, type KmsError, type Outcome, type ProviderErrorCode } from "../errors.js";
import type { CallContext } from "../kms/provider.js";
import { parseJson, readBody, refuseBody } from "./body.js";
import { explain, readRefusal, type Failed } from "./failure.js";
import type { Transport } from "./transport.js";

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
  /** Instead of the code's standard text. */
  readonly message?: string;
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
  recover(remedy: "credentials" | "clock", answer: Answer, credential: C): boolean;
  /** Sees every answer, for what is learnt from headers. */
  observe?(answer: Answer, effect: Effect): void;
  /** The service's id of a request. */
  requestIdOf(answer: Answer): string | null | undefined;
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
  const job: Job<C> = { service, transport, context, effect, request };
  const recovered = new Set<Remedy>();
  let retries = 0;
  let lastCost = 0;
  let before: Outcome = "not-sent";
  for (let number = 1; ; number += 1) {
    const attempt: Attempt<C> = { number, before, sent: false, remedy: "none", answer: undefined, credential: undefined };
    const error = await tryOnce(job, attempt, effect !== "change" && transport.budget.couldRepeat(retries));
    if (error === undefined) {
      transport.budget.succeeded(lastCost);
      return attempt.answer as Answer;
    }
    const { remedy } = attempt;
    if (remedy === "none" || (effect === "change" && error.outcome === "unknown")) throw error;
    before = error.outcome;
    if (remedy === "credentials" || remedy === "clock") {
      if (recovered.has(remedy) || !service.recover(remedy, attempt.answer as Answer, attempt.credential as C)) throw error;
      recovered.add(remedy);
      continue;
    }
    const reason = remedy === "throttle" ? "throttle" : "transient";
    const next = transport.budget.next({ reason, retries, hintMs: error.retryAfterMs, remainingMs: context.remainingMs() });
    if ("refused" in next) throw error;
    context.emit({ type: "retry", provider: transport.provider, operation: context.operation, attempt: number, delayMs: next.waitMs, reason: error.code });
    await waitBy(transport.sleep, next.waitMs, context);
    assertNotAborted(context.signal, { outcome: before, ...contextOf(job) });
    retries += 1;
    lastCost = next.cost;
  }
}

/** A credential must not leave for another place, whoever wrote the URL. */
function assertOrigin({ url }: WireRequest, { origin }: Transport): void {
  if (url.startsWith(`${origin}/`)) return;
  throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "a request may only go to the configured origin");
}

/** What all attempts of one request have in common. */
export interface Job<C> {
  readonly service: Service<C>;
  readonly transport: Transport;
  readonly context: CallContext;
  readonly effect: Effect;
  readonly request: WireRequest;
}

/** One request, and how far it came. */
export interface Attempt<C> {
  /** From 1. */
  readonly number: number;
  /** How the attempt before ended, which is how the whole ends if this one sends nothing. */
  readonly before: Outcome;
  /** From here on the service may have acted. */
  sent: boolean;
  /** What can be done about its failure. */
  remedy: Remedy;
  credential: C | undefined;
  answer: Answer | undefined;
}

/** One request with a controller and a timer of its own, both gone at its end. `AbortSignal.any` and `.timeout` leak on Node 20. */
async function tryOnce<C>(job: Job<C>, attempt: Attempt<C>, mayRetry: boolean): Promise<KmsError | undefined> {
  const { context, transport } = job;
  const { signal } = context;
  const remaining = context.remainingMs();
  const controller = new AbortController();
  let giveUp: (reason: unknown) => void = () => {};
  // A listener on the controller's own signal would do it too, at the cost of all that is done here besides.
  const stopped = new Promise<never>((_resolve, reject) => (giveUp = reject));
  const stop = (): void => {
    controller.abort();
    giveUp(controller.signal.reason);
  };
  const started = performance.now();
  let failure: Failed | undefined;
  if (remaining <= 0) stop();
  const timer = setTimeout(stop, Math.max(1, Math.ceil(mayRetry ? remaining / 2 : remaining)));
  const forget = onAbort(signal, stop);
  try {
    const answer = await Promise.race([exchange(job, controller.signal, attempt), stopped]);
    if (answer.status >= 300) failure = readRefusal(job, answer);
  } catch (thrown) {
    failure = explain(thrown, job, attempt, controller.signal);
  } finally {
    clearTimeout(timer);
    forget();
  }
  if (attempt.sent) {
    context.attempts += 1;
    const { status, requestId } = attempt.answer ?? {};
    const durationMs = performance.now() - started;
    context.emit({ type: "attempt", provider: transport.provider, operation: context.operation, attempt: attempt.number, durationMs, outcome: failure?.error.code ?? "ok", status, requestId });
  }
  if (failure === undefined) return undefined;
  attempt.remedy = failure.remedy;
  return addErrorContext(failure.error, contextOf(job));
}

function contextOf<C>({ transport, context }: Job<C>): ErrorDetails {
  return { provider: transport.provider, operation: context.operation, attempts: context.attempts };
}

async function exchange<C>({ service, transport, context, effect, request }: Job<C>, signal: AbortSignal, attempt: Attempt<C>): Promise<Answer> {
  if (signal.aborted) throw signal.reason;
  const authorized = await service.authorize(request, context, signal);
  attempt.credential = authorized.credential;
  assertOrigin(authorized.request, transport);
  const doFetch = fetchOf(transport);
  const init = initOf(authorized.request, transport, signal);
  if (signal.aborted) throw signal.reason;
  attempt.sent = true;
  if (effect === "change") context.changeSent = true;
  const response = await doFetch(authorized.request.url, init);
  const read = await readAnswer(response, signal, service.parseBody ?? parseJson, attempt);
  const requestId = cleanRequestId(service.requestIdOf(read));
  const answer = requestId === undefined ? read : { ...read, requestId };
  attempt.answer = answer;
  service.observe?.(answer, effect);
  return answer;
}

/** Called as a plain function: the platform's `fetch` as a method of something else is an "Illegal invocation" on Workers and in browsers. */
function fetchOf({ fetch: given }: Transport): (input: string, init: RequestInit) => Promise<Response> {
  const found = given ?? (globalThis.fetch as typeof fetch | undefined);
  if (found !== undefined) return found;
  throw new ValidationError("ERR_KMS_UNSUPPORTED", "globalThis.fetch is required", { hint: "pass the option fetch" });
}

/** Without a prototype, for `fetch` reads inherited members too; and a request without a body inherits none. */
function initOf(request: WireRequest, transport: Transport, signal: AbortSignal): RequestInit {
  const headers = { ...transport.headers, "accept-encoding": "identity", ...request.headers };
  const init = { __proto__: null, method: request.method, headers, redirect: "manual", signal } as RequestInit;
  if (Object.hasOwn(request, "body") && request.body !== undefined) init.body = request.body;
  return init;
}

/** Status and body of a response; a redirect, or a status that is none, is an error at once and its body is not read. */
async function readAnswer<C>(response: Response, signal: AbortSignal, parse: (bytes: Uint8Array) => unknown, attempt: Attempt<C>): Promise<Answer> {
  const { status } = response;
  if (status === 0 || response.type === "opaqueredirect" || (status >= 300 && status < 400 && status !== 304)) {
    refuseBody(response, new NetworkError("ERR_KMS_REDIRECT", "the service answered with a redirect, which is never followed", {
      status: status || undefined,
      outcome: "unknown",
      hint: "configure the service's own address, not one that forwards",
    }));
  }
  if (!(status >= 200 && status < 600) || status === 304) {
    refuseBody(response, new ProviderError("ERR_KMS_RESPONSE_INVALID", "the answer has a status that no service gives here", { status }));
  }
  const bytes = await readBody(response, signal);
  // What an abort has cut short says nothing, and nobody waits for it.
  if (signal.aborted) throw signal.reason;
  const body = parse(bytes);
  if (status < 300 && body === undefined && bytes.length > 0) {
    attempt.remedy = "retry"; // cut off, or not from the service at all: a repetition can help
    throw new ProviderError("ERR_KMS_RESPONSE_INVALID", "the answer's body is not one whole JSON text", { status });
  }
  return { status, header: (name) => response.headers.get(name), body };
}

function cleanRequestId(id: string | null | undefined): string | undefined {
  return typeof id === "string" && /^[\w.:/+=-]{1,128}$/.test(id) ? id : undefined;
}
