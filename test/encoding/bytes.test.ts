import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { asBytes, bitLength, concatBytes, equalBytes, isBytes, toBigInt } from "../../src/encoding/bytes.js";
import { fromBigInt } from "../support/from-big-int.js";
import { rejects } from "../support/rejects.js";
import { withSeed } from "../support/seeded-random.js";

test("bytes are recognised in every realm, and nothing else is", async () => {
  const bytes = Uint8Array.of(1, 2);
  const foreign = runInNewContext("Uint8Array.of(1, 2)") as Uint8Array;
  for (const value of [bytes, foreign, Buffer.from([1]), bytes.subarray(1), new Uint8Array(new SharedArrayBuffer(1))]) assert.ok(isBytes(value));
  const disguised = Object.defineProperty(new Int16Array(1), Symbol.toStringTag, { value: "Uint8Array" });
  for (const value of [undefined, null, "1", [1], new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), new Uint8ClampedArray(1), disguised, Object.create(Uint8Array.prototype), new Proxy(bytes, {})]) {
    assert.not(isBytes(value));
    await rejects(() => asBytes(value, "data"), "ERR_KMS_INVALID_ARGUMENT", (error) => assert.match(error.message, /^data /));
  }
});

test("an array is kept as it is, and copied out of shared memory and out of another realm", () => {
  const bytes = Uint8Array.of(1, 2, 3).subarray(1);
  assert.is(asBytes(bytes, "data"), bytes);
  const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7);
  for (const value of [shared, runInNewContext("Uint8Array.of(0, 7, 7).subarray(1)") as Uint8Array]) {
    const copy = asBytes(value, "data");
    assert.equal(copy, Uint8Array.of(7, 7));
    assert.ok(copy.buffer instanceof ArrayBuffer);
    value.fill(0);
    assert.equal(copy, Uint8Array.of(7, 7));
  }
});

test("joining and comparing", () => {
  assert.equal(concatBytes(), new Uint8Array());
  assert.equal(concatBytes([1, 258], Uint8Array.of(3), [], Uint8Array.of(4, 5)), Uint8Array.of(1, 2, 3, 4, 5));
  const bytes = Uint8Array.of(1, 2, 3);
  assert.ok(equalBytes(bytes, Uint8Array.of(1, 2, 3)) && equalBytes(new Uint8Array(), new Uint8Array()));
  for (const other of [[], [1, 2], [1, 2, 3, 0], [0, 2, 3], [1, 2, 4]]) {
    assert.not(equalBytes(bytes, Uint8Array.from(other)));
    assert.not(equalBytes(Uint8Array.from(other), bytes));
  }
});

test("integers of every width up to 70 bytes, both ways, as Buffer has them", () =>
  withSeed((random) => {
    for (let length = 0; length <= 70; length += 1) {
      for (const bytes of [random.bytes(length), random.bytes(length).fill(0, 0, random.below(length + 1)), new Uint8Array(length).fill(255)]) {
        const value = BigInt(`0x0${Buffer.from(bytes).toString("hex")}`);
        assert.is(toBigInt(bytes), value);
        assert.is(toBigInt(Uint8Array.from([9, ...bytes, 9]).subarray(1, length + 1)), value);
        assert.equal(fromBigInt(value, length), bytes);
        if ((bytes[0] ?? 0) > 0) assert.is(bitLength(bytes), value.toString(2).length);
      }
    }
  }));

test.run();
