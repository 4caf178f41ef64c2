import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CredentialAsk } from "../../src/credentials/cached.js";
import { chainCredentials, NotConfiguredError, type CredentialSource } from "../../src/credentials/chain.js";
import { ConfigError } from "../../src/errors.js";
import { TOKEN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";
import { assertNoSecret, timers } from "../support/run-send.js";

const ask: CredentialAsk = { signal: new AbortController().signal, refused: false };
const asked: string[] = [];

function source(name: string, load: (ask: CredentialAsk) => string | Promise<string>): CredentialSource<string> {
  return { name, load: (given) => (asked.push(name), load(given)) };
}

const unset = (name: string) => source(name, () => { throw new NotConfiguredError(`${name.toUpperCase()} is not set`); });

test.before.each(() => void (asked.length = 0));

test("the first source that is set up serves; the ones after it are not asked", async () => {
  const chain = chainCredentials([unset("one"), source("two", async () => "second"), source("three", () => "third")]);
  assert.is(await chain(ask), "second");
  assert.equal(asked, ["one", "two"]);
});

test("what is asked is passed on", async () => {
  const given = { ...ask, scope: "s", claims: "c", refused: true };
  let seen: CredentialAsk | undefined;
  await chainCredentials([source("one", (told) => ((seen = told), "x"))])(given);
  assert.is(seen, given);
});

test("F49 none is set up: each source and why, in order", async () => {
  const error = await rejects(chainCredentials([unset("one"), unset("two"), unset("three")], "set one of them")(ask), "ERR_KMS_CREDENTIALS");
  assert.is(error.message, "no credentials: one: ONE is not set; two: TWO is not set; three: THREE is not set");
  assert.equal((error as ConfigError).problems, ["one: ONE is not set", "two: TWO is not set", "three: THREE is not set"]);
  assert.is(error.hint, "set one of them");
  assert.is(error.retryable, false);
  assert.is(error.outcome, "not-sent");
});

test("F49 a source that is set up and broken ends the chain", async () => {
  for (const [load, said, retryable] of [
    [() => Promise.reject(new ConfigError("ERR_KMS_CREDENTIALS", "the file is not JSON")), "two: the file is not JSON", false],
    [() => Promise.reject(new ConfigError("ERR_KMS_CREDENTIALS", "the endpoint does not answer", { retryable: true })), "two: the endpoint does not answer", true],
    [() => Promise.reject(new Error(`secret in a message ${TOKEN}`)), "two: failed", false],
    [() => { throw TOKEN; }, "two: failed", false],
  ] as const) {
    asked.length = 0;
    const chain = chainCredentials([unset("one"), source("two", load), source("three", () => "never")]);
    const error = await rejects(chain(ask), "ERR_KMS_CREDENTIALS");
    assert.equal(asked, ["one", "two"]);
    assert.equal((error as ConfigError).problems, ["one: ONE is not set", said]);
    assert.is(error.retryable, retryable);
    assert.is(error.cause, undefined);
    assertNoSecret(error);
  }
});

test("F49 a source that never settles is broken after its time, and nothing of it is left", async () => {
  const before = timers();
  const chain = chainCredentials([unset("one"), { name: "two", load: () => new Promise<string>(() => {}), timeoutMs: 10 }, source("three", () => "never")]);
  const error = await rejects(chain(ask), "ERR_KMS_CREDENTIALS");
  assert.equal((error as ConfigError).problems, ["one: ONE is not set", "two: no complete answer: timeout"]);
  assert.is(error.retryable, true);
  assert.equal(asked, ["one"]);
  assert.is(timers(), before);
});

test("a source that names itself is not named twice, and its hint goes before the chain's", async () => {
  const load = (): string => {
    throw new ConfigError("ERR_KMS_CREDENTIALS", "one: the session has expired", { hint: "sign in", retryAfterMs: 5 });
  };
  const error = await rejects(chainCredentials([source("one", load)], "set something")(ask), "ERR_KMS_CREDENTIALS");
  assert.is(error.message, "no credentials: one: the session has expired");
  assert.is(error.hint, "sign in");
  assert.is(error.retryAfterMs, 5);
});

test("an empty list says that it is empty", async () => {
  const error = await rejects(chainCredentials([])(ask), "ERR_KMS_CREDENTIALS");
  assert.is(error.message, "no credentials: no sources");
});

test.run();
