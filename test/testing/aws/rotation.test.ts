/** Rotation in the emulated KMS: on a schedule, on demand, and what cannot rotate. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createAwsEmulator } from "../../../src/testing/aws.js";
import type { AwsEmulator } from "../../../src/testing/aws.js";
import { call } from "./caller.js";

const START = Date.UTC(2026, 0, 15);
const DAY = 86_400_000;

async function setUp(): Promise<{ emulator: AwsEmulator; KeyId: string; arn: string; advance(ms: number): void; ask(operation: string, more?: object): Promise<any> }> {
  let time = START;
  const emulator = createAwsEmulator({ now: () => time });
  const { keyId: KeyId, arn } = await emulator.createKey();
  const ask = async (operation: string, more: object = {}): Promise<any> => (await call(emulator, operation, { KeyId, ...more })).json;
  return { emulator, KeyId, arn, advance: (ms) => void (time += ms), ask };
}

test("on demand: pending, conflict, done, new material, the same key", async () => {
  const { arn, advance, ask } = await setUp();
  const before = (await ask("DescribeKey")).KeyMetadata;
  assert.equal(await ask("ListKeyRotations"), { Rotations: [], Truncated: false });
  assert.equal(await ask("RotateKeyOnDemand"), { KeyId: arn });
  assert.equal(await ask("GetKeyRotationStatus"), { KeyId: arn, KeyRotationEnabled: false, OnDemandRotationStartDate: START / 1000 });
  assert.is((await ask("RotateKeyOnDemand")).__type, "ConflictException");
  assert.equal((await ask("ListKeyRotations")).Rotations, []);
  advance(10_000);
  assert.equal(await ask("GetKeyRotationStatus"), { KeyId: arn, KeyRotationEnabled: false });
  const after = (await ask("DescribeKey")).KeyMetadata;
  assert.is.not(after.CurrentKeyMaterialId, before.CurrentKeyMaterialId);
  assert.equal({ ...after, CurrentKeyMaterialId: before.CurrentKeyMaterialId }, before);
  const rotation = { KeyId: arn, KeyMaterialId: after.CurrentKeyMaterialId, KeyMaterialState: "CURRENT", RotationDate: START / 1000 + 10, RotationType: "ON_DEMAND" };
  assert.equal(await ask("ListKeyRotations"), { Rotations: [rotation], Truncated: false });
  const first = { KeyId: arn, KeyMaterialId: before.CurrentKeyMaterialId, KeyMaterialState: "NON_CURRENT" };
  assert.equal((await ask("ListKeyRotations", { IncludeKeyMaterial: "ALL_KEY_MATERIAL" })).Rotations, [first, rotation]);
});

test("25 on-demand rotations in the life of a key, listed in pages", async () => {
  const { arn, advance, ask, emulator, KeyId } = await setUp();
  for (let times = 0; times < 25; times += 1) {
    assert.equal(await ask("RotateKeyOnDemand"), { KeyId: arn });
    advance(10_000);
  }
  const limit = await ask("RotateKeyOnDemand");
  assert.is(limit.__type, "LimitExceededException");
  assert.is(limit.message, `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${arn}`);
  const dates: number[] = [];
  let Marker: string | undefined;
  do {
    const page = await ask("ListKeyRotations", { Limit: 10, Marker });
    dates.push(...page.Rotations.map((entry: { RotationDate: number }) => entry.RotationDate));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  assert.equal(dates, Array.from({ length: 25 }, (_, index) => START / 1000 + 10 * (index + 1)));
  assert.is(emulator.key(KeyId)?.rotations.length, 25);
});

test("on a schedule: the period, the next date, what the clock brings", async () => {
  const { arn, advance, ask } = await setUp();
  assert.is(await ask("EnableKeyRotation"), undefined);
  const on = { KeyId: arn, KeyRotationEnabled: true, NextRotationDate: (START + 365 * DAY) / 1000, RotationPeriodInDays: 365 };
  assert.equal(await ask("GetKeyRotationStatus"), on);
  await ask("EnableKeyRotation", { RotationPeriodInDays: 90 });
  assert.equal(await ask("GetKeyRotationStatus"), { ...on, NextRotationDate: (START + 90 * DAY) / 1000, RotationPeriodInDays: 90 });
  await ask("EnableKeyRotation");
  assert.is((await ask("GetKeyRotationStatus")).RotationPeriodInDays, 90);
  advance(90 * DAY - 1_200_000);
  assert.is((await ask("RotateKeyOnDemand")).__type, "ConflictException");
  advance(91 * DAY + 1_200_000);
  const { Rotations } = await ask("ListKeyRotations");
  assert.equal(Rotations.map((entry: any) => [entry.RotationType, entry.RotationDate, entry.KeyMaterialState]), [
    ["AUTOMATIC", (START + 90 * DAY) / 1000, "NON_CURRENT"],
    ["AUTOMATIC", (START + 180 * DAY) / 1000, "CURRENT"],
  ]);
  await ask("DisableKeyRotation");
  assert.equal(await ask("GetKeyRotationStatus"), { KeyId: arn, KeyRotationEnabled: false });
  for (const days of [89, 2561]) assert.match((await ask("EnableKeyRotation", { RotationPeriodInDays: days })).message, /at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value/);
});

test("a disabled key does not rotate, and is overdue when it is enabled", async () => {
  const { arn, advance, ask } = await setUp();
  await ask("EnableKeyRotation", { RotationPeriodInDays: 90 });
  await ask("DisableKey");
  advance(200 * DAY);
  const disabled = { __type: "DisabledException", message: `${arn} is disabled.` };
  for (const operation of ["RotateKeyOnDemand", "EnableKeyRotation", "DisableKeyRotation"]) assert.equal(await ask(operation), disabled);
  assert.equal((await ask("ListKeyRotations")).Rotations, []);
  await ask("EnableKey");
  assert.equal((await ask("ListKeyRotations")).Rotations.map((entry: any) => entry.RotationDate), [(START + 200 * DAY) / 1000]);
  await ask("ScheduleKeyDeletion");
  assert.is((await ask("GetKeyRotationStatus")).KeyRotationEnabled, false);
  assert.is((await ask("RotateKeyOnDemand")).__type, "KMSInvalidStateException");
  await ask("CancelKeyDeletion");
  assert.is((await ask("GetKeyRotationStatus")).KeyRotationEnabled, true);
});

test("what cannot rotate says so", async () => {
  const { emulator } = await setUp();
  const asymmetric = [await emulator.createKey({ keySpec: "RSA_2048" }), await emulator.createKey({ keySpec: "HMAC_256" })];
  for (const { keyId: KeyId, arn } of asymmetric) {
    for (const operation of ["EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand", "ListKeyRotations"]) {
      assert.equal((await call(emulator, operation, { KeyId })).json, { __type: "UnsupportedOperationException" }, operation);
    }
    assert.equal((await call(emulator, "GetKeyRotationStatus", { KeyId })).json, { KeyId: arn, KeyRotationEnabled: false });
  }
  const privateJwk = { kty: "oct", alg: "A256GCM", k: Buffer.alloc(32, 7).toString("base64url") };
  const external = await emulator.createKey({ origin: "EXTERNAL", privateJwk });
  const material = await call(emulator, "RotateKeyOnDemand", { KeyId: external.keyId });
  assert.equal(material.json, { __type: "KMSInvalidStateException", message: `No available key material pending rotation for the key: ${external.arn}.` });
  const origin = await call(emulator, "EnableKeyRotation", { KeyId: external.keyId });
  assert.equal(origin.json, { __type: "UnsupportedOperationException", message: `${external.arn} origin is EXTERNAL which is not valid for this operation.` });
  const managed = await emulator.createKey({ alias: "alias/aws/s3", keyManager: "AWS" });
  for (const operation of ["RotateKeyOnDemand", "DisableKey", "ScheduleKeyDeletion"]) {
    assert.is((await call(emulator, operation, { KeyId: managed.keyId })).json.__type, "AccessDeniedException", operation);
  }
  const replica = await emulator.createKey({ primaryRegion: "us-east-1" });
  assert.match((await call(emulator, "RotateKeyOnDemand", { KeyId: replica.keyId })).json.message, /is not a multi-region primary key\.$/);
});

test.run();
