// Provoked errors: what a real OpenBao refuses, and the code that our client must make of it.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { expect, expectEqual, expectFailure } from "../../lib/cases.mjs";
import { freePort } from "../../lib/processes.mjs";
import { connect, createKey, done, mount, tokenWith } from "./setup.mjs";

const data = randomBytes(32);
const sign = (kms, algorithm = "ES256") => kms.sign(data, { algorithm });
const rotate = (kms) => kms.rotateKey();
const read = (kms) => kms.getPublicKey();
const describe = (kms) => kms.getKeyMetadata();

/** Each: name, wanted code, whether it may succeed later, and what provokes it. The order counts: the last ones break the server. */
export function errorCases(bao) {
  const key = (name, type = "ecdsa-p256", options) => createKey(bao, name, type, options).then(() => connect(bao, name));
  const withToken = async (token, options) => connect(bao, await plainKey(bao), { credentials: { token }, ...options });
  const rows = [
    ["an unknown token", "UNAUTHENTICATED", false, async () => sign(await withToken("s.unknown"))],
    ["no token at all", "CREDENTIALS", false, async () => sign(connect(bao, await plainKey(bao), { credentials: undefined }))],
    ["a revoked token", "UNAUTHENTICATED", false, async () => sign(await withToken(await revoked(bao)))],
    ["an expired token", "UNAUTHENTICATED", false, async () => sign(await withToken(await expired(bao)))],
    ["a token that is used up", "UNAUTHENTICATED", false, async () => sign(await withToken(await usedUp(bao)))],
    ["a token without a grant to sign", "ACCESS_DENIED", false, async () => sign(await withToken(await reader(bao)))],
    ["a token without a grant to rotate", "ACCESS_DENIED", false, async () => rotate(await withToken(await reader(bao)))],
    ["a token without a grant to read", "ACCESS_DENIED", false, async () => describe(await withToken(await signer(bao)))],
    ["a token of a namespace, used outside it", "ACCESS_DENIED", false, async () => sign(await withToken(await teamToken(bao)))],
    ["a mount that does not exist, without a grant there", "ACCESS_DENIED", false, async () => sign(await withToken(await signer(bao), { mountPath: "nowhere" }))],
    ["a mount that does not exist", "NOT_FOUND", false, async () => sign(connect(bao, "any", { mountPath: "nowhere/transit" }))],
    ["a mount of another engine", "NOT_FOUND", false, async () => sign(connect(bao, "any", { mountPath: "secret" }))],
    ["a namespace that does not exist", "NOT_FOUND", false, async () => sign(connect(bao, "any", { namespace: "nobody" }))],
    ["an address with a path too much", "NOT_FOUND", false, async () => sign(connect({ ...bao, address: `${bao.address}/prefix` }, "any"))],
    ["sign with a key that does not exist", "NOT_FOUND", false, async () => sign(connect(bao, "missing"))],
    ["read of a key that does not exist", "NOT_FOUND", false, async () => read(connect(bao, "missing"))],
    ["rotation of a key that does not exist", "NOT_FOUND", false, async () => rotate(connect(bao, "missing"))],
    ["sign with a version that does not exist", "NOT_FOUND", false, async () => sign(connect(bao, await plainKey(bao), { keyVersion: "9" }))],
    ["read of a version that does not exist", "NOT_FOUND", false, async () => read(connect(bao, await plainKey(bao), { keyVersion: "9" }))],
    ["sign with an AES key", "KEY_MISMATCH", false, async () => sign(await key("error-aes", "aes256-gcm96"))],
    ["sign with an HMAC key", "KEY_MISMATCH", false, async () => sign(await key("error-hmac", "hmac", { key_size: 32 }))],
    ["public key of an AES key", "UNSUPPORTED", false, async () => read(connect(bao, "error-aes"))],
    ["public key of an HMAC key", "UNSUPPORTED", false, async () => read(connect(bao, "error-hmac"))],
    ["ES256 with a P-384 key", "KEY_MISMATCH", false, async () => sign(await key("error-p384", "ecdsa-p384"))],
    ["ES384 with a P-256 key", "KEY_MISMATCH", false, async () => sign(connect(bao, await plainKey(bao)), "ES384")],
    ["RS256 with a P-256 key", "KEY_MISMATCH", false, async () => sign(connect(bao, await plainKey(bao)), "RS256")],
    ["ES256 with an Ed25519 key", "KEY_MISMATCH", false, async () => sign(await key("error-ed", "ed25519"))],
    ["Ed25519 with an RSA key", "KEY_MISMATCH", false, async () => sign(await key("error-rsa", "rsa-2048"), "Ed25519")],
    ["sign with a derived key", "REJECTED", false, async () => sign(await key("error-derived", "ed25519", { derived: true }), "Ed25519")],
    ["public key of a derived key", "UNSUPPORTED", false, async () => read(connect(bao, "error-derived"))],
    ["sign with a version that has no private part", "KEY_STATE", false, async () => sign(await publicOnly(bao))],
    ["rotation of an imported key", "KEY_STATE", false, async () => rotate(connect(bao, "error-imported"))],
    ["sign with a soft-deleted key", "KEY_STATE", false, async () => sign(await softDeleted(bao))],
    ["rotation of a soft-deleted key", "KEY_STATE", false, async () => rotate(connect(bao, "error-deleted"))],
    ["a port where nobody listens", "NETWORK", true, async () => sign(connect({ ...bao, address: `http://127.0.0.1:${await freePort()}` }, "any"))],
    ["https to a port that speaks http", "TLS", false, async () => sign(connect({ ...bao, address: bao.address.replace("http:", "https:") }, "any"))],
    ["a quota", "THROTTLED", true, async () => throttled(bao)],
    ["a sealed server", "UNAVAILABLE", true, async () => sealed(bao)],
  ];
  return [
    ...rows.map(([name, code, retryable, provoke]) => ({ name: `error: ${name} is ${code}`, run: () => refuses(provoke, `ERR_KMS_${code}`, retryable, bao) })),
    { name: "error: nothing was rotated by any of them", run: () => nothingRotated(bao) },
  ];
}

