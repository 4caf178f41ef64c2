// What moto shows of keys beyond the contract suite: rotation behind an alias with its old versions, SigV4, key types, sizes.
import { createVerify, randomBytes, constants } from "node:crypto";
import { createAwsKms } from "../../lib/built.mjs";
import { expect, expectEqual, expectFailure } from "../../lib/cases.mjs";
import { independentVerify } from "../../../lib/independent-verify.mjs";
import { connect, createKey, CREDENTIALS, done, iamUser, KEY_SPECS, REGION, resetAuth } from "./setup.mjs";

const ALGORITHMS = { RSA: ["RS256", "RS384", "RS512"], "P-256": ["ES256"], "P-384": ["ES384"], "P-521": ["ES512"], secp256k1: ["ES256K"] };

export function keyCases(moto) {
  const types = Object.keys(KEY_SPECS);
  return [
    ...types.map((keyType) => ({ name: `${keyType}: signatures that node:crypto accepts, over three keys behind an alias`, run: () => rotates(moto, keyType) })),
    ...types
      .filter((keyType) => keyType.startsWith("RSA"))
      .map((keyType) => ({ name: `${keyType}: PSS signatures are of the longest salt`, run: () => longestSalt(moto, keyType) })),
    { name: "rotation: a key is made like the one before, with its policy, description and tags", run: () => copies(moto) },
    { name: "rotation: of two at the same time none is lost", run: () => races(moto) },
    { name: "rotation: an alias in ARN form", run: () => rotatesByArn(moto) },
    { name: "rotation of a symmetric key in place", run: () => rotatesSymmetric(moto) },
    { name: "metadata of every kind of key", run: () => describes(moto) },
    { name: "metadata: tags", run: () => readsTags(moto) },
    { name: "sizes: messages of 1 to 4,096 bytes are signed as they are", run: () => signsSizes(moto) },
    { name: "credentials of the environment", run: () => readsEnvironment(moto) },
    { name: "another region is another place", run: () => separates(moto) },
    { name: "SigV4: with checks on, our signature is accepted", run: () => isAccepted(moto) },
  ];
}

async function rotates(moto, keyType) {
  const alias = `alias/versions/of-${keyType}`;
  const first = await createKey(moto, alias, KEY_SPECS[keyType]);
  const kms = connect(moto, alias);
  const ids = [first];
  const signed = [];
  for (let count = 0; count < 3; count += 1) {
    if (count > 0) {
      const rotation = await kms.rotateKey();
      expectEqual([rotation.status, rotation.previousVersion], ["done", ids.at(-1)], "what the rotation says");
      ids.push(rotation.newVersion);
    }
    for (const algorithm of ALGORITHMS[keyType.startsWith("RSA") ? "RSA" : keyType]) {
      const data = randomBytes(100);
      const result = await kms.sign(data, { algorithm });
      expectEqual(result.keyVersion, ids.at(-1), "the version that signed");
      signed.push({ data, result });
    }
  }
  expectEqual(new Set(ids).size, 3, "different keys");
  const fresh = connect(moto, alias);
  for (const { data, result } of signed) {
    const { pem } = await fresh.getPublicKey({ keyVersion: result.keyVersion });
    expect(independentVerify(pem, result, data), `node:crypto to accept ${result.algorithm}`);
    expect(await fresh.verify(data, result), `verify to accept ${result.algorithm}`);
    expect(await fresh.verify(data, result, { remote: true }), `the server to accept ${result.algorithm}`);
  }
  const listed = [];
  for await (const { keyVersion, current } of fresh.listKeyVersions({ include: ["state"] })) listed.push([keyVersion, current]);
  expectEqual(listed.sort(), ids.map((id, index) => [id, index === 2]).sort(), "the versions");
}

