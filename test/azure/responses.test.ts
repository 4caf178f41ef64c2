import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KmsErrorCode } from "../../src/errors.js";
import { isKmsError } from "../../src/errors.js";
import { jwkToSpki } from "../../src/jwk/index.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { ATTRIBUTES, BUNDLE, collect, EC_KEY, kid, NOW, OTHER_VERSION, testProvider, testService, VAULT_URL, VERSION, type Given } from "./service.js";

const key = { keyId: "signer", keyVersion: VERSION };
const current = { keyId: "signer" };
const digest = new Uint8Array(32);
const signature = new Uint8Array(64).fill(255);
const SIGNATURE_TEXT = Buffer.from(signature).toString("base64url");

/** Each operation with an answer that is right; `at` is the place of the answer under test among those given. */
interface Operation {
  readonly answers: readonly Given[];
  readonly at: number;
  readonly run: (answers: readonly Given[]) => Promise<unknown>;
  readonly changes?: boolean;
}

const rotatedBundle = { ...BUNDLE, key: { ...EC_KEY, kid: kid("signer", OTHER_VERSION) } };
const rsaBundle = { key: { kid: kid(), kty: "RSA-HSM", key_ops: ["sign"], n: rsaModulus(), e: "AQAB" }, attributes: ATTRIBUTES };
const page = { value: [{ kid: kid(), attributes: { ...ATTRIBUTES, nbf: 1_767_225_600, exp: 1_800_000_000 } }, { kid: kid("signer", OTHER_VERSION), attributes: ATTRIBUTES }], nextLink: null };
const policy = {
  id: `${VAULT_URL}/keys/signer/rotationpolicy`,
  lifetimeActions: [
    { trigger: { timeAfterCreate: "P60D", timeBeforeExpiry: null }, action: { type: "Rotate" } },
    { trigger: { timeBeforeExpiry: "P30D" }, action: { type: "Notify" } },
  ],
  attributes: { expiryTime: "P1Y6M" },
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  sign: {
    answers: [{ body: { kid: kid(), value: SIGNATURE_TEXT } }],
    at: 0,
    run: (answers) => testProvider(testService(...answers)).sign({ key, algorithm: "ES256", form: "digest", input: digest }, testContext()),
  },
  verify: {
    answers: [{ body: { value: true } }],
    at: 0,
    run: async (answers) => testProvider(testService(...answers)).verify?.({ key, algorithm: "ES256", form: "digest", input: digest, signature }, testContext()),
  },
  getPublicKey: {
    answers: [{ body: BUNDLE }],
    at: 0,
    run: (answers) => testProvider(testService(...answers)).getPublicKey(key, testContext()),
  },
  "getPublicKey RSA": {
    answers: [{ body: rsaBundle }],
    at: 0,
    run: (answers) => testProvider(testService(...answers)).getPublicKey(current, testContext()),
  },
  getKeyMetadata: {
    answers: [{ body: { ...BUNDLE, attributes: { ...ATTRIBUTES, nbf: 1_767_225_600, exp: 1_800_000_000, hsmPlatform: "0" } } }],
    at: 0,
    run: (answers) => testProvider(testService(...answers)).getKeyMetadata(key, [], testContext()),
  },
  "rotation policy": {
    answers: [{ body: BUNDLE }, { body: policy }],
    at: 1,
    run: (answers) => testProvider(testService(...answers)).getKeyMetadata(current, ["rotation"], testContext()),
  },
  "listKeyVersions, current": {
    answers: [{ body: BUNDLE }, { body: page }],
    at: 0,
    run: (answers) => collect(testProvider(testService(...answers)).listKeyVersions(current, [], testContext)),
  },
  listKeyVersions: {
    answers: [{ body: BUNDLE }, { body: page }],
    at: 1,
    run: (answers) => collect(testProvider(testService(...answers)).listKeyVersions(current, [], testContext)),
  },
  "rotateKey, previous": {
    answers: [{ body: BUNDLE }, { body: rotatedBundle }],
    at: 0,
    run: async (answers) => testProvider(testService(...answers)).rotateKey?.({ key: current }, testContext()),
  },
  rotateKey: {
    answers: [{ body: BUNDLE }, { body: rotatedBundle }],
    at: 1,
    run: async (answers) => testProvider(testService(...answers)).rotateKey?.({ key: current }, testContext()),
    changes: true,
  },
};

