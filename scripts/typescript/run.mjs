// Type-checks a user's code over the packed package and over the vendored files, without Node's types and with libraries checked, by each TypeScript
// from 5.6 on and each way of resolving entries, and by Deno; prints a table.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPacked } from "../lib/consumer.mjs";
import { entries, root } from "../lib/entries.mjs";
import { printTable } from "../lib/table.mjs";
import { writeVendored } from "../lib/vendored.mjs";

const kit = dirname(fileURLToPath(import.meta.url));
const RESOLUTIONS = [
  { module: "node16", moduleResolution: "node16" },
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
];
const deno = join(kit, "../runtimes/node_modules/@deno/linux-x64-glibc/deno");
const scratch = mkdtempSync(join(tmpdir(), "knhk-kms-types-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

install();
const consumer = installPacked(scratch);
copyFileSync(join(kit, "consumer.ts"), join(consumer, "consumer.ts"));
writeFileSync(join(consumer, "entries.ts"), entries.map(({ specifier }, index) => `import * as entry${index} from "${specifier}";\nexport { entry${index} };\n`).join(""));

const vendored = join(consumer, "vendored");
await writeVendored(vendored);
writeFileSync(join(vendored, "consumer.ts"), readFileSync(join(kit, "consumer.ts"), "utf8").replace(/"knhk-kms(?:\/(\w+))?"/g, (_, name = "index") => `"./${name}.js"`));

const problems = [];
const compilers = [...["5.6", "5.7", "5.8", "5.9", "6.0"].map((version) => ({ version, folder: join(kit, `node_modules/typescript-${version}`) })), { version: "7.0", folder: join(root, "node_modules/typescript") }];
const rows = compilers.map(({ version, folder }) => {
  if (!existsSync(folder)) return { compiler: `TypeScript ${version}`, ...each(() => "skipped: not installed here") };
  const exact = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
  return { compiler: `TypeScript ${exact}`, ...each((resolution) => compile(`TypeScript ${exact}, ${resolution.moduleResolution}`, join(folder, "bin/tsc"), resolution)) };
});
printTable(rows);
for (const line of existsSync(deno) ? checkWithDeno() : ["Deno: skipped: not installed here"]) console.log(line);
for (const problem of problems) console.error(problem);
const verdicts = rows.flatMap((row) => Object.values(row)).filter((cell) => cell === "ok").length;
console.log(`\n${verdicts} passed, ${problems.length} failed`);
process.exitCode = problems.length > 0 || verdicts === 0 ? 1 : 0;

function install() {
  if (existsSync(join(kit, "node_modules"))) return;
  try {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: kit, stdio: "ignore" });
  } catch {
    console.log("skipped: older compilers could not be installed");
  }
}

function each(run) {
  return Object.fromEntries(RESOLUTIONS.map((resolution) => [resolution.moduleResolution, run(resolution)]));
}

function compile(name, tsc, resolution) {
  const compilerOptions = { target: "es2022", lib: ["es2022", "dom"], types: [], strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true, ...resolution };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts", "vendored/consumer.ts"] }));
  return attempt(name, process.execPath, [tsc, "-p", consumer]);
}

/** Deno resolves the package out of `node_modules`, by the same exports; and it takes a vendored file as it is. */
function checkWithDeno() {
  const { version } = JSON.parse(readFileSync(join(kit, "../runtimes/node_modules/deno/package.json"), "utf8"));
  writeFileSync(join(consumer, "deno.json"), JSON.stringify({ nodeModulesDir: "manual", compilerOptions: { strict: true, exactOptionalPropertyTypes: true } }));
  const env = { HOME: scratch, DENO_DIR: join(scratch, "deno"), NO_COLOR: "1" };
  return [
    `Deno ${version}, package: ${attempt(`Deno ${version}`, deno, ["check", "--no-lock", "consumer.ts", "entries.ts"], env)}`,
    `Deno ${version}, vendored files: ${attempt(`Deno ${version}, vendored`, deno, ["check", "--no-lock", "--no-config", join(vendored, "consumer.ts")], env)}`,
  ];
}

function attempt(name, file, words, env = {}) {
  try {
    execFileSync(file, words, { cwd: consumer, encoding: "utf8", stdio: "pipe", env: { PATH: process.env.PATH, ...env } });
    return "ok";
  } catch (error) {
    const said = `${error.stdout ?? ""}${error.stderr ?? ""}`.trim().split("\n");
    problems.push(...said.slice(0, 8).map((line) => `${name}: ${line}`));
    return `${said.filter((line) => /error TS|ERROR/.test(line)).length} errors`;
  }
}
