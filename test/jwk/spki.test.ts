import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isKmsError } from "../../src/errors.js";
import { decodeHex, encodeHex } from "../../src/encoding/index.js";
import { jwkToSpki, keyTypeOf, parseJwk, spkiToJwk, type PublicJwk } from "../../src/jwk/index.js";
import { rejects } from "../support/rejects.js";
import { mutateBytes, withSeed } from "../support/seeded-random.js";

interface SpkiCase {
  readonly id: number;
  readonly der: string;
  readonly expect: "accept" | "reject";
  readonly strength: "required" | "recommended";
  readonly jwk?: PublicJwk;
}

const cases = JSON.parse(readFileSync("fixtures/der/spki.json", "utf8")).cases as readonly SpkiCase[];

const keys: Record<string, KeyObject> = {
  "RSA-2048": generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey,
  "RSA-2049": generateKeyPairSync("rsa", { modulusLength: 2049, publicExponent: 3 }).publicKey,
  "RSA-3072": generateKeyPairSync("rsa", { modulusLength: 3072 }).publicKey,
  "P-256": generateKeyPairSync("ec", { namedCurve: "prime256v1" }).publicKey,
  "P-384": generateKeyPairSync("ec", { namedCurve: "secp384r1" }).publicKey,
  "P-521": generateKeyPairSync("ec", { namedCurve: "secp521r1" }).publicKey,
  secp256k1: generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey,
  Ed25519: generateKeyPairSync("ed25519").publicKey,
};
const spkiOf = (key: KeyObject): Buffer => key.export({ format: "der", type: "spki" });

/** The key, or undefined when the reader refuses as it should. */
function read(der: Uint8Array): PublicJwk | undefined {
  try {
    return spkiToJwk(der);
  } catch (error) {
    assert.ok(isKmsError(error, "ERR_KMS_INVALID_ENCODING") || isKmsError(error, "ERR_KMS_INVALID_JWK"), String(error));
    return undefined;
  }
}

for (const strength of ["required", "recommended"] as const) {
  const chosen = cases.filter((spkiCase) => spkiCase.strength === strength);
  test(`spki.json: ${chosen.length} ${strength} cases`, () => {
    for (const { id, der, expect, jwk } of chosen) {
      const result = read(decodeHex(der));
      assert.is(result === undefined ? "reject" : "accept", expect, `case ${id}`);
      if (result === undefined) continue;
      assert.equal(result, jwk, `case ${id}`);
      assert.is(encodeHex(jwkToSpki(result)), der, `case ${id}`);
    }
  });
}

test("each type of key, both ways, as OpenSSL has it", () => {
  for (const [keyType, key] of Object.entries(keys)) {
    const der = spkiOf(key);
    const jwk = spkiToJwk(der);
    assert.equal(jwk, key.export({ format: "jwk" }), keyType);
    assert.is(encodeHex(jwkToSpki(jwk)), der.toString("hex"), keyType);
    assert.is(keyTypeOf(jwk), keyType);
    assert.ok(createPublicKey({ key: Buffer.from(jwkToSpki(jwk)), format: "der", type: "spki" }).equals(key), keyType);
    assert.is(parseJwk(jwk), jwk);
  }
});

test("changed bytes are refused, or are the one encoding of another key", () =>
  withSeed((random) => {
    const all = Object.values(keys).map(spkiOf);
    for (let round = 0; round < 3000; round += 1) {
      const changed = mutateBytes(random.pick(all), random);
      const jwk = read(changed);
      if (jwk !== undefined) assert.is(encodeHex(jwkToSpki(jwk)), encodeHex(changed));
    }
  }));

test("every cut, every longer text, and every change in the first 30 bytes of a P-256 key is refused", () => {
  const der = Uint8Array.from(spkiOf(keys["P-256"] as KeyObject));
  for (let length = 0; length < der.length; length += 1) assert.is(read(der.subarray(0, length)), undefined);
  for (let byte = 0; byte < 256; byte += 1) assert.is(read(Uint8Array.from([...der, byte])), undefined);
  for (let at = 0; at < 27; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = Uint8Array.from(der);
      changed[at] = (changed[at] as number) ^ (1 << bit);
      assert.is(read(changed), undefined, `byte ${at}, bit ${bit}`);
    }
  }
});

