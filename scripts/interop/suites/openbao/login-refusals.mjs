// Logins that the server refuses: the typed error, what it says, and that no secret is in it.
import { inspect } from "node:util";
import { fromAppRole, fromJwt, fromKubernetes, fromUserpass, fromWrappedToken, isKmsError } from "../../lib/built.mjs";
import { expect, expectEqual, expectFailure } from "../../lib/cases.mjs";
import { freePort } from "../../lib/processes.mjs";
import { done } from "./setup.mjs";
import { AUDIENCE, identity, idsOf, manager, PASSWORD, reach, role, serviceAccount, sign, tokenRequest, user, wrap } from "./login-setup.mjs";

const WRONG = "pl4nted-wrong";

/** Each: name, what the message says, and the login. */
const ROWS = [
  ["AppRole: a wrong secret id", /wrong, has expired or is used up/, (scene) => appRole(scene, { secretId: WRONG })],
  ["AppRole: a wrong role id", /wrong, has expired or is used up/, (scene) => appRole(scene, { roleId: WRONG })],
  ["AppRole: no secret id for a role that wants one", /needs a secret id/, (scene) => appRole(scene, { secretId: undefined })],
  ["AppRole: a secret id that was destroyed", /wrong, has expired or is used up/, async (scene) => appRole(scene, await destroyed(scene))],
  ["AppRole: a mount that does not exist", /mountPath/, (scene) => appRole(scene, { mountPath: "nowhere" })],
  ["AppRole: a namespace that does not exist", /namespace/, (scene) => appRole(scene, { namespace: "nobody" })],
  ["AppRole: a role whose tokens are good for some requests only", /token_num_uses of the role/, (scene) => counted(scene)],
  ["AppRole: a wrapping token that was opened", /opened before/, async (scene) => appRole(scene, { secretId: undefined, wrappedSecretId: await opened(scene) })],
  ["AppRole: a wrapping token of another route", /another route/, async (scene) => appRole(scene, { secretId: undefined, wrappedSecretId: await wrap(scene, "sys/wrapping/wrap", { secret_id: WRONG }) })],
  ["userpass: a wrong password", /password is wrong/, (scene) => fromUserpass({ ...reach(scene), username: "signer", password: WRONG })],
  ["userpass: a user that does not exist", /password is wrong/, (scene) => fromUserpass({ ...reach(scene), username: "nobody", password: PASSWORD })],
  ["userpass: a user who is locked out", /locked out/, (scene) => lockedOut(scene)],
  ["JWT: another audience", /not accepted/, (scene) => jwt(scene, () => identity(scene, { aud: "https://other.example" }))],
  ["JWT: another subject", /not accepted|not for this identity/, (scene) => jwt(scene, () => identity(scene, { sub: "repo:b" }))],
  ["JWT: another issuer", /not accepted/, (scene) => jwt(scene, () => identity(scene, { iss: "https://other.example" }))],
  ["JWT: a token that has expired", /not accepted/, (scene) => jwt(scene, () => identity(scene, { iat: 1, nbf: 1, exp: 3600 }))],
  ["JWT: a key that the server does not know", /not accepted/, ({ stranger, ...scene }) => jwt(scene, () => stranger.token({ sub: "repo:a", aud: AUDIENCE }))],
  ["JWT: a role that does not exist", /no such role/, (scene) => jwt(scene, () => identity(scene), "nothing")],
  ["JWT: a text that is no JWT", /not accepted/, (scene) => jwt(scene, () => WRONG)],
  ["Kubernetes: a service account that the role is not for", /identity is wrong/, (scene) => kubernetes(scene, "other")],
  ["Kubernetes: a role that does not exist", /no such role/, (scene) => kubernetes(scene, "signer", "nothing")],
  ["wrapped token: one that never was", /never was/, (scene) => fromWrappedToken({ ...reach(scene), token: WRONG })],
  ["wrapped token: one that was opened", /opened before/, async (scene) => fromWrappedToken({ ...reach(scene), token: await opened(scene) })],
  ["wrapped token: one of another route", /another route/, async (scene) => fromWrappedToken({ ...reach(scene), token: await wrap(scene, "auth/token/create", tokenRequest), creationPath: "auth/token/create-orphan" })],
];

