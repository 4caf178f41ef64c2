/** The logins and token routes of the Vault emulator, as both products, against the authored samples. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createIdentityIssuer, createTokenEmulator, createVaultEmulator } from "../../../src/testing/index.js";
import type { VaultAuthMount, VaultEmulator, VaultProduct, VaultRoleTokens } from "../../../src/testing/index.js";
import { steady } from "./replay.js";

interface Sample {
  readonly id: string;
  readonly product: string;
  readonly request: { readonly method: string; readonly path: string; readonly headers?: Record<string, string>; readonly body?: Record<string, unknown> };
  readonly response: { readonly status: number; readonly headers: Record<string, string>; readonly body: any };
}

const { cases } = JSON.parse(readFileSync("fixtures/vault/auth.json", "utf8")) as { cases: Sample[] };

/** When the signed request of the sample was made. */
const NOW = Date.parse("2026-05-04T09:30:15.123Z");
const SIGNER: VaultRoleTokens = { policies: ["transit-sign"], ttlSeconds: 3600 };
const issuer = await createIdentityIssuer({ now: () => NOW });

/** STS as the sample has it: somebody with a session of a role. */
const STS_ANSWER =
  "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/app/i-1</Arn>" +
  "<UserId>AROAEXAMPLE:i-1</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

const sent: Request[] = [];
const MOUNTS: readonly VaultAuthMount[] = [
  {
    type: "approle",
    roles: {
      signer: { ...SIGNER, roleId: "59d6d1ca-47bb-4e7e-a40b-8be3bc5a0ba8", secretIds: ["84896a0c-1347-aa90-a4f6-aca8b7558780"] },
    },
  },
  { type: "kubernetes", review: () => ({ namespace: "prod", name: "app", uid: "d77f89bc-9055-11e7-a068-0800276d99bf" }), roles: { signer: SIGNER } },
  { type: "jwt", keys: issuer.keys, roles: { ci: { ...SIGNER, ttlSeconds: 900, audiences: ["kms"] } } },
  { type: "userpass", users: { mitchellh: { password: "superSecretPassword", policies: ["transit-sign"] } } },
  {
    type: "aws",
    serverId: "vault.example.com",
    roles: { "dev-role": { ...SIGNER, principals: ["arn:aws:iam::123456789012:role/app"] } },
    async sts(request) {
      sent.push(request);
      return new Response(STS_ANSWER, { headers: { "content-type": "text/xml" } });
    },
  },
  { type: "azure", verify: () => ({ objectId: "o" }), roles: { "dev-role": { ...SIGNER, subscriptions: ["00000000-0000-0000-0000-000000000001"] } } },
];

interface Scene {
  readonly vault: VaultEmulator;
  readonly clock: { ms: number };
}

function setUp(product: VaultProduct): Scene {
  const clock = { ms: NOW };
  return { vault: createVaultEmulator({ product, auth: MOUNTS, policies: { "transit-sign": {} }, now: () => clock.ms }), clock };
}

