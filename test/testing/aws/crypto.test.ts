/** Signatures, MACs and public keys of the emulated KMS, each checked by node:crypto. */
import { constants, createHash, createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createAwsEmulator } from "../../../src/testing/aws.js";
import type { AwsKeySpec } from "../../../src/testing/aws.js";
import { signEd25519ph } from "../../../src/testing/aws/ed25519ph.js";
import { sha224 } from "../../../src/testing/aws/mac.js";
import { call } from "./caller.js";

const emulator = createAwsEmulator();
const message = Buffer.from("the quick brown fox");
const Message = message.toString("base64");
const RSA = ["RSA_2048", "RSA_3072", "RSA_4096"] as const;
const EC = { ECC_NIST_P256: 256, ECC_NIST_P384: 384, ECC_NIST_P521: 512, ECC_SECG_P256K1: 256 } as const;
const keys = new Map<string, Promise<{ keyId: string; arn: string }>>();

function keyOf(keySpec: AwsKeySpec): Promise<{ keyId: string; arn: string }> {
  const made = keys.get(keySpec) ?? emulator.createKey({ keySpec });
  keys.set(keySpec, made);
  return made;
}

async function publicKeyOf(keyId: string): Promise<KeyObject> {
  const { json } = await call(emulator, "GetPublicKey", { KeyId: keyId });
  return createPublicKey({ key: Buffer.from(json.PublicKey as string, "base64"), format: "der", type: "spki" });
}

function digestOf(bits: number): string {
  return createHash(`sha${bits}`).update(message).digest("base64");
}

/** Signs RAW and DIGEST, and has both verified by node:crypto and by the service in both forms. */
async function checkAlgorithm(keySpec: AwsKeySpec, SigningAlgorithm: string, bits: number): Promise<void> {
  const { keyId, arn } = await keyOf(keySpec);
  const pss = SigningAlgorithm.includes("PSS") ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8 } : {};
  const publicKey = await publicKeyOf(keyId);
  const forms = { RAW: Message, DIGEST: digestOf(bits) };
  for (const [MessageType, input] of Object.entries(forms)) {
    const signed = await call(emulator, "Sign", { KeyId: keyId, Message: input, MessageType, SigningAlgorithm });
    assert.is(signed.status, 200, signed.text);
    assert.equal(Object.keys(signed.json), ["KeyId", "Signature", "SigningAlgorithm"]);
    assert.is(signed.json.KeyId, arn);
    const signature = Buffer.from(signed.json.Signature as string, "base64");
    assert.ok(verify(`sha${bits}`, message, { key: publicKey, ...pss }, signature), `${SigningAlgorithm} ${MessageType}`);
    for (const [form, checked] of Object.entries(forms)) {
      const body = { KeyId: keyId, Message: checked, MessageType: form, SigningAlgorithm, Signature: signed.json.Signature };
      assert.equal((await call(emulator, "Verify", body)).json, { KeyId: arn, SignatureValid: true, SigningAlgorithm });
    }
  }
}

for (const keySpec of RSA) {
  test(`${keySpec}: six algorithms, RAW and DIGEST`, async () => {
    for (const padding of ["PKCS1_V1_5", "PSS"]) {
      for (const bits of [256, 384, 512]) await checkAlgorithm(keySpec, `RSASSA_${padding}_SHA_${bits}`, bits);
    }
  });
}

for (const [keySpec, bits] of Object.entries(EC)) {
  test(`${keySpec}: DER, RAW and DIGEST`, async () => checkAlgorithm(keySpec as AwsKeySpec, `ECDSA_SHA_${bits}`, bits));
}

test("Ed25519: RAW by ED25519_SHA_512, DIGEST by ED25519_PH_SHA_512, and nothing else", async () => {
  const { keyId } = await keyOf("ECC_NIST_EDWARDS25519");
  const plain = { KeyId: keyId, Message, SigningAlgorithm: "ED25519_SHA_512" };
  const signed = await call(emulator, "Sign", plain);
  assert.ok(verify(null, message, await publicKeyOf(keyId), Buffer.from(signed.json.Signature as string, "base64")));
  assert.is((await call(emulator, "Verify", { ...plain, Signature: signed.json.Signature })).json.SignatureValid, true);

  const hashed = { KeyId: keyId, Message: digestOf(512), MessageType: "DIGEST", SigningAlgorithm: "ED25519_PH_SHA_512" };
  const second = await call(emulator, "Sign", hashed);
  assert.is(Buffer.from(second.json.Signature as string, "base64").length, 64);
  assert.is((await call(emulator, "Verify", { ...hashed, Signature: second.json.Signature })).json.SignatureValid, true);
  assert.is((await call(emulator, "Verify", { ...hashed, Signature: signed.json.Signature })).json.__type, "KMSInvalidSignatureException");

  const digest = await call(emulator, "Sign", { ...plain, Message: digestOf(512), MessageType: "DIGEST" });
  assert.equal(digest.json, { __type: "ValidationException", message: "Message type DIGEST is incompatible with algorithm ED25519_SHA_512." });
  const raw = await call(emulator, "Sign", { ...hashed, MessageType: "RAW" });
  assert.is(raw.json.message, "Message type RAW is incompatible with algorithm ED25519_PH_SHA_512.");
});

