// Sizes of the entries, bundled and minified by tsup, as one table; fails over a line of the design, or over what was
// recorded by more than 2 %. `--update` records them.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundle, entries, nodeEntries, root } from "./lib/entries.mjs";

const LINES_KB = { index: 36, aws: 18, azure: 18, vault: 18 };
const recordFile = join(root, "fixtures/size/sizes.json");

export async function measureSizes() {
  const chosen = entries.filter(({ name }) => !nodeEntries.has(name) && name !== "testing");
  const { folder } = await bundle(chosen, { outDir: ".bundles/size", minify: true });
  return Object.fromEntries(
    chosen.map(({ name }) => {
      const code = readFileSync(join(folder, `${name}.js`));
      return [name, { minified: code.length, gzip: gzipSync(code, { level: 9 }).length }];
    }),
  );
}

/** What is over a line, each a sentence. */
export function sizeProblems(sizes) {
  const recorded = JSON.parse(readFileSync(recordFile, "utf8"));
  return Object.entries(sizes).flatMap(([name, { gzip }]) => {
    const line = (LINES_KB[name] ?? Infinity) * 1024;
    const ratchet = (recorded[name]?.gzip ?? Infinity) * 1.02;
    if (gzip > line) return [`${name}: ${gzip} bytes, the line is ${line}`];
    if (gzip > ratchet) return [`${name}: ${gzip} bytes, recorded are ${recorded[name].gzip}: say why, then npm run size -- --update`];
    return [];
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const sizes = await measureSizes();
  if (process.argv.includes("--update")) writeFileSync(recordFile, `${JSON.stringify(sizes, null, 2)}\n`);
  console.log("entry        minified      gzip");
  for (const [name, { minified, gzip }] of Object.entries(sizes)) {
    console.log(`${name.padEnd(10)} ${String(minified).padStart(10)} ${String(gzip).padStart(9)}`);
  }
  const problems = sizeProblems(sizes);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
