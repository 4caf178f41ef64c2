/** A service of our own making, so that `send` is tested without any of the three. */
import type { Answer, Effect, Failure, Remedy, Service, WireRequest } from "../../src/http/send.js";
import { createTransport, type Transport, type TransportOptions } from "../../src/http/transport.js";

export const ORIGIN = "https://kms.test";

/** A long text that must never be seen outside of the request that carries it. */
export const TOKEN = "s3cr3t-t0ken-0f-the-tests";

export interface FakeService extends Service<string> {
  /** What `recover` was asked, in order. */
  readonly recoveries: { remedy: Remedy; credential: string }[];
  readonly observed: { status: number; effect: Effect }[];
  readonly authorized: string[];
}

export interface FakeServiceOptions {
  /** Overrides the reading by status. */
  readonly failure?: (answer: Answer) => Failure | undefined;
  /** Whether a refused credential can be replaced. Default false. */
  readonly recovers?: boolean;
  readonly authorize?: Service<string>["authorize"];
}

/** Reads failures by status: 401 credentials, 403 denied, 429 throttle, 5xx retry, and by a `code` member before that. */
export function fakeService({ failure, recovers = false, authorize }: FakeServiceOptions = {}): FakeService {
  const recoveries: FakeService["recoveries"] = [];
  const observed: FakeService["observed"] = [];
  const authorized: string[] = [];
  return {
    recoveries,
    observed,
    authorized,
    async authorize(request, context, signal) {
      if (authorize !== undefined) return authorize(request, context, signal);
      const credential = `${TOKEN}-${authorized.length + 1}`;
      authorized.push(credential);
      return { request: { ...request, headers: { ...request.headers, authorization: `Bearer ${credential}` } }, credential };
    },
    describeFailure: (answer) => failure?.(answer) ?? byStatus(answer),
    recover(remedy, _answer, credential) {
      recoveries.push({ remedy, credential });
      return recovers;
    },
    observe: ({ status }, effect) => void observed.push({ status, effect }),
    requestIdOf: (answer) => answer.header("x-request-id"),
    waitHeaders: ["x-wait-ms"],
  };
}

function byStatus({ status, body }: Answer): Failure {
  const { code } = (typeof body === "object" && body !== null ? body : {}) as { code?: string };
  if (code === "ThrottlingException") return { code: "ERR_KMS_THROTTLED", remedy: "throttle", providerCode: code, outcome: "rejected" };
  if (code === "LimitExceededException") return { code: "ERR_KMS_QUOTA", remedy: "none", providerCode: code };
  if (code === "Standby") return { code: "ERR_KMS_UNAVAILABLE", remedy: "retry", outcome: "rejected" };
  if (code === "Clock") return { code: "ERR_KMS_UNAUTHENTICATED", remedy: "clock" };
  if (status === 401) return { code: "ERR_KMS_UNAUTHENTICATED", remedy: "credentials" };
  if (status === 403) return { code: "ERR_KMS_ACCESS_DENIED", remedy: "none" };
  if (status === 404) return { code: "ERR_KMS_NOT_FOUND", remedy: "none" };
  if (status === 429) return { code: "ERR_KMS_THROTTLED", remedy: "throttle" };
  if (status === 408 || status === 425 || status >= 500) return { code: "ERR_KMS_UNAVAILABLE", remedy: "retry" };
  return { code: "ERR_KMS_REJECTED", remedy: "none" };
}

/** A transport whose waits take no time; they are noted in `waits`. */
export function fakeTransport(options: TransportOptions & { origin?: string } = {}): Transport & { readonly waits: number[] } {
  const waits: number[] = [];
  const { origin = ORIGIN, ...given } = options;
  const sleep = async (ms: number): Promise<void> => void waits.push(ms);
  const transport = createTransport("fake", origin, { __proto__: null, sleep, random: () => 0.5, ...given } as never);
  return Object.assign(transport, { waits });
}

export const request: WireRequest = { method: "POST", url: `${ORIGIN}/keys/k/sign`, headers: { "content-type": "application/json" }, body: '{"value":1}' };

/** A `fetch` that gives these answers one after another, and the last one for ever. */
export function answers(...list: (Response | Error | (() => Response | Promise<Response>))[]): ((url: string, init: RequestInit) => Promise<Response>) & { calls: { url: string; init: RequestInit }[] } {
  const calls: { url: string; init: RequestInit }[] = [];
  const doFetch = async (url: string, init: RequestInit): Promise<Response> => {
    const next = list[Math.min(calls.length, list.length - 1)];
    calls.push({ url, init });
    if (next instanceof Error) throw next;
    return typeof next === "function" ? next() : (next as Response).clone();
  };
  return Object.assign(doFetch, { calls });
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
}

/** What Node's fetch rejects with. */
export function fetchFailed(code: string, syscall?: string): TypeError {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(`secret in a platform message ${TOKEN}`), { code, syscall }) });
}
