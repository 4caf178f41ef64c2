/** Contract: a rotation makes a new version that signs, and the old ones stay what they were. */
import type { Bytes } from "../../encoding/bytes.js";
import type { KmsManager } from "../../kms/manager.js";
import type { SignResult } from "../../kms/results.js";
import type { ContractCase, ContractKeyType } from "../contract.js";
import { AT_ONCE, messageOf, versionsOf, type Bench } from "./bench.js";
import { expect, expectEqual } from "./expect.js";
import { defaultFor, verifyHere } from "./facts.js";

const DAY_MS = 86_400_000;

export function rotationCases(bench: Bench): ContractCase[] {
  const { subject, quickToRotate } = bench;
  const cases: ContractCase[] = [
    ...subject.rotates.map((keyType) => ({ name: `${keyType}: rotates`, run: () => rotates(bench, keyType) })),
    ...subject.keyTypes
      .filter((keyType) => !subject.rotates.includes(keyType))
      .map((keyType) => ({ name: `${keyType}: a rotation is refused, and changes nothing`, run: () => refusesRotation(bench, keyType) })),
    { name: "needsRotation: no interval is refused", run: () => wantsInterval(bench) },
  ];
  if (quickToRotate === undefined) return cases;
  const keyType = quickToRotate;
  cases.push(
    { name: "a manager of an old version keeps to it", run: () => keepsToVersion(bench, keyType) },
    { name: "a manager that does not know of a rotation gives no wrong answer", run: () => learnsOfRotation(bench, keyType) },
    { name: "signing while the key rotates", run: () => signsWhileRotating(bench, keyType) },
  );
  if (subject.advance !== undefined) cases.push({ name: "rotation by age, which a restart does not forget", run: () => rotatesByAge(bench, keyType) });
  return cases;
}

async function rotates(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await bench.openNew(keyType);
  const algorithm = defaultFor(keyType);
  const data = messageOf(1);
  const before = await kms.sign(data, { algorithm });
  const keyBefore = await kms.getPublicKey();
  const rotation = await bench.rotate(kms);
  const after = await kms.sign(data, { algorithm });
  const { status, previousVersion, newVersion, keyId, rotatedAt } = rotation;
  expectEqual({ status, previousVersion, newVersion, keyId }, { status: "done", previousVersion: before.keyVersion, newVersion: after.keyVersion, keyId: kms.keyId }, "the result");
  expect(rotatedAt instanceof Date && !Number.isNaN(rotatedAt.getTime()), "rotatedAt to be a Date");
  expect(before.keyVersion !== after.keyVersion, "a new version to sign");
  await expectVersions(kms, [before, after], after.keyVersion);
  const keyAfter = await kms.getPublicKey();
  expectEqual(keyAfter.keyVersion, after.keyVersion, "the version of the public key");
  expect(keyAfter.jwk.kid !== keyBefore.jwk.kid, "another public key");
  expectEqual(await kms.getPublicKey({ keyVersion: before.keyVersion }), keyBefore, "the old public key, by its version");
  // What the manager learnt by rotating and what a new one reads must agree.
  for (const manager of [kms, bench.open(kms.keyId)]) await expectEachVerifies(bench, manager, data, [before, after]);
  expectEqual((await bench.open(kms.keyId).sign(data, { algorithm })).keyVersion, after.keyVersion, "the version that a new manager signs with");
  const { keyVersion } = await kms.getKeyMetadata();
  expect(keyVersion === undefined || keyVersion === after.keyVersion, "metadata to speak of the new version");
}

async function expectVersions(kms: KmsManager, signed: readonly SignResult[], current: string): Promise<void> {
  const versions = await versionsOf(kms);
  const listed = versions.map(({ keyVersion }) => keyVersion).sort();
  expectEqual(listed, signed.map(({ keyVersion }) => keyVersion).sort(), "the listed versions");
  expectEqual(versions.filter((version) => version.current).map(({ keyVersion }) => keyVersion), [current], "the current version");
  expect(versions.every(({ keyId }) => keyId === kms.keyId), "each version to name the key as configured");
}

/** Each under its own version, and under no other. */
async function expectEachVerifies(bench: Bench, kms: KmsManager, data: Bytes, signed: readonly SignResult[]): Promise<void> {
  for (const one of signed) {
    for (const { keyVersion } of signed) {
      const own = keyVersion === one.keyVersion;
      const expected = own ? "to verify" : "not to verify";
      expect((await kms.verify(data, { ...one, keyVersion })) === own, `a signature of version ${one.keyVersion} ${expected} under ${keyVersion}`);
      if (!bench.lacks("verify")) {
        expect((await kms.verify(data, { ...one, keyVersion }, { remote: true })) === own, `the same ${expected} at the service`);
      }
      const { spki } = await kms.getPublicKey({ keyVersion });
      expect((await verifyHere(spki, one.algorithm, data, one.signature)) !== !own, `the same ${expected} under the published key`);
    }
  }
}

async function refusesRotation(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const before = await versionsOf(kms);
  const error = await bench.refused(() => kms.rotateKey(), "ERR_KMS_UNSUPPORTED", `rotating a key of type ${keyType}`);
  expect(typeof error.hint === "string", "a hint that says what to do instead");
  expectEqual(error.outcome, "not-sent", "the outcome of a rotation that is not supported");
  expectEqual(await versionsOf(kms), before, "the versions after it");
}