test("Ed25519ph makes the signature of RFC 8032 section 7.3", async () => {
  const seed = "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42";
  const pkcs8 = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex");
  const jwk = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }).export({ format: "jwk" }) as JsonWebKey;
  const signature = await signEd25519ph(jwk, new TextEncoder().encode("abc"));
  assert.is(
    Buffer.from(signature).toString("hex"),
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
  );
});

test("SHA-224 equals node's around every block boundary", () => {
  for (let length = 0; length < 200; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, index) => index * 7);
    assert.is(Buffer.from(sha224(bytes)).toString("hex"), createHash("sha224").update(bytes).digest("hex"), `${length} bytes`);
  }
});

test("MACs equal node's, and a wrong one is an error without a message", async () => {
  for (const bits of [224, 256, 384, 512] as const) {
    const bytes = { 224: 28, 256: 32, 384: 48, 512: 64 }[bits];
    const secret = Buffer.alloc(bytes, bits);
    const privateJwk = { kty: "oct", k: secret.toString("base64url"), alg: `HS${bits}` };
    const { keyId, arn } = await emulator.createKey({ keySpec: `HMAC_${bits}`, privateJwk });
    const MacAlgorithm = `HMAC_SHA_${bits}`;
    const made = await call(emulator, "GenerateMac", { KeyId: keyId, Message, MacAlgorithm });
    const Mac = createHmac(`sha${bits}`, secret).update(message).digest("base64");
    assert.equal(made.json, { KeyId: arn, Mac, MacAlgorithm });
    const body = { KeyId: keyId, Message, MacAlgorithm, Mac };
    assert.equal((await call(emulator, "VerifyMac", body)).json, { KeyId: arn, MacAlgorithm, MacValid: true });
    const shorter = Buffer.from(Mac, "base64").subarray(1).toString("base64");
    for (const wrong of [{ ...body, Message: "AAAA" }, { ...body, Mac: shorter }]) {
      const reply = await call(emulator, "VerifyMac", wrong);
      assert.equal([reply.status, reply.json], [400, { __type: "KMSInvalidMacException" }]);
    }
  }
});

test("a signature that does not fit, of any form, is an error without a message", async () => {
  const { keyId } = await keyOf("ECC_NIST_P256");
  const body = { KeyId: keyId, Message, SigningAlgorithm: "ECDSA_SHA_256" };
  const { json } = await call(emulator, "Sign", body);
  const good = Buffer.from(json.Signature as string, "base64");
  const raw = Buffer.alloc(64, 1);
  const longer = Buffer.concat([good, Buffer.alloc(1)]);
  const zero = Buffer.from("3006020100020100", "hex");
  for (const Signature of [good.subarray(1), raw, longer, zero, Buffer.from("x")]) {
    const reply = await call(emulator, "Verify", { ...body, Signature: Signature.toString("base64") });
    assert.equal([reply.status, reply.json], [400, { __type: "KMSInvalidSignatureException" }]);
  }
  const other = await call(emulator, "Verify", { ...body, Message: "AAAA", Signature: json.Signature });
  assert.equal(other.json, { __type: "KMSInvalidSignatureException" });
});

test("a disabled key neither signs nor shows its public key; one pending deletion likewise", async () => {
  const { keyId, arn } = await emulator.createKey({ keySpec: "ECC_NIST_P256" });
  const uses: [string, object][] = [["Sign", { KeyId: keyId, Message, SigningAlgorithm: "ECDSA_SHA_256" }], ["GetPublicKey", { KeyId: keyId }]];
  const states = [
    ["Disabled", "DisabledException", `${arn} is disabled.`],
    ["PendingDeletion", "KMSInvalidStateException", `${arn} is pending deletion.`],
    ["Creating", "KMSInvalidStateException", `${arn} is creating.`],
    ["Unavailable", "KMSInvalidStateException", `${arn} is unavailable.`],
  ] as const;
  for (const [state, __type, text] of states) {
    emulator.setKeyState(keyId, state);
    for (const [operation, body] of uses) assert.equal((await call(emulator, operation, body)).json, { __type, message: text });
  }
  emulator.setKeyState(keyId, "Updating");
  for (const [operation, body] of uses) assert.is((await call(emulator, operation, body)).status, 200);
});