/** Shows that nothing but the salt is wrong with them: wire/aws.md 7.1, "Sign PSS". */
async function longestSalt(moto, keyType) {
  const keyId = await createKey(moto, undefined, KEY_SPECS[keyType]);
  const kms = connect(moto, keyId);
  const { pem } = await kms.getPublicKey();
  for (const [algorithm, hash, bytes] of [
    ["PS256", "sha256", 32],
    ["PS384", "sha384", 48],
    ["PS512", "sha512", 64],
  ]) {
    const data = randomBytes(100);
    const { signature } = await kms.sign(data, { algorithm });
    const saltLength = signature.length - bytes - 2;
    const valid = createVerify(hash).update(data).verify({ key: pem, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
    expect(valid, `a salt of ${saltLength} bytes in ${algorithm}`);
  }
}

async function copies(moto) {
  const members = { Description: "of the old key", Tags: [{ TagKey: "team", TagValue: "interop" }] };
  await createKey(moto, "alias/copied", "ECC_NIST_P256", members);
  const { newVersion } = await connect(moto, "alias/copied").rotateKey();
  const { KeyMetadata } = await done(moto, "DescribeKey", { KeyId: newVersion });
  expectEqual([KeyMetadata.Description, KeyMetadata.KeySpec, KeyMetadata.KeyUsage], ["of the old key", "ECC_NIST_P256", "SIGN_VERIFY"], "the new key");
  const { Tags } = await done(moto, "ListResourceTags", { KeyId: newVersion });
  expect(
    Tags.some(({ TagKey, TagValue }) => TagKey === "team" && TagValue === "interop"),
    "the old key's tag",
  );
  expect(
    Tags.some(({ TagKey }) => TagKey === "knhk-kms"),
    "the tag that says what the key was made for",
  );
}

/** Either both are done one after the other, or one is told of the other; whatever signs is in the list. */
async function races(moto) {
  await createKey(moto, "alias/raced", "ECC_NIST_P256");
  const results = await Promise.allSettled([1, 2].map(() => connect(moto, "alias/raced").rotateKey()));
  const done = results.filter(({ status }) => status === "fulfilled");
  expect(done.length > 0, "one rotation to be done");
  for (const { reason } of results.filter(({ status }) => status === "rejected")) expectEqual(reason.code, "ERR_KMS_CONFLICT", "the code of the other");
  const kms = connect(moto, "alias/raced");
  const data = randomBytes(20);
  const signed = await kms.sign(data);
  expect(await kms.verify(data, signed), "the current key's signature to verify");
}

async function rotatesByArn(moto) {
  await createKey(moto, "alias/by-arn", "ECC_NIST_P256");
  const kms = connect(moto, `arn:aws:kms:${REGION}:123456789012:alias/by-arn`);
  const { previousVersion, newVersion } = await kms.rotateKey();
  expect(previousVersion !== newVersion, "a new key");
  expectEqual((await kms.sign(randomBytes(10), { algorithm: "ES256" })).keyVersion, newVersion, "the version that signed");
}

async function rotatesSymmetric(moto) {
  const keyId = await createKey(moto, "alias/symmetric", "SYMMETRIC_DEFAULT", { KeyUsage: "ENCRYPT_DECRYPT" });
  const kms = connect(moto, "alias/symmetric");
  expectEqual((await kms.rotateKey()).status, "pending", "the status");
  const { Rotations } = await done(moto, "ListKeyRotations", { KeyId: keyId });
  expectEqual(Rotations.length, 1, "rotations");
  expect((await kms.getKeyMetadata({ include: ["rotation"] })).rotatedAt instanceof Date, "rotatedAt");
}

async function describes(moto) {
  const wanted = { SYMMETRIC_DEFAULT: ["AES-256", "ENCRYPT_DECRYPT"], HMAC_256: ["HMAC-256", "GENERATE_VERIFY_MAC"], HMAC_512: ["HMAC-512", "GENERATE_VERIFY_MAC"] };
  for (const [keyType, spec] of Object.entries(KEY_SPECS)) wanted[spec] = [keyType, "SIGN_VERIFY"];
  for (const [spec, [keyType, KeyUsage]] of Object.entries(wanted)) {
    const keyId = await createKey(moto, undefined, spec, { KeyUsage });
    const metadata = await connect(moto, keyId).getKeyMetadata();
    expectEqual([metadata.keyType, metadata.keyVersion, metadata.state], [keyType, keyId, "enabled"], `metadata of ${spec}`);
    expect(Math.abs(metadata.createdAt.getTime() - Date.now()) < 600_000, "createdAt of today");
  }
}

async function readsTags(moto) {
  const keyId = await createKey(moto, undefined, "ECC_NIST_P256", {
    Tags: [
      { TagKey: "a", TagValue: "1" },
      { TagKey: "b", TagValue: "" },
    ],
  });
  expectEqual((await connect(moto, keyId).getKeyMetadata({ include: ["tags"] })).tags, { a: "1", b: "" }, "tags");
}

async function signsSizes(moto) {
  for (const [spec, algorithm] of [
    ["ECC_NIST_P256", "ES256"],
    ["RSA_2048", "RS512"],
  ]) {
    const kms = connect(moto, await createKey(moto, undefined, spec));
    const { pem } = await kms.getPublicKey();
    for (const size of [1, 32, 4_095, 4_096]) {
      const data = new Uint8Array(size).fill(7);
      expect(independentVerify(pem, await kms.sign(data, { algorithm }), data), `node:crypto to accept ${algorithm} over ${size} bytes`);
    }
  }
}

async function readsEnvironment(moto) {
  const keyId = await createKey(moto, undefined, "ECC_NIST_P256");
  const env = { AWS_ACCESS_KEY_ID: "AKIAENVIRONMENT", AWS_SECRET_ACCESS_KEY: "secret", AWS_SESSION_TOKEN: "token" };
  await connect(moto, keyId, { credentials: undefined, env }).sign(randomBytes(10), { algorithm: "ES256" });
}

async function separates(moto) {
  await createKey(moto, "alias/of-one-region", "ECC_NIST_P256");
  const elsewhere = createAwsKms({
    region: "us-west-2",
    endpoint: moto.endpoint,
    keyId: "alias/of-one-region",
    credentials: CREDENTIALS,
    allowInsecureHttp: true,
    env: {},
  });
  await expectFailure(() => elsewhere.getPublicKey(), "ERR_KMS_NOT_FOUND");
}

async function isAccepted(moto) {
  const keyId = await createKey(moto, undefined, "ECC_NIST_P256");
  const credentials = await iamUser(moto);
  await resetAuth(moto, "0");
  try {
    await connect(moto, keyId, { credentials }).sign(randomBytes(10), { algorithm: "ES256" });
    await connect(moto, keyId, { credentials, headers: { "x-extra": "unsigned" } }).getKeyMetadata();
  } finally {
    await resetAuth(moto, "inf");
  }
}
