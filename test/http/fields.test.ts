import { test } from "uvu";
import * as assert from "uvu/assert";
import * as fields from "../../src/http/fields.js";
import { rejects } from "../support/rejects.js";

const VALUES: readonly unknown[] = ["text", "", 1, 0, 1.5, -1, NaN, Infinity, true, false, [], ["a"], {}, { a: 1 }];

const KINDS: readonly (readonly [name: string, optional: (from: fields.Fields, name: string) => unknown, required: (from: fields.Fields, name: string) => unknown, fits: (value: unknown) => boolean])[] = [
  ["string", fields.optionalString, fields.requiredString, (value) => typeof value === "string"],
  ["boolean", fields.optionalBoolean, fields.requiredBoolean, (value) => typeof value === "boolean"],
  ["number", fields.optionalNumber, fields.requiredNumber, (value) => Number.isFinite(value)],
  ["integer", fields.optionalInteger, fields.requiredInteger, (value) => Number.isSafeInteger(value)],
  ["array", fields.optionalArray, fields.requiredArray, (value) => Array.isArray(value)],
  ["object", fields.optionalObject, fields.requiredObject, (value) => typeof value === "object" && !Array.isArray(value)],
];

for (const [kind, optional, required, fits] of KINDS) {
  test(`${kind}: the right type, absent and null alike, and nothing inherited`, async () => {
    for (const value of VALUES) {
      for (const read of [optional, required]) {
        if (fits(value)) assert.is(read({ it: value }, "it"), value);
        else assert.not.ok((await rejects(() => read({ it: value }, "it"), "ERR_KMS_RESPONSE_INVALID")).message.includes("text"));
      }
    }
    for (const absent of [{}, { it: null }, { it: undefined }, Object.create({ it: VALUES.find(fits) }) as fields.Fields]) {
      assert.is(optional(absent, "it"), undefined);
      const error = await rejects(() => required(absent, "it"), "ERR_KMS_RESPONSE_INVALID");
      assert.match(error.message, "it is missing");
      assert.is(error.outcome, "unknown");
    }
    for (const inherited of ["toString", "constructor", "__proto__", "hasOwnProperty"]) assert.is(optional({}, inherited), undefined);
  });
}

test("a member called __proto__ in JSON is one of its own", () => {
  assert.is(fields.requiredString(JSON.parse('{"__proto__":"x"}') as fields.Fields, "__proto__"), "x");
});

test("strings: a list, absent is empty", async () => {
  assert.equal(fields.optionalStrings({ it: ["a", ""] }, "it"), ["a", ""]);
  assert.equal(fields.optionalStrings({}, "it"), []);
  assert.equal(fields.optionalStrings({ it: null }, "it"), []);
  for (const it of ["a", [1], ["a", null], { length: 0 }]) await rejects(() => fields.optionalStrings({ it }, "it"), "ERR_KMS_RESPONSE_INVALID");
});

test("base64 and base64url, each strict and at least a byte", async () => {
  assert.equal([...fields.requiredBase64({ it: "+/8=" }, "it")], [0xfb, 0xff]);
  assert.equal([...fields.requiredBase64Url({ it: "-_8" }, "it")], [0xfb, 0xff]);
  for (const it of ["", "+/8", "-_8=", "+/9=", "+/8=\n", " +/8=", "+/8==", 7, null]) await rejects(() => fields.requiredBase64({ it }, "it"), "ERR_KMS_RESPONSE_INVALID");
  for (const it of ["", "-_8=", "+/8", "-_9", "-_8\n", [], undefined]) await rejects(() => fields.requiredBase64Url({ it }, "it"), "ERR_KMS_RESPONSE_INVALID");
});

test("decodeWith: what a parser of ours refuses is an invalid answer, without its words", async () => {
  const refuse = (): never => {
    throw new Error("secret in a message");
  };
  const error = await rejects(() => fields.decodeWith(refuse, "x", "it"), "ERR_KMS_RESPONSE_INVALID");
  assert.is(error.message, "response invalid: it is not canonical");
  assert.is(error.cause, undefined);
});

test("timestamps: seconds, from 1970 to 9999", async () => {
  assert.is(fields.optionalTimestamp({ it: 1_700_000_000.5 }, "it")?.getTime(), 1_700_000_000_500);
  assert.is(fields.optionalTimestamp({ it: 0 }, "it")?.getTime(), 0);
  assert.is(fields.optionalTimestamp({}, "it"), undefined);
  for (const it of [-1, 253_402_300_800, 1e300, NaN, "1700000000", true]) await rejects(() => fields.optionalTimestamp({ it }, "it"), "ERR_KMS_RESPONSE_INVALID");
});

test("asObject, and the two errors", async () => {
  assert.equal(fields.asObject({ a: 1 }), { a: 1 });
  for (const value of [null, undefined, [], "x", 1, true]) assert.match((await rejects(() => fields.asObject(value), "ERR_KMS_RESPONSE_INVALID")).message, "the body is not an object");
  assert.match((await rejects(() => fields.asObject(1, "data"), "ERR_KMS_RESPONSE_INVALID")).message, "data is not an object");
  assert.is(fields.mismatchedAnswer("kid").code, "ERR_KMS_KEY_MISMATCH");
  assert.is(fields.mismatchedAnswer("kid").outcome, "unknown");
  assert.is(fields.member({ a: 0 }, "a"), 0);
});

test.run();
