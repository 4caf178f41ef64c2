/** Contract: how many requests are sent, and what a disturbed one leads to: a repetition that helps, or an error of its own type. */
import type { KmsErrorCode } from "../../errors.js";
import type { KmsManager } from "../../kms/manager.js";
import type { ContractCase, ContractKeyType, ContractOptions } from "../contract.js";
import type { Fault } from "../faults.js";
import { AT_ONCE, messageOf, versionsOf, type Bench } from "./bench.js";
import { expect, expectEqual } from "./expect.js";
import { defaultFor, verifyHere } from "./facts.js";

export function faultCases(bench: Bench): ContractCase[] {
  const cases: [string, () => Promise<void>][] = [
    ...bench.subject.keyTypes.map((keyType): [string, () => Promise<void>] => [`${keyType}: one request a signature`, () => countsRequests(bench, keyType)]),
    ["1,000 concurrent readers of a public key send one request", () => sharesOneRequest(bench)],
    ...OPERATIONS.flatMap((operation): [string, () => Promise<void>][] => [
      [`${operation.name}: survives what passes`, () => survives(bench, operation)],
      [`${operation.name}: what cannot be believed is a typed error`, () => refuses(bench, operation)],
      [`${operation.name}: ends at its deadline`, () => timesOut(bench, operation)],
      [`${operation.name}: is aborted while it waits`, () => abortsWaiting(bench, operation)],
    ]),
  ];
  return cases.map(([name, run]) => ({ name, needs: "faults", run: () => withFaults(bench, run) }));
}

/** Whatever happens, no fault is left for the next case. */
export async function withFaults(bench: Bench, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } finally {
    bench.emulator.faults.clear();
  }
}

type Run = (kms: KmsManager, options: { readonly signal?: AbortSignal; readonly timeoutMs?: number }) => Promise<void>;

interface Operation {
  readonly name: string;
  /** Does what must be done before a fault is injected; the result checks what it gets. */
  prepare(bench: Bench): Promise<Run>;
}

const OPERATIONS: readonly Operation[] = [
  {
    name: "sign",
    async prepare(bench) {
      const { spki } = await (await bench.managerOf(bench.quick)).getPublicKey();
      return async (kms, options) => {
        const { algorithm, signature } = await kms.sign(messageOf(1), options);
        expect((await verifyHere(spki, algorithm, messageOf(1), signature)) !== false, "a good signature");
      };
    },
  },
  {
    name: "verify",
    async prepare(bench) {
      const signed = await (await bench.managerOf(bench.quick)).sign(messageOf(2));
      const remote = !bench.lacks("verify");
      return async (kms, options) => expect(await kms.verify(messageOf(2), signed, { ...options, remote }), "the signature to verify");
    },
  },
  {
    name: "getPublicKey",
    async prepare(bench) {
      const wanted = await (await bench.managerOf(bench.quick)).getPublicKey();
      return async (kms, options) => expectEqual(await kms.getPublicKey(options), wanted, "the public key");
    },
  },
  {
    name: "getKeyMetadata",
    async prepare(bench) {
      const wanted = await (await bench.managerOf(bench.quick)).getKeyMetadata();
      return async (kms, options) => expectEqual(await kms.getKeyMetadata(options), wanted, "metadata");
    },
  },
  {
    name: "listKeyVersions",
    async prepare(bench) {
      const wanted = await versionsOf(await bench.managerOf(bench.quick));
      return async (kms, options) => {
        const versions = [];
        for await (const version of kms.listKeyVersions(options)) versions.push(version);
        expectEqual(versions, wanted, "the versions");
      };
    },
  },
];

/** Algorithm and version given, so that nothing has to be read before a signature; and without waits, for which time could be short. */
async function openPinned(bench: Bench, options: ContractOptions = {}): Promise<KmsManager> {
  const { keyVersion } = await (await bench.managerOf(bench.quick)).getPublicKey();
  return bench.openShared(bench.quick, { algorithm: defaultFor(bench.quick), keyVersion, sleep: AT_ONCE, random: () => 0, ...options });
}

