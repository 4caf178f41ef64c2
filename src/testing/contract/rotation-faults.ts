/** Contract: a change is sent once, unless it is known that nothing happened; the error says what is known. */
import type { KmsErrorCode } from "../../errors.js";
import type { KmsManager } from "../../kms/manager.js";
import type { ContractCase, ContractKeyType } from "../contract.js";
import type { Fault, RecordedRequest } from "../faults.js";
import { AT_ONCE, messageOf, versionsOf, type Bench } from "./bench.js";
import { expect, expectEqual } from "./expect.js";
import { defaultFor } from "./facts.js";
import { withFaults } from "./faults.js";

export function rotationFaultCases(bench: Bench): ContractCase[] {
  const keyType = bench.quickToRotate;
  if (keyType === undefined) return [];
  const cases: [string, () => Promise<void>][] = [
    ...(bench.subject.changes ?? []).flatMap((change, index): [string, () => Promise<void>][] => [
      [`rotateKey: ${change} is sent once when its answer is lost`, () => sendsOnce(bench, keyType, change, index === 0)],
      [`rotateKey: ${change} is repeated when nothing can have happened`, () => repeats(bench, keyType, change)],
      [`rotateKey: aborted while ${change} is on its way`, () => abortsOnTheWay(bench, keyType, change, index === 0)],
    ]),
    ["rotateKey: a failure before anything was sent says so", () => failsBefore(bench, keyType)],
    ["rotateKey: after a lost answer the key works", () => worksAfterwards(bench, keyType)],
  ];
  return cases.map(([name, run]) => ({ name, needs: "faults", run: () => withFaults(bench, run) }));
}

const isOne = (change: string) => (request: RecordedRequest): boolean => request.operation === change;

function open(bench: Bench, keyType: ContractKeyType): Promise<KmsManager> {
  return bench.openNew(keyType, { sleep: AT_ONCE });
}

/** Nobody knows whether the service did it, though it may have. */
const LOST: readonly (readonly [Fault, KmsErrorCode])[] = [
  [{ kind: "cut-after" }, "ERR_KMS_NETWORK"],
  [{ kind: "cut-before" }, "ERR_KMS_NETWORK"],
  [{ kind: "cut-body" }, "ERR_KMS_NETWORK"],
  [{ kind: "status", status: 500 }, "ERR_KMS_UNAVAILABLE"],
  [{ kind: "status", status: 504, handled: true }, "ERR_KMS_UNAVAILABLE"],
  [{ kind: "garbage", handled: true }, "ERR_KMS_RESPONSE_INVALID"],
  [{ kind: "garbage", body: "[]", handled: true }, "ERR_KMS_RESPONSE_INVALID"],
  [{ kind: "redirect" }, "ERR_KMS_REDIRECT"],
  [{ kind: "oversize", handled: true }, "ERR_KMS_TOO_LARGE"],
  [{ kind: "stall" }, "ERR_KMS_TIMEOUT"],
];

/** The first change alone leaves nothing half done. */
function expectOutcome(outcome: string, first: boolean, what: string): void {
  expect(outcome === "unknown" || (!first && outcome === "partial"), `outcome "unknown"${first ? "" : ' or "partial"'} of ${what}, and it is "${outcome}"`);
}

async function sendsOnce(bench: Bench, keyType: ContractKeyType, change: string, first: boolean): Promise<void> {
  for (const [fault, code] of LOST) {
    // The deadline is one for all steps: before a later change another step could be cut short by it.
    if (fault.kind === "stall" && !first) continue;
    const kms = await open(bench, keyType);
    const what = `rotateKey when ${change} meets ${JSON.stringify(fault)}`;
    bench.emulator.faults.inject({ ...fault, when: isOne(change) });
    const requests = await bench.requestsOf(async () => {
      const attempt = (): Promise<unknown> => kms.rotateKey(fault.kind === "stall" ? { timeoutMs: 500 } : {});
      const error = await bench.refused(attempt, code, what);
      expectOutcome(error.outcome, first, what);
      expectEqual([error.operation, error.keyId], ["rotateKey", kms.keyId], `what the error of ${what} says`);
      const lost = code === "ERR_KMS_NETWORK" || code === "ERR_KMS_TIMEOUT";
      if (lost) expectEqual(error.retryable, false, "retryable of a change that may have happened");
    });
    expectEqual(requests.filter(isOne(change)).length, 1, `requests ${change} of ${what}`);
    bench.emulator.faults.clear();
  }
}

