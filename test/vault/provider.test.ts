import { createPublicKey, generateKeyPairSync, sign as nodeSign, verify as nodeVerify, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findAlgorithm, type AlgorithmFacts, type SignatureAlgorithm } from "../../src/algorithms.js";
import { ecdsaDerToP1363, ecdsaP1363ToDer } from "../../src/encoding/index.js";
import { isSignatureOf } from "../../src/vault/algorithms.js";
import { createVaultKms } from "../../src/vault/index.js";
import { verifySignature } from "../../src/verify/index.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { withSeed } from "../support/seeded-random.js";
import { ADDRESS, answer, bytesOf, collect, DER, errors, KEY, NOW, P1363, readCases, SIGNED, testProvider, testService, TOKEN, type Given, type TestService } from "./service.js";

const key = { keyId: "signer" };
const message = new TextEncoder().encode("sample");
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"] as const;

function kmsBefore(service: Pick<TestService, "fetch">, options: object = {}) {
  return createVaultKms({ address: ADDRESS, mountPath: "transit", keyName: "signer", credentials: { token: TOKEN }, env: {}, fetch: service.fetch, now: () => NOW, sleep: async () => {}, ...options });
}

function signWith(service: TestService, algorithm: SignatureAlgorithm) {
  return testProvider(service).sign({ key, algorithm, form: "message", input: message }, testContext());
}

test("what it is", () => {
  const { name, inputRule, signsByVersion, verifiesByVersion, rotateKey } = testProvider(testService());
  assert.equal([name, signsByVersion, verifiesByVersion, typeof rotateKey], ["vault", undefined, true, "function"]);
  for (const algorithm of ALGORITHMS) assert.equal(inputRule(algorithm), { messageMaxBytes: 716_800, digest: algorithm !== "Ed25519" });
  for (const algorithm of ["ES256K", "HS256", "ML-DSA-65", "none", "__proto__", "toString", ""]) assert.is(inputRule(algorithm as SignatureAlgorithm), undefined, algorithm);
  const kms = kmsBefore(testService());
  assert.equal([...ALGORITHMS, "EdDSA", "ES256K", "x"].map((algorithm) => kms.supports("sign", algorithm)), [...ALGORITHMS.map(() => true), true, false, false]);
});

interface KeyKind {
  readonly fits: readonly string[];
  readonly make: () => KeyObject;
}

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const KINDS: Readonly<Record<string, KeyKind>> = {
  "rsa-2048": { fits: RSA, make: () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey },
  "rsa-3072": { fits: RSA, make: () => generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey },
  "ecdsa-p256": { fits: ["ES256"], make: () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey },
  "ecdsa-p384": { fits: ["ES384"], make: () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey },
  "ecdsa-p521": { fits: ["ES512"], make: () => generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey },
  ed25519: { fits: ["Ed25519"], make: () => generateKeyPairSync("ed25519").privateKey },
};

/** As Transit signs: by the key's type, with whatever hash is named, and without a look at what belongs to other types. */
function signAsTransit(privateKey: KeyObject, body: Record<string, unknown>): Buffer {
  const hash = ((body.hash_algorithm as string | undefined) ?? "sha2-256").replace("sha2-", "sha");
  const input = Buffer.from(body.input as string, "base64");
  if (privateKey.asymmetricKeyType === "ed25519") return nodeSign(null, input, privateKey);
  const pss = privateKey.asymmetricKeyType === "rsa" && body.signature_algorithm !== "pkcs1v15" ? { padding: 6, saltLength: Number(hash.slice(3)) / 8 } : {};
  return nodeSign(hash, input, { key: privateKey, ...pss });
}

for (const [type, { fits, make }] of Object.entries(KINDS)) {
  test(`a key of type ${type} asked for each algorithm`, async () => {
    const privateKey = make();
    const service = testService();
    const fetch = async (_url: string, init: RequestInit) => {
      const signature = signAsTransit(privateKey, JSON.parse(init.body as string) as Record<string, unknown>);
      return new Response(JSON.stringify(answer({ key_version: 1, signature: `vault:v1:${signature.toString("base64")}` }).body));
    };
    const jwk = createPublicKey(privateKey).export({ format: "jwk" });
    for (const algorithm of ALGORITHMS) {
      const signed = kmsBefore({ ...service, fetch }).sign(message, { algorithm });
      if (!fits.includes(algorithm)) {
        const error = await rejects(signed, "ERR_KMS_KEY_MISMATCH");
        assert.match(error.hint ?? "", /algorithm/);
        continue;
      }
      const { signature, encoding, keyVersion } = await signed;
      assert.is(keyVersion, "1");
      assert.is(await verifySignature({ publicKey: jwk as never, algorithm, data: message, signature, encoding }), true, algorithm);
    }
  });
}

