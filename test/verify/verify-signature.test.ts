import { constants, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { EcCurve, SignatureAlgorithm, SignatureEncoding } from "../../src/algorithms.js";
import { COORDINATE_BYTES } from "../../src/algorithms.js";
import { concatBytes, type Bytes } from "../../src/encoding/bytes.js";
import { ecdsaP1363ToDer } from "../../src/encoding/index.js";
import { parseJwk, spkiToJwk, type PublicJwk } from "../../src/jwk/index.js";
import { verifySignature, type VerifySignatureInput } from "../../src/verify/index.js";
import { fromBigInt } from "../support/from-big-int.js";
import { rejects } from "../support/rejects.js";
import { mutateBytes, withSeed } from "../support/seeded-random.js";

const data = new TextEncoder().encode("the message that was signed");

interface Signer {
  readonly publicKey: PublicJwk;
  sign(message: Uint8Array): Bytes;
}

const ecPair = (namedCurve: string): { publicKey: KeyObject; privateKey: KeyObject } => generateKeyPairSync("ec", { namedCurve });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");
const pairs: Record<string, { publicKey: KeyObject; privateKey: KeyObject }> = {
  ES256: ecPair("prime256v1"),
  ES384: ecPair("secp384r1"),
  ES512: ecPair("secp521r1"),
  ES256K: ecPair("secp256k1"),
};

function signerOf(algorithm: SignatureAlgorithm): Signer {
  const { publicKey, privateKey } = algorithm === "Ed25519" ? ed25519 : (pairs[algorithm] ?? rsa);
  const hash = algorithm === "Ed25519" ? null : `sha${algorithm.slice(2, 5)}`;
  const pss = algorithm.startsWith("PS") && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return {
    publicKey: parseJwk(publicKey.export({ format: "jwk" })),
    sign: (message) => Uint8Array.from(sign(hash, message, { key: privateKey, dsaEncoding: "ieee-p1363", ...pss })),
  };
}

const LOCAL: readonly SignatureAlgorithm[] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"];
const CURVES: Readonly<Record<string, EcCurve>> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };

test("signatures of OpenSSL verify, with the key in each form; of another message or key they do not", async () => {
  for (const algorithm of LOCAL) {
    const { publicKey, ...signer } = signerOf(algorithm);
    const signature = signer.sign(data);
    const spki = createPublicKey({ key: publicKey as never, format: "jwk" }).export({ format: "der", type: "spki" });
    for (const key of [publicKey, { ...publicKey }, { jwk: publicKey, kid: "x" }, Uint8Array.from(spki), spkiToJwk(spki)]) {
      assert.is(await verifySignature({ publicKey: key, algorithm, data, signature }), true, algorithm);
    }
    assert.is(await verifySignature({ publicKey, algorithm, data: data.subarray(1), signature }), false, algorithm);
    assert.is(await verifySignature({ publicKey, algorithm, data, signature: signer.sign(data.subarray(1)) }), false, algorithm);
  }
});

test("EdDSA is another spelling of Ed25519, in the question and in the key", async () => {
  const { publicKey, ...signer } = signerOf("Ed25519");
  const signature = signer.sign(data);
  for (const alg of ["EdDSA", "Ed25519"]) {
    for (const algorithm of ["EdDSA", "Ed25519"] as const) {
      assert.is(await verifySignature({ publicKey: { ...publicKey, alg }, algorithm, data, signature }), true);
    }
  }
});

test("ECDSA: each form is taken under its own name only", async () => {
  for (const [algorithm, curve] of Object.entries(CURVES)) {
    const { publicKey, ...signer } = signerOf(algorithm as SignatureAlgorithm);
    const p1363 = signer.sign(data);
    const der = ecdsaP1363ToDer(p1363, curve);
    const ask = (signature: Bytes, encoding?: SignatureEncoding): Promise<boolean> =>
      verifySignature({ publicKey, algorithm: algorithm as SignatureAlgorithm, data, signature, encoding });
    assert.is(await ask(p1363), true);
    assert.is(await ask(p1363, "ieee-p1363"), true);
    assert.is(await ask(der, "der"), true);
    for (const [signature, encoding] of [[der, undefined], [der, "ieee-p1363"], [p1363, "der"], [p1363, "raw"], [der, "raw"]] as const) {
      assert.is(await ask(signature, encoding), false, `${algorithm} ${encoding}`);
    }
  }
  for (const algorithm of ["RS256", "PS256", "Ed25519"] as const) {
    const { publicKey, ...signer } = signerOf(algorithm);
    const signature = signer.sign(data);
    assert.is(await verifySignature({ publicKey, algorithm, data, signature, encoding: "raw" }), true);
    for (const encoding of ["der", "ieee-p1363"] as const) {
      assert.is(await verifySignature({ publicKey, algorithm, data, signature, encoding }), false);
    }
  }
});

