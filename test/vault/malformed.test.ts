import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isKmsError, type KmsErrorCode } from "../../src/errors.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { AES_KEY, answer, changed, collect, DER, ED25519_KEY, HMAC_KEY, KEY, P1363, PEMS, SIGNED, testProvider, testService, type Given, type Path } from "./service.js";

const current = { keyId: "signer" };
const pinned = { keyId: "signer", keyVersion: "2" };
const message = new TextEncoder().encode("sample");
const question = { algorithm: "ES256", form: "message", input: message } as const;

/** Each operation with the data of an answer that is right. */
interface Operation {
  readonly data: unknown;
  readonly run: (given: Given) => Promise<unknown>;
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  sign: { data: SIGNED, run: (given) => testProvider(testService(given)).sign({ ...question, key: current }, testContext()) },
  "sign pinned": { data: SIGNED, run: (given) => testProvider(testService(given)).sign({ ...question, key: pinned }, testContext()) },
  verify: { data: { valid: true }, run: async (given) => testProvider(testService(given)).verify?.({ ...question, key: pinned, signature: P1363 }, testContext()) },
  getPublicKey: { data: KEY, run: (given) => testProvider(testService(given)).getPublicKey(current, testContext()) },
  "getPublicKey pinned": { data: KEY, run: (given) => testProvider(testService(given)).getPublicKey(pinned, testContext()) },
  "getPublicKey Ed25519": { data: ED25519_KEY, run: (given) => testProvider(testService(given)).getPublicKey(current, testContext()) },
  getKeyMetadata: { data: { ...KEY, auto_rotate_period: 86_400 }, run: (given) => testProvider(testService(given)).getKeyMetadata(current, [], testContext()) },
  "getKeyMetadata HMAC": { data: HMAC_KEY, run: (given) => testProvider(testService(given)).getKeyMetadata(current, [], testContext()) },
  "getKeyMetadata AES": { data: AES_KEY, run: (given) => testProvider(testService(given)).getKeyMetadata(current, [], testContext()) },
  listKeyVersions: { data: KEY, run: (given) => collect(testProvider(testService(given)).listKeyVersions(current, [], testContext)) },
  "listKeyVersions AES": { data: AES_KEY, run: (given) => collect(testProvider(testService(given)).listKeyVersions(current, [], testContext)) },
  rotateKey: { data: KEY, run: async (given) => testProvider(testService(given)).rotateKey?.({ key: current }, testContext()) },
};

function run({ data, run: attempt }: Operation, path: Path, value: unknown): Promise<unknown> {
  const given = answer(data);
  return attempt({ ...given, body: changed(given.body, path, value) });
}

const SCALARS = [0, 1.5, -1, true, false, "", "x", "__proto__", [], ["x"], {}, { x: 1 }];
const NO_STRINGS = SCALARS.filter((value) => typeof value !== "string");
const NO_BOOLEANS = SCALARS.filter((value) => typeof value !== "boolean").concat("true", "false", 1);
const NO_INTEGERS = [1.5, true, false, "", "x", "2", [], [2], {}, 1e300, 2 ** 53];
const NO_OBJECTS = SCALARS.filter((value) => typeof value !== "object" || Array.isArray(value));

const OTHER_PEM = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ type: "spki", format: "pem" }) as string;
const RSA_PEM = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" }) as string;
const SECP256K1_PEM = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey.export({ type: "spki", format: "pem" }) as string;
const P256_PEM = PEMS[2];
const BASE64_LINE = P256_PEM.split("\n")[1] as string;

/** 70 bytes, so that the text has unused bits and padding. */
const PADDED = Buffer.from(`30440220${"11".repeat(32)}0220${"11".repeat(32)}`, "hex").toString("base64");