async function send({ vault }: Scene, path: string, { method = "POST", headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: unknown }): Promise<{ status: number; headers: Headers; body: any }> {
  const response = await vault.fetch(vault.address + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

const LOGIN = { role_id: "59d6d1ca-47bb-4e7e-a40b-8be3bc5a0ba8", secret_id: "84896a0c-1347-aa90-a4f6-aca8b7558780" };
const logIn = async (scene: Scene, headers = {}): Promise<any> => (await send(scene, "/v1/auth/approle/login", { headers, body: LOGIN })).body;

interface Change {
  readonly token?: string;
  readonly body?: Record<string, unknown>;
}

/** A token that has the rest of a sample's life left. */
async function aged(scene: Scene, maxTtlSeconds: number): Promise<Change> {
  scene.vault.auth.enable({ type: "approle", roles: { signer: { ...SIGNER, maxTtlSeconds, roleId: LOGIN.role_id, secretIds: [LOGIN.secret_id] } } });
  const token = (await logIn(scene)).auth.client_token;
  scene.clock.ms += 3188_000;
  return { token };
}

/** What a sample needs besides the mounts, and what stands in its request for a token that is made up. */
const PREPARE: Readonly<Record<string, (scene: Scene) => Change | Promise<Change>>> = {
  jwt: async () => ({ body: { role: "ci", jwt: await issuer.token({ sub: "build-7", aud: "kms" }) } }),
  "batch-token": ({ vault }) => {
    vault.auth.enable({ type: "approle", roles: { signer: { ...SIGNER, type: "batch", roleId: "r", secretIds: ["s"] } } });
    return {};
  },
  "mfa-required": ({ vault }) => {
    vault.auth.enable({ type: "userpass", users: { mitchellh: { password: "p", mfa: true } } });
    return {};
  },
  "lookup-self": async (scene) => {
    const token = (await logIn(scene)).auth.client_token;
    scene.clock.ms += 188_000;
    return { token };
  },
  "lookup-self-root-dev-openbao": ({ vault }) => ({ token: vault.token }),
  "renew-self": async (scene) => ({ token: (await logIn(scene)).auth.client_token }),
  "renew-self-capped": (scene) => aged(scene, 3600),
  "renew-self-capped-openbao": (scene) => aged(scene, 3600),
  "renew-self-batch-token": ({ vault }) => ({ token: vault.tokens.add({ grants: {}, type: "batch", ttlSeconds: 60 }) }),
  "revoke-self": async (scene) => ({ token: (await logIn(scene)).auth.client_token }),
  "login-wrapped": () => ({ body: LOGIN }),
  unwrap: async (scene) => ({ token: (await logIn(scene, { "x-vault-wrap-ttl": "60s" })).wrap_info.token }),
};

const LEFT_OUT: Readonly<Record<string, string>> = {
  "lookup-self-root": "the root token of an emulator is one that a server was told to use, as in lookup-self-root-dev-openbao",
};

/** Not in every sample: `mount_type` came with a release, and hashicorp/vault-plugin-auth-azure adds the name of the machine. */
const IN_SOME = new Set(["mount_type", "vm_name", "role_id"]);

function comparable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(steady(value)), (name, inner: unknown) => (IN_SOME.has(name) ? undefined : inner));
}

for (const sample of cases) {
  if (LEFT_OUT[sample.id] !== undefined) continue;
  for (const product of sample.product.replace(/ \(.*/, "").split(",") as VaultProduct[]) {
    test(`auth.json: ${sample.id}, ${product}`, async () => {
      const scene = setUp(product);
      const { token, body = sample.request.body } = (await PREPARE[sample.id]?.(scene)) ?? {};
      const { method, path, headers = {} } = sample.request;
      const answer = await send(scene, path, { method, headers: token === undefined ? headers : { ...headers, "x-vault-token": token }, body });
      assert.is(answer.status, sample.response.status, JSON.stringify(answer.body));
      for (const [name, value] of Object.entries(sample.response.headers)) assert.is(answer.headers.get(name), value, name);
      assert.equal(comparable(answer.body), comparable(sample.response.body));
      const given = answer.body?.auth?.client_token;
      if (given) assert.match(given, product === "vault" ? /^hv[sb]\./ : /^[sb]\./);
    });
  }
}

test("the samples that are left out are there", () => {
  assert.equal(Object.keys(LEFT_OUT).filter((id) => !cases.some((sample) => sample.id === id)), []);
});

test("the signed request of the sample reaches STS as it was signed, and an emulated STS takes it", async () => {
  const { request } = cases.find(({ id }) => id === "aws-iam") as Sample;
  const scene = setUp("vault");
  sent.length = 0;
  await send(scene, request.path, { body: request.body });
  assert.is(sent[0]?.url, "https://sts.amazonaws.com/");
  assert.is(await sent[0]?.text(), "Action=GetCallerIdentity&Version=2011-06-15");
  const sts = createTokenEmulator({ sts: {}, now: () => NOW });
  const principals = ["arn:aws:iam::111122223333:user/*"];
  scene.vault.auth.enable({ type: "aws", sts: (asked) => sts.fetch(asked), serverId: "vault.example.com", roles: { "dev-role": { principals } } });
  const { body } = await send(scene, request.path, { body: request.body });
  assert.is(body.auth?.metadata.client_arn, "arn:aws:iam::111122223333:user/emulated", JSON.stringify(body));
  assert.equal(sts.requests.map(({ operation }) => operation), ["sts.GetCallerIdentity"]);
});

test.run();