function rsaModulus(): string {
  return generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" }).n as string;
}

type Path = readonly (string | number)[];

/** The body with one member changed; `undefined` takes it away. */
function changed(body: unknown, [name, ...rest]: Path, value: unknown): unknown {
  if (name === undefined) return value;
  const copy = (Array.isArray(body) ? [...(body as unknown[])] : { ...(body as object) }) as Record<string | number, unknown>;
  const inner = changed(copy[name], rest, value);
  if (inner === undefined) delete copy[name];
  else copy[name] = inner;
  return copy;
}

async function run({ answers, at, run: attempt }: Operation, path: Path, value: unknown): Promise<unknown> {
  return attempt(answers.map((given, index) => (index === at ? { ...given, body: changed(given.body, path, value) } : given)));
}

const SCALARS = [0, 1.5, -1, true, false, "", "x", "__proto__", [], ["x"], {}, { x: 1 }];
const BASE64 = ["=", "A", `${SIGNATURE_TEXT}=`, `${SIGNATURE_TEXT.slice(0, -1)}x`, `${SIGNATURE_TEXT.slice(0, -1)}/`, ` ${SIGNATURE_TEXT}`, `${SIGNATURE_TEXT}\n`, SIGNATURE_TEXT.slice(0, -2)];
const MODULUS = (rsaBundle.key.n as string).slice(0, -4);
const NUMBERS = ["=", "A", "AAAA", `${EC_KEY.x}=`, `${EC_KEY.x.slice(0, -1)}5`, `${EC_KEY.x}\n`, `+${EC_KEY.x.slice(1)}`, EC_KEY.y, `AA${EC_KEY.x}`, `${EC_KEY.x}${EC_KEY.x}`];
const KIDS = [
  kid("other"),
  kid("signer", OTHER_VERSION),
  kid("signer", VERSION, "https://other-vault.vault.azure.net"),
  kid("signer", VERSION, "http://example-vault.vault.azure.net"),
  kid("signer", VERSION, `${VAULT_URL}:8443`),
  kid("signer", VERSION, `${VAULT_URL}.evil.example`),
  kid("signer", VERSION, "https://attacker@example-vault.vault.azure.net"),
  `${VAULT_URL}/keys/signer`,
  `${VAULT_URL}/secrets/signer/${VERSION}`,
  `${kid()}/sign`,
  `${kid()}?x=1`,
  `${kid()}\n`,
];
const FOREIGN_KIDS = KIDS.filter((other) => other !== kid("signer", OTHER_VERSION));
const TIMES = [-1, 1e15, "1767225600", true, [], {}];
const NO_STRINGS = SCALARS.filter((value) => typeof value !== "string");

interface Field {
  readonly operation: string;
  readonly path: Path;
  /** Values that are wrong there. */
  readonly bad: readonly unknown[];
  /** Absent and null mean the same, and are no fault. */
  readonly optional?: boolean;
}

