import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/http/send.js";
import { answers, fakeService, fetchFailed, json, ORIGIN, request, TOKEN } from "../support/fake-service.js";
import { run, type RunOptions } from "../support/run-send.js";

const EFFECTS: readonly Effect[] = ["read", "compute", "change"];

test("one request with what was asked for, the credential, and nothing that follows redirects or decodes", async () => {
  const fetch = answers(json({ ok: true }, 200, { "x-request-id": "id-1" }));
  const { answer, context, service } = await run("compute", { fetch, headers: { "X-Trace": "t" } });
  assert.equal(answer?.body, { ok: true });
  assert.is(answer?.status, 200);
  assert.is(answer?.requestId, "id-1");
  assert.is(answer?.header("content-type"), "application/json");
  assert.is(fetch.calls.length, 1);
  const [{ url, init }] = fetch.calls as [(typeof fetch.calls)[0]];
  assert.is(url, request.url);
  assert.is(init.method, "POST");
  assert.is(init.body, request.body);
  assert.is(init.redirect, "manual");
  assert.ok(init.signal instanceof AbortSignal);
  assert.equal({ ...(init.headers as object) }, {
    "x-trace": "t",
    "accept-encoding": "identity",
    "content-type": "application/json",
    authorization: `Bearer ${TOKEN}-1`,
  });
  assert.equal(Object.keys(init).sort(), ["body", "headers", "method", "redirect", "signal"]);
  assert.is(context.attempts, 1);
  assert.is(context.changeSent, false);
  assert.equal(service.observed, [{ status: 200, effect: "compute" }]);
});

test("a polluted Object.prototype adds nothing to a request", async () => {
  const fetch = answers(json({}));
  const pollution = { body: "x", credentials: "include", integrity: "sha256-x", keepalive: true, mode: "cors", dispatcher: {} };
  Object.assign(Object.prototype, pollution);
  try {
    await run("read", { fetch, request: { method: "GET", url: request.url, headers: {} } });
    const { init } = fetch.calls[0] as (typeof fetch.calls)[0];
    for (const name of Object.keys(pollution)) assert.is((init as Record<string, unknown>)[name], undefined, name);
  } finally {
    for (const name of Object.keys(pollution)) delete (Object.prototype as Record<string, unknown>)[name];
  }
});

test("the options' fetch is called as a plain function, and the global one is looked up at the call", async () => {
  let self: unknown = "not called";
  await run("read", {
    async fetch(this: unknown) {
      self = this;
      return json({});
    },
  });
  assert.is(self, undefined);

  const own = globalThis.fetch;
  try {
    globalThis.fetch = (async () => json({ global: true })) as typeof fetch;
    assert.equal((await run("read")).answer?.body, { global: true });
    globalThis.fetch = undefined as never;
    const { error, context } = await run("read");
    assert.is(error?.code, "ERR_KMS_UNSUPPORTED");
    assert.is(error?.message, "globalThis.fetch is required");
    assert.is(context.attempts, 0);
  } finally {
    globalThis.fetch = own;
  }
});

for (const url of ["https://kms.test.evil.example/x", "https://kms.test@evil.example/", "http://kms.test/x", "https://kms.test:8443/x", "//kms.test/x", "/x", "https://KMS.test/x", ORIGIN]) {
  test(`only the configured origin: ${url}`, async () => {
    const fetch = answers(json({}));
    const asked = await run("read", { fetch, request: { ...request, url } });
    assert.is(asked.error?.code, "ERR_KMS_INVALID_ARGUMENT");
    assert.is(asked.service.authorized.length, 0, "no credential was asked for");
    const rewritten = await run("change", { fetch, authorize: async (wire) => ({ request: { ...wire, url }, credential: "" }) });
    assert.is(rewritten.error?.code, "ERR_KMS_INVALID_ARGUMENT");
    assert.is(rewritten.context.changeSent, false);
    assert.is(fetch.calls.length, 0);
  });
}

interface Expected {
  readonly what: string;
  readonly answer: () => Response | Promise<Response>;
  readonly code: string;
  /** Arrivals of a read or compute, and of a change. */
  readonly sent: readonly [repeatable: number, change: number];
  readonly outcome: readonly [repeatable: string, change: string];
  readonly retryable: readonly [repeatable: boolean, change: boolean];
  readonly options?: RunOptions;
}

const both = <T>(value: T): readonly [T, T] => [value, value];
const lost = (code: string, syscall?: string) => () => Promise.reject(fetchFailed(code, syscall));

