// The public entries of the package, read from package.json, and how they are bundled.
import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** `{ name: "aws", specifier: "knhk-kms/aws", source: "src/aws/index.ts" }`, the root entry with the name `index`. */
export const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === "object")
  .map(([path, target]) => ({
    name: path === "." ? "index" : path.slice(2),
    specifier: path === "." ? manifest.name : `${manifest.name}/${path.slice(2)}`,
    source: target.default.replace("./dist/", "src/").replace(/\.js$/, ".ts"),
  }));

/** Entries that may use Node's own modules. */
export const nodeEntries = new Set(["node", "cli"]);

/** Bundles entries, one file each, with the settings of package.json; returns the folder and esbuild's metafile. */
export async function bundle(chosen, { outDir, minify = false, format = "esm", ...more }) {
  rmSync(join(root, outDir), { recursive: true, force: true });
  await build({
    ...manifest.tsup,
    config: false,
    entry: Object.fromEntries(chosen.map(({ name, source }) => [name, source])),
    outDir,
    format: [format],
    minify,
    metafile: true,
    dts: false,
    outExtension: () => ({ js: ".js" }),
    ...(format === "iife" ? { globalName: "entry" } : {}),
    ...more,
  });
  const metafile = JSON.parse(readFileSync(join(root, outDir, `metafile-${format}.json`), "utf8"));
  return { folder: join(root, outDir), metafile };
}
