// The declarations as a user's compiler sees them, the API that they make, and the examples in comments and guides.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiReport } from "../lib/api-report.mjs";
import { entries, root } from "../lib/entries.mjs";
import { codeBlocks } from "../lib/markdown.mjs";
import { exampleModule, examples, referencePage, referenceProblems } from "../lib/reference.mjs";
import { recorded } from "./release.mjs";

/** Without Node's types, libraries checked: every entry, and every example of the guides and of the comments. */
export function declarationProblems(consumer, api) {
  const uses = entries.map(({ specifier }, index) => `import * as entry${index} from "${specifier}";\nexport { entry${index} };`);
  writeFileSync(join(consumer, "entries.ts"), uses.join("\n"));
  const guides = readmes().flatMap((file) => codeBlocks(file, "ts").map((code) => ({ file, code })));
  guides.forEach(({ file, code }, index) => writeFileSync(join(consumer, `guide${index}.ts`), `// ${file}\n${code}\nexport {};\n`));
  const written = examples(api);
  written.forEach((example, index) => writeFileSync(join(consumer, `example${index}.ts`), exampleModule(example, api)));
  copyFileSync(join(root, "scripts/lib/examples-preamble.ts"), join(consumer, "preamble.ts"));
  const compilerOptions = { target: "es2022", lib: ["es2022", "dom"], types: [], module: "nodenext", moduleResolution: "nodenext", strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const few = [...(guides.length < 3 ? [`only ${guides.length} examples were found in guides`] : []), ...(written.length < 40 ? [`only ${written.length} examples were found in comments`] : [])];
  return [...compile(consumer), ...few];
}

export function apiProblems(api) {
  return recorded("fixtures/api/report.txt", apiReport(api));
}

export function referencePageProblems(api) {
  return [...referenceProblems(api), ...recorded("src/REFERENCE.md", referencePage(api))];
}

function compile(project) {
  try {
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project], { encoding: "utf8", stdio: "pipe" });
    return [];
  } catch (error) {
    return String(error.stdout).trim().split("\n").slice(0, 20);
  }
}

function readmes() {
  const inside = readdirSync("src", { recursive: true }).filter((file) => file.endsWith("README.md")).map((file) => join("src", file));
  return ["README.md", ...inside].filter((file) => existsSync(file));
}
