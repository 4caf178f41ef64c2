/** Keys, aliases, tags, policies, lists and the refusals around them in the emulated KMS. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createAwsEmulator } from "../../../src/testing/aws.js";
import type { AwsEmulator } from "../../../src/testing/aws.js";
import { call } from "./caller.js";

const START = Date.UTC(2026, 0, 15, 8, 9, 10, 191);
const DAY = 86_400_000;
const MISSING = "3b1f6c20-7a4e-4c55-9d0b-5e2f8a9c1d70";

function newEmulator(): { emulator: AwsEmulator; advance(ms: number): void } {
  let time = START;
  return { emulator: createAwsEmulator({ now: () => time }), advance: (ms) => void (time += ms) };
}

async function refused(emulator: AwsEmulator, operation: string, body: object): Promise<Record<string, string>> {
  const reply = await call(emulator, operation, body);
  assert.is(reply.status, 400, `${operation} ${reply.text}`);
  return reply.json;
}

async function done(emulator: AwsEmulator, operation: string, body: object): Promise<any> {
  const reply = await call(emulator, operation, body);
  assert.is(reply.status, 200, `${operation} ${reply.text}`);
  return reply.json;
}

test("CreateKey makes every spec, and what it says is what DescribeKey says", async () => {
  const { emulator } = newEmulator();
  const specs: [string, string, string, string[]][] = [
    ["RSA_2048", "SIGN_VERIFY", "SigningAlgorithms", ["RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512"]],
    ["RSA_3072", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]],
    ["ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]],
    ["ECC_NIST_P384", "KEY_AGREEMENT", "KeyAgreementAlgorithms", ["ECDH"]],
    ["ECC_NIST_P521", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_512"]],
    ["ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]],
    ["ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "SigningAlgorithms", ["ED25519_SHA_512", "ED25519_PH_SHA_512"]],
    ["HMAC_384", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_384"]],
  ];
  for (const [KeySpec, KeyUsage, member, algorithms] of specs) {
    const { KeyMetadata } = await done(emulator, "CreateKey", { KeySpec, KeyUsage, Description: "made", Tags: [{ TagKey: "a", TagValue: "" }] });
    assert.equal([KeyMetadata.KeySpec, KeyMetadata.CustomerMasterKeySpec, KeyMetadata.KeyUsage, KeyMetadata[member]], [KeySpec, KeySpec, KeyUsage, algorithms]);
    assert.equal([KeyMetadata.CreationDate, KeyMetadata.Description, KeyMetadata.MultiRegion], [START / 1000, "made", false]);
    assert.match(KeyMetadata.KeyId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(await done(emulator, "DescribeKey", { KeyId: KeyMetadata.Arn }), { KeyMetadata });
  }
  const old = await done(emulator, "CreateKey", { CustomerMasterKeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
  assert.is(old.KeyMetadata.KeySpec, "ECC_NIST_P256");
});

test("CreateKey refuses what does not go together, and what is not emulated", async () => {
  const { emulator } = newEmulator();
  const cases: [object, string, RegExp?][] = [
    [{ KeySpec: "RSA_2048", CustomerMasterKeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY" }, "ValidationException", /KeySpec and CustomerMasterKeySpec/],
    [{ KeyUsage: "SIGN_VERIFY" }, "ValidationException", /^KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT$/],
    [{ KeySpec: "ML_DSA_65", KeyUsage: "SIGN_VERIFY" }, "UnsupportedOperationException"],
    [{ CustomKeyStoreId: "cks-1", Origin: "AWS_CLOUDHSM" }, "CustomKeyStoreNotFoundException"],
    [{ Origin: "AWS_CLOUDHSM" }, "ValidationException", /CustomKeyStoreId is required/],
    [{ Tags: [{ TagKey: "aws:x", TagValue: "" }] }, "TagException", /^Tags beginning with aws: are reserved$/],
    [{ Policy: "{" }, "MalformedPolicyDocumentException", /invalid JSON/],
    [{ Policy: JSON.stringify({ Statement: [{ Effect: "Allow", Principal: "*", Action: "kms:Sign", Resource: "*" }] }) }, "MalformedPolicyDocumentException", /^The new key policy will not allow you to update the key policy in the future\.$/],
  ];
  for (const [body, type, text] of cases) {
    const error = await refused(emulator, "CreateKey", body);
    assert.is(error["__type"], type);
    if (text === undefined) assert.equal(Object.keys(error), ["__type"]);
    else assert.match(error["message"] ?? "", text);
  }
});

test("names of keys: id, ARN, alias, alias ARN, and where which is taken", async () => {
  const { emulator } = newEmulator();
  const { keyId, arn } = await emulator.createKey({ keySpec: "ECC_NIST_P256", alias: "signing" });
  const aliasArn = "arn:aws:kms:eu-central-1:111122223333:alias/signing";
  for (const KeyId of [keyId, arn, "alias/signing", aliasArn, keyId.toUpperCase()]) {
    assert.is((await done(emulator, "DescribeKey", { KeyId })).KeyMetadata.KeyId, keyId);
  }
  const onlyKeys = ["EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion", "EnableKeyRotation", "DisableKeyRotation", "GetKeyRotationStatus"];
  for (const operation of [...onlyKeys, "RotateKeyOnDemand", "ListKeyRotations", "ListResourceTags", "GetKeyPolicy", "ListAliases"]) {
    for (const KeyId of ["alias/signing", aliasArn]) {
      const error = await refused(emulator, operation, { KeyId });
      assert.equal(error, { __type: "InvalidArnException", message: "Key Aliases are not supported for this operation." }, operation);
    }
  }
  const wrong: [string, object][] = [
    ["alias/other", { __type: "NotFoundException", message: "Alias arn:aws:kms:eu-central-1:111122223333:alias/other is not found." }],
    ["arn:aws:kms:us-east-1:111122223333:alias/signing", { __type: "NotFoundException", message: "Invalid arn us-east-1" }],
    [`arn:aws:kms:eu-central-1:111122223333:key/${MISSING}`, { __type: "NotFoundException", message: `Key 'arn:aws:kms:eu-central-1:111122223333:key/${MISSING}' does not exist` }],
    ["mrk-1234abcd12ab34cd56ef1234567890ab", { __type: "NotFoundException", message: "Key 'arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab' does not exist" }],
    ["__proto__", { __type: "NotFoundException", message: "Invalid keyId '__proto__'" }],
  ];
  for (const [KeyId, error] of wrong) assert.equal(await refused(emulator, "DescribeKey", { KeyId }), error);
  assert.is((await refused(emulator, "DescribeKey", { KeyId: "arn:aws:s3:::bucket" }))["__type"], "InvalidArnException");
  const foreign = await refused(emulator, "DescribeKey", { KeyId: arn.replace("111122223333", "999999999999") });
  assert.equal(Object.keys(foreign), ["__type", "Message"]);
  assert.is(foreign["__type"], "AccessDeniedException");
});

test("aliases: create, take, move, list, delete", async () => {
  const { emulator, advance } = newEmulator();
  const first = await emulator.createKey({ keySpec: "ECC_NIST_P256" });
  const second = await emulator.createKey({ keySpec: "RSA_2048" });
  const arn = "arn:aws:kms:eu-central-1:111122223333:alias/a/versions/1";
  const AliasName = "alias/a/versions/1";
  assert.is((await call(emulator, "CreateAlias", { AliasName, TargetKeyId: first.arn })).text, "");
  const taken = await refused(emulator, "CreateAlias", { AliasName, TargetKeyId: second.keyId });
  assert.equal(taken, { __type: "AlreadyExistsException", message: `An alias with the name ${arn} already exists` });
  const entry = { AliasArn: arn, AliasName, CreationDate: START / 1000, LastUpdatedDate: START / 1000, TargetKeyId: first.keyId };
  assert.equal(await done(emulator, "ListAliases", { KeyId: first.keyId }), { Aliases: [entry], Truncated: false });
  advance(1500);
  assert.is((await call(emulator, "UpdateAlias", { AliasName, TargetKeyId: second.keyId })).text, "");
  const moved = { ...entry, LastUpdatedDate: START / 1000 + 1.5, TargetKeyId: second.keyId };
  assert.equal(await done(emulator, "ListAliases", {}), { Aliases: [moved], Truncated: false });
  assert.equal((await done(emulator, "ListAliases", { KeyId: first.arn })).Aliases, []);
  assert.equal(emulator.aliases(), [{ name: AliasName, arn, targetKeyId: second.keyId, createdAt: new Date(START), updatedAt: new Date(START + 1500) }]);
  assert.is((await call(emulator, "DeleteAlias", { AliasName })).text, "");
  const gone = { __type: "NotFoundException", message: `Alias ${arn} is not found.` };
  assert.equal(await refused(emulator, "DeleteAlias", { AliasName }), gone);
  assert.equal(await refused(emulator, "UpdateAlias", { AliasName, TargetKeyId: first.keyId }), gone);
});

test("aliases: names and targets that are refused", async () => {
  const { emulator } = newEmulator();
  const signing = await emulator.createKey({ keySpec: "ECC_NIST_P256", alias: "signing" });
  const { keyId: mac } = await emulator.createKey({ keySpec: "HMAC_256" });
  const { keyId: agreement } = await emulator.createKey({ keySpec: "ECC_NIST_P256", keyUsage: "KEY_AGREEMENT" });
  const { keyId: doomed } = await emulator.createKey({ keySpec: "ECC_NIST_P256" });
  await done(emulator, "ScheduleKeyDeletion", { KeyId: doomed });
  const move = (TargetKeyId: string): Promise<Record<string, string>> => refused(emulator, "UpdateAlias", { AliasName: "alias/signing", TargetKeyId });
  for (const target of [mac, agreement]) assert.match((await move(target))["message"] ?? "", /same type and have the same key usage/);
  assert.is((await move(doomed))["__type"], "KMSInvalidStateException");
  assert.is((await move(MISSING))["__type"], "NotFoundException");
  assert.is((await move("alias/signing"))["message"], "Aliases must refer to keys. Not aliases");
  const create = (AliasName: string, TargetKeyId = signing.keyId): Promise<Record<string, string>> => refused(emulator, "CreateAlias", { AliasName, TargetKeyId });
  assert.is((await create("alias/new", doomed))["__type"], "KMSInvalidStateException");
  assert.equal(await create("alias/aws/mine"), { __type: "NotAuthorizedException" });
  assert.equal(await create("alias/"), { __type: "InvalidAliasNameException" });
  assert.match((await create("alias/a b"))["message"] ?? "", /^1 validation error detected: Value 'alias\/a b' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: /);
  assert.match((await create(`alias/${"a".repeat(251)}`))["message"] ?? "", /length less than or equal to 256$/);
  for (let index = 1; index < 50; index += 1) await done(emulator, "CreateAlias", { AliasName: `alias/n${index}`, TargetKeyId: signing.keyId });
  assert.is((await create("alias/n50"))["__type"], "LimitExceededException");
});

test("lists are paged, with markers of their own, and a page can be empty and truncated", async () => {
  const { emulator } = newEmulator();
  const { keyId } = await emulator.createKey({ tags: Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`t${index}`, "v"])) });
  for (let index = 0; index < 7; index += 1) await emulator.createKey({ alias: `alias/n${index}` });
  const lists: [string, string, object, number][] = [
    ["ListKeys", "Keys", {}, 8],
    ["ListAliases", "Aliases", {}, 7],
    ["ListResourceTags", "Tags", { KeyId: keyId }, 7],
  ];
  for (const [operation, member, body, total] of lists) {
    emulator.setEmptyPages(1);
    const found = new Set<string>();
    let Marker: string | undefined;
    let pages = 0;
    do {
      const page: any = await done(emulator, operation, { ...body, Limit: 3, Marker });
      assert.is(page[member].length, pages === 0 ? 0 : Math.min(3, total - 3 * (pages - 1)), `${operation} page ${pages}`);
      for (const item of page[member]) found.add(JSON.stringify(item));
      assert.is("NextMarker" in page, page.Truncated);
      Marker = page.NextMarker;
      pages += 1;
    } while (Marker !== undefined);
    assert.equal([found.size, pages], [total, 4], operation);
    for (const marker of ["x", "AAAA"]) assert.is((await refused(emulator, operation, { ...body, Marker: marker }))["__type"], "InvalidMarkerException");
  }
  const { NextMarker } = await done(emulator, "ListAliases", { Limit: 1 });
  assert.is((await refused(emulator, "ListKeys", { Marker: NextMarker }))["__type"], "InvalidMarkerException");
  assert.match((await refused(emulator, "ListAliases", { Limit: 101 }))["message"] ?? "", /^1 validation error detected: Value '101' at 'limit' .*less than or equal to 100$/);
  assert.match((await refused(emulator, "ListResourceTags", { KeyId: keyId, Limit: 0 }))["message"] ?? "", /greater than or equal to 1$/);
});

test("enable, disable, schedule, cancel; a key whose time is up is gone with its aliases", async () => {
  const { emulator, advance } = newEmulator();
  const { keyId: KeyId, arn } = await emulator.createKey({ keySpec: "ECC_NIST_P256", alias: "doomed" });
  assert.is((await call(emulator, "DisableKey", { KeyId })).text, "");
  assert.is(emulator.key(KeyId)?.state, "Disabled");
  await done(emulator, "EnableKey", { KeyId });
  assert.is(emulator.key("alias/doomed")?.state, "Enabled");
  assert.equal(await refused(emulator, "CancelKeyDeletion", { KeyId }), { __type: "KMSInvalidStateException", message: `${arn} is not pending deletion.` });
  const deletion = { DeletionDate: (START + 7 * DAY) / 1000, KeyId: arn, KeyState: "PendingDeletion", PendingWindowInDays: 7 };
  assert.equal(await done(emulator, "ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 7 }), deletion);
  const { KeyMetadata } = await done(emulator, "DescribeKey", { KeyId });
  assert.equal([KeyMetadata.Enabled, KeyMetadata.KeyState, KeyMetadata.DeletionDate], [false, "PendingDeletion", deletion.DeletionDate]);
  const pending = { __type: "KMSInvalidStateException", message: `${arn} is pending deletion.` };
  const body = { KeyId, Tags: [], TagKeys: [], Policy: "{}" };
  for (const operation of ["ScheduleKeyDeletion", "EnableKey", "DisableKey", "TagResource", "UntagResource", "PutKeyPolicy"]) {
    assert.equal(await refused(emulator, operation, body), pending, operation);
  }
  assert.equal(await done(emulator, "CancelKeyDeletion", { KeyId }), { KeyId: arn });
  assert.is(emulator.key(KeyId)?.state, "Disabled");
  assert.is((await done(emulator, "ScheduleKeyDeletion", { KeyId })).PendingWindowInDays, 30);
  advance(30 * DAY - 1);
  assert.ok(emulator.key(KeyId));
  advance(1);
  assert.is(emulator.key(KeyId), undefined);
  assert.equal(emulator.aliases(), []);
  assert.is((await refused(emulator, "DescribeKey", { KeyId }))["__type"], "NotFoundException");
  for (const days of [6, 31]) assert.match((await refused(emulator, "ScheduleKeyDeletion", { KeyId, PendingWindowInDays: days }))["message"] ?? "", /'pendingWindowInDays'/);
});

test("a primary with replicas waits for them before its deletion begins", async () => {
  const { emulator, advance } = newEmulator();
  const { keyId: KeyId } = await emulator.createKey({ keySpec: "ECC_NIST_P256", replicaRegions: ["eu-west-1"] });
  assert.match(KeyId, /^mrk-[0-9a-f]{32}$/);
  assert.is((await done(emulator, "ScheduleKeyDeletion", { KeyId })).KeyState, "PendingReplicaDeletion");
  advance(100 * DAY);
  const { KeyMetadata } = await done(emulator, "DescribeKey", { KeyId });
  assert.equal([KeyMetadata.KeyState, KeyMetadata.PendingDeletionWindowInDays, KeyMetadata.DeletionDate], ["PendingReplicaDeletion", 30, undefined]);
});

test("tags and policies", async () => {
  const { emulator } = newEmulator();
  const { keyId: KeyId } = await emulator.createKey({ tags: { a: "1" } });
  assert.is((await call(emulator, "TagResource", { KeyId, Tags: [{ TagKey: "b", TagValue: "2" }, { TagKey: "a", TagValue: "3" }] })).text, "");
  const tags = [{ TagKey: "a", TagValue: "3" }, { TagKey: "b", TagValue: "2" }];
  assert.equal(await done(emulator, "ListResourceTags", { KeyId }), { Tags: tags, Truncated: false });
  await done(emulator, "UntagResource", { KeyId, TagKeys: ["a", "none"] });
  assert.equal(emulator.key(KeyId)?.tags, { b: "2" });
  const many = Array.from({ length: 50 }, (_, index) => ({ TagKey: `t${index}`, TagValue: "" }));
  assert.equal(await refused(emulator, "TagResource", { KeyId, Tags: many }), { __type: "TagException", message: "Too many tags" });
  assert.equal(emulator.key(KeyId)?.tags, { b: "2" });

  const { Policy, PolicyName } = await done(emulator, "GetKeyPolicy", { KeyId });
  assert.is(PolicyName, "default");
  assert.is(JSON.parse(Policy).Statement[0].Principal.AWS, "arn:aws:iam::111122223333:root");
  const own = '{ "Statement": {"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/admin"]},"Action":["kms:Put*"]} }';
  await done(emulator, "PutKeyPolicy", { KeyId, Policy: own });
  assert.is((await done(emulator, "GetKeyPolicy", { KeyId, PolicyName: "default" })).Policy, own);
  assert.equal(await refused(emulator, "GetKeyPolicy", { KeyId, PolicyName: "other" }), { __type: "NotFoundException", message: "No such policy exists" });
  const locking = own.replace("111122223333", "999999999999");
  assert.is((await refused(emulator, "PutKeyPolicy", { KeyId, Policy: locking }))["__type"], "MalformedPolicyDocumentException");
  await done(emulator, "PutKeyPolicy", { KeyId, Policy: locking, BypassPolicyLockoutSafetyCheck: true });
});

test("wrong JSON types, broken constraints, several at once", async () => {
  const { emulator } = newEmulator();
  const serialization: [object | string, string?][] = [
    [{ KeyId: 1 }, "NUMBER_VALUE can not be converted to a String"],
    [{ KeyId: true }, "TRUE_VALUE can not be converted to a String"],
    [{ KeyId: {} }, "Start of structure or map found where not expected."],
    [{ KeyId: "x", Message: "not base64!" }, "Invalid base64"],
    [{ KeyId: "x", DryRun: "yes" }, "STRING_VALUE can not be converted to a Boolean"],
    [{ KeyId: "x", GrantTokens: "t" }, "STRING_VALUE can not be converted to a list"],
    ["{"],
    [""],
    ["[]", "Unexpected token type"],
  ];
  for (const [body, text] of serialization) {
    const { status, json } = await call(emulator, "Sign", body, typeof body === "string" ? { text: body } : {});
    assert.equal([status, json], [400, { __type: "SerializationException", ...(text === undefined ? {} : { Message: text }) }]);
  }
  const several = await refused(emulator, "Sign", { KeyId: "", Message: null, MessageType: "raw" });
  assert.is(several["__type"], "ValidationException");
  assert.match(several["message"] ?? "", /^4 validation errors detected: Value '' at 'keyId' .*; Value at 'message' .* not be null; Value 'raw' at 'messageType' .*; Value null at 'signingAlgorithm' .* not be null$/);
  const unknown = await call(emulator, "ListKeys", { Unknown: 1, Limit: null });
  assert.is(unknown.status, 200, "unknown members and null are left out of account");
});

test("a fresh key is not found the first times", async () => {
  const { emulator } = newEmulator();
  emulator.setEventualConsistency(2);
  const { KeyMetadata } = await done(emulator, "CreateKey", { KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
  const target = { AliasName: "alias/fresh", TargetKeyId: KeyMetadata.KeyId };
  for (let times = 0; times < 2; times += 1) assert.is((await refused(emulator, "CreateAlias", target))["__type"], "NotFoundException");
  await done(emulator, "CreateAlias", target);
  await done(emulator, "DescribeKey", { KeyId: "alias/fresh" });
});

test.run();
