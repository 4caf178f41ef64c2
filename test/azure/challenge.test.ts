import { test } from "uvu";
import * as assert from "uvu/assert";
import { readChallenge } from "../../src/azure/authorization.js";
import { azureAddress, azureProblems } from "../../src/azure/config.js";
import type { CredentialAsk } from "../../src/credentials/cached.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { BUNDLE, NOW, testProvider, testService, VERSION } from "./service.js";
import { readVectors } from "../support/azure-vault.js";

const SCOPE = "https://vault.azure.net/.default";
const TENANT = "11111111-2222-4333-8444-555555555555";
const CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1767225600"}}}';
const ENCODED = Buffer.from(CLAIMS).toString("base64");
const GOOD = `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="https://vault.azure.net"`;
const key = { keyId: "signer", keyVersion: VERSION };

/** What is said, without what is not; undefined for what no token can answer. */
function said(header: string | null, scope = SCOPE): Record<string, unknown> | undefined {
  const { demands } = readChallenge(header, scope);
  return demands && Object.fromEntries(Object.entries(demands).filter(([, value]) => value !== undefined));
}

test("claims are decoded leniently: URL-safe, without padding", () => {
  const text = '{"a":"~~~???"}';
  const standard = Buffer.from(text).toString("base64");
  for (const encoded of [standard, standard.replace(/=+$/, ""), Buffer.from(text).toString("base64url")]) {
    assert.equal(said(`Bearer error="insufficient_claims", claims="${encoded}"`), { claims: text });
  }
});

test("claims in all sorts of forms", () => {
  for (const header of [
    `Bearer error="insufficient_claims",claims="${ENCODED}"`,
    `bearer   claims="${ENCODED}" ,  ERROR=insufficient_claims`,
    `Basic realm="a, Bearer claims=x", Bearer error="insufficient_claims", claims="${ENCODED}"`,
    `Negotiate, Bearer error="insufficient_claims", claims="${ENCODED}", Basic error="other", claims="x"`,
    `Bearer realm="a\\b,c", error="insufficient_claims", claims="${ENCODED}"`,
  ]) {
    assert.equal(said(header), { claims: CLAIMS }, header);
  }
  for (const header of [
    null,
    "",
    "Bearer",
    `Bearer claims="${ENCODED}"`,
    `Bearer error="invalid_token", claims="${ENCODED}"`,
    `Basic error="insufficient_claims", claims="${ENCODED}"`,
    `error="insufficient_claims", claims="${ENCODED}"`,
    'Bearer error="insufficient_claims"',
  ]) {
    assert.equal(said(header), {}, String(header));
  }
});

test("the tenant: by its id only, of an https authority, with a resource of the configured scope or none", () => {
  for (const header of [
    GOOD,
    GOOD.replace(", ", ","),
    GOOD.replace("vault.azure.net", "VAULT.azure.net/"),
    GOOD.replace(TENANT, `${TENANT.toUpperCase()}/`),
    `Bearer authorization="https://login.windows.net/${TENANT}", scope="${SCOPE}"`,
    `Bearer authorization=https://login.windows.net/${TENANT}`,
    `Basic realm="proxy", ${GOOD}`,
  ]) {
    assert.equal(said(header), { tenantId: TENANT }, header);
  }
  for (const authority of ["https://login.microsoftonline.com/common", "https://login.microsoftonline.com/", `https://user@host/${TENANT}`, `https://host/${TENANT}/x`, `https://host/a/${TENANT}`, "x", `ftp://host/${TENANT}`, `https://host/${TENANT}?x`]) {
    assert.equal(said(`Bearer authorization="${authority}", resource="https://vault.azure.net"`), {}, authority);
  }
});

test("F50 what no token can answer", () => {
  const https = `https://login.microsoftonline.com/${TENANT}`;
  for (const header of [
    GOOD.replace("https://vault.azure.net", "https://net"),
    GOOD.replace("https://vault.azure.net", "https://evil.example"),
    GOOD.replace("https://vault.azure.net", "http://vault.azure.net"),
    GOOD.replace("https://vault.azure.net", "vault"),
    GOOD.replace("https://vault.azure.net", ""),
    GOOD.replace("https://login", "http://login"),
    `${GOOD}${" ".repeat(16_384)}`,
    `${GOOD}, x="${"y".repeat(100_000)}"`,
    `${GOOD}, realm="`,
    `Bearer realm="a\\"b,c", error="insufficient_claims", claims="${ENCODED}"`,
    `Bearer authorization="${https}, resource="https://vault.azure.net"`,
    `Bearer error="insufficient_claims", claims="${ENCODED}`,
    `${GOOD}, Bearer authorization="https://login.microsoftonline.com/22222222-2222-4333-8444-555555555555", resource="https://vault.azure.net"`,
    `${GOOD}, Bearer resource="https://evil.example"`,
  ]) {
    assert.is(said(header), undefined, header.slice(0, 200));
  }
});

