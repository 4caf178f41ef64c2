/** Answers of the emulated KMS beside facts about those of the real service. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createAwsEmulator } from "../../../src/testing/aws.js";
import type { AwsEmulator, AwsKeySpec, CreateAwsKeyOptions } from "../../../src/testing/aws.js";
import { call } from "./caller.js";
import type { Reply } from "./caller.js";

interface Fact {
  readonly name: string;
  readonly operation: string;
  readonly status: number;
  readonly type?: string;
  readonly message?: string | null;
  readonly fields?: Record<string, unknown>;
  readonly absent?: readonly string[];
  readonly partial?: string;
}

type Play = (emulator: AwsEmulator) => Promise<Reply>;

const facts = JSON.parse(readFileSync("fixtures/aws/real-answers.json", "utf8")) as Fact[];
const text = (value: string): string => Buffer.from(value).toString("base64");
const MESSAGE = text("test message 123!@#");

/** Makes a key directly, and one call on it. */
function onKey(options: CreateAwsKeyOptions, operation: string, body: object = {}, before?: (emulator: AwsEmulator, keyId: string) => unknown): Play {
  return async (emulator) => {
    const { keyId } = await emulator.createKey(options);
    await before?.(emulator, keyId);
    return call(emulator, operation, { KeyId: keyId, ...body });
  };
}

function onSignature(keySpec: AwsKeySpec, SigningAlgorithm: string, change: object = {}): Play {
  return async (emulator) => {
    const { keyId } = await emulator.createKey({ keySpec });
    const body = { KeyId: keyId, Message: MESSAGE, SigningAlgorithm };
    const { json } = await call(emulator, "Sign", body);
    return call(emulator, "Verify", { ...body, Signature: json.Signature, ...change });
  };
}

function onMac(change: object = {}): Play {
  return async (emulator) => {
    const { keyId } = await emulator.createKey({ keySpec: "HMAC_256" });
    const body = { KeyId: keyId, Message: MESSAGE, MacAlgorithm: "HMAC_SHA_256" };
    const { json } = await call(emulator, "GenerateMac", body);
    return call(emulator, "VerifyMac", { ...body, Mac: json.Mac, ...change });
  };
}

