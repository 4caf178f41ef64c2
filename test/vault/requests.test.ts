import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SignatureAlgorithm } from "../../src/algorithms.js";
import { vaultAddress } from "../../src/vault/config.js";
import { createVaultKms } from "../../src/vault/index.js";
import { buildReadKey, buildRotate, buildSign, buildVerify } from "../../src/vault/requests.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { ADDRESS, answer, BASE, bytesOf, changed, collect, DER, KEY, NOW, P1363, readCases, REQUEST_ID, SIGNED, testProvider, testService, TOKEN, type Sent } from "./service.js";

const current = { keyId: "signer" };
const pinned = { keyId: "signer", keyVersion: "2" };
const message = new TextEncoder().encode("sample");
const MESSAGE = "c2FtcGxl";
const HEADERS = { "x-vault-request": "true", "content-type": "application/json", "x-vault-token": TOKEN, "accept-encoding": "identity" };

const RSA_SIGNATURE = Buffer.alloc(256, 0x5a);
const ED25519_SIGNATURE = Buffer.alloc(64, 0xa5);

interface Form {
  /** The members that say how. */
  readonly parameters: string;
  /** What a signature looks like, in base64 as Transit has it. */
  readonly signature: string;
  /** The same as the manager has it. */
  readonly claimed: Uint8Array<ArrayBuffer>;
  readonly hash?: string;
}

function ecForm(bytes: number, hash: string): Form {
  const part = Buffer.alloc(bytes, 0x11);
  const length = 2 * (bytes + 2);
  const der = Buffer.concat([Buffer.from(length < 128 ? [0x30, length] : [0x30, 0x81, length]), Buffer.from([2, bytes]), part, Buffer.from([2, bytes]), part]);
  return { parameters: `"hash_algorithm":"${hash}","marshaling_algorithm":"asn1"`, signature: der.toString("base64"), claimed: Uint8Array.from(Buffer.concat([part, part])), hash: hash.replace("sha2-", "sha") };
}

function rsaForm(hash: string, scheme: string): Form {
  return { parameters: `"hash_algorithm":"${hash}","signature_algorithm":"${scheme},"marshaling_algorithm":"asn1"`, signature: RSA_SIGNATURE.toString("base64"), claimed: Uint8Array.from(RSA_SIGNATURE), hash: hash.replace("sha2-", "sha") };
}

/** Nothing is left to a default of the service, and `algorithm`, which some releases read and some do not, is never sent. */
const FORMS: Readonly<Partial<Record<SignatureAlgorithm, Form>>> = {
  RS256: rsaForm("sha2-256", 'pkcs1v15"'),
  RS384: rsaForm("sha2-384", 'pkcs1v15"'),
  RS512: rsaForm("sha2-512", 'pkcs1v15"'),
  PS256: rsaForm("sha2-256", 'pss","salt_length":"hash"'),
  PS384: rsaForm("sha2-384", 'pss","salt_length":"hash"'),
  PS512: rsaForm("sha2-512", 'pss","salt_length":"hash"'),
  ES256: ecForm(32, "sha2-256"),
  ES384: ecForm(48, "sha2-384"),
  ES512: ecForm(66, "sha2-512"),
  Ed25519: { parameters: '"marshaling_algorithm":"asn1"', signature: ED25519_SIGNATURE.toString("base64"), claimed: Uint8Array.from(ED25519_SIGNATURE) },
};

function assertSent(sent: readonly Sent[], expected: readonly Omit<Sent, "redirect">[]): void {
  assert.equal(sent, expected.map((request) => ({ ...request, redirect: "manual" })));
}

