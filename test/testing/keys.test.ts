/** Emulated keys of every type against node:crypto. */
import { constants, createHash, createPublicKey, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { signatureFromDer, signatureToDer } from "../../src/testing/der.js";
import { generateEmulatedKey, importEmulatedKey, importEmulatedPublicKey } from "../../src/testing/keys.js";
import type { EmulatedKey, EmulatedKeyType, SignScheme } from "../../src/testing/keys.js";
import { rejects } from "../support/rejects.js";

const HASHES = ["SHA-256", "SHA-384", "SHA-512"] as const;
const EC = ["P-256", "P-384", "P-521", "secp256k1"] as const;
const message = new TextEncoder().encode("the quick brown fox");
const keys = new Map<EmulatedKeyType, Promise<EmulatedKey>>();

function keyOf(keyType: EmulatedKeyType): Promise<EmulatedKey> {
  const made = keys.get(keyType) ?? generateEmulatedKey(keyType);
  keys.set(keyType, made);
  return made;
}

function publicKeyOf(key: EmulatedKey): KeyObject {
  return createPublicKey({ key: Buffer.from(key.spki as Uint8Array), format: "der", type: "spki" });
}

function nodeVerify(key: EmulatedKey, { scheme, hash, saltLength }: SignScheme, signature: Uint8Array): boolean {
  const options = { key: publicKeyOf(key), dsaEncoding: "ieee-p1363" } as const;
  const length = saltLength === "auto" ? constants.RSA_PSS_SALTLEN_AUTO : (saltLength ?? constants.RSA_PSS_SALTLEN_DIGEST);
  const pss = scheme === "rsa-pss" ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: length } : {};
  return verify(hash?.replace("-", "").toLowerCase() ?? null, message, { ...options, ...pss }, signature);
}

async function checkScheme(key: EmulatedKey, scheme: SignScheme): Promise<void> {
  const digest = scheme.hash && Uint8Array.from(createHash(scheme.hash.replace("-", "")).update(message).digest());
  for (const [form, input] of [["message", message], ["digest", digest]] as const) {
    if (input === undefined) continue;
    const signature = await key.sign(scheme, form, input);
    assert.is(nodeVerify(key, scheme, signature), true, `${form} verified by node`);
    assert.is(await key.verify(scheme, "message", message, signature), true, `${form} verified as message`);
    if (digest !== undefined) assert.is(await key.verify(scheme, "digest", digest, signature), true, `${form} verified as digest`);
    const wrong = Uint8Array.from(signature, (byte, index) => (index === 5 ? byte ^ 1 : byte));
    assert.is(await key.verify(scheme, form, input, wrong), false, "a changed signature");
    assert.is(await key.verify(scheme, form, input, signature.subarray(1)), false, "a short signature");
  }
}

for (const keyType of ["RSA-2048", "RSA-3072", "RSA-4096"] as const) {
  test(`${keyType}: each scheme, hash and salt`, async () => {
    const key = await keyOf(keyType);
    for (const hash of [...HASHES, "SHA-1"] as const) {
      await checkScheme(key, { scheme: "rsa-pkcs1", hash });
      for (const saltLength of [undefined, 0, 17, "auto"] as const) {
        await checkScheme(key, { scheme: "rsa-pss", hash, ...(saltLength === undefined ? {} : { saltLength }) });
      }
    }
  });
}

for (const keyType of EC) {
  test(`${keyType}: each hash`, async () => {
    for (const hash of [...HASHES, "SHA-1"] as const) await checkScheme(await keyOf(keyType), { scheme: "ecdsa", hash });
  });
}

test("Ed25519", async () => {
  await checkScheme(await keyOf("Ed25519"), { scheme: "eddsa" });
});

for (const keyType of ["RSA-2048", "RSA-3072", "RSA-4096", ...EC, "Ed25519"] as const) {
  test(`${keyType}: SPKI and JWK are the public key, and the private JWK comes back`, async () => {
    const key = await keyOf(keyType);
    const publicKey = publicKeyOf(key);
    assert.equal(Uint8Array.from(publicKey.export({ format: "der", type: "spki" })), Uint8Array.from(key.spki as Uint8Array));
    assert.equal(key.publicJwk, publicKey.export({ format: "jwk" }));
    assert.is(key.keyType, keyType);
    const again = await importEmulatedKey(key.exportPrivateJwk());
    assert.equal([again.keyType, again.publicJwk, again.spki], [key.keyType, key.publicJwk, key.spki]);
  });
}