const FIELDS: readonly Field[] = [
  ...Object.keys(OPERATIONS).map((operation) => ({ operation, path: [], bad: operation === "rotation policy" ? SCALARS.filter((value) => JSON.stringify(value) !== "{}" && JSON.stringify(value) !== '{"x":1}') : SCALARS, optional: operation === "rotation policy" })),
  { operation: "sign", path: ["kid"], bad: [...SCALARS, ...KIDS] },
  { operation: "sign", path: ["value"], bad: [...SCALARS, ...BASE64, Buffer.alloc(63).toString("base64url"), Buffer.alloc(256).toString("base64url")] },
  { operation: "verify", path: ["value"], bad: [0, 1, 1.5, "", "x", "true", "false", [], [true], {}, { valid: true }] },
  ...["getPublicKey", "getPublicKey RSA", "getKeyMetadata", "listKeyVersions, current", "rotateKey, previous", "rotateKey"].flatMap((operation) => [
    { operation, path: ["key"], bad: SCALARS },
    { operation, path: ["key", "kid"], bad: [...SCALARS, ...(operation === "getPublicKey" || operation === "getKeyMetadata" ? KIDS : FOREIGN_KIDS)] },
  ]),
  ...["getPublicKey", "getKeyMetadata"].flatMap((operation) => [
    { operation, path: ["key", "kty"], bad: [...NO_STRINGS, "RSA"] },
    { operation, path: ["key", "key_ops"], bad: [0, 1.5, true, "sign", {}, [1], [null], ["sign", {}]], optional: true },
    { operation, path: ["key", "crv"], bad: [...SCALARS, "P-384", "P-256K", "toString"] },
    { operation, path: ["key", "x"], bad: [...SCALARS, ...NUMBERS] },
    { operation, path: ["key", "y"], bad: [...SCALARS, ...NUMBERS.filter((value) => value !== EC_KEY.y), EC_KEY.x] },
  ]),
  { operation: "getPublicKey RSA", path: ["key", "kty"], bad: [...NO_STRINGS, "EC"] },
  { operation: "getPublicKey RSA", path: ["key", "n"], bad: [...SCALARS, ...NUMBERS, `${MODULUS}AAAA`, `${MODULUS}A`, MODULUS.slice(0, 300)] },
  { operation: "getPublicKey RSA", path: ["key", "e"], bad: [...SCALARS.filter((value) => value !== "x"), "AQ", "Ag", "AQAB=", "AAAA", "_____________w"] },
  { operation: "getKeyMetadata", path: ["attributes"], bad: SCALARS },
  { operation: "getKeyMetadata", path: ["attributes", "enabled"], bad: [0, 1, "true", "", [], {}] },
  ...["created", "nbf", "exp"].map((name) => ({ operation: "getKeyMetadata", path: ["attributes", name], bad: TIMES, optional: true })),
  { operation: "getKeyMetadata", path: ["attributes", "hsmPlatform"], bad: NO_STRINGS, optional: true },
  { operation: "getKeyMetadata", path: ["tags"], bad: [0, true, "x", [], { a: 1 }, { a: null }, { a: {} }], optional: true },
  { operation: "rotation policy", path: ["id"], bad: [...SCALARS, `${VAULT_URL}/keys/other/rotationpolicy`, "https://other-vault.vault.azure.net/keys/signer/rotationpolicy", kid()], optional: true },
  { operation: "rotation policy", path: ["lifetimeActions"], bad: [0, true, "x", {}, [1], [null], [{}], [{ action: {} }], [{ action: { type: 1 } }]], optional: true },
  { operation: "rotation policy", path: ["lifetimeActions", 0, "action"], bad: SCALARS },
  { operation: "rotation policy", path: ["lifetimeActions", 0, "action", "type"], bad: NO_STRINGS },
  { operation: "rotation policy", path: ["lifetimeActions", 0, "trigger"], bad: [0, true, "x", []], optional: true },
  ...["timeAfterCreate", "timeBeforeExpiry"].map((name) => ({
    operation: "rotation policy",
    path: ["lifetimeActions", 0, "trigger", name],
    bad: [...NO_STRINGS, "", "x", "60", "P", "PT", "P1", "P1DT", "-P1D", "P-1D", "P1.5D", "P123456D", "p60d", "P60D\n", "P1D1Y"],
    optional: true,
  })),
  { operation: "listKeyVersions", path: ["value"], bad: [0, true, "x", {}, [1], [null], ["x"], [[]]] },
  { operation: "listKeyVersions", path: ["value", 1, "kid"], bad: [...SCALARS, ...FOREIGN_KIDS] },
  { operation: "listKeyVersions", path: ["value", 1, "attributes"], bad: SCALARS },
  { operation: "listKeyVersions", path: ["value", 0, "attributes", "enabled"], bad: [0, 1, "true", "", [], {}] },
  ...["created", "nbf", "exp"].map((name) => ({ operation: "listKeyVersions", path: ["value", 0, "attributes", name], bad: TIMES, optional: true })),
  { operation: "listKeyVersions", path: ["nextLink"], bad: SCALARS.filter((value) => value !== ""), optional: true },
  { operation: "rotateKey", path: ["key", "kid"], bad: [kid()] },
  { operation: "rotateKey", path: ["attributes"], bad: [0, true, "x", []], optional: true },
  { operation: "rotateKey", path: ["attributes", "created"], bad: TIMES, optional: true },
];

