/** Contract: what cannot be right is refused before any request. */
import type { KmsManager } from "../../kms/manager.js";
import type { ContractCase } from "../contract.js";
import { messageOf, versionsOf, type Bench } from "./bench.js";
import { expect, expectEqual } from "./expect.js";
import { defaultFor } from "./facts.js";

export function argumentCases(bench: Bench): ContractCase[] {
  return [
    { name: "sign: data that is no Uint8Array is refused", run: () => refusesData(bench) },
    { name: "sign: an unknown algorithm, encoding or option is refused", run: () => refusesSignOptions(bench) },
    { name: "signBatch: what is no batch is refused", run: () => refusesBatches(bench) },
    { name: "every operation checks signal, timeoutMs and names of options", run: () => refusesCallOptions(bench) },
    { name: "an inherited option counts for nothing", run: () => ignoresInherited(bench) },
    { name: "a version in another form than the service's is refused", run: () => refusesVersions(bench) },
    { name: "a hostile key id is refused when the manager is made", run: () => refusesKeyIds(bench) },
    { name: "supports agrees with what is done", run: () => supportsWhatIsDone(bench) },
  ];
}

async function refusesData(bench: Bench): Promise<void> {
  const kms = await bench.openShared(bench.quick);
  const bytes = messageOf(1);
  const values: unknown[] = ["text", "", undefined, null, 5, true, {}, [1, 2], bytes.buffer, new DataView(bytes.buffer), new Uint16Array(4), { length: 2, 0: 1, 1: 2 }];
  for (const data of values) {
    for (const digest of [false, true]) {
      const error = await bench.refusedUnsent(() => kms.sign(data as never, { algorithm: defaultFor(bench.quick), digest }), "ERR_KMS_INVALID_ARGUMENT", `data of type ${typeof data}`);
      expect(typeof error.hint === "string", "a hint that says how text becomes bytes");
    }
  }
}

async function refusesSignOptions(bench: Bench): Promise<void> {
  const kms = await bench.openShared(bench.quick);
  const data = messageOf(2);
  const algorithms: unknown[] = ["RS1", "none", "HS256", "rs256", "", "ES256 ", "__proto__", "constructor", "toString", 5, null, {}, ["ES256"]];
  const options: unknown[] = [
    ...algorithms.map((algorithm) => ({ algorithm })),
    { encoding: "hex" },
    { encoding: "raw" },
    { encoding: null },
    { digest: "yes" },
    { lowS: 1 },
    { algorithm: defaultFor(bench.quick), keyVersion: "1" },
    { algoritm: "ES256" },
    "ES256",
    null,
    [],
  ];
  for (const option of options) {
    await bench.refusedUnsent(() => kms.sign(data, option as never), "ERR_KMS_INVALID_ARGUMENT", `signing with ${JSON.stringify(option)}`);
  }
}

async function refusesBatches(bench: Bench): Promise<void> {
  const kms = await bench.openShared(bench.quick);
  const item = { data: messageOf(3) };
  for (const items of [undefined, null, "text", {}, { length: 1, 0: item }, new Array(10_001).fill(item)]) {
    await bench.refusedUnsent(() => kms.signBatch(items as never), "ERR_KMS_INVALID_ARGUMENT", "a batch that is no list, or too long");
  }
  for (const concurrency of [0, -1, 1.5, 65, Number.NaN, "8"]) {
    await bench.refusedUnsent(() => kms.signBatch([item], { concurrency: concurrency as never }), "ERR_KMS_INVALID_ARGUMENT", `concurrency ${String(concurrency)}`);
  }
  expectEqual(await kms.signBatch([]), [], "the result of an empty batch");
}

/** Each operation as a call with options. */
async function operations(kms: KmsManager): Promise<readonly (readonly [string, (options: never) => Promise<unknown>])[]> {
  const data = messageOf(4);
  const signed = await kms.sign(data);
  return [
    ["sign", (options) => kms.sign(data, options)],
    ["signBatch", (options) => kms.signBatch([{ data }], options)],
    ["verify", (options) => kms.verify(data, signed, options)],
    ["getPublicKey", (options) => kms.getPublicKey(options)],
    ["getKeyMetadata", (options) => kms.getKeyMetadata(options)],
    ["listKeyVersions", (options) => kms.listKeyVersions(options).next()],
    ["rotateKey", (options) => kms.rotateKey(options)],
    ["needsRotation", (options) => kms.needsRotation(options)],
    ["rotateIfNeeded", (options) => kms.rotateIfNeeded(options)],
  ];
}

