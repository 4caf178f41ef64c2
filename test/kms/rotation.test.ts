import { test } from "uvu";
import * as assert from "uvu/assert";
import { NetworkError, ProviderError, type Outcome } from "../../src/errors.js";
import { setUp } from "../support/fake-provider.js";
import { rejects } from "../support/rejects.js";

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** A key made at 0, seen at `now`, whose waits take no time and are noted. */
async function aged(nowMs: number, options: Parameters<typeof setUp>[1] = {}) {
  const waits: number[] = [];
  const clock = { now: nowMs };
  const { manager, ...rest } = options;
  const made = await setUp("P-256", { ...rest, manager: { now: () => clock.now, sleep: async (ms) => void waits.push(ms), random: () => 0.25, ...manager } });
  return { ...made, waits, clock };
}

test("rotateKey: what the provider answers, with the key as configured, and an event", async () => {
  const { kms, fake, events } = await setUp("P-256");
  assert.equal(await kms.rotateKey({ policy: "{}" }), { status: "done", previousVersion: "1", newVersion: "2", rotatedAt: new Date(5), keyId: "k" });
  assert.equal(fake.calls, ["rotateKey k@- {}"]);
  const rotation = events.find(({ type }) => type === "rotation");
  assert.equal(rotation, { type: "rotation", provider: "fake", operation: "rotateKey", keyId: "k", status: "done", previousVersion: "1", newVersion: "2" });
});

test("a pinned manager rotates the key, not its version", async () => {
  const { kms, fake } = await setUp("P-256", { manager: { keyVersion: "1" } });
  await kms.rotateKey();
  assert.equal(fake.calls, ["rotateKey k@-"]);
});

test("a service that cannot rotate says UNSUPPORTED, before anything is asked", async () => {
  const { kms, fake } = await setUp("P-256", { withoutRotate: true });
  assert.is((await rejects(kms.rotateKey(), "ERR_KMS_UNSUPPORTED")).message, "fake cannot rotate a key");
  await rejects(kms.rotateIfNeeded({ intervalMs: HOUR }), "ERR_KMS_UNSUPPORTED");
  assert.equal(fake.calls, []);
});

// Rule 9: outcome speaks of the whole operation.
for (const [what, changeSent, given, expected] of [
  ["a read before it was lost", false, "unknown", "not-sent"],
  ["the change was lost", true, "unknown", "unknown"],
  ["the change was refused", true, "rejected", "rejected"],
  ["an earlier step took effect", true, "partial", "partial"],
  ["a read before it was refused", false, "rejected", "rejected"],
] as readonly [string, boolean, Outcome, Outcome][]) {
  for (const operation of ["rotateKey", "rotateIfNeeded"] as const) {
    test(`${operation} fails, ${what}: outcome ${expected}`, async () => {
      const { kms, fake } = await aged(10 * DAY, { manager: { rotation: { intervalMs: DAY } } });
      await kms.getPublicKey();
      fake.before = (method, context) => {
        if (method !== "rotateKey") return;
        context.changeSent = changeSent;
        throw new NetworkError("ERR_KMS_NETWORK", "lost", { outcome: given });
      };
      const error = await rejects(kms[operation](), "ERR_KMS_NETWORK");
      assert.is(error.outcome, expected);
      assert.is(error.operation, operation);
      assert.ok(error.attempts >= 1);
      fake.calls.length = 0;
      fake.before = undefined;
      await kms.getPublicKey();
      assert.is(fake.count("getPublicKey"), changeSent ? 1 : 0, "what may have changed is not believed any more");
    });
  }
}

test("rotateIfNeeded: a look that is lost has changed nothing", async () => {
  const { kms, fake } = await aged(10 * DAY);
  fake.before = () => {
    throw new NetworkError("ERR_KMS_TIMEOUT", "late", { outcome: "unknown" });
  };
  assert.is((await rejects(kms.rotateIfNeeded({ intervalMs: DAY }), "ERR_KMS_TIMEOUT")).outcome, "not-sent");
});

