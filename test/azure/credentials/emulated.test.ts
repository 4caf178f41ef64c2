import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  createAzureKms,
  fromClientCertificate,
  fromClientSecret,
  fromDefaultChain,
  fromEnvironment,
  fromManagedIdentity,
  fromWorkloadIdentity,
  type AzureCredentialsFunction,
} from "../../../src/azure/index.js";
import type { KmsManager } from "../../../src/index.js";
import { createAzureEmulator, createIdentityIssuer, createTokenEmulator, type AzureEmulator, type TokenEmulator, type TokenServices } from "../../../src/testing/index.js";
import { readVectors } from "../../support/azure-vault.js";
import { rejects } from "../../support/rejects.js";
import { assertNothingPlanted, CLIENT, demoCertificate, NOW, PLANTED, TENANT } from "./support.js";

const DATA = new Uint8Array([1, 2, 3]);
const RESOURCE_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app";
const USER = { clientId: CLIENT, objectId: "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee", resourceId: RESOURCE_ID };

interface World {
  readonly clock: { now: number };
  readonly tokens: TokenEmulator;
  readonly vault: AzureEmulator;
  kms(credentials: AzureCredentialsFunction): KmsManager;
  /** What every source takes. */
  readonly common: { readonly env: Record<string, string>; readonly fetch: (url: string, init: RequestInit) => Promise<Response>; readonly now: () => number };
}

/** A vault that knows no token but those that were handed out, under one clock. */
async function world(services: TokenServices, vaultUrl?: string): Promise<World> {
  const clock = { now: NOW };
  const now = () => clock.now;
  const vault = createAzureEmulator({ now, ...(vaultUrl === undefined ? {} : { vaultUrl }) });
  vault.tokens.remove(vault.token);
  await vault.createKey({ name: "signer", keyType: "P-256" });
  const tokens = createTokenEmulator({ ...services, now, onToken: (issued) => vault.tokens.add(issued.token, issued) });
  const fetch = (url: string, init: RequestInit) => tokens.fetch(url, init);
  return {
    clock,
    tokens,
    vault,
    common: { env: {}, fetch, now },
    kms: (credentials) => createAzureKms({ vaultUrl: vault.vaultUrl, keyName: "signer", algorithm: "ES256", credentials, fetch: (url, init) => vault.fetch(url, init), now, random: () => 0, sleep: async () => {}, env: {} }),
  };
}

async function signs(kms: KmsManager): Promise<void> {
  const signed = await kms.sign(DATA);
  assert.ok(await kms.verify(DATA, signed));
}

const SECRET_APP = { clientId: CLIENT, secrets: ["the-secret"] };
const SOURCES: Readonly<Record<string, { readonly services: () => Promise<TokenServices>; readonly source: (given: World) => Promise<AzureCredentialsFunction> }>> = {
  "client secret": {
    services: async () => ({ entra: { apps: [SECRET_APP] } }),
    source: async ({ common }) => fromClientSecret({ ...common, tenantId: TENANT, clientId: CLIENT, clientSecret: "the-secret" }),
  },
  "client secret, numbers as text": {
    services: async () => ({ entra: { apps: [SECRET_APP], numbersAsText: true, refreshInSeconds: 1800 } }),
    source: async ({ common }) => fromClientSecret({ ...common, tenantId: TENANT, clientId: CLIENT, clientSecret: "the-secret" }),
  },
  "client certificate": {
    services: async () => ({ entra: { apps: [{ clientId: CLIENT, certificates: [readVectors<{ certificatePem: string }>("client-assertion.json").certificatePem] }] } }),
    source: async ({ common }) => fromClientCertificate({ ...common, tenantId: TENANT, clientId: CLIENT, certificate: await demoCertificate() }),
  },
  "client certificate, RS256": {
    services: async () => ({ entra: { apps: [{ clientId: CLIENT, certificates: [readVectors<{ certificatePem: string }>("client-assertion.json").certificatePem] }] } }),
    source: async ({ common }) => fromClientCertificate({ ...common, tenantId: TENANT, clientId: CLIENT, certificate: await demoCertificate(), algorithm: "RS256", sendCertificateChain: true }),
  },
  "environment": {
    services: async () => ({ entra: { apps: [SECRET_APP] } }),
    source: async ({ common }) => fromEnvironment({ ...common, env: { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, AZURE_CLIENT_SECRET: "the-secret" } }),
  },
  "virtual machine": {
    services: async () => ({ azureMetadata: { lifetimeSeconds: 3600 } }),
    source: async ({ common }) => fromManagedIdentity(common),
  },
  "virtual machine, user-assigned": {
    services: async () => ({ azureMetadata: { systemAssigned: null, userAssigned: [USER], lifetimeSeconds: 3600 } }),
    source: async ({ common }) => fromManagedIdentity({ ...common, resourceId: RESOURCE_ID }),
  },
  "App Service, user-assigned": {
    services: async () => ({ appService: { systemAssigned: null, userAssigned: [USER], secret: "the-header", lifetimeSeconds: 3600 } }),
    source: async ({ common }) => fromManagedIdentity({ ...common, objectId: USER.objectId, env: { IDENTITY_ENDPOINT: "http://127.0.0.1:41234/msi/token", IDENTITY_HEADER: "the-header" } }),
  },
  "default chain on a virtual machine": {
    services: async () => ({ azureMetadata: { lifetimeSeconds: 3600 } }),
    source: async ({ common }) => fromDefaultChain(common),
  },
};

