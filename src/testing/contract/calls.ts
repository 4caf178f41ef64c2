/** Contract: calls can be aborted, many can run at once, and managers can share a provider. */
import { isKmsError } from "../../errors.js";
import type { KmsManager } from "../../kms/manager.js";
import type { ContractCase } from "../contract.js";
import { messageOf, versionsOf, type Bench } from "./bench.js";
import { expect, expectEqual } from "./expect.js";
import { algorithmsFor, defaultFor, digestFor, verifyHere } from "./facts.js";

export function callCases(bench: Bench): ContractCase[] {
  return [
    { name: "a call with an aborted signal sends nothing", run: () => abortsBefore(bench) },
    { name: "a call is aborted in flight", run: () => abortsInFlight(bench) },
    { name: "a signal that is not used leaves the call alone", run: () => leavesAlone(bench) },
    { name: "signBatch: each item has its own result", run: () => signsBatch(bench) },
    { name: "withKey: another key of the same service", run: () => speaksForAnotherKey(bench) },
    { name: "concurrent calls do not disturb each other", run: () => signsConcurrently(bench) },
    { name: "data is not changed, and a view of a larger buffer is signed as it is", run: () => leavesDataAlone(bench) },
  ];
}

/** Every operation on a manager that knows nothing yet. */
function operationsOf(bench: Bench): readonly (readonly [string, (kms: KmsManager, signal: AbortSignal) => Promise<unknown>])[] {
  const algorithm = defaultFor(bench.quick);
  const data = messageOf(1);
  return [
    ["sign", (kms, signal) => kms.sign(data, { algorithm, signal })],
    ["verify", (kms, signal) => kms.verify(data, { signature: new Uint8Array(64), algorithm }, { signal })],
    ["getPublicKey", (kms, signal) => kms.getPublicKey({ signal })],
    ["getKeyMetadata", (kms, signal) => kms.getKeyMetadata({ signal })],
    ["listKeyVersions", (kms, signal) => kms.listKeyVersions({ signal }).next()],
    ["needsRotation", (kms, signal) => kms.needsRotation({ intervalMs: 60_000, signal })],
    ["rotateKey", (kms, signal) => kms.rotateKey({ signal })],
    ["rotateIfNeeded", (kms, signal) => kms.rotateIfNeeded({ intervalMs: 60_000, signal })],
  ];
}

async function abortsBefore(bench: Bench): Promise<void> {
  const reason = new Error("the caller's own reason");
  for (const [operation, attempt] of operationsOf(bench)) {
    const kms = await bench.openShared(bench.quick);
    if (operation.startsWith("rotate") && !kms.supports("rotateKey")) continue;
    const error = await bench.refusedUnsent(() => attempt(kms, AbortSignal.abort(reason)), "ERR_KMS_ABORTED", `${operation} with an aborted signal`);
    expectEqual([error.cause, error.operation, error.retryable], [undefined, operation, false], "what the error says");
  }
  const results = await (await bench.openShared(bench.quick)).signBatch([{ data: messageOf(1) }], { signal: AbortSignal.abort(reason) });
  expect(results.every((result) => result.status === "rejected" && isKmsError(result.reason, "ERR_KMS_ABORTED")), "the items of an aborted batch to be rejected");
}

async function abortsInFlight(bench: Bench): Promise<void> {
  for (const [operation, attempt] of operationsOf(bench).filter(([name]) => !name.startsWith("rotate"))) {
    const kms = await bench.openShared(bench.quick);
    const controller = new AbortController();
    const attempted = attempt(kms, controller.signal);
    controller.abort(new Error("the caller's own reason"));
    const error = await bench.refused(() => attempted, "ERR_KMS_ABORTED", `${operation}, aborted in flight,`);
    expectEqual(error.cause, undefined, "the cause of an aborted call");
  }
}

/** A signal of a server's request serves many calls: it must not keep what they left, nor end what is over. */
async function leavesAlone(bench: Bench): Promise<void> {
  const kms = await bench.openShared(bench.quick);
  const controller = new AbortController();
  const data = messageOf(2);
  const signed = await kms.sign(data, { algorithm: defaultFor(bench.quick), signal: controller.signal });
  expect(await kms.verify(data, signed, { signal: controller.signal }), "a signature to verify under a signal that is not used");
  controller.abort();
  expect(await kms.verify(data, signed), "an aborted signal to leave other calls alone");
}

