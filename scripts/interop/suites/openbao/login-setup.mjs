// What the cases of logins find on the OpenBao server: auth methods, roles and users, made with its root token, and an issuer of identity tokens.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createIdentityIssuer, createVaultKms, fromAppRole, fromJwt, fromKubernetes, fromUserpass, fromWrappedToken, serve } from "../../lib/built.mjs";
import { expect } from "../../lib/cases.mjs";
import { createKey, done, mount } from "./setup.mjs";

export const AUDIENCE = "https://bao.interop.example";
/** Texts that no error may show. */
export const PASSWORD = "pl4nted-p4ssword";
const POLICY = 'path "transit/sign/login" { capabilities = ["update"] }';
/** The method wants one, and over http it has no use. */
const ANY_CA = readFileSync(new URL("../../../../fixtures/tls/localhost.cert.pem", import.meta.url), "utf8");
const TOKENS = { token_policies: ["signer"], token_ttl: "60s" };

export async function prepareLogins(bao, kit) {
  const scene = { bao, kit, issuer: await createIdentityIssuer({ issuer: "https://ci.interop.example" }), stranger: await createIdentityIssuer({ issuer: "https://ci.interop.example" }) };
  await mount(bao, "transit");
  await createKey(bao, "login", "ecdsa-p256");
  await done(bao, "POST", "sys/policies/acl/signer", { policy: POLICY });
  await enable(bao, "approle", "approle");
  await enable(bao, "team/machines", "approle");
  await enable(bao, "userpass", "userpass");
  await enable(bao, "ci", "jwt");
  await role(scene, "main", {});
  await done(bao, "POST", "auth/team/machines/role/main", TOKENS);
  await user(scene, "signer");
  await done(bao, "POST", "auth/ci/config", { jwt_validation_pubkeys: [scene.issuer.publicKeyPem], bound_issuer: scene.issuer.issuer, default_role: "build" });
  await done(bao, "POST", "auth/ci/role/build", { ...TOKENS, role_type: "jwt", user_claim: "sub", bound_audiences: [AUDIENCE], bound_subject: "repo:a" });
  await prepareKubernetes(scene);
  await prepareNamespace(bao);
  return scene;
}

const enable = (bao, path, type, namespace) => done(bao, "POST", `sys/auth/${path}`, { type }, namespace);