test("HMAC and AES keys: type by alg, or by length; they do not sign", async () => {
  const sizes = { "HMAC-224": 28, "HMAC-256": 32, "HMAC-384": 48, "HMAC-512": 64, "AES-128": 16, "AES-256": 32 } as const;
  for (const [keyType, bytes] of Object.entries(sizes) as [EmulatedKeyType, number][]) {
    const key = await keyOf(keyType);
    const jwk = key.exportPrivateJwk();
    assert.is(Buffer.from(jwk.k as string, "base64url").length, bytes);
    assert.is((await importEmulatedKey(jwk)).keyType, keyType);
    assert.equal((await importEmulatedKey(jwk)).exportPrivateJwk(), jwk);
    await rejects(() => key.sign({ scheme: "ecdsa", hash: "SHA-256" }, "message", message), "ERR_KMS_INVALID_ARGUMENT");
  }
  const unnamed = async (bytes: number): Promise<string> =>
    (await importEmulatedKey({ kty: "oct", k: Buffer.alloc(bytes).toString("base64url") })).keyType;
  assert.equal(await Promise.all([16, 28, 32, 48, 64].map(unnamed)), ["AES-128", "HMAC-224", "HMAC-256", "HMAC-384", "HMAC-512"]);
});

test("schemes that do not fit are refused", async () => {
  const code = "ERR_KMS_INVALID_ARGUMENT";
  const refused: [EmulatedKeyType, SignScheme, "message" | "digest"][] = [
    ["P-256", { scheme: "rsa-pss", hash: "SHA-256" }, "message"],
    ["RSA-2048", { scheme: "ecdsa", hash: "SHA-256" }, "message"],
    ["Ed25519", { scheme: "ecdsa", hash: "SHA-256" }, "message"],
    ["Ed25519", { scheme: "eddsa" }, "digest"],
    ["P-256", { scheme: "ecdsa" }, "message"],
    ["RSA-2048", { scheme: "rsa-pss" }, "digest"],
    ["RSA-2048", { scheme: "rsa-pss", hash: "SHA-256", saltLength: -1 }, "message"],
  ];
  for (const [keyType, scheme, form] of refused) {
    await rejects(async () => (await keyOf(keyType)).sign(scheme, form, new Uint8Array(32)), code);
  }
});

test("JWKs that are not a private key of a known type are refused", async () => {
  const code = "ERR_KMS_INVALID_JWK";
  const { publicJwk } = await keyOf("P-256");
  const other = (await generateEmulatedKey("secp256k1")).publicJwk;
  await rejects(() => importEmulatedKey(publicJwk as JsonWebKey), code);
  await rejects(() => importEmulatedKey({ kty: "oct", k: "AAAA" }), code);
  await rejects(() => importEmulatedKey({ kty: "OKP", crv: "X25519", x: "AA", d: "AA" }), code);
  await rejects(async () => importEmulatedKey({ ...(await keyOf("secp256k1")).exportPrivateJwk(), x: other?.x as string }), code);
});

test("a public half verifies, and does nothing else", async () => {
  for (const keyType of ["RSA-2048", "P-256", "secp256k1", "Ed25519"] as const) {
    const key = await keyOf(keyType);
    const half = await importEmulatedPublicKey({ ...key.exportPrivateJwk(), ...key.publicJwk } as JsonWebKey);
    const scheme: SignScheme = keyType === "Ed25519" ? { scheme: "eddsa" } : { scheme: keyType === "RSA-2048" ? "rsa-pss" : "ecdsa", hash: "SHA-256" };
    assert.equal([half.keyType, half.spki, half.publicJwk], [keyType, key.spki, key.publicJwk]);
    assert.is(await half.verify(scheme, "message", message, await key.sign(scheme, "message", message)), true);
    await rejects(() => half.sign(scheme, "message", message), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(async () => half.exportPrivateJwk(), "ERR_KMS_INVALID_ARGUMENT");
  }
  await rejects(() => importEmulatedPublicKey({ kty: "oct", k: "AAAA" }), "ERR_KMS_INVALID_JWK");
});

test("DER signatures as node:crypto writes them, and nothing else", async () => {
  for (const keyType of EC) {
    const key = await keyOf(keyType);
    const half = { "P-256": 32, "P-384": 48, "P-521": 66, secp256k1: 32 }[keyType];
    for (let round = 0; round < 8; round += 1) {
      const signature = await key.sign({ scheme: "ecdsa", hash: "SHA-256" }, "message", message);
      const der = signatureToDer(signature);
      assert.is(verify("sha256", message, publicKeyOf(key), der), true);
      assert.equal(signatureFromDer(der, half), signature);
    }
  }
  const small = new Uint8Array(64);
  small[31] = 1;
  small[63] = 0x80;
  assert.is(Buffer.from(signatureToDer(small)).toString("hex"), "30070201010202" + "0080");
  for (const hex of ["", "30", "3006020101020101ff", "300602010102010100", "3106020101020101", "30060201010201", "3007020101020200" + "01", "3006020181020101", "3081060201010201" + "01", "3003020101"]) {
    assert.is(signatureFromDer(Uint8Array.from(Buffer.from(hex, "hex")), 32), undefined, hex);
  }
});

test.run();
