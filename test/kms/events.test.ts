import { test } from "uvu";
import * as assert from "uvu/assert";
import { isKmsError, NetworkError, ProviderError, type KmsError } from "../../src/errors.js";
import type { KmsEvent } from "../../src/kms/events.js";
import { KmsManager } from "../../src/kms/manager.js";
import { createFake, setUp } from "../support/fake-provider.js";
import { TOKEN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";
import { assertNoSecret } from "../support/run-send.js";

const data = new TextEncoder().encode("the quick brown fox");

test("what is told of a sign, of a failure, and of a list", async () => {
  const { fake, kms, events } = await setUp("P-256");
  await kms.sign(data);
  assert.equal(events.map((event) => [event.type, (event as { outcome?: string }).outcome]), [["cache", "miss"], ["result", "ok"]]);
  for (const event of events) {
    assert.is(event.provider, "fake");
    assert.is(event.operation, "sign");
    assert.is((event as { keyId: string }).keyId, "k");
  }
  assert.ok((events[1] as { durationMs: number }).durationMs >= 0);
  events.length = 0;
  for await (const _ of kms.listKeyVersions());
  for await (const _ of kms.listKeyVersions()) break;
  fake.before = () => {
    throw new ProviderError("ERR_KMS_ACCESS_DENIED", "no", { status: 403 });
  };
  await rejects(kms.sign(data, { algorithm: "ES256" }), "ERR_KMS_ACCESS_DENIED");
  await rejects(kms.listKeyVersions().next(), "ERR_KMS_ACCESS_DENIED");
  assert.equal(events.filter(({ type }) => type === "result").map((event) => [event.operation, (event as { outcome: string }).outcome]), [
    ["listKeyVersions", "ok"],
    ["listKeyVersions", "ok"],
    ["sign", "ERR_KMS_ACCESS_DENIED"],
    ["listKeyVersions", "ERR_KMS_ACCESS_DENIED"],
  ]);
});

test("a mistake in a provider is told as unexpected, and thrown as it is", async () => {
  const { fake, kms, events } = await setUp("P-256");
  const mistake = new TypeError("a mistake");
  fake.before = () => {
    throw mistake;
  };
  assert.is(await kms.sign(data, { algorithm: "ES256" }).catch((error: unknown) => error), mistake);
  assert.is((events.at(-1) as { outcome: string }).outcome, "unexpected");
});

const HOOKS: readonly (readonly [string, (event: KmsEvent) => unknown])[] = [
  ["throws", () => { throw new Error(TOKEN); }],
  ["throws nothing", () => { throw undefined; }],
  ["rejects", () => Promise.reject(new Error(TOKEN))],
  ["never settles", () => new Promise(() => {})],
  ["returns a thenable that throws", () => ({ then() { throw new Error(TOKEN); } })],
  ["returns one whose then cannot be read", () => Object.defineProperty({}, "then", { get() { throw new Error(TOKEN); } })],
  ["returns a function", () => () => { throw new Error(TOKEN); }],
  ["changes the event", (event) => Object.assign(event, { type: "evil", provider: TOKEN })],
];
for (const [what, onEvent] of HOOKS) {
  test(`a hook that ${what} changes nothing`, async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      let told = 0;
      const fake = createFake();
      await fake.add("k", "P-256");
      const kms = new KmsManager(fake.provider, { keyId: "k", onEvent: (event) => ((told += 1), onEvent(event)) });
      const signed = await kms.sign(data);
      assert.is(await kms.verify(data, signed), true);
      assert.is((await kms.rotateKey()).status, "done");
      let versions = 0;
      for await (const _ of kms.listKeyVersions()) versions += 1;
      assert.is(versions, 2);
      fake.before = () => {
        throw new ProviderError("ERR_KMS_ACCESS_DENIED", "no");
      };
      assertNoSecret(await rejects(kms.sign(data, { algorithm: "ES256" }), "ERR_KMS_ACCESS_DENIED"));
      assert.ok(told >= 5);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(unhandled, []);
    } finally {
      process.off("unhandledRejection", note);
    }
  });
}

test("a hook is called as a plain function", async () => {
  let self: unknown = "not called";
  const { kms } = await setUp("P-256", {
    manager: {
      onEvent(this: unknown) {
        self = this;
      },
    },
  });
  await kms.sign(data);
  assert.is(self, undefined);
});

