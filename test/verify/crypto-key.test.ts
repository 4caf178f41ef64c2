import { generateKeyPairSync } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJwk, type PublicJwk } from "../../src/jwk/index.js";
import { toCryptoKey, verifySignature } from "../../src/verify/index.js";
import { rejects } from "../support/rejects.js";

const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).publicKey.export({ format: "jwk" }) as PublicJwk;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" }) as PublicJwk;
const okp = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }) as PublicJwk;
const k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey.export({ format: "jwk" }) as PublicJwk;

/** Replaces a function of WebCrypto for a while: what a runtime without an algorithm does cannot be shown otherwise. */
async function withSubtle(name: "importKey" | "verify", replacement: (...args: never[]) => unknown, body: () => Promise<void>): Promise<void> {
  const { subtle } = globalThis.crypto;
  Object.defineProperty(subtle, name, { value: replacement, configurable: true });
  try {
    await body();
  } finally {
    delete (subtle as unknown as Record<string, unknown>)[name];
  }
}

test("keys are for verifying, with the algorithm's own parameters", async () => {
  const expected = [
    ["RS256", rsa, { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: { name: "SHA-256" } }],
    ["RS512", rsa, { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: { name: "SHA-512" } }],
    ["PS384", rsa, { name: "RSA-PSS", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: { name: "SHA-384" } }],
    ["ES256", ec, { name: "ECDSA", namedCurve: "P-256" }],
    ["Ed25519", okp, { name: "Ed25519" }],
    ["EdDSA", okp, { name: "Ed25519" }],
  ] as const;
  for (const [algorithm, jwk, parameters] of expected) {
    const key = await toCryptoKey(jwk, algorithm);
    assert.equal({ ...key.algorithm }, parameters, algorithm);
    assert.is(key.type, "public");
    assert.equal(key.usages, ["verify"]);
  }
});

test("a key is used only for what it says it is for", async () => {
  const refused = [{ use: "enc" }, { use: "" }, { use: "SIG" }, { key_ops: [] }, { key_ops: ["sign"] }, { alg: "ES384" }, { alg: "none" }, { alg: "ECDH-ES" }, { alg: "__proto__" }, { use: "enc", key_ops: ["verify"] }];
  for (const members of refused) await rejects(toCryptoKey({ ...ec, ...members }, "ES256"), "ERR_KMS_INVALID_JWK");
  for (const members of [{ use: "sig" }, { key_ops: ["sign", "verify"] }, { alg: "ES256" }, { use: "sig", key_ops: ["verify"], alg: "ES256", kid: "1" }]) {
    assert.is((await toCryptoKey({ ...ec, ...members }, "ES256")).type, "public");
  }
  await rejects(toCryptoKey({ ...rsa, alg: "RS256" }, "PS256"), "ERR_KMS_INVALID_JWK");
  await rejects(toCryptoKey({ ...rsa, alg: "RSA-OAEP" }, "RS256"), "ERR_KMS_INVALID_JWK");
  assert.is((await toCryptoKey({ ...okp, alg: "EdDSA" }, "Ed25519")).type, "public");
});

test("an algorithm that is none for the key, or none at all, is refused", async () => {
  for (const [jwk, algorithm] of [[rsa, "ES256"], [ec, "RS256"], [ec, "ES384"], [ec, "ES256K"], [k1, "ES256"], [okp, "ES256"], [ec, "EdDSA"]] as const) {
    await rejects(toCryptoKey(jwk, algorithm), "ERR_KMS_INVALID_ARGUMENT");
  }
  for (const algorithm of ["HS256", "none", "ML-DSA-65", "", null]) await rejects(toCryptoKey(rsa, algorithm as never), "ERR_KMS_INVALID_ARGUMENT");
  for (const key of [undefined, null, "text", 1, JSON.stringify(ec)]) await rejects(toCryptoKey(key as never, "ES256"), "ERR_KMS_INVALID_ARGUMENT");
  for (const key of [{}, [], { jwk: undefined }, { jwk: null }, { keys: [ec] }, { ...ec, d: ec.kty }, new ArrayBuffer(8)]) {
    await rejects(toCryptoKey(key as never, "ES256"), "ERR_KMS_INVALID_JWK");
  }
  await rejects(toCryptoKey(Uint8Array.of(0x30, 0), "ES256"), "ERR_KMS_INVALID_ENCODING");
});