const TYPED: readonly KmsErrorCode[] = ["ERR_KMS_RESPONSE_INVALID", "ERR_KMS_KEY_MISMATCH", "ERR_KMS_UNSUPPORTED"];

test("every answer that is right gives a value", async () => {
  for (const operation of Object.values(OPERATIONS)) assert.is.not(await run(operation, ["unknown member"], [{}]), undefined);
});

test("generated: each field missing, null, of a wrong type, not canonical, of another key", async () => {
  let cases = 0;
  for (const { operation, path, bad, optional } of FIELDS) {
    for (const value of [undefined, null, ...bad]) {
      if (path.length === 0 && value === undefined) continue;
      const what = `${operation} ${path.join(".")} ${JSON.stringify(value)?.slice(0, 80)}`;
      cases += 1;
      let result: unknown;
      try {
        result = await run(OPERATIONS[operation] as Operation, path, value);
      } catch (error) {
        if (!isKmsError(error)) throw error;
        assert.ok(TYPED.includes(error.code) && (value !== undefined && value !== null ? true : optional !== true), `${what}: ${error.code}`);
        assert.is(error.outcome, error.code === "ERR_KMS_UNSUPPORTED" ? "not-sent" : "unknown", what);
        if (typeof value === "string" && value.length > 12) assert.not.ok(JSON.stringify(error).includes(JSON.stringify(value).slice(1, -1)), what);
        continue;
      }
      assert.ok(optional === true && (value === undefined || value === null), `${what} gave ${JSON.stringify(result)}`);
    }
  }
  assert.ok(cases > 800, `only ${cases} cases`);
});

test("no answer at all, not JSON, not whole, of another status", async () => {
  const texts = ["", "null", "true", "0", '"x"', "[]", "{", '{"value":true}x', '{"value":true}{"value":true}', "\ufeff{}", "<html></html>", '{"value":tru'];
  for (const [name, { answers, at, run: attempt }] of Object.entries(OPERATIONS)) {
    const replace = (given: Given): Promise<unknown> => attempt(answers.map((answer, index) => (index === at ? given : answer)));
    for (const bodyText of texts) {
      if (name === "rotation policy" && bodyText === "null") continue;
      await rejects(replace({ bodyText }), "ERR_KMS_RESPONSE_INVALID");
    }
    await rejects(replace({ status: 204 }), "ERR_KMS_RESPONSE_INVALID");
    await rejects(replace({ status: 307, headers: { location: VAULT_URL } }), "ERR_KMS_REDIRECT");
  }
});

test("vectors: malformed answers to the operations of this order", async () => {
  interface Case {
    readonly id: number;
    readonly provider: string;
    readonly op: string;
    readonly status: number;
    readonly headers?: Record<string, string>;
    readonly body: string;
    readonly expect: string;
  }
  const { cases } = JSON.parse(readFileSync("fixtures/responses/malformed.json", "utf8")) as { cases: Case[] };
  const operations: Readonly<Record<string, string>> = { sign: "sign", verify: "verify", getKey: "getPublicKey" };
  let checked = 0;
  for (const { id, provider, op, status, headers, body, expect } of cases) {
    const operation = provider === "azure" ? OPERATIONS[operations[op] ?? ""] : undefined;
    if (operation === undefined) continue;
    checked += 1;
    const attempt = operation.run([{ status, bodyText: body, ...(headers !== undefined && { headers }) }]);
    if (expect === "ok") {
      await attempt;
      continue;
    }
    try {
      await attempt;
    } catch (error) {
      assert.ok(isKmsError(error), `case ${id}`);
      continue;
    }
    assert.unreachable(`case ${id} gave a value`);
  }
  assert.is(checked, 23);
});

