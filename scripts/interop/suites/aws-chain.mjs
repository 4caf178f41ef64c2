// The default chain of AWS's own JavaScript client and ours, over the same set-ups of files and environment
// (fixtures/aws-credentials), before the same emulated token services.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { awsDefaultChain, createIdentityIssuer, createTokenEmulator, serve } from "../lib/built.mjs";
import { runCases } from "../lib/cases.mjs";
import { run } from "../lib/processes.mjs";

const SET_UPS = new URL("../../../fixtures/aws-credentials/set-ups.json", import.meta.url);

export const suite = {
  counterpart: "@aws-sdk/credential-provider-node",
  needs: ["node"],
  async run(kit, report) {
    const { default: manifest } = await import("@aws-sdk/credential-provider-node/package.json", { with: { type: "json" } });
    const cases = JSON.parse(readFileSync(SET_UPS, "utf8")).map((setUp) => ({ name: setUp.name, run: () => compare(kit, setUp) }));
    await runCases(cases, report);
    return manifest.version;
  },
};

async function compare(kit, setUp) {
  const [ours, theirs] = await Promise.all([resolve(kit, setUp, askOurs), resolve(kit, setUp, askTheirs)]);
  const wanted = setUp.expect === "error" ? "error" : show(setUp.expect);
  return [...(ours === theirs ? [] : [`ours ${ours}, theirs ${theirs}`]), ...(ours === wanted ? [] : [`ours ${ours}, and the set-up wants ${wanted}`])];
}

/** Each side has services and a home of its own, for a refreshed token is written back. */
async function resolve(kit, { env, files, container }, ask) {
  const issuer = await createIdentityIssuer();
  const tokens = createTokenEmulator(services(issuer, container));
  const served = await serve((request) => tokens.fetch(request));
  const home = mkdtempSync(join(kit.scratch, "home-"));
  try {
    const expand = await expander({ home, issuer, origin: served.origin });
    for (const [name, text] of Object.entries(files)) {
      const path = join(home, expand(name));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, expand(text));
    }
    const own = { HOME: home, ...Object.fromEntries(Object.entries(env).map(([name, text]) => [name, expand(text)])) };
    return describe(await ask({ env: safe(own, files), tokens, origin: served.origin, kit }), tokens);
  } finally {
    await served.close();
    rmSync(home, { recursive: true, force: true });
  }
}

/** A set-up that does not say where the metadata service is asks none: nothing leaves this machine. */
function safe(env, files) {
  const named = [...Object.keys(env), ...Object.values(files)].some((text) => /ec2_metadata_service_endpoint/i.test(text));
  return named ? env : { ...env, AWS_EC2_METADATA_DISABLED: "true" };
}

const role = (name) => `arn:aws:iam::111122223333:role/${name}`;

function services(issuer, container) {
  const roles = [{ arn: role("demo") }, { arn: role("outer") }, { arn: role("guarded"), externalId: "e-1" }, { arn: role("web"), webIdentities: [issuer.trust()] }];
  return { sts: { roles }, sso: { roles: [{ accountId: "111122223333", roleName: "Signer" }] }, ec2Metadata: {}, container: container === undefined ? {} : { authorization: container } };
}

/** Puts in what the texts of a set-up leave open (the README of the set-ups). */
async function expander({ home, issuer, origin }) {
  const after = (ms) => new Date(Date.now() + ms).toISOString();
  const jwt = await issuer.token({ sub: "a", aud: "sts.amazonaws.com" });
  const values = { HOME: home, NODE: process.execPath, ORIGIN: origin, JWT: jwt, IN_AN_HOUR: after(3_600_000), IN_A_MINUTE: after(60_000) };
  const sha1 = (text) => createHash("sha1").update(text).digest("hex");
  return (text) => text.replace(/\{SHA1:([^}]+)\}/g, (_, of) => sha1(of)).replace(/\{([A-Z_]+)\}/g, (whole, name) => values[name] ?? whole);
}

async function askOurs({ env, tokens }) {
  const ask = { signal: new AbortController().signal, refused: false };
  const { accessKeyId, secretAccessKey, sessionToken } = await awsDefaultChain({ env, fetch: tokens.fetch })(ask).catch(() => ({}));
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** In a process of its own: the vendor's chain reads the real environment, and keeps files that it has read. */
async function askTheirs({ env, origin, kit }) {
  const endpoints = Object.fromEntries(["STS", "SSO", "SSO_OIDC"].map((name) => [`AWS_ENDPOINT_URL_${name}`, origin]));
  const { code, stdout, output } = await run(process.execPath, [join(kit.kit, "suites/aws_vendor_chain.mjs")], { env: { ...endpoints, ...env } });
  if (code !== 0) throw new Error(`the vendor's chain ended with ${code}: ${output.slice(-300)}`);
  return JSON.parse(stdout);
}

/** Keys of a file or program as they are; those of a service by what it knows of them. */
function describe(credentials, tokens) {
  if (credentials.accessKeyId === undefined) return "error";
  const issued = tokens.credentials.find((entry) => ["accessKeyId", "secretAccessKey", "sessionToken"].every((name) => entry[name] === credentials[name]));
  return show(issued ?? credentials);
}

function show({ source, roleArn, accessKeyId, secretAccessKey, sessionToken }) {
  return JSON.stringify(source === undefined ? { accessKeyId, secretAccessKey, sessionToken } : { source, roleArn });
}
