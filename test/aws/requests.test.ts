/** The whole request of every operation: method, URL, headers, body. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { signMembers } from "../../src/aws/requests.js";
import type { SignatureAlgorithm } from "../../src/algorithms.js";
import { KmsManager } from "../../src/kms/manager.js";
import type { CallContext, KmsProvider } from "../../src/kms/provider.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import {
  ALIAS,
  ALIAS_ARN,
  aliasItem,
  arnOf,
  KEY_ARN,
  KEY_ID,
  keyMetadata,
  OTHER_ID,
  PUBLIC_KEY,
  SIGNATURE,
  testProvider,
  testService,
  URL_OF_REGION,
  type Answering,
} from "./service.js";

const MESSAGE = new TextEncoder().encode("hello");
const DIGEST = new Uint8Array(32).fill(7);
const DIGEST_TEXT = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const P1363 = new Uint8Array(64).fill(1);
const P1363_AS_DER = "MEQCIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAiABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==";

/** Good answers, whatever is asked. */
const answering: Answering = ({ operation, members }) => {
  const bodies: Record<string, unknown> = {
    Sign: { KeyId: KEY_ARN, Signature: SIGNATURE, SigningAlgorithm: members.SigningAlgorithm },
    Verify: { KeyId: KEY_ARN, SignatureValid: true, SigningAlgorithm: members.SigningAlgorithm },
    GetPublicKey: { KeyId: KEY_ARN, PublicKey: PUBLIC_KEY, KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY", SigningAlgorithms: ["ECDSA_SHA_256"] },
    DescribeKey: keyMetadata({ KeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "ENCRYPT_DECRYPT" }),
    ListResourceTags: { Tags: [], Truncated: false },
    GetKeyRotationStatus: { KeyId: KEY_ID, KeyRotationEnabled: false },
    ListKeyRotations: { Rotations: [], Truncated: false },
    ListAliases: { Aliases: [aliasItem(ALIAS, KEY_ID)], Truncated: false },
    RotateKeyOnDemand: { KeyId: KEY_ARN },
  };
  return { body: bodies[operation] };
};

type Run = (provider: KmsProvider, context: CallContext) => unknown;
type Expected = [operation: string, body: string];
const KEY = { keyId: KEY_ID };

const drain = async (versions: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of versions);
};

