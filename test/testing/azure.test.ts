/** The emulator as a test uses it: keys without requests, records, faults, hosts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAzureEmulator } from "../../src/testing/index.js";
import type { NewAzureKey } from "../../src/testing/index.js";
import { callVault, readVectors, vectorKey } from "../support/azure-vault.js";
import { rejects } from "../support/rejects.js";

const test = suite("azure emulator");

test("createKey, key, disable", async () => {
  const vault = createAzureEmulator();
  const { kid, version } = await vault.createKey({ name: "k", privateJwk: vectorKey("ec256k-demo"), tags: { a: "b" } });
  assert.is(kid, `https://example-vault.vault.azure.net/keys/k/${version}`);
  const { spki, publicJwk, ...rest } = vault.key("k") ?? {};
  assert.equal(rest, { name: "k", version, kid, kty: "EC", keyType: "secp256k1", enabled: true });
  assert.is(publicJwk?.crv, "secp256k1");
  assert.is(spki?.length, 88);
  vault.disable("k");
  assert.is(vault.key("k", version)?.enabled, false);
  assert.is(vault.key("none"), undefined);
  assert.is(vault.key("k", "0".repeat(32)), undefined);
  assert.is(vault.requests.length, 0);
});

test("one word for type and size, or the service's words", async () => {
  const vault = createAzureEmulator({ kind: "premium" });
  const made: [Omit<NewAzureKey, "name">, string, string][] = [
    [{}, "RSA", "RSA-2048"],
    [{ keyType: "P-521" }, "EC", "P-521"],
    [{ keyType: "secp256k1", kty: "EC-HSM" }, "EC-HSM", "secp256k1"],
    [{ kty: "EC", crv: "P-384" }, "EC", "P-384"],
    [{ kty: "RSA-HSM", key_size: 3072 }, "RSA-HSM", "RSA-3072"],
  ];
  for (const [wanted, kty, keyType] of made) {
    await vault.createKey({ name: "k", ...wanted });
    assert.equal([vault.key("k")?.kty, vault.key("k")?.keyType], [kty, keyType]);
  }
  const hsm = createAzureEmulator({ kind: "hsm" });
  await hsm.createKey({ name: "aes", keyType: "AES-256" });
  assert.equal([hsm.key("aes")?.kty, hsm.key("aes")?.spki], ["oct-HSM", undefined]);
});

test("what the service would refuse, createKey refuses", async () => {
  const vault = createAzureEmulator();
  const bad: NewAzureKey[] = [
    { name: "bad_name" },
    { name: "" },
    { name: "k", keyType: "Ed25519" },
    { name: "k", keyType: "HMAC-256" },
    { name: "k", keyType: "AES-256" },
    { name: "k", kty: "RSA-HSM" },
    { name: "k", version: "1" },
    { name: "k", privateJwk: { kty: "EC", crv: "P-256" } },
    { name: "k", keyOps: ["fly"] },
  ];
  for (const key of bad) await rejects(() => vault.createKey(key), "ERR_KMS_INVALID_ARGUMENT");
  assert.equal((await callVault(vault, "GET", "/keys")).body.value, []);
  await rejects(() => createAzureEmulator({ vaultUrl: "example-vault" }), "ERR_KMS_INVALID_ARGUMENT");
});

test("identifiers: the vault's own, without port and in lower case", async () => {
  type Case = { id: string; expect: { kind: string; vault?: string; name?: string; version?: string | null } };
  for (const { id, expect } of readVectors<{ cases: Case[] }>("identifiers.json").cases) {
    if (expect.kind !== "key") continue;
    const vault = createAzureEmulator({ vaultUrl: expect.vault as string });
    const { kid } = await vault.createKey({ name: expect.name as string, keyType: "P-256", version: expect.version ?? "0".repeat(32) });
    const answer = await callVault(vault, "GET", id);
    assert.equal([answer.status, answer.body.key.kid], [200, kid], id);
    assert.ok(kid.startsWith(`${expect.vault}/keys/`));
  }
});

test("another vault is not this one, any other host may lead to it", async () => {
  const vault = createAzureEmulator();
  for (const host of ["other.vault.azure.net", "example-vault.managedhsm.azure.net", "example-vault.vault.azure.cn"]) {
    try {
      await callVault(vault, "GET", `https://${host}/keys`);
      assert.unreachable(host);
    } catch (error) {
      assert.instance(error, TypeError);
      assert.is(((error as TypeError).cause as { code: string }).code, "ENOTFOUND");
    }
  }
  assert.is(vault.requests.length, 3, "a token that went there is seen");
  await vault.createKey({ name: "k", keyType: "P-256" });
  const { body } = await callVault(vault, "GET", "http://127.0.0.1:8080/keys/k");
  assert.match(body.key.kid, /^https:\/\/example-vault\.vault\.azure\.net\/keys\/k\//);
});

test("a vault on a loopback port", async () => {
  const vault = createAzureEmulator({ vaultUrl: "https://localhost:8443/" });
  assert.equal([vault.vaultUrl, vault.kind], ["https://localhost:8443", "standard"]);
  for (const name of ["a", "b"]) await vault.createKey({ name, keyType: "P-256" });
  const { body } = await callVault(vault, "GET", "/keys?maxresults=1");
  assert.is(body.value[0].kid, "https://localhost:8443/keys/a");
  assert.match(body.nextLink, /^https:\/\/localhost:8443\/keys\?/);
});

test("requests are recorded with the service's names of them", async () => {
  const vault = createAzureEmulator();
  const calls: [string, string, string][] = [
    ["POST", "/keys/k/create", "CreateKey"],
    ["GET", "/keys/k/", "GetKey"],
    ["GET", "/keys/k/0a1b2c3d4e5f60718293a4b5c6d7e8f9", "GetKey"],
    ["POST", "/keys/k/0a1b2c3d4e5f60718293a4b5c6d7e8f9/sign", "sign"],
    ["GET", "/keys/k/versions", "GetKeyVersions"],
    ["POST", "/keys/k/rotate", "RotateKey"],
    ["POST", "/keys/k/0a1b2c3d4e5f60718293a4b5c6d7e8f9/encrypt", "unknown"],
    ["GET", "/secrets/s", "unknown"],
  ];
  for (const [method, path] of calls) await callVault(vault, method, path, { body: method === "POST" ? { kty: "EC" } : undefined });
  assert.equal(
    vault.requests.map(({ operation }) => operation),
    calls.map(([, , operation]) => operation),
  );
});

test("what the emulator does not have is said with 404", async () => {
  const vault = createAzureEmulator();
  for (const [method, path] of [["POST", "/keys/k/v/encrypt"], ["GET", "/secrets/s"], ["DELETE", "/keys"], ["POST", "/rng"]] as const) {
    const { status, body } = await callVault(vault, method, path);
    assert.equal([status, body.error.code], [404, "NotFound"], path);
  }
});

test("a rotation whose connection is cut happened once", async () => {
  const vault = createAzureEmulator();
  const before = await vault.createKey({ name: "k", keyType: "P-256" });
  vault.faults.inject({ kind: "cut-after", when: ({ operation }) => operation === "RotateKey" });
  await callVault(vault, "POST", "/keys/k/rotate").then(
    () => assert.unreachable(),
    (error: unknown) => assert.instance(error, TypeError),
  );
  assert.is.not(vault.key("k")?.version, before.version);
  assert.is((await callVault(vault, "GET", "/keys/k/versions")).body.value.length, 2);
});

test("handle answers without record and faults", async () => {
  const vault = createAzureEmulator();
  vault.faults.inject({ kind: "refuse", times: Number.POSITIVE_INFINITY });
  const response = await vault.handle(new Request(`${vault.vaultUrl}/healthstatus`));
  assert.is(response.status, 200);
  assert.is(vault.requests.length, 0);
});

test.run();
