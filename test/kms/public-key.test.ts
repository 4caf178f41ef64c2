import { createPublicKey } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jwkThumbprint } from "../../src/jwk/index.js";
import { ProviderError } from "../../src/errors.js";
import { setUp, withMonotonicClock } from "../support/fake-provider.js";
import { rejects } from "../support/rejects.js";

for (const keyType of ["RSA-2048", "P-256", "P-384", "P-521", "secp256k1", "Ed25519"] as const) {
  test(`${keyType}: three forms of one key, as node:crypto reads them`, async () => {
    const { fake, kms } = await setUp(keyType);
    const { jwk, spki, pem, keyId, keyVersion, keyType: type, algorithms } = await kms.getPublicKey();
    const own = Buffer.from(fake.keys.get("k")?.[0]?.key.spki as Uint8Array);
    assert.is(Buffer.from(spki).toString("hex"), own.toString("hex"));
    const read = createPublicKey(pem);
    assert.is(read.export({ format: "der", type: "spki" }).toString("hex"), own.toString("hex"));
    const { kid, ...bare } = jwk;
    assert.equal({ ...bare }, read.export({ format: "jwk" }));
    assert.is(kid, await jwkThumbprint(jwk), "the thumbprint, and not the service's own kid");
    assert.equal([keyId, keyVersion, type], ["k", "1", keyType]);
    assert.ok(algorithms.length > 0);
  });
}

test("what is handed out can be changed without harm", async () => {
  const { kms } = await setUp("P-256");
  const first = await kms.getPublicKey();
  first.spki.fill(0);
  (first.algorithms as string[]).length = 0;
  try {
    (first.jwk as { kid: string }).kid = "evil";
  } catch {
    // frozen
  }
  const second = await kms.getPublicKey();
  assert.not.equal([...second.spki], [...first.spki]);
  assert.equal(second.algorithms, ["ES256"]);
  assert.is.not(second.jwk.kid, "evil");
});

test("the algorithms that the service says are those, of the ones that fit", async () => {
  const { fake, kms } = await setUp("RSA-2048");
  const read = fake.provider.getPublicKey;
  fake.provider.getPublicKey = async (...given) => ({ ...(await read(...given)), algorithms: ["PS256", "ES256"] });
  assert.equal((await kms.getPublicKey()).algorithms, ["PS256"]);
  assert.is((await kms.sign(Uint8Array.of(1))).algorithm, "PS256", "which makes it the default");
});

test("kept for 5 minutes, and found under its version too", async () => {
  await withMonotonicClock(async (clock) => {
    const { fake, kms, events } = await setUp("P-256");
    await kms.getPublicKey();
    await kms.getPublicKey();
    await kms.getPublicKey({ keyVersion: "1" });
    assert.equal(fake.calls, ["getPublicKey k@-"]);
    clock.now += 299_999;
    await kms.getPublicKey();
    assert.is(fake.count("getPublicKey"), 1);
    clock.now += 2;
    await kms.getPublicKey();
    assert.is(fake.count("getPublicKey"), 2);
    const seen = events.filter((event) => event.type === "cache").map(({ outcome }) => outcome);
    assert.equal(seen, ["miss", "hit", "hit", "hit", "miss"]);
  });
});

test("at most 100 entries: the oldest goes", async () => {
  const { fake, kms } = await setUp("P-256");
  for (let index = 1; index < 110; index += 1) await fake.add("k", "P-256").then(() => fake.keys.get("k")?.splice(-1, 1, (fake.keys.get("k") as never[])[0] as never));
  for (let index = 1; index <= 101; index += 1) await kms.getPublicKey({ keyVersion: String(index) });
  fake.calls.length = 0;
  await kms.getPublicKey({ keyVersion: "101" });
  await kms.getPublicKey({ keyVersion: "2" });
  assert.equal(fake.calls, []);
  await kms.getPublicKey({ keyVersion: "1" });
  assert.equal(fake.calls, ["ownsVersion k@- 1", "getPublicKey k@1"]);
});

