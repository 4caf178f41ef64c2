// The default chain of the vendor's JavaScript client and ours, over the same set-ups of files and environment
// (fixtures/aws-credentials), before the same emulated token services. Prints a table; exit status 1 if one differs
// otherwise than the set-up says.
//
//   node scripts/interop/aws-credentials.mjs          the built package is `dist`, or where KNHK_DIST says
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve as resolvePath } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(dirname(self)));

// The vendor's chain runs in a process of its own: it reads the real environment, and keeps files that it has read.
if (process.argv[2] === "vendor") {
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  await print(defaultProvider({ logger: { warn() {}, debug() {}, info() {}, error() {} } }));
  process.exit(0);
}

async function print(chain) {
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await chain();
    console.log(JSON.stringify({ accessKeyId, secretAccessKey, sessionToken }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}

const folder = process.env.KNHK_DIST === undefined ? new URL("../../dist/", import.meta.url) : pathToFileURL(`${resolvePath(process.env.KNHK_DIST)}/`);
const { createIdentityIssuer, createTokenEmulator } = await import(new URL("testing/index.js", folder));
const { awsDefaultChain, serve } = await import(new URL("node/index.js", folder));
const { printTable } = await import("../lib/table.mjs");

const role = (name) => `arn:aws:iam::111122223333:role/${name}`;
const rows = [];
for (const setUp of JSON.parse(readFileSync(join(root, "fixtures/aws-credentials/set-ups.json"), "utf8"))) {
  const expected = { ours: setUp.expect, vendor: setUp.vendor ?? setUp.expect };
  const found = {};
  for (const side of ["ours", "vendor"]) found[side] = await resolve(side, setUp);
  const as = (side) => (same(found[side], expected[side]) ? "as expected" : JSON.stringify(found[side]));
  rows.push({ "set-up": setUp.name, ours: as("ours"), vendor: as("vendor"), "differs because": setUp.why ?? "" });
}
printTable(rows);
const bad = rows.filter(({ ours, vendor }) => ours !== "as expected" || vendor !== "as expected").length;
console.log(`\n${rows.length} set-ups, ${rows.filter((row) => row["differs because"] !== "").length} differ on purpose, ${bad} otherwise`);
process.exitCode = bad === 0 ? 0 : 1;

async function resolve(side, { env, files, container }) {
  const issuer = await createIdentityIssuer();
  const roles = [{ arn: role("demo") }, { arn: role("outer") }, { arn: role("guarded"), externalId: "e-1" }, { arn: role("web"), webIdentities: [issuer.trust()] }];
  const tokens = createTokenEmulator({ sts: { roles }, sso: { roles: [{ accountId: "111122223333", roleName: "Signer" }] }, ec2Metadata: {}, container: container === undefined ? {} : { authorization: container } });
  const served = await serve((request) => tokens.fetch(request));
  const home = mkdtempSync(join(tmpdir(), "knhk-kms-"));
  try {
    const values = { HOME: home, NODE: process.execPath, ORIGIN: served.origin, JWT: await issuer.token({ sub: "a", aud: "sts.amazonaws.com" }), IN_AN_HOUR: new Date(Date.now() + 3_600_000).toISOString(), IN_A_MINUTE: new Date(Date.now() + 60_000).toISOString() };
    const expand = (text) => text.replace(/\{SHA1:([^}]+)\}/g, (_, of) => createHash("sha1").update(of).digest("hex")).replace(/\{([A-Z_]+)\}/g, (whole, name) => values[name] ?? whole);
    for (const [name, text] of Object.entries(files)) {
      const path = join(home, expand(name));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, expand(text));
    }
    const own = { HOME: home, ...Object.fromEntries(Object.entries(env).map(([name, text]) => [name, expand(text)])) };
    if (side === "ours") return describe(await ours(own, tokens), tokens);
    const services = Object.fromEntries(["STS", "SSO", "SSO_OIDC"].map((name) => [`AWS_ENDPOINT_URL_${name}`, served.origin]));
    const { stdout } = await promisify(execFile)(process.execPath, [self, "vendor"], { env: { PATH: process.env.PATH, ...services, ...own } });
    return describe(JSON.parse(stdout), tokens);
  } finally {
    await served.close();
    rmSync(home, { recursive: true, force: true });
  }
}

async function ours(env, tokens) {
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await awsDefaultChain({ env, fetch: tokens.fetch })({ signal: new AbortController().signal, refused: false });
    return { accessKeyId, secretAccessKey, sessionToken };
  } catch (error) {
    return { error: error.message };
  }
}

/** Keys of a file or program as they are; those of a service by what it knows of them. */
function describe({ error, ...credentials }, tokens) {
  if (error !== undefined) return { error };
  const issued = tokens.credentials.find(({ accessKeyId, secretAccessKey, sessionToken }) => same({ accessKeyId, secretAccessKey, sessionToken }, credentials));
  return issued === undefined ? credentials : { source: issued.source, roleArn: issued.roleArn };
}

function same(found, expected) {
  if (expected === "error") return found.error !== undefined;
  const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])];
  return names.every((name) => found[name] === expected[name]);
}