test("ES256K is refused before any import", async () => {
  let imports = 0;
  await withSubtle("importKey", () => (imports += 1), async () => {
    await rejects(toCryptoKey(k1, "ES256K"), "ERR_KMS_UNSUPPORTED", (error) => assert.match(error.message, /remote: true/));
  });
  assert.is(imports, 0);
});

test("what cannot be a signature is not shown to WebCrypto, which throws at it in one runtime and takes it in another", async () => {
  let asked = 0;
  await withSubtle("verify", () => Promise.resolve((asked += 1)), async () => {
    const data = new Uint8Array();
    const ones = (length: number): Uint8Array => new Uint8Array(length).fill(1);
    for (const [publicKey, algorithm, length] of [[okp, "Ed25519", 64], [rsa, "RS256", 256], [rsa, "PS512", 256], [ec, "ES256", 64]] as const) {
      for (const other of [0, 1, length - 1, length + 1]) {
        assert.is(await verifySignature({ publicKey, algorithm, data, signature: ones(other) }), false);
      }
      assert.is(asked, 0);
      await verifySignature({ publicKey, algorithm, data, signature: ones(length) });
      assert.is(asked, 1);
      asked = 0;
    }
    for (const signature of [new Uint8Array(64), ones(64).fill(0, 0, 32), ones(64).fill(0, 32), ones(64).fill(255, 32)]) {
      assert.is(await verifySignature({ publicKey: ec, algorithm: "ES256", data, signature }), false);
    }
    assert.is(asked, 0);
  });
});

test("what a runtime lacks is a typed error that keeps the platform's words to itself", async () => {
  const fail = (): Promise<never> => Promise.reject(new DOMException("planted words", "NotSupportedError"));
  const check = (error: Error): void => {
    assert.not.match(`${JSON.stringify(error)}${error.stack}`, /planted/);
    assert.is(error.cause, undefined);
  };
  const input = { publicKey: okp, algorithm: "Ed25519", data: new Uint8Array(), signature: new Uint8Array(64) } as const;
  await withSubtle("importKey", fail, async () => void (await rejects(toCryptoKey(okp, "Ed25519"), "ERR_KMS_UNSUPPORTED", check)));
  await withSubtle("verify", fail, async () => void (await rejects(verifySignature(input), "ERR_KMS_UNSUPPORTED", check)));
  assert.is(await verifySignature(input), false);
});

test("a parsed key is imported once for each algorithm, any other each time, and what changed is seen", async () => {
  let imports = 0;
  const original = globalThis.crypto.subtle.importKey;
  const counting = function (this: SubtleCrypto, ...args: never[]): unknown {
    imports += 1;
    return Reflect.apply(original, globalThis.crypto.subtle, args);
  };
  await withSubtle("importKey", counting, async () => {
    const jwk = parseJwk(rsa);
    const key = await toCryptoKey(jwk, "RS256");
    assert.is(await toCryptoKey({ jwk }, "RS256"), key);
    assert.is(imports, 1);
    assert.is.not(await toCryptoKey(jwk, "PS256"), key);
    assert.is(imports, 2);
    const mutable = { ...ec } as { x: string; y: string } & typeof ec;
    await toCryptoKey(mutable, "ES256");
    await toCryptoKey(mutable, "ES256");
    assert.is(imports, 4);
    mutable.x = mutable.y;
    await rejects(toCryptoKey(mutable, "ES256"), "ERR_KMS_INVALID_JWK");
  });
});

test("WebCrypto gets the members of the key and nothing else", async () => {
  const seen: object[] = [];
  const original = globalThis.crypto.subtle.importKey;
  const spying = function (this: SubtleCrypto, ...args: never[]): unknown {
    seen.push(args[1] as unknown as object);
    return Reflect.apply(original, globalThis.crypto.subtle, args);
  };
  await withSubtle("importKey", spying, async () => {
    const extra = { kid: "1", use: "sig", key_ops: ["verify"], ext: false, x5c: [] };
    await toCryptoKey({ ...rsa, ...extra, alg: "RS256" } as PublicJwk, "RS256");
    await toCryptoKey({ ...ec, ...extra, alg: "ES256" } as PublicJwk, "ES256");
    await toCryptoKey({ ...okp, ...extra, alg: "Ed25519" } as PublicJwk, "Ed25519");
  });
  assert.equal(seen.map((jwk) => Reflect.ownKeys(jwk)), [["kty", "n", "e"], ["kty", "crv", "x", "y"], ["kty", "crv", "x"]]);
  assert.ok(seen.every((jwk) => Object.getPrototypeOf(jwk) === null));
});

test.run();