test("one request for 1,000 concurrent callers; a failure reaches each as an error of its own, and the next call asks anew", async () => {
  const { fake, kms } = await setUp("P-256");
  fake.before = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    throw new ProviderError("ERR_KMS_UNAVAILABLE", "down", { status: 503 });
  };
  const failing = Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? kms.getPublicKey() : kms.sign(Uint8Array.of(1))));
  const errors = await Promise.all(failing.map((each) => rejects(each, "ERR_KMS_UNAVAILABLE")));
  assert.is(new Set(errors).size, 500);
  assert.is(errors[0]?.operation, "getPublicKey");
  assert.is(errors[1]?.operation, "sign");
  assert.is(fake.count("getPublicKey"), 1);
  fake.before = () => new Promise((resolve) => setImmediate(resolve));
  const good = await Promise.all(Array.from({ length: 1_000 }, () => kms.getPublicKey()));
  assert.is(good.length, 1_000);
  assert.is(fake.count("getPublicKey"), 2);
});

test("a caller that leaves takes nobody along, and causes no second request", async () => {
  const { fake, kms } = await setUp("P-256");
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  fake.before = () => held;
  const leader = kms.getPublicKey();
  const controller = new AbortController();
  const leaving = kms.getPublicKey({ signal: controller.signal });
  controller.abort();
  const error = await rejects(leaving, "ERR_KMS_ABORTED");
  assert.is(error.operation, "getPublicKey");
  const later = kms.getPublicKey();
  release();
  assert.equal(await later, await leader);
  assert.is(fake.count("getPublicKey"), 1);
});

test("dropped on rotation, also by another manager of the same key, and while a read is in flight", async () => {
  const { fake, kms } = await setUp("P-256");
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const read = fake.provider.getPublicKey;
  let slow = true;
  fake.provider.getPublicKey = async (...given) => {
    const answer = await read(...given);
    if (slow) await held;
    return answer;
  };
  const early = kms.getPublicKey();
  await new Promise((resolve) => setImmediate(resolve));
  slow = false;
  await kms.withKey("k").rotateKey();
  const afterwards = await kms.getPublicKey();
  assert.is(afterwards.keyVersion, "2", "who asks after the rotation does not get what was asked before it");
  release();
  assert.is((await early).keyVersion, "1");
  assert.is((await kms.getPublicKey()).keyVersion, "2", "and what was asked before is not kept");
  assert.is(fake.count("getPublicKey"), 2);
});

test("withKey shares caches, and keeps the keys apart", async () => {
  const { fake, kms } = await setUp("P-256");
  await fake.add("other", "P-384");
  const other = kms.withKey("other");
  assert.is((await other.getPublicKey()).keyType, "P-384");
  assert.is((await kms.getPublicKey()).keyType, "P-256");
  assert.is((await kms.withKey("other").getPublicKey()).keyType, "P-384");
  assert.is((await other.withKey("k").getPublicKey()).keyType, "P-256");
  assert.equal(fake.calls, ["getPublicKey other@-", "getPublicKey k@-"]);
  assert.is(other.keyId, "other");
  assert.is(kms.keyId, "k");
});

test("withKey takes a version and an algorithm of its own, checks them, and inherits none", async () => {
  const { fake, kms } = await setUp("RSA-2048", { manager: { algorithm: "PS256", rotation: { intervalMs: 60_000 } } });
  await fake.add("other", "P-256");
  await fake.add("other", "P-256");
  assert.is((await kms.withKey("other", { keyVersion: "1", algorithm: "ES256" }).sign(Uint8Array.of(1))).keyVersion, "1");
  assert.is((await kms.withKey("other").sign(Uint8Array.of(1))).algorithm, "ES256");
  await rejects(kms.withKey("other").needsRotation(), "ERR_KMS_INVALID_ARGUMENT");
  for (const call of [() => kms.withKey("K 1"), () => kms.withKey(7 as never), () => kms.withKey("k", { algorithm: "x" as never }), () => kms.withKey("k", { timeoutMs: 5 } as never), () => kms.withKey("k", { keyVersion: "x" })]) {
    await rejects(call, "ERR_KMS_CONFIG");
  }
});

test.run();
