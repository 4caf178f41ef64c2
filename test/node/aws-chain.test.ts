/** The default chain over set-ups of files and environment; `scripts/interop` runs the vendor's own over the same ones. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AwsCredentials } from "../../src/aws/index.js";
import { ConfigError } from "../../src/errors.js";
import { awsDefaultChain } from "../../src/node/index.js";
import { createIdentityIssuer } from "../../src/testing/identity-issuer.js";
import { createTokenEmulator, type TokenEmulator } from "../../src/testing/tokens.js";
import { rejects } from "../support/rejects.js";
import { timers } from "../support/run-send.js";
import { waitedFor } from "../support/waited.js";

type Keys = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
type Expected = "error" | Keys | { readonly source: string; readonly roleArn: string };

interface SetUp {
  readonly name: string;
  /** Texts with `{HOME}`, `{NODE}`, `{ORIGIN}`, `{JWT}`, `{SHA1:…}` and times in them. */
  readonly env: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  /** What the container endpoint demands. */
  readonly container?: string;
  readonly expect: Expected;
}

const setUps = JSON.parse(readFileSync("fixtures/aws-credentials/set-ups.json", "utf8")) as SetUp[];
const ask = { signal: new AbortController().signal, refused: false };
const role = (name: string): string => `arn:aws:iam::111122223333:role/${name}`;

/** The token services as the set-ups want them. */
async function services(container: string | undefined): Promise<{ tokens: TokenEmulator; jwt: string }> {
  const issuer = await createIdentityIssuer();
  const roles = [{ arn: role("demo") }, { arn: role("outer") }, { arn: role("guarded"), externalId: "e-1" }, { arn: role("web"), webIdentities: [issuer.trust()] }];
  const tokens = createTokenEmulator({
    sts: { roles },
    sso: { roles: [{ accountId: "111122223333", roleName: "Signer" }] },
    ec2Metadata: {},
    container: container === undefined ? {} : { authorization: container },
  });
  return { tokens, jwt: await issuer.token({ sub: "a", aud: "sts.amazonaws.com" }) };
}

function expand(text: string, home: string, jwt: string): string {
  const values: Readonly<Record<string, string>> = {
    HOME: home,
    NODE: process.execPath,
    ORIGIN: "http://127.0.0.1:1",
    JWT: jwt,
    IN_AN_HOUR: new Date(Date.now() + 3_600_000).toISOString(),
    IN_A_MINUTE: new Date(Date.now() + 60_000).toISOString(),
  };
  return text.replace(/\{SHA1:([^}]+)\}/g, (_whole, of: string) => createHash("sha1").update(of).digest("hex")).replace(/\{([A-Z_]+)\}/g, (whole, name: string) => values[name] ?? whole);
}

for (const setUp of setUps) {
  test(setUp.name, async () => {
    const home = mkdtempSync(join(tmpdir(), "knhk-kms-"));
    try {
      const { tokens, jwt } = await services(setUp.container);
      for (const [name, text] of Object.entries(setUp.files)) {
        const path = join(home, expand(name, home, jwt));
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, expand(text, home, jwt));
      }
      const env = { HOME: home, ...Object.fromEntries(Object.entries(setUp.env).map(([name, text]) => [name, expand(text, home, jwt)])) };
      const chain = awsDefaultChain({ env, fetch: tokens.fetch });
      if (setUp.expect === "error") await failsTyped(chain(ask));
      else assert.equal(describe(await chain(ask), tokens), setUp.expect);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
}

/** Who the credentials are: keys out of a file or program as they are, those of a service by what it knows of them. */
function describe({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials, tokens: TokenEmulator): Expected {
  const issued = tokens.credentials.find((credentials) => credentials.accessKeyId === accessKeyId);
  if (issued === undefined) return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  assert.is(issued.secretAccessKey, secretAccessKey);
  assert.is(issued.sessionToken, sessionToken);
  return { source: issued.source, roleArn: issued.roleArn };
}

async function failsTyped(attempt: Promise<unknown>): Promise<void> {
  const error = await rejects(attempt, "ERR_KMS_CREDENTIALS");
  const text = `${error.message}${error.stack}${JSON.stringify(error)}${inspect(error, { depth: Infinity })}`;
  for (const secret of ["profile-secret", "other-secret", "env-secret", "wJalrXUtn", "emulated-sso-access-token", "emulated-client-secret"]) assert.not.ok(text.includes(secret), text);
}

test("outside any cloud: within two seconds, every source in order, no value", async () => {
  const home = mkdtempSync(join(tmpdir(), "knhk-kms-"));
  const before = timers();
  try {
    const chain = awsDefaultChain({ env: { HOME: home }, fetch: () => new Promise(() => {}) });
    let error: unknown;
    assert.ok((await waitedFor(async () => void (error = await rejects(chain(ask), "ERR_KMS_CREDENTIALS")))) < 2_000);
    assert.equal((error as ConfigError).problems, [
      "environment: AWS_ACCESS_KEY_ID is not set",
      'profile: there is no profile "default" in the shared files',
      "web identity: AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are not both set",
      "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set",
      "instance metadata: no complete answer: timeout",
    ]);
    assert.is(timers(), before);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("sources narrow it, and a bad list is a problem at creation", async () => {
  const env = { HOME: "/nowhere", AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s" };
  const error = await rejects(awsDefaultChain({ env, sources: ["profile"] })(ask), "ERR_KMS_CREDENTIALS");
  assert.is((error as ConfigError).problems.length, 1);
  assert.is((await awsDefaultChain({ env, sources: ["environment"] })(ask)).accessKeyId, "A");
  const named = await rejects(awsDefaultChain({ env, profile: "p", sources: ["environment"] })(ask), "ERR_KMS_CREDENTIALS");
  assert.match(named.message, /environment: passed over, for a profile is named/);
  for (const bad of [{ sources: ["sso"] }, { sources: [] }, { profiles: "p" }, { profile: "" }, { region: "x" }]) await rejects(() => awsDefaultChain(bad as never), "ERR_KMS_CONFIG");
});

test("a refreshed SSO token is written back whole, for the user only", async () => {
  const setUp = setUps.find(({ name }) => name === "SSO with a token that has ended and can be renewed") as SetUp;
  const home = mkdtempSync(join(tmpdir(), "knhk-kms-"));
  try {
    const { tokens, jwt } = await services(undefined);
    let cacheFile = "";
    for (const [name, text] of Object.entries(setUp.files)) {
      const path = join(home, expand(name, home, jwt));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, expand(text, home, jwt), { mode: 0o644 });
      if (name.includes("cache")) cacheFile = path;
    }
    const before = JSON.parse(readFileSync(cacheFile, "utf8"));
    await awsDefaultChain({ env: { HOME: home }, fetch: tokens.fetch })(ask);
    const after = JSON.parse(readFileSync(cacheFile, "utf8"));
    assert.is.not(after.accessToken, before.accessToken);
    assert.is.not(after.refreshToken, before.refreshToken);
    assert.match(after.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.ok(Date.parse(after.expiresAt) > Date.now() + 3_000_000);
    for (const name of ["startUrl", "region", "clientId", "clientSecret", "registrationExpiresAt"]) assert.is(after[name], before[name]);
    if (process.platform !== "win32") assert.is(statSync(cacheFile).mode & 0o777, 0o600);
    // The next process finds it.
    await awsDefaultChain({ env: { HOME: home }, fetch: tokens.fetch })(ask);
    assert.equal(tokens.requests.map(({ operation }) => operation), ["sso-oidc.CreateToken", "sso.GetRoleCredentials", "sso.GetRoleCredentials"]);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test.run();
