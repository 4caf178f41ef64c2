import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromInstanceMetadata, type FromInstanceMetadataOptions } from "../../../src/aws/index.js";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { createTokenEmulator } from "../../../src/testing/tokens.js";
import { rejects } from "../../support/rejects.js";
import { timers } from "../../support/run-send.js";
import { waitedFor } from "../../support/waited.js";
import { ask, assertNothingPlanted, fails, fakeFetch, HOUR, hostileBodies, json, malformed, NOW, PLANTED, type Prepared } from "./support.js";

const MEMBERS = { Code: "Success", LastUpdated: "2026-01-15T08:00:00Z", Type: "AWS-HMAC", AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "secret/+=", Token: "token/+==", Expiration: "2026-01-15T14:09:10Z" };
const BASE = "http://169.254.169.254";
const now = (): number => NOW;

function read(fetch: FromInstanceMetadataOptions["fetch"], more: FromInstanceMetadataOptions = {}): ReturnType<typeof fromInstanceMetadata> {
  return fromInstanceMetadata({ env: {}, now, ...(fetch === undefined ? {} : { fetch }), ...more });
}

/** Token, role, credentials. */
function prepared(token: Prepared = new Response("t0ken=="), role: Prepared = new Response("role-1\n"), credentials: Prepared = json(MEMBERS)): ReturnType<typeof fakeFetch> {
  return fakeFetch(token, role, credentials);
}