async function repeats(bench: Bench, keyType: ContractKeyType, change: string): Promise<void> {
  const undisturbed = await open(bench, keyType);
  const usual = (await bench.requestsOf(() => undisturbed.rotateKey())).filter(isOne(change)).length;
  for (const fault of [{ kind: "throttle", times: 2 }, { kind: "refuse", times: 2 }] as const) {
    const kms = await open(bench, keyType);
    bench.emulator.faults.inject({ ...fault, when: isOne(change) });
    const requests = await bench.requestsOf(async () => expectEqual((await kms.rotateKey()).status, "done", `a rotation after ${fault.kind}`));
    expectEqual(requests.filter(isOne(change)).length, usual + 2, `requests ${change} after two of ${fault.kind}`);
    expectEqual((await versionsOf(kms)).length, 2, "versions after it");
  }
}

async function abortsOnTheWay(bench: Bench, keyType: ContractKeyType, change: string, first: boolean): Promise<void> {
  const kms = await open(bench, keyType);
  const controller = new AbortController();
  const abortSoon = (request: RecordedRequest): boolean => {
    if (isOne(change)(request)) setTimeout(() => controller.abort(), 1);
    return isOne(change)(request);
  };
  bench.emulator.faults.inject({ kind: "stall", when: abortSoon });
  const error = await bench.refused(() => kms.rotateKey({ signal: controller.signal }), "ERR_KMS_ABORTED", `rotateKey, aborted at ${change},`);
  expectOutcome(error.outcome, first, "an aborted rotation");
}

/** Reads come before the change, or the change itself is refused. */
async function failsBefore(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await open(bench, keyType);
  const changes = bench.subject.changes ?? [];
  const times = Number.POSITIVE_INFINITY;
  bench.emulator.faults.inject({ kind: "status", status: 500, times, when: ({ operation }) => !changes.includes(operation) });
  bench.emulator.faults.inject({ kind: "throttle", times });
  const requests = await bench.requestsOf(async () => {
    const error = await bench.refused(() => kms.rotateKey(), ["ERR_KMS_UNAVAILABLE", "ERR_KMS_THROTTLED"], "rotateKey at a service that is down");
    const wanted = error.code === "ERR_KMS_THROTTLED" ? "rejected" : "not-sent";
    expectEqual([error.outcome, error.retryable], [wanted, true], "outcome and retryable");
  });
  expectEqual(requests.length, 3, "requests of a rotation that gave up");
  bench.emulator.faults.clear();
  expectEqual((await versionsOf(kms)).length, 1, "versions after it");
}

async function worksAfterwards(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await open(bench, keyType);
  const change = bench.subject.changes?.at(-1);
  if (change === undefined) return;
  const algorithm = defaultFor(keyType);
  const before = await kms.sign(messageOf(1));
  bench.emulator.faults.inject({ kind: "cut-after", when: isOne(change) });
  await bench.refused(() => kms.rotateKey(), "ERR_KMS_NETWORK", "rotateKey with a lost answer");
  const after = await kms.sign(messageOf(2), { algorithm });
  expect(after.keyVersion !== before.keyVersion, "the rotation to have happened, and the next signature to show it");
  expect((await kms.verify(messageOf(1), before)) && (await kms.verify(messageOf(2), after)), "both signatures to verify");
  const versions = await versionsOf(kms);
  expectEqual(versions.filter(({ current }) => current).map(({ keyVersion }) => keyVersion), [after.keyVersion], "the current version");
}