test("RSA: every cut, every longer text, and every change around the two numbers is refused", () => {
  const der = Uint8Array.from(spkiOf(keys["RSA-2048"] as KeyObject));
  const modulus = new Set([...der.keys()].slice(32, -5)); // with the zero in front of it
  for (let length = 0; length < der.length; length += 1) assert.is(read(der.subarray(0, length)), undefined);
  for (let byte = 0; byte < 256; byte += 1) assert.is(read(Uint8Array.from([...der, byte])), undefined);
  for (const at of der.keys()) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = Uint8Array.from(der);
      changed[at] = (changed[at] as number) ^ (1 << bit);
      if (modulus.has(at) || at >= der.length - 3) {
        // Another number, which may be a key: it is read as what it is.
        const jwk = read(changed);
        if (jwk !== undefined) assert.is(encodeHex(jwkToSpki(jwk)), encodeHex(changed), `byte ${at}, bit ${bit}`);
      } else {
        assert.is(read(changed), undefined, `byte ${at}, bit ${bit}`);
      }
    }
  }
});

test("RSA: numbers with a zero too many, without the one they need, and lengths in a longer form are refused", () => {
  const hex = spkiOf(keys["RSA-2048"] as KeyObject).toString("hex");
  const exponent = (octets: string): string => hex.replace(/0203010001$/, octets);
  const shorter = (text: string, by: number): string =>
    [[4, 0x122], [42, 0x10f], [52, 0x10a]].reduce((whole, [at, length]) => whole.slice(0, at) + ((length as number) - by).toString(16).padStart(4, "0") + whole.slice((at as number) + 4), text);
  assert.is(shorter(hex, 0), hex);
  assert.ok(read(decodeHex(shorter(exponent("020103"), 2))));
  for (const octets of ["020400010001", "0204000003", "02020003", "0203810001", "0203010000", "028103010001", "02820003010001", "0200", "020101", "020180", "0303010001"]) {
    assert.is(read(decodeHex(shorter(exponent(octets), 5 - octets.length / 2))), undefined, octets);
  }
  assert.is(read(decodeHex(shorter(hex.replace("0282010100", "0282010000"), 0))), undefined);
  assert.is(read(decodeHex(shorter(hex.replace("0282010100", "02820100"), 1))), undefined);
  assert.is(read(decodeHex(shorter(hex.replace("0282010100", "028201020000"), -1))), undefined);
  assert.is(read(decodeHex(shorter(hex.replace("0282010100", "0283000101" + "00"), -1))), undefined);
});

test("keys of other types and forms are refused", () => {
  const others = [
    generateKeyPairSync("ec", { namedCurve: "prime256v1", paramEncoding: "explicit" }).publicKey,
    generateKeyPairSync("ec", { namedCurve: "secp224r1" }).publicKey,
    generateKeyPairSync("ec", { namedCurve: "brainpoolP256r1" }).publicKey,
    generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey,
    generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey,
    generateKeyPairSync("ed448").publicKey,
    generateKeyPairSync("x25519").publicKey,
  ];
  for (const key of others) assert.is(read(spkiOf(key)), undefined);
  const pkcs1 = (keys["RSA-2048"] as KeyObject).export({ format: "der", type: "pkcs1" });
  assert.is(read(pkcs1), undefined);
  const { x } = (keys["P-256"] as KeyObject).export({ format: "jwk" });
  const compressed = `3039301306072a8648ce3d020106082a8648ce3d03010703220002${Buffer.from(x as string, "base64url").toString("hex")}`;
  assert.is(read(decodeHex(compressed)), undefined);
});

test("what is no key and what is no bytes is refused", async () => {
  for (const value of [undefined, null, {}, "{}", { kty: "EC" }]) await rejects(() => jwkToSpki(value as never), "ERR_KMS_INVALID_JWK");
  for (const value of [undefined, null, "30", [48], new ArrayBuffer(4)]) await rejects(() => spkiToJwk(value as never), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(() => spkiToJwk(new Uint8Array()), "ERR_KMS_INVALID_ENCODING");
  await rejects(() => spkiToJwk(new Uint8Array(2 ** 20).fill(0x30)), "ERR_KMS_INVALID_ENCODING");
});

test.run();