for (const [name, { services, source }] of Object.entries(SOURCES)) {
  test(`${name}: signs, keeps the token until its end is near, goes on with the next`, async () => {
    const given = await world(await services());
    const kms = given.kms(await source(given));
    for (let hours = 0; hours < 3; hours += 0.25) {
      given.clock.now = NOW + hours * 3_600_000;
      await signs(kms);
    }
    assert.ok(given.tokens.tokens.length >= 3 && given.tokens.tokens.length <= 6, `${given.tokens.tokens.length} tokens`);
    assert.ok(given.vault.requests.every(({ headers }) => given.tokens.tokens.some(({ token }) => headers.authorization === `Bearer ${token}`)));
  });
}

test("workload identity: the platform's token is exchanged", async () => {
  const cluster = await createIdentityIssuer({ now: () => NOW });
  const trusted = cluster.trust({ subject: "repo:octo/app", audience: "api://AzureADTokenExchange" });
  const given = await world({ entra: { apps: [{ clientId: CLIENT, federated: [trusted] }] } });
  const claims = { sub: "repo:octo/app", aud: "api://AzureADTokenExchange" };
  const source = (subject: string) => fromWorkloadIdentity({ ...given.common, tenantId: TENANT, clientId: CLIENT, identityToken: () => cluster.token({ ...claims, sub: subject }) });
  await signs(given.kms(source("repo:octo/app")));
  const error = await rejects(given.kms(source("repo:other/app")).sign(DATA), "ERR_KMS_CREDENTIALS");
  assert.match(error.message, /^workload identity: the token endpoint refuses with AADSTS7002\d+$/);
});

test("each cloud has its authority", async () => {
  for (const [cloud, vaultUrl, host] of [
    ["usgov", "https://example-vault.vault.usgovcloudapi.net", "login.microsoftonline.us"],
    ["china", "https://example-vault.vault.azure.cn", "login.partner.microsoftonline.cn"],
  ] as const) {
    const given = await world({ entra: { cloud, apps: [SECRET_APP] } }, vaultUrl);
    await signs(given.kms(fromClientSecret({ ...given.common, tenantId: TENANT, clientId: CLIENT, clientSecret: "the-secret" })));
    assert.is(new URL(given.tokens.requests[0]?.url as string).host, host);
  }
});

test("without a tenant: learnt from the vault, kept, and never asked of another authority", async () => {
  const given = await world({ entra: { apps: [SECRET_APP] } });
  const kms = given.kms(fromClientSecret({ ...given.common, clientId: CLIENT, clientSecret: "the-secret" }));
  await signs(kms);
  assert.is(given.vault.requests[0]?.headers.authorization, "Bearer tenant-not-known-yet");
  assert.equal(given.tokens.requests.map(({ url }) => url), [`https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`]);
  given.clock.now += 3_600_000;
  await signs(kms);
  assert.is(given.tokens.requests.length, 2);
  assert.is(given.vault.requests.filter(({ headers }) => headers.authorization === "Bearer tenant-not-known-yet").length, 1);
});

test("without a tenant, 1,000 cold calls: one token request", async () => {
  const given = await world({ entra: { apps: [SECRET_APP] } });
  const kms = given.kms(fromClientSecret({ ...given.common, clientId: CLIENT, clientSecret: "the-secret" }));
  await Promise.all(Array.from({ length: 1_000 }, () => kms.sign(DATA)));
  assert.is(given.tokens.requests.length, 1);
});

