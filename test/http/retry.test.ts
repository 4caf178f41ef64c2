import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { send } from "../../src/http/send.js";
import { DEFAULT_RETRY, parseHttpDate, retryAfterMs, RetryBudget, type RetryRules } from "../../src/http/transport.js";
import { testContext } from "../support/context.js";
import { answers, fakeService, fakeTransport, fetchFailed, json, request } from "../support/fake-service.js";

type Step = [answer: number | string, outcome: string, tokens: number, delayMs?: number];

interface RetryTable {
  constants: { since2026: Record<"baseDelayMs" | "throttleBaseDelayMs" | "maxDelayMs" | "costThrottle" | "costTransient", number> };
  classify: { throttle: string[]; transient: string[] };
  cases: { name: string; maxAttempts: number; quota: number; steps: Step[] }[];
}

const table = JSON.parse(readFileSync("fixtures/retry/aws-standard.json", "utf8")) as RetryTable;
const { baseDelayMs, throttleBaseDelayMs, maxDelayMs, costThrottle, costTransient } = table.constants.since2026;

/** The engine with the constants of the table, and its random factor of 1. */
function awsBudget(attempts: number, tokens: number): RetryBudget {
  const rules: Required<RetryRules> = {
    attempts,
    tokens,
    baseMs: baseDelayMs,
    throttleBaseMs: throttleBaseDelayMs,
    capMs: maxDelayMs,
    hintSlackMs: 5_000,
    cost: costTransient,
    throttleCost: costThrottle,
    refill: "last-cost",
  };
  return new RetryBudget(rules, () => 1);
}

/** An answer as the table writes it: a status, then an error code or a header. */
function readStep(answer: number | string): { success: boolean; throttled: boolean; hintMs: number | undefined } {
  const [status, word = "", value] = String(answer).split(" ") as [string, string?, string?];
  const header = (name: string): string | null => (word === `${name}:` ? (value ?? null) : null);
  const throttled = word !== "" && !word.endsWith(":") && table.classify.throttle.includes(word);
  return { success: status === "200", throttled, hintMs: retryAfterMs(header, Date.now, ["x-amz-retry-after"]) };
}

for (const { name, maxAttempts, quota, steps } of table.cases) {
  test(`aws-standard: ${name}`, () => {
    const budget = awsBudget(maxAttempts, quota);
    let retries = 0;
    let lastCost = 0;
    for (const [answer, outcome, tokens, delayMs] of steps) {
      const { success, ...question } = readStep(answer);
      if (success) {
        budget.succeeded(lastCost);
        assert.is(outcome, "success");
        retries = lastCost = 0;
      } else {
        const next = budget.next({ ...question, retries, remainingMs: Infinity });
        if (next === undefined) {
          assert.is(outcome, retries + 1 >= maxAttempts ? "max-attempts" : "quota-exceeded");
        } else {
          assert.is(outcome, "retry");
          assert.is(next.waitMs, delayMs);
          retries += 1;
          lastCost = next.cost;
        }
      }
      assert.is(budget.tokens, tokens, `tokens after ${answer}`);
    }
  });
}

test("the table is whole", () => {
  assert.is(table.cases.length, 12);
});

test("a success at the first try gives one token back, and never more than there were", () => {
  const budget = new RetryBudget({ ...DEFAULT_RETRY, tokens: 10 }, () => 0);
  assert.equal(budget.next({ throttled: false, retries: 0, remainingMs: 1000 }), { waitMs: 0, cost: 5 });
  budget.succeeded(5);
  assert.is(budget.tokens, 5, "a success after a retry gives nothing back by the default rule");
  for (let index = 0; index < 20; index += 1) budget.succeeded(0);
  assert.is(budget.tokens, 10);
});

test("a wait that cannot fit is refused, and takes no token", () => {
  const budget = new RetryBudget(DEFAULT_RETRY, () => 0.5);
  assert.equal(budget.next({ throttled: false, retries: 0, remainingMs: 50 }), undefined);
  assert.equal(budget.next({ throttled: true, retries: 0, hintMs: 3_000, remainingMs: 3_000 }), undefined);
  assert.is(budget.tokens, 100);
  assert.equal(budget.next({ throttled: true, retries: 0, hintMs: 3_000, remainingMs: 3_001 }), { waitMs: 3_000, cost: 5 });
});