test("kid: without regard to case, and with an explicit default port", async () => {
  for (const written of [kid().toUpperCase().replace("HTTPS", "https"), `${VAULT_URL}:443/keys/Signer/${VERSION.toUpperCase()}`, `HTTPS://EXAMPLE-VAULT.vault.azure.net/KEYS/SIGNER/${VERSION}`]) {
    const { keyVersion } = await testProvider(testService({ body: changed(BUNDLE, ["key", "kid"], written) })).getPublicKey({ keyId: "SIGNER", keyVersion: VERSION.toUpperCase() }, testContext());
    assert.is(keyVersion, VERSION);
  }
});

test("mismatch: another vault, name or version than asked for", async () => {
  for (const other of [kid("other"), kid("signer", OTHER_VERSION), kid("signer", VERSION, "https://other-vault.vault.azure.net"), kid("signer", VERSION, "https://kms.evil.example")]) {
    await rejects(run(OPERATIONS.sign as Operation, ["kid"], other), "ERR_KMS_KEY_MISMATCH");
    await rejects(run(OPERATIONS.getPublicKey as Operation, ["key", "kid"], other), "ERR_KMS_KEY_MISMATCH");
  }
});

test("public keys: types of an HSM, curve names, and integers as emulators write them", async () => {
  const publicKeyOf = async (changes: object) => testProvider(testService({ body: { ...BUNDLE, key: { kid: kid(), key_ops: ["verify"], ...changes } } })).getPublicKey(current, testContext());
  for (const [crv, name] of [["P-256", "prime256v1"], ["P-384", "secp384r1"], ["P-521", "secp521r1"], ["P-256K", "secp256k1"], ["SECP256K1", "secp256k1"]] as const) {
    // Until both a coordinate with a zero byte in front and one without were seen.
    let short = false;
    for (let count = 0; count < 2_000 && !short; count += 1) {
      const pair = generateKeyPairSync("ec", { namedCurve: name }).publicKey;
      const { x, y } = pair.export({ format: "jwk" });
      const bytes = Buffer.from(x as string, "base64url");
      short = bytes[0] === 0;
      if (!short && count > 0) continue;
      const written = { kty: count % 2 === 0 ? "EC" : "EC-HSM", crv, x: bytes.subarray(short ? 1 : 0).toString("base64url"), y };
      const { jwk, algorithms } = await publicKeyOf(written);
      assert.equal(createPublicKey({ key: Buffer.from(jwkToSpki(jwk)), format: "der", type: "spki" }).export({ format: "jwk" }), pair.export({ format: "jwk" }));
      assert.equal(algorithms, [{ "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" }[crv as string] ?? "ES256K"]);
    }
    if (crv === "P-521") assert.ok(short);
  }
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
  const { n } = pair.export({ format: "jwk" });
  for (const kty of ["RSA", "RSA-HSM"]) {
    const padded = Buffer.concat([Buffer.alloc(1), Buffer.from(n as string, "base64url")]).toString("base64url");
    const { jwk } = await publicKeyOf({ kty, n: padded, e: "AAEAAQ" });
    assert.equal(jwk, { kty: "RSA", n, e: "AQAB" });
    assert.equal(createPublicKey({ key: Buffer.from(jwkToSpki(jwk)), format: "der", type: "spki" }).export({ format: "jwk" }), pair.export({ format: "jwk" }));
  }
  const { jwk } = await publicKeyOf({ ...EC_KEY, d: "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", use: "enc", alg: 7 });
  assert.equal(Object.keys(jwk), ["kty", "crv", "x", "y"]);
});

test("public keys: algorithms by type and key_ops", async () => {
  const algorithmsOf = async (changes: object) => (await testProvider(testService({ body: { ...rsaBundle, key: { ...rsaBundle.key, ...changes } } })).getPublicKey(current, testContext())).algorithms;
  const all = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
  assert.equal(await algorithmsOf({ key_ops: ["sign"] }), all);
  assert.equal(await algorithmsOf({ key_ops: ["verify", "encrypt"] }), all);
  assert.equal(await algorithmsOf({ key_ops: ["encrypt", "wrapKey", "import", "toString"] }), []);
  assert.equal(await algorithmsOf({ key_ops: [] }), []);
  assert.is(await algorithmsOf({ key_ops: null }), undefined);
});

