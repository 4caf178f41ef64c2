import { test } from "uvu";
import * as assert from "uvu/assert";
import { createAwsKms, fromDefaultChain, fromEnvironment, type FromDefaultChainOptions } from "../../../src/aws/index.js";
import { ConfigError } from "../../../src/errors.js";
import { createAwsEmulator } from "../../../src/testing/aws.js";
import { createIdentityIssuer } from "../../../src/testing/identity-issuer.js";
import { createTokenEmulator } from "../../../src/testing/tokens.js";
import { rejects } from "../../support/rejects.js";
import { timers } from "../../support/run-send.js";
import { waitedFor } from "../../support/waited.js";
import { ask, assertNothingPlanted, fails, fakeFetch, json, KEYS, NOW, PLANTED, ROLE } from "./support.js";

const STATIC = { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey };
const CONTAINER = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/emulated" };
const now = (): number => NOW;

test("the environment alone, as a source", async () => {
  const env: Record<string, string> = { ...STATIC };
  const read = fromEnvironment({ env });
  assert.equal(await read(ask), { ...KEYS, sessionToken: undefined, expiresAt: undefined });
  env.AWS_SESSION_TOKEN = "t";
  env.AWS_CREDENTIAL_EXPIRATION = "2026-01-15T09:09:10Z";
  assert.equal(await read(ask), { ...KEYS, sessionToken: "t", expiresAt: new Date("2026-01-15T09:09:10Z") });
  env.AWS_CREDENTIAL_EXPIRATION = PLANTED;
  await fails(read, /AWS_CREDENTIAL_EXPIRATION is not a time/);
  await fails(fromEnvironment({ env: { AWS_ACCESS_KEY_ID: PLANTED } }), /only one of/);
  await rejects(() => fromEnvironment({ environment: {} } as never), "ERR_KMS_CONFIG");
});

test("the order, and what narrows it", async () => {
  const issuer = await createIdentityIssuer({ now });
  const tokens = createTokenEmulator({ now, sts: { roles: [{ arn: ROLE, webIdentities: [issuer.trust()] }] }, container: {}, ec2Metadata: {} });
  const jwt = await issuer.token({ sub: "a", aud: "sts.amazonaws.com" });
  const web = { AWS_ROLE_ARN: ROLE, AWS_WEB_IDENTITY_TOKEN_FILE: "/token", AWS_REGION: "us-east-1" };
  const common: FromDefaultChainOptions = { fetch: tokens.fetch, now, readFile: async () => jwt };
  const all = { ...STATIC, ...web, ...CONTAINER };
  const rows: [FromDefaultChainOptions, operations: string[]][] = [
    [{ env: all }, []],
    [{ env: { ...web, ...CONTAINER } }, ["sts.AssumeRoleWithWebIdentity"]],
    [{ env: CONTAINER }, ["container.credentials"]],
    [{ env: {} }, ["ec2.token", "ec2.role", "ec2.credentials"]],
    [{ env: all, sources: ["container"] }, ["container.credentials"]],
    [{ env: all, sources: ["instance metadata", "web identity"] }, ["sts.AssumeRoleWithWebIdentity"]],
    [{ env: { AWS_ROLE_ARN: ROLE }, region: "eu-west-1", identityToken: () => jwt }, ["sts.AssumeRoleWithWebIdentity"]],
  ];
  for (const [options, operations] of rows) {
    tokens.requests.length = 0;
    await fromDefaultChain({ ...common, ...options })(ask);
    assert.equal(tokens.requests.map(({ operation }) => operation), operations);
  }
});

test("F49 a source that is set up and broken ends the chain", async () => {
  const fetch = fakeFetch(json({}, 400));
  const rows: [env: Record<string, string>, message: RegExp, requests: number][] = [
    [{ AWS_ACCESS_KEY_ID: "A", ...CONTAINER }, /^no credentials: environment: only one of [A-Z_ and]+ is set$/, 0],
    [{ AWS_ROLE_ARN: ROLE, AWS_WEB_IDENTITY_TOKEN_FILE: "/token", AWS_REGION: "us-east-1" }, /^no credentials: environment: [^;]+; web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set, and files are not read here$/, 0],
    [CONTAINER, /^no credentials: environment: [^;]+; web identity: [^;]+; container: the endpoint refuses$/, 1],
  ];
  for (const [env, message, requests] of rows) {
    fetch.calls.length = 0;
    await fails(fromDefaultChain({ env, fetch, now }), message);
    assert.is(fetch.calls.length, requests);
  }
});

