/** Logins of the Vault emulator: each method's refusals, tokens by the clock, lock-outs, wrapping. What OpenBao 2.7.2 was seen to answer is said as it was. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createSigV4Signer } from "../../../src/aws/signer.js";
import { createIdentityIssuer, createTokenEmulator, createVaultEmulator } from "../../../src/testing/index.js";
import type { VaultAuthMount, VaultEmulator, VaultEmulatorOptions, VaultProduct } from "../../../src/testing/index.js";
import { encodeBase64 } from "../../../src/encoding/index.js";

const test = suite("vault logins");

const START = Date.parse("2026-01-01T00:00:00Z");
const SIGN = { "transit/sign/*": ["update"] } as const;

interface Scene {
  readonly vault: VaultEmulator;
  readonly clock: { ms: number };
}

function emulate(auth: readonly VaultAuthMount[], options: VaultEmulatorOptions = {}): Scene {
  const clock = { ms: START };
  return { clock, vault: createVaultEmulator({ auth, policies: { signer: SIGN }, now: () => clock.ms, ...options }) };
}

interface Call {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

async function call({ vault }: Scene, path: string, { method = "POST", token, headers = {}, body }: Call = {}): Promise<{ status: number; body: any }> {
  const all = token === undefined ? headers : { ...headers, "x-vault-token": token };
  const response = await vault.fetch(`${vault.address}/v1/${path}`, { method, headers: all, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

/** `status text` of a refusal, the status alone otherwise. */
async function outcome(scene: Scene, path: string, options: Call = {}): Promise<string> {
  const { status, body } = await call(scene, path, options);
  return [status, body?.errors?.[0]].filter((part) => part !== undefined).join(" ");
}

const APPROLE: VaultAuthMount = {
  type: "approle",
  roles: {
    app: { roleId: "role", secretIds: ["secret", { secretId: "once", uses: 1 }, { secretId: "short", ttlSeconds: 60 }], policies: ["signer"], ttlSeconds: 60, maxTtlSeconds: 150 },
    open: { roleId: "open", bindSecretId: false, grants: "all" },
  },
};
const LOGIN = { role_id: "role", secret_id: "secret" };

async function tokenOf(scene: Scene, path = "auth/approle/login", body: unknown = LOGIN): Promise<string> {
  return (await call(scene, path, { body })).body.auth.client_token;
}

const lookUp = (scene: Scene, token: string): Promise<string> => outcome(scene, "auth/token/lookup-self", { method: "GET", token });

test("a login gives a token that may do what its policies allow, until its end", async () => {
  const scene = emulate([APPROLE]);
  await scene.vault.createKey({ name: "k", type: "ed25519" });
  const token = await tokenOf(scene);
  const sign = (): Promise<string> => outcome(scene, "transit/sign/k", { token, body: { input: "aGk=" } });
  assert.is(await sign(), "200");
  assert.is(await outcome(scene, "transit/keys/k/rotate", { token }), "403 1 error occurred:\n\t* permission denied\n\n");
  scene.vault.auth.setPolicy("signer", {});
  assert.match(await sign(), /^403 1 error occurred/, "a policy changes what old tokens may do");
  scene.vault.auth.setPolicy("signer", SIGN);
  scene.clock.ms += 59_999;
  assert.is(await sign(), "200");
  scene.clock.ms += 1;
  assert.is(await sign(), "403 permission denied");
});

test("grants of a role need no policy", async () => {
  const scene = emulate([APPROLE]);
  const token = await tokenOf(scene, "auth/approle/login", { role_id: "open" });
  await scene.vault.createKey({ name: "k", type: "ed25519" });
  assert.is(await outcome(scene, "transit/keys/k", { method: "GET", token }), "200");
});

test("secret ids are used up, and end", async () => {
  const scene = emulate([APPROLE]);
  const logIn = (secret_id?: string): Promise<string> => outcome(scene, "auth/approle/login", { body: { role_id: "role", secret_id } });
  assert.is(await logIn("once"), "200");
  assert.is(await logIn("once"), "400 invalid role or secret ID");
  assert.is(await logIn("short"), "200");
  scene.clock.ms += 60_000;
  assert.is(await logIn("short"), "400 invalid role or secret ID");
  assert.is(await logIn(), "400 missing secret_id");
});

