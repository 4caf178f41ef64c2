import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromManagedIdentity, type FromManagedIdentityOptions } from "../../../src/azure/index.js";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { rejects } from "../../support/rejects.js";
import { askFor, badTokens, fails, fakeFetch, hostileBodies, HOUR, json, NOW, PLANTED, refusesOptions, type Prepared } from "./support.js";

const IMDS = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net";
const APP_ENV = { IDENTITY_ENDPOINT: "http://127.0.0.1:41234/msi/token", IDENTITY_HEADER: PLANTED };
const APP = "http://127.0.0.1:41234/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net";
const GOOD = { access_token: "opaque", expires_in: "3599", expires_on: String(NOW / 1000 + 3599), token_type: "Bearer", resource: "https://vault.azure.net" };
const RESOURCE_ID = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1";

interface Scene {
  readonly source: ReturnType<typeof fromManagedIdentity>;
  readonly fetch: ReturnType<typeof fakeFetch>;
  readonly waits: number[];
}

/** Waits take no time, and are noted. */
function scene(answers: readonly Prepared[], changes: Partial<FromManagedIdentityOptions> = {}): Scene {
  const fetch = fakeFetch(...answers);
  const waits: number[] = [];
  return { fetch, waits, source: fromManagedIdentity({ env: {}, fetch, now: () => NOW, sleep: async (ms) => void waits.push(ms), ...changes }) };
}

test("virtual machine: the request in full", async () => {
  const { source, fetch } = scene([json(GOOD)]);
  assert.equal(await source(askFor()), { token: "opaque", expiresAt: new Date(NOW + 3_599_000), refreshAt: undefined });
  assert.equal(fetch.calls, [{ url: IMDS, method: "GET", headers: { "accept-encoding": "identity", metadata: "true" }, body: undefined, redirect: "manual" }]);
});

test("App Service, Functions, Container Apps: the request in full, the secret to that address only", async () => {
  const { source, fetch } = scene([json(GOOD)], { env: APP_ENV });
  assert.equal(await source(askFor()), { token: "opaque", expiresAt: new Date(NOW + 3_599_000), refreshAt: undefined });
  assert.equal(fetch.calls, [{ url: APP, method: "GET", headers: { "accept-encoding": "identity", "x-identity-header": PLANTED }, body: undefined, redirect: "manual" }]);
});

test("each selector in the words of its endpoint", async () => {
  const id = encodeURIComponent(RESOURCE_ID);
  for (const [selector, imds, app] of [
    [{ clientId: "c 1&x" }, "client_id=c%201%26x", "client_id=c%201%26x"],
    [{ objectId: "o-1" }, "object_id=o-1", "object_id=o-1"],
    [{ resourceId: RESOURCE_ID }, `msi_res_id=${id}`, `mi_res_id=${id}`],
  ] as const) {
    for (const [env, url] of [[{}, `${IMDS}&${imds}`], [APP_ENV, `${APP}&${app}`]] as const) {
      const { source, fetch } = scene([json(GOOD)], { env, ...selector });
      await source(askFor());
      assert.is(fetch.calls[0]?.url, url);
    }
  }
});

test("options", async () => {
  await refusesOptions(() => fromManagedIdentity({ clientId: "a", objectId: "b" }), /^only one of clientId, objectId and resourceId can name the identity$/);
  await refusesOptions(() => fromManagedIdentity({ clientId: "", resourceId: `x\n${PLANTED}`, sleep: 5, tenantId: "x" } as never), /^unknown option "tenantId"/, /^sleep must/, /^clientId must/, /^resourceId must/, /^only one of/);
});

test("the environment is read at each use", async () => {
  const env: Record<string, string> = {};
  const { source, fetch } = scene([json(GOOD)], { env });
  await source(askFor());
  Object.assign(env, APP_ENV);
  await source(askFor());
  assert.equal(fetch.calls.map(({ url }) => url), [IMDS, APP]);
});