// Rule 7
test("no interval anywhere, or one that is none: INVALID_ARGUMENT, before anything is asked", async () => {
  const { kms, fake } = await aged(10 * DAY);
  for (const options of [undefined, {}, ...[0, 59_999, -1, NaN, Infinity, "60000", null].map((intervalMs) => ({ intervalMs }))]) {
    await rejects(kms.needsRotation(options as never), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(kms.rotateIfNeeded(options as never), "ERR_KMS_INVALID_ARGUMENT");
  }
  assert.equal(fake.calls, []);
});

test("needsRotation compares the newest version's age with the interval, to the millisecond", async () => {
  const { kms, fake, clock } = await aged(DAY - 1, { manager: { rotation: { intervalMs: DAY } } });
  assert.is(await kms.needsRotation(), false);
  clock.now += 1;
  assert.is(await kms.needsRotation(), true);
  assert.is(await kms.needsRotation({ intervalMs: DAY + 1 }), false, "the call's interval comes first");
  await fake.add("k", "P-256", new Date(DAY));
  assert.is(await kms.needsRotation(), false, "a new version is young");
  assert.equal(fake.calls, Array.from({ length: 4 }, () => "getKeyMetadata k@-"), "read anew each time, and never by a version");
});

test("a service that tells the age with the rotation is asked for that part", async () => {
  const { kms, fake } = await aged(DAY, { agesByRotation: true });
  assert.is(await kms.needsRotation({ intervalMs: DAY }), true);
  assert.equal(fake.calls, ["getKeyMetadata k@- rotation"]);
});

test("a pinned version does not make a key old", async () => {
  const { kms, fake } = await aged(DAY, { manager: { keyVersion: "1" } });
  await fake.add("k", "P-256", new Date(DAY));
  assert.is(await kms.needsRotation({ intervalMs: HOUR }), false);
});

test("rotatedAt counts before createdAt, and a key that says neither cannot be judged", async () => {
  const rotated = await aged(10 * DAY, { metadata: { rotatedAt: new Date(10 * DAY - HOUR) } });
  assert.is(await rotated.kms.needsRotation({ intervalMs: DAY }), false);
  const silent = await aged(10 * DAY, { metadata: { createdAt: undefined } as never });
  await rejects(silent.kms.needsRotation({ intervalMs: DAY }), "ERR_KMS_UNSUPPORTED");
});

test("rotateIfNeeded: not due is one look and no wait", async () => {
  const { kms, fake, waits } = await aged(HOUR);
  assert.is(await kms.rotateIfNeeded({ intervalMs: DAY }), undefined);
  assert.equal(fake.calls, ["getKeyMetadata k@-"]);
  assert.equal(waits, []);
});

test("rotateIfNeeded: due, a wait of up to 10 s, still due, rotated; a restart rotates nothing more", async () => {
  const { kms, fake, waits, events, clock } = await aged(10 * DAY);
  assert.is((await kms.rotateIfNeeded({ intervalMs: DAY, policy: "{}" }))?.newVersion, "2");
  assert.equal(fake.calls, ["getKeyMetadata k@-", "getKeyMetadata k@-", "rotateKey k@- {}"]);
  assert.equal(waits, [2_500]);
  assert.is(events.find(({ type }) => type === "rotation")?.operation, "rotateIfNeeded");
  clock.now = 1_000_000_000 + HOUR;
  assert.is(await kms.rotateIfNeeded({ intervalMs: DAY }), undefined);
  assert.is(fake.count("rotateKey"), 1);
});

test("rotateIfNeeded: another process was first, so that the second look finds a young key", async () => {
  const { kms, fake } = await aged(10 * DAY);
  let looks = 0;
  fake.before = async (method) => {
    if (method === "getKeyMetadata" && (looks += 1) === 2) await fake.add("k", "P-256", new Date(10 * DAY));
  };
  assert.is(await kms.rotateIfNeeded({ intervalMs: DAY }), undefined);
  assert.is(fake.count("rotateKey"), 0);
});

test("the jitter is never more than half of the time that is left", async () => {
  const { kms, waits } = await aged(10 * DAY, { manager: { random: () => 0.999 } });
  await kms.rotateIfNeeded({ intervalMs: DAY, timeoutMs: 4_000 });
  assert.is(waits.length, 1);
  assert.ok((waits[0] as number) <= 2_000);
});

test("a signal that fires in the wait ends it: nothing was rotated", async () => {
  for (const sleep of [() => new Promise<void>(() => {}), (_ms: number, signal?: AbortSignal) => new Promise<void>((_, reject) => signal?.addEventListener("abort", () => reject(new Error("x"))))]) {
    const controller = new AbortController();
    let waiting: () => void = () => {};
    const begun = new Promise<void>((resolve) => (waiting = resolve));
    const { kms, fake } = await aged(10 * DAY, { manager: { sleep: (ms, signal) => (waiting(), sleep(ms, signal)) } });
    const rotating = kms.rotateIfNeeded({ intervalMs: DAY, signal: controller.signal });
    await begun;
    controller.abort();
    const error = await rejects(rotating, "ERR_KMS_ABORTED");
    assert.is(error.outcome, "not-sent");
    assert.is(error.attempts, 1);
    assert.is(fake.count("rotateKey"), 0);
  }
});

test("a sleep or random that throws does not matter", async () => {
  const fail = (): never => {
    throw new Error("x");
  };
  const { kms } = await aged(10 * DAY, { manager: { sleep: fail, random: fail } });
  assert.is((await kms.rotateIfNeeded({ intervalMs: DAY }))?.newVersion, "2");
});

test("a key whose rotations are limited in number: an interval under its least is refused, unless allowFrequent", async () => {
  const options = { metadata: { minRotationIntervalMs: 90 * DAY } };
  const { kms, fake } = await aged(100 * DAY, options);
  const error = await rejects(kms.rotateIfNeeded({ intervalMs: 89 * DAY }), "ERR_KMS_INVALID_ARGUMENT");
  assert.match(error.message, String(90 * DAY));
  assert.match(error.hint ?? "", "allowFrequent");
  assert.is(await kms.needsRotation({ intervalMs: 89 * DAY }), true, "the question alone is answered");
  await rejects(kms.rotateIfNeeded({ intervalMs: 89 * DAY, allowFrequent: false }), "ERR_KMS_INVALID_ARGUMENT");
  assert.is(fake.count("rotateKey"), 0);
  assert.ok(await kms.rotateIfNeeded({ intervalMs: 90 * DAY }));
  const frequent = await aged(100 * DAY, options);
  assert.ok(await frequent.kms.rotateIfNeeded({ intervalMs: DAY, allowFrequent: true }));
});

test("the least interval is not part of what getKeyMetadata answers", async () => {
  const { kms } = await setUp("P-256", { metadata: { minRotationIntervalMs: 5, provider: "evil", keyId: "evil" } as never });
  const metadata = await kms.getKeyMetadata({ include: ["rotation", "tags"] });
  assert.equal(metadata, { keyType: "P-256", algorithms: [], state: "enabled", usableFor: ["sign"], createdAt: new Date(0), keyVersion: "1", provider: "fake", keyId: "k" });
});

test("a conflict is told as it is", async () => {
  const { kms, fake } = await setUp("P-256");
  fake.before = (_method, context) => {
    context.changeSent = true;
    throw new ProviderError("ERR_KMS_CONFLICT", "busy", { status: 400, outcome: "rejected", retryable: true });
  };
  const error = await rejects(kms.rotateKey(), "ERR_KMS_CONFLICT");
  assert.is(error.outcome, "rejected");
  assert.is(fake.count("rotateKey"), 1);
});

test.run();