test("hostile headers take no time worth speaking of", () => {
  // With a pass for each quote these would take some tenths of a second each.
  for (const header of [`Bearer "${'\\"'.repeat(4_000)}`, `Bearer a="${'\\"'.repeat(4_000)}`, `Bearer ${'"\\'.repeat(4_000)}`, `Bearer ${'"'.repeat(8_001)}`, `Bearer ${'"a,'.repeat(2_701)}`]) {
    assert.is(said(header), undefined);
  }
  for (const header of [`Bearer ${'a="",'.repeat(1_600)}`, `Bearer ${"a=\\,".repeat(2_000)}`, `Bearer ${",".repeat(8_000)}`, `Bearer ${"a".repeat(8_000)}`, `Bearer a${" ".repeat(8_000)}b`]) {
    assert.equal(said(header), {});
  }
});

interface ChallengeCase {
  readonly name: string;
  readonly requestUrl: string;
  readonly wwwAuthenticate: string;
  readonly expect: { readonly accept: boolean | "tenant-only"; readonly tenant?: string; readonly scope?: string; readonly claimsJson?: unknown };
}

const { cases } = readVectors<{ cases: ChallengeCase[] }>("challenges.json");

test("vectors: 15 cases", () => assert.is(cases.length, 15));

for (const { name, requestUrl, wwwAuthenticate, expect } of cases) {
  test(`vectors: ${name}`, () => {
    const data = { vaultUrl: new URL(requestUrl).origin, keyName: "k" };
    // A host outside the table has no scope, so that there is no token to send it at all.
    if (azureProblems(data, { customEndpoint: true, insecureHttp: false }).length > 0) {
      assert.is(expect.accept, false);
      return;
    }
    const { scope } = azureAddress(data);
    const { tenantId, claims } = readChallenge(wwwAuthenticate, scope).demands ?? {};
    const accepted = tenantId !== undefined || claims !== undefined;
    assert.is(accepted, expect.accept !== false);
    // The address of the authority is not even in the result, so "tenant only" is all that there ever is.
    assert.is(tenantId, expect.tenant ?? (expect.accept === "tenant-only" ? TENANT : undefined));
    if (expect.scope !== undefined) assert.is(scope, expect.scope);
    assert.equal(claims === undefined ? undefined : JSON.parse(claims), expect.claimsJson);
  });
}

function refusal(header: string, body: unknown = { error: { code: "Unauthorized", message: "AKV10032" } }) {
  return { status: 401, headers: { "www-authenticate": header }, body };
}

test("the tenant of a challenge is told to the function, then and later", async () => {
  const service = testService(refusal(GOOD), { body: BUNDLE });
  const asks: (string | undefined)[] = [];
  const credentials = (ask: CredentialAsk) => {
    asks.push(ask.tenantId);
    return { token: `t${asks.length}`, expiresAt: asks.length < 3 ? new Date(NOW + 1) : new Date(NOW + 3_600_000) };
  };
  let now = NOW;
  const provider = testProvider(service, { credentials, now: () => now });
  await provider.getPublicKey(key, testContext());
  now += 1;
  await provider.getPublicKey(key, testContext());
  assert.equal(asks, [undefined, TENANT, TENANT]);
});

test("F50 a challenge that no token answers: no token is asked for", async () => {
  for (const header of [GOOD.replace("https://vault.azure.net", "https://evil.example"), GOOD.replace("https://login", "http://login"), `${GOOD}, "`]) {
    const service = testService(refusal(header));
    let asked = 0;
    const error = await rejects(testProvider(service, { credentials: () => ({ token: `t${(asked += 1)}` }) }).getPublicKey(key, testContext()), "ERR_KMS_UNAUTHENTICATED");
    assert.is(asked, 1, header);
    assert.is(service.sent.length, 1);
    assert.not.match(`${error.message} ${JSON.stringify(error)}`, /evil|login/);
  }
});

test("a scope of Azure's that is wanted instead is named, any other is not", async () => {
  const hint = async (resource: string) => {
    const provider = testProvider(testService(refusal(GOOD.replace("https://vault.azure.net", resource))), {});
    return (await rejects(provider.getPublicKey(key, testContext()), "ERR_KMS_UNAUTHENTICATED")).hint ?? "";
  };
  assert.is(await hint("https://managedhsm.azure.net"), "set scope to https://managedhsm.azure.net/.default");
  for (const resource of ["https://evil.example", "https://MANAGEDHSM.azure.net", "https://management.azure.com"]) assert.match(await hint(resource), /^credentials must give a current token/);
});

test.run();
