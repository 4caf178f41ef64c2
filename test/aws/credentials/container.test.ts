import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromContainer } from "../../../src/aws/index.js";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { createTokenEmulator } from "../../../src/testing/tokens.js";
import { testContext } from "../../support/context.js";
import { rejects } from "../../support/rejects.js";
import { ask, assertNothingPlanted, cacheOf, fails, fakeFetch, HOUR, hostileBodies, json, malformed, NOW, PLANTED, type Prepared } from "./support.js";

const MEMBERS = { AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "secret/+=", Token: "token/+==", Expiration: "2026-01-15T09:09:10Z" };
const ECS = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1?x=y" };
const now = (): number => NOW;

test("ECS: the relative URI at the fixed address", async () => {
  const fetch = fakeFetch(json({ ...MEMBERS, RoleArn: "ignored", AccountId: null }));
  const got = await fromContainer({ env: { ...ECS, AWS_CONTAINER_CREDENTIALS_FULL_URI: "https://loses.example/" }, fetch, now })(ask);
  assert.equal(got, { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret/+=", sessionToken: "token/+==", expiresAt: new Date(NOW + HOUR) });
  assert.equal(fetch.calls, [{ url: "http://169.254.170.2/v2/credentials/1?x=y", method: "GET", headers: { "accept-encoding": "identity", accept: "application/json" }, body: undefined }]);
});

test("EKS Pod Identity: the token file is read for every request, and wins over the variable", async () => {
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials",
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "loses",
  };
  const fetch = fakeFetch(json(MEMBERS));
  const files: string[] = [];
  const read = fromContainer({ env, fetch, now, readFile: async (path) => (files.push(path), `jwt-${files.length}`) });
  await read(ask);
  await read(ask);
  assert.equal(fetch.calls.map(({ url, headers }) => [url, headers.authorization]), [["http://169.254.170.23/v1/credentials", "jwt-1"], ["http://169.254.170.23/v1/credentials", "jwt-2"]]);
  assert.is(files[0], env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE);
  await fails(fromContainer({ env, fetch, now }), /files are not read here/);
  await fromContainer({ env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://localhost:7/c", AWS_CONTAINER_AUTHORIZATION_TOKEN: "Basic abc=" }, fetch, now })(ask);
  assert.is(fetch.calls[2]?.headers.authorization, "Basic abc=");
});

test("F44 only the documented addresses, and no redirect", async () => {
  const fetch = fakeFetch(json(MEMBERS));
  for (const url of ["https://anything.example/c", "http://169.254.170.2/c", "http://169.254.170.23/c", "http://[fd00:ec2::23]/c", "http://127.9.9.9:8/c", "http://[::1]:9/c", "http://localhost/c"]) {
    await fromContainer({ env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: url }, fetch, now })(ask);
    assert.is(fetch.calls.at(-1)?.url, url);
  }
  const sent = fetch.calls.length;
  const bad = ["http://evil.example/", "http://10.0.0.1/", "http://169.254.169.254/", "http://169.254.170.3/", "http://169.254.170.2.evil.example/", "http://169.254.170.2@evil.example/", "http://[fd00:ec2::24]/", "ftp://localhost/", "http://localhost/#x", "http://localhost\\.evil.example/", "x", "http://0x7f.evil/", "http://localhost.evil.example/"];
  for (const url of bad) await fails(fromContainer({ env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: PLANTED }, fetch, now }), /^container: the address is not one/);
  for (const path of ["v2/x", "@evil.example/", ".evil.example/", ":80@evil.example/", "\\evil", "/a b", "/a#b", "/a\\b", "/a@b"]) {
    await fails(fromContainer({ env: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path }, fetch, now }), /^container: (the address is not one|AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must)/);
  }
  assert.is(fetch.calls.length, sent);
  const redirect = fakeFetch(new Response(null, { status: 307, headers: { location: `https://${PLANTED}.example/` } }));
  await fails(fromContainer({ env: ECS, fetch: redirect, now }), /redirect/);
  assert.is(redirect.calls.length, 1);
});

test("not set up, and a token that no header has", async () => {
  const fetch = fakeFetch(json(MEMBERS));
  assert.ok((await fails(fromContainer({ env: {}, fetch }), /^container: neither/)) instanceof NotConfiguredError);
  for (const token of [`${PLANTED}\r\nx: y`, `${PLANTED}\n`, ` ${PLANTED}`, `${PLANTED}é`, "x".repeat(70_000)]) {
    await fails(fromContainer({ env: { ...ECS, AWS_CONTAINER_AUTHORIZATION_TOKEN: token }, fetch, now }), /authorization token has characters/);
  }
  assert.is(fetch.calls.length, 0);
});

test("failures and hostile answers", async () => {
  const read = (...answers: Prepared[]) => fromContainer({ env: ECS, fetch: fakeFetch(...answers), now });
  const refused = json({ Code: PLANTED, Message: PLANTED }, 400);
  await fails(read(refused), /^container: the endpoint refuses/);
  await fails(read(json({}, 404)), /the endpoint refuses/);
  await fails(read(json({}, 500)), /the endpoint refuses/, true);
  await fails(read(json({}, 429)), /the endpoint refuses/, true);
  assert.is((await read(json({}, 503), json(MEMBERS))(ask)).accessKeyId, "ASIAEXAMPLE");
  for (const body of hostileBodies()) await rejects(read(body)(ask), "ERR_KMS_CREDENTIALS", assertNothingPlanted);
  for (const members of malformed(MEMBERS)) await fails(read(json(members)), /response invalid/);
  await fails(read(json({ ...MEMBERS, Expiration: "2026-01-15T08:09:00Z" })), /have expired/, true);
  await fails(read(json({ ...MEMBERS, Expiration: "2999-01-01T00:00:00Z" })), /more than a year ahead/);
});

test("against the emulator, through the cache, with refresh", async () => {
  let time = NOW;
  const emulator = createTokenEmulator({ now: () => time, container: { authorization: "let me in" } });
  const env = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/emulated", AWS_CONTAINER_AUTHORIZATION_TOKEN: "let me in" };
  const cache = cacheOf(fromContainer({ env, fetch: emulator.fetch, now: () => time }), () => time);
  const all = await Promise.all(Array.from({ length: 1_000 }, () => cache.get(testContext(), ask.signal)));
  assert.is(new Set(all).size, 1);
  assert.is(emulator.requests.length, 1);
  assert.is(all[0]?.accessKeyId, emulator.credentials[0]?.accessKeyId);
  time += 6 * HOUR;
  assert.is.not((await cache.get(testContext(), ask.signal)).accessKeyId, all[0]?.accessKeyId);
  await fails(fromContainer({ env: { ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN: "wrong" }, fetch: emulator.fetch }), /the endpoint refuses/);
});

test("unknown and mistyped options are problems at creation", async () => {
  for (const bad of [5, { uri: "x" }, { readFile: "x" }, { env: 1 }, { fetch: {} }, { now: 5 }, { timeoutMs: -1 }]) await rejects(() => fromContainer(bad as never), "ERR_KMS_CONFIG");
});

test.run();