const plain = (operation: string, body: object): Play => (emulator) => call(emulator, operation, body);
const jwk = { kty: "oct", alg: "A256GCM", k: Buffer.alloc(32, 7).toString("base64url") };
const p256 = { kty: "EC", crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI" };
const digest = { Message: MESSAGE, MessageType: "DIGEST" };

async function rotated(emulator: AwsEmulator, keyId: string, times: number): Promise<void> {
  for (let turn = 0; turn < times; turn += 1) assert.is((await call(emulator, "RotateKeyOnDemand", { KeyId: keyId })).status, 200);
}

const PLAYS: Readonly<Record<string, Play>> = {
  "describe-symmetric": onKey({}, "DescribeKey"),
  "create-hmac-256": plain("CreateKey", { KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }),
  "create-external-p256": plain("CreateKey", { KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY", Origin: "EXTERNAL" }),
  "describe-external-p256-imported": onKey({ origin: "EXTERNAL", privateJwk: p256 }, "DescribeKey"),
  "describe-external-symmetric-after-material-deleted": onKey({ origin: "EXTERNAL", privateJwk: jwk }, "DescribeKey", {}, (emulator, keyId) =>
    emulator.setKeyState(keyId, "PendingImport"),
  ),
  "create-multi-region-primary": plain("CreateKey", { MultiRegion: true }),
  "describe-primary-with-replica": onKey({ replicaRegions: ["eu-west-1"] }, "DescribeKey"),
  "describe-replica": onKey({ primaryRegion: "eu-west-1" }, "DescribeKey"),
  "sign-p256-raw": onKey({ keySpec: "ECC_NIST_P256" }, "Sign", { Message: MESSAGE, SigningAlgorithm: "ECDSA_SHA_256" }),
  "verify-p256-raw": onSignature("ECC_NIST_P256", "ECDSA_SHA_256"),
  "verify-bad-signature": onSignature("ECC_NIST_P256", "ECDSA_SHA_256", { Message: text("another") }),
  "verify-bad-signature-pss": onSignature("RSA_2048", "RSASSA_PSS_SHA_256", { Message: text("another") }),
  "sign-digest-of-wrong-length": onKey({ keySpec: "ECC_NIST_P256" }, "Sign", { ...digest, SigningAlgorithm: "ECDSA_SHA_256" }),
  "sign-digest-of-wrong-length-rsa": onKey({ keySpec: "RSA_2048" }, "Sign", { ...digest, SigningAlgorithm: "RSASSA_PKCS1_V1_5_SHA_256" }),
  "sign-with-hmac-key": onKey({ keySpec: "HMAC_256" }, "Sign", { Message: MESSAGE, SigningAlgorithm: "RSASSA_PSS_SHA_256" }),
  "verify-with-encryption-key": onKey({}, "Verify", { Message: MESSAGE, Signature: MESSAGE, SigningAlgorithm: "RSASSA_PSS_SHA_256" }),
  "mac-256": onKey({ keySpec: "HMAC_256" }, "GenerateMac", { Message: MESSAGE, MacAlgorithm: "HMAC_SHA_256" }),
  "verify-mac-256": onMac(),
  "verify-mac-other-message": onMac({ Message: text("some different important message") }),
  "mac-foreign-algorithm": onKey({ keySpec: "HMAC_224" }, "GenerateMac", { Message: MESSAGE, MacAlgorithm: "HMAC_SHA_256" }),
  "mac-unknown-algorithm": onKey({ keySpec: "HMAC_256" }, "GenerateMac", { Message: MESSAGE, MacAlgorithm: "INVALID" }),
  "describe-missing-id": plain("DescribeKey", { KeyId: "3b1f6c20-7a4e-4c55-9d0b-5e2f8a9c1d70" }),
  "describe-arn-of-other-region": plain("DescribeKey", { KeyId: "arn:aws:kms:eu-west-1:111122223333:key/3b1f6c20-7a4e-4c55-9d0b-5e2f8a9c1d70" }),
  "describe-malformed-id": plain("DescribeKey", { KeyId: "not-a-key" }),
  "create-alias-without-prefix": async (emulator) => {
    const { keyId } = await emulator.createKey();
    return call(emulator, "CreateAlias", { AliasName: "myalias", TargetKeyId: keyId });
  },
  "create-hmac-without-usage": plain("CreateKey", { KeySpec: "HMAC_256" }),
  "create-unknown-key-spec": plain("CreateKey", { KeySpec: "HMAC_random", KeyUsage: "GENERATE_VERIFY_MAC" }),
  "create-key-agreement-rsa": plain("CreateKey", { KeySpec: "RSA_2048", KeyUsage: "KEY_AGREEMENT" }),
  "rotation-status-on": onKey({}, "GetKeyRotationStatus", {}, (emulator, KeyId) => call(emulator, "EnableKeyRotation", { KeyId, RotationPeriodInDays: 90 })),
  "rotation-status-off": onKey({}, "GetKeyRotationStatus", {}, (emulator, keyId) => rotated(emulator, keyId, 1)),
  "rotate-on-demand": onKey({}, "RotateKeyOnDemand"),
  "rotate-asymmetric": onKey({ keySpec: "ECC_NIST_P256" }, "RotateKeyOnDemand"),
  "rotate-disabled": onKey({}, "RotateKeyOnDemand", {}, (emulator, KeyId) => call(emulator, "DisableKey", { KeyId })),
  "rotate-limit": onKey({}, "RotateKeyOnDemand", {}, (emulator, keyId) => rotated(emulator, keyId, 25)),
  "tag-duplicate": onKey({}, "TagResource", { Tags: [{ TagKey: "a", TagValue: "1" }, { TagKey: "a", TagValue: "2" }] }),
  "tag-value-too-long": plain("CreateKey", { Tags: [{ TagKey: "a", TagValue: "x".repeat(257) }] }),
  "get-public-key-rsa-2048-encrypt": onKey({ keySpec: "RSA_2048", keyUsage: "ENCRYPT_DECRYPT" }, "GetPublicKey"),
  "sign-pss-salt": onKey({ keySpec: "RSA_2048" }, "Sign", { Message: MESSAGE, SigningAlgorithm: "RSASSA_PSS_SHA_256" }),
  "describe-after-cancelled-deletion": onKey({}, "DescribeKey", {}, async (emulator, KeyId) => {
    await call(emulator, "ScheduleKeyDeletion", { KeyId });
    await call(emulator, "CancelKeyDeletion", { KeyId });
  }),
};

/** What these operations do is not emulated; the rest of the file must be played. */
const NOT_EMULATED = new Set(["Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateRandom", "DeriveSharedSecret", "ReplicateKey"]);

function newEmulator(): AwsEmulator {
  return createAwsEmulator({ now: () => Date.UTC(2026, 0, 15), onDemandRotationMs: 0 });
}

function checkKind(kind: unknown, value: unknown, at: string): void {
  if (Array.isArray(kind)) {
    assert.ok(Array.isArray(value), at);
    for (const item of value as unknown[]) checkKind(kind[0], item, `${at}[]`);
  } else if (typeof kind === "object") checkMembers(kind as Record<string, unknown>, value as Record<string, unknown>, at);
  else if (kind === "arn") assert.match(value as string, /^arn:aws:kms:[a-z0-9-]+:111122223333:(key|alias)\//, at);
  else if (kind === "blob") assert.match(value as string, /^[A-Za-z0-9+/]+={0,2}$/, at);
  else assert.type(value, (kind === "timestamp" ? "number" : kind) as "string", at);
}

function checkMembers(fields: Record<string, unknown>, value: Record<string, unknown>, at: string): void {
  for (const [name, kind] of Object.entries(fields)) checkKind(kind, value[name], `${at}.${name}`);
  assert.equal(Object.keys(value).sort(), Object.keys(fields).sort(), at);
}

/** `<…>` marks what varies; a list of enum values grows. */
function formOf(message: string): RegExp {
  const stable = message.replace(/enum value set: \[.*/, "enum value set: [<values>]").replace("'HMAC_random'", "'<sent>'");
  const escaped = stable.split(/<[^>]*>/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".+")}$`);
}

function checkFact(fact: Fact, reply: Reply): void {
  assert.is(reply.status, fact.status, reply.text);
  if (fact.status === 200 && fact.partial === undefined) checkMembers(fact.fields ?? {}, reply.json, fact.operation);
  if (fact.status !== 200) {
    assert.is(reply.json.__type, fact.type);
    assert.equal(Object.keys(reply.json), fact.message === null ? ["__type"] : ["__type", "message"]);
    if (typeof fact.message === "string") assert.match(reply.json.message as string, formOf(fact.message));
  }
  for (const path of Array.isArray(fact.absent) ? fact.absent : []) {
    const value = (path as string).split(".").reduce<any>((inner, name) => inner?.[name], reply.json);
    assert.is(value, undefined, path);
  }
}

for (const fact of facts.filter(({ operation }) => !NOT_EMULATED.has(operation))) {
  test(`${fact.operation}: ${fact.name}`, async () => {
    const play = PLAYS[fact.name];
    assert.ok(play, "has a play");
    checkFact(fact, await (play as Play)(newEmulator()));
  });
}

test("what was only asserted of some answers holds", async () => {
  const emulator = newEmulator();
  const cancelled = (await (PLAYS["describe-after-cancelled-deletion"] as Play)(emulator)).json.KeyMetadata;
  assert.equal([cancelled.Enabled, cancelled.KeyState, cancelled.DeletionDate], [false, "Disabled", undefined]);
  const shown = (await (PLAYS["get-public-key-rsa-2048-encrypt"] as Play)(emulator)).json;
  assert.match(shown.KeyId, /^arn:aws:kms:eu-central-1:111122223333:key\//);
  assert.equal([shown.KeySpec, shown.KeyUsage], ["RSA_2048", "ENCRYPT_DECRYPT"]);
});

test("operations that are not emulated are unknown", async () => {
  for (const operation of [...NOT_EMULATED, "GetKeyLastUsage", "__proto__", "constructor", ""]) {
    const reply = await call(newEmulator(), operation);
    assert.equal([reply.status, reply.json], [400, { __type: "UnknownOperationException" }], operation);
  }
});

test.run();
