import { test } from "uvu";
import * as assert from "uvu/assert";
import { createAzureProvider } from "../../src/azure/index.js";
import type { CredentialAsk } from "../../src/credentials/cached.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { BUNDLE, NOW, testProvider, testService, VAULT_URL, VERSION } from "./service.js";

const key = { keyId: "signer", keyVersion: VERSION };
const REFUSED = { status: 401, body: { error: { code: "Unauthorized", message: "AKV10022" } } };
const CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1767225600"}}}';

function sentTokens(service: ReturnType<typeof testService>): (string | undefined)[] {
  return service.sent.map(({ headers }) => headers.authorization);
}

function challenge(claims: string): { status: number; headers: Record<string, string> } {
  return { status: 401, headers: { "www-authenticate": `Bearer realm="", authorization_uri="https://login.example/x", error="insufficient_claims", claims="${claims}"` } };
}

test("a value goes out as it is, and a refusal of it is final", async () => {
  const service = testService(REFUSED);
  const error = await rejects(testProvider(service, { credentials: { token: "one" } }).getPublicKey(key, testContext()), "ERR_KMS_UNAUTHENTICATED");
  assert.equal(sentTokens(service), ["Bearer one"]);
  assert.is(error.retryable, false);
  assert.match(error.hint ?? "", /^credentials must give .*https:\/\/vault\.azure\.net\/\.default/);
});

test("a function is told scope and refusal, and asked once more", async () => {
  const service = testService(REFUSED, { body: BUNDLE });
  const asks: Omit<CredentialAsk, "signal">[] = [];
  const credentials = ({ signal, ...ask }: CredentialAsk) => {
    assert.ok(signal instanceof AbortSignal);
    asks.push(ask);
    return { token: `token-${asks.length}`, expiresAt: new Date(NOW + 3_600_000) };
  };
  const provider = testProvider(service, { credentials });
  await provider.getPublicKey(key, testContext());
  await provider.getPublicKey(key, testContext());
  assert.equal(sentTokens(service), ["Bearer token-1", "Bearer token-2", "Bearer token-2"]);
  const scope = "https://vault.azure.net/.default";
  assert.equal(asks, [
    { scope, claims: undefined, tenantId: undefined, refused: false },
    { scope, claims: undefined, tenantId: undefined, refused: true },
  ]);
});

test("two refusals are an error, and never a loop", async () => {
  const service = testService(REFUSED);
  let asked = 0;
  const provider = testProvider(service, { credentials: () => ({ token: `token-${(asked += 1)}` }) });
  await rejects(provider.getPublicKey(key, testContext()), "ERR_KMS_UNAUTHENTICATED");
  assert.equal(sentTokens(service), ["Bearer token-1", "Bearer token-2"]);
});

test("each kind of host has its scope", async () => {
  for (const [vaultUrl, scope] of [
    ["https://example-hsm.managedhsm.azure.net", "https://managedhsm.azure.net/.default"],
    ["https://example-vault.vault.azure.cn", "https://vault.azure.cn/.default"],
  ] as const) {
    let asked: string | undefined;
    const credentials = (ask: CredentialAsk) => {
      asked = ask.scope;
      return { token: "t" };
    };
    await rejects(testProvider(testService({ status: 404 }), { vaultUrl, credentials }).getPublicKey(key, testContext()), "ERR_KMS_NOT_FOUND");
    assert.is(asked, scope);
  }
  let asked: string | undefined;
  const provider = testProvider(testService({ status: 404 }), { vaultUrl: "https://localhost:8443", scope: "https://kms.example/.default", credentials: (ask) => ((asked = ask.scope), { token: "t" }) });
  await rejects(provider.getPublicKey(key, testContext()), "ERR_KMS_NOT_FOUND");
  assert.is(asked, "https://kms.example/.default");
});

test("environment: AZURE_AUTH_TOKEN, trimmed, read for each request", async () => {
  const service = testService({ body: BUNDLE });
  const env: Record<string, string> = { AZURE_AUTH_TOKEN: "  first\r\n" };
  const provider = testProvider(service, { credentials: undefined as never, env });
  await provider.getPublicKey(key, testContext());
  env.AZURE_AUTH_TOKEN = "second";
  await provider.getPublicKey(key, testContext());
  assert.equal(sentTokens(service), ["Bearer first", "Bearer second"]);
});

test("environment: a token that is refused is not sent again, and the error names the variable", async () => {
  const service = testService(REFUSED);
  const error = await rejects(testProvider(service, { credentials: undefined as never, env: { AZURE_AUTH_TOKEN: "old\n" } }).getPublicKey(key, testContext()), "ERR_KMS_UNAUTHENTICATED");
  assert.equal(sentTokens(service), ["Bearer old"]);
  assert.match(error.hint ?? "", /AZURE_AUTH_TOKEN/);
});

