/** Waiting that ends: for a promise, a signal or a time, whichever comes first, and for a task that others want too, with nothing left behind. */
import { copyError, isKmsError, NetworkError, type ErrorDetails, type KmsErrorCode, type NetworkErrorCode } from "./errors.js";

/** A code in words, such as "access denied" for `ERR_KMS_ACCESS_DENIED`. */
export function inWords(code: KmsErrorCode): string {
  return code.slice("ERR_KMS_".length).toLowerCase().replace("_", " ");
}

/** The error for a question that got no complete answer; its code says why. */
export function noAnswer(code: NetworkErrorCode, details?: ErrorDetails): NetworkError {
  return new NetworkError(code, `no complete answer: ${inWords(code)}`, details);
}

/** @throws {NetworkError} `ERR_KMS_ABORTED` once the signal has fired */
export function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw noAnswer("ERR_KMS_ABORTED");
}

/** Who waits for each signal. */
const waiting = /* @__PURE__ */ new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when the signal fires, at once if it has, until the returned function is called. One listener serves all: a
 * signal is often shared by many calls, and Node takes more than ten listeners for a leak and warns.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal?.aborted === true) callback();
  if (signal === undefined || signal.aborted) return () => {};
  const callbacks = waiting.get(signal) ?? new Set();
  waiting.set(signal, callbacks.add(callback));
  signal.addEventListener("abort", fire); // the same listener again is no second one
  return () => {
    callbacks.delete(callback);
    if (callbacks.size === 0) signal.removeEventListener("abort", fire);
  };
}

/** On Node 20 an event has a `currentTarget` for its first listener only. */
function fire({ target }: Event): void {
  const signal = target as AbortSignal;
  signal.removeEventListener("abort", fire);
  for (const callback of waiting.get(signal) ?? []) callback();
}

/**
 * Whether a promise settles, either way, before the time is over and the signal fires; waits until one of them does.
 * Never rejects; its timer and listener are gone when it answers.
 */
export function settlesWithin(promise: PromiseLike<unknown>, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    let forget: (() => void) | undefined;
    const finish = (settled: boolean): void => {
      clearTimeout(timer);
      forget?.();
      resolve(settled);
    };
    const giveUp = (): void => finish(false);
    const settle = (): void => finish(true);
    const timer = setTimeout(giveUp, Math.max(0, Math.ceil(ms)));
    forget = onAbort(signal, giveUp);
    promise.then(settle, settle);
  });
}

/** How long somebody is ready to wait. */
export interface Waiter {
  readonly signal?: AbortSignal | undefined;
  remainingMs(): number;
}

/** The option `sleep`: settles after so long, or when the signal fires. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/**
 * Waits by a `sleep` that somebody else wrote. Whatever it does, throw, reject, or never settle, the wait is over when
 * the signal fires or the time is up, and nothing is thrown.
 */
export async function waitBy(sleep: Sleep, ms: number, waiter: Waiter): Promise<void> {
  const waited = (async () => sleep(ms, waiter.signal))();
  await settlesWithin(waited, waiter.remainingMs(), waiter.signal);
}

/** Waits that long, or less when the signal fires; never rejects. The default of the option `sleep`. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await settlesWithin(new Promise<never>(() => {}), ms, signal);
}

/**
 * A waiter looks again after this long, or after half of its own time if that is less: on Workers a task dies with the
 * request that began it and its promise never settles.
 */
const MAX_WAIT_MS = 5_000;

/**
 * Runs a task once for all concurrent callers. The first caller leads. When the leader gives up (aborted, out of time), or
 * nothing is heard of it for long, one of the waiters becomes the leader; any other failure reaches each caller once, as
 * an error of its own, and the next call starts anew.
 */
export class SingleFlight<T> {
  /** The one under way. */
  #flight: Promise<T> | undefined;
  /** The one that began last, also when it is over. */
  #latest: Promise<T> | undefined;

  /** Whether no task is under way. */
  get idle(): boolean {
    return this.#flight === undefined;
  }

  async run(task: () => Promise<T>, waiter: Waiter): Promise<T> {
    let lost: Promise<T> | undefined;
    for (;;) {
      // Whoever took over may be done already: what began after the flight that was lost serves all who waited for that.
      const found = this.#flight ?? (lost !== undefined && lost !== this.#latest ? this.#latest : undefined);
      const flight = found ?? this.#lead(task);
      if (found === undefined || (await settlesWithin(flight, Math.min(waiter.remainingMs() / 2, MAX_WAIT_MS), waiter.signal))) {
        try {
          return await flight;
        } catch (error) {
          if (!isKmsError(error)) throw error;
          // These say something of the leader's patience and nothing of the task. An error that all callers see would carry
          // the operation and key of whoever completes it first.
          const gaveUp = error.code === "ERR_KMS_ABORTED" || error.code === "ERR_KMS_TIMEOUT";
          if (found === undefined || !gaveUp) throw copyError(error);
        }
      }
      // Whoever has given up takes over from nobody.
      assertNotAborted(waiter.signal);
      if (waiter.remainingMs() <= 0) throw noAnswer("ERR_KMS_TIMEOUT", { retryable: true });
      // Lost its leader: whoever sees it first takes over, the others then find a newer flight to wait for.
      if (this.#flight === flight) this.#flight = undefined;
      lost = flight;
    }
  }

  #lead(task: () => Promise<T>): Promise<T> {
    const flight = task();
    this.#flight = flight;
    this.#latest = flight;
    const clear = (): void => {
      if (this.#flight === flight) this.#flight = undefined;
    };
    flight.then(clear, clear);
    return flight;
  }
}
