/** The emulated Identity Center, instance metadata and container endpoint of AWS. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createTokenEmulator } from "../../../src/testing/index.js";
import type { ContainerCredentialsOptions, Ec2MetadataOptions, SsoOptions, TokenEmulator } from "../../../src/testing/index.js";
import { BASE, callSts, failure, outcome, send, testClock } from "./caller.js";
import type { Answered } from "./caller.js";

const test = suite("emulated AWS credential sources");

const ROLES = [{ accountId: "111122223333", roleName: "Signer" }];
const PORTAL = "https://portal.sso.us-east-1.amazonaws.com/federation/credentials";
const OIDC = "https://oidc.us-east-1.amazonaws.com/token";
const REFRESH = { clientId: "emulated-client", clientSecret: "emulated-client-secret", grantType: "refresh_token", refreshToken: "emulated-sso-refresh-token" };

function sso(options: Partial<SsoOptions> = {}, clock = testClock()): TokenEmulator {
  return createTokenEmulator({ sts: {}, sso: { roles: ROLES, ...options }, now: clock.now });
}

const roleCredentials = (emulator: TokenEmulator, token = "emulated-sso-access-token", query = "account_id=111122223333&role_name=Signer"): Promise<Answered> =>
  send(emulator, "GET", `${PORTAL}?${query}`, { headers: { "x-amz-sso_bearer_token": token } });
const refresh = (emulator: TokenEmulator, change: object = {}): Promise<Answered> =>
  send(emulator, "POST", OIDC, { headers: { "content-type": "application/json" }, body: JSON.stringify({ ...REFRESH, ...change }) });
const verdict = ({ status, headers }: Answered): string => `${status} ${headers.get("x-amzn-errortype") ?? ""}`.trim();

test("the portal gives credentials of a role, their end in milliseconds, and STS takes them", async () => {
  const emulator = sso();
  const { body } = await roleCredentials(emulator);
  assert.equal(Object.keys(body.roleCredentials), ["accessKeyId", "secretAccessKey", "sessionToken", "expiration"]);
  assert.is(body.roleCredentials.expiration, BASE + 3600_000);
  assert.is(outcome(await callSts(emulator, "GetCallerIdentity", {}, { credentials: body.roleCredentials })), "200");
});

test("the portal's refusals", async () => {
  const clock = testClock();
  const emulator = sso({ expiresAt: new Date(BASE + 60_000) }, clock);
  assert.is(verdict(await roleCredentials(emulator, "x")), "401 UnauthorizedException");
  assert.is(verdict(await roleCredentials(emulator, undefined, "account_id=111122223333")), "400 InvalidRequestException");
  assert.is(verdict(await roleCredentials(emulator, undefined, "account_id=111122223333&role_name=Other")), "403 ForbiddenException");
  emulator.faults.inject({ kind: "throttle" });
  assert.is(verdict(await roleCredentials(emulator)), "429 TooManyRequestsException");
  clock.ms += 60_000;
  assert.is(verdict(await roleCredentials(emulator)), "401 UnauthorizedException");
  assert.is(await failure(send(emulator, "GET", PORTAL.replace("us-east-1", "eu-west-1"))), "ENOTFOUND", "another region knows nothing");
});

test("a refresh gives a new token of each kind; the refresh token before is used up", async () => {
  const clock = testClock();
  const emulator = sso({ expiresAt: new Date(BASE) }, clock);
  const { body } = await refresh(emulator);
  assert.equal([body.tokenType, body.expiresIn], ["Bearer", 3600]);
  assert.is(verdict(await roleCredentials(emulator, body.accessToken)), "200");
  assert.is(verdict(await refresh(emulator)), "400 InvalidGrantException");
  assert.is(verdict(await refresh(emulator, { refreshToken: body.refreshToken })), "200");
  clock.ms += 3600_000;
  assert.is(verdict(await roleCredentials(emulator, body.accessToken)), "401 UnauthorizedException");
});

test("the refusals of a refresh", async () => {
  const emulator = sso();
  assert.is(verdict(await refresh(emulator, { clientSecret: "x" })), "401 InvalidClientException");
  assert.is(verdict(await refresh(emulator, { grantType: "authorization_code" })), "400 UnsupportedGrantTypeException");
  assert.is(verdict(await send(emulator, "POST", OIDC, { body: "[]" })), "400 InvalidRequestException");
  const expired = sso({ client: { clientId: "emulated-client", clientSecret: "emulated-client-secret", expiresAt: new Date(BASE) } });
  const answer = await refresh(expired);
  assert.equal([verdict(answer), answer.body.error], ["400 ExpiredTokenException", "expired_token"]);
});

const IMDS = "http://169.254.169.254/latest";
const TTL = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN = "x-aws-ec2-metadata-token";

const ec2 = (options: Ec2MetadataOptions = {}, clock = testClock()): TokenEmulator => createTokenEmulator({ sts: {}, ec2Metadata: options, now: clock.now });
const session = async (emulator: TokenEmulator, base = IMDS, ttl = "21600"): Promise<Record<string, string>> => {
  const { status, text } = await send(emulator, "PUT", `${base}/api/token`, { headers: { [TTL]: ttl } });
  assert.is(status, 200);
  return { [TOKEN]: text };
};

test("instance metadata: a session, the role, its credentials, the region", async () => {
  const emulator = ec2({ role: "app", region: "eu-west-1" });
  const headers = await session(emulator);
  const get = (path: string): Promise<Answered> => send(emulator, "GET", `${IMDS}/meta-data/${path}`, { headers });
  assert.is((await get("iam/security-credentials/")).text, "app");
  assert.is((await get("iam/security-credentials")).text, "app");
  assert.is((await get("placement/region")).text, "eu-west-1");
  assert.is((await get("placement/availability-zone")).text, "eu-west-1a");
  assert.is((await get("iam/security-credentials/other")).status, 404);
  const { body, headers: sent } = await get("iam/security-credentials/app");
  assert.is(sent.get("content-type"), "text/plain");
  assert.equal(Object.keys(body), ["Code", "LastUpdated", "Type", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"]);
  assert.equal([body.Code, body.LastUpdated, body.Expiration], ["Success", "2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z"]);
  const credentials = { accessKeyId: body.AccessKeyId, secretAccessKey: body.SecretAccessKey, sessionToken: body.Token };
  assert.is(outcome(await callSts(emulator, "GetCallerIdentity", {}, { credentials })), "200");
});

test("version 1 is refused, and a session ends", async () => {
  const clock = testClock();
  const emulator = ec2({}, clock);
  const url = `${IMDS}/meta-data/iam/security-credentials/`;
  assert.is((await send(emulator, "GET", url)).status, 401);
  assert.is((await send(emulator, "GET", url, { headers: { [TOKEN]: "x" } })).status, 401);
  const headers = await session(emulator, IMDS, "60");
  assert.is((await send(emulator, "GET", url, { headers })).status, 200);
  clock.ms += 60_000;
  assert.is((await send(emulator, "GET", url, { headers })).status, 401);
  for (const ttl of ["0", "21601", "1.5", "", "-1"]) assert.is((await send(emulator, "PUT", `${IMDS}/api/token`, { headers: { [TTL]: ttl } })).status, 400, ttl);
  assert.is((await send(emulator, "PUT", `${IMDS}/api/token`, {})).status, 400);
  assert.is((await send(emulator, "PUT", `${IMDS}/api/token`, { headers: { [TTL]: "60", "x-forwarded-for": "10.0.0.1" } })).status, 403);
  assert.is((await send(emulator, "GET", `${IMDS}/api/token`)).status, 405);
});

test("instance metadata over IPv6", async () => {
  const base = "http://[fd00:ec2::254]/latest";
  const headers = await session(ec2(), base);
  assert.is(Object.keys(headers).length, 1);
  assert.is(await failure(send(ec2({ ipv6: false }), "PUT", `${base}/api/token`)), "EHOSTUNREACH");
  assert.is(await failure(send(ec2(), "PUT", `https://169.254.169.254/latest/api/token`)), "EHOSTUNREACH");
});

test("an instance without a role, and one whose role cannot be taken", async () => {
  const bare = ec2({ role: null });
  const headers = await session(bare);
  assert.is((await send(bare, "GET", `${IMDS}/meta-data/iam/security-credentials/`, { headers })).status, 404);
  assert.is((await send(bare, "GET", `${IMDS}/meta-data/iam/security-credentials/null`, { headers })).status, 404);
  const failed = ec2({ code: "AssumeRoleUnauthorizedAccess" });
  const { body } = await send(failed, "GET", `${IMDS}/meta-data/iam/security-credentials/emulated-role`, { headers: await session(failed) });
  assert.is(body.Code, "AssumeRoleUnauthorizedAccess");
  assert.is(body.AccessKeyId, undefined);
});

test("a session token that is refused, or never comes", async () => {
  for (const status of [400, 403, 404, 405]) assert.is((await send(ec2({ token: status }), "PUT", `${IMDS}/api/token`, { headers: { [TTL]: "60" } })).status, status);
  const controller = new AbortController();
  const waiting = ec2({ token: "stalls" }).fetch(`${IMDS}/api/token`, { method: "PUT", headers: { [TTL]: "60" }, signal: controller.signal });
  controller.abort(new Error("given up"));
  assert.is(await waiting.catch((error: Error) => error.message), "given up");
});

test("an instance's credentials are replaced before their end, or stay in an outage", async () => {
  for (const renews of [true, false]) {
    const clock = testClock();
    const emulator = ec2({ renews }, clock);
    const headers = await session(emulator);
    const key = async (): Promise<string> => (await send(emulator, "GET", `${IMDS}/meta-data/iam/security-credentials/emulated-role`, { headers })).body.AccessKeyId;
    const first = await key();
    clock.ms += 21_299_000;
    assert.is(await key(), first);
    clock.ms += 1000;
    assert.is((await key()) === first, !renews, "five minutes before");
    assert.is(emulator.credentials.length, renews ? 2 : 1);
  }
});

const container = (options: ContainerCredentialsOptions = {}, clock = testClock()): TokenEmulator => createTokenEmulator({ sts: {}, container: options, now: clock.now });

test("the container endpoint at its three addresses and at loopback", async () => {
  const ecs = container();
  const { status, body, headers } = await send(ecs, "GET", "http://169.254.170.2/v2/credentials/emulated");
  assert.equal([status, headers.get("content-type"), body.Expiration], [200, "application/json", "2026-01-01T06:00:00Z"]);
  const credentials = { accessKeyId: body.AccessKeyId, secretAccessKey: body.SecretAccessKey, sessionToken: body.Token };
  assert.is(outcome(await callSts(ecs, "GetCallerIdentity", {}, { credentials })), "200");
  const eks = container({ path: "/v1/credentials" });
  for (const host of ["169.254.170.23", "[fd00:ec2::23]", "127.0.0.1:8080", "localhost", "[::1]"]) {
    assert.is((await send(eks, "GET", `http://${host}/v1/credentials`)).status, 200, host);
  }
  assert.is((await send(eks, "GET", "http://169.254.170.2/v2/credentials/emulated")).status, 404);
  assert.is((await send(eks, "POST", "http://169.254.170.23/v1/credentials")).status, 405);
  assert.is(await failure(send(eks, "GET", "http://169.254.170.24/v1/credentials")), "EHOSTUNREACH");
  assert.is(await failure(send(eks, "GET", "https://169.254.170.23/v1/credentials")), "EHOSTUNREACH");
});

test("the container endpoint wants its token exactly", async () => {
  const emulator = container({ authorization: "token-of-the-pod" });
  const ask = async (headers: Record<string, string>): Promise<unknown[]> => {
    const { status, body } = await send(emulator, "GET", "http://169.254.170.2/v2/credentials/emulated", { headers });
    return [status, body.Code];
  };
  assert.equal(await ask({ authorization: "token-of-the-pod" }), [200, undefined]);
  assert.equal(await ask({ authorization: "Bearer token-of-the-pod" }), [401, "AccessDenied"]);
  assert.equal(await ask({}), [400, "InvalidRequest"]);
});

test("a container's credentials are replaced", async () => {
  const clock = testClock();
  const emulator = container({ lifetimeSeconds: 3600, renewSeconds: 600 }, clock);
  const key = async (): Promise<string> => (await send(emulator, "GET", "http://169.254.170.2/v2/credentials/emulated")).body.AccessKeyId;
  const first = await key();
  clock.ms += 2999_000;
  assert.is(await key(), first);
  clock.ms += 1000;
  const second = await key();
  assert.is.not(second, first);
  emulator.rotate();
  assert.is.not(await key(), second);
});

test.run();
