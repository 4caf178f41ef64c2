import { getEventListeners } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addErrorContext, NetworkError, ProviderError, type KmsError } from "../src/errors.js";
import { SingleFlight } from "../src/abort.js";
import { rejects } from "./support/rejects.js";
import { timers } from "./support/run-send.js";

const patient = { remainingMs: () => 60_000 };

/** A task that ends when the test says so, and counts its runs. */
function controlled(): { task: () => Promise<string>; runs: { resolve(value: string): void; reject(error: unknown): void }[] } {
  const runs: { resolve(value: string): void; reject(error: unknown): void }[] = [];
  return { task: () => new Promise((resolve, reject) => runs.push({ resolve, reject })), runs };
}

test("10,000 concurrent callers: one run, one result, and no timer left", async () => {
  const before = timers();
  const flight = new SingleFlight<string>();
  const { task, runs } = controlled();
  const calls = Array.from({ length: 10_000 }, () => flight.run(task, patient));
  assert.is(flight.idle, false);
  runs[0]?.resolve("once");
  assert.ok((await Promise.all(calls)).every((value) => value === "once"));
  assert.is(runs.length, 1);
  assert.is(flight.idle, true);
  assert.is(timers(), before);
  const later = flight.run(task, patient);
  runs[1]?.resolve("anew");
  assert.is(await later, "anew");
});

test("a failure reaches each caller once, as an error of its own, and the next call starts anew", async () => {
  const flight = new SingleFlight<string>();
  const { task, runs } = controlled();
  const calls = Array.from({ length: 100 }, () => flight.run(task, patient));
  const failure = new ProviderError("ERR_KMS_UNAVAILABLE", "the service is not available", { status: 503, operation: "sign", attempts: 3 });
  runs[0]?.reject(failure);
  const errors = await Promise.all(calls.map((call) => rejects(call, "ERR_KMS_UNAVAILABLE")));
  assert.is(new Set(errors).size, 100);
  assert.is(errors.includes(failure), false);
  for (const [index, error] of errors.entries()) {
    assert.ok(error instanceof ProviderError);
    assert.is(error.status, 503);
    assert.is(error.operation, undefined, "the operation is that of the leader, and each fills in its own");
    addErrorContext(error, { keyId: `key-${index}` });
  }
  assert.is((errors[7] as KmsError).keyId, "key-7");
  assert.is(runs.length, 1);
  const next = flight.run(task, patient);
  runs[1]?.resolve("good");
  assert.is(await next, "good");
});

test("an error that is none of ours is passed on as it is", async () => {
  const flight = new SingleFlight<string>();
  const failure = new TypeError("x");
  const failing = (): Promise<string> => Promise.reject(failure);
  assert.is(await flight.run(failing, patient).catch((error: unknown) => error), failure);
  assert.is(flight.idle, true);
});

for (const code of ["ERR_KMS_ABORTED", "ERR_KMS_TIMEOUT"] as const) {
  test(`a leader that gave up (${code}): one of the waiters takes over, the others wait for it`, async () => {
    const flight = new SingleFlight<string>();
    const { task, runs } = controlled();
    const leader = flight.run(task, patient);
    const waiters = Array.from({ length: 50 }, () => flight.run(task, patient));
    runs[0]?.reject(new NetworkError(code, "gave up"));
    await rejects(leader, code);
    while (runs.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    assert.is(runs.length, 2, "one of fifty");
    runs[1]?.resolve("second");
    assert.ok((await Promise.all(waiters)).every((value) => value === "second"));
  });
}

test("a leader that never settles: waiters look again after half of their time, and one takes over", async () => {
  const before = timers();
  const flight = new SingleFlight<string>();
  const { task, runs } = controlled();
  void flight.run(task, patient);
  const hurried = { remainingMs: () => 40 };
  const waiters = Array.from({ length: 20 }, () => flight.run(task, hurried));
  while (runs.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.is(runs.length, 2);
  runs[1]?.resolve("took over");
  assert.ok((await Promise.all(waiters)).every((value) => value === "took over"));
  assert.is(timers(), before);
});

test("waiters that give the leader up one after another all take what the first of them got", async () => {
  const flight = new SingleFlight<string>();
  const { task, runs } = controlled();
  void flight.run(task, patient);
  let quick = 0;
  const answering = async (): Promise<string> => `answer ${(quick += 1)}`;
  const waiters = [10, 20, 30, 40].map((remaining) => flight.run(answering, { remainingMs: () => remaining }));
  assert.equal(await Promise.all(waiters), ["answer 1", "answer 1", "answer 1", "answer 1"]);
  assert.is(runs.length, 1);
  assert.is(await flight.run(answering, patient), "answer 2", "who comes later asks anew");
});

test("the first leader may still come back: its result is its own", async () => {
  const flight = new SingleFlight<string>();
  const { task, runs } = controlled();
  const leader = flight.run(task, patient);
  const waiter = flight.run(task, { remainingMs: () => 2 });
  while (runs.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  runs[0]?.resolve("late");
  assert.is(await leader, "late");
  assert.is(flight.idle, false, "the second flight goes on");
  runs[1]?.resolve("second");
  assert.is(await waiter, "second");
  assert.is(flight.idle, true);
});

test("a waiter whose signal fires leaves, takes over nothing, and disturbs nobody", async () => {
  const flight = new SingleFlight<string>();
  const { task, runs } = controlled();
  const leader = flight.run(task, patient);
  const controller = new AbortController();
  const leaving = Array.from({ length: 10 }, () => flight.run(task, { ...patient, signal: controller.signal }));
  const staying = flight.run(task, patient);
  controller.abort();
  for (const each of leaving) await rejects(each, "ERR_KMS_ABORTED");
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(runs.length, 1, "the flight is not replaced");
  runs[0]?.resolve("whole");
  assert.is(await leader, "whole");
  assert.is(await staying, "whole");
  assert.is(getEventListeners(controller.signal, "abort").length, 0);
});

test("a waiter without time left gives up, and takes over nothing", async () => {
  const flight = new SingleFlight<string>();
  const { task, runs } = controlled();
  const leader = flight.run(task, patient);
  const error = await rejects(flight.run(task, { remainingMs: () => 0 }), "ERR_KMS_TIMEOUT");
  assert.is(error.retryable, true);
  assert.is(error.outcome, "not-sent");
  assert.is(runs.length, 1);
  runs[0]?.resolve("x");
  await leader;
});

test.run();
