/** Each login: what it sends, to whom, what a refusal means, and what it does not take. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { vaultIamRequest } from "../../../src/aws/index.js";
import { createIdentityIssuer, createTokenEmulator } from "../../../src/testing/index.js";
import { createVaultKms, fromAppRole, fromAwsIam, fromAzureIdentity, fromJwt, fromKubernetes, fromUserpass, type IamRequest, type VaultLogin, type VaultLoginOptions } from "../../../src/vault/index.js";
import { testContext } from "../../support/context.js";
import { ADDRESS, askFor, authCase, cacheOf, fails, fakeFetch, issued, json, NOW, PLANTED, refusal, refusesOptions, scene, type Prepared, type Recorded } from "./support.js";

const test = suite("vault logins");

type Place = Pick<VaultLoginOptions, "address" | "fetch" | "now">;

const { request: appRole } = authCase("approle");
const { request: azure } = authCase("azure");
const { request: awsIam } = authCase("aws-iam");
const SIGNED = awsIam.body as unknown as IamRequest;
const jwt = (): string => "eyJ...\n";

/** The body of each is that of a case in `auth.json`. */
const LOGINS: readonly { readonly id: string; readonly make: (place: Place) => VaultLogin }[] = [
  { id: "approle", make: (place) => fromAppRole({ ...place, roleId: appRole.body?.role_id as string, secretId: appRole.body?.secret_id as string }) },
  { id: "kubernetes", make: (place) => fromKubernetes({ ...place, role: "signer", jwt }) },
  { id: "jwt", make: (place) => fromJwt({ ...place, role: "ci", identityToken: jwt }) },
  { id: "userpass", make: (place) => fromUserpass({ ...place, username: "mitchellh", password: async () => "superSecretPassword" }) },
  { id: "aws-iam", make: (place) => fromAwsIam({ ...place, role: "dev-role", sign: () => ({ ...SIGNED, more: "x" }) }) },
  {
    id: "azure",
    make: (place) => fromAzureIdentity({ ...place, role: "dev-role", token: async () => "eyJ...", subscriptionId: azure.body?.subscription_id as string, resourceGroupName: "rg", vmName: "vm-1" }),
  },
];

for (const { id, make } of LOGINS) {
  test(`${id}: the request in full, and the token`, async () => {
    const { request, response } = authCase(id);
    const fetch = fakeFetch(json(response.body));
    const got = await make({ address: ADDRESS, fetch, now: () => NOW })(askFor());
    const lease = response.body.auth.lease_duration * 1000;
    const expiresAt = new Date(NOW + Math.min(lease, 86_400_000));
    assert.equal(got, { token: response.body.auth.client_token, expiresAt, refreshAt: new Date(Math.min(expiresAt.getTime(), NOW + (lease * 2) / 3)) });
    assert.equal(fetch.calls, [
      {
        url: `${ADDRESS}${request.path}`,
        method: "POST",
        headers: { "accept-encoding": "identity", "content-type": "application/json", "x-vault-request": "true" },
        body: request.body,
        redirect: "manual",
      },
    ]);
  });
}

test("namespace, mount and prefix of the address are in the request", async () => {
  const fetch = fakeFetch(issued());
  await fromAppRole({ address: "https://proxy.example/vault/", namespace: "team/sub", mountPath: "team a/ops", roleId: "r", fetch })(askFor());
  assert.is(fetch.calls[0]?.url, "https://proxy.example/vault/v1/auth/team%20a/ops/login");
  assert.is(fetch.calls[0]?.headers["x-vault-namespace"], "team/sub");
  assert.equal(fetch.calls[0]?.body, { role_id: "r" });
  await fromUserpass({ address: ADDRESS, mountPath: "ldap", username: "a b@x", password: "p", fetch })(askFor());
  assert.is(fetch.calls[1]?.url, `${ADDRESS}/v1/auth/ldap/login/a%20b%40x`);
  await fromJwt({ address: ADDRESS, identityToken: jwt, fetch })(askFor());
  assert.equal(fetch.calls[2]?.body, { jwt: "eyJ..." });
});

