import { createECDH, createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jwkToSpki } from "../../src/jwk/index.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { ATTRIBUTES, BUNDLE, EC_KEY, kid, NOW, OTHER_VERSION, POLICY, RSA_BUNDLE, testProvider, testService, VERSION, type Given } from "./service.js";

const key = { keyId: "signer", keyVersion: VERSION };
const current = { keyId: "signer" };

const CURVES = [
  ["P-256", "prime256v1", "ES256"],
  ["P-384", "secp384r1", "ES384"],
  ["P-521", "secp521r1", "ES512"],
  ["P-256K", "secp256k1", "ES256K"],
  ["SECP256K1", "secp256k1", "ES256K"],
] as const;

/** The first multiple of the generator whose x begins with a zero byte, or does not. */
function pointOf(curve: string, short: boolean): { x: Buffer; y: Buffer } {
  const ecdh = createECDH(curve);
  for (let multiple = 1; ; multiple += 1) {
    ecdh.setPrivateKey(Buffer.from(multiple.toString(16).padStart(4, "0"), "hex"));
    const point = ecdh.getPublicKey();
    const x = point.subarray(1, (point.length + 1) / 2);
    if ((x[0] === 0) === short) return { x, y: point.subarray((point.length + 1) / 2) };
  }
}

test("public keys: types of an HSM, curve names, and integers as emulators write them", async () => {
  const publicKeyOf = async (changes: object) => testProvider(testService({ body: { ...BUNDLE, key: { kid: kid(), key_ops: ["verify"], ...changes } } })).getPublicKey(current, testContext());
  for (const [crv, name, algorithm] of CURVES) {
    for (const short of [false, true]) {
      const { x, y } = pointOf(name, short);
      const written = { kty: short ? "EC-HSM" : "EC", crv, x: x.subarray(short ? 1 : 0).toString("base64url"), y: y.toString("base64url") };
      const { jwk, algorithms } = await publicKeyOf(written);
      const { kty, ...numbers } = createPublicKey({ key: Buffer.from(jwkToSpki(jwk)), format: "der", type: "spki" }).export({ format: "jwk" });
      assert.equal({ kty, x: numbers.x, y: numbers.y }, { kty: "EC", x: x.toString("base64url"), y: y.toString("base64url") }, crv);
      assert.equal(algorithms, [algorithm]);
    }
  }
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
  const { n } = pair.export({ format: "jwk" });
  for (const kty of ["RSA", "RSA-HSM"]) {
    const padded = Buffer.concat([Buffer.alloc(1), Buffer.from(n as string, "base64url")]).toString("base64url");
    const { jwk } = await publicKeyOf({ kty, n: padded, e: "AAEAAQ" });
    assert.equal(jwk, { kty: "RSA", n, e: "AQAB" });
    assert.equal(createPublicKey({ key: Buffer.from(jwkToSpki(jwk)), format: "der", type: "spki" }).export({ format: "jwk" }), pair.export({ format: "jwk" }));
  }
  const { jwk } = await publicKeyOf({ ...EC_KEY, d: "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", use: "enc", alg: 7 });
  assert.equal(Object.keys(jwk), ["kty", "crv", "x", "y"]);
});

test("public keys: algorithms by type and key_ops", async () => {
  const algorithmsOf = async (changes: object) => (await testProvider(testService({ body: { ...RSA_BUNDLE, key: { ...RSA_BUNDLE.key, ...changes } } })).getPublicKey(current, testContext())).algorithms;
  const all = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
  assert.equal(await algorithmsOf({ key_ops: ["sign"] }), all);
  assert.equal(await algorithmsOf({ key_ops: ["verify", "encrypt"] }), all);
  assert.equal(await algorithmsOf({ key_ops: ["encrypt", "wrapKey", "import", "toString"] }), []);
  assert.equal(await algorithmsOf({ key_ops: [] }), []);
  assert.equal(await algorithmsOf({ key_ops: null }), all);
  const { algorithms, usableFor } = await testProvider(testService({ body: { ...RSA_BUNDLE, key: { ...RSA_BUNDLE.key, key_ops: null } } })).getKeyMetadata(current, [], testContext());
  assert.equal([algorithms, usableFor], [all, []]);
});