const SIGNATURES = [
  DER,
  `vault:v2:`,
  `vault:v2`,
  `vault:2:${DER}`,
  `vault:v02:${DER}`,
  `vault:v0:${DER}`,
  `vault:v-2:${DER}`,
  `vault:v2.0:${DER}`,
  `vault:v1000000000:${DER}`,
  `vault:v:${DER}`,
  `vault:vlatest:${DER}`,
  `Vault:v2:${DER}`,
  `openbao:v2:${DER}`,
  `bao:v2:${DER}`,
  `:v2:${DER}`,
  ` vault:v2:${DER}`,
  `vault:v2:${DER}\n`,
  `vault:v2:${DER}:x`,
  `vault:v2: ${DER}`,
  `vault:v2:${DER}=`,
  `vault:v2:${DER.slice(0, -1)}`,
  `vault:v2:${PADDED.replace(/EQ==$/, "ER==")}`,
  `vault:v2:${PADDED.replace(/=$/, "")}`,
  `vault:v2:${DER.slice(0, 40)}\n${DER.slice(40)}`,
  `vault:v2:${DER.replaceAll("/", "_").replaceAll("+", "-")}`,
  `vault:v2:A`,
  `vault:v2:====`,
  `vault:v2:!!!!`,
  `vault:v2:${"A".repeat(100_000)}`,
  // r and s side by side, not DER; DER that is not the one form; a byte too much; RSA and Ed25519
  `vault:v2:${Buffer.from(P1363).toString("base64")}`,
  `vault:v2:${Buffer.from("3081070201010201010000", "hex").toString("base64")}`,
  `vault:v2:${Buffer.from("300702020001020101", "hex").toString("base64")}`,
  `vault:v2:${Buffer.from("3006020181020101", "hex").toString("base64")}`,
  `vault:v2:${Buffer.concat([Buffer.from(DER, "base64"), Buffer.from([0])]).toString("base64")}`,
  `vault:v2:${Buffer.alloc(256, 1).toString("base64")}`,
  `vault:v2:${Buffer.alloc(64, 1).toString("base64")}`,
];

const PEM_FAULTS = [
  ...SCALARS,
  OTHER_PEM,
  RSA_PEM,
  SECP256K1_PEM,
  P256_PEM.replaceAll("PUBLIC", "PRIVATE"),
  P256_PEM.replaceAll("PUBLIC KEY", "CERTIFICATE"),
  P256_PEM + P256_PEM,
  `x\n${P256_PEM}`,
  P256_PEM.replace(BASE64_LINE, BASE64_LINE.slice(1)),
  P256_PEM.replace(BASE64_LINE, `${BASE64_LINE}!`),
  P256_PEM.replace("MFkw", "MFky"),
  P256_PEM.replace("END", "ENDE"),
  P256_PEM.split("\n")[1] as string,
  Buffer.alloc(32, 1).toString("base64"),
];
const ED25519_FAULTS = [...SCALARS, PEMS[2], Buffer.alloc(31).toString("base64"), Buffer.alloc(33).toString("base64"), "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw", "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw=", "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgx=", " PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=", "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"];

