import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ALGORITHMS } from "../../src/algorithms.js";
import type { Bytes } from "../../src/encoding/bytes.js";
import { ProviderError } from "../../src/errors.js";
import { mismatchedAnswer } from "../../src/http/fields.js";
import type { KmsManager } from "../../src/kms/manager.js";
import type { SignResult } from "../../src/kms/results.js";
import type { UntrustedSignature } from "../../src/kms/verification.js";
import type { EmulatedKeyType } from "../../src/testing/keys.js";
import { createFake, setUp, sharedKey, withMonotonicClock, type Fake, type FakeOptions } from "../support/fake-provider.js";
import { rejects } from "../support/rejects.js";

const data = new TextEncoder().encode("the quick brown fox");
const digest = Uint8Array.from(createHash("sha256").update(data).digest());
const KEY_OF: Readonly<Record<string, EmulatedKeyType>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521", ES256K: "secp256k1", Ed25519: "Ed25519" };

/** A manager and a good signature of its key; the calls so far are forgotten. */
async function signed(keyType: EmulatedKeyType, options: Parameters<typeof setUp>[1] & { sign?: object } = {}): Promise<{ fake: Fake; kms: KmsManager; good: SignResult }> {
  const { fake, kms } = await setUp(keyType, options);
  const good = await kms.sign(data, options.sign);
  fake.calls.length = 0;
  return { fake, kms, good };
}

function flipped(bytes: Bytes): Bytes {
  const copy = bytes.slice();
  copy[copy.length - 1] = (copy.at(-1) as number) ^ 1;
  return copy;
}

for (const { name: algorithm } of ALGORITHMS) {
  test(`${algorithm}: a SignResult verifies, on the platform or by the service, and nothing else does`, async () => {
    const { kms, good } = await signed(KEY_OF[algorithm] ?? "RSA-2048", { sign: { algorithm } });
    for (const options of [{}, { remote: true }]) {
      assert.is(await kms.verify(data, good, options), true);
      assert.is(await kms.verify(Uint8Array.of(1), good, options), false);
      assert.is(await kms.verify(data, { ...good, signature: flipped(good.signature) }, options), false);
      for (const signature of [new Uint8Array(0), good.signature.subarray(1), new Uint8Array(good.signature.length), new Uint8Array(5_000)]) {
        assert.is(await kms.verify(data, { ...good, signature }, options), false);
      }
    }
  });
}

test("local verification asks for the public key once, and for no more", async () => {
  const { fake, kms, good } = await signed("P-384", { sign: { algorithm: "ES384" } });
  for (let index = 0; index < 5; index += 1) await kms.verify(data, good);
  assert.equal(fake.calls, ["ownsVersion k@- 1", "getPublicKey k@1"]);
});

test("what comes with the message besides is ignored: provider, keyId", async () => {
  const { fake, kms, good } = await signed("P-256");
  assert.is(await kms.verify(data, { ...good, provider: "evil", keyId: "another" } as UntrustedSignature), true);
  assert.not.ok(fake.calls.some((call) => call.includes("another")));
});

// Rule 4: the form.
for (const [encoding, right] of [[undefined, true], ["ieee-p1363", true], ["der", false], ["raw", false], ["", false], ["__proto__", false], [null, false], [7, false], [{}, false]] as const) {
  test(`ECDSA, r and s side by side, claimed as ${JSON.stringify(encoding)}: ${right}`, async () => {
    const { kms, good } = await signed("P-256");
    const { encoding: _, ...bare } = good;
    const claim = (encoding === undefined ? bare : { ...good, encoding }) as UntrustedSignature;
    for (const options of [{}, { remote: true }]) assert.is(await kms.verify(data, claim, options), right);
  });
}

test("ECDSA in DER needs to say so", async () => {
  const { kms, good } = await signed("P-256", { sign: { encoding: "der" } });
  for (const options of [{}, { remote: true }]) {
    assert.is(await kms.verify(data, good, options), true);
    assert.is(await kms.verify(data, { ...good, encoding: "ieee-p1363" }, options), false);
    const { encoding: _, ...bare } = good;
    assert.is(await kms.verify(data, bare, options), false);
    assert.is(await kms.verify(data, { ...good, signature: Uint8Array.from([...good.signature, 0]) }, options), false);
  }
});

