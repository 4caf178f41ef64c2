import { test } from "uvu";
import * as assert from "uvu/assert";
import { bitLength, fromBigInt, toBigInt } from "../../src/encoding/bigint.js";
import { withSeed } from "../support/seeded-random.js";

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
