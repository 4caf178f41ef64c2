// What only a real server shows of keys: rotation with its old versions and minimums, sizes, other clients' signatures, the main job.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, expectEqual, expectFailure } from "../../lib/cases.mjs";
import { run } from "../../lib/processes.mjs";
import { independentVerify } from "../../../lib/independent-verify.mjs";
import { connect, createKey, done, TRANSIT_TYPES } from "./setup.mjs";

const ALGORITHMS = { RSA: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], "P-256": ["ES256"], "P-384": ["ES384"], "P-521": ["ES512"], Ed25519: ["Ed25519"] };

export function keyCases(bao) {
  return [
    ...Object.keys(TRANSIT_TYPES).map((keyType) => ({ name: `${keyType}: signatures that node:crypto accepts, over three versions`, run: () => rotates(bao, keyType) })),
    { name: "minimums: an archived version neither signs nor verifies, and comes back when the minimum is lowered", run: () => archives(bao) },
    { name: "minimums: a version that may not sign still verifies", run: () => retires(bao) },
    { name: "trimmed versions are gone", run: () => trims(bao) },
    { name: "sizes: messages around 700 KiB and 1 MiB", run: () => signsSizes(bao) },
    { name: "metadata says what the server says", run: () => describes(bao) },
    { name: "auto rotation shows in metadata", run: () => rotatesItself(bao) },
    { name: "a signature that another client made verifies, and the reverse", run: () => agrees(bao) },
    { name: "a token from a function is asked for again when the server refuses it", run: () => renews(bao) },
    { name: "VAULT_TOKEN of the environment is used for the address of VAULT_ADDR", run: () => readsEnvironment(bao) },
    { name: "the main job by the README: npm start -- --key hashivault://signing", run: () => mainJob(bao) },
  ];
}

async function rotates(bao, keyType) {
  const name = `versions-${keyType}`;
  await createKey(bao, name, TRANSIT_TYPES[keyType]);
  const kms = connect(bao, name);
  const signed = [];
  for (const version of ["1", "2", "3"]) {
    if (version !== "1") expectEqual((await kms.rotateKey()).newVersion, version, "the version that a rotation made");
    for (const algorithm of ALGORITHMS[keyType.startsWith("RSA") ? "RSA" : keyType]) signed.push({ data: randomBytes(100), algorithm, version });
    for (const entry of signed.filter((entry) => entry.version === version)) {
      entry.result = await kms.sign(entry.data, { algorithm: entry.algorithm });
      expectEqual(entry.result.keyVersion, version, "the version that signed");
    }
  }
  for (const { data, result, version } of signed) {
    const { pem } = await kms.getPublicKey({ keyVersion: version });
    expect(independentVerify(pem, result, data), `node:crypto to accept ${result.algorithm} of version ${version}`);
    expect(await kms.verify(data, result), `verify to accept ${result.algorithm} of version ${version}`);
    expect(await kms.verify(data, result, { remote: true }), `the server to accept ${result.algorithm} of version ${version}`);
    const pinned = connect(bao, name, { keyVersion: version });
    expectEqual((await pinned.sign(data, { algorithm: result.algorithm })).keyVersion, version, "the version that a pinned manager signs with");
  }
  const listed = [];
  for await (const { keyVersion, current } of kms.listKeyVersions()) listed.push([keyVersion, current]);
  expectEqual(
    listed,
    [
      ["1", false],
      ["2", false],
      ["3", true],
    ],
    "the versions",
  );
}

async function threeVersions(bao, name) {
  await createKey(bao, name, "ecdsa-p256");
  const kms = connect(bao, name);
  const data = randomBytes(50);
  const signed = [await kms.sign(data)];
  for (let count = 0; count < 2; count += 1) {
    await kms.rotateKey();
    signed.push(await kms.sign(data));
  }
  return { data, signed, open: (options) => connect(bao, name, options), config: (body) => done(bao, "POST", `transit/keys/${name}/config`, body) };
}

async function archives(bao) {
  const { data, signed, open, config } = await threeVersions(bao, "archived");
  await config({ min_decryption_version: 3 });
  for (const remote of [false, true]) await expectFailure(() => open().verify(data, signed[0], { remote }), "ERR_KMS_KEY_STATE");
  expect(await open().verify(data, signed[2]), "the current version to verify");
  await expectFailure(() => open().getPublicKey({ keyVersion: "1" }), "ERR_KMS_KEY_STATE");
  await expectFailure(() => open({ keyVersion: "1" }).sign(data, { algorithm: "ES256" }), "ERR_KMS_KEY_STATE");
  await config({ min_decryption_version: 1 });
  expect(await open().verify(data, signed[0]), "the version to verify again");
}

async function retires(bao) {
  const { data, signed, open, config } = await threeVersions(bao, "retired");
  await config({ min_encryption_version: 3 });
  await expectFailure(() => open({ keyVersion: "2" }).sign(data, { algorithm: "ES256" }), "ERR_KMS_KEY_STATE");
  expect(await open().verify(data, signed[1]), "a retired version to verify");
  expectEqual((await open({ keyVersion: "2" }).getKeyMetadata()).usableFor.includes("sign"), false, "usableFor of a retired version to have sign");
}

