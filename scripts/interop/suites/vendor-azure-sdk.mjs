// Azure's clients for JavaScript against our Azure emulator, over https and under the host of a vault: the check that a
// challenge names the vault's own domain stays on.
import { createHash, createPublicKey, generateKeyPairSync, verify, constants } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createAzureEmulator } from "../lib/built.mjs";
import { expect, expectEqual, expectFailure, runCases } from "../lib/cases.mjs";
import { serveTls } from "../lib/loopback.mjs";

export const suite = {
  counterpart: "@azure/keyvault-keys",
  needs: ["node", "certificate"],
  async run(kit, report) {
    const sdk = await import("@azure/keyvault-keys");
    for (const [label, vaultUrl, cases] of [
      ["vault", "https://interop.vault.azure.net", vaultCases],
      ["hsm", "https://interop.managedhsm.azure.net", hsmCases],
    ]) {
      const emulator = createAzureEmulator({ vaultUrl, transitionMs: 50, emptyPages: true });
      const served = await serveTls(kit, (request) => emulator.fetch(request));
      const scene = { sdk, emulator, ...clients(sdk, emulator, served.agent) };
      await runCases(
        cases(scene).map(({ name, run }) => ({ name: `${label}: ${name}`, run })),
        report,
      );
    }
    return JSON.parse(readFileSync(join(kit.kit, "node_modules/@azure/keyvault-keys/package.json"), "utf8")).version;
  },
};

/** Clients whose connections lead to the emulator; nothing else of them is changed. */
function clients(sdk, { vaultUrl, token }, agent) {
  const policy = { name: "loopback", sendRequest: (request, next) => ((request.agent = agent), next(request)) };
  const options = { additionalPolicies: [{ policy, position: "perRetry" }] };
  const credentialOf = (value, asked = []) => ({
    asked,
    getToken: async (scopes, more) => (asked.push({ scopes, ...more }), { token: value, expiresOnTimestamp: Date.now() + 3_600_000 }),
  });
  const open = (more = {}, credential = credentialOf(token), url = vaultUrl) => new sdk.KeyClient(url, credential, { ...options, ...more });
  const crypto = (key, credential = credentialOf(token)) => new sdk.CryptographyClient(key, credential, options);
  return { open, crypto, credentialOf, keys: open() };
}

const MESSAGE = Buffer.from("a message of the interop kit");
const hashOf = (algorithm) => `sha${algorithm.slice(2, 5)}`;
const codeOf = ({ statusCode, details }) => `${statusCode} ${details?.error?.innerError?.code ?? details?.error?.code}`;
const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

function vaultCases(scene) {
  const { keys } = scene;
  return [
    ...[2048, 3072].map((keySize) => ({
      name: `RSA ${keySize}: create, sign, verify`,
      run: () => signs(scene, () => keys.createRsaKey(`rsa-${keySize}`, { keySize }), RSA),
    })),
    ...Object.entries({ "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K" }).map(([curve, algorithm]) => ({
      name: `${curve}: create, sign, verify`,
      run: () => signs(scene, () => keys.createEcKey(`ec-${curve}`, { curve }), [algorithm]),
    })),
    { name: "local: verification and encryption with the public key send nothing", run: () => worksLocally(scene, RSA.slice(0, 3)) },
    ...RSA.slice(3).map((algorithm) => ({ name: `local: verification of ${algorithm}`, run: () => worksLocally(scene, [algorithm]) })),
    { name: "local: a client of a JWK alone", run: () => worksWithoutService(scene) },
    { name: "versions: rotate, list, sign with an old one", run: () => rotates(scene) },
    { name: "rotation policy", run: () => policies(scene) },
    { name: "lists: page by page, with empty pages between", run: () => pages(scene) },
    { name: "properties: update, disable, expire", run: () => updates(scene) },
    { name: "import", run: () => imports(scene) },
    { name: "delete, recover, purge", run: () => deletes(scene) },
    { name: "errors", run: () => failures(scene) },
    { name: "permissions of a token", run: () => permits(scene) },
    { name: "challenge: the first request carries no token, and the scope is the vault's", run: () => challenges(scene) },
    { name: "challenge: one that names another domain is refused by the client", run: () => refusesForeign(scene) },
    { name: "challenge: claims are answered with a new token", run: () => answersClaims(scene) },
    ...["7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01"].map((serviceVersion) => ({ name: `api-version ${serviceVersion}`, run: () => speaks(scene, serviceVersion) })),
    { name: "throttling with a hint is repeated", run: () => repeats(scene) },
  ];
}