async function refuses(provoke, code, retryable, { token }) {
  const error = await expectFailure(provoke, code);
  expectEqual(error.retryable, retryable, "retryable");
  expect(!JSON.stringify(error).includes(token) && !`${error.stack}`.includes(token), "no token in the error");
}

/** One key for all errors that are not about the key. */
async function plainKey(bao) {
  const { status } = await bao.call("GET", "transit/keys/error-plain");
  if (status === 404) await createKey(bao, "error-plain", "ecdsa-p256");
  return "error-plain";
}

async function nothingRotated(bao) {
  for (const name of ["error-plain", "error-imported", "error-deleted"])
    expectEqual((await done(bao, "GET", `transit/keys/${name}`)).data.latest_version, 1, `the latest version of ${name}`);
}

const reader = (bao) => tokenWith(bao, "reader", 'path "transit/keys/*" { capabilities = ["read"] }');
const signer = (bao) => tokenWith(bao, "signer", 'path "transit/sign/*" { capabilities = ["update"] }');
const teamToken = (bao) => tokenWith(bao, "team-signer", 'path "*" { capabilities = ["create", "update", "read"] }', {}, "team");

async function revoked(bao) {
  const token = await signer(bao);
  await done(bao, "POST", "auth/token/revoke", { token });
  return token;
}

async function expired(bao) {
  const token = await tokenWith(bao, "short", 'path "transit/sign/*" { capabilities = ["update"] }', { ttl: "1s" });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return token;
}

async function usedUp(bao) {
  const token = await tokenWith(bao, "once", 'path "transit/sign/*" { capabilities = ["update"] }', { num_uses: 1 });
  await sign(connect(bao, await plainKey(bao), { credentials: { token } }));
  return token;
}

async function publicOnly(bao) {
  const public_key = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" });
  await done(bao, "POST", "transit/keys/error-imported/import", { type: "ecdsa-p256", public_key });
  return connect(bao, "error-imported");
}

async function softDeleted(bao) {
  await createKey(bao, "error-deleted", "ecdsa-p256");
  await done(bao, "DELETE", "transit/keys/error-deleted/soft-delete");
  return connect(bao, "error-deleted");
}

/** In a mount of its own, so that no other case meets the quota. */
async function throttled(bao) {
  await mount(bao, "throttled");
  await createKey(bao, "k", "ecdsa-p256", { mountPath: "throttled" });
  await done(bao, "POST", "sys/quotas/rate-limit/q", { rate: 1, interval: "60s", path: "throttled" });
  const kms = connect(bao, "k", { mountPath: "throttled" });
  for (let count = 0; count < 3; count += 1) await sign(kms);
}

async function sealed(bao) {
  const name = await plainKey(bao);
  await done(bao, "POST", "sys/seal");
  try {
    await sign(connect(bao, name));
  } finally {
    await done(bao, "POST", "sys/unseal", { key: bao.unsealKey() });
  }
}
