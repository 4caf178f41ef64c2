/** The logins, token routes and response wrapping of the Vault emulator against exchanges recorded from OpenBao 2.7.2, all of them. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createIdentityIssuer, createVaultEmulator } from "../../../src/testing/index.js";
import type { VaultEmulator, VaultEmulatorOptions } from "../../../src/testing/index.js";
import { readExchanges, Replay } from "./replay.js";
import type { Exchange, ReplayOptions } from "./replay.js";

/** When the exchanges were recorded; the tokens in them end some minutes later. */
const RECORDED_AT = 1_795_522_208_000;
const POLICIES = { signer: { "transit/sign/*": ["update"], "transit/keys/*": ["read"], "transit/keys/+/config": ["deny"] } } as const;

interface Scene {
  readonly vault: VaultEmulator;
  readonly clock: { ms: number };
  /** What was learnt so far, by the text that stands for it. */
  readonly known: Record<string, string>;
}

async function post(vault: VaultEmulator, path: string, body: unknown, headers: Record<string, string> = { "x-vault-token": vault.token }): Promise<any> {
  const response = await vault.fetch(`${vault.address}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
}

const get = async (vault: VaultEmulator, path: string): Promise<any> =>
  (await vault.fetch(`${vault.address}/v1/${path}`, { headers: { "x-vault-token": vault.token } })).json();

/** One test for each exchange, in order, on one emulator. */
function replay(file: string, options: VaultEmulatorOptions, adapt: (exchange: Exchange, scene: Scene) => Promise<ReplayOptions> | ReplayOptions): void {
  const clock = { ms: RECORDED_AT };
  const vault = createVaultEmulator({ ...options, policies: POLICIES, now: () => clock.ms });
  const scene: Scene = { vault, clock, known: {} };
  const player = new Replay(vault);
  for (const exchange of readExchanges(file)) {
    test(`${file}: ${exchange.name}`, async () => {
      const adapted = await adapt(exchange, scene);
      await player.check(exchange, { ...adapted, replace: { ...scene.known, ...adapted.replace } });
    });
  }
}

replay("auth-approle.json", {}, async ({ name }, { vault, known }) => {
  const secretOf = async (role: string, body = {}): Promise<string> => (await post(vault, `auth/approle/role/${role}/secret-id`, body)).data.secret_id;
  const idOf = async (role: string): Promise<string> => (await get(vault, `auth/approle/role/${role}/role-id`)).data.role_id;
  if (name === "login") {
    known["<role_id>"] = await idOf("signer");
    known["<secret_id>"] = await secretOf("signer");
  }
  if (name === "single-use secret_id, second login") {
    const secret = await secretOf("signer", { num_uses: 1 });
    const first = await post(vault, "auth/approle/login", { role_id: known["<role_id>"], secret_id: secret }, {});
    assert.is(first.auth.lease_duration, 60);
    return { replace: { "<secret_id>": secret } };
  }
  if (name === "batch token") {
    await post(vault, "auth/approle/role/batch", { token_policies: ["signer"], token_ttl: "60s", token_type: "batch" });
    return { replace: { "<role_id>": await idOf("batch"), "<secret_id>": await secretOf("batch") } };
  }
  if (name.startsWith("locked out")) {
    for (let guess = 0; guess < 5; guess += 1) await post(vault, "auth/approle/login", { role_id: known["<role_id>"], secret_id: "wrong" }, {});
  }
  return {};
});

replay("auth-userpass.json", {}, async ({ name }, { vault, known }) => {
  known["<password>"] = "correct horse";
  // The one wrong password of the recording is the first of five.
  if (name === "locked out") for (let guess = 0; guess < 4; guess += 1) await post(vault, "auth/userpass/login/app", { password: "x" }, {});
  return {};
});

replay("auth-jwt.json", {}, async ({ name }, { vault }) => {
  if (name === "login") await post(vault, "auth/jwt/role/noaud", { role_type: "jwt", user_claim: "sub", token_policies: ["signer"] });
  return {};
});

test("auth-jwt.json: the tokens that it keeps are checked, not their names", async () => {
  const [, config, role, login] = readExchanges("auth-jwt.json") as [Exchange, Exchange, Exchange, Exchange];
  const vault = createVaultEmulator({ auth: [{ type: "jwt" }], now: () => RECORDED_AT });
  await post(vault, "auth/jwt/role/ci", role.request.body);
  const refused = await post(vault, "auth/jwt/login", login.request.body, {});
  assert.equal(refused.errors, ["error validating token: error verifying token signature: no known key successfully validated the token signature"]);
  await post(vault, "auth/jwt/config", config.request.body);
  assert.is((await post(vault, "auth/jwt/login", login.request.body, {})).auth.lease_duration, 600);
  const issuer = await createIdentityIssuer({ now: () => RECORDED_AT });
  await post(vault, "auth/jwt/config", { jwt_validation_pubkeys: [issuer.publicKeyPem] });
  assert.ok((await post(vault, "auth/jwt/login", login.request.body, {})).errors);
});

/** The token of each exchange, as the recording made it before. */
const TOKEN_BODIES: Readonly<Record<string, object>> = {
  "lookup-self": { policies: ["signer"], ttl: "60s", explicit_max_ttl: "90s" },
  "renew-self of a periodic token ignores the increment": { policies: ["signer"], period: "30s" },
  "renew-self of a non-renewable token": { policies: ["signer"], ttl: "60s", renewable: false },
  "lookup-self without the default policy": { policies: ["signer"], ttl: "60s", no_default_policy: true },
  "revoke-self": { policies: ["signer"], ttl: "60s" },
  "capabilities-self": { policies: ["signer"], ttl: "60s" },
};

replay("auth-token.json", {}, async ({ name, request }, { vault, known }) => {
  if (request.path.endsWith("/create") || /root|unknown/.test(name)) return { token: vault.token };
  if (TOKEN_BODIES[name] !== undefined) known["<kept>"] = (await post(vault, "auth/token/create", TOKEN_BODIES[name])).auth.client_token;
  known["<batch-token>"] ??= (await post(vault, "auth/token/create", { policies: ["signer"], ttl: "60s", type: "batch" })).auth.client_token;
  if (name === "capabilities-self") vault.auth.setPolicy("signer", { "transit/sign/*": ["update"], "transit/keys/*": ["read"] });
  return { token: known["<kept>"] };
});

replay("wrapping.json", {}, async ({ name }, { vault, clock, known }) => {
  if (vault.key("kms-ed25519") === undefined) await vault.createKey({ name: "kms-ed25519", type: "ed25519" });
  const wrapped = async (): Promise<string> =>
    (await post(vault, "transit/sign/kms-ed25519", { input: "aGVsbG8gdHJhbnNpdA==" }, { "x-vault-token": vault.token, "x-vault-wrap-ttl": "60" })).wrap_info.token;
  const fresh = ["lookup, no token", "unwrap with an own token", "unwrap without any token", "wrapping token used on another route", "unwrap after expiry"];
  if (fresh.includes(name)) known["<wrapping-token>"] = await wrapped();
  if (name === "unwrap after expiry") clock.ms += 60_000;
  return {};
});

test.run();
