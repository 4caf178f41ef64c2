import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KmsErrorCode } from "../../src/errors.js";
import { isKmsError } from "../../src/errors.js";
import { azureAddress, keyIdentifier } from "../../src/azure/config.js";
import { parseSign } from "../../src/azure/responses.js";
import { KmsManager } from "../../src/kms/manager.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { ATTRIBUTES, BUNDLE, collect, EC_KEY, kid, OTHER_VERSION, POLICY, RSA_BUNDLE, testProvider, testService, VAULT_URL, VERSION, type Given } from "./service.js";

const key = { keyId: "signer", keyVersion: VERSION };
const current = { keyId: "signer" };
const digest = new Uint8Array(32);
const signature = new Uint8Array(64).fill(1);
const SIGNATURE_TEXT = Buffer.from(signature).toString("base64url");

/** Each operation with an answer that is right; `at` is the place of the answer under test among those given. */
interface Operation {
  readonly answers: readonly Given[];
  readonly at: number;
  readonly run: (answers: readonly Given[]) => Promise<unknown>;
}

const rotatedBundle = { ...BUNDLE, key: { ...EC_KEY, kid: kid("signer", OTHER_VERSION) } };
const page = { value: [{ kid: kid(), attributes: { ...ATTRIBUTES, nbf: 1_767_225_600, exp: 1_800_000_000 } }, { kid: kid("signer", OTHER_VERSION), attributes: ATTRIBUTES }], nextLink: null };
const OPERATIONS: Readonly<Record<string, Operation>> = {
  sign: {
    answers: [{ body: { kid: kid(), value: SIGNATURE_TEXT } }],
    at: 0,
    // By the manager, which checks the form of a signature for all services.
    run: (answers) => new KmsManager(testProvider(testService(...answers)), key).sign(digest, { algorithm: "ES256", digest: true }),
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
    answers: [{ body: RSA_BUNDLE }],
    at: 0,
    run: (answers) => testProvider(testService(...answers)).getPublicKey(current, testContext()),
  },
  getKeyMetadata: {
    answers: [{ body: { ...BUNDLE, attributes: { ...ATTRIBUTES, nbf: 1_767_225_600, exp: 1_800_000_000 } } }],
    at: 0,
    run: (answers) => testProvider(testService(...answers)).getKeyMetadata(key, [], testContext()),
  },
  "rotation policy": {
    answers: [{ body: BUNDLE }, { body: POLICY }],
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
  },
};

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
const MODULUS = (RSA_BUNDLE.key.n as string).slice(0, -4);
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
  { operation: "getKeyMetadata", path: ["tags"], bad: [0, true, "x", [], { a: 1 }, { a: null }, { a: {} }], optional: true },
  { operation: "rotation policy", path: ["id"], bad: [...SCALARS, `${VAULT_URL}/keys/other/rotationpolicy`, "https://other-vault.vault.azure.net/keys/signer/rotationpolicy", kid()], optional: true },
  { operation: "rotation policy", path: ["lifetimeActions"], bad: [0, true, "x", {}, [1], [null], [{}], [{ action: {} }], [{ action: { type: 1 } }]], optional: true },
  { operation: "rotation policy", path: ["lifetimeActions", 0, "action"], bad: SCALARS },
  { operation: "rotation policy", path: ["lifetimeActions", 0, "action", "type"], bad: NO_STRINGS },
  { operation: "rotation policy", path: ["lifetimeActions", 0, "trigger"], bad: [0, true, "x", []], optional: true },
  ...["timeAfterCreate", "timeBeforeExpiry"].map((name) => ({
    operation: "rotation policy",
    path: ["lifetimeActions", 0, "trigger", name],
    bad: [...NO_STRINGS, "", "x", "60", "P", "PT", "P1", "P1DT", "-P1D", "P-1D", "P1.5D", "P123456D", "p60d", "P60D\n", "P1D1", "P1DT1D", "P1H"],
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

/** The version that an answer of `sign` with this kid is taken to name, or the code of the refusal. */
function versionOf(id: string, vaultUrl: string, keyId: string): string {
  const asked = keyIdentifier(azureAddress({ vaultUrl, scope: "https://vault.azure.net/.default" }), { keyId });
  try {
    return parseSign({ status: 200, header: () => null, body: { kid: id, value: SIGNATURE_TEXT } }, "ES256", asked).keyVersion;
  } catch (error) {
    if (isKmsError(error)) return error.code;
    throw error;
  }
}

test("vectors: identifiers", () => {
  interface Case {
    readonly id: string;
    readonly expect: { readonly kind: string; readonly vault?: string; readonly name?: string; readonly version?: string | null };
  }
  const { cases } = JSON.parse(readFileSync("fixtures/azure/identifiers.json", "utf8")) as { cases: Case[] };
  assert.is(cases.length, 14);
  for (const { id, expect } of cases) {
    const { kind, vault = VAULT_URL, name = "k", version } = expect;
    const found = versionOf(id, vault, name);
    // No answer names a key without its version.
    if (kind !== "reject" && version !== null) assert.is(found, version, id);
    else assert.ok(found === "ERR_KMS_RESPONSE_INVALID" || found === "ERR_KMS_KEY_MISMATCH", id);
    if (kind !== "reject") assert.ok(versionOf(id, "https://other-vault.vault.azure.net", name).startsWith("ERR_KMS_"), id);
    if (kind !== "reject") assert.ok(versionOf(id, vault, `${name}0`).startsWith("ERR_KMS_"), id);
  }
});

test("identifiers: more that is none", () => {
  for (const id of [
    "https://h/keys/k/v",
    `https://h/keys/k/${VERSION}/`,
    `https://h/keys/k/${VERSION}?x=1`,
    `https://h/keys/k/${VERSION}#x`,
    `https://h/keys/k/${VERSION}\n`,
    `https://h/keys/../${VERSION}`,
    `https://h//keys/k/${VERSION}`,
    `//h/keys/k/${VERSION}`,
    `https:/h/keys/k/${VERSION}`,
    ` https://h/keys/k/${VERSION}`,
    " https://h/keys/k",
    "",
  ]) {
    assert.is(versionOf(id, "https://h", "k"), "ERR_KMS_RESPONSE_INVALID", id);
  }
  for (const id of [`https://u:p@h/keys/k/${VERSION}`, `http://h/keys/k/${VERSION}`, `https://h:8443/keys/k/${VERSION}`, `https://h.example/keys/k/${VERSION}`]) {
    assert.is(versionOf(id, "https://h", "k"), "ERR_KMS_KEY_MISMATCH", id);
  }
  assert.is(versionOf(`https://h:8443/keys/k/${VERSION}`, "https://h:8443", "k"), VERSION);
});

test.run();
