import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COORDINATE_BYTES, type EcCurve } from "../../src/algorithms.js";
import { decodeHex, ecdsaDerToP1363, ecdsaP1363ToDer, encodeHex } from "../../src/encoding/index.js";
import { isEcdsaInRange, normalizeLowS } from "../../src/encoding/ecdsa.js";
import { isKmsError } from "../../src/errors.js";
import { fromBigInt } from "../support/from-big-int.js";
import { rejects } from "../support/rejects.js";
import { mutateBytes, withSeed } from "../support/seeded-random.js";

interface SignatureCase {
  readonly id: number;
  readonly cat?: string;
  readonly curve: EcCurve;
  readonly der: string | null;
  readonly p1363: string | null;
}

const readCases = (file: string): readonly SignatureCase[] => JSON.parse(readFileSync(`fixtures/der/${file}`, "utf8")).cases as SignatureCase[];
const fromDer = readCases("ecdsa-der-to-p1363.json");
const toDer = readCases("ecdsa-p1363-to-der.json");
const curves = Object.keys(COORDINATE_BYTES) as EcCurve[];

/** The hex of what a conversion gives, or null when it refuses as it should. */
function attempt(convert: () => Uint8Array): string | null {
  try {
    return encodeHex(convert());
  } catch (error) {
    assert.ok(isKmsError(error, "ERR_KMS_INVALID_ENCODING"), String(error));
    return null;
  }
}

test(`ecdsa-der-to-p1363.json: ${fromDer.length} cases; values out of range convert, and are told apart`, () => {
  for (const { id, cat, curve, der, p1363 } of fromDer) {
    assert.is(attempt(() => ecdsaDerToP1363(decodeHex(der as string), curve)), p1363, `case ${id}`);
    if (p1363 !== null) assert.is(isEcdsaInRange(decodeHex(p1363), curve), !cat?.startsWith("range-"), `case ${id}`);
  }
});

test(`ecdsa-p1363-to-der.json: ${toDer.length} cases`, () => {
  for (const { id, curve, der, p1363 } of toDer) {
    assert.is(attempt(() => ecdsaP1363ToDer(decodeHex(p1363 as string), curve)), der, `case ${id}`);
  }
});

test("signatures of OpenSSL convert both ways and verify in the other form", () => {
  const names = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1", secp256k1: "secp256k1" };
  const data = Buffer.from("message");
  for (const curve of curves) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: names[curve] });
    for (let round = 0; round < 16; round += 1) {
      const der = sign("sha256", data, privateKey);
      const p1363 = ecdsaDerToP1363(der, curve);
      assert.is(p1363.length, 2 * COORDINATE_BYTES[curve]);
      assert.ok(verify("sha256", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, p1363));
      assert.is(encodeHex(ecdsaP1363ToDer(p1363, curve)), der.toString("hex"));
      assert.ok(isEcdsaInRange(p1363, curve));
      const low = normalizeLowS(p1363, curve);
      assert.ok(verify("sha256", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, low));
      assert.equal(normalizeLowS(low, curve), low);
    }
  }
});

test("a changed DER is refused, or is the one encoding of another signature", () =>
  withSeed((random) => {
    for (let round = 0; round < 4000; round += 1) {
      const curve = random.pick(curves);
      const signature = random.bytes(2 * COORDINATE_BYTES[curve]).fill(0, 0, random.below(3));
      const der = ecdsaP1363ToDer(signature, curve);
      assert.equal(ecdsaDerToP1363(der, curve), signature);
      const changed = mutateBytes(der, random);
      const p1363 = attempt(() => ecdsaDerToP1363(changed, curve));
      if (p1363 !== null) assert.is(encodeHex(ecdsaP1363ToDer(decodeHex(p1363), curve)), encodeHex(changed));
    }
  }));

/** An element whose length takes so many octets; 0 is the short form. */
const longForm = (tag: number, octets: number, content: Uint8Array): Uint8Array => {
  const length = octets === 0 ? [content.length] : [0x80 + octets, ...fromBigInt(BigInt(content.length), octets)];
  return Uint8Array.from([tag, ...length, ...content]);
};

