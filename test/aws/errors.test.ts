/** What each refusal of AWS KMS becomes: code, whether it can be repeated, and what is known of the outcome. */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeFailure } from "../../src/aws/errors.js";
import type { KmsErrorCode } from "../../src/errors.js";
import type { Answer } from "../../src/http/send.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { keyMetadata, KEY_ID, testProvider, testService, type Given } from "./service.js";

const KEY = { keyId: KEY_ID };
type Short = "REJECTED" | "CONFLICT" | "KEY_STATE" | "KEY_MISMATCH" | "ACCESS_DENIED" | "NOT_FOUND" | "THROTTLED" | "UNAVAILABLE" | "UNAUTHENTICATED" | "QUOTA" | "DECRYPT_FAILED";
type Row = [codes: string, code: Short, arrivals: 1 | 3, retryable: boolean, outcome: "rejected" | "unknown"];

const ROWS: Row[] = [
  ["AlreadyExistsException", "CONFLICT", 1, false, "rejected"],
  ["ConflictException", "CONFLICT", 1, true, "rejected"],
  ["DependencyTimeoutException KMSInternalException", "UNAVAILABLE", 3, true, "unknown"],
  ["ServiceUnavailable ServiceUnavailableException InternalFailure InternalFailureException RequestTimeoutException", "UNAVAILABLE", 3, true, "unknown"],
  ["KeyUnavailableException", "UNAVAILABLE", 3, true, "rejected"],
  ["KMSInvalidStateException DisabledException CustomKeyStoreInvalidStateException", "KEY_STATE", 1, false, "rejected"],
  ["NotFoundException", "NOT_FOUND", 1, false, "rejected"],
  ["InvalidKeyUsageException UnsupportedOperationException IncorrectKeyException", "KEY_MISMATCH", 1, false, "rejected"],
  ["InvalidCiphertextException", "DECRYPT_FAILED", 1, false, "rejected"],
  ["LimitExceededException", "QUOTA", 1, false, "rejected"],
  ["ThrottlingException Throttling ThrottledException TooManyRequestsException RequestLimitExceeded SlowDown EC2ThrottledException", "THROTTLED", 3, true, "rejected"],
  ["BandwidthLimitExceeded PriorRequestNotComplete ProvisionedThroughputExceededException RequestThrottled TransactionInProgressException", "THROTTLED", 3, true, "rejected"],
  ["AccessDeniedException NotAuthorized NotAuthorizedException OptInRequired", "ACCESS_DENIED", 1, false, "rejected"],
  ["UnrecognizedClientException ExpiredTokenException InvalidSignatureException SignatureDoesNotMatch RequestExpired", "UNAUTHENTICATED", 1, false, "rejected"],
  ["IncompleteSignature IncompleteSignatureException MissingAuthenticationToken MissingAuthenticationTokenException", "UNAUTHENTICATED", 1, false, "rejected"],
  ["ValidationException DryRunOperationException KMSInvalidSignatureException KMSInvalidMacException", "REJECTED", 1, false, "rejected"],
];

/** Refusals without a meaning of their own: the status that the service gives with them says it. */
const PLAIN = [
  ...["SerializationException", "UnknownOperationException", "InvalidArnException", "InvalidAliasNameException", "InvalidMarkerException"],
  ...["InvalidGrantTokenException", "InvalidGrantIdException", "MalformedPolicyDocumentException", "TagException"],
  ...["IncorrectKeyMaterialException", "InvalidImportTokenException", "ExpiredImportTokenException", "IncorrectTrustAnchorException"],
  ...["CloudHsmClusterInUseException", "CloudHsmClusterInvalidConfigurationException", "CloudHsmClusterNotActiveException"],
  ...["CloudHsmClusterNotFoundException", "CloudHsmClusterNotRelatedException", "CustomKeyStoreHasCMKsException"],
  ...["CustomKeyStoreNameInUseException", "CustomKeyStoreNotFoundException", "XksKeyAlreadyInUseException", "XksKeyNotFoundException"],
  ...["XksKeyInvalidConfigurationException", "XksProxyUriUnreachableException", "InvalidToken", "NeverHeardOfException"],
];

