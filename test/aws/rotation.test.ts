/** Rotation: in place, by replacement behind an alias, its refusals, and what is left when a step fails. */
import { createPublicKey, verify as nodeVerify } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAwsKms } from "../../src/aws/index.js";
import { planReplacement, type Plan } from "../../src/aws/rotation.js";
import type { Register, RegisterEntry } from "../../src/aws/versions.js";
import type { KmsError, KmsErrorCode } from "../../src/errors.js";
import type { ProviderRotation } from "../../src/kms/provider.js";
import { createAwsEmulator, type AwsEmulator } from "../../src/testing/aws.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { ALIAS, ALIAS_ARN, aliasItem, arnOf, KEY_ID, keyMetadata, OTHER_ID, refusal, testProvider, testService, THIRD_ID, toResponse, type Given } from "./service.js";

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 15, 8, 9, 10);
const V = (number: number): string => `${ALIAS}/versions/${number}`;

// ---- the plan alone

const plan = suite("plan of a replacement");

function entry(number: number, target: string, createdAt: number | undefined): RegisterEntry {
  return { number, alias: V(number), target, createdAt: createdAt === undefined ? undefined : new Date(createdAt), updatedAt: undefined };
}

function register(target: string, updatedAt: number | undefined, ...entries: RegisterEntry[]): Register {
  const updated = updatedAt === undefined ? undefined : new Date(updatedAt);
  return { self: { number: 0, alias: ALIAS, target, createdAt: undefined, updatedAt: updated }, entries };
}

const CURRENT = KEY_ID;
const PLANS: [name: string, register: Register, expected: Plan | { retryAfterMs: number | undefined }][] = [
  ["no register", register(CURRENT, 0), { register: 1, next: 2 }],
  ["the usual one", register(CURRENT, 20 * MINUTE, entry(1, OTHER_ID, 10 * MINUTE), entry(2, CURRENT, 20 * MINUTE - 1)), { register: undefined, next: 3 }],
  ["with gaps", register(CURRENT, 20 * MINUTE, entry(3, OTHER_ID, 10 * MINUTE), entry(7, CURRENT, 20 * MINUTE - 1)), { register: undefined, next: 8 }],
  ["a move six minutes ago", register(CURRENT, 94 * MINUTE, entry(1, CURRENT, 94 * MINUTE)), { register: undefined, next: 2 }],
  ["a move a moment ago", register(CURRENT, 99 * MINUTE, entry(1, OTHER_ID, 0), entry(2, CURRENT, 98 * MINUTE)), { retryAfterMs: 4 * MINUTE }],
  ["a move just short of six minutes ago", register(CURRENT, 95 * MINUTE, entry(1, CURRENT, 94 * MINUTE + 1)), { retryAfterMs: 1 }],
  ["an entry of the future", register(CURRENT, 200 * MINUTE, entry(1, CURRENT, 200 * MINUTE)), { retryAfterMs: 6 * MINUTE }],
  ["a young entry for a key that was current before", register(CURRENT, 10 * MINUTE, entry(1, CURRENT, 99 * MINUTE)), { register: undefined, next: 2 }],
  ["stopped before the last step", register(CURRENT, 10 * MINUTE, entry(1, CURRENT, 98 * MINUTE), entry(2, OTHER_ID, 99 * MINUTE)), { resume: entry(2, OTHER_ID, 99 * MINUTE) }],
  ["stopped long ago", register(CURRENT, 10 * MINUTE, entry(1, CURRENT, 10 * MINUTE), entry(2, OTHER_ID, 10 * MINUTE)), { resume: entry(2, OTHER_ID, 10 * MINUTE) }],
  ["rolled back by hand", register(CURRENT, 90 * MINUTE, entry(1, CURRENT, 10 * MINUTE), entry(2, OTHER_ID, 80 * MINUTE)), { register: undefined, next: 3 }],
  ["rolled back a moment after a rotation", register(CURRENT, 99 * MINUTE, entry(1, CURRENT, 10 * MINUTE), entry(2, OTHER_ID, 97 * MINUTE)), { retryAfterMs: 3 * MINUTE }],
  ["moved by hand to a key without an entry", register(CURRENT, 90 * MINUTE, entry(1, THIRD_ID, 10 * MINUTE), entry(2, OTHER_ID, 20 * MINUTE)), { register: 3, next: 4 }],
  ["no dates, the usual one", register(CURRENT, undefined, entry(1, OTHER_ID, undefined), entry(2, CURRENT, undefined)), { register: undefined, next: 3 }],
  ["no dates, another key on top", register(CURRENT, undefined, entry(1, CURRENT, undefined), entry(2, OTHER_ID, undefined)), { retryAfterMs: undefined }],
  ["no dates, no entry for the current key", register(CURRENT, undefined, entry(1, OTHER_ID, undefined)), { retryAfterMs: undefined }],
];

