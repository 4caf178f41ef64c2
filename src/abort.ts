/** Waiting that ends: for a promise, a signal or a time, whichever comes first, with nothing left behind. */

/**
 * Settles as the promise does, or rejects with `signal.reason` once the signal fires. The promise keeps its handlers, so
 * that a late rejection of it is never unhandled.
 */
export function raceSignal<T>(promise: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    const settle = (): void => signal.removeEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}

/**
 * Waits for a promise to settle either way: `"settled"`, or `"late"` when the time is over or the signal fires first.
 * Never rejects; its timer and listener are gone when it answers.
 */
export function settlesWithin(promise: PromiseLike<unknown>, ms: number, signal: AbortSignal | undefined): Promise<"settled" | "late"> {
  return new Promise((resolve) => {
    const finish = (answer: "settled" | "late"): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve(answer);
    };
    const onAbort = (): void => finish("late");
    const timer = setTimeout(onAbort, Math.max(0, Math.ceil(ms)));
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    promise.then(
      () => finish("settled"),
      () => finish("settled"),
    );
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
  let waited: PromiseLike<unknown>;
  try {
    waited = Promise.resolve(sleep(ms, waiter.signal));
  } catch {
    return;
  }
  await settlesWithin(waited, waiter.remainingMs(), waiter.signal);
}

/** Waits that long, or less when the signal fires; never rejects. The default of the option `sleep`. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await settlesWithin(new Promise<never>(() => {}), ms, signal);
}
