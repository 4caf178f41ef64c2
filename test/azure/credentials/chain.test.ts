import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromDefaultChain, type FromDefaultChainOptions } from "../../../src/azure/index.js";
import type { ConfigError } from "../../../src/errors.js";
import { askFor, cacheOf, CLIENT, fails, fakeFetch, formOf, json, NOW, PLANTED, refusesOptions, TENANT, TOKEN_URL, type Prepared } from "./support.js";
import { testContext } from "../../support/context.js";

const GOOD = { token_type: "Bearer", expires_in: 3599, access_token: "entra" };
const IDENTITY = { access_token: "identity", expires_on: String(NOW / 1000 + 3599), token_type: "Bearer" };
const IMDS = "http://169.254.169.254/metadata/identity/oauth2/token";
const TOKEN = `${IMDS}?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net`;
const NO_HEADER = json({ error: "invalid_request", error_description: "Required metadata header not specified" }, 400);
const APP = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT };
const unreached = Object.assign(new TypeError(PLANTED), { cause: Object.assign(new Error(PLANTED), { code: "EHOSTUNREACH" }) });

function scene(env: Record<string, string>, answers: readonly Prepared[], changes: Partial<FromDefaultChainOptions> = {}) {
  const fetch = fakeFetch(...answers);
  return { fetch, chain: fromDefaultChain({ env, fetch, now: () => NOW, sleep: async () => {}, ...changes }) };
}

function problemsOf(error: unknown): readonly string[] {
  return (error as ConfigError).problems;
}

test("the order: environment, workload identity, managed identity", async () => {
  const identityToken = () => "identity";
  const env: Record<string, string> = { AZURE_AUTH_TOKEN: "plain", ...APP, AZURE_CLIENT_SECRET: "s" };
  const { fetch, chain } = scene(env, [json(GOOD), json(GOOD), NO_HEADER, json(IDENTITY)], { identityToken });
  assert.is((await chain(askFor())).token, "plain");
  delete env.AZURE_AUTH_TOKEN;
  assert.is((await chain(askFor())).token, "entra");
  assert.is(formOf(fetch.calls[0]).client_secret, "s");
  delete env.AZURE_CLIENT_SECRET;
  await chain(askFor());
  assert.is(formOf(fetch.calls[1]).client_assertion, "identity");
  delete env.AZURE_CLIENT_ID;
  assert.is((await chain(askFor())).token, "identity");
  assert.equal(fetch.calls.slice(2).map(({ url, headers }) => [url, headers.metadata]), [[IMDS, undefined], [TOKEN, "true"]]);
});

test("outside of any cloud: each source and why, no value", async () => {
  const { fetch, chain } = scene({}, [unreached]);
  const error = await fails(chain(askFor()), /^no credentials: environment: .*; workload identity: .*; managed identity: no answer at the address of virtual machines$/);
  assert.equal(problemsOf(error), [
    "environment: AZURE_AUTH_TOKEN is not set, and of an application AZURE_TENANT_ID and AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are missing",
    "workload identity: AZURE_FEDERATED_TOKEN_FILE is not set",
    "managed identity: no answer at the address of virtual machines",
  ]);
  assert.match(error.hint ?? "", /azureDefaultChain of knhk-kms\/node/);
  assert.is(fetch.calls.length, 1);
});

test("F43 another cloud's metadata service, a redirect: passed over after one request", async () => {
  for (const answer of [json("", 401), json("", 403), json("", 404), json("", 405), new Response(null, { status: 302, headers: { location: "https://evil.example" } })]) {
    const { fetch, chain } = scene({}, [answer]);
    await fails(chain(askFor()), /managed identity: (what answers at the address of virtual machines is something else|no answer at)/);
    assert.is(fetch.calls.length, 1);
  }
});

test("F43 an address that never answers is given up", async () => {
  await fails(scene({}, [() => new Promise<never>(() => {})]).chain(askFor()), /managed identity: no answer at/);
});

