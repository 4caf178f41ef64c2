// What a release must hold, checked on the built package: reproducible, complete, portable, and each entry free of what
// it must not carry. Prints a line a check and exits 1 if one fails. `--update` rewrites the list of files in the tarball.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import vm from "node:vm";
import { bundle, entries, manifest, nodeEntries, root } from "./lib/entries.mjs";
import { codeBlocks } from "./lib/markdown.mjs";
import { measureSizes, sizeProblems } from "./size.mjs";

process.chdir(root);
const scratch = mkdtempSync(join(tmpdir(), "knhk-kms-check-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
const tsc = join(root, "node_modules/typescript/bin/tsc");
const listFile = "fixtures/package/files.txt";
let failures = 0;

/** Words of one provider's protocol, which no bundle of another may hold. */
const WORDS = {
  aws: ["TrentService", "AWS4-HMAC", "amazonaws"],
  azure: ["vault.azure.net", "managedhsm", "api-version"],
  vault: ["X-Vault", "VAULT_", "BAO_"],
};

await check("the package has no runtime dependencies", () => {
  const named = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies });
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const unmarked = Object.entries(lock.packages).filter(([path, entry]) => path !== "" && entry.dev !== true && entry.devOptional !== true && entry.optional !== true);
  return [...named, ...unmarked.map(([path]) => `${path} is not marked as a development package`)];
});

await check("two builds are the same bytes", async () => {
  build();
  const first = hashTree("dist");
  const bundled = await hashBundles();
  build();
  return [...difference(first, hashTree("dist")), ...difference(bundled, await hashBundles())];
});

await check("the tarball holds the listed files", () => {
  const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", scratch], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  const files = packed.files.map(({ path }) => path).sort();
  if (process.argv.includes("--update")) {
    mkdirSync("fixtures/package", { recursive: true });
    writeFileSync(listFile, `${files.join("\n")}\n`);
  }
  const listed = readFileSync(listFile, "utf8").trim().split("\n");
  return [...files.filter((file) => !listed.includes(file)).map((file) => `${file} is not listed`), ...listed.filter((file) => !files.includes(file)).map((file) => `${file} is missing`)];
});

const consumer = join(scratch, "consumer");
await check("the tarball installs alone, and every export can be imported", () => {
  mkdirSync(consumer);
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const tarball = readdirSync(scratch).find((file) => file.endsWith(".tgz"));
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", join(scratch, tarball)], { cwd: consumer, stdio: "ignore" });
  const installed = readdirSync(join(consumer, "node_modules")).filter((name) => !name.startsWith("."));
  const problems = installed.filter((name) => name !== manifest.name).map((name) => `${name} was installed too`);
  writeFileSync(join(consumer, "import-all.mjs"), entries.map(({ specifier }) => `await import("${specifier}");`).join("\n"));
  execFileSync(process.execPath, ["import-all.mjs"], { cwd: consumer, stdio: ["ignore", "ignore", "inherit"] });
  return problems;
});

