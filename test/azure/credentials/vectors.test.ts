import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromClientCertificate, fromClientSecret, fromManagedIdentity, fromWorkloadIdentity, type AzureToken } from "../../../src/azure/index.js";
import { readAzureToken, readExpiresOn } from "../../../src/azure/credentials/entra.js";
import { readVectors } from "../../support/azure-vault.js";
import { askFor, demoCertificate, fails, fakeFetch, formOf, type FakeFetch } from "./support.js";

interface Exchange {
  readonly request: { readonly method: string; readonly url: string; readonly headers: Record<string, string>; readonly form?: Record<string, string>; readonly env?: Record<string, string> };
  readonly response: { readonly status: number; readonly headers: Record<string, string>; readonly body?: Record<string, unknown>; readonly bodyText?: string };
}

interface TokenCase extends Partial<Exchange> {
  readonly name: string;
  readonly now?: number;
  readonly env?: Record<string, string>;
  readonly expect: { readonly token?: string; readonly expiresAt?: number; readonly refreshAt?: number; readonly action?: string };
}

const { cases } = readVectors<{ cases: TokenCase[] }>("tokens.json");

function caseOf(name: string): TokenCase & Exchange {
  return cases.find((one) => one.name === name) as TokenCase & Exchange;
}

function fetchFor({ response }: Exchange): FakeFetch {
  const { status, headers, body, bodyText } = response;
  return fakeFetch(() => new Response(bodyText ?? JSON.stringify(body), { status, headers }));
}

function assertToken(token: AzureToken, { token: text, expiresAt, refreshAt }: TokenCase["expect"]): void {
  assert.is(token.token, text);
  assert.is(token.expiresAt?.getTime(), (expiresAt as number) * 1000);
  assert.is(token.refreshAt?.getTime(), refreshAt === undefined ? undefined : refreshAt * 1000);
}

/** The request of a case, header names in lower case; those that ask for the form of the answer are ours. */
function assertRequest(fetch: FakeFetch, { request }: Exchange): void {
  assert.is(fetch.calls.length, 1);
  const [call] = fetch.calls;
  assert.is(call?.method, request.method);
  assert.is(call?.url, request.url);
  assert.is(call?.redirect, "manual");
  const { accept: _, "accept-encoding": __, ...headers } = call?.headers ?? {};
  assert.equal(headers, Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value])));
  if (request.form !== undefined) assert.equal(formOf(call), request.form);
}

const TENANT = "11111111-2222-4333-8444-555555555555";
const CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const options = (fetch: FakeFetch, { now = 0 }: TokenCase) => ({ fetch, now: () => now * 1000, env: {} });

for (const name of ["client-secret", "client-secret-with-refresh-in", "client-secret-cae"]) {
  test(name, async () => {
    const given = caseOf(name);
    const fetch = fetchFor(given);
    const claims = name === "client-secret-cae" ? '{"access_token":{"nbf":{"essential":true,"value":"1767225600"}}}' : undefined;
    assertToken(await fromClientSecret({ tenantId: TENANT, clientId: CLIENT, clientSecret: "test-secret~value", ...options(fetch, given) })(askFor({ claims })), given.expect);
    assertRequest(fetch, given);
  });
}

test("workload-identity", async () => {
  const given = caseOf("workload-identity");
  const fetch = fetchFor(given);
  const identityToken = () => "the.identity.token\n";
  assertToken(await fromWorkloadIdentity({ tenantId: TENANT, clientId: CLIENT, identityToken, ...options(fetch, given) })(askFor()), given.expect);
  assertRequest(fetch, { ...given, request: { ...given.request, form: { ...given.request.form, client_assertion: "the.identity.token" } } });
});

