import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ConfigError } from "../../src/errors.js";
import { createManager, KmsManager } from "../../src/kms/manager.js";
import type { ManagerOptions } from "../../src/kms/options.js";
import type { KmsProvider } from "../../src/kms/provider.js";
import { readOptions, throwProblems } from "../../src/options.js";
import { createFake, setUp } from "../support/fake-provider.js";
import { TOKEN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";
import { assertNoSecret } from "../support/run-send.js";

const fake = createFake({ rule: (algorithm) => (algorithm === "ES256K" ? undefined : { messageMaxBytes: 10, digest: true }) });

async function problemsOf(options: unknown, provider: unknown): Promise<readonly string[]> {
  const error = await rejects(() => new KmsManager(provider as KmsProvider, options as ManagerOptions), "ERR_KMS_CONFIG");
  return (error as ConfigError).problems;
}

test("what a manager takes", () => {
  const hasher = { digest: () => Uint8Array.of(1), hmacSha256: () => () => Uint8Array.of(1) };
  const all: ManagerOptions = { keyId: "k", keyVersion: "1", algorithm: "EdDSA", rotation: { intervalMs: 60_000 }, timeoutMs: 1, onEvent() {}, hasher, now: Date.now, sleep: async () => {}, random: Math.random };
  const kms = new KmsManager(fake.provider, all);
  assert.is(kms.keyId, "k");
  assert.is(kms.provider, "fake");
  new KmsManager(fake.provider, { keyId: "k", keyVersion: undefined, algorithm: undefined, timeoutMs: 2 ** 31 - 1 });
  assert.equal(fake.calls, [], "nothing is sent");
});

test("every problem at once", async () => {
  const problems = await problemsOf({ keyId: "K 1", keyVersion: "x", algorithm: "RS255", rotation: { intervalMs: 5 }, timeoutMs: 0, onEvent: 1, now: "x", sleep: {}, random: [], hasher: null, retries: 3 }, fake.provider);
  assert.equal(problems, [
    "unknown option \"retries\"; known are keyId, keyVersion, algorithm, rotation, timeoutMs, onEvent, hasher, now, sleep, random",
    "algorithm must be a JOSE name, such as ES256",
    "rotation must be { intervalMs } of at least 60000",
    "timeoutMs must be from 1 to 2147483647",
    "onEvent must be a function",
    "now must be a function",
    "sleep must be a function",
    "random must be a function",
    "hasher must be a Hasher",
    "keyId must be letters",
    "keyVersion must be a number",
  ]);
});

for (const [what, options, problem] of [
  ["no options", undefined, "keyId must be a string"],
  ["null", null, "options must be an object"],
  ["a list", [], "options must be an object"],
  ["a key that is no text", { keyId: 7 }, "keyId must be a string"],
  ["a version that is no text", { keyId: "k", keyVersion: 1 }, "keyVersion must be a string"],
  ["an algorithm the service does not have", { keyId: "k", algorithm: "ES256K" }, "algorithm ES256K is not offered by fake"],
  ["an algorithm called __proto__", { keyId: "k", algorithm: "__proto__" }, "must be a JOSE name"],
  ["an algorithm that cannot be printed", { keyId: "k", algorithm: Object.create(null) }, "algorithm must be a JOSE name"],
  ["an algorithm that is null", { keyId: "k", algorithm: null }, "algorithm must be a JOSE name"],
  ["an endless time", { keyId: "k", timeoutMs: Infinity }, "timeoutMs"],
  ["more than a timer holds", { keyId: "k", timeoutMs: 2 ** 31 }, "timeoutMs"],
  ["a time that is no number", { keyId: "k", timeoutMs: NaN }, "timeoutMs"],
  ["a time as text", { keyId: "k", timeoutMs: "5" }, "timeoutMs"],
  ["a rotation with more in it", { keyId: "k", rotation: { intervalMs: 60_000, jitterMs: 5 } }, "rotation must be"],
  ["an endless rotation", { keyId: "k", rotation: { intervalMs: Infinity } }, "rotation must be"],
  ["a rotation that is null", { keyId: "k", rotation: null }, "rotation must be"],
  ["half a hasher", { keyId: "k", hasher: { digest() {} } }, "hasher must be"],
] as const) {
  test(`refused: ${what}`, async () => {
    assert.ok((await problemsOf(options, fake.provider)).some((each) => each.includes(problem)));
  });
}

test("a provider that is none, or incomplete", async () => {
  for (const provider of [undefined, null, "aws", {}, { ...fake.provider, sign: undefined }, { ...fake.provider, name: 7 }]) {
    const problems = await problemsOf({ keyId: "k", timeoutMs: 0 }, provider);
    assert.match(problems[0] as string, "KmsProvider");
    assert.is(problems.length, 2, "and what is wrong besides");
  }
});

test("a polluted Object.prototype is no option", () => {
  const pollution = { algorithm: "none", timeoutMs: -1, rotation: 7, keyVersion: "evil", hasher: 7 };
  Object.assign(Object.prototype, pollution);
  try {
    new KmsManager(fake.provider, { keyId: "k" });
    createManager({ keyId: "k" }, ["now"], () => fake.provider);
  } finally {
    for (const name of Object.keys(pollution)) delete (Object.prototype as Record<string, unknown>)[name];
  }
});

test("createManager: the problems of provider and manager together, none twice", async () => {
  const create = (options: object): KmsProvider => {
    const problems: string[] = [];
    const read = readOptions(options, ["region", "now"], problems);
    if (read.region === undefined) problems.push("region must be given");
    if (typeof read.now !== "function") problems.push("now must be a function");
    throwProblems(problems);
    return fake.provider;
  };
  const error = await rejects(() => createManager({ keyId: "k", now: 7, timeoutMs: 0, algorithm: "x", odd: 1 }, ["region", "now"], create), "ERR_KMS_CONFIG");
  const { problems } = error as ConfigError;
  assert.is(problems.length, 5);
  for (const part of ['unknown option "odd"', "region must be given", "now must be a function", "algorithm must be", "timeoutMs must be"]) assert.is(problems.filter((problem) => problem.includes(part)).length, 1, part);
  const kms = createManager({ keyId: "k", region: "r", now: Date.now }, ["region", "now"], create);
  assert.is(kms.keyId, "k");
});

test("createManager lets other failures of a provider through", async () => {
  const failure = new TypeError("x");
  assert.throws(() => createManager({ keyId: "k" }, [], () => { throw failure; }), (error: unknown) => error === failure);
});

test("inspecting or printing a manager shows nothing of what is in it", async () => {
  const { kms } = await setUp("P-256", { manager: { keyId: "k" } });
  Object.assign(kms, {});
  const provider = { ...createFake().provider, token: TOKEN };
  const other = new KmsManager(provider, { keyId: "k" });
  assertNoSecret(kms, other);
  assert.is(inspect(other, { depth: Infinity, showHidden: true }).includes("token"), false);
  assert.is(JSON.stringify(other), "{}");
});

test("supports: what no key of the service can do is false", () => {
  const kms = new KmsManager(fake.provider, { keyId: "k" });
  for (const operation of ["sign", "signBatch", "verify", "getPublicKey", "getKeyMetadata", "listKeyVersions", "needsRotation", "rotateKey", "rotateIfNeeded"] as const) assert.is(kms.supports(operation), true, operation);
  assert.is(kms.supports("sign", "ES256"), true);
  assert.is(kms.supports("sign", "EdDSA"), true);
  for (const algorithm of ["ES256K", "HS256", "none", "__proto__", "", null as never]) assert.is(kms.supports("sign", algorithm), false, String(algorithm));
  for (const operation of ["encrypt", "wrapKey", "constructor", "", undefined]) assert.is(kms.supports(operation as never), false);
  const still = new KmsManager(createFake({ withoutRotate: true }).provider, { keyId: "k" });
  assert.is(still.supports("rotateKey"), false);
  assert.is(still.supports("rotateIfNeeded"), false);
  assert.is(still.supports("needsRotation"), true);
});

const CALLS: readonly (readonly [string, (kms: KmsManager, options: unknown) => Promise<unknown>])[] = [
  ["sign", (kms, options) => kms.sign(Uint8Array.of(1), options as never)],
  ["signBatch", (kms, options) => kms.signBatch([], options as never)],
  ["verify", (kms, options) => kms.verify(Uint8Array.of(1), { signature: Uint8Array.of(1) }, options as never)],
  ["getPublicKey", (kms, options) => kms.getPublicKey(options as never)],
  ["getKeyMetadata", (kms, options) => kms.getKeyMetadata(options as never)],
  ["listKeyVersions", async (kms, options) => { for await (const _ of kms.listKeyVersions(options as never)); }],
  ["rotateKey", (kms, options) => kms.rotateKey(options as never)],
  ["needsRotation", (kms, options) => kms.needsRotation(options as never)],
  ["rotateIfNeeded", (kms, options) => kms.rotateIfNeeded(options as never)],
];

for (const [operation, call] of CALLS) {
  test(`${operation}: a wrong option of a call is refused before anything is asked, with the call's context`, async () => {
    const { fake: own, kms } = await setUp("P-256");
    for (const options of [{ timeout: 5 }, { timeoutMs: 0 }, { timeoutMs: "5" }, { signal: {} }, { signal: null }, { signal: "x" }, null, 7, []]) {
      const error = await rejects(call(kms, options), "ERR_KMS_INVALID_ARGUMENT");
      assert.is(error.operation, operation);
      assert.is(error.provider, "fake");
      assert.is(error.keyId, "k");
      assert.is(error.attempts, 0);
      assert.is(error.outcome, "not-sent");
    }
    assert.equal(own.calls, []);
  });

  test(`${operation}: a signal that fired before is an abort without a request`, async () => {
    if (operation === "signBatch") return;
    const { fake: own, kms, events } = await setUp("P-256");
    const error = await rejects(call(kms, { signal: AbortSignal.abort(new Error(TOKEN)), ...(operation.includes("otat") && operation !== "rotateKey" ? { intervalMs: 60_000 } : {}) }), "ERR_KMS_ABORTED");
    assertNoSecret(error);
    assert.is(error.operation, operation);
    assert.is(error.outcome, "not-sent");
    assert.equal(own.calls, []);
    assert.equal(events.map(({ type }) => type), ["result"]);
  });
}

test("wrong arguments of each call", async () => {
  const { fake: own, kms } = await setUp("P-256");
  const data = Uint8Array.of(1);
  for (const bad of [undefined, null, "text", [1], new ArrayBuffer(1), new Uint16Array(1), { length: 1 }]) {
    await rejects(kms.sign(bad as never), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(kms.verify(bad as never, { signature: data }), "ERR_KMS_INVALID_ARGUMENT");
  }
  for (const claim of [undefined, null, "x", data, {}, { signature: "x" }, { signature: [1] }]) await rejects(kms.verify(data, claim as never), "ERR_KMS_INVALID_ARGUMENT");
  for (const options of [{ algorithm: "RS255" }, { algorithm: 7 }, { digest: "yes" }, { lowS: 1 }, { encoding: "raw" }, { encoding: 7 }]) await rejects(kms.sign(data, options as never), "ERR_KMS_INVALID_ARGUMENT");
  for (const options of [{ digest: 1 }, { remote: "yes" }]) await rejects(kms.verify(data, { signature: data }, options as never), "ERR_KMS_INVALID_ARGUMENT");
  for (const keyVersion of [7, "x", ""]) await rejects(kms.getPublicKey({ keyVersion } as never), "ERR_KMS_INVALID_ARGUMENT");
  for (const include of ["tags", ["keys"], [7], {}]) await rejects(kms.getKeyMetadata({ include } as never), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(kms.listKeyVersions({ include: ["tags"] } as never).next(), "ERR_KMS_INVALID_ARGUMENT");
  for (const policy of [7, {}, "x".repeat(131_073)]) await rejects(kms.rotateKey({ policy } as never), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(kms.rotateIfNeeded({ intervalMs: 60_000, allowFrequent: "yes" } as never), "ERR_KMS_INVALID_ARGUMENT");
  assert.equal(own.calls, []);
});

test.run();