await check("the declarations check without Node types, and so do the examples of the READMEs", () => {
  const uses = entries.map(({ specifier }, index) => `import * as entry${index} from "${specifier}";\nexport { entry${index} };`);
  writeFileSync(join(consumer, "entries.ts"), uses.join("\n"));
  const examples = readmes().flatMap((file) => codeBlocks(file, "ts").map((code) => ({ file, code })));
  examples.forEach(({ file, code }, index) => writeFileSync(join(consumer, `example${index}.ts`), `// ${file}\n${code}\nexport {};\n`));
  const compilerOptions = { target: "es2022", lib: ["es2022", "dom"], types: [], module: "nodenext", moduleResolution: "nodenext", strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const problems = compile(consumer);
  return examples.length < 3 ? [...problems, `only ${examples.length} examples were found`] : problems;
});

const portable = entries.filter(({ name }) => !nodeEntries.has(name));
const { folder, metafile } = await bundle(portable, { outDir: ".bundles/check" });
const inputsOf = (name) => Object.keys(Object.entries(metafile.outputs).find(([file]) => file.endsWith(`/${name}.js`))[1].inputs);
const codeOf = (name) => readFileSync(join(folder, `${name}.js`), "utf8");

await check("no node: module, Buffer or require outside node and cli", () =>
  portable.flatMap(({ name }) => {
    const outside = inputsOf(name).filter((file) => !file.startsWith("src/"));
    const words = [/\bfrom\s*["']node:/, /\bimport\s*\(\s*["']node:/, /\brequire\s*\(/, /\bBuffer\b/].filter((word) => word.test(withoutComments(codeOf(name))));
    return [...outside, ...words].map((found) => `${name}: ${found}`);
  }),
);

await check("one provider's bundle holds no word of another's protocol", () =>
  Object.keys(WORDS).flatMap((name) => {
    const code = withoutComments(codeOf(name)).toLowerCase();
    const foreign = Object.entries(WORDS).filter(([other]) => other !== name).flatMap(([, words]) => words);
    const own = WORDS[name].filter((word) => !code.includes(word.toLowerCase()));
    return [...foreign.filter((word) => code.includes(word.toLowerCase())).map((word) => `${name} holds ${word}`), ...own.map((word) => `${name} lacks its own ${word}: is the check still right?`)];
  }),
);

await check("raw-sign is in testing only", () => {
  const holders = portable.filter(({ name }) => inputsOf(name).some((file) => file.includes("raw-"))).map(({ name }) => name);
  return holders.join() === "testing" ? [] : [`found in: ${holders.join(", ")}`];
});

await check("every portable entry loads with web globals only, and looks at nothing while it loads", async () => {
  const { folder: scripts } = await bundle(portable, { outDir: ".bundles/iife", format: "iife" });
  return portable.flatMap(({ name }) => loadInBareContext(readFileSync(join(scripts, `${name}.js`), "utf8"), name));
});

await check("no entry grew by more than 2 %", async () => sizeProblems(await measureSizes()));

console.log(failures === 0 ? "all checks passed" : `${failures} checks failed`);
process.exitCode = failures === 0 ? 0 : 1;

async function check(name, run) {
  let problems;
  try {
    problems = await run();
  } catch (error) {
    problems = [String(error?.stack ?? error)];
  }
  failures += problems.length > 0 ? 1 : 0;
  console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name}`);
  for (const problem of problems) console.log(`       ${problem}`);
}

function build() {
  rmSync("dist", { recursive: true, force: true });
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.json"], { stdio: "inherit" });
}

function compile(project) {
  try {
    execFileSync(process.execPath, [tsc, "-p", project], { encoding: "utf8", stdio: "pipe" });
    return [];
  } catch (error) {
    return String(error.stdout).trim().split("\n").slice(0, 20);
  }
}

function hashTree(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const file = join(entry.parentPath ?? entry.path, entry.name);
      return [file, createHash("sha256").update(readFileSync(file)).digest("hex")];
    }),
  );
}

async function hashBundles() {
  const { folder: built } = await bundle(entries, { outDir: ".bundles/twice" });
  return hashTree(built);
}

function difference(first, second) {
  return [...new Set([...Object.keys(first), ...Object.keys(second)])].filter((file) => first[file] !== second[file]).map((file) => `${file} differs`);
}

function readmes() {
  const inside = readdirSync("src", { recursive: true }).filter((file) => file.endsWith("README.md")).map((file) => join("src", file));
  return ["README.md", ...inside].filter((file) => existsSync(file));
}

/** The words of comments name other services' facts; what counts is the code. Strings with `//` in them stay. */
function withoutComments(code) {
  return code.replace(/^\s*(\/\/|\/\*|\*).*$/gm, "");
}

/** Runs a bundle where there is nothing but web globals; whatever it reads of an environment while it loads is a problem. */
function loadInBareContext(code, name) {
  const problems = [];
  const names = ["TextEncoder", "TextDecoder", "URL", "URLSearchParams", "AbortController", "AbortSignal", "Headers", "Request", "Response", "ReadableStream", "structuredClone", "performance"];
  const context = vm.createContext(Object.fromEntries(names.map((global) => [global, globalThis[global]])));
  for (const global of ["process", "fetch", "crypto", "setTimeout", "Deno", "Bun"]) {
    Object.defineProperty(context, global, {
      get() {
        problems.push(`${name}: reads ${global} while it loads`);
        return undefined;
      },
    });
  }
  vm.runInContext("Math.random = Date.now = () => { throw new Error('asked for time or randomness while loading') }", context);
  try {
    vm.runInContext(`${code}\nif (typeof entry !== "object") throw new Error("no exports");`, context);
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
  return problems;
}
