import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromAssumeRole, fromEnvironment, type AwsCredentials, type FromAssumeRoleOptions } from "../../../src/aws/index.js";
import type { CredentialAsk } from "../../../src/credentials/cached.js";
import { createTokenEmulator } from "../../../src/testing/tokens.js";
import { rejects } from "../../support/rejects.js";
import { ask, assertNothingPlanted, fails, fakeFetch, HOUR, hostileBodies, KEYS, malformed, NOW, PLANTED, ROLE } from "./support.js";

const MEMBERS = { AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "secret/+=", SessionToken: "token/+==", Expiration: "2026-01-15T09:09:10Z" };

function answer(members: Readonly<Record<string, unknown>> = MEMBERS): Response {
  const text = Object.entries(members).map(([name, value]) => `<${name}>${typeof value === "string" ? value : value === null ? "" : `<x>${String(value)}</x>`}</${name}>`);
  return new Response(`<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser><Credentials>${text.join("")}</Credentials></AssumeRoleResult></AssumeRoleResponse>`);
}

function refusal(code: string, status: number, headers: Record<string, string> = {}): Response {
  return new Response(`<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${PLANTED}</Message></Error></ErrorResponse>`, { status, headers });
}

function source(fetch: FromAssumeRoleOptions["fetch"], more: Partial<FromAssumeRoleOptions> = {}): ReturnType<typeof fromAssumeRole> {
  return fromAssumeRole({ region: "eu-west-1", roleArn: ROLE, credentials: KEYS, env: {}, now: () => NOW, ...(fetch === undefined ? {} : { fetch }), ...more });
}

test("the signature is that of the vector", async () => {
  const vector = JSON.parse(readFileSync("fixtures/sigv4/generated-sts-assume-role.json", "utf8"));
  const fetch = fakeFetch(answer());
  const [secret] = [vector.credentials];
  await source(fetch, { credentials: secret, roleArn: "arn:aws:iam::123456789012:role/demo", sessionName: "kms-client", durationSeconds: 3600, now: () => Date.parse(vector.context.timestamp) })(ask);
  const { url, method, headers, body } = fetch.calls[0] as (typeof fetch.calls)[0];
  assert.is(url, "https://sts.eu-west-1.amazonaws.com/");
  assert.is(method, "POST");
  assert.is(body, vector.request.body);
  assert.equal(headers, {
    "accept-encoding": "identity",
    "content-type": "application/x-www-form-urlencoded",
    "x-amz-date": "20260115T080910Z",
    authorization: vector.expected.authorization,
  });
});

test("a session token is sent and signed; every parameter", async () => {
  const fetch = fakeFetch(answer());
  const tags = { team: "a b", "k/2": "é" };
  await source(fetch, { credentials: { ...KEYS, sessionToken: "the+token=" }, externalId: "ext:1", sourceIdentity: "alice", tags, transitiveTagKeys: ["team"], policyArns: ["arn:aws:iam::aws:policy/p"], policy: "{}" })(ask);
  const { headers, body = "" } = fetch.calls[0] as (typeof fetch.calls)[0];
  const expected = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fdemo&RoleSessionName=knhk-kms-1768464550000&Policy=%7B%7D&PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fp";
  assert.is(body, `${expected}&ExternalId=ext%3A1&SourceIdentity=alice&Tags.member.1.Key=team&Tags.member.1.Value=a%20b&Tags.member.2.Key=k%2F2&Tags.member.2.Value=%C3%A9&TransitiveTagKeys.member.1=team`);
  assert.is(headers["x-amz-security-token"], "the+token=");
  assert.is(headers.authorization, authorization(body, "the+token="));
});

