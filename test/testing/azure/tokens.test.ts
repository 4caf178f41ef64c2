/** Who may call: tokens, challenges, permissions, the version of the API. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAzureEmulator } from "../../../src/testing/azure.js";
import type { AzureEmulator, AzureEmulatorOptions } from "../../../src/testing/azure.js";
import { BASE, callVault, readVectors, testClock } from "../../support/azure-vault.js";

const test = suite("azure tokens");

const HSM = "https://example-hsm.managedhsm.azure.net";

async function statusOf(vault: AzureEmulator, token: string | null, method = "GET", path = "/keys"): Promise<string> {
  const { status, body } = await callVault(vault, method, path, { token, body: method === "GET" ? undefined : {} });
  return `${status} ${body?.error?.message ?? ""}`.trim();
}

test("tokens are opaque: only a registered one is good", async () => {
  const vault = createAzureEmulator({ token: "first" });
  assert.is(vault.token, "first");
  assert.is(await statusOf(vault, "first"), "200");
  for (const token of ["test-token", "First", "first2"]) assert.match(await statusOf(vault, token), /^401 AKV10046: /);
  vault.tokens.add("second");
  assert.is(await statusOf(vault, "second"), "200");
  vault.tokens.remove("second");
  assert.match(await statusOf(vault, "second"), /^401 AKV10046: /);
});

test("another scheme is no token", async () => {
  const vault = createAzureEmulator();
  for (const authorization of ["Basic dGVzdC10b2tlbg==", "test-token", "Bearer", "Bearer ", "Bearer test token"]) {
    const answer = await callVault(vault, "GET", "/keys", { token: null, headers: { authorization } });
    assert.match(answer.body.error.message, /^AKV10000: /, authorization);
  }
  const answer = await callVault(vault, "GET", "/keys", { token: null, headers: { authorization: "bearer test-token" } });
  assert.is(answer.status, 200, "the scheme is a word without case");
});

test("a token expires by the emulator's clock", async () => {
  const clock = testClock();
  const vault = createAzureEmulator({ now: clock.now });
  vault.tokens.add("short", { expiresAt: new Date((BASE + 60) * 1000) });
  assert.is(await statusOf(vault, "short"), "200");
  clock.seconds += 60;
  assert.is(await statusOf(vault, "short"), "401 Error validating token: IDX10223");
  const answer = await callVault(vault, "GET", "/keys", { token: "short" });
  assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer authorization="/);
});

test("the audience follows from the host, a slash at its end does not matter", async () => {
  const audiences: [string, string][] = [
    ["https://a.vault.azure.net", "https://vault.azure.net"],
    ["https://a.vault.azure.net/", "https://vault.azure.net/"],
    ["https://a.vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net"],
    ["https://a.managedhsm.azure.cn", "https://managedhsm.azure.cn"],
    ["https://127.0.0.1:8443", "https://vault.azure.net"],
  ];
  for (const [vaultUrl, audience] of audiences) {
    const vault = createAzureEmulator({ vaultUrl });
    vault.tokens.add("right", { audience });
    vault.tokens.add("wrong", { audience: "https://vault.azure.net.example" });
    assert.is(await statusOf(vault, "right"), "200", vaultUrl);
    assert.match(await statusOf(vault, "wrong"), /^401 (AKV10022: Invalid audience|Found token with aud=)/);
  }
});

test("the challenge is the one of the vectors", async () => {
  const { cases } = readVectors<{ cases: { name: string; requestUrl: string; wwwAuthenticate: string }[] }>("challenges.json");
  for (const name of ["vault", "managed-hsm", "us-government", "china"]) {
    const { requestUrl, wwwAuthenticate } = cases.find((one) => one.name === name) as (typeof cases)[number];
    const vault = createAzureEmulator({ vaultUrl: requestUrl });
    const answer = await callVault(vault, "GET", requestUrl, { token: null });
    assert.equal([answer.status, answer.headers.get("www-authenticate")], [401, wwwAuthenticate]);
  }
});

test("without a token the service tells nothing else: not of bad paths, bodies or versions", async () => {
  const vault = createAzureEmulator();
  for (const path of ["/", "/keys//create", "/secrets/x", "/keys/no_name"]) {
    const answer = await callVault(vault, "POST", path, { token: null, apiVersion: null });
    assert.equal([answer.status, answer.body.error.code], [401, "Unauthorized"], path);
  }
});

test("health needs neither token nor version", async () => {
  for (const vaultUrl of ["https://example-vault.vault.azure.net", HSM]) {
    const answer = await callVault(createAzureEmulator({ vaultUrl }), "GET", "/healthstatus", { token: null, apiVersion: null });
    assert.equal([answer.status, answer.text], [200, "null"]);
  }
});

test("every call names a version that the service knows", async () => {
  const vault = createAzureEmulator();
  for (const apiVersion of ["7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01"]) {
    assert.is((await callVault(vault, "GET", "/keys", { apiVersion })).status, 200, apiVersion);
  }
  for (const apiVersion of [null, "", "7", "7.40", "2016-10-01", "2026-04-01", "7.4-preview.1"]) {
    const { status, body } = await callVault(vault, "GET", "/keys", { apiVersion });
    assert.equal([status, body.error.code], [400, "BadParameter"], String(apiVersion));
  }
});

test("a claims challenge comes once, and the token that met it stays refused", async () => {
  const vault = createAzureEmulator();
  vault.tokens.add("other");
  vault.tokens.demandClaims({ access_token: { acrs: { essential: true, value: "c1" } } });
  const challenge = (await callVault(vault, "GET", "/keys")).headers.get("www-authenticate") ?? "";
  const claims = /claims="([^"]+)"/.exec(challenge)?.[1] ?? "";
  assert.equal(JSON.parse(Buffer.from(claims, "base64").toString()), { access_token: { acrs: { essential: true, value: "c1" } } });
  assert.match(challenge, /error="insufficient_claims"/);
  assert.match(await statusOf(vault, vault.token), /^401 Continuous/, "the old token again");
  assert.is(await statusOf(vault, "other"), "200");
  vault.tokens.add(vault.token);
  assert.is(await statusOf(vault, vault.token), "200", "registered anew");
});

test("an unknown token does not use the claims challenge up", async () => {
  const vault = createAzureEmulator();
  vault.tokens.demandClaims();
  assert.match(await statusOf(vault, "unknown"), /^401 AKV10046/);
  assert.match(await statusOf(vault, vault.token), /^401 Continuous/);
});

/** Each operation with the permission of the specification, and that of an access policy where it differs. */
const NEEDS: readonly [method: string, path: string, permission: string, policy?: string][] = [
  ["POST", "/keys/k/create", "keys/create"],
  ["PUT", "/keys/k", "keys/import"],
  ["GET", "/keys/k", "keys/get"],
  ["PATCH", "/keys/k", "keys/update"],
  ["DELETE", "/keys/k", "keys/delete"],
  ["GET", "/keys", "keys/list"],
  ["GET", "/keys/k/versions", "keys/list"],
  ["POST", "/keys/k/rotate", "keys/rotate"],
  ["GET", "/keys/k/rotationpolicy", "keys/get", "keys/getrotationpolicy"],
  ["PUT", "/keys/k/rotationpolicy", "keys/update", "keys/setrotationpolicy"],
  ["POST", "/keys/k/sign", "keys/sign"],
  ["POST", "/keys/k/verify", "keys/verify"],
  ["GET", "/deletedkeys", "keys/list"],
  ["GET", "/deletedkeys/k", "keys/get"],
  ["DELETE", "/deletedkeys/k", "keys/purge"],
  ["POST", "/deletedkeys/k/recover", "keys/recover"],
];