test("F49 what is set up and broken ends the search", async () => {
  const secret = scene({ ...APP, AZURE_CLIENT_SECRET: PLANTED }, [json({ error_codes: [7000215] }, 401)]);
  const error = await fails(secret.chain(askFor()), /^no credentials: environment: the token endpoint refuses with AADSTS7000215$/);
  assert.is(problemsOf(error).length, 1);
  assert.is(secret.fetch.calls.length, 1);
  const file = await fails(scene({ ...APP, AZURE_FEDERATED_TOKEN_FILE: "/x" }, []).chain(askFor()), /workload identity: AZURE_FEDERATED_TOKEN_FILE names a file: use azureDefaultChain of knhk-kms\/node, or give readFile$/);
  assert.is(problemsOf(file).length, 2);
  const throttled = await fails(scene({ ...APP, AZURE_CLIENT_SECRET: "s" }, [json("", 429, { "retry-after": "30" })]).chain(askFor()), /status 429/, { retryable: true });
  assert.is(throttled.retryAfterMs, 30_000);
  const arc = await fails(scene({ IDENTITY_ENDPOINT: "http://127.0.0.1:1/x", IMDS_ENDPOINT: "x" }, []).chain(askFor()), /managed identity: Azure Arc is not supported$/);
  assert.match(arc.hint ?? "", /pass credentials: a function/);
});

test("managed identity: after the probe any refusal but a missing identity is a failure", async () => {
  await fails(scene({}, [NO_HEADER, json({ error: "invalid_resource" }, 400)]).chain(askFor()), /managed identity: the endpoint of virtual machines refuses \(status 400\)$/);
  await fails(scene({}, [NO_HEADER, json({ error: "invalid_request", error_description: "Identity not found" }, 400)]).chain(askFor()), /managed identity: this machine has no such identity$/);
});

test("managed identity: once it has served it is not probed again, and its failure is one", async () => {
  const { fetch, chain } = scene({}, [NO_HEADER, json(IDENTITY), json(IDENTITY), unreached]);
  await chain(askFor());
  await chain(askFor());
  assert.equal(fetch.calls.map(({ url }) => url), [IMDS, TOKEN, TOKEN]);
  await fails(chain(askFor()), /managed identity: no complete answer: network$/, { retryable: true });
});

test("managed identity: AZURE_CLIENT_ID, or the option, names a user-assigned one", async () => {
  for (const [env, changes, expected] of [
    [{ AZURE_CLIENT_ID: CLIENT }, {}, CLIENT],
    [{ AZURE_CLIENT_ID: CLIENT }, { clientId: "other" }, "other"],
    [{}, {}, null],
  ] as const) {
    const { fetch, chain } = scene(env as Record<string, string>, [NO_HEADER, json(IDENTITY)], changes);
    await chain(askFor());
    assert.is(new URL(fetch.calls[1]?.url as string).searchParams.get("client_id"), expected);
  }
  const app = { IDENTITY_ENDPOINT: "http://127.0.0.1:41234/msi/token", IDENTITY_HEADER: "h" };
  const { fetch, chain } = scene(app, [json(IDENTITY)]);
  await chain(askFor());
  assert.equal(fetch.calls.map(({ url }) => url), ["http://127.0.0.1:41234/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net"], "no probe where variables tell");
});