test("keys without a public part", async () => {
  for (const kty of ["oct", "oct-HSM", "AKP", "__proto__", "toString"]) {
    await rejects(testProvider(testService({ body: { key: { kid: kid(), kty, key_ops: ["wrapKey"] }, attributes: ATTRIBUTES } })).getPublicKey(current, testContext()), "ERR_KMS_UNSUPPORTED");
  }
  const metadata = await testProvider(testService({ body: { key: { kid: kid(), kty: "oct-HSM", key_ops: ["wrapKey", "unwrapKey"] }, attributes: ATTRIBUTES } })).getKeyMetadata(current, [], testContext());
  assert.equal(metadata, {
    keyVersion: VERSION,
    keyType: "oct-HSM",
    algorithms: [],
    state: "enabled",
    usableFor: ["wrapKey", "unwrapKey"],
    createdAt: new Date(NOW),
    protection: "hsm",
  });
});

test("metadata: everything that the bundle tells", async () => {
  const attributes = { ...ATTRIBUTES, nbf: 1_767_225_600, exp: 1_800_000_000 };
  const tags = JSON.parse('{"purpose":"demo","__proto__":"x"}') as Record<string, string>;
  const body = { key: { ...EC_KEY, key_ops: ["verify", "sign", "sign", "import", "constructor"] }, attributes, tags };
  const metadata = await testProvider(testService({ body })).getKeyMetadata(key, [], testContext());
  assert.equal({ ...metadata, tags: Object.entries(metadata.tags ?? {}) }, {
    keyVersion: VERSION,
    keyType: "P-256",
    algorithms: ["ES256"],
    state: "enabled",
    usableFor: ["sign", "verify"],
    createdAt: new Date(NOW),
    expiresAt: new Date(1_800_000_000_000),
    protection: "software",
    tags: [["purpose", "demo"], ["__proto__", "x"]],
  });
  assert.is(({} as { x?: unknown }).x, undefined);
});

test("metadata: states under the given clock, and what keeps the key", async () => {
  const second = NOW / 1000;
  const metadataOf = async (attributes: object, more: object = {}) =>
    testProvider(testService({ body: { key: { ...EC_KEY, ...more }, attributes: { ...ATTRIBUTES, ...attributes } } })).getKeyMetadata(current, [], testContext());
  assert.is((await metadataOf({})).state, "enabled");
  assert.is((await metadataOf({ nbf: second, exp: second + 1 })).state, "enabled");
  assert.is((await metadataOf({ nbf: second + 1 })).state, "not-yet-valid");
  assert.is((await metadataOf({ exp: second })).state, "expired");
  assert.is((await metadataOf({ enabled: false, exp: second })).state, "disabled");
  assert.is((await metadataOf({})).protection, "software");
  assert.is((await metadataOf({ hsmPlatform: "0" })).protection, "software");
  assert.is((await metadataOf({ hsmPlatform: "1" }, { kty: "EC-HSM" })).protection, "hsm");
  assert.is((await metadataOf({}, { kty: "EC-HSM" })).protection, "hsm");
});

test("metadata: the next rotation, where the policy says it exactly", async () => {
  const next = async (trigger: unknown, attributes: object = {}, type = "Rotate") => {
    const body = { lifetimeActions: [{ trigger: { timeBeforeExpiry: "P10D" }, action: { type: "Notify" } }, { trigger, action: { type } }] };
    return (await testProvider(testService({ body: { ...BUNDLE, attributes: { ...ATTRIBUTES, ...attributes } } }, { body })).getKeyMetadata(current, ["rotation"], testContext())).nextRotationAt;
  };
  const day = 86_400_000;
  assert.equal(await next({ timeAfterCreate: "P60D" }), new Date(NOW + 60 * day));
  assert.equal(await next({ timeAfterCreate: "P28D", timeBeforeExpiry: null }, {}, "rotate"), new Date(NOW + 28 * day));
  assert.equal(await next({ timeBeforeExpiry: "P30D" }, { exp: NOW / 1000 + 90 * 86_400 }), new Date(NOW + 60 * day));
  assert.is(await next({ timeBeforeExpiry: "P30D" }), undefined);
  assert.is(await next({ timeAfterCreate: "P60D" }, { created: null }), undefined);
  for (const inexact of ["P1Y", "P1Y6M", "P2M", "P8W", "P1DT1H", "PT48H", "P1M1D", "P1D1Y"]) assert.is(await next({ timeAfterCreate: inexact }), undefined, inexact);
  assert.is(await next({}), undefined);
  assert.is(await next({ timeAfterCreate: "P60D" }, {}, "Notify"), undefined);
  assert.is((await testProvider(testService({ body: BUNDLE }, { bodyText: "null" })).getKeyMetadata(current, ["rotation"], testContext())).nextRotationAt, undefined);
});

