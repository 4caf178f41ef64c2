import { constants, createHash, createPublicKey, verify as nodeVerify } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ALGORITHMS, type SignatureAlgorithm } from "../../src/algorithms.js";
import type { Bytes } from "../../src/encoding/bytes.js";
import { ProviderError } from "../../src/errors.js";
import type { SignResult } from "../../src/kms/results.js";
import type { EmulatedKeyType } from "../../src/testing/keys.js";
import { createFake, setUp, sharedKey, withMonotonicClock, type Fake } from "../support/fake-provider.js";
import { rejects } from "../support/rejects.js";

const data = new TextEncoder().encode("the quick brown fox");
const KEY_OF: Readonly<Record<string, EmulatedKeyType>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521", ES256K: "secp256k1", Ed25519: "Ed25519" };
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Whether node:crypto takes the signature under the version that it names. */
function accepts(fake: Fake, message: Bytes, { signature, algorithm, encoding, keyVersion }: SignResult): boolean {
  const spki = fake.keys.get("k")?.[Number(keyVersion) - 1]?.key.spki as Bytes;
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  const pss = algorithm.startsWith("PS") ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  const hash = algorithm === "Ed25519" ? null : algorithm === "ES256K" ? "sha256" : `sha${algorithm.slice(2)}`;
  return nodeVerify(hash, message, { key, dsaEncoding: encoding === "der" ? "der" : "ieee-p1363", ...pss }, signature);
}

function digestOf(algorithm: string): Bytes {
  return Uint8Array.from(createHash(algorithm === "ES256K" ? "sha256" : `sha${algorithm.slice(2)}`).update(data).digest());
}

for (const { name: algorithm } of ALGORITHMS) {
  test(`${algorithm}: a signature that node:crypto takes, of a message and of its digest`, async () => {
    const { fake, kms } = await setUp(KEY_OF[algorithm] ?? "RSA-2048");
    const signed = await kms.sign(data, { algorithm });
    const { signature, requestId, ...rest } = signed;
    const encoding = algorithm.startsWith("ES") ? "ieee-p1363" : "raw";
    assert.equal(rest, { algorithm, encoding, provider: "fake", keyId: "k", keyVersion: "1" });
    assert.is(requestId, "r-1");
    assert.is(signature.constructor, Uint8Array);
    assert.is(accepts(fake, data, signed), true);
    assert.is(fake.calls.length, 1, "one request");
    if (algorithm === "Ed25519") {
      await rejects(kms.sign(new Uint8Array(64), { algorithm, digest: true }), "ERR_KMS_UNSUPPORTED");
    } else {
      assert.is(accepts(fake, data, await kms.sign(digestOf(algorithm), { algorithm, digest: true })), true);
    }
    assert.is(fake.count("getPublicKey"), 0);
  });
}

test("EdDSA is another spelling, and results say Ed25519", async () => {
  const { kms } = await setUp("Ed25519");
  assert.is((await kms.sign(data, { algorithm: "EdDSA" })).algorithm, "Ed25519");
});

for (const [keyType, algorithm] of [["RSA-2048", "RS256"], ["P-256", "ES256"], ["P-384", "ES384"], ["P-521", "ES512"], ["secp256k1", "ES256K"], ["Ed25519", "Ed25519"]] as const) {
  test(`without an algorithm a key of type ${keyType} signs with ${algorithm}, after its public key was read once`, async () => {
    const { fake, kms } = await setUp(keyType);
    const signed = await kms.sign(data);
    assert.is(signed.algorithm, algorithm);
    assert.is(accepts(fake, data, signed), true);
    await kms.sign(data);
    assert.equal(fake.calls.map((call) => call.split(" ")[0]), ["getPublicKey", "sign", "sign"]);
  });
}

test("the configured algorithm counts, and the call's before it", async () => {
  const { fake, kms } = await setUp("RSA-2048", { manager: { algorithm: "PS384" } });
  assert.is((await kms.sign(data)).algorithm, "PS384");
  assert.is((await kms.sign(data, { algorithm: "RS512" })).algorithm, "RS512");
  assert.is(fake.count("getPublicKey"), 0);
});

