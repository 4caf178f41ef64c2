import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAX_BODY_BYTES, parseJson, readBody } from "../../src/http/body.js";
import { asObject, optionalBoolean, requiredBoolean } from "../../src/http/fields.js";
import type { Effect } from "../../src/http/send.js";
import { answers, json, TOKEN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";
import { run } from "../support/run-send.js";

const EFFECTS: readonly Effect[] = ["read", "compute", "change"];
const never = new AbortController().signal;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("parseJson takes one whole JSON text in UTF-8, and nothing else", () => {
  assert.equal(parseJson(bytes(' {"a":[1,"é",null]}\n')), { a: [1, "é", null] });
  assert.is(parseJson(bytes("null")), null);
  assert.is(parseJson(bytes("true")), true);
  assert.is(parseJson(bytes("7")), 7);
  for (const text of ["", " ", "<html>", "{}{}", "{} x", '{"a":1', "NaN", "undefined", "'a'", "\ufeff{}", "[1,]", "// x\n1"]) {
    assert.is(parseJson(bytes(text)), undefined, JSON.stringify(text));
  }
  for (const invalid of [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xe2, 0x82, 0x22], [0xff, 0xfe, 0x31, 0x00]]) {
    assert.is(parseJson(Uint8Array.from(invalid)), undefined, String(invalid));
  }
  assert.equal(parseJson(bytes('{"__proto__":{"admin":true}}')), JSON.parse('{"__proto__":{"admin":true}}'));
  assert.is(({} as { admin?: boolean }).admin, undefined);
});

// F36: a success that is not one whole JSON text is never a value.
const NOT_JSON: readonly (readonly [string, BodyInit])[] = [
  ["HTML", "<!doctype html><title>Sign in</title>"],
  ["XML", '<?xml version="1.0"?><Error/>'],
  ["two documents", "{}{}"],
  ["a byte order mark", "\ufeff{}"],
  ["invalid UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)],
  ["white space", "  \n"],
  ["a cut object", `{"token":"${TOKEN}`],
  ["a number of no kind", "NaN"],
];
for (const [what, body] of NOT_JSON) {
  for (const effect of EFFECTS) {
    test(`F10 F36 status 200 with ${what}: ${effect}`, async () => {
      const fetch = answers(() => new Response(body));
      const { error, transport } = await run(effect, { fetch });
      assert.is(error?.code, "ERR_KMS_RESPONSE_INVALID");
      assert.is(error?.status, 200);
      assert.is(error?.outcome, "unknown");
      assert.is(fetch.calls.length, effect === "change" ? 1 : 3, "it may have been cut off, so what can be repeated is");
      assert.is(transport.budget.tokens, effect === "change" ? 100 : 90);
    });
  }
}

test("a cut answer that comes whole the next time is a success", async () => {
  const { answer } = await run("compute", { fetch: answers(new Response('{"a":'), json({ a: 1 })) });
  assert.equal(answer?.body, { a: 1 });
});

test("an empty success has no body, and JSON of any kind is handed on as it is", async () => {
  for (const response of [new Response(""), new Response(null), new Response(null, { status: 204 }), new Response(null, { status: 205 })]) {
    const { answer } = await run("read", { fetch: answers(response) });
    assert.is(answer?.body, undefined);
    await rejects(() => asObject(answer?.body), "ERR_KMS_RESPONSE_INVALID");
  }
  for (const value of [null, [], "text", 1, true]) {
    const { answer } = await run("read", { fetch: answers(json(value)) });
    assert.equal(answer?.body, value);
    await rejects(() => asObject(answer?.body), "ERR_KMS_RESPONSE_INVALID");
  }
});

test("F38: what is not really a boolean is none", async () => {
  for (const valid of ["true", 1, {}, [true], [], "", 0]) {
    const { answer } = await run("compute", { fetch: answers(json({ valid })) });
    await rejects(() => requiredBoolean(asObject(answer?.body), "valid"), "ERR_KMS_RESPONSE_INVALID");
    await rejects(() => optionalBoolean(asObject(answer?.body), "valid"), "ERR_KMS_RESPONSE_INVALID");
  }
});

test("an error answer may have any body", async () => {
  for (const body of ["", "<html>", "\ufeff", '{"a":', "x".repeat(1_000_000), JSON.stringify({ message: TOKEN.repeat(1_000) })]) {
    const { error } = await run("read", { fetch: answers(() => new Response(body, { status: 404 })) });
    assert.is(error?.code, "ERR_KMS_NOT_FOUND");
    assert.ok((error?.message.length ?? 0) < 200);
  }
});

test("F42: an error body that holds our secrets back shows none of them", async () => {
  for (const status of [400, 401, 403, 404, 429, 500, 200]) {
    const echo = JSON.stringify({ message: TOKEN, code: TOKEN, errors: [TOKEN], token: TOKEN });
    const body = status === 200 ? echo.slice(0, -1) : echo;
    const headers = { "x-request-id": `id ${TOKEN}`, "retry-after": TOKEN };
    const failure = () => ({ code: "ERR_KMS_REJECTED", remedy: "none", providerCode: `${TOKEN}!` }) as const;
    const { error } = await run("compute", { fetch: answers(() => new Response(body, { status, headers })), failure });
    assert.ok(error, "run checks it for secrets");
  }
});

/** A body that is made as it is read, and notes that it was given up. */
function endless(total = Infinity): { stream: ReadableStream<Uint8Array>; state: { given: number; cancelled: boolean } } {
  const state = { given: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = Math.min(65_536, total - state.given);
      state.given += chunk;
      if (chunk > 0) controller.enqueue(new Uint8Array(chunk).fill(0x20));
      if (state.given === total) controller.close();
    },
    cancel() {
      state.cancelled = true;
    },
  });
  return { stream, state };
}

