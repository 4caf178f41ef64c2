/** Answers: good ones are read, and no malformed one ever yields a value. */
import { createPublicKey, verify as nodeVerify } from "node:crypto";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readKey } from "../../src/aws/config.js";
import { parseNothing, parsePublicKey, parseSign, parseVerify } from "../../src/aws/responses.js";
import { isKmsError } from "../../src/errors.js";
import type { Answer } from "../../src/http/send.js";
import type { CallContext, KmsProvider } from "../../src/kms/provider.js";
import { jwkToSpki } from "../../src/jwk/index.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import {
  ACCOUNT,
  ALIAS,
  ALIAS_ARN,
  aliasItem,
  arnOf,
  KEY_ARN,
  KEY_ID,
  keyMetadata,
  OTHER_ID,
  PUBLIC_KEY,
  REGION,
  SIGNATURE,
  testProvider,
  testService,
  toResponse,
  type Given,
} from "./service.js";

const MESSAGE = Uint8Array.of(1, 2, 3);
const SIGN_INPUT = { algorithm: "ES256", form: "message", input: MESSAGE } as const;
const SYMMETRIC = { KeySpec: "SYMMETRIC_DEFAULT", CustomerMasterKeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "ENCRYPT_DECRYPT", SigningAlgorithms: undefined };

type Json = Record<string, unknown>;
type Run = (provider: KmsProvider, context: CallContext) => unknown;

async function drain<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const NOT_STRINGS = [0, 1.5, true, [], {}, ["x"]];
const NOT_OBJECTS = [0, "x", true, []];
const NOT_ARRAYS = [0, "x", true, {}];
const NOT_BOOLEANS = ["true", "false", 1, 0, {}, [true], ""];
const NOT_TIMES = ["1700000000", true, {}, [], -1, 1e15];
const ABSENT = [undefined, null];
const BAD_BASE64 = ["", "=", "====", "a", "AA=A", "AAA", "AA==\n", " AA==", "AB==", "_-8=", "!!!!"];
const OTHER_KEYS = [arnOf(OTHER_ID), arnOf(KEY_ID, "eu-west-1"), KEY_ARN.replace("arn:aws:", "arn:aws-cn:"), ALIAS_ARN, "", "x", `${KEY_ARN} `, KEY_ARN.replace("key/", "key/../")];

/** For each used field of an answer: values with which it must not be accepted. */
type Field = [path: string, bad: readonly unknown[]];

const METADATA_FIELDS: Field[] = [
  ["KeyMetadata", [...ABSENT, ...NOT_OBJECTS]],
  ["KeyMetadata.Arn", [...ABSENT, ...NOT_STRINGS, ...OTHER_KEYS, KEY_ID]],
  ["KeyMetadata.KeyId", [...ABSENT, ...NOT_STRINGS, OTHER_ID, KEY_ARN, ""]],
  ["KeyMetadata.KeySpec", NOT_STRINGS],
  ["KeyMetadata.KeyState", [...ABSENT, ...NOT_STRINGS]],
  ["KeyMetadata.KeyUsage", NOT_STRINGS],
  ["KeyMetadata.Origin", NOT_STRINGS],
  ["KeyMetadata.KeyManager", NOT_STRINGS],
  ["KeyMetadata.CustomKeyStoreId", NOT_STRINGS],
  ["KeyMetadata.Description", NOT_STRINGS],
  ["KeyMetadata.MultiRegion", NOT_BOOLEANS],
  ["KeyMetadata.MultiRegionConfiguration", NOT_OBJECTS],
  ["KeyMetadata.SigningAlgorithms", [...NOT_ARRAYS, [1], ["ECDSA_SHA_256", null]]],
  ["KeyMetadata.CreationDate", NOT_TIMES],
  ["KeyMetadata.ValidTo", NOT_TIMES],
];

const PAGE_FIELDS: Field[] = [
  ["Truncated", NOT_BOOLEANS],
];