test("renewal: from now on, never past the maximum, and then not at all", async () => {
  for (const [product, long] of [["openbao", '"1h" exceeded the effective max_ttl of "2m5s"'], ["vault", '"1h0m0s" exceeded the effective max_ttl of "2m5s"']] as const) {
    const scene = emulate([APPROLE], { product });
    const token = await tokenOf(scene);
    const renew = (increment?: unknown): Promise<{ status: number; body: any }> => call(scene, "auth/token/renew-self", { token, body: { increment } });
    scene.clock.ms += 25_000;
    assert.is((await renew()).body.auth.lease_duration, 60);
    assert.is((await renew(10)).body.auth.lease_duration, 10, "shorter than what was left");
    const capped = await renew("1h");
    assert.is(capped.body.auth.lease_duration, 125);
    assert.equal(capped.body.warnings, [`TTL of ${long}; TTL value is capped accordingly`]);
    scene.clock.ms += 124_000;
    assert.is((await renew()).body.auth.lease_duration, 1);
    scene.clock.ms += 1000;
    assert.is((await renew()).status, 403);
  }
});

test("a periodic token lives as long as it is renewed", async () => {
  const scene = emulate([{ type: "approle", roles: { p: { roleId: "p", bindSecretId: false, periodSeconds: 30, maxTtlSeconds: 40 } } }]);
  const token = await tokenOf(scene, undefined, { role_id: "p" });
  for (let round = 0; round < 10; round += 1) {
    scene.clock.ms += 29_000;
    assert.is((await call(scene, "auth/token/renew-self", { token, body: { increment: "2h" } })).body.auth.lease_duration, 30);
  }
  scene.clock.ms += 30_000;
  assert.is(await lookUp(scene, token), "403 permission denied");
});

test("a token that has only so many uses", async () => {
  const scene = emulate([{ type: "approle", roles: { u: { roleId: "u", bindSecretId: false, uses: 2 } } }]);
  const { body } = await call(scene, "auth/approle/login", { body: { role_id: "u" } });
  assert.is(body.auth.num_uses, 2);
  const outcomes = [];
  for (let use = 0; use < 3; use += 1) outcomes.push(await lookUp(scene, body.auth.client_token));
  assert.equal(outcomes, ["200", "200", "403 permission denied"]);
});

test("batch tokens are not renewed, not revoked, and have no accessor", async () => {
  const scene = emulate([{ type: "approle", roles: { b: { roleId: "b", bindSecretId: false, type: "batch", ttlSeconds: 60 } } }]);
  const { auth } = (await call(scene, "auth/approle/login", { body: { role_id: "b" } })).body;
  assert.equal([auth.accessor, auth.renewable, auth.token_type], ["", false, "batch"]);
  const token = auth.client_token;
  assert.is(await outcome(scene, "auth/token/renew-self", { token }), "400 batch tokens cannot be renewed");
  assert.is(await outcome(scene, "auth/token/revoke-self", { token }), "400 batch tokens cannot be revoked");
});

test("a token that is revoked takes its children along, but for orphans", async () => {
  const scene = emulate([]);
  const create = async (token: string, body: object): Promise<string> => (await call(scene, "auth/token/create", { token, body })).body.auth.client_token;
  const parent = await create(scene.vault.token, {});
  const child = await create(parent, { policies: ["signer"] });
  const orphan = await create(parent, { policies: ["signer"], no_parent: true });
  assert.is(await outcome(scene, "auth/token/create", { token: child, body: { policies: ["root"] } }), "403 1 error occurred:\n\t* permission denied\n\n");
  assert.is(await outcome(scene, "auth/token/revoke-self", { token: parent }), "204");
  assert.equal([await lookUp(scene, parent), await lookUp(scene, child), await lookUp(scene, orphan)], ["403 permission denied", "403 permission denied", "200"]);
});

