/** One task at a time, shared by all who want its result, and given up by nobody but its own waiters. */
import { assertNotAborted, noAnswer, settlesWithin, type Waiter } from "./abort.js";
import { copyError, isKmsError } from "./errors.js";

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