for (const effect of EFFECTS) {
  for (const status of [200, 404, 503]) {
    test(`F40 an endless body with status ${status}: ${effect}`, async () => {
      const { stream, state } = endless();
      const fetch = answers(() => new Response(stream, { status }));
      const { error } = await run(effect, { fetch });
      assert.is(error?.code, "ERR_KMS_TOO_LARGE");
      assert.is(error?.outcome, "unknown");
      assert.is(error?.status, status);
      assert.is(error?.retryable, false);
      assert.is(fetch.calls.length, 1, "not repeated");
      assert.ok(state.given <= MAX_BODY_BYTES + 4 * 65_536, `${state.given} bytes were taken`);
      assert.is(state.cancelled, true);
    });
  }
}

test("F40 the bound: a body of exactly that size is taken, one byte more is not", async () => {
  const fits = await readBody(new Response(endless(MAX_BODY_BYTES).stream), never);
  assert.is(fits.length, MAX_BODY_BYTES);
  await rejects(readBody(new Response(endless(MAX_BODY_BYTES + 1).stream), never), "ERR_KMS_TOO_LARGE");
});

test("F40 an honest length over the bound is refused before anything is read", async () => {
  const { stream, state } = endless();
  const response = new Response(stream, { headers: { "content-length": String(MAX_BODY_BYTES + 1) } });
  await rejects(readBody(response, never), "ERR_KMS_TOO_LARGE");
  assert.ok(state.given <= 2 * 65_536, "only what the stream makes by itself");
  assert.is(state.cancelled, true);
});

test("F40 a length that lies, or is no number, does not help", async () => {
  for (const length of ["5", "0", "-1", "abc", "5, 5", "1e3", "9".repeat(40), ""]) {
    const { stream, state } = endless();
    const response = new Response(stream, { headers: { "content-length": length } });
    await rejects(readBody(response, never), "ERR_KMS_TOO_LARGE");
    assert.is(state.cancelled, true, length);
  }
});

test("F40 a content encoding is refused, stacked or not, and nothing is decoded", async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  for (const encoding of ["gzip", "GZIP", "gzip, gzip", "br", "deflate", "identity, gzip", "x-unknown"]) {
    for (const effect of EFFECTS) {
      const fetch = answers(() => new Response(bomb, { headers: { "content-encoding": encoding } }));
      const { error } = await run(effect, { fetch });
      assert.is(error?.code, "ERR_KMS_RESPONSE_INVALID");
      assert.is(error?.status, 200);
      assert.is(error?.outcome, "unknown");
      assert.is(fetch.calls.length, 1);
    }
  }
  const plain = new Response("{}", { headers: { "content-encoding": "identity" } });
  assert.equal(await readBody(plain, never), bytes("{}"));
});

test("a body in many pieces is put together, and its characters are not cut", async () => {
  const whole = bytes(JSON.stringify({ text: "äöü€𝄞".repeat(50) }));
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of whole) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const { answer } = await run("read", { fetch: answers(() => new Response(stream)) });
  assert.equal(answer?.body, { text: "äöü€𝄞".repeat(50) });
});

test("a body that does not listen to the signal is given up when it fires", async () => {
  const controller = new AbortController();
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    cancel() {
      cancelled = true;
    },
  });
  const reading = readBody(new Response(stream), controller.signal);
  controller.abort();
  await reading;
  assert.is(cancelled, true);
});

test("an answer that comes too late is not read", async () => {
  const { stream, state } = endless();
  assert.is((await readBody(new Response(stream), AbortSignal.abort())).length, 0);
  assert.is(state.cancelled, true);
});

test.run();
