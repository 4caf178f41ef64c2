import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isKmsError } from "../../src/errors.js";
import { encodeBase64Url, encodeHex } from "../../src/encoding/index.js";
import { jwkThumbprint, jwkToSpki, keyTypeOf, parseJwk, type PublicJwk } from "../../src/jwk/index.js";
import { toCryptoKey } from "../../src/verify/index.js";
import { algorithmsOf, type SignatureAlgorithm } from "../../src/algorithms.js";
import { rejects } from "../support/rejects.js";
import { mutateBytes, withSeed } from "../support/seeded-random.js";

interface ParseCase {
  readonly id: number;
  readonly json: string;
  readonly expect: "accept" | "reject" | "either";
  readonly strength: "required" | "recommended";
  readonly spki?: string;
  readonly thumbprint?: string;
  readonly verifyUse?: "reject";
  readonly asked?: SignatureAlgorithm;
}

const cases = JSON.parse(readFileSync("fixtures/jwk/parse.json", "utf8")).cases as readonly ParseCase[];
const expand = (json: string): string => json.replace(/@REPEAT\((.*?),(\d+)\)@/g, (_, part: string, times: string) => part.repeat(Number(times)));

const P256 = { kty: "EC", crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" };
const ED25519 = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" }) as { kty: "RSA"; n: string; e: string };

/** The key, or undefined when the parser refuses as it should. */
function parsed(value: unknown): PublicJwk | undefined {
  try {
    return parseJwk(value);
  } catch (error) {
    assert.ok(isKmsError(error, "ERR_KMS_INVALID_JWK"), String(error));
    return undefined;
  }
}

for (const strength of ["required", "recommended"] as const) {
  const chosen = cases.filter((parseCase) => parseCase.strength === strength);
  test(`parse.json: ${chosen.length} ${strength} cases, as text and as a value`, async () => {
    for (const { id, json, expect, spki, thumbprint, verifyUse, asked } of chosen) {
      const text = expand(json);
      const jwk = parsed(text);
      // "either" is decided too: that text is over the bound, while as a value its depth concerns nobody.
      assert.is(jwk === undefined ? "reject" : "accept", expect === "either" ? "reject" : expect, `case ${id}`);
      if (expect === "either") assert.ok(parsed(JSON.parse(text)), `case ${id}`);
      else if (typeof JSON.parse(text) === "object") assert.equal(parsed(JSON.parse(text)), jwk, `case ${id}`);
      if (jwk === undefined) continue;
      assert.is(encodeHex(jwkToSpki(jwk)), spki, `case ${id}`);
      assert.is(await jwkThumbprint(jwk), thumbprint, `case ${id}`);
      const algorithm = asked ?? (algorithmsOf(keyTypeOf(jwk))[0] as SignatureAlgorithm);
      if (verifyUse === "reject") await rejects(toCryptoKey(jwk, algorithm), "ERR_KMS_INVALID_JWK");
      else await toCryptoKey(jwk, algorithm);
    }
  });
}

test("members it knows are kept, others left out, and the result is frozen and recognised", () => {
  const source = { ...P256, kid: "1", alg: "ES256", use: "sig", key_ops: ["verify", "x"], ext: true, x5c: ["AA"], n: 1, z: { d: 1 } };
  const jwk = parseJwk(source);
  assert.equal(jwk, { ...P256, kid: "1", alg: "ES256", use: "sig", key_ops: ["verify", "x"] });
  assert.ok(Object.isFrozen(jwk) && Object.isFrozen(jwk.key_ops));
  assert.is(parseJwk(jwk), jwk);
  assert.is.not(parseJwk({ ...jwk }), jwk);
  source.key_ops.pop();
  assert.equal(jwk.key_ops, ["verify", "x"]);
  assert.equal(parseJwk({ ...ED25519, kid: undefined, d: undefined }), ED25519);
  assert.equal(parseJwk(Object.assign(Object.create(null), RSA)), { kty: "RSA", n: RSA.n, e: RSA.e });
});

test("a member that occurs twice is refused, however it is written; inside of others it does not matter", () => {
  const json = JSON.stringify(P256);
  const twice = [
    json.replace("{", '{"kty":"EC",'),
    json.replace("{", '{"k\\u0074y":"EC",'),
    json.replace("}", ',"kid":"a","kid":"a"}'),
    json.replace("}", ',"z":1 , "z" : 2}'),
    json.replace("}", ',"__proto__":1,"__proto__":2}'),
    json.replace("}", ',"":1,"":1}'),
    `\n${json.replace("}", '\t,"x":"}{"}')} `,
  ];
  for (const text of twice) assert.is(parsed(text), undefined, text);
  const once = [
    json,
    ` \n${json}\r\n`,
    json.replace("}", ',"z":{"kty":1,"kty":2},"a":[{"x":1},{"x":1}]}'),
    json.replace("}", ',"z":"\\"kty\\":\\\\","b":":,{}[]\\\\\\""}'),
    json.replace("}", ',"__proto__":{"d":1}}'),
  ];
  for (const text of once) assert.equal(parsed(text), P256, text);
});

test("text that is not JSON, and what is no object, is refused without a quote", async () => {
  const texts = ["", " ", "{", "null", "true", "[]", `[${JSON.stringify(P256)}]`, `\ufeff${JSON.stringify(P256)}`, `${JSON.stringify(P256)}x`, "{'kty':'EC'}", "{}"];
  for (const text of texts) assert.is(parsed(text), undefined, text);
  for (const value of [undefined, null, 1, true, 1n, Symbol("kty"), [P256], () => P256, Uint8Array.of(123, 125), new Map(Object.entries(P256))]) {
    assert.is(parsed(value), undefined);
  }
  const secret = "planted-secret";
  for (const value of [`{"kty":"EC","d":"${secret}`, { ...P256, d: secret }, { ...P256, x: secret }, { ...P256, crv: secret }, { ...RSA, e: `${secret}!` }, { kty: secret }]) {
    const error = await rejects(() => parseJwk(value), "ERR_KMS_INVALID_JWK");
    assert.not.match(JSON.stringify(error) + error.stack, new RegExp(secret));
  }
});

test("own properties only: a polluted prototype and an inherited member help nobody", () => {
  assert.is(parsed(Object.create(P256)), undefined);
  const prototype = Object.prototype as Record<string, unknown>;
  Object.assign(prototype, { y: P256.y, kid: "polluted", alg: "none" });
  try {
    assert.is(parsed({ kty: "EC", crv: "P-256", x: P256.x }), undefined);
    assert.is(parsed(`{"kty":"EC","crv":"P-256","x":"${P256.x}"}`), undefined);
    assert.equal(Object.keys(parseJwk(P256)), ["kty", "crv", "x", "y"]);
  } finally {
    for (const name of ["y", "kid", "alg"]) delete prototype[name];
  }
  for (const kty of ["__proto__", "constructor", "hasOwnProperty"]) assert.is(parsed({ ...P256, kty }), undefined);
  for (const crv of ["__proto__", "constructor", "hasOwnProperty"]) assert.is(parsed({ ...P256, crv }), undefined);
});

test("private members and key sets are refused in a key of any type", () => {
  for (const key of [P256, ED25519, RSA]) {
    assert.ok(parsed(key));
    for (const name of ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "keys"]) {
      for (const value of ["AQAB", "", null, 0, []]) assert.is(parsed({ ...key, [name]: value }), undefined, name);
    }
  }
  assert.is(parsed({ keys: [P256] }), undefined);
  assert.is(parsed({ kty: "oct", k: "AQAB" }), undefined);
  assert.is(parsed({ kty: "oct" }), undefined);
});