for (const [keyType, algorithm] of [["RSA-2048", "RS256"], ["Ed25519", "Ed25519"]] as const) {
  test(`${algorithm} has one form`, async () => {
    const { kms, good } = await signed(keyType);
    for (const options of [{}, { remote: true }]) {
      const { encoding: _, ...bare } = good;
      assert.is(await kms.verify(data, bare, options), true);
      for (const encoding of ["der", "ieee-p1363", "x", null]) assert.is(await kms.verify(data, { ...good, encoding } as UntrustedSignature, options), false);
    }
  });
}

// Rule 4: the algorithm.
test("a claimed algorithm that does not fit the key, or is none, is false without a question to the service's verify", async () => {
  for (const [keyType, own] of [["P-256", "ES256"], ["RSA-2048", "RS256"], ["Ed25519", "Ed25519"]] as const) {
    const { fake, kms, good } = await signed(keyType, { sign: { algorithm: own } });
    for (const algorithm of [...ALGORITHMS.map(({ name }) => name).filter((name) => name !== own), "none", "HS256", "", "__proto__", null, 7, {}]) {
      for (const options of [{}, { remote: true }]) assert.is(await kms.verify(data, { ...good, algorithm } as unknown as UntrustedSignature, options), false, `${own} as ${String(algorithm)}`);
    }
    assert.not.ok(fake.calls.some((call) => call.startsWith("verify") && call.includes(`${own} `) && keyType !== "RSA-2048"));
  }
});

test("a configured algorithm must be the claimed one", async () => {
  const { fake, kms } = await setUp("RSA-2048", { manager: { algorithm: "PS256" } });
  const ps = await kms.sign(data);
  const rs = await kms.sign(data, { algorithm: "RS256" });
  fake.calls.length = 0;
  assert.is(await kms.verify(data, rs), false);
  assert.is(await kms.verify(data, rs, { remote: true }), false);
  assert.equal(fake.calls, [], "no request for it");
  assert.is(await kms.verify(data, ps), true);
  const { algorithm: _, ...bare } = ps;
  assert.is(await kms.verify(data, bare), true, "the configured one counts where none is claimed");
});

test("the claim EdDSA means Ed25519", async () => {
  const { kms, good } = await signed("Ed25519", { manager: { algorithm: "Ed25519" } });
  assert.is(await kms.verify(data, { ...good, algorithm: "EdDSA" }), true);
});

test("ES256K is verified by the service, for no WebCrypto does", async () => {
  const { fake, kms, good } = await signed("secp256k1");
  assert.is(await kms.verify(data, good), true);
  const { algorithm: _, ...bare } = good;
  assert.is(await kms.verify(data, bare), true, "also without a word about the algorithm");
  assert.is(fake.count("verify"), 2);
  const without = await signed("secp256k1", { withoutVerify: true });
  await rejects(without.kms.verify(data, without.good), "ERR_KMS_UNSUPPORTED");
});

test("a service with one name for ES256 and ES256K: the key tells them apart", async () => {
  for (const [keyType, own, other] of [["P-256", "ES256", "ES256K"], ["secp256k1", "ES256K", "ES256"]] as const) {
    const { fake, kms, good } = await signed(keyType, { ambiguous: true, sign: { algorithm: own } });
    for (const options of [{}, { remote: true }]) {
      assert.is(await kms.verify(data, { ...good, algorithm: other }, options), false);
      assert.is(await kms.verify(data, good, options), true);
    }
    assert.not.ok(fake.calls.some((call) => call.startsWith("verify") && call.includes(`${other} `)));
  }
});

test("an algorithm that no key of the service has is false, and no request is made", async () => {
  const { fake, kms, good } = await signed("P-256", { rule: (name) => (name === "ES384" ? undefined : { messageMaxBytes: 100, digest: true }) });
  assert.is(await kms.verify(data, { signature: good.signature, algorithm: "ES384" }, { remote: true }), false);
  assert.equal(fake.calls, []);
});

