/** The emulated Entra and managed identities against the token vectors: every source that is HTTP, request for request. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAzureEmulator, createIdentityIssuer, createTokenEmulator } from "../../../src/testing/index.js";
import type { EntraApp, TokenEmulator, TokenServices } from "../../../src/testing/index.js";
import { form, send, testClock } from "./caller.js";
import type { Answered, Sending } from "./caller.js";

const test = suite("token vectors");

interface VectorRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly form?: Record<string, string>;
  readonly env?: Record<string, string>;
}

interface Exchange {
  readonly request: VectorRequest;
  readonly response: { readonly status: number; readonly headers: Record<string, string>; readonly body?: Record<string, unknown>; readonly bodyText?: string };
}

interface Case extends Partial<Exchange> {
  readonly name: string;
  readonly exchanges?: readonly Exchange[];
}

const read = <T>(file: string): T => JSON.parse(readFileSync(`fixtures/azure/${file}`, "utf8")) as T;
const { cases } = read<{ cases: Case[] }>("tokens.json");
const assertion = read<{ certificatePem: string; ps256: { jwt: string }; rs256: { jwt: string }; ps256WithChain: { jwt: string } }>("client-assertion.json");

/** What is no HTTP, is no service of Azure's, or is played as a fault. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "azure-arc-hostile-paths": "a rule for clients",
  "azure-cli": "a process",
  "azure-cli-old": "a process",
  "lowkey-vault": "another emulator",
};

const issuer = await createIdentityIssuer({ issuer: "https://cluster.example", now: testClock().now });
const federated = await issuer.token({ sub: "system:serviceaccount:prod:app", aud: "api://AzureADTokenExchange" });

const CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const APP: EntraApp = {
  clientId: CLIENT,
  secrets: ["test-secret~value"],
  certificates: [assertion.certificatePem],
  federated: [issuer.trust({ subject: "system:serviceaccount:prod:app" })],
};
const RESOURCE_ID = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1";
const USER_ASSIGNED = [{ clientId: CLIENT, resourceId: RESOURCE_ID }];
const DAY = { lifetimeSeconds: 86_400 };

/** The services as each case needs them. */
const SERVICES: Readonly<Record<string, TokenServices>> = {
  "client-secret": { entra: { apps: [APP] } },
  "client-secret-with-refresh-in": { entra: { apps: [APP], lifetimeSeconds: 86_399, refreshInSeconds: 43_199 } },
  "client-certificate": { entra: { apps: [APP], numbersAsText: true } },
  "workload-identity": { entra: { apps: [APP], lifetimeSeconds: 86_399 } },
  "client-secret-cae": { entra: { apps: [APP] } },
  "entra-bad-secret": { entra: { apps: [APP] } },
  "entra-unknown-tenant": { entra: { apps: [APP], tenantId: "99999999-2222-4333-8444-555555555555" } },
  "entra-throttled": { entra: { apps: [APP] } },
  "imds-system-assigned": { azureMetadata: { lifetimeSeconds: 3599 } },
  "imds-user-assigned-resource-id": { azureMetadata: { userAssigned: USER_ASSIGNED, lifetimeSeconds: 86_399 } },
  "imds-no-metadata-header": { azureMetadata: {} },
  "imds-no-identity": { azureMetadata: { systemAssigned: null } },
  "imds-updating": { azureMetadata: {} },
  "app-service": { appService: { ...DAY, systemAssigned: CLIENT, secret: "00000000-1111-4222-8333-444444444444" } },
  "app-service-legacy-date": { appServiceLegacy: { lifetimeSeconds: 3600, endpoint: "http://127.0.0.1:41234/msi/token", secret: "0011223344" } },
  "service-fabric": { serviceFabric: { ...DAY, secret: "sf-header" } },
  "cloud-shell": { cloudShell: { lifetimeSeconds: 3599 } },
  "azure-ml": { azureMl: { ...DAY, userAssigned: USER_ASSIGNED, secret: "ml-secret" } },
  "azure-arc": { azureArc: { ...DAY, keyFile: { path: "/var/opt/azcmagent/tokens/9d1b2f.key", content: "content-of-the-key-file" } } },
};

function prepare(name: string, emulator: TokenEmulator): void {
  if (name === "entra-throttled") emulator.faults.inject({ kind: "throttle" });
  if (name === "imds-updating") emulator.faults.inject({ kind: "status", status: 410 });
}

