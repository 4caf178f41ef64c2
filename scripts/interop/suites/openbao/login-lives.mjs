// The life of a login: the first token, its renewal on use, its loss, another one, and the end.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromAppRole, vaultDefaultChain } from "../../lib/built.mjs";
import { expect, expectEqual, expectFailure } from "../../lib/cases.mjs";
import { done } from "./setup.mjs";
import { idsOf, LOGINS, lookUp, manager, reach, role, roleIdOf, sign, tokenOf, tokenRequest } from "./login-setup.mjs";

export function lifeCases(scene) {
  return [
    ...Object.keys(LOGINS).flatMap((name) => [
      { name: `${name}: one token signs many times`, run: () => signs(scene, name) },
      { name: `${name}: is renewed on use`, run: () => renews(scene, name) },
      { name: `${name}: a token that the server revoked is refused, and replaced`, run: () => replaces(scene, name) },
      { name: `${name}: revoke ends the token, and the next use logs in again`, run: () => revokes(scene, name) },
    ]),
    { name: "near its maximum a token is replaced in time", run: () => outlives(scene) },
    { name: "a token that cannot be renewed is replaced in time", run: () => replacesEarly(scene) },
    { name: "a periodic token is renewed without end", run: () => renewsPeriodic(scene) },
    { name: "a batch token signs, and cannot be revoked", run: () => usesBatch(scene) },
    { name: "a role without a secret id", run: () => needsNoSecret(scene) },
    { name: "a login in a namespace", run: () => logsInWithin(scene) },
    { name: "100 cold calls are one login", run: () => logsInOnce(scene) },
    { name: "the wrapped secret id is opened once, and serves later logins", run: () => keepsSecret(scene) },
    { name: "the default chain: variable, then file", run: () => readsChain(scene) },
  ];
}

async function signs(scene, name) {
  const login = await LOGINS[name](scene);
  const kms = manager(scene, login);
  await sign(kms);
  const token = await tokenOf(login);
  for (let count = 0; count < 3; count += 1) await sign(kms);
  expectEqual(await tokenOf(login), token, "the token after four signatures");
  const { policies } = await lookUp(scene, token);
  expect(policies.includes("signer"), "a token of the role's own policies");
}

/** The clock of the login is put ahead; the server's own says when it renewed. */
async function renews(scene, name) {
  const clock = { ahead: 0 };
  const login = await LOGINS[name](scene, { now: () => Date.now() + clock.ahead });
  const kms = manager(scene, login, { now: () => Date.now() + clock.ahead });
  await sign(kms);
  const token = await tokenOf(login);
  expectEqual((await lookUp(scene, token)).last_renewal_time, undefined, "the time of renewal before");
  clock.ahead = 45_000;
  await sign(kms);
  expect((await lookUp(scene, token)).last_renewal_time > 0, "the server to have renewed the token");
  expectEqual(await tokenOf(login), token, "the token after the renewal");
}

async function replaces(scene, name) {
  const login = await LOGINS[name](scene);
  const kms = manager(scene, login);
  await sign(kms);
  const token = await tokenOf(login);
  await done(scene.bao, "POST", "auth/token/revoke", { token });
  await expectFailure(() => sign(manager(scene, { token })), "ERR_KMS_UNAUTHENTICATED");
  await sign(kms);
  expect((await tokenOf(login)) !== token, "another token");
}

