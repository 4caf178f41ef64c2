import { createPublicKey, generateKeyPairSync, sign as nodeSign, verify as nodeVerify } from "node:crypto";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SignatureAlgorithm } from "../../src/algorithms.js";
import { createAzureKms, createAzureProvider, type AzureProviderOptions } from "../../src/azure/index.js";
import { ConfigError } from "../../src/errors.js";
import { KmsManager } from "../../src/kms/manager.js";
import { verifySignature } from "../../src/verify/index.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { ATTRIBUTES, BUNDLE, collect, EC_KEY, kid, NOW, OTHER_VERSION, testProvider, testService, VAULT_URL, VERSION, type Given } from "./service.js";

const current = { keyId: "signer" };

function problemsOf(options: unknown): readonly string[] {
  try {
    createAzureProvider(options as AzureProviderOptions);
  } catch (error) {
    if (error instanceof ConfigError && error.code === "ERR_KMS_CONFIG") return error.problems;
    throw error;
  }
  return [];
}

test("the configuration: every problem at once, before anything is sent", async () => {
  const problems = problemsOf({ vaultUrl: "ftp://x", apiVersion: "x", endpoint: 7, credentials: "t", env: "e", fetch: 1, headers: { authorization: "x" }, timeout: 1 });
  assert.is(problems.length, 8);
  const error = await rejects(() => createAzureProvider({ vaultUrl: "x", apiVersion: "y" }), "ERR_KMS_CONFIG");
  assert.match(error.message, /^vaultUrl .*; apiVersion /);
  for (const options of [undefined, null, 7, "https://example-vault.vault.azure.net", []]) assert.ok(problemsOf(options).length > 0);
  assert.equal(problemsOf({ vaultUrl: VAULT_URL }), []);
});

test("the configuration: inherited and polluted members do not count", () => {
  assert.is(problemsOf(Object.create({ vaultUrl: VAULT_URL }) as object).length, 1);
  const prototype = Object.prototype as { vaultUrl?: string };
  prototype.vaultUrl = VAULT_URL;
  try {
    assert.is(problemsOf({}).length, 1);
  } finally {
    delete prototype.vaultUrl;
  }
});

test("the configuration: what is not Azure's own needs a scope, http an option, and data a permission", () => {
  const scope = "https://vault.azure.net/.default";
  assert.is(problemsOf({ vaultUrl: "https://localhost:8443" }).length, 1);
  assert.equal(problemsOf({ vaultUrl: "https://localhost:8443", scope }), []);
  assert.is(problemsOf({ vaultUrl: "https://localhost:8443", scope, allowCustomEndpoint: false }).length, 1);
  assert.is(problemsOf({ vaultUrl: VAULT_URL, endpoint: "http://127.0.0.1:8080" }).length, 1);
  assert.equal(problemsOf({ vaultUrl: VAULT_URL, endpoint: "http://127.0.0.1:8080", allowInsecureHttp: true }), []);
  assert.is(problemsOf({ vaultUrl: VAULT_URL, endpoint: "http://127.0.0.1:8080", allowInsecureHttp: true, allowCustomEndpoint: false }).length, 1);
});

test("no algorithm but RSA and ECDSA, and digests only", () => {
  const { inputRule, signsByVersion, verifiesByVersion, name } = testProvider(testService());
  for (const algorithm of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K"] as const) {
    assert.equal(inputRule(algorithm), { messageMaxBytes: 0, digest: true });
  }
  for (const algorithm of ["Ed25519", "__proto__", "toString", "HS256"]) assert.is(inputRule(algorithm as SignatureAlgorithm), undefined);
  assert.equal([name, signsByVersion, verifiesByVersion], ["azure", true, true]);
});

test("signatures have the length of their algorithm", async () => {
  const lengths: Readonly<Record<string, readonly number[]>> = { RS256: [256, 384, 512], PS512: [256, 384, 512], ES256: [64], ES384: [96], ES512: [132], ES256K: [64] };
  for (const [algorithm, good] of Object.entries(lengths)) {
    for (const length of [32, 63, 64, 65, 96, 128, 132, 255, 256, 257, 384, 512, 1024]) {
      const value = Buffer.alloc(length, 1).toString("base64url");
      const provider = testProvider(testService({ body: { kid: kid(), value } }));
      const signed = new KmsManager(provider, { ...current, keyVersion: VERSION }).sign(new Uint8Array(32), { algorithm: algorithm as SignatureAlgorithm });
      if (!good.includes(length)) await rejects(signed, "ERR_KMS_RESPONSE_INVALID");
      else assert.is((await signed).encoding, algorithm.startsWith("ES") ? "ieee-p1363" : "raw");
    }
  }
});