test("three requests in full", async () => {
  const fetch = prepared();
  const got = await read(fetch)(ask);
  assert.equal(got, { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret/+=", sessionToken: "token/+==", expiresAt: new Date(NOW + 6 * HOUR) });
  const identity = { "accept-encoding": "identity" };
  const token = { ...identity, "x-aws-ec2-metadata-token": "t0ken==" };
  const path = `${BASE}/latest/meta-data/iam/security-credentials/`;
  assert.equal(fetch.calls, [
    { url: `${BASE}/latest/api/token`, method: "PUT", headers: { ...identity, "x-aws-ec2-metadata-token-ttl-seconds": "21600" }, body: undefined },
    { url: path, method: "GET", headers: token, body: undefined },
    { url: `${path}role-1`, method: "GET", headers: token, body: undefined },
  ]);
  const named = fakeFetch(new Response("t"), json(MEMBERS));
  await read(named, { roleName: "mine" })(ask);
  assert.equal(named.calls.map(({ url }) => url), [`${BASE}/latest/api/token`, `${path}mine`]);
});

test("address: mode, endpoint, and what is no address of a metadata service", async () => {
  const rows: [FromInstanceMetadataOptions, origin: string][] = [
    [{ endpointMode: "IPv6" }, "http://[fd00:ec2::254]"],
    [{ env: { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: "IPv6" } }, "http://[fd00:ec2::254]"],
    [{ env: { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: "IPv6" }, endpointMode: "IPv4" }, BASE],
    [{ env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:1338/" } }, "http://127.0.0.1:1338"],
    [{ env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://127.0.0.1:1338" }, endpoint: "http://localhost:9" }, "http://localhost:9"],
    [{ env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://[fd00:ec2::254]" } }, "http://[fd00:ec2::254]"],
  ];
  for (const [options, origin] of rows) {
    const fetch = prepared();
    await read(fetch, options)(ask);
    assert.ok(fetch.calls.every(({ url }) => url.startsWith(`${origin}/latest/`)), origin);
  }
  const fetch = fakeFetch();
  for (const address of ["http://evil.example", "http://10.0.0.1", "http://127.0.0.1/path", "http://169.254.169.254@evil.example", "x"]) {
    await fails(read(fetch, { env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: address } }), /must be a loopback or link-local address/);
    await rejects(() => fromInstanceMetadata({ endpoint: address }), "ERR_KMS_CONFIG");
  }
  for (const mode of ["ipv6", "__proto__"]) await fails(read(fetch, { env: { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: mode } }), /must be IPv4 or IPv6/);
});

test("the switch: any value but false", async () => {
  const fetch = prepared();
  for (const value of ["true", "1", "yes", "TRUE"]) assert.ok((await fails(read(fetch, { env: { AWS_EC2_METADATA_DISABLED: value } }), /switched off/)) instanceof NotConfiguredError);
  assert.is(fetch.calls.length, 0);
  for (const value of ["false", ""]) await read(prepared(), { env: { AWS_EC2_METADATA_DISABLED: value } })(ask);
});

test("F43 no answer, a slow one, 403, 404, 405, 400: within the time, and never version 1", async () => {
  const before = timers();
  const stalled = fakeFetch(() => new Promise<Response>(() => {}));
  assert.ok((await waitedFor(() => fails(read(stalled), /no complete answer: timeout/, true))) <= 1_000);
  for (const [status, retryable] of [[403, false], [404, false], [405, false], [400, false], [500, true]] as const) {
    const fetch = prepared(new Response(PLANTED, { status }));
    await fails(read(fetch), /no token of version 2 here/, retryable);
    assert.is(fetch.calls.length, 1);
  }
  const refused = fakeFetch(Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } }));
  await fails(read(refused), /no complete answer: network/, true);
  assert.is(refused.calls.length, 1);
  const redirect = prepared(new Response(null, { status: 302, headers: { location: "http://evil.example/" } }));
  await fails(read(redirect), /redirect/);
  assert.is(timers(), before);
});

test("a token that is over is replaced, once for each request", async () => {
  const fetch = fakeFetch(new Response("old"), new Response("", { status: 401 }), new Response("new"), new Response("role-1"), json(MEMBERS));
  await read(fetch)(ask);
  assert.equal(fetch.calls.map(({ headers }) => headers["x-aws-ec2-metadata-token"]), [undefined, "old", undefined, "new", "new"]);
  const never = fakeFetch(new Response("t"), new Response("", { status: 401 }), new Response("t"), new Response("", { status: 401 }));
  await fails(read(never), /does not name the instance's role/);
  assert.is(never.calls.length, 4);
});

test("F45 failures of each step, and hostile answers", async () => {
  await fails(read(prepared(undefined, new Response("", { status: 404 }))), /no role is attached/);
  await fails(read(prepared(undefined, undefined, new Response("", { status: 404 }))), /the role is not attached/);
  await fails(read(prepared(undefined, undefined, json({}, 500))), /the service refuses/, true);
  for (const name of ["", "../../x", "a/b", "a?b", PLANTED.repeat(20), "<html>"]) await fails(read(prepared(undefined, new Response(name))), /name of the role is none/);
  for (const token of [`${PLANTED}\r\nx: y`, `${PLANTED} x`, ""]) await fails(read(prepared(new Response(token))), /the token is none/);
  for (const Code of ["Failed", "AssumeRoleUnauthorizedAccess", PLANTED]) await fails(read(prepared(undefined, undefined, json({ ...MEMBERS, Code }))), /could not take its role/);
  const { Code: _, LastUpdated: __, Type: ___, ...four } = MEMBERS;
  for (const members of malformed(four)) await fails(read(prepared(undefined, undefined, json(members))), /response invalid/);
  for (const body of hostileBodies()) {
    await rejects(read(prepared(undefined, undefined, body))(ask), "ERR_KMS_CREDENTIALS", assertNothingPlanted);
    // Any word can be a token or the name of a role: then the service has the last word.
    for (const fetch of [prepared(undefined, body, json({}, 404)), prepared(body, undefined, json({}, 404))]) await rejects(read(fetch)(ask), "ERR_KMS_CREDENTIALS", assertNothingPlanted);
  }
  await fails(read(prepared(undefined, undefined, json({ ...MEMBERS, Expiration: "2026-01-15T08:00:00Z" }))), /have expired/, true);
  await fails(read(prepared(undefined, undefined, json({ ...MEMBERS, Expiration: "2099-01-15T08:00:00Z" }))), /more than a year ahead/);
  await fails(read(prepared(undefined, undefined, json({ ...MEMBERS, Expiration: "soon" }))), /not a time/);
});

test("against the emulator: role, outage, no role, stalled token", async () => {
  const emulator = createTokenEmulator({ now, ec2Metadata: { role: "app" } });
  const got = await read(emulator.fetch)(ask);
  assert.is(got.accessKeyId, emulator.credentials[0]?.accessKeyId);
  assert.equal(emulator.requests.map(({ operation }) => operation), ["ec2.token", "ec2.role", "ec2.credentials"]);
  assert.is((await read(emulator.fetch, { endpointMode: "IPv6" })(ask)).accessKeyId, got.accessKeyId);
  emulator.configure({ ec2Metadata: { role: null } });
  await fails(read(emulator.fetch), /no role is attached/);
  emulator.configure({ ec2Metadata: { code: "Failed" } });
  await fails(read(emulator.fetch), /could not take its role/);
  emulator.configure({ ec2Metadata: { token: "stalls" } });
  await fails(read(emulator.fetch, { timeoutMs: 20 }), /no complete answer/, true);
  emulator.configure({ ec2Metadata: undefined });
  await fails(read(emulator.fetch), /no complete answer: network/, true);
});

test("unknown and mistyped options are problems at creation", async () => {
  for (const bad of [5, { version: 1 }, { endpointMode: "v4" }, { roleName: "a/b" }, { timeoutMs: "1" }, { env: 1 }]) await rejects(() => fromInstanceMetadata(bad as never), "ERR_KMS_CONFIG");
});

test.run();
