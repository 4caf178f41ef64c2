import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { AES_KEY, answer, changed, collect, DER, ED25519_KEY, HMAC_KEY, KEY, NOW, P1363, PEMS, REQUEST_ID, SIGNED, testProvider, testService, WITHOUT_KEYS, type Given } from "./service.js";

const current = { keyId: "signer" };
const message = new TextEncoder().encode("sample");
const question = { algorithm: "ES256", form: "message", input: message } as const;

const pem = (publicKey: KeyObject): string => publicKey.export({ type: "spki", format: "pem" }) as string;

test("sign: the version is that of the answer", async () => {
  const sign = (data: unknown) => testProvider(testService(answer(data))).sign({ ...question, key: current }, testContext());
  assert.is((await sign({ key_version: 7, signature: `vault:v7:${DER}` })).keyVersion, "7");
  assert.is((await sign({ signature: `vault:v999999999:${DER}` })).keyVersion, "999999999");
  assert.equal(await sign({ ...SIGNED, public_key: "ignored", publickey: 7 }), { signature: P1363, encoding: "ieee-p1363", keyVersion: "2", requestId: REQUEST_ID });
});

test("request ids: only what looks like one", async () => {
  for (const [id, expected] of [[REQUEST_ID, REQUEST_ID], ["", undefined], ["r", undefined], ["hvs.token", undefined], [null, undefined], [7, undefined], ["a b", undefined], ["x".repeat(200), undefined], [{}, undefined]] as const) {
    const { requestId } = await testProvider(testService(answer(SIGNED, { request_id: id }))).sign({ ...question, key: current }, testContext());
    assert.is(requestId, expected);
  }
});

test("public keys: EC, with and without a line end after the block", async () => {
  for (const text of [PEMS[2], PEMS[2].trimEnd(), PEMS[2].replaceAll("\n", "\r\n")]) {
    const { jwk, keyVersion } = await testProvider(testService(answer(changed(KEY, ["keys", 2, "public_key"], text)))).getPublicKey(current, testContext());
    assert.is(keyVersion, "2");
    assert.equal({ ...jwk }, { kty: "EC", crv: "P-256", x: "YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y", y: "eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk" });
  }
  const old = await testProvider(testService(answer(KEY))).getPublicKey({ keyId: "signer", keyVersion: "1" }, testContext());
  assert.is(old.keyVersion, "1");
});

test("public keys: every type that signs", async () => {
  const types: readonly [type: string, text: string, kty: string][] = [
    ["rsa-2048", pem(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey), "RSA"],
    ["rsa-3072", pem(generateKeyPairSync("rsa", { modulusLength: 3072 }).publicKey), "RSA"],
    ["rsa-4096", pem(generateKeyPairSync("rsa", { modulusLength: 4096 }).publicKey), "RSA"],
    ["ecdsa-p256", PEMS[1], "EC"],
    ["ecdsa-p384", pem(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey), "EC"],
    ["ecdsa-p521", pem(generateKeyPairSync("ec", { namedCurve: "P-521" }).publicKey), "EC"],
    ["ed25519", "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=", "OKP"],
  ];
  for (const [type, text, kty] of types) {
    const data = { ...KEY, type, latest_version: 1, keys: { 1: { ...KEY.keys[1], public_key: text } } };
    const { jwk } = await testProvider(testService(answer(data))).getPublicKey(current, testContext());
    assert.is(jwk.kty, kty, type);
    // One type's key under the name of another.
    for (const [other] of types) {
      if (other !== type) await rejects(testProvider(testService(answer({ ...data, type: other }))).getPublicKey(current, testContext()), "ERR_KMS_RESPONSE_INVALID");
    }
  }
});

test("public keys: keys that have none that we read", async () => {
  const kinds: readonly [string, object][] = [
    ["AES", AES_KEY],
    ["HMAC", HMAC_KEY],
    ["managed", { ...WITHOUT_KEYS, type: "managed_key" }],
    ["external", { ...KEY, type: "external-key", keys: { 1: "config:key", 2: "config:key" } }],
    ["post-quantum", { ...KEY, type: "ml-dsa", parameter_set: "65", keys: { 1: { ...KEY.keys[1], public_key: "AAAA" }, 2: { ...KEY.keys[2], public_key: "AAAA" } } }],
    ["derived", changed(changed(changed(ED25519_KEY, ["derived"], true), ["keys", 2, "public_key"], ""), ["kdf"], "hkdf_sha256") as object],
    ["a type with the name of a member of every object", { ...KEY, type: "toString" }],
  ];
  for (const [name, data] of kinds) {
    const error = await rejects(testProvider(testService(answer(data))).getPublicKey(current, testContext()), "ERR_KMS_UNSUPPORTED");
    assert.is(error.outcome, "not-sent", name);
  }
});