test("kid, alg and use are strings, key_ops an array of different strings", () => {
  for (const name of ["kid", "alg", "use"]) {
    for (const value of [null, 1, true, {}, [], ["sig"]]) assert.is(parsed({ ...P256, [name]: value }), undefined, name);
    assert.ok(parsed({ ...P256, [name]: "anything" }));
  }
  for (const value of [null, "verify", {}, [1], ["verify", null], ["verify", "verify"], [,"verify"], { 0: "verify", length: 1 }]) {
    assert.is(parsed({ ...P256, key_ops: value }), undefined);
  }
});

const integer = (value: bigint): string => {
  const hex = value.toString(16);
  return encodeBase64Url(Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex"));
};

test("RSA: 2,048 to 8,192 bits, odd; exponent odd, 3 to 33 bits long at most", () => {
  for (const bits of [2048, 2049, 2056, 3072, 4096, 8192]) {
    const jwk = parseJwk({ ...RSA, n: integer(2n ** BigInt(bits) - 1n) });
    assert.is(keyTypeOf(jwk), `RSA-${bits}`);
    assert.is(keyTypeOf(parseJwk({ ...RSA, n: integer(2n ** BigInt(bits - 1) + 1n) })), `RSA-${bits}`);
    assert.is(parsed({ ...RSA, n: integer(2n ** BigInt(bits) - 2n) }), undefined);
  }
  for (const bits of [1, 8, 512, 1024, 2040, 2047, 8193, 8200, 16384]) assert.is(parsed({ ...RSA, n: integer(2n ** BigInt(bits) - 1n) }), undefined);
  for (const e of [3n, 5n, 17n, 65537n, 2n ** 32n + 1n, 2n ** 33n - 1n]) assert.ok(parsed({ ...RSA, e: integer(e) }), `e = ${e}`);
  for (const e of [0n, 1n, 2n, 4n, 65536n, 2n ** 33n + 1n, 2n ** 64n - 1n, 2n ** 2048n + 1n]) assert.is(parsed({ ...RSA, e: integer(e) }), undefined, `e = ${e}`);
  for (const change of [{ n: `AA${RSA.n}` }, { e: "AAEAAQ" }, { e: "" }, { n: "" }, { e: 65537 }, { n: undefined }, { n: `${RSA.n}==` }, { n: "A".repeat(2 ** 20) }]) {
    assert.is(parsed({ ...RSA, ...change }), undefined);
  }
});

test("EC: the curve's field ends at p, and 0 is a coordinate like any other", () => {
  // y² = b has a root on P-256, so x = 0 is a point; the same x as p is not, though it is equal mod p.
  const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
  const y = "ZkhceA4vg9ckM71dhKBrtlQcKvMdrocXKL-FahdPk_Q";
  const coordinate = (value: bigint): string => encodeBase64Url(Buffer.from(value.toString(16).padStart(64, "0"), "hex"));
  assert.ok(parsed({ ...P256, x: coordinate(0n), y }));
  assert.is(parsed({ ...P256, x: coordinate(p), y }), undefined);
  assert.is(parsed({ ...P256, x: coordinate(0n), y: coordinate(0n) }), undefined);
  for (const crv of ["P-256K", "p-256", "P-384", "Ed25519", "secp256r1", "secp256k1", undefined, ["P-256"]]) assert.is(parsed({ ...P256, crv }), undefined);
});

test("EC: keys of OpenSSL on each curve are taken, and with one bit changed none is", () =>
  withSeed((random) => {
    const names = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1", secp256k1: "secp256k1" };
    for (const [crv, namedCurve] of Object.entries(names)) {
      for (let round = 0; round < 10; round += 1) {
        const { kty, x, y } = generateKeyPairSync("ec", { namedCurve }).publicKey.export({ format: "jwk" }) as Record<"kty" | "x" | "y", string>;
        const jwk = parseJwk({ kty, crv, x, y });
        assert.is(keyTypeOf(jwk), crv);
        const bytes = Buffer.from(y, "base64url");
        const at = random.below(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
        assert.is(parsed({ kty, crv, x, y: bytes.toString("base64url") }), undefined);
      }
    }
  }));

test("Ed25519: keys of OpenSSL are taken; small order, y of p and above, and what is on no point are refused", () => {
  for (let round = 0; round < 20; round += 1) {
    const jwk = parseJwk(generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }));
    assert.is(keyTypeOf(jwk), "Ed25519");
  }
  const p = 2n ** 255n - 19n;
  const order8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
  const encoded = (y: bigint, sign: bigint): string => encodeBase64Url(Buffer.from((y | (sign << 255n)).toString(16).padStart(64, "0"), "hex").reverse());
  // All encodings of the eight points of small order, canonical or not.
  for (const y of [0n, 1n, p - 1n, p, p + 1n, order8, p - order8]) {
    for (const sign of [0n, 1n]) assert.is(parsed({ ...ED25519, x: encoded(y, sign) }), undefined, `y = ${y}, sign ${sign}`);
  }
  for (let y = p; y < 2n ** 255n; y += 1n) assert.is(parsed({ ...ED25519, x: encoded(y, 0n) }), undefined);
  const small = Array.from({ length: 40 }, (_, index) => BigInt(index + 2));
  const taken = small.filter((y) => parsed({ ...ED25519, x: encoded(y, 0n) }) !== undefined);
  assert.equal(taken, small.filter((y) => hasPoint(y, p)));
  assert.ok(taken.length > 5 && taken.length < 35);
  for (const crv of ["Ed448", "X25519", "ed25519", "P-256"]) assert.is(parsed({ ...ED25519, crv }), undefined);
});