async function wantsInterval(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  for (const intervalMs of [undefined, 0, -1, 59_999, Number.NaN, Number.POSITIVE_INFINITY, "90d", null]) {
    const options = intervalMs === undefined ? {} : { intervalMs: intervalMs as never };
    await bench.refusedUnsent(() => kms.needsRotation(options), "ERR_KMS_INVALID_ARGUMENT", `needsRotation with interval ${String(intervalMs)}`);
    if (kms.supports("rotateKey")) {
      await bench.refusedUnsent(() => kms.rotateIfNeeded(options), "ERR_KMS_INVALID_ARGUMENT", `rotateIfNeeded with interval ${String(intervalMs)}`);
    }
  }
  for (const rotation of [{}, { intervalMs: 5 }, { intervalMs: "90d" }, { intervalMs: DAY_MS, unknown: 1 }, 5, null]) {
    await bench.refusedUnsent(async () => bench.open(kms.keyId, { rotation: rotation as never }), "ERR_KMS_CONFIG", "a manager with a wrong rotation policy");
  }
}

async function keepsToVersion(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await bench.openNew(keyType);
  const algorithm = defaultFor(keyType);
  const data = messageOf(2);
  const before = await kms.sign(data, { algorithm });
  const keyBefore = await kms.getPublicKey();
  await bench.rotate(kms);
  const after = await kms.sign(data, { algorithm });
  const pinned = bench.open(kms.keyId, { keyVersion: before.keyVersion });
  const signed = await pinned.sign(data, { algorithm });
  expectEqual(signed.keyVersion, before.keyVersion, "the version of a pinned manager");
  expect((await pinned.verify(data, signed)) && (await pinned.verify(data, before)) && (await kms.verify(data, signed)), "its signatures to verify");
  expect(!(await pinned.verify(data, after)), "a pinned manager to know its own version only");
  expectEqual(await pinned.getPublicKey(), keyBefore, "the public key of a pinned manager");
  expectEqual((await pinned.sign(data)).keyVersion, before.keyVersion, "the version without an algorithm");
  expectEqual((await versionsOf(pinned)).length, 2, "the versions that a pinned manager lists");
}

/** Another process rotates: what this one has in its cache is old, and it cannot know. */
async function learnsOfRotation(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const keyId = await bench.subject.createKey(keyType);
  const algorithm = defaultFor(keyType);
  const data = messageOf(3);
  const [here, there] = [bench.open(keyId), bench.open(keyId)];
  const before = await here.sign(data); // reads the public key, and keeps it
  await bench.rotate(there);
  const after = await there.sign(data, { algorithm });
  const { keyVersion, ...unversioned } = after;
  expect(await here.verify(data, after), "a signature of a version that is new to it to verify");
  expect(await here.verify(data, unversioned), "a signature of the current key to verify though an older one is in the cache");
  expect(await here.verify(data, before), "an old signature to verify");
  const signed = await here.sign(data);
  expect(await there.verify(data, signed), "a signature to name the version that made it");
}

const SIGNATURES = 200;
const IN_FLIGHT = 16;

async function signsWhileRotating(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await bench.openNew(keyType);
  const algorithm = defaultFor(keyType);
  const signed = new Array<SignResult>(SIGNATURES);
  let next = 0;
  let rotation: Promise<unknown> | undefined;
  const work = async (): Promise<void> => {
    while (next < SIGNATURES) {
      const number = next++;
      if (number === SIGNATURES / 4) rotation = kms.rotateKey();
      if (number >= (SIGNATURES * 3) / 4) await rotation; // so that some are made after it in any case
      signed[number] = await kms.sign(messageOf(number), number % 2 === 0 ? { algorithm } : {});
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  const versions = [...new Set(signed.map(({ keyVersion }) => keyVersion))];
  expectEqual(versions.length, 2, "the number of versions that signed");
  await expectVersions(kms, versions.map((keyVersion) => ({ keyVersion }) as SignResult), (signed[SIGNATURES - 1] as SignResult).keyVersion);
  const reader = bench.open(kms.keyId);
  for (const [number, one] of signed.entries()) {
    expect(await reader.verify(messageOf(number), one), `signature ${number} to verify under the version that it names`);
    for (const keyVersion of versions) {
      const { spki } = await reader.getPublicKey({ keyVersion });
      const here = await verifyHere(spki, algorithm, messageOf(number), one.signature);
      expect(here === undefined || here === (keyVersion === one.keyVersion), `signature ${number} to be one of version ${one.keyVersion} and of no other`);
    }
  }
}

async function rotatesByAge(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const rotation = { intervalMs: 100 * DAY_MS };
  const keyId = await bench.subject.createKey(keyType);
  const open = (): KmsManager => bench.open(keyId, { rotation, sleep: AT_ONCE });
  const due = async (): Promise<boolean> => open().needsRotation();
  expect(!(await due()), "a new key not to need a rotation");
  expectEqual(await open().rotateIfNeeded(), undefined, "what rotateIfNeeded does with a new key");
  bench.subject.advance?.(99 * DAY_MS);
  expect(!(await due()), "a key that is a day short not to need a rotation");
  expect(await open().needsRotation({ intervalMs: 98 * DAY_MS }), "the interval of the call to come before the configured one");
  bench.subject.advance?.(1.5 * DAY_MS);
  expect(await due(), "a key that is too old to need a rotation, for a manager that knows nothing of it");
  const done = await open().rotateIfNeeded();
  expectEqual(done?.status, "done", "the rotation of a key that is too old");
  expect(!(await due()), "a rotated key not to need a rotation");
  expectEqual(await open().rotateIfNeeded(), undefined, "what a restart does after a rotation");
  expectEqual((await versionsOf(open())).length, 2, "versions after one rotation and two restarts");
  bench.subject.advance?.(101 * DAY_MS);
  expect(await due(), "the new version to grow old too");
}
