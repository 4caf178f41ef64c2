// A user's folder with nothing in it but the packed package.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./entries.mjs";

/** Packs into a folder; returns the tarball's path and npm's list of files. */
export function pack(scratch) {
  const out = execFileSync("npm", ["pack", "--json", "--pack-destination", scratch], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [packed] = JSON.parse(out.slice(out.search(/^\[/m)));
  return { tarball: join(scratch, packed.filename), files: packed.files.map(({ path }) => path).sort() };
}

/** Installs a tarball, packed here unless it is given, into `consumer` inside a folder, offline; returns that path. */
export function installPacked(scratch, { tarball } = pack(scratch)) {
  const consumer = join(scratch, "consumer");
  mkdirSync(consumer);
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", tarball], { cwd: consumer, stdio: "ignore" });
  return consumer;
}

/** What was installed there, by name. */
export function installed(consumer) {
  return readdirSync(join(consumer, "node_modules")).filter((name) => !name.startsWith("."));
}
