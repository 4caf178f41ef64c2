import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodePem, encodePem } from "../../src/encoding/index.js";
import { rejects } from "../support/rejects.js";
import { withSeed } from "../support/seeded-random.js";

const bytes = Uint8Array.from({ length: 100 }, (_, index) => index);
const pem = encodePem("PUBLIC KEY", bytes);

test("the same text as OpenSSL writes, for every length of the last line", () => {
  for (const type of ["ed25519", "x25519", "ed448"] as const) {
    const { publicKey } = generateKeyPairSync(type as "ed25519");
    const der = publicKey.export({ format: "der", type: "spki" });
    const expected = publicKey.export({ format: "pem", type: "spki" });
    assert.is(encodePem("PUBLIC KEY", der), expected);
    assert.equal(decodePem(expected as string, "PUBLIC KEY"), Uint8Array.from(der));
  }
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const der = publicKey.export({ format: "der", type: "spki" });
  assert.is(encodePem("PUBLIC KEY", der), publicKey.export({ format: "pem", type: "spki" }));
  assert.ok(createPublicKey(encodePem("PUBLIC KEY", der)).equals(publicKey));
});

test("64 columns, no empty line, one line feed at the end", () =>
  withSeed((random) => {
    for (const length of [1, 47, 48, 49, 96, 97, random.below(2000) + 1]) {
      const der = random.bytes(length);
      const text = encodePem("X", der);
      const lines = text.split("\n");
      assert.is(lines.pop(), "");
      assert.is(lines.length, 2 + Math.ceil((Math.ceil(length / 3) * 4) / 64));
      assert.ok(lines.slice(1, -2).every((line) => line.length === 64));
      assert.equal(decodePem(text, "X"), der);
    }
  }));

test("what RFC 7468 section 3 lets vary is taken", () => {
  const variants = [
    pem.replaceAll("\n", "\r\n"),
    pem.replaceAll("\n", "\r"),
    pem.replaceAll("\n", " \t\n"),
    pem.trimEnd(),
    `\n \t\r\n${pem}\v\f\n`,
    pem.replace("-----\n", "-----\n\n\n"),
    pem.replace(/(.{32})\n/, "\n$1\n"),
    pem.replace(/([A-Za-z0-9+/=]{30})/g, "$1\n"),
  ];
  for (const text of variants) assert.equal(decodePem(text, "PUBLIC KEY"), bytes, JSON.stringify(text));
});

test("anything else is refused", async () => {
  const body = pem.split("\n").slice(1, -2).join("\n");
  const variants = [
    "",
    body,
    pem + pem,
    `${pem}trailer`,
    `header\n${pem}`,
    `\ufeff${pem}`,
    `\u00a0${pem}`,
    pem.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n"),
    pem.replaceAll("PUBLIC KEY", "RSA PUBLIC KEY"),
    pem.replaceAll("PUBLIC KEY", "CERTIFICATE"),
    pem.replace("END PUBLIC KEY", "END PRIVATE KEY"),
    pem.replaceAll("PUBLIC KEY", "public key"),
    pem.replace("-----BEGIN", "----BEGIN"),
    pem.replace("-----END", "-----\n-----END"),
    pem.replaceAll("\n", ""),
    pem.replaceAll("\n", " "),
    pem.replace("\n-----END", "-----END"),
    pem.replace("\n-----END", " -----END"),
    pem.replace("\n-----END", "\n -----END"),
    pem.replace("PUBLIC KEY-----\n", "PUBLIC KEY-----"),
    pem.replace("PUBLIC KEY-----\n", "PUBLIC KEY-----AAAA\n"),
    pem.replace(/=/g, ""),
    pem.replace("Yw==", "Yx=="),
    pem.replace("A", "A A"),
    pem.replace("A", " A"),
    pem.replace("A", "_"),
    pem.replace("A", "\u0141"),
    pem.replace("A", "A=\n"),
    "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
    "-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----",
    "-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\n",
    `-----BEGIN PUBLIC KEY-----\n${pem}`,
    `${pem}-----END PUBLIC KEY-----\n`,
  ];
  for (const [index, text] of variants.entries()) {
    assert.is.not(text, pem, `variant ${index} changes nothing`);
    const error = await rejects(() => decodePem(text, "PUBLIC KEY"), "ERR_KMS_INVALID_ENCODING");
    assert.not.match(error.message, /AAEC|PRIVATE/);
  }
  for (const value of [undefined, null, 1, [pem]]) await rejects(() => decodePem(value as never, "PUBLIC KEY"), "ERR_KMS_INVALID_ENCODING");
});

test("labels are printable words", async () => {
  for (const label of ["", " ", "-", "A ", " A", "A  B", "A--B", "A\nB", "A-", "Ä", "A\u0000", null, 1]) {
    await rejects(() => encodePem(label as never, bytes), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => decodePem(pem, label as never), "ERR_KMS_INVALID_ARGUMENT");
  }
  for (const label of ["X", "X509 CRL", "A-B C", "RSA PUBLIC KEY"]) assert.equal(decodePem(encodePem(label, bytes), label), bytes);
  await rejects(() => encodePem("X", "AAAA" as never), "ERR_KMS_INVALID_ARGUMENT");
});

test("long hostile texts take no time to speak of", async () => {
  const long = " ".repeat(1_000_000);
  const texts = [long, `-----BEGIN X-----${long}`, `-----BEGIN X-----\n${long}x\n-----END X-----`, "-----BEGIN X-----\n".repeat(50_000), `x${long}${encodePem("X", bytes)}`];
  for (const text of texts) await rejects(() => decodePem(text, "X"), "ERR_KMS_INVALID_ENCODING");
});

test.run();
