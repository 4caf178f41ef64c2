// What the parts of the kit share: where things are, one message, child processes, and statistics.
import { fork, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const kit = dirname(fileURLToPath(import.meta.url));
/** The build that is measured; `KNHK_BENCH_DIST` names another one. */
export const dist = process.env.KNHK_BENCH_DIST ?? join(kit, "../../dist");

/** A module of the build, such as `vault/index.js`. */
export const load = (file) => import(pathToFileURL(join(dist, file)).href);

/** 256 bytes to sign, and their stand-in where a service takes a digest. */
export const message = Uint8Array.from({ length: 256 }, (_, index) => index);
export const digest = message.slice(0, 32);

/** The keys that the mock server knows. */
export const key = {
  region: "eu-central-1",
  aws: "1234abcd-12ab-34cd-56ef-1234567890ab",
  vaultUrl: "https://bench.vault.azure.net",
  azureVersion: "0123456789abcdef0123456789abcdef",
  name: "signer",
};
/** Nobody's: the server looks at no credential. */
export const secret = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token: "s.bench" };

/** Runs a module in a process of its own with JSON as its argument; resolves to the one message that it sends. */
export function inProcess(file, argument, execArgv = []) {
  return new Promise((resolve, reject) => {
    const child = fork(join(kit, file), [JSON.stringify(argument)], { execArgv: ["--no-warnings", ...execArgv], cwd: kit });
    let answer;
    child.on("message", (value) => (answer = value));
    child.on("error", reject);
    child.on("exit", (code) => (answer === undefined ? reject(new Error(`${file} ended with ${code} and no result`)) : resolve(answer)));
  });
}

/** The argument of such a process. */
export const argument = () => JSON.parse(process.argv[2]);

/** Sends the result, and ends: a client may keep connections open. */
export const finish = (result) => process.send(result, () => process.exit(0));

/** Milliseconds that a cold Node takes for a line of code. */
export function coldMs(code) {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { cwd: kit, encoding: "utf8" });
  if (status !== 0) throw new Error(`a cold process failed: ${stderr.slice(0, 400)}`);
  return performance.now() - started;
}

/** Median and quartiles: least and most would tell of the machine's worst moment, not of the client. */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)];
    return below + (sorted[Math.ceil(place)] - below) * (place % 1);
  };
  return { median: at(0.5), lower: at(0.25), upper: at(0.75) };
}

/**
 * Measures several things in rounds A B C, B C A, …, so that what else the machine does falls on all alike. Each of `things`
 * is `{ name, measure }`; returns for each name the figures of all rounds, in the order of the rounds.
 */
export async function interleave(things, rounds) {
  const figures = Object.fromEntries(things.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let index = 0; index < things.length; index += 1) {
      const { name, measure } = things[(round + index) % things.length];
      figures[name].push(await measure());
    }
  }
  return figures;
}

/** CPU of this process, user and system, all threads, in microseconds for one of `count` calls with so many in flight. */
export async function cpuPerCall(call, count, inFlight) {
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}
