import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { awsFromSso } from "../../../src/node/index.js";
import { createTokenEmulator, type TokenEmulatorOptions } from "../../../src/testing/tokens.js";
import { ask, assertNothingPlanted, fails, fakeFetch, HOUR, hostileBodies, json, malformed, NOW, PLANTED, type Prepared } from "../../aws/credentials/support.js";
import { rejects } from "../../support/rejects.js";

const PROFILE = "[default]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Signer\n";
const SESSION = "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n";
const CLIENT = { clientId: "emulated-client", clientSecret: "emulated-client-secret", refreshToken: "emulated-sso-refresh-token", registrationExpiresAt: "2027-01-01T00:00:00Z" };
const ROLE_CREDENTIALS = { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret/+=", sessionToken: "token/+==", expiration: NOW + HOUR };

let home = "";
test.before.each(() => {
  home = mkdtempSync(join(tmpdir(), "knhk-kms-"));
  mkdirSync(join(home, ".aws/sso/cache"), { recursive: true });
  writeFileSync(join(home, ".aws/config"), PROFILE + SESSION);
});
test.after.each(() => rmSync(home, { recursive: true, force: true }));

const cacheFile = (of: string): string => join(home, `.aws/sso/cache/${createHash("sha1").update(of).digest("hex")}.json`);

function cached(expiresAt: string | number, more: Record<string, unknown> = {}, of = "corp"): void {
  const text = typeof expiresAt === "string" ? expiresAt : new Date(expiresAt).toISOString();
  writeFileSync(cacheFile(of), JSON.stringify({ accessToken: `${PLANTED}-access`, expiresAt: text, region: "us-east-1", ...more }));
}

function from(...answers: readonly Prepared[]): { source: ReturnType<typeof awsFromSso>; fetch: ReturnType<typeof fakeFetch> } {
  const fetch = fakeFetch(...answers);
  return { fetch, source: awsFromSso({ env: { HOME: home }, now: () => NOW, fetch }) };
}

const good = (): Response => json({ roleCredentials: ROLE_CREDENTIALS });

test("the request in full", async () => {
  cached(NOW + HOUR);
  const { source, fetch } = from(good());
  assert.equal(await source(ask), { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret/+=", sessionToken: "token/+==", expiresAt: new Date(NOW + HOUR) });
  assert.equal(fetch.calls, [
    {
      url: "https://portal.sso.us-east-1.amazonaws.com/federation/credentials?account_id=111122223333&role_name=Signer",
      method: "GET",
      headers: { "accept-encoding": "identity", "x-amz-sso_bearer_token": `${PLANTED}-access` },
      body: undefined,
    },
  ]);
});

test("a profile without a session: the token is under the start URL, and is not renewed", async () => {
  const start = "https://corp.awsapps.com/start";
  writeFileSync(join(home, ".aws/config"), `[profile old]\nsso_start_url = ${start}\nsso_region = cn-north-1\nsso_account_id = 111122223333\nsso_role_name = A+b@c\n`);
  cached(NOW + 60_000, CLIENT, start);
  const fetch = fakeFetch(good());
  await awsFromSso({ profile: "old", env: { HOME: home }, now: () => NOW, fetch })(ask);
  assert.equal(fetch.calls.map(({ url }) => url), ["https://portal.sso.cn-north-1.amazonaws.com.cn/federation/credentials?account_id=111122223333&role_name=A%2Bb%40c"]);
  cached(NOW, CLIENT, start);
  await fails(awsFromSso({ profile: "old", env: { HOME: home }, now: () => NOW, fetch }), /^SSO: the session has expired/);
});

test("renewal: what is sent, what is kept, and that it is tried at most once in 30 seconds", async () => {
  cached(NOW + 300_000, { ...CLIENT, custom: "kept" });
  const { source, fetch } = from(json({ accessToken: "fresh", tokenType: "Bearer", expiresIn: 3600, refreshToken: "next" }), good());
  await source(ask);
  const [renewal, portal] = fetch.calls;
  assert.is(renewal?.url, "https://oidc.us-east-1.amazonaws.com/token");
  assert.equal(renewal?.headers, { "accept-encoding": "identity", "content-type": "application/json" });
  assert.is(renewal?.body, '{"clientId":"emulated-client","clientSecret":"emulated-client-secret","grantType":"refresh_token","refreshToken":"emulated-sso-refresh-token"}');
  assert.is(portal?.headers["x-amz-sso_bearer_token"], "fresh");
  assert.equal(JSON.parse(readFileSync(cacheFile("corp"), "utf8")), { ...CLIENT, accessToken: "fresh", expiresAt: "2026-01-15T09:09:10Z", region: "us-east-1", custom: "kept", refreshToken: "next" });
  assert.is(readdirSync(join(home, ".aws/sso/cache")).length, 1);

  cached(NOW + 60_000, CLIENT);
  let time = NOW;
  const refusing = fakeFetch(json({ error: "slow_down" }, 400), good());
  const patient = awsFromSso({ env: { HOME: home }, now: () => time, fetch: refusing });
  await patient(ask); // refused, and the old one still serves
  await patient(ask);
  time += 29_999;
  await patient(ask);
  assert.is(refusing.calls.filter(({ method }) => method === "POST").length, 1);
  time += 1;
  await patient(ask);
  assert.is(refusing.calls.filter(({ method }) => method === "POST").length, 2);
});

test("without a new refresh token the old one stays; a cache that cannot be written to does not matter", async () => {
  cached(NOW + 60_000, CLIENT);
  const { source } = from(json({ accessToken: "fresh", expiresIn: 3600 }), good());
  await source(ask);
  assert.is(JSON.parse(readFileSync(cacheFile("corp"), "utf8")).refreshToken, CLIENT.refreshToken);
});

test("another process was faster: its token is used", async () => {
  cached(NOW - 1, CLIENT);
  const renewedElsewhere = (): Response => {
    cached(NOW + HOUR, { ...CLIENT, accessToken: "theirs" });
    return json({ error: "invalid_grant" }, 400);
  };
  const { source, fetch } = from(renewedElsewhere, good());
  await source(ask);
  assert.is(fetch.calls[1]?.headers["x-amz-sso_bearer_token"], "theirs");
});

test("a token that cannot be used says to sign in again", async () => {
  const rows: [prepare: () => void, answers: Prepared[], message: RegExp, retryable?: boolean][] = [
    [() => {}, [], /nobody has signed in/],
    [() => writeFileSync(cacheFile("corp"), "not json"), [], /the cached token is not JSON/],
    [() => writeFileSync(cacheFile("corp"), "[]"), [], /the body is not an object/],
    [() => writeFileSync(cacheFile("corp"), "x".repeat(1_100_000)), [], /the cached token is larger/],
    [() => cached("soon"), [], /expiresAt is not a time/],
    [() => cached(NOW + HOUR, { accessToken: `${PLANTED}\r\nx: y` }), [], /accessToken has characters/],
    [() => cached(NOW + HOUR, { accessToken: null }), [], /accessToken is missing/],
    [() => cached(NOW), [], /the session cannot be renewed/],
    [() => cached(NOW, { ...CLIENT, refreshToken: undefined }), [], /the session cannot be renewed/],
    [() => cached(NOW, { ...CLIENT, registrationExpiresAt: "2026-01-01T00:00:00Z" }), [], /the session cannot be renewed/],
    [() => cached(NOW, CLIENT), [json({ error: "invalid_grant", error_description: PLANTED }, 400)], /could not be renewed/],
    [() => cached(NOW, CLIENT), [json({ error: "invalid_client" }, 401)], /could not be renewed/],
    [() => cached(NOW, CLIENT), [json({}, 500)], /could not be renewed/, true],
    [() => cached(NOW, CLIENT), [json({ accessToken: `${PLANTED} x`, expiresIn: 3600 })], /accessToken has characters/],
    [() => cached(NOW, CLIENT), [json({ accessToken: "t", expiresIn: "3600" })], /expiresIn is not a number/],
    [() => cached(NOW, CLIENT), [json({ accessToken: "t", expiresIn: 0 })], /expiresIn is not a number/],
    [() => cached(NOW, CLIENT), [json({ accessToken: "t" })], /expiresIn is not a number/],
    [() => cached(NOW + HOUR), [json({ message: PLANTED }, 401)], /does not accept the session's token/],
    [() => cached(NOW + HOUR), [json({ message: PLANTED }, 403)], /does not give this account's role/],
    [() => cached(NOW + HOUR), [json({}, 404)], /does not give this account's role/],
    [() => cached(NOW + HOUR), [json({}, 400)], /the portal refuses/],
    [() => cached(NOW + HOUR), [json({}, 429)], /the portal refuses/, true],
  ];
  for (const [prepare, answers, message, retryable] of rows) {
    rmSync(cacheFile("corp"), { force: true });
    prepare();
    const error = await fails(from(...answers).source, message, retryable);
    assert.match(error.message, /^SSO: /);
    if (/signed in|renewed|session's token/.test(error.message)) assert.match(error.hint ?? "", /aws sso login/);
  }
  cached("2026-01-15T09:09:10UTC"); // as old releases wrote it
  await from(good()).source(ask);
});

test("a lifetime of years is a date all the same", async () => {
  cached(NOW, CLIENT);
  await from(json({ accessToken: "fresh", expiresIn: 1e20 }), good()).source(ask);
  assert.is(JSON.parse(readFileSync(cacheFile("corp"), "utf8")).expiresAt, "2027-01-15T08:09:10Z");
});

test("hostile answers of the portal", async () => {
  cached(NOW + HOUR);
  for (const body of hostileBodies()) await rejects(from(body).source(ask), "ERR_KMS_CREDENTIALS", assertNothingPlanted);
  const { expiration: _, ...texts } = ROLE_CREDENTIALS;
  for (const members of malformed(texts)) await fails(from(json({ roleCredentials: { ...members, expiration: NOW + HOUR } })).source, /response invalid/);
  for (const expiration of [undefined, null, "1768468150000", "2026-01-15T09:09:10Z", {}, true]) await fails(from(json({ roleCredentials: { ...texts, expiration } })).source, /expiration is/);
  for (const [expiration, message] of [[NOW / 1000, /have expired/], [0, /have expired/], [-1, /have expired/]] as const) await fails(from(json({ roleCredentials: { ...texts, expiration } })).source, message, true);
  await fails(from(json({ roleCredentials: { ...texts, expiration: 1e20 } })).source, /more than a year ahead/);
  await fails(from(json({ roleCredentials: null })).source, /roleCredentials is missing/);
});

test("settings that are missing or none", async () => {
  const rows: [config: string, message: RegExp][] = [
    [PROFILE, /names the sso-session "corp", which is not in the shared file config/],
    [`${PROFILE}[sso-session corp]\nsso_region = us-east-1\n`, /has no sso_start_url/],
    [`${PROFILE}[sso-session corp]\nsso_start_url = https:\/\/x.example\/\n`, /has no sso_region/],
    [PROFILE + SESSION.replace("us-east-1", "evil.example/#"), /has an sso_region that is none/],
    [PROFILE + SESSION.replace("us-east-1", "mars"), /has an sso_region that is none/],
    [PROFILE.replace("sso_account_id = 111122223333\n", "") + SESSION, /has no sso_account_id/],
    [PROFILE.replace("111122223333", "1&x=y") + SESSION, /has an sso_account_id that is none/],
    [PROFILE.replace("Signer", "a b") + SESSION, /has an sso_role_name that is none/],
    ["[default]\nsso_account_id = 111122223333\n", /has no sso_region/],
  ];
  for (const [config, message] of rows) {
    writeFileSync(join(home, ".aws/config"), config);
    await fails(from(good()).source, message);
  }
  writeFileSync(join(home, ".aws/config"), "[default]\nregion = us-east-1\n");
  assert.ok((await fails(from(good()).source, /has no SSO settings/)) instanceof NotConfiguredError);
  for (const bad of [5, { session: "x" }, { profile: "" }]) await rejects(() => awsFromSso(bad as never), "ERR_KMS_CONFIG");
});

test("against the emulator: renewal on the way, each refresh token once", async () => {
  let time = NOW;
  const options: TokenEmulatorOptions = { now: () => time, sso: { accessToken: "a-1", expiresAt: new Date(NOW + HOUR), refreshToken: "emulated-sso-refresh-token", roles: [{ accountId: "111122223333", roleName: "Signer" }] } };
  const tokens = createTokenEmulator(options);
  cached(NOW + HOUR, { ...CLIENT, accessToken: "a-1" });
  const source = awsFromSso({ env: { HOME: home }, now: () => time, fetch: tokens.fetch });
  for (let hour = 0; hour < 4; hour += 1) {
    const got = await source(ask);
    assert.is(got.accessKeyId, tokens.credentials.at(-1)?.accessKeyId);
    time += HOUR - 60_000;
  }
  assert.is(tokens.requests.filter(({ operation }) => operation === "sso-oidc.CreateToken").length, 3);
});

test.run();