/** A cluster that knows one service account by its token; OpenBao asks it (Kubernetes API, TokenReview). */
async function prepareKubernetes({ bao, kit }) {
  const cluster = await serve(async (request) => {
    const { spec } = await request.json();
    const known = request.url.endsWith("/apis/authentication.k8s.io/v1/tokenreviews") && isFor(spec.token, "system:serviceaccount:prod:signer");
    const status = known ? { authenticated: true, user: { username: "system:serviceaccount:prod:signer", uid: "u-1", groups: ["system:serviceaccounts"] }, audiences: spec.audiences } : { authenticated: false };
    return Response.json({ apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", status }, { status: 201 });
  });
  kit.closing(() => cluster.close());
  await enable(bao, "kubernetes", "kubernetes");
  await done(bao, "POST", "auth/kubernetes/config", { kubernetes_host: cluster.origin, token_reviewer_jwt: "reviewer", disable_local_ca_jwt: true, kubernetes_ca_cert: ANY_CA });
  const bound = { bound_service_account_names: ["signer"], bound_service_account_namespaces: ["prod"] };
  await done(bao, "POST", "auth/kubernetes/role/app", { ...TOKENS, ...bound });
}

function isFor(token, subject) {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString() || "{}").sub === subject;
}

async function prepareNamespace(bao) {
  await done(bao, "POST", "sys/namespaces/team");
  await mount(bao, "transit", "team");
  await createKey(bao, "login", "ecdsa-p256", { namespace: "team" });
  await done(bao, "POST", "sys/policies/acl/signer", { policy: POLICY }, "team");
  await enable(bao, "approle", "approle", "team");
  await done(bao, "POST", "auth/approle/role/main", TOKENS, "team");
}

/** A role of AppRole; its ids are those of `idsOf`. */
export const role = ({ bao }, name, settings) => done(bao, "POST", `auth/approle/role/${name}`, { ...TOKENS, ...settings });

export const user = ({ bao }, name, settings = {}) => done(bao, "POST", `auth/userpass/users/${name}`, { ...TOKENS, password: PASSWORD, ...settings });

/** A role id, and a new secret id with it, wrapped when a time is given. */
export async function idsOf({ bao }, name, { mountPath = "approle", namespace, wrapTtl, secret = {} } = {}) {
  const within = namespace === undefined ? {} : { "x-vault-namespace": namespace };
  const roleId = await roleIdOf({ bao }, name, { mountPath, within });
  const made = await bao.call("POST", `auth/${mountPath}/role/${name}/secret-id`, secret, { ...within, ...(wrapTtl === undefined ? {} : { "x-vault-wrap-ttl": wrapTtl }) });
  return { roleId, ...(wrapTtl === undefined ? { secretId: made.body.data.secret_id } : { wrappedSecretId: made.body.wrap_info.token }) };
}

export async function roleIdOf({ bao }, name, { mountPath = "approle", within = {} } = {}) {
  return (await bao.call("GET", `auth/${mountPath}/role/${name}/role-id`, undefined, within)).body.data.role_id;
}

/** A wrapping token for the answer of a request. */
export async function wrap({ bao }, path, body) {
  const answer = await bao.call("POST", path, body, { "x-vault-wrap-ttl": "60s" });
  expect(answer.status < 300, `${path} to be wrapped, and it is ${answer.status} ${answer.text.slice(0, 200)}`);
  return answer.body.wrap_info.token;
}

export const identity = ({ issuer }, claims = {}) => issuer.token({ sub: "repo:a", aud: AUDIENCE, ...claims });
export const tokenRequest = { policies: ["signer"], ttl: "60s" };

/** A projected token as a cluster issues it. */
export function serviceAccount({ issuer }, name = "signer") {
  const bound = { namespace: "prod", serviceaccount: { name, uid: "u-1" } };
  return issuer.token({ sub: `system:serviceaccount:prod:${name}`, aud: ["cluster"], "kubernetes.io": bound });
}

/** The logins by their names, each made as an application would; `more` are further options. */
export const LOGINS = {
  "AppRole": async (scene, more) => fromAppRole({ ...reach(scene), ...(await idsOf(scene, "main")), ...more }),
  "AppRole at a path with a slash": async (scene, more) => fromAppRole({ ...reach(scene), mountPath: "team/machines", ...(await idsOf(scene, "main", { mountPath: "team/machines" })), ...more }),
  "AppRole with a wrapped secret id": async (scene, more) => fromAppRole({ ...reach(scene), ...(await idsOf(scene, "main", { wrapTtl: "60s" })), ...more }),
  "userpass": async (scene, more) => fromUserpass({ ...reach(scene), username: "signer", password: () => PASSWORD, ...more }),
  "JWT": async (scene, more) => fromJwt({ ...reach(scene), mountPath: "ci", role: "build", identityToken: () => identity(scene), ...more }),
  "JWT with the default role": async (scene, more) => fromJwt({ ...reach(scene), mountPath: "ci", identityToken: () => identity(scene), ...more }),
  "Kubernetes": async (scene, more) => fromKubernetes({ ...reach(scene), role: "app", jwt: () => serviceAccount(scene), ...more }),
  "wrapped token": async (scene, more) => fromWrappedToken({ ...reach(scene), token: () => wrap(scene, "auth/token/create", tokenRequest), creationPath: "auth/token/create", ...more }),
  "wrapped login": async (scene, more) => fromWrappedToken({ ...reach(scene), token: () => wrappedLogin(scene), creationPath: "auth/userpass/login/signer", ...more }),
};

const wrappedLogin = (scene) => wrap(scene, "auth/userpass/login/signer", { password: PASSWORD });

export const reach = ({ bao }) => ({ address: bao.address, allowInsecureHttp: true });

/** A manager whose tokens come from a login; without retries, so that a second login is the client's own doing. */
export const manager = (scene, credentials, more = {}) => createVaultKms({ ...reach(scene), mountPath: "transit", keyName: "login", env: {}, retry: { attempts: 1 }, credentials, ...more });

export const sign = (kms) => kms.sign(randomBytes(32), { algorithm: "ES256" });

/** The token that a login has at hand. */
export async function tokenOf(login) {
  const { token } = await login({ signal: new AbortController().signal, refused: false });
  return token;
}

/** What the server knows of a token; undefined when it does not know it. */
export async function lookUp({ bao }, token) {
  const { status, body } = await bao.call("POST", "auth/token/lookup", { token });
  return status === 200 ? body.data : undefined;
}
