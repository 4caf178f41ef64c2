// Records what our clients and real servers say to each other, for the tests that have no server: fixtures/recorded/.
//
//   node scripts/interop/record.mjs        needs a built package; writes openbao/exchanges.json and moto/exchanges.json
//
// test/recorded.test.ts gives the recorded answers to the same calls, and expects the same requests and results.
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createAwsKms, createVaultKms, isKmsError } from "./lib/built.mjs";
import { preparePython } from "./lib/prepare.mjs";
import { startMoto, startOpenBao } from "./lib/servers.mjs";
import * as aws from "./suites/moto/setup.mjs";
import * as vault from "./suites/openbao/setup.mjs";

const kit = dirname(fileURLToPath(import.meta.url));
const target = join(kit, "../../fixtures/recorded");
const scratch = mkdtempSync(join(tmpdir(), "knhk-kms-record-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const { ready: python, skipped } = await preparePython(kit);
if (skipped !== undefined) throw new Error(skipped);
const MESSAGE = { base64: Buffer.from("a message of the interop kit").toString("base64") };
/** The clock of the recorded clients, which moto does not look at. */
const NOW = Date.parse("2026-01-15T08:09:10Z");

const ALGORITHMS = {
  "RSA-2048": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  "RSA-3072": ["PS384"],
  "RSA-4096": ["RS512"],
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  Ed25519: ["Ed25519"],
  secp256k1: ["ES256K"],
};

await record("openbao", startOpenBao, recordOpenBao);
await record("moto", startMoto, recordMoto);
process.exit(0);

async function record(name, start, recordCases) {
  const server = await start({ python, scratch });
  const cases = [];
  try {
    await recordCases(server, (options, calls) => recordCalls(server, cases, options, calls));
  } finally {
    await server.close();
  }
  mkdirSync(join(target, name), { recursive: true });
  const head = JSON.stringify({ server: `${name === "openbao" ? "OpenBao" : "moto"} ${server.version}`, now: NOW });
  const lines = cases.map((entry) => JSON.stringify(entry)).join(",\n");
  const text = `${head.slice(0, -1)},"cases":[\n${lines}\n]}\n`;
  writeFileSync(join(target, name, "exchanges.json"), text);
  console.log(`${name}: ${cases.length} calls, SHA-256 for the README: ${createHash("sha256").update(text).digest("hex")}`);
}

/** Each call is `[operation, ...arguments]`, on a client of its own, so that no case needs another. */
async function recordCalls(server, cases, options, calls) {
  for (const call of calls) {
    const exchanges = [];
    const kms = clientOf(server, options, exchanges);
    const outcome = await outcomeOf(kms, call);
    const { credentials: _secret, ...shown } = options;
    cases.push({ options: shown, call, exchanges, ...outcome });
  }
}

function clientOf(server, options, exchanges) {
  const common = { fetch: recorder(exchanges), allowInsecureHttp: true, env: {}, retry: { attempts: 1 }, now: () => NOW, ...options };
  if (server.endpoint === undefined) return createVaultKms({ address: server.address, mountPath: "transit", credentials: { token: server.token }, ...common });
  return createAwsKms({ region: aws.REGION, endpoint: server.endpoint, credentials: aws.CREDENTIALS, ...common });
}

/** Of headers what matters to a reader; tokens and signatures stay out. */
function recorder(exchanges) {
  return async (url, init) => {
    const response = await fetch(url, init);
    const text = await response.text();
    const { pathname, search } = new URL(url);
    const sent = Object.fromEntries(Object.entries(init.headers).filter(([name]) => /^(content-type|x-amz-target|x-vault-namespace)$/.test(name)));
    const received = Object.fromEntries([...response.headers].filter(([name]) => /^(content-type|date|x-amzn-requestid|x-amzn-errortype|x-vault-.*)$/.test(name)));
    const request = { method: init.method, path: pathname + search, headers: sent, body: init.body === undefined ? null : String(init.body) };
    exchanges.push({ request, response: { status: response.status, headers: received, body: text } });
    return new Response([204, 304].includes(response.status) ? null : text, { status: response.status, headers: response.headers });
  };
}

async function outcomeOf(kms, [operation, ...args]) {
  try {
    const given = args.map((value) => (value?.base64 === undefined ? reviveSignature(value) : new Uint8Array(Buffer.from(value.base64, "base64"))));
    if (operation !== "listKeyVersions") return { result: plain(await kms[operation](...given)) };
    const versions = [];
    for await (const version of kms.listKeyVersions(...given)) versions.push(version);
    return { result: plain(versions) };
  } catch (error) {
    if (!isKmsError(error)) throw error;
    const { code, status, providerCode, retryable, outcome } = error;
    return { error: plain({ code, status, providerCode, retryable, outcome }) };
  }
}

function reviveSignature(value) {
  return value?.signature?.base64 === undefined ? value : { ...value, signature: new Uint8Array(Buffer.from(value.signature.base64, "base64")) };
}

/** As JSON: bytes as `{ base64 }`, dates as `{ date }`, what is undefined left out. */
function plain(value) {
  if (ArrayBuffer.isView(value)) return { base64: Buffer.from(value).toString("base64") };
  if (value instanceof Date) return { date: value.getTime() };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [name, plain(inner)]),
  );
}

