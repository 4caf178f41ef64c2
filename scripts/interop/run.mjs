// Puts our clients before real servers, and our emulators before the vendors' clients, and prints what came of it.
//
//   npm run interop                      everything
//   npm run interop -- --only NAME       the suites whose name has NAME in it
//
// What cannot be installed is skipped, with the reason. Exit status 1 if any case fails.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { prepareCertificate } from "./lib/certificate.mjs";
import { prepareNode, preparePython } from "./lib/prepare.mjs";
import { run } from "./lib/processes.mjs";
import { Results } from "./lib/results.mjs";
import { printTable } from "../lib/table.mjs";

const SUITES = [
  "client-openbao",
  "client-moto",
  "credentials-openbao",
  "credentials-moto",
  "vendor-aws-sdk",
  "vendor-boto3",
  "vendor-azure-sdk",
  "vendor-azure-python",
  "vendor-credentials",
  "vendor-node-vault",
  "vendor-hvac",
  "vendor-bao",
  "differential-openbao",
  "differential-moto",
  "aws-chain",
];

const kit = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "knhk-kms-interop-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
]) {
  process.on(signal, () => {
    console.error(`\n${signal}: stopped`);
    process.exit(code); // what was started is ended by the exit hook of lib/processes.mjs
  });
}

const LIMIT_MS = 900_000;
setTimeout(() => {
  console.error(`not done after ${LIMIT_MS} ms: stopped`);
  process.exit(1);
}, LIMIT_MS).unref();

/** What the suites need, each made when the first one asks. */
const PREPARE = {
  openssl: async () => ((await run("openssl", ["version"])).code === 0 ? {} : { skipped: "openssl: it makes the certificate of an RSA client" }),
  python: () => preparePython(kit),
  node: () => prepareNode(kit),
  certificate: () => prepareCertificate(scratch, () => part("python")),
};

const started = performance.now();
const parts = {};
const rows = [];
for (const name of chosen(process.argv.slice(2))) rows.push(await runSuite(name));
console.log("");
printTable(rows);
const failed = rows.reduce((sum, row) => sum + (row.failed || 0), 0);
console.log(`\n${Math.round((performance.now() - started) / 1000)} s; the listed divergences and their sources are in scripts/interop/divergences.json`);
process.exit(failed === 0 ? 0 : 1);

function chosen(words) {
  if (words.length === 0) return SUITES;
  const names = words[0] === "--only" && words.length === 2 ? SUITES.filter((name) => name.includes(words[1])) : [];
  if (names.length > 0) return names;
  console.error(`usage: npm run interop -- [--only NAME], NAME a part of ${SUITES.join(", ")}`);
  process.exit(2);
}

async function runSuite(name) {
  const { suite } = await import(`./suites/${name}.mjs`);
  const row = { suite: name, counterpart: suite.counterpart, version: "", cases: "", passed: "", failed: "", "listed divergences": "" };
  const missing = await reasonToSkip(suite.needs);
  if (missing !== undefined) {
    console.log(`${name}: skipped: ${missing}`);
    return { ...row, version: "skipped" };
  }
  const results = new Results(name);
  const closers = [];
  const kitParts = { scratch, python: parts.python?.ready, kit, closing: (close) => closers.push(close) };
  const show = (judged) => judged.problems.forEach((problem) => console.log(`${name}: FAILED ${judged.name}: ${problem}`));
  const report = (caseName, findings) => show(results.add(caseName, findings));
  try {
    row.version = await suite.run(kitParts, report);
    results.finish().forEach(show);
    if (results.counts.cases === 0) report("the suite itself", ["no case was run"]);
  } catch (error) {
    report("the suite itself", [error?.stack ?? String(error)]);
  } finally {
    for (const close of closers.reverse()) await close();
  }
  const { cases, passed, failed, diverging } = results.counts;
  console.log(`${name}: ${cases} cases, ${passed} passed, ${failed} failed, ${diverging} as listed`);
  return { ...row, cases, passed, failed, "listed divergences": diverging };
}

async function part(name) {
  return (parts[name] ??= await PREPARE[name]());
}

async function reasonToSkip(needs) {
  for (const name of needs) {
    const { skipped } = await part(name);
    if (skipped !== undefined) return skipped;
  }
  return undefined;
}