test("DER: a length in any other form than the shortest is refused, of the sequence and of each integer", () => {
  for (const curve of curves) {
    const width = COORDINATE_BYTES[curve];
    for (const size of [1, 31, width - 1, width]) {
      const value = new Uint8Array(size).fill(7);
      const good = longForm(2, 0, value);
      const join = (r: Uint8Array, s: Uint8Array): Uint8Array => Uint8Array.from([...r, ...s]);
      const whole = join(good, good);
      for (const octets of [0, 1, 2, 3, 4, 8]) {
        const shortest = octets === (whole.length < 128 ? 0 : 1);
        if (octets > 0 || whole.length < 256) assert.is(attempt(() => ecdsaDerToP1363(longForm(0x30, octets, whole), curve)) !== null, shortest, `${curve} ${size} ${octets}`);
        if (octets === 0) continue;
        for (const content of [join(longForm(2, octets, value), good), join(good, longForm(2, octets, value))]) {
          assert.is(attempt(() => ecdsaDerToP1363(longForm(0x30, content.length < 128 ? 0 : 1, content), curve)), null);
        }
      }
    }
  }
  // Of 127 and 128 bytes: where the length of the sequence gets its second octet.
  const sized = (r: number, s: number): Uint8Array => Uint8Array.from([...longForm(2, 0, new Uint8Array(r).fill(7)), ...longForm(2, 0, new Uint8Array(s).fill(7))]);
  assert.ok(attempt(() => ecdsaDerToP1363(longForm(0x30, 0, sized(61, 62)), "P-521")));
  assert.is(attempt(() => ecdsaDerToP1363(longForm(0x30, 1, sized(61, 62)), "P-521")), null);
  assert.ok(attempt(() => ecdsaDerToP1363(longForm(0x30, 1, sized(62, 62)), "P-521")));
  assert.is(attempt(() => ecdsaDerToP1363(longForm(0x30, 0, sized(62, 62)), "P-521")), null);
});

test("DER: integers are minimal, not negative and not too long; a sequence of two is all there is", () => {
  const texts = ["0200", "020180", "0201ff", "02020000", "0202007f", "0203000080", "0202ff80", "020201", "030101", "0221ff", "028101", "0280", "02ff"];
  const one = "020101";
  const sequence = (content: string): Uint8Array => longForm(0x30, 0, decodeHex(content));
  for (const curve of curves) {
    const width = COORDINATE_BYTES[curve];
    for (const text of [...texts, encodeHex(longForm(2, 0, new Uint8Array(width + 1).fill(7))), encodeHex(longForm(2, 0, new Uint8Array(width + 2).fill(128).fill(0, 0, 1)))]) {
      for (const der of [sequence(text + one), sequence(one + text)]) assert.is(attempt(() => ecdsaDerToP1363(der, curve)), null, text);
    }
    const good = sequence(one + one);
    assert.is(attempt(() => ecdsaDerToP1363(good, curve)), "01".padStart(2 * width, "0").repeat(2));
    assert.ok(attempt(() => ecdsaDerToP1363(sequence(`020100${one}`), curve)));
    for (let length = 0; length < good.length; length += 1) assert.is(attempt(() => ecdsaDerToP1363(good.subarray(0, length), curve)), null);
    for (const bytes of ["300602010102010100", "3007020101020101", "300702010102010100", "3009020101020101020101", "3106020101020101", "1006020101020101", "3003020101", "3000", "30", "3080020101020101", "30800201010201010000", ""]) {
      assert.is(attempt(() => ecdsaDerToP1363(decodeHex(bytes), curve)), null, bytes);
    }
  }
});

test("random bytes are refused without a throw of another kind", () =>
  withSeed((random) => {
    for (let round = 0; round < 2000; round += 1) {
      const curve = random.pick(curves);
      const bytes = random.bytes(random.below(150));
      attempt(() => ecdsaDerToP1363(bytes, curve));
      bytes.set([0x30, Math.max(0, bytes.length - 2), 2].slice(0, bytes.length));
      attempt(() => ecdsaDerToP1363(bytes, curve));
    }
  }));

