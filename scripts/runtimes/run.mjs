// Runs one set of cases on every runtime that can be installed here, and prints a table.
//
//   npm run runtimes                    all of them
//   npm run runtimes -- --only deno     one
//   npm run runtimes -- --write         also writes the table into the README
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "tsup";
import { manifest, root } from "../lib/entries.mjs";
import { printTable } from "../lib/table.mjs";
import { writeVendored } from "../lib/vendored.mjs";
import { startServices } from "./services.mjs";

const kit = dirname(fileURLToPath(import.meta.url));
const out = join(root, ".bundles/runtimes");
const scratch = mkdtempSync(join(tmpdir(), "knhk-kms-runtimes-"));
/** A folder with the vendored files and a program that uses these of them. */
const vendored = join(scratch, "vendored");
const VENDORED = ["aws.js", "azure.js", "vault.js", "verify.js"];
const children = new Set();
const stop = () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(scratch, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }); // a browser that was killed writes a moment longer
};
process.on("exit", stop);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

install();
await bundleCases();
await writeVendored(vendored);
cpSync(join(kit, "hosts/vendored"), vendored, { recursive: true });
const { library } = await import(pathToFileURL(join(out, "esm/bundle.js")).href);
const data = readData();
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1] : undefined;
const rows = [];
for (const runtime of runtimes()) {
  if (only !== undefined && runtime.name !== only) continue;
  rows.push(await runOn(runtime));
}
console.log();
printTable(rows.map(({ notes: _, failures: __, ...row }) => row));
for (const { runtime, notes } of rows) for (const note of notes) console.log(`${runtime}: ${note}`);
const failed = rows.flatMap(({ runtime, failures }) => failures.map((failure) => `${runtime}: ${failure}`));
for (const failure of failed) console.error(failure);
if (process.argv.includes("--write")) writeTable(rows);
const passed = rows.reduce((sum, row) => sum + (Number(row.passed) || 0), 0);
console.log(`\n${passed} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);

/** The kit's own packages; without them only the Node that runs this is there. */
function install() {
  if (existsSync(join(kit, "node_modules"))) return;
  try {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: kit, stdio: "ignore" });
  } catch {
    console.log("skipped: the runtimes could not be installed, so only this Node is tried");
  }
}

async function bundleCases() {
  for (const format of ["esm", "iife"]) {
    await build({
      ...manifest.tsup,
      config: false,
      entry: { bundle: join(kit, "bundle.ts") },
      outDir: join(out, format),
      format: [format],
      outExtension: () => ({ js: ".js" }),
      ...(format === "iife" ? { globalName: "entry", footer: { js: "globalThis.entry = entry;" } } : {}),
    });
  }
}

function readData() {
  const read = (file) => JSON.parse(readFileSync(join(root, file), "utf8"));
  const casesOf = (file) => {
    const value = read(file);
    return Array.isArray(value) ? value : value.cases;
  };
  return { base64: casesOf("fixtures/base64/decode.json"), der: casesOf("fixtures/der/ecdsa-der-to-p1363.json"), jwk: casesOf("fixtures/jwk/parse.json"), wycheproof: readWycheproof() };
}

/** The public vectors lie beside the project when it is built where it is made; elsewhere these cases are left out. */
function readWycheproof() {
  const folder = join(root, "../shared/vectors/wycheproof");
  if (!existsSync(folder)) {
    console.log("skipped: the Wycheproof vectors are not here");
    return [];
  }
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => {
      const { suite, alg, keys, cases } = JSON.parse(readFileSync(join(folder, file), "utf8"));
      const bits = alg.hash?.slice(4);
      const algorithm = { ecdsa: alg.curve === "secp256k1" ? "ES256K" : `ES${bits}`, eddsa: "Ed25519", "rsa-pkcs1": `RS${bits}`, "rsa-pss": `PS${bits}` }[alg.family];
      return {
        suite: suite ?? file,
        algorithm,
        encoding: alg.sigEncoding === "p1363" ? "ieee-p1363" : alg.sigEncoding,
        strictSalt: alg.family === "rsa-pss" && alg.saltLength * 8 !== Number(bits),
        keys: keys.map(({ jwk }) => jwk),
        cases: cases.map(({ id, k, msg, sig, result }) => ({ id, k, msg, sig, valid: result === "valid" })),
      };
    });
}

function runtimes() {
  const bin = (path) => join(kit, "node_modules", path);
  const [deno, bun, workerd, edge] = ["@deno/linux-x64-glibc/deno", "@oven/bun-linux-x64-baseline/bin/bun", "@cloudflare/workerd-linux-64/bin/workerd", "@edge-runtime/vm/package.json"].map(bin);
  const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync) ?? "chromium";
  const plain = (origin) => [join(kit, "hosts/plain.mjs"), pathToFileURL(join(out, "esm/bundle.js")).href, origin];
  const denoRun = ["run", "--no-config", "--no-lock", "--no-npm", "--no-remote", "--allow-net", "--allow-read"];
  const program = join(vendored, "program.mjs");
  const version = (file, part = 0) => () => text(file, ["--version"]).trim().split(/\s+/)[part].replace(/^v/, "");
  const node = (name, file) => ({ name, file, run: (origin) => lines(file, plain(origin)), version: version(file) });
  return [
    node(`node${process.versions.node.split(".")[0]}`, process.execPath),
    ...["node22", "node24", "node26"].map((name) => node(name, bin(`${name}/bin/node`))),
    { name: "deno", file: deno, run: (origin) => lines(deno, [...denoRun, ...plain(origin)]), version: version(deno, 1) },
    { name: "bun", file: bun, run: (origin) => lines(bun, plain(origin)), version: version(bun) },
    { name: "workerd", file: workerd, run: runWorkerd, version: version(workerd, 1) },
    { name: "edge-runtime", file: edge, run: (origin) => lines(process.execPath, [join(kit, "hosts/edge.mjs"), join(out, "iife/bundle.js"), origin]), version: () => JSON.parse(readFileSync(edge, "utf8")).version },
    { name: "chromium", file: chromium, run: runChromium, version: version(chromium, 1) },
    { name: "node, vendored file", file: process.execPath, run: (origin) => lines(process.execPath, [program, origin]), version: version(process.execPath) },
    { name: "deno, vendored file", file: deno, run: (origin) => lines(deno, [...denoRun, program, origin]), version: version(deno, 1) },
    { name: "workerd, vendored file", file: workerd, run: runVendoredWorkerd, version: version(workerd, 1) },
  ];
}

async function runOn({ name, file, run, version }) {
  const row = { runtime: name, version: "", passed: "", failed: "", unsupported: "", notes: [], failures: [] };
  if (!existsSync(file)) {
    row.passed = "skipped: not installed here";
    return row;
  }
  const services = await startServices(library, data);
  try {
    row.version = version();
    const results = await run(services.origin);
    const unsupported = results.filter(({ outcome }) => outcome.startsWith("unsupported"));
    const known = results.filter(({ outcome }) => outcome.startsWith("known difference"));
    row.failures = results.filter((result) => result.outcome !== "passed" && !unsupported.includes(result) && !known.includes(result)).map((result) => `${result.name}: ${result.outcome}`);
    Object.assign(row, { passed: results.filter(({ outcome }) => outcome === "passed").length, failed: row.failures.length, unsupported: unsupported.length });
    row.notes = [...new Set([...known.map((result) => `${result.name}: ${result.outcome}`), ...unsupported.map(({ outcome }) => outcome)])];
  } catch (error) {
    row.failed = 1;
    row.failures = [`did not run: ${error.message}`];
  } finally {
    await services.close();
  }
  console.log(`${name} ${row.version}: ${row.passed} passed, ${row.failed} failed, ${row.unsupported} unsupported`);
  return row;
}

function text(file, words) {
  return execFileSync(file, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, NO_COLOR: "1" } });
}

function start(file, words) {
  const child = spawn(file, words, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, HOME: scratch, NO_COLOR: "1", DENO_DIR: join(scratch, "deno") } });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Runs a program to its end and reads the line with the results. */
function lines(file, words, limitMs = 240_000) {
  return new Promise((resolve, reject) => {
    const child = start(file, words);
    let printed = "";
    let complaints = "";
    child.stdout.on("data", (chunk) => (printed += chunk));
    child.stderr.on("data", (chunk) => (complaints += chunk));
    const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      const result = /^RESULT (.*)$/m.exec(printed);
      if (result === null) reject(new Error(`exit ${code}: ${complaints.slice(-600)}`));
      else resolve(JSON.parse(result[1]));
    });
  });
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Serves a Worker out of files, by the name of each module; the first is the Worker. */
async function startWorkerd(modules) {
  const port = await freePort();
  const folder = mkdtempSync(join(scratch, "worker-"));
  const names = Object.keys(modules);
  for (const name of names) copyFileSync(modules[name], join(folder, name.replaceAll("/", "_")));
  const config = join(folder, "worker.capnp");
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "loopback", network = (allow = ["private", "local", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${names.map((name) => `(name = "${name}", esModule = embed "${name.replaceAll("/", "_")}")`).join(", ")}],
  compatibilityDate = "2025-06-01",
  globalOutbound = "loopback",
);
`,
  );
  const child = start(join(kit, "node_modules/@cloudflare/workerd-linux-64/bin/workerd"), ["serve", config]);
  let complaints = "";
  child.stderr.on("data", (chunk) => (complaints += chunk));
  return { child, at: (path) => `http://127.0.0.1:${port}${path}`, complaints: () => complaints };
}

