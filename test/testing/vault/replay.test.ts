/**
 * The Vault emulator against exchanges recorded from OpenBao 2.7.2: every recorded request that concerns a route it has, its
 * answer compared in status, headers and body, its signatures verified. What is left out is listed with the reason.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createVaultEmulator } from "../../../src/testing/index.js";
import type { Grants, VaultEmulator, VaultEmulatorOptions, VaultKeyType } from "../../../src/testing/index.js";
import { createPublicKey } from "node:crypto";
import { readExchanges, Replay } from "./replay.js";
import type { Exchange, ReplayOptions } from "./replay.js";

const NOT_YET = "the route is not emulated";
const NO_SHA3 = "WebCrypto has no SHA-3";

const KEYS: Readonly<Record<string, VaultKeyType>> = {
  "kms-ecdsa-p256": "ecdsa-p256",
  "kms-ecdsa-p384": "ecdsa-p384",
  "kms-ecdsa-p521": "ecdsa-p521",
  "kms-ed25519": "ed25519",
  "kms-rsa-2048": "rsa-2048",
  "kms-rsa-3072": "rsa-3072",
  "kms-rsa-4096": "rsa-4096",
  "kms-aes": "aes256-gcm96",
};

const pairs = new Map<string, JsonWebKey>();

/** An emulator as the recorded server was set up, with the keys that are needed; a pair is made once, for RSA takes seconds. */
async function setUp(names: readonly string[], options: VaultEmulatorOptions = {}): Promise<VaultEmulator> {
  const vault = createVaultEmulator(options);
  for (const name of names) {
    const known = pairs.get(name);
    await vault.createKey({ name, type: KEYS[name] as VaultKeyType, ...(known === undefined ? {} : { versions: [known] }) });
    const made = vault.key(name)?.versions[0]?.key;
    if (made !== undefined) pairs.set(name, made.exportPrivateJwk());
  }
  await vault.createKey({ name: "kms-ed25519-derived", type: "ed25519", derived: true });
  await vault.createKey({ name: "kms-hmac", type: "hmac", keySize: 64 });
  return vault;
}

interface Plan {
  readonly file: string;
  readonly vault: () => Promise<VaultEmulator>;
  /** Names of exchanges that are not replayed, and why. */
  readonly leftOut?: Readonly<Record<string, string>>;
  /** What is sent or set differently for one exchange. */
  readonly adapt?: (exchange: Exchange, vault: VaultEmulator) => ReplayOptions | Promise<ReplayOptions>;
}

/** One test for each exchange, in order, on one emulator. */
function replay({ file, vault: make, leftOut = {}, adapt = () => ({}) }: Plan): void {
  let emulator: Promise<VaultEmulator> | undefined;
  let player: Promise<Replay> | undefined;
  const exchanges = readExchanges(file);
  for (const exchange of exchanges) {
    if (leftOut[exchange.name] !== undefined) continue;
    test(`${file}: ${exchange.name}`, async () => {
      emulator ??= make();
      player ??= emulator.then((vault) => new Replay(vault));
      const options = await adapt(exchange, await emulator);
      await (await player).check(exchange, options);
    });
  }
  test(`${file}: what is left out is there`, () => {
    const names = exchanges.map(({ name }) => name);
    assert.equal(Object.keys(leftOut).filter((name) => !names.includes(name)), []);
  });
}

const EC = ["kms-ecdsa-p256", "kms-ecdsa-p384", "kms-ecdsa-p521"];

replay({ file: "sign-ecdsa.json", vault: () => setUp(EC), leftOut: { "p256 sha3-256": NO_SHA3 } });
replay({ file: "sign-rsa.json", vault: () => setUp(["kms-rsa-2048", "kms-rsa-3072", "kms-rsa-4096"]) });
replay({ file: "ed25519.json", vault: () => setUp(["kms-ed25519"]) });
replay({ file: "hmac.json", vault: () => setUp(["kms-rsa-2048"]) });

const ITEM = { input: "b25l" };
replay({
  file: "batch.json",
  vault: () => setUp(["kms-ed25519", "kms-ecdsa-p256", "kms-rsa-2048"]),
  leftOut: { "sign, 499 items of one member pass (string limit 1000)": "its answer is cut to one item; tested apart" },
  adapt: ({ name }) => (name.includes("500 items") ? { body: { batch_input: Array.from({ length: 500 }, () => ITEM) } } : {}),
});

/** Recorded signatures are checked as they are, so the keys are the public halves of the recorded ones. */
replay({
  file: "verify.json",
  async vault() {
    const vault = createVaultEmulator();
    for (const { response } of readExchanges("keys-read.json")) {
      const { name, type, keys = {} } = (response.body as { data: { name: string; type: VaultKeyType; keys?: Record<string, unknown> } }).data;
      const pem = (keys["1"] as { public_key?: string } | undefined)?.public_key;
      if (pem !== undefined && pem !== "") await vault.createKey({ name, type, versions: [publicJwk(pem)] });
    }
    await vault.createKey({ name: "kms-aes", type: "aes256-gcm96" });
    return vault;
  },
});