test("nothing of data or signature is in an event", async () => {
  const { kms, events } = await setUp("Ed25519");
  const secret = new TextEncoder().encode(TOKEN);
  const { signature } = await kms.sign(secret);
  await kms.verify(secret, { signature });
  const text = JSON.stringify(events);
  for (const bytes of [secret, signature]) {
    assert.not.ok(text.includes(Buffer.from(bytes).toString("base64")));
    assert.not.ok(text.includes(Buffer.from(bytes).toString("hex")));
  }
  assertNoSecret(events);
});

// Errors of every operation say what they are about.
const CALLS: readonly (readonly [string, (kms: KmsManager) => Promise<unknown>])[] = [
  ["sign", (kms) => kms.sign(data)],
  ["verify", (kms) => kms.verify(data, { signature: new Uint8Array(64) })],
  ["getPublicKey", (kms) => kms.getPublicKey()],
  ["getKeyMetadata", (kms) => kms.getKeyMetadata()],
  ["listKeyVersions", (kms) => kms.listKeyVersions().next()],
  ["rotateKey", (kms) => kms.rotateKey()],
  ["needsRotation", (kms) => kms.needsRotation({ intervalMs: 60_000 })],
  ["rotateIfNeeded", (kms) => kms.rotateIfNeeded({ intervalMs: 60_000 })],
];
for (const [operation, call] of CALLS) {
  test(`${operation}: an error names provider, operation, key, version and attempts, in JSON too`, async () => {
    const { fake, kms } = await setUp("P-256", { manager: { keyVersion: "1" } });
    fake.before = () => {
      throw new ProviderError("ERR_KMS_UNAVAILABLE", "the service is not available", { status: 503, requestId: "r", retryable: true, retryAfterMs: 5, outcome: "unknown" });
    };
    const error: KmsError = await rejects(call(kms), "ERR_KMS_UNAVAILABLE");
    assert.ok(isKmsError(error));
    const outcome = operation.startsWith("rotate") ? "not-sent" : "unknown";
    assert.equal(JSON.parse(JSON.stringify(error)), {
      name: "ProviderError",
      code: "ERR_KMS_UNAVAILABLE",
      message: "the service is not available",
      provider: "fake",
      operation,
      keyId: "k",
      keyVersion: "1",
      status: 503,
      requestId: "r",
      attempts: 1,
      retryable: true,
      retryAfterMs: 5,
      outcome,
    });
  });
}

test("attempts add up over the requests of one operation", async () => {
  const { fake, kms } = await setUp("P-256");
  fake.before = (method) => {
    if (method === "sign") throw new NetworkError("ERR_KMS_NETWORK", "lost");
  };
  assert.is((await rejects(kms.sign(data), "ERR_KMS_NETWORK")).attempts, 2, "the public key, and the signature");
});

test("listKeyVersions: each request has a deadline of its own, and versions name the key as configured", async () => {
  const { fake, kms } = await setUp("P-256");
  await fake.add("k", "P-256");
  await fake.add("k", "P-256");
  const contexts = new Set<unknown>();
  fake.before = (_method, context) => void contexts.add(context);
  const versions = [];
  for await (const version of kms.listKeyVersions({ include: ["state"] })) versions.push(version);
  assert.equal(versions, [1, 2, 3].map((number) => ({ keyVersion: String(number), current: number === 3, keyId: "k" })));
  assert.is(contexts.size, 3);
  assert.equal(fake.calls, ["listKeyVersions k@- state", "listKeyVersions k@- state", "listKeyVersions k@- state"]);
});

test("the deadline of a call: the call's, else the manager's, else 10 s, and 60 s for rotations", async () => {
  const { fake, kms } = await setUp("P-256");
  const limited = new KmsManager(fake.provider, { keyId: "k", timeoutMs: 3_000 });
  let remaining = 0;
  fake.before = (_method, context) => void (remaining = context.remainingMs());
  const limit = async (call: Promise<unknown>): Promise<number> => {
    await call;
    return Math.ceil(remaining / 1_000) * 1_000;
  };
  assert.is(await limit(kms.sign(data, { algorithm: "ES256" })), 10_000);
  assert.is(await limit(kms.sign(data, { algorithm: "ES256", timeoutMs: 2_000 })), 2_000);
  assert.is(await limit(kms.getKeyMetadata()), 10_000);
  assert.is(await limit(kms.listKeyVersions().next()), 10_000);
  assert.is(await limit(kms.rotateKey()), 60_000);
  assert.is(await limit(limited.sign(data, { algorithm: "ES256" })), 3_000);
  assert.is(await limit(limited.rotateKey()), 3_000);
  assert.is(await limit(limited.listKeyVersions({ timeoutMs: 5_000 }).next()), 5_000);
});

test.run();
