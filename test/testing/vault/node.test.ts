/** Sealing, a standby that lags, tokens and throttling of the Vault emulator, with the exchanges recorded from OpenBao 2.7.2. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createVaultEmulator } from "../../../src/testing/index.js";
import type { VaultEmulator, VaultTokenOptions } from "../../../src/testing/index.js";
import { readExchanges, Replay } from "./replay.js";
import { rejects } from "../../support/rejects.js";

interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
}

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly errors?: readonly string[]; readonly data?: Record<string, unknown> };
}

async function call(vault: VaultEmulator, path: string, { method = "POST", body, token, headers = {} }: Call = {}): Promise<Got> {
  const sent = method === "POST" ? { body: JSON.stringify(body ?? {}) } : {};
  const response = await vault.fetch(`${vault.address}/v1/${path}`, {
    method,
    headers: { "x-vault-token": token ?? vault.token, ...headers },
    ...sent,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? {} : (JSON.parse(text) as Got["body"]) };
}

const indexOf = ({ headers }: Got): { cluster: string; value: string } =>
  JSON.parse(Buffer.from(headers.get("x-vault-index") as string, "base64").toString()) as { cluster: string; value: string };
const asIndex = (index: object): string => Buffer.from(JSON.stringify(index)).toString("base64");
const exchangesOf = (file: string, names: readonly string[]): ReturnType<typeof readExchanges> =>
  names.map((name) => readExchanges(file).find((exchange) => exchange.name === name) ?? assert.unreachable(`${file} has no ${name}`)) as never;

test("sealed, as recorded", async () => {
  const vault = createVaultEmulator({ mounts: [] });
  const replay = new Replay(vault);
  vault.seal();
  for (const exchange of exchangesOf("ha.json", ["sealed: health", "sealed: seal-status", "sealed: sign", "sealed: login"])) await replay.check(exchange);
  vault.unseal();
  for (const exchange of exchangesOf("ha.json", ["active: mount", "active: create", "active: sign"])) await replay.check(exchange);
});

test("a standby, as recorded", async () => {
  const vault = createVaultEmulator();
  await vault.createKey({ name: "k", type: "ed25519" });
  const replay = new Replay(vault);
  vault.lag();
  const plain = ["health", "health, standbyok", "health, standbycode", "sign is answered locally", "write is forwarded", "unknown token"];
  for (const exchange of exchangesOf("ha.json", plain.map((name) => `standby: ${name}`))) await replay.check(exchange);
  await vault.createKey({ name: "lag0", type: "ed25519" });
  await replay.check(exchangesOf("ha.json", ["standby: sign right after create, no index"])[0] as never);
  const created = await call(vault, "transit/keys/wait0", { body: { type: "ed25519" } });
  const index = created.headers.get("x-vault-index") as string;
  await replay.check(exchangesOf("ha.json", ["standby: sign right after create, with the index of the create"])[0] as never, {
    headers: { "x-vault-index": index },
  });
  const future = asIndex({ ...indexOf(created), value: "100041" });
  for (const name of ["index in the future, forward", "index in the future, fail", "unknown X-Vault-Inconsistent"]) {
    await replay.check(exchangesOf("ha.json", [`standby: ${name}`])[0] as never, { headers: { "x-vault-index": future } });
  }
  vault.catchUp();
  await replay.check(exchangesOf("ha.json", ["active: index in the future is ignored"])[0] as never, { headers: { "x-vault-index": future } });
  await call(vault, "transit/keys/k/rotate");
  for (const exchange of exchangesOf("ha.json", ["standby: sign right after rotate", "active: read k"])) await replay.check(exchange);
});

test("after a rotation a standby signs with the old version, the active node with the new one", async () => {
  const vault = createVaultEmulator();
  await vault.createKey({ name: "k", type: "ed25519" });
  vault.lag();
  const before = indexOf(await call(vault, "transit/sign/k"));
  const rotated = await call(vault, "transit/keys/k/rotate");
  assert.is(rotated.body.data?.latest_version, 2);
  assert.is(Number(indexOf(rotated).value) > Number(before.value), true);
  const index = rotated.headers.get("x-vault-index") as string;
  const sign = (headers: Record<string, string>): Promise<Got> => call(vault, "transit/sign/k", { headers });
  assert.is((await sign({})).body.data?.key_version, 1);
  assert.equal(indexOf(await sign({})), before);
  const refused = await sign({ "x-vault-index": index });
  assert.equal([refused.status, refused.headers.get("retry-after"), refused.body], [429, "1", { errors: [] }]);
  assert.is(refused.headers.get("x-vault-index"), null);
  const forwarded = await sign({ "x-vault-index": index, "x-vault-inconsistent": "forward-active-node" });
  assert.equal([forwarded.body.data?.key_version, indexOf(forwarded)], [2, indexOf(rotated)]);
  assert.is((await sign({ "x-vault-index": asIndex({ ...indexOf(rotated), cluster: "another" }) })).body.data?.key_version, 1);
  assert.is((await call(vault, "transit/keys/k", { method: "GET" })).body.data?.latest_version, 1);
  vault.catchUp();
  assert.is((await sign({ "x-vault-index": index })).body.data?.key_version, 2);
});

test("a standby that may not forward names the active node", async () => {
  const vault = createVaultEmulator();
  vault.lag();
  const got = await call(vault, "transit/keys/k2?x=1", { headers: { "x-vault-no-request-forwarding": "true" } });
  assert.is(got.status, 307);
  assert.is(got.headers.get("location"), "https://active.vault.example:8200/v1/transit/keys/k2?x=1");
  assert.equal([got.headers.get("content-type"), got.body, vault.key("k2")], [null, {}, undefined]);
});

test("a lag ends after as many answers as asked", async () => {
  const vault = createVaultEmulator();
  await vault.createKey({ name: "k", type: "ed25519" });
  vault.lag({ answers: 2 });
  const index = (await call(vault, "transit/keys/k/rotate")).headers.get("x-vault-index") as string;
  const statuses: number[] = [];
  for (let round = 0; round < 3; round += 1) statuses.push((await call(vault, "transit/sign/k", { headers: { "x-vault-index": index } })).status);
  assert.equal(statuses, [429, 429, 200]);
});

test("Vault has no index and no standby that lags", async () => {
  const vault = createVaultEmulator({ product: "vault" });
  const created = await call(vault, "transit/keys/k", { body: { type: "ed25519" } });
  assert.is(created.headers.get("x-vault-index"), null);
  assert.is((await call(vault, "transit/sign/k", { headers: { "x-vault-index": "!" } })).status, 200);
  await rejects(async () => vault.lag(), "ERR_KMS_UNSUPPORTED");
});

test("the token's own routes, as recorded", async () => {
  const vault = createVaultEmulator();
  const replay = new Replay(vault);
  const limited = vault.tokens.add({ grants: {} });
  const check = async (name: string, token?: string): Promise<void> => {
    await replay.check(exchangesOf("auth-token.json", [name])[0] as never, { token });
  };
  await check("lookup-self of the dev root token");
  await check("lookup-self, unknown token");
  await check("lookup-self with POST: default policy grants read only", limited);
  await check("lookup-self without the default policy", vault.tokens.add({ grants: {}, defaultPolicy: false }));
  await check("revoke-self", limited);
  await check("lookup-self after revocation", limited);
});

const PERMISSION = ["1 error occurred:\n\t* permission denied\n\n"];
const REFUSED: readonly (readonly [string, VaultTokenOptions | undefined, readonly string[] | undefined])[] = [
  ["everything", {}, undefined],
  ["the very path", { grants: { "transit/sign/k": ["update"] } }, undefined],
  ["a glob", { grants: { "transit/*": ["update"] } }, undefined],
  ["a segment wildcard", { grants: { "+/sign/k": ["update"] } }, undefined],
  ["another path", { grants: { "transit/sign/other": ["update"] } }, PERMISSION],
  ["another capability", { grants: { "transit/sign/k": ["read", "create"] } }, PERMISSION],
  ["a dot is a dot", { grants: { "transit.sign.k": ["update"] } }, PERMISSION],
  ["the more exact pattern decides", { grants: { "transit/*": ["update"], "transit/sign/*": ["read"] } }, PERMISSION],
  ["deny", { grants: { "transit/*": ["update"], "transit/sign/k": ["update", "deny"] } }, PERMISSION],
  ["nothing", { grants: {} }, PERMISSION],
  ["another namespace", { namespace: "team" }, PERMISSION],
  ["no such token", undefined, ["permission denied"]],
];
for (const [what, options, errors] of REFUSED) {
  test(`a token with a grant for: ${what}`, async () => {
    const vault = createVaultEmulator({ namespaces: ["team"] });
    await vault.createKey({ name: "k", type: "ed25519" });
    const token = options === undefined ? "s.nobody" : vault.tokens.add(options);
    const got = await call(vault, "transit/sign/k", { token });
    assert.equal([got.status, got.body.errors], [errors === undefined ? 200 : 403, errors]);
  });
}

test("a token of a namespace is good there and below", async () => {
  const vault = createVaultEmulator({ namespaces: ["team", "team/kms", "teams"] });
  const place = { type: "ed25519", name: "k" } as const;
  for (const namespace of ["team", "team/kms", "teams"]) await vault.createKey({ ...place, namespace });
  const token = vault.tokens.add({ namespace: "team", grants: { "transit/sign/k": ["update"], "kms/transit/sign/k": ["update"] } });
  const status = async (path: string, namespace: string): Promise<number> =>
    (await call(vault, path, { token, headers: { "x-vault-namespace": namespace } })).status;
  assert.is(await status("transit/sign/k", "team"), 200);
  assert.is(await status("kms/transit/sign/k", "team"), 200);
  assert.is(await status("team/kms/transit/sign/k", ""), 200);
  assert.is(await status("transit/sign/k", "teams"), 403);
  assert.is(await status("transit/sign/k", "nope"), 404);
});

test("tokens end: by time, by use, by revocation", async () => {
  let now = Date.UTC(2026, 0, 1);
  const vault = createVaultEmulator({ now: () => now });
  await vault.createKey({ name: "k", type: "ed25519" });
  const status = async (token: string): Promise<number> => (await call(vault, "transit/sign/k", { token })).status;
  const timed = vault.tokens.add({ ttlSeconds: 60 });
  now += 59_999;
  assert.is(await status(timed), 200);
  now += 1;
  assert.is(await status(timed), 403);
  const counted = vault.tokens.add({ uses: 2 });
  assert.equal([await status(counted), await status(counted), await status(counted)], [200, 200, 403]);
  const revoked = vault.tokens.add({ token: "s.mine" });
  assert.is(revoked, "s.mine");
  vault.tokens.revoke(revoked);
  assert.is(await status(revoked), 403);
  assert.match(vault.tokens.add(), /^s\.[A-Za-z0-9]{24}$/);
});

test("throttling, as recorded, with and without the headers that an operator can turn on", async () => {
  const vault = createVaultEmulator({ mounts: ["rl"] });
  const replay = new Replay(vault);
  vault.faults.inject({ kind: "throttle", headers: { "retry-after": "9" } });
  await replay.check(exchangesOf("quotas.json", ["second request, with headers"])[0] as never);
  vault.faults.inject({ kind: "throttle" });
  await replay.check(exchangesOf("quotas.json", ["refused without headers"])[0] as never);
});

test("499 items pass the limit of strings", async () => {
  const vault = createVaultEmulator();
  await vault.createKey({ name: "k", type: "ed25519" });
  const got = await call(vault, "transit/sign/k", { body: { batch_input: Array.from({ length: 499 }, () => ({ input: "b25l" })) } });
  assert.is((got.body.data?.batch_results as unknown[]).length, 499);
});

test("LIST and a GET that lists", async () => {
  const vault = createVaultEmulator({ mounts: ["transit", "team-a/kms"] });
  for (const name of ["b", "a"]) await vault.createKey({ name, type: "ed25519", mount: "team-a/kms" });
  assert.equal((await call(vault, "team-a/kms/keys", { method: "LIST" })).body.data, { keys: ["a", "b"] });
  assert.equal((await call(vault, "team-a/kms/keys?list=true", { method: "GET" })).body.data, { keys: ["a", "b"] });
  assert.is((await call(vault, "transit/keys?list=true", { method: "GET" })).status, 404);
  assert.equal(vault.requests.map(({ operation }) => operation), ["list-keys", "list-keys", "list-keys"]);
});

test("an address with a path, and names of what was asked", async () => {
  const vault = createVaultEmulator({ address: "https://proxy.example/vault/", namespaces: ["ns1"] });
  const base = "https://proxy.example/vault/v1";
  const headers = { "x-vault-token": vault.token };
  for (const [method, path] of [
    ["POST", "transit/keys/k"],
    ["GET", "transit/keys/k"],
    ["POST", "transit/keys/k/rotate"],
    ["POST", "transit/keys/k/config"],
    ["POST", "transit/hmac/k/sha2-512"],
    ["POST", "transit/verify/k"],
    ["DELETE", "transit/keys/k"],
    ["GET", "sys/health"],
    ["GET", "ns1/auth/token/lookup-self"],
    ["GET", "nope"],
  ] as const) {
    await vault.fetch(`${base}/${path}`, { method, headers, ...(method === "POST" ? { body: "{}" } : {}) });
  }
  const names = ["create-key", "read-key", "rotate", "config", "hmac", "verify", "delete-key", "sys/health", "auth/token/lookup-self", "nope"];
  assert.equal(vault.requests.map(({ operation }) => operation), names);
  assert.is(vault.key("k")?.latestVersion, 2);
});

test("200 rotations at once make 200 versions", async () => {
  const vault = createVaultEmulator();
  await vault.createKey({ name: "k", type: "ed25519" });
  const answers = await Promise.all(Array.from({ length: 200 }, () => call(vault, "transit/keys/k/rotate")));
  assert.is(new Set(answers.map(({ body }) => body.data?.latest_version)).size, 200);
  assert.is(vault.key("k")?.latestVersion, 201);
});

test("keys are put in once, of types that there are, where there is a mount", async () => {
  const vault = createVaultEmulator({ product: "vault" });
  await vault.createKey({ name: "k", type: "ed25519", createdAt: [5_000, 9_000], versions: 2 });
  assert.equal(vault.key("k")?.versions.map(({ createdAt }) => createdAt), [5_000, 9_000]);
  assert.is(vault.key("other"), undefined);
  const code = "ERR_KMS_INVALID_ARGUMENT";
  await rejects(() => vault.createKey({ name: "k", type: "ed25519" }), code);
  await rejects(() => vault.createKey({ name: "x", type: "xchacha20-poly1305" }), code);
  await rejects(() => vault.createKey({ name: "x", type: "ed25519", mount: "nope" }), code);
  await rejects(() => vault.createKey({ name: "x", type: "ed25519", namespace: "nope" }), code);
});

test("Vault Community refuses Ed25519ph and Ed25519ctx", async () => {
  const vault = createVaultEmulator({ product: "vault" });
  await vault.createKey({ name: "k", type: "ed25519" });
  const errors = async (body: unknown): Promise<unknown> => (await call(vault, "transit/sign/k", { body })).body.errors?.[0];
  const pure = "failed to parse batch item: only Pure Ed25519 signatures supported";
  assert.is(await errors({ input: "", prehashed: true }), `${pure}, prehashed must be false`);
  assert.is(await errors({ input: "", hash_algorithm: "sha2-512" }), `${pure}, hash_alogithm should not be set`);
  assert.is(await errors({ input: "", signature_context: "Y3R4" }), `${pure}, signature_context must be empty`);
  assert.is(await errors({ input: "", hash_algorithm: "sha2-256" }), undefined);
});

test.run();