export function refusalCases(scene) {
  return [
    ...ROWS.map(([name, message, make]) => ({ name: `refused: ${name}`, run: () => refuses(scene, message, make) })),
    { name: "refused: a text as wrapped token is opened once", run: () => opensOnce(scene) },
    { name: "refused: a port where nobody listens may be tried again", run: () => isTransient(scene) },
    { name: "refused: a login that worked, and its role is gone", run: () => losesRole(scene) },
    { name: "refused: a token whose policy does not reach the key is not replaced", run: () => isDenied(scene) },
  ];
}

async function refuses(scene, message, make) {
  const login = await make(scene);
  const error = await expectFailure(() => sign(manager(scene, login)), "ERR_KMS_CREDENTIALS");
  expect(isKmsError(error) && message.test(error.message), `a message like ${message}, and it is ${error.message}`);
  expectEqual(error.retryable, false, "retryable");
  const text = [error.message, error.stack, error.hint, JSON.stringify(error), inspect(error, { depth: Infinity, showHidden: true })].join("\n");
  expect(!text.includes("pl4nted"), "no secret in the error");
  await login.revoke(); // there is no token: nothing to do, and no error
}

const appRole = async (scene, changes) => fromAppRole(defined({ ...reach(scene), ...(await idsOf(scene, "main")), ...changes }));
const defined = (options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
const jwt = (scene, identityToken, roleName = "build") => fromJwt({ ...reach(scene), mountPath: "ci", role: roleName, identityToken });
const kubernetes = (scene, account, roleName = "app") => fromKubernetes({ ...reach(scene), role: roleName, jwt: () => serviceAccount(scene, account) });

async function destroyed(scene) {
  const ids = await idsOf(scene, "main");
  await done(scene.bao, "POST", "auth/approle/role/main/secret-id/destroy", { secret_id: ids.secretId });
  return ids;
}

async function counted(scene) {
  await role(scene, "counted", { token_num_uses: 5 });
  return fromAppRole({ ...reach(scene), ...(await idsOf(scene, "counted")) });
}

async function opened(scene) {
  const { wrappedSecretId } = await idsOf(scene, "main", { wrapTtl: "60s" });
  await done(scene.bao, "POST", "sys/wrapping/unwrap", { token: wrappedSecretId });
  return wrappedSecretId;
}

/** Five failures lock a user out, for the right password too (OpenBao documentation, "User lockout"). */
async function lockedOut(scene) {
  await user(scene, "careless");
  for (let count = 0; count < 5; count += 1) await scene.bao.call("POST", "auth/userpass/login/careless", { password: WRONG }, { "x-vault-token": "" });
  return fromUserpass({ ...reach(scene), username: "careless", password: PASSWORD });
}

async function opensOnce(scene) {
  const login = fromWrappedToken({ ...reach(scene), token: await wrap(scene, "auth/token/create", tokenRequest) });
  const kms = manager(scene, login);
  await sign(kms);
  await login.revoke();
  const error = await expectFailure(() => sign(kms), "ERR_KMS_CREDENTIALS");
  expect(/this login has opened/.test(error.message), `an error that says who opened it, and it is ${error.message}`);
}

async function isTransient(scene) {
  const address = `http://127.0.0.1:${await freePort()}`;
  const login = fromUserpass({ ...reach(scene), address, username: "signer", password: PASSWORD });
  const error = await expectFailure(() => sign(manager(scene, login)), "ERR_KMS_CREDENTIALS");
  expectEqual(error.retryable, true, "retryable");
}

async function losesRole(scene) {
  await role(scene, "lost", {});
  const login = fromAppRole({ ...reach(scene), ...(await idsOf(scene, "lost")) });
  const kms = manager(scene, login);
  await sign(kms);
  await done(scene.bao, "DELETE", "auth/approle/role/lost");
  await login.revoke();
  await expectFailure(() => sign(kms), "ERR_KMS_CREDENTIALS");
}

/** A 403 that stays one: one more login, and then the refusal is told as it is. */
async function isDenied(scene) {
  await role(scene, "powerless", { token_policies: ["default"] });
  const login = fromAppRole({ ...reach(scene), ...(await idsOf(scene, "powerless")) });
  await expectFailure(() => sign(manager(scene, login)), "ERR_KMS_ACCESS_DENIED");
}