// Rule 2: the form is chosen by the service's rule.
for (const [length, form, sent] of [
  [0, "digest", 32],
  [1, "digest", 32],
  [2, "message", 2],
  [10, "message", 10],
  [11, "digest", 32],
  [100_000, "digest", 32],
] as const) {
  test(`a message of ${length} bytes, where 2 to 10 are taken: as ${form}`, async () => {
    const { fake, kms } = await setUp("P-256", { rule: () => ({ messageMinBytes: 2, messageMaxBytes: 10, digest: true }) });
    const message = new Uint8Array(length).fill(7);
    assert.is(accepts(fake, message, await kms.sign(message, { algorithm: "ES256" })), true);
    assert.is(fake.inputs[0]?.form, form);
    assert.is(fake.inputs[0]?.input.length, sent);
  });
}

test("a service that takes digests only gets digests, of the algorithm's own hash", async () => {
  const { fake, kms } = await setUp("RSA-2048", { rule: () => ({ messageMaxBytes: -1, digest: true }) });
  for (const [algorithm, bytes] of [["RS256", 32], ["PS384", 48], ["RS512", 64]] as const) {
    assert.is(accepts(fake, data, await kms.sign(data, { algorithm })), true);
    assert.is(fake.inputs.at(-1)?.input.length, bytes);
  }
});

test("a service that takes messages only refuses what is longer, and digests", async () => {
  const { fake, kms } = await setUp("P-256", { rule: () => ({ messageMaxBytes: 10, digest: false }) });
  await kms.sign(new Uint8Array(10), { algorithm: "ES256" });
  const long = await rejects(kms.sign(new Uint8Array(11), { algorithm: "ES256" }), "ERR_KMS_INVALID_ARGUMENT");
  assert.is(long.message, "data must be of 0 to 10 bytes for ES256");
  assert.match(long.hint ?? "", "hash");
  await rejects(kms.sign(new Uint8Array(32), { algorithm: "ES256", digest: true }), "ERR_KMS_UNSUPPORTED");
  assert.is(fake.count("sign"), 1);
});

test("Ed25519 signs messages only: over the limit, or under it, INVALID_ARGUMENT with a hint", async () => {
  const { fake, kms } = await setUp("Ed25519", { rule: () => ({ messageMinBytes: 1, messageMaxBytes: 10, digest: true }) });
  for (const length of [0, 11]) {
    const error = await rejects(kms.sign(new Uint8Array(length), { algorithm: "Ed25519" }), "ERR_KMS_INVALID_ARGUMENT");
    assert.is(error.message, "data must be of 1 to 10 bytes for Ed25519");
    assert.match(error.hint ?? "", "hash");
  }
  assert.is(fake.count("sign"), 0);
});

for (const [algorithm, right] of [["ES256", 32], ["ES384", 48], ["ES512", 64], ["RS256", 32], ["PS512", 64]] as const) {
  test(`a digest for ${algorithm} has ${right} bytes, which is checked before any request`, async () => {
    const { fake, kms } = await setUp(KEY_OF[algorithm] ?? "RSA-2048");
    for (const length of [0, 20, right - 1, right + 1, 128]) await rejects(kms.sign(new Uint8Array(length), { algorithm, digest: true }), "ERR_KMS_INVALID_ARGUMENT");
    assert.equal(fake.calls, []);
    await kms.sign(new Uint8Array(right), { algorithm, digest: true });
  });
}

