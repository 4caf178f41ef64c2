/** Keys and their states: what a tier makes of a request, versions, updates, deletion and the way back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeBase64Url } from "../../../src/encoding/base64.js";
import { createAzureEmulator } from "../../../src/testing/azure.js";
import type { AzureEmulator } from "../../../src/testing/azure.js";
import { BASE, callVault, testClock, vectorKey } from "../../support/azure-vault.js";

const test = suite("azure store");

const HSM = "https://example-hsm.managedhsm.azure.net";

/** kty, or status, code and inner code of the refusal. */
async function created(vault: AzureEmulator, body: object, path = "/keys/k/create", method = "POST"): Promise<string> {
  const answer = await callVault(vault, method, path, { body });
  if (answer.status === 200) return answer.body.key.kty;
  const { code, innererror } = answer.body.error;
  return [answer.status, code, innererror?.code].filter((part) => part !== undefined).join(" ");
}

test("key types of each tier", async () => {
  const unsupported = "400 BadParameter KeyTypeNotSupported";
  const table: [asked: string, standard: string, premium: string, hsm: string][] = [
    ["EC", "EC", "EC", "EC-HSM"],
    ["EC-HSM", "403 Forbidden", "EC-HSM", "EC-HSM"],
    ["oct", unsupported, unsupported, "oct-HSM"],
    ["oct-HSM", unsupported, unsupported, "oct-HSM"],
    ["OKP", unsupported, unsupported, unsupported],
    ["", unsupported, unsupported, unsupported],
    ["__proto__", unsupported, unsupported, unsupported],
  ];
  for (const [kty, standard, premium, hsm] of table) {
    assert.is(await created(createAzureEmulator(), { kty }), standard, kty);
    assert.is(await created(createAzureEmulator({ kind: "premium" }), { kty }), premium, kty);
    assert.is(await created(createAzureEmulator({ vaultUrl: HSM }), { kty }), hsm, kty);
  }
});

test("a Managed HSM turns RSA into RSA-HSM, and says so", async () => {
  const hsm = createAzureEmulator({ vaultUrl: HSM });
  assert.is(hsm.kind, "hsm");
  const { body, headers } = await callVault(hsm, "POST", "/keys/k/create", { body: { kty: "RSA" } });
  assert.is(body.key.kty, "RSA-HSM");
  assert.equal(Object.keys(body), ["attributes", "key"]);
  assert.equal(Object.keys(body.key), ["e", "key_ops", "kid", "kty", "n"]);
  assert.is(body.attributes.exportable, false);
  assert.ok(headers.has("x-ms-server-latency"));
});

test("sizes, curves and the exponent", async () => {
  const vault = createAzureEmulator();
  const bad = [{ key_size: 1024 }, { key_size: 2049 }, { key_size: "2048" }, { public_exponent: 3 }];
  for (const more of bad) assert.is(await created(vault, { kty: "RSA", ...more }), "400 BadParameter", JSON.stringify(more));
  for (const crv of ["secp256k1", "SECP256K1", "Ed25519", "__proto__", 5]) {
    assert.is(await created(vault, { kty: "EC", crv }), "400 BadParameter", String(crv));
  }
  for (const crv of ["P-256", "P-384", "P-521", "P-256K"]) {
    const { body } = await callVault(vault, "POST", "/keys/c/create", { body: { kty: "EC", crv } });
    assert.is(body.key.crv, crv);
  }
  const hsm = createAzureEmulator({ vaultUrl: HSM });
  assert.is(await created(hsm, { kty: "oct-HSM", key_size: 128 }), "oct-HSM");
  assert.is(await created(hsm, { kty: "oct-HSM", key_size: 512 }), "400 BadParameter");
});

test("settings of a create are kept, and a further version does not inherit them", async () => {
  const clock = testClock();
  const vault = createAzureEmulator({ now: clock.now });
  const body = {
    kty: "EC",
    key_ops: ["sign"],
    attributes: { enabled: false, nbf: BASE, exp: BASE + 100 },
    tags: { a: "b" },
    unknown: 1,
  };
  const first = await callVault(vault, "POST", "/keys/k/create", { body });
  assert.equal(first.body.key.key_ops, ["sign"]);
  assert.equal(first.body.tags, { a: "b" });
  const { enabled, nbf, exp } = first.body.attributes;
  assert.equal({ enabled, nbf, exp }, body.attributes);
  const second = await callVault(vault, "POST", "/keys/k/create", { body: { kty: "EC" } });
  assert.is(second.body.attributes.enabled, true);
  assert.not("tags" in second.body);
  assert.is.not(first.body.key.kid, second.body.key.kid);
  assert.is((await callVault(vault, "GET", "/keys/k")).body.key.kid, second.body.key.kid);
});

