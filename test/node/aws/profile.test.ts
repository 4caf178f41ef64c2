import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { awsFromProfile, awsRegion } from "../../../src/node/index.js";
import { homeOf } from "../../../src/node/aws/shared-files.js";
import { createTokenEmulator } from "../../../src/testing/tokens.js";
import { ask, cacheOf, fails, HOUR, KEYS, NOW, PLANTED, ROLE } from "../../aws/credentials/support.js";
import { testContext } from "../../support/context.js";
import { rejects } from "../../support/rejects.js";

let home = "";
test.before.each(() => {
  home = mkdtempSync(join(tmpdir(), "knhk-kms-"));
  mkdirSync(join(home, ".aws"));
});
test.after.each(() => rmSync(home, { recursive: true, force: true }));

const SOURCE = `[base]\naws_access_key_id = ${KEYS.accessKeyId}\naws_secret_access_key = ${KEYS.secretAccessKey}\n`;

function files({ config = "", credentials = "" }: { config?: string; credentials?: string }): void {
  writeFileSync(join(home, ".aws/config"), config);
  writeFileSync(join(home, ".aws/credentials"), credentials);
}

function from(more: Parameters<typeof awsFromProfile>[0] = {}, env: Record<string, string> = {}): ReturnType<typeof awsFromProfile> {
  return awsFromProfile({ env: { HOME: home, ...env }, now: () => NOW, fetch: async () => { throw new Error("no request was expected"); }, ...more });
}

test("keys are looked up again after five minutes, and at once when they were refused", async () => {
  let time = NOW;
  files({ credentials: SOURCE });
  const cache = cacheOf(awsFromProfile({ profile: "base", env: { HOME: home }, now: () => time }), () => time);
  const first = await cache.get(testContext(), ask.signal);
  assert.equal(first.expiresAt, new Date(NOW + 300_000));
  files({ credentials: SOURCE.replace(KEYS.accessKeyId, "AKIDNEW") });
  assert.is(await cache.get(testContext(), ask.signal), first);
  cache.refuse(first);
  assert.is((await cache.get(testContext(), ask.signal)).accessKeyId, "AKIDNEW");
  files({ credentials: SOURCE });
  time += 300_000;
  assert.is((await cache.get(testContext(), ask.signal)).accessKeyId, KEYS.accessKeyId);
});

test("a role: what is sent, with every setting, and the region's order", async () => {
  const tokens = createTokenEmulator({ now: () => NOW, sts: { roles: [{ arn: ROLE, externalId: "e-1" }] } });
  const role = `[profile p]\nrole_arn = ${ROLE}\nsource_profile = base\nexternal_id = e-1\nrole_session_name = build\nduration_seconds = 900\nregion = eu-north-1\n`;
  files({ config: role, credentials: SOURCE });
  const got = await from({ profile: "p", fetch: tokens.fetch })(ask);
  assert.equal(got.expiresAt, new Date(NOW + 900_000));
  const [sent] = tokens.requests;
  assert.is(sent?.url, "https://sts.eu-north-1.amazonaws.com/");
  assert.is(sent?.body, `Action=AssumeRole&Version=2011-06-15&RoleArn=${encodeURIComponent(ROLE)}&RoleSessionName=build&DurationSeconds=900&ExternalId=e-1`);
  await from({ profile: "p", fetch: tokens.fetch }, { AWS_REGION: "eu-west-1" })(ask);
  await from({ profile: "p", fetch: tokens.fetch, region: "eu-west-2" }, { AWS_REGION: "eu-west-1" })(ask);
  assert.equal(tokens.requests.slice(1).map(({ url }) => url), ["https://sts.eu-west-1.amazonaws.com/", "https://sts.eu-west-2.amazonaws.com/"]);
});

test("what is set up wrongly says which profile and which setting, and no value of a secret", async () => {
  const role = `role_arn = ${ROLE}\nregion = us-east-1\n`;
  const rows: [config: string, message: RegExp][] = [
    [`[default]\n${role}`, /the profile "default" has a role_arn, and neither source_profile nor credential_source/],
    [`[default]\n${role}source_profile = a\ncredential_source = Environment\n`, /has both source_profile and credential_source/],
    [`[default]\n${role}source_profile = missing\n`, /names the source_profile "missing", which is not in the shared files/],
    [`[default]\n${role}source_profile = a\n[profile a]\nregion = x\n`, /the profile "a" has no credentials/],
    [`[default]\n${role}source_profile = a\n[profile a]\n${role}source_profile = b\n[profile b]\n${role}source_profile = a\n`, /closes a circle of source_profile: "a", "b", "a"/],
    [`[default]\n${role}source_profile = default\n`, /closes a circle of source_profile: "default", "default"/],
    [`[default]\n${role}source_profile = base\nmfa_serial = arn:aws:iam::111122223333:mfa/me\n`, /has an mfa_serial: a code for each refresh needs a person/],
    [`[default]\n${role}credential_source = Magic\n`, /has a credential_source that is none of/],
    [`[default]\n${role}source_profile = base\nduration_seconds = ${PLANTED}\n`, /cannot be used: .*durationSeconds must be/],
    [`[default]\nrole_arn = ${PLANTED}\nsource_profile = base\nregion = us-east-1\n`, /cannot be used: .*roleArn must be the ARN of a role/],
    [`[default]\nrole_arn = ${ROLE}\nsource_profile = base\n`, /the region is missing/],
    [`[default]\nlogin_session = arn:x\n`, /has a login_session, which is not supported/],
    [`[default]\naws_access_key_id = ${PLANTED}\n`, /has only one of aws_access_key_id and aws_secret_access_key/],
    [`[default]\naws_secret_access_key = ${PLANTED}\n`, /has only one of/],
    [`[__proto__]\nx = ${PLANTED}\n`, /the shared file config has a section that is named __proto__/],
    [`[default]\nrole_arn = ${ROLE}\nweb_identity_token_file = ${PLANTED}\nregion = us-east-1\n`.replaceAll(PLANTED, "/nowhere/token"), /token file: "\/nowhere\/token" does not exist/],
  ];
  for (const [config, message] of rows) {
    files({ config, credentials: SOURCE });
    const error = await fails(from(), message, /does not exist/.test(message.source));
    assert.not.ok(error instanceof NotConfiguredError, error.message);
  }
});