for (const ecdsa of ["der", "ieee-p1363"] as const) {
  test(`encodings and lowS, of a service that answers ${ecdsa}`, async () => {
    const { fake, kms } = await setUp("P-256", { ecdsa });
    let high = 0;
    for (let index = 0; index < 24; index += 1) {
      const message = Uint8Array.of(index);
      const plain = await kms.sign(message, { algorithm: "ES256" });
      assert.is(plain.encoding, "ieee-p1363");
      assert.is(plain.signature.length, 64);
      if (BigInt(`0x${Buffer.from(plain.signature.subarray(32)).toString("hex")}`) > P256_ORDER / 2n) high += 1;
      const low = await kms.sign(message, { algorithm: "ES256", lowS: true });
      assert.ok(BigInt(`0x${Buffer.from(low.signature.subarray(32)).toString("hex")}`) <= P256_ORDER / 2n);
      const der = await kms.sign(message, { algorithm: "ES256", encoding: "der", lowS: true });
      assert.is(der.encoding, "der");
      assert.is(der.signature[0], 0x30);
      for (const signed of [plain, low, der]) assert.is(accepts(fake, message, signed), true);
    }
    assert.ok(high > 0, "about half of what the service gives is high");
  });
}

test("encoding and lowS are for ECDSA", async () => {
  for (const [keyType, algorithm] of [["RSA-2048", "RS256"], ["Ed25519", "Ed25519"]] as const) {
    const { fake, kms } = await setUp(keyType);
    for (const options of [{ encoding: "der" }, { encoding: "ieee-p1363" }, { lowS: true }] as const) {
      await rejects(kms.sign(data, { algorithm, ...options }), "ERR_KMS_INVALID_ARGUMENT");
      assert.equal(fake.count("sign"), 0);
      await rejects(kms.sign(data, options), "ERR_KMS_INVALID_ARGUMENT");
    }
    await kms.sign(data, { algorithm, lowS: false });
  }
});

test("an algorithm that no key of the service has is UNSUPPORTED before any request", async () => {
  const { fake, kms } = await setUp("P-256", { rule: (name) => (name === "ES256" ? { messageMaxBytes: 10, digest: true } : undefined) });
  await rejects(kms.sign(data, { algorithm: "Ed25519" }), "ERR_KMS_UNSUPPORTED");
  assert.equal(fake.calls, []);
});

// Rule 10: an answer that cannot be a signature is none.
for (const [what, tamper] of [
  ["r of 0", (bytes: Bytes) => bytes.fill(0, 0, 32)],
  ["s of 0", (bytes: Bytes) => bytes.fill(0, 32)],
  ["s of n and more", (bytes: Bytes) => bytes.fill(0xff, 32)],
  ["too short", (bytes: Bytes) => bytes.subarray(1)],
  ["empty", (bytes: Bytes) => bytes.subarray(64)],
] as const) {
  test(`an ECDSA answer with ${what} is RESPONSE_INVALID, whatever was asked for`, async () => {
    const { fake, kms } = await setUp("P-256", { ecdsa: "ieee-p1363" });
    fake.tamper = (signed) => ({ ...signed, signature: tamper(signed.signature) as Bytes });
    for (const options of [{}, { encoding: "der" }, { lowS: true }] as const) {
      const error = await rejects(kms.sign(data, { algorithm: "ES256", ...options }), "ERR_KMS_RESPONSE_INVALID");
      assert.is(error.operation, "sign");
      assert.is(error.attempts, 1);
    }
  });
}

test("DER that is none, and an Ed25519 signature of another length, are RESPONSE_INVALID", async () => {
  const ec = await setUp("P-256");
  for (const signature of [Uint8Array.of(), Uint8Array.of(0x30, 0), new Uint8Array(64)]) {
    ec.fake.tamper = (signed) => ({ ...signed, signature });
    await rejects(ec.kms.sign(data, { algorithm: "ES256" }), "ERR_KMS_RESPONSE_INVALID");
  }
  const ed = await setUp("Ed25519");
  ed.fake.tamper = (signed) => ({ ...signed, signature: new Uint8Array(63) });
  await rejects(ed.kms.sign(data, { algorithm: "Ed25519" }), "ERR_KMS_RESPONSE_INVALID");
});

