import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from "../../src/encoding/index.js";
import { isKmsError } from "../../src/errors.js";
import { rejects } from "../support/rejects.js";
import { mutateBytes, withSeed } from "../support/seeded-random.js";

type Profile = "base64" | "base64-nopad" | "base64url-pad" | "base64url";

const decoders: Record<Profile, (text: string) => Uint8Array> = {
  base64: (text) => decodeBase64(text),
  "base64-nopad": (text) => decodeBase64(text, { padding: "forbidden" }),
  "base64url-pad": (text) => decodeBase64Url(text, { padding: "required" }),
  base64url: (text) => decodeBase64Url(text),
};
const encoders: Record<Profile, (bytes: Uint8Array) => string> = {
  base64: (bytes) => encodeBase64(bytes),
  "base64-nopad": (bytes) => encodeBase64(bytes, { padding: false }),
  "base64url-pad": (bytes) => encodeBase64Url(bytes, { padding: true }),
  base64url: (bytes) => encodeBase64Url(bytes),
};
const profiles = Object.keys(decoders) as Profile[];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const readCases = (file: string): never[] => JSON.parse(readFileSync(`fixtures/base64/${file}`, "utf8")).cases as never[];

/** The decoded bytes, or undefined when the decoder refuses as it should. */
function decoded(profile: Profile, text: string): Uint8Array | undefined {
  try {
    return decoders[profile](text);
  } catch (error) {
    assert.ok(isKmsError(error, "ERR_KMS_INVALID_ENCODING"), String(error));
    return undefined;
  }
}

interface DecodeCase {
  readonly id: number;
  readonly in: string;
  readonly expect: Record<Profile, string | null>;
}

interface EncodeCase extends Record<string, unknown> {
  readonly n: number;
  readonly bytesSha256: string;
}

const decodeCases: readonly DecodeCase[] = readCases("decode.json");
const encodeCases: readonly EncodeCase[] = readCases("encode.json");

test(`decode.json: ${decodeCases.length} texts in 4 profiles`, () => {
  for (const { id, in: text, expect } of decodeCases) {
    for (const profile of profiles) {
      const bytes = decoded(profile, text);
      assert.is(bytes === undefined ? null : hex(bytes), expect[profile], `case ${id}, ${profile}`);
    }
  }
});

test(`encode.json: ${encodeCases.length} lengths in 4 profiles, and back`, () => {
  const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");
  for (const expected of encodeCases) {
    const bytes = Uint8Array.from({ length: expected.n }, (_, i) => (i * 151 + 7 + (i >> 8)) & 255);
    assert.is(sha256(bytes), expected.bytesSha256);
    for (const profile of profiles) {
      const text = encoders[profile](bytes);
      if (profile in expected) assert.is(text, expected[profile], `n = ${expected.n}, ${profile}`);
      else assert.is(sha256(text), expected[`${profile}#sha256`], `n = ${expected.n}, ${profile}`);
      assert.is(Buffer.compare(decoders[profile](text), bytes), 0);
    }
  }
});

// Buffer takes almost anything; but it writes one form only, so what survives the round trip is what is canonical.
const bufferNames: Record<"base64" | "base64url", BufferEncoding> = { base64: "base64", base64url: "base64url" };

function agreesWithBuffer(profile: "base64" | "base64url", text: string): void {
  const bytes = Buffer.from(text, bufferNames[profile]);
  const canonical = bytes.toString(bufferNames[profile]) === text;
  const ours = decoded(profile, text);
  assert.is(ours !== undefined, canonical, `${profile} ${JSON.stringify(text)}`);
  if (ours !== undefined) assert.is(hex(ours), bytes.toString("hex"));
}

