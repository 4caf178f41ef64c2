/** Signatures of every algorithm, checked with node:crypto; what stands between a request and the key. */
import { constants, createHash, createPublicKey, verify as nodeVerify } from "node:crypto";
import type { KeyObject, VerifyKeyObjectInput } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAzureEmulator } from "../../../src/testing/azure.js";
import type { AzureEmulator } from "../../../src/testing/azure.js";
import type { EmulatedKeyType } from "../../../src/testing/index.js";
import { BASE, callVault, readVectors, testClock, vectorKey } from "../../support/azure-vault.js";

const test = suite("azure signing");

const MESSAGE = new TextEncoder().encode("a message of no importance");
const HASHES: Readonly<Record<string, string>> = { "256": "sha256", "384": "sha384", "512": "sha512", "256K": "sha256" };
const KEYS: readonly { keyType: EmulatedKeyType; algorithms: readonly string[]; bytes: number }[] = [
  { keyType: "RSA-2048", algorithms: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], bytes: 256 },
  { keyType: "RSA-3072", algorithms: ["RS256", "PS384"], bytes: 384 },
  { keyType: "RSA-4096", algorithms: ["RS512", "PS256"], bytes: 512 },
  { keyType: "P-256", algorithms: ["ES256"], bytes: 64 },
  { keyType: "P-384", algorithms: ["ES384"], bytes: 96 },
  { keyType: "P-521", algorithms: ["ES512"], bytes: 132 },
  { keyType: "secp256k1", algorithms: ["ES256K"], bytes: 64 },
];

function hashOf(algorithm: string): string {
  return HASHES[algorithm.slice(2)] as string;
}

function digestOf(algorithm: string, message = MESSAGE): string {
  return createHash(hashOf(algorithm)).update(message).digest("base64url");
}

function checks(algorithm: string, key: KeyObject, signature: string): boolean {
  const options: VerifyKeyObjectInput = { key };
  if (algorithm.startsWith("ES")) options.dsaEncoding = "ieee-p1363";
  if (algorithm.startsWith("PS")) {
    options.padding = constants.RSA_PKCS1_PSS_PADDING;
    options.saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  }
  return nodeVerify(hashOf(algorithm), MESSAGE, options, Buffer.from(signature, "base64url"));
}

function spkiOf(vault: AzureEmulator, name: string, version?: string): KeyObject {
  const { spki } = vault.key(name, version) ?? {};
  return createPublicKey({ key: Buffer.from(spki ?? []), format: "der", type: "spki" });
}

/** The public key of an answer, read by Node and not by us. */
function answeredKey(key: Record<string, string>): KeyObject {
  const { kty, crv, x, y, n, e } = key;
  const plain = { kty: (kty as string).replace("-HSM", ""), crv: crv === "P-256K" ? "secp256k1" : crv, x, y, n, e };
  return createPublicKey({ key: JSON.parse(JSON.stringify(plain)), format: "jwk" });
}

for (const { keyType, algorithms, bytes } of KEYS) {
  test(`${keyType}: ${algorithms.join(" ")}`, async () => {
    const vault = createAzureEmulator();
    const { kid, version } = await vault.createKey({ name: "k", keyType });
    const { body: bundle } = await callVault(vault, "GET", `/keys/k/${version}`);
    const answered = answeredKey(bundle.key);
    assert.ok(answered.equals(spkiOf(vault, "k")));
    for (const alg of algorithms) {
      const signed = await callVault(vault, "POST", `/keys/k/${version}/sign`, { body: { alg, value: digestOf(alg) } });
      assert.equal({ ...signed.body, value: undefined }, { kid, value: undefined });
      assert.is(Buffer.from(signed.body.value, "base64url").length, bytes, alg);
      assert.ok(checks(alg, answered, signed.body.value), alg);
      const body = { alg, digest: digestOf(alg), value: signed.body.value };
      assert.equal((await callVault(vault, "POST", `/keys/k/${version}/verify`, { body })).body, { value: true });
      const other = { ...body, digest: digestOf(alg, new Uint8Array(3)) };
      assert.equal((await callVault(vault, "POST", `/keys/k/${version}/verify`, { body: other })).body, { value: false });
    }
  });
}

test("the signatures of the vectors verify", async () => {
  const vault = createAzureEmulator();
  const { cases } = readVectors<{ cases: { alg: string; key: string; digest: string; signature: string }[] }>("signatures.json");
  for (const name of new Set(cases.map(({ key }) => key))) await vault.createKey({ name, privateJwk: vectorKey(name) });
  for (const { alg, key, digest, signature } of cases) {
    const answer = await callVault(vault, "POST", `/keys/${key}/verify`, { body: { alg, digest, value: signature } });
    assert.equal(answer.body, { value: true }, alg);
  }
});

test("a signature of a wrong length is false, not an error", async () => {
  const vault = createAzureEmulator();
  await vault.createKey({ name: "k", keyType: "P-256" });
  for (const value of ["", "AAAA", "A".repeat(86), "A".repeat(88)]) {
    const answer = await callVault(vault, "POST", "/keys/k/verify", { body: { alg: "ES256", digest: digestOf("ES256"), value } });
    assert.equal([answer.status, answer.body], [200, { value: false }]);
  }
});

