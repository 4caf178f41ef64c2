/** What the provider's methods mean: verdicts, versions, metadata. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ProviderKeyVersion } from "../../src/kms/provider.js";
import { createAwsKms } from "../../src/aws/index.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import {
  ALIAS,
  ALIAS_ARN,
  aliasItem,
  arnOf,
  CREDENTIALS,
  KEY_ARN,
  KEY_ID,
  keyMetadata,
  NOW,
  OTHER_ID,
  PUBLIC_KEY,
  refusal,
  REGION,
  SIGNATURE,
  testProvider,
  testService,
  THIRD_ID,
  type Answering,
  type Given,
  type Sent,
} from "./service.js";

const MESSAGE = Uint8Array.of(1);
const SIGN = { algorithm: "ES256", form: "message", input: MESSAGE } as const;
const SYMMETRIC = { KeySpec: "SYMMETRIC_DEFAULT", CustomerMasterKeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "ENCRYPT_DECRYPT", SigningAlgorithms: undefined };
const V = (number: number): string => `${ALIAS}/versions/${number}`;

async function drain(versions: AsyncIterable<ProviderKeyVersion>): Promise<ProviderKeyVersion[]> {
  const all: ProviderKeyVersion[] = [];
  for await (const version of versions) all.push(version);
  return all;
}

/** A service whose alias points to KEY_ID, with OTHER_ID and THIRD_ID in its register. */
function registered(more: readonly Record<string, unknown>[] = []): Answering {
  const aliases = [aliasItem("alias/aws/s3", undefined), aliasItem(ALIAS, KEY_ID), aliasItem(V(2), KEY_ID), aliasItem(V(1), OTHER_ID), aliasItem(V(10), THIRD_ID), ...more];
  return ({ operation, members }) => {
    if (operation === "DescribeKey") {
      const id = String(members.KeyId).includes("alias/") ? KEY_ID : (members.KeyId as string);
      return { body: keyMetadata({ KeyId: id, KeyState: id === OTHER_ID ? "Disabled" : "Enabled" }) };
    }
    if (operation === "Sign") return { body: { KeyId: KEY_ARN, Signature: SIGNATURE, SigningAlgorithm: members.SigningAlgorithm } };
    if (operation === "GetPublicKey") return { body: { KeyId: KEY_ARN, PublicKey: PUBLIC_KEY } };
    const start = members.Marker === undefined ? 0 : Number(members.Marker);
    const page = aliases.slice(start, start + 2);
    // An empty page that is truncated comes first.
    if (start === 0 && members.Marker === undefined) return { body: { Aliases: [], Truncated: true, NextMarker: "0" } };
    const more = start + 2 < aliases.length;
    return { body: more ? { Aliases: page, Truncated: true, NextMarker: String(start + 2) } : { Aliases: page, Truncated: false, NextMarker: null } };
  };
}

const operations = (sent: readonly Sent[]): string[] => sent.map(({ operation }) => operation);

test("the service's no to a signature is false, anything else is thrown", async () => {
  const verify = (given: Given) =>
    testProvider(testService(given), { retry: { attempts: 1 } }).verify?.({ key: { keyId: KEY_ID }, ...SIGN, signature: new Uint8Array(64).fill(1) }, testContext()) as Promise<boolean>;
  const answer = { KeyId: KEY_ARN, SigningAlgorithm: "ECDSA_SHA_256" };
  assert.is(await verify({ body: { ...answer, SignatureValid: true } }), true);
  assert.is(await verify({ body: { ...answer, SignatureValid: false } }), false);
  assert.is(await verify({ status: 400, body: { __type: "KMSInvalidSignatureException" } }), false);
  assert.is(await verify({ status: 400, body: { __type: "com.amazonaws.kms#KMSInvalidSignatureException:x" } }), false);
  await rejects(verify(refusal("InvalidKeyUsageException")), "ERR_KMS_KEY_MISMATCH");
  await rejects(verify(refusal("ValidationException")), "ERR_KMS_REJECTED");
  await rejects(verify(refusal("DisabledException")), "ERR_KMS_KEY_STATE");
  await rejects(verify({ status: 500 }), "ERR_KMS_UNAVAILABLE");
});