test("settings that are not what they should be", async () => {
  const vault = createAzureEmulator();
  const many = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`tag${index}`, ""]));
  const bad = [
    { key_ops: "sign" },
    { key_ops: ["sign", "fly"] },
    { attributes: { enabled: "true" } },
    { attributes: { nbf: 1.5 } },
    { attributes: { exp: -1 } },
    { attributes: [] },
    { attributes: { exportable: true } },
    { release_policy: {} },
    { tags: { a: 5 } },
    { tags: { a: "x".repeat(257) } },
    { tags: many },
  ];
  for (const more of bad) assert.is(await created(vault, { kty: "EC", ...more }), "400 BadParameter", JSON.stringify(more));
  assert.is(vault.key("k"), undefined);
  const good = { kty: "EC", attributes: { enabled: null, exportable: false }, tags: null };
  assert.is(await created(vault, good), "EC");
});

test("import: the same key comes back, by tier and by Hsm", async () => {
  for (const name of ["rsa-demo", "ec-demo", "ec384-demo", "ec521-demo"]) {
    const vault = createAzureEmulator();
    const key = vectorKey(name);
    const { body } = await callVault(vault, "PUT", `/keys/${name}`, { body: { key, tags: { a: "b" } } });
    for (const member of ["n", "e", "x", "y", "crv"] as const) assert.is(body.key[member], key[member]);
    for (const member of ["d", "p", "q", "dp", "dq", "qi"]) assert.not(member in body.key, member);
  }
  const key = { ...vectorKey("ec256k-demo"), crv: "P-256K" };
  const premium = createAzureEmulator({ kind: "premium" });
  assert.is(await created(premium, { key }, "/keys/k", "PUT"), "EC");
  assert.is(await created(premium, { Hsm: true, key }, "/keys/k", "PUT"), "EC-HSM");
  assert.is(await created(createAzureEmulator(), { Hsm: true, key }, "/keys/k", "PUT"), "403 Forbidden");
  assert.is(await created(createAzureEmulator({ vaultUrl: HSM }), { key }, "/keys/k", "PUT"), "EC-HSM");
  assert.is(await created(createAzureEmulator({ vaultUrl: HSM }), { key: vectorKey("aes-demo") }, "/keys/k", "PUT"), "oct-HSM");
});

test("import: keys that are not whole, or of no supported kind", async () => {
  const { d: _d, ...publicOnly } = vectorKey("ec-demo");
  const { qi: _qi, ...withoutCrt } = vectorKey("rsa-demo");
  const mixed = { ...vectorKey("ec-demo"), d: encodeBase64Url(Uint8Array.from({ length: 32 }, () => 7)) };
  const bad = [undefined, "key", {}, publicOnly, withoutCrt, vectorKey("ec256k-demo"), { ...vectorKey("ec-demo"), x: "AAAA" }, mixed];
  for (const key of bad) {
    const vault = createAzureEmulator();
    assert.match(await created(vault, { key }, "/keys/k", "PUT"), /^400 BadParameter/, JSON.stringify(key));
    assert.is(vault.key("k"), undefined);
  }
});

test("names: no case, a pattern, a length", async () => {
  const vault = createAzureEmulator();
  await vault.createKey({ name: "My-Key", keyType: "P-256" });
  assert.match((await callVault(vault, "GET", "/keys/my-KEY/")).body.key.kid, /\/keys\/My-Key\/[0-9a-f]{32}$/);
  const { version } = vault.key("MY-KEY") ?? {};
  assert.is((await callVault(vault, "GET", `/keys/my-key/${version?.toUpperCase()}`)).status, 200);
  for (const name of ["bad_name", "a.b", "%20", "a%2Fb", "x".repeat(128)]) {
    const { status, body } = await callVault(vault, "GET", `/keys/${name}`);
    assert.is(status, 400);
    assert.is(body.error.message, `The request URI contains an invalid name: ${name}`);
  }
  assert.is((await callVault(vault, "POST", "/keys//create", { body: { kty: "EC" } })).body.error.message, "Operation not specified");
});

test("update: only what is sent, on the version that is named or on the current one", async () => {
  const clock = testClock();
  const vault = createAzureEmulator({ now: clock.now });
  const { version } = await vault.createKey({ name: "k", keyType: "P-256", exp: BASE + 50, tags: { a: "b", c: "d" } });
  await vault.createKey({ name: "k", keyType: "P-256" });
  clock.seconds += 5;
  const one = await callVault(vault, "PATCH", `/keys/k/${version}`, { body: { attributes: { nbf: BASE } } });
  assert.equal([one.body.attributes.nbf, one.body.attributes.exp, one.body.attributes.updated], [BASE, BASE + 50, BASE + 5]);
  assert.equal(one.body.tags, { a: "b", c: "d" });
  const current = await callVault(vault, "PATCH", "/keys/k/", { body: { tags: { e: "f" } } });
  assert.equal(current.body.tags, { e: "f" });
  assert.equal((await callVault(vault, "GET", `/keys/k/${version}`)).body.tags, { a: "b", c: "d" });
  assert.is((await callVault(vault, "PATCH", "/keys/none", { body: {} })).status, 404);
});

