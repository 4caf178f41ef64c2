// Run as a process: CPU of one signature by every client of one service, one at a time and at 64 in flight.
import { argument, cpuPerCall, finish, interleave } from "../lib.mjs";

const { service, origin, rounds, calls, only } = argument();
const { clients } = await import(`../clients/${service}.mjs`);
const chosen = clients(origin).filter(({ name, kind }) => only === undefined || kind === "floor" || name === only);
const things = [];
for (const { name, kind, create } of chosen) {
  const sign = await create();
  await cpuPerCall(sign, Math.max(1200, calls), 64); // compiled, and connections open
  await cpuPerCall(sign, Math.max(400, calls), 1);
  things.push({ name, kind, sign });
}
const measure = (inFlight, count) => interleave(things.map(({ name, sign }) => ({ name, measure: () => cpuPerCall(sign, count, inFlight) })), rounds);
const single = await measure(1, calls);
const many = await measure(64, calls * 2);
finish({ kinds: Object.fromEntries(things.map(({ name, kind }) => [name, kind])), single, many });
