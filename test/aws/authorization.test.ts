/** Credentials, the clock of the service, and what is done about a refusal for either. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCredentials } from "../../src/aws/authorization.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { CREDENTIALS, keyMetadata, KEY_ID, NOW, refusal, testProvider, testService, type Given } from "./service.js";

const KEY = { keyId: KEY_ID };
const GOOD: Given = { body: keyMetadata() };

function dated(given: Given, ms: number, headers: Record<string, string> = {}): Given {
  return { ...given, headers: { ...given.headers, date: new Date(ms).toUTCString(), ...headers } };
}

async function describe(service: ReturnType<typeof testService>, options: Parameters<typeof testProvider>[1] = {}): Promise<unknown> {
  return testProvider(service, options).getKeyMetadata(KEY, [], testContext());
}

const timesOf = (service: ReturnType<typeof testService>): (string | undefined)[] => service.sent.map(({ headers }) => headers["x-amz-date"]);

test("credentials are copied, checked and frozen", async () => {
  const given = { ...CREDENTIALS, sessionToken: null, expiresAt: new Date(5), other: 1 };
  const read = readCredentials(given);
  assert.equal({ ...read }, { ...CREDENTIALS, sessionToken: undefined, expiresAt: new Date(5) });
  assert.ok(Object.isFrozen(read));
  const bad: unknown[] = [
    ...[undefined, null, "x", 5, [], {}],
    ...[{ accessKeyId: "A" }, { ...CREDENTIALS, accessKeyId: "" }, { ...CREDENTIALS, accessKeyId: "A,B" }, { ...CREDENTIALS, accessKeyId: "A/B" }],
    ...[{ ...CREDENTIALS, secretAccessKey: "planted\n" }, { ...CREDENTIALS, sessionToken: "planted\r\nx" }, { ...CREDENTIALS, sessionToken: "" }],
    ...[{ ...CREDENTIALS, expiresAt: "2026" }, { ...CREDENTIALS, expiresAt: new Date(NaN) }, Object.create(CREDENTIALS)],
  ];
  for (const value of bad) {
    const error = await rejects(() => readCredentials(value), "ERR_KMS_CREDENTIALS");
    assert.not.match(error.message, "planted");
  }
});

test("inherited members are no credentials", () => {
  const polluted = Object.assign(Object.create({ sessionToken: "planted", expiresAt: new Date(0) }) as object, CREDENTIALS);
  assert.is(readCredentials(polluted).sessionToken, undefined);
  assert.is(readCredentials(polluted).expiresAt, undefined);
});

test("the environment is the default, and is narrowed by the option env", async () => {
  const service = testService(GOOD);
  const env = { AWS_ACCESS_KEY_ID: "AKIDENV", AWS_SECRET_ACCESS_KEY: "envsecret", AWS_SESSION_TOKEN: "envtoken", AWS_ENDPOINT_URL: "https://evil.example", AWS_ENDPOINT_URL_KMS: "https://evil.example" };
  await describe(service, { credentials: undefined as never, env });
  const { url, headers } = service.sent[0] as (typeof service.sent)[0];
  assert.is(url, "https://kms.us-east-1.amazonaws.com/");
  assert.match(headers.authorization ?? "", "Credential=AKIDENV/20260115/us-east-1/kms/aws4_request");
  assert.is(headers["x-amz-security-token"], "envtoken");
});

test("a chain that has nothing says why, and a broken source is not passed over", async () => {
  const rows: [env: Record<string, string>, reason: RegExp][] = [
    [{}, /environment: AWS_ACCESS_KEY_ID is not set/],
    [{ AWS_ACCESS_KEY_ID: "A" }, /only one of/],
    [{ AWS_SECRET_ACCESS_KEY: "planted" }, /only one of/],
    [{ AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "planted", AWS_CREDENTIAL_EXPIRATION: "planted" }, /not a time/],
    [{ AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "planted", AWS_CREDENTIAL_EXPIRATION: "2026-01-01T00:00:00Z" }, /expired/],
  ];
  for (const [env, reason] of rows) {
    const service = testService(GOOD);
    const error = await rejects(() => describe(service, { credentials: undefined as never, env }), "ERR_KMS_CREDENTIALS");
    assert.match(error.message, reason);
    assert.is(service.sent.length, 0);
    assert.is(error.outcome, "not-sent");
    assert.not.match(JSON.stringify(error), "planted");
  }
  const service = testService(GOOD);
  const env = { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s", AWS_CREDENTIAL_EXPIRATION: "2026-01-15T09:09:10.123456+00:00" };
  await describe(service, { credentials: undefined as never, env });
  assert.is(service.sent.length, 1);
});

test("an expired session is refreshed once, and the request repeated once", async () => {
  for (const code of ["ExpiredTokenException", "UnrecognizedClientException"]) {
    const asks: boolean[] = [];
    const credentials = ({ refused }: { refused: boolean }) => {
      asks.push(refused);
      return { ...CREDENTIALS, sessionToken: `token${asks.length}`, expiresAt: new Date(NOW + 3_600_000) };
    };
    const service = testService(refusal(code), GOOD);
    await describe(service, { credentials });
    assert.equal(asks, [false, true]);
    assert.equal(service.sent.map(({ headers }) => headers["x-amz-security-token"]), ["token1", "token2"]);
    const refusing = testService(refusal(code));
    await rejects(() => describe(refusing, { credentials }), "ERR_KMS_UNAUTHENTICATED");
    assert.is(refusing.sent.length, 2);
    const fixed = testService(refusal(code));
    await rejects(() => describe(fixed), "ERR_KMS_UNAUTHENTICATED");
    assert.is(fixed.sent.length, 1);
  }
});

test("a clock that is off is corrected from the answer, and the request repeated once", async () => {
  const offBy = [-3_600_000, 3_600_000, 299_000, -86_400_000 * 400];
  for (const skew of offBy) {
    const service = testService(dated(refusal("InvalidSignatureException"), NOW + skew), GOOD);
    await describe(service);
    const expected = new Date(NOW + skew).toISOString().replace(/[-:]|\.\d+/g, "");
    assert.equal(timesOf(service), ["20260115T080910Z", expected]);
  }
});

test("without a Date the time in the message of the refusal is taken", async () => {
  const messages = [
    "Signature expired: 20260115T080910Z is now earlier than 20260115T090410Z (20260115T090910Z - 5 min.)",
    "Signature not yet current: 20260115T080910Z is still later than 20260115T070410Z (20260115T065910Z + 5 min.)",
  ];
  for (const message of messages) {
    const service = testService({ status: 400, body: { __type: "InvalidSignatureException", message } }, GOOD);
    await describe(service);
    assert.is(timesOf(service)[1], /\((\w+)/.exec(message)?.[1]);
  }
});

test("a refusal is not repeated when the clock explains nothing", async () => {
  const refusals: Given[] = [
    refusal("InvalidSignatureException"),
    dated(refusal("InvalidSignatureException"), NOW + 200_000),
    dated(refusal("InvalidSignatureException"), NOW + 3_600_000, { age: "0" }),
    dated(refusal("InvalidSignatureException"), Date.UTC(1999, 0)),
    dated(refusal("InvalidSignatureException"), Date.UTC(2200, 0)),
    { ...refusal("InvalidSignatureException"), headers: { date: "2026-01-15T10:00:00Z" } },
    { status: 400, body: { __type: "InvalidSignatureException", message: "x Signature expired: (20260115T090910Z - 5 min.)" } },
    { status: 400, body: { __type: "InvalidSignatureException", message: "Signature expired: (20269999T999999Z - 5 min.)" } },
  ];
  for (const given of refusals) {
    const service = testService(given);
    await rejects(() => describe(service), "ERR_KMS_UNAUTHENTICATED");
    assert.is(service.sent.length, 1, JSON.stringify(given));
  }
  const still = testService(dated(refusal("InvalidSignatureException"), NOW + 3_600_000));
  await rejects(() => describe(still), "ERR_KMS_UNAUTHENTICATED");
  assert.is(still.sent.length, 2);
});

test("AccessDenied is repeated only after the clock was corrected", async () => {
  const denied = testService(refusal("AccessDeniedException"));
  await rejects(() => describe(denied), "ERR_KMS_ACCESS_DENIED");
  assert.is(denied.sent.length, 1);
  const skewed = testService(dated(refusal("AccessDeniedException"), NOW + 3_600_000), GOOD);
  await describe(skewed);
  assert.is(skewed.sent.length, 2);
});

test("successes teach the clock too, and small differences do not move it", async () => {
  let now = NOW;
  const service = testService(...[100_000, 600_000, 500_000, 600_000, 600_000].map((ahead) => dated(GOOD, NOW + ahead)));
  const provider = testProvider(service, { now: () => now });
  const signedAt = async (): Promise<string | undefined> => {
    await provider.getKeyMetadata(KEY, [], testContext());
    return timesOf(service).at(-1);
  };
  assert.is(await signedAt(), "20260115T080910Z"); // and is told of 100 s
  assert.is(await signedAt(), "20260115T080910Z"); // and is told of 600 s
  assert.is(await signedAt(), "20260115T081910Z"); // and is told of 500 s
  assert.is(await signedAt(), "20260115T081910Z");
  now += 600_000; // the local clock was set right: one request is off, and teaches that
  assert.is(await signedAt(), "20260115T082910Z");
  assert.is(await signedAt(), "20260115T081910Z");
});

test("credentials expire by the corrected clock", async () => {
  const server = NOW - 3_600_000; // the local clock is an hour ahead
  const ends = [undefined, new Date(server + 1_800_000)];
  const credentials = () => ({ ...CREDENTIALS, expiresAt: ends.shift() });
  const service = testService(dated(GOOD, server));
  const provider = testProvider(service, { credentials });
  for (let count = 0; count < 3; count += 1) await provider.getKeyMetadata(KEY, [], testContext());
  assert.is(ends.length, 0);
  assert.equal(timesOf(service), ["20260115T080910Z", "20260115T070910Z", "20260115T070910Z"]);
});

test("a change that was refused for the clock is repeated: nothing had happened", async () => {
  const symmetric = { body: keyMetadata({ KeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "ENCRYPT_DECRYPT", SigningAlgorithms: undefined }) };
  const service = testService(symmetric, dated(refusal("InvalidSignatureException"), NOW + 3_600_000), { body: { KeyId: KEY_ID } });
  await testProvider(service).rotateKey?.({ key: KEY }, testContext());
  assert.equal(service.sent.map(({ operation }) => operation), ["DescribeKey", "RotateKeyOnDemand", "RotateKeyOnDemand"]);
});

test("a clock that is none is said to be none", async () => {
  for (const now of [-1, 1e18]) {
    const service = testService(GOOD);
    await rejects(() => describe(service, { now: () => now }), "ERR_KMS_INVALID_ARGUMENT");
    assert.is(service.sent.length, 0);
  }
});

test.run();