test("vectors: signatures through sign, checked with node:crypto and with our verifier", async () => {
  interface Case {
    readonly alg: SignatureAlgorithm;
    readonly key: string;
    readonly hash: string;
    readonly message: string;
    readonly digest: string;
    readonly signature: string;
  }
  const { cases } = JSON.parse(readFileSync("fixtures/azure/signatures.json", "utf8")) as { cases: Case[] };
  const { rsa, ec } = JSON.parse(readFileSync("fixtures/azure/keys.json", "utf8")) as Record<string, Record<string, Record<string, string>>>;
  assert.is(cases.length, 10);
  for (const { alg, key, hash, message, digest, signature } of cases) {
    const { kty, crv, n, e, x, y } = { ...rsa, ...ec }[key] ?? {};
    const written = crv === "secp256k1" ? "P-256K" : crv;
    const bundle = { key: { kid: kid(key), kty, key_ops: ["sign", "verify"], crv: written, n, e, x, y }, attributes: ATTRIBUTES };
    const service = testService({ body: bundle }, { body: { kid: kid(key), value: signature } });
    const provider = testProvider(service);
    const { jwk, algorithms } = await provider.getPublicKey({ keyId: key }, testContext());
    assert.ok(algorithms?.includes(alg), alg);
    const input = Uint8Array.from(Buffer.from(digest, "base64url"));
    const signed = await provider.sign({ key: { keyId: key, keyVersion: VERSION }, algorithm: alg, form: "digest", input }, testContext());
    const publicKey = createPublicKey({ key: { ...rsa, ...ec }[key] as Record<string, string>, format: "jwk" });
    const pss = alg.startsWith("PS") ? { padding: 6, saltLength: input.length } : {};
    assert.ok(nodeVerify(hash, Buffer.from(message), { key: publicKey, dsaEncoding: "ieee-p1363", ...pss }, signed.signature), alg);
    if (alg === "ES256K") continue; // WebCrypto lacks the curve
    const verified = { publicKey: jwk, algorithm: alg, signature: signed.signature, encoding: signed.encoding };
    assert.is(await verifySignature({ ...verified, data: new TextEncoder().encode(message) }), true, alg);
    assert.is(await verifySignature({ ...verified, data: new TextEncoder().encode(`${message}.`) }), false, alg);
  }
});

test("vectors: answers of sign and verify", async () => {
  interface Pair {
    readonly title: string;
    readonly request: { readonly url: string; readonly body: Record<string, string> };
    readonly response: Given;
  }
  const read = (file: string) => JSON.parse(readFileSync(`fixtures/azure/keys/${file}.json`, "utf8")) as Pair[];
  const bytes = (text: string | undefined) => Uint8Array.from(Buffer.from(text ?? "", "base64url"));
  const versions: string[] = [];
  for (const { request, response } of read("sign")) {
    const [, , keyId = "", keyVersion = ""] = new URL(request.url).pathname.split("/");
    const key = { keyId, keyVersion: keyVersion === "sign" ? "9999aaaabbbbccccddddeeeeffff0000" : keyVersion };
    const signed = await testProvider(testService(response)).sign({ key, algorithm: request.body.alg as SignatureAlgorithm, form: "digest", input: bytes(request.body.value) }, testContext());
    versions.push(signed.keyVersion);
    assert.is(signed.requestId, response.headers?.["x-ms-request-id"]);
  }
  assert.is(versions.length, 7);
  const verdicts: unknown[] = [];
  for (const { request, response } of read("verify")) {
    const [, , keyId = "", keyVersion = ""] = new URL(request.url).pathname.split("/");
    const { alg, digest, value } = request.body;
    verdicts.push(await testProvider(testService(response)).verify?.({ key: { keyId, keyVersion }, algorithm: alg as SignatureAlgorithm, form: "digest", input: bytes(digest), signature: bytes(value) }, testContext()));
  }
  assert.equal(verdicts, [true, false]);
});

test("vectors: pages of versions, an empty one among them", async () => {
  const pairs = JSON.parse(readFileSync("fixtures/azure/keys/list-versions.json", "utf8")) as { request: { url: string }; response: Given }[];
  const newest = { ...BUNDLE, key: { ...EC_KEY, kid: kid("rsa-demo", "9999aaaabbbbccccddddeeeeffff0000") } };
  const service = testService({ body: newest }, ...pairs.map(({ response }) => response));
  assert.equal(await collect(testProvider(service).listKeyVersions({ keyId: "rsa-demo" }, [], testContext)), [
    { keyVersion: "11112222333344445555666677778888", current: false, state: "enabled", createdAt: new Date(1_767_225_600_000) },
    { keyVersion: "9999aaaabbbbccccddddeeeeffff0000", current: true, state: "enabled", createdAt: new Date(1_767_312_000_000) },
  ]);
  assert.is(service.sent.length, 4);
});