interface Case {
  readonly name: string;
  readonly run: Run;
  /** Good answers in order; the one at `at` is spoilt. */
  readonly answers: readonly Json[];
  readonly at: number;
  readonly fields: readonly Field[];
}

const CASES: Case[] = [
  {
    name: "Sign",
    run: (provider, context) => provider.sign({ key: { keyId: KEY_ID }, ...SIGN_INPUT }, context),
    answers: [{ KeyId: KEY_ARN, Signature: SIGNATURE, SigningAlgorithm: "ECDSA_SHA_256" }],
    at: 0,
    fields: [
      ["KeyId", [...ABSENT, ...NOT_STRINGS, ...OTHER_KEYS, KEY_ID]],
      ["SigningAlgorithm", [...ABSENT, ...NOT_STRINGS, "", "ECDSA_SHA_384", "ecdsa_sha_256"]],
      ["Signature", [...ABSENT, ...NOT_STRINGS, ...BAD_BASE64, SIGNATURE.replace("YuI=", "YuJ="), "AQID", `${SIGNATURE.slice(0, -4)}`]],
    ],
  },
  {
    name: "Verify",
    run: (provider, context) => provider.verify?.({ key: { keyId: KEY_ID }, ...SIGN_INPUT, signature: new Uint8Array(64).fill(1) }, context),
    answers: [{ KeyId: KEY_ARN, SignatureValid: true, SigningAlgorithm: "ECDSA_SHA_256" }],
    at: 0,
    fields: [
      ["KeyId", [...ABSENT, ...NOT_STRINGS, ...OTHER_KEYS, KEY_ID]],
      ["SigningAlgorithm", [...ABSENT, ...NOT_STRINGS, "", "ECDSA_SHA_384"]],
      ["SignatureValid", [...ABSENT, ...NOT_BOOLEANS]],
    ],
  },
  {
    name: "GetPublicKey",
    run: (provider, context) => provider.getPublicKey({ keyId: KEY_ID }, context),
    answers: [{ KeyId: KEY_ARN, PublicKey: PUBLIC_KEY, KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY", SigningAlgorithms: ["ECDSA_SHA_256"] }],
    at: 0,
    fields: [
      ["KeyId", [...ABSENT, ...NOT_STRINGS, ...OTHER_KEYS, OTHER_ID]],
      ["PublicKey", [...ABSENT, ...NOT_STRINGS, ...BAD_BASE64, SIGNATURE, PUBLIC_KEY.slice(0, -4), `${PUBLIC_KEY}AAAA`, PUBLIC_KEY.replace("MFkw", "MFow")]],
      ["KeySpec", [...NOT_STRINGS, "ECC_NIST_P384", "RSA_2048", "NEW_SPEC"]],
      ["KeyUsage", [...NOT_STRINGS, "ENCRYPT_DECRYPT", "KEY_AGREEMENT"]],
      ["SigningAlgorithms", [...NOT_ARRAYS, [1]]],
    ],
  },
  { name: "DescribeKey", run: (provider, context) => provider.getKeyMetadata({ keyId: KEY_ID }, [], context), answers: [keyMetadata()], at: 0, fields: METADATA_FIELDS },
  {
    name: "ListResourceTags",
    run: (provider, context) => provider.getKeyMetadata({ keyId: KEY_ID }, ["tags"], context),
    answers: [keyMetadata(), { Tags: [{ TagKey: "a", TagValue: "1" }], Truncated: false }],
    at: 1,
    fields: [
      ...PAGE_FIELDS,
      ["Tags", [...ABSENT, ...NOT_ARRAYS, [1], [null], [[]]]],
      ["Tags.0.TagKey", [...ABSENT, ...NOT_STRINGS]],
      ["Tags.0.TagValue", [...ABSENT, ...NOT_STRINGS]],
    ],
  },
  {
    name: "GetKeyRotationStatus",
    run: (provider, context) => provider.getKeyMetadata({ keyId: KEY_ID }, ["rotation"], context),
    answers: [keyMetadata(SYMMETRIC), { KeyId: KEY_ID, KeyRotationEnabled: true, NextRotationDate: 1_800_000_000, OnDemandRotationStartDate: 1_700_000_000 }, { Rotations: [] }],
    at: 1,
    fields: [
      ["KeyId", [...NOT_STRINGS, OTHER_ID, arnOf(OTHER_ID), ALIAS, ""]],
      ["KeyRotationEnabled", [...ABSENT, ...NOT_BOOLEANS]],
      ["NextRotationDate", NOT_TIMES],
      ["OnDemandRotationStartDate", NOT_TIMES],
    ],
  },
  {
    name: "ListKeyRotations",
    run: (provider, context) => provider.getKeyMetadata({ keyId: KEY_ID }, ["rotation"], context),
    answers: [keyMetadata(SYMMETRIC), { KeyRotationEnabled: false }, { Rotations: [{ KeyId: KEY_ID, RotationDate: 1_700_000_000, RotationType: "ON_DEMAND" }], Truncated: false }],
    at: 2,
    fields: [...PAGE_FIELDS, ["Rotations", [...ABSENT, ...NOT_ARRAYS, [1]]], ["Rotations.0.RotationDate", [...ABSENT, ...NOT_TIMES]]],
  },
  {
    name: "ListAliases",
    run: (provider) => drain(provider.listKeyVersions({ keyId: ALIAS }, [], testContext)),
    answers: [keyMetadata(), { Aliases: [aliasItem(ALIAS, KEY_ID), aliasItem(`${ALIAS}/versions/1`, OTHER_ID, { created: 1_700_000_000 })], Truncated: false }],
    at: 1,
    fields: [
      ...PAGE_FIELDS,
      ["Aliases", [...ABSENT, ...NOT_ARRAYS, [1]]],
      ["Aliases.1.AliasName", [...ABSENT, ...NOT_STRINGS]],
      ["Aliases.1.AliasArn", [...ABSENT, ...NOT_STRINGS, ALIAS_ARN, `arn:aws:kms:eu-west-1:${ACCOUNT}:${ALIAS}/versions/1`, `arn:aws:kms:${REGION}:999999999999:${ALIAS}/versions/1`]],
      ["Aliases.1.TargetKeyId", [...ABSENT, ...NOT_STRINGS, "", arnOf(OTHER_ID), ALIAS]],
      ["Aliases.1.CreationDate", NOT_TIMES],
      ["Aliases.0.LastUpdatedDate", NOT_TIMES],
    ],
  },
  {
    name: "RotateKeyOnDemand",
    run: (provider, context) => provider.rotateKey?.({ key: { keyId: KEY_ID } }, context),
    answers: [keyMetadata(SYMMETRIC), { KeyId: KEY_ARN }],
    at: 1,
    fields: [["KeyId", [...ABSENT, ...NOT_STRINGS, OTHER_ID, arnOf(OTHER_ID), ALIAS, ""]]],
  },
];

/** A deep copy with the member at a path replaced, or left out for undefined. */
function spoil(good: Json, path: string, value: unknown): Json {
  const copy = structuredClone(good);
  const names = path.split(".");
  const last = names.pop() as string;
  let at: Json = copy;
  for (const name of names) at = at[name] as Json;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

async function refused(run: Run, answers: readonly Given[], label: string): Promise<void> {
  let value: unknown;
  try {
    value = await run(testProvider(testService(...answers), { retry: { attempts: 1 } }), testContext());
  } catch (error) {
    if (!isKmsError(error)) throw error;
    assert.ok(["ERR_KMS_RESPONSE_INVALID", "ERR_KMS_KEY_MISMATCH", "ERR_KMS_UNSUPPORTED"].includes(error.code), `${label}: ${error.code}`);
    assert.is(error.provider, "aws");
    const shown = `${error.message}${error.stack}${JSON.stringify(error)}${inspect(error, { depth: Infinity, showHidden: true })}`;
    assert.not.match(shown, new RegExp(`${OTHER_ID}|${SIGNATURE.slice(0, 12)}|999999999999`), label);
    return;
  }
  assert.unreachable(`${label} gave a value: ${inspect(value)}`);
}

let spoilt = 0;
for (const { name, run, answers, at, fields } of CASES) {
  test(`${name}: the good answer is read`, async () => {
    await run(testProvider(testService(...answers.map((body) => ({ body })))), testContext());
  });

  test(`${name}: no field that is missing, null, mistyped, not canonical or of another key yields a value`, async () => {
    const good = answers[at] as Json;
    for (const [path, values] of fields) {
      for (const value of values) {
        const bodies = answers.map((body, index) => ({ body: index === at ? spoil(good, path, value) : body }));
        await refused(run, bodies, `${name} ${path} = ${JSON.stringify(value)}`);
        spoilt += 1;
      }
    }
  });

  test(`${name}: no body that is no object yields a value`, async () => {
    const good = JSON.stringify(answers[at]);
    const bodies: Given[] = [
      ...["", " ", "null", "[]", "true", "0", '"x"', "<!doctype html><title>Sign in</title>", "{", `${good}${good}`, `\ufeff${good}`, `[${good}]`, `{"__proto__":${good}}`].map((bodyText) => ({ bodyText })),
      { status: 202, bodyText: good },
      { status: 206, bodyText: good },
    ];
    for (const body of bodies) {
      await refused(run, answers.map((other, index) => (index === at ? body : { body: other })), `${name} ${JSON.stringify(body).slice(0, 60)}`);
      spoilt += 1;
    }
  });
}

test("the set of malformed answers was not empty", () => {
  console.log(`${spoilt} malformed answers`);
  assert.ok(spoilt > 500);
});

test("null reads as absent, and unknown members do not matter", async () => {
  const body = keyMetadata({ KeyUsage: null, MultiRegion: null, Origin: null, SigningAlgorithms: null, ValidTo: null, NewMember: { a: 1 } });
  const metadata = await testProvider(testService({ body })).getKeyMetadata({ keyId: KEY_ID }, [], testContext());
  assert.equal(metadata, { keyVersion: KEY_ID, keyType: "P-256", algorithms: [], state: "enabled", usableFor: [], createdAt: new Date(1_700_000_000_500) });
});

test("enums that are new are kept, or read as what is safe", async () => {
  const body = keyMetadata({ KeySpec: "QUANTUM_9", KeyState: "Dreaming", KeyUsage: "MAGIC", Origin: "MOON" });
  const metadata = await testProvider(testService({ body })).getKeyMetadata({ keyId: KEY_ID }, [], testContext());
  assert.is(metadata.keyType, "QUANTUM_9");
  assert.is(metadata.state, "unavailable");
  assert.equal(metadata.usableFor, []);
  assert.is(metadata.origin, undefined);
});

test("behind an alias any key of the region is taken, with an alias ARN only of its account", async () => {
  const body = { KeyId: KEY_ARN, Signature: SIGNATURE, SigningAlgorithm: "ECDSA_SHA_256" };
  const sign = (keyId: string, KeyId: string) => testProvider(testService({ body: { ...body, KeyId } })).sign({ key: { keyId }, ...SIGN_INPUT }, testContext());
  const elsewhere = arnOf(KEY_ID, REGION, "999999999999");
  assert.is((await sign(ALIAS, KEY_ARN)).keyVersion, KEY_ID);
  assert.is((await sign(ALIAS, arnOf(OTHER_ID))).keyVersion, OTHER_ID);
  assert.is((await sign(ALIAS_ARN, arnOf(OTHER_ID))).keyVersion, OTHER_ID);
  assert.is((await sign(KEY_ID, elsewhere)).keyVersion, KEY_ID);
  await rejects(sign(ALIAS_ARN, elsewhere), "ERR_KMS_KEY_MISMATCH");
  await rejects(sign(KEY_ARN, elsewhere), "ERR_KMS_KEY_MISMATCH");
  await rejects(sign(ALIAS, arnOf(KEY_ID, "eu-west-1")), "ERR_KMS_KEY_MISMATCH");
  await rejects(sign(ALIAS, KEY_ID), "ERR_KMS_RESPONSE_INVALID");
  await rejects(sign(ALIAS, ALIAS_ARN), "ERR_KMS_RESPONSE_INVALID");
});

test("GetPublicKey may answer with the bare id, but not behind an alias ARN", async () => {
  const read = (keyId: string, KeyId: string) =>
    testProvider(testService({ body: { KeyId, PublicKey: PUBLIC_KEY, CustomerMasterKeySpec: "ECC_NIST_P256" } })).getPublicKey({ keyId }, testContext());
  for (const keyId of [KEY_ID, KEY_ARN, ALIAS]) assert.is((await read(keyId, KEY_ID)).keyVersion, KEY_ID);
  await rejects(read(ALIAS_ARN, KEY_ID), "ERR_KMS_RESPONSE_INVALID");
  await rejects(read(KEY_ARN, OTHER_ID), "ERR_KMS_KEY_MISMATCH");
});

test("signatures of RSA and Ed25519 have a length", () => {
  const key = readKey({ keyId: KEY_ID }, REGION);
  const parse = (algorithm: "RS256" | "Ed25519", name: string, length: number) => {
    const body = { KeyId: KEY_ARN, Signature: Buffer.alloc(length, 1).toString("base64"), SigningAlgorithm: name };
    return parseSign({ status: 200, header: () => null, body }, key, algorithm);
  };
  for (const length of [256, 384, 512]) assert.is(parse("RS256", "RSASSA_PKCS1_V1_5_SHA_256", length).encoding, "raw");
  assert.is(parse("Ed25519", "ED25519_SHA_512", 64).signature.length, 64);
  for (const length of [1, 64, 255, 257, 6144]) assert.throws(() => parse("RS256", "RSASSA_PKCS1_V1_5_SHA_256", length));
  for (const length of [1, 63, 65, 114]) assert.throws(() => parse("Ed25519", "ED25519_SHA_512", length));
});

test("key specs without a public key of ours are unsupported, not malformed", async () => {
  for (const KeySpec of ["ML_DSA_65", "SM2", "HMAC_256", "SYMMETRIC_DEFAULT"]) {
    const service = testService({ body: { KeyId: KEY_ARN, PublicKey: PUBLIC_KEY, KeySpec, KeyUsage: "SIGN_VERIFY" } });
    await rejects(() => testProvider(service).getPublicKey({ keyId: KEY_ID }, testContext()), "ERR_KMS_UNSUPPORTED");
  }
});

test("operations without output may answer with nothing, an empty object or null", () => {
  const answer = (body: unknown): Answer => ({ status: 200, header: () => null, body });
  for (const body of [undefined, null, {}]) parseNothing(answer(body));
  for (const body of [0, "x", [], true]) assert.throws(() => parseNothing(answer(body)));
});

test("a list that leads nowhere ends", async () => {
  for (const [Aliases, pages] of [[[aliasItem("alias/other", KEY_ID)], 2], [[], 1_000]] as const) {
    const endless = testService((_sent, index) => (index === 0 ? { body: keyMetadata() } : { body: { Aliases, Truncated: true, NextMarker: "same" } }));
    await rejects(drain(testProvider(endless).listKeyVersions({ keyId: ALIAS }, [], testContext)), "ERR_KMS_RESPONSE_INVALID");
    assert.is(endless.sent.length, 1 + pages);
  }
  for (const NextMarker of [undefined, null, "", 5]) {
    const service = testService({ body: keyMetadata() }, { body: { Aliases: [], Truncated: true, NextMarker } });
    await rejects(drain(testProvider(service).listKeyVersions({ keyId: ALIAS }, [], testContext)), "ERR_KMS_RESPONSE_INVALID");
  }
});

interface Malformed {
  readonly asked: Record<string, { KeyId: string }>;
  readonly cases: { id: number; provider: string; op: string; why: string; status: number; headers?: Record<string, string>; body: string; expect: string }[];
}

const malformed = JSON.parse(readFileSync("fixtures/responses/malformed.json", "utf8")) as Malformed;
const OPERATIONS: Record<string, Run> = {
  Sign: (provider, context) => provider.sign({ key: { keyId: KEY_ARN }, ...SIGN_INPUT }, context),
  Verify: (provider, context) => provider.verify?.({ key: { keyId: KEY_ARN }, ...SIGN_INPUT, signature: new Uint8Array(64).fill(1) }, context),
  GetPublicKey: (provider, context) => provider.getPublicKey({ keyId: KEY_ARN }, context),
};

for (const { id, op, why, status, headers, body, expect } of malformed.cases.filter(({ provider, op }) => provider === "aws" && op in OPERATIONS)) {
  test(`case ${id}, ${op}: ${why}`, async () => {
    assert.is(malformed.asked[`aws.${op}`]?.KeyId, KEY_ARN);
    const given: Given = { status, bodyText: body, ...(headers === undefined ? {} : { headers }) };
    const fetch = async (): Promise<Response> => (status === 304 ? new Response(null, { status }) : toResponse(given));
    const run = (): unknown => (OPERATIONS[op] as Run)(testProvider({ fetch }, { retry: { attempts: 1 } }), testContext());
    if (expect === "typed-error") await rejects(run, "ERR_KMS_RESPONSE_INVALID");
    else await run(); // `either` says that the content type does not matter, and here it does not
  });
}

interface Recorded {
  readonly name: string;
  readonly request: { target: string; body: string };
  readonly response: { status: number; body: string };
  readonly check?: { publicKey: string; hash: string; scheme: string; saltLength?: number };
}

const recorded = (file: string): Recorded[] => JSON.parse(readFileSync(`fixtures/aws/recorded-moto/${file}.json`, "utf8")) as Recorded[];
const answerOf = ({ response }: Recorded): Answer => ({ status: response.status, header: () => null, body: JSON.parse(response.body) as unknown });
const JOSE: Record<string, "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES512"> = {
  RSASSA_PKCS1_V1_5_SHA_256: "RS256",
  RSASSA_PKCS1_V1_5_SHA_384: "RS384",
  RSASSA_PKCS1_V1_5_SHA_512: "RS512",
  RSASSA_PSS_SHA_256: "PS256",
  RSASSA_PSS_SHA_384: "PS384",
  RSASSA_PSS_SHA_512: "PS512",
  ECDSA_SHA_256: "ES256",
  ECDSA_SHA_512: "ES512",
};

test("signatures that a local server made are read, and verify under its keys", () => {
  let checked = 0;
  for (const exchange of recorded("sign").filter(({ request, response }) => request.target === "Sign" && response.status === 200)) {
    const asked = JSON.parse(exchange.request.body) as { KeyId: string; Message: string; SigningAlgorithm: string };
    const algorithm = JOSE[asked.SigningAlgorithm];
    const { signature } = parseSign(answerOf(exchange), readKey({ keyId: asked.KeyId }, REGION), algorithm as "ES256");
    const { check } = exchange;
    if (check === undefined || check.scheme === "pss") continue;
    const key = createPublicKey({ key: Buffer.from(check.publicKey, "base64"), format: "der", type: "spki" });
    assert.ok(nodeVerify(check.hash, Buffer.from(asked.Message, "base64"), { key, dsaEncoding: "ieee-p1363" }, signature), exchange.name);
    checked += 1;
  }
  assert.ok(checked >= 10, String(checked));
});

test("verdicts of a local server are read", () => {
  const verdicts = recorded("sign").filter(({ request, response }) => request.target === "Verify" && response.status === 200);
  assert.ok(verdicts.length >= 5);
  for (const exchange of verdicts) {
    const asked = JSON.parse(exchange.request.body) as { KeyId: string; SigningAlgorithm: string };
    const verdict = parseVerify(answerOf(exchange), readKey({ keyId: asked.KeyId }, REGION), JOSE[asked.SigningAlgorithm] as "ES256");
    assert.is(verdict, exchange.name.endsWith("-good"), exchange.name);
  }
});

test("public keys of a local server are read, those of other uses refused", () => {
  for (const exchange of recorded("public-key").filter(({ response }) => response.status === 200)) {
    const { KeyId } = JSON.parse(exchange.request.body) as { KeyId: string };
    const { PublicKey, KeyUsage } = JSON.parse(exchange.response.body) as { PublicKey: string; KeyUsage: string };
    if (exchange.name === "get-public-key-arn-of-another-region") continue; // our own check refuses such a key before
    const parse = () => parsePublicKey(answerOf(exchange), readKey({ keyId: KeyId }, REGION));
    if (KeyUsage === "SIGN_VERIFY") assert.is(Buffer.from(jwkToSpki(parse().jwk)).toString("base64"), PublicKey, exchange.name);
    else assert.throws(parse, (error: unknown) => isKmsError(error, "ERR_KMS_UNSUPPORTED"));
  }
});

test("aliases of a local server are read: no dates, and others left alone", async () => {
  const list = recorded("describe").find(({ name }) => name === "list-aliases-limit-2") as Recorded;
  const service = testService({ body: keyMetadata() }, { bodyText: list.response.body });
  const versions = await drain(testProvider(service).listKeyVersions({ keyId: ALIAS }, [], testContext));
  assert.equal(versions.map(({ keyVersion }) => keyVersion), [KEY_ID]);
  assert.is(service.sent.length, 2);
});

test("keys as the service describes them are read", async () => {
  const facts = JSON.parse(readFileSync("fixtures/aws/real-answers.json", "utf8")) as { name: string; operation: string; status: number; example?: { KeyMetadata?: { Arn: string } } }[];
  let read = 0;
  for (const { name, example, status } of facts) {
    const arn = example?.KeyMetadata?.Arn;
    if (arn === undefined || status !== 200) continue;
    const region = arn.split(":")[3] as string;
    const metadata = await testProvider(testService({ body: example }), { region }).getKeyMetadata({ keyId: arn }, [], testContext());
    assert.is(metadata.keyVersion, arn.split("/")[1], name);
    read += 1;
  }
  assert.ok(read >= 7, String(read));
});

test("a signature, a verdict and a rotation status as the service answers them are read", async () => {
  const facts = JSON.parse(readFileSync("fixtures/aws/real-answers.json", "utf8")) as { name: string; example?: Json }[];
  const example = (name: string): Json => facts.find((fact) => fact.name === name)?.example as Json;
  const region = "eu-central-1";
  const key = { keyId: example("sign-p256-raw").KeyId as string };
  const one = (name: string) => testProvider(testService({ body: example(name) }), { region });
  assert.is((await one("sign-p256-raw").sign({ key, ...SIGN_INPUT }, testContext())).encoding, "ieee-p1363");
  assert.is(await one("verify-p256-raw").verify?.({ key, ...SIGN_INPUT, signature: new Uint8Array(64).fill(1) }, testContext()), true);
  const refusedBy = testService({ status: 400, body: example("verify-bad-signature") });
  assert.is(await testProvider(refusedBy, { region }).verify?.({ key, ...SIGN_INPUT, signature: new Uint8Array(64).fill(1) }, testContext()), false);
});

test.run();