for (const [name, given, expected] of PLANS) {
  plan(name, async () => {
    const decide = (): Plan => planReplacement(given, CURRENT, 100 * MINUTE);
    if (!("retryAfterMs" in expected)) return assert.equal(decide(), expected);
    const error = await rejects(decide, "ERR_KMS_CONFLICT");
    assert.is(error.retryAfterMs, expected.retryAfterMs);
    assert.is(error.retryable, expected.retryAfterMs !== undefined);
    assert.is(error.outcome, "not-sent");
    assert.ok(error.hint !== undefined);
  });
}

plan.run();

// ---- in place

const inPlace = suite("rotation in place");
const SYMMETRIC = { KeySpec: "SYMMETRIC_DEFAULT", CustomerMasterKeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "ENCRYPT_DECRYPT", SigningAlgorithms: undefined };

inPlace("is asked for once, and pending", async () => {
  for (const keyId of [KEY_ID, ALIAS, ALIAS_ARN]) {
    const service = testService({ body: keyMetadata(SYMMETRIC) }, { body: { KeyId: arnOf(KEY_ID) } });
    const rotation = await testProvider(service).rotateKey?.({ key: { keyId } }, testContext());
    assert.equal(rotation, { status: "pending", rotatedAt: new Date(START) });
    assert.is(service.sent.length, 2);
  }
});

inPlace("refusals change nothing", async () => {
  const rows: [members: Record<string, unknown>, code: KmsErrorCode, policy?: string][] = [
    [{ ...SYMMETRIC, KeyManager: "AWS" }, "ERR_KMS_UNSUPPORTED"],
    [{ ...SYMMETRIC, CustomKeyStoreId: "cks-1", Origin: "AWS_CLOUDHSM" }, "ERR_KMS_UNSUPPORTED"],
    [{ ...SYMMETRIC, MultiRegion: true, MultiRegionConfiguration: { MultiRegionKeyType: "REPLICA" } }, "ERR_KMS_UNSUPPORTED"],
    [SYMMETRIC, "ERR_KMS_INVALID_ARGUMENT", "{}"],
  ];
  for (const [members, code, policy] of rows) {
    const service = testService({ body: keyMetadata(members) });
    const context = testContext();
    const error = await rejects(() => testProvider(service).rotateKey?.({ key: { keyId: KEY_ID }, policy }, context), code);
    assert.ok(error.hint !== undefined);
    assert.is(error.outcome, "not-sent");
    assert.is(service.sent.length, 1);
    assert.is(context.changeSent, false);
  }
});

inPlace("a connection that breaks reaches the service once, and leaves the outcome unknown", async () => {
  const service = testService((_sent, index) => {
    if (index === 0) return { body: keyMetadata(SYMMETRIC) };
    throw new TypeError("planted");
  });
  const error = await rejects(() => testProvider(service).rotateKey?.({ key: { keyId: KEY_ID } }, testContext()), "ERR_KMS_NETWORK");
  assert.is(error.outcome, "unknown");
  assert.is(service.sent.length, 2);
});

inPlace.run();

// ---- by replacement, against the emulated service

const replacement = suite("rotation by replacement");

interface Scene {
  readonly emulator: AwsEmulator;
  readonly operations: string[];
  /** What the next request of an operation gets instead of the service's answer; `cut` after the service acted, `down` before. */
  readonly faults: Record<string, (Given | "cut" | "down")[]>;
  at: number;
  rotate(keyId?: string, policy?: string): Promise<ProviderRotation>;
}