test("what is refused when it is made", async () => {
  const place = { address: ADDRESS };
  const addresses: readonly [string, RegExp][] = [
    ["http://vault.example", /address must use https; http needs allowInsecureHttp: true/],
    ["http://127.0.0.1:8200", /must use https/],
    [`https://u:${PLANTED}@vault.example`, /address must be a plain https URL/],
    ["https://vault.example/?x", /address must be/],
  ];
  for (const [address, problem] of addresses) await refusesOptions(() => fromJwt({ address, identityToken: jwt }), problem);
  fromJwt({ address: "http://127.0.0.1:8200", allowInsecureHttp: true, identityToken: jwt });
  await refusesOptions(() => fromJwt(Object.create({ address: ADDRESS, identityToken: jwt }) as never), /identityToken must be a function/, /address must be a plain https URL/);
  await refusesOptions(() => fromJwt({ ...place, identityToken: PLANTED as never, mountPath: "../sys", namespace: "/a" }), /identityToken must be a function/, /mountPath must/, /namespace must/);
  await refusesOptions(() => fromAppRole({ ...place, roleId: "", secretId: "" }), /roleId must/, /secretId must/);
  await refusesOptions(() => fromAppRole({ ...place, roleId: "r", secretId: "s", wrappedSecretId: "w" }), /exclude each other/);
  await refusesOptions(() => fromAppRole({ ...place, roleId: "r", roleid: "r" } as never), /unknown option "roleid"/);
  await refusesOptions(() => fromKubernetes({ ...place } as never), /role must/, /jwt must/);
  for (const username of ["", ".", "..", "a/b", "a%2fb", "a.", "a\n", "x".repeat(257)]) await refusesOptions(() => fromUserpass({ ...place, username, password: "p" }), /username must/);
  await refusesOptions(() => fromAwsIam({ ...place, timeoutMs: 0 } as never), /timeoutMs must/, /sign must/);
  await refusesOptions(() => fromAzureIdentity({ ...place, role: "r", token: jwt, vmName: "" }), /vmName must/);
  await refusesOptions(() => fromUserpass(undefined as never), /username must/, /password must/, /address must/, );
});

test("functions that return no secret", async () => {
  const place = { address: ADDRESS, fetch: fakeFetch() };
  for (const bad of [undefined, null, "", 5, {}]) {
    await fails(fromAppRole({ ...place, roleId: "r", secretId: () => bad as never })(askFor()), /^AppRole login: there is no secret id$/);
    await fails(fromUserpass({ ...place, username: "u", password: () => bad as never })(askFor()), /^userpass login: there is no password$/);
    await fails(fromJwt({ ...place, identityToken: () => bad as never })(askFor()), /^JWT login: there is no identity token$/);
    await fails(fromAwsIam({ ...place, sign: () => bad as never })(askFor()), /^AWS IAM login: the function sign returned no iam_http_request_method/);
  }
  for (const bad of [`${PLANTED}\r\nx: 1`, `${PLANTED} x`, `${PLANTED}é`]) {
    await fails(fromKubernetes({ ...place, role: "r", jwt: () => bad })(askFor()), /^Kubernetes login: the identity token has characters/);
    await fails(fromAwsIam({ ...place, sign: () => ({ ...SIGNED, iam_request_headers: bad }) })(askFor()), /no iam_request_headers, or one with characters/);
  }
  assert.is(place.fetch.calls.length, 0);
});

/** One login of each method, before an answer. */
const METHODS: Readonly<Record<string, (fetch: NonNullable<Place["fetch"]>, timeoutMs: number) => VaultLogin>> = {
  approle: (fetch, timeoutMs) => fromAppRole({ address: ADDRESS, roleId: "r", secretId: "s", fetch, timeoutMs }),
  userpass: (fetch, timeoutMs) => fromUserpass({ address: ADDRESS, username: "u", password: "p", fetch, timeoutMs }),
  jwt: (fetch, timeoutMs) => fromJwt({ address: ADDRESS, identityToken: jwt, fetch, timeoutMs }),
  kubernetes: (fetch, timeoutMs) => fromKubernetes({ address: ADDRESS, role: "r", jwt, fetch, timeoutMs }),
  azure: (fetch, timeoutMs) => fromAzureIdentity({ address: ADDRESS, role: "r", token: jwt, fetch, timeoutMs }),
  aws: (fetch, timeoutMs) => fromAwsIam({ address: ADDRESS, sign: () => SIGNED, fetch, timeoutMs }),
};
const IDENTITIES = ["jwt", "kubernetes", "azure"];
const PLACE = /mountPath, namespace or identity is wrong, or the user is locked out$/;