/** PEM, or the raw base64 of Ed25519, as a JWK. */
function publicJwk(text: string): JsonWebKey {
  if (!text.startsWith("-----")) return { kty: "OKP", crv: "Ed25519", x: Buffer.from(text, "base64").toString("base64url") };
  return createPublicKey(text).export({ format: "jwk" }) as JsonWebKey;
}

replay({
  file: "keys-read.json",
  async vault() {
    const vault = await setUp([...EC, "kms-ed25519", "kms-rsa-2048", "kms-rsa-3072", "kms-rsa-4096"]);
    await vault.createKey({ name: "kms-aes", type: "aes256-gcm96", versions: 2 });
    await vault.createKey({ name: "w-ed", type: "ed25519", versions: 2, minDecryptionVersion: 2, minEncryptionVersion: 2 });
    return vault;
  },
  adapt: async ({ name }, vault) => {
    if (name === "w-ed") await post(vault, "transit/keys/w-ed/trim", { min_available_version: 2 });
    return {};
  },
});

async function post(vault: VaultEmulator, path: string, body: unknown): Promise<unknown> {
  const headers = { "x-vault-token": vault.token };
  const response = await vault.fetch(`${vault.address}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return response.status === 204 ? undefined : response.json();
}

const WRITTEN = ["kms-aes", ...EC, "kms-ed25519", "kms-rsa-2048", "kms-rsa-3072", "kms-rsa-4096"];
replay({
  file: "keys-write.json",
  async vault() {
    const vault = await setUp(WRITTEN);
    await vault.createKey({ name: "upserted", type: "aes256-gcm96" });
    return vault;
  },
  leftOut: Object.fromEntries(
    readExchanges("keys-write.json")
      .map(({ name }) => name)
      .filter((name) => /^(?:export|backup|cache-config|config\/keys|import|encrypt)/.test(name))
      .map((name) => [name, NOT_YET]),
  ),
  async adapt({ name }, vault) {
    if (name !== "read imported") return {};
    const { body } = readExchanges("keys-write.json").find((entry) => entry.name === "import public part only")?.request as Exchange["request"];
    const versions = [publicJwk((body as { public_key: string }).public_key)];
    await vault.createKey({ name: "w-imp", type: "ecdsa-p256", versions, imported: { allowRotation: false } });
    return {};
  },
});

replay({
  file: "rotate.json",
  async vault() {
    const vault = createVaultEmulator();
    await vault.createKey({ name: "w-ed", type: "ed25519" });
    await vault.createKey({ name: "w-aes", type: "aes256-gcm96" });
    return vault;
  },
});

const SIGNER: Grants = { "transit/sign/*": ["update"], "transit/encrypt/*": ["update"], "transit/keys/*": ["read"] };
replay({
  file: "errors.json",
  vault: () => setUp(["kms-rsa-2048", "kms-ecdsa-p256", "kms-ecdsa-p384", "kms-ed25519", "kms-aes"]),
  leftOut: { "encrypt unknown key with update only": NOT_YET },
  adapt({ name }, vault) {
    if (name === "body over 32 MiB") return { body: { input: "A".repeat(33 * 1024 * 1024) } };
    if (name === "body too complex in memory") return { body: { x: new Array<number>(2_000_000).fill(1) } };
    if (name === "policy grants the path form only") {
      return { token: vault.tokens.add({ grants: { "transit/sign/kms-ecdsa-p384/sha2-384": ["update"] } }) };
    }
    return name.startsWith("policy") ? { token: vault.tokens.add({ grants: SIGNER }) } : {};
  },
});

const NORMALISED = "a URL object, and so fetch, takes dot segments out before anything is sent";
replay({
  file: "transport.json",
  async vault() {
    const vault = await setUp(["kms-ed25519", "kms-aes"], { mounts: ["transit", "team-a/kms/transit", "my kms"] });
    for (const name of ["kms-ecdsa-p256", "kms-ecdsa-p384"]) await vault.createKey({ name, type: KEYS[name] as VaultKeyType });
    return vault;
  },
  leftOut: { "dot-dot segment": NORMALISED, "encoded dot-dot segment": NORMALISED, LIST: "its answer is cut to three names; tested apart" },
  adapt: ({ request }) => (request.path.startsWith("/v1/team-a") ? { mount: "team-a/kms/transit" } : {}),
});

replay({
  file: "namespaces.json",
  vault: () => setUp(["kms-ed25519"]),
  adapt({ name, request }, vault) {
    const token = name.includes("token") && !name.includes("no token") ? vault.tokens.add({ namespace: "ns1", grants: {}, ttlSeconds: 600 }) : undefined;
    const inside = (request.headers["x-vault-namespace"] ?? "").includes("ns1") || request.path.startsWith("/v1/ns1/");
    return { token, namespace: inside ? "ns1" : "" };
  },
});

test.run();
