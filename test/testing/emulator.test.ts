/** What every emulator shares: recording, faults, and a fetch that can be aborted. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createEmulator } from "../../src/testing/emulator.js";
import type { Emulator } from "../../src/testing/emulator.js";
import type { Fault } from "../../src/testing/faults.js";
import { buildResponse } from "../../src/testing/response.js";

const URL_OF_IT = "https://service.example/path";

/** A service that answers how often it did what it was asked. */
function counter(): Emulator & { readonly done: () => number } {
  let done = 0;
  const emulator = createEmulator({
    operationOf: ({ method, body }) => `${method} ${body}`,
    handle: async () => {
      done += 1;
      return buildResponse(200, { "content-type": "application/json", "x-mine": "yes" }, { done });
    },
    throttled: () => buildResponse(429, {}, "slow down"),
  });
  return Object.assign(emulator, { done: () => done });
}

async function failure(work: Promise<unknown>): Promise<Error & { cause?: { code?: string } | undefined }> {
  try {
    await work;
  } catch (error) {
    return error as Error & { cause?: { code?: string } };
  }
  return assert.unreachable("it should have rejected") as never;
}

test("a request is recorded as it came, and answered with a length", async () => {
  const emulator = counter();
  const response = await emulator.fetch(URL_OF_IT, { method: "POST", headers: { "X-Test": "1" }, body: "\ufeffhé" });
  assert.equal([response.status, await response.text(), response.headers.get("content-length")], [200, '{"done":1}', "10"]);
  const [request] = emulator.requests;
  assert.equal([request?.method, request?.url, request?.headers["x-test"], request?.body], ["POST", URL_OF_IT, "1", "\ufeffhé"]);
  assert.is(request?.operation, "POST \ufeffhé");
  await emulator.fetch(new Request(URL_OF_IT));
  await emulator.fetch(new URL(URL_OF_IT));
  assert.is(emulator.requests.length, 3);
  assert.is(await (await emulator.handle(new Request(URL_OF_IT))).text(), '{"done":4}');
  assert.is(emulator.requests.length, 3, "handle does not record");
});

test("which requests a fault hits", async () => {
  const emulator = counter();
  emulator.faults.inject({ kind: "status", status: 503, times: 2, after: 1, when: ({ body }) => body === "hit" });
  emulator.faults.inject({ kind: "status", status: 502, times: Number.POSITIVE_INFINITY, when: ({ method }) => method === "DELETE" });
  const status = async (method: string, body?: string): Promise<number> =>
    (await emulator.fetch(URL_OF_IT, { method, ...(body === undefined ? {} : { body }) })).status;
  const seen = [];
  for (const body of ["hit", "miss", "hit", "hit", "hit"]) seen.push(await status("POST", body));
  assert.equal(seen, [200, 200, 503, 503, 200]);
  assert.equal([await status("DELETE"), await status("DELETE"), await status("GET")], [502, 502, 200]);
  emulator.faults.clear();
  assert.is(await status("DELETE"), 200);
  assert.equal(emulator.requests.map(({ fault }) => fault ?? "none").join(" "), "none none status status none status status none none");
});

for (const [kind, code, done] of [["refuse", "ECONNREFUSED", 0], ["cut-before", "UND_ERR_SOCKET", 0], ["cut-after", "UND_ERR_SOCKET", 1]] as const) {
  test(`${kind} rejects as fetch does`, async () => {
    const emulator = counter();
    emulator.faults.inject({ kind });
    const error = await failure(emulator.fetch(URL_OF_IT));
    assert.equal([error instanceof TypeError, error.message, error.cause?.code, emulator.done()], [true, "fetch failed", code, done]);
    emulator.faults.inject({ kind, code: "CERT_HAS_EXPIRED" });
    assert.is((await failure(emulator.fetch(URL_OF_IT))).cause?.code, "CERT_HAS_EXPIRED");
  });
}

test("cut-body breaks off half way, after the service did it", async () => {
  const emulator = counter();
  emulator.faults.inject({ kind: "cut-body" });
  const response = await emulator.fetch(URL_OF_IT);
  assert.equal([response.status, response.headers.get("x-mine"), response.headers.get("content-length")], [200, "yes", "10"]);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  assert.is(new TextDecoder().decode((await reader.read()).value), '{"don');
  assert.is((await failure(reader.read())) instanceof TypeError, true);
  assert.is(emulator.done(), 1);
});

test("stall answers nothing until it is aborted", async () => {
  const emulator = counter();
  emulator.faults.inject({ kind: "stall" });
  const controller = new AbortController();
  const pending = emulator.fetch(URL_OF_IT, { signal: controller.signal });
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason));
  assert.is(await failure(pending), reason);
  assert.is(emulator.done(), 0);
});

