/** The raw signer against node:crypto, in both directions. */
import { constants, createHash, createPrivateKey, createPublicKey, generateKeyPairSync, privateEncrypt, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesToNumber } from "../../src/testing/raw-number.js";
import {
  generateSecp256k1,
  RAW_DIGEST_BYTES,
  rsaNumbers,
  signEcdsaDigest,
  signRsaDigest,
  verifyEcdsaDigest,
  verifyRsaDigest,
} from "../../src/testing/raw-sign.js";
import type { RawHash } from "../../src/testing/raw-sign.js";
import { rejects } from "../support/rejects.js";

const HASHES = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"] as const;
const CURVES = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1", secp256k1: "secp256k1" } as const;
const message = new TextEncoder().encode("the quick brown fox");
const name = (hash: RawHash): string => hash.replace("-", "").toLowerCase();
const digestOf = (hash: RawHash): Uint8Array<ArrayBuffer> => Uint8Array.from(createHash(name(hash)).update(message).digest());
const rsa = new Map<number, { privateKey: KeyObject; publicKey: KeyObject }>();

function rsaPair(bits: number): { privateKey: KeyObject; publicKey: KeyObject } {
  const pair = rsa.get(bits) ?? generateKeyPairSync("rsa", { modulusLength: bits });
  rsa.set(bits, pair);
  return pair;
}

const numbersOf = (pair: { privateKey: KeyObject }): ReturnType<typeof rsaNumbers> => rsaNumbers(pair.privateKey.export({ format: "jwk" }) as JsonWebKey);