test("ECDSA: r or s out of [1, n-1] is false, also where it is equal to a good one modulo n", async () => {
  const orders: Record<string, bigint> = {
    ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    ES384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    ES512: 2n ** 521n - 0x5ae79787c40d069948033feb708f65a2fc44a36477663b851449048e16ec79bf7n,
  };
  for (const [algorithm, n] of Object.entries(orders)) {
    const curve = CURVES[algorithm] as EcCurve;
    const width = COORDINATE_BYTES[curve];
    const { publicKey, ...signer } = signerOf(algorithm as SignatureAlgorithm);
    const signature = signer.sign(data);
    const r = BigInt(`0x${Buffer.from(signature.subarray(0, width)).toString("hex")}`);
    const s = BigInt(`0x${Buffer.from(signature.subarray(width)).toString("hex")}`);
    const most = 2n ** BigInt(8 * width) - 1n;
    const bad = [[0n, 0n], [0n, s], [r, 0n], [n, s], [r, n], [r + n, s], [r, s + n], [n, n], [most, most]] as const;
    for (const [x, y] of [...bad, [r, n - s] as const]) {
      if (x > most || y > most) continue;
      const forged = concatBytes(fromBigInt(x, width), fromBigInt(y, width));
      const good = x === r && y === n - s; // the other s of the same signature is as valid
      const input = { publicKey, algorithm: algorithm as SignatureAlgorithm, data };
      assert.is(await verifySignature({ ...input, signature: forged }), good);
      assert.is(await verifySignature({ ...input, signature: ecdsaP1363ToDer(forged, curve), encoding: "der" }), good);
    }
  }
});

test("a signature of any other length is false, with no throw", async () => {
  for (const algorithm of LOCAL) {
    const { publicKey, ...signer } = signerOf(algorithm);
    const signature = signer.sign(data);
    const others = [new Uint8Array(), signature.subarray(1), signature.subarray(0, -1), concatBytes(signature, Uint8Array.of(0)), concatBytes(Uint8Array.of(0), signature), new Uint8Array(2 ** 20)];
    for (const other of others) {
      for (const encoding of [undefined, "der", "raw", "ieee-p1363"] as const) {
        assert.is(await verifySignature({ publicKey, algorithm, data, signature: other, encoding }), false, `${algorithm} ${other.length}`);
      }
    }
  }
});

test("a changed signature is false", () =>
  withSeed(async (random) => {
    for (const algorithm of LOCAL) {
      const { publicKey, ...signer } = signerOf(algorithm);
      const signature = signer.sign(data);
      const curve = CURVES[algorithm];
      for (let round = 0; round < 20; round += 1) {
        const changed = mutateBytes(signature, random);
        if (Buffer.compare(changed, signature) === 0) continue;
        assert.is(await verifySignature({ publicKey, algorithm, data, signature: changed }), false, algorithm);
        if (curve === undefined) continue;
        const der = ecdsaP1363ToDer(signature, curve);
        const other = mutateBytes(der, random);
        if (Buffer.compare(other, der) === 0) continue;
        assert.is(await verifySignature({ publicKey, algorithm, data, signature: other, encoding: "der" }), false, algorithm);
      }
    }
  }));

test("PS*: only a salt as long as the hash", async () => {
  const publicKey = parseJwk(rsa.publicKey.export({ format: "jwk" }));
  for (const [algorithm, hash, length] of [["PS256", "sha256", 32], ["PS384", "sha384", 48], ["PS512", "sha512", 64]] as const) {
    for (const saltLength of [0, 20, length - 1, length, length + 1, 100]) {
      const signature = Uint8Array.from(sign(hash, data, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }));
      assert.is(await verifySignature({ publicKey, algorithm, data, signature }), saltLength === length, `${algorithm}, salt ${saltLength}`);
    }
  }
});