async function assertNeeds(options: AzureEmulatorOptions, pick: (need: (typeof NEEDS)[number]) => string, refusal: RegExp): Promise<void> {
  for (const need of NEEDS) {
    const [method, path] = need;
    const vault = createAzureEmulator(options);
    const all = new Set(NEEDS.flatMap(([, , permission, policy = permission]) => [permission, policy]));
    vault.tokens.add("enough", { permissions: [pick(need)] });
    vault.tokens.add("rest", { permissions: [...all].filter((permission) => permission !== pick(need)) });
    assert.not.match(await statusOf(vault, "enough", method, path), /^40[13]/, `${method} ${path}`);
    assert.match(await statusOf(vault, "rest", method, path), refusal, `${method} ${path}`);
  }
}

test("each operation needs its permission: roles, access policy, Managed HSM", async () => {
  await assertNeeds({}, ([, , permission]) => permission, /^403 Caller is not authorized/);
  await assertNeeds({ authorization: "policy" }, ([, , permission, policy]) => policy ?? permission, /^403 The user, group/);
  await assertNeeds({ vaultUrl: HSM, authorization: "policy" }, ([, , permission]) => permission, /^403 Not authorized to access Microsoft/);
});

test("a refusal on a Managed HSM has its own code and names the request", async () => {
  const vault = createAzureEmulator({ vaultUrl: HSM });
  vault.tokens.add("weak", { permissions: [] });
  const { status, body, headers } = await callVault(vault, "POST", "/keys/k/sign", { token: "weak", body: {} });
  assert.is(status, 403);
  assert.equal(body.error, {
    code: "AccessDenied",
    message: `Not authorized to access Microsoft.KeyVault/managedHsm/keys/sign/action on '/keys/k' (Activity ID: ${headers.get("x-ms-request-id")})`,
  });
});

test.run();