test("client-certificate", async () => {
  const given = caseOf("client-certificate");
  const fetch = fetchFor(given);
  const certificate = await demoCertificate();
  assertToken(await fromClientCertificate({ tenantId: TENANT, clientId: CLIENT, certificate, ...options(fetch, given) })(askFor()), given.expect);
  const assertion = formOf(fetch.calls[0]).client_assertion as string;
  assert.match(assertion, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assertRequest(fetch, { ...given, request: { ...given.request, form: { ...given.request.form, client_assertion: assertion } } });
});

for (const [name, message, retryAfterMs] of [
  ["entra-bad-secret", /^client secret: the token endpoint refuses with AADSTS7000215$/, undefined],
  ["entra-unknown-tenant", /^client secret: the token endpoint refuses with AADSTS90002$/, undefined],
  ["entra-throttled", /^client secret: the token endpoint refuses with status 429$/, 30_000],
] as const) {
  test(name, async () => {
    const given = caseOf(name);
    const fetch = fetchFor(given);
    const source = fromClientSecret({ tenantId: TENANT, clientId: CLIENT, clientSecret: given.request.form?.client_secret as string, ...options(fetch, given) });
    const error = await fails(source(askFor()), message, { retryable: retryAfterMs !== undefined });
    // A wait of 30 seconds does not fit.
    assert.is(error.retryAfterMs, retryAfterMs);
    assert.not.match(JSON.stringify(error), /Trace|11111111|aaaaaaaa/);
    assertRequest(fetch, given);
  });
}

for (const name of ["imds-system-assigned", "imds-user-assigned-resource-id", "app-service"]) {
  test(name, async () => {
    const given = caseOf(name);
    const fetch = fetchFor(given);
    const resourceId = new URL(given.request.url).searchParams.get("msi_res_id") ?? undefined;
    const source = fromManagedIdentity({ ...options(fetch, given), env: given.request.env ?? {}, ...(resourceId === undefined ? {} : { resourceId }) });
    assertToken(await source(askFor()), given.expect);
    assertRequest(fetch, given);
  });
}

test("imds-no-metadata-header: fails", async () => {
  const given = caseOf("imds-no-metadata-header");
  const error = await fails(fromManagedIdentity(options(fetchFor(given), given))(askFor()), /^managed identity: the endpoint of virtual machines refuses \(status 400\)$/);
  assert.is(error.constructor.name, "ConfigError");
});

test("imds-no-identity: the next source of a chain is asked", async () => {
  const given = caseOf("imds-no-identity");
  const error = await fails(fromManagedIdentity(options(fetchFor(given), given))(askFor()), /^managed identity: this machine has no such identity$/);
  assert.is(error.constructor.name, "NotConfiguredError");
});

test("imds-updating: repeated for 70 seconds, if there is that much time", async () => {
  const given = caseOf("imds-updating");
  const waits: number[] = [];
  const fetch = fetchFor(given);
  const source = fromManagedIdentity({ ...options(fetch, given), timeoutMs: 75_000, sleep: async (ms) => void waits.push(ms) });
  await fails(source(askFor()), /refuses \(status 410\)$/, { retryable: false });
  assert.equal(waits, Array.from({ length: 7 }, () => 10_000));
  assert.is(fetch.calls.length, 8);
});

for (const name of ["service-fabric", "cloud-shell", "azure-ml", "azure-arc", "app-service-legacy-date"]) {
  test(`${name}: recognised and refused without a request`, async () => {
    const given = caseOf(name);
    const fetch = fakeFetch();
    const source = fromManagedIdentity({ ...options(fetch, given), env: given.env ?? given.request.env ?? {} });
    const error = await fails(source(askFor()), /^managed identity: (Service Fabric|Cloud Shell|Azure Machine Learning|Azure Arc) is not supported/);
    assert.match(`${error.message} ${error.hint}`, /a function that returns \{ token, expiresAt \}/);
    assert.is(fetch.calls.length, 0);
  });
}

for (const name of ["app-service-legacy-date", "service-fabric", "cloud-shell", "azure-ml", "lowkey-vault"]) {
  test(`${name}: its answer can be read all the same`, () => {
    const { now = 0, expect, response } = caseOf(name);
    assertToken(readAzureToken("test", { body: response.body }, now * 1000, readExpiresOn), { ...expect, expiresAt: Math.min(expect.expiresAt as number, now + 86_400) });
  });
}

test("azure-arc-hostile-paths: no file is ever read, for Arc is refused", async () => {
  const env = caseOf("azure-arc").env as Record<string, string>;
  await fails(fromManagedIdentity({ env, fetch: fakeFetch() })(askFor()), /Azure Arc is not supported/);
});

test("every case is used, here or in the tests of the command line", () => {
  const others = ["azure-cli", "azure-cli-old"];
  const here = ["client-secret", "client-secret-with-refresh-in", "client-certificate", "workload-identity", "client-secret-cae", "entra-bad-secret", "entra-unknown-tenant", "entra-throttled", "imds-system-assigned", "imds-user-assigned-resource-id", "imds-no-metadata-header", "imds-no-identity", "imds-updating", "app-service", "app-service-legacy-date", "service-fabric", "cloud-shell", "azure-ml", "azure-arc", "azure-arc-hostile-paths", "lowkey-vault"];
  assert.equal(cases.map(({ name }) => name).sort(), [...here, ...others].sort());
});


test.run();
