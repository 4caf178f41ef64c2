/** How long something waits by timers, whatever the speed of the machine. */

/** Runs it, and sums up the delays of all timers that fired meanwhile, in milliseconds. */
export async function waitedFor(run: () => Promise<unknown>): Promise<number> {
  const real = globalThis.setTimeout;
  let total = 0;
  const counting = (callback: () => void, ms = 0): unknown =>
    real(() => {
      total += ms;
      callback();
    }, ms);
  globalThis.setTimeout = counting as typeof setTimeout;
  try {
    await run();
    return total;
  } finally {
    globalThis.setTimeout = real;
  }
}