const REFUSALS: readonly [methods: readonly string[], status: number, text: string, message: RegExp, retryable?: boolean][] = [
  [["approle"], 400, "invalid role or secret ID", /the role id or the secret id is wrong, has expired or is used up$/],
  [["approle"], 400, "missing secret_id", /the role needs a secret id$/],
  [["userpass"], 400, "invalid username or password", /the user name or the password is wrong$/],
  [["aws"], 400, 'IAM Principal "arn" does not belong to the role "x"', /the role is not for this identity$/],
  [["aws"], 400, "entry for role x not found", /there is no such role$/],
  [IDENTITIES, 400, 'invalid role name "x"', /there is no such role$/],
  [IDENTITIES, 400, 'role "x" could not be found', /there is no such role$/],
  [IDENTITIES, 400, "missing role", /there is no such role$/],
  [IDENTITIES, 400, "role with oidc role_type is not allowed", /the role needs role_type "jwt"$/],
  [[...IDENTITIES, "aws"], 400, `error validating token: ${PLANTED}`, /the identity is not accepted$/],
  [IDENTITIES, 400, 'claim "sub" not found in token', /the identity is not accepted$/],
  [IDENTITIES, 400, "audience claim found in JWT but no audiences bound to the role", /the identity is not accepted$/],
  [["aws"], 400, "error validating X-Vault-AWS-IAM-Server-ID header: vault header wasn't signed", /the identity is not accepted$/],
  [["aws"], 400, "error making upstream request: received error code 403 from STS", /STS refused the signed request, or could not be asked$/],
  [Object.keys(METHODS), 400, PLANTED, /the login is refused \(status 400\)$/],
  [Object.keys(METHODS), 403, "permission denied", PLACE],
  [Object.keys(METHODS), 404, "namespace not found", PLACE],
  [IDENTITIES, 500, "missing role_id", /the login is refused \(status 500\)$/, true],
  [Object.keys(METHODS), 503, "Vault is sealed", /the login is refused \(status 503\)$/, true],
  [IDENTITIES, 429, "rate limit quota exceeded", /the login is refused \(status 429\)$/, true],
];

test("what a refusal means; none is tried again but what can pass by itself", async () => {
  for (const [methods, status, text, message, retryable = false] of REFUSALS) {
    for (const method of methods) {
      const fetch = fakeFetch(refusal(status, text));
      const error = await fails((METHODS[method] as (typeof METHODS)[string])(fetch, 2_000)(askFor()), message, { retryable });
      assert.is(error.status, status);
      // An AppRole login may have spent the secret id.
      assert.is(fetch.calls.length, retryable && method !== "approle" ? 3 : 1, `${method} ${text}`);
    }
  }
});

test("recorded refusals of OpenBao are all understood", async () => {
  const known = new Map([["mount missing", PLACE], ["locked out", PLACE], ["no role_id", /status 500/], ["no password", /status 500/], ["no jwt", /status 400/]]);
  let count = 0;
  for (const set of ["approle", "jwt", "userpass"]) {
    const exchanges = JSON.parse(readFileSync(`fixtures/vault/recorded-openbao/auth-${set}.json`, "utf8")) as (Recorded & { name: string })[];
    for (const { name, request, response } of exchanges.filter(({ request, response }) => request.path.includes("/login") && response.status >= 400)) {
      const login = (METHODS[set] as (typeof METHODS)[string])(fakeFetch(json(response.body, response.status)), 50);
      const unknown = [...known].find(([start]) => name.startsWith(start))?.[1];
      const error = await fails(login(askFor()), unknown ?? / login: (?!the login is refused)/, { retryable: response.status >= 500 });
      assert.is(error.status, response.status, request.path);
      count += 1;
    }
  }
  assert.ok(count >= 17, String(count));
});