test("without a version the current one signs, also in the path that the vendor's client sends", async () => {
  const vault = createAzureEmulator();
  await vault.createKey({ name: "k", keyType: "P-256" });
  const { kid } = await vault.createKey({ name: "k", keyType: "P-256" });
  for (const path of ["/keys/k/sign", "/keys/k//sign", "/keys/K/sign/"]) {
    const { body } = await callVault(vault, "POST", path, { body: { alg: "ES256", value: digestOf("ES256") } });
    assert.is(body.kid, kid);
    assert.ok(checks("ES256", spkiOf(vault, "k"), body.value));
  }
});

test("the length of a digest is checked, for verify too", async () => {
  const vault = createAzureEmulator();
  await vault.createKey({ name: "k", keyType: "RSA-2048" });
  const { body } = await callVault(vault, "POST", "/keys/k/verify", { body: { alg: "RS384", digest: digestOf("RS256"), value: "AAAA" } });
  assert.is(body.error.message, "Invalid length of 'digest': 32 bytes. RS384 requires 48 bytes, encoded with base64url.");
});

test("algorithms that do not fit, or do not exist", async () => {
  const vault = createAzureEmulator({ kind: "hsm" });
  await vault.createKey({ name: "rsa", keyType: "RSA-2048" });
  await vault.createKey({ name: "k1", keyType: "secp256k1" });
  await vault.createKey({ name: "aes", keyType: "AES-256", keyOps: ["sign", "verify"] });
  const wrong = [
    ["rsa", "ES256"],
    ["k1", "ES256"],
    ["k1", "RS256"],
    ["aes", "RS256"],
    ["aes", "ES256"],
    ["rsa", "EdDSA"],
    ["rsa", "Ed25519"],
    ["rsa", "HS256"],
    ["rsa", "RSNULL"],
    ["rsa", "__proto__"],
    ["rsa", "toString"],
    ["rsa", undefined],
    ["rsa", 256],
  ];
  for (const [name, alg] of wrong) {
    const { status, body } = await callVault(vault, "POST", `/keys/${name}/sign`, { body: { alg, value: digestOf("ES256") } });
    assert.equal([status, body.error.code], [400, "BadParameter"], `${name} ${alg}`);
  }
});

test("bodies that are not what they should be", async () => {
  const vault = createAzureEmulator();
  await vault.createKey({ name: "k", keyType: "P-256" });
  const value = digestOf("ES256");
  const bad = [[], null, "text", 5, {}, { alg: "ES256" }, { alg: "ES256", value: 5 }, { alg: "ES256", value: `${value}=` }, { value }];
  for (const body of bad) assert.is((await callVault(vault, "POST", "/keys/k/sign", { body })).status, 400, JSON.stringify(body));
  const url = `${vault.vaultUrl}/keys/k/sign?api-version=7.4`;
  const headers = { authorization: `Bearer ${vault.token}` };
  for (const body of ["", "{", "<html>"]) assert.is((await vault.fetch(url, { method: "POST", headers, body })).status, 400);
  const extra = { alg: "ES256", value, unknown: { a: 1 } };
  assert.is((await callVault(vault, "POST", "/keys/k/sign", { body: extra })).status, 200, "unknown members are ignored");
});

test("outside its time a key verifies and does not sign", async () => {
  const clock = testClock();
  const vault = createAzureEmulator({ now: clock.now });
  await vault.createKey({ name: "k", keyType: "P-256", nbf: BASE + 10, exp: BASE + 20 });
  const sign = async (): Promise<string> => {
    const { status, body } = await callVault(vault, "POST", "/keys/k/sign", { body: { alg: "ES256", value: digestOf("ES256") } });
    return status === 200 ? "signed" : `${status} ${body.error.innererror.code}`;
  };
  assert.is(await sign(), "403 KeyNotYetValid");
  clock.seconds += 10;
  assert.is(await sign(), "signed");
  clock.seconds += 10;
  assert.is(await sign(), "403 KeyExpired");
  const body = { alg: "ES256", digest: digestOf("ES256"), value: "AAAA" };
  assert.equal((await callVault(vault, "POST", "/keys/k/verify", { body })).body, { value: false });
});

test("a disabled version refuses both, its successor works", async () => {
  const vault = createAzureEmulator();
  const { version } = await vault.createKey({ name: "k", keyType: "P-256" });
  await vault.createKey({ name: "k", keyType: "P-256" });
  vault.disable("k", version);
  const body = { alg: "ES256", value: digestOf("ES256"), digest: digestOf("ES256") };
  for (const operation of ["sign", "verify"]) {
    const { status, body: answer } = await callVault(vault, "POST", `/keys/k/${version}/${operation}`, { body });
    assert.equal([status, answer.error.innererror.code], [403, "KeyDisabled"]);
    assert.is((await callVault(vault, "POST", `/keys/k/${operation}`, { body })).status, 200);
  }
});

test("200 signatures at once", async () => {
  const vault = createAzureEmulator();
  await vault.createKey({ name: "k", privateJwk: vectorKey("rsa-demo") });
  const body = { alg: "PS256", value: digestOf("PS256") };
  const all = await Promise.all(Array.from({ length: 200 }, () => callVault(vault, "POST", "/keys/k/sign", { body })));
  assert.is(new Set(all.map((answer) => answer.body.value)).size, 200);
  assert.is(vault.requests.length, 200);
});

test.run();