test("F44 addresses from the environment: https, or the machine's own", async () => {
  for (const address of ["http://localhost:42356/msi/token/", "http://169.254.129.2:8081/msi/token", "http://[::1]:8081/x", "https://identity.example/token"]) {
    const { source, fetch } = scene([json(GOOD)], { env: { ...APP_ENV, IDENTITY_ENDPOINT: address } });
    await source(askFor());
    assert.ok(fetch.calls[0]?.url.startsWith(`${address}?`));
  }
  for (const address of ["http://10.0.0.4/token", "http://evil.example/token", "http://169.254.169.254.evil.example/x", `http://${PLANTED}@127.0.0.1/x`, "file:///etc/passwd", "x", "http://127.0.0.1/x?y", "http://127.0.0.1/x#y", "http://2130706433.example/"]) {
    const { source, fetch } = scene([], { env: { ...APP_ENV, IDENTITY_ENDPOINT: address } });
    await fails(source(askFor()), /^managed identity: /);
    assert.is(fetch.calls.length, 0, address);
  }
  for (const header of [`${PLANTED}\r\nx: y`, `${PLANTED} x`, "é"]) await fails(scene([], { env: { ...APP_ENV, IDENTITY_HEADER: header } }).source(askFor()), /IDENTITY_HEADER has characters that no header has$/);
  const pod = scene([json(GOOD)], { env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: "http://127.0.0.1:2333" } });
  await pod.source(askFor());
  assert.ok(pod.fetch.calls[0]?.url.startsWith("http://127.0.0.1:2333/metadata/identity/oauth2/token?"));
  for (const host of ["http://evil.example", "127.0.0.1", "http://127.0.0.1/path"]) await fails(scene([], { env: { AZURE_POD_IDENTITY_AUTHORITY_HOST: host } }).source(askFor()), /^managed identity: /);
});

test("virtual machine: 404, 408, 429 and 5xx are asked again after 1, 2 and 4 seconds", async () => {
  for (const status of [404, 408, 429, 500, 503, 599]) {
    const { source, fetch, waits } = scene([json({}, status), json({}, status), json({}, status), json(GOOD)], { timeoutMs: 20_000 });
    assert.is((await source(askFor())).token, "opaque");
    assert.equal(waits, [1_000, 2_000, 4_000]);
    assert.is(fetch.calls.length, 4);
    const failing = scene([json({}, status)], { timeoutMs: 20_000 });
    await fails(failing.source(askFor()), new RegExp(`^managed identity: the endpoint of virtual machines refuses \\(status ${status}\\)$`), { retryable: status !== 404 });
    assert.equal(failing.waits, [1_000, 2_000, 4_000]);
  }
});

test("virtual machine: 410 first allows seven waits of ten seconds, 410 later its usual three", async () => {
  const first = scene([json("", 410), json("", 410), json("", 503), json("", 410), json(GOOD)], { timeoutMs: 75_000 });
  await first.source(askFor());
  assert.equal(first.waits, [10_000, 10_000, 4_000, 10_000]);
  const later = scene([json("", 503), json("", 410)], { timeoutMs: 75_000 });
  await fails(later.source(askFor()), /\(status 410\)$/);
  assert.equal(later.waits, [1_000, 10_000, 10_000]);
});

test("a wait that does not fit is told instead", async () => {
  const gone = scene([json("", 410)]);
  const error = await fails(gone.source(askFor()), /^managed identity: the endpoint of virtual machines is not ready \(status 410\)$/, { retryable: true });
  assert.is(error.retryAfterMs, 10_000);
  assert.equal(gone.waits, []);
  const third = scene([json("", 503)], { timeoutMs: 3_500 });
  await fails(third.source(askFor()), /is not ready/, { retryable: true });
  assert.equal(third.waits, [1_000, 2_000]);
});