/** Another way than the parser's: the root itself, computed as RFC 8032 section 5.1.3 says. */
function hasPoint(y: bigint, p: bigint): boolean {
  const power = (base: bigint, exponent: bigint): bigint => {
    if (exponent === 0n) return 1n;
    const half = power((base * base) % p, exponent >> 1n);
    return exponent & 1n ? (half * base) % p : half;
  };
  const d = (p - ((121665n * power(121666n, p - 2n)) % p)) % p;
  const u = (((y * y - 1n) % p) + p) % p;
  const v = (d * y * y + 1n) % p;
  const root = (u * power(v, 3n) * power((u * power(v, 7n)) % p, (p - 5n) / 8n)) % p;
  const square = (v * root * root) % p;
  return square === u || square === p - u;
}

test("long and deep text is refused at once", () => {
  const json = JSON.stringify(P256);
  const padded = (length: number): string => json.replace("}", `,"z":"${"\\n".repeat((length - json.length - 7) >> 1)}"}`).padEnd(length);
  assert.equal(parsed(padded(65_536)), P256);
  assert.is(parsed(padded(65_537)), undefined);
  const members = (count: number): string => json.replace("}", `,${Array.from({ length: count }, (_, n) => `"${n}":${n}`).join()}}`);
  assert.equal(parsed(members(5000)), P256);
  assert.is(parsed(members(5000).replace('"4999"', '"4998"')), undefined);
  for (const text of ["[".repeat(60_000), '{"a":'.repeat(10_000), `"${"\\".repeat(60_000)}`, '"'.repeat(65_535)]) assert.is(parsed(text), undefined);
  assert.equal(parsed(json.replace("}", `,"z":${"[".repeat(30_000)}${"]".repeat(30_000)}}`)), P256);
});

test("changed text is refused, or is a key that OpenSSL reads as well", () =>
  withSeed((random) => {
    for (let round = 0; round < 3000; round += 1) {
      const key = random.pick([P256, ED25519, RSA]);
      const text = Buffer.from(mutateBytes(Buffer.from(JSON.stringify(key)), random)).toString("utf8");
      const jwk = parsed(text);
      if (jwk === undefined) continue;
      const spki = createPublicKey({ key: jwk as never, format: "jwk" }).export({ format: "der", type: "spki" });
      assert.is(encodeHex(jwkToSpki(jwk)), spki.toString("hex"), text);
    }
  }));

test.run();
