import { getEventListeners } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { onAbort, settlesWithin, sleep, waitBy } from "../src/abort.js";
import { timers } from "./support/run-send.js";

const never = new Promise<never>(() => {});

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

test("settlesWithin: settled either way, late by time, late by signal; nothing is left", async () => {
  const before = timers();
  const controller = new AbortController();
  const { signal } = controller;
  assert.is(await settlesWithin(Promise.resolve(), 60_000, signal), true);
  assert.is(await settlesWithin(Promise.reject(new Error("x")), 60_000, signal), true);
  assert.is(await settlesWithin(never, 1, signal), false);
  assert.is(await settlesWithin(never, 0, undefined), false);
  assert.is(await settlesWithin(never, -5, undefined), false);
  const waiting = settlesWithin(never, 60_000, signal);
  controller.abort();
  assert.is(await waiting, false);
  assert.is(await settlesWithin(never, 60_000, signal), false, "a signal that fired before");
  assert.is(timers(), before);
  assert.is(listeners(signal), 0);
});

test("onAbort: one listener for all who wait for a signal, and none when nobody does", () => {
  const controller = new AbortController();
  const { signal } = controller;
  const called: number[] = [];
  const forgets = Array.from({ length: 100 }, (_, index) => onAbort(signal, () => called.push(index)));
  assert.is(listeners(signal), 1);
  for (const forget of forgets) forget();
  for (const forget of forgets) forget();
  assert.is(listeners(signal), 0);
  onAbort(signal, () => called.push(100));
  const forget = onAbort(signal, () => called.push(101));
  onAbort(signal, () => forget());
  onAbort(signal, () => called.push(102));
  controller.abort();
  assert.equal(called, [100, 101, 102]);
  assert.is(listeners(signal), 0);
  forget();
});

test("onAbort beside a listener that somebody else has on the signal", () => {
  const controller = new AbortController();
  const called: string[] = [];
  controller.signal.addEventListener("abort", () => called.push("theirs"));
  onAbort(controller.signal, () => called.push("ours"));
  controller.abort();
  assert.equal(called, ["theirs", "ours"]);
});

test("sleep ends with its time or the signal, and never rejects", async () => {
  const before = timers();
  await sleep(1);
  await sleep(60_000, AbortSignal.abort());
  const controller = new AbortController();
  const sleeping = sleep(60_000, controller.signal);
  controller.abort();
  await sleeping;
  assert.is(timers(), before);
  assert.is(listeners(controller.signal), 0);
});

test("waitBy: whatever the given sleep does, the wait ends and nothing is thrown", async () => {
  const before = timers();
  const remainingMs = (): number => 60_000;
  const given: unknown[] = [];
  await waitBy(async (ms) => void given.push(ms), 7, { remainingMs });
  assert.equal(given, [7]);
  await waitBy(() => Promise.reject(new Error("x")), 7, { remainingMs });
  await waitBy(() => { throw new Error("x"); }, 7, { remainingMs });
  await waitBy(() => undefined as never, 7, { remainingMs });
  await waitBy(() => never, 7, { remainingMs: () => 1 });
  const controller = new AbortController();
  const waiting = waitBy(() => never, 7, { remainingMs, signal: controller.signal });
  controller.abort();
  await waiting;
  assert.is(timers(), before);
  assert.is(listeners(controller.signal), 0);
});

test.run();