// Rule 4: the version.
const FOREIGN = ["0", "99", "-1", "1.0", " 1", "1\n", "1\0", "../2", "%2e%2e", "k", "https://evil.example/keys/k/1", "__proto__", "x".repeat(300), "1".repeat(300)];
for (const keyVersion of FOREIGN) {
  test(`a version that is none of this key's is false: ${JSON.stringify(keyVersion.slice(0, 40))}`, async () => {
    const { fake, kms, good } = await signed("P-256");
    for (const options of [{}, { remote: true }]) assert.is(await kms.verify(data, { ...good, keyVersion }, options), false);
    for (const call of fake.calls) assert.match(call, /^(ownsVersion k@- |getPublicKey k@99|verify k@99)/);
  });
}

test("a version that is no text, or empty, is false without a question", async () => {
  const { fake, kms, good } = await signed("P-256");
  for (const keyVersion of ["", null, 1, {}, ["1"], true, { toString: () => "1" }]) assert.is(await kms.verify(data, { ...good, keyVersion } as UntrustedSignature), false);
  assert.equal(fake.calls, []);
});

test("a version that the provider does not own is false, though it exists, and nothing is asked about it", async () => {
  const { fake, kms, good } = await signed("P-256", { owns: (keyVersion) => keyVersion === "1" });
  await fake.add("k", "P-256");
  for (const options of [{}, { remote: true }]) assert.is(await kms.verify(data, { ...good, keyVersion: "2" }, options), false);
  assert.equal(fake.calls, ["ownsVersion k@- 2", "ownsVersion k@- 2"]);
});

test("getPublicKey of a version that is not owned is NOT_FOUND, so that it never gets into the cache that verify believes", async () => {
  const { fake, kms, good } = await signed("P-256", { owns: (keyVersion) => keyVersion === "1" });
  await fake.add("k", "P-256");
  const error = await rejects(kms.getPublicKey({ keyVersion: "2" }), "ERR_KMS_NOT_FOUND");
  assert.is(error.keyVersion, "2");
  assert.is(error.message, "the key has no such version");
  assert.equal(fake.calls, ["ownsVersion k@- 2"]);
  assert.is(await kms.verify(data, { ...good, keyVersion: "2" }), false);
  assert.is((await kms.getPublicKey({ keyVersion: "1" })).keyVersion, "1");
});

test("a claimed version that the service does not find is false; a key that is gone is an error", async () => {
  const { fake, kms, good } = await signed("P-256", { sign: { algorithm: "ES256" } });
  assert.is(await kms.verify(data, { ...good, keyVersion: "7" }), false);
  assert.is(await kms.verify(data, { ...good, keyVersion: "7" }, { remote: true }), false);
  fake.keys.clear();
  const { keyVersion: _, ...bare } = good;
  await rejects(kms.verify(data, bare), "ERR_KMS_NOT_FOUND");
});

test("a pinned manager has one version; that it is gone is an error", async () => {
  const { fake, kms, good } = await signed("P-256", { manager: { keyVersion: "1" } });
  await fake.add("k", "P-256");
  assert.is(await kms.verify(data, { ...good, keyVersion: "2" }), false);
  assert.is(await kms.verify(data, good), true);
  const { keyVersion: _, ...bare } = good;
  assert.is(await kms.verify(data, bare), true);
  assert.is(fake.count("ownsVersion"), 0);
  const other = createFake();
  await other.add("k", "P-256");
  const { KmsManager } = await import("../../src/kms/manager.js");
  await rejects(new KmsManager(other.provider, { keyId: "k", keyVersion: "9" }).verify(data, { ...good, keyVersion: "9" }), "ERR_KMS_NOT_FOUND");
});

