/** Wrapping tokens: opened once, looked at before, and loud when somebody else was there first. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fromAppRole, fromWrappedToken } from "../../../src/vault/index.js";
import { ADDRESS, askFor, authCase, fails, fakeFetch, issued, json, NOW, pathsOf, PLANTED, refusal, refusesOptions, scene } from "./support.js";

const test = suite("vault wrapping");

const APPROLE = { type: "approle", path: "ops", roles: { app: { roleId: "role", secretIds: ["secret"], policies: ["signer"], ttlSeconds: 60, maxTtlSeconds: 90 } } } as const;
const MINE = "auth/ops/role/app/secret-id";

function emulated() {
  const all = scene([APPROLE]);
  const { vault, now } = all;
  const wrap = async (path: string, body: unknown = {}): Promise<string> => {
    const headers = { "x-vault-token": vault.token, "x-vault-wrap-ttl": "60" };
    const response = await vault.fetch(`${vault.address}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const { wrap_info: info } = (await response.json()) as { wrap_info: { token: string } };
    vault.requests.length = 0;
    return info.token;
  };
  return { ...all, wrap, place: { address: vault.address, fetch: vault.fetch, now } };
}

test("a wrapped secret id is opened once, and serves later logins", async () => {
  const { vault, wrap, place, clock } = emulated();
  const login = fromAppRole({ ...place, mountPath: "ops", roleId: "role", wrappedSecretId: await wrap(MINE) });
  const first = await login(askFor());
  assert.equal(pathsOf(vault), ["sys/wrapping/lookup", "sys/wrapping/unwrap", "auth/ops/login"]);
  assert.equal(vault.requests.map(({ headers }) => headers["x-vault-token"] !== undefined), [false, true, false]);
  clock.ms += 3_600_000;
  assert.is.not((await login(askFor())).token, first.token);
  assert.is(pathsOf(vault).length, 4);
});

test("a function is asked for each login, and a new wrapping token opened", async () => {
  const { vault, wrap, place } = emulated();
  const tokens = [await wrap(MINE), await wrap(MINE)];
  const login = fromAppRole({ ...place, mountPath: "ops", roleId: "role", wrappedSecretId: async () => tokens.shift() as string });
  await login(askFor());
  await login(askFor({ refused: true }));
  assert.is(pathsOf(vault).filter((path) => path === "sys/wrapping/unwrap").length, 2);
});

test("opened by somebody else, spent, expired, wrapped again: refused loudly, and nothing is logged in", async () => {
  const { vault, wrap, place, clock } = emulated();
  const login = (wrappedSecretId: string) => fromAppRole({ ...place, mountPath: "ops", roleId: "role", wrappedSecretId })(askFor());
  const opened = await wrap(MINE);
  await fromAppRole({ ...place, mountPath: "ops", roleId: "role", wrappedSecretId: opened })(askFor());
  const error = await fails(login(opened), /^AppRole login: the wrapping token was opened before, has expired or never was one$/);
  assert.match(error.hint ?? "", /somebody else has opened it.*revoke that/);
  const expired = await wrap(MINE);
  clock.ms += 61_000;
  await fails(login(expired), /was opened before, has expired/);
  const again = await wrap("sys/wrapping/wrap", { secret_id: "evil" });
  const swapped = await fails(login(again), /made by another route than expected: it may have been opened and wrapped again$/);
  assert.match(swapped.hint ?? "", /somebody else/);
  const other = await wrap("auth/token/create", { ttl: "60s" });
  await fails(login(other), /made by another route/);
  assert.not.ok(pathsOf(vault).includes("auth/ops/login"));
  await fails(login(`${PLANTED} `), /has characters that no token has/);
  await fails(fromAppRole({ ...place, roleId: "r", wrappedSecretId: () => undefined as never })(askFor()), /has characters that no token has, or is empty/);
});

test("a wrapped token: renewed while that gives it more time, then a login needs a new one", async () => {
  const { vault, wrap, place, clock } = emulated();
  const token = await wrap("auth/token/create", { policies: ["signer"], ttl: "60s", explicit_max_ttl: "90s" });
  const login = fromWrappedToken({ ...place, token, creationPath: "auth/token/create" });
  const first = await login(askFor());
  clock.ms += 40_000;
  assert.is((await login(askFor())).token, first.token);
  assert.equal(pathsOf(vault), ["sys/wrapping/lookup", "sys/wrapping/unwrap", "auth/token/renew-self"]);
  clock.ms += 45_000;
  assert.is((await login(askFor())).token, first.token, "what is left of it still serves");
  clock.ms += 5_000;
  const error = await fails(login(askFor()), /this login has opened the wrapping token/);
  assert.match(error.hint ?? "", /a function/);
  assert.is(pathsOf(vault).length, 3);
  await fails(fromWrappedToken({ ...place, token })(askFor()), /^wrapped token: the wrapping token was opened before/);
});

test("a wrapped login, and a function that gets a new one", async () => {
  const { vault, wrap, place, clock } = emulated();
  const body = { role_id: "role", secret_id: "secret" };
  const login = fromWrappedToken({ ...place, token: () => wrap("auth/ops/login", body) });
  const first = await login(askFor());
  clock.ms += 100_000;
  assert.is.not((await login(askFor())).token, first.token);
  await login.revoke();
  assert.is(pathsOf(vault).at(-1), "auth/token/revoke-self");
  await fails(fromWrappedToken({ ...place, token: await wrap("auth/ops/login", body), creationPath: "auth/token/create" })(askFor()), /another route/);
});

test("unwrapping in full; it is not repeated when its answer is lost, and says so the next time", async () => {
  const { request, response } = authCase("unwrap");
  const fetch = fakeFetch(json(response.body));
  const token = request.headers?.["x-vault-token"] as string;
  const got = await fromWrappedToken({ address: ADDRESS, namespace: "team", token, fetch, now: () => NOW })(askFor());
  assert.is(got.token, response.body.auth.client_token);
  const headers = { "accept-encoding": "identity", "content-type": "application/json", "x-vault-namespace": "team", "x-vault-request": "true", "x-vault-token": token };
  assert.equal(fetch.calls, [{ url: `${ADDRESS}${request.path}`, method: "POST", headers, body: undefined, redirect: "manual" }]);
  const lost = fakeFetch(refusal(502, PLANTED), json(authCase("unwrap-used").response.body, 400));
  const login = fromWrappedToken({ address: ADDRESS, token: PLANTED, fetch: lost });
  await fails(login(askFor()), /the wrapping token is not opened$/, { retryable: true });
  assert.is(lost.calls.length, 1);
  await fails(login(askFor()), /opened before, perhaps by an earlier request of this login that had no answer/);
});

test("hostile answers of the two routes", async () => {
  const bad = [json(""), json("<html>"), json("[]"), json({}), json({ data: null }), json({ data: { creation_path: 5 } }), json({ data: { creation_path: PLANTED } }), json({ data: { creation_path: "auth/approle/role/a/b/secret-id" } })];
  for (const answer of bad) await fails(fromAppRole({ address: ADDRESS, roleId: "r", wrappedSecretId: "w", fetch: fakeFetch(answer) })(askFor()), /^AppRole login: /);
  const path = json({ data: { creation_path: "auth/approle/role/a/custom-secret-id" } });
  for (const answer of [json({}), json({ data: { secret_id: 5 } }), json({ data: { secret_id: null } }), issued()]) {
    await fails(fromAppRole({ address: ADDRESS, roleId: "r", wrappedSecretId: "w", fetch: fakeFetch(path, answer) })(askFor()), /^AppRole login: /);
  }
  const secret = json({ data: { secret_id: PLANTED } });
  const fetch = fakeFetch(path, secret, issued());
  await fromAppRole({ address: ADDRESS, roleId: "r", wrappedSecretId: "w", fetch })(askFor());
  assert.equal(fetch.calls[2]?.body, { role_id: "r", secret_id: PLANTED });
  await fails(fromWrappedToken({ address: ADDRESS, token: "w", fetch: fakeFetch(secret) })(askFor()), /auth is missing/);
  await refusesOptions(() => fromWrappedToken({ address: ADDRESS, token: "", mountPath: "x" } as never), /unknown option "mountPath"/, /token must/);
});

test.run();