const facts = (name: string): AlgorithmFacts => findAlgorithm(name) as AlgorithmFacts;
const CURVES = [["ES256", "P-256", 32], ["ES384", "P-384", 48], ["ES512", "P-521", 66]] as const;

test("curves tell each other apart: real signatures", () => {
  for (const [own, namedCurve] of CURVES) {
    for (let round = 0; round < 100; round += 1) {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve });
      const der = Uint8Array.from(nodeSign("sha256", Buffer.from(String(round)), privateKey));
      for (const [asked, curve] of CURVES) {
        let fits: boolean;
        try {
          fits = isSignatureOf(facts(asked), ecdsaDerToP1363(der, curve));
        } catch {
          fits = false;
        }
        assert.is(fits, asked === own, `${own} asked as ${asked}`);
      }
    }
  }
});

test("curves tell each other apart: uniform numbers, as those of signatures are, and short ones among them", async () => {
  await withSeed((random) => {
    for (const [own, curve, width] of CURVES) {
      for (let round = 0; round < 2_000; round += 1) {
        const signature = random.bytes(2 * width);
        // Of P-521 numbers the top byte is 0 or 1.
        if (width === 66) for (const at of [0, 66]) signature[at] = random.below(2);
        // One short number happens (once in 2^8 a byte); both never.
        const short = random.pick([0, width]);
        if (random.below(4) === 0) signature.fill(0, short, short + random.below(width));
        if (signature.subarray(0, width).every((byte) => byte === 0) && signature.subarray(width).every((byte) => byte === 0)) continue;
        const der = ecdsaP1363ToDer(signature, curve);
        for (const [asked, other, size] of CURVES) {
          const narrower = [0, width].every((from) => signature.subarray(from, from + Math.max(0, width - size)).every((byte) => byte === 0));
          if (asked === own) assert.ok(isSignatureOf(facts(asked), ecdsaDerToP1363(der, other)), own);
          else if (size < width && !narrower) assert.throws(() => ecdsaDerToP1363(der, other));
          else if (size > width) assert.not.ok(isSignatureOf(facts(asked), ecdsaDerToP1363(der, other)), `${own} asked as ${asked}`);
        }
      }
    }
  });
});

test("forms of signatures, by their length", () => {
  for (const [algorithm, good] of [["RS256", [256, 384, 512]], ["PS384", [256, 384, 512]], ["Ed25519", [64]], ["ES256", [64]], ["ES384", [96]], ["ES512", [132]]] as const) {
    for (const length of [0, 1, 32, 63, 64, 65, 95, 96, 97, 128, 131, 132, 133, 255, 256, 257, 384, 512, 513, 1_024]) {
      assert.is(isSignatureOf(facts(algorithm), new Uint8Array(length).fill(1)), (good as readonly number[]).includes(length), `${algorithm} ${length}`);
    }
  }
});

interface VectorKey {
  readonly transit_key: string;
  readonly version: number;
  readonly jwk: Record<string, string>;
}

const { keys: vectorKeys } = JSON.parse(readFileSync("fixtures/vault/keys.json", "utf8")) as { keys: VectorKey[] };

function publicKeyOf(name: string, version: number): Record<string, string> {
  const { kty, crv, n, e, x, y } = vectorKeys.find((found) => found.transit_key === name && found.version === version)?.jwk ?? {};
  return JSON.parse(JSON.stringify({ kty, crv, n, e, x, y })) as Record<string, string>;
}

/** Which of our algorithms each signature of `sign-verify.json` is, or why there is none. */
const SIGNATURES: Readonly<Record<string, SignatureAlgorithm | { readonly refused: string }>> = {
  "ecdsa-asn1-default": "ES256",
  "ecdsa-prehashed": "ES256",
  "ecdsa-path-algorithm": "ES256",
  "rsa-pkcs1v15-sha256": "RS256",
  "rsa-pkcs1v15-no-oid": "RS256",
  "rsa-pss-default-salt": "PS256",
  ed25519: "Ed25519",
  "ed25519-derived-shape": "Ed25519",
  "openbao-envelope": "Ed25519",
  "vault-before-1.5": "Ed25519",
  "ecdsa-jws-old-version": { refused: "base64url, which is not what asn1 answers with" },
  "rsa-pkcs1v15-jws": { refused: "the same" },
  "rsa-pss-ps256": { refused: "the same" },
};

