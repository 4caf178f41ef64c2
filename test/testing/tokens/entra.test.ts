/** The emulated Entra: who gets a token, how refusals look, and what Microsoft's libraries read first. */
import { createHash, createPrivateKey, sign, constants } from "node:crypto";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createIdentityIssuer, createTokenEmulator } from "../../../src/testing/index.js";
import type { EntraApp, EntraOptions, TokenEmulator } from "../../../src/testing/index.js";
import { BASE, failure, form, send, testClock } from "./caller.js";
import type { Answered } from "./caller.js";

const test = suite("emulated Entra");

const TENANT = "11111111-2222-4333-8444-555555555555";
const CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const URL_OF = (authority = "https://login.microsoftonline.com", tenant = TENANT): string => `${authority}/${tenant}/oauth2/v2.0/token`;
const BASIC = { grant_type: "client_credentials", client_id: CLIENT, scope: "https://vault.azure.net/.default" };
const SECRET = { ...BASIC, client_secret: "right" };
const APP: EntraApp = { clientId: CLIENT, secrets: ["right", { value: "ended", expiresAt: new Date(BASE) }] };

function emulate(app: Partial<EntraApp> = {}, options: Partial<EntraOptions> = {}): TokenEmulator {
  return createTokenEmulator({ entra: { apps: [{ ...APP, ...app }], ...options }, now: testClock().now });
}

const ask = (emulator: TokenEmulator, fields: Record<string, string>, url = URL_OF()): Promise<Answered> => send(emulator, "POST", url, form(fields));

/** `status error number`, or the status alone. */
const verdict = ({ status, body }: Answered): string => [status, body?.error, body?.error_codes?.[0]].filter(Boolean).join(" ");

test("requests are judged one thing after the other", async () => {
  const emulator = emulate();
  const expected: readonly (readonly [Record<string, string>, string])[] = [
    [SECRET, "200"],
    [{ ...SECRET, client_id: CLIENT.toUpperCase() }, "200"],
    [{ ...SECRET, scope: "openid profile offline_access https://managedhsm.azure.net/.default" }, "200"],
    [{ ...SECRET, scope: "https://vault.azure.net//.default" }, "200"],
    [{ ...SECRET, grant_type: "" }, "400 invalid_request 90014"],
    [{ grant_type: "client_credentials", client_secret: "right" }, "400 invalid_request 90014"],
    [{ ...SECRET, grant_type: "password" }, "400 unsupported_grant_type 70003"],
    [{ ...SECRET, client_id: "x" }, "400 unauthorized_client 700016"],
    [{ ...SECRET, scope: "https://vault.azure.net" }, "400 invalid_scope 70011"],
    [{ ...SECRET, scope: "https://vault.azure.net/.default https://x.example/.default" }, "400 invalid_scope 70011"],
    [{ ...SECRET, scope: "https://vault.azure.cn/.default" }, "400 invalid_resource 500011"],
    [{ ...SECRET, client_secret: "wrong" }, "401 invalid_client 7000215"],
    [{ ...SECRET, client_secret: "right\n" }, "401 invalid_client 7000215"],
    [{ ...SECRET, client_secret: "ended" }, "401 invalid_client 7000222"],
    [BASIC, "401 invalid_client 7000216"],
    [{ ...SECRET, claims: "{" }, "400 invalid_request 90023"],
    [{ ...SECRET, claims: "[]" }, "400 invalid_request 90023"],
  ];
  for (const [fields, wanted] of expected) assert.is(verdict(await ask(emulator, fields)), wanted, JSON.stringify(fields));
  assert.is(emulator.tokens.length, 4);
});

test("a body that is not declared a form is none", async () => {
  const { body } = form(SECRET);
  assert.is(verdict(await send(emulate(), "POST", URL_OF(), { headers: { "content-type": "application/json" }, body: body as string })), "400 invalid_request 90014");
});