/** The stand-ins for an assertion are replaced by one. */
function assertionFor(name: string): string {
  return name === "client-certificate" ? assertion.ps256.jwt : federated;
}

function sendingOf(name: string, { form: fields, headers }: VectorRequest): Sending {
  if (fields === undefined) return { headers };
  const made = form(fields.client_assertion === undefined ? fields : { ...fields, client_assertion: assertionFor(name) });
  return { body: made.body as string, headers };
}

/** Tokens and ids are made anew each time, and texts vary from the first full stop on. */
function comparable(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body), (key, value: unknown) => {
    if (key === "access_token") return "a token";
    if (["trace_id", "correlation_id"].includes(key)) return "an id";
    return key === "error_description" ? (value as string).split(/[.]| Trace/)[0] : value;
  });
}

function compare(answer: Answered, { response }: Exchange): void {
  assert.is(answer.status, response.status, answer.text);
  for (const [name, value] of Object.entries(response.headers)) assert.is(answer.headers.get(name), value, name);
  if (response.body === undefined) assert.is(answer.text, response.bodyText);
  else assert.equal(comparable(answer.body), comparable(response.body));
}

for (const { name, request, response, exchanges } of cases) {
  if (LEFT_OUT[name] !== undefined) continue;
  test(name, async () => {
    const emulator = createTokenEmulator({ ...SERVICES[name], now: testClock().now });
    prepare(name, emulator);
    const all = exchanges ?? [{ request, response } as Exchange];
    for (const exchange of all) compare(await send(emulator, exchange.request.method, exchange.request.url, sendingOf(name, exchange.request)), exchange);
    const given = all.at(-1)?.response.body?.access_token !== undefined;
    assert.is(emulator.tokens.length, given ? 1 : 0);
  });
}

test("what is left out is there, and everything else has its services", () => {
  const names = cases.map((entry) => entry.name);
  assert.equal([...Object.keys(SERVICES), ...Object.keys(LEFT_OUT)].sort(), names.sort());
});

test("the three assertions of the vectors are taken, in their time", async () => {
  const { url } = cases[0]?.request as VectorRequest;
  const clock = testClock();
  const emulator = createTokenEmulator({ entra: { apps: [APP] }, now: clock.now });
  const ask = (jwt: string): Promise<Answered> =>
    send(emulator, "POST", url, form({
      grant_type: "client_credentials",
      client_id: CLIENT,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: jwt,
      scope: "https://vault.azure.net/.default",
    }));
  for (const { jwt } of [assertion.ps256, assertion.rs256, assertion.ps256WithChain]) assert.is((await ask(jwt)).status, 200);
  clock.ms += 16 * 60_000;
  assert.equal((await ask(assertion.ps256.jwt)).body.error_codes, [700024]);
});

test("tokens that are given out are good at the emulated vault, each challenge vector's own cloud included", async () => {
  const { cases: challenges } = read<{ cases: { name: string; requestUrl: string; expect: { authorityHost: string; scope: string; tenant: string } }[] }>("challenges.json");
  const clouds = { vault: "public", "vault-old-authority-host": "public", "managed-hsm": "public", "us-government": "usgov", china: "china" } as const;
  for (const [name, cloud] of Object.entries(clouds)) {
    const { requestUrl, expect } = challenges.find((entry) => entry.name === name) as (typeof challenges)[number];
    const clock = testClock();
    const vault = createAzureEmulator({ vaultUrl: requestUrl, now: clock.now });
    const emulator = createTokenEmulator({ entra: { cloud, apps: [APP] }, now: clock.now, onToken: (issued) => vault.tokens.add(issued.token, issued) });
    const fields = { grant_type: "client_credentials", client_id: CLIENT, client_secret: "test-secret~value", scope: expect.scope };
    const { body } = await send(emulator, "POST", `https://${expect.authorityHost}/${expect.tenant}/oauth2/v2.0/token`, form(fields));
    const list = async (): Promise<number> => (await send(vault, "GET", `${vault.vaultUrl}/keys?api-version=7.4`, { headers: { authorization: `Bearer ${body.access_token}` } })).status;
    assert.is(await list(), 200, name);
    clock.ms += 3599_000;
    assert.is(await list(), 401, "it expires");
  }
});

test.run();