test("outside any cloud it fails in time, names every source in order, and shows no value", async () => {
  const before = timers();
  const read = fromDefaultChain({ env: {}, fetch: () => new Promise(() => {}), now });
  let error: unknown;
  assert.ok((await waitedFor(async () => void (error = await fails(read, /^no credentials: /, true)))) < 2_000);
  assert.equal((error as ConfigError).problems, [
    "environment: AWS_ACCESS_KEY_ID is not set",
    "web identity: AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are not both set",
    "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set",
    "instance metadata: no complete answer: timeout",
  ]);
  assert.match((error as ConfigError).hint ?? "", /awsDefaultChain of knhk-kms\/node/);
  assert.is(timers(), before);
});

test("F46 a proxy of the environment is never asked for metadata; an exemption or a fetch of one's own permits it", async () => {
  const saved = { ...process.env };
  try {
    for (const name of ["http_proxy", "no_proxy", "HTTP_PROXY", "NO_PROXY", "NODE_OPTIONS", "ALL_PROXY", "all_proxy"]) delete process.env[name];
    Object.assign(process.env, { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: `http://user:${PLANTED}@127.0.0.1:9` });
    const error = await fails(fromDefaultChain({ env: {}, now }), /instance metadata: a proxy of the environment/);
    assert.match(error.hint ?? "", /NO_PROXY/);
    await fails(fromDefaultChain({ env: CONTAINER, now }), /container: a proxy of the environment/);
    const fetch = fakeFetch(json({}, 404));
    await fails(fromDefaultChain({ env: {}, fetch, now }), /no token of version 2/);
    assert.is(fetch.calls.length, 1);
  } finally {
    for (const name of Object.keys(process.env)) if (!Object.hasOwn(saved, name)) delete process.env[name];
    Object.assign(process.env, saved);
  }
});

test("never on an edge runtime", async () => {
  const fetch = fakeFetch(json({}, 500));
  const saved = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { userAgent: "Cloudflare-Workers" } });
  try {
    await fails(fromDefaultChain({ env: {}, fetch, now }), /instance metadata: not asked on this runtime/);
    await fails(fromDefaultChain({ env: CONTAINER, fetch, now }), /container: not asked on this runtime/);
  } finally {
    if (saved === undefined) delete (globalThis as { navigator?: unknown }).navigator;
    else Object.defineProperty(globalThis, "navigator", saved);
  }
  Object.defineProperty(globalThis, "EdgeRuntime", { configurable: true, value: "edge-runtime" });
  try {
    await fails(fromDefaultChain({ env: {}, fetch, now }), /instance metadata: not asked on this runtime/);
  } finally {
    delete (globalThis as { EdgeRuntime?: unknown }).EdgeRuntime;
  }
  assert.is(fetch.calls.length, 0);
});

test("a source that never settles ends in time and is named", async () => {
  const { chainCredentials } = await import("../../../src/credentials/chain.js");
  const error = await rejects(chainCredentials([{ name: "stuck", load: () => new Promise(() => {}), timeoutMs: 10 }, { name: "never", load: () => KEYS }])(ask), "ERR_KMS_CREDENTIALS");
  assert.is(error.message, "no credentials: stuck: no complete answer: timeout");
  assert.is(error.retryable, true);
});

test("a whole signature: a role by web identity, expiry during use, one request a refresh", async () => {
  let time = NOW;
  const issuer = await createIdentityIssuer({ now: () => time });
  const aws = createAwsEmulator({ now: () => time });
  const tokens = createTokenEmulator({ now: () => time, onCredentials: aws.addCredentials, sts: { roles: [{ arn: ROLE, webIdentities: [issuer.trust()] }] } });
  const key = await aws.createKey({ keyType: "P-256" });
  const credentials = fromDefaultChain({ env: { AWS_ROLE_ARN: ROLE }, region: aws.region, identityToken: () => issuer.token({ sub: "a", aud: "sts.amazonaws.com" }), fetch: tokens.fetch, now: () => time });
  const kms = createAwsKms({ region: aws.region, keyId: key.keyId, credentials, fetch: aws.fetch, now: () => time, env: {} });
  const data = new TextEncoder().encode("x");
  await Promise.all(Array.from({ length: 50 }, () => kms.sign(data, { algorithm: "ES256" })));
  assert.is(tokens.requests.length, 1);
  tokens.expireCredentials(); // STS knows of it; what KMS takes is its own matter
  time += 3_600_000;
  await kms.sign(data, { algorithm: "ES256" });
  assert.is(tokens.requests.length, 2);
});

test("unknown and mistyped options are problems at creation", async () => {
  for (const bad of [5, { source: [] }, { sources: "environment" }, { sources: [] }, { sources: ["file"] }, { identityToken: "x" }, { region: "x" }, { timeoutMs: 1 }]) {
    await rejects(() => fromDefaultChain(bad as never), "ERR_KMS_CONFIG");
  }
  assertNothingPlanted(await rejects(() => fromDefaultChain({ region: PLANTED } as never), "ERR_KMS_CONFIG"));
});

test.run();
