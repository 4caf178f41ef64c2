// Run as a process: milliseconds from before the import of a client until its first signature is there.
import { argument, finish } from "../lib.mjs";

const { service, origin, name } = argument();
const { clients, unpinned } = await import(`../clients/${service}.mjs`);
const { create } = [...clients(origin), ...(unpinned === undefined ? [] : [unpinned(origin)])].find((client) => client.name === name);
const started = performance.now();
const sign = await create();
await sign();
finish({ ms: performance.now() - started });