test("public keys: a version that is not there, and one that is archived", async () => {
  const archived = { ...KEY, min_decryption_version: 2, keys: { 2: KEY.keys[2] } };
  const read = (data: unknown, keyVersion: string) => testProvider(testService(answer(data))).getPublicKey({ keyId: "signer", keyVersion }, testContext());
  await rejects(read(KEY, "3"), "ERR_KMS_NOT_FOUND");
  await rejects(read(KEY, "999999999"), "ERR_KMS_NOT_FOUND");
  assert.match((await rejects(read(archived, "1"), "ERR_KMS_KEY_STATE")).hint ?? "", /min_decryption_version/);
  assert.is((await read(archived, "2")).keyVersion, "2");
  // Very old keys have 0 there.
  assert.is((await read({ ...KEY, min_decryption_version: 0 }, "1")).keyVersion, "1");
  await rejects(read({ ...KEY, keys: { 2: KEY.keys[2] } }, "1"), "ERR_KMS_RESPONSE_INVALID");
});

const metadata = (data: unknown, key: { keyId: string; keyVersion?: string } = current) => testProvider(testService(answer(data))).getKeyMetadata(key, [], testContext());

test("metadata: a key that signs", async () => {
  assert.equal(await metadata(KEY), {
    keyVersion: "2",
    keyType: "P-256",
    algorithms: ["ES256"],
    state: "enabled",
    usableFor: ["sign", "verify", "generateMac", "verifyMac"],
    createdAt: new Date("2026-06-01T00:00:00.500Z"),
    origin: "service",
  });
  const old = await metadata({ ...KEY, min_encryption_version: 2, auto_rotate_period: 3_600 }, { keyId: "signer", keyVersion: "1" });
  assert.equal(old, {
    keyVersion: "1",
    keyType: "P-256",
    algorithms: ["ES256"],
    state: "enabled",
    usableFor: ["verify", "verifyMac"],
    createdAt: new Date("2026-05-04T09:30:15.123Z"),
    origin: "service",
  });
  await rejects(metadata(KEY, { keyId: "signer", keyVersion: "3" }), "ERR_KMS_NOT_FOUND");
  await rejects(metadata({ ...KEY, min_decryption_version: 2 }, { keyId: "signer", keyVersion: "1" }), "ERR_KMS_KEY_STATE");
});

test("metadata: types, in the words of the library or in Transit's own", async () => {
  const types: Readonly<Record<string, string>> = {
    "rsa-2048": "RSA-2048",
    "rsa-3072": "RSA-3072",
    "rsa-4096": "RSA-4096",
    "ecdsa-p384": "P-384",
    "ecdsa-p521": "P-521",
    ed25519: "Ed25519",
    "aes128-gcm96": "AES-128",
    "aes256-gcm96": "AES-256",
    "aes128-cbc": "AES-128",
    "chacha20-poly1305": "chacha20-poly1305",
    "xchacha20-poly1305": "xchacha20-poly1305",
    managed_key: "managed_key",
    "external-key": "external-key",
    "ml-dsa": "ml-dsa",
    toString: "toString",
    __proto__: "__proto__",
  };
  for (const [type, keyType] of [...Object.entries(types), ["__proto__", "__proto__"]]) assert.is((await metadata({ ...KEY, type })).keyType, keyType);
  for (const [size, keyType] of [[32, "HMAC-256"], [64, "HMAC-512"], [512, "HMAC-4096"], [undefined, "hmac"]] as const) assert.is((await metadata({ ...HMAC_KEY, key_size: size })).keyType, keyType);
});

test("metadata: AES, HMAC, derived, soft-deleted, imported, kept elsewhere", async () => {
  const aes = await metadata(AES_KEY);
  assert.equal([aes.keyType, aes.algorithms, aes.usableFor, aes.createdAt], ["AES-256", [], ["encrypt", "decrypt", "generateMac", "verifyMac"], new Date(1_780_272_000_000)]);
  const hmac = await metadata(HMAC_KEY);
  assert.equal([hmac.algorithms, hmac.usableFor, hmac.createdAt], [[], ["generateMac", "verifyMac"], undefined]);
  const derived = await metadata({ ...(ED25519_KEY as object), derived: true });
  assert.equal([derived.keyType, derived.algorithms], ["Ed25519", []]);
  const deleted = await metadata({ ...KEY, soft_deleted: true });
  assert.equal([deleted.state, deleted.usableFor.includes("sign")], ["disabled", true]);
  assert.is((await metadata({ ...KEY, imported_key: true, imported_key_allow_rotation: false })).origin, "imported");
  assert.is((await metadata({ ...KEY, imported_key: undefined })).origin, undefined);
  for (const data of [{ ...WITHOUT_KEYS, type: "managed_key" }, { ...KEY, type: "external-key", keys: { 1: "config:key", 2: "config:key" } }]) {
    const { origin, createdAt, algorithms } = await metadata(data);
    assert.equal([origin, createdAt, algorithms], ["external", undefined, []]);
  }
});