const TIMES = ["", "x", "2026", "2026-06-01", "2026-06-01 00:00:00Z", "2026-06-01T00:00:00", "2026-06-01T00:00Z", "2026-13-01T00:00:00Z", "2026-06-32T00:00:00Z", "2026-06-01T25:00:00Z", "2026-06-01T00:60:00Z", "2026-06-01T00:00:00.Z", "2026-06-01T00:00:00.1234567890Z", "2026-06-01T00:00:00+1:00", "2026-06-01T00:00:00+0100", "2026-06-01T00:00:00z", "2026-06-01T00:00:00Z\n", " 2026-06-01T00:00:00Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "+012026-06-01T00:00:00Z", "Mon, 01 Jun 2026 00:00:00 GMT", "1780272000"];

/** Names of the keys are told in the answer, and must be the one asked for, in its own case. */
const NAMES = [...SCALARS, "Signer", "signer ", "signer2", "other", "../signer"];

interface Field {
  readonly operations: readonly string[];
  readonly path: Path;
  /** Values that are wrong there. */
  readonly bad: readonly unknown[];
  /** Absent and null mean the same, and are no fault. */
  readonly optional?: boolean;
}

const READS = ["getPublicKey", "getPublicKey pinned", "getPublicKey Ed25519", "getKeyMetadata", "getKeyMetadata HMAC", "getKeyMetadata AES", "listKeyVersions", "listKeyVersions AES", "rotateKey"];
const METADATA = ["getKeyMetadata", "getKeyMetadata HMAC", "getKeyMetadata AES"];
const PUBLIC_KEYS = ["getPublicKey", "getPublicKey pinned"];
const WITH_DATES = ["getKeyMetadata", "listKeyVersions", "rotateKey"];

const FIELDS: readonly Field[] = [
  { operations: Object.keys(OPERATIONS).filter((name) => name !== "rotateKey"), path: [], bad: SCALARS },
  { operations: Object.keys(OPERATIONS), path: ["data"], bad: SCALARS },
  { operations: Object.keys(OPERATIONS), path: ["errors"], bad: [...SCALARS, ["permission denied"]], optional: true },
  { operations: ["sign"], path: ["data", "signature"], bad: [...SCALARS, ...SIGNATURES, `vault:v1:${DER}`] },
  { operations: ["sign pinned"], path: ["data", "signature"], bad: [...SCALARS, ...SIGNATURES, `vault:v1:${DER}`] },
  { operations: ["sign", "sign pinned"], path: ["data", "key_version"], bad: [...NO_INTEGERS, 0, 1, 3, -2, 20], optional: true },
  { operations: ["sign pinned"], path: ["data"], bad: [{ key_version: 1, signature: `vault:v1:${DER}` }, { signature: `vault:v1:${DER}` }, { signature: `vault:v22:${DER}` }] },
  { operations: ["verify"], path: ["data", "valid"], bad: NO_BOOLEANS },
  { operations: READS, path: ["data", "name"], bad: NAMES },
  { operations: READS, path: ["data", "type"], bad: NO_STRINGS },
  { operations: READS, path: ["data", "latest_version"], bad: [...NO_INTEGERS, 0, -1, 1_000_000_000] },
  { operations: [...PUBLIC_KEYS, "listKeyVersions", "rotateKey"], path: ["data", "latest_version"], bad: [0] },
  { operations: ["listKeyVersions", "listKeyVersions AES"], path: ["data", "latest_version"], bad: [1, 3] },
  { operations: READS, path: ["data", "min_decryption_version"], bad: [...NO_INTEGERS, -1, 3, 1_000], optional: true },
  { operations: ["listKeyVersions", "listKeyVersions AES"], path: ["data", "min_decryption_version"], bad: [2], optional: true },
  { operations: METADATA, path: ["data", "min_encryption_version"], bad: NO_INTEGERS, optional: true },
  { operations: METADATA, path: ["data", "key_size"], bad: NO_INTEGERS, optional: true },
  ...["supports_signing", "supports_encryption", "supports_decryption", "soft_deleted", "imported_key", "derived"].map((name) => ({ operations: METADATA, path: ["data", name], bad: NO_BOOLEANS, optional: true })),
  { operations: ["listKeyVersions"], path: ["data", "soft_deleted"], bad: NO_BOOLEANS, optional: true },
  { operations: ["getKeyMetadata"], path: ["data", "auto_rotate_period"], bad: [...NO_INTEGERS, -1, 2 ** 52], optional: true },
  { operations: [...PUBLIC_KEYS, "getPublicKey Ed25519"], path: ["data", "keys"], bad: [...SCALARS, { 1: KEY.keys[1] }] },
  { operations: ["getKeyMetadata", "getKeyMetadata AES", "listKeyVersions", "listKeyVersions AES", "rotateKey"], path: ["data", "keys"], bad: NO_OBJECTS, optional: true },
  ...[{}, { 1: KEY.keys[1] }, { ...KEY.keys, 0: KEY.keys[1] }, { ...KEY.keys, "01": KEY.keys[1] }, { ...KEY.keys, 3: KEY.keys[1] }, { ...KEY.keys, "1e0": KEY.keys[1] }, { ...KEY.keys, "-1": KEY.keys[1] }, { ...KEY.keys, x: KEY.keys[1] }, { ...KEY.keys, "": KEY.keys[1] }, { ...KEY.keys, ["__proto__"]: KEY.keys[1] }].map((keys) => ({ operations: ["listKeyVersions"], path: ["data", "keys"], bad: [keys], optional: true })),
  { operations: [...PUBLIC_KEYS, "getPublicKey Ed25519"], path: ["data", "keys", 2], bad: SCALARS },
  { operations: PUBLIC_KEYS, path: ["data", "keys", 2, "public_key"], bad: PEM_FAULTS },
  { operations: ["getPublicKey Ed25519"], path: ["data", "keys", 2, "public_key"], bad: ED25519_FAULTS },
  { operations: WITH_DATES, path: ["data", "keys", 2, "creation_time"], bad: [...NO_STRINGS, ...TIMES], optional: true },
  { operations: ["getKeyMetadata AES", "listKeyVersions AES"], path: ["data", "keys", 2], bad: [-1, 1e15, true, "1780272000", [], ["x"]] },
];

const TYPED: readonly KmsErrorCode[] = ["ERR_KMS_RESPONSE_INVALID", "ERR_KMS_KEY_MISMATCH", "ERR_KMS_UNSUPPORTED"];

test("the sample for unused bits is a good one", async () => {
  assert.match(PADDED, /EQ==$/);
  await (OPERATIONS.sign as Operation).run(answer({ signature: `vault:v2:${PADDED}` }));
});

test("every answer that is right gives a value, and what is not used may be anything", async () => {
  const noise = { certificate_chain: 7, hybrid_public_key: [], warnings: "x", mount_type: {}, lease_duration: "x", wrap_info: 1, auth: true };
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    assert.is.not(await run(operation, ["unknown member"], [{}]), undefined, name);
    for (const [member, value] of Object.entries(noise)) assert.is.not(await run(operation, [member], value), undefined, `${name} ${member}`);
  }
  for (const name of PUBLIC_KEYS) {
    const operation = OPERATIONS[name] as Operation;
    for (const member of ["certificate_chain", "hybrid_public_key", "name", "creation_time"]) await run(operation, ["data", "keys", 2, member], 7);
    for (const member of ["min_available_version", "exportable", "allow_plaintext_backup", "kdf", "backup_info"]) await run(operation, ["data", member], {});
  }
});