test("an AppRole login whose answer is lost is not repeated, for it may have spent the secret id; another login can be", async () => {
  const lost = Object.assign(new TypeError(PLANTED), { cause: Object.assign(new Error(PLANTED), { code: "ECONNRESET" }) });
  for (const answer of [lost, refusal(500, "x"), json("<html>", 502)] as Prepared[]) {
    const fetch = fakeFetch(answer, issued());
    let asked = 0;
    const login = fromAppRole({ address: ADDRESS, roleId: "r", secretId: () => `s${++asked}`, fetch });
    await fails(login(askFor()), /^AppRole login: /, { retryable: true });
    assert.is(fetch.calls.length, 1);
    await login(askFor());
    assert.equal(fetch.calls.map(({ body }) => (body as { secret_id: string }).secret_id), ["s1", "s2"]);
  }
  const busy = fakeFetch(refusal(429, "rate limit quota exceeded"), issued());
  await fromAppRole({ address: ADDRESS, roleId: "r", secretId: "s", fetch: busy })(askFor());
  assert.is(busy.calls.length, 2, "a quota is decided before anything else");
  const jwtLogin = fakeFetch(lost, issued());
  await fromJwt({ address: ADDRESS, identityToken: jwt, fetch: jwtLogin })(askFor());
  assert.is(jwtLogin.calls.length, 2);
});

test("hostile answers", async () => {
  const good = { client_token: "hvs.t", lease_duration: 60, renewable: true };
  const bodies: (() => Response)[] = [
    () => new Response(`<!doctype html><title>${PLANTED}</title>`, { headers: { "content-type": "text/html" } }),
    () => new Response(""),
    () => new Response(null, { status: 204 }),
    () => new Response(PLANTED),
    () => new Response("null"),
    () => new Response("[]"),
    () => new Response("{}"),
    () => new Response("x".repeat(1_048_577)),
    () => new Response(new Uint8Array([0xff, 0xfe, 0x00])),
    () => new Response(null, { status: 307, headers: { location: `https://${PLANTED}.example/` } }),
    () => new Response(`{"auth":{"__proto__":{"client_token":"${PLANTED}","lease_duration":60}}}`),
    () => json({ auth: null, wrap_info: { token: PLANTED } }),
    () => json({ auth: [] }),
    ...[undefined, null, 5, {}, "", `${PLANTED}\r\nx-injected: 1`, `${PLANTED} x`, `${PLANTED}é`, "x".repeat(65_537)].map((client_token) => () => json({ auth: { ...good, client_token } })),
    ...[undefined, null, "3600", -1, {}].map((lease_duration) => () => json({ auth: { ...good, lease_duration } })),
    ...["true", 1].map((renewable) => () => json({ auth: { ...good, renewable } })),
    () => json({ auth: { ...good, num_uses: "1" } }),
    () => json({ auth: { ...good, token_type: 1 } }),
    () => json({ auth: { ...good, lease_duration: 1e-9 } }),
  ];
  for (const body of bodies) {
    const login = fromJwt({ address: ADDRESS, identityToken: () => PLANTED, fetch: fakeFetch(body), timeoutMs: 200 });
    const error = await login(askFor()).then(() => assert.unreachable(String(body)), (thrown: unknown) => thrown as Error);
    await fails(Promise.reject(error), /^JWT login: /, { retryable: (error as { retryable?: boolean }).retryable === true });
  }
  for (const seconds of [1e20, 1e300, 0]) {
    const got = await fromJwt({ address: ADDRESS, identityToken: jwt, now: () => NOW, fetch: fakeFetch(json({ auth: { ...good, lease_duration: seconds } })) })(askFor());
    assert.is(got.expiresAt?.getTime(), NOW + 86_400_000, "at most a day");
  }
});

test("a demand for a second factor, and tokens for some requests only, are refused with advice", async () => {
  const mfa = authCase("mfa-required").response.body;
  await fails(fromUserpass({ address: ADDRESS, username: "u", password: PLANTED, fetch: fakeFetch(json(mfa)) })(askFor()), /the login must not ask for a second factor$/);
  await fails(fromJwt({ address: ADDRESS, identityToken: jwt, fetch: fakeFetch(issued({ num_uses: 3 })) })(askFor()), /token_num_uses of the role must be 0$/);
});

test("an abort ends the login, and a server that is silent its time", async () => {
  const controller = new AbortController();
  const silent = (): Promise<Response> => new Promise(() => {});
  const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch: silent, timeoutMs: 60 });
  const aborted = login(askFor({ signal: controller.signal }));
  controller.abort();
  await aborted.then(() => assert.unreachable(), ({ code }: { code: string }) => assert.is(code, "ERR_KMS_ABORTED"));
  await fails(login(askFor()), /^JWT login: no complete answer/, { retryable: true });
});