async function refusesCallOptions(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const wrong: unknown[] = [
    ...[0, -1, 0.5, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, "5", null].map((timeoutMs) => ({ timeoutMs })),
    ...["signal", {}, null, new AbortController()].map((signal) => ({ signal })),
    { timeout: 5 },
    { __unknown: true },
    "text",
    null,
    [],
  ];
  for (const [operation, attempt] of await operations(kms)) {
    for (const options of wrong) {
      await bench.refusedUnsent(() => attempt(options as never), "ERR_KMS_INVALID_ARGUMENT", `${operation} with options ${JSON.stringify(options)}`);
    }
  }
  for (const include of ["tags", ["states"], [5], null, { 0: "tags" }]) {
    await bench.refusedUnsent(() => kms.getKeyMetadata({ include: include as never }), "ERR_KMS_INVALID_ARGUMENT", "an include that is no list of parts");
    await bench.refusedUnsent(() => versionsOfWith(kms, include), "ERR_KMS_INVALID_ARGUMENT", "an include that is no list of parts");
  }
}

async function versionsOfWith(kms: KmsManager, include: unknown): Promise<unknown> {
  return kms.listKeyVersions({ include: include as never }).next();
}

/** As from a polluted prototype, but without polluting anything. */
async function ignoresInherited(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const data = messageOf(5);
  const options = Object.create({ digest: true, algorithm: "none", timeoutMs: -1, unknown: true }) as object;
  const signed = await kms.sign(data, options);
  expect(await kms.verify(data, signed, Object.create({ digest: true }) as object), "inherited options to be ignored");
}

async function refusesVersions(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  for (const keyVersion of ["", "..", "../x", "1/2", "1?x=y", "1\n", "%31", " ", "x".repeat(1_048_576), 1, null, ["1"]]) {
    await bench.refusedUnsent(() => kms.getPublicKey({ keyVersion: keyVersion as never }), "ERR_KMS_INVALID_ARGUMENT", `version ${JSON.stringify(keyVersion)?.slice(0, 40)}`);
    await bench.refusedUnsent(async () => bench.open(kms.keyId, { keyVersion: keyVersion as never }), "ERR_KMS_CONFIG", `a manager of version ${JSON.stringify(keyVersion)?.slice(0, 40)}`);
  }
}

async function refusesKeyIds(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const ids: unknown[] = ["", "..", "../x", "a/../b", "a?b=c", "a#b", "a%2fb", "a b", "a\0", "a\r\nx: y", "\ud800", "//host/a", "https://another.example/a", "x".repeat(1_048_576), 5, null, {}, ["a"]];
  for (const keyId of ids) {
    const what = `key id ${JSON.stringify(keyId)?.slice(0, 40)}`;
    await bench.refusedUnsent(async () => bench.open(keyId as never), "ERR_KMS_CONFIG", what);
    await bench.refusedUnsent(async () => kms.withKey(keyId as never), "ERR_KMS_CONFIG", what);
  }
}

async function supportsWhatIsDone(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  for (const operation of ["sign", "signBatch", "verify", "getPublicKey", "getKeyMetadata", "listKeyVersions", "needsRotation"] as const) {
    expect(kms.supports(operation), `supports("${operation}") to be true`);
  }
  for (const keyType of bench.subject.keyTypes) expect(kms.supports("sign", defaultFor(keyType)), `supports to be true for ${defaultFor(keyType)}`);
  for (const nonsense of ["", "signs", "__proto__", "constructor", "toString"]) expect(!kms.supports(nonsense as never), `supports("${nonsense}") to be false`);
  for (const nonsense of ["", "none", "HS256", "__proto__", "constructor"]) expect(!kms.supports("sign", nonsense), `supports("sign", "${nonsense}") to be false`);
  expectEqual([kms.supports("rotateKey"), kms.supports("rotateIfNeeded")], Array(2).fill(kms.supports("rotateKey")), "supports for both ways to rotate");
  if (bench.subject.rotates.length > 0) expect(kms.supports("rotateKey"), 'supports("rotateKey") to be true');
  if (kms.supports("rotateKey")) return;
  await bench.refusedUnsent(() => kms.rotateKey(), "ERR_KMS_UNSUPPORTED", "rotateKey where it is not supported");
  expectEqual((await versionsOf(kms)).length, 1, "versions after a refused rotation");
}