/** Forms that parse, and verify as nothing that a JOSE name means: no DigestInfo, and a salt of 222 bytes. */
const NOT_JOSE = ["rsa-pkcs1v15-no-oid", "rsa-pss-default-salt"];

test("vectors: signatures through sign, checked with node:crypto and with our verifier", async () => {
  const cases = readCases("sign-verify.json").filter(({ request }) => request.path.startsWith("/v1/transit/sign/"));
  assert.equal(cases.map(({ id }) => id).sort(), Object.keys(SIGNATURES).sort());
  for (const { id, request, response, verify } of cases) {
    const algorithm = SIGNATURES[id];
    const keyId = request.path.split("/")[4] as string;
    const keyVersion = request.body?.key_version === undefined ? undefined : String(request.body.key_version);
    const attempt = testProvider(testService(response)).sign({ key: { keyId, keyVersion }, algorithm: typeof algorithm === "string" ? algorithm : id.startsWith("rsa") ? "RS256" : "ES256", form: "message", input: message }, testContext());
    if (typeof algorithm !== "string") {
      await rejects(attempt, "ERR_KMS_RESPONSE_INVALID");
      continue;
    }
    const signed = await attempt;
    assert.is(signed.keyVersion, keyVersion ?? (verify === undefined ? "2" : String(verify.version)), id);
    if (verify === undefined) continue;
    const jwk = publicKeyOf(verify.key, verify.version);
    const data = bytesOf(verify.message_b64);
    assert.is(await verifySignature({ publicKey: jwk as never, algorithm, data, signature: signed.signature, encoding: signed.encoding }), !NOT_JOSE.includes(id), id);
    if (verify.message_b64 === undefined) continue;
    const pss = algorithm.startsWith("PS") ? { padding: 6, saltLength: verify.salt_length as number } : {};
    assert.is(nodeVerify(algorithm === "Ed25519" ? null : "sha256", data, { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363", ...pss }, signed.signature), true, id);
  }
});

test("vectors: answers of verify", async () => {
  const verdicts: Record<string, unknown> = {};
  for (const { id, request, response } of readCases("sign-verify.json")) {
    if (!request.path.startsWith("/v1/transit/verify/")) continue;
    const attempt = testProvider(testService(response)).verify?.({ key: { keyId: "p256-demo", keyVersion: "2" }, algorithm: "ES256", form: "message", input: bytesOf(request.body?.input), signature: P1363 }, testContext());
    verdicts[id] = await attempt?.catch((error: { code: string }) => error.code);
  }
  // The last two cannot come back to what we send; the second tells that the key reads DER, and we sent none.
  assert.equal(verdicts, { "verify-valid": true, "verify-wrong-message": false, "verify-no-prefix": "ERR_KMS_REJECTED", "verify-not-der": "ERR_KMS_KEY_MISMATCH" });
});

/** What comes of each answer of `read-key.json`: public key, metadata and versions. */
const READS: Readonly<Record<string, { readonly publicKey: string; readonly keyType?: string; readonly versions?: string; readonly name?: string }>> = {
  "rsa-2048-two-versions": { publicKey: "RSA", keyType: "RSA-2048", versions: "1 2" },
  "ecdsa-p256-two-versions": { publicKey: "EC", keyType: "P-256", versions: "1 2" },
  "ecdsa-p256-two-versions-openbao": { publicKey: "EC", keyType: "P-256", versions: "1 2" },
  "ed25519-two-versions": { publicKey: "OKP", keyType: "Ed25519", versions: "1 2" },
  "ed25519-derived-no-context": { publicKey: "ERR_KMS_UNSUPPORTED", keyType: "Ed25519", versions: "1 2" },
  "aes256-gcm96-two-versions": { publicKey: "ERR_KMS_UNSUPPORTED", keyType: "AES-256", versions: "1 2" },
  "ecdsa-p256-old-version-archived": { publicKey: "EC", keyType: "P-256", versions: "2" },
  "hmac-key-has-no-keys-field": { publicKey: "ERR_KMS_UNSUPPORTED", keyType: "HMAC-256", versions: "1 2" },
  "missing-key": { publicKey: "ERR_KMS_NOT_FOUND" },
  "create-unknown-parameter": { publicKey: "ERR_KMS_UNSUPPORTED", keyType: "AES-256", versions: "1" },
};

test("vectors: reads of keys", async () => {
  // Lists of keys, and the creation that old servers answer without a body, are no part of what is sent here.
  const cases = readCases("read-key.json").filter(({ id }) => !["list", "list-empty", "create-old-vault"].includes(id));
  assert.equal(cases.map(({ id }) => id).sort(), Object.keys(READS).sort());
  for (const { id, request, response } of cases) {
    const ref = { keyId: request.path.split("/").at(-1) as string };
    const { publicKey, keyType, versions } = READS[id] ?? { publicKey: "" };
    const provider = () => testProvider(testService(response));
    const codeOf = (error: { code: string }): string => error.code;
    const read = await provider().getPublicKey(ref, testContext()).catch(codeOf);
    assert.is(typeof read === "string" ? read : read.jwk.kty, publicKey, id);
    if (typeof read !== "string") assert.equal({ ...read.jwk }, publicKeyOf(ref.keyId, Number(read.keyVersion)), id);
    if (keyType === undefined) {
      await rejects(provider().getKeyMetadata(ref, [], testContext()), "ERR_KMS_NOT_FOUND");
      await rejects(collect(provider().listKeyVersions(ref, [], testContext)), "ERR_KMS_NOT_FOUND");
      continue;
    }
    assert.is((await provider().getKeyMetadata(ref, [], testContext())).keyType, keyType, id);
    const listed = await collect(provider().listKeyVersions(ref, [], testContext));
    assert.is(listed.map(({ keyVersion }) => keyVersion).join(" "), versions, id);
    assert.equal(listed.filter(({ current }) => current).map(({ keyVersion }) => keyVersion), [versions?.split(" ").at(-1)], id);
  }
});

test("vectors: a batch, and a body of an error with data, are no answers to what is sent here", async () => {
  for (const { id, request, response } of readCases("batch.json")) {
    const operation = request.path.split("/")[3];
    const attempt = operation === "verify" ? testProvider(testService(response)).verify?.({ key: { ...key, keyVersion: "2" }, algorithm: "ES256", form: "message", input: message, signature: P1363 }, testContext()) : signWith(testService(response), "Ed25519");
    let failed = false;
    await (attempt as Promise<unknown>).catch(() => (failed = true));
    assert.ok(failed, id);
  }
});

test("one manager: one request for the first signature, and for each", async () => {
  const service = testService(answer(SIGNED));
  const kms = kmsBefore(service);
  const signed = await kms.sign(message, { algorithm: "ES256" });
  assert.equal(signed, { signature: P1363, algorithm: "ES256", encoding: "ieee-p1363", provider: "vault", keyId: "signer", keyVersion: "2", requestId: signed.requestId as string });
  await kms.sign(message, { algorithm: "ES256", encoding: "der" });
  assert.equal(service.sent.map(({ url }) => url), [`${ADDRESS}/v1/transit/sign/signer`, `${ADDRESS}/v1/transit/sign/signer`]);
});

test("one manager: verifies locally by version, and by the service where that is asked", async () => {
  const service = testService(answer(KEY), answer({ valid: true }));
  const kms = kmsBefore(service);
  const signed = { signature: P1363, algorithm: "ES256", keyVersion: "2" };
  assert.is(await kms.verify(message, signed), true);
  assert.is(await kms.verify(message, { ...signed, keyVersion: "2", signature: bytesOf(DER), encoding: "der" }), true);
  assert.is(service.sent.length, 1);
  assert.is(await kms.verify(message, signed, { remote: true }), true);
  assert.match(service.sent[1]?.body ?? "", new RegExp(`"signature":"vault:v2:${DER.replaceAll("+", "\\+")}"`));
  for (const keyVersion of ["", "0", "02", "v2", "../2", "2/../1", "latest", "vault:v2"]) assert.is(await kms.verify(message, { ...signed, keyVersion }), false, keyVersion);
  assert.is(service.sent.length, 2);
});

test("one manager: by the service, an answer 400 about the signature is a no", async () => {
  for (const text of ["invalid signature: version is too new", "supplied signature is invalid", "key type aes256-gcm96 does not support verification"]) {
    const service = testService(errors(400, text));
    assert.is(await kmsBefore(service).verify(message, { signature: new Uint8Array(256), algorithm: "RS256", keyVersion: "9" }, { remote: true }), false, text);
  }
  const archived = testService(errors(400, "ciphertext or signature version is disallowed by policy (too old)"));
  await rejects(kmsBefore(archived).verify(message, { signature: new Uint8Array(256), algorithm: "RS256", keyVersion: "1" }, { remote: true }), "ERR_KMS_KEY_STATE");
});

test("an abort before, and no request afterwards", async () => {
  const service = testService(answer(KEY));
  const controller = new AbortController();
  controller.abort();
  await rejects(testProvider(service).getPublicKey(key, testContext({ signal: controller.signal })), "ERR_KMS_ABORTED");
  assert.is(service.sent.length, 0);
});

test("planted secrets show nowhere", async () => {
  const token = "hvs.planted-T0KEN-4f9c";
  const plaintext = "planted data, which is long enough to be seen";
  const input = new TextEncoder().encode(plaintext);
  const secrets = [token, plaintext, Buffer.from(plaintext).toString("base64"), Buffer.from(plaintext).toString("base64").slice(0, 24)];
  const failures: (Given | Error)[] = [
    errors(400, token),
    errors(403, "permission denied"),
    errors(403, `1 error occurred:\n\t* permission denied\n\n${token}`),
    errors(404, `no handler for route "${token}"`),
    errors(500, `local node not active ${token}`),
    { status: 400, bodyText: token },
    answer({ signature: token, key_version: token, valid: token, name: token, type: token, latest_version: token }),
    answer({ signature: `vault:v1:${token}`, valid: plaintext, name: "signer", type: plaintext, latest_version: 1, keys: { 1: { public_key: token, creation_time: token } } }),
    answer(null, { request_id: token, errors: [token] }),
    { status: 307, headers: { location: `https://evil.example/?t=${token}` } },
    { headers: { "content-encoding": token } },
    { headers: { "x-vault-index": token }, bodyText: `{"data":"${token}"` },
    new TypeError(`fetch failed: X-Vault-Token: ${token} ${plaintext}`),
    Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error(token), { code: token }) }),
  ];
  let seenErrors = 0;
  for (const failure of failures) {
    for (const credentials of [{ token }, () => ({ token }), async () => ({ token, expiresAt: new Date(NOW + 1e9) }), undefined]) {
      const service = testService(failure instanceof Error ? {} : failure);
      const fetch: typeof service.fetch = async (url, init) => {
        if (failure instanceof Error) throw failure;
        return service.fetch(url, init);
      };
      const provider = testProvider(service, { credentials: credentials as never, env: { VAULT_TOKEN: token }, fetch });
      const kms = kmsBefore({ fetch }, { credentials, env: { VAULT_TOKEN: token } });
      const context = testContext();
      const events: unknown[] = [];
      const watched = kmsBefore({ fetch }, { credentials, env: { VAULT_TOKEN: token }, onEvent: (event: unknown) => void events.push(event) });
      for (const call of [
        () => provider.sign({ key, algorithm: "ES256", form: "message", input }, context),
        () => provider.verify?.({ key: { ...key, keyVersion: "1" }, algorithm: "ES256", form: "message", input, signature: P1363 }, context),
        () => provider.getPublicKey(key, context),
        () => provider.getKeyMetadata(key, ["tags", "rotation"], context),
        () => collect(provider.listKeyVersions(key, [], () => context)),
        () => provider.rotateKey?.({ key }, context),
        () => watched.sign(input, { algorithm: "Ed25519" }),
        () => watched.verify(input, { signature: P1363, algorithm: "ES256", keyVersion: "1" }, { remote: true }),
      ]) {
        let thrown: unknown;
        try {
          await call();
        } catch (error) {
          thrown = error;
          seenErrors += 1;
        }
        const { message: text, stack, cause } = (thrown ?? new Error("none")) as Error;
        const seen = [text, stack, JSON.stringify(thrown), inspect([thrown, cause, provider, kms, watched], { depth: Infinity, showHidden: true }), JSON.stringify([context.events, events])].join("\n");
        for (const secret of secrets) assert.not.ok(seen.includes(secret), text);
      }
    }
  }
  assert.ok(seenErrors > 400, `only ${seenErrors} errors`);
});

test.run();
