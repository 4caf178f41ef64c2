import { test } from "uvu";
import * as assert from "uvu/assert";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { environmentToken, fromWorkloadIdentity, githubActionsToken, type FromWorkloadIdentityOptions } from "../../../src/azure/index.js";
import { askFor, CLIENT, fails, fakeFetch, formOf, json, NOW, PLANTED, refusesOptions, TENANT, TOKEN_URL } from "./support.js";

const GOOD = { token_type: "Bearer", expires_in: 3599, access_token: "opaque" };

function source(fetch: ReturnType<typeof fakeFetch>, changes: Partial<FromWorkloadIdentityOptions> = {}) {
  return fromWorkloadIdentity({ tenantId: TENANT, clientId: CLIENT, identityToken: () => "identity", env: {}, fetch, now: () => NOW, ...changes });
}

test("the request in full", async () => {
  const fetch = fakeFetch(json(GOOD));
  assert.equal(await source(fetch)(askFor()), { token: "opaque", expiresAt: new Date(NOW + 3_599_000), refreshAt: undefined });
  assert.equal(fetch.calls, [
    {
      url: TOKEN_URL,
      method: "POST",
      headers: { "accept-encoding": "identity", accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
      body: `grant_type=client_credentials&client_id=${CLIENT}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=identity&scope=https%3A%2F%2Fvault.azure.net%2F.default`,
      redirect: "manual",
    },
  ]);
});

test("options win over the environment, which is read at each use", async () => {
  const fetch = fakeFetch(json(GOOD));
  const env: Record<string, string> = {};
  const bare = fromWorkloadIdentity({ identityToken: () => "identity", env, fetch });
  const missing = await fails(bare(askFor()), /^workload identity: AZURE_CLIENT_ID is not set$/);
  assert.ok(missing instanceof NotConfiguredError);
  Object.assign(env, { AZURE_CLIENT_ID: "client-1", AZURE_TENANT_ID: "contoso.onmicrosoft.com" });
  await bare(askFor());
  await source(fetch, { env })(askFor());
  assert.equal(fetch.calls.map((call) => [call.url, formOf(call).client_id]), [
    ["https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token", "client-1"],
    [TOKEN_URL, CLIENT],
  ]);
  for (const bad of ["../x", "a/b", `${PLANTED}\n`, "x y"]) {
    await fails(fromWorkloadIdentity({ identityToken: () => "i", env: { ...env, AZURE_TENANT_ID: bad }, fetch: fakeFetch() })(askFor()), /tenantId or clientId is malformed$/);
  }
});

test("F48 the token file: read for each request, trimmed, and only where files can be read", async () => {
  const fetch = fakeFetch(json(GOOD));
  const env = { AZURE_FEDERATED_TOKEN_FILE: "/var/run/token", AZURE_CLIENT_ID: CLIENT, AZURE_TENANT_ID: TENANT };
  const paths: string[] = [];
  const readFile = async (path: string) => `identity-${paths.push(path)}\r\n`;
  const fromFile = fromWorkloadIdentity({ readFile, env, fetch });
  await fromFile(askFor());
  await fromFile(askFor());
  assert.equal(paths, ["/var/run/token", "/var/run/token"]);
  assert.equal(fetch.calls.map((call) => formOf(call).client_assertion), ["identity-1", "identity-2"]);
  const unread = await fails(fromWorkloadIdentity({ env, fetch: fakeFetch() })(askFor()), /AZURE_FEDERATED_TOKEN_FILE names a file: use azureDefaultChain of knhk-kms\/node, or give readFile$/);
  assert.not.ok(unread instanceof NotConfiguredError, "it is set up: no other identity may step in");
  assert.ok((await fails(fromWorkloadIdentity({ env: {} })(askFor()), /AZURE_FEDERATED_TOKEN_FILE is not set$/)) instanceof NotConfiguredError);
  await source(fetch, { env, readFile: async () => PLANTED })(askFor());
  assert.is(formOf(fetch.calls[2]).client_assertion, "identity", "the function comes first");
});

test("identity tokens that are none", async () => {
  for (const value of [undefined, null, 7, "", " \n", `${PLANTED} x`, `${PLANTED}\r\nx`, `é${PLANTED}`, "x".repeat(65_537), {}]) {
    await fails(source(fakeFetch(), { identityToken: () => value as never })(askFor()), /^workload identity: (there is no identity token|the identity token has characters that no token has)$/);
  }
});

test("the ready functions", async () => {
  const fetch = fakeFetch(json({ value: "github" }), json(GOOD));
  const env = { ACTIONS_ID_TOKEN_REQUEST_URL: "https://runner.example/token?v=1", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner" };
  await source(fetch, { identityToken: githubActionsToken({ audience: "api://AzureADTokenExchange", env, fetch }) })(askFor());
  assert.is(fetch.calls[0]?.url, "https://runner.example/token?v=1&audience=api%3A%2F%2FAzureADTokenExchange");
  assert.is(formOf(fetch.calls[1]).client_assertion, "github");
  await source(fetch, { identityToken: environmentToken("MY_TOKEN", { MY_TOKEN: "plain\n" }) })(askFor());
  assert.is(formOf(fetch.calls[2]).client_assertion, "plain");
  assert.ok((await fails(source(fakeFetch(), { identityToken: environmentToken("MY_TOKEN", {}) })(askFor()), /is not set$/)) instanceof NotConfiguredError);
});

test("a refusal of the identity token", async () => {
  const fetch = fakeFetch(json({ error: "invalid_client", error_codes: [700213], error_description: PLANTED }, 401));
  await fails(source(fetch)(askFor()), /^workload identity: the token endpoint refuses with AADSTS700213$/);
  assert.is(fetch.calls.length, 1);
});

test("options that are wrong", async () => {
  await refusesOptions(() => fromWorkloadIdentity({ identityToken: PLANTED, readFile: "x", tenantId: "a/b" } as never), /^tenantId/, /^identityToken must be a function/, /^readFile must be a function/);
});

test.run();