test("an old version verifies under its own key after a rotation", async () => {
  const { kms, good } = await signed("P-256");
  await kms.rotateKey();
  const fresh = await kms.sign(data);
  assert.is(fresh.keyVersion, "2");
  for (const options of [{}, { remote: true }]) {
    assert.is(await kms.verify(data, good, options), true);
    assert.is(await kms.verify(data, fresh, options), true);
    assert.is(await kms.verify(data, { ...good, keyVersion: "2" }, options), false);
    assert.is(await kms.verify(data, { ...fresh, keyVersion: "1" }, options), false);
  }
});

test("digests are verified by the service, and their length is checked", async () => {
  for (const options of [{}, { verifiesByVersion: true }] as FakeOptions[]) {
    const { fake, kms, good } = await signed("P-256", options);
    assert.is(await kms.verify(digest, good, { digest: true }), true);
    assert.is(await kms.verify(new Uint8Array(32), good, { digest: true }), false);
    await rejects(kms.verify(data, good, { digest: true }), "ERR_KMS_INVALID_ARGUMENT");
    assert.is(fake.count("verify"), 2);
    assert.ok(fake.calls.filter((call) => call.startsWith("verify")).every((call) => call.includes("digest 32")));
  }
  const without = await signed("P-256", { withoutVerify: true });
  const error = await rejects(without.kms.verify(digest, without.good, { digest: true }), "ERR_KMS_UNSUPPORTED");
  assert.is(error.message, "fake cannot verify");
  await rejects(without.kms.verify(data, without.good, { remote: true }), "ERR_KMS_UNSUPPORTED");
});

test("by the service: messages over its limit go as digests, and what the service gets is r and s side by side", async () => {
  const { fake, kms } = await setUp("P-256", { rule: () => ({ messageMaxBytes: 5, digest: true }) });
  for (const encoding of ["der", "ieee-p1363"] as const) {
    const good = await kms.sign(data, { encoding });
    assert.is(await kms.verify(data, good, { remote: true }), true);
    const asked = fake.inputs.at(-1);
    assert.is(asked?.form, "digest");
    assert.is(asked?.signature?.length, 64);
  }
});

test("a service that verifies by version is asked with the current one where none is claimed", async () => {
  const { fake, kms, good } = await signed("RSA-2048", { verifiesByVersion: true });
  const { keyVersion: _, ...bare } = good;
  assert.is(await kms.verify(data, bare, { remote: true }), true);
  assert.match(fake.calls.at(-1) as string, "verify k@1 RS256");
});

test("the service's word that key and algorithm do not fit is a no; an answer about another key is no answer", async () => {
  const { fake, kms, good } = await signed("RSA-2048");
  const ask = (): Promise<boolean> => kms.verify(data, good, { remote: true });
  fake.before = (method) => {
    if (method === "verify") throw new ProviderError("ERR_KMS_KEY_MISMATCH", "no", { status: 400, outcome: "rejected" });
  };
  assert.is(await ask(), false);
  fake.before = (method) => {
    if (method === "verify") throw mismatchedAnswer("kid");
  };
  await rejects(ask(), "ERR_KMS_KEY_MISMATCH");
  for (const code of ["ERR_KMS_ACCESS_DENIED", "ERR_KMS_UNAVAILABLE", "ERR_KMS_RESPONSE_INVALID", "ERR_KMS_KEY_STATE"] as const) {
    fake.before = (method) => {
      if (method === "verify") throw new ProviderError(code, "no", { status: 400 });
    };
    await rejects(ask(), code);
  }
});

test("F38: what a provider's verify answers is true only if it is", async () => {
  const { fake, kms, good } = await signed("RSA-2048");
  for (const answer of ["true", 1, {}, [true], undefined, null]) {
    fake.provider.verify = async () => answer as never;
    assert.is(await kms.verify(data, good, { remote: true }), false);
  }
});

