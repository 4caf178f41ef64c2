/** The emulated KMS as a whole: protocol, answers, faults, regions, and what tests do with it directly. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createAwsEmulator } from "../../src/testing/aws.js";
import { createAwsEmulator as exported } from "../../src/testing/index.js";
import { rejects } from "../support/rejects.js";
import { call, signedRequest } from "./aws/caller.js";
import type { CallOptions } from "./aws/caller.js";

const NOW = Date.UTC(2026, 0, 15, 8, 9, 10);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("it is an export of the testing entry", () => assert.is(exported, createAwsEmulator));

test("every answer has the type, a request id and the date of its clock", async () => {
  const emulator = createAwsEmulator({ now: () => NOW });
  const { keyId } = await emulator.createKey();
  const replies = [await call(emulator, "ListKeys"), await call(emulator, "EnableKey", { KeyId: keyId }), await call(emulator, "DescribeKey", { KeyId: "x" })];
  assert.equal(replies.map(({ status }) => status), [200, 200, 400]);
  for (const { headers, text } of replies) {
    assert.is(headers.get("content-type"), "application/x-amz-json-1.1");
    assert.is(headers.get("date"), "Thu, 15 Jan 2026 08:09:10 GMT");
    assert.match(headers.get("x-amzn-requestid") ?? "", UUID);
    assert.is(headers.get("content-length"), String(Buffer.byteLength(text)));
  }
  assert.is(replies[1]?.text, "");
});

test("refuses other methods, paths, content types and targets", async () => {
  const emulator = createAwsEmulator();
  const cases: CallOptions[] = [
    { method: "GET" },
    { method: "PUT" },
    { url: "https://kms.eu-central-1.amazonaws.com/other" },
    { headers: { "content-type": "application/json" } },
    { headers: { "content-type": "application/x-amz-json-1.0" } },
    { headers: { "content-type": undefined } },
    { target: "ListKeys" },
    { target: "Trent.ListKeys" },
    { target: "TrentService.listKeys" },
    { headers: { "x-amz-target": undefined } },
  ];
  for (const options of cases) {
    const reply = await call(emulator, "ListKeys", {}, options);
    assert.equal([reply.status, reply.json], [400, { __type: "UnknownOperationException" }], JSON.stringify(options));
  }
});

test("a custom endpoint gives the path", async () => {
  const emulator = createAwsEmulator({ endpoint: "http://localhost:8443/proxy/a%20b" });
  assert.is((await call(emulator, "ListKeys", {}, { url: "http://localhost:8443/proxy/a%20b/" })).status, 200);
  assert.is((await call(emulator, "ListKeys", {}, { url: "http://localhost:8443/" })).status, 400);
});

test("other regions and partitions name themselves in endpoint and ARN", async () => {
  const regions = {
    "us-east-1": ["https://kms.us-east-1.amazonaws.com", "arn:aws:kms:us-east-1:"],
    "cn-north-1": ["https://kms.cn-north-1.amazonaws.com.cn", "arn:aws-cn:kms:cn-north-1:"],
    "us-gov-west-1": ["https://kms.us-gov-west-1.amazonaws.com", "arn:aws-us-gov:kms:us-gov-west-1:"],
    "eusc-de-east-1": ["https://kms.eusc-de-east-1.amazonaws.eu", "arn:aws-eusc:kms:eusc-de-east-1:"],
  };
  for (const [region, [endpoint, arn = ""]] of Object.entries(regions)) {
    const emulator = createAwsEmulator({ region, accountId: "999999999999" });
    assert.is(emulator.endpoint, endpoint);
    const created = await call(emulator, "CreateKey");
    assert.is(created.json.KeyMetadata.Arn, `${arn}999999999999:key/${created.json.KeyMetadata.KeyId}`);
    assert.is((await call(emulator, "DescribeKey", { KeyId: created.json.KeyMetadata.Arn })).status, 200);
  }
});

test("faults: throttling is 400 with the service's words; a request that is cut afterwards took effect", async () => {
  const emulator = createAwsEmulator();
  emulator.faults.inject({ kind: "throttle" });
  const throttled = await call(emulator, "ListKeys");
  assert.is(throttled.status, 400);
  assert.equal(throttled.json, {
    __type: "ThrottlingException",
    message: "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
  });
  emulator.faults.inject({ kind: "cut-after", when: ({ operation }) => operation === "TrentService.CreateKey" });
  assert.is((await call(emulator, "ListKeys")).json.Keys.length, 0);
  const error = await call(emulator, "CreateKey").catch((reason: unknown) => reason);
  assert.instance(error, TypeError);
  assert.is((await call(emulator, "ListKeys")).json.Keys.length, 1);
  assert.equal(emulator.requests.map(({ operation, fault }) => [operation, fault]), [
    ["TrentService.ListKeys", "throttle"],
    ["TrentService.ListKeys", undefined],
    ["TrentService.CreateKey", "cut-after"],
    ["TrentService.ListKeys", undefined],
  ]);
});

test("handle answers without recording", async () => {
  const emulator = createAwsEmulator();
  const response = await emulator.handle(signedRequest(emulator, "ListKeys", {}, {}));
  assert.equal([response.status, emulator.requests.length], [200, 0]);
});

test("keys made directly: by spec, type, JWK, id, alias, state", async () => {
  const emulator = createAwsEmulator({ now: () => NOW });
  const keyId = "1234abcd-12ab-34cd-56ef-1234567890ab";
  const made = await emulator.createKey({ keyType: "Ed25519", keyId, alias: "alias/mine", description: "d", tags: { a: "b" }, policy: "{}" });
  const arn = `arn:aws:kms:eu-central-1:111122223333:key/${keyId}`;
  assert.equal(made, { keyId, arn });
  const { spki, publicJwk, currentKeyMaterialId: _material, ...rest } = emulator.key("arn:aws:kms:eu-central-1:111122223333:alias/mine") ?? {};
  assert.equal(rest, {
    ...made,
    keySpec: "ECC_NIST_EDWARDS25519",
    keyType: "Ed25519",
    keyUsage: "SIGN_VERIFY",
    state: "Enabled",
    origin: "AWS_KMS",
    description: "d",
    policy: "{}",
    tags: { a: "b" },
    createdAt: new Date(NOW),
    aliases: ["alias/mine"],
    rotations: [],
  });
  assert.is(spki?.length, 44);
  assert.is(publicJwk?.crv, "Ed25519");
  assert.is(emulator.key(arn)?.keyId, keyId);
  assert.is(emulator.key("alias/none"), undefined);
  const managed = await emulator.createKey({ alias: "alias/aws/s3", keyManager: "AWS", customKeyStoreId: "cks-1234567890abcdef0", origin: "AWS_CLOUDHSM" });
  const { KeyMetadata } = (await call(emulator, "DescribeKey", { KeyId: "alias/aws/s3" })).json;
  assert.equal([KeyMetadata.KeyId, KeyMetadata.KeyManager, KeyMetadata.CustomKeyStoreId], [managed.keyId, "AWS", "cks-1234567890abcdef0"]);
  const moved = await emulator.createKey({ alias: "mine" });
  assert.is(emulator.key("alias/mine")?.keyId, moved.keyId);
});

test("keys that cannot be are refused", async () => {
  const emulator = createAwsEmulator();
  const oct = { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", alg: "A128GCM" };
  await rejects(emulator.createKey({ keyId: "mine" }), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(emulator.createKey({ keyType: "AES-128" }), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(emulator.createKey({ privateJwk: oct }), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(emulator.createKey({ privateJwk: { kty: "EC" } }), "ERR_KMS_INVALID_JWK");
  await rejects(emulator.createKey({ keySpec: "RSA_2048", privateJwk: { ...oct, alg: "HS256" } }), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(emulator.createKey({ keySpec: "ECC_NIST_P256", keyUsage: "ENCRYPT_DECRYPT" }), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(() => emulator.setKeyState("alias/none", "Disabled"), "ERR_KMS_INVALID_ARGUMENT");
});

test.run();