test("the version is the key behind the alias, from the answer", async () => {
  let current = KEY_ID;
  const service = testService(() => ({ body: { KeyId: arnOf(current), Signature: SIGNATURE, SigningAlgorithm: "ECDSA_SHA_256" }, headers: { "x-amzn-requestid": "id-1" } }));
  const provider = testProvider(service);
  const sign = () => provider.sign({ key: { keyId: ALIAS }, ...SIGN }, testContext());
  const signed = await sign();
  assert.is(signed.keyVersion, KEY_ID);
  assert.is(signed.requestId, "id-1");
  assert.is(signed.encoding, "ieee-p1363");
  assert.is(signed.signature.length, 64);
  current = OTHER_ID;
  assert.is((await sign()).keyVersion, OTHER_ID);
});

test("versions behind an alias: the register over all pages, and the current key", async () => {
  const service = testService(registered());
  const versions = await drain(testProvider(service).listKeyVersions({ keyId: ALIAS }, [], testContext));
  assert.equal(versions, [
    { keyVersion: KEY_ID, current: true, createdAt: new Date(1_700_000_000_500) },
    { keyVersion: OTHER_ID, current: false },
    { keyVersion: THIRD_ID, current: false },
  ]);
  assert.equal(operations(service.sent), ["DescribeKey", ...Array<string>(4).fill("ListAliases")]);
});

test("with states there is one request more for each version that is not current", async () => {
  const service = testService(registered());
  const versions = await drain(testProvider(service).listKeyVersions({ keyId: ALIAS }, ["state"], testContext));
  assert.equal(versions.map(({ keyVersion, state }) => [keyVersion, state]), [
    [KEY_ID, "enabled"],
    [OTHER_ID, "disabled"],
    [THIRD_ID, "enabled"],
  ]);
  assert.equal(service.sent.slice(5).map(({ body }) => body), [`{"KeyId":"${OTHER_ID}"}`, `{"KeyId":"${THIRD_ID}"}`]);
});

test("a version that was deleted meanwhile is left out", async () => {
  const all = registered();
  const service = testService((sent, index) => (sent.members.KeyId === OTHER_ID ? refusal("NotFoundException") : all(sent, index)));
  const versions = await drain(testProvider(service).listKeyVersions({ keyId: ALIAS }, ["state"], testContext));
  assert.equal(versions.map(({ keyVersion }) => keyVersion), [KEY_ID, THIRD_ID]);
});

test("names that only look like entries are none", async () => {
  const names = ["alias/signing/versions/01", "alias/signing/versions/0", "alias/signing/versions/-1", "alias/signing/versions/1/x", "alias/signing/versions/9999999999", "alias/signing2/versions/1", "alias/signing/version/1"];
  const foreign = "dddddddd-12ab-34cd-56ef-1234567890ab";
  const service = testService(registered(names.map((name) => aliasItem(name, foreign))));
  const versions = await drain(testProvider(service).listKeyVersions({ keyId: ALIAS }, [], testContext));
  assert.not.ok(versions.some(({ keyVersion }) => keyVersion === foreign));
});

test("aliases of another account have nothing to do with a configured alias ARN", async () => {
  const elsewhere = ALIAS_ARN.replace("111122223333", "999999999999");
  const all = registered();
  const service = testService((sent, index) =>
    sent.operation === "DescribeKey" ? { body: keyMetadata({ Arn: arnOf(KEY_ID, REGION, "999999999999") }) } : all(sent, index),
  );
  const provider = testProvider(service);
  assert.equal((await drain(provider.listKeyVersions({ keyId: elsewhere }, [], testContext))).map(({ keyVersion }) => keyVersion), [KEY_ID]);
  assert.is(await provider.ownsVersion({ keyId: elsewhere }, OTHER_ID, testContext()), false);
  assert.is(await provider.ownsVersion({ keyId: elsewhere }, KEY_ID, testContext()), true);
});

test("a bare key has one version, itself", async () => {
  const service = testService({ body: keyMetadata({ ...SYMMETRIC, ValidTo: 1_800_000_000 }) });
  for (const keyId of [KEY_ID, KEY_ARN]) {
    const versions = await drain(testProvider(service).listKeyVersions({ keyId }, ["state"], testContext));
    assert.equal(versions, [{ keyVersion: KEY_ID, current: true, state: "enabled", createdAt: new Date(1_700_000_000_500), expiresAt: new Date(1_800_000_000_000) }]);
  }
  assert.is(service.sent.length, 2);
});

