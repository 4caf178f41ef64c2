// Run as a process with --expose-gc: how much the live heap grows over many signatures at 64 in flight, in bytes.
import { argument, cpuPerCall, finish } from "../lib.mjs";

const STEPS = 10;
const { service, origin, name, calls } = argument();
const { clients } = await import(`../clients/${service}.mjs`);
const sign = await clients(origin).find((client) => client.name === name).create();
const live = async () => {
  // What is freed by a finalizer, or a turn later, is not alive.
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
};
await cpuPerCall(sign, 64, 64); // all is loaded, and the connections are open
const before = await live();
let most = before;
for (let step = 0; step < STEPS; step += 1) {
  await cpuPerCall(sign, calls / STEPS, 64);
  most = Math.max(most, await live());
}
finish({ grown: most - before });