function createScene(): Scene {
  const emulator = createAwsEmulator({ now: () => scene.at, region: "us-east-1" });
  const operations: string[] = [];
  const faults: Scene["faults"] = {};
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const operation = ((init.headers as Record<string, string>)["x-amz-target"] ?? "").replace("TrentService.", "");
    operations.push(operation);
    scene.at += 1;
    const fault = faults[operation]?.shift();
    if (fault === "down") throw new TypeError("planted");
    if (fault !== undefined && fault !== "cut") return toResponse(fault);
    const response = await emulator.fetch(url, init);
    if (fault === "cut") throw new TypeError("planted");
    return response;
  };
  const provider = testProvider({ fetch }, { now: () => scene.at, credentials: emulator.credentials });
  const rotate = (keyId: string = ALIAS, policy?: string) => provider.rotateKey?.({ key: { keyId }, policy }, testContext({ timeoutMs: 60_000 })) as Promise<ProviderRotation>;
  const scene: Scene = { emulator, operations, faults, at: START, rotate };
  return scene;
}

/** Aliases and the ids they point to. */
function aliases({ emulator }: Scene): Record<string, string> {
  return Object.fromEntries(emulator.aliases().map(({ name, targetKeyId }) => [name, targetKeyId]));
}

const FIRST = ["DescribeKey", "ListAliases", "GetKeyPolicy", "ListResourceTags", "CreateAlias", "CreateKey", "CreateAlias", "UpdateAlias", "ListAliases"];

replacement("makes a like key, registers both, and moves the alias", async () => {
  const scene = createScene();
  const { emulator } = scene;
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::111122223333:root" }, Action: "kms:*", Resource: "*" }] });
  const { keyId } = await emulator.createKey({ keySpec: "ECC_NIST_P384", alias: ALIAS, description: "signs", tags: { team: "pay", "knhk-kms": "old" }, policy });
  const rotation = await scene.rotate();
  const { newVersion = "" } = rotation;
  assert.equal(rotation, { status: "done", previousVersion: keyId, newVersion, rotatedAt: new Date(scene.at) });
  assert.is.not(newVersion, keyId);
  assert.equal(aliases(scene), { [ALIAS]: newVersion, [V(1)]: keyId, [V(2)]: newVersion });
  assert.equal(scene.operations, FIRST);
  const made = emulator.key(newVersion);
  assert.is(made?.keySpec, "ECC_NIST_P384");
  assert.is(made?.keyUsage, "SIGN_VERIFY");
  assert.is(made?.description, "signs");
  assert.equal(made?.tags, { team: "pay", "knhk-kms": V(2) });
  assert.equal(JSON.parse(made?.policy ?? ""), JSON.parse(policy));
});

replacement("the next rotation needs no entry for the current key, and six minutes of age", async () => {
  const scene = createScene();
  await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  const { newVersion: second } = await scene.rotate();
  const early = await rejects(scene.rotate(), "ERR_KMS_CONFLICT");
  assert.is(early.outcome, "not-sent");
  assert.ok((early.retryAfterMs ?? 0) > 350_000 && (early.retryAfterMs ?? 0) <= 360_000);
  scene.at += 7 * MINUTE;
  scene.operations.length = 0;
  const { previousVersion, newVersion: third } = await scene.rotate();
  assert.is(previousVersion, second);
  assert.is(aliases(scene)[V(3)], third);
  assert.equal(scene.operations, FIRST.filter((_name, index) => index !== 4));
});

replacement("the age is that of the service's clock", async () => {
  const scene = createScene();
  await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  await scene.rotate();
  // A local clock three minutes ahead is within the tolerance of signatures.
  scene.at += 5 * MINUTE;
  const ahead = testProvider({ fetch: scene.emulator.fetch }, { now: () => scene.at + 3 * MINUTE, credentials: scene.emulator.credentials });
  await rejects(() => ahead.rotateKey?.({ key: { keyId: ALIAS } }, testContext()), "ERR_KMS_CONFLICT");
});