test("a deleted key is gone for everything but recover and purge", async () => {
  const vault = createAzureEmulator();
  const { version } = await vault.createKey({ name: "k", keyType: "P-256" });
  await callVault(vault, "DELETE", "/keys/k");
  assert.is(vault.key("k"), undefined);
  const calls: [string, string, unknown?][] = [
    ["GET", "/keys/k"],
    ["GET", `/keys/k/${version}`],
    ["PATCH", "/keys/k", {}],
    ["DELETE", "/keys/k"],
    ["POST", "/keys/k/rotate"],
    ["POST", "/keys/k/sign", { alg: "ES256", value: "AAAA" }],
    ["GET", "/keys/k/rotationpolicy"],
  ];
  for (const [method, path, body] of calls) {
    const answer = await callVault(vault, method, path, { body });
    assert.equal([answer.status, answer.body.error.code], [404, "KeyNotFound"], `${method} ${path}`);
  }
  assert.equal((await callVault(vault, "GET", "/keys")).body.value, []);
  const [item] = (await callVault(vault, "GET", "/deletedkeys")).body.value;
  assert.equal(Object.keys(item), ["recoveryId", "deletedDate", "scheduledPurgeDate", "kid", "attributes"]);
  await callVault(vault, "POST", "/deletedkeys/k/recover");
  assert.is(vault.key("k")?.version, version);
});

test("after the purge the name is free, after the retention too", async () => {
  const clock = testClock();
  const vault = createAzureEmulator({ now: clock.now, retentionDays: 90 });
  const make = async (): Promise<number> => (await callVault(vault, "POST", "/keys/k/create", { body: { kty: "EC" } })).status;
  await make();
  const { body } = await callVault(vault, "DELETE", "/keys/k");
  assert.equal([body.attributes.recoveryLevel, body.attributes.recoverableDays], ["Recoverable+Purgeable", 90]);
  assert.is(body.scheduledPurgeDate, BASE + 90 * 86_400);
  assert.is(await make(), 409);
  const purged = await callVault(vault, "DELETE", "/deletedkeys/k");
  assert.equal([purged.status, purged.text], [204, ""]);
  assert.is(await make(), 200);
  await callVault(vault, "DELETE", "/keys/k");
  clock.seconds += 90 * 86_400;
  assert.is((await callVault(vault, "GET", "/deletedkeys/k")).status, 404);
  assert.is(await make(), 200);
});

test("while a deletion or recovery is under way", async () => {
  const clock = testClock();
  const vault = createAzureEmulator({ now: clock.now, transitionMs: 8_000 });
  await vault.createKey({ name: "k", keyType: "P-256" });
  await callVault(vault, "DELETE", "/keys/k");
  const status = async (method: string, path: string): Promise<string> => {
    const { status: code, body } = await callVault(vault, method, path, { body: method === "GET" ? undefined : { kty: "EC" } });
    return `${code} ${body?.error?.innererror?.code ?? body?.error?.code ?? ""}`.trim();
  };
  assert.is(await status("GET", "/deletedkeys/k"), "404 KeyNotFound");
  for (const path of ["/keys/k/create", "/deletedkeys/k/recover"]) assert.is(await status("POST", path), "409 ObjectIsBeingDeleted");
  assert.is(await status("DELETE", "/deletedkeys/k"), "409 ObjectIsBeingDeleted");
  clock.seconds += 8;
  assert.is(await status("POST", "/deletedkeys/k/recover"), "200");
  assert.is(await status("GET", "/keys/k"), "404 KeyNotFound");
  for (const path of ["/keys/k/create", "/keys/k/rotate"]) assert.is(await status("POST", path), "409 ObjectIsBeingRecovered");
  clock.seconds += 8;
  assert.is(await status("GET", "/keys/k"), "200");
});

test("members that came with 7.5", async () => {
  const vault = createAzureEmulator({ kind: "premium" });
  await vault.createKey({ name: "soft", keyType: "P-256" });
  await vault.createKey({ name: "hard", kty: "EC-HSM", crv: "P-256K" });
  const of = async (name: string, apiVersion: string): Promise<unknown[]> => {
    const { attributes } = (await callVault(vault, "GET", `/keys/${name}`, { apiVersion })).body;
    return [attributes.hsmPlatform, attributes.exportable];
  };
  assert.equal(await of("soft", "7.4"), [undefined, undefined]);
  assert.equal(await of("soft", "7.5"), ["0", false]);
  assert.equal(await of("hard", "2025-07-01"), ["2", false]);
});

test.run();
