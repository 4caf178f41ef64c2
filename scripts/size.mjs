// Sizes of what a user imports, bundled and minified by tsup, as one table; fails over its line, and over what was recorded
// by more than 2 %. `--update` records them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundle, root } from "./lib/entries.mjs";

/**
 * What a user imports, and the line in KB that it must not cross. Sources of credentials that are not imported cost nothing.
 *
 * AWS has a line of its own: besides what the others have, it signs requests, knows partitions and corrects its clock, and
 * its keys have no versions, so that it keeps a register of them and rotates by a new key behind an alias.
 */
const IMPORTS = [
  { name: "root", line: 36, code: 'export * from "../../src/index.js";' },
  { name: "aws", line: 23, code: 'export { createAwsKms } from "../../src/aws/index.js";' },
  { name: "azure", line: 18, code: 'export { createAzureKms } from "../../src/azure/index.js";' },
  { name: "vault", line: 18, code: 'export { createVaultKms } from "../../src/vault/index.js";' },
  { name: "aws, fromWebIdentity", line: 27, code: 'export { createAwsKms, fromWebIdentity } from "../../src/aws/index.js";' },
  { name: "azure, fromWorkloadIdentity", line: 20, code: 'export { createAzureKms, fromWorkloadIdentity } from "../../src/azure/index.js";' },
  { name: "vault, fromJwt", line: 21, code: 'export { createVaultKms, fromJwt } from "../../src/vault/index.js";' },
  { name: "signer", code: 'export { createSigV4Signer } from "../../src/aws/index.js";' },
  { name: "encoding", code: 'export * from "../../src/encoding/index.js";' },
  { name: "jwk", code: 'export * from "../../src/jwk/index.js";' },
  { name: "verify", code: 'export * from "../../src/verify/index.js";' },
  { name: "errors", code: 'export * from "../../src/errors.js";' },
  // One function of an entry, without its maker, brings its own imports and no more.
  { name: "root, createKms", code: 'export { createKms } from "../../src/index.js";' },
  { name: "root, isKmsError", code: 'export { isKmsError } from "../../src/index.js";' },
  { name: "aws, fromEnvironment", code: 'export { fromEnvironment } from "../../src/aws/index.js";' },
  { name: "azure, fromClientSecret", code: 'export { fromClientSecret } from "../../src/azure/index.js";' },
  { name: "vault, createVaultProvider", code: 'export { createVaultProvider } from "../../src/vault/index.js";' },
  { name: "encoding, encodeBase64Url", code: 'export { encodeBase64Url } from "../../src/encoding/index.js";' },
  { name: "jwk, jwkThumbprint", code: 'export { jwkThumbprint } from "../../src/jwk/index.js";' },
  { name: "verify, toCryptoKey", code: 'export { toCryptoKey } from "../../src/verify/index.js";' },
  { name: "errors, isKmsError", code: 'export { isKmsError } from "../../src/errors.js";' },
  { name: "node, nodeHasher", code: 'export { nodeHasher } from "../../src/node/index.js";' },
  { name: "testing, createVaultEmulator", code: 'export { createVaultEmulator } from "../../src/testing/index.js";' },
];
const recordFile = join(root, "fixtures/size/sizes.json");

export async function measureSizes() {
  const folder = join(root, ".bundles/size-entries");
  mkdirSync(folder, { recursive: true });
  const chosen = IMPORTS.map(({ name, code }) => {
    const file = name.replace(", ", "-");
    writeFileSync(join(folder, `${file}.ts`), code);
    return { name: file, source: `.bundles/size-entries/${file}.ts` };
  });
  const { folder: built } = await bundle(chosen, { outDir: ".bundles/size", minify: true });
  return Object.fromEntries(
    IMPORTS.map(({ name, line }) => {
      const code = readFileSync(join(built, `${name.replace(", ", "-")}.js`));
      return [name, { minified: code.length, gzip: gzipSync(code, { level: 9 }).length, ...(line === undefined ? {} : { line: line * 1024 }) }];
    }),
  );
}

/** What is over its line, or grew by more than 2 % over what was recorded, each a sentence. */
export function sizeProblems(sizes) {
  const recorded = JSON.parse(readFileSync(recordFile, "utf8"));
  return Object.entries(sizes).flatMap(([name, { gzip, line = Infinity }]) => {
    const before = recorded[name]?.gzip;
    if (before === undefined) return [`${name} is not recorded: npm run size -- --update`];
    if (gzip > line) return [`${name}: ${gzip} bytes, the line is ${line}`];
    return gzip > before * 1.02 ? [`${name}: ${gzip} bytes, recorded are ${before}: say why, then npm run size -- --update`] : [];
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const sizes = await measureSizes();
  if (process.argv.includes("--update")) writeFileSync(recordFile, `${JSON.stringify(sizes, null, 2)}\n`);
  console.log("import                        minified      gzip   of its line");
  for (const [name, { minified, gzip, line }] of Object.entries(sizes)) {
    const share = line === undefined ? "" : `${Math.round((100 * gzip) / line)} %`;
    console.log(`${name.padEnd(28)} ${String(minified).padStart(9)} ${String(gzip).padStart(9)}   ${share}`.trimEnd());
  }
  const problems = sizeProblems(sizes);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