test("F52 10,000 cold calls make one token request", async () => {
  const given = await world({ entra: { apps: [SECRET_APP] } });
  const kms = given.kms(fromClientSecret({ ...given.common, tenantId: TENANT, clientId: CLIENT, clientSecret: "the-secret" }));
  await Promise.all(Array.from({ length: 10_000 }, () => kms.getPublicKey()));
  assert.is(given.tokens.requests.length, 1);
});

test("F51 a claims challenge: one more token, with the claims, and one more request", async () => {
  const given = await world({ entra: { apps: [SECRET_APP] } });
  const kms = given.kms(fromClientSecret({ ...given.common, tenantId: TENANT, clientId: CLIENT, clientSecret: "the-secret" }));
  await signs(kms);
  const before = given.vault.requests.length;
  given.vault.tokens.demandClaims();
  await kms.sign(DATA);
  assert.is(given.vault.requests.length, before + 2);
  assert.is(given.tokens.tokens.length, 2);
  assert.equal(given.tokens.tokens[1]?.claims, { access_token: { nbf: { essential: true, value: String(NOW / 1000) }, xms_cc: { values: ["cp1"] } } });
});

test("the vault of another tenant: refused after one more try, for the tenant was given", async () => {
  const other = "22222222-2222-4333-8444-555555555555";
  const given = await world({ entra: { tenantId: other, apps: [SECRET_APP] } });
  const kms = given.kms(fromClientSecret({ ...given.common, tenantId: other, clientId: CLIENT, clientSecret: "the-secret" }));
  const error = await rejects(kms.sign(DATA), "ERR_KMS_UNAUTHENTICATED");
  assert.match(error.hint ?? "", /of the vault's tenant/);
  assert.equal(given.tokens.requests.map(({ url }) => new URL(url).pathname.split("/")[1]), [other, other]);
});

test("a token that is revoked while in use: another one, once", async () => {
  const given = await world({ azureMetadata: {} });
  const kms = given.kms(fromManagedIdentity(given.common));
  await signs(kms);
  given.vault.tokens.remove(given.tokens.tokens[0]?.token as string);
  given.tokens.rotate();
  await signs(kms);
  assert.is(given.tokens.tokens.length, 2);
});

test("F47 hostile token answers under a whole call", async () => {
  const given = await world({ entra: { apps: [SECRET_APP] } });
  const kms = given.kms(fromClientSecret({ ...given.common, tenantId: TENANT, clientId: CLIENT, clientSecret: PLANTED }));
  const changes: ((members: object) => unknown)[] = [
    () => `<html>${PLANTED}</html>`,
    () => "",
    (members) => ({ ...members, access_token: `${PLANTED}\r\nx: y` }),
    (members) => ({ ...members, expires_in: -1 }),
    (members) => ({ ...members, expires_in: PLANTED }),
    () => ({ access_token: PLANTED }),
  ];
  given.tokens.configure({ entra: { apps: [{ clientId: CLIENT, secrets: [PLANTED] }] } });
  for (const change of changes) {
    // An answer that is no JSON is asked for again, the others are not.
    given.tokens.tamper(change, { times: String(change({})).startsWith("<") ? 3 : 1 });
    assertNothingPlanted(await rejects(kms.sign(DATA), "ERR_KMS_CREDENTIALS"));
  }
  assert.is(given.tokens.requests.length, 3 + changes.length - 1);
  assert.is(given.vault.requests.length, 0);
});

test("the authority is throttled or down: typed, retryable, and over with the next call", async () => {
  const given = await world({ entra: { apps: [SECRET_APP] } });
  const kms = given.kms(fromClientSecret({ ...given.common, tenantId: TENANT, clientId: CLIENT, clientSecret: "the-secret" }));
  given.tokens.faults.inject({ kind: "throttle" });
  const error = await rejects(kms.sign(DATA), "ERR_KMS_CREDENTIALS");
  assert.is(error.retryable, true);
  assert.is(error.retryAfterMs, 30_000);
  given.tokens.faults.inject({ kind: "refuse", times: 3 });
  assert.is((await rejects(kms.sign(DATA), "ERR_KMS_CREDENTIALS")).retryable, true);
  await signs(kms);
});

test.run();
