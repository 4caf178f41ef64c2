/** The emulated STS: signatures, roles, identity tokens, the XML, and what becomes of its credentials. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAwsEmulator, createIdentityIssuer, createTokenEmulator } from "../../../src/testing/index.js";
import type { AwsEmulatorCredentials, StsOptions, StsRole, TokenEmulator } from "../../../src/testing/index.js";
import { createSigV4Signer } from "../../../src/aws/signer.js";
import { callSts, element, failure, outcome, send, TEST_CREDENTIALS, testClock } from "./caller.js";
import type { Answered } from "./caller.js";

const test = suite("emulated STS");

const ROLE = "arn:aws:iam::111122223333:role/demo";
const ASSUME = { RoleArn: ROLE, RoleSessionName: "session" };

function emulate(role: Partial<StsRole> = {}, options: StsOptions = {}, clock = testClock()): TokenEmulator {
  return createTokenEmulator({ sts: { roles: [{ arn: ROLE, ...role }], ...options }, now: clock.now });
}

function credentialsOf({ text }: Answered): AwsEmulatorCredentials {
  const part = (name: string): string => element(text, name) as string;
  return { accessKeyId: part("AccessKeyId"), secretAccessKey: part("SecretAccessKey"), sessionToken: part("SessionToken") };
}

test("a caller is who signed", async () => {
  const emulator = emulate();
  const answer = await callSts(emulator, "GetCallerIdentity", {});
  assert.equal([answer.status, answer.headers.get("content-type"), answer.headers.get("date")], [200, "text/xml", "Thu, 01 Jan 2026 00:00:00 GMT"]);
  assert.equal(["Account", "Arn"].map((name) => element(answer.text, name)), ["111122223333", "arn:aws:iam::111122223333:user/emulated"]);
  const session = credentialsOf(await callSts(emulator, "AssumeRole", ASSUME));
  const asked = await callSts(emulator, "GetCallerIdentity", {}, { credentials: session });
  assert.is(element(asked.text, "Arn"), "arn:aws:sts::111122223333:assumed-role/demo/session");
  assert.match(element(asked.text, "UserId") ?? "", /^AROA[A-Z2-7]{16}:session$/);
});

test("the signed request of the vectors is taken, and one with a changed byte is not", async () => {
  const vector = JSON.parse(readFileSync("fixtures/sigv4/generated-sts-assume-role.json", "utf8")) as {
    context: { timestamp: string };
    request: { body: string };
    expected: { authorization: string };
  };
  const arn = "arn:aws:iam::123456789012:role/demo";
  const emulator = createTokenEmulator({ sts: { roles: [{ arn }] }, now: () => Date.parse(vector.context.timestamp) });
  const headers = { "content-type": "application/x-www-form-urlencoded", "x-amz-date": "20260115T080910Z", authorization: vector.expected.authorization };
  const url = "https://sts.eu-west-1.amazonaws.com/";
  const answer = await send(emulator, "POST", url, { headers, body: vector.request.body });
  assert.is(answer.status, 200, answer.text);
  assert.is(element(answer.text, "Expiration"), "2026-01-15T09:09:10Z");
  assert.is(outcome(await send(emulator, "POST", url, { headers, body: `${vector.request.body} ` })), "403 SignatureDoesNotMatch");
});

test("what is wrong with a signature has STS's own codes", async () => {
  const clock = testClock();
  const emulator = emulate({}, {}, clock);
  const ask = async (sending: Parameters<typeof callSts>[3]): Promise<string> => outcome(await callSts(emulator, "GetCallerIdentity", {}, sending));
  assert.is(await ask({ signed: false }), "403 MissingAuthenticationToken");
  assert.is(await ask({ credentials: { ...TEST_CREDENTIALS, accessKeyId: "AKIDOTHER" } }), "403 InvalidClientTokenId");
  assert.is(await ask({ credentials: { ...TEST_CREDENTIALS, sessionToken: "x" } }), "403 InvalidClientTokenId");
  assert.is(await ask({ credentials: { ...TEST_CREDENTIALS, secretAccessKey: "x" } }), "403 SignatureDoesNotMatch");
  assert.is(await ask({ region: "us-west-2", url: "https://sts.us-east-1.amazonaws.com/" }), "403 SignatureDoesNotMatch");
  assert.is(await ask({ now: () => clock.ms - 15 * 60_000 }), "200", "a quarter of an hour is allowed");
  const late = await callSts(emulator, "GetCallerIdentity", {}, { now: () => clock.ms - 15 * 60_000 - 1000 });
  assert.is(outcome(late), "403 SignatureDoesNotMatch");
  assert.is(element(late.text, "Message"), "Signature expired: 20251231T234459Z is now earlier than 20251231T234500Z (20260101T000000Z - 15 min.)");
  const headers = { "content-type": "application/x-www-form-urlencoded", authorization: "AWS4-HMAC-SHA256 x" };
  assert.is(outcome(await send(emulator, "POST", "https://sts.us-east-1.amazonaws.com/", { headers, body: "Action=GetCallerIdentity&Version=2011-06-15" })), "400 IncompleteSignature");
});

test("every regional host, the FIPS ones, the global one, and loopback in any region", async () => {
  const emulator = emulate();
  const hosts: [string, string][] = [
    ["https://sts.cn-north-1.amazonaws.com.cn/", "cn-north-1"],
    ["https://sts-fips.us-east-1.amazonaws.com/", "us-east-1"],
    ["https://sts.us-gov-west-1.amazonaws.com/", "us-gov-west-1"],
    ["https://sts.amazonaws.com/", "us-east-1"],
    ["http://127.0.0.1:8080/", "ap-southeast-7"],
  ];
  for (const [url, region] of hosts) assert.is(outcome(await callSts(emulator, "GetCallerIdentity", {}, { url, region })), "200", url);
  assert.is(outcome(await callSts(emulator, "GetCallerIdentity", {}, { url: "https://sts.amazonaws.com/", region: "eu-west-1" })), "403 SignatureDoesNotMatch");
  for (const url of ["http://sts.us-east-1.amazonaws.com/", "https://sts.us-east-1.amazonaws.com.evil.example/", "https://sts.us-east-1.amazonaws.com:8443/"]) {
    assert.is(await failure(callSts(emulator, "GetCallerIdentity", {}, { url, region: "us-east-1" })), "ENOTFOUND", url);
  }
});

test("actions, versions, content types and paths that there are not", async () => {
  const emulator = emulate();
  assert.is(outcome(await callSts(emulator, "__proto__", {})), "400 InvalidAction");
  assert.is(outcome(await callSts(emulator, "GetSessionToken", {})), "400 InvalidAction");
  assert.is(outcome(await callSts(emulator, "GetCallerIdentity", { Version: "2012-01-01" })), "400 InvalidAction");
  const url = "https://sts.us-east-1.amazonaws.com/";
  assert.is((await send(emulator, "POST", url, { headers: { "content-type": "application/json" }, body: "Action=GetCallerIdentity" })).status, 404);
  assert.is((await send(emulator, "POST", `${url}x`, { body: "Action=GetCallerIdentity" })).status, 404);
});

test("AssumeRole gives a role to those who may have it", async () => {
  const outcomeOf = async (emulator: TokenEmulator, change: Record<string, string> = {}): Promise<string> =>
    outcome(await callSts(emulator, "AssumeRole", { ...ASSUME, ...change }));
  assert.is(await outcomeOf(emulate()), "200");
  assert.is(await outcomeOf(emulate({ principals: ["AKIDEXAMPLE"] })), "200");
  assert.is(await outcomeOf(emulate({ principals: ["arn:aws:iam::111122223333:user/emulated"] })), "200");
  assert.is(await outcomeOf(emulate({ principals: ["arn:aws:iam::111122223333:user/other"] })), "403 AccessDenied");
  assert.is(await outcomeOf(emulate(), { RoleArn: `${ROLE}2` }), "403 AccessDenied");
  assert.is(await outcomeOf(emulate({ externalId: "id-7" }), { ExternalId: "id-7" }), "200");
  assert.is(await outcomeOf(emulate({ externalId: "id-7" }), { ExternalId: "id-8" }), "403 AccessDenied");
  assert.is(await outcomeOf(emulate({ externalId: "id-7" })), "403 AccessDenied");
  assert.is(await outcomeOf(createTokenEmulator({ sts: {}, now: testClock().now })), "403 AccessDenied");
});

test("AssumeRole checks its parameters", async () => {
  const emulator = emulate({ maxDurationSeconds: 7200 });
  const invalid: Record<string, string>[] = [
    { RoleArn: "x" },
    { RoleArn: "arn:aws:iam::111122223333:user/demo" },
    { RoleSessionName: "s" },
    { RoleSessionName: "a&b<" },
    { RoleSessionName: "s".repeat(65) },
    { DurationSeconds: "899" },
    { DurationSeconds: "43201" },
    { DurationSeconds: "7201" },
    { DurationSeconds: "1e3" },
    { ExternalId: "x" },
  ];
  for (const change of invalid) assert.is(outcome(await callSts(emulator, "AssumeRole", { ...ASSUME, ...change })), "400 ValidationError", JSON.stringify(change));
  assert.is(outcome(await callSts(emulator, "AssumeRole", { RoleArn: ROLE })), "400 ValidationError");
  assert.is(outcome(await callSts(emulator, "AssumeRole", { ...ASSUME, DurationSeconds: "7200" })), "200");
  assert.is(emulator.credentials.length, 1);
});

test("a role that is taken by a role ends within the hour", async () => {
  const emulator = emulate({ maxDurationSeconds: 43_200 });
  const credentials = credentialsOf(await callSts(emulator, "AssumeRole", ASSUME));
  const chained = (DurationSeconds: string): Promise<Answered> => callSts(emulator, "AssumeRole", { ...ASSUME, DurationSeconds }, { credentials });
  assert.is(outcome(await chained("3600")), "200");
  assert.match(element((await chained("3601")).text, "Message") ?? "", /role chaining/);
});

test("credentials end by the clock, here and at the emulated KMS, or when told to", async () => {
  const clock = testClock();
  const kms = createAwsEmulator({ now: clock.now });
  const emulator = createTokenEmulator({ sts: { roles: [{ arn: ROLE }] }, now: clock.now, onCredentials: kms.addCredentials });
  const credentials = credentialsOf(await callSts(emulator, "AssumeRole", { ...ASSUME, DurationSeconds: "900" }));
  const identity = async (): Promise<string> => outcome(await callSts(emulator, "GetCallerIdentity", {}, { credentials }));
  const list = async (): Promise<string> => {
    const url = `${kms.endpoint}/`;
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.ListKeys" };
    const signer = createSigV4Signer({ region: kms.region, service: "kms", credentials: credentials as never, now: clock.now });
    const signed = await signer.sign({ method: "POST", url, headers, body: "{}" });
    const answer = await send(kms, "POST", url, { headers: signed.headers, body: "{}" });
    return `${answer.status} ${answer.body.__type ?? ""}`.trim();
  };
  const both = async (): Promise<string[]> => [await identity(), (await list()).split(" ")[1] ?? "known"];
  const knownAtKms = (await list()).split(" ")[1] ?? "known";
  assert.not.match(knownAtKms, /Unrecognized|Expired/);
  clock.ms += 899_000;
  assert.equal(await both(), ["200", knownAtKms]);
  clock.ms += 1000;
  assert.equal(await both(), ["403 ExpiredToken", "ExpiredTokenException"]);
  clock.ms -= 1000;
  emulator.expireCredentials();
  assert.is(await identity(), "403 ExpiredToken");
});

test("web identity: an issuer that is trusted, its signature, time, subject and audience", async () => {
  const clock = testClock();
  const [cluster, stranger] = await Promise.all([
    createIdentityIssuer({ issuer: "https://oidc.eks.example/id/1", now: clock.now }),
    createIdentityIssuer({ issuer: "https://oidc.eks.example/id/1", now: clock.now }),
  ]);
  const subject = "system:serviceaccount:prod:app";
  const other = "arn:aws:iam::111122223333:role/other";
  const roles = [
    { arn: ROLE, webIdentities: [cluster.trust({ subject })] },
    { arn: other, webIdentities: [cluster.trust({ subject: "somebody else" })] },
  ];
  const emulator = createTokenEmulator({ sts: { roles }, now: clock.now });
  const claims = { sub: subject, aud: "sts.amazonaws.com" };
  const ask = (WebIdentityToken: string, change = {}): Promise<Answered> =>
    callSts(emulator, "AssumeRoleWithWebIdentity", { ...ASSUME, WebIdentityToken, ...change }, { signed: false });
  const good = await cluster.token(claims);
  const answer = await ask(good);
  assert.is(outcome(answer), "200");
  assert.is(element(answer.text, "SubjectFromWebIdentityToken"), subject);
  assert.is(outcome(await callSts(emulator, "GetCallerIdentity", {}, { credentials: credentialsOf(answer) })), "200");
  assert.is(outcome(await ask("no.jwt")), "400 InvalidIdentityToken");
  assert.is(outcome(await ask("x")), "400 ValidationError");
  assert.is(outcome(await ask("x".repeat(20_001))), "400 ValidationError");
  assert.is(outcome(await ask(await stranger.token(claims))), "400 InvalidIdentityToken");
  assert.is(outcome(await ask(await cluster.token({ ...claims, iss: "https://evil.example" }))), "400 InvalidIdentityToken");
  assert.is(outcome(await ask(await cluster.token({ ...claims, aud: "kms" }))), "400 InvalidIdentityToken");
  assert.is(outcome(await ask(await cluster.token({ ...claims, sub: "nobody" }))), "403 AccessDenied");
  assert.is(outcome(await ask(good, { RoleArn: other })), "403 AccessDenied");
  assert.is(outcome(await ask(good, { RoleArn: `${ROLE}2` })), "403 AccessDenied");
  clock.ms += 3600_000;
  assert.is(outcome(await ask(good)), "400 ExpiredTokenException");
});

test("web identity: a token that is registered as it is", async () => {
  const emulator = emulate({ webIdentities: [{ token: "opaque token" }] });
  const ask = async (WebIdentityToken: string): Promise<string> =>
    outcome(await callSts(emulator, "AssumeRoleWithWebIdentity", { ...ASSUME, WebIdentityToken }, { signed: false }));
  assert.is(await ask("opaque token"), "200");
  assert.is(await ask("opaque token\n"), "400 InvalidIdentityToken");
});

test("the same answer in another order and with references reads the same", async () => {
  const plain = await callSts(emulate(), "AssumeRole", ASSUME);
  const odd = await callSts(emulate({}, { xml: { reversed: true, references: true } }), "AssumeRole", ASSUME);
  assert.ok(plain.text.indexOf("<AssumedRoleUser>") < plain.text.indexOf("<Credentials>"));
  assert.ok(odd.text.indexOf("<AssumedRoleUser>") > odd.text.indexOf("<Credentials>"));
  assert.match(odd.text, /<SessionToken>&#\d+;[^<]*&#x2f;&#x2B;|<SessionToken>&#\d+;[^<]*&#x2F;&#x2b;/);
  for (const { text } of [plain, odd]) {
    assert.match(element(text, "SessionToken") ?? "", /^[A-Za-z0-9]{120}\/\+[A-Za-z0-9]{118}==$/);
    assert.is(element(text, "Expiration"), "2026-01-01T01:00:00Z");
  }
  const refused = await callSts(emulate({}, { xml: { references: true } }), "AssumeRole", { ...ASSUME, RoleSessionName: "a&b<" });
  assert.match(element(refused.text, "Message") ?? "", /Value 'a&b<' at 'roleSessionName'/);
});

test("a region that is switched off", async () => {
  const emulator = emulate({}, { disabledRegions: ["eu-central-1"] });
  assert.is(outcome(await callSts(emulator, "AssumeRole", ASSUME)), "403 RegionDisabledException");
  assert.is(outcome(await callSts(emulator, "AssumeRole", ASSUME, { region: "eu-west-1" })), "200");
});

test("throttling is a 400", async () => {
  const emulator = emulate();
  emulator.faults.inject({ kind: "throttle" });
  assert.is(outcome(await callSts(emulator, "AssumeRole", ASSUME)), "400 Throttling");
});

test.run();