test("public keys: members by usage, none for symmetric and HMAC keys", async () => {
  const { keyId, arn } = await keyOf("ECC_NIST_P384");
  const { json } = await call(emulator, "GetPublicKey", { KeyId: keyId });
  assert.equal(Object.keys(json).sort(), ["CustomerMasterKeySpec", "KeyId", "KeySpec", "KeyUsage", "PublicKey", "SigningAlgorithms"]);
  assert.is(json.KeyId, arn);
  assert.is(json.PublicKey, Buffer.from(emulator.key(keyId)?.spki ?? []).toString("base64"));
  const agreement = await emulator.createKey({ keySpec: "ECC_NIST_P256", keyUsage: "KEY_AGREEMENT" });
  assert.equal((await call(emulator, "GetPublicKey", { KeyId: agreement.keyId })).json.KeyAgreementAlgorithms, ["ECDH"]);
  for (const keySpec of ["SYMMETRIC_DEFAULT", "HMAC_256"] as const) {
    const reply = await call(emulator, "GetPublicKey", { KeyId: (await keyOf(keySpec)).keyId });
    assert.equal([reply.status, reply.json], [400, { __type: "UnsupportedOperationException" }]);
  }
});

test("algorithms that do not belong to the key, a dry run, a message of a wrong length", async () => {
  const { keyId } = await keyOf("ECC_SECG_P256K1");
  const body = { KeyId: keyId, Message, SigningAlgorithm: "ECDSA_SHA_256" };
  const changes: [object, string, RegExp][] = [
    [{ SigningAlgorithm: "ECDSA_SHA_384" }, "InvalidKeyUsageException", /^Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_SECG_P256K1\.$/],
    [{ SigningAlgorithm: "ES256" }, "ValidationException", /^1 validation error detected: Value 'ES256' at 'signingAlgorithm' .*enum value set: \[/],
    [{ MessageType: "EXTERNAL_MU" }, "ValidationException", /^Message type EXTERNAL_MU is incompatible with key spec ECC_SECG_P256K1\.$/],
    [{ DryRun: true }, "DryRunOperationException", /^The request would have succeeded, but the DryRun option is set\.$/],
    [{ Message: "" }, "ValidationException", /Value at 'message' .*length greater than or equal to 1$/],
    [{ Message: Buffer.alloc(4097).toString("base64") }, "ValidationException", /Value at 'message' .*length less than or equal to 4096$/],
    [{ Message: undefined }, "ValidationException", /Value at 'message' .*Member must not be null$/],
  ];
  for (const [change, type, text] of changes) {
    const reply = await call(emulator, "Sign", { ...body, ...change });
    assert.is(reply.json.__type, type);
    assert.match(reply.json.message as string, text);
  }
  assert.is((await call(emulator, "Sign", { ...body, Message: Buffer.alloc(4096).toString("base64"), GrantTokens: ["token"] })).status, 200);
});

test("a key given as JWK signs as that key", async () => {
  for (const pair of [generateKeyPairSync("rsa", { modulusLength: 2048 }), generateKeyPairSync("ec", { namedCurve: "secp256k1" }), generateKeyPairSync("ed25519")]) {
    const privateJwk = pair.privateKey.export({ format: "jwk" }) as JsonWebKey;
    const { keyId } = await emulator.createKey({ privateJwk });
    const spki = pair.publicKey.export({ format: "der", type: "spki" });
    assert.equal(Buffer.from(emulator.key(keyId)?.spki ?? []).toString("hex"), spki.toString("hex"));
  }
});

test("200 signatures at once, half of them over digests, all verify", async () => {
  const { keyId } = await keyOf("ECC_NIST_P256");
  const publicKey = await publicKeyOf(keyId);
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, index) => {
      const form = index % 2 === 0 ? { Message } : { Message: digestOf(256), MessageType: "DIGEST" };
      return call(emulator, "Sign", { KeyId: keyId, SigningAlgorithm: "ECDSA_SHA_256", ...form });
    }),
  );
  for (const { json } of replies) assert.ok(verify("sha256", message, publicKey, Buffer.from(json.Signature as string, "base64")));
});

test.run();