replacement("HMAC keys and multi-Region keys without replicas too, and an own policy", async () => {
  const scene = createScene();
  await scene.emulator.createKey({ keySpec: "HMAC_256", alias: ALIAS, replicaRegions: [] });
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Sid: "own", Effect: "Allow", Principal: { AWS: "arn:aws:iam::111122223333:root" }, Action: "kms:*", Resource: "*" }] });
  const { newVersion = "" } = await scene.rotate(`arn:aws:kms:us-east-1:111122223333:${ALIAS}`, policy);
  assert.match(newVersion, /^mrk-/);
  assert.is(scene.emulator.key(newVersion)?.keyUsage, "GENERATE_VERIFY_MAC");
  assert.match(scene.emulator.key(newVersion)?.policy ?? "", "own");
  assert.not.ok(scene.operations.includes("GetKeyPolicy"));
});

replacement("a manager signs with the new key, and old signatures still verify", async () => {
  const scene = createScene();
  const { emulator } = scene;
  const { keyId } = await emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  const kms = createAwsKms({ region: "us-east-1", keyId: ALIAS, credentials: emulator.credentials, env: {}, fetch: emulator.fetch, now: () => (scene.at += 1), algorithm: "ES256" });
  const data = new TextEncoder().encode("order 4711");
  const before = await kms.sign(data);
  assert.is(before.keyVersion, keyId);
  const { newVersion } = await kms.rotateKey();
  const after = await kms.sign(data, { encoding: "der" });
  assert.is(after.keyVersion, newVersion);
  assert.ok(await kms.verify(data, before));
  assert.ok(await kms.verify(data, after));
  assert.not.ok(await kms.verify(data, { ...before, keyVersion: newVersion }));
  const key = createPublicKey({ key: Buffer.from(emulator.key(newVersion as string)?.spki ?? []), format: "der", type: "spki" });
  assert.ok(nodeVerify("sha256", data, key, after.signature));
  const versions: string[] = [];
  for await (const version of kms.listKeyVersions()) versions.push(`${version.keyVersion} ${version.current}`);
  assert.equal(versions, [`${newVersion} true`, `${keyId} false`]);
});

replacement("a new key that is not found yet is asked for again", async () => {
  const scene = createScene();
  await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  scene.emulator.setEventualConsistency(3);
  const { newVersion } = await scene.rotate();
  assert.is(aliases(scene)[ALIAS], newVersion);
  assert.is(scene.operations.filter((operation) => operation === "CreateAlias").length, 5);
  // Not for ever.
  scene.at += 7 * MINUTE;
  scene.emulator.setEventualConsistency(1_000);
  const error = await rejects(scene.rotate(), "ERR_KMS_NOT_FOUND");
  assert.is(error.outcome, "partial");
  assert.match(error.hint ?? "", /^delete key [0-9a-f-]{36}$/);
});

replacement("empty pages of a listing are no end of it", async () => {
  const scene = createScene();
  await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  scene.emulator.setEmptyPages(2);
  assert.is((await scene.rotate()).status, "done");
});

replacement("refusals send nothing that changes", async () => {
  const rows: [options: Parameters<AwsEmulator["createKey"]>[0], keyId?: string][] = [
    [{}, "the key's own id"],
    [{ alias: V(1) }, V(1)],
    [{ alias: "alias/aws/own" }, "alias/aws/own"],
    [{ keyManager: "AWS" }],
    [{ origin: "EXTERNAL", privateJwk: undefined }],
    [{ customKeyStoreId: "cks-1", origin: "AWS_CLOUDHSM" }],
    [{ replicaRegions: ["eu-west-1"] }],
    [{ primaryRegion: "eu-west-1" }],
    [{ alias: `alias/${"a".repeat(225)}` }, `alias/${"a".repeat(225)}`],
  ];
  for (const [options, name] of rows) {
    const scene = createScene();
    const { keyId } = await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS, ...options });
    const before = aliases(scene);
    const error = await rejects(scene.rotate(name === "the key's own id" ? keyId : name), "ERR_KMS_UNSUPPORTED");
    assert.ok(error.hint !== undefined, error.message);
    assert.is(error.outcome, "not-sent");
    assert.equal(scene.operations, ["DescribeKey"]);
    assert.equal(aliases(scene), before);
  }
});