const CASES: [name: string, run: Run, ...expected: Expected[]][] = [
  [
    "sign, message",
    (provider, context) => provider.sign({ key: KEY, algorithm: "ES256", form: "message", input: MESSAGE }, context),
    ["Sign", `{"KeyId":"${KEY_ID}","Message":"aGVsbG8=","MessageType":"RAW","SigningAlgorithm":"ECDSA_SHA_256"}`],
  ],
  [
    "sign, digest",
    (provider, context) => provider.sign({ key: { keyId: KEY_ARN }, algorithm: "ES256K", form: "digest", input: DIGEST }, context),
    ["Sign", `{"KeyId":"${KEY_ARN}","Message":"${DIGEST_TEXT}","MessageType":"DIGEST","SigningAlgorithm":"ECDSA_SHA_256"}`],
  ],
  [
    "sign with a version of an alias",
    (provider, context) => provider.sign({ key: { keyId: ALIAS, keyVersion: KEY_ID }, algorithm: "ES256", form: "message", input: MESSAGE }, context),
    ["Sign", `{"KeyId":"${KEY_ID}","Message":"aGVsbG8=","MessageType":"RAW","SigningAlgorithm":"ECDSA_SHA_256"}`],
  ],
  [
    "sign with a version of an alias ARN",
    (provider, context) => provider.sign({ key: { keyId: ALIAS_ARN, keyVersion: KEY_ID }, algorithm: "ES256", form: "message", input: MESSAGE }, context),
    ["Sign", `{"KeyId":"${KEY_ARN}","Message":"aGVsbG8=","MessageType":"RAW","SigningAlgorithm":"ECDSA_SHA_256"}`],
  ],
  [
    "verify",
    (provider, context) => provider.verify?.({ key: { keyId: ALIAS }, algorithm: "ES256", form: "message", input: MESSAGE, signature: P1363 }, context),
    ["Verify", `{"KeyId":"${ALIAS}","Message":"aGVsbG8=","MessageType":"RAW","SigningAlgorithm":"ECDSA_SHA_256","Signature":"${P1363_AS_DER}"}`],
  ],
  [
    "verify, RSA digest",
    (provider, context) => provider.verify?.({ key: KEY, algorithm: "PS256", form: "digest", input: DIGEST, signature: Uint8Array.of(1, 2) }, context),
    ["Verify", `{"KeyId":"${KEY_ID}","Message":"${DIGEST_TEXT}","MessageType":"DIGEST","SigningAlgorithm":"RSASSA_PSS_SHA_256","Signature":"AQI="}`],
  ],
  ["getPublicKey", (provider, context) => provider.getPublicKey({ keyId: ALIAS_ARN }, context), ["GetPublicKey", `{"KeyId":"${ALIAS_ARN}"}`]],
  ["getKeyMetadata", (provider, context) => provider.getKeyMetadata({ keyId: ALIAS }, [], context), ["DescribeKey", `{"KeyId":"${ALIAS}"}`]],
  [
    "getKeyMetadata, all",
    (provider, context) => provider.getKeyMetadata({ keyId: ALIAS }, ["tags", "rotation"], context),
    ["DescribeKey", `{"KeyId":"${ALIAS}"}`],
    ["ListResourceTags", `{"KeyId":"${KEY_ARN}","Limit":50}`],
    ["GetKeyRotationStatus", `{"KeyId":"${KEY_ARN}"}`],
    ["ListKeyRotations", `{"KeyId":"${KEY_ARN}","Limit":1000}`],
  ],
  ["listKeyVersions of a key", (provider) => drain(provider.listKeyVersions(KEY, [], testContext)), ["DescribeKey", `{"KeyId":"${KEY_ID}"}`]],
  [
    "listKeyVersions of an alias",
    (provider) => drain(provider.listKeyVersions({ keyId: ALIAS, keyVersion: OTHER_ID }, ["state"], testContext)),
    ["DescribeKey", `{"KeyId":"${ALIAS}"}`],
    ["ListAliases", `{"Limit":100}`],
  ],
  [
    "ownsVersion",
    (provider, context) => provider.ownsVersion({ keyId: ALIAS }, OTHER_ID, context),
    ["DescribeKey", `{"KeyId":"${ALIAS}"}`],
    ["ListAliases", `{"Limit":100}`],
  ],
  [
    "rotateKey of a symmetric key",
    (provider, context) => provider.rotateKey?.({ key: { keyId: ALIAS } }, context),
    ["DescribeKey", `{"KeyId":"${ALIAS}"}`],
    ["RotateKeyOnDemand", `{"KeyId":"${KEY_ARN}"}`],
  ],
];

for (const [name, run, ...expected] of CASES) {
  test(name, async () => {
    const service = testService(answering);
    await run(testProvider(service, { headers: { "X-Own": "v" } }), testContext());
    assert.equal(service.sent.map(({ operation, body }) => [operation, body]), expected);
    for (const { method, url, headers, operation } of service.sent) {
      assert.is(method, "POST");
      assert.is(url, URL_OF_REGION);
      const { authorization, ...rest } = headers;
      assert.match(
        authorization ?? "",
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260115\/us-east-1\/kms\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=[0-9a-f]{64}$/,
      );
      assert.equal(rest, {
        "x-own": "v",
        "accept-encoding": "identity",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-date": "20260115T080910Z",
        "x-amz-target": `TrentService.${operation}`,
      });
    }
  });
}

test("grant tokens go with the operations that take them", async () => {
  const service = testService(answering);
  const provider = testProvider(service, { grantTokens: ["one", "two"] });
  for (const [, run] of CASES.slice(0, 1).concat(CASES.slice(4, 9))) await run(provider, testContext());
  const having = service.sent.filter(({ members }) => members.GrantTokens !== undefined).map(({ operation }) => operation);
  assert.equal([...new Set(having)].sort(), ["DescribeKey", "GetPublicKey", "Sign", "Verify"]);
  assert.equal(service.sent[0]?.members.GrantTokens, ["one", "two"]);
});