test("a tenant is known by its id and its domains, in its own cloud, over https", async () => {
  const emulator = emulate({}, { domains: ["contoso.onmicrosoft.com"] });
  for (const tenant of [TENANT, TENANT.toUpperCase(), "contoso.onmicrosoft.com"]) assert.is((await ask(emulator, SECRET, URL_OF(undefined, tenant))).status, 200);
  for (const host of ["login.windows.net", "sts.windows.net"]) assert.is((await ask(emulator, SECRET, URL_OF(`https://${host}`))).status, 200);
  for (const host of ["login.microsoftonline.us", "login.partner.microsoftonline.cn"]) {
    assert.is(verdict(await ask(emulator, SECRET, URL_OF(`https://${host}`))), "400 invalid_request 90002");
  }
  assert.is(verdict(await ask(emulator, SECRET, URL_OF(undefined, "common"))), "400 invalid_request 90002");
  assert.is(await failure(ask(emulator, SECRET, URL_OF("http://login.microsoftonline.com"))), "ENOTFOUND");
  assert.is(await failure(ask(emulator, SECRET, URL_OF("https://login.attacker.example"))), "ENOTFOUND");
  assert.is((await ask(emulator, SECRET, URL_OF("http://127.0.0.1:8080"))).status, 200, "the path decides at a loopback address");
  assert.is((await send(emulator, "GET", `https://login.microsoftonline.com/${TENANT}/else`)).status, 404);
});

test("refusals repeat the client's correlation id, and never what proves the client", async () => {
  const { headers, body } = form({ ...SECRET, client_secret: "not-so-secret" });
  const answer = await send(emulate(), "POST", URL_OF(), { headers: { ...headers, "client-request-id": "11111111-0000-4000-8000-000000000000" }, body: body as string });
  assert.is(answer.body.correlation_id, "11111111-0000-4000-8000-000000000000");
  assert.is(answer.body.timestamp, "2026-01-01 00:00:00Z");
  assert.match(answer.body.error_description, /^AADSTS7000215: .* Timestamp: 2026-01-01 00:00:00Z$/);
  assert.not.match(answer.text, /not-so-secret/);
});

test("claims of a challenge are kept with the token that was asked for with them", async () => {
  const emulator = emulate();
  const claims = { access_token: { nbf: { essential: true, value: "1767225600" } } };
  await ask(emulator, { ...SECRET, claims: JSON.stringify(claims) });
  await ask(emulator, SECRET);
  assert.equal(emulator.tokens.map((token) => token.claims), [claims, undefined]);
  assert.is.not(emulator.tokens[0]?.token, emulator.tokens[1]?.token);
});

const VECTORS = JSON.parse(readFileSync("fixtures/azure/client-assertion.json", "utf8")) as { certificatePem: string; claims: Record<string, unknown> };
const KEY = createPrivateKey({ key: (JSON.parse(readFileSync("fixtures/azure/keys.json", "utf8")) as { rsa: Record<string, JsonWebKey> }).rsa["rsa-demo"] as never, format: "jwk" });
const THUMBPRINT = createHash("sha256").update(Buffer.from(VECTORS.certificatePem.replace(/-----.*-----|\s/g, ""), "base64")).digest("base64url");

/** An assertion as a client makes it, with members changed or, where undefined, left out. */
function assertionWith({ header = {}, claims = {}, spoil = false }: { header?: object; claims?: object; spoil?: boolean }): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const all = { alg: "PS256", typ: "JWT", "x5t#S256": THUMBPRINT, ...header };
  const input = `${part(all)}.${part({ ...VECTORS.claims, ...claims })}`;
  const pss = all.alg === "PS256" ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {};
  const signature = sign("sha256", Buffer.from(input), { key: KEY, ...pss });
  if (spoil) signature[0] = (signature[0] as number) ^ 1;
  return `${input}.${signature.toString("base64url")}`;
}

const withAssertion = (assertion: string, type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"): Record<string, string> => ({
  ...BASIC,
  client_assertion_type: type,
  client_assertion: assertion,
});

