/** A polluted Object.prototype changes no token request: options, claims and credentials count by their own members only. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromClientCertificate, fromClientSecret, fromDefaultChain, fromManagedIdentity, fromWorkloadIdentity, type AzureCredentialsFunction } from "../../../src/azure/index.js";
import { azureDefaultChain, azureFromCertificateFile } from "../../../src/node/index.js";
import { testContext } from "../../support/context.js";
import { rejects } from "../../support/rejects.js";
import { BUNDLE, testProvider, testService } from "../service.js";
import { CLIENT, demoCertificate, fakeFetch, formOf, json, NOW, PLANTED, TENANT, type FakeFetch } from "./support.js";

const POLLUTION: Readonly<Record<string, unknown>> = {
  access_token: PLANTED,
  algorithm: "RS256",
  allowInsecureHttp: true,
  attempts: 0,
  authorityHost: "https://elsewhere.example",
  certificate: PLANTED,
  claims: PLANTED,
  client_secret: PLANTED,
  clientId: PLANTED,
  clientSecret: PLANTED,
  env: {},
  expiresAt: new Date(0),
  headers: { authorization: PLANTED },
  hint: PLANTED,
  id: PLANTED,
  identityToken: () => PLANTED,
  objectId: PLANTED,
  path: PLANTED,
  processTimeoutMs: -1,
  readFile: async () => PLANTED,
  refreshAt: new Date(0),
  repeats: () => true,
  resourceId: PLANTED,
  scope: PLANTED,
  sendCertificateChain: true,
  sources: ["managed identity"],
  subscription: PLANTED,
  tenantId: PLANTED,
  xms_cc: PLANTED,
};

async function polluted<T>(name: string, task: () => Promise<T>): Promise<T> {
  Object.defineProperty(Object.prototype, name, { value: POLLUTION[name], configurable: true, enumerable: true, writable: true });
  try {
    return await task();
  } finally {
    Reflect.deleteProperty(Object.prototype, name);
  }
}

const GOOD = JSON.stringify({ token_type: "Bearer", expires_in: 3600, expires_on: String(NOW / 1000 + 3600), access_token: "opaque" });
const PEM = await demoCertificate();

function sourcesFor(fetch: FakeFetch): Readonly<Record<string, () => AzureCredentialsFunction>> {
  const common = { env: {}, fetch, now: () => NOW };
  const app = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, AZURE_CLIENT_SECRET: "s" };
  return {
    secret: () => fromClientSecret({ ...common, tenantId: TENANT, clientId: CLIENT, clientSecret: "s" }),
    certificate: () => fromClientCertificate({ ...common, tenantId: TENANT, clientId: CLIENT, certificate: PEM }),
    workload: () => fromWorkloadIdentity({ ...common, tenantId: TENANT, clientId: CLIENT, identityToken: () => "identity" }),
    machine: () => fromManagedIdentity(common),
    chain: () => fromDefaultChain({ ...common, env: app }),
    nodeChain: () => azureDefaultChain({ ...common, env: app }),
  };
}

/** What a request says, but for what is new in each. */
function essence(fetch: FakeFetch): unknown {
  return fetch.calls.map((call) => {
    const { client_assertion: assertion, ...form } = formOf(call);
    const claims = assertion?.includes(".") === true ? Buffer.from(assertion.split(".")[1] as string, "base64url").toString().replace(/"jti":"[\da-f-]{36}"/, "") : assertion;
    const header = assertion?.includes(".") === true ? Buffer.from(assertion.split(".")[0] as string, "base64url").toString() : undefined;
    return { url: call.url, method: call.method, headers: { ...call.headers }, form, claims, header };
  });
}

async function observe(make: (fetch: FakeFetch) => AzureCredentialsFunction): Promise<unknown> {
  const fetch = fakeFetch(() => new Response(GOOD));
  const service = testService({ body: BUNDLE });
  const provider = testProvider(service, { credentials: make(fetch) });
  await provider.getPublicKey({ keyId: "signer" }, testContext());
  await provider.getPublicKey({ keyId: "signer" }, testContext());
  return [essence(fetch), service.sent.map(({ url, headers }) => [url, { ...headers }])];
}

for (const name of Object.keys(sourcesFor(fakeFetch()))) {
  test(name, async () => {
    const make = (fetch: FakeFetch) => (sourcesFor(fetch)[name] as () => AzureCredentialsFunction)();
    const expected = await observe(make);
    for (const word of Object.keys(POLLUTION)) assert.equal(await polluted(word, () => observe(make)), expected, word);
  });
}

test("an inherited path or permission is none", async () => {
  await polluted("path", () => rejects(() => azureFromCertificateFile({ tenantId: TENANT, clientId: CLIENT } as never), "ERR_KMS_CONFIG"));
  await polluted("allowInsecureHttp", async () => {
    const fetch = fakeFetch(json({}));
    const source = fromManagedIdentity({ env: { IDENTITY_ENDPOINT: "http://evil.example/x", IDENTITY_HEADER: "h" }, fetch });
    await rejects(source({ signal: new AbortController().signal, scope: "https://vault.azure.net/.default", refused: false }), "ERR_KMS_CREDENTIALS");
    assert.is(fetch.calls.length, 0);
  });
});

test.run();
