/** Many signatures, a few at a time. */
import { printable } from "../options.js";
import { invalidArgument } from "./context.js";

const DEFAULT_CONCURRENCY = 8;
const MAX_ITEMS = 10_000;

/** The number of requests in flight, checked. */
export function checkBatch(items: unknown, concurrency: unknown = DEFAULT_CONCURRENCY): number {
  if (!Array.isArray(items)) throw invalidArgument("items must be an array of { data, … }");
  if (items.length > MAX_ITEMS) throw invalidArgument(`a batch has at most ${MAX_ITEMS} items`, "sign several batches one after another");
  if (typeof concurrency !== "number" || !Number.isInteger(concurrency) || concurrency < 1 || concurrency > 64) {
    throw invalidArgument(`concurrency must be an integer from 1 to 64, not ${printable(concurrency)}`);
  }
  return concurrency;
}

/** Runs a task for each item, so many at a time; the results are in the order of the items, and none is lost to another's failure. */
export async function settleAll<I, T>(items: readonly I[], concurrency: number, task: (item: I) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const list = items.slice(); // the caller's may change meanwhile
  const results = new Array<PromiseSettledResult<T>>(list.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < list.length) {
      const index = next++;
      try {
        results[index] = { status: "fulfilled", value: await task(list[index] as I) };
      } catch (reason) {
        results[index] = { status: "rejected", reason };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, list.length) }, work));
  return results;
}