async function recordOpenBao(bao, calls) {
  await vault.mount(bao, "transit");
  for (const [keyType, type] of Object.entries(vault.TRANSIT_TYPES)) {
    const keyName = `recorded-${keyType}`;
    await vault.createKey(bao, keyName, type);
    const algorithms = ALGORITHMS[keyType];
    await calls({ keyName }, [["getPublicKey"], ["getKeyMetadata"], ...algorithms.map((algorithm) => ["sign", MESSAGE, { algorithm }]), ["sign", MESSAGE]]);
    if (keyType === "RSA-4096") continue;
    await calls({ keyName }, [
      ["rotateKey"],
      ["listKeyVersions"],
      ["sign", MESSAGE, { algorithm: algorithms[0] }],
      ["getPublicKey"],
      ["getPublicKey", { keyVersion: "1" }],
    ]);
  }
  await recordRefusals(bao, calls);
}

async function recordRefusals(bao, calls) {
  const sign = ["sign", MESSAGE, { algorithm: "ES256" }];
  await calls({ keyName: "missing" }, [
    sign,
    ["getPublicKey"],
    ["rotateKey"],
    ["verify", MESSAGE, { signature: { base64: Buffer.alloc(64, 1).toString("base64") }, algorithm: "ES256" }],
  ]);
  await vault.createKey(bao, "aes", "aes256-gcm96");
  await calls({ keyName: "aes" }, [sign, ["getPublicKey"], ["getKeyMetadata"]]);
  await calls({ keyName: "recorded-P-384" }, [sign]);
  await calls({ keyName: "any", mountPath: "nowhere" }, [sign]);
  await calls({ keyName: "any", namespace: "nobody" }, [sign]);
  const versions = "recorded-P-256";
  await calls({ keyName: versions, keyVersion: "9" }, [sign]);
  await vault.done(bao, "POST", `transit/keys/${versions}/config`, { min_decryption_version: 2 });
  await calls({ keyName: versions, keyVersion: "1" }, [sign, ["getPublicKey"]]);
  await calls({ keyName: versions }, [["getPublicKey", { keyVersion: "1" }], ["listKeyVersions"]]);
  const public_key = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" });
  await vault.done(bao, "POST", "transit/keys/public/import", { type: "ecdsa-p256", public_key });
  await calls({ keyName: "public" }, [sign, ["rotateKey"], ["getKeyMetadata"]]);
  await vault.createKey(bao, "soft", "ecdsa-p256");
  await vault.done(bao, "DELETE", "transit/keys/soft/soft-delete");
  await calls({ keyName: "soft" }, [sign, ["rotateKey"], ["getKeyMetadata"]]);
  const reader = await vault.tokenWith(bao, "reader", 'path "transit/keys/*" { capabilities = ["read"] }');
  for (const token of [reader, "s.unknown"]) await calls({ keyName: versions, credentials: { token } }, [sign, ["rotateKey"]]);
}

async function recordMoto(moto, calls) {
  for (const [keyType, spec] of Object.entries(aws.KEY_SPECS)) {
    const keyId = `alias/recorded-${keyType}`;
    await aws.createKey(moto, keyId, spec);
    // moto's PSS has another salt than AWS's.
    const algorithms = ALGORITHMS[keyType].map((algorithm) => algorithm.replace("PS", "RS"));
    await calls({ keyId }, [["getPublicKey"], ["getKeyMetadata"], ...[...new Set(algorithms)].map((algorithm) => ["sign", MESSAGE, { algorithm }]), ["sign", MESSAGE]]);
    if (!["P-256", "secp256k1"].includes(keyType)) continue;
    await calls({ keyId }, [
      ["rotateKey"],
      ["listKeyVersions"],
      ["listKeyVersions", { include: ["state"] }],
      ["sign", MESSAGE, { algorithm: algorithms[0] }],
      ["getPublicKey"],
    ]);
  }
  await aws.createKey(moto, "alias/symmetric", "SYMMETRIC_DEFAULT", { KeyUsage: "ENCRYPT_DECRYPT", Tags: [{ TagKey: "a", TagValue: "1" }] });
  await calls({ keyId: "alias/symmetric" }, [
    ["getKeyMetadata", { include: ["tags", "rotation"] }],
    ["rotateKey"],
    ["getKeyMetadata", { include: ["rotation"] }],
    ["getPublicKey"],
  ]);
  await aws.createKey(moto, "alias/hmac", "HMAC_256", { KeyUsage: "GENERATE_VERIFY_MAC" });
  await calls({ keyId: "alias/hmac" }, [["getKeyMetadata"], ["getPublicKey"]]);
  const sign = ["sign", MESSAGE, { algorithm: "ES256" }];
  await calls({ keyId: "alias/missing" }, [sign, ["getPublicKey"], ["getKeyMetadata"], ["rotateKey"]]);
  await calls({ keyId: "alias/recorded-P-384" }, [sign]);
  await calls({ keyId: "99999999-8888-4777-8666-555555555555" }, [sign, ["rotateKey"]]);
  const multi = await aws.createKey(moto, undefined, "ECC_NIST_P256", { MultiRegion: true });
  await calls({ keyId: multi }, [["getPublicKey"], ["getKeyMetadata"], sign]);
  await calls({ keyId: "alias/recorded-P-256", region: "eu-nowhere-9" }, [sign]);
}