replacement("a policy that is no JSON object is refused before any request", async () => {
  for (const policy of ["", "planted", "[]", "null", '"x"', "{"]) {
    const scene = createScene();
    const error = await rejects(scene.rotate(ALIAS, policy), "ERR_KMS_INVALID_ARGUMENT");
    assert.not.match(error.message, "planted");
    assert.equal(scene.operations, []);
  }
});

replacement("an alias of another account is not ours to move", async () => {
  const elsewhere = "arn:aws:kms:us-east-1:999999999999:alias/signing";
  const service = testService({ body: keyMetadata({ Arn: arnOf(KEY_ID, "us-east-1", "999999999999") }) }, { body: { Aliases: [aliasItem(ALIAS, KEY_ID)], Truncated: false } });
  await rejects(() => testProvider(service).rotateKey?.({ key: { keyId: elsewhere } }, testContext()), "ERR_KMS_UNSUPPORTED");
  assert.is(service.sent.length, 2);
});

replacement("an alias that moves while it is looked at is a conflict", async () => {
  const service = testService({ body: keyMetadata() }, { body: { Aliases: [aliasItem(ALIAS, OTHER_ID)], Truncated: false } });
  const error = await rejects(() => testProvider(service).rotateKey?.({ key: { keyId: ALIAS } }, testContext()), "ERR_KMS_CONFLICT");
  assert.is(error.retryable, true);
  assert.is(error.outcome, "not-sent");
});

/** What a failure of each step means, and what the next call finds. */
const FAILURES: {
  name: string;
  faults: Scene["faults"];
  code: KmsErrorCode;
  outcome: KmsError["outcome"];
  hint?: RegExp;
  /** Names of the aliases then; a number of keys in all. */
  then: string[];
  again?: "done" | KmsErrorCode;
}[] = [
  { name: "GetKeyPolicy", faults: { GetKeyPolicy: [refusal("AccessDeniedException")] }, code: "ERR_KMS_ACCESS_DENIED", outcome: "rejected", then: [ALIAS], again: "done" },
  { name: "the entry of the current key is refused", faults: { CreateAlias: [refusal("AccessDeniedException")] }, code: "ERR_KMS_ACCESS_DENIED", outcome: "rejected", hint: /key policy/, then: [ALIAS], again: "done" },
  { name: "the entry of the current key, answer lost", faults: { CreateAlias: ["cut"] }, code: "ERR_KMS_NETWORK", outcome: "unknown", hint: /call rotateKey again/, then: [ALIAS, V(1)], again: "done" },
  { name: "CreateKey is refused", faults: { CreateKey: [refusal("LimitExceededException")] }, code: "ERR_KMS_QUOTA", outcome: "partial", then: [ALIAS, V(1)], again: "done" },
  {
    name: "CreateKey refuses the policy",
    faults: { CreateKey: [refusal("MalformedPolicyDocumentException")] },
    code: "ERR_KMS_REJECTED",
    outcome: "partial",
    hint: /rotateKey\(\{ policy \}\)/,
    then: [ALIAS, V(1)],
    again: "done",
  },
  { name: "CreateKey, answer lost", faults: { CreateKey: ["cut"] }, code: "ERR_KMS_NETWORK", outcome: "unknown", hint: /tag knhk-kms=alias\/signing\/versions\/2/, then: [ALIAS, V(1)], again: "done" },
  { name: "CreateKey, 500", faults: { CreateKey: [{ status: 500 }] }, code: "ERR_KMS_UNAVAILABLE", outcome: "unknown", hint: /tag knhk-kms/, then: [ALIAS, V(1)], again: "done" },
  {
    name: "CreateKey answers with another spec",
    faults: { CreateKey: [{ body: keyMetadata({ KeyId: THIRD_ID, KeySpec: "RSA_2048" }) }] },
    code: "ERR_KMS_KEY_MISMATCH",
    outcome: "unknown",
    hint: /tag knhk-kms/,
    then: [ALIAS, V(1)],
    again: "done",
  },
  { name: "CreateKey answers nonsense", faults: { CreateKey: [{ bodyText: "<html>" }] }, code: "ERR_KMS_RESPONSE_INVALID", outcome: "unknown", hint: /tag knhk-kms/, then: [ALIAS, V(1)], again: "done" },
  {
    name: "the entry of the new key is refused",
    faults: { CreateAlias: [{ bodyText: "" }, refusal("AccessDeniedException")] },
    code: "ERR_KMS_ACCESS_DENIED",
    outcome: "partial",
    hint: /^delete key .*$/,
    then: [ALIAS],
    again: "done",
  },
  {
    name: "the race is lost",
    faults: { CreateAlias: [{ bodyText: "{}" }, refusal("AlreadyExistsException")] },
    code: "ERR_KMS_CONFLICT",
    outcome: "partial",
    hint: /^delete key .*$/,
    then: [ALIAS],
    again: "done",
  },
  {
    name: "the entry of the new key, answer lost",
    faults: { CreateAlias: [{ bodyText: "null" }, "cut"] },
    code: "ERR_KMS_NETWORK",
    outcome: "unknown",
    hint: /call rotateKey again; delete key [0-9a-f-]{36} if no alias names it/,
    then: [ALIAS, V(2)],
  },
  { name: "UpdateAlias is refused", faults: { UpdateAlias: [refusal("AccessDeniedException")] }, code: "ERR_KMS_ACCESS_DENIED", outcome: "partial", hint: /call rotateKey again to finish/, then: [ALIAS, V(1), V(2)], again: "done" },
  { name: "UpdateAlias never arrives", faults: { UpdateAlias: ["down"] }, code: "ERR_KMS_NETWORK", outcome: "unknown", hint: /call rotateKey again to finish/, then: [ALIAS, V(1), V(2)], again: "done" },
  { name: "UpdateAlias, answer lost", faults: { UpdateAlias: ["cut"] }, code: "ERR_KMS_NETWORK", outcome: "unknown", hint: /call rotateKey again to finish/, then: [ALIAS, V(1), V(2)], again: "ERR_KMS_CONFLICT" },
];

