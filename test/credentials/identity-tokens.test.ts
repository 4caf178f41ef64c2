import { test } from "uvu";
import * as assert from "uvu/assert";
import { NotConfiguredError } from "../../src/credentials/chain.js";
import { environmentToken, githubActionsToken, readIdentityToken, vercelToken, type GitHubActionsTokenOptions } from "../../src/credentials/identity-tokens.js";
import { answers, json, TOKEN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";
import { assertNoSecret } from "../support/run-send.js";

const ask = { signal: new AbortController().signal };
const ENV = { ACTIONS_ID_TOKEN_REQUEST_URL: "https://actions.test/idtoken/1//2?api-version=2.0", ACTIONS_ID_TOKEN_REQUEST_TOKEN: TOKEN };
const JWT = "eyJ.eyJ.sig";

test("GitHub Actions: one request, with the job's token, for the audience", async () => {
  const fetch = answers(json({ count: 1, value: JWT }));
  const read = githubActionsToken({ audience: "api://AzureADTokenExchange", env: ENV, fetch });
  assert.is(fetch.calls.length, 0);
  assert.is(await read(ask), JWT);
  assert.is(await read(), JWT);
  const [{ url, init }] = fetch.calls as [(typeof fetch.calls)[0]];
  assert.is(url, "https://actions.test/idtoken/1//2?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange");
  assert.is(init.method, "GET");
  assert.equal(init.headers, { "accept-encoding": "identity", accept: "application/json", authorization: `Bearer ${TOKEN}` });
  const bare = answers(json({ value: JWT }));
  await githubActionsToken({ audience: "a", env: { ...ENV, ACTIONS_ID_TOKEN_REQUEST_URL: "https://actions.test/t" }, fetch: bare })();
  assert.is(bare.calls[0]?.url, "https://actions.test/t?audience=a");
});

test("GitHub Actions: outside a job it is not set up, and a hostile address gets nothing", async () => {
  const fetch = answers(json({ value: JWT }));
  for (const env of [{}, { ...ENV, ACTIONS_ID_TOKEN_REQUEST_URL: "" }, { ACTIONS_ID_TOKEN_REQUEST_URL: ENV.ACTIONS_ID_TOKEN_REQUEST_URL }]) {
    const error = await rejects(githubActionsToken({ audience: "a", env, fetch })(), "ERR_KMS_CREDENTIALS");
    assert.ok(error instanceof NotConfiguredError);
  }
  for (const address of ["http://actions.test/?x=1", "http://127.0.0.1/?x=1", "https://u:p@actions.test/?x", "https://actions.test/ ?x", "https://actions.test/#x"]) {
    const error = await rejects(githubActionsToken({ audience: "a", env: { ...ENV, ACTIONS_ID_TOKEN_REQUEST_URL: address }, fetch })(), "ERR_KMS_CREDENTIALS");
    assert.not.ok(error instanceof NotConfiguredError);
    assertNoSecret(error);
  }
  await rejects(githubActionsToken({ audience: "a", env: { ...ENV, ACTIONS_ID_TOKEN_REQUEST_TOKEN: `${TOKEN}\r\nx: y` }, fetch })(), "ERR_KMS_CREDENTIALS", (error) => assertNoSecret(error));
  assert.is(fetch.calls.length, 0);
});

test("GitHub Actions: refusals and hostile answers", async () => {
  const rows: [Response, message: RegExp, retryable: boolean][] = [
    [json({}, 403), /token service refuses/, false],
    [json({}, 500), /token service refuses/, true],
    [json({ value: null }), /value is missing/, false],
    [json({ value: `${TOKEN}\r\n x` }), /characters that no token has/, false],
    [json([]), /not an object/, false],
    [new Response("<html>"), /the body is not JSON/, false],
    [new Response(null, { status: 301 }), /redirect/, false],
  ];
  for (const [response, message, retryable] of rows) {
    const error = await rejects(githubActionsToken({ audience: "a", env: ENV, fetch: answers(response) })(ask), "ERR_KMS_CREDENTIALS");
    assert.match(error.message, message);
    assert.match(error.message, /^GitHub Actions token: /);
    assert.is(error.retryable, retryable);
    assertNoSecret(error);
  }
});

test("Vercel: the header of the request, else the variable", async () => {
  const env = { VERCEL_OIDC_TOKEN: `${JWT}-env` };
  assert.is(await vercelToken({ env })(), `${JWT}-env`);
  assert.is(await vercelToken({ env, header: JWT })(), JWT);
  assert.is(await vercelToken({ env, header: null })(), `${JWT}-env`);
  assert.is(await vercelToken({ env, header: () => JWT })(), JWT);
  assert.is(await vercelToken({ env, header: () => undefined })(ask), `${JWT}-env`);
  assert.ok((await rejects(vercelToken({ env: {} })(), "ERR_KMS_CREDENTIALS")) instanceof NotConfiguredError);
  assertNoSecret(await rejects(vercelToken({ env, header: `${TOKEN}\nx` })(), "ERR_KMS_CREDENTIALS"));
});

test("a variable is read at each use, and trimmed at its end only", async () => {
  const env: Record<string, string> = {};
  const read = environmentToken("ID_TOKEN", env);
  assert.match((await rejects(read(), "ERR_KMS_CREDENTIALS")).message, /"ID_TOKEN" is not set/);
  env.ID_TOKEN = `${JWT}\n`;
  assert.is(await read(), JWT);
  env.ID_TOKEN = ` ${TOKEN}`;
  assertNoSecret(await rejects(read(), "ERR_KMS_CREDENTIALS"));
});

test("a function of the caller's is checked too", async () => {
  assert.is(await readIdentityToken("s", () => JWT, ask), JWT);
  assert.is(await readIdentityToken("s", async ({ signal }) => (assert.is(signal, ask.signal), `${JWT}\r\n`), ask), JWT);
  for (const bad of [undefined, null, "", " \n", 5, {}, `${TOKEN} ${TOKEN}`, `${TOKEN}\u0000`, "x".repeat(70_000)]) {
    assertNoSecret(await rejects(readIdentityToken("s", () => bad as string, ask), "ERR_KMS_CREDENTIALS"));
  }
});

test("unknown and mistyped options are problems at creation", async () => {
  for (const bad of [undefined, {}, { audience: "" }, { audience: "a\nb" }, { audience: "a", env: 5 }, { audience: "a", fetch: {} }, { audience: "a", timeoutMs: 0 }, { audience: "a", tokenUrl: "x" }]) {
    await rejects(() => githubActionsToken(bad as GitHubActionsTokenOptions), "ERR_KMS_CONFIG");
  }
  await rejects(() => vercelToken({ header: 5 } as never), "ERR_KMS_CONFIG");
});

test.run();