async function countsRequests(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const algorithm = defaultFor(keyType);
  const { keyVersion } = await (await bench.managerOf(keyType)).getPublicKey();
  const count = async (task: () => Promise<unknown>): Promise<number> => (await bench.requestsOf(task)).length;
  const kms = await bench.openShared(keyType);
  const first = bench.subject.signsByVersion === true ? 2 : 1;
  for (const [number, wanted] of [first, 1, 1].entries()) {
    expectEqual(await count(() => kms.sign(messageOf(number), { algorithm })), wanted, `requests for signature ${number + 1} with an algorithm`);
  }
  const pinned = await bench.openShared(keyType, { keyVersion, algorithm });
  for (const number of [1, 2]) {
    expectEqual(await count(() => pinned.sign(messageOf(number))), 1, `requests for signature ${number} with algorithm and version configured`);
  }
  const learning = await bench.openShared(keyType);
  for (const [number, wanted] of [2, 1, 1].entries()) {
    expectEqual(await count(() => learning.sign(messageOf(number))), wanted, `requests for signature ${number + 1} without an algorithm`);
  }
  const signed = await learning.sign(messageOf(4));
  const local = (await verifyHere((await learning.getPublicKey()).spki, algorithm, messageOf(4), signed.signature)) !== undefined;
  if (local) expectEqual(await count(() => learning.verify(messageOf(4), signed)), 0, "requests to verify with a key that is known");
}

async function sharesOneRequest(bench: Bench): Promise<void> {
  const kms = await bench.openShared(bench.quick);
  const requests = await bench.requestsOf(async () => {
    const keys = await Promise.all(Array.from({ length: 1_000 }, () => kms.getPublicKey()));
    expect(new Set(keys.map(({ jwk }) => jwk.kid)).size === 1, "the same key for all");
  });
  expectEqual(requests.length, 1, "requests for 1,000 readers at once");
}

/** Each costs as many further requests as it hits. */
const PASSING: readonly (readonly [string, Fault])[] = [
  ["throttled twice", { kind: "throttle", times: 2 }],
  ["status 500", { kind: "status", status: 500 }],
  ["status 502 with a page", { kind: "status", status: 502, body: "<html>", times: 2 }],
  ["status 503", { kind: "status", status: 503 }],
  ["status 504", { kind: "status", status: 504 }],
  ["a refused connection", { kind: "refuse", times: 2 }],
  ["a connection cut before the service did it", { kind: "cut-before" }],
  ["a connection cut after the service did it", { kind: "cut-after", times: 2 }],
  ["an answer cut in its body", { kind: "cut-body" }],
  ["a page of a portal", { kind: "garbage" }],
  ["half of a JSON text", { kind: "garbage", body: '{"a":' }],
];

async function survives(bench: Bench, operation: Operation): Promise<void> {
  const run = await operation.prepare(bench);
  const undisturbed = await openPinned(bench);
  const usual = (await bench.requestsOf(() => run(undisturbed, {}))).length;
  for (const [what, fault] of PASSING) {
    const kms = await openPinned(bench);
    bench.emulator.faults.inject(fault);
    const requests = await bench.requestsOf(() => run(kms, {}));
    expectEqual(requests.length - usual, fault.times ?? 1, `further requests after ${what}`);
  }
  for (const kind of stallsOf(operation)) {
    const kms = await openPinned(bench);
    bench.emulator.faults.inject({ kind });
    const requests = await bench.requestsOf(() => run(kms, { timeoutMs: 600 })); // half of it is left for the repetition
    expect(requests.length > usual, `a repetition after ${kind}`);
  }
}

/** Waiting is slow, so only one operation stalls in the body too. */
function stallsOf({ name }: Operation): readonly ("stall" | "stall-body")[] {
  return name === "sign" ? ["stall", "stall-body"] : ["stall"];
}