test("keys without a public part", async () => {
  for (const kty of ["oct", "oct-HSM", "AKP", "__proto__", "toString"]) {
    await rejects(testProvider(testService({ body: { key: { kid: kid(), kty, key_ops: ["wrapKey"] }, attributes: ATTRIBUTES } })).getPublicKey(current, testContext()), "ERR_KMS_UNSUPPORTED");
  }
  const metadata = await testProvider(testService({ body: { key: { kid: kid(), kty: "oct-HSM", key_ops: ["wrapKey", "unwrapKey"] }, attributes: ATTRIBUTES } })).getKeyMetadata(current, [], testContext());
  assert.equal(metadata, {
    keyVersion: VERSION,
    keyType: "oct-HSM",
    algorithms: [],
    state: "enabled",
    usableFor: ["wrapKey", "unwrapKey"],
    createdAt: new Date(NOW),
    protection: "hsm",
  });
});

test("metadata: everything that the bundle tells", async () => {
  const attributes = { ...ATTRIBUTES, nbf: 1_767_225_600, exp: 1_800_000_000, hsmPlatform: "2" };
  const tags = JSON.parse('{"purpose":"demo","__proto__":"x"}') as Record<string, string>;
  const body = { key: { ...EC_KEY, key_ops: ["verify", "sign", "sign", "import", "constructor"] }, attributes, tags };
  const metadata = await testProvider(testService({ body })).getKeyMetadata(key, [], testContext());
  assert.equal({ ...metadata, tags: Object.entries(metadata.tags ?? {}) }, {
    keyVersion: VERSION,
    keyType: "P-256",
    algorithms: ["ES256"],
    state: "enabled",
    usableFor: ["verify", "sign"],
    createdAt: new Date(NOW),
    expiresAt: new Date(1_800_000_000_000),
    protection: "hsm",
    tags: [["purpose", "demo"], ["__proto__", "x"]],
  });
  assert.is(({} as { x?: unknown }).x, undefined);
});

test("metadata: states under the given clock, and what keeps the key", async () => {
  const second = NOW / 1000;
  const metadataOf = async (attributes: object, more: object = {}) =>
    testProvider(testService({ body: { key: { ...EC_KEY, ...more }, attributes: { ...ATTRIBUTES, ...attributes } } })).getKeyMetadata(current, [], testContext());
  assert.is((await metadataOf({})).state, "enabled");
  assert.is((await metadataOf({ nbf: second, exp: second + 1 })).state, "enabled");
  assert.is((await metadataOf({ nbf: second + 1 })).state, "not-yet-valid");
  assert.is((await metadataOf({ exp: second })).state, "expired");
  assert.is((await metadataOf({ enabled: false, exp: second })).state, "disabled");
  assert.is((await metadataOf({})).protection, "software");
  assert.is((await metadataOf({ hsmPlatform: "0" })).protection, "software");
  assert.is((await metadataOf({ hsmPlatform: "1" })).protection, "hsm");
  assert.is((await metadataOf({}, { kty: "EC-HSM" })).protection, "hsm");
});

test("metadata: the next rotation, where the policy says it exactly", async () => {
  const next = async (trigger: unknown, attributes: object = {}, type = "Rotate") => {
    const body = { lifetimeActions: [{ trigger: { timeBeforeExpiry: "P10D" }, action: { type: "Notify" } }, { trigger, action: { type } }] };
    return (await testProvider(testService({ body: { ...BUNDLE, attributes: { ...ATTRIBUTES, ...attributes } } }, { body })).getKeyMetadata(current, ["rotation"], testContext())).nextRotationAt;
  };
  const day = 86_400_000;
  assert.equal(await next({ timeAfterCreate: "P60D" }), new Date(NOW + 60 * day));
  assert.equal(await next({ timeAfterCreate: "P28D", timeBeforeExpiry: null }, {}, "rotate"), new Date(NOW + 28 * day));
  assert.equal(await next({ timeBeforeExpiry: "P30D" }, { exp: NOW / 1000 + 90 * 86_400 }), new Date(NOW + 60 * day));
  assert.is(await next({ timeBeforeExpiry: "P30D" }), undefined);
  assert.is(await next({ timeAfterCreate: "P60D" }, { created: null }), undefined);
  for (const inexact of ["P1Y", "P1Y6M", "P2M", "P8W", "P1DT1H", "PT48H", "P1M1D"]) assert.is(await next({ timeAfterCreate: inexact }), undefined, inexact);
  assert.is(await next({}), undefined);
  assert.is(await next({ timeAfterCreate: "P60D" }, {}, "Notify"), undefined);
  assert.is((await testProvider(testService({ body: BUNDLE }, { bodyText: "null" })).getKeyMetadata(current, ["rotation"], testContext())).nextRotationAt, undefined);
});