test("metadata: the next rotation counts from the newest version", async () => {
  assert.equal((await metadata({ ...KEY, auto_rotate_period: 2_592_000 })).nextRotationAt, new Date("2026-07-01T00:00:00.500Z"));
  assert.is((await metadata({ ...KEY, auto_rotate_period: 0 })).nextRotationAt, undefined);
  assert.is((await metadata({ ...HMAC_KEY, auto_rotate_period: 2_592_000 })).nextRotationAt, undefined);
  assert.is((await metadata({ ...KEY, auto_rotate_period: 2_592_000 }, { keyId: "signer", keyVersion: "1" })).nextRotationAt, undefined);
});

test("times: none to nine digits of a fraction, any offset", async () => {
  const times: Readonly<Record<string, string>> = {
    "2026-05-04T09:30:15Z": "2026-05-04T09:30:15.000Z",
    "2026-05-04T09:30:15.1Z": "2026-05-04T09:30:15.100Z",
    "2026-05-04T09:30:15.12Z": "2026-05-04T09:30:15.120Z",
    "2026-05-04T09:30:15.123Z": "2026-05-04T09:30:15.123Z",
    "2026-05-04T09:30:15.1239Z": "2026-05-04T09:30:15.123Z",
    "2026-05-04T09:30:15.000000001Z": "2026-05-04T09:30:15.000Z",
    "2026-05-04T09:30:15.999999999Z": "2026-05-04T09:30:15.999Z",
    "2026-05-04T09:30:15+02:00": "2026-05-04T07:30:15.000Z",
    "2026-05-04T09:30:15.5-09:30": "2026-05-04T19:00:15.500Z",
    "2026-01-01T00:30:00.123456789+05:45": "2025-12-31T18:45:00.123Z",
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59Z": "9999-12-31T23:59:59.000Z",
  };
  for (const [text, expected] of Object.entries(times)) {
    const { createdAt } = await metadata(changed(KEY, ["keys", 2, "creation_time"], text));
    assert.is(createdAt?.toISOString(), expected, text);
  }
});

const versions = (data: unknown) => collect(testProvider(testService(answer(data))).listKeyVersions(current, [], testContext));

test("versions: all that are listed, oldest first, whatever their number of digits", async () => {
  assert.equal(await versions(KEY), [
    { keyVersion: "1", current: false, state: "enabled", createdAt: new Date("2026-05-04T09:30:15.123Z") },
    { keyVersion: "2", current: true, state: "enabled", createdAt: new Date("2026-06-01T00:00:00.500Z") },
  ]);
  const many = Object.fromEntries(Array.from({ length: 12 }, (_unused, index) => [index + 1, KEY.keys[1]]));
  assert.equal((await versions({ ...KEY, latest_version: 12, keys: many })).map(({ keyVersion }) => keyVersion), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]);
  assert.equal((await versions({ ...KEY, soft_deleted: true })).map(({ state }) => state), ["disabled", "disabled"]);
});

test("versions: archived ones are not listed, symmetric ones have Unix times, HMAC keys have no times", async () => {
  assert.equal((await versions({ ...KEY, min_decryption_version: 2, keys: { 2: KEY.keys[2] } })).map(({ keyVersion }) => keyVersion), ["2"]);
  assert.equal(await versions(AES_KEY), [
    { keyVersion: "1", current: false, state: "enabled", createdAt: new Date(1_777_887_015_000) },
    { keyVersion: "2", current: true, state: "enabled", createdAt: new Date(1_780_272_000_000) },
  ]);
  assert.equal(await versions({ ...HMAC_KEY, latest_version: 3, min_decryption_version: 2 }), [
    { keyVersion: "2", current: false, state: "enabled" },
    { keyVersion: "3", current: true, state: "enabled" },
  ]);
  assert.equal((await versions({ ...HMAC_KEY, min_decryption_version: 0 })).map(({ keyVersion }) => keyVersion), ["1", "2"]);
  assert.is((await versions({ ...HMAC_KEY, latest_version: 999_999_999 })).length, 10_000);
});

const rotate = (...answers: Given[]) => testProvider(testService(...answers)).rotateKey?.({ key: current }, testContext()) as Promise<{ rotatedAt: Date; newVersion?: string }>;

test("rotation: what the answer says, or as much as is known", async () => {
  assert.equal(await rotate(answer(HMAC_KEY)), { status: "done", previousVersion: "1", newVersion: "2", rotatedAt: new Date(NOW) });
  // Without a body it is done, whatever a look at it gives.
  for (const look of [{ status: 403 }, { status: 404 }, { status: 500 }, { bodyText: "{" }, answer({ ...KEY, name: "other" })]) {
    for (const done of [{ status: 204 }, { status: 200, bodyText: "" }]) assert.equal(await rotate(done, look), { status: "done", rotatedAt: new Date(NOW) });
  }
  assert.is((await rejects(rotate(answer({ ...KEY, latest_version: 1 })), "ERR_KMS_RESPONSE_INVALID")).outcome, "unknown");
  assert.is((await rejects(rotate(answer({ ...KEY, name: "other" })), "ERR_KMS_KEY_MISMATCH")).outcome, "unknown");
});

test.run();
