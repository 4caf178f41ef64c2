import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromClientSecret, type FromClientSecretOptions } from "../../../src/azure/index.js";
import { rejects } from "../../support/rejects.js";
import { askFor, badTokens, cacheOf, CLIENT, fails, fakeFetch, formOf, hostileBodies, HOUR, json, NOW, PLANTED, refusesOptions, SCOPE, TENANT, TOKEN_URL, type Prepared } from "./support.js";
import { testContext } from "../../support/context.js";

const GOOD = { token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599, access_token: "opaque" };

function source(fetch: ReturnType<typeof fakeFetch>, changes: Partial<FromClientSecretOptions> = {}) {
  return fromClientSecret({ tenantId: TENANT, clientId: CLIENT, clientSecret: PLANTED, env: {}, fetch, now: () => NOW, ...changes });
}

function refusal(number: unknown, status = 400): Response {
  return json({ error: "invalid_client", error_description: `AADSTS: ${PLANTED}`, error_codes: [number], trace_id: PLANTED }, status);
}

test("the request in full", async () => {
  const fetch = fakeFetch(json(GOOD));
  const token = await source(fetch, { clientSecret: "a+b/c=&d é~" })(askFor());
  assert.equal(token, { token: "opaque", expiresAt: new Date(NOW + 3_599_000), refreshAt: undefined });
  assert.equal(fetch.calls, [
    {
      url: TOKEN_URL,
      method: "POST",
      headers: { "accept-encoding": "identity", accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
      body: `grant_type=client_credentials&client_id=${CLIENT}&client_secret=a%2Bb%2Fc%3D%26d+%C3%A9%7E&scope=https%3A%2F%2Fvault.azure.net%2F.default`,
      redirect: "manual",
    },
  ]);
});

test("options: every problem at once, no value shown, nothing asked", async () => {
  const make = (options: unknown) => () => fromClientSecret(options as FromClientSecretOptions);
  await refusesOptions(make({}), /^clientId must be/, /^clientSecret must be/);
  await refusesOptions(make(undefined), /^clientId must be/, /^clientSecret must be/);
  const bad = { tenantId: "../x", clientId: "a b", clientSecret: `${PLANTED}\n`, authorityHost: "http://login.example", env: 7, fetch: 7, now: 7, timeoutMs: 0, scope: "x" };
  await refusesOptions(make(bad), /^unknown option "scope"/, /^env must/, /^fetch must/, /^now must/, /^timeoutMs must/, /^authorityHost must be an https origin/, /^tenantId must/, /^clientId must/, /^clientSecret must/);
  for (const tenantId of ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a\r\nb", "tenant.", ".tenant", "x".repeat(300)]) await refusesOptions(make({ tenantId, clientId: CLIENT, clientSecret: "s" }), /^tenantId must be/);
  for (const authorityHost of ["login.microsoftonline.us", "https://user@login.example", "https://login.example/path", "https://login.example?x", "javascript:x"]) await refusesOptions(make({ authorityHost, clientId: CLIENT, clientSecret: "s" }), /^authorityHost must be/);
});

test("the authority: option, else environment, else that of the vault's cloud", async () => {
  const urlFor = async (changes: Partial<FromClientSecretOptions>, scope = SCOPE) => {
    const fetch = fakeFetch(json(GOOD));
    await source(fetch, changes)(askFor({ scope }));
    return new URL(fetch.calls[0]?.url as string).origin;
  };
  assert.is(await urlFor({}), "https://login.microsoftonline.com");
  for (const product of ["vault", "managedhsm"]) {
    assert.is(await urlFor({}, `https://${product}.azure.net/.default`), "https://login.microsoftonline.com");
    assert.is(await urlFor({}, `https://${product}.usgovcloudapi.net/.default`), "https://login.microsoftonline.us");
    assert.is(await urlFor({}, `https://${product}.azure.cn/.default`), "https://login.partner.microsoftonline.cn");
  }
  assert.is(await urlFor({ env: { AZURE_AUTHORITY_HOST: "https://login.chinacloudapi.cn/" } }, "https://vault.azure.cn/.default"), "https://login.chinacloudapi.cn");
  assert.is(await urlFor({ authorityHost: "https://login.microsoftonline.us", env: { AZURE_AUTHORITY_HOST: "https://other.example" } }), "https://login.microsoftonline.us");
  for (const host of ["http://login.microsoftonline.com", "login.microsoftonline.com", "https://x/y", `https://${PLANTED}@x`]) {
    const fetch = fakeFetch();
    await fails(source(fetch, { env: { AZURE_AUTHORITY_HOST: host } })(askFor()), /^client secret: AZURE_AUTHORITY_HOST must be an https origin/);
    assert.is(fetch.calls.length, 0);
  }
});

test("F47 lifetimes: numbers and their text, cut to a day, refused otherwise", async () => {
  const lifeOf = async (expires_in: unknown) => ((await source(fakeFetch(json({ ...GOOD, expires_in })))(askFor())).expiresAt as Date).getTime() - NOW;
  assert.is(await lifeOf("3600"), HOUR);
  assert.is(await lifeOf(1e20), 24 * HOUR);
  assert.is(await lifeOf(86_401), 24 * HOUR);
  assert.is(await lifeOf(0.5), 500);
  for (const bad of ["", "x", "-1", "1e3", "0x10", " 5", true, [], {}]) await fails(source(fakeFetch(json({ ...GOOD, expires_in: bad })))(askFor()), /^client secret: .*expires_in is not a number of seconds$/);
  for (const bad of [null, undefined]) await fails(source(fakeFetch(json({ ...GOOD, expires_in: bad })))(askFor()), /expires_in is missing$/);
});

test("F47 a token that cannot be one, or of another type", async () => {
  for (const body of badTokens(GOOD)) await fails(source(fakeFetch(json(body)))(askFor()), /^client secret: response invalid: access_token /);
  for (const token_type of ["pop", "", 5, [PLANTED]]) await fails(source(fakeFetch(json({ ...GOOD, token_type })))(askFor()), /token_type is not /);
  for (const token_type of ["bearer", undefined, null]) await source(fakeFetch(json({ ...GOOD, token_type })))(askFor());
});

test("F44, F47 bodies that are no answer of it", async () => {
  for (const body of hostileBodies()) {
    const fetch = fakeFetch(body);
    await fails(source(fetch)(askFor()), /^client secret: /);
    assert.ok(fetch.calls.every(({ url }) => url === TOKEN_URL), "nothing is followed");
  }
});

test("refusals by number, with the number as the service's code", async () => {
  const guide = readFileSync("src/azure/README.md", "utf8");
  for (const number of [7000215, 7000222, 700016, 90002, 700027, 700024, 70021, 700211, 700213, 70011, 500011, 53003, 123456]) {
    const error = await fails(source(fakeFetch(refusal(number)))(askFor()), new RegExp(`^client secret: the token endpoint refuses with AADSTS${number}$`));
    assert.is(error.providerCode, `AADSTS${number}`);
    // Cause and cure of those that a configuration can bring about.
    if (number !== 123456) assert.match(guide, new RegExp(`^\\| (\\d+, )*${number}(, \\d+)* \\|`, "m"));
    assert.is(error.status, 400);
  }
  for (const number of ["7000215", 0, -1, 1.5, 1e21, null, [7000215], "__proto__"]) {
    const error = await fails(source(fakeFetch(refusal(number)))(askFor()), /^client secret: the token endpoint refuses with status 400$/);
    assert.is(error.providerCode, undefined);
  }
  for (const body of ["", PLANTED, "<html>", "null", '{"error_codes":{}}', '{"error_codes":[]}', '{"error":5}']) await fails(source(fakeFetch(json(body, 401)))(askFor()), /refuses with status 401$/);
});

test("an answer that says nothing is asked for again, three times in all", async () => {
  const unreached = Object.assign(new TypeError(`fetch failed ${PLANTED}`), { cause: Object.assign(new Error(PLANTED), { code: "ECONNREFUSED" }) });
  for (const bad of [() => refusal(90033, 503), () => json("", 500), () => json({ error: "temporarily_unavailable" }, 429, { "retry-after": "0" }), unreached] as Prepared[]) {
    const fetch = fakeFetch(bad, bad, json(GOOD));
    assert.is((await source(fetch)(askFor())).token, "opaque");
    assert.is(fetch.calls.length, 3);
    const failing = fakeFetch(bad);
    await fails(source(failing)(askFor()), /^client secret: /, { retryable: true });
    assert.is(failing.calls.length, 3);
  }
});

test("a signal ends it", async () => {
  const controller = new AbortController();
  const hanging = fakeFetch(() => (controller.abort(new Error(PLANTED)), new Promise<never>(() => {})));
  await rejects(source(hanging)(askFor({ signal: controller.signal })), "ERR_KMS_ABORTED");
  await rejects(source(fakeFetch())(askFor({ signal: controller.signal })), "ERR_KMS_ABORTED");
});

test("F51 claims: merged with the capability to answer the next ones; others are refused", async () => {
  const claimsFor = async (claims: string | undefined) => {
    const fetch = fakeFetch(json(GOOD));
    await source(fetch)(askFor({ claims }));
    return formOf(fetch.calls[0]).claims;
  };
  assert.is(await claimsFor(undefined), undefined);
  assert.is(await claimsFor('{"id_token":{"a":null},"access_token":{"nbf":{"value":"1"},"xms_cc":{"values":["old"]}}}'), '{"id_token":{"a":null},"access_token":{"nbf":{"value":"1"},"xms_cc":{"values":["cp1"]}}}');
  assert.is(await claimsFor("{}"), '{"access_token":{"xms_cc":{"values":["cp1"]}}}');
  assert.is(await claimsFor('{"access_token":{"__proto__":{"x":1}}}'), '{"access_token":{"__proto__":{"x":1},"xms_cc":{"values":["cp1"]}}}');
  for (const claims of ["", PLANTED, "[]", "null", '"x"', '{"access_token":5}', `{"access_token":"${PLANTED}"}`]) await fails(source(fakeFetch())(askFor({ claims })), /^client secret: the claims cannot be read$/);
});

test("a scope is needed, and goes out as it is", async () => {
  for (const scope of [undefined, "", "a b", "x".repeat(257)]) await fails(source(fakeFetch())(askFor({ scope })), /^client secret: there is no scope$/);
  const fetch = fakeFetch(json(GOOD));
  await source(fetch)(askFor({ scope: "api://custom/.default" }));
  assert.is(formOf(fetch.calls[0]).scope, "api://custom/.default");
});

test("without a tenant: no token at first, then one of the tenant that the challenge named, else none", async () => {
  const { tenantId: _, ...options } = { tenantId: TENANT, clientId: CLIENT, clientSecret: PLANTED, env: {}, now: () => NOW };
  const fetch = fakeFetch(json(GOOD));
  const learning = fromClientSecret({ ...options, fetch });
  assert.equal(await learning(askFor()), { token: "tenant-not-known-yet", expiresAt: new Date(NOW + 60_000) });
  assert.is(fetch.calls.length, 0);
  assert.is((await learning(askFor({ tenantId: TENANT, refused: true }))).token, "opaque");
  assert.is(fetch.calls[0]?.url, TOKEN_URL);
  await fails(learning(askFor({ refused: true })), /^client secret: tenantId is missing, and no vault names one$/);
  // Only a vault answers with such a challenge.
  await fails(learning(askFor({ scope: "api://custom/.default" })), /tenantId is missing/);
  // A tenant that was given is not given up for another.
  await source(fetch)(askFor({ tenantId: "22222222-2222-4333-8444-555555555555", refused: true }));
  assert.is(fetch.calls[1]?.url, TOKEN_URL);
});

test("refresh: before the end, and at refresh_in if that is earlier; what fails then leaves the old one", async () => {
  for (const [refresh_in, at] of [[undefined, 55 * 60_000], [1800, 30 * 60_000]] as const) {
    let now = NOW;
    const minted = () => json({ ...GOOD, expires_in: 3600, refresh_in, access_token: `t${fetch.calls.length}` });
    const fetch = fakeFetch(minted, json("", 400), minted);
    const cache = cacheOf(source(fetch, { now: () => now }), () => now, 0);
    const get = async () => (await cache.get(testContext(), askFor().signal)).token;
    assert.is(await get(), "t1");
    now = NOW + at - 150_001;
    assert.is(await get(), "t1");
    assert.is(fetch.calls.length, 1);
    now = NOW + at + 150_000;
    assert.is(await get(), "t1", "the refresh failed");
    assert.is(fetch.calls.length, 2);
    now += 30_000;
    assert.is(await get(), "t3");
  }
});

test("F45 expired on arrival", async () => {
  for (const expires_in of [0, -1, "0", -1e20]) await fails(source(fakeFetch(json({ ...GOOD, expires_in })))(askFor()), /^client secret: the token that it gives has expired: check the clock$/, { retryable: true });
});

test("F52 10,000 cold calls make one request; a failure reaches each, and the next call starts anew", async () => {
  const fetch = fakeFetch(refusal(7000215, 401), json(GOOD));
  const cache = cacheOf(source(fetch), () => NOW);
  const calls = () => Array.from({ length: 10_000 }, () => cache.get(testContext(), askFor().signal));
  const failed = await Promise.allSettled(calls());
  assert.is(fetch.calls.length, 1);
  assert.ok(failed.every(({ status }) => status === "rejected"));
  const served = await Promise.all(calls());
  assert.is(fetch.calls.length, 2);
  assert.ok(served.every(({ token }) => token === "opaque"));
});

test("making a source does nothing", () => {
  const never = (): never => {
    throw new Error("asked");
  };
  const env = new Proxy({}, { get: never, has: never, ownKeys: never, getOwnPropertyDescriptor: never });
  fromClientSecret({ clientId: CLIENT, clientSecret: "s", fetch: never, now: never, env });
});

test.run();