function hsmCases(scene) {
  const { keys } = scene;
  return [
    { name: "RSA-HSM: create, sign, verify", run: () => signs(scene, () => keys.createRsaKey("rsa", { hsm: true }), ["RS256", "PS512"]) },
    { name: "EC-HSM: create, sign, verify", run: () => signs(scene, () => keys.createEcKey("ec", { hsm: true, curve: "P-384" }), ["ES384"]) },
    { name: "oct-HSM: create", run: async () => expectEqual((await keys.createOctKey("oct", { hsm: true, keySize: 256 })).keyType, "oct-HSM", "keyType") },
    { name: "challenge: the scope is the HSM's", run: async () => expectEqual(await scopesOf(scene), [["https://managedhsm.azure.net/.default"]], "scopes") },
  ];
}

async function signs({ crypto }, create, algorithms) {
  const key = await create();
  const { crv, kty, ...members } = plainJwk(key.key);
  const publicKey = createPublicKey({
    key: { ...members, kty: kty.replace("-HSM", ""), ...(crv === undefined ? {} : { crv: crv.replace("P-256K", "secp256k1") }) },
    format: "jwk",
  });
  // By id: then the client asks the service for everything.
  const client = crypto(key.id);
  for (const algorithm of algorithms) {
    const digest = createHash(hashOf(algorithm)).update(MESSAGE).digest();
    const { result, keyID } = await client.sign(algorithm, digest);
    expectEqual(keyID, key.id, "the key that signed");
    const pss = algorithm.startsWith("PS") ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
    expect(verify(hashOf(algorithm), MESSAGE, { key: publicKey, dsaEncoding: "ieee-p1363", ...pss }, result), `node:crypto to accept ${algorithm}`);
    expectEqual((await client.verify(algorithm, digest, result)).result, true, `the service's verdict on ${algorithm}`);
    expectEqual((await client.verify(algorithm, createHash(hashOf(algorithm)).digest(), result)).result, false, "the verdict on another digest");
    const data = await client.signData(algorithm, MESSAGE);
    expectEqual((await client.verify(algorithm, digest, data.result)).result, true, "the verdict on data that the client hashed");
  }
}

/** As JSON has it: bytes are base64url. */
function plainJwk(jwk) {
  return Object.fromEntries(
    Object.entries(jwk)
      .filter(([name, value]) => value !== undefined && /^(kty|crv|n|e|x|y)$/.test(name))
      .map(([name, value]) => [name, typeof value === "string" ? value : Buffer.from(value).toString("base64url")]),
  );
}

async function worksLocally({ keys, crypto, emulator }, algorithms) {
  const client = crypto(await keys.createRsaKey("local"));
  for (const algorithm of algorithms) {
    const { result } = await client.signData(algorithm, MESSAGE);
    const before = emulator.requests.length;
    expectEqual((await client.verifyData(algorithm, MESSAGE, result)).result, true, `the local verdict on ${algorithm}`);
    expectEqual(emulator.requests.length, before, "requests for it");
  }
  expectEqual((await client.encrypt({ algorithm: "RSA-OAEP", plaintext: MESSAGE })).result.length, 256, "bytes of a ciphertext");
}

async function worksWithoutService({ sdk, keys, crypto }) {
  const key = await keys.createRsaKey("jwk-alone");
  const { result } = await crypto(key.id).signData("RS256", MESSAGE);
  const local = new sdk.CryptographyClient(key.key);
  expectEqual((await local.verifyData("RS256", MESSAGE, result)).result, true, "the verdict");
  expectEqual((await local.verifyData("RS256", Buffer.from("other"), result)).result, false, "the verdict on other data");
}

async function all(iterator) {
  const items = [];
  for await (const item of iterator) items.push(item);
  return items;
}

async function rotates({ keys, crypto }) {
  const first = await keys.createEcKey("rotated", { curve: "P-256" });
  const second = await keys.rotateKey("rotated");
  expect(first.properties.version !== second.properties.version, "a new version");
  expectEqual((await keys.getKey("rotated")).id, second.id, "the current version");
  expectEqual((await keys.getKey("rotated", { version: first.properties.version })).id, first.id, "the old version");
  expectEqual((await all(keys.listPropertiesOfKeyVersions("rotated"))).map(({ id }) => id).sort(), [first.id, second.id].sort(), "the versions");
  const { result } = await crypto(first.id).signData("ES256", MESSAGE);
  expectEqual((await crypto(first.id).verifyData("ES256", MESSAGE, result)).result, true, "the old version's verdict");
  expectEqual((await crypto(second.id).verifyData("ES256", MESSAGE, result)).result, false, "the new version's verdict");
}