for (const [name, { parameters, signature, claimed, hash }] of Object.entries(FORMS)) {
  const algorithm = name as SignatureAlgorithm;
  const digest = hash === undefined ? undefined : Uint8Array.from(createHash(hash).update(message).digest());

  test(`sign: ${algorithm}, message, digest, pinned version`, async () => {
    const service = testService(answer({ key_version: 2, signature: `vault:v2:${signature}` }));
    const provider = testProvider(service);
    const signed = await provider.sign({ key: current, algorithm, form: "message", input: message }, testContext());
    assert.equal(signed, { signature: claimed, encoding: algorithm.startsWith("ES") ? "ieee-p1363" : "raw", keyVersion: "2", requestId: REQUEST_ID });
    await provider.sign({ key: pinned, algorithm, form: "message", input: message }, testContext());
    await provider.sign({ key: current, algorithm, form: "message", input: new Uint8Array(0) }, testContext());
    const post = { method: "POST", url: `${BASE}/sign/signer`, headers: HEADERS };
    const expected = [
      { ...post, body: `{"input":"${MESSAGE}",${parameters}}` },
      { ...post, body: `{"input":"${MESSAGE}",${parameters},"key_version":2}` },
      { ...post, body: `{"input":"",${parameters}}` },
    ];
    if (digest !== undefined) {
      await provider.sign({ key: pinned, algorithm, form: "digest", input: digest }, testContext());
      expected.push({ ...post, body: `{"input":"${Buffer.from(digest).toString("base64")}",${parameters},"prehashed":true,"key_version":2}` });
    }
    assertSent(service.sent, expected);
  });

  test(`verify: ${algorithm}, message and digest`, async () => {
    const service = testService(answer({ valid: true }), answer({ valid: false }));
    const provider = testProvider(service);
    const post = { method: "POST", url: `${BASE}/verify/signer`, headers: HEADERS };
    const expected = [{ ...post, body: `{"input":"${MESSAGE}",${parameters},"signature":"vault:v2:${signature}"}` }];
    assert.is(await provider.verify?.({ key: pinned, algorithm, form: "message", input: message, signature: claimed }, testContext()), true);
    if (digest !== undefined) {
      assert.is(await provider.verify?.({ key: pinned, algorithm, form: "digest", input: digest, signature: claimed }, testContext()), false);
      expected.push({ ...post, body: `{"input":"${Buffer.from(digest).toString("base64")}",${parameters},"prehashed":true,"signature":"vault:v2:${signature}"}` });
    }
    assertSent(service.sent, expected);
  });
}

test("reads: one request each, whatever is asked for, without a version in it", async () => {
  const service = testService(answer(KEY));
  const provider = testProvider(service);
  await provider.getPublicKey(current, testContext());
  await provider.getPublicKey({ keyId: "signer", keyVersion: "1" }, testContext());
  await provider.getKeyMetadata(pinned, ["tags", "rotation"], testContext());
  let contexts = 0;
  const versions = await collect(provider.listKeyVersions(pinned, ["state"], () => ((contexts += 1), testContext())));
  assert.is(versions.length, 2);
  assert.is(contexts, 1);
  assertSent(service.sent, Array.from({ length: 4 }, () => ({ method: "GET", url: `${BASE}/keys/signer`, headers: HEADERS, body: undefined })));
});

test("rotateKey: one request, the change itself", async () => {
  const service = testService(answer(KEY));
  const context = testContext();
  assert.equal(await testProvider(service).rotateKey?.({ key: pinned, policy: "{}" }, context), {
    status: "done",
    previousVersion: "1",
    newVersion: "2",
    rotatedAt: new Date("2026-06-01T00:00:00.500Z"),
  });
  assert.is(context.changeSent, true);
  assert.is(context.attempts, 1);
  assertSent(service.sent, [{ method: "POST", url: `${BASE}/keys/signer/rotate`, headers: HEADERS, body: "{}" }]);
});

test("rotateKey before Vault 1.14: an answer without a body, and a look at the key", async () => {
  const service = testService({ status: 204 }, answer(KEY));
  const rotation = await testProvider(service).rotateKey?.({ key: current }, testContext());
  assert.equal([rotation?.previousVersion, rotation?.newVersion], ["1", "2"]);
  assert.equal(service.sent.map(({ method, url }) => `${method} ${url}`), [`POST ${BASE}/keys/signer/rotate`, `GET ${BASE}/keys/signer`]);
});