test("AZURE_TOKEN_CREDENTIALS narrows the chain", async () => {
  const env = { AZURE_AUTH_TOKEN: "plain", ...APP };
  const identityToken = () => "identity";
  for (const [word, token, requests] of [
    ["prod", "plain", 0],
    [" PROD ", "plain", 0],
    ["EnvironmentCredential", "plain", 0],
    ["workloadidentitycredential", "entra", 1],
  ] as const) {
    const { fetch, chain } = scene({ ...env, AZURE_TOKEN_CREDENTIALS: word }, [json(GOOD)], { identityToken });
    assert.is((await chain(askFor())).token, token, word);
    assert.is(fetch.calls.length, requests);
  }
  const alone = scene({ ...env, AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential" }, [json(IDENTITY)]);
  assert.is((await alone.chain(askFor())).token, "identity");
  assert.is(alone.fetch.calls.length, 1, "no probe");
  for (const word of ["dev", "AzureCliCredential"]) await fails(scene({ ...env, AZURE_TOKEN_CREDENTIALS: word }, []).chain(askFor()), /^AZURE_TOKEN_CREDENTIALS: names the Azure CLI, which only azureDefaultChain/);
  for (const word of ["VisualStudioCodeCredential", "AzurePowerShellCredential", "AzureDeveloperCliCredential", PLANTED, "__proto__", "constructor"]) {
    await fails(scene({ ...env, AZURE_TOKEN_CREDENTIALS: word }, []).chain(askFor()), /^AZURE_TOKEN_CREDENTIALS: must be prod, dev, /);
  }
});

test("sources narrow it too, and win over the variable", async () => {
  const env = { AZURE_AUTH_TOKEN: "plain", AZURE_TOKEN_CREDENTIALS: "dev" };
  assert.is((await scene(env, [], { sources: ["environment"] }).chain(askFor())).token, "plain");
  const error = await fails(scene(env, [], { sources: ["workload identity"] }).chain(askFor()), /^no credentials: workload identity: /);
  assert.is(problemsOf(error).length, 1);
  const both = scene(env, [NO_HEADER, json(IDENTITY)], { sources: ["managed identity", "workload identity"] });
  assert.is((await both.chain(askFor())).token, "identity");
});

test("env: {} forbids the environment", async () => {
  const names = ["AZURE_AUTH_TOKEN", "AZURE_TOKEN_CREDENTIALS", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"];
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = PLANTED;
  try {
    await fails(scene({}, [unreached]).chain(askFor()), /^no credentials: environment: AZURE_AUTH_TOKEN is not set/);
  } finally {
    names.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    });
  }
});

test("authority, tenant, client and files reach the sources", async () => {
  const { fetch, chain } = scene({ AZURE_FEDERATED_TOKEN_FILE: "/token" }, [json(GOOD)], { authorityHost: "https://login.microsoftonline.us", tenantId: TENANT, clientId: CLIENT, readFile: async (path) => `content of ${path}`.replace(/ /g, "-") });
  await chain(askFor());
  assert.is(fetch.calls[0]?.url, TOKEN_URL.replace(".com", ".us"));
  assert.equal([formOf(fetch.calls[0]).client_id, formOf(fetch.calls[0]).client_assertion], [CLIENT, "content-of-/token"]);
});

test("options", async () => {
  await refusesOptions(() => fromDefaultChain({ sources: [] }), /^sources must be a list out of environment, workload identity, managed identity$/);
  await refusesOptions(() => fromDefaultChain({ sources: ["Azure CLI"] } as never), /^sources must/);
  await refusesOptions(() => fromDefaultChain({ sources: "environment", source: 1, identityToken: 1, readFile: 1, sleep: 1, tenantId: "/", clientId: "", authorityHost: 7 } as never), /^unknown option "source"/, /^authorityHost/, /^tenantId/, /^clientId/, /^sources/, /^identityToken/, /^readFile/, /^sleep/);
});

test("making a chain does nothing", () => {
  const never = (): never => {
    throw new Error("asked");
  };
  fromDefaultChain({ env: new Proxy({}, { get: never, has: never, getOwnPropertyDescriptor: never }), fetch: never, now: never, sleep: never, identityToken: never, readFile: never });
});

test("F52 10,000 cold calls probe once and ask once", async () => {
  const { fetch, chain } = scene({}, [NO_HEADER, json(IDENTITY)]);
  const cache = cacheOf(chain, () => NOW);
  await Promise.all(Array.from({ length: 10_000 }, () => cache.get(testContext(), askFor().signal)));
  assert.is(fetch.calls.length, 2);
});

test.run();
