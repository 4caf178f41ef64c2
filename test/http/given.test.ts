/** What is given by the caller, and misbehaves: fetch, clock, random and sleep. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ValidationError } from "../../src/errors.js";
import type { Effect } from "../../src/http/send.js";
import { testContext } from "../support/context.js";
import { answers, json, TOKEN } from "../support/fake-service.js";
import { run, type RunOptions } from "../support/run-send.js";

const EFFECTS: readonly Effect[] = ["read", "compute", "change"];

// F57
const used = json({ a: 1 });
await used.text();
for (const [what, fetch] of [
  ["throws a string", () => Promise.reject(`secret in a string ${TOKEN}`)],
  ["throws undefined", () => Promise.reject(undefined)],
  ["throws null", () => Promise.reject(null)],
  ["throws a number", () => Promise.reject(7)],
  ["throws a frozen object", () => Promise.reject(Object.freeze({ message: TOKEN, cause: Object.freeze({ code: 7 }) }))],
  ["throws at once", () => { throw new RangeError(`secret in a message ${TOKEN}`); }],
  ["returns undefined", async () => undefined],
  ["returns a string", async () => "HTTP/1.1 200 OK"],
  ["returns an empty object", async () => ({})],
  ["returns an object with status 200 only", async () => ({ status: 200 })],
  ["returns a body that was used", async () => used],
] as [string, () => Promise<never>][]) {
  for (const effect of EFFECTS) {
    test(`F57 the given fetch ${what}: ${effect}`, async () => {
      let calls = 0;
      const { error, context } = await run(effect, { fetch: () => ((calls += 1), fetch()) });
      assert.ok(error?.code === "ERR_KMS_NETWORK" || error?.code === "ERR_KMS_RESPONSE_INVALID", error?.code);
      assert.is(error?.outcome, "unknown");
      if (effect === "change") assert.is(calls, 1);
      assert.is(context.attempts, calls);
    });
  }
}

test("an error of the library from a given fetch stays one, but not what it says of the state", async () => {
  const { error } = await run("change", { fetch: async () => Promise.reject(new ValidationError("ERR_KMS_INVALID_ARGUMENT", "no")) });
  assert.is(error?.code, "ERR_KMS_INVALID_ARGUMENT");
  assert.is(error?.outcome, "unknown");
});

// F58
for (const [what, options] of [
  ["now throws", { now: () => { throw new Error(TOKEN); } }],
  ["now gives NaN", { now: () => NaN }],
  ["random throws", { random: () => { throw new Error(TOKEN); } }],
  ["random gives NaN", { random: () => NaN }],
  ["random gives 7", { random: () => 7 }],
  ["sleep throws", { sleep: () => { throw new Error(TOKEN); } }],
  ["sleep rejects", { sleep: () => Promise.reject(new Error(TOKEN)) }],
  ["sleep returns nothing", { sleep: () => undefined as never }],
] as [string, RunOptions][]) {
  test(`F58 ${what}: the result is not affected`, async () => {
    const headers = { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" };
    const { answer, error } = await run("compute", { fetch: answers(json({}, 503, headers), json({ ok: 1 })), ...options });
    assert.equal(answer?.body, { ok: 1 }, error?.message);
  });
}

test("F58 a sleep that never settles: the wait is over with the time", async () => {
  const fetch = answers(json({}, 503));
  let remaining = 10_000;
  const context = Object.assign(testContext(), { remainingMs: () => remaining });
  const sleep = (): Promise<void> => {
    remaining = 0;
    return new Promise<never>(() => {});
  };
  const { error } = await run("compute", { fetch, context, sleep });
  assert.is(error?.code, "ERR_KMS_TIMEOUT");
  assert.is(error?.outcome, "unknown");
  assert.is(fetch.calls.length, 1);
});


test.run();