for (const { name, faults, code, outcome, hint, then, again } of FAILURES) {
  replacement(`failure: ${name}`, async () => {
    const scene = createScene();
    const { keyId } = await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
    Object.assign(scene.faults, faults);
    const error = await rejects(scene.rotate(), code);
    assert.is(error.outcome, outcome);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
    assert.not.match(JSON.stringify(error), "planted");
    assert.equal(Object.keys(aliases(scene)), then);
    for (const operation of Object.keys(faults)) assert.is(scene.faults[operation]?.length, 0);
    if (again === undefined) return;
    if (again !== "done") return void (await rejects(scene.rotate(), again));
    const { previousVersion, newVersion } = await scene.rotate();
    assert.is(previousVersion, keyId);
    assert.is(aliases(scene)[ALIAS], newVersion);
    assert.is(aliases(scene)[V(1)], keyId);
  });
}

replacement("a change that was throttled is repeated", async () => {
  const scene = createScene();
  await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  for (const operation of ["CreateAlias", "CreateKey", "UpdateAlias"]) scene.faults[operation] = [refusal("ThrottlingException")];
  assert.is((await scene.rotate()).status, "done");
  assert.is(scene.operations.filter((operation) => operation === "CreateKey").length, 2);
});

/** Leaves a rotation before its last step. */
async function stopped(options: Parameters<AwsEmulator["createKey"]>[0] = {}): Promise<Scene & { candidate: string }> {
  const scene = createScene();
  await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS, ...options });
  scene.faults.UpdateAlias = ["down"];
  await rejects(scene.rotate(), "ERR_KMS_NETWORK");
  scene.operations.length = 0;
  return Object.assign(scene, { candidate: aliases(scene)[V(2)] as string });
}

replacement("a rotation that stopped is finished with its own key", async () => {
  const scene = await stopped();
  const { newVersion } = await scene.rotate();
  assert.is(newVersion, scene.candidate);
  assert.equal(scene.operations, ["DescribeKey", "ListAliases", "DescribeKey", "GetKeyPolicy", "GetKeyPolicy", "UpdateAlias", "ListAliases"]);
});