async function check(given: Given, [, code, arrivals, retryable, outcome]: Row, providerCode?: string): Promise<void> {
  const service = testService(given);
  const label = JSON.stringify(given);
  const error = await rejects(() => testProvider(service).getKeyMetadata(KEY, [], testContext()), `ERR_KMS_${code}` as KmsErrorCode);
  assert.is(service.sent.length, arrivals, label);
  assert.is(error.retryable, retryable, label);
  assert.is(error.outcome, outcome, label);
  assert.is(error.status, given.status, label);
  assert.is(error.providerCode, providerCode, label);
  assert.not.match(`${error.message}${error.hint}${error.stack}${inspect(error, { depth: Infinity, showHidden: true })}`, "planted");
}

for (const row of ROWS) {
  for (const type of row[0].split(" ")) {
    test(`${type} is ${row[1]}`, async () => {
      const message = "planted text of the service";
      for (const status of [400, 403, 409]) await check({ status, body: { __type: type, message } }, row, type);
      await check({ status: 400, body: { __type: `com.amazonaws.kms#${type}`, Message: message } }, row, type);
      await check({ status: 400, body: { __type: `${type}:http://internal.amazon.com/coral/com.amazonaws.kms/` } }, row, type);
      await check({ status: 400, body: { Code: `${type},planted`, message: null } }, row, type);
      await check({ status: 400, bodyText: "planted", headers: { "x-amzn-errortype": `${type}:http://x/` } }, row, type);
    });
  }
}

for (const type of PLAIN) {
  test(`${type} is REJECTED`, () => check({ status: 400, body: { __type: type, message: "planted" } }, ["", "REJECTED", 1, false, "rejected"], type));
}

const BY_STATUS: [status: number, row: Row][] = [
  [400, ["", "REJECTED", 1, false, "rejected"]],
  [401, ["", "UNAUTHENTICATED", 1, false, "rejected"]],
  [403, ["", "ACCESS_DENIED", 1, false, "rejected"]],
  [404, ["", "NOT_FOUND", 1, false, "rejected"]],
  [408, ["", "UNAVAILABLE", 3, true, "unknown"]],
  [409, ["", "CONFLICT", 1, false, "rejected"]],
  [413, ["", "REJECTED", 1, false, "rejected"]],
  [415, ["", "REJECTED", 1, false, "rejected"]],
  [421, ["", "UNAVAILABLE", 1, false, "unknown"]],
  [422, ["", "REJECTED", 1, false, "rejected"]],
  [425, ["", "UNAVAILABLE", 3, true, "unknown"]],
  [429, ["", "THROTTLED", 3, true, "rejected"]],
  [500, ["", "UNAVAILABLE", 3, true, "unknown"]],
  [501, ["", "UNAVAILABLE", 1, false, "unknown"]],
  [502, ["", "UNAVAILABLE", 3, true, "unknown"]],
  [503, ["", "UNAVAILABLE", 3, true, "unknown"]],
  [504, ["", "UNAVAILABLE", 3, true, "unknown"]],
];

for (const [status, row] of BY_STATUS) {
  test(`status ${status} without a code is ${row[1]}`, async () => {
    const xml = '<?xml version="1.0"?><ErrorResponse><Errors><Error><Code>SignatureDoesNotMatch</Code><Message>planted</Message></Error></Errors></ErrorResponse>';
    const bodies = ["", "<!doctype html><title>planted</title>", xml, "null", "[]", '"planted"', "5", "{}", '{"__type":5,"code":{}}', '{"__type":""}', '{"__proto__":{"__type":"LimitExceededException"}}'];
    for (const bodyText of bodies) await check({ status, bodyText }, row);
  });
}

test("a name of Object.prototype is no code", () => {
  const codes = ["__proto__", "constructor", "toString", "hasOwnProperty", "__protoException"];
  for (const type of codes) {
    const answer: Answer = { status: 400, header: () => null, body: { __type: type } };
    assert.is(describeFailure(answer).code, "ERR_KMS_REJECTED");
    assert.is(describeFailure(answer).remedy, "none");
  }
});

