import { getEventListeners } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CredentialAsk } from "../../src/credentials/cached.js";
import { ConfigError, NetworkError, ProviderError } from "../../src/errors.js";
import { testContext } from "../support/context.js";
import { clock, makeCache, minting, START, type Token } from "../support/credential-cache.js";
import { TOKEN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";
import { assertNoSecret, timers } from "../support/run-send.js";

const MINUTE = 60_000;

/** A call that never has more than 40 ms left, and always that: no test depends on how fast the machine is. */
function hurried(): ReturnType<typeof testContext> {
  return Object.assign(testContext(), { remainingMs: () => 40 });
}
const never = new AbortController().signal;

test.before.each(() => void (clock.now = START));

test("a value is checked when the cache is made, copied, and used until it ends", async () => {
  const value = { token: "fixed", expiresAt: new Date(1_000_500) };
  const cache = makeCache(value);
  value.token = "changed";
  value.expiresAt.setTime(0);
  const context = testContext();
  assert.is((await cache.get(context, never)).token, "fixed");
  assert.is(cache.refuse(await cache.get(context, never)), false, "there is no other one");
  clock.now = 1_000_500;
  const error = await rejects(cache.get(context, never), "ERR_KMS_CREDENTIALS");
  assert.is(error.message, "the credentials have expired; a function can renew them");
  assert.equal(context.events, [], "a value is no question to anybody");
});

test("a function with an end is asked once until shortly before it", async () => {
  const source = minting(60 * MINUTE);
  const cache = makeCache(source);
  const context = testContext();
  for (let index = 0; index < 5; index += 1) assert.is((await cache.get(context, never)).token, "t1");
  assert.is(source.asks.length, 1);
  assert.is(source.asks[0]?.scope, "the-scope");
  assert.is(source.asks[0]?.refused, false);
  assert.is(source.asks[0]?.signal, never);
  const [event] = context.events;
  assert.equal({ ...event, durationMs: 0 }, { type: "token", provider: "fake", operation: "test", durationMs: 0, outcome: "ok", expiresAt: new Date(1_000_000 + 60 * MINUTE) });
});

test("without an end the function is asked each time, but once for those who ask together", async () => {
  const source = minting(undefined);
  const cache = makeCache(source);
  const context = testContext();
  assert.is((await cache.get(context, never)).token, "t1");
  assert.is((await cache.get(context, never)).token, "t2");
  const together = await Promise.all([1, 2, 3].map(() => cache.get(context, never)));
  assert.equal(together.map(({ token }) => token), ["t3", "t3", "t3"]);
});

for (const [random, early] of [
  [0, 2.5 * MINUTE],
  [0.5, 3.75 * MINUTE],
  [0.999999, 5 * MINUTE],
] as const) {
  test(`refreshed early, with jitter: random ${random} is ${early / MINUTE} minutes before the end of a long life`, async () => {
      const source = minting(60 * MINUTE);
    const cache = makeCache(source, random);
      const context = testContext();
    const end = clock.now + 60 * MINUTE;
    await cache.get(context, never);
    clock.now = end - early - 1_000;
    assert.is((await cache.get(context, never)).token, "t1");
    clock.now = end - early + 1_000;
    assert.is((await cache.get(context, never)).token, "t2");
  });
}

test("a short life is refreshed in its last fifth", async () => {
  const source = minting(10_000);
  const cache = makeCache(source, 0.999999);
  const context = testContext();
  await cache.get(context, never);
  clock.now += 7_900;
  assert.is((await cache.get(context, never)).token, "t1");
  clock.now += 200;
  assert.is((await cache.get(context, never)).token, "t2");
});

test("an early refresh that fails: the old one serves, the next try waits a little, and what has ended is never used", async () => {
  let fail = false;
  let asked = 0;
  const cache = makeCache(() => {
    asked += 1;
    if (fail) throw new ProviderError("ERR_KMS_UNAVAILABLE", "down");
    return { token: `t${asked}`, expiresAt: new Date(clock.now + 60 * MINUTE) };
  });
  const context = testContext();
  await cache.get(context, never);
  fail = true;
  clock.now += 58 * MINUTE;
  assert.is((await cache.get(context, never)).token, "t1");
  assert.is(asked, 2);
  clock.now += 29_000;
  assert.is((await cache.get(context, never)).token, "t1");
  assert.is(asked, 2, "not again within 30 s");
  clock.now += 2_000;
  assert.is((await cache.get(context, never)).token, "t1");
  assert.is(asked, 3);
  clock.now += 2 * MINUTE;
  await rejects(cache.get(context, never), "ERR_KMS_CREDENTIALS");
  fail = false;
  assert.is((await cache.get(context, never)).token, "t5");
  const outcomes = context.events.map((event) => (event as { outcome: string }).outcome);
  assert.equal(outcomes, ["ok", "ERR_KMS_UNAVAILABLE", "ERR_KMS_UNAVAILABLE", "ERR_KMS_UNAVAILABLE", "ok"]);
});

test("while one caller refreshes early the others use the old one", async () => {
  let give: (token: Token) => void = () => {};
  let asked = 0;
  const cache = makeCache(() => {
    asked += 1;
    if (asked === 1) return { token: "old", expiresAt: new Date(clock.now + 60 * MINUTE) };
    return new Promise<Token>((resolve) => (give = resolve));
  });
  const context = testContext();
  await cache.get(context, never);
  clock.now += 58 * MINUTE;
  const refreshing = cache.get(context, never);
  for (let index = 0; index < 20; index += 1) assert.is((await cache.get(context, never)).token, "old");
  give({ token: "new", expiresAt: new Date(clock.now + 60 * MINUTE) });
  assert.is((await refreshing).token, "new");
  assert.is((await cache.get(context, never)).token, "new");
  assert.is(asked, 2);
});

test("an early refresh that hangs holds nobody up for long; what it brings later counts", async () => {
  const before = timers();
  let give: (token: Token) => void = () => {};
  let asked = 0;
  const cache = makeCache(() => {
    asked += 1;
    if (asked === 1) return { token: "old", expiresAt: new Date(clock.now + 60 * MINUTE) };
    return new Promise<Token>((resolve) => (give = resolve));
  });
  await cache.get(testContext(), never);
  clock.now += 58 * MINUTE;
  assert.is((await cache.get(hurried(), never)).token, "old");
  give({ token: "new", expiresAt: new Date(clock.now + 60 * MINUTE) });
  await new Promise((resolve) => setImmediate(resolve));
  assert.is((await cache.get(testContext(), never)).token, "new");
  assert.is(asked, 2);
  assert.is(timers(), before);
});

test("F53 the wall clock jumps back and forth: what has ended by it is not used, and nothing breaks", async () => {
  const source = minting(60 * MINUTE);
  const cache = makeCache(source);
  const context = testContext();
  await cache.get(context, never);
  clock.now -= 60 * MINUTE;
  assert.is((await cache.get(context, never)).token, "t1");
  clock.now += 10 * 365 * 24 * 60 * MINUTE;
  assert.is((await cache.get(context, never)).token, "t2");
});

test("F52 10,000 concurrent cold calls: one question; its failure reaches each once, and the next call asks anew", async () => {
  const before = timers();
  let asked = 0;
  let settle: { resolve(token: Token): void; reject(error: unknown): void } | undefined;
  const cache = makeCache(() => {
    asked += 1;
    return new Promise<Token>((resolve, reject) => (settle = { resolve, reject }));
  });
  const context = testContext();
  const failing = Array.from({ length: 10_000 }, () => cache.get(context, never));
  settle?.reject(new Error(`secret in a message ${TOKEN}`));
  const errors = await Promise.all(failing.map((each) => rejects(each, "ERR_KMS_CREDENTIALS")));
  assert.is(new Set(errors).size, 10_000, "an error for each");
  assertNoSecret(errors[0], errors[9_999]);
  assert.is(asked, 1);
  const good = Array.from({ length: 10_000 }, () => cache.get(context, never));
  settle?.resolve({ token: "t", expiresAt: new Date(clock.now + 60 * MINUTE) });
  assert.ok((await Promise.all(good)).every(({ token }) => token === "t"));
  assert.is(asked, 2);
  assert.is(timers(), before);
});

test("F52 the leader is aborted: a waiter takes over", async () => {
  const asks: { ask: CredentialAsk; resolve(token: Token): void }[] = [];
  const cache = makeCache(
    (ask) =>
      new Promise<Token>((resolve, reject) => {
        asks.push({ ask, resolve });
        ask.signal.addEventListener("abort", () => reject(ask.signal.reason), { once: true });
      }),
  );
  const controller = new AbortController();
  const leader = cache.get(testContext(), controller.signal);
  const waiters = [1, 2, 3].map(() => cache.get(testContext(), never));
  controller.abort(new Error(`secret in a reason ${TOKEN}`));
  assertNoSecret(await rejects(leader, "ERR_KMS_ABORTED"));
  while (asks.length < 2) await new Promise((resolve) => setImmediate(resolve));
  asks[1]?.resolve({ token: "second", expiresAt: new Date(clock.now + MINUTE) });
  assert.ok((await Promise.all(waiters)).every(({ token }) => token === "second"));
  assert.is(asks.length, 2);
});

test("F16 the leader's call ends, and a function that does not listen goes on for the others", async () => {
  let give: (token: Token) => void = () => {};
  let asked = 0;
  const cache = makeCache(() => ((asked += 1), new Promise<Token>((resolve) => (give = resolve))));
  const controller = new AbortController();
  const leader = cache.get(testContext(), controller.signal);
  const waiter = cache.get(testContext(), never);
  controller.abort(); // `send` has left the leader's promise to itself by now
  give({ token: "shared", expiresAt: new Date(clock.now + MINUTE) });
  assert.is((await waiter).token, "shared");
  assert.is((await leader).token, "shared");
  assert.is(asked, 1);
  assert.is(getEventListeners(controller.signal, "abort").length, 0);
});

test("F52 a leader that never settles: the waiters do not hang", async () => {
  const before = timers();
  let asked = 0;
  const cache = makeCache(() => ((asked += 1) === 1 ? new Promise<never>(() => {}) : { token: `t${asked}`, expiresAt: new Date(clock.now + MINUTE) }));
  void cache.get(testContext(), never);
  const waiters = Array.from({ length: 100 }, () => cache.get(hurried(), never));
  assert.ok((await Promise.all(waiters)).every(({ token }) => token === "t2"));
  assert.is(asked, 2);
  assert.is(timers(), before);
});

test("a refused one: dropped if it is still in use, and the source is told, with the claims", async () => {
  const source = minting(60 * MINUTE);
  const cache = makeCache(source);
  const context = testContext();
  const first = await cache.get(context, never);
  assert.is(cache.refuse(first, { claims: "the-claims" }), true);
  const second = await cache.get(context, never);
  assert.is(second.token, "t2");
  assert.is(source.asks[1]?.refused, true);
  assert.is(source.asks[1]?.claims, "the-claims");
  assert.is(cache.refuse(first), true, "a late refusal of the old one");
  assert.is(await cache.get(context, never), second, "leaves the new one alone");
  cache.refuse(second);
  await cache.get(context, never);
  assert.is(source.asks[2]?.refused, true);
  assert.is(source.asks[2]?.claims, undefined);
});

test("a tenant that a refusal names stays known, its claims do not", async () => {
  const asks: CredentialAsk[] = [];
  const cache = makeCache((ask) => {
    asks.push(ask);
    return { token: `t${asks.length}`, expiresAt: new Date(clock.now + MINUTE) };
  });
  const context = testContext();
  cache.refuse(await cache.get(context, never), { tenantId: "the-tenant" });
  cache.refuse(await cache.get(context, never), { claims: "the-claims" });
  await cache.get(context, never);
  clock.now += MINUTE;
  cache.refuse(await cache.get(context, never), { tenantId: "another" });
  await cache.get(context, never);
  assert.equal(asks.map(({ tenantId, claims }) => [tenantId, claims]), [
    [undefined, undefined],
    ["the-tenant", undefined],
    ["the-tenant", "the-claims"],
    ["the-tenant", undefined],
    ["another", undefined],
  ]);
});

test("a refreshAt before the usual time counts, a later one does not", async () => {
  for (const [refreshAfter, expected] of [[20 * MINUTE, 20 * MINUTE], [60 * MINUTE, 57.5 * MINUTE]] as const) {
    let asked = 0;
    const cache = makeCache(() => {
      asked += 1;
      return { token: `t${asked}`, expiresAt: new Date(clock.now + 60 * MINUTE), refreshAt: new Date(clock.now + refreshAfter) };
    });
    const start = clock.now;
    const context = testContext();
    await cache.get(context, never);
    // The jitter takes up to half of the five minutes off.
    clock.now = start + expected - 2.5 * MINUTE - 1;
    await cache.get(context, never);
    assert.is(asked, 1);
    clock.now = start + expected;
    await cache.get(context, never);
    assert.is(asked, 2);
  }
});

test("a refused one of a function without ends: said once, and only of the last one", async () => {
  const source = minting(undefined);
  const cache = makeCache(source);
  const context = testContext();
  const first = await cache.get(context, never);
  const second = await cache.get(context, never);
  assert.is(cache.refuse(first), true);
  await cache.get(context, never);
  assert.is(source.asks[2]?.refused, false, "the last one was not refused");
  assert.is(cache.refuse(second), true);
  const fourth = await cache.get(context, never);
  cache.refuse(fourth);
  await cache.get(context, never);
  assert.equal(source.asks.map(({ refused }) => refused), [false, false, false, false, true]);
});

test("that one was refused is told until the source gives another", async () => {
  let asks: CredentialAsk[] = [];
  let fail = false;
  const cache = makeCache((ask) => {
    asks.push(ask);
    if (fail) throw new Error("x");
    return { token: "t", expiresAt: new Date(clock.now + MINUTE) };
  });
  const context = testContext();
  const first = await cache.get(context, never);
  cache.refuse(first);
  fail = true;
  await rejects(cache.get(context, never), "ERR_KMS_CREDENTIALS");
  fail = false;
  await cache.get(context, never);
  assert.equal(asks.map(({ refused }) => refused), [false, true, true]);
});

test("what a function throws: its own words stay out, and its errors are not touched", async () => {
  const own = Object.freeze(new ConfigError("ERR_KMS_CREDENTIALS", "set AWS_PROFILE", { hint: "so and so" }));
  for (const [thrown, message, retryable] of [
    [new Error(`secret in a message ${TOKEN}`), "the credentials function failed", false],
    [TOKEN, "the credentials function failed", false],
    [undefined, "the credentials function failed", false],
    [Object.freeze({ secret: TOKEN }), "the credentials function failed", false],
    [own, "set AWS_PROFILE", false],
    [new NetworkError("ERR_KMS_TIMEOUT", "no answer", { retryable: true }), "the credentials function failed", true],
    [new NetworkError("ERR_KMS_ABORTED", "aborted"), "the credentials function failed", false],
    [new ProviderError("ERR_KMS_THROTTLED", "slow down", { retryable: true, retryAfterMs: 7 }), "the credentials function failed", true],
  ] as const) {
    const cache = makeCache(() => Promise.reject(thrown));
    const error = await rejects(cache.get(testContext(), never), "ERR_KMS_CREDENTIALS");
    assert.is(error.message, message);
    assert.is(error.retryable, retryable);
    assertNoSecret(error);
  }
  assert.is(own.provider, undefined);
  const cache = makeCache(() => { throw own; });
  assert.is((await rejects(cache.get(testContext(), never), "ERR_KMS_CREDENTIALS")).hint, "so and so");
});

test("a source's own time-out is its failure, not its leader's: the waiters do not ask one after another", async () => {
  let asked = 0;
  const cache = makeCache(async () => {
    asked += 1;
    await new Promise((resolve) => setImmediate(resolve));
    throw new NetworkError("ERR_KMS_TIMEOUT", "no answer");
  });
  const calls = Array.from({ length: 50 }, () => cache.get(testContext(), never));
  for (const each of calls) await rejects(each, "ERR_KMS_CREDENTIALS");
  assert.is(asked, 1);
});

test("no credential and no question shows when the cache is inspected", async () => {
  const cache = makeCache({ token: TOKEN });
  await cache.get(testContext(), never);
  assertNoSecret(cache);
});

test.run();