replacement("a key that this rotation would not have made is not adopted", async () => {
  const foreign: [name: string, spoil: (scene: Scene & { candidate: string }) => unknown][] = [
    ["disabled", ({ emulator, candidate }) => emulator.setKeyState(candidate, "Disabled")],
    ["another spec", ({ emulator }) => emulator.createKey({ keySpec: "ECC_NIST_P384", alias: V(2) })],
    ["another usage", ({ emulator }) => emulator.createKey({ keySpec: "ECC_NIST_P256", keyUsage: "KEY_AGREEMENT", alias: V(2) })],
    ["another policy", ({ emulator }) => emulator.createKey({ keySpec: "ECC_NIST_P256", alias: V(2), policy: '{"Version":"2012-10-17","Statement":[]}' })],
    ["another region mode", ({ emulator }) => emulator.createKey({ keySpec: "ECC_NIST_P256", alias: V(2), replicaRegions: [] })],
    ["of AWS", ({ emulator }) => emulator.createKey({ keySpec: "ECC_NIST_P256", alias: V(2), keyManager: "AWS" })],
  ];
  for (const [name, spoil] of foreign) {
    const scene = await stopped();
    await spoil(scene);
    const error = await rejects(scene.rotate(), "ERR_KMS_CONFLICT", ({ retryable }) => assert.is(retryable, false, name));
    assert.is(error.outcome, "not-sent", name);
    assert.not.ok(scene.operations.includes("UpdateAlias"), name);
  }
});

replacement("a later entry that appears meanwhile is not passed over", async () => {
  const scene = createScene();
  const { emulator } = scene;
  await emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  const race = emulator.fetch.bind(emulator);
  const provider = testProvider(
    {
      fetch: async (url, init) => {
        scene.at += 1;
        const response = await race(url, init);
        if ((init.headers as Record<string, string>)["x-amz-target"] === "TrentService.UpdateAlias") await emulator.createKey({ keySpec: "ECC_NIST_P256", alias: V(3) });
        return response;
      },
    },
    { now: () => scene.at, credentials: emulator.credentials },
  );
  const error = await rejects(() => provider.rotateKey?.({ key: { keyId: ALIAS } }, testContext()), "ERR_KMS_CONFLICT");
  assert.is(error.outcome, "partial");
});

replacement("a look that fails after the last step is no failure of the rotation", async () => {
  const scene = createScene();
  await scene.emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  const { fetch } = scene.emulator;
  let lists = 0;
  const provider = testProvider(
    {
      fetch: async (url, init) => {
        scene.at += 1;
        if ((init.headers as Record<string, string>)["x-amz-target"] === "TrentService.ListAliases" && (lists += 1) > 1) throw new TypeError("down");
        return fetch(url, init);
      },
    },
    { now: () => scene.at, credentials: scene.emulator.credentials },
  );
  assert.is((await provider.rotateKey?.({ key: { keyId: ALIAS } }, testContext()))?.status, "done");
});

replacement("an abort between the steps says that the rotation is not finished", async () => {
  const scene = createScene();
  const { emulator } = scene;
  await emulator.createKey({ keySpec: "ECC_NIST_P256", alias: ALIAS });
  const controller = new AbortController();
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    scene.at += 1;
    const response = await emulator.fetch(url, init);
    if ((init.headers as Record<string, string>)["x-amz-target"] === "TrentService.CreateKey") queueMicrotask(() => setTimeout(() => controller.abort(), 0));
    return response;
  };
  emulator.setEventualConsistency(1_000);
  const sleep = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
  const provider = testProvider({ fetch }, { now: () => scene.at, credentials: emulator.credentials, sleep });
  const rotating = provider.rotateKey?.({ key: { keyId: ALIAS } }, testContext({ signal: controller.signal })) as Promise<unknown>;
  const error = await rejects(rotating, "ERR_KMS_ABORTED");
  assert.ok(["partial", "unknown"].includes(error.outcome), error.outcome);
  assert.match(error.hint ?? "", /delete/);
});

replacement.run();
