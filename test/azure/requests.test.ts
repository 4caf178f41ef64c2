import { readFileSync, readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { azureAddress } from "../../src/azure/config.js";
import { buildGetKey, buildGetRotationPolicy, buildListVersions, buildRotate, buildSign, buildVerify } from "../../src/azure/requests.js";
import type { WireRequest } from "../../src/http/send.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { BUNDLE, collect, kid, OTHER_VERSION, testProvider, testService, TOKEN, VAULT_URL, VERSION, type Given, type Sent } from "./service.js";

const address = azureAddress({ vaultUrl: VAULT_URL });
const key = { keyId: "signer", keyVersion: VERSION };
const current = { keyId: "signer" };
const digest = Uint8Array.from({ length: 32 }, (_, index) => index + 250);
const signature = new Uint8Array(64).fill(255);
const READ = { accept: "application/json", authorization: `Bearer ${TOKEN}`, "accept-encoding": "identity" };
const JSON_BODY = { ...READ, "content-type": "application/json" };

const DIGEST_TEXT = Buffer.from(digest).toString("base64url");
const SIGNATURE_TEXT = Buffer.from(signature).toString("base64url");

function assertSent(sent: readonly Sent[], expected: readonly Omit<Sent, "redirect">[]): void {
  assert.equal(sent, expected.map((request) => ({ ...request, redirect: "manual" })));
}

test("sign: one request", async () => {
  const service = testService({ body: { kid: kid(), value: SIGNATURE_TEXT }, headers: { "x-ms-request-id": "5b7c1d7e-0000" } });
  const signed = await testProvider(service).sign({ key, algorithm: "ES256", form: "digest", input: digest }, testContext());
  assert.equal(signed, { signature, encoding: "ieee-p1363", keyVersion: VERSION, requestId: "5b7c1d7e-0000" });
  assertSent(service.sent, [
    { method: "POST", url: `${VAULT_URL}/keys/signer/${VERSION}/sign?api-version=7.4`, headers: JSON_BODY, body: `{"alg":"ES256","value":"${DIGEST_TEXT}"}` },
  ]);
});

test("verify: one request", async () => {
  const service = testService({ body: { value: false } });
  const verified = await testProvider(service).verify?.({ key, algorithm: "ES256", form: "digest", input: digest, signature }, testContext());
  assert.is(verified, false);
  assertSent(service.sent, [
    {
      method: "POST",
      url: `${VAULT_URL}/keys/signer/${VERSION}/verify?api-version=7.4`,
      headers: JSON_BODY,
      body: `{"alg":"ES256","digest":"${DIGEST_TEXT}","value":"${SIGNATURE_TEXT}"}`,
    },
  ]);
});

test("getPublicKey: one request, with and without version", async () => {
  const service = testService({ body: BUNDLE });
  const provider = testProvider(service);
  await provider.getPublicKey(key, testContext());
  await provider.getPublicKey({ keyId: "signer" }, testContext());
  await provider.getPublicKey({ keyId: "signer", keyVersion: VERSION.toUpperCase() }, testContext());
  const read = { method: "GET", headers: READ, body: undefined };
  assertSent(service.sent, [
    { ...read, url: `${VAULT_URL}/keys/signer/${VERSION}?api-version=7.4` },
    { ...read, url: `${VAULT_URL}/keys/signer?api-version=7.4` },
    { ...read, url: `${VAULT_URL}/keys/signer/${VERSION}?api-version=7.4` },
  ]);
});

test("getKeyMetadata: one request, two with rotation, three for a pinned version", async () => {
  const service = testService({ body: BUNDLE }, { body: BUNDLE }, { body: {} }, { body: BUNDLE }, { body: { ...BUNDLE, key: { ...BUNDLE.key, kid: kid("signer", OTHER_VERSION) } } }, { body: {} });
  const provider = testProvider(service);
  await provider.getKeyMetadata(key, ["tags"], testContext());
  assert.is(service.sent.length, 1);
  await provider.getKeyMetadata({ keyId: "signer" }, ["rotation"], testContext());
  assert.is(service.sent.length, 3);
  await provider.getKeyMetadata(key, ["tags", "rotation"], testContext());
  const read = { method: "GET", headers: READ, body: undefined };
  const versioned = { ...read, url: `${VAULT_URL}/keys/signer/${VERSION}?api-version=7.4` };
  const current = { ...read, url: `${VAULT_URL}/keys/signer?api-version=7.4` };
  const policy = { ...read, url: `${VAULT_URL}/keys/signer/rotationpolicy?api-version=7.4` };
  assertSent(service.sent, [versioned, current, policy, versioned, current, policy]);
});

test("listKeyVersions: one request, and one a page", async () => {
  const pages: Given[] = [
    { body: BUNDLE },
    { body: { value: [], nextLink: `${VAULT_URL}:443/keys/signer/versions?api-version=7.4&$skiptoken=a%2Fb%3D&maxresults=25` } },
    { body: { value: [] } },
  ];
  const service = testService(...pages);
  const contexts: unknown[] = [];
  const newContext = () => {
    const context = testContext();
    contexts.push(context);
    return context;
  };
  assert.equal(await collect(testProvider(service).listKeyVersions(key, ["state"], newContext)), []);
  assert.is(contexts.length, 3);
  const read = { method: "GET", headers: READ, body: undefined };
  assertSent(service.sent, [
    { ...read, url: `${VAULT_URL}/keys/signer?api-version=7.4` },
    { ...read, url: `${VAULT_URL}/keys/signer/versions?api-version=7.4` },
    { ...read, url: `${VAULT_URL}/keys/signer/versions?api-version=7.4&$skiptoken=a%2Fb%3D` },
  ]);
});

test("rotateKey: a read, then the change, without a body", async () => {
  const rotated = { ...BUNDLE, key: { ...BUNDLE.key, kid: kid("signer", OTHER_VERSION) }, attributes: { ...BUNDLE.attributes, created: 1_767_312_000 } };
  const service = testService({ body: BUNDLE }, { body: rotated });
  const context = testContext();
  assert.equal(await testProvider(service).rotateKey?.({ key }, context), {
    status: "done",
    previousVersion: VERSION,
    newVersion: OTHER_VERSION,
    rotatedAt: new Date(1_767_312_000_000),
  });
  assert.is(context.changeSent, true);
  assert.is(context.attempts, 2);
  assertSent(service.sent, [
    { method: "GET", url: `${VAULT_URL}/keys/signer?api-version=7.4`, headers: READ, body: undefined },
    { method: "POST", url: `${VAULT_URL}/keys/signer/rotate?api-version=7.4`, headers: READ, body: undefined },
  ]);
});

test("another version of the protocol, another endpoint, extra headers", async () => {
  const service = testService({ body: BUNDLE });
  const provider = testProvider(service, { apiVersion: "2025-07-01", endpoint: "https://127.0.0.1:8443", headers: { "X-Trace": "t" } });
  await provider.getPublicKey(key, testContext());
  assertSent(service.sent, [{ method: "GET", url: `https://127.0.0.1:8443/keys/signer/${VERSION}?api-version=2025-07-01`, headers: { ...READ, "x-trace": "t" }, body: undefined }]);
});

test("a signature needs a version and a digest", async () => {
  const service = testService();
  const provider = testProvider(service);
  const input = { algorithm: "ES256", form: "digest", input: digest } as const;
  await rejects(provider.sign({ ...input, key: { keyId: "signer" } }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(() => provider.verify?.({ ...input, key: { keyId: "signer" }, signature }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(provider.sign({ ...input, key, form: "message" }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(() => provider.verify?.({ ...input, key, form: "message", signature }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
  assert.is(service.sent.length, 0);
});

test("hostile names and versions are refused before any request", async () => {
  const service = testService();
  const provider = testProvider(service);
  const input = { algorithm: "ES256", form: "digest", input: digest } as const;
  const names = ["", ".", "..", "../secrets", "a/b", "a%2Fb", "a?b", "a#b", "a\\b", "a\r\nb", "a\u0000", "\ud800", "x".repeat(1_000_000), "signer/versions"];
  for (const keyId of names) {
    const hostile = { keyId, keyVersion: VERSION };
    await rejects(provider.sign({ ...input, key: hostile }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => provider.verify?.({ ...input, key: hostile, signature }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(provider.getPublicKey(hostile, testContext()), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(provider.getKeyMetadata(hostile, ["rotation"], testContext()), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(collect(provider.listKeyVersions(hostile, [], testContext)), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => provider.rotateKey?.({ key: hostile }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
  }
  for (const keyVersion of ["", "..", "../sign", "versions", "rotationpolicy", "sign", `${VERSION}/sign`, `${VERSION}?x`, "1", "x".repeat(1_000_000)]) {
    const hostile = { keyId: "signer", keyVersion };
    await rejects(provider.sign({ ...input, key: hostile }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(provider.getPublicKey(hostile, testContext()), "ERR_KMS_INVALID_ARGUMENT");
    assert.is(await provider.ownsVersion({ keyId: "signer" }, keyVersion, testContext()), false);
  }
  assert.is(await provider.ownsVersion({ keyId: "signer" }, VERSION.toUpperCase(), testContext()), true);
  assert.is(service.sent.length, 0);
});

interface Pair {
  readonly title: string;
  readonly request: { readonly method: string; readonly url: string; readonly headers: Record<string, string>; readonly body?: Record<string, string> };
}

function pairs(file: string): Pair[] {
  return JSON.parse(readFileSync(`fixtures/azure/keys/${file}`, "utf8")) as Pair[];
}

/** The request that we build for a pair, or undefined for one that we do not send: the service's way to name a page, and a signature without version. */
function buildPair({ request }: Pair): WireRequest | undefined {
  const { hostname, pathname, searchParams } = new URL(request.url);
  const at = azureAddress({ vaultUrl: `https://${hostname}`, apiVersion: searchParams.get("api-version") ?? "" });
  const [, , keyId = "", second, third] = pathname.split("/");
  const operation = third ?? second ?? "";
  const bytes = (member: string) => Uint8Array.from(Buffer.from(request.body?.[member] ?? "", "base64url"));
  const named = { keyId, keyVersion: second as string };
  if (operation === "sign" && third === undefined) return undefined;
  if (operation === "sign") return buildSign(at, { key: named, algorithm: request.body?.alg as "ES256", form: "digest", input: bytes("value") });
  if (operation === "verify") return buildVerify(at, { key: named, algorithm: request.body?.alg as "ES256", form: "digest", input: bytes("digest"), signature: bytes("value") });
  if (operation === "versions") return buildListVersions(at, { keyId }, /skiptoken=([^&]*)/.exec(request.url)?.[1]);
  if (operation === "rotate") return buildRotate(at, { keyId });
  if (operation === "rotationpolicy") return buildGetRotationPolicy(at, { keyId });
  return buildGetKey(at, second === undefined ? { keyId } : named);
}

test("vectors: requests of this order", () => {
  let built = 0;
  let skipped = 0;
  for (const file of readdirSync("fixtures/azure/keys")) {
    if (!/^(get-key-(ec|rsa)|list-versions|rotate|rotation-policy|sign|verify)\.json$/.test(file)) continue;
    for (const pair of pairs(file)) {
      const { method, url, headers, body } = pair.request;
      const request = method === "PUT" ? undefined : buildPair(pair);
      if (request === undefined) {
        skipped += 1;
        continue;
      }
      built += 1;
      assert.is(request.method, method, pair.title);
      // Paging: the number of results and the explicit port are the service's.
      assert.is(request.url, url.replace(/:443/, "").replace(/&maxresults=\d+/, ""), pair.title);
      assert.equal(request.body === undefined ? undefined : JSON.parse(request.body), body, pair.title);
      const expected = Object.entries(headers).filter(([name]) => name === "Accept" || name === "Content-Type");
      assert.equal(Object.entries(request.headers).sort(), expected.map(([name, value]) => [name.toLowerCase(), value]).sort(), pair.title);
    }
  }
  assert.is(built, 20);
  assert.is(skipped, 2);
});

test("nothing to escape: the same text as URL writes it", () => {
  for (const request of [buildGetKey(address, key), buildListVersions(address, current, "a%3D"), buildRotate(address, current)]) {
    assert.is(new URL(request.url).href, request.url);
  }
});

test.run();