test("every algorithm has its name, and Ed25519 takes messages only", () => {
  const names: [SignatureAlgorithm, string, number | undefined][] = [
    ["RS256", "RSASSA_PKCS1_V1_5_SHA_256", 32],
    ["RS384", "RSASSA_PKCS1_V1_5_SHA_384", 48],
    ["RS512", "RSASSA_PKCS1_V1_5_SHA_512", 64],
    ["PS256", "RSASSA_PSS_SHA_256", 32],
    ["PS384", "RSASSA_PSS_SHA_384", 48],
    ["PS512", "RSASSA_PSS_SHA_512", 64],
    ["ES256", "ECDSA_SHA_256", 32],
    ["ES384", "ECDSA_SHA_384", 48],
    ["ES512", "ECDSA_SHA_512", 64],
    ["ES256K", "ECDSA_SHA_256", 32],
    ["Ed25519", "ED25519_SHA_512", undefined],
  ];
  const provider = testProvider(testService());
  for (const [algorithm, name, digest] of names) {
    const build = (form: "message" | "digest", length: number) => signMembers({ algorithm, form, input: new Uint8Array(length) });
    assert.is(build("message", 4096).SigningAlgorithm, name);
    assert.equal(provider.inputRule(algorithm), { messageMinBytes: 1, messageMaxBytes: 4096, digest: digest !== undefined });
    if (digest !== undefined) assert.is(build("digest", digest).MessageType, "DIGEST");
  }
  assert.is(provider.inputRule("HS256" as never), undefined);
  assert.is(provider.inputRule("__proto__" as never), undefined);
});

test("what the service would refuse is refused before any request", async () => {
  const service = testService(answering);
  const provider = testProvider(service);
  const context = testContext();
  const sign = (algorithm: string, keyId = KEY_ID) => provider.sign({ key: { keyId }, algorithm: algorithm as SignatureAlgorithm, form: "message", input: MESSAGE }, context);
  for (const algorithm of ["HS256", "__proto__", "none", ""]) await rejects(sign(algorithm), "ERR_KMS_UNSUPPORTED");
  for (const keyId of ["", "../x", "alias/a\r\nb", "arn:aws:kms:eu-west-1:111122223333:key/x", arnOf(KEY_ID, "eu-west-1")]) {
    await rejects(sign("ES256", keyId), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => provider.getPublicKey({ keyId }, context), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => provider.getKeyMetadata({ keyId }, [], context), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => drain(provider.listKeyVersions({ keyId }, [], testContext)), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => provider.ownsVersion({ keyId }, KEY_ID, context), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => provider.rotateKey?.({ key: { keyId } }, context), "ERR_KMS_INVALID_ARGUMENT");
    assert.is(provider.keyProblems({ keyId }).length, 1);
  }
  assert.is(service.sent.length, 0);
});

test("input and signatures that do not fit the service's rule reach no request, and long messages go as digest", async () => {
  const service = testService(answering);
  const kms = new KmsManager(testProvider(service), { keyId: KEY_ID });
  for (const length of [0, 4097]) await rejects(kms.sign(new Uint8Array(length), { algorithm: "Ed25519" }), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(kms.sign(new Uint8Array(31), { algorithm: "ES256", digest: true }), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(kms.sign(new Uint8Array(64), { algorithm: "Ed25519", digest: true }), "ERR_KMS_UNSUPPORTED");
  for (const length of [0, 63, 65, 7000]) {
    for (const algorithm of ["ES384", "RS256"] as const) assert.is(await kms.verify(MESSAGE, { signature: new Uint8Array(length), algorithm }, { remote: true }), false);
  }
  assert.is(service.sent.length, 0);
  await kms.sign(new Uint8Array(4096), { algorithm: "ES256" });
  for (const length of [0, 4097]) await kms.sign(new Uint8Array(length), { algorithm: "ES256" });
  assert.equal(service.sent.map(({ members }) => members.MessageType), ["RAW", "DIGEST", "DIGEST"]);
});

test.run();
