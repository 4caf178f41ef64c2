import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Bytes } from "../../src/encoding/bytes.js";
import { BIT_STRING, SEQUENCE, writeElement, writeIntegers } from "../../src/encoding/der.js";
import { decodeHex, encodeHex } from "../../src/encoding/index.js";

const sevens = (length: number): Bytes => new Uint8Array(length).fill(7);

test("lengths are in their one shortest form, up to 65,535", () => {
  const headers: Record<number, string> = { 0: "0300", 1: "0301", 127: "037f", 128: "038180", 255: "0381ff", 256: "03820100", 65535: "0382ffff" };
  for (const [length, header] of Object.entries(headers)) {
    const content = sevens(Number(length));
    assert.is(encodeHex(writeElement(BIT_STRING, content)), header + encodeHex(content));
  }
  assert.is(encodeHex(writeElement(SEQUENCE, [1, 2], new Uint8Array(), Uint8Array.of(3))), "3003010203");
  assert.is(encodeHex(writeElement(SEQUENCE)), "3000");
});

test("integers are minimal and not negative", () => {
  const integers: Record<string, string> = { "": "020100", "00": "020100", "0000": "020100", "01": "020101", "7f": "02017f", "80": "02020080", "00ff": "020200ff", "0100": "02020100", "00008000": "0203008000" };
  for (const [magnitude, element] of Object.entries(integers)) {
    assert.is(encodeHex(writeIntegers(decodeHex(magnitude), Uint8Array.of(1))).slice(4), `${element}020101`);
    assert.is(encodeHex(writeIntegers(Uint8Array.of(1), decodeHex(magnitude))).slice(4), `020101${element}`);
  }
  for (const length of [1, 127, 128, 255, 256, 60_000]) {
    const header = encodeHex(writeElement(2, sevens(length))).slice(0, -2 * length);
    assert.is(encodeHex(writeIntegers(sevens(length))).slice(-2 * length - header.length), header + encodeHex(sevens(length)));
  }
});

test.run();
