// Writes the library for copying into another tree: one readable file an entry, declarations, licence, SHA256SUMS.
//
//   npm run vendor                       into vendor/
//   npm run vendor -- --out FOLDER       into a folder of yours
//   npm run vendor -- --compare FOLDER   rebuilds it and says whether yours is the same bytes; offline
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { valueOf } from "./lib/arguments.mjs";
import { entries, root } from "./lib/entries.mjs";
import { difference, hashTree } from "./lib/hashes.mjs";
import { writeVendored } from "./lib/vendored.mjs";

const from = process.env.INIT_CWD ?? process.cwd();
const theirs = valueOf("--compare");
if (theirs === undefined) {
  const out = resolve(from, valueOf("--out") ?? join(root, "vendor"));
  await writeVendored(out);
  console.log(`${entries.length} entries in ${out}`);
  process.stdout.write(readFileSync(join(out, "SHA256SUMS"), "utf8"));
} else {
  process.exitCode = await compare(resolve(from, theirs));
}

/** Extra files in a user's folder are a difference too: nothing there is unaccounted for. */
async function compare(folder) {
  const scratch = mkdtempSync(join(tmpdir(), "knhk-kms-vendor-"));
  try {
    await writeVendored(scratch);
    const problems = difference(hashTree(folder), hashTree(scratch));
    for (const problem of problems) console.error(problem.replace("the second", "the rebuilt copy").replace("the first", "your copy"));
    console.log(problems.length === 0 ? "the same bytes as a build from this source" : `${problems.length} files are not the same`);
    return problems.length === 0 ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