test("metadata: the policy counts from the newest version, also for a pinned one", async () => {
  const newest = { ...rotatedBundle, attributes: { ...ATTRIBUTES, created: 1_767_312_000 } };
  const metadata = await testProvider(testService({ body: BUNDLE }, { body: newest }, { body: policy })).getKeyMetadata(key, ["rotation"], testContext());
  assert.is(metadata.keyVersion, VERSION);
  assert.equal(metadata.createdAt, new Date(NOW));
  assert.equal(metadata.nextRotationAt, new Date(1_767_312_000_000 + 60 * 86_400_000));
});

test("vectors: answers of GetKey, of the rotation policy and of RotateKey", async () => {
  interface Pair {
    readonly title: string;
    readonly request: { readonly method: string; readonly url: string };
    readonly response: Given;
  }
  const read = (file: string) => JSON.parse(readFileSync(`fixtures/azure/keys/${file}.json`, "utf8")) as Pair[];
  const partsOf = (url: string) => {
    const { origin, pathname } = new URL(url);
    const [, , keyId = "", keyVersion] = pathname.split("/");
    return { vaultUrl: origin, ref: { keyId, keyVersion: keyVersion as string } };
  };
  const states: string[] = [];
  for (const { request, response } of [...read("get-key-ec"), ...read("get-key-rsa")]) {
    const { vaultUrl, ref } = partsOf(request.url);
    const provider = testProvider(testService(response), { vaultUrl, now: () => 1_767_312_000_000 });
    const { jwk, keyVersion } = await provider.getPublicKey(ref, testContext());
    const { state, keyType } = await provider.getKeyMetadata(ref, [], testContext());
    assert.ok(/^[0-9a-f]{32}$/.test(keyVersion) && (ref.keyVersion ?? keyVersion) === keyVersion);
    states.push(`${jwk.kty} ${keyType} ${state}`);
  }
  assert.equal(states, ["EC P-256 enabled", "EC secp256k1 enabled", "EC P-256 disabled", "RSA RSA-2048 enabled", "RSA RSA-2048 enabled", "RSA RSA-2048 enabled"]);

  const policies = read("rotation-policy");
  const nexts: unknown[] = [];
  for (const { request, response } of policies) {
    const { vaultUrl, ref } = partsOf(request.url);
    const exp = NOW / 1000 + 90 * 86_400;
    const body = { key: { ...EC_KEY, kid: kid(ref.keyId, VERSION, vaultUrl) }, attributes: { ...ATTRIBUTES, exp } };
    nexts.push((await testProvider(testService({ body }, response), { vaultUrl }).getKeyMetadata({ keyId: ref.keyId }, ["rotation"], testContext())).nextRotationAt);
  }
  assert.equal(nexts, [60, 60, 28].map((days) => new Date(NOW + days * 86_400_000)));

  const [rotated] = read("rotate");
  const before = { ...BUNDLE, key: { ...EC_KEY, kid: kid("rsa-demo", "11112222333344445555666677778888") } };
  assert.equal(await testProvider(testService({ body: before }, (rotated as Pair).response)).rotateKey?.({ key: { keyId: "rsa-demo" } }, testContext()), {
    status: "done",
    previousVersion: "11112222333344445555666677778888",
    newVersion: "9999aaaabbbbccccddddeeeeffff0000",
    rotatedAt: new Date(1_767_312_000_000),
  });
});

test.run();