async function signsBatch(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const algorithm = defaultFor(bench.quick);
  const good = Array.from({ length: 20 }, (_, number) => ({ data: messageOf(number), ...(number % 2 === 0 ? { algorithm } : {}) }));
  const bad: never[] = [{ data: "text" }, { data: messageOf(1), algorithm: "none" }, {}, null, "text", { data: messageOf(1), unknown: 1 }] as never[];
  const items = [...good.slice(0, 10), ...bad, ...good.slice(10)];
  for (const concurrency of [undefined, 1, 64]) {
    const results = await kms.signBatch(items, concurrency === undefined ? {} : { concurrency });
    expectEqual(results.length, items.length, "the number of results");
    const failed = results.slice(10, 10 + bad.length);
    expect(failed.every((result) => result.status === "rejected" && isKmsError(result.reason, "ERR_KMS_INVALID_ARGUMENT")), "each wrong item to be refused");
    const signed = [...results.slice(0, 10), ...results.slice(10 + bad.length)];
    for (const [index, result] of signed.entries()) {
      expect(result.status === "fulfilled" && (await kms.verify(messageOf(index), result.value)), `item ${index} to be signed, in its place`);
    }
  }
  if (!bench.lacks("digest") && bench.quick !== "Ed25519") {
    const [result] = await kms.signBatch([{ data: await digestFor(algorithm, messageOf(3)), digest: true, algorithm }]);
    expect(result?.status === "fulfilled" && (await kms.verify(messageOf(3), result.value)), "a digest in a batch to be signed");
  }
}

async function speaksForAnotherKey(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const other = await bench.otherManagerOf(bench.quick);
  const algorithm = defaultFor(bench.quick);
  const twin = kms.withKey(other.keyId, { algorithm });
  expectEqual([twin.keyId, twin.provider], [other.keyId, kms.provider], "key and provider of a twin");
  const data = messageOf(4);
  const signed = await twin.sign(data);
  expect(signed.keyId === other.keyId && (await other.verify(data, signed)), "the other key to sign");
  const { keyVersion, ...claim } = signed;
  expect(!(await kms.verify(data, claim)), "the first manager still to speak for its own key");
  expectEqual(await twin.getPublicKey(), await other.getPublicKey(), "the public key of the twin");
  const pinned = kms.withKey(other.keyId, { keyVersion });
  expectEqual((await pinned.sign(data)).keyVersion, keyVersion, "the version of a pinned twin");
  await bench.refusedUnsent(async () => kms.withKey(other.keyId, { algorithm: "none" as never }), "ERR_KMS_CONFIG", "a twin with an unknown algorithm");
  await bench.refusedUnsent(async () => kms.withKey(other.keyId, { timeoutMs: 5 } as never), "ERR_KMS_CONFIG", "a twin with an unknown option");
}

async function signsConcurrently(bench: Bench): Promise<void> {
  const kms = await bench.openShared(bench.quick);
  const algorithm = defaultFor(bench.quick);
  const numbers = Array.from({ length: 40 }, (_, number) => number);
  const signed = await Promise.all(numbers.map((number) => kms.sign(messageOf(number), number % 2 === 0 ? { algorithm } : {})));
  const verified = await Promise.all(numbers.map((number) => kms.verify(messageOf(number), signed[number] as never)));
  expect(verified.every((answer) => answer === true), "40 signatures made at once to verify");
  const crossed = await Promise.all(numbers.map((number) => kms.verify(messageOf(number), signed[(number + 1) % 40] as never)));
  expect(crossed.every((answer) => answer === false), "each of them to be one over its own message only");
}

async function leavesDataAlone(bench: Bench): Promise<void> {
  const algorithm = algorithmsFor(bench.quick)[0] as never;
  const kms = await bench.managerOf(bench.quick);
  const buffer = messageOf(5);
  const before = buffer.slice();
  const view = buffer.subarray(3, 20);
  const signed = await kms.sign(view, { algorithm });
  const { spki } = await kms.getPublicKey();
  expect((await verifyHere(spki, algorithm, before.slice(3, 20), signed.signature)) !== false, "the view to be signed, and not the buffer behind it");
  expect(await kms.verify(view, signed), "the view to verify");
  expectEqual(buffer, before, "the caller's bytes");
  expectEqual((await versionsOf(kms)).length, 1, "versions of a key that was never rotated");
}
