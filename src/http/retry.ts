/** When to repeat a request and how long to wait: attempts, full jitter, a budget of tokens. All numbers are data. */

/** Constants and refill rule of the engine. */
export interface RetryRules {
  /** Requests in all, the first included. */
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
export const DEFAULT_RETRY: RetryRules = Object.freeze({
  attempts: 3,
  baseMs: 100,
  throttleBaseMs: 100,
  capMs: 5_000,
  tokens: 100,
  cost: 5,
  throttleCost: 5,
  refill: "first-try",
});

export interface RetryQuestion {
  readonly reason: "transient" | "throttle";
  /** Retries already made for this request. */
  readonly retries: number;
  /** The server's hint. */
  readonly hintMs?: number | undefined;
  readonly remainingMs: number;
}

export type RetryAnswer = { readonly waitMs: number; readonly cost: number } | { readonly refused: "attempts" | "tokens" | "time" };

/** The budget of one provider, shared by all its calls. */
export class RetryBudget {
  readonly rules: RetryRules;
  readonly #random: () => number;
  #tokens: number;

  constructor(rules: RetryRules, random: () => number) {
    this.rules = rules;
    this.#random = random;
    this.#tokens = rules.tokens;
  }

  /** Tokens left. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Whether a request could be repeated once more if it failed now. */
  couldRepeat(retries: number): boolean {
    return retries + 1 < this.rules.attempts && this.rules.cost <= this.#tokens;
  }

  /** Whether a request may be repeated, and after how long; takes the tokens if so. */
  next({ reason, retries, hintMs, remainingMs }: RetryQuestion): RetryAnswer {
    const { rules } = this;
    if (retries + 1 >= rules.attempts) return { refused: "attempts" };
    const cost = reason === "throttle" ? rules.throttleCost : rules.cost;
    if (cost > this.#tokens) return { refused: "tokens" };
    const base = reason === "throttle" ? rules.throttleBaseMs : rules.baseMs;
    const delay = Math.floor(this.#random() * Math.min(base * 2 ** retries, rules.capMs));
    const waitMs = Math.max(delay, Math.min(hintMs ?? 0, delay + (rules.hintSlackMs ?? Infinity)));
    if (waitMs >= remainingMs) return { refused: "time" };
    this.#tokens -= cost;
    return { waitMs, cost };
  }

  /** Tells of a success; `lastCost` is what its last retry took, 0 without one. */
  succeeded(lastCost: number): void {
    const back = lastCost === 0 ? 1 : this.rules.refill === "last-cost" ? lastCost : 0;
    this.#tokens = Math.min(this.rules.tokens, this.#tokens + back);
  }
}

/**
 * Milliseconds that an answer asks to wait: a header in milliseconds, else `Retry-After` in seconds or as a date (RFC 9110
 * section 10.2.3), counted from the answer's own `Date` where it has one. What cannot be read is ignored.
 */
export function retryAfterMs(header: (name: string) => string | null, now: () => number, millisecondHeaders: readonly string[] = []): number | undefined {
  for (const name of millisecondHeaders) {
    const ms = header(name);
    if (ms !== null && /^\d{1,9}$/.test(ms)) return Number(ms);
  }
  const value = header("retry-after");
  if (value === null || value.length > 40) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const until = parseHttpDate(value);
  if (until === undefined) return undefined;
  return Math.max(0, until - (parseHttpDate(header("date")) ?? now()));
}

/** An IMF-fixdate (RFC 9110 section 5.6.7) in milliseconds since 1970; the obsolete forms are not read. */
export function parseHttpDate(value: string | null): number | undefined {
  if (value === null || !/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}