test("a path prefix, a nested and non-ASCII mount, a namespace, headers of the caller", async () => {
  const service = testService(answer(SIGNED), answer({ valid: true }), answer(KEY), answer(KEY));
  const options = { address: "https://proxy.example/teams/vault/", mountPath: "größe/k ms", namespace: "team-a/sub", headers: { "X-Trace": "t 1" } };
  const provider = testProvider(service, options);
  await provider.sign({ key: current, algorithm: "ES256", form: "message", input: message }, testContext());
  await provider.verify?.({ key: pinned, algorithm: "ES256", form: "message", input: message, signature: P1363 }, testContext());
  await provider.getPublicKey(current, testContext());
  await provider.rotateKey?.({ key: current }, testContext());
  const base = "https://proxy.example/teams/vault/v1/gr%C3%B6%C3%9Fe/k%20ms";
  const headers = { ...HEADERS, "x-vault-namespace": "team-a/sub", "x-trace": "t 1" };
  const parameters = '"hash_algorithm":"sha2-256","marshaling_algorithm":"asn1"';
  assertSent(service.sent, [
    { method: "POST", url: `${base}/sign/signer`, headers, body: `{"input":"${MESSAGE}",${parameters}}` },
    { method: "POST", url: `${base}/verify/signer`, headers, body: `{"input":"${MESSAGE}",${parameters},"signature":"vault:v2:${DER}"}` },
    { method: "GET", url: `${base}/keys/signer`, headers, body: undefined },
    { method: "POST", url: `${base}/keys/signer/rotate`, headers, body: "{}" },
  ]);
  for (const { url } of service.sent) assert.is(new URL(url).href, url);
});

test("a bound on messages: at it the message, over it its digest, and for Ed25519 nothing; a digest has its length", async () => {
  const service = testService(answer(SIGNED), answer(SIGNED), answer(KEY));
  const kms = createVaultKms({ address: ADDRESS, mountPath: "transit", keyName: "signer", credentials: { token: TOKEN }, env: {}, fetch: service.fetch, now: () => NOW });
  const bodyOf = (index: number) => JSON.parse(service.sent[index]?.body as string) as Record<string, unknown>;
  const data = new Uint8Array(716_801).fill(7);
  await kms.sign(data.subarray(1), { algorithm: "ES256" });
  assert.is(bodyOf(0).prehashed, undefined);
  assert.is((bodyOf(0).input as string).length, 955_736);
  assert.ok((service.sent[0]?.body as string).length < 1_048_576, "what one JSON string may have in newer Vault");
  await kms.sign(data, { algorithm: "ES256" });
  assert.is(bodyOf(1).prehashed, true);
  assert.is(bodyOf(1).input, createHash("sha256").update(data).digest("base64"));
  assert.match((await rejects(kms.sign(data, { algorithm: "Ed25519" }), "ERR_KMS_INVALID_ARGUMENT")).hint ?? "", /hash/);
  for (const [algorithm, length] of [["ES256", 31], ["ES256", 0], ["ES384", 32], ["RS512", 32]] as const) {
    await rejects(kms.sign(new Uint8Array(length), { algorithm, digest: true }), "ERR_KMS_INVALID_ARGUMENT");
  }
  assert.is(service.sent.length, 2);
  const claim = { algorithm: "ES256", signature: P1363, keyVersion: "2" } as const;
  for (const length of [31, 0]) await rejects(kms.verify(new Uint8Array(length), claim, { digest: true }), "ERR_KMS_INVALID_ARGUMENT");
  assert.equal(service.sent.slice(2).map(({ method }) => method), ["GET"], "of the key only");
});

