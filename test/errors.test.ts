import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addErrorContext, ConfigError, copyError, isKmsError, KmsError, NetworkError, ProviderError, ValidationError, withOutcome } from "../src/errors.js";

const FAMILIES = [
  [ConfigError, "ConfigError", "ERR_KMS_CREDENTIALS"],
  [ValidationError, "ValidationError", "ERR_KMS_INVALID_ARGUMENT"],
  [NetworkError, "NetworkError", "ERR_KMS_NETWORK"],
  [ProviderError, "ProviderError", "ERR_KMS_NOT_FOUND"],
] as const;

for (const [type, name, code] of FAMILIES) {
  test(`${name}: a family of KmsError`, () => {
    const error = new (type as new (code: string, message: string) => KmsError)(code, "what is wrong");
    assert.ok(error instanceof type && error instanceof KmsError && error instanceof Error);
    assert.is(error.name, name);
    assert.is(error.code, code);
    assert.is(error.message, "what is wrong");
    assert.is(error.attempts, 0);
    assert.is(error.retryable, false);
    assert.is(error.outcome, "not-sent");
    assert.is(isKmsError(error), true);
    assert.is(isKmsError(error, code), true);
    assert.is(isKmsError(error, "ERR_KMS_TLS"), false);
    assert.match(String(error.stack), `${name}: what is wrong`);
    assert.match(inspect(error), name);
    assert.not.ok(Object.keys(error).includes("name"));
  });
}

test("isKmsError knows errors of another copy of the library, and nothing else", () => {
  const brand = Symbol.for("knhk-kms.error");
  class Foreign extends Error {
    readonly code = "ERR_KMS_TLS";
    get [brand](): boolean {
      return true;
    }
  }
  assert.is(isKmsError(new Foreign()), true);
  assert.is(isKmsError(new Foreign(), "ERR_KMS_TLS"), true);
  assert.is(isKmsError(new Foreign(), "ERR_KMS_NETWORK"), false);
  for (const value of [undefined, null, "ERR_KMS_TLS", 7, {}, new Error("x"), { code: "ERR_KMS_TLS" }, { [brand]: "yes" }]) assert.is(isKmsError(value), false);
});

test("an answer that makes no sense leaves open what was done", () => {
  assert.is(new ProviderError("ERR_KMS_RESPONSE_INVALID", "x").outcome, "unknown");
  assert.is(new ProviderError("ERR_KMS_KEY_MISMATCH", "x").outcome, "unknown");
  assert.is(new ProviderError("ERR_KMS_KEY_MISMATCH", "x", { outcome: "rejected" }).outcome, "rejected");
});

test("cause is an error of the library, or nothing", () => {
  const inner = new NetworkError("ERR_KMS_TIMEOUT", "inner");
  assert.is(new KmsError("ERR_KMS_CREDENTIALS", "outer", { cause: inner }).cause, inner);
  for (const cause of [new Error("secret"), "secret", { secret: 1 }, new Response("secret")]) {
    const error = new KmsError("ERR_KMS_CREDENTIALS", "outer", { cause });
    assert.is(error.cause, undefined);
    assert.not.ok(inspect(error, { depth: Infinity }).includes("secret"));
  }
});

test("JSON: the fields in order, the cause inside, no stack", () => {
  const cause = new NetworkError("ERR_KMS_TIMEOUT", "inner", { outcome: "unknown" });
  const error = new ProviderError("ERR_KMS_THROTTLED", "outer", { hint: "wait", provider: "aws", operation: "sign", keyId: "k", status: 400, providerCode: "Throttling", requestId: "r", attempts: 3, retryable: true, retryAfterMs: 5, outcome: "rejected", cause });
  assert.is(
    JSON.stringify(error),
    '{"name":"ProviderError","code":"ERR_KMS_THROTTLED","message":"outer","provider":"aws","operation":"sign","keyId":"k","status":400,"providerCode":"Throttling","requestId":"r","attempts":3,"retryable":true,"retryAfterMs":5,"outcome":"rejected","hint":"wait","cause":{"name":"NetworkError","code":"ERR_KMS_TIMEOUT","message":"inner","attempts":0,"retryable":false,"outcome":"unknown"}}',
  );
  assert.equal(new ConfigError("ERR_KMS_CONFIG", "x", { problems: ["a", "b"] }).toJSON().problems, ["a", "b"]);
  assert.equal(new ConfigError("ERR_KMS_CONFIG", "x").problems, ["x"], "without more it is its own problem");
});

test("problems are a frozen copy", () => {
  const given = ["a"];
  const { problems } = new ConfigError("ERR_KMS_CONFIG", "x", { problems: given });
  given.push("b");
  assert.equal(problems, ["a"]);
  assert.ok(Object.isFrozen(problems));
});

test("addErrorContext fills in what is not said, and nothing else", () => {
  const error = new ProviderError("ERR_KMS_NOT_FOUND", "x", { status: 404, outcome: "rejected" });
  assert.is(addErrorContext(error, { provider: "vault", operation: "sign", status: 500, attempts: 2, outcome: "unknown", retryable: true }), error);
  assert.is(error.provider, "vault");
  assert.is(error.operation, "sign");
  assert.is(error.status, 404);
  assert.is(error.attempts, 2);
  assert.is(error.outcome, "rejected");
  assert.is(error.retryable, false);
  addErrorContext(error, { provider: "aws", attempts: 9, keyId: undefined });
  assert.is(error.provider, "vault");
  assert.is(error.attempts, 2);
  assert.not.ok("keyId" in error);
});

test("withOutcome changes what is known, and returns the same error", () => {
  const error = new ProviderError("ERR_KMS_NOT_FOUND", "x");
  assert.is(withOutcome(error, "partial"), error);
  assert.is(error.outcome, "partial");
});

test("copyError: another error of the same family that says the same, but not of which operation", () => {
  class Special extends ConfigError {
    constructor(reason: string) {
      super("ERR_KMS_CREDENTIALS", `special ${reason}`);
    }
  }
  const cause = new NetworkError("ERR_KMS_TIMEOUT", "inner");
  for (const error of [
    new ConfigError("ERR_KMS_CREDENTIALS", "x", { problems: ["a", "b"], operation: "sign", provider: "aws", retryable: true, cause }),
    Object.freeze(new ProviderError("ERR_KMS_NOT_FOUND", "x", { status: 404, operation: "sign", outcome: "rejected", cause })),
    new Special("reason"),
  ]) {
    const copy = copyError(error);
    assert.is.not(copy, error);
    assert.is(Object.getPrototypeOf(copy), Object.getPrototypeOf(error));
    assert.is(copy.operation, undefined);
    assert.is(copy.cause, error.cause);
    const { operation: _, ...json } = error.toJSON();
    assert.equal(copy.toJSON(), json);
    assert.is(addErrorContext(copy, { operation: "verify" }).operation, "verify");
  }
});

test.run();