async function policies({ keys }) {
  await keys.createEcKey("policy", { curve: "P-256" });
  const set = await keys.updateKeyRotationPolicy("policy", { expiresIn: "P180D", lifetimeActions: [{ action: "Rotate", timeAfterCreate: "P90D" }] });
  expectEqual([set.expiresIn, set.lifetimeActions.some(({ action }) => action === "Rotate"), set.createdOn instanceof Date], ["P180D", true, true], "the policy");
  expectEqual((await keys.getKeyRotationPolicy("policy")).expiresIn, "P180D", "the policy as read");
}

async function pages({ keys }) {
  for (let count = 0; count < 4; count += 1) await keys.createEcKey("paged", { curve: "P-256" });
  expectEqual((await all(keys.listPropertiesOfKeyVersions("paged"))).length, 4, "versions");
  const sizes = [];
  for await (const page of keys.listPropertiesOfKeyVersions("paged").byPage({ maxPageSize: 2 })) sizes.push(page.length);
  expectEqual(
    sizes.reduce((sum, size) => sum + size, 0),
    4,
    "versions over all pages",
  );
  const names = (await all(keys.listPropertiesOfKeys())).map(({ name }) => name);
  expect(names.includes("paged") && new Set(names).size === names.length, "every key once");
}

async function updates({ keys, crypto }) {
  const { id, properties } = await keys.createEcKey("updated", { curve: "P-256", tags: { a: "1" } });
  const expiresOn = new Date(Date.now() + 86_400_000);
  const changed = await keys.updateKeyProperties("updated", properties.version, { enabled: false, expiresOn, tags: { b: "2" } });
  expectEqual([changed.properties.enabled, changed.properties.tags], [false, { b: "2" }], "properties");
  expectEqual(Math.floor(changed.properties.expiresOn / 1000), Math.floor(expiresOn / 1000), "expiresOn");
  await expectFailure(() => crypto(id).signData("ES256", MESSAGE), "403 KeyDisabled", codeOf);
}

async function imports({ keys, crypto }) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = Object.fromEntries(
    Object.entries(privateKey.export({ format: "jwk" })).map(([name, value]) => [name, /^[dxy]$/.test(name) ? Buffer.from(value, "base64url") : value]),
  );
  const { id } = await keys.importKey("imported", { ...jwk, keyOps: ["sign", "verify"] });
  const { result } = await crypto(id).signData("ES256", MESSAGE);
  expect(verify("sha256", MESSAGE, { key: createPublicKey(privateKey), dsaEncoding: "ieee-p1363" }, result), "the imported key to sign");
}

async function deletes({ keys }) {
  await keys.createEcKey("deleted", { curve: "P-256" });
  const deleting = await keys.beginDeleteKey("deleted", { intervalInMs: 20 });
  const deleted = await deleting.pollUntilDone();
  expectEqual([deleted.name, deleted.properties.deletedOn instanceof Date], ["deleted", true], "the deleted key");
  await expectFailure(() => keys.getKey("deleted"), "404 KeyNotFound", codeOf);
  await expectFailure(() => keys.createEcKey("deleted", { curve: "P-256" }), "409 ObjectIsDeletedButRecoverable", codeOf);
  expect(
    (await all(keys.listDeletedKeys())).some(({ name }) => name === "deleted"),
    "the list of deleted keys to have it",
  );
  await (await keys.beginRecoverDeletedKey("deleted", { intervalInMs: 20 })).pollUntilDone();
  expectEqual((await keys.getKey("deleted")).name, "deleted", "the recovered key");
  await (await keys.beginDeleteKey("deleted", { intervalInMs: 20 })).pollUntilDone();
  await keys.purgeDeletedKey("deleted");
  await expectFailure(
    () => keys.getDeletedKey("deleted"),
    404,
    (error) => error.statusCode,
  );
}

