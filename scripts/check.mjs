// What a release must hold, checked on the built package: reproducible, complete, portable, and each entry free of what
// it must not carry. Prints a line a check and exits 1 if one fails. `--update` rewrites what was recorded of the files in
// the tarball, of the API and of the reference; sizes have `npm run size -- --update`.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareContextProblems, bundles, foreignWords, nodeProblems, rawSignProblems } from "./check/bundles.mjs";
import { buildsElsewhere, otherUser } from "./check/builds-elsewhere.mjs";
import { apiProblems, declarationProblems, referencePageProblems } from "./check/declarations.mjs";
import { installsAlone, noDependencies, recorded } from "./check/release.mjs";
import { packageListProblems, sbomProblems, vendoredProblems } from "./check/supply-chain.mjs";
import { installPacked, pack } from "./lib/consumer.mjs";
import { readApi } from "./lib/declarations.mjs";
import { root } from "./lib/entries.mjs";
import { measureSizes, sizeProblems } from "./size.mjs";

process.chdir(root);
const scratch = mkdtempSync(join(tmpdir(), "knhk-kms-check-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
let failures = 0;

await check("the package has no runtime dependencies", noDependencies);
execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
const api = readApi("dist");
const packed = pack(scratch);
await check("the tarball holds the listed files", () => recorded("fixtures/package/files.txt", `${packed.files.join("\n")}\n`));
const consumer = installPacked(scratch, packed);
await check("the tarball installs alone, and every export can be imported", () => installsAlone(consumer));
await check("the public API is as recorded", () => apiProblems(api));
await check("every export is described, and the reference is what the comments say", () => referencePageProblems(api));
await check("the declarations check without Node types, and so do the examples of guides and comments", () => declarationProblems(consumer, api));

let elsewhere;
await check(`two builds${otherUser() === undefined ? "" : " by two users"} in different folders are the same bytes: tarball, vendored files, bills of materials`, () => {
  elsewhere = buildsElsewhere(scratch);
  return elsewhere.problems;
});
await check("the vendored files alone sign with each provider", () => vendoredProblems(join(elsewhere.out, "vendor")));
await check("the bills of materials are whole", sbomProblems);
await check("every development package is listed with licence and reason", packageListProblems);

const built = await bundles();
await check("no node: module, Buffer or require outside node and cli", () => nodeProblems(built));
await check("one provider's bundle holds no word of another's protocol", () => foreignWords(built));
await check("raw-sign is in testing only", () => rawSignProblems(built));
await check("every portable entry loads with web globals only, and looks at nothing while it loads", bareContextProblems);
await check("no import is over its line, and none grew by more than 2 %", async () => sizeProblems(await measureSizes()));

console.log(failures === 0 ? "all checks passed" : `${failures} checks failed`);
process.exitCode = failures === 0 ? 0 : 1;

async function check(name, run) {
  let problems;
  try {
    problems = await run();
  } catch (error) {
    problems = [`${error?.stack ?? error}${error?.stderr ? `\n${error.stderr}` : ""}`];
  }
  failures += problems.length > 0 ? 1 : 0;
  console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name}`);
  for (const problem of problems) console.log(`       ${problem}`);
}
