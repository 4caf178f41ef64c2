/** The life of a token: renewed when it is asked for, replaced when that gives it no more time, dropped when refused, revoked on request. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { VaultAuthMount } from "../../../src/testing/index.js";
import { createVaultKms, fromAppRole, fromJwt, type VaultLogin } from "../../../src/vault/index.js";
import { testContext } from "../../support/context.js";
import { rejects } from "../../support/rejects.js";
import { ADDRESS, askFor, authCase, cacheOf, fails, fakeFetch, issued, json, NOW, pathsOf, PLANTED, refusal, scene } from "./support.js";

const test = suite("vault token lives");

const LOGIN = "auth/approle/login";
const RENEW = "auth/token/renew-self";
const REVOKE = "auth/token/revoke-self";
const jwt = (): string => "eyJ";

function appRoles(tokens: Record<string, unknown>): VaultAuthMount[] {
  return [{ type: "approle", roles: { app: { roleId: "role", secretIds: ["secret"], policies: ["signer"], ...tokens } } }];
}

function emulated(tokens: Record<string, unknown>): ReturnType<typeof scene> & { login: VaultLogin; take(): string[]; at(seconds: number): Promise<string> } {
  const all = scene(appRoles(tokens));
  const { vault, now, clock } = all;
  const login = fromAppRole({ address: vault.address, fetch: vault.fetch, now, roleId: "role", secretId: "secret" });
  let seen = 0;
  const take = (): string[] => {
    const paths = pathsOf(vault);
    return paths.slice(seen, (seen = paths.length));
  };
  const at = async (seconds: number): Promise<string> => {
    clock.ms = NOW + seconds * 1000;
    return (await login(askFor())).token;
  };
  return { ...all, login, take, at };
}

test("renewed at two thirds, the same token; a capped renewal is followed by a login", async () => {
  const { take, at, login } = emulated({ ttlSeconds: 60, maxTtlSeconds: 150 });
  const first = await at(0);
  assert.equal(take(), [LOGIN]);
  assert.is(await at(29), first);
  assert.equal(take(), []);
  assert.is(await at(40), first);
  assert.equal(take(), [RENEW]);
  const { expiresAt, refreshAt } = await login(askFor());
  assert.equal([expiresAt, refreshAt], [new Date(NOW + 100_000), new Date(NOW + 80_000)]);
  assert.is(await at(80), first);
  assert.is(await at(120), first, "capped at 150 s, which is some time more");
  assert.equal(take(), [RENEW, RENEW]);
  assert.is(await at(140), first, "not near the end yet");
  assert.equal(take(), []);
  const second = await at(144);
  assert.is.not(second, first);
  assert.equal(take(), [LOGIN]);
});

test("a renewal that gives no more time, and one of a token near its end, is a login", async () => {
  const short = emulated({ ttlSeconds: 60, maxTtlSeconds: 62 });
  const first = await short.at(0);
  assert.is.not(await short.at(40), first);
  assert.equal(short.take(), [LOGIN, RENEW, LOGIN]);
  const late = emulated({ ttlSeconds: 60, maxTtlSeconds: 600 });
  const before = await late.at(0);
  assert.is.not(await late.at(55), before);
  assert.is.not(await late.at(200), before);
  assert.equal(late.take(), [LOGIN, LOGIN, LOGIN], "a process that slept");
});

test("a periodic token is renewed for ever, a batch token never", async () => {
  const periodic = emulated({ periodSeconds: 30 });
  const first = await periodic.at(0);
  for (let time = 20; time <= 600; time += 20) assert.is(await periodic.at(time), first);
  assert.equal([...new Set(periodic.take())], [LOGIN, RENEW]);
  const batch = emulated({ type: "batch", ttlSeconds: 100 });
  const one = await batch.at(0);
  assert.is(await batch.at(79), one);
  assert.is((await batch.login(askFor())).refreshAt, undefined);
  assert.is.not(await batch.at(81), one);
  assert.equal(batch.take(), [LOGIN, LOGIN]);
  const error = await rejects(batch.login.revoke(), "ERR_KMS_UNSUPPORTED");
  assert.match(error.message, /batch token cannot be revoked/);
  assert.equal(batch.take(), []);
});

test("through a provider's cache: renewed early whatever the jitter, and no call with an expired token", async () => {
  for (const random of [0, 0.5, 0.999]) {
    const { vault, now, clock, login, take } = emulated({ ttlSeconds: 60, maxTtlSeconds: 3600 });
    const cache = cacheOf(login, now, random);
    for (let time = 0; time <= 600; time += 1) {
      clock.ms = NOW + 1000 * time;
      const { token, expiresAt } = await cache.get(testContext(), askFor().signal);
      assert.ok((expiresAt as Date).getTime() > clock.ms);
      const seen = await vault.fetch(`${vault.address}/v1/auth/token/lookup-self`, { headers: { "x-vault-token": token } });
      assert.is(seen.status, 200, `at ${time}`);
    }
    const paths = take().filter((path) => path !== "auth/token/lookup-self");
    assert.is(paths.filter((path) => path === LOGIN).length, 1);
    assert.ok(paths.length >= 14 && paths.length <= 20, `random ${random}: ${paths.length}`);
  }
});

test("a token that ends in the middle of its use, or is revoked by others, is replaced once", async () => {
  const { vault, now, clock, login, take } = emulated({ ttlSeconds: 60, maxTtlSeconds: 3600 });
  await vault.createKey({ name: "k", type: "ed25519" });
  const kms = createVaultKms({ address: vault.address, mountPath: "transit", keyName: "k", algorithm: "Ed25519", fetch: vault.fetch, now, credentials: login });
  const data = new Uint8Array([1]);
  await kms.sign(data);
  const { token } = await login(askFor());
  vault.tokens.revoke(token);
  await kms.sign(data);
  assert.equal(take(), [LOGIN, LOGIN]);
  clock.ms += 59_999;
  await kms.sign(data);
  clock.ms += 3_600_000;
  await kms.sign(data);
  assert.equal(take(), [LOGIN, LOGIN]);
  vault.auth.setPolicy("signer", {});
  await rejects(kms.sign(data), "ERR_KMS_ACCESS_DENIED");
  assert.equal(take(), [], "a missing grant is not about the token");
  vault.tokens.revoke((await login(askFor())).token);
  vault.auth.disable("approle");
  await rejects(kms.sign(data), "ERR_KMS_CREDENTIALS", (error) => assert.match(error.message, /AppRole login: mountPath, namespace or identity is wrong/));
  assert.equal(take(), [LOGIN], "a refused login is no reason for another");
});

test("refused: one fresh login, also while the refused token is being renewed", async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let logins = 0;
  const clock = { ms: NOW };
  const fetch = async (url: string): Promise<Response> => {
    if (url.endsWith("/login")) return issued({ client_token: `t${++logins}` });
    await held;
    return issued({ client_token: "t1" });
  };
  const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch, now: () => clock.ms });
  assert.is((await login(askFor())).token, "t1");
  clock.ms += 2_400_000;
  const renewing = login(askFor());
  const refused = login(askFor({ refused: true }));
  release();
  assert.equal([(await renewing).token, (await refused).token], ["t2", "t2"]);
  assert.is(logins, 2);
  assert.is((await login(askFor({ refused: true }))).token, "t3");
});

test("a renewal that fails for the moment: the token still serves, and is not asked about again at once", async () => {
  for (const answer of [refusal(503, "Vault is sealed"), refusal(500, "x"), json("<html>"), json({ auth: { client_token: "other", lease_duration: 3600 } }), json({ auth: {} })]) {
    const clock = { ms: NOW };
    const fetch = fakeFetch(issued(), answer);
    const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch, now: () => clock.ms, timeoutMs: 40 });
    await login(askFor());
    clock.ms += 2_400_000;
    const got = await login(askFor());
    assert.equal(got, { token: "hvs.token", expiresAt: new Date(NOW + 3_600_000) });
    const sent = fetch.calls.length;
    await login(askFor());
    assert.is(fetch.calls.length, sent);
    clock.ms += 31_000;
    await login(askFor());
    assert.ok(fetch.calls.length > sent);
    clock.ms = NOW + 3_600_000;
    const last = await login(askFor()).then(({ token }) => token, ({ code }: { code: string }) => code);
    assert.ok(["ERR_KMS_CREDENTIALS", "other"].includes(last), "after its end it is no longer given");
  }
});

test("a renewal that is refused is a login", async () => {
  const refusals = [authCase("renew-self-batch-token").response.body, { errors: ["lease is not renewable"] }, { errors: ["lease expired"] }];
  for (const body of refusals) {
    const clock = { ms: NOW };
    const fetch = fakeFetch(issued(), json(body, 400), issued({ client_token: "hvs.second" }));
    const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch, now: () => clock.ms });
    await login(askFor());
    clock.ms += 2_400_000;
    assert.is((await login(askFor())).token, "hvs.second");
    assert.equal(fetch.calls.map(({ url }) => url.split("/").at(-1)), ["login", "renew-self", "login"]);
    assert.equal([fetch.calls[1]?.headers["x-vault-token"], fetch.calls[1]?.body], ["hvs.token", {}]);
    assert.equal([fetch.calls[0]?.headers["x-vault-token"], fetch.calls[2]?.headers["x-vault-token"]], [undefined, undefined], "a login carries no token");
  }
});

test("the recorded capped renewals of both products", async () => {
  for (const id of ["renew-self-capped", "renew-self-capped-openbao"]) {
    const { auth } = authCase(id).response.body;
    const clock = { ms: NOW };
    const fetch = fakeFetch(issued({ client_token: auth.client_token }), json(authCase(id).response.body), issued({ client_token: "next" }));
    const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch, now: () => clock.ms });
    await login(askFor());
    clock.ms += 2_400_000;
    assert.is((await login(askFor())).token, "next", "412 s are less than were left");
  }
});

test("a token without an end is asked about once a day", async () => {
  const clock = { ms: NOW };
  const fetch = fakeFetch(issued({ lease_duration: 0, renewable: false }));
  const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch, now: () => clock.ms });
  for (let day = 0; day < 40; day += 1, clock.ms += 86_400_000) assert.is((await login(askFor())).expiresAt?.getTime(), clock.ms + 86_400_000);
  assert.is(fetch.calls.length, 1);
});

test("a lease of 12 days is renewed at two thirds of it, though no token is kept for more than a day", async () => {
  const { at, take } = emulated({ ttlSeconds: 1_036_800 });
  for (let day = 0; day < 9; day += 1) await at(day * 86_400);
  assert.equal(take(), [LOGIN, RENEW]);
});

test("revoke: the token is gone, nothing is sent without one, and the next use logs in", async () => {
  const { vault, login, take, at } = emulated({ ttlSeconds: 60 });
  await login.revoke();
  assert.equal(take(), []);
  const first = await at(0);
  await login.revoke();
  assert.equal(take(), [LOGIN, REVOKE]);
  assert.is(vault.requests.at(-1)?.headers["x-vault-token"], first);
  assert.is((await vault.fetch(`${vault.address}/v1/auth/token/lookup-self`, { headers: { "x-vault-token": first } })).status, 403);
  await login.revoke();
  const second = await at(1);
  assert.is.not(second, first);
  vault.tokens.revoke(second);
  take();
  await login.revoke();
  assert.equal(take(), [REVOKE], "one that the server does not know is as good as revoked");
});

test("revoke waits for a login under way, and fails loudly; the token then stays", async () => {
  const fetch = fakeFetch(issued(), refusal(503, PLANTED), refusal(503, PLANTED), refusal(503, PLANTED), new Response(null, { status: 204 }));
  const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch, now: () => NOW });
  const got = login(askFor());
  await fails(login.revoke(), /^JWT login: the token is not revoked$/, { retryable: true });
  assert.is((await login(askFor())).token, (await got).token);
  await login.revoke();
  assert.is(fetch.calls.length, 5);
  const failing = fromJwt({ address: ADDRESS, identityToken: jwt, fetch: fakeFetch(refusal(403, "permission denied")) });
  const refused = failing(askFor()).catch(() => undefined);
  await failing.revoke();
  await refused;
});

test.run();
