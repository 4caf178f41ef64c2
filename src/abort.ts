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

/** Who waits for each signal. */
const waiting = /* @__PURE__ */ new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when the signal fires, until the returned function is called. One listener serves all: a signal is often
 * shared by many calls, and Node takes more than ten listeners for a leak and warns.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = waiting.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    if (callbacks.delete(callback) && callbacks.size === 0 && waiting.get(signal) === callbacks) unlisten(signal);
  };
}

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  waiting.set(signal, callbacks);
  signal.addEventListener("abort", fire, { once: true });
  return callbacks;
}

function unlisten(signal: AbortSignal): void {
  waiting.delete(signal);
  signal.removeEventListener("abort", fire);
}

function fire(event: Event): void {
  const signal = event.currentTarget as AbortSignal;
  const callbacks = waiting.get(signal) ?? [];
  waiting.delete(signal);
  for (const callback of callbacks) callback();
}

/**
 * Waits for a promise to settle either way: `"settled"`, or `"late"` when the time is over or the signal fires first.
 * Never rejects; its timer and listener are gone when it answers.
 */
export function settlesWithin(promise: PromiseLike<unknown>, ms: number, signal: AbortSignal | undefined): Promise<"settled" | "late"> {
  return new Promise((resolve) => {
    const finish = (answer: "settled" | "late"): void => {
      clearTimeout(timer);
      forget?.();
      resolve(answer);
    };
    const giveUp = (): void => finish("late");
    const timer = setTimeout(giveUp, Math.max(0, Math.ceil(ms)));
    const forget = signal === undefined || signal.aborted ? undefined : onAbort(signal, giveUp);
    if (signal?.aborted === true) giveUp();
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