test("environment: another token by then is tried once", async () => {
  const env: Record<string, string> = { AZURE_AUTH_TOKEN: "old" };
  const service = testService(REFUSED, { body: BUNDLE });
  const fetch: typeof service.fetch = (url, init) => {
    const answered = service.fetch(url, init);
    env.AZURE_AUTH_TOKEN = "new";
    return answered;
  };
  await testProvider(service, { credentials: undefined as never, env, fetch }).getPublicKey(key, testContext());
  assert.equal(sentTokens(service), ["Bearer old", "Bearer new"]);
});

test("environment: none, empty, or not a token", async () => {
  for (const env of [{}, { AZURE_AUTH_TOKEN: "" }, { AZURE_AUTH_TOKEN: " \n" }, { AZURE_AUTH_TOKEN: 7 }, Object.create({ AZURE_AUTH_TOKEN: "inherited" }) as object]) {
    const service = testService();
    const error = await rejects(testProvider(service, { credentials: undefined as never, env: env as Record<string, unknown> }).getPublicKey(key, testContext()), "ERR_KMS_CREDENTIALS");
    assert.match(error.message, /AZURE_AUTH_TOKEN is not set/);
    assert.is(service.sent.length, 0);
  }
  for (const token of ["Bearer secret-1", "secret-1\r\nx: y", "secret-1\u0000", "sécret-1"]) {
    const service = testService();
    const error = await rejects(testProvider(service, { credentials: undefined as never, env: { AZURE_AUTH_TOKEN: token } }).getPublicKey(key, testContext()), "ERR_KMS_CREDENTIALS");
    assert.not.match(`${error.message} ${JSON.stringify(error)}`, /cret-1/);
    assert.is(service.sent.length, 0);
  }
});

test("credentials that are no token", async () => {
  const bad = [{}, { token: "" }, { token: 7 }, { token: "a b" }, { token: "secret-1\n" }, { token: "t", expiresAt: "2026" }, { token: "t", expiresAt: new Date(Number.NaN) }, [], Object.create({ token: "inherited" })] as never[];
  for (const value of bad) {
    await rejects(() => testProvider(testService(), { credentials: value }), "ERR_KMS_CREDENTIALS");
    await rejects(testProvider(testService(), { credentials: () => value }).getPublicKey(key, testContext()), "ERR_KMS_CREDENTIALS");
    await rejects(testProvider(testService(), { credentials: async () => value }).getPublicKey(key, testContext()), "ERR_KMS_CREDENTIALS");
  }
  for (const value of ["token", 7, null, true] as never[]) await rejects(() => testProvider(testService(), { credentials: value }), "ERR_KMS_CONFIG");
  await rejects(testProvider(testService(), { credentials: { token: "t", expiresAt: new Date(NOW) } }).getPublicKey(key, testContext()), "ERR_KMS_CREDENTIALS");
});

test("a token function that fails: its words are not repeated", async () => {
  const provider = testProvider(testService(), {
    credentials: () => {
      throw new Error("secret-1");
    },
  });
  const error = await rejects(provider.getPublicKey(key, testContext()), "ERR_KMS_CREDENTIALS");
  assert.not.match(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`, /secret-1/);
});

test("a claims challenge reaches the token function, decoded, once", async () => {
  const service = testService(challenge(Buffer.from(CLAIMS).toString("base64")), { body: BUNDLE });
  const claims: (string | undefined)[] = [];
  const credentials = (ask: CredentialAsk) => {
    claims.push(ask.claims);
    return { token: `token-${claims.length}` };
  };
  const provider = testProvider(service, { credentials });
  await provider.getPublicKey(key, testContext());
  await provider.getPublicKey(key, testContext());
  assert.equal(claims, [undefined, CLAIMS, undefined]);
});

test("claims that cannot be read end the call", async () => {
  const bad = ["%%%", Buffer.from("[]").toString("base64"), Buffer.from('"x"').toString("base64"), Buffer.from("{").toString("base64"), Buffer.from([0xff, 0xfe]).toString("base64"), Buffer.from(`{"x":"${"y".repeat(8_000)}"}`).toString("base64"), ""];
  for (const claims of bad) {
    const service = testService(challenge(claims));
    let asked = 0;
    await rejects(testProvider(service, { credentials: () => ({ token: `t${(asked += 1)}` }) }).getPublicKey(key, testContext()), "ERR_KMS_UNAUTHENTICATED");
    assert.is(asked, 1, claims.slice(0, 20));
  }
});

test("making a provider asks for nothing", () => {
  const never = (): never => {
    throw new Error("asked");
  };
  createAzureProvider({ vaultUrl: VAULT_URL, credentials: never, fetch: never, now: never, random: never, sleep: never });
});

test.run();