test("RSA: PKCS #1 and PSS, and each hash, are told apart; the signature must be below the modulus", async () => {
  const algorithms = LOCAL.filter((algorithm) => /^[RP]S/.test(algorithm));
  const n = BigInt(`0x${Buffer.from(rsa.publicKey.export({ format: "jwk" }).n as string, "base64url").toString("hex")}`);
  for (const signed of algorithms) {
    const { publicKey, ...signer } = signerOf(signed);
    const signature = signer.sign(data);
    for (const algorithm of algorithms) {
      assert.is(await verifySignature({ publicKey, algorithm, data, signature }), algorithm === signed, `${signed} as ${algorithm}`);
    }
    const larger = BigInt(`0x${Buffer.from(signature).toString("hex")}`) + n;
    if (larger < 2n ** 2048n) assert.is(await verifySignature({ publicKey, algorithm: signed, data, signature: fromBigInt(larger, 256) }), false);
  }
});

test("a question that cannot be answered throws, and says which part is wrong", async () => {
  const { publicKey, ...signer } = signerOf("ES256");
  const good: VerifySignatureInput = { publicKey, algorithm: "ES256", data, signature: signer.sign(data) };
  const ask = (change: Record<string, unknown>): Promise<boolean> => verifySignature({ ...good, ...change } as never);
  for (const value of [undefined, null, "text", [1, 2], new ArrayBuffer(64), { length: 64 }]) {
    await rejects(ask({ data: value }), "ERR_KMS_INVALID_ARGUMENT", (error) => assert.match(error.message, /^data /));
    await rejects(ask({ signature: value }), "ERR_KMS_INVALID_ARGUMENT", (error) => assert.match(error.message, /^signature /));
  }
  for (const algorithm of [undefined, null, "none", "HS256", "es256", "__proto__", "toString", "", ["ES256"], { name: "ECDSA" }]) {
    await rejects(ask({ algorithm }), "ERR_KMS_INVALID_ARGUMENT");
  }
  for (const encoding of [null, "", "asn1", "DER", "__proto__", ["der"]]) await rejects(ask({ encoding }), "ERR_KMS_INVALID_ARGUMENT");
  for (const input of [undefined, null, {}, "ES256"]) await rejects(verifySignature(input as never), "ERR_KMS_INVALID_ARGUMENT");
  for (const algorithm of ["ES384", "ES512", "ES256K", "RS256", "PS256", "Ed25519", "EdDSA"]) await rejects(ask({ algorithm }), "ERR_KMS_INVALID_ARGUMENT");
});

test("own properties only: a polluted prototype changes no answer", async () => {
  const { publicKey, ...signer } = signerOf("ES256");
  const signature = signer.sign(data);
  const prototype = Object.prototype as Record<string, unknown>;
  const ask = (key: PublicJwk): Promise<boolean> => verifySignature({ publicKey: key, algorithm: "ES256", data, signature });
  await ask(publicKey);
  const ours = { encoding: "der", jwk: publicKey, kid: "x", padding: "required", x: "AAAA" };
  // Node's own WebCrypto inherits these at an import, and then refuses the key; what was imported before is not asked again.
  const platforms = { use: "enc", alg: "none", key_ops: [], d: "AQAB" };
  for (const [name, value] of Object.entries({ ...ours, ...platforms })) {
    prototype[name] = value;
    try {
      assert.is(await ask(publicKey), true, name);
      await rejects(ask({} as never), "ERR_KMS_INVALID_JWK");
      if (Object.hasOwn(ours, name)) assert.is(await ask({ ...publicKey }), true, name);
      else await rejects(ask({ ...publicKey }), "ERR_KMS_UNSUPPORTED");
    } finally {
      delete prototype[name];
    }
  }
});

test("ES256K is refused with what to do, whatever the signature is", async () => {
  const { publicKey, ...signer } = signerOf("ES256K");
  for (const signature of [signer.sign(data), new Uint8Array()]) {
    await rejects(verifySignature({ publicKey, algorithm: "ES256K", data, signature }), "ERR_KMS_UNSUPPORTED", (error) => {
      assert.match(error.message, /remote: true/);
    });
  }
});

test.run();
