// What a release publishes: the same bytes from anywhere, a listed set of files, and installable alone.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { entries, manifest } from "../lib/entries.mjs";
import { installed } from "../lib/consumer.mjs";

/** Compares a text with a recorded one, which `--update` rewrites; a sentence for each line that is not in both. */
export function recorded(file, text) {
  if (process.argv.includes("--update")) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const before = readFileSync(file, "utf8");
  if (before === text) return [];
  const [old, now] = [before.split("\n"), text.split("\n")];
  const changes = [...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`), ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`)];
  return [`${file} is not what it would be now; look at the change, then: npm run check -- --update`, ...changes.slice(0, 20)];
}

export function noDependencies() {
  const named = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies });
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const unmarked = Object.entries(lock.packages).filter(([path, entry]) => path !== "" && entry.dev !== true && entry.devOptional !== true && entry.optional !== true);
  return [...named, ...unmarked.map(([path]) => `${path} is not marked as a development package`)];
}

export function installsAlone(consumer) {
  const problems = installed(consumer).filter((name) => name !== manifest.name).map((name) => `${name} was installed too`);
  writeFileSync(join(consumer, "import-all.mjs"), entries.map(({ specifier }) => `await import("${specifier}");`).join("\n"));
  execFileSync(process.execPath, ["import-all.mjs"], { cwd: consumer, stdio: ["ignore", "ignore", "inherit"] });
  return problems;
}