test("versions: states and dates from the attributes, a pinned version does not matter", async () => {
  const value = [
    { kid: kid(), attributes: { ...ATTRIBUTES, enabled: false } },
    { kid: kid("SIGNER", OTHER_VERSION.toUpperCase()), attributes: { enabled: true, created: null, exp: NOW / 1000 } },
  ];
  const service = testService({ body: { ...BUNDLE, key: { ...EC_KEY, kid: kid("signer", OTHER_VERSION) } } }, { body: { value } });
  assert.equal(await collect(testProvider(service).listKeyVersions({ keyId: "signer", keyVersion: VERSION }, ["state"], testContext)), [
    { keyVersion: VERSION, current: false, state: "disabled", createdAt: new Date(NOW) },
    { keyVersion: OTHER_VERSION, current: true, state: "expired", expiresAt: new Date(NOW) },
  ]);
});

test("paging: no link is followed, and a link to anywhere else ends the list before another request", async () => {
  const versions = `${VAULT_URL}/keys/signer/versions`;
  const bad = [
    "https://evil.example/keys/signer/versions?$skiptoken=x",
    "https://example-vault.vault.azure.net.evil.example/keys/signer/versions?$skiptoken=x",
    "https://example-vault.vault.azure.net@evil.example/keys/signer/versions?$skiptoken=x",
    "https://example-vault.vault.azure.net:8443/keys/signer/versions?$skiptoken=x",
    "http://example-vault.vault.azure.net/keys/signer/versions?$skiptoken=x",
    "//example-vault.vault.azure.net/keys/signer/versions?$skiptoken=x",
    "/keys/signer/versions?$skiptoken=x",
    `${VAULT_URL}/keys/other/versions?$skiptoken=x`,
    `${VAULT_URL}/keys/signer/../other/versions?$skiptoken=x`,
    `${VAULT_URL}/secrets?$skiptoken=x`,
    `${VAULT_URL}/keys?$skiptoken=x`,
    versions,
    `${versions}?api-version=7.4`,
    `${versions}?$skiptoken=`,
    `${versions}?$skiptoken=a b`,
    `${versions}?$skiptoken=a%0`,
    `${versions}?$skiptoken=a"b`,
    `${versions}?$skiptoken=a#b`,
    `${versions}?$skiptoken=ä`,
    `${versions}?$skiptoken=a\r\nx: y`,
    `${versions}?$skiptoken=${"x".repeat(5_000)}`,
  ];
  for (const nextLink of bad) {
    const service = testService({ body: BUNDLE }, { body: { value: [], nextLink } });
    const error = await rejects(collect(testProvider(service).listKeyVersions(current, [], testContext)), "ERR_KMS_RESPONSE_INVALID");
    assert.is(service.sent.length, 2, nextLink.slice(0, 100));
    assert.not.ok(JSON.stringify(error).includes("skiptoken"));
  }
});

test("paging: behind an endpoint the links are the vault's", async () => {
  const service = testService({ body: BUNDLE }, { body: { value: [], nextLink: `${VAULT_URL}/keys/SIGNER/versions?%24skiptoken=x%3D` } }, { body: { value: [], nextLink: "" } });
  await collect(testProvider(service, { endpoint: "https://127.0.0.1:8443" }).listKeyVersions(current, [], testContext));
  assert.is(service.sent[2]?.url, "https://127.0.0.1:8443/keys/signer/versions?api-version=7.4&$skiptoken=x%3D");
});

test("paging: links in a circle and pages without end", async () => {
  const same = testService({ body: BUNDLE }, { body: { value: [], nextLink: `${VAULT_URL}/keys/signer/versions?$skiptoken=x` } });
  await rejects(collect(testProvider(same).listKeyVersions(current, [], testContext)), "ERR_KMS_RESPONSE_INVALID");
  assert.is(same.sent.length, 3);
  const endless = testService({ body: BUNDLE });
  let count = 0;
  const fetch: typeof endless.fetch = async (url, init) => {
    if (!url.includes("/versions")) return endless.fetch(url, init);
    return new Response(JSON.stringify({ value: [], nextLink: `${VAULT_URL}/keys/signer/versions?$skiptoken=${(count += 1)}` }));
  };
  await rejects(collect(testProvider(endless, { fetch }).listKeyVersions(current, [], testContext)), "ERR_KMS_RESPONSE_INVALID");
  assert.is(count, 1_000);
});