test("ownsVersion of a bare key asks nothing", async () => {
  const service = testService(registered());
  const provider = testProvider(service);
  for (const keyId of [KEY_ID, KEY_ARN]) {
    assert.is(await provider.ownsVersion({ keyId }, KEY_ID, testContext()), true);
    for (const foreign of [OTHER_ID, KEY_ARN, "../x", "", ALIAS]) assert.is(await provider.ownsVersion({ keyId }, foreign, testContext()), false);
  }
  assert.is(await provider.ownsVersion({ keyId: ALIAS, keyVersion: KEY_ID }, KEY_ID, testContext()), true);
  assert.is(service.sent.length, 0);
});

test("behind an alias the current key and those in the register are versions", async () => {
  const service = testService(registered());
  const provider = testProvider(service);
  const owns = (keyVersion: string) => provider.ownsVersion({ keyId: ALIAS }, keyVersion, testContext());
  assert.is(await owns(KEY_ID), true);
  assert.equal(operations(service.sent), ["DescribeKey"]);
  assert.is(await owns(OTHER_ID), true);
  assert.is(await owns(THIRD_ID), true);
  assert.equal(operations(service.sent), ["DescribeKey", ...Array<string>(4).fill("ListAliases")]);
});

test("a flood of foreign ids costs one look, and no request names one of them", async () => {
  const service = testService(registered());
  const provider = testProvider(service);
  const foreign = (index: number): string => `${index.toString(16).padStart(8, "0")}-1111-4222-8333-444455556666`;
  const asked = Array.from({ length: 200 }, (_, index) => provider.ownsVersion({ keyId: ALIAS }, foreign(index), testContext()));
  assert.equal(new Set(await Promise.all(asked)), new Set([false]));
  for (let index = 200; index < 220; index += 1) assert.is(await provider.ownsVersion({ keyId: ALIAS }, foreign(index), testContext()), false);
  for (const hostile of ["", "../x", arnOf(foreign(1)), `${OTHER_ID}\n`, "a".repeat(100_000)]) assert.is(await provider.ownsVersion({ keyId: ALIAS }, hostile, testContext()), false);
  assert.equal(operations(service.sent), ["DescribeKey", ...Array<string>(4).fill("ListAliases")]);
  assert.not.ok(service.sent.some(({ body }) => body.includes("1111-4222-8333")));
});

test("what a signature or public key taught needs no question", async () => {
  const service = testService(registered());
  const provider = testProvider(service);
  await provider.sign({ key: { keyId: ALIAS }, ...SIGN }, testContext());
  assert.is(await provider.ownsVersion({ keyId: ALIAS }, KEY_ID, testContext()), true);
  await provider.getPublicKey({ keyId: ALIAS_ARN }, testContext());
  assert.is(await provider.ownsVersion({ keyId: ALIAS_ARN }, KEY_ID, testContext()), true);
  assert.equal(operations(service.sent), ["Sign", "GetPublicKey"]);
  // An answer about one version says nothing of the alias.
  await provider.getPublicKey({ keyId: "alias/other", keyVersion: KEY_ID }, testContext());
  await provider.ownsVersion({ keyId: "alias/other" }, KEY_ID, testContext());
  assert.is(operations(service.sent).at(-1), "DescribeKey");
});

test("a failed look is not remembered", async () => {
  let denied = true;
  const all = registered();
  const service = testService((sent, index) => (denied && sent.operation === "ListAliases" ? refusal("AccessDeniedException") : all(sent, index)));
  const provider = testProvider(service);
  await rejects(provider.ownsVersion({ keyId: ALIAS }, OTHER_ID, testContext()), "ERR_KMS_ACCESS_DENIED");
  denied = false;
  assert.is(await provider.ownsVersion({ keyId: ALIAS }, OTHER_ID, testContext()), true);
});