async function revokes(scene, name) {
  const login = await LOGINS[name](scene);
  const kms = manager(scene, login);
  await login.revoke(); // nothing at hand, nothing sent
  await sign(kms);
  const token = await tokenOf(login);
  await login.revoke();
  expectEqual(await lookUp(scene, token), undefined, "what the server knows of the token");
  await sign(kms);
  expect((await tokenOf(login)) !== token, "another token");
  await login.revoke();
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function outlives(scene) {
  await role(scene, "short", { token_ttl: "2s", token_max_ttl: "3s" });
  const login = fromAppRole({ ...reach(scene), ...(await idsOf(scene, "short")) });
  const kms = manager(scene, login);
  const tokens = new Set();
  for (const end = Date.now() + 5_000; Date.now() < end; await pause(100)) {
    await sign(kms); // none of these fails
    tokens.add(await tokenOf(login));
  }
  expect(tokens.size >= 2 && tokens.size <= 4, `two to four tokens in five seconds, and there were ${tokens.size}`);
}

async function replacesEarly(scene) {
  const clock = { ahead: 0 };
  const now = () => Date.now() + clock.ahead;
  const fixed = { ...tokenRequest, renewable: false };
  const wrap = async () => (await scene.bao.call("POST", "auth/token/create", fixed, { "x-vault-wrap-ttl": "60s" })).body.wrap_info.token;
  const login = await LOGINS["wrapped token"](scene, { token: wrap, now });
  const kms = manager(scene, login, { now });
  await sign(kms);
  const first = await tokenOf(login);
  clock.ahead = 30_000;
  expectEqual(await tokenOf(login), first, "the token after half its time");
  clock.ahead = 55_000;
  await sign(kms);
  expect((await tokenOf(login)) !== first && (await lookUp(scene, first)).last_renewal_time === undefined, "another token, and no renewal");
}

async function renewsPeriodic(scene) {
  const clock = { ahead: 0 };
  await role(scene, "periodic", { token_period: "60s", token_ttl: undefined });
  const login = fromAppRole({ ...reach(scene), ...(await idsOf(scene, "periodic")), now: () => Date.now() + clock.ahead });
  const first = await tokenOf(login);
  for (let count = 1; count <= 5; count += 1) {
    clock.ahead = count * 45_000;
    expectEqual(await tokenOf(login), first, "the token");
  }
}

async function usesBatch(scene) {
  await role(scene, "batch", { token_type: "batch" });
  const login = fromAppRole({ ...reach(scene), ...(await idsOf(scene, "batch")) });
  await sign(manager(scene, login));
  await expectFailure(() => login.revoke(), "ERR_KMS_UNSUPPORTED");
}

async function needsNoSecret(scene) {
  await role(scene, "open", { bind_secret_id: false, token_bound_cidrs: ["127.0.0.1/32"] });
  const roleId = await roleIdOf(scene, "open");
  await sign(manager(scene, fromAppRole({ ...reach(scene), roleId })));
}

async function logsInWithin(scene) {
  const namespace = "team";
  const login = fromAppRole({ ...reach(scene), namespace, ...(await idsOf(scene, "main", { namespace })) });
  await sign(manager(scene, login, { namespace }));
  await expectFailure(() => sign(manager(scene, login)), "ERR_KMS_ACCESS_DENIED");
  await login.revoke();
}

/** A secret id that is good for one login says how many there were. */
async function logsInOnce(scene) {
  const login = fromAppRole({ ...reach(scene), ...(await idsOf(scene, "main", { secret: { num_uses: 1 } })) });
  const kms = manager(scene, login);
  await Promise.all(Array.from({ length: 100 }, () => sign(kms)));
  await login.revoke();
  const error = await expectFailure(() => sign(kms), "ERR_KMS_CREDENTIALS");
  expect(/used up/.test(error.message), "an error that says that the secret id may be used up");
}

async function keepsSecret(scene) {
  const ids = await idsOf(scene, "main", { wrapTtl: "60s" });
  const login = fromAppRole({ ...reach(scene), ...ids });
  await sign(manager(scene, login));
  await login.revoke();
  await sign(manager(scene, login));
  const error = await expectFailure(() => sign(manager(scene, fromAppRole({ ...reach(scene), ...ids }))), "ERR_KMS_CREDENTIALS");
  expect(/opened before/.test(error.message) && /audit/.test(error.hint), "a warning that somebody else has opened it");
}

async function readsChain(scene) {
  const { address, token } = scene.bao;
  const home = scene.kit.scratch;
  writeFileSync(join(home, ".vault-token"), `${token}\n`, { mode: 0o600 });
  const chain = (env) => manager(scene, vaultDefaultChain({ address, allowInsecureHttp: true, env }));
  await sign(chain({ HOME: home }));
  await sign(chain({ HOME: "/nowhere", VAULT_ADDR: address, VAULT_TOKEN: token }));
  await expectFailure(() => sign(chain({ HOME: home, VAULT_ADDR: address, VAULT_TOKEN: "s.unknown" })), "ERR_KMS_UNAUTHENTICATED");
  const error = await expectFailure(() => sign(chain({ HOME: "/nowhere" })), "ERR_KMS_CREDENTIALS");
  expect(/environment/.test(error.message) && /file/.test(error.message), `an error that names both sources, and it is ${error.message}`);
}
