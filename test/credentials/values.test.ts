import { test } from "uvu";
import * as assert from "uvu/assert";
import { readExpiresAt } from "../../src/credentials/cached.js";
import { testContext } from "../support/context.js";
import { clock, makeCache, START, type Token } from "../support/credential-cache.js";
import { TOKEN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";
import { assertNoSecret } from "../support/run-send.js";

const never = new AbortController().signal;

test.before.each(() => void (clock.now = START));

// F47
const BAD: readonly (readonly [string, unknown])[] = [
  ["nothing", undefined],
  ["null", null],
  ["text", TOKEN],
  ["no token", {}],
  ["an inherited token", Object.create({ token: TOKEN })],
  ["a token that is empty", { token: "" }],
  ["a token that is a number", { token: 7 }],
  ["CR LF", { token: `${TOKEN}\r\nx-evil: 1` }],
  ["a line end at its end", { token: `${TOKEN}\n` }],
  ["NUL", { token: `${TOKEN}\0` }],
  ["a blank", { token: `${TOKEN} x` }],
  ["no ASCII", { token: `${TOKEN}é` }],
  ["a million characters", { token: TOKEN.repeat(50_000) }],
  ["an end that is a number", { token: TOKEN, expiresAt: 1e12 }],
  ["an end that is a text", { token: TOKEN, expiresAt: "2030-01-01T00:00:00Z" }],
  ["an end that is no date", { token: TOKEN, expiresAt: new Date(NaN) }],
  ["an end that looks like a date", { token: TOKEN, expiresAt: { getTime: () => 1e13 } }],
  ["an end in the past", { token: TOKEN, expiresAt: new Date(0) }],
  ["an end right now", { token: TOKEN, expiresAt: new Date(1_000_000) }],
];
for (const [what, value] of BAD) {
  test(`F47 a bad credential from a function: ${what}`, async () => {
    for (const source of [() => value, async () => value]) {
      const cache = makeCache(source as () => Token);
      const context = testContext();
      const error = await rejects(cache.get(context, never), "ERR_KMS_CREDENTIALS");
      assertNoSecret(error, context.events);
      assert.is(error.outcome, "not-sent");
      assert.ok(error.message.length < 200);
    }
  });

  if (!what.includes("past") && !what.includes("now")) {
    test(`F47 a bad credential as a value: ${what}`, async () => {
      const error = await rejects(() => makeCache(value as Token), "ERR_KMS_CREDENTIALS");
      assertNoSecret(error);
    });
  }
}

test("a date of another realm is a date", async () => {
  const { runInNewContext } = await import("node:vm");
  const foreign = runInNewContext("new Date(2_000_000)") as Date;
  assert.is(foreign instanceof Date, false);
  assert.is(readExpiresAt(foreign)?.getTime(), 2_000_000);
  assert.is(readExpiresAt(null), undefined);
});

test.run();