// Rule 4: a "no" of a cached current key.
for (const options of [{}, { remote: true }]) {
  const how = options.remote === true ? "by the service" : "on the platform";

  test(`a rotation elsewhere never makes a good signature false, ${how}`, async () => {
    const { fake, kms } = await setUp("P-256", { verifiesByVersion: true });
    await kms.getPublicKey();
    await fake.add("k", "P-256");
    const { keyVersion: _, ...bare } = await kms.withKey("k", { algorithm: "ES256" }).sign(data);
    await kms.getPublicKey();
    assert.is(await kms.verify(data, bare, options), true);
  });

  test(`a no is asked about anew, at most once in 30 s, ${how}`, async () => {
    await withMonotonicClock(async (clock) => {
      const { fake, kms } = await setUp("P-256", { verifiesByVersion: true });
      const good = await kms.sign(data);
      const { keyVersion: _, ...bare } = good;
      const bad = { ...bare, signature: flipped(good.signature) };
      fake.calls.length = 0;
      for (let index = 0; index < 10; index += 1) assert.is(await kms.verify(data, bad, options), false);
      assert.is(fake.count("getPublicKey"), 1);
      clock.now += 29_999;
      await kms.verify(data, bad, options);
      assert.is(fake.count("getPublicKey"), 1);
      clock.now += 2;
      await kms.verify(data, bad, options);
      assert.is(fake.count("getPublicKey"), 2);
      assert.is(await kms.verify(data, bare, options), true, "and a good one costs nothing");
      assert.is(fake.count("getPublicKey"), 2);
    });
  });
}

test("many at once meet a rotation elsewhere: one reads anew, all wait for it, and every good signature is true", async () => {
  const { fake, kms } = await setUp("P-256");
  await kms.getPublicKey();
  fake.keys.get("k")?.push({ key: await sharedKey("P-256", 7), createdAt: new Date(0) });
  const other = createFake();
  other.keys.set("k", fake.keys.get("k") as never);
  const { KmsManager } = await import("../../src/kms/manager.js");
  const { keyVersion: _, ...bare } = await new KmsManager(other.provider, { keyId: "k" }).sign(data, { algorithm: "ES256" });
  fake.calls.length = 0;
  fake.before = () => new Promise((resolve) => setImmediate(resolve));
  const verdicts = await Promise.all(Array.from({ length: 100 }, () => kms.verify(data, bare)));
  assert.ok(verdicts.every((verdict) => verdict));
  assert.is(fake.count("getPublicKey"), 1);
});

test("a no whose new reading fails is an error each time, and the key that is kept still serves for a yes", async () => {
  const { fake, kms } = await setUp("P-256");
  const good = await kms.sign(data);
  const { keyVersion: _, ...bare } = good;
  const bad = { ...bare, signature: flipped(good.signature) };
  fake.calls.length = 0;
  fake.before = (method) => {
    if (method === "getPublicKey") throw new ProviderError("ERR_KMS_UNAVAILABLE", "down", { status: 503 });
  };
  await rejects(kms.verify(data, bad), "ERR_KMS_UNAVAILABLE");
  await rejects(kms.verify(data, bad), "ERR_KMS_UNAVAILABLE");
  assert.is(await kms.verify(data, bare), true);
  fake.before = undefined;
  assert.is(await kms.verify(data, bad), false);
});

test("a no under a named version counts at once, for a version never changes", async () => {
  const { fake, kms, good } = await signed("P-256");
  await kms.verify(data, good);
  fake.calls.length = 0;
  assert.is(await kms.verify(data, { ...good, signature: flipped(good.signature) }), false);
  assert.equal(fake.calls, []);
});

test("a claim's members are its own, and read once", async () => {
  const { kms, good } = await signed("P-256");
  const { keyVersion: _, encoding: __, ...bare } = good;
  Object.assign(Object.prototype, { keyVersion: "99", encoding: "der", remote: true });
  try {
    assert.is(await kms.verify(data, bare), true);
  } finally {
    for (const name of ["keyVersion", "encoding", "remote"]) delete (Object.prototype as Record<string, unknown>)[name];
  }
  let reads = 0;
  const changing = {
    ...bare,
    get signature(): Bytes {
      reads += 1;
      return reads === 1 ? good.signature : flipped(good.signature);
    },
  };
  assert.is(await kms.verify(data, changing), true);
  assert.is(reads, 1);
});

test.run();