test("an assertion by a certificate: every part of it is checked", async () => {
  const emulator = emulate({ certificates: [VECTORS.certificatePem] });
  const seconds = BASE / 1000;
  const expected: readonly (readonly [string, Parameters<typeof assertionWith>[0], string])[] = [
    ["PS256", {}, "200"],
    ["RS256", { header: { alg: "RS256" } }, "200"],
    ["an audience among others", { claims: { aud: ["x", VECTORS.claims.aud] } }, "200"],
    ["signature", { spoil: true }, "401 invalid_client 700027"],
    ["thumbprint", { header: { "x5t#S256": "x" } }, "401 invalid_client 700027"],
    ["thumbprint of the other kind", { header: { "x5t#S256": undefined, x5t: THUMBPRINT } }, "401 invalid_client 700027"],
    ["algorithm in the header", { header: { alg: "RS512" } }, "401 invalid_client 5002738"],
    ["aud", { claims: { aud: "https://login.microsoftonline.com/" } }, "401 invalid_client 700023"],
    ["iss", { claims: { iss: "x" } }, "401 invalid_client 700021"],
    ["sub", { claims: { sub: undefined } }, "401 invalid_client 700021"],
    ["jti", { claims: { jti: undefined } }, "401 invalid_client 50027"],
    ["exp", { claims: { exp: seconds - 301 } }, "401 invalid_client 700024"],
    ["exp in milliseconds is far away, and so taken", { claims: { exp: BASE + 600_000 } }, "200"],
    ["no exp", { claims: { exp: undefined } }, "401 invalid_client 700024"],
    ["nbf", { claims: { nbf: seconds + 301 } }, "401 invalid_client 700024"],
  ];
  for (const [what, change, wanted] of expected) assert.is(verdict(await ask(emulator, withAssertion(assertionWith(change)))), wanted, what);
  assert.is(verdict(await ask(emulator, withAssertion("no.jwt"))), "401 invalid_client 50027");
  assert.is(verdict(await ask(emulator, withAssertion(assertionWith({}), "jwt-bearer"))), "400 invalid_request 90023");
  assert.is(verdict(await ask(emulate(), withAssertion(assertionWith({})))), "401 invalid_client 700027", "not registered");
});

test("an assertion may name the address that it is sent to", async () => {
  const emulator = emulate({ certificates: [VECTORS.certificatePem] });
  const url = URL_OF("http://127.0.0.1:8080");
  assert.is((await ask(emulator, withAssertion(assertionWith({ claims: { aud: url } })), url)).status, 200);
  assert.is((await ask(emulator, withAssertion(assertionWith({ claims: { aud: url } })))).status, 401);
});

test("a certificate ends", async () => {
  const clock = testClock(Date.parse("2127-01-01"));
  const emulator = createTokenEmulator({ entra: { apps: [{ clientId: CLIENT, certificates: [VECTORS.certificatePem] }] }, now: clock.now });
  const seconds = clock.ms / 1000;
  const answer = await ask(emulator, withAssertion(assertionWith({ claims: { nbf: seconds, exp: seconds + 600 } })));
  assert.match(answer.body.error_description, /^AADSTS700027: .*The key used is expired/);
});

test("a federated assertion: issuer, signature, time, subject, audience", async () => {
  const clock = testClock();
  const [issuer, stranger] = await Promise.all([
    createIdentityIssuer({ issuer: "https://token.actions.githubusercontent.com", now: clock.now }),
    createIdentityIssuer({ issuer: "https://token.actions.githubusercontent.com", now: clock.now }),
  ]);
  const subject = "repo:owner/name:ref:refs/heads/main";
  const emulator = createTokenEmulator({ entra: { apps: [{ ...APP, federated: [issuer.trust({ subject })] }] }, now: clock.now });
  const claims = { sub: subject, aud: "api://AzureADTokenExchange" };
  const judged = async (token: string): Promise<string> => verdict(await ask(emulator, withAssertion(token)));
  const good = await issuer.token(claims);
  assert.is(await judged(good), "200");
  assert.is(await judged(`${good}\n`), "401 invalid_client 50027");
  assert.is(await judged(await issuer.token({ ...claims, iss: "https://issuer.example" })), "401 invalid_client 700211");
  assert.is(await judged(await stranger.token(claims)), "401 invalid_client 7000274");
  assert.is(await judged(await issuer.token({ ...claims, sub: "repo:owner/name:pull_request" })), "401 invalid_client 700213");
  assert.is(await judged(await issuer.token({ ...claims, aud: "sts.amazonaws.com" })), "401 invalid_client 700212");
  assert.is(await judged(await issuer.token({ ...claims, nbf: BASE / 1000 + 60 })), "401 invalid_client 700024");
  clock.ms += 3600_000;
  assert.is(await judged(good), "401 invalid_client 700024");
});

test("the documents of discovery lead back to the address that was asked", async () => {
  const emulator = emulate();
  for (const origin of ["https://login.microsoftonline.com", "https://127.0.0.1:8443"]) {
    const { body } = await send(emulator, "GET", `${origin}/${TENANT}/v2.0/.well-known/openid-configuration`);
    assert.is(body.token_endpoint, URL_OF(origin));
  }
  const instances = await send(emulator, "GET", "https://login.microsoftonline.com/common/discovery/instance?api-version=1.1");
  assert.ok(instances.body.metadata[0].aliases.includes("login.windows.net"));
  assert.equal(emulator.requests.map((request) => request.operation), ["entra.configuration", "entra.configuration", "entra.instance"]);
});

test.run();
