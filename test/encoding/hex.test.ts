import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeHex, encodeHex } from "../../src/encoding/index.js";
import { isKmsError } from "../../src/errors.js";
import { rejects } from "../support/rejects.js";
import { withSeed } from "../support/seeded-random.js";

test("RFC 4648 section 10, in either case", () => {
  const foobar = new TextEncoder().encode("foobar");
  assert.is(encodeHex(foobar), "666f6f626172");
  assert.equal(decodeHex("666F6F626172"), foobar);
  assert.equal(decodeHex("666f6F626172"), foobar);
  assert.is(encodeHex(new Uint8Array()), "");
  assert.equal(decodeHex(""), new Uint8Array());
});

test("every byte, and random ones, as Buffer has them", () =>
  withSeed((random) => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    for (const bytes of [all, ...Array.from({ length: 200 }, () => random.bytes(random.below(70)))]) {
      const text = encodeHex(bytes);
      assert.is(text, Buffer.from(bytes).toString("hex"));
      assert.equal(decodeHex(text), bytes);
      assert.equal(decodeHex(text.toUpperCase()), bytes);
    }
  }));

test("every other UTF-16 code unit is refused, as first and as second of a pair", () => {
  const stackTraceLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    for (let code = 0; code < 65_536; code += 1) {
      const character = String.fromCharCode(code);
      if (/[0-9a-fA-F]/.test(character)) continue;
      const text = code % 2 === 0 ? `${character}a` : `a${character}`;
      try {
        decodeHex(text);
      } catch (error) {
        if (isKmsError(error, "ERR_KMS_INVALID_ENCODING")) continue;
      }
      assert.unreachable(`code unit ${code}`);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
});

test("odd lengths, and what is not a string or not bytes, are refused without a quote", async () => {
  await rejects(() => decodeHex("5ec"), "ERR_KMS_INVALID_ENCODING");
  await rejects(() => decodeHex("0x00"), "ERR_KMS_INVALID_ENCODING");
  await rejects(() => decodeHex(" 00 "), "ERR_KMS_INVALID_ENCODING");
  const error = await rejects(() => decodeHex("5ec4e7zz"), "ERR_KMS_INVALID_ENCODING");
  assert.is(error.message, "not valid hex");
  for (const value of [undefined, null, 12, ["00"], new String("00")]) await rejects(() => decodeHex(value as never), "ERR_KMS_INVALID_ENCODING");
  for (const value of [undefined, null, "00", [0]]) await rejects(() => encodeHex(value as never), "ERR_KMS_INVALID_ARGUMENT");
});

test.run();