test("what a request for a token may not say", async () => {
  const scene = emulate([]);
  const create = (body: object): Promise<string> => outcome(scene, "auth/token/create", { token: scene.vault.token, body });
  assert.is(await create({ type: "x" }), "400 invalid 'token_type' value");
  assert.is(await create({ id: "s.mine" }), "400 custom token ID cannot have the 's.' prefix");
  assert.is(await create({ id: "mine" }), "200");
  assert.is(await create({ ttl: "soon" }), '400 time: invalid duration "soon"');
});

test("five wrong passwords lock a user out for a quarter of an hour; nobody else, and nobody who is not there", async () => {
  const scene = emulate([{ type: "userpass", users: { app: { password: "right" }, other: { password: "right" } } }]);
  const logIn = (user: string, password: string): Promise<string> => outcome(scene, `auth/userpass/login/${user}`, { body: { password } });
  for (let guess = 0; guess < 4; guess += 1) assert.is(await logIn("app", "wrong"), "400 invalid username or password");
  assert.is(await logIn("APP", "right"), "200", "a right one makes up for them; case does not matter");
  for (let guess = 0; guess < 5; guess += 1) assert.is(await logIn("app", "wrong"), "400 invalid username or password");
  assert.is(await logIn("app", "right"), "403 permission denied");
  assert.is(await logIn("app", ""), "403 permission denied");
  assert.is(await logIn("other", "right"), "200");
  assert.is(await logIn("other", ""), "500 missing password");
  for (let guess = 0; guess < 6; guess += 1) assert.is(await logIn("ghost", "x"), "400 invalid username or password");
  scene.clock.ms += 15 * 60_000;
  assert.is(await logIn("app", "right"), "200");
});

test("paths and verbs of logins, as OpenBao 2.7.2 answered them", async () => {
  const scene = emulate([APPROLE, { type: "userpass" }, { type: "jwt" }]);
  const token = scene.vault.token;
  assert.is(await outcome(scene, "auth/approle/login", { method: "GET" }), "500 missing role_id");
  assert.is(await outcome(scene, "auth/approle/login", { method: "DELETE" }), "500 missing role_id");
  assert.is(await outcome(scene, "auth/approle/login", { method: "PUT", body: LOGIN }), "200");
  assert.is(await outcome(scene, "auth/jwt/login", { method: "GET" }), "405 unsupported operation");
  assert.match(await outcome(scene, "auth/approle/login", { body: { role_id: {} } }), /^500 Field validation failed: error converting input for field "role_id"/);
  assert.match(await outcome(scene, "auth/jwt/login", { body: { role: {} } }), /^400 Field validation failed/);
  assert.is(await outcome(scene, "auth/approle/login/", { body: LOGIN }), "400 cannot write to a path ending in '/'");
  assert.is(await outcome(scene, "auth/approle/else", { body: {} }), "403 permission denied");
  assert.is(await outcome(scene, "auth/approle/else", { token, body: {} }), "404 1 error occurred:\n\t* unsupported path\n\n");
  assert.is(await outcome(scene, "auth/absent/login", { body: {} }), "403 permission denied");
  assert.is(await outcome(scene, "auth/absent/login", { token, body: {} }), '404 no handler for route "auth/absent/login". route entry not found.');
  assert.is(await outcome(scene, "auth/userpass/login/a@b", { body: { password: "x" } }), "404 unsupported path");
  assert.is(await outcome(scene, "auth/approle/role/none/role-id", { method: "GET", token }), "404");
  assert.is(await outcome(scene, "auth/approle/role/none/secret-id", { token }), '404 role "none" does not exist');
  assert.is(await outcome(scene, "auth/approle/role/app", { token, body: { token_ttl: "10m", token_max_ttl: "5m" } }), "400 'token_ttl' cannot be greater than 'token_max_ttl'");
  assert.match(await outcome(scene, "auth/jwt/config", { token, body: { jwt_validation_pubkeys: ["x"] } }), /^400 error parsing public key/);
  assert.is(await outcome(scene, "auth/userpass/users/u", { token, body: {} }), "400 must provide either password or password_hash");
});

