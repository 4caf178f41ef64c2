/** What sending needs besides the service itself; read once from a provider's options. */
import { sleep, type Sleep } from "../abort.js";
import { optionProblems, printable, readClock, readRandom, type AddressTrust, type ReadOptions } from "../options.js";
import { DEFAULT_RETRY, RetryBudget, type RetryRules } from "./retry.js";

/** Options that every provider takes. */
export interface TransportOptions {
  /** Instead of the global `fetch`, which is looked up at each call. */
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>;
  /** Parts of the retry rules: 3 attempts, 100 ms doubling up to 5 s, 100 tokens by default. `{ attempts: 1 }` switches it off. */
  readonly retry?: Partial<RetryRules>;
  /** Extra headers, for the KMS origin only, unsigned. Headers that authenticate or frame a request are refused. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds since 1970, for signing and expiry. Default `Date.now`. */
  readonly now?: () => number;
  /** Serves waits between attempts only. */
  readonly sleep?: Sleep;
  /** In [0, 1), for jitter. Default `Math.random`. */
  readonly random?: () => number;
  /** Lets the one configured origin be http: for tests and for a sidecar on the same machine. */
  readonly allowInsecureHttp?: boolean;
  /**
   * Whether an address outside the service's own may be named. Default true, for what is written in code; `createKms`
   * says false for a configuration that came from a URI or from JSON, unless its options say otherwise.
   */
  readonly allowCustomEndpoint?: boolean;
}

export const TRANSPORT_OPTIONS = ["fetch", "retry", "headers", "now", "sleep", "random", "allowInsecureHttp", "allowCustomEndpoint"] as const;

export interface Transport {
  readonly provider: string;
  /** Every request must go there. */
  readonly origin: string;
  readonly fetch: ((input: string, init: RequestInit) => Promise<Response>) | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly budget: RetryBudget;
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly random: () => number;
}

const FORBIDDEN_HEADERS =
  /^(authorization|cookie|host|date|expect|connection|te|trailer|upgrade|transfer-encoding|(content|accept|proxy|sec)-.*|accept|x-(amz|vault)-.*|x-(http-method).*)$/;

/** Everything that is wrong with the shared options, each saying what to change. */
export function transportProblems(options: ReadOptions): string[] {
  return [...optionProblems(options), ...headerProblems(options.headers), ...retryProblems(options.retry)];
}

function headerProblems(headers: unknown): string[] {
  if (headers === undefined) return [];
  if (!isRecord(headers)) return ["headers must be a plain object of names and values"];
  return Object.entries(headers).flatMap(([name, value]: [string, unknown]) => {
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/i.test(name)) return [`headers: ${printable(name)} is no header name`];
    if (FORBIDDEN_HEADERS.test(name.toLowerCase())) return [`headers: ${printable(name)} is set by this library and cannot be overridden`];
    // Visible ASCII and inner blanks: everything else is refused by some runtimes and folded by others.
    if (typeof value !== "string" || !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
      return [`headers: the value of ${printable(name)} must be visible ASCII text`];
    }
    return [];
  });
}

/** Not a `Headers`, a `Map` or an array, whose entries `Object.entries` would miss or misread. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === "[object Object]";
}

function retryProblems(retry: unknown): string[] {
  if (retry === undefined) return [];
  if (!isRecord(retry)) return ["retry must be a plain object"];
  return Object.entries(retry).flatMap(([name, value]: [string, unknown]) => {
    if (name === "refill") return value === "first-try" || value === "last-cost" ? [] : ["retry.refill must be first-try or last-cost"];
    if (name !== "hintSlackMs" && !Object.hasOwn(DEFAULT_RETRY, name)) return [`unknown option retry.${printable(name)}`];
    const lowest = name === "attempts" ? 1 : 0;
    const fits = typeof value === "number" && Number.isFinite(value) && value >= lowest && (name !== "attempts" || (Number.isInteger(value) && value <= 10));
    return fits ? [] : [`retry.${name} must be a number of at least ${lowest}${name === "attempts" ? " and at most 10" : ""}`];
  });
}

/** What the options say about addresses. */
export function addressTrust(options: ReadOptions): AddressTrust {
  return { customEndpoint: options.allowCustomEndpoint !== false, insecureHttp: options.allowInsecureHttp === true };
}

/** Makes the transport of one provider. The options must have no problems. */
export function createTransport(provider: string, origin: string, options: ReadOptions): Transport {
  const given = options as TransportOptions;
  const random = readRandom(given.random);
  const headers = Object.fromEntries(Object.entries(given.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    provider,
    origin,
    fetch: given.fetch,
    headers: Object.freeze(headers),
    budget: new RetryBudget(Object.freeze({ ...DEFAULT_RETRY, ...given.retry }), random),
    now: readClock(given.now),
    sleep: given.sleep ?? sleep,
    random,
  };
}