/** Puts another key behind the name, as a moved alias does. */
async function replaceKey(fake: Fake, keyType: EmulatedKeyType): Promise<void> {
  fake.keys.get("k")?.push({ key: await sharedKey(keyType, 5), createdAt: new Date(0) });
}

test("an algorithm learnt from a cached key that the service then refuses: asked once more", async () => {
  const { fake, kms, events } = await setUp("P-256");
  assert.is((await kms.sign(data)).algorithm, "ES256");
  await replaceKey(fake, "RSA-2048");
  fake.calls.length = 0;
  const signed = await kms.sign(data);
  assert.is(signed.algorithm, "RS256");
  assert.is(signed.keyVersion, "2");
  assert.is(accepts(fake, data, signed), true);
  assert.equal(fake.calls.map((call) => call.split(" ").slice(0, 3).join(" ")), ["sign k@- ES256", "getPublicKey k@-", "sign k@- RS256"]);
  assert.ok(events.some((event) => event.type === "cache" && event.outcome === "dropped"));
});

test("asked once more, not twice, and not for an algorithm that the caller named", async () => {
  const { fake, kms } = await setUp("P-256");
  await kms.sign(data);
  fake.calls.length = 0;
  fake.before = (method) => {
    if (method === "sign") throw new ProviderError("ERR_KMS_KEY_STATE", "disabled", { status: 400, outcome: "rejected" });
  };
  await rejects(kms.sign(data), "ERR_KMS_KEY_STATE");
  assert.equal(fake.calls.map((call) => call.split(" ")[0]), ["sign", "getPublicKey", "sign"]);
  fake.calls.length = 0;
  await rejects(kms.sign(data, { algorithm: "ES256" }), "ERR_KMS_KEY_STATE");
  assert.is(fake.count("sign"), 1);
});

test("a refusal that has nothing to do with the key is not asked again", async () => {
  const { fake, kms } = await setUp("P-256");
  await kms.sign(data);
  fake.calls.length = 0;
  fake.before = (method) => {
    if (method === "sign") throw new ProviderError("ERR_KMS_ACCESS_DENIED", "no", { status: 403, outcome: "rejected" });
  };
  await rejects(kms.sign(data), "ERR_KMS_ACCESS_DENIED");
  assert.equal(fake.calls.map((call) => call.split(" ")[0]), ["sign"]);
});

test("ES256 and ES256K: the caller's word counts until the key is known, and is then checked", async () => {
  const { fake, kms } = await setUp("secp256k1", { ambiguous: true });
  assert.is((await kms.sign(data, { algorithm: "ES256" })).algorithm, "ES256", "nothing is known yet");
  await kms.getPublicKey();
  fake.calls.length = 0;
  const error = await rejects(kms.sign(data, { algorithm: "ES256" }), "ERR_KMS_INVALID_ARGUMENT");
  assert.is(error.message, "a key of type secp256k1 cannot sign with ES256");
  assert.is(fake.count("sign"), 0);
  assert.is(accepts(fake, data, await kms.sign(data, { algorithm: "ES256K" })), true);
});

test("a named algorithm that the kept key does not fit is checked with the key as it is now", async () => {
  const { fake, kms } = await setUp("secp256k1", { ambiguous: true });
  await kms.getPublicKey();
  await replaceKey(fake, "P-256");
  const signed = await kms.sign(data, { algorithm: "ES256" });
  assert.is(signed.keyVersion, "2");
  assert.is(accepts(fake, data, signed), true);
});

test("a service that signs by version: the current one is read once in 5 minutes", async () => {
  await withMonotonicClock(async (clock) => {
    const { fake, kms } = await setUp("P-256", { signsByVersion: true });
    for (let index = 0; index < 3; index += 1) await kms.sign(data, { algorithm: "ES256" });
    assert.equal(fake.calls.map((call) => call.split(" ").slice(0, 2).join(" ")), ["getPublicKey k@-", "sign k@1", "sign k@1", "sign k@1"]);
    clock.now += 299_999;
    await kms.sign(data, { algorithm: "ES256" });
    assert.is(fake.count("getPublicKey"), 1);
    await fake.add("k", "P-256");
    clock.now += 2;
    assert.is((await kms.sign(data, { algorithm: "ES256" })).keyVersion, "2");
    assert.is(fake.count("getPublicKey"), 2);
  });
});