test("generated: each field missing, null, of a wrong type, not canonical, of another key", async () => {
  let cases = 0;
  for (const { operations, path, bad, optional } of FIELDS) {
    for (const name of operations) {
      for (const value of [undefined, null, ...bad]) {
        if (path.length === 0 && value === undefined) continue;
        // HMAC keys have no `keys`, and an AES key has no other date than that of its entry.
        if (value == null && path.at(-1) === 2 && name.includes("AES")) continue;
        const what = `${name} ${path.join(".")} ${JSON.stringify(value)?.slice(0, 80)}`;
        cases += 1;
        let result: unknown;
        try {
          result = await run(OPERATIONS[name] as Operation, path, value);
        } catch (error) {
          if (!isKmsError(error)) throw error;
          assert.ok(TYPED.includes(error.code), `${what}: ${error.code}`);
          assert.ok(value !== undefined && value !== null ? true : optional !== true, `${what}: ${error.code}`);
          assert.is(error.outcome, error.code === "ERR_KMS_UNSUPPORTED" ? "not-sent" : "unknown", what);
          if (typeof value === "string" && value.length > 12) assert.not.ok(JSON.stringify(error).includes(JSON.stringify(value).slice(1, -1)), what);
          continue;
        }
        assert.ok(optional === true && (value === undefined || value === null), `${what} gave ${JSON.stringify(result)}`);
      }
    }
  }
  assert.ok(cases > 1_700, `only ${cases} cases`);
});

test("no answer at all, not JSON, not whole, of another status", async () => {
  const texts = ["null", "true", "0", '"x"', "[]", "{}", "{", "<html></html>", '{"data":{}}x', '{"data":{}}{"data":{}}', "\ufeff{}", '{"data":{"valid":tru'];
  for (const [name, { data, run: attempt }] of Object.entries(OPERATIONS)) {
    for (const bodyText of texts) await rejects(attempt({ bodyText }), "ERR_KMS_RESPONSE_INVALID");
    for (const status of [201, 202, 206]) await rejects(attempt({ ...answer(data), status }), "ERR_KMS_RESPONSE_INVALID");
    for (const status of [301, 302, 307, 308]) await rejects(attempt({ status, headers: { location: "https://active.example:8200/v1/transit/sign/signer" } }), "ERR_KMS_REDIRECT");
    if (name === "rotateKey") continue;
    await rejects(attempt({ status: 204 }), "ERR_KMS_RESPONSE_INVALID");
    await rejects(attempt({ bodyText: "" }), "ERR_KMS_RESPONSE_INVALID");
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
  let refused = 0;
  let taken = 0;
  for (const { id, provider, op, status, headers, body, expect } of cases) {
    if (provider !== "vault" || (op !== "sign" && op !== "verify")) continue;
    let failed = false;
    try {
      await (OPERATIONS[op] as Operation).run({ status, bodyText: body, ...(headers !== undefined && { headers }) });
    } catch (error) {
      assert.ok(isKmsError(error), `case ${id}`);
      failed = true;
    }
    // Where the sets leave it open, a content type of a proxy's does not matter if the body is as documented.
    assert.is(failed, expect === "typed-error", `case ${id}`);
    if (failed) refused += 1;
    else taken += 1;
  }
  assert.equal([refused, taken], [11, 4]);
});

test.run();
