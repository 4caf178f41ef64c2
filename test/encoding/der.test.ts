import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromBigInt } from "../../src/encoding/bigint.js";
import { concatBytes, equalBytes, type Bytes } from "../../src/encoding/bytes.js";
import { BIT_STRING, readPair, SEQUENCE, writeElement, writeIntegers } from "../../src/encoding/der.js";
import { decodeHex, encodeHex } from "../../src/encoding/index.js";
import { mutateBytes, withSeed } from "../support/seeded-random.js";

/** What every caller of the lax reader does: what is not written the same way again is refused. */
const isTaken = (bytes: Bytes): boolean => equalBytes(writeIntegers(...readPair(bytes)), bytes);
const ONE = decodeHex("020101");
const sevens = (length: number): Bytes => new Uint8Array(length).fill(7);
const INTEGER = 2;

/** The element with its length in 1, 2, 3, 4 and 8 octets, but for the shortest form. */
function longerForms(tag: number, content: Bytes): readonly Bytes[] {
  const shortest = content.length < 128 ? 0 : content.length < 256 ? 1 : 2;
  return [1, 2, 3, 4, 8]
    .filter((octets) => octets > shortest)
    .map((octets) => concatBytes([tag, 0x80 + octets], fromBigInt(BigInt(content.length), octets), content));
}

test("lengths are in their one shortest form, up to 65,535", () => {
  const headers: Record<number, string> = { 0: "0300", 1: "0301", 127: "037f", 128: "038180", 255: "0381ff", 256: "03820100", 65535: "0382ffff" };
  for (const [length, header] of Object.entries(headers)) {
    const content = sevens(Number(length));
    const element = writeElement(BIT_STRING, content);
    assert.is(encodeHex(element), header + encodeHex(content));
    if (content.length < 65_000) assert.equal(readPair(writeElement(SEQUENCE, element, ONE)), [content, Uint8Array.of(1)]);
  }
  for (const length of [1, 127, 128, 255, 256, 60_000]) assert.ok(isTaken(writeIntegers(sevens(length), sevens(length % 7))));
  // Every longer form is read as what it says, and refused, for an integer and for the sequence itself.
  for (const length of [1, 127, 128, 255, 256, 300]) {
    const value = sevens(length);
    for (const integer of longerForms(INTEGER, value)) {
      assert.equal(readPair(writeElement(SEQUENCE, integer, ONE)), [value, Uint8Array.of(1)]);
      assert.not(isTaken(writeElement(SEQUENCE, integer, ONE)));
      assert.not(isTaken(writeElement(SEQUENCE, ONE, integer)));
    }
    for (const sequence of longerForms(SEQUENCE, concatBytes(writeElement(INTEGER, value), ONE))) {
      assert.equal(readPair(sequence), [value, Uint8Array.of(1)]);
      assert.not(isTaken(sequence));
    }
  }
  for (const header of ["80", "ff", "8100", "820000", "83010000", "84ffffffff", "88ffffffffffffffff"]) {
    for (const integer of [concatBytes([2], decodeHex(header)), concatBytes([2], decodeHex(header), sevens(70))]) {
      assert.not(isTaken(writeElement(SEQUENCE, integer, ONE)), header);
      assert.not(isTaken(writeElement(SEQUENCE, ONE, integer)), header);
      assert.not(isTaken(concatBytes([SEQUENCE], integer.subarray(1))), header);
    }
  }
});

test("integers are minimal and not negative", () => {
  const integers: Record<string, string> = { "": "020100", "00": "020100", "0000": "020100", "01": "020101", "7f": "02017f", "80": "02020080", "00ff": "020200ff", "0100": "02020100", "00008000": "0203008000" };
  for (const [magnitude, element] of Object.entries(integers)) {
    const bytes = writeIntegers(decodeHex(magnitude), Uint8Array.of(1));
    assert.is(encodeHex(bytes).slice(4), `${element}020101`);
    assert.equal(readPair(bytes), [decodeHex(element.slice(4)), Uint8Array.of(1)]);
    assert.ok(isTaken(bytes));
  }
  for (const element of ["0200", "020180", "0201ff", "02020000", "0202007f", "0203000080", "0202ff80", "020201", "030101"]) {
    assert.not(isTaken(writeElement(SEQUENCE, decodeHex(element), ONE)), element);
    assert.not(isTaken(writeElement(SEQUENCE, ONE, decodeHex(element))), element);
  }
});

test("a sequence is all there is", () => {
  const good = decodeHex("3006020101020101");
  assert.ok(isTaken(good));
  for (let length = 0; length < good.length; length += 1) assert.not(isTaken(good.subarray(0, length)));
  for (const bytes of ["300602010102010100", "3007020101020101", "300702010102010100", "3009020101020101020101", "3106020101020101", "1006020101020101", "3003020101", "3000", ""]) {
    assert.not(isTaken(decodeHex(bytes)), bytes);
  }
});

test("changed bytes are read without a throw, and taken only where they are the one form of other numbers", () =>
  withSeed((random) => {
    for (let round = 0; round < 4000; round += 1) {
      const bytes = writeIntegers(random.bytes(random.below(300)), random.bytes(random.below(300)));
      assert.ok(isTaken(bytes));
      const changed = mutateBytes(bytes, random);
      for (const [first = 0x80, second = 0xff] of isTaken(changed) ? readPair(changed) : []) {
        assert.ok(first < 0x80 && (first > 0 || second >= 0x80));
      }
      isTaken(random.bytes(random.below(40)));
    }
  }));

test.run();