test("a service that signs by version, and its kept version was switched off: asked once more", async () => {
  const { fake, kms } = await setUp("P-256", { signsByVersion: true });
  await kms.sign(data, { algorithm: "ES256" });
  await fake.add("k", "P-256");
  fake.before = (method, _context, { keyVersion }) => {
    if (method === "sign" && keyVersion === "1") throw new ProviderError("ERR_KMS_KEY_STATE", "disabled", { status: 403, outcome: "rejected" });
  };
  assert.is((await kms.sign(data, { algorithm: "ES256" })).keyVersion, "2");
});

test("a pinned version is the one that signs, and needs no look at the current one", async () => {
  for (const signsByVersion of [true, false]) {
    const { fake, kms } = await setUp("P-256", { signsByVersion, manager: { keyVersion: "1", algorithm: "ES256" } });
    await fake.add("k", "P-256");
    assert.is((await kms.sign(data)).keyVersion, "1");
    assert.equal(fake.calls, ["sign k@1 ES256 message 19"]);
  }
});

test("a version in the answer that is not the kept one drops what is kept", async () => {
  const { fake, kms } = await setUp("P-256");
  await kms.sign(data);
  await fake.add("k", "P-256");
  assert.is((await kms.sign(data)).keyVersion, "2");
  fake.calls.length = 0;
  assert.is((await kms.getPublicKey()).keyVersion, "2");
  assert.is(fake.count("getPublicKey"), 1);
});

test("data may come from another realm or from shared memory", async () => {
  const { runInNewContext } = await import("node:vm");
  const { fake, kms } = await setUp("P-256");
  const foreign = runInNewContext("Uint8Array.of(1, 2, 3)") as Bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set([1, 2, 3]);
  for (const bytes of [foreign, shared as unknown as Bytes]) assert.is(accepts(fake, Uint8Array.of(1, 2, 3), await kms.sign(bytes, { algorithm: "ES256" })), true);
});

test("the given hasher hashes", async () => {
  const asked: string[] = [];
  const hasher = {
    digest: (hash: string, bytes: Bytes) => (asked.push(hash), Uint8Array.from(createHash(hash.replace("-", "")).update(bytes).digest())),
    hmacSha256: () => assert.unreachable() as never,
  };
  const { fake, kms } = await setUp("P-384", { rule: () => ({ messageMaxBytes: 0, digest: true }), manager: { hasher } });
  assert.is(accepts(fake, data, await kms.sign(data, { algorithm: "ES384" })), true);
  assert.equal(asked, ["SHA-384"]);
});

test("a key that does not sign here says so", async () => {
  const fake = createFake({ rule: () => undefined });
  await fake.add("k", "P-256");
  const { KmsManager } = await import("../../src/kms/manager.js");
  await rejects(new KmsManager(fake.provider, { keyId: "k" }).sign(data), "ERR_KMS_UNSUPPORTED");
  assert.is(fake.count("sign"), 0);
});

test("every algorithm against every key that it does not fit: refused by the service, or before", async () => {
  for (const keyType of ["RSA-2048", "P-256", "Ed25519"] as const) {
    for (const { name: algorithm } of ALGORITHMS) {
      const { fake, kms } = await setUp(keyType);
      const { algorithms } = await kms.getPublicKey();
      if (algorithms.includes(algorithm)) continue;
      await rejects(kms.sign(data, { algorithm: algorithm satisfies SignatureAlgorithm }), "ERR_KMS_INVALID_ARGUMENT");
      assert.is(fake.count("sign"), 0);
    }
  }
});

test.run();