test("App Service: three times after a second, or what the answer says", async () => {
  for (const status of [404, 408, 429, 500, 503, 504]) {
    const { source, waits } = scene([json({}, status), json({}, status, { "retry-after": "2" }), json({}, status), json(GOOD)], { env: APP_ENV });
    await source(askFor());
    assert.equal(waits, [1_000, 2_000, 1_000]);
  }
  for (const status of [400, 401, 403, 410, 501, 502]) {
    const { source, fetch } = scene([json({ statusCode: status, message: PLANTED, correlationId: "x" }, status)], { env: APP_ENV });
    await fails(source(askFor()), new RegExp(`^managed identity: the endpoint of App Service refuses \\(status ${status}\\)$`), { retryable: status >= 500 });
    assert.is(fetch.calls.length, 1);
  }
  const long = scene([json({}, 429, { "retry-after": "60" })], { env: APP_ENV });
  const error = await fails(long.source(askFor()), /is not ready \(status 429\)$/, { retryable: true });
  assert.is(error.retryAfterMs, 60_000);
});

test("F45 answers that are none: hostile bodies, bad tokens, ends that make no sense", async () => {
  for (const env of [{}, APP_ENV]) {
    for (const body of hostileBodies()) {
      const { source, fetch } = scene([body], { env });
      await fails(source(askFor()), /^managed identity: /);
      assert.ok(fetch.calls.every(({ url }) => url === (env === APP_ENV ? APP : IMDS)), "nothing is followed");
    }
    for (const body of badTokens(GOOD)) await fails(scene([json(body)], { env }).source(askFor()), /access_token /);
    for (const expires_on of [true, [], {}, "", "soon", "2026-01-01", "-1", "13/45/2026 1:00:00 AM +00:00", "1/1/2026"]) await fails(scene([json({ ...GOOD, expires_on })], { env }).source(askFor()), /expires_on is not a number of seconds$/);
    await fails(scene([json({ access_token: "t" })], { env }).source(askFor()), /expires_in is missing$/);
    await fails(scene([json({ ...GOOD, token_type: "pop" })], { env }).source(askFor()), /token_type is not Bearer$/);
  }
  await fails(scene([json({ Code: "Failed", Message: PLANTED })]).source(askFor()), /access_token is missing$/);
});

test("ends: expires_on as number, text or date, else expires_in; cut to a day", async () => {
  const lifeOf = async (changes: object) => ((await scene([json({ ...GOOD, ...changes })]).source(askFor())).expiresAt as Date).getTime() - NOW;
  const seconds = NOW / 1000;
  assert.is(await lifeOf({ expires_on: seconds + 60 }), 60_000);
  assert.is(await lifeOf({ expires_on: String(seconds + 60) }), 60_000);
  assert.is(await lifeOf({ expires_on: "1/1/2026 1:00:00 AM +00:00" }), HOUR);
  assert.is(await lifeOf({ expires_on: "1/1/2026 3:00:00 AM +02:00" }), HOUR);
  assert.is(await lifeOf({ expires_on: "01/01/2026 13:30:00 +00:00" }), 13.5 * HOUR);
  assert.is(await lifeOf({ expires_on: undefined }), 3_599_000);
  assert.is(await lifeOf({ expires_on: null, expires_in: 60 }), 60_000);
  assert.is(await lifeOf({ expires_on: 1e20 }), 24 * HOUR);
  assert.is(await lifeOf({ expires_on: NOW }), 24 * HOUR, "milliseconds by mistake");
});

test("F45 expired on arrival", async () => {
  for (const expires_on of ["0", 0, NOW / 1000, "12/31/2025 12:00:00 PM +00:00"]) await fails(scene([json({ ...GOOD, expires_on })]).source(askFor()), /^managed identity: the token that it gives has expired: check the clock$/, { retryable: true });
});

test("no identity on the machine: not set up; other refusals: a failure", async () => {
  const none = await fails(scene([json({ error: "invalid_request", error_description: "Identity not found" }, 400)]).source(askFor()), /this machine has no such identity$/);
  assert.ok(none instanceof NotConfiguredError);
  for (const body of [{ error: "invalid_resource", error_description: PLANTED }, { error: "bad_request_102" }, "", "[]", null]) {
    const error = await fails(scene([json(body as never, 400)]).source(askFor()), /refuses \(status 400\)$/);
    assert.not.ok(error instanceof NotConfiguredError);
  }
});