const TABLE: readonly Expected[] = [
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "ConnectionRefused"].map((code) => ({
    what: `F01 F02 ${code}`,
    answer: lost(code),
    code: "ERR_KMS_NETWORK",
    sent: both(3),
    outcome: both("not-sent"),
    retryable: both(true),
  })),
  { what: "EHOSTUNREACH while connecting", answer: lost("EHOSTUNREACH", "connect"), code: "ERR_KMS_NETWORK", sent: both(3), outcome: both("not-sent"), retryable: both(true) },
  { what: "EHOSTUNREACH on an open connection", answer: lost("EHOSTUNREACH", "read"), code: "ERR_KMS_NETWORK", sent: [3, 1], outcome: both("unknown"), retryable: [true, false] },
  ...["ECONNRESET", "UND_ERR_SOCKET", "EPIPE", "ETIMEDOUT"].map((code) => ({
    what: `F04 F05 ${code}`,
    answer: lost(code),
    code: "ERR_KMS_NETWORK",
    sent: [3, 1] as const,
    outcome: both("unknown"),
    retryable: [true, false] as const,
  })),
  { what: "an error without a code", answer: async () => Promise.reject(new TypeError("fetch failed")), code: "ERR_KMS_NETWORK", sent: [3, 1], outcome: both("unknown"), retryable: [true, false] },
  ...["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"].map((code) => ({
    what: `F03 ${code}`,
    answer: lost(code),
    code: "ERR_KMS_TLS",
    sent: both(1),
    outcome: both("not-sent"),
    retryable: both(false),
  })),
  ...["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_NO_CERT_SET", "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "EPROTO"].map((code) => ({
    what: `F03 ${code}, which can happen under way`,
    answer: lost(code),
    code: "ERR_KMS_TLS",
    sent: both(1),
    outcome: both("unknown"),
    retryable: both(false),
  })),
  { what: "F41 headers over the runtime's limit", answer: lost("UND_ERR_HEADERS_OVERFLOW"), code: "ERR_KMS_TOO_LARGE", sent: both(1), outcome: both("unknown"), retryable: both(false) },
  ...[500, 502, 503, 504].map((status) => ({
    what: `F18 F19 ${status}`,
    answer: async () => json({}, status),
    code: "ERR_KMS_UNAVAILABLE",
    sent: [3, 1] as const,
    outcome: both("unknown"),
    retryable: [true, false] as const,
  })),
  { what: "F19 503, and the service says that it did nothing", answer: async () => json({ code: "Standby" }, 503), code: "ERR_KMS_UNAVAILABLE", sent: both(3), outcome: both("rejected"), retryable: both(true) },
  { what: "F22 429 for ever", answer: async () => json({}, 429), code: "ERR_KMS_THROTTLED", sent: both(3), outcome: both("rejected"), retryable: both(true) },
  { what: "F23 400 ThrottlingException", answer: async () => json({ code: "ThrottlingException" }, 400), code: "ERR_KMS_THROTTLED", sent: both(3), outcome: both("rejected"), retryable: both(true) },
  { what: "F24 LimitExceededException", answer: async () => json({ code: "LimitExceededException" }, 400), code: "ERR_KMS_QUOTA", sent: both(1), outcome: both("rejected"), retryable: both(false) },
  ...[400, 404, 405, 409, 413, 415, 422].map((status) => ({
    what: `F27 ${status}`,
    answer: async () => json({}, status),
    code: status === 404 ? "ERR_KMS_NOT_FOUND" : "ERR_KMS_REJECTED",
    sent: both(1),
    outcome: both("rejected"),
    retryable: both(false),
  })),
  { what: "F29 403", answer: async () => json({}, 403), code: "ERR_KMS_ACCESS_DENIED", sent: both(1), outcome: both("rejected"), retryable: both(false) },
  { what: "F30 408", answer: async () => json({}, 408), code: "ERR_KMS_UNAVAILABLE", sent: [3, 1], outcome: both("unknown"), retryable: [true, false] },
  { what: "F30 425", answer: async () => json({}, 425), code: "ERR_KMS_UNAVAILABLE", sent: [3, 1], outcome: both("unknown"), retryable: [true, false] },
  { what: "F31 421", answer: async () => json({}, 421), code: "ERR_KMS_REJECTED", sent: both(1), outcome: both("unknown"), retryable: both(false) },
  { what: "F28 401, and no other credential can be had", answer: async () => json({}, 401), code: "ERR_KMS_UNAUTHENTICATED", sent: both(1), outcome: both("rejected"), retryable: both(false) },
  { what: "F28 401 for ever, with a new credential each time", answer: async () => json({}, 401), code: "ERR_KMS_UNAUTHENTICATED", sent: both(2), outcome: both("rejected"), retryable: both(false), options: { recovers: true } },
];