test("10,000 cold calls at once are one login, through caches and without", async () => {
  const fetch = fakeFetch(() => issued());
  const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch, now: () => NOW });
  const cache = cacheOf(login, () => NOW);
  const tokens = await Promise.all(Array.from({ length: 10_000 }, () => cache.get(testContext(), askFor().signal)));
  assert.is(fetch.calls.length, 1);
  assert.ok(tokens.every(({ token }) => token === "hvs.token"));
  const direct = fromJwt({ address: ADDRESS, identityToken: jwt, fetch, now: () => NOW });
  await Promise.all(Array.from({ length: 10_000 }, () => direct(askFor())));
  assert.is(fetch.calls.length, 2);
  const caches = Array.from({ length: 5 }, () => cacheOf(direct, () => NOW));
  await Promise.all(caches.map((one) => one.get(testContext(), askFor().signal)));
  assert.is(fetch.calls.length, 2, "several providers share the token");
});

test("a failure reaches each waiter, and the next call starts anew; a leader that gives up is followed by another", async () => {
  const fetch = fakeFetch(refusal(403, "permission denied"), () => issued());
  const login = fromJwt({ address: ADDRESS, identityToken: jwt, fetch });
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => login(askFor())));
  assert.ok(results.every(({ status }) => status === "rejected"));
  assert.is(new Set(results.map((result) => (result as PromiseRejectedResult).reason as unknown)).size, 50);
  assert.is(fetch.calls.length, 1);
  assert.is((await login(askFor())).token, "hvs.token");
  const controller = new AbortController();
  const stuck = fakeFetch(() => new Promise<Response>(() => {}), () => issued());
  const again = fromJwt({ address: ADDRESS, identityToken: jwt, fetch: stuck });
  const leader = again(askFor({ signal: controller.signal })).catch((error: unknown) => error);
  const waiters = Array.from({ length: 20 }, () => again(askFor()));
  controller.abort();
  await leader;
  assert.ok((await Promise.all(waiters)).every(({ token }) => token === "hvs.token"));
  assert.is(stuck.calls.length, 2);
});

test("all methods log in at an emulated server, and the tokens sign", async () => {
  const issuer = await createIdentityIssuer({ now: () => NOW });
  const { access_key_id: accessKeyId, secret_access_key: secretAccessKey } = authCase("aws-iam").sigv4;
  const sts = createTokenEmulator({ now: () => NOW, sts: {} });
  const policies = ["signer"];
  const { vault, now } = scene(
    [
      { type: "approle", roles: { app: { roleId: "role", secretIds: ["secret"], policies } } },
      { type: "userpass", users: { u: { password: "pass", policies } } },
      { type: "jwt", keys: issuer.keys, roles: { ci: { audiences: ["x"], policies } } },
      { type: "kubernetes", keys: issuer.keys, roles: { app: { policies } } },
      { type: "azure", verify: (token) => (token === "az" ? { objectId: "o" } : undefined), roles: { app: { policies } } },
      { type: "aws", sts: sts.fetch, serverId: "vault.example", roles: { app: { principals: ["*"], policies } } },
    ],
    { product: "vault" },
  );
  await vault.createKey({ name: "k", type: "ed25519" });
  const place = { address: vault.address, fetch: vault.fetch, now };
  const token = (claims: Record<string, unknown>) => (): Promise<string> => issuer.token(claims);
  const sign = vaultIamRequest({ credentials: { accessKeyId, secretAccessKey }, region: "us-east-1", serverId: "vault.example", now });
  const logins = [
    fromAppRole({ ...place, roleId: "role", secretId: "secret" }),
    fromUserpass({ ...place, username: "u", password: "pass" }),
    fromJwt({ ...place, role: "ci", identityToken: token({ sub: "s", aud: "x" }) }),
    fromKubernetes({ ...place, role: "app", jwt: token({ sub: "system:serviceaccount:prod:app" }) }),
    fromAzureIdentity({ ...place, role: "app", token: () => "az" }),
    fromAwsIam({ ...place, role: "app", sign }),
  ];
  for (const [index, credentials] of logins.entries()) {
    const kms = createVaultKms({ ...place, mountPath: "transit", keyName: "k", algorithm: "Ed25519", credentials });
    try {
      assert.is((await kms.sign(new Uint8Array([1]))).keyVersion, "1");
    } catch (error) {
      assert.unreachable(`login ${index}: ${String(error)}`);
    }
    await credentials.revoke();
  }
});

test.run();