test("an abort before, and no request afterwards", async () => {
  const service = testService({ body: BUNDLE });
  const controller = new AbortController();
  controller.abort();
  await rejects(testProvider(service).getPublicKey(current, testContext({ signal: controller.signal })), "ERR_KMS_ABORTED");
  assert.is(service.sent.length, 0);
});

test("one manager: two requests for the first signature without a version, one with it and afterwards", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x, y } = publicKey.export({ format: "jwk" });
  const data = new TextEncoder().encode("data");
  const value = nodeSign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
  const sent: string[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    sent.push(`${init.method} ${url}`);
    return new Response(JSON.stringify(url.includes("/sign?") ? { kid: kid(), value } : { key: { ...EC_KEY, x, y }, attributes: ATTRIBUTES }));
  };
  const options = { vaultUrl: VAULT_URL, keyName: "signer", credentials: { token: "t" }, env: {}, fetch };
  const signUrl = `POST ${VAULT_URL}/keys/signer/${VERSION}/sign?api-version=7.4`;
  const kms = createAzureKms({ ...options, algorithm: "ES256" });
  const signed = await kms.sign(data);
  await kms.sign(data);
  assert.equal(sent, [`GET ${VAULT_URL}/keys/signer?api-version=7.4`, signUrl, signUrl]);
  assert.is(signed.keyVersion, VERSION);
  assert.is(await kms.verify(data, signed), true);
  assert.is(await kms.verify(data, { ...signed, keyVersion: VERSION.toUpperCase() }), true);
  const requests = sent.length;
  for (const keyVersion of ["../sign", "versions", kid(), kid("signer", VERSION, "https://other-vault.vault.azure.net"), ""]) {
    assert.is(await kms.verify(data, { ...signed, keyVersion }), false, keyVersion);
  }
  assert.is(sent.length, requests);
  sent.length = 0;
  await createAzureKms({ ...options, keyVersion: VERSION }).sign(data, { algorithm: "ES256" });
  assert.equal(sent, [signUrl]);
});

test("one manager: problems of name and version are told by their own names", async () => {
  const error = await rejects(() => createAzureKms({ vaultUrl: VAULT_URL, keyName: "a/b", keyVersion: "1" }), "ERR_KMS_CONFIG");
  assert.match(error.message, /keyName/);
  for (const options of [undefined, null, "x", 7, { vaultUrl: VAULT_URL }, { vaultUrl: VAULT_URL, keyName: 7 }]) await rejects(() => createAzureKms(options as never), "ERR_KMS_CONFIG");
  assert.match(error.message, /keyVersion/);
});

test("planted secrets show nowhere", async () => {
  const token = "planted-T0KEN-4f9c";
  const secrets = [token, Buffer.from("planted data").toString("base64url"), "planted data"];
  const input = Uint8Array.from(Buffer.from("planted data".padEnd(32, ".")));
  const failures: (Given | Error)[] = [
    { status: 400, bodyText: token },
    { status: 401, bodyText: "" },
    { status: 200, body: { kid: token, value: token } },
    { status: 200, body: { kid: kid(), value: `${token}==` } },
    { status: 302, headers: { location: `https://evil.example/?t=${token}` } },
    { status: 200, headers: { "content-encoding": "gzip" }, bodyText: token },
    { status: 200, bodyText: `{"kid":"${token}"` },
    new TypeError(`fetch failed: Bearer ${token}`),
  ];
  for (const failure of failures) {
    for (const credentials of [{ token }, () => ({ token }), async () => ({ token })]) {
      const service = testService(failure instanceof Error ? {} : failure);
      const fetch: typeof service.fetch = async (url, init) => {
        if (failure instanceof Error) throw failure;
        return service.fetch(url, init);
      };
      const provider = testProvider(service, { credentials, fetch });
      const context = testContext();
      for (const call of [
        () => provider.sign({ key: { ...current, keyVersion: VERSION }, algorithm: "ES256", form: "digest", input }, context),
        () => provider.verify?.({ key: { ...current, keyVersion: VERSION }, algorithm: "ES256", form: "digest", input, signature: input }, context),
        () => provider.getPublicKey(current, context),
        () => provider.getKeyMetadata(current, ["tags", "rotation"], context),
        () => collect(provider.listKeyVersions(current, [], () => context)),
        () => provider.rotateKey?.({ key: current }, context),
      ]) {
        let thrown: unknown;
        try {
          await call();
        } catch (error) {
          thrown = error;
        }
        const { message, stack, cause } = thrown as Error;
        const seen = [message, stack, JSON.stringify(thrown), inspect([thrown, cause, provider], { depth: Infinity, showHidden: true }), JSON.stringify(context.events)].join("\n");
        for (const secret of secrets) assert.not.ok(seen.includes(secret), message);
      }
    }
  }
});

test.run();
