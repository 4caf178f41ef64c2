/** What sending needs besides the service itself, read once from a provider's options; and when a request is repeated: all numbers are data. */
import { sleep, type Sleep } from "../abort.js";
import { optionProblems, printable, readClock, readRandom, type AddressTrust, type ReadOptions } from "../options.js";

/** Constants and refill rule of the engine. */
export interface RetryRules {
  /** Requests in all, the first included: 1 to 10. */
  readonly attempts: number;
  /** Milliseconds; the wait before retry i (from 0) is `random() * min(base * 2^i, cap)`. */
  readonly baseMs: number;
  /** Base after throttling. */
  readonly throttleBaseMs: number;
  readonly capMs: number;
  /** A server's hint lengthens a wait by at most this much; without it the hint is honoured whole. */
  readonly hintSlackMs?: number;
  /** Tokens at first and at most. */
  readonly tokens: number;
  /** What a retry takes. */
  readonly cost: number;
  readonly throttleCost: number;
  /** What comes back: 1 token for a success at the first try; or, as the AWS clients do, also the cost of a success's last retry. */
  readonly refill: "first-try" | "last-cost";
}

/** 3 attempts, 100 ms doubling up to 5 s, and at most 20 retries in a row without successes, so that an outage is not multiplied. */
export const DEFAULT_RETRY: Required<RetryRules> = {
  attempts: 3,
  baseMs: 100,
  throttleBaseMs: 100,
  capMs: 5_000,
  tokens: 100,
  cost: 5,
  throttleCost: 5,
  refill: "first-try",
  hintSlackMs: Infinity,
};

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

/** Names of headers that can be set. What this library sets, what frames a message, and what authenticates cannot. */
const HEADER_NAME =
  /^(?!(authorization|cookie|host|date|expect|connection|te|trailer|upgrade|(accept|content|proxy|sec|transfer|x-(amz|http|vault))(-.*)?)$)[\w.-]{1,64}$/i;

/** Everything that is wrong with the shared options, each saying what to change. */
export function transportProblems(options: ReadOptions): string[] {
  return [...optionProblems(options), ...memberProblems("headers", options.headers, headerProblem), ...memberProblems("retry", options.retry, ruleProblem)];
}

/** Of an option that is a plain object: not a `Headers`, a `Map` or an array, whose entries `Object.entries` would miss or misread. */
function memberProblems(option: string, members: unknown, problemOf: (name: string, value: unknown) => string | undefined): string[] {
  if (members === undefined) return [];
  if (Object.prototype.toString.call(members) !== "[object Object]") return [`${option} must be a plain object`];
  return Object.entries(members as object).flatMap(([name, value]: [string, unknown]) => {
    const problem = problemOf(name, value);
    return problem === undefined ? [] : [`${option}: ${printable(name)} ${problem}`];
  });
}

function headerProblem(name: string, value: unknown): string | undefined {
  if (!HEADER_NAME.test(name)) return "cannot be set";
  // Inner blanks too: everything else is refused by some runtimes and folded by others.
  return typeof value === "string" && /^[!-~]([ -~]*[!-~])?$/.test(value) ? undefined : "must be visible ASCII";
}

function ruleProblem(name: string, value: unknown): string | undefined {
  if (name === "refill") return value === "first-try" || value === "last-cost" ? undefined : "must be first-try or last-cost";
  if (name === "attempts") return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10 ? undefined : "must be an integer from 1 to 10";
  if (!Object.hasOwn(DEFAULT_RETRY, name)) return "cannot be set";
  return Number.isFinite(value) && (value as number) >= 0 ? undefined : "must be at least 0";
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
    budget: new RetryBudget({ ...DEFAULT_RETRY, ...given.retry }, random),
    now: readClock(given.now),
    sleep: given.sleep ?? sleep,
    random,
  };
}

/** A failed attempt. */
export interface RetryQuestion {
  readonly throttled: boolean;
  /** Retries already made for this request. */
  readonly retries: number;
  /** The server's hint. */
  readonly hintMs?: number | undefined;
  readonly remainingMs: number;
}

/** The budget of one provider, shared by all its calls. */
export class RetryBudget {
  readonly rules: Required<RetryRules>;
  readonly #random: () => number;
  /** Tokens left. */
  tokens: number;

  constructor(rules: Required<RetryRules>, random: () => number) {
    this.rules = rules;
    this.#random = random;
    this.tokens = rules.tokens;
  }

  /** Whether a request could be repeated once more if it failed now. */
  couldRepeat(retries: number, cost = this.rules.cost): boolean {
    return retries + 1 < this.rules.attempts && cost <= this.tokens;
  }

  /** After how long a request may be repeated, and the tokens that this takes; undefined if not, for want of attempts, tokens or time. */
  next({ throttled, retries, hintMs = 0, remainingMs }: RetryQuestion): { readonly waitMs: number; readonly cost: number } | undefined {
    const { baseMs, throttleBaseMs, capMs, cost: usual, throttleCost, hintSlackMs } = this.rules;
    const cost = throttled ? throttleCost : usual;
    const delay = Math.floor(this.#random() * Math.min((throttled ? throttleBaseMs : baseMs) * 2 ** retries, capMs));
    const waitMs = Math.max(delay, Math.min(hintMs, delay + hintSlackMs));
    if (!this.couldRepeat(retries, cost) || waitMs >= remainingMs) return undefined;
    this.tokens -= cost;
    return { waitMs, cost };
  }

  /** Tells of a success; `lastCost` is what its last retry took, 0 without one. */
  succeeded(lastCost: number): void {
    const back = lastCost === 0 ? 1 : this.rules.refill === "last-cost" ? lastCost : 0;
    this.tokens = Math.min(this.rules.tokens, this.tokens + back);
  }
}

/**
 * Milliseconds that an answer asks to wait: a header in milliseconds, else `Retry-After` in seconds or as a date (RFC 9110
 * section 10.2.3), counted from the answer's own `Date` where it has one. What cannot be read is ignored.
 */
export function retryAfterMs(header: (name: string) => string | null, now: () => number, millisecondHeaders: readonly string[] = []): number | undefined {
  for (const name of [...millisecondHeaders, "retry-after"]) {
    const value = header(name) ?? "";
    if (/^\d{1,9}$/.test(value)) return Number(value) * (name === "retry-after" ? 1000 : 1);
  }
  const until = parseHttpDate(header("retry-after"));
  return until === undefined ? undefined : Math.max(0, until - (parseHttpDate(header("date")) ?? now()));
}

/** An IMF-fixdate (RFC 9110 section 5.6.7) in milliseconds since 1970; the obsolete forms are not read. */
export function parseHttpDate(value: string | null): number | undefined {
  const ms = Date.parse(/^\w{3}, \d\d [\w :]+ GMT$/.exec(value ?? "")?.[0] ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}