/** n of each curve from elsewhere: as OpenSSL's own explicit parameters spell it. */
function orderOf(curve: EcCurve): bigint {
  const names = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1", secp256k1: "secp256k1" };
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: names[curve], paramEncoding: "explicit" });
  const der = publicKey.export({ format: "der", type: "spki" }).toString("hex");
  assert.ok(createPublicKey(publicKey.export({ format: "pem", type: "spki" })));
  // ECParameters end with the order and the cofactor 1, before the BIT STRING with the point.
  const match = /02(?:20|21|30|31|42)((?:00)?[0-9a-f]+)02010103(?:42|62|818[56])00(?:04)/.exec(der.slice(-2 * (4 * 66 + 40)));
  const tail = (match?.[1] as string).slice(-2 * COORDINATE_BYTES[curve]);
  return BigInt(`0x${tail}`);
}

const ORDERS = Object.fromEntries(curves.map((curve) => [curve, orderOf(curve)])) as Record<EcCurve, bigint>;

test("the range is [1, n-1], and low s is at most half of n", () => {
  for (const curve of curves) {
    const width = COORDINATE_BYTES[curve];
    const n = ORDERS[curve];
    const join = (r: bigint, s: bigint): Uint8Array<ArrayBuffer> => Uint8Array.from([...fromBigInt(r, width), ...fromBigInt(s, width)]);
    const most = (1n << BigInt(8 * width)) - 1n;
    for (const good of [1n, n - 1n, n / 2n]) {
      assert.ok(isEcdsaInRange(join(good, 1n), curve));
      assert.ok(isEcdsaInRange(join(1n, good), curve));
    }
    for (const bad of [0n, n, n + 1n, most]) {
      for (const signature of [join(bad, 1n), join(1n, bad)]) assert.not(isEcdsaInRange(signature, curve));
    }
    for (const other of [join(1n, 1n).subarray(1), Uint8Array.from([...join(1n, 1n), 1]), new Uint8Array()]) assert.not(isEcdsaInRange(other, curve));
    const half = n / 2n;
    for (const [s, low] of [[half, half], [half + 1n, half], [n - 1n, 1n], [1n, 1n]] as const) {
      assert.equal(normalizeLowS(join(5n, s), curve), join(5n, low));
    }
  }
});

test("low s: the smaller of s and n - s, for random s of every size", () =>
  withSeed((random) => {
    for (let round = 0; round < 1000; round += 1) {
      const curve = random.pick(curves);
      const width = COORDINATE_BYTES[curve];
      const n = ORDERS[curve];
      const r = random.bytes(width);
      const s = (BigInt(`0x${encodeHex(random.bytes(width).fill(0, 0, random.below(width)))}`) % (n - 1n)) + 1n;
      const before = Uint8Array.from([...r, ...fromBigInt(s, width)]);
      const signature = before.slice();
      assert.equal(normalizeLowS(signature, curve), Uint8Array.from([...r, ...fromBigInt(s < n - s ? s : n - s, width)]));
      assert.equal(signature, before);
    }
  }));

test("unknown curves, wrong lengths and what is not bytes are refused", async () => {
  const der = decodeHex("3006020101020101");
  for (const curve of ["P-257", "p-256", "", "__proto__", "toString", "Ed25519", null, undefined, ["P-256"]]) {
    await rejects(() => ecdsaDerToP1363(der, curve as never), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => ecdsaP1363ToDer(new Uint8Array(64), curve as never), "ERR_KMS_INVALID_ARGUMENT");
  }
  for (const value of [undefined, null, "30", [48], new ArrayBuffer(8)]) {
    await rejects(() => ecdsaDerToP1363(value as never, "P-256"), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => ecdsaP1363ToDer(value as never, "P-256"), "ERR_KMS_INVALID_ARGUMENT");
  }
  for (const length of [0, 63, 65, 96]) await rejects(() => ecdsaP1363ToDer(new Uint8Array(length).fill(1), "P-256"), "ERR_KMS_INVALID_ENCODING");
});

test.run();