test("short texts: every one of up to 2 characters, and of 3 and 4 with any two last ones, against a Buffer round trip", () => {
  const alphabet = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_= \n."];
  const pairs = alphabet.flatMap((a) => alphabet.map((b) => a + b));
  const starts = ["", "A", "/", "_", "=", "==", "Zg", "A=", "-A", "9+"];
  const stackTraceLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0; // most of these throw
  try {
    for (const profile of ["base64", "base64url"] as const) {
      for (const text of ["", ...alphabet]) agreesWithBuffer(profile, text);
      for (const start of starts) for (const pair of pairs) agreesWithBuffer(profile, start + pair);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
});

test("every UTF-16 code unit outside the alphabet is refused, at every place of a group", () => {
  const stackTraceLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    for (let code = 0; code < 65_536; code += 1) {
      const character = String.fromCharCode(code);
      const text = `${"Zm9v".slice(0, code % 4)}${character}${"Zm9v".slice((code % 4) + 1)}`;
      assert.is(decoded("base64", text) !== undefined, /^[A-Za-z0-9+/]$/.test(character) || text === "Zm9=", `code unit ${code}`);
      assert.is(decoded("base64url", text) !== undefined, /^[\w-]$/.test(character), `code unit ${code}`);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
});

test("random bytes survive the round trip, and a changed text has other bytes or none", () =>
  withSeed((random) => {
    for (let round = 0; round < 2000; round += 1) {
      const bytes = random.bytes(random.below(100));
      for (const profile of profiles) {
        const text = encoders[profile](bytes);
        assert.is(hex(decoders[profile](text)), hex(bytes));
        const changed = Buffer.from(mutateBytes(Buffer.from(`${text}A`, "latin1"), random)).toString("latin1");
        const value = decoded(profile, changed);
        if (value !== undefined) assert.is(encoders[profile](value), changed);
      }
    }
  }));

test("an error says which encoding it is not, and quotes nothing", async () => {
  const secret = "c2VjcmV0IHNlY3JldA";
  const expected: readonly [() => unknown, RegExp][] = [
    [() => decodeBase64Url(`${secret}*`), /^not valid base64url$/],
    [() => decodeBase64Url(`${secret.slice(0, -1)}B`), /^not valid base64url$/],
    [() => decodeBase64Url(secret.slice(0, 17)), /^not valid base64url$/],
    [() => decodeBase64(secret), /^not valid base64$/],
    [() => decodeBase64Url(null as never), /^not valid base64url$/],
  ];
  for (const [attempt, message] of expected) {
    const error = await rejects(attempt, "ERR_KMS_INVALID_ENCODING");
    assert.match(error.message, message);
    assert.not.match(JSON.stringify(error) + error.stack, /c2Vj/);
  }
});

test("what is not a string is refused and never coerced", async () => {
  const values = [undefined, null, 0, 1e3, true, ["Zg=="], { toString: () => "Zg==" }, new String("Zg=="), Uint8Array.of(90, 103), Symbol("Zg")];
  for (const value of values) {
    await rejects(() => decodeBase64(value as never), "ERR_KMS_INVALID_ENCODING");
    await rejects(() => decodeBase64Url(value as never), "ERR_KMS_INVALID_ENCODING");
  }
});

test("what is not bytes is refused; bytes of another realm are taken, and views keep to their part", async () => {
  for (const value of [undefined, null, "Zg", [1], new ArrayBuffer(2), new DataView(new ArrayBuffer(2)), new Int8Array(2)]) {
    await rejects(() => encodeBase64(value as never), "ERR_KMS_INVALID_ARGUMENT");
    await rejects(() => encodeBase64Url(value as never), "ERR_KMS_INVALID_ARGUMENT");
  }
  assert.is(encodeBase64(runInNewContext("Uint8Array.of(102, 111)") as Uint8Array), "Zm8=");
  assert.is(encodeBase64(Uint8Array.of(1, 2, 102, 111, 3).subarray(2, 4)), "Zm8=");
  assert.is(encodeBase64(new Uint8Array(new SharedArrayBuffer(3))), "AAAA");
});

test("options: own ones only, and no other values", async () => {
  await rejects(() => decodeBase64("Zg", { padding: "optional" as never }), "ERR_KMS_INVALID_ARGUMENT");
  await rejects(() => encodeBase64(Uint8Array.of(1), { padding: "required" as never }), "ERR_KMS_INVALID_ARGUMENT");
  assert.is(hex(decodeBase64("Zg==", { padding: undefined })), "66");
  const prototype = Object.prototype as { padding?: unknown };
  prototype.padding = "forbidden";
  try {
    assert.is(hex(decodeBase64("Zg==", {})), "66");
    await rejects(() => decodeBase64("Zg", {}), "ERR_KMS_INVALID_ENCODING");
  } finally {
    delete prototype.padding;
  }
});

test.run();
