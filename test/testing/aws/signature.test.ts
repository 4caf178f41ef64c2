/** The emulated KMS's check of Signature Version 4, against vectors and a signer made with node:crypto. */
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createAwsEmulator } from "../../../src/testing/aws.js";
import type { AwsEmulatorCredentials } from "../../../src/testing/aws.js";
import { canonicalRequest } from "../../../src/testing/aws/canonical.js";
import { AwsFailure } from "../../../src/testing/aws/failure.js";
import { Identities } from "../../../src/testing/aws/identities.js";
import { checkSignature } from "../../../src/testing/aws/signature.js";
import { authorizationOf, basicDate, call, signedRequest } from "./caller.js";
import type { CallOptions } from "./caller.js";

interface Vector {
  readonly name: string;
  readonly context: { service: string; region: string; timestamp: string };
  readonly credentials: AwsEmulatorCredentials;
  readonly request: { method: string; path: string; query: string; headers: [string, string][]; body: string };
  readonly expected: { canonicalRequest: string; authorization: string; addedHeaders: [string, string][] };
}

const NOW = Date.UTC(2026, 0, 15, 8, 9, 10);
const SESSION: AwsEmulatorCredentials = { accessKeyId: "ASIASESSION", secretAccessKey: "secret/of+session", sessionToken: "token/with=chars==" };

function emulatorAt(time = NOW): ReturnType<typeof createAwsEmulator> {
  return createAwsEmulator({ now: () => time });
}

async function refusal(options: CallOptions, emulator = emulatorAt()): Promise<{ type: string; message: string | undefined }> {
  const reply = await call(emulator, "ListKeys", {}, options);
  assert.is(reply.status, 400);
  assert.is(reply.headers.get("content-type"), "application/x-amz-json-1.1");
  return { type: reply.json.__type, message: reply.json.message };
}

/** The vector as it would arrive: names in lower case, several lines of one name joined. */
function arrived(vector: Vector): { method: string; url: string; headers: Record<string, string>; body: string } {
  const headers: Record<string, string> = {};
  for (const [name, value] of [...vector.request.headers, ...vector.expected.addedHeaders]) {
    const lower = name.toLowerCase();
    headers[lower] = headers[lower] === undefined ? value : `${headers[lower]},${value}`;
  }
  const { host = "" } = headers;
  delete headers.host;
  const { method, path, query, body } = vector.request;
  return { method, url: `https://${host}${path}${query === "" ? "" : `?${query}`}`, headers, body };
}