test("metadata in our words", async () => {
  const rows: [members: Record<string, unknown>, expected: Record<string, unknown>][] = [
    [{}, { keyType: "P-256", algorithms: ["ES256"], state: "enabled", usableFor: ["sign", "verify"], origin: "service", protection: "hsm" }],
    [{ KeySpec: "ECC_SECG_P256K1" }, { keyType: "secp256k1", algorithms: ["ES256K"] }],
    [{ KeySpec: "ECC_NIST_EDWARDS25519", SigningAlgorithms: ["ED25519_SHA_512", "ED25519_PH_SHA_512"] }, { keyType: "Ed25519", algorithms: ["Ed25519"] }],
    [{ KeySpec: "RSA_3072", SigningAlgorithms: ["RSASSA_PSS_SHA_512", "RSASSA_PKCS1_V1_5_SHA_256", "NEW"] }, { keyType: "RSA-3072", algorithms: ["RS256", "PS512"] }],
    [{ KeySpec: "ML_DSA_65", SigningAlgorithms: ["ML_DSA_SHAKE_256"] }, { keyType: "ML-DSA-65", algorithms: [] }],
    [{ KeySpec: "HMAC_384", KeyUsage: "GENERATE_VERIFY_MAC", SigningAlgorithms: undefined }, { keyType: "HMAC-384", usableFor: ["generateMac", "verifyMac"], minRotationIntervalMs: undefined }],
    [SYMMETRIC, { keyType: "AES-256", usableFor: ["encrypt", "decrypt"], minRotationIntervalMs: 90 * 86_400_000 }],
    [{ KeyState: "PendingReplicaDeletion", KeyUsage: "KEY_AGREEMENT" }, { state: "pending-deletion", usableFor: ["deriveKey"] }],
    [{ KeyState: "PendingImport", Origin: "EXTERNAL", ValidTo: 1_800_000_000 }, { state: "pending-import", origin: "imported", expiresAt: new Date(1_800_000_000_000) }],
    [{ Origin: "EXTERNAL_KEY_STORE", KeyState: "Unavailable" }, { origin: "external", protection: "external", state: "unavailable" }],
    [{ KeySpec: undefined, CustomerMasterKeySpec: "RSA_2048" }, { keyType: "RSA-2048" }],
  ];
  for (const [members, expected] of rows) {
    const metadata = (await testProvider(testService({ body: keyMetadata(members) })).getKeyMetadata({ keyId: ALIAS }, [], testContext())) as unknown as Record<string, unknown>;
    for (const [name, value] of Object.entries(expected)) assert.equal(metadata[name], value, `${JSON.stringify(members)} ${name}`);
    assert.is(metadata.keyVersion, KEY_ID);
  }
});

test("tags of all pages, whatever their names", async () => {
  const service = testService(
    { body: keyMetadata() },
    { body: { Tags: [], Truncated: true, NextMarker: "m" } },
    { bodyText: '{"Tags":[{"TagKey":"__proto__","TagValue":"1"},{"TagKey":"team","TagValue":""}],"Truncated":false}' },
  );
  const { tags } = await testProvider(service).getKeyMetadata({ keyId: ALIAS }, ["tags"], testContext());
  assert.equal(Object.entries(tags ?? {}), [["__proto__", "1"], ["team", ""]]);
  assert.is(service.sent[2]?.members.Marker, "m");
});

test("the last rotation counts, also one that is running", async () => {
  const rotations = { Rotations: [{ RotationDate: 1_700_000_100 }, { RotationDate: 1_700_000_200 }], Truncated: false };
  const read = async (status: Record<string, unknown>, listed: unknown = rotations) =>
    testProvider(testService({ body: keyMetadata(SYMMETRIC) }, { body: { KeyRotationEnabled: false, ...status } }, { body: listed })).getKeyMetadata({ keyId: KEY_ID }, ["rotation"], testContext());
  assert.equal((await read({})).rotatedAt, new Date(1_700_000_200_000));
  assert.equal((await read({ OnDemandRotationStartDate: 1_700_000_300 })).rotatedAt, new Date(1_700_000_300_000));
  assert.is((await read({}, { Rotations: [] })).rotatedAt, undefined);
  assert.equal((await read({ KeyRotationEnabled: true, NextRotationDate: 1_800_000_000 })).nextRotationAt, new Date(1_800_000_000_000));
  const asymmetric = testService({ body: keyMetadata() });
  await testProvider(asymmetric).getKeyMetadata({ keyId: KEY_ID }, ["rotation"], testContext());
  assert.is(asymmetric.sent.length, 1);
});

test("a manager is made out of one flat object, and reports all problems at once", async () => {
  const service = testService({ body: { KeyId: KEY_ARN, Signature: SIGNATURE, SigningAlgorithm: "ECDSA_SHA_256" } });
  const kms = createAwsKms({ region: REGION, keyId: ALIAS, credentials: CREDENTIALS, env: {}, fetch: service.fetch, now: () => NOW, algorithm: "ES256" });
  const signed = await kms.sign(MESSAGE);
  assert.is(signed.keyVersion, KEY_ID);
  assert.is(signed.encoding, "ieee-p1363");
  assert.is(signed.signature.length, 64);
  assert.is(service.sent.length, 1);
  const error = await rejects(() => createAwsKms({ region: "x", keyId: "y", other: 1, timeoutMs: 0 } as never), "ERR_KMS_CONFIG");
  assert.ok((error as unknown as { problems: string[] }).problems.length >= 2);
});

test.run();