test("methods come and go by request and by hand", async () => {
  const scene = emulate([]);
  const token = scene.vault.token;
  assert.is(await outcome(scene, "sys/auth/team/approle", { token, body: { type: "approle" } }), "204");
  assert.is(await outcome(scene, "sys/auth/team/approle/x", { token, body: { type: "approle" } }), "400 path is already in use at team/approle/");
  assert.is(await outcome(scene, "sys/auth/ldap", { token, body: { type: "ldap" } }), "400 plugin not found in the catalog: ldap");
  assert.is(await outcome(scene, "sys/auth/x", { token, body: {} }), "400 backend type must be specified as a string");
  assert.is(await outcome(scene, "auth/team/approle/login", { body: {} }), "500 missing role_id");
  assert.is(await outcome(scene, "sys/auth/team/approle", { method: "DELETE", token }), "204");
  assert.is(await outcome(scene, "auth/team/approle/login", { body: {} }), "403 permission denied");
  scene.vault.auth.enable({ ...APPROLE, path: "team/approle" });
  const given = await tokenOf(scene, "auth/team/approle/login");
  const { data } = (await call(scene, "auth/token/lookup-self", { method: "GET", token: given })).body;
  assert.equal([data.display_name, data.path], ["team-approle", "auth/team/approle/login"]);
  scene.vault.auth.disable("team/approle");
  assert.is(await outcome(scene, "auth/team/approle/login", { body: LOGIN }), "403 permission denied");
  assert.is(await lookUp(scene, given), "200");
});

test("a method in a namespace: its tokens are of that namespace", async () => {
  const scene = emulate([{ ...APPROLE, namespace: "team" }], { namespaces: ["team"] });
  assert.is(await outcome(scene, "auth/approle/login", { body: LOGIN }), "403 permission denied");
  const token = await tokenOf(scene, "team/auth/approle/login");
  assert.match(token, /^s\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{6}$/);
  const { data } = (await call(scene, "auth/token/lookup-self", { method: "GET", token })).body;
  assert.equal([data.namespace_path, data.display_name], ["team/", "team-auth-approle"]);
  assert.is(await outcome(scene, "transit/sign/k", { token, body: { input: "" } }), "403 1 error occurred:\n\t* permission denied\n\n");
});

test("identity tokens: every check, in the servers' words", async () => {
  const issuer = await createIdentityIssuer({ issuer: "https://ci.example", now: () => START });
  const stranger = await createIdentityIssuer({ issuer: "https://ci.example", now: () => START });
  const roles = {
    ci: { audiences: ["kms"], subject: "build", policies: ["signer"] },
    mail: { audiences: ["kms"], userClaim: "email", claims: { repo: ["a/b", "a/c"] } },
    bare: {},
  };
  const scene = emulate([{ type: "jwt", keys: [issuer.publicKeyPem], issuer: "https://ci.example", defaultRole: "ci", roles }]);
  const logIn = async (claims: object, role?: string, by = issuer): Promise<string> => outcome(scene, "auth/jwt/login", { body: { role, jwt: await by.token({ ...claims }) } });
  const good = { sub: "build", aud: "kms" };
  const seconds = START / 1000;
  const invalid = (what: string): string => `400 error validating token: ${what}`;
  assert.is(await logIn(good), "200");
  assert.is(await logIn({ ...good, aud: ["x", "kms"] }, "CI"), "200");
  assert.is(await logIn({ ...good, iss: "x" }), invalid("invalid issuer (iss) claim"));
  assert.is(await logIn({ ...good, sub: "x" }), invalid("invalid subject (sub) claim"));
  assert.is(await logIn({ sub: "build" }), invalid("invalid audience (aud) claim: audience claim does not match any expected audience"));
  assert.is(await logIn({ ...good, nbf: seconds + 60 }), "200");
  assert.is(await logIn({ ...good, nbf: seconds + 61 }), invalid("invalid not before (nbf) claim: token not yet valid"));
  assert.is(await logIn({ ...good, iat: seconds + 61 }), invalid("invalid issued at (iat) claim: token issued in the future"));
  assert.is(await logIn({ ...good, exp: seconds - 60 }), "200");
  assert.is(await logIn({ ...good, exp: seconds - 61 }), invalid("invalid expiration time (exp) claim: token is expired"));
  assert.is(await logIn({ ...good, iat: seconds - 200, nbf: undefined, exp: undefined }), "200");
  assert.is(await logIn({ ...good, iat: seconds - 211, nbf: undefined, exp: undefined }), invalid("invalid expiration time (exp) claim: token is expired"));
  assert.is(await logIn(good, undefined, stranger), invalid("error verifying token signature: no known key successfully validated the token signature"));
  assert.is(await outcome(scene, "auth/jwt/login", { body: { jwt: "a.b.c" } }), invalid("error verifying token signature: illegal base64 data at input byte 0"));
  assert.is(await logIn(good, "mail"), '400 claim "email" not found in token');
  assert.is(await logIn({ ...good, email: 7 }, "mail"), '400 claim "email" could not be converted to string');
  assert.is(await logIn({ ...good, email: "e" }, "mail"), '400 error validating claims: claim "repo" is missing');
  assert.is(await logIn({ ...good, email: "e", repo: "x" }, "mail"), '400 error validating claims: claim "repo" does not match any associated bound claim values');
  assert.is(await logIn({ ...good, email: "e", repo: "a/c" }, "mail"), "200");
  assert.is(await logIn({ sub: "build", aud: [] }, "bare"), "200");
  assert.is(await logIn(good, "bare"), "400 audience claim found in JWT but no audiences bound to the role");
});

