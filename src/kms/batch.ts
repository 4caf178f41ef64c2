/** Many signatures, a few at a time. */

export const DEFAULT_CONCURRENCY = 8;

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
