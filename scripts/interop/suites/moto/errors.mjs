// Provoked errors: what AWS refuses, and the code that our client must make of it. Those that moto does not give are run
// all the same, and listed with what AWS does in divergences.json.
import { randomBytes } from "node:crypto";
import { expect, expectEqual, expectFailure } from "../../lib/cases.mjs";
import { freePort } from "../../lib/processes.mjs";
import { connect, createKey, CREDENTIALS, done, iamUser, REGION, resetAuth } from "./setup.mjs";

const data = randomBytes(32);
const sign = (kms, algorithm = "ES256") => kms.sign(data, { algorithm });
const rotate = (kms) => kms.rotateKey();
const read = (kms) => kms.getPublicKey();
const describe = (kms) => kms.getKeyMetadata();
const MISSING = "99999999-8888-4777-8666-555555555555";
const DENY = { Policy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: "*", Action: "kms:*", Resource: "*" }] }) };

export function errorCases(moto) {
  const key = async (spec = "ECC_NIST_P256", members, options) => connect(moto, await createKey(moto, undefined, spec, members), options);
  const named = async (alias, spec = "ECC_NIST_P256", members) => createKey(moto, alias, spec, members).then(() => connect(moto, alias));
  const gone = (keyId, options) => connect(moto, keyId, options);
  const rows = [
    ["sign with a key id that does not exist", "NOT_FOUND", () => sign(gone(MISSING))],
    ["sign with a key ARN that does not exist", "NOT_FOUND", () => sign(gone(`arn:aws:kms:${REGION}:123456789012:key/${MISSING}`))],
    ["sign with an alias that does not exist", "NOT_FOUND", () => sign(gone("alias/missing"))],
    ["sign with an alias ARN that does not exist", "NOT_FOUND", () => sign(gone(`arn:aws:kms:${REGION}:123456789012:alias/missing`))],
    ["public key of a key that does not exist", "NOT_FOUND", () => read(gone(MISSING))],
    ["public key of an alias that does not exist", "NOT_FOUND", () => read(gone("alias/missing"))],
    ["metadata of a key that does not exist", "NOT_FOUND", () => describe(gone(MISSING))],
    ["versions of an alias that does not exist", "NOT_FOUND", () => gone("alias/missing").listKeyVersions().next()],
    [
      "verification by a service that has no such key",
      "NOT_FOUND",
      () => gone(MISSING).verify(data, { signature: new Uint8Array(256), algorithm: "RS256" }, { remote: true }),
    ],
    ["rotation of an alias that does not exist", "NOT_FOUND", () => rotate(gone("alias/missing"))],
    [
      "public key of a key that is no version of the alias",
      "NOT_FOUND",
      async () => (await named("alias/errors")).getPublicKey({ keyVersion: await createKey(moto, undefined, "ECC_NIST_P256") }),
    ],
    ["metadata of a key whose policy denies it", "ACCESS_DENIED", async () => describe(await key("ECC_NIST_P256", DENY))],
    ["rotation of a key whose policy denies it", "ACCESS_DENIED", async () => rotate(await named("alias/denied", "ECC_NIST_P256", DENY))],
    ["public key of an HMAC key", "UNSUPPORTED", async () => read(await key("HMAC_256", { KeyUsage: "GENERATE_VERIFY_MAC" }))],
    ["public key of a symmetric key", "UNSUPPORTED", async () => read(await key("SYMMETRIC_DEFAULT", { KeyUsage: "ENCRYPT_DECRYPT" }))],
    ["rotation of a signing key by its id", "UNSUPPORTED", async () => rotate(await key())],
    ["rotation of an HMAC key by its id", "UNSUPPORTED", async () => rotate(await key("HMAC_256", { KeyUsage: "GENERATE_VERIFY_MAC" }))],
    ["rotation of a key with imported material", "UNSUPPORTED", async () => rotate(await named("alias/imported", "ECC_NIST_P256", { Origin: "EXTERNAL" }))],
    ["rotation of an alias of AWS", "UNSUPPORTED", () => rotate(gone("alias/aws/s3"))],
    ["rotation of an entry in a register", "UNSUPPORTED", async () => rotate(await named("alias/entry/versions/1"))],
    ["rotation of an alias that leaves no room for versions", "UNSUPPORTED", async () => rotate(await named(`alias/${"x".repeat(240)}`))],
    ["rotation where the register names a newer key", "CONFLICT", () => rotatesHalfDone(moto)],
    ["a path that the server does not have", "NOT_FOUND", () => sign(connect({ endpoint: `${moto.endpoint}/prefix` }, MISSING))],
    ["a region that does not exist", "UNAVAILABLE", () => sign(gone(MISSING, { region: "eu-nowhere-9" })), true],
    ["a port where nobody listens", "NETWORK", async () => sign(connect({ endpoint: `http://127.0.0.1:${await freePort()}` }, MISSING)), true],
    ["https to a port that speaks http", "TLS", () => sign(connect({ endpoint: moto.endpoint.replace("http:", "https:") }, MISSING))],
    ["ES384 with a P-256 key", "KEY_MISMATCH", async () => sign(await key(), "ES384")],
    ["ES256 with an RSA key", "KEY_MISMATCH", async () => sign(await key("RSA_2048"))],
    ["sign with an HMAC key", "KEY_MISMATCH", async () => sign(await key("HMAC_256", { KeyUsage: "GENERATE_VERIFY_MAC" }), "RS256")],
    ["sign with a symmetric key", "KEY_MISMATCH", async () => sign(await key("SYMMETRIC_DEFAULT", { KeyUsage: "ENCRYPT_DECRYPT" }), "RS256")],
    ["sign with a key for encryption", "KEY_MISMATCH", async () => sign(await key("RSA_2048", { KeyUsage: "ENCRYPT_DECRYPT" }), "RS256")],
    ["sign with a disabled key", "KEY_STATE", async () => sign(await inState(moto, "DisableKey"))],
    ["sign with a key that is to be deleted", "KEY_STATE", async () => sign(await inState(moto, "ScheduleKeyDeletion"))],
    ["sign with a key that waits for its material", "KEY_STATE", async () => sign(await key("ECC_NIST_P256", { Origin: "EXTERNAL" }))],
    ["rotation with a policy that is none", "REJECTED", async () => (await named("alias/policy")).rotateKey({ policy: "{}" })],
    ["an access key that does not exist", "UNAUTHENTICATED", () => checked(moto, { accessKeyId: "AKIAUNKNOWN", secretAccessKey: "x" })],
    ["a secret that is not the access key's", "UNAUTHENTICATED", async () => checked(moto, { ...(await iamUser(moto)), secretAccessKey: "x" })],
    ["a key of another region", "NOT_FOUND", async () => sign(connect(moto, await createKey(moto, undefined, "ECC_NIST_P256"), { region: "us-east-1" }))],
    [
      "a key ARN of another account",
      "ACCESS_DENIED",
      async () => sign(gone(`arn:aws:kms:${REGION}:999999999999:key/${await createKey(moto, undefined, "ECC_NIST_P256")}`)),
    ],
  ];
  return rows.map(([name, code, provoke, retryable = false]) => ({ name: `error: ${name} is ${code}`, run: () => refuses(provoke, `ERR_KMS_${code}`, retryable) }));
}

async function refuses(provoke, code, retryable) {
  const error = await expectFailure(async () => provoke(), code);
  expectEqual(error.retryable, retryable, "retryable");
  expect(!JSON.stringify(error).includes(CREDENTIALS.secretAccessKey), "no secret in the error");
}

async function inState(moto, operation) {
  const keyId = await createKey(moto, undefined, "ECC_NIST_P256");
  await done(moto, operation, { KeyId: keyId });
  return connect(moto, keyId);
}

/** A rotation that stopped before its last step. moto gives no dates, so it cannot be told from an alias moved by hand. */
async function rotatesHalfDone(moto) {
  await createKey(moto, "alias/half", "ECC_NIST_P256");
  await createKey(moto, "alias/half/versions/2", "ECC_NIST_P256");
  await connect(moto, "alias/half").rotateKey();
}

async function checked(moto, credentials) {
  const keyId = await createKey(moto, undefined, "ECC_NIST_P256");
  await iamUser(moto);
  await resetAuth(moto, "0");
  try {
    await sign(connect(moto, keyId, { credentials }));
  } finally {
    await resetAuth(moto, "inf");
  }
}
