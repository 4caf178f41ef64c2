import { test } from "uvu";
import * as assert from "uvu/assert";
import { isKmsError, NetworkError, ProviderError } from "../../src/errors.js";
import { setUp } from "../support/fake-provider.js";
import { rejects } from "../support/rejects.js";

function items(count: number): { data: Uint8Array<ArrayBuffer> }[] {
  return Array.from({ length: count }, (_, index) => ({ data: Uint8Array.of(index & 255, index >> 8) }));
}

test("results are in the order of the items, whatever comes back first", async () => {
  const { fake, kms } = await setUp("P-256", { manager: { algorithm: "ES256" } });
  let calls = 0;
  fake.before = async () => {
    calls += 1;
    for (let turns = 40 - calls; turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const batch = items(40);
  const results = await kms.signBatch(batch, { concurrency: 40 });
  assert.is(results.length, 40);
  for (const [index, result] of results.entries()) {
    assert.is(result.status, "fulfilled");
    if (result.status === "fulfilled") assert.is(await kms.verify(batch[index]?.data as never, result.value), true);
  }
});

for (const [concurrency, expected] of [[undefined, 8], [1, 1], [5, 5], [64, 40]] as const) {
  test(`requests in flight with concurrency ${concurrency}: at most ${expected}`, async () => {
    const { fake, kms } = await setUp("P-256", { manager: { algorithm: "ES256" } });
    let inFlight = 0;
    let most = 0;
    fake.before = async () => {
      most = Math.max(most, (inFlight += 1));
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
    };
    await kms.signBatch(items(40), concurrency === undefined ? {} : { concurrency });
    assert.is(most, expected);
    assert.is(fake.count("sign"), 40);
  });
}

test("one failure does not lose the others, and carries the batch's context", async () => {
  const { fake, kms, events } = await setUp("P-256", { manager: { algorithm: "ES256" } });
  let calls = 0;
  fake.before = () => {
    if ((calls += 1) % 3 === 0) throw new ProviderError("ERR_KMS_THROTTLED", "slow down", { status: 429, outcome: "rejected", retryable: true });
  };
  const results = await kms.signBatch(items(9), { concurrency: 1 });
  assert.equal(results.map(({ status }) => status), ["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled", "rejected"]);
  const { reason } = results[2] as PromiseRejectedResult;
  assert.ok(isKmsError(reason, "ERR_KMS_THROTTLED"));
  assert.is(reason.operation, "signBatch");
  assert.is(reason.keyId, "k");
  assert.is(reason.attempts, 1);
  assert.is(events.filter(({ type }) => type === "result").length, 9);
});

test("items have parameters of their own, and a wrong one is refused alone", async () => {
  const { fake, kms } = await setUp("P-256");
  const data = Uint8Array.of(1);
  const batch = [
    { data },
    { data, algorithm: "ES256", encoding: "der", lowS: true },
    { data: new Uint8Array(32), digest: true },
    { data: "text" },
    { data, digest: true },
    { data, algorithm: "none" },
    { data, timeoutMs: 5 },
    { data, signal: AbortSignal.abort() },
    { data, odd: 1 },
    null,
    undefined,
    7,
  ];
  const results = await kms.signBatch(batch as never);
  assert.equal(
    results.map((result) => (result.status === "fulfilled" ? result.value.encoding : (result.reason as { code: string }).code)),
    ["ieee-p1363", "der", "ieee-p1363", ...Array.from({ length: 9 }, () => "ERR_KMS_INVALID_ARGUMENT")],
  );
  for (const result of results) if (result.status === "rejected") assert.is((result.reason as NetworkError).operation, "signBatch");
  assert.is(fake.count("sign"), 3);
});

test("nothing to sign is no request; what is no batch is refused", async () => {
  const { fake, kms } = await setUp("P-256");
  assert.equal(await kms.signBatch([]), []);
  for (const batch of [undefined, null, "x", {}, { length: 1 }, new Set()]) await rejects(kms.signBatch(batch as never), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(kms.signBatch(items(10_001)), "ERR_KMS_INVALID_ARGUMENT");
  for (const concurrency of [0, -1, 65, 1.5, NaN, "8", null, Infinity, {}]) {
    const error = await rejects(kms.signBatch(items(1), { concurrency } as never), "ERR_KMS_INVALID_ARGUMENT");
    assert.is(error.operation, "signBatch");
  }
  assert.equal(fake.calls, []);
});

test("a list that is changed meanwhile is the list that was given", async () => {
  const { kms, fake } = await setUp("P-256", { manager: { algorithm: "ES256" } });
  const batch = items(5);
  fake.before = () => void (batch.length = 0);
  const results = await kms.signBatch(batch, { concurrency: 1 });
  assert.is(results.filter(({ status }) => status === "fulfilled").length, 5);
});

test("a signal that fires: what is done stays, the rest is aborted without a request", async () => {
  const { kms, fake } = await setUp("P-256", { manager: { algorithm: "ES256" } });
  const controller = new AbortController();
  fake.before = (_method, context) => {
    if (fake.count("sign") === 3) controller.abort();
    if (context.signal?.aborted === true) throw new NetworkError("ERR_KMS_ABORTED", "the call was aborted by its signal", { outcome: "unknown" });
  };
  const results = await kms.signBatch(items(20), { concurrency: 1, signal: controller.signal });
  assert.is(results.filter(({ status }) => status === "fulfilled").length, 2);
  assert.is(fake.count("sign"), 3);
  for (const result of results.slice(2)) assert.is((result as PromiseRejectedResult).reason.code, "ERR_KMS_ABORTED");
  assert.is((results.at(-1) as PromiseRejectedResult).reason.outcome, "not-sent");
});

test("each item has a deadline of its own", async () => {
  const { kms, fake } = await setUp("P-256", { manager: { algorithm: "ES256" } });
  const contexts = new Set<unknown>();
  fake.before = (_method, context) => void contexts.add(context);
  await kms.signBatch(items(5), { concurrency: 1, timeoutMs: 1_000 });
  assert.is(contexts.size, 5);
});

test.run();
