/** One task at a time, shared by all who want its result, and given up by nobody but its own waiters. */
import { assertNotAborted, settlesWithin, type Waiter } from "./abort.js";
import { copyError, isKmsError, NetworkError } from "./errors.js";

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
      const flight = this.#flight ?? (lost !== undefined && lost !== this.#latest ? this.#latest : undefined);
      if (flight === undefined) return ownErrors(this.#lead(task));
      const half = waiter.remainingMs() / 2;
      if (await settlesWithin(flight, Math.min(half, MAX_WAIT_MS), waiter.signal)) {
        try {
          return await ownErrors(flight);
        } catch (error) {
          if (!isLeadersOwn(error)) throw error;
        }
      }
      // Whoever has given up takes over from nobody.
      assertNotAborted(waiter.signal);
      if (waiter.remainingMs() <= 0) throw new NetworkError("ERR_KMS_TIMEOUT", "no complete answer in the time allowed", { retryable: true });
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

/** An error that all callers see would carry the operation and key of whoever completes it first. */
async function ownErrors<T>(flight: Promise<T>): Promise<T> {
  try {
    return await flight;
  } catch (error) {
    throw isKmsError(error) ? copyError(error) : error;
  }
}

/** Failures that say something of the leader's patience and nothing of the task. */
function isLeadersOwn(error: unknown): boolean {
  return isKmsError(error, "ERR_KMS_ABORTED") || isKmsError(error, "ERR_KMS_TIMEOUT");
}
