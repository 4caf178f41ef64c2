// Writes src/REFERENCE.md out of the doc comments, and says what is missing in them.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emit, readApi } from "./lib/declarations.mjs";
import { root } from "./lib/entries.mjs";
import { referencePage, referenceProblems } from "./lib/reference.mjs";

const folder = join(root, ".bundles/reference");
emit(folder);
const api = readApi(folder);
rmSync(folder, { recursive: true });
writeFileSync(join(root, "src/REFERENCE.md"), referencePage(api));
const problems = referenceProblems(api);
for (const problem of problems) console.error(problem);
console.log(`src/REFERENCE.md: ${api.entries.length} entries, ${problems.length} gaps`);
process.exitCode = problems.length === 0 ? 0 : 1;