// 2047 and 2049 bits, for a PSS message that fills its bytes in another way.
for (const bits of [2047, 2048, 2049, 3072]) {
  for (const hash of HASHES) {
    test(`RSA-${bits} PKCS #1 v1.5 ${hash}`, async () => {
      const pair = rsaPair(bits);
      const expected = Uint8Array.from(sign(name(hash), message, pair.privateKey));
      const padding = { scheme: "rsa-pkcs1", hash } as const;
      assert.equal(await signRsaDigest(numbersOf(pair), padding, digestOf(hash)), expected, "deterministic");
      assert.is(await verifyRsaDigest(numbersOf(pair), padding, digestOf(hash), expected), true);
      assert.is(await verifyRsaDigest(numbersOf(pair), padding, digestOf(hash), changed(expected)), false);
    });

    const longest = Math.ceil((bits - 1) / 8) - RAW_DIGEST_BYTES[hash] - 2;
    for (const saltLength of new Set([0, 1, 20, RAW_DIGEST_BYTES[hash], longest])) {
      test(`RSA-${bits} PSS ${hash} salt ${saltLength}`, async () => {
        const pair = rsaPair(bits);
        const padding = { scheme: "rsa-pss", hash, saltLength } as const;
        const node = { key: pair.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
        const signature = await signRsaDigest(numbersOf(pair), padding, digestOf(hash));
        assert.is(verify(name(hash), message, node, signature), true);
        const theirs = Uint8Array.from(sign(name(hash), message, { ...node, key: pair.privateKey }));
        for (const [wanted, fits] of [[saltLength, true], ["auto", true], [saltLength + 1, false], [saltLength - 1, false]] as const) {
          assert.is(await verifyRsaDigest(numbersOf(pair), { ...padding, saltLength: wanted }, digestOf(hash), theirs), fits, `verified with ${wanted}`);
        }
        assert.is(await verifyRsaDigest(numbersOf(pair), padding, digestOf(hash), changed(theirs)), false);
      });
    }
  }
}

test("an automatic PSS salt is the longest", async () => {
  const pair = rsaPair(2048);
  const signature = await signRsaDigest(numbersOf(pair), { scheme: "rsa-pss", hash: "SHA-256", saltLength: "auto" }, digestOf("SHA-256"));
  const node = { key: pair.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 222 };
  assert.is(verify("sha256", message, node, signature), true);
});

test("PKCS #1 v1.5 without a hash pads the input as it is", async () => {
  const pair = rsaPair(2048);
  for (const length of [0, 20, 32, 245]) {
    const input = new Uint8Array(length).fill(7);
    const expected = Uint8Array.from(privateEncrypt({ key: pair.privateKey, padding: constants.RSA_PKCS1_PADDING }, input));
    assert.equal(await signRsaDigest(numbersOf(pair), { scheme: "rsa-pkcs1" }, input), expected);
    assert.is(await verifyRsaDigest(numbersOf(pair), { scheme: "rsa-pkcs1" }, input, expected), true);
  }
});

test("RSA refuses what does not fit", async () => {
  const key = numbersOf(rsaPair(2048));
  const digest = digestOf("SHA-256");
  const code = "ERR_KMS_INVALID_ARGUMENT";
  await rejects(() => signRsaDigest(key, { scheme: "rsa-pkcs1", hash: "SHA-384" }, digest), code);
  await rejects(() => signRsaDigest(key, { scheme: "rsa-pss", hash: "SHA-384", saltLength: 48 }, digest), code);
  await rejects(() => signRsaDigest(key, { scheme: "rsa-pss", hash: "SHA-256", saltLength: 223 }, digest), code);
  await rejects(() => signRsaDigest(key, { scheme: "rsa-pkcs1" }, new Uint8Array(246)), code);
  const signature = await signRsaDigest(key, { scheme: "rsa-pkcs1", hash: "SHA-256" }, digest);
  const check = (input: Uint8Array<ArrayBuffer>, hash?: RawHash): Promise<boolean> => verifyRsaDigest(key, { scheme: "rsa-pkcs1", hash }, digest, input);
  assert.is(await check(signature.subarray(1), "SHA-256"), false, "short");
  assert.is(await check(Uint8Array.of(0, ...signature), "SHA-256"), false, "long");
  assert.is(await check(new Uint8Array(256).fill(0xff), "SHA-256"), false, "not below the modulus");
  assert.is(await check(signature, "SHA-384"), false, "digest of another length");
  assert.is(await verifyRsaDigest(key, { scheme: "rsa-pkcs1" }, new Uint8Array(300), signature), false, "input too long");
  assert.throws(() => rsaNumbers({ kty: "RSA", n: "AQ", e: "AQAB", d: "AQ" }), /needs the member p/);
});

for (const [curve, namedCurve] of Object.entries(CURVES) as [keyof typeof CURVES, string][]) {
  for (const hash of HASHES) {
    test(`ECDSA ${curve} ${hash}`, () => {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
      const jwk = privateKey.export({ format: "jwk" });
      const number = (text: unknown): bigint => bytesToNumber(Buffer.from(text as string, "base64url"));
      const point = { x: number(jwk.x), y: number(jwk.y) };
      const signature = signEcdsaDigest(curve, number(jwk.d), digestOf(hash));
      assert.is(verify(name(hash), message, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature), true);
      const theirs = Uint8Array.from(sign(name(hash), message, { key: privateKey, dsaEncoding: "ieee-p1363" }));
      assert.is(verifyEcdsaDigest(curve, point, digestOf(hash), theirs), true);
      assert.is(verifyEcdsaDigest(curve, point, digestOf(hash), changed(theirs)), false);
      assert.is(verifyEcdsaDigest(curve, point, changed(digestOf(hash)), theirs), false);
    });
  }
}

test("ECDSA verification refuses r and s out of range, and other lengths", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = publicKey.export({ format: "jwk" });
  const point = { x: bytesToNumber(Buffer.from(jwk.x as string, "base64url")), y: bytesToNumber(Buffer.from(jwk.y as string, "base64url")) };
  const digest = digestOf("SHA-256");
  const good = Uint8Array.from(sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" }));
  const zero = new Uint8Array(32);
  const large = new Uint8Array(32).fill(0xff);
  for (const [r, s] of [[zero, good.subarray(32)], [good.subarray(0, 32), zero], [large, good.subarray(32)], [good.subarray(0, 32), large]] as const) {
    assert.is(verifyEcdsaDigest("P-256", point, digest, Uint8Array.of(...r, ...s)), false);
  }
  assert.is(verifyEcdsaDigest("P-256", point, digest, good.subarray(1)), false);
  assert.is(verifyEcdsaDigest("P-256", point, digest, new Uint8Array()), false);
});

test("secp256k1 keys are valid, and small and extreme scalars are right", () => {
  for (let round = 0; round < 5; round += 1) {
    const jwk = generateSecp256k1();
    const key = createPrivateKey({ key: jwk as never, format: "jwk" });
    const derived = createPublicKey(key).export({ format: "jwk" });
    assert.equal([derived.x, derived.y], [jwk.x, jwk.y]);
    assert.is(key.asymmetricKeyDetails?.namedCurve, "secp256k1");
  }
});

function changed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (byte, index) => (index === 3 ? byte ^ 1 : byte));
}

test.run();
