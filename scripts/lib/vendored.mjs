// One readable ESM file an entry, with its comments and declarations, for a tree that takes no packages.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emit, readApi, rollUp } from "./declarations.mjs";
import { bundle, entries, manifest, root } from "./entries.mjs";
import { hashTree } from "./hashes.mjs";

const work = ".bundles/vendored";

/**
 * Writes the files into a folder, which must be new, empty, or written by this function. Returns the number of entries.
 * The same source gives the same bytes, whatever the folder.
 */
export async function writeVendored(out) {
  emptyFolder(out);
  emit(join(root, work, "dist"));
  const chosen = entries.map(({ name, source }) => ({ name, source: join(work, source.replace(/^src/, "dist").replace(/ts$/, "js")) }));
  const { folder } = await bundle(chosen, {
    outDir: join(work, "bundles"),
    esbuildPlugins: [keepComments],
    esbuildOptions: (options) => {
      options.legalComments = "inline";
    },
  });
  for (const entry of readApi(join(root, work, "dist")).entries) writeEntry(entry, folder, out);
  copyFileSync(join(root, "LICENSE"), join(out, "LICENSE"));
  chmodSync(join(out, "LICENSE"), 0o644);
  const sums = Object.entries(hashTree(out)).map(([file, hash]) => `${hash}  ${file}\n`);
  writeFileSync(join(out, "SHA256SUMS"), sums.join(""));
  rmSync(join(root, work), { recursive: true });
}

/**
 * esbuild drops comments except legal ones that stand where a statement can. So each comment at the start of a line is
 * made one for the time of bundling: comments between statements stay, in functions too; those inside an expression, such
 * as before the property of an object, and those at the end of a line do not.
 */
const keepComments = {
  name: "keep-comments",
  setup(build) {
    build.onLoad({ filter: /\.js$/ }, ({ path }) => ({
      loader: "js",
      contents: readFileSync(path, "utf8").replace(/^(\s*)\/\*\*/gm, "$1/*!*").replace(/^(\s*)\/\/(?=\s)/gm, "$1//!"),
    }));
  },
};

/** As the source has them again; and the name of each source file instead of the emitted one. */
function plainComments(code) {
  return code
    .replace(/^(\s*)\/\*!\*/gm, "$1/**")
    .replace(/^(\s*)\/\/!/gm, "$1//")
    .replace(/^\/\/ \.bundles\/vendored\/dist\/(.*)\.js$/gm, "// ---- src/$1.ts");
}

function writeEntry(entry, folder, out) {
  const { name, specifier } = entry;
  const header = `/*!
 * ${specifier} ${manifest.version}
 * SPDX-License-Identifier: ${manifest.license} (its text is in LICENSE)
 * Made from the source by \`npm run vendor\`; compare with \`npm run vendor -- --compare FOLDER\`.
 */
`;
  // The first line is for Deno, which does not look for declarations beside a file.
  writeFileSync(join(out, `${name}.js`), `// @ts-self-types="./${name}.d.ts"\n${header}${plainComments(readFileSync(join(folder, `${name}.js`), "utf8"))}`);
  writeFileSync(join(out, `${name}.d.ts`), `${header}${rollUp(entry)}`);
}

function emptyFolder(out) {
  const holdsOther = existsSync(out) && readdirSync(out).length > 0 && !existsSync(join(out, "SHA256SUMS"));
  if (holdsOther) throw new Error(`${out} holds something else: give a new folder`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
}