async function runWorkerd(origin) {
  const { child, at, complaints } = await startWorkerd({ worker: join(kit, "hosts/worker.mjs"), bundle: join(out, "esm/bundle.js") });
  try {
    const asked = `origin=${encodeURIComponent(origin)}`;
    await until(async () => (await fetch(at(`/shared?part=none&${asked}`)).catch(() => undefined)) !== undefined, complaints);
    const results = await (await fetch(at(`/?${asked}`))).json();
    return [...results, await sharedByRequests(at, origin)];
  } finally {
    child.kill("SIGKILL");
  }
}

/** Vendored files alone: no package, no bundler, nothing installed. */
async function runVendoredWorkerd(origin) {
  const files = ["worker.mjs", "sign.mjs", ...VENDORED].map((name) => [name, join(vendored, name)]);
  const { child, at, complaints } = await startWorkerd(Object.fromEntries(files));
  try {
    const ask = () => fetch(at(`/?origin=${encodeURIComponent(origin)}`)).catch(() => undefined);
    let response;
    await until(async () => (response = await ask()) !== undefined, complaints);
    return await response.json();
  } finally {
    child.kill("SIGKILL");
  }
}

/** On Workers a fetch dies with the request that began it: who waits for its result must not wait for ever. */
async function sharedByRequests(at, origin) {
  const name = "workers: a request does not hang on the fetch of another";
  const ask = (part, init) => fetch(at(`/shared?part=${part}&origin=${encodeURIComponent(origin)}`), init);
  const leader = new AbortController();
  const first = ask("first", { signal: leader.signal }).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 200));
  const second = ask("second", { signal: AbortSignal.timeout(20_000) });
  await new Promise((resolve) => setTimeout(resolve, 100));
  leader.abort();
  await first;
  try {
    const response = await second;
    return { name, outcome: response.ok && (await response.json()).keyVersion === "1" ? "passed" : `failed: ${response.status}` };
  } catch (error) {
    return { name, outcome: `failed: ${error.message}` };
  }
}

