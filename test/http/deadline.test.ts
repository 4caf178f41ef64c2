import { getEventListeners } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/http/send.js";
import type { CallContext } from "../../src/kms/provider.js";
import { testContext } from "../support/context.js";
import { answers, fetchFailed, json, TOKEN } from "../support/fake-service.js";
import { run, timers } from "../support/run-send.js";

const EFFECTS: readonly Effect[] = ["read", "compute", "change"];

/** A fetch that answers only with the signal's reason. */
function stalled(): ((url: string, init: RequestInit) => Promise<Response>) & { calls: number } {
  const doFetch = Object.assign(
    (_url: string, init: RequestInit): Promise<Response> => {
      doFetch.calls += 1;
      return new Promise((_resolve, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason), { once: true }));
    },
    { calls: 0 },
  );
  return doFetch;
}

/** A fetch that never settles, whatever its signal does. */
function deaf(): (() => Promise<Response>) & { calls: number } {
  const doFetch = Object.assign((): Promise<Response> => ((doFetch.calls += 1), new Promise<never>(() => {})), { calls: 0 });
  return doFetch;
}

/** Runs with a setTimeout that notes the delays and fires at once. */
async function withFastTimers(body: () => Promise<unknown>): Promise<number[]> {
  const own = globalThis.setTimeout;
  const delays: number[] = [];
  const fast = (callback: () => void, ms: number): unknown => {
    delays.push(ms);
    return own(callback, 0);
  };
  globalThis.setTimeout = fast as never;
  try {
    await body();
    return delays;
  } finally {
    globalThis.setTimeout = own;
  }
}

/** A context whose remaining time is what the test says. */
function frozenContext(remainingMs: number): ReturnType<typeof testContext> {
  return Object.assign(testContext(), { remainingMs: () => remainingMs } satisfies Partial<CallContext>);
}

test("a read or compute gets half of what remains while another attempt is possible, a change all of it", async () => {
  for (const effect of EFFECTS) {
    const fetch = stalled();
    const delays = await withFastTimers(async () => {
      const { error } = await run(effect, { fetch, context: frozenContext(10_000) });
      assert.is(error?.code, "ERR_KMS_TIMEOUT");
      assert.is(error?.outcome, "unknown");
      assert.is(error?.retryable, effect !== "change");
    });
    // The waits are bounded by the deadline too, hence a timer for each.
    assert.equal(delays, effect === "change" ? [10_000] : [5_000, 10_000, 5_000, 10_000, 10_000]);
    assert.is(fetch.calls, effect === "change" ? 1 : 3);
  }
});

test("without another attempt there is no reason to give up half-way", async () => {
  for (const retry of [{ attempts: 1 }, { tokens: 4 }]) {
    const fetch = stalled();
    const delays = await withFastTimers(() => run("read", { fetch, retry, context: frozenContext(10_000) }));
    assert.equal(delays, [10_000]);
    assert.is(fetch.calls, 1);
  }
});

test("an attempt is given up by its time limit, and the next one answers", async () => {
  let calls = 0;
  const fetch = (url: string, init: RequestInit): Promise<Response> => ((calls += 1) === 1 ? stalled()(url, init) : Promise.resolve(json({ second: true })));
  await withFastTimers(async () => {
    const { answer, context } = await run("compute", { fetch, context: frozenContext(10_000) });
    assert.equal(answer?.body, { second: true });
    assert.is(context.attempts, 2);
    assert.equal(context.events.filter(({ type }) => type === "attempt").map((event) => (event as { outcome: string }).outcome), ["ERR_KMS_TIMEOUT", "ok"]);
  });
});

for (const [what, fetch] of [
  ["stalls", stalled],
  ["does not listen to its signal", deaf],
] as const) {
  test(`F12 the total deadline cuts a fetch that ${what}; no timer is left`, async () => {
    for (const effect of EFFECTS) {
      const before = timers();
      const { error } = await run(effect, { fetch: fetch(), timeoutMs: 120 });
      assert.is(error?.code, "ERR_KMS_TIMEOUT");
      assert.is(error?.outcome, "unknown");
      assert.is(error?.retryable, effect !== "change");
      assert.is(timers(), before);
    }
  });
}

test("F13 F14 a body that drips, or stops, is cut by the deadline, also where it does not listen to the signal", async () => {
  for (const drips of [true, false]) {
    let cancelled = 0;
    const slow = (): Response => {
      let drip: ReturnType<typeof setInterval> | undefined;
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(Uint8Array.of(0x7b));
          if (drips) drip = setInterval(() => controller.enqueue(Uint8Array.of(0x20)), 5);
        },
        cancel() {
          clearInterval(drip);
          cancelled += 1;
        },
      });
      return new Response(stream);
    };
    const before = timers();
    const { error, context } = await run("compute", { fetch: async () => slow(), timeoutMs: 150, retry: { attempts: 2 } });
    assert.is(error?.code, "ERR_KMS_TIMEOUT");
    assert.is(cancelled, context.attempts, "each body was given up");
    assert.is(timers(), before);
  }
});

test("no time left: no request, and no credential is asked for", async () => {
  const fetch = answers(json({}));
  for (const remaining of [0, -1, -1e9]) {
    const { error, service, context } = await run("read", { fetch, context: frozenContext(remaining) });
    assert.is(error?.code, "ERR_KMS_TIMEOUT");
    assert.is(error?.outcome, "not-sent");
    assert.is(error?.attempts, 0);
    assert.equal(service.authorized, []);
    assert.equal(context.events, []);
  }
  assert.is(fetch.calls.length, 0);
});