/** Faults that hit every request; the code of the error, and the requests that it took. */
const LASTING: readonly (readonly [Fault, KmsErrorCode, number])[] = [
  ...[301, 302, 303, 307, 308, 0].map((status) => [{ kind: "redirect", status } as const, "ERR_KMS_REDIRECT", 1] as const),
  ...[304, 600, 999].map((status) => [{ kind: "status", status, body: null } as const, "ERR_KMS_RESPONSE_INVALID", 1] as const),
  ...[204, 205].map((status) => [{ kind: "status", status, body: null } as const, "ERR_KMS_RESPONSE_INVALID", 1] as const),
  [{ kind: "oversize" }, "ERR_KMS_TOO_LARGE", 1],
  [{ kind: "oversize", bytes: 2_000_000 }, "ERR_KMS_TOO_LARGE", 1],
  [{ kind: "oversize", status: 500 }, "ERR_KMS_TOO_LARGE", 1],
  [{ kind: "garbage" }, "ERR_KMS_RESPONSE_INVALID", 3],
  ...["", "null", "[]", '"text"', "5", "true", "{}", '{"data":null}', '{"data":{}}', '{"value":[{}]}', '{"__proto__":{}}'].map(
    (body) => [{ kind: "garbage", body } as const, "ERR_KMS_RESPONSE_INVALID", 1] as const,
  ),
  [{ kind: "throttle" }, "ERR_KMS_THROTTLED", 3],
  [{ kind: "throttle", headers: { "retry-after": "3600" } }, "ERR_KMS_THROTTLED", 1],
  [{ kind: "status", status: 500 }, "ERR_KMS_UNAVAILABLE", 3],
  [{ kind: "cut-before" }, "ERR_KMS_NETWORK", 3],
  [{ kind: "refuse" }, "ERR_KMS_NETWORK", 3],
  [{ kind: "cut-body" }, "ERR_KMS_NETWORK", 3],
  [{ kind: "refuse", code: "CERT_HAS_EXPIRED" }, "ERR_KMS_TLS", 1],
];

async function refuses(bench: Bench, { name, prepare }: Operation): Promise<void> {
  const run = await prepare(bench);
  for (const [fault, code, wanted] of LASTING) {
    const kms = await openPinned(bench);
    const what = `${name} under ${JSON.stringify(fault)}`;
    bench.emulator.faults.inject({ ...fault, times: Number.POSITIVE_INFINITY });
    const requests = await bench.requestsOf(async () => {
      const error = await bench.refused(() => run(kms, {}), code, what);
      const { provider, operation, keyId, attempts } = error;
      expectEqual({ provider, operation, keyId, attempts }, { provider: kms.provider, operation: name, keyId: kms.keyId, attempts: wanted }, `what the error of ${what} says`);
    });
    expectEqual(requests.length, wanted, `requests of ${what}`);
    bench.emulator.faults.clear();
    if (code !== "ERR_KMS_THROTTLED") await run(kms, {}); // an error is not remembered
  }
}

async function timesOut(bench: Bench, operation: Operation): Promise<void> {
  const { name } = operation;
  const run = await operation.prepare(bench);
  for (const kind of stallsOf(operation)) {
    const kms = await openPinned(bench);
    bench.emulator.faults.inject({ kind, times: Number.POSITIVE_INFINITY });
    const requests = await bench.requestsOf(async () => {
      const error = await bench.refused(() => run(kms, { timeoutMs: 300 }), "ERR_KMS_TIMEOUT", `${name} without an answer`);
      expectEqual([error.operation, error.retryable], [name, true], "what the error says");
    });
    expect(requests.length >= 2, "a repetition when half of the time is over");
    bench.emulator.faults.clear();
  }
}

async function abortsWaiting(bench: Bench, { name, prepare }: Operation): Promise<void> {
  const run = await prepare(bench);
  for (const kind of ["stall", "stall-body"] as const) {
    const kms = await openPinned(bench);
    const controller = new AbortController();
    const abortSoon = (): true => (setTimeout(() => controller.abort(new Error("the caller's own reason")), 1), true);
    bench.emulator.faults.inject({ kind, times: Number.POSITIVE_INFINITY, when: abortSoon });
    const error = await bench.refused(() => run(kms, { signal: controller.signal }), "ERR_KMS_ABORTED", `${name}, aborted while it waits for an answer,`);
    expectEqual([error.attempts, error.cause], [1, undefined], "requests and cause of an aborted call");
    bench.emulator.faults.clear();
  }
  const controller = new AbortController();
  const kms = await openPinned(bench, { sleep: () => (controller.abort(), new Promise(() => {})) });
  bench.emulator.faults.inject({ kind: "throttle", times: Number.POSITIVE_INFINITY });
  await bench.refused(() => run(kms, { signal: controller.signal }), "ERR_KMS_ABORTED", `${name}, aborted in the wait before a repetition,`);
}