async function trims(bao) {
  const { data, signed, open, config } = await threeVersions(bao, "trimmed");
  await config({ min_encryption_version: 3, min_decryption_version: 3 });
  await done(bao, "POST", "transit/keys/trimmed/trim", { min_available_version: 3 });
  await expectFailure(() => open().verify(data, signed[0]), "ERR_KMS_KEY_STATE");
  const versions = [];
  for await (const { keyVersion } of open().listKeyVersions()) versions.push(keyVersion);
  expectEqual(versions, ["3"], "the versions that are left");
}

const SIZES = [0, 1, 4_097, 716_799, 716_800, 716_801, 1_048_575, 1_048_576, 3_000_000];

async function signsSizes(bao) {
  for (const [name, type, algorithm] of [
    ["sizes-ec", "ecdsa-p256", "ES256"],
    ["sizes-rsa", "rsa-2048", "PS256"],
    ["sizes-ed", "ed25519", "Ed25519"],
  ]) {
    await createKey(bao, name, type);
    const kms = connect(bao, name);
    const { pem } = await kms.getPublicKey();
    for (const size of SIZES) {
      const data = new Uint8Array(size).fill(7);
      if (algorithm === "Ed25519" && size > 716_800) await expectFailure(() => kms.sign(data, { algorithm }), "ERR_KMS_INVALID_ARGUMENT");
      else expect(independentVerify(pem, await kms.sign(data, { algorithm }), data), `node:crypto to accept ${algorithm} over ${size} bytes`);
    }
  }
}

async function describes(bao) {
  await createKey(bao, "described", "rsa-3072");
  const said = (await done(bao, "GET", "transit/keys/described")).data;
  const { keyType, state, keyVersion, createdAt, usableFor, origin } = await connect(bao, "described").getKeyMetadata();
  expectEqual([keyType, state, keyVersion, origin], ["RSA-3072", "enabled", "1", "service"], "metadata");
  expectEqual(createdAt.getTime(), Date.parse(said.keys["1"].creation_time), "createdAt");
  for (const use of ["sign", "verify", "encrypt", "decrypt"]) expect(usableFor.includes(use), `usableFor to have ${use}`);
  const [symmetric, hmac] = [connect(bao, "described-aes"), connect(bao, "described-hmac")];
  await createKey(bao, "described-aes", "aes256-gcm96");
  await createKey(bao, "described-hmac", "hmac", { key_size: 32 });
  expectEqual((await symmetric.getKeyMetadata()).keyType, "AES-256", "keyType");
  expectEqual((await hmac.getKeyMetadata()).keyType, "HMAC-256", "keyType");
}

async function rotatesItself(bao) {
  await createKey(bao, "automatic", "ed25519", { auto_rotate_period: "24h" });
  const { createdAt, nextRotationAt } = await connect(bao, "automatic").getKeyMetadata({ include: ["rotation"] });
  expectEqual(nextRotationAt.getTime() - createdAt.getTime(), 86_400_000, "the time to the next rotation");
}

async function agrees(bao) {
  await createKey(bao, "shared", "ecdsa-p384");
  const data = randomBytes(64);
  const kms = connect(bao, "shared");
  const input = data.toString("base64");
  const asked = await done(bao, "POST", "transit/sign/shared/sha2-384", { input });
  const [, version, text] = asked.data.signature.split(":");
  const theirs = { signature: new Uint8Array(Buffer.from(text, "base64")), keyVersion: version.slice(1), algorithm: "ES384", encoding: "der" };
  expect(await kms.verify(data, theirs), "our client to accept a signature asked for without it");
  const { signature } = await kms.sign(data, { algorithm: "ES384", encoding: "der" });
  const ours = { input, signature: `vault:v1:${Buffer.from(signature).toString("base64")}` };
  expectEqual((await done(bao, "POST", "transit/verify/shared/sha2-384", ours)).data.valid, true, "the server's verdict on our signature");
}

async function renews(bao) {
  await createKey(bao, "renewed", "ecdsa-p256");
  const asked = [];
  const credentials = ({ refused }) => {
    asked.push(refused !== undefined && refused !== false);
    return { token: asked.length === 1 ? "s.notThisOne" : bao.token };
  };
  const kms = connect(bao, "renewed", { credentials, retry: {} });
  await kms.sign(randomBytes(10), { algorithm: "ES256" });
  expectEqual(asked, [false, true], "what the source of the token was told");
}

async function readsEnvironment(bao) {
  await createKey(bao, "environment", "ecdsa-p256");
  const env = { VAULT_ADDR: bao.address, VAULT_TOKEN: bao.token };
  const kms = connect(bao, "environment", { credentials: undefined, env });
  await kms.sign(randomBytes(10), { algorithm: "ES256" });
}

/** `dist` of the repository, for that is what the script uses. */
async function mainJob(bao) {
  const root = join(import.meta.dirname, "../../../..");
  expect(existsSync(join(root, "dist/index.js")), "a built package: npm run build");
  await createKey(bao, "signing", "ecdsa-p256");
  const env = { VAULT_ADDR: bao.address, VAULT_TOKEN: bao.token };
  for (const words of [[], ["--rotate"]]) {
    const { code, output } = await run(process.execPath, ["scripts/quickstart.mjs", "--key", "hashivault://signing", ...words], { cwd: root, env });
    expect(code === 0 && output.includes("all signatures verify"), `the job to end well, and it ended with ${code}: ${output.slice(-400)}`);
  }
}