test("what is not set up", async () => {
  assert.ok((await fails(from(), /there is no profile "default" in the shared files/)) instanceof NotConfiguredError);
  files({ config: "[default]\nregion = eu-west-1\n" });
  assert.ok((await fails(from(), /the profile "default" has no credentials/)) instanceof NotConfiguredError);
  assert.ok((await fails(from({ profile: "toString" }), /there is no profile "toString"/)) instanceof NotConfiguredError);
  assert.ok((await fails(from({}, { AWS_PROFILE: "constructor" }), /there is no profile "constructor"/)) instanceof NotConfiguredError);
});

test("files that cannot be read", async () => {
  files({ credentials: SOURCE });
  writeFileSync(join(home, ".aws/config"), Uint8Array.of(0x5b, 0xff));
  await fails(from({ profile: "base" }), /the shared file config is not UTF-8/);
  writeFileSync(join(home, ".aws/config"), `#${"x".repeat(1_100_000)}`);
  await fails(from({ profile: "base" }), /the shared file config is larger than/);
  rmSync(join(home, ".aws/config"));
  mkdirSync(join(home, ".aws/config"));
  await fails(from({ profile: "base" }), /the shared file config is a folder/);
  rmSync(join(home, ".aws/config"), { recursive: true });
  assert.is((await from({ profile: "base" })(ask)).accessKeyId, KEYS.accessKeyId);
  if (process.getuid?.() !== 0) {
    chmodSync(join(home, ".aws/credentials"), 0);
    assert.ok((await fails(from({ profile: "base" }), /there is no profile "base" in the shared files; the shared file credentials may not be read/)) instanceof NotConfiguredError);
  }
  assert.is((await from({ profile: "base" }, { AWS_SHARED_CREDENTIALS_FILE: join(home, "elsewhere") })(ask).catch(() => ({ accessKeyId: "none" }))).accessKeyId, "none");
});

test("a role is refreshed by the files as they are then", async () => {
  let time = NOW;
  const tokens = createTokenEmulator({ now: () => time, sts: { roles: [{ arn: ROLE }, { arn: `${ROLE}2` }] } });
  const config = (arn: string): string => `[default]\nrole_arn = ${arn}\nsource_profile = base\nregion = us-east-1\n`;
  files({ config: config(ROLE), credentials: SOURCE });
  const cache = cacheOf(awsFromProfile({ env: { HOME: home }, fetch: tokens.fetch, now: () => time }), () => time);
  const all = await Promise.all(Array.from({ length: 200 }, () => cache.get(testContext(), ask.signal)));
  assert.is(new Set(all).size, 1);
  assert.is(tokens.requests.length, 1);
  files({ config: config(`${ROLE}2`), credentials: SOURCE });
  time += HOUR;
  await cache.get(testContext(), ask.signal);
  assert.equal(tokens.credentials.map(({ roleArn }) => roleArn), [ROLE, `${ROLE}2`]);
});

test("region: AWS_REGION, the profile's, the credentials file before the config file", async () => {
  const region = (env: Record<string, string> = {}, profile?: string): Promise<string | undefined> => awsRegion({ env: { HOME: home, ...env }, ...(profile === undefined ? {} : { profile }) });
  assert.is(await region(), undefined);
  files({ config: "[default]\nregion = eu-west-1\n[profile p]\nregion = eu-west-2\n", credentials: "[p]\nregion = eu-west-3\n" });
  assert.is(await region(), "eu-west-1");
  assert.is(await region({ AWS_REGION: "us-east-1" }), "us-east-1");
  assert.is(await region({ AWS_DEFAULT_REGION: "us-east-1" }), "eu-west-1");
  assert.is(await region({ AWS_PROFILE: "p" }), "eu-west-3");
  assert.is(await region({}, "p"), "eu-west-3");
  assert.is(await region({}, "missing"), undefined);
  await rejects(awsRegion({ regions: "x" } as never), "ERR_KMS_CONFIG");
});

test("the user's folder", () => {
  assert.is(homeOf({ HOME: "/h", USERPROFILE: "/u" }), "/h");
  assert.is(homeOf({ USERPROFILE: "/u", HOMEPATH: "/p" }), "/u");
  assert.is(homeOf({ HOMEDRIVE: "D:", HOMEPATH: "\\p" }), "D:\\p");
  assert.is(homeOf({ HOMEPATH: "\\p" }), process.platform === "win32" ? "C:\\\\p" : "C:/\\p");
  assert.ok(homeOf({}).length > 0);
});

test("unknown and mistyped options are problems at creation", async () => {
  for (const bad of [5, { name: "p" }, { profile: "" }, { profile: "a\nb" }, { region: "mars" }, { processTimeoutMs: 0 }, { env: 1 }]) await rejects(() => awsFromProfile(bad as never), "ERR_KMS_CONFIG");
});

test.run();