test("service accounts: who signed the token, and whom the role lets in", async () => {
  const cluster = await createIdentityIssuer({ now: () => START });
  const stranger = await createIdentityIssuer({ now: () => START });
  const roles = { app: { serviceAccounts: ["app-*"], namespaces: ["prod"], audience: "vault" } };
  const scene = emulate([{ type: "kubernetes", keys: cluster.keys, roles }]);
  const logIn = (role: string | undefined, jwt: string | undefined): Promise<string> => outcome(scene, "auth/kubernetes/login", { body: { role, jwt } });
  const token = (change = {}): Promise<string> => cluster.token({ sub: "system:serviceaccount:prod:app-1", aud: ["vault"], ...change });
  assert.is(await logIn("app", await token()), "200");
  assert.is(await logIn(undefined, "x"), "400 missing role");
  assert.is(await logIn("app", undefined), "400 missing jwt");
  assert.is(await logIn("x", "x"), '400 invalid role name "x"');
  assert.is(await logIn("app", "x"), "403 permission denied");
  assert.is(await logIn("app", await stranger.token({ sub: "system:serviceaccount:prod:app-1", aud: "vault" })), "403 permission denied");
  assert.is(await logIn("app", await token({ aud: "x" })), "403 invalid audience (aud) claim: audience claim does not match any expected audience");
  assert.is(await logIn("app", await token({ exp: 1 })), "403 invalid expiration time (exp) claim: token is expired");
  assert.is(await logIn("app", await token({ sub: "system:serviceaccount:prod:web" })), "403 service account name not authorized");
  assert.is(await logIn("app", await token({ sub: "system:serviceaccount:test:app-1" })), "403 namespace not authorized");
  assert.is(await logIn("app", await token({ sub: "x" })), "403 permission denied");
  scene.vault.auth.enable({ type: "kubernetes", review: (jwt) => (jwt === "opaque" ? { namespace: "n", name: "s" } : undefined), roles: { any: {} } });
  assert.equal([await logIn("any", "opaque"), await logIn("any", "other")], ["200", "403 permission denied"]);
});

test("managed identities: whose token, and which machine", async () => {
  const verify = (jwt: string): { objectId: string } | undefined => (jwt.startsWith("of-") ? { objectId: jwt.slice(3) } : undefined);
  const scene = emulate([{ type: "azure", verify, roles: { app: { principals: ["o1"] }, vm: { subscriptions: ["s"], resourceGroups: ["g"] } } }]);
  const logIn = (body: object): Promise<string> => outcome(scene, "auth/azure/login", { body });
  assert.is(await logIn({ role: "app", jwt: "of-o1" }), "200");
  assert.is(await logIn({ role: "app" }), "400 jwt is required");
  assert.is(await logIn({ jwt: "of-o1" }), "400 role is required");
  assert.is(await logIn({ role: "x", jwt: "of-o1" }), '400 invalid role name "x"');
  assert.match(await logIn({ role: "app", jwt: "x" }), /^500 /);
  assert.is(await logIn({ role: "app", jwt: "of-o2" }), "500 service principal not authorized: o2");
  const vm = { role: "vm", jwt: "of-o1", subscription_id: "s", resource_group_name: "g" };
  assert.is(await logIn({ ...vm, vm_name: "m" }), "200");
  assert.is(await logIn(vm), "500 resource_id is required");
  assert.is(await logIn({ ...vm, vm_name: "m", subscription_id: "x" }), "500 subscription not authorized");
  assert.is(await logIn({ ...vm, vm_name: "m", resource_group_name: "x" }), "500 resource group not authorized");
  assert.is(await logIn({ role: "vm", jwt: "of-o1" }), "500 subscription_id and resource_group_name are required");
});

