// Choices that are the same in every run: mulberry32, seeded by INTEROP_SEED or a fixed number.
export const SEED = Number(process.env.INTEROP_SEED ?? 20261124);

/** @returns a function that picks one of a list, and gives a whole number below `below` */
export function seededRandom(salt) {
  let state = (SEED + salt) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { pick: (list) => list[Math.floor(next() * list.length)], below: (below) => Math.floor(next() * below) };
}