test("a code that is no short word is not shown", async () => {
  for (const type of ["planted secret", "a".repeat(100), "planted\r\nx", "<planted>"]) {
    await check({ status: 400, body: { __type: type } }, ["", "REJECTED", 1, false, "rejected"]);
  }
});

test("a throttled answer's wait is told", async () => {
  const rows: [headers: Record<string, string>, ms: number | undefined][] = [
    [{ "x-amz-retry-after": "1500" }, 1500],
    [{ "retry-after": "2" }, 2000],
    [{ "x-amz-retry-after": "soon" }, undefined],
  ];
  for (const [headers, ms] of rows) {
    const service = testService({ status: 400, body: { __type: "ThrottlingException" }, headers });
    const error = await rejects(() => testProvider(service, { retry: { attempts: 1 } }).getKeyMetadata(KEY, [], testContext()), "ERR_KMS_THROTTLED");
    assert.is(error.retryAfterMs, ms);
  }
});

test("the id of a request is found under its three names", async () => {
  for (const name of ["x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id"]) {
    const service = testService({ status: 400, body: { __type: "DisabledException" }, headers: { [name]: "3f1c0c1e-0000-4000-8000-000000000001" } });
    const error = await rejects(() => testProvider(service).getKeyMetadata(KEY, [], testContext()), "ERR_KMS_KEY_STATE");
    assert.is(error.requestId, "3f1c0c1e-0000-4000-8000-000000000001");
  }
  const service = testService({ body: { ...keyMetadata().KeyMetadata }, headers: { "x-amzn-requestid": "id-1" } });
  const error = await rejects(() => testProvider(service).getKeyMetadata(KEY, [], testContext()), "ERR_KMS_RESPONSE_INVALID");
  assert.is(error.requestId, "id-1");
});

/** A change is repeated only where the service is known to have done nothing. */
test("refusals of a change", async () => {
  const symmetric = { body: keyMetadata({ KeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "ENCRYPT_DECRYPT", SigningAlgorithms: undefined }) };
  const rows: [type: string, status: number, arrivals: number, outcome: string][] = [
    ["ThrottlingException", 400, 3, "rejected"],
    ["KeyUnavailableException", 500, 3, "rejected"],
    ["KMSInternalException", 500, 1, "unknown"],
    ["DependencyTimeoutException", 500, 1, "unknown"],
    ["ServiceUnavailable", 503, 1, "unknown"],
    ["LimitExceededException", 400, 1, "rejected"],
    ["ConflictException", 400, 1, "rejected"],
    ["", 429, 3, "rejected"],
    ["", 500, 1, "unknown"],
    ["", 502, 1, "unknown"],
    ["", 408, 1, "unknown"],
  ];
  for (const [type, status, arrivals, outcome] of rows) {
    const service = testService((_sent, index) => (index === 0 ? symmetric : { status, body: { __type: type } }));
    let caught: unknown;
    await testProvider(service).rotateKey?.({ key: KEY }, testContext()).catch((error: unknown) => (caught = error));
    assert.is(service.sent.length - 1, arrivals, `${type} ${status}`);
    assert.is((caught as { outcome?: string }).outcome, outcome, `${type} ${status}`);
  }
});

test("every code in the recorded answers of the service has a meaning of its own", () => {
  const facts = JSON.parse(readFileSync("fixtures/aws/real-answers.json", "utf8")) as { name: string; status: number; type?: string; example?: object }[];
  const refusals = facts.filter(({ status, example }) => status >= 400 && example !== undefined);
  assert.ok(refusals.length > 20);
  for (const { name, status, type, example } of refusals) {
    const failure = describeFailure({ status, header: () => null, body: example });
    assert.is(failure.providerCode, type, name);
    assert.is(failure.remedy, "none", name);
    if (!["ValidationException", "TagException", "DryRunOperationException"].includes(type as string) && !/^KMSInvalid(Mac|Sig)/.test(type as string)) {
      assert.is.not(failure.code, "ERR_KMS_REJECTED", name);
    }
  }
});

test.run();
