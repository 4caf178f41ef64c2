// Before `npm pack` and `npm publish`: the tarball keeps the permissions of files, which the umask of whoever builds decides.
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lib/entries.mjs";

for (const file of ["package.json", "README.md", "LICENSE"]) chmodSync(join(root, file), 0o644);
for (const entry of readdirSync(join(root, "dist"), { recursive: true, withFileTypes: true })) {
  chmodSync(join(entry.parentPath ?? entry.path, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}