test("F15 a signal that fired before: no request at all", async () => {
  for (const effect of EFFECTS) {
    const signal = AbortSignal.abort(new Error(`secret in a reason ${TOKEN}`));
    const fetch = answers(json({}));
    const { error, service, context } = await run(effect, { fetch, signal });
    assert.is(error?.code, "ERR_KMS_ABORTED");
    assert.is(error?.outcome, "not-sent");
    assert.is(error?.cause, undefined, "the reason stays with the caller");
    assert.is(error?.retryable, false);
    assert.is(context.attempts, 0);
    assert.is(context.changeSent, false);
    assert.equal(service.authorized, []);
    assert.is(fetch.calls.length, 0);
    assert.is(getEventListeners(signal, "abort").length, 0);
  }
});

for (const [what, fetch] of [
  ["that listens", stalled],
  ["that does not listen", deaf],
] as const) {
  test(`F16 a signal that fires in flight, with a fetch ${what}`, async () => {
    for (const effect of EFFECTS) {
      const before = timers();
      const controller = new AbortController();
      const doing = fetch();
      const running = run(effect, { fetch: doing, signal: controller.signal });
      while (doing.calls === 0) await Promise.resolve();
      controller.abort();
      const { error, transport } = await running;
      assert.is(error?.code, "ERR_KMS_ABORTED");
      assert.is(error?.outcome, "unknown");
      assert.is(error?.attempts, 1);
      assert.is(doing.calls, 1, "not repeated");
      assert.is(transport.budget.tokens, 100);
      assert.is(timers(), before);
      assert.is(getEventListeners(controller.signal, "abort").length, 0);
    }
  });
}

for (const [what, sleep] of [
  ["the library's own", undefined],
  ["one that does not listen", () => new Promise<void>(() => {})],
] as const) {
  test(`F16 a signal that fires in a wait, with a sleep that is ${what}`, async () => {
    const before = timers();
    const controller = new AbortController();
    const fetch = answers(json({}, 429, { "retry-after": "5" }));
    let retrying: () => void = () => {};
    const waits = new Promise<void>((resolve) => (retrying = resolve));
    const context = testContext({ signal: controller.signal });
    const emit = context.emit.bind(context);
    Object.assign(context, { emit: (event: never) => (emit(event), (event as { type: string }).type === "retry" && retrying()) });
    const running = run("change", { fetch, context, sleep: sleep as never });
    await waits;
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    const { error } = await running;
    assert.is(error?.code, "ERR_KMS_ABORTED");
    assert.is(error?.outcome, "rejected", "the one request of this change was refused");
    assert.is(error?.attempts, 1);
    assert.is(fetch.calls.length, 1);
    assert.is(timers(), before);
    assert.is(getEventListeners(controller.signal, "abort").length, 0);
  });
}

test("F16 a signal that fires in a credentials function that ignores its own", async () => {
  for (const effect of EFFECTS) {
    const before = timers();
    const controller = new AbortController();
    const fetch = answers(json({}));
    let asked: AbortSignal | undefined;
    const authorize = (_request: unknown, _context: unknown, signal: AbortSignal): Promise<never> => {
      asked = signal;
      return new Promise<never>(() => {});
    };
    const running = run(effect, { fetch, authorize, signal: controller.signal });
    while (asked === undefined) await Promise.resolve();
    controller.abort();
    const { error } = await running;
    assert.is(error?.code, "ERR_KMS_ABORTED");
    assert.is(error?.outcome, "not-sent");
    assert.is(error?.attempts, 0);
    assert.is(asked.aborted, true, "it was told");
    assert.is(fetch.calls.length, 0);
    assert.is(timers(), before);
    assert.is(getEventListeners(controller.signal, "abort").length, 0);
  }
});

test("a request is not sent any more when its credential comes too late", async () => {
  let give: () => void = () => {};
  const late = new Promise<void>((resolve) => (give = resolve));
  const fetch = answers(json({}));
  const controller = new AbortController();
  let asked = false;
  const authorize = async (request: never): Promise<never> => {
    asked = true;
    await late;
    return { request, credential: "" } as never;
  };
  const running = run("change", { fetch, authorize, signal: controller.signal });
  while (!asked) await Promise.resolve();
  controller.abort();
  const { error, context } = await running;
  give();
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(error?.outcome, "not-sent");
  assert.is(context.changeSent, false);
  assert.is(fetch.calls.length, 0);
});

test("F17 a deadline that falls in a wait fails at once", async () => {
  for (const effect of EFFECTS) {
    const fetch = answers(json({}, 429, { "retry-after": "11" }));
    const { error, transport } = await run(effect, { fetch, context: frozenContext(10_000) });
    assert.is(error?.code, "ERR_KMS_THROTTLED");
    assert.equal(transport.waits, []);
  }
});

test("nothing is left behind after a success, a retry, a refusal, and a lost connection", async () => {
  const before = timers();
  const controller = new AbortController();
  const { signal } = controller;
  await run("compute", { signal, fetch: answers(json({}, 503), json({})) });
  await run("compute", { signal, fetch: answers(json({}, 404)) });
  await run("change", { signal, fetch: answers(fetchFailed("ECONNRESET")) });
  await run("change", { signal, fetch: async () => undefined as never });
  assert.is(timers(), before);
  assert.is(getEventListeners(signal, "abort").length, 0);
});

test("F53 a monotonic clock that stands still: waits are neither negative nor endless", async () => {
  const own = performance.now;
  performance.now = () => 1_000;
  try {
    const fetch = answers(json({}, 503));
    const { error, transport } = await run("compute", { fetch });
    assert.is(error?.code, "ERR_KMS_UNAVAILABLE");
    assert.equal(transport.waits, [50, 100]);
  } finally {
    performance.now = own;
  }
});

test.run();