for (const { what, answer, code, sent, outcome, retryable, options } of TABLE) {
  for (const effect of EFFECTS) {
    test(`${what}: ${effect}`, async () => {
      const column = effect === "change" ? 1 : 0;
      const fetch = answers(answer);
      const { error, context } = await run(effect, { fetch, ...options });
      assert.is(error?.code, code);
      assert.is(fetch.calls.length, sent[column], "arrivals");
      assert.is(context.attempts, sent[column], "context.attempts");
      assert.is(error?.attempts, sent[column], "error.attempts");
      assert.is(error?.outcome, outcome[column]);
      assert.is(error?.retryable, retryable[column]);
      assert.is(context.changeSent, effect === "change");
      assert.is(error?.provider, "fake");
      assert.is(error?.operation, "test");
      assert.is(error?.cause, undefined);
    });
  }
}

test("F31: a service that reads 421 as a refusal does not make it one, for the runtime may have sent it twice", async () => {
  const failure = () => ({ code: "ERR_KMS_REJECTED", remedy: "none", outcome: "rejected" }) as const;
  assert.is((await run("change", { fetch: answers(json({}, 421)), failure })).error?.outcome, "unknown");
});

test("F28: a refused credential is replaced and the request repeated once, with the new one", async () => {
  for (const effect of EFFECTS) {
    const fetch = answers(json({}, 401), json({ done: true }));
    const { answer, service, transport } = await run(effect, { fetch, recovers: true });
    assert.equal(answer?.body, { done: true });
    assert.equal(service.recoveries, [{ remedy: "credentials", credential: `${TOKEN}-1` }]);
    const sentWith = fetch.calls.map(({ init }) => (init.headers as Record<string, string>).authorization);
    assert.equal(sentWith, [`Bearer ${TOKEN}-1`, `Bearer ${TOKEN}-2`]);
    assert.equal(transport.waits, [], "without a wait");
    assert.is(transport.budget.tokens, 100, "and without a token of the budget");
  }
});

test("each remedy helps once: credentials, clock, and then no more", async () => {
  const fetch = answers(json({}, 401), json({ code: "Clock" }, 400), json({}, 401));
  const { error, service } = await run("compute", { fetch, recovers: true });
  assert.is(error?.code, "ERR_KMS_UNAUTHENTICATED");
  assert.equal(service.recoveries.map(({ remedy }) => remedy), ["credentials", "clock"]);
  assert.is(fetch.calls.length, 3);
});

test("a change whose refusal does not exclude that it was done is not repeated with another credential either", async () => {
  const fetch = answers(json({}, 500));
  const failure = () => ({ code: "ERR_KMS_UNAVAILABLE", remedy: "credentials" }) as const;
  const { error, service } = await run("change", { fetch, recovers: true, failure });
  assert.is(error?.outcome, "unknown");
  assert.is(fetch.calls.length, 1);
  assert.is(service.recoveries.length, 0);
});

test("a change that was throttled first, and lost then, is unknown; one that was throttled and refused a connection is not", async () => {
  const thenLost = answers(json({}, 429), fetchFailed("ECONNRESET"));
  assert.is((await run("change", { fetch: thenLost })).error?.outcome, "unknown");
  assert.is(thenLost.calls.length, 2);
  const thenRefused = answers(json({}, 429), fetchFailed("ECONNREFUSED"));
  const { error } = await run("change", { fetch: thenRefused });
  assert.is(error?.outcome, "rejected", "the attempt before was refused, the last one never arrived");
  assert.is(thenRefused.calls.length, 3);
});

test("a read that was lost, and was refused a connection then, stays unknown", async () => {
  const { error } = await run("read", { fetch: answers(fetchFailed("ECONNRESET"), fetchFailed("ECONNREFUSED")) });
  assert.is(error?.outcome, "unknown");
});

test("F20: a hint is waited for, in seconds, as a date, in milliseconds", async () => {
  for (const [headers, waits] of [
    [{ "retry-after": "2" }, [2_000]],
    [{ "retry-after": "Fri, 02 Jan 2026 05:00:04 GMT", date: "Fri, 02 Jan 2026 05:00:00 GMT" }, [4_000]],
    [{ "x-wait-ms": "1234", "retry-after": "2" }, [1_234]],
  ] as [Record<string, string>, number[]][]) {
    for (const status of [429, 503]) {
      const { answer, transport } = await run("compute", { fetch: answers(json({}, status, headers), json({})) });
      assert.is(answer?.status, 200);
      assert.equal(transport.waits, waits);
    }
    const change = await run("change", { fetch: answers(json({}, 429, headers), json({})) });
    assert.equal(change.transport.waits, waits);
  }
});

