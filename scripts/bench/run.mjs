// Measures this library beside the floor, a minimal client and the vendors' own clients, in one run.
//
//   npm run bench               all of it
//   npm run bench -- --quick    fewer rounds, in under three minutes
//   npm run bench -- --write    also writes results.md, results.svg and the README's part
//
// KNHK_BENCH_DIST names a build to measure instead of a fresh one in dist.
import { execFileSync, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { interleave, inProcess, kit } from "./lib.mjs";
import { printResults, writeResults } from "./report.mjs";

const quick = process.argv.includes("--quick");
const SIGNING = quick ? { rounds: 15, calls: 120 } : { rounds: 25, calls: 300 };
const ROUNDS = quick ? { imports: 9, first: 3, micro: 9 } : { imports: 21, first: 9, micro: 25 };
const MICRO_CALLS = quick ? 100 : 300;
const MEMORY_CALLS = 20_000;
const SERVICES = ["aws", "azure", "vault"];
/** For the first signature and for memory: each service's own client beside ours. */
const PAIRS = {
  aws: ["knhk-kms", "AWS SDK", "aws4fetch"],
  azure: ["knhk-kms", "knhk-kms, no version", "Azure SDK"],
  vault: ["knhk-kms", "node-vault"],
};
const MEMORY = quick ? { aws: ["knhk-kms"], azure: ["knhk-kms"], vault: ["knhk-kms"] } : { aws: ["minimal", "knhk-kms", "AWS SDK"], azure: ["minimal", "knhk-kms", "Azure SDK"], vault: ["minimal", "knhk-kms", "node-vault"] };

prepare();
const { measureDownloads } = await import("./sizes.mjs");
const server = fork(join(kit, "server.mjs"));
const next = () => new Promise((resolve) => server.once("message", resolve));
const { origin } = await next();
const requestsSince = () => {
  const answer = next();
  server.send("count");
  return answer.then(({ requests }) => requests);
};
const started = performance.now();
const say = (text) => console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${text}`);

say("sizes, packages, imports (a build that fails here is a package that does not bundle)");
const downloads = await measureDownloads(ROUNDS.imports);
const signing = {};
for (const service of SERVICES) {
  say(`CPU of signatures: ${service}`);
  signing[service] = await inProcess("parts/signing.mjs", { service, origin, ...SIGNING });
}
say("first signatures");
const first = await firstSignatures();
say(`live heap over ${MEMORY_CALLS} signatures`);
const memory = {};
for (const service of SERVICES) {
  for (const name of MEMORY[service]) {
    (memory[service] ??= {})[name] = (await inProcess("parts/memory.mjs", { service, origin, name, calls: MEMORY_CALLS }, ["--expose-gc"])).grown;
  }
}
say("small parts");
const micro = await inProcess("parts/micro.mjs", { rounds: ROUNDS.micro, calls: MICRO_CALLS });
say("done");
server.disconnect();
const results = { downloads, signing, first, memory, micro, command: quick ? "npm run bench -- --quick" : "npm run bench" };
printResults(results);
if (process.argv.includes("--write")) writeResults(results);

function prepare() {
  if (!existsSync(join(kit, "node_modules"))) execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: kit, stdio: "inherit" });
  if (process.env.KNHK_BENCH_DIST === undefined) execFileSync("npm", ["run", "--silent", "build"], { cwd: join(kit, "../.."), stdio: "inherit" });
}

async function firstSignatures() {
  const things = SERVICES.flatMap((service) =>
    PAIRS[service].map((name) => ({
      name: `${service}: ${name}`,
      async measure() {
        await requestsSince();
        const { ms } = await inProcess("parts/first.mjs", { service, origin, name });
        return { ms, requests: await requestsSince() };
      },
    })),
  );
  return interleave(things, ROUNDS.first);
}