async function failures({ keys, crypto, open }) {
  const { id } = await keys.createEcKey("failing", { curve: "P-256" });
  const rows = [
    [() => keys.getKey("missing"), "404 KeyNotFound"],
    [() => keys.getKey("failing", { version: "0".repeat(32) }), "404 KeyNotFound"],
    [() => keys.rotateKey("missing"), "404 KeyNotFound"],
    [() => keys.getDeletedKey("missing"), "404 KeyNotFound"],
    [() => keys.createEcKey("failing_name", { curve: "P-256" }), "400 BadParameter"],
    [() => keys.createKey("failing", "nothing"), "400 KeyTypeNotSupported"],
    [() => keys.createKey("failing", "oct"), "400 KeyTypeNotSupported"],
    [() => keys.createRsaKey("failing", { keySize: 1024 }), "400 BadParameter"],
    [() => crypto(id).sign("ES256", Buffer.alloc(31)), "400 BadParameter"],
    [() => crypto(id).sign("ES384", Buffer.alloc(48)), "400 BadParameter"],
    [() => crypto(id).sign("RS256", Buffer.alloc(32)), "400 BadParameter"],
    [() => open({ serviceVersion: "1.0" }).getKey("failing"), "400 BadParameter"],
  ];
  for (const [attempt, code] of rows) {
    const error = await expectFailure(attempt, code, codeOf);
    expectEqual([error.name, typeof error.request.requestId], ["RestError", "string"], "the error");
  }
}

async function permits({ keys, open, emulator, credentialOf }) {
  await keys.createEcKey("permitted", { curve: "P-256" });
  emulator.tokens.add("reader", { permissions: ["keys/get"] });
  const reader = open({}, credentialOf("reader"));
  expectEqual((await reader.getKey("permitted")).name, "permitted", "what a reader may do");
  await expectFailure(() => reader.rotateKey("permitted"), "403 ForbiddenByRbac", codeOf);
}

async function scopesOf({ open, emulator, credentialOf }) {
  const credential = credentialOf(emulator.token);
  await all(open({}, credential).listPropertiesOfKeys());
  return credential.asked.map(({ scopes }) => [scopes].flat());
}

async function challenges(scene) {
  const { emulator, keys } = scene;
  await keys.createEcKey("challenged", { curve: "P-256" });
  const before = emulator.requests.length;
  expectEqual(await scopesOf(scene), [["https://vault.azure.net/.default"]], "scopes");
  const [first, second] = emulator.requests.slice(before);
  expectEqual([first.headers.authorization, second.headers.authorization], [undefined, `Bearer ${emulator.token}`], "tokens");
}

/** The client's own check; the emulator stands for a vault that somebody else put up. */
async function refusesForeign({ open, emulator, credentialOf }) {
  const headers = { "www-authenticate": 'Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.example"' };
  emulator.faults.inject({ kind: "status", status: 401, headers, body: "" });
  const credential = credentialOf(emulator.token);
  const error = await expectFailure(
    () => open({}, credential).getKey("any"),
    undefined,
    (thrown) => thrown.statusCode,
  );
  expect(/challenge resource|does not match/i.test(error.message), `the client's own refusal, and it is ${error.message}`);
  expectEqual(credential.asked.length, 0, "tokens that were asked for");
}

async function answersClaims({ open, emulator, keys }) {
  await keys.createEcKey("claimed", { curve: "P-256" });
  const asked = [];
  const tokens = ["revoked-soon", emulator.token];
  emulator.tokens.add("revoked-soon");
  const credential = {
    getToken: async (_scopes, more) => (asked.push(more?.claims), { token: tokens[Math.min(asked.length, 2) - 1], expiresOnTimestamp: Date.now() + 3_600_000 }),
  };
  const client = open({}, credential);
  await client.getKey("claimed");
  emulator.tokens.demandClaims();
  expectEqual((await client.getKey("claimed")).name, "claimed", "the key, with a new token");
  expect(asked.length === 2 && asked[0] === undefined && asked[1].includes("access_token"), "claims in the second question");
}

async function speaks({ open, crypto }, serviceVersion) {
  const client = open({ serviceVersion });
  const { id, properties } = await client.createEcKey(`version-${serviceVersion.replace(/\W/g, "-")}`, { curve: "P-256" });
  expect(properties.createdOn instanceof Date && properties.recoveryLevel !== undefined, "properties");
  await crypto(id).signData("ES256", MESSAGE);
}

async function repeats({ keys, emulator }) {
  await keys.createEcKey("throttled", { curve: "P-256" });
  emulator.faults.inject({ kind: "throttle", headers: { "retry-after": "0" } });
  const before = emulator.requests.length;
  await keys.getKey("throttled");
  expectEqual(emulator.requests.length - before, 2, "requests");
}