test("F21: a hint that cannot be read leaves the jittered delay", async () => {
  for (const value of ["0", "-1", "1e9", "1e400", "NaN", "", "Thu, 01 Jan 1970 00:00:00 GMT", "1, 2", "x".repeat(10_240)]) {
    const { transport, answer } = await run("compute", { fetch: answers(json({}, 503, { "retry-after": value }), json({})) });
    assert.is(answer?.status, 200);
    assert.equal(transport.waits, [50], value.slice(0, 40));
  }
});

test("a hint beyond the deadline fails at once, and says how long", async () => {
  for (const effect of EFFECTS) {
    const { error, transport, context } = await run(effect, { fetch: answers(json({}, 429, { "retry-after": "3600" })) });
    assert.is(error?.code, "ERR_KMS_THROTTLED");
    assert.is(error?.retryAfterMs, 3_600_000);
    assert.equal(transport.waits, []);
    assert.is(context.attempts, 1);
  }
});

test("retry: { attempts: 1 } switches it off, and an empty bucket too", async () => {
  const once = answers(json({}, 503));
  assert.is((await run("read", { fetch: once, retry: { attempts: 1 } })).error?.attempts, 1);
  const empty = answers(json({}, 503));
  assert.is((await run("read", { fetch: empty, retry: { tokens: 4 } })).error?.attempts, 1);
});

test("events: attempts, retries, and never a secret", async () => {
  const fetch = answers(json({ echo: TOKEN }, 503, { "x-request-id": "r1" }), fetchFailed("ECONNRESET"), json({ echo: TOKEN }, 200, { "x-request-id": "r3" }));
  const { context } = await run("compute", { fetch });
  const seen = context.events.map((event) => {
    assert.is(event.provider, "fake");
    assert.is(event.operation, "test");
    if ("durationMs" in event) assert.ok(event.durationMs >= 0);
    const { durationMs: _, provider: __, operation: ___, ...rest } = event as unknown as Record<string, unknown>;
    return rest;
  });
  assert.equal(seen, [
    { type: "attempt", attempt: 1, outcome: "ERR_KMS_UNAVAILABLE", status: 503, requestId: "r1" },
    { type: "retry", attempt: 1, delayMs: 50, reason: "ERR_KMS_UNAVAILABLE" },
    { type: "attempt", attempt: 2, outcome: "ERR_KMS_NETWORK", status: undefined, requestId: undefined },
    { type: "retry", attempt: 2, delayMs: 100, reason: "ERR_KMS_NETWORK" },
    { type: "attempt", attempt: 3, outcome: "ok", status: 200, requestId: "r3" },
  ]);
  assert.not.ok(JSON.stringify(context.events).includes(TOKEN));
});

test("a failed authorization is no attempt", async () => {
  const fetch = answers(json({}));
  const failing = await run("compute", { fetch, authorize: async () => Promise.reject(new Error(`secret in here ${TOKEN}`)) });
  assert.is(failing.error?.code, "ERR_KMS_NETWORK");
  assert.is(failing.error?.outcome, "not-sent");
  assert.is(failing.error?.provider, "fake");
  assert.is(failing.context.attempts, 0);
  assert.equal(failing.context.events.filter(({ type }) => type === "attempt"), []);
  assert.is(fetch.calls.length, 0);
});

test("ids and codes of the service are taken as short words only", async () => {
  for (const [id, expected] of [
    ["req/1+a=b:c.d_e-f", "req/1+a=b:c.d_e-f"],
    ["has blank", undefined],
    ["x".repeat(129), undefined],
    ["<script>", undefined],
  ] as const) {
    const { error } = await run("read", { fetch: answers(json({}, 404, { "x-request-id": id })) });
    assert.is(error?.requestId, expected, id);
  }
  for (const [providerCode, expected] of [
    ["NotFoundException", "NotFoundException"],
    ["a b", undefined],
    ["1x", undefined],
    ["x".repeat(65), undefined],
    [`${TOKEN} `, undefined],
  ] as const) {
    const failure = () => ({ code: "ERR_KMS_NOT_FOUND", remedy: "none", providerCode }) as const;
    const { error } = await run("read", { fetch: answers(json({}, 404)), failure });
    assert.is(error?.providerCode, expected, providerCode);
  }
});

test("what observe is told: each answer, with the effect", async () => {
  const service = fakeService();
  await run("change", { service, fetch: answers(json({}, 429), json({})) });
  assert.equal(service.observed, [
    { status: 429, effect: "change" },
    { status: 200, effect: "change" },
  ]);
});

test.run();
