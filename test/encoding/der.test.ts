import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertEnd, BIT_STRING, INTEGER, readElement, readInteger, readSequence, SEQUENCE, writeElement, writeInteger } from "../../src/encoding/der.js";
import { decodeHex, encodeHex } from "../../src/encoding/index.js";
import { rejects } from "../support/rejects.js";

test("lengths are in their one shortest form, up to 65,535", async () => {
  const headers: Record<number, string> = { 0: "0300", 1: "0301", 127: "037f", 128: "038180", 255: "0381ff", 256: "03820100", 65535: "0382ffff" };
  for (const [length, header] of Object.entries(headers)) {
    const content = new Uint8Array(Number(length)).fill(7);
    const element = writeElement(BIT_STRING, content);
    assert.is(encodeHex(element), header + encodeHex(content));
    assert.equal(readElement(element, BIT_STRING), { content, rest: new Uint8Array() });
  }
  for (const cut of ["", "03", "0301", "0381", "0382", "038201", "03820100"]) {
    await rejects(() => readElement(decodeHex(cut), BIT_STRING), "ERR_KMS_INVALID_ENCODING");
  }
  for (const header of ["0380", "03ff", "038100", "03817f", "03820000", "038200ff", "0383000001", "0383010000", "0384ffffffff", "0388ffffffffffffffff"]) {
    const bytes = Uint8Array.from([...decodeHex(header), ...new Uint8Array(70_000)]);
    await rejects(() => readElement(bytes, BIT_STRING), "ERR_KMS_INVALID_ENCODING");
  }
});

test("integers are minimal and not negative", async () => {
  const integers: Record<string, string> = { "": "020100", "00": "020100", "0000": "020100", "01": "020101", "7f": "02017f", "80": "02020080", "00ff": "020200ff", "0100": "02020100", "00008000": "0203008000" };
  for (const [magnitude, element] of Object.entries(integers)) {
    assert.is(encodeHex(writeInteger(decodeHex(magnitude))), element);
    const { content, rest } = readInteger(decodeHex(`${element}aa`));
    assert.is(encodeHex(content), magnitude.replace(/^(00)+(?=..)/, "") || "00");
    assert.is(encodeHex(rest), "aa");
  }
  for (const element of ["0200", "020180", "0201ff", "02020000", "0202007f", "0203000080", "0202ff80", "020201", "030101"]) {
    await rejects(() => readInteger(decodeHex(element)), "ERR_KMS_INVALID_ENCODING");
  }
});

test("a sequence is all there is", async () => {
  assert.is(encodeHex(readSequence(decodeHex("3003020101"))), "020101");
  for (const bytes of ["300302010100", "3003020101ff", "30030201", "3103020101", "1003020101", ""]) {
    await rejects(() => readSequence(decodeHex(bytes)), "ERR_KMS_INVALID_ENCODING");
  }
  await rejects(() => assertEnd(Uint8Array.of(0)), "ERR_KMS_INVALID_ENCODING");
  assert.equal([INTEGER, BIT_STRING, SEQUENCE], [2, 3, 0x30]);
});

test.run();