test("the input is always there, as text", () => {
  for (const input of [new Uint8Array(0), message]) {
    const { body } = buildSign(BASE, { key: current, algorithm: "Ed25519", form: "message", input });
    assert.type((JSON.parse(body as string) as { input: unknown }).input, "string");
    assert.match(body as string, /^\{"input":"/);
  }
});

const GOOD = { key: pinned, algorithm: "ES256", form: "message", input: message } as const;

test("what is no input is refused before any request", async () => {
  const service = testService();
  const provider = testProvider(service);
  const digest = new Uint8Array(32);
  const bad: readonly (readonly [object, "ERR_KMS_INVALID_ARGUMENT" | "ERR_KMS_UNSUPPORTED"])[] = [
    ...[undefined, null, "sample", [1], new ArrayBuffer(1), {}, 7].map((input) => [{ input }, "ERR_KMS_INVALID_ARGUMENT"] as const),
    [{ form: "digest", algorithm: "Ed25519", input: digest }, "ERR_KMS_UNSUPPORTED"],
    ...["ES256K", "HS256", "none", "__proto__", "toString", "es256", "", undefined].map((algorithm) => [{ algorithm }, "ERR_KMS_UNSUPPORTED"] as const),
  ];
  for (const [change, code] of bad) {
    await rejects(provider.sign({ ...GOOD, ...change }, testContext()), code);
    await rejects(() => provider.verify?.({ ...GOOD, signature: P1363, ...change }, testContext()), code);
  }
  await rejects(() => provider.verify?.({ ...GOOD, key: current, signature: P1363 }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(() => provider.verify?.({ ...GOOD, signature: DER as never }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
  assert.is(service.sent.length, 0);
});

test("hostile names and versions are refused before any request, and before a credential is asked for", async () => {
  const service = testService();
  const provider = testProvider(service, {
    credentials: () => {
      throw new Error("asked");
    },
  });
  const everything = (key: { keyId: string; keyVersion?: string }) => [
    () => provider.sign({ ...GOOD, key }, testContext()),
    () => provider.verify?.({ ...GOOD, key, signature: P1363 }, testContext()),
    () => provider.getPublicKey(key, testContext()),
    () => provider.getKeyMetadata(key, ["rotation"], testContext()),
  ];
  const names = ["", ".", "..", "../../sys/seal", "a/b", "a/rotate", "a%2Fb", "a%2frotate", "a?b", "a#b", "a\\b", "a\r\nb", "a\u0000", "\ud800", "a b", "ä", "x".repeat(1_000_000), "__proto__/x", 7, null, undefined, {}];
  for (const name of names) {
    const key = { keyId: name as string, keyVersion: "1" };
    for (const attempt of everything(key)) await rejects(attempt, "ERR_KMS_INVALID_ARGUMENT");
    await rejects(collect(provider.listKeyVersions(key, [], testContext)), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => provider.rotateKey?.({ key }, testContext()), "ERR_KMS_INVALID_ARGUMENT");
  }
  for (const keyVersion of ["", "0", "-1", "01", "1.5", "latest", "NaN", "null", "__proto__", "1:x", '1","x":"', "../1", "1\n", "x".repeat(1_000_000), 1, null, {}]) {
    for (const attempt of everything({ keyId: "signer", keyVersion: keyVersion as string })) await rejects(attempt, "ERR_KMS_INVALID_ARGUMENT");
    if (typeof keyVersion === "string") assert.is(await provider.ownsVersion(current, keyVersion, testContext()), false);
  }
  assert.is(service.sent.length, 0);
});

test("a signature that no key for the algorithm can have made is false without a request", async () => {
  const service = testService();
  const provider = testProvider(service);
  const verify = (algorithm: SignatureAlgorithm, signature: Uint8Array<ArrayBuffer>) => provider.verify?.({ ...GOOD, algorithm, signature }, testContext());
  for (const [algorithm, good] of [["RS256", [256, 384, 512]], ["PS512", [256, 384, 512]], ["ES256", [64]], ["ES384", [96]], ["ES512", [132]], ["Ed25519", [64]]] as const) {
    for (const length of [0, 1, 63, 64, 65, 96, 128, 132, 255, 256, 257, 384, 512, 1024]) {
      if (!(good as readonly number[]).includes(length)) assert.is(await verify(algorithm, new Uint8Array(length).fill(1)), false, `${algorithm} ${length}`);
    }
  }
  // Transit takes any hash with any curve, so it would say yes to P-256 with SHA-512.
  const padded = (width: number, used: number) => Uint8Array.from({ length: 2 * width }, (_, index) => (index % width < width - used ? 0 : 0x77));
  assert.is(await verify("ES384", padded(48, 32)), false);
  assert.is(await verify("ES512", padded(66, 32)), false);
  assert.is(await verify("ES512", padded(66, 48)), false);
  assert.is(await verify("ES256", padded(32, 0)), false);
  assert.is(service.sent.length, 0);
});

test("a signature with one short number is asked about", async () => {
  const service = testService(answer({ valid: true }));
  const signature = new Uint8Array(132).fill(1);
  signature.fill(0, 0, 65);
  assert.is(await testProvider(service).verify?.({ ...GOOD, algorithm: "ES512", signature }, testContext()), true);
  assert.is(service.sent.length, 1);
});

test("a bigger number than a curve has is the service's question", async () => {
  const service = testService(answer({ valid: false }));
  assert.is(await testProvider(service).verify?.({ ...GOOD, signature: new Uint8Array(64).fill(255) }, testContext()), false);
  assert.match(service.sent[0]?.body ?? "", /"signature":"vault:v2:MEYCIQD\/{42}/);
});

test("bytes of another realm, and of shared memory, are bytes", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(6));
  shared.set(message);
  assert.match(buildSign(BASE, { ...GOOD, input: shared as never }).body as string, new RegExp(`"input":"${MESSAGE}"`));
});

test("vectors: requests that we send too", () => {
  const { base } = vaultAddress({ address: ADDRESS, mountPath: "transit" }, { customEndpoint: false, insecureHttp: false });
  const algorithms: Readonly<Record<string, [SignatureAlgorithm, "message" | "digest"]>> = {
    "ecdsa-asn1-default": ["ES256", "message"],
    "ecdsa-prehashed": ["ES256", "digest"],
    "rsa-pkcs1v15-sha256": ["RS256", "message"],
    ed25519: ["Ed25519", "message"],
  };
  let built = 0;
  for (const { id, request } of readCases("sign-verify.json")) {
    const [algorithm, form] = algorithms[id] ?? [];
    if (algorithm === undefined || form === undefined) continue;
    built += 1;
    const { input, key_version: version } = request.body ?? {};
    const key = { keyId: request.path.split("/").at(-1) as string, keyVersion: version === undefined ? undefined : String(version) };
    const ours = buildSign(base, { key, algorithm, form, input: bytesOf(input) });
    assert.is(`${ours.method} ${ours.url}`, `${request.method} ${ADDRESS}${request.path}`, id);
    const { marshaling_algorithm: marshaling, ...members } = JSON.parse(ours.body as string) as Record<string, unknown>;
    assert.is(marshaling, "asn1");
    assert.equal(members, request.body, id);
  }
  assert.is(built, 4);
  const [valid] = readCases("sign-verify.json").filter(({ id }) => id === "verify-valid");
  const ours = buildVerify(base, { key: { keyId: "p256-demo", keyVersion: "2" }, algorithm: "ES256", form: "message", input: message, signature: P1363 });
  assert.equal(changed(JSON.parse(ours?.body as string), ["marshaling_algorithm"], undefined), valid?.request.body);
});

test("nothing to escape: the same text as URL writes it", () => {
  for (const { url } of [buildSign(BASE, GOOD), buildReadKey(BASE, { keyId: "a.b_c-d" }), buildRotate(BASE, { keyId: "_" })]) assert.is(new URL(url).href, url);
});

test.run();