async function until(ready, describe) {
  for (let count = 0; count < 100; count += 1) {
    if (await ready()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not ready after 10 s: ${describe().slice(-400)}`);
}

/** Codecs, JWK, verify and the contract on the emulators inside the page; a browser does not call these services. */
async function runChromium(origin) {
  const page = createServer((incoming, outgoing) => {
    if (incoming.url === "/bundle.js") return outgoing.writeHead(200, { "content-type": "text/javascript" }).end(readFileSync(join(out, "esm/bundle.js")));
    if (incoming.method === "POST") {
      let body = "";
      incoming.on("data", (chunk) => (body += chunk));
      incoming.on("end", () => {
        outgoing.end();
        page.emit("results", JSON.parse(body));
      });
      return undefined;
    }
    return outgoing.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><script type="module">
      import { library, allCases, runCases } from "/bundle.js";
      const data = await (await fetch("${origin}/data.json")).json();
      const results = await runCases(allCases(library, data, undefined));
      await fetch("/results", { method: "POST", body: JSON.stringify(results) });
    </script>`);
  });
  await new Promise((resolve) => page.listen(0, "127.0.0.1", resolve));
  mkdirSync(join(scratch, "profile"), { recursive: true });
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", `--user-data-dir=${join(scratch, "profile")}`];
  const results = new Promise((resolve, reject) => {
    page.once("results", resolve);
    setTimeout(() => reject(new Error("no results within 240 s")), 240_000).unref();
  });
  const child = start(["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync), [...flags, `http://localhost:${page.address().port}/`]);
  try {
    return await results;
  } finally {
    child.kill("SIGKILL");
    page.closeAllConnections();
    page.close();
  }
}

/** Replaces the table between the marks in the README. */
function writeTable(done) {
  const file = join(root, "README.md");
  const head = "| runtime | version | cases passed | what it lacks |\n|---|---|---|---|";
  const body = done.map(({ runtime, version, passed, notes }) => `| ${runtime} | ${version} | ${passed} | ${notes.map((note) => note.replace(/^unsupported: /, "")).join("; ") || "–"} |`);
  const table = `<!-- runtimes -->\n${head}\n${body.join("\n")}\n<!-- /runtimes -->`;
  writeFileSync(file, readFileSync(file, "utf8").replace(/<!-- runtimes -->[\s\S]*<!-- \/runtimes -->/, () => table));
}
