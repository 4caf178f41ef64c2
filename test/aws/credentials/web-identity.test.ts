import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromWebIdentity, type FromWebIdentityOptions } from "../../../src/aws/index.js";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { createIdentityIssuer } from "../../../src/testing/identity-issuer.js";
import { createTokenEmulator, type TokenEmulator } from "../../../src/testing/tokens.js";
import { rejects } from "../../support/rejects.js";
import { testContext } from "../../support/context.js";
import { ask, assertNothingPlanted, cacheOf, fails, fakeFetch, HOUR, hostileBodies, malformed, NOW, PLANTED, ROLE } from "./support.js";

const MEMBERS = { AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "secret/+=", SessionToken: "token/+==", Expiration: "2026-01-15T09:09:10Z" };

function answer(members: Readonly<Record<string, unknown>> = MEMBERS): Response {
  const text = Object.entries(members).map(([name, value]) => `<${name}>${typeof value === "string" ? escape(value) : value === null ? "" : `<x>${String(value)}</x>`}</${name}>`);
  return new Response(`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>${text.join("")}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`);
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function refusal(code: string, status: number): Response {
  return new Response(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${PLANTED}</Message></Error><RequestId>x</RequestId></ErrorResponse>`, { status });
}

function source(fetch: FromWebIdentityOptions["fetch"], more: FromWebIdentityOptions = {}): ReturnType<typeof fromWebIdentity> {
  return fromWebIdentity({ region: "eu-central-1", roleArn: ROLE, identityToken: () => `${PLANTED}.jwt.sig`, env: {}, now: () => NOW, ...(fetch === undefined ? {} : { fetch }), ...more });
}

test("the request in full: unsigned, to the region's own host", async () => {
  const fetch = fakeFetch(answer());
  const got = await source(fetch, { sessionName: "s1" })(ask);
  assert.equal(got, { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret/+=", sessionToken: "token/+==", expiresAt: new Date(NOW + HOUR) });
  assert.equal(fetch.calls, [
    {
      url: "https://sts.eu-central-1.amazonaws.com/",
      method: "POST",
      headers: { "accept-encoding": "identity", "content-type": "application/x-www-form-urlencoded" },
      body: `Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fdemo&RoleSessionName=s1&WebIdentityToken=${PLANTED}.jwt.sig`,
    },
  ]);
});

test("optional parameters, and hosts of other partitions", async () => {
  const fetch = fakeFetch(answer());
  const policyArns = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::111122223333:policy/p"];
  await source(fetch, { region: "cn-north-1", durationSeconds: 900, policy: '{"a b":1}', policyArns, providerId: "www.amazon.com" })(ask);
  assert.is(fetch.calls[0]?.url, "https://sts.cn-north-1.amazonaws.com.cn/");
  const body = new URLSearchParams(fetch.calls[0]?.body);
  assert.is(body.get("RoleSessionName"), `knhk-kms-${NOW}`);
  assert.is(body.get("DurationSeconds"), "900");
  assert.is(body.get("Policy"), '{"a b":1}');
  assert.match(fetch.calls[0]?.body ?? "", "%7B%22a%20b%22%3A1%7D");
  assert.is(body.get("PolicyArns.member.2.arn"), policyArns[1]);
  assert.is(body.get("ProviderId"), "www.amazon.com");
  await source(fetch, { region: "eusc-de-east-1" })(ask);
  assert.is(fetch.calls[1]?.url, "https://sts.eusc-de-east-1.amazonaws.eu/");
  await source(fetch, { endpoint: "http://127.0.0.1:5000/sts" })(ask);
  assert.is(fetch.calls[2]?.url, "http://127.0.0.1:5000/sts/");
});

test("the environment fills in: role, region, session name, and with a reader the file", async () => {
  const fetch = fakeFetch(answer());
  const env = { AWS_ROLE_ARN: ROLE, AWS_REGION: "us-east-2", AWS_ROLE_SESSION_NAME: "from-env", AWS_WEB_IDENTITY_TOKEN_FILE: "/var/run/token" };
  const files: string[] = [];
  const readFile = async (path: string): Promise<string> => (files.push(path), `jwt-${files.length}\n`);
  const read = fromWebIdentity({ env, fetch, readFile, now: () => NOW });
  await read(ask);
  await read(ask);
  assert.is(fetch.calls[0]?.url, "https://sts.us-east-2.amazonaws.com/");
  const bodies = fetch.calls.map(({ body }) => new URLSearchParams(body));
  assert.is(bodies[0]?.get("RoleArn"), ROLE);
  assert.is(bodies[0]?.get("RoleSessionName"), "from-env");
  assert.equal(bodies.map((body) => body.get("WebIdentityToken")), ["jwt-1", "jwt-2"]);
  assert.equal(files, ["/var/run/token", "/var/run/token"]);
});

test("what is not set up, and what is set up wrongly", async () => {
  const fetch = fakeFetch();
  const file = { AWS_WEB_IDENTITY_TOKEN_FILE: "/token" };
  for (const env of [{}, file, { AWS_ROLE_ARN: ROLE }]) {
    const error = await fails(fromWebIdentity({ env, fetch }), /^web identity: AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are not both set/);
    assert.ok(error instanceof NotConfiguredError);
  }
  const both = { ...file, AWS_ROLE_ARN: ROLE, AWS_REGION: "us-east-1" };
  const rows: [env: Record<string, string>, message: RegExp][] = [
    [both, /files are not read here/],
    [{ ...both, AWS_ROLE_ARN: PLANTED }, /AWS_ROLE_ARN is not the ARN of a role/],
    [{ ...both, AWS_ROLE_SESSION_NAME: "a b" }, /AWS_ROLE_SESSION_NAME must be/],
  ];
  for (const [env, message] of rows) assert.not.ok((await fails(fromWebIdentity({ env, fetch }), message)) instanceof NotConfiguredError);
  const given = { roleArn: ROLE, identityToken: () => "jwt.x" };
  await fails(fromWebIdentity({ ...given, env: {}, fetch }), /the region is missing/);
  await fails(fromWebIdentity({ ...given, env: { AWS_REGION: "evil.example/#" }, fetch }), /AWS_REGION: region "evil.example\/\?" must be/);
  assert.is(fetch.calls.length, 0);
});

test("an identity token is checked before it is sent", async () => {
  const fetch = fakeFetch(answer());
  for (const token of ["", "abc", `${PLANTED}\nx`, `${PLANTED} x`, "x".repeat(20_001), undefined, 5]) {
    await fails(source(fetch, { identityToken: () => token as string }), /^web identity: (there is no|the) identity token/);
  }
  const thrown = fromWebIdentity({ region: "us-east-1", roleArn: ROLE, env: {}, fetch, identityToken: () => { throw new Error(PLANTED); } });
  // What a function of the caller's throws is dealt with by the cache.
  const error = await rejects(cacheOf(thrown, () => NOW).get(testContext(), ask.signal), "ERR_KMS_CREDENTIALS");
  assertNothingPlanted(error);
  assert.is(fetch.calls.length, 0);
});

test("refusals by code: what they say, whether they can pass, how often they are sent", async () => {
  const rows: [code: string, status: number, message: RegExp, retryable: boolean, requests: number][] = [
    ["AccessDenied", 403, /does not give this role/, false, 1],
    ["InvalidIdentityToken", 400, /does not accept the identity token/, false, 1],
    ["IDPCommunicationError", 400, /STS refuses/, true, 3],
    ["IDPRejectedClaim", 403, /does not give this role/, false, 1],
    ["ExpiredTokenException", 400, /identity token has expired/, false, 2],
    ["MalformedPolicyDocument", 400, /STS refuses/, false, 1],
    ["PackedPolicyTooLarge", 400, /STS refuses/, false, 1],
    ["RegionDisabledException", 403, /STS refuses/, false, 1],
    ["ValidationError", 400, /does not accept a parameter/, false, 1],
    ["Throttling", 400, /STS refuses/, true, 3],
    ["SomethingNew", 400, /STS refuses/, false, 1],
    ["SomethingNew", 503, /STS refuses/, true, 3],
    ["__proto__", 400, /STS refuses/, false, 1],
    ["Bad Code", 400, /STS refuses/, false, 1],
  ];
  for (const [code, status, message, retryable, requests] of rows) {
    const fetch = fakeFetch(refusal(code, status));
    const error = await fails(source(fetch), message, retryable);
    assert.is(fetch.calls.length, requests, code);
    assert.is(error.status, status);
    assert.is(error.providerCode, /^[A-Za-z]+$/.test(code) ? code : undefined);
    assert.match(error.message, /^web identity: /);
  }
});

test("a token that has expired is read again, once", async () => {
  const tokens = ["old.jwt", "new.jwt", "never"];
  const fetch = fakeFetch(refusal("ExpiredTokenException", 400), answer());
  await source(fetch, { identityToken: () => tokens.shift() as string })(ask);
  assert.equal(fetch.calls.map(({ body }) => new URLSearchParams(body).get("WebIdentityToken")), ["old.jwt", "new.jwt"]);
});

test("hostile answers are typed errors with nothing of them", async () => {
  for (const body of hostileBodies()) await rejects(source(fakeFetch(body))(ask), "ERR_KMS_CREDENTIALS", assertNothingPlanted);
  for (const members of malformed(MEMBERS)) await fails(source(fakeFetch(answer(members))), /response invalid/);
  const wrong = ["<AssumeRoleResponse/>", "<AssumeRoleWithWebIdentityResponse/>", "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult/></AssumeRoleWithWebIdentityResponse>"];
  for (const text of wrong) await fails(source(fakeFetch(new Response(text))), /response invalid/);
});

test("absurd lifetimes", async () => {
  const rows: [expiration: string, outcome: number | RegExp, retryable?: boolean][] = [
    ["2026-01-15T20:09:10Z", NOW + 12 * HOUR],
    ["2026-01-15T09:09:10.726039Z", NOW + HOUR + 726],
    ["2026-01-15T10:09:10+01:00", NOW + HOUR],
    ["2026-01-20T00:00:00Z", NOW + 24 * HOUR],
    ["2026-01-15T08:09:10Z", /have expired/, true],
    ["1970-01-01T00:00:00Z", /have expired/, true],
    ["2036-01-15T08:09:10Z", /more than a year ahead/],
    ["9999-12-31T23:59:59Z", /more than a year ahead/],
    ["2026-13-45T99:00:00Z", /expiration is not a time/],
    ["1768467600", /expiration is not a time/],
    ["Thu, 15 Jan 2026 09:09:10 GMT", /expiration is not a time/],
  ];
  for (const [Expiration, outcome, retryable] of rows) {
    const from = source(fakeFetch(answer({ ...MEMBERS, Expiration })));
    if (typeof outcome === "number") assert.is((await from(ask)).expiresAt?.getTime(), outcome, Expiration);
    else await fails(from, outcome, retryable);
  }
});

test("unknown and mistyped options are problems at creation", async () => {
  const bad: unknown[] = [
    ...[5, { role: "x" }, { roleArn: "x" }, { roleArn: `${ROLE}\n` }, { region: "mars" }, { region: "us-east-1-fips" }, { identityToken: "jwt" }, { readFile: {} }, { sessionName: "a" }],
    ...[{ durationSeconds: 899 }, { durationSeconds: 900.5 }, { durationSeconds: "900" }, { policy: "" }, { policyArns: "x" }, { policyArns: ["a\nb"] }, { endpoint: "http://sts.example/" }, { endpoint: "sts.example" }],
    ...[{ fetch: 1 }, { now: 1 }, { env: "x" }, { timeoutMs: 0 }, { providerId: "x" }],
  ];
  for (const options of bad) await rejects(() => fromWebIdentity(options as never), "ERR_KMS_CONFIG");
});

async function emulated(clock: { now: number }): Promise<{ emulator: TokenEmulator; from: ReturnType<typeof fromWebIdentity>; claims: Record<string, unknown> }> {
  const issuer = await createIdentityIssuer({ now: () => clock.now });
  const emulator = createTokenEmulator({ now: () => clock.now, sts: { roles: [{ arn: ROLE, webIdentities: [issuer.trust({ subject: "app" })] }], xml: { reversed: true, references: true } } });
  const claims: Record<string, unknown> = { sub: "app", aud: "sts.amazonaws.com" };
  const from = fromWebIdentity({ region: "us-east-1", roleArn: ROLE, identityToken: () => issuer.token(claims), env: {}, fetch: emulator.fetch, now: () => clock.now });
  return { emulator, from, claims };
}

test("against the emulator: elements in any order, references, refusals", async () => {
  const clock = { now: NOW };
  const { emulator, from, claims } = await emulated(clock);
  const got = await from(ask);
  const [issued] = emulator.credentials;
  assert.equal({ ...got }, { accessKeyId: issued?.accessKeyId, secretAccessKey: issued?.secretAccessKey, sessionToken: issued?.sessionToken, expiresAt: issued?.expiresAt });
  claims.sub = "other";
  await fails(from, /does not give this role|does not accept the identity token/);
});

test("10,000 concurrent cold calls make one request; it is refreshed before its end, and nothing is used after it", async () => {
  const clock = { now: NOW };
  const { emulator, from } = await emulated(clock);
  const cache = cacheOf(from, () => clock.now);
  const all = await Promise.all(Array.from({ length: 10_000 }, () => cache.get(testContext(), ask.signal)));
  assert.is(new Set(all).size, 1);
  assert.is(emulator.requests.length, 1);
  clock.now += HOUR - 400_000;
  assert.is(await cache.get(testContext(), ask.signal), all[0]);
  assert.is(emulator.requests.length, 1);
  clock.now += 300_000; // in the last minutes of its life
  const fresh = await cache.get(testContext(), ask.signal);
  assert.is.not(fresh, all[0]);
  assert.is(emulator.requests.length, 2);
  emulator.faults.inject({ kind: "status", status: 503, times: Infinity });
  clock.now += 2 * HOUR;
  await rejects(cache.get(testContext(), ask.signal), "ERR_KMS_CREDENTIALS", (error) => assert.is(error.retryable, true));
  emulator.faults.clear();
  assert.is.not(await cache.get(testContext(), ask.signal), fresh);
});

test.run();