test("the wait doubles up to the cap, with full jitter", () => {
  const waits = [0, 1, 2, 5, 6, 9].map((retries) => {
    const next = new RetryBudget({ ...DEFAULT_RETRY, attempts: 10_000 }, () => 0.5).next({ throttled: false, retries, remainingMs: 1e9 });
    return next?.waitMs;
  });
  assert.equal(waits, [50, 100, 200, 1600, 2500, 2500]);
});

test("couldRepeat: attempts and tokens", () => {
  const budget = new RetryBudget({ ...DEFAULT_RETRY, tokens: 5 }, () => 0);
  assert.is(budget.couldRepeat(0), true);
  assert.is(budget.couldRepeat(2), false);
  budget.next({ throttled: false, retries: 0, remainingMs: 1e9 });
  assert.is(budget.couldRepeat(0), false);
});

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

function hint(headers: Record<string, string>, millisecondHeaders: readonly string[] = []): number | undefined {
  return retryAfterMs((name) => new Headers(headers).get(name), () => NOW, millisecondHeaders);
}

// F21, and what is near it.
for (const [value, expected] of [
  ["0", 0],
  ["7", 7_000],
  ["999999999", 999_999_999_000],
  ["-1", undefined],
  ["1e9", undefined],
  ["1e400", undefined],
  ["NaN", undefined],
  ["", undefined],
  ["1.5", undefined],
  ["0x10", undefined],
  ["١٢", undefined],
  ["1, 2", undefined],
  ["Fri, 02 Jan 2026 03:04:15 GMT", 10_000],
  ["Fri, 02 Jan 2026 03:04:04 GMT", 0],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["Fri, 99 Jan 2026 03:04:15 GMT", undefined],
  ["Friday, 02-Jan-26 03:04:15 GMT", undefined],
  ["2026-01-02T03:04:15Z", undefined],
  ["Fri, 02 Jan 2026 03:04:15 GMT, Fri, 02 Jan 2026 03:04:15 GMT", undefined],
  ["9".repeat(10_240), undefined],
  ["later ".repeat(1_700), undefined],
] as const) {
  test(`Retry-After: ${JSON.stringify(value.slice(0, 60))}`, () => {
    const header = (name: string): string | null => (name === "retry-after" ? value : null);
    assert.is(retryAfterMs(header, () => NOW), expected);
  });
}

test("a date counts from the answer's own clock where it has one", () => {
  const wait = { "retry-after": "Fri, 02 Jan 2026 05:00:10 GMT" };
  assert.is(hint({ ...wait, date: "Fri, 02 Jan 2026 05:00:00 GMT" }), 10_000);
  assert.is(hint({ ...wait, date: "yesterday" }), 6_965_000);
});

test("a header in milliseconds comes first, if it can be read", () => {
  assert.is(hint({ "x-wait-ms": "1500", "retry-after": "7" }, ["x-wait-ms"]), 1_500);
  for (const value of ["invalid", "-1", "1.5", "1e3", ""]) assert.is(hint({ "x-wait-ms": value, "retry-after": "7" }, ["x-wait-ms"]), 7_000, value);
  assert.is(hint({ "x-wait-ms": "1500" }), undefined, "a header that the service does not have");
});

test("two Retry-After headers, joined as fetch does, are ignored", () => {
  const headers = new Headers([
    ["retry-after", "1"],
    ["retry-after", "600"],
  ]);
  assert.is(retryAfterMs((name) => headers.get(name), () => NOW), undefined);
});

test("parseHttpDate takes the one form", () => {
  assert.is(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784_111_777_000);
  for (const text of [null, "", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Xxx 1994 08:49:37 GMT"]) {
    assert.is(parseHttpDate(text), undefined, String(text));
  }
});

for (const [what, dead] of [
  ["a refused connection", () => Promise.reject(fetchFailed("ECONNREFUSED"))],
  ["503", async () => json({}, 503)],
  ["429", async () => json({}, 429)],
] as const) {
  test(`an outage is not multiplied: 1,000 calls, ${what}`, async () => {
    const fetch = answers(dead);
    const service = fakeService();
    const transport = fakeTransport({ fetch });
    for (let index = 0; index < 1_000; index += 1) {
      await send(service, transport, testContext(), "compute", request).then(() => assert.unreachable(), () => {});
    }
    assert.ok(fetch.calls.length <= 1_050, `${fetch.calls.length} requests`);
    assert.ok(fetch.calls.length > 1_000, "and it does repeat");
    assert.is(transport.budget.tokens, 0);
  });
}

test.run();