async function checkVector(vector: Vector): Promise<void> {
  const request = arrived(vector);
  const { authorization } = vector.expected;
  const signed = /SignedHeaders=([^,]*)/.exec(authorization)?.[1]?.split(";") ?? [];
  assert.is(await canonicalRequest(request, signed), vector.expected.canonicalRequest);
  const identities = new Identities();
  identities.add(vector.credentials);
  const expected = { ...vector.context, identities, now: Date.parse(vector.context.timestamp) };
  await checkSignature({ ...request, headers: { ...request.headers, authorization } }, expected);
  const changed = { ...request, headers: { ...request.headers, authorization: authorization.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")) } };
  const error = await checkSignature(changed, expected).catch((reason: unknown) => reason);
  assert.instance(error, AwsFailure);
  assert.is((error as AwsFailure).type, "InvalidSignatureException");
}

const GENERATED = ["generated-kms-custom-endpoint-path", "generated-kms-sign-session-token", "generated-sts-assume-role"];
// Without get-space-normalized: a URL cannot hold its raw space, so such a request never arrives.
const SUITE = [
  ...["get-vanilla", "get-header-key-duplicate", "get-header-value-trim", "get-relative-relative-normalized"],
  ...["get-vanilla-query-order-encoded", "get-vanilla-with-session-token", "post-x-www-form-urlencoded-parameters"],
];

for (const name of GENERATED) {
  test(`accepts the vector ${name}`, async () => {
    await checkVector(JSON.parse(readFileSync(`fixtures/sigv4/${name}.json`, "utf8")) as Vector);
  });
}

for (const name of SUITE) {
  const file = `../shared/vectors/sigv4/${name}.json`;
  if (existsSync(file)) test(`accepts the vector ${name}`, async () => checkVector(JSON.parse(readFileSync(file, "utf8")) as Vector));
  else {
    console.log(`skipped: ${name}, for ${file} is not there`);
    test.skip(`accepts the vector ${name}`);
  }
}

test("the signer of these tests makes the authorization of the vectors", () => {
  for (const name of GENERATED) {
    const vector = JSON.parse(readFileSync(`fixtures/sigv4/${name}.json`, "utf8")) as Vector;
    const { headers, method, body } = arrived(vector);
    const { host = "" } = Object.fromEntries(vector.request.headers.map(([key, value]) => [key.toLowerCase(), value]));
    const date = headers["x-amz-date"] ?? "";
    const input = { method, path: vector.request.path, headers: { ...headers, host }, body, date, credentials: vector.credentials };
    assert.is(authorizationOf({ ...input, ...vector.context }), vector.expected.authorization, name);
  }
});

test("two vectors pass through the whole emulator", async () => {
  const now = (): number => Date.parse("2026-01-15T08:09:10Z");
  for (const name of GENERATED.slice(0, 2)) {
    const vector = JSON.parse(readFileSync(`fixtures/sigv4/${name}.json`, "utf8")) as Vector;
    const { url, headers, method, body } = arrived(vector);
    const emulator = createAwsEmulator({ region: "us-east-1", now, credentials: vector.credentials, endpoint: url });
    const response = await emulator.fetch(url, { method, body, headers: { ...headers, authorization: vector.expected.authorization } });
    const type = name.includes("sign") ? "NotFoundException" : undefined; // its key alias is not there
    assert.is(((await response.json()) as { __type?: string }).__type, type, name);
  }
});

test("accepts long-lived and session credentials, signed optional headers, a Date header, another host", async () => {
  const emulator = emulatorAt();
  emulator.addCredentials(SESSION);
  const accepted: CallOptions[] = [
    {},
    { credentials: SESSION },
    { headers: { "amz-sdk-invocation-id": "1", "amz-sdk-request": "attempt=1; max=3" } },
    { headers: { "x-amz-date": undefined, date: new Date(NOW).toUTCString() } },
    { headers: { "content-length": "2" } },
    { headers: { "x-amz-content-sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" } },
    { url: "http://127.0.0.1:4566/" },
    { unsigned: { "user-agent": "x", "x-other": "y" } },
    { authorization: (header) => header.replaceAll(", ", ",") },
  ];
  for (const options of accepted) assert.is((await call(emulator, "ListKeys", {}, options)).status, 200, JSON.stringify(options));
});

test("refuses what has no authorization, or a malformed one", async () => {
  const missing = { type: "MissingAuthenticationTokenException", message: "Missing Authentication Token" };
  assert.equal(await refusal({ authorization: () => undefined }), missing);
  assert.equal(await refusal({ authorization: () => "Bearer abc" }), missing);
  const incomplete: [CallOptions, RegExp][] = [
    [{ authorization: () => "AWS4-HMAC-SHA256" }, /^Authorization header requires 'Credential' parameter\. .*'Signature'.*'SignedHeaders'/],
    [{ authorization: (header) => header.replace(/Signature=.*/, "Signature") }, /missing equal-sign/],
    [{ authorization: (header) => header.replace(/, Signature=.*/, "") }, /^Authorization header requires 'Signature' parameter\. Authorization=/],
    [{ headers: { "x-amz-date": undefined } }, /'X-Amz-Date' or a 'Date' header/],
    [{ headers: { "x-amz-date": "2026-01-15T08:09:10Z" } }, /^Date must be in ISO-8601 'basic format'\. Got '2026-01-15T08:09:10Z'/],
    [{ authorization: (header) => header.replace("SHA256", "SHA512") }, /^Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'/],
    [{ authorization: (header) => header.replace("/aws4_request", "") }, /exactly 5 slash-delimited elements/],
  ];
  for (const [options, message] of incomplete) {
    const found = await refusal(options);
    assert.is(found.type, "IncompleteSignatureException");
    assert.match(found.message ?? "", message);
  }
});

test("refuses a scope of another region, service, day or end", async () => {
  const cases: [CallOptions, RegExp][] = [
    [{ region: "us-east-1" }, /^Credential should be scoped to a valid region, not 'us-east-1'\. $/],
    [{ service: "sts" }, /^Credential should be scoped to correct service: 'kms'\. $/],
    [{ authorization: (header) => header.replace("aws4_request", "aws5_request") }, /valid terminator: 'aws4_request', not 'aws5_request'/],
    [{ authorization: (header) => header.replace("/20260115/", "/20260114/") }, /'20260114' != '20260115', from '20260115T080910Z'\.$/],
  ];
  for (const [options, message] of cases) {
    const found = await refusal(options);
    assert.is(found.type, "InvalidSignatureException");
    assert.match(found.message ?? "", message);
  }
});

test("refuses a header that must be signed and is not", async () => {
  const unsigned = (name: string): CallOptions => ({
    authorization: (header) => header.replace(new RegExp(`(SignedHeaders=[^,]*?)(?:;${name}|${name};)`), "$1"),
  });
  for (const name of ["content-type", "x-amz-date", "x-amz-target"]) {
    const found = await refusal(unsigned(name));
    assert.is(found.message, `'${name}' must be a 'SignedHeader' in the AWS Authorization.`);
  }
  assert.is((await refusal(unsigned("host"))).message, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  assert.match((await refusal({ unsigned: { "x-amz-extra": "1" } })).message ?? "", /^'x-amz-extra' must be/);
});

test("names the server's time to a clock that is off by more than five minutes, and takes one that is not", async () => {
  const ok = [0, 299_000, 300_000, -300_000];
  for (const offset of ok) assert.is((await call(emulatorAt(NOW + 700), "ListKeys", {}, { time: NOW + offset })).status, 200);
  assert.equal(await refusal({ time: NOW - 301_000 }), {
    type: "InvalidSignatureException",
    message: "Signature expired: 20260115T080409Z is now earlier than 20260115T080410Z (20260115T080910Z - 5 min.)",
  });
  assert.equal(await refusal({ time: NOW + 3_600_000 }), {
    type: "InvalidSignatureException",
    message: "Signature not yet current: 20260115T090910Z is still later than 20260115T081410Z (20260115T080910Z + 5 min.)",
  });
});

test("refuses unknown access keys, missing and foreign tokens, expired credentials", async () => {
  const emulator = emulatorAt();
  emulator.addCredentials(SESSION);
  const unknown = { type: "UnrecognizedClientException", message: "The security token included in the request is invalid." };
  const { sessionToken: _token, ...withoutToken } = SESSION;
  const foreign = { ...SESSION, sessionToken: "another" };
  for (const credentials of [{ accessKeyId: "AKIAUNKNOWN", secretAccessKey: "x" }, withoutToken, foreign, { ...emulator.credentials, sessionToken: "t" }]) {
    assert.equal(await refusal({ credentials }, emulator), unknown);
  }
  const expired = { type: "ExpiredTokenException", message: "The security token included in the request is expired" };
  emulator.addCredentials({ ...SESSION, expiresAt: new Date(NOW) });
  assert.equal(await refusal({ credentials: SESSION }, emulator), expired);
  emulator.addCredentials({ ...SESSION, expiresAt: new Date(NOW + 1) });
  assert.is((await call(emulator, "ListKeys", {}, { credentials: SESSION })).status, 200);
  emulator.expireCredentials(SESSION.accessKeyId);
  assert.equal(await refusal({ credentials: SESSION }, emulator), expired);
  assert.is((await call(emulator, "ListKeys")).status, 200);
  emulator.expireCredentials();
  assert.equal(await refusal({}, emulator), expired);
});

test("refuses a wrong signature and says what it would have signed", async () => {
  const wrong: CallOptions[] = [
    { credentials: { ...emulatorAt().credentials, secretAccessKey: "wrong" } },
    { authorization: (header) => header.replace(/Signature=.*/, `Signature=${"0".repeat(64)}`) },
    { headers: { "x-amz-content-sha256": "0".repeat(64) } },
  ];
  for (const options of wrong) {
    const { type, message } = await refusal(options);
    assert.is(type, "InvalidSignatureException");
    assert.match(message ?? "", /^The request signature we calculated does not match the signature you provided\./);
    assert.match(message ?? "", /The Canonical String for this request should have been\n'POST\n\/\n\n/);
    assert.ok(message?.includes(`'AWS4-HMAC-SHA256\n${basicDate(NOW)}\n20260115/eu-central-1/kms/aws4_request\n`));
  }
});

test("a changed body, path, query or host does not fit the signature", async () => {
  const emulator = emulatorAt();
  const requests: ((request: Request, body: string) => Request)[] = [
    (request) => new Request(request, { body: '{"Limit":1}' }),
    (request, body) => new Request("https://kms.eu-central-1.amazonaws.com/?a=b", { method: "POST", headers: request.headers, body }),
    (request, body) => new Request("https://kms.us-east-1.amazonaws.com/", { method: "POST", headers: request.headers, body }),
  ];
  for (const change of requests) {
    const response = await emulator.fetch(change(signedRequest(emulator, "ListKeys", {}, {}), "{}"));
    assert.is(((await response.json()) as { __type: string }).__type, "InvalidSignatureException");
  }
});

test.run();
