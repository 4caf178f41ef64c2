// SHA-256 of files, and what differs between two trees of them.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Paths inside a folder and the hash of each, sorted. */
export function hashTree(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [relative(folder, path), sha256(readFileSync(path))]));
}

/** A sentence for each path that is not the same in both. */
export function difference(first, second) {
  const paths = [...new Set([...Object.keys(first), ...Object.keys(second)])].sort();
  return paths
    .filter((path) => first[path] !== second[path])
    .map((path) => (first[path] === undefined ? `${path} is only in the second` : second[path] === undefined ? `${path} is only in the first` : `${path} differs`));
}