test("nobody answers", async () => {
  const refused = Object.assign(new TypeError(PLANTED), { cause: Object.assign(new Error(PLANTED), { code: "ECONNREFUSED" }) });
  const { source, fetch } = scene([refused]);
  await fails(source(askFor()), /^managed identity: no complete answer: network$/, { retryable: true });
  assert.is(fetch.calls.length, 1);
});

test("a signal ends the request and the wait", async () => {
  const controller = new AbortController();
  const hanging = scene([() => (controller.abort(new Error(PLANTED)), new Promise<never>(() => {}))]);
  await rejects(hanging.source(askFor({ signal: controller.signal })), "ERR_KMS_ABORTED");
  const other = new AbortController();
  const waiting = scene([json("", 503)], { sleep: () => (other.abort(), new Promise<never>(() => {})) });
  await rejects(waiting.source(askFor({ signal: other.signal })), "ERR_KMS_ABORTED");
  assert.is(waiting.fetch.calls.length, 1);
});

test("the platforms that are refused, in the order of the vendor's client", async () => {
  const all = { IDENTITY_ENDPOINT: "https://10.0.0.4:2377/x", IDENTITY_HEADER: "h", IDENTITY_SERVER_THUMBPRINT: "t", MSI_ENDPOINT: "http://localhost:50342", MSI_SECRET: "s", IMDS_ENDPOINT: "http://127.0.0.1:40342" };
  const without = (...names: (keyof typeof all)[]) => Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name as keyof typeof all)));
  for (const [env, name] of [
    [all, "Service Fabric"],
    [without("IDENTITY_HEADER"), "Azure Machine Learning"],
    [without("IDENTITY_HEADER", "MSI_SECRET"), "Cloud Shell"],
    [without("IDENTITY_HEADER", "MSI_SECRET", "MSI_ENDPOINT"), "Azure Arc"],
  ] as const) {
    const { source, fetch } = scene([], { env });
    const error = await fails(source(askFor()), new RegExp(`^managed identity: ${name} is not supported`));
    assert.match(`${error.message} ${error.hint}`, /pass credentials: a function/);
    assert.is(fetch.calls.length, 0);
    assert.is(error instanceof NotConfiguredError, name === "Cloud Shell");
  }
  const app = scene([json(GOOD)], { env: { ...without("IDENTITY_SERVER_THUMBPRINT"), ...APP_ENV } });
  await app.source(askFor());
  assert.is(app.fetch.calls[0]?.url, APP);
});

test("never on an edge runtime", async () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { userAgent: "Cloudflare-Workers" }, configurable: true });
  try {
    for (const env of [{}, APP_ENV]) {
      const { source, fetch } = scene([], { env });
      assert.ok((await fails(source(askFor()), /^managed identity: not asked on this runtime$/)) instanceof NotConfiguredError);
      assert.is(fetch.calls.length, 0);
    }
  } finally {
    if (before === undefined) delete (globalThis as { navigator?: unknown }).navigator;
    else Object.defineProperty(globalThis, "navigator", before);
  }
});

test("F46 a proxy of the environment between: refused, unless a fetch is given or the address excluded", async () => {
  const names = ["NODE_USE_ENV_PROXY", "HTTP_PROXY", "NO_PROXY"] as const;
  const before = names.map((name) => process.env[name]);
  const global = globalThis.fetch;
  const direct = fakeFetch(json(GOOD));
  globalThis.fetch = direct as typeof fetch;
  try {
    Object.assign(process.env, { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://proxy.example:3128" });
    const source = fromManagedIdentity({ env: {}, now: () => NOW });
    const error = await fails(source(askFor()), /^managed identity: a proxy of the environment/);
    assert.match(error.hint ?? "", /add 169\.254\.169\.254 to NO_PROXY/);
    assert.is(direct.calls.length, 0);
    process.env.NO_PROXY = "localhost,169.254.169.254";
    await source(askFor());
    assert.is(direct.calls.length, 1);
  } finally {
    globalThis.fetch = global;
    names.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    });
  }
});

test.run();
