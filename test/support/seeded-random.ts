/** Random tests that can be repeated: the seed is printed when one fails. */

export interface SeededRandom {
  /** A whole number in [0, bound). */
  below(bound: number): number;
  bytes(length: number): Uint8Array<ArrayBuffer>;
  pick<T>(values: ArrayLike<T>): T;
}

/**
 * Runs a test body with random numbers from a seed: the one in `KNHK_TEST_SEED`, or a new one. A failure names it.
 */
export async function withSeed(body: (random: SeededRandom) => void | Promise<void>): Promise<void> {
  const seed = Number(process.env.KNHK_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
  try {
    await body(seededRandom(seed));
  } catch (error) {
    console.error(`\nrepeat with KNHK_TEST_SEED=${seed}`);
    throw error;
  }
}

/** mulberry32: small, and good enough for test inputs. */
function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    below,
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
    pick: (values) => values[below(values.length)] as never,
  };
}

/** The bytes with one random change: a byte replaced, removed, added, a bit flipped, the end cut off or repeated. */
export function mutateBytes(bytes: Uint8Array, random: SeededRandom): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length);
  const list = Array.from(bytes);
  const changes = [
    () => list.splice(at, 1, random.below(256)),
    () => list.splice(at, 1, (list[at] as number) ^ (1 << random.below(8))),
    () => list.splice(at, 1),
    () => list.splice(at, 0, random.below(256)),
    () => list.splice(at),
    () => list.push(...list.slice(at)),
  ];
  random.pick(changes)();
  return Uint8Array.from(list);
}