test("stall-body stops half way until it is aborted", async () => {
  const emulator = counter();
  emulator.faults.inject({ kind: "stall-body" });
  const controller = new AbortController();
  const response = await emulator.fetch(URL_OF_IT, { signal: controller.signal });
  const text = response.text();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason));
  assert.is(await failure(text), reason);
  assert.is(emulator.done(), 1);
});

test("an aborted request is not sent; one in flight rejects at once, and the service goes on", async () => {
  const emulator = counter();
  const reason = new Error("enough");
  assert.is(await failure(emulator.fetch(URL_OF_IT, { signal: AbortSignal.abort(reason) })), reason);
  assert.is(emulator.requests.length, 0);
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  emulator.faults.inject({ kind: "delay", until: gate });
  const controller = new AbortController();
  const pending = emulator.fetch(new Request(URL_OF_IT, { signal: controller.signal }));
  setTimeout(() => controller.abort(reason));
  assert.is(await failure(pending), reason);
  assert.is(emulator.done(), 0);
  release();
  await new Promise((resolve) => setTimeout(resolve));
  assert.is(emulator.done(), 1);
});

test("delay answers as usual", async () => {
  const emulator = counter();
  emulator.faults.inject({ kind: "delay", delayMs: 1 });
  assert.is(await (await emulator.fetch(URL_OF_IT)).text(), '{"done":1}');
});

interface Expected {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly done?: number;
}

const ANSWERS: readonly (readonly [string, Fault, Expected])[] = [
  ["status", { kind: "status" }, { status: 500, body: "" }],
  ["status with JSON", { kind: "status", status: 400, body: { a: 1 }, headers: { "x-a": "b" } }, { status: 400, body: '{"a":1}', headers: { "x-a": "b" } }],
  ["status after the fact", { kind: "status", handled: true }, { status: 500, done: 1 }],
  ["status without body", { kind: "status", status: 204, body: null }, { status: 204, body: "" }],
  ["status 0", { kind: "status", status: 0 }, { status: 0 }],
  ["status 100", { kind: "status", status: 100 }, { status: 100 }],
  ["status 999", { kind: "status", status: 999, body: "x" }, { status: 999, body: "x" }],
  ["redirect", { kind: "redirect" }, { status: 307, headers: { location: "https://elsewhere.example/" } }],
  ["redirect 302", { kind: "redirect", status: 302, headers: { location: "/x" } }, { status: 302, headers: { location: "/x" } }],
  ["garbage", { kind: "garbage" }, { status: 200, headers: { "content-type": "text/html" } }],
  ["garbage of one's own", { kind: "garbage", body: "[]", handled: true }, { status: 200, body: "[]", done: 1 }],
  ["throttle", { kind: "throttle", headers: { "retry-after": "3" } }, { status: 429, body: "slow down", headers: { "retry-after": "3" } }],
];
for (const [what, fault, { status, body, headers = {}, done = 0 }] of ANSWERS) {
  test(`a fault answers: ${what}`, async () => {
    const emulator = counter();
    emulator.faults.inject(fault);
    const response = await emulator.fetch(URL_OF_IT);
    const text = await response.text();
    assert.equal([response.status, response.ok, emulator.done()], [status, status >= 200 && status < 300, done]);
    if (body !== undefined) assert.is(text, body);
    for (const [name, value] of Object.entries(headers)) assert.is(response.headers.get(name), value);
  });
}

test("a redirect as a browser shows it", async () => {
  const emulator = counter();
  emulator.faults.inject({ kind: "redirect", status: 0 });
  const { type, status } = await emulator.fetch(URL_OF_IT);
  assert.equal([type, status], ["opaqueredirect", 0]);
});

test("oversize: a body of a given length, or one without end", async () => {
  const emulator = counter();
  emulator.faults.inject({ kind: "oversize", bytes: 1_048_577 });
  const honest = await emulator.fetch(URL_OF_IT);
  assert.is(honest.headers.get("content-length"), "1048577");
  assert.is((await honest.arrayBuffer()).byteLength, 1_048_577);
  emulator.faults.inject({ kind: "oversize" });
  const endless = await emulator.fetch(URL_OF_IT);
  assert.is(endless.headers.get("content-length"), null);
  const reader = (endless.body as ReadableStream<Uint8Array>).getReader();
  let read = 0;
  while (read < 3_000_000) read += (await reader.read()).value?.length ?? 0;
  await reader.cancel();
});

test("the clock is the one given", () => {
  const service = { operationOf: () => "", handle: async () => new Response(), throttled: () => new Response() };
  assert.is(createEmulator({ ...service, now: () => 5 }).now(), 5);
  assert.is(Math.abs(createEmulator(service).now() - Date.now()) < 60_000, true);
});

test.run();