/** The signature once more, with node:crypto. */
function authorization(body: string, token: string): string {
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  const mac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest();
  const names = "content-type;host;x-amz-date;x-amz-security-token";
  const canonical = `POST\n/\n\ncontent-type:application/x-www-form-urlencoded\nhost:sts.eu-west-1.amazonaws.com\nx-amz-date:20260115T080910Z\nx-amz-security-token:${token}\n\n${names}\n${hash(body)}`;
  const scope = "20260115/eu-west-1/sts/aws4_request";
  const key = ["20260115", "eu-west-1", "sts", "aws4_request"].reduce<Buffer | string>((last, part) => mac(last, part), `AWS4${KEYS.secretAccessKey}`);
  const signature = mac(key, `AWS4-HMAC-SHA256\n20260115T080910Z\n${scope}\n${hash(canonical)}`).toString("hex");
  return `AWS4-HMAC-SHA256 Credential=${KEYS.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
}

test("any source can ask: a value, a function, another role", async () => {
  const emulator = createTokenEmulator({ now: () => NOW, sts: { roles: [{ arn: ROLE, externalId: "e-1" }, { arn: `${ROLE}2` }] } });
  const place = { region: "us-east-1", env: {}, fetch: emulator.fetch, now: () => NOW };
  const first = fromAssumeRole({ ...place, roleArn: ROLE, externalId: "e-1", credentials: fromEnvironment({ env: { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey } }) });
  const second = fromAssumeRole({ ...place, roleArn: `${ROLE}2`, credentials: first });
  const got = await second(ask);
  assert.is(emulator.credentials.length, 2);
  assert.is(got.sessionToken, emulator.credentials[1]?.sessionToken);
  assert.equal(got.expiresAt, new Date(NOW + HOUR));
  await fails(fromAssumeRole({ ...place, roleArn: ROLE, credentials: KEYS }), /does not give this role/);
  await fails(fromAssumeRole({ ...place, roleArn: ROLE, externalId: "e-1", credentials: { ...KEYS, secretAccessKey: PLANTED } }), /does not accept the credentials that ask/);
  await fails(fromAssumeRole({ ...place, roleArn: `${ROLE}2`, credentials: first, durationSeconds: 7200 }), /does not accept a parameter/);
});

test("source credentials that were refused are asked for once more", async () => {
  for (const code of ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"]) {
    const asks: boolean[] = [];
    const credentials = ({ refused }: CredentialAsk): AwsCredentials => (asks.push(refused), { ...KEYS, sessionToken: `t${asks.length}` });
    const fetch = fakeFetch(refusal(code, 403), answer());
    await source(fetch, { credentials })({ ...ask, refused: true });
    assert.equal(asks, [false, true]);
    assert.equal(fetch.calls.map(({ headers }) => headers["x-amz-security-token"]), ["t1", "t2"]);
    const twice = fakeFetch(refusal(code, 403));
    await fails(source(twice, { credentials }), /does not accept the credentials/);
    assert.is(twice.calls.length, 2);
    const fixed = fakeFetch(refusal(code, 403));
    await fails(source(fixed), /does not accept the credentials/);
    assert.is(fixed.calls.length, 1);
  }
});

test("a clock that is off is corrected from the answer, once", async () => {
  const date = new Date(NOW + HOUR).toUTCString();
  const fetch = fakeFetch(refusal("SignatureDoesNotMatch", 403, { date }), answer({ ...MEMBERS, Expiration: "2026-01-15T10:09:10Z" }));
  await source(fetch)(ask);
  assert.equal(fetch.calls.map(({ headers }) => headers["x-amz-date"]), ["20260115T080910Z", "20260115T090910Z"]);
  for (const given of ["Thu, 01 Jan 1970 00:00:00 GMT", "soon", new Date(NOW + 60_000).toUTCString()]) {
    const absurd = fakeFetch(refusal("SignatureDoesNotMatch", 403, { date: given }));
    await fails(source(absurd), /does not accept the credentials/);
    assert.is(absurd.calls.length, 1);
  }
});

test("what the source gives is checked, and its failure is its own", async () => {
  const fetch = fakeFetch(answer());
  await fails(source(fetch, { credentials: () => ({ ...KEYS, sessionToken: `${PLANTED}\r\n` }) }), /sessionToken must be visible ASCII/);
  await fails(source(fetch, { credentials: () => ({ ...KEYS, expiresAt: new Date(NOW) }) }), /credentials that ask for the role have expired/);
  await fails(source(fetch, { credentials: fromEnvironment({ env: {} }) }), /AWS_ACCESS_KEY_ID is not set/);
  assert.is(fetch.calls.length, 0);
});

test("hostile answers are typed errors with nothing of them", async () => {
  for (const body of hostileBodies()) await rejects(source(fakeFetch(body))(ask), "ERR_KMS_CREDENTIALS", assertNothingPlanted);
  for (const members of malformed(MEMBERS)) await fails(source(fakeFetch(answer(members))), /response invalid/);
  await fails(source(fakeFetch(answer({ ...MEMBERS, AccessKeyId: "<b/>" }))), /AccessKeyId is not a string/);
});

test("the recorded answers of moto are read", async () => {
  const recorded = JSON.parse(readFileSync("fixtures/aws/recorded-moto/sts.json", "utf8")) as { name: string; response: { status: number; body: string } }[];
  const named = (name: string): Response => {
    const { response } = recorded.find((entry) => entry.name === name) as (typeof recorded)[0];
    return new Response(response.body, { status: response.status });
  };
  const now = (): number => Date.UTC(2026, 10, 24, 12);
  for (const name of ["assume-role", "assume-role-escapes"]) {
    const got = await source(fakeFetch(named(name)), { now })(ask);
    assert.is(got.accessKeyId, "ASIAEXAMPLEEXAMPLE00");
    assert.is(got.secretAccessKey, "EXAMPLE+secret/EXAMPLE+secret/EXAMPLE+sec0");
    assert.is(got.expiresAt?.toISOString().slice(0, 13), name === "assume-role" ? "2026-11-24T12" : "2026-11-24T13");
  }
  await fails(source(fakeFetch(named("assume-role-long-name"))), /does not accept a parameter/);
  await fails(source(fakeFetch(named("unknown-action"))), /STS refuses/, true);
});

test("problems of the options are all found at creation, mfa with its reason", async () => {
  const good = { region: "eu-west-1", roleArn: ROLE, credentials: KEYS };
  const bad: unknown[] = [
    ...[undefined, {}, { ...good, roleArn: undefined }, { ...good, credentials: undefined }, { ...good, credentials: "x" }, { ...good, externalId: "x" }, { ...good, externalId: "a b" }],
    ...[{ ...good, tags: [] }, { ...good, tags: { a: 1 } }, { ...good, tags: { "": "x" } }, { ...good, transitiveTagKeys: "x" }, { ...good, sourceIdentity: "a b" }, { ...good, hasher: {} }, { ...good, role: 1 }],
  ];
  for (const options of bad) await rejects(() => fromAssumeRole(options as never), "ERR_KMS_CONFIG");
  for (const name of ["mfaSerial", "serialNumber", "tokenCode", "mfaCodeProvider"]) {
    const error = await rejects(() => fromAssumeRole({ ...good, [name]: "x" } as never), "ERR_KMS_CONFIG");
    assert.match(error.message, new RegExp(`${name} must be absent: a code for each refresh needs a person`));
  }
  await rejects(() => fromAssumeRole({ ...good, credentials: { accessKeyId: "A" } as never }), "ERR_KMS_CREDENTIALS");
});

test.run();
