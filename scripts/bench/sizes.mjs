// What a user downloads: gzip size for an edge bundle, packages installed, and time of a cold import.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "tsup";
import { bundle, entries, manifest } from "../lib/entries.mjs";
import { measureSizes } from "../size.mjs";
import { coldMs, dist, interleave, kit } from "./lib.mjs";

/** What of each peer makes a client that signs. */
const PEERS = [
  { name: "AWS SDK", package: "@aws-sdk/client-kms", code: 'export { KMSClient, SignCommand } from "@aws-sdk/client-kms";' },
  { name: "Azure SDK", package: "@azure/keyvault-keys", code: 'export { CryptographyClient } from "@azure/keyvault-keys";' },
  { name: "node-vault", package: "node-vault", code: 'export { default } from "node-vault";' },
  { name: "aws4fetch", package: "aws4fetch", code: 'export { AwsClient } from "aws4fetch";' },
  { name: "aws4", package: "aws4", code: 'export { default } from "aws4";' },
];
const OURS = [
  { name: "knhk-kms", entry: "index", size: "root" },
  { name: "knhk-kms/aws", entry: "aws", size: "aws" },
  { name: "knhk-kms/azure", entry: "azure", size: "azure" },
  { name: "knhk-kms/vault", entry: "vault", size: "vault" },
];

/** Rows of `{ name, gzip?, packages, imports: { name: ms[] } }`; `imports` also has the bare process. */
export async function measureDownloads(rounds) {
  const sizes = await measureSizes();
  const { folder } = await bundle(entries.filter(({ name }) => OURS.some(({ entry }) => entry === name)), { outDir: ".bundles/bench", minify: false });
  const importOf = (file) => `import ${JSON.stringify(pathToFileURL(file).href)};`;
  const codes = { "bare node": "" };
  for (const { name, entry } of OURS) {
    codes[name] = importOf(join(dist, entry === "index" ? "index.js" : `${entry}/index.js`));
    codes[`${name}, bundled`] = importOf(join(folder, `${entry}.js`));
  }
  for (const peer of PEERS) codes[peer.name] = `import ${JSON.stringify(peer.package)};`;
  const things = Object.entries(codes).map(([name, code]) => ({ name, measure: async () => coldMs(code) }));
  await interleave(things, 1); // files are in the system's cache from here on
  const imports = await interleave(things, rounds);
  const rows = OURS.map(({ name, size }) => ({ name, gzip: sizes[size].gzip, packages: 1 }));
  for (const { name, package: from, code } of PEERS) rows.push({ name, gzip: await bundledSize(name, code), packages: countPackages(from) });
  return { rows, imports };
}

/** For a runtime with web globals only; undefined when that cannot be bundled. */
async function bundledSize(name, code) {
  const folder = join(kit, ".bundles");
  const file = name.toLowerCase().replace(/ /g, "-");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${file}.js`), code);
  try {
    await build({
      ...manifest.tsup,
      config: false,
      entry: { [file]: join(folder, `${file}.js`) },
      outDir: join(folder, "out"),
      platform: "browser",
      minify: true,
      treeshake: true,
      noExternal: [/.*/],
      outExtension: () => ({ js: ".js" }),
      esbuildOptions: (options) => {
        options.conditions = ["worker", "browser", "import"];
        options.logLevel = "silent";
      },
    });
    return gzipSync(readFileSync(join(folder, "out", `${file}.js`)), { level: 9 }).length;
  } catch {
    return undefined; // it imports Node's own modules
  }
}

/** Packages that come with one, itself included, as Node finds them in the lockfile. */
function countPackages(name) {
  const { packages } = JSON.parse(readFileSync(join(kit, "package-lock.json"), "utf8"));
  const found = new Set();
  const visit = (path) => {
    if (found.has(path)) return;
    found.add(path);
    for (const dependency of Object.keys(packages[path].dependencies ?? {})) {
      let folder = path;
      while (folder !== "" && packages[`${folder}/node_modules/${dependency}`] === undefined) folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")));
      const next = folder === "" ? `node_modules/${dependency}` : `${folder}/node_modules/${dependency}`;
      if (packages[next] !== undefined) visit(next);
    }
  };
  visit(`node_modules/${name}`);
  return found.size;
}
