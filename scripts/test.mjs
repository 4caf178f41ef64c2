// Compiles the tests, runs every file that matches, and fails when a file or the whole run executes no test.
//
//   node scripts/test.mjs [pattern …]        a pattern is a part of a path, such as "jwk/" or "kms/manager"
//
// uvu's own command line passes in silence over a file without test.run() and over a pattern that matches nothing,
// and prints no single line that a CI could count; so its queue is run from here.
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = process.env.KNHK_TEST_BUILD ?? join(root, ".build");
process.chdir(root);

rmSync(build, { recursive: true, force: true });
try {
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "test/tsconfig.json", "--outDir", build], {
    stdio: "inherit",
  });
} catch {
  if (process.env.KNHK_TEST_BUILD === undefined) fail("the tests do not compile");
}

const patterns = process.argv.slice(2);
const files = readdirSync(join(build, "test"), { recursive: true })
  .map((file) => join(build, "test", file))
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
if (files.length === 0) fail("no test file matches");

globalThis.UVU_DEFER = 1;
const queue = (globalThis.UVU_QUEUE = []);
let passed = 0;
let failed = 0;
let skipped = 0;
await import("uvu");
queue.length = 0;

for (const file of files) {
  const name = relative(join(build, "test"), file).replace(/\.js$/, ".ts");
  globalThis.UVU_INDEX = queue.push([]) - 1;
  process.stdout.write(`${name}  `);
  try {
    await import(pathToFileURL(file).href);
  } catch (error) {
    failed += 1;
    console.error(`\n${name} could not be loaded:\n`, error);
    continue;
  }
  const suites = queue[globalThis.UVU_INDEX];
  let ran = 0;
  for (const run of suites) {
    try {
      const [errors, good, skips, total] = await run();
      ran += total + skips;
      passed += good;
      failed += total - good;
      skipped += skips;
      if (typeof errors === "string") process.stdout.write(`\n${errors}\n`);
    } catch (error) {
      failed += 1;
      ran += 1;
      console.error(`\n${name}: a hook failed:\n`, error);
    }
  }
  if (ran === 0) {
    failed += 1;
    console.error(`\n${name} registers no test: is test.run() missing?`);
  }
}

process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
console.log(`\n${skipped} skipped (what they need is not on this machine)`);
process.stdout.write(`${passed} passed, ${failed} failed\n`, () => process.exit());

function fail(reason) {
  console.error(reason);
  console.log("0 passed, 1 failed");
  process.exit(1);
}