test("IAM: the signed request goes to STS, with its limits", async () => {
  const sts = createTokenEmulator({ sts: {}, now: () => START });
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const mount: VaultAuthMount = { type: "aws", sts: (request) => sts.fetch(request), serverId: "vault.example", roles: { emulated: { principals: ["arn:aws:iam::111122223333:user/emulated"] }, other: { principals: ["arn:aws:iam::1:*"] } } };
  const scene = emulate([mount]);
  const base64 = (text: string): string => encodeBase64(new TextEncoder().encode(text));
  const signed = async (change: { secretAccessKey?: string; url?: string; region?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Record<string, unknown>> => {
    const { url = "https://sts.amazonaws.com/", region = "us-east-1", body = "Action=GetCallerIdentity&Version=2011-06-15" } = change;
    const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8", "x-vault-aws-iam-server-id": "vault.example", ...change.headers };
    const signer = createSigV4Signer({ region, service: "sts", credentials: { ...credentials, ...(change.secretAccessKey === undefined ? {} : { secretAccessKey: change.secretAccessKey }) }, now: () => START });
    const { headers: all } = await signer.sign({ method: "POST", url, headers, body });
    return { iam_http_request_method: "POST", iam_request_url: base64(url), iam_request_body: base64(body), iam_request_headers: base64(JSON.stringify(all)) };
  };
  const logIn = (body: object): Promise<string> => outcome(scene, "auth/aws/login", { body });
  const good = await signed();
  assert.is(await logIn(good), "200", "without a role the name of the user is one");
  assert.is(await logIn({ ...good, iam_request_headers: JSON.parse(atob(good.iam_request_headers as string)) }), "200", "headers as an object");
  assert.is(await logIn({ ...good, role: "other" }), '400 IAM Principal "arn:aws:iam::111122223333:user/emulated" does not belong to the role "other"');
  assert.is(await logIn({ ...good, role: "none" }), "400 entry for role none not found");
  assert.is(await logIn({}), "400 missing iam_http_request_method");
  assert.match(await logIn({ ...good, iam_http_request_method: "GET" }), /^400 invalid iam_http_request_method/);
  assert.is(await logIn({ ...good, iam_request_url: "%" }), "400 failed to base64 decode iam_request_url");
  assert.is(await logIn({ ...good, iam_request_headers: undefined }), "400 missing iam_request_headers");
  assert.match(await logIn(await signed({ secretAccessKey: "x" })), /^400 error making upstream request: received error code 403 from STS: .*SignatureDoesNotMatch/s);
  assert.match(await logIn(await signed({ url: "https://sts.eu-west-1.amazonaws.com/", region: "eu-west-1" })), /^400 error making upstream request/);
  assert.is(await logIn(await signed({ headers: { "x-vault-aws-iam-server-id": "other" } })), '400 error validating X-Vault-AWS-IAM-Server-ID header: expected "vault.example" but got "other"');
  assert.is(await logIn(await signed({ body: "Action=AssumeRole&Version=2011-06-15" })), "400 iam request body is invalid");
  assert.is(await logIn(await signed({ headers: { "x-amz-user-agent": "x" } })), "400 invalid request header: x-amz-user-agent");
  const { "x-vault-aws-iam-server-id": _id, ...without } = JSON.parse(atob(good.iam_request_headers as string)) as Record<string, string>;
  assert.is(await logIn({ ...good, iam_request_headers: without }), '400 error validating X-Vault-AWS-IAM-Server-ID header: missing header "X-Vault-AWS-IAM-Server-ID"');
  scene.vault.auth.enable({ ...mount, stsEndpoint: "https://sts.eu-west-1.amazonaws.com" });
  assert.is(await logIn(await signed({ url: "https://sts.eu-west-1.amazonaws.com/", region: "eu-west-1" })), "200");
});

test("wrapping: once, for its reader, in its time", async () => {
  const scene = emulate([APPROLE]);
  const headers = { "x-vault-wrap-ttl": "60s" };
  const token = scene.vault.token;
  const wrap = async (): Promise<string> => (await call(scene, "auth/approle/role/app/secret-id", { token, headers })).body.wrap_info.token;
  const first = await wrap();
  const own = await tokenOf(scene);
  const invalid = "400 wrapping token is not valid or does not exist";
  assert.is(await outcome(scene, "sys/wrapping/unwrap"), "403 error validating wrapping token: token is empty");
  assert.is(await outcome(scene, "sys/wrapping/lookup", { body: { token: 7 } }), "403 error validating wrapping token: could not decode token in request body");
  assert.is(await outcome(scene, "sys/wrapping/unwrap", { token: "s.unknown", body: { token: first } }), "403 permission denied");
  const { data } = (await call(scene, "sys/wrapping/lookup", { body: { token: first } })).body;
  assert.equal(data, { creation_path: "auth/approle/role/app/secret-id", creation_time: "2026-01-01T00:00:00Z", creation_ttl: 60 });
  const unwrapped = (await call(scene, "sys/wrapping/unwrap", { token: own, body: { token: first } })).body;
  assert.is(await outcome(scene, "auth/approle/login", { body: { role_id: "role", secret_id: unwrapped.data.secret_id } }), "200");
  assert.is(await outcome(scene, "sys/wrapping/unwrap", { token: own, body: { token: first } }), invalid);
  const second = await wrap();
  scene.clock.ms += 60_000;
  assert.is(await outcome(scene, "sys/wrapping/unwrap", { token: second }), invalid);
  const third = await wrap();
  assert.is(await outcome(scene, "transit/sign/k", { token: third, body: {} }), "403 1 error occurred:\n\t* permission denied\n\n");
  assert.is(await outcome(scene, "sys/wrapping/unwrap", { token: third }), invalid);
  assert.is(await outcome(scene, "sys/wrapping/wrap", { token, body: { a: 1 } }), "400 endpoint requires response wrapping to be used");
  const any = (await call(scene, "sys/wrapping/wrap", { token, headers, body: { a: 1 } })).body.wrap_info;
  assert.equal((await call(scene, "sys/wrapping/unwrap", { token: any.token })).body.data, { a: 1 });
});

test("faults hit logins as they hit anything", async () => {
  const scene = emulate([APPROLE]);
  scene.vault.faults.inject({ kind: "cut-after", when: ({ operation }) => operation === "auth/approle/login" });
  assert.match(String(await tokenOf(scene, "auth/approle/login", { role_id: "role", secret_id: "once" }).catch((error: Error) => error.message)), /fetch failed/);
  assert.is(await outcome(scene, "auth/approle/login", { body: { role_id: "role", secret_id: "once" } }), "400 invalid role or secret ID", "its single use is gone");
  scene.vault.faults.inject({ kind: "throttle" });
  assert.match(await outcome(scene, "auth/approle/login", { body: LOGIN }), /^429 request path "auth\/approle\/login": rate limit quota exceeded/);
});

test("each product has its own form of tokens, and of refusing them", async () => {
  const forms: [VaultProduct, RegExp, string][] = [
    ["openbao", /^s\.[A-Za-z0-9]{24}$/, "403 permission denied"],
    ["vault", /^hvs\.[A-Za-z0-9]{90}$/, "403 2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"],
  ];
  for (const [product, form, refusal] of forms) {
    const scene = emulate([APPROLE], { product });
    const token = await tokenOf(scene);
    assert.match(token, form);
    scene.vault.tokens.revoke(token);
    assert.is(await lookUp(scene, token), refusal);
  }
});

test.run();