test("metadata: the policy counts from the newest version, also for a pinned one", async () => {
  const newest = { key: { ...EC_KEY, kid: kid("signer", OTHER_VERSION) }, attributes: { ...ATTRIBUTES, created: 1_767_312_000 } };
  const metadata = await testProvider(testService({ body: BUNDLE }, { body: newest }, { body: POLICY })).getKeyMetadata(key, ["rotation"], testContext());
  assert.is(metadata.keyVersion, VERSION);
  assert.equal(metadata.createdAt, new Date(NOW));
  assert.equal(metadata.nextRotationAt, new Date(1_767_312_000_000 + 60 * 86_400_000));
});

test("vectors: answers of GetKey, of the rotation policy and of RotateKey", async () => {
  interface Pair {
    readonly title: string;
    readonly request: { readonly method: string; readonly url: string };
    readonly response: Given;
  }
  const read = (file: string) => JSON.parse(readFileSync(`fixtures/azure/keys/${file}.json`, "utf8")) as Pair[];
  const partsOf = (url: string) => {
    const { origin, pathname } = new URL(url);
    const [, , keyId = "", keyVersion] = pathname.split("/");
    return { vaultUrl: origin, ref: { keyId, keyVersion: keyVersion as string } };
  };
  const states: string[] = [];
  for (const { request, response } of [...read("get-key-ec"), ...read("get-key-rsa")]) {
    const { vaultUrl, ref } = partsOf(request.url);
    const provider = testProvider(testService(response), { vaultUrl, now: () => 1_767_312_000_000 });
    const { jwk, keyVersion } = await provider.getPublicKey(ref, testContext());
    const { state, keyType } = await provider.getKeyMetadata(ref, [], testContext());
    assert.ok(/^[0-9a-f]{32}$/.test(keyVersion) && (ref.keyVersion ?? keyVersion) === keyVersion);
    states.push(`${jwk.kty} ${keyType} ${state}`);
  }
  assert.equal(states, ["EC P-256 enabled", "EC secp256k1 enabled", "EC P-256 disabled", "RSA RSA-2048 enabled", "RSA RSA-2048 enabled", "RSA RSA-2048 enabled"]);

  const policies = read("rotation-policy");
  const nexts: unknown[] = [];
  for (const { request, response } of policies) {
    const { vaultUrl, ref } = partsOf(request.url);
    const exp = NOW / 1000 + 90 * 86_400;
    const body = { key: { ...EC_KEY, kid: kid(ref.keyId, VERSION, vaultUrl) }, attributes: { ...ATTRIBUTES, exp } };
    nexts.push((await testProvider(testService({ body }, response), { vaultUrl }).getKeyMetadata({ keyId: ref.keyId }, ["rotation"], testContext())).nextRotationAt);
  }
  assert.equal(nexts, [60, 60, 28].map((days) => new Date(NOW + days * 86_400_000)));

  const [rotated] = read("rotate");
  const before = { ...BUNDLE, key: { ...EC_KEY, kid: kid("rsa-demo", "11112222333344445555666677778888") } };
  assert.equal(await testProvider(testService({ body: before }, (rotated as Pair).response)).rotateKey?.({ key: { keyId: "rsa-demo" } }, testContext()), {
    status: "done",
    previousVersion: "11112222333344445555666677778888",
    newVersion: "9999aaaabbbbccccddddeeeeffff0000",
    rotatedAt: new Date(1_767_312_000_000),
  });
});

test.run();
