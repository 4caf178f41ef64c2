/** The token emulator as a whole: services that are there or not, faults, altered answers, a change while running. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createTokenEmulator } from "../../src/testing/index.js";
import type { TokenEmulator } from "../../src/testing/index.js";
import { rejects } from "../support/rejects.js";
import { callSts, element, failure, form, outcome, send, testClock } from "./tokens/caller.js";

const test = suite("token emulator");

const TENANT = "11111111-2222-4333-8444-555555555555";
const ENTRA = `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`;
const FIELDS = form({ grant_type: "client_credentials", client_id: "app", client_secret: "secret", scope: "https://vault.azure.net/.default" });
const APPS = { apps: [{ clientId: "app", secrets: ["secret"] }] };
const ROLE = "arn:aws:iam::111122223333:role/demo";
const ASSUME = { RoleArn: ROLE, RoleSessionName: "session" };

const ask = (emulator: TokenEmulator): ReturnType<typeof send> => send(emulator, "POST", ENTRA, FIELDS);

test("without options nobody answers, as outside a cloud", async () => {
  const emulator = createTokenEmulator();
  const codes: [string, string, string][] = [
    ["PUT", "http://169.254.169.254/latest/api/token", "EHOSTUNREACH"],
    ["PUT", "http://[fd00:ec2::254]/latest/api/token", "EHOSTUNREACH"],
    ["GET", "http://169.254.169.254/metadata/identity/oauth2/token", "EHOSTUNREACH"],
    ["GET", "http://169.254.170.2/v2/credentials/emulated", "EHOSTUNREACH"],
    ["POST", "https://sts.eu-central-1.amazonaws.com/", "ENOTFOUND"],
    ["GET", "https://portal.sso.us-east-1.amazonaws.com/federation/credentials", "ENOTFOUND"],
    ["POST", ENTRA, "ENOTFOUND"],
    ["GET", "http://127.0.0.1:41234/msi/token", "ECONNREFUSED"],
    ["GET", "http://localhost/", "ECONNREFUSED"],
  ];
  for (const [method, url, code] of codes) assert.is(await failure(emulator.fetch(url, { method })), code, url);
  assert.is(emulator.requests.length, codes.length, "and yet they are recorded");
  assert.ok(emulator.requests.every(({ operation }) => operation === "unknown"));
});

test("requests are recorded with the operation that they are", async () => {
  const emulator = createTokenEmulator({ entra: APPS, sts: {}, ec2Metadata: {}, azureMetadata: {} });
  await ask(emulator);
  await callSts(emulator, "GetCallerIdentity", {});
  await send(emulator, "PUT", "http://169.254.169.254/latest/api/token");
  await send(emulator, "GET", "http://169.254.169.254/latest/dynamic/x");
  await send(emulator, "GET", "http://169.254.169.254/metadata/identity/oauth2/token");
  assert.equal(
    emulator.requests.map(({ operation }) => operation),
    ["entra.token", "sts.GetCallerIdentity", "ec2.token", "unknown", "imds.token"],
  );
  assert.match(emulator.requests[0]?.body ?? "", /client_secret=secret/);
});

test("further hosts stand for all of them", async () => {
  const emulator = createTokenEmulator({ entra: APPS, hosts: ["login.internal.example"] });
  assert.is((await send(emulator, "POST", `https://login.internal.example/${TENANT}/oauth2/v2.0/token`, FIELDS)).status, 200);
  assert.is(await failure(send(emulator, "POST", `https://login.other.example/${TENANT}/oauth2/v2.0/token`, FIELDS)), "ENOTFOUND");
});

test("faults: each service has its own answer to too many requests", async () => {
  const emulator = createTokenEmulator({ entra: APPS, azureMetadata: {}, appService: {}, ec2Metadata: {}, container: {} });
  emulator.faults.inject({ kind: "throttle", times: 5 });
  const answers = [
    await ask(emulator),
    await send(emulator, "GET", "http://169.254.169.254/metadata/identity/oauth2/token"),
    await send(emulator, "GET", "http://127.0.0.1:41234/msi/token"),
    await send(emulator, "PUT", "http://169.254.169.254/latest/api/token"),
    await send(emulator, "GET", "http://169.254.170.2/v2/credentials/emulated"),
  ];
  assert.equal(answers.map(({ status }) => status), [429, 429, 429, 503, 429]);
  assert.is(answers[0]?.headers.get("retry-after"), "30");
  assert.equal(emulator.requests.map(({ fault }) => fault), Array<string>(5).fill("throttle"));
  assert.is((await ask(emulator)).status, 200);
});

test("faults: pages, redirects, huge bodies and silence", async () => {
  const emulator = createTokenEmulator({ entra: APPS });
  emulator.faults.inject({ kind: "garbage", when: ({ operation }) => operation === "entra.token" });
  assert.match((await ask(emulator)).text, /<!doctype html>/);
  emulator.faults.inject({ kind: "redirect" });
  assert.is((await ask(emulator)).status, 307);
  emulator.faults.inject({ kind: "oversize", bytes: 2_000_000 });
  assert.is((await ask(emulator)).text.length, 2_000_000);
  emulator.faults.inject({ kind: "cut-before" });
  assert.is(await failure(ask(emulator)), "UND_ERR_SOCKET");
  emulator.faults.inject({ kind: "cut-after" });
  assert.is(await failure(ask(emulator)), "UND_ERR_SOCKET");
  assert.is(emulator.tokens.length, 1, "it was made all the same");
});

test("altered answers: what a hostile service would say", async () => {
  const emulator = createTokenEmulator({ entra: APPS, sts: { roles: [{ arn: ROLE }] }, sso: { roles: [{ accountId: "1", roleName: "r" }] } });
  emulator.tamper((members) => ({ ...members, expires_in: 1e20, access_token: "a\r\nb" }), { operation: "entra.token" });
  const { body } = await ask(emulator);
  assert.equal([body.expires_in, body.access_token, body.token_type], [1e20, "a\r\nb", "Bearer"]);
  assert.not.equal((await ask(emulator)).body.expires_in, 1e20, "one answer only");
  emulator.tamper(() => "not JSON", { times: 2 });
  assert.equal([(await ask(emulator)).text, (await ask(emulator)).text], ["not JSON", "not JSON"]);
  emulator.tamper(() => null);
  assert.is((await ask(emulator)).text, "");
  emulator.tamper(() => ["x"]);
  assert.is((await ask(emulator)).text, '["x"]');
  emulator.tamper(({ Expiration: _left, ...members }) => ({ ...members, SecretAccessKey: "<&>" }));
  const { text } = await callSts(emulator, "AssumeRole", ASSUME);
  assert.equal([element(text, "Expiration"), element(text, "SecretAccessKey")], [undefined, "<&>"]);
  emulator.tamper(() => "<AssumeRoleResponse>");
  assert.is((await callSts(emulator, "AssumeRole", ASSUME)).text, "<AssumeRoleResponse>");
  emulator.tamper((members) => ({ ...members, expiration: "soon" }), { operation: "sso.GetRoleCredentials" });
  const portal = "https://portal.sso.us-east-1.amazonaws.com/federation/credentials?account_id=1&role_name=r";
  const role = await send(emulator, "GET", portal, { headers: { "x-amz-sso_bearer_token": "emulated-sso-access-token" } });
  assert.is(role.body.roleCredentials.expiration, "soon");
});

test("services come, change and go while it runs", async () => {
  const clock = testClock();
  const emulator = createTokenEmulator({ entra: APPS, now: clock.now });
  const parameters = { RoleArn: ROLE, RoleSessionName: "session" };
  assert.is(await failure(callSts(emulator, "AssumeRole", parameters)), "ENOTFOUND");
  emulator.configure({ sts: { roles: [{ arn: ROLE }] } });
  const { text } = await callSts(emulator, "AssumeRole", parameters);
  emulator.configure({ sts: { roles: [] }, entra: undefined });
  assert.is(outcome(await callSts(emulator, "AssumeRole", parameters)), "403 AccessDenied");
  assert.is(await failure(ask(emulator)), "ENOTFOUND");
  const part = (name: string): string => element(text, name) as string;
  const credentials = { accessKeyId: part("AccessKeyId"), secretAccessKey: part("SecretAccessKey"), sessionToken: part("SessionToken") };
  assert.is(outcome(await callSts(emulator, "GetCallerIdentity", {}, { credentials })), "200", "what was handed out stays good");
});

test("an endpoint that is no URL is refused at once", async () => {
  await rejects(async () => createTokenEmulator({ appService: { endpoint: "/msi/token" } }), "ERR_KMS_INVALID_ARGUMENT");
});

test("making one does nothing, and a thousand requests at once are answered each with a token of its own", async () => {
  const emulator = createTokenEmulator({ entra: APPS });
  assert.is(emulator.requests.length, 0);
  const answers = await Promise.all(Array.from({ length: 1000 }, () => ask(emulator)));
  assert.is(new Set(answers.map(({ body }) => body.access_token)).size, 1000);
  assert.is(emulator.requests.length, 1000);
});

test.run();
