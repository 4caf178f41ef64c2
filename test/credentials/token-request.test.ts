import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { endsAfter, endsAt, isNearHost, isSecret, MAX_LIFETIME_MS, optionalSeconds, readToken, refusedToken, requestToken, requiredSecret, tokenError, type TokenRequest } from "../../src/credentials/token-request.js";
import { ConfigError } from "../../src/errors.js";
import type { Fields } from "../../src/http/fields.js";
import { answers, fetchFailed, json, TOKEN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";
import { assertNoSecret, timers } from "../support/run-send.js";

const URL_OF_TOKENS = "https://tokens.test/token?a=1";

function ask(fetch: TokenRequest["fetch"], more: Partial<TokenRequest> = {}): ReturnType<typeof requestToken> {
  return requestToken({ url: URL_OF_TOKENS, method: "POST", body: `secret=${TOKEN}`, fetch, signal: new AbortController().signal, timeoutMs: 5_000, source: "test source", format: "json", ...more });
}

test("the request is sent as it is, and no redirect is followed", async () => {
  const fetch = answers(json({ token: "t" }, 200, { "x-more": "1" }));
  const answer = await ask(fetch, { headers: { "x-secret": TOKEN } });
  assert.equal(answer.body, { token: "t" });
  assert.is(answer.status, 200);
  assert.is(answer.header("x-more"), "1");
  const [{ url, init }] = fetch.calls as [(typeof fetch.calls)[0]];
  assert.is(url, URL_OF_TOKENS);
  assert.is(init.method, "POST");
  assert.is(init.redirect, "manual");
  assert.is(init.body, `secret=${TOKEN}`);
  assert.equal(init.headers, { "accept-encoding": "identity", "x-secret": TOKEN });
});

test("a request without a body has none, and a body as text is text", async () => {
  const fetch = answers(new Response("plain\n"));
  const { body: _, ...bare } = { body: undefined, url: URL_OF_TOKENS, method: "GET", fetch, signal: new AbortController().signal, timeoutMs: 5_000, source: "s", format: "text" } as const;
  assert.is((await requestToken(bare)).body, "plain\n");
  assert.not.ok("body" in (fetch.calls[0]?.init ?? {}));
});

test("a refusal is an answer, repeated only when another one is likely", async () => {
  for (const [status, requests] of [[400, 1], [401, 1], [403, 1], [404, 1], [410, 1], [408, 3], [429, 3], [500, 3], [503, 3]] as const) {
    const fetch = answers(json({ error: "x" }, status));
    const answer = await ask(fetch);
    assert.is(answer.status, status);
    assert.equal(answer.body, { error: "x" });
    assert.is(fetch.calls.length, requests, String(status));
  }
  const fetch = answers(json({}, 410), json({ token: "t" }));
  assert.is((await ask(fetch, { repeats: ({ status }) => status === 410 })).status, 200);
  const once = answers(json({}, 500));
  await ask(once, { attempts: 1 });
  assert.is(once.calls.length, 1);
  const html = answers(new Response("<html>", { status: 401 }));
  assert.is((await ask(html)).body, undefined);
});

test("a failure before a refusal does not hide it, and a refusal before a failure is not it", async () => {
  assert.is((await ask(answers(fetchFailed("ECONNRESET"), json({}, 400)))).status, 400);
  await rejects(ask(answers(json({}, 500), fetchFailed("ECONNRESET"))), "ERR_KMS_CREDENTIALS");
});

test("what is no complete answer is a credentials error of the source", async () => {
  const huge = (): Response => new Response("x".repeat(1_048_577));
  const rows: [fetch: TokenRequest["fetch"], message: string, retryable: boolean][] = [
    [answers(fetchFailed("ECONNREFUSED")), "test source: no complete answer: network", true],
    [answers(fetchFailed("CERT_HAS_EXPIRED")), "test source: no complete answer: tls", false],
    [answers(new Response(null, { status: 302, headers: { location: "https://evil.test/" } })), "test source: no complete answer: redirect", false],
    [answers(new Response(null, { status: 304 })), "test source: response invalid: status", false],
    [answers(huge), "test source: no complete answer: too large", false],
    [answers(new Response(`<html>${TOKEN}`)), "test source: response invalid: the body is not JSON", false],
    [answers(new Response("{}", { headers: { "content-encoding": "gzip" } })), "test source: response invalid: content-encoding", false],
  ];
  for (const [fetch, message, retryable] of rows) {
    const error = await rejects(ask(fetch), "ERR_KMS_CREDENTIALS");
    assert.is(error.message, message);
    assert.is(error.retryable, retryable, message);
    assert.is(error.outcome, "not-sent");
    assert.ok(error instanceof ConfigError);
    assertNoSecret(error);
  }
});

test("no time is exceeded, and nothing is left behind", async () => {
  const before = timers();
  const error = await rejects(ask(() => new Promise(() => {}), { timeoutMs: 20, attempts: 1 }), "ERR_KMS_CREDENTIALS");
  assert.is(error.message, "test source: no complete answer: timeout");
  assert.is(error.retryable, true);
  const controller = new AbortController();
  const pending = ask(() => new Promise(() => {}), { signal: controller.signal });
  controller.abort();
  await rejects(pending, "ERR_KMS_ABORTED");
  await rejects(ask(() => new Promise(() => {}), { signal: AbortSignal.abort() }), "ERR_KMS_ABORTED");
  assert.is(timers(), before);
});

test("a wait that does not fit ends it at once", async () => {
  const fetch = answers(json({}, 429, { "retry-after": "60" }));
  const answer = await ask(fetch);
  assert.is(fetch.calls.length, 1);
  const error = refusedToken("test source", answer, "asks for fewer requests");
  assert.is(error.retryable, true);
  assert.is(error.retryAfterMs, 60_000);
  assert.is(error.message, "test source: asks for fewer requests");
});

test("http goes to near addresses only, and no address has parts that mislead", async () => {
  const bad = ["http://tokens.test/", "http://169.255.0.1/", "http://10.0.0.1/", "http://169.254.169.254.evil.test/", "http://169.254.170.2@evil.test/", "https://user:p@tokens.test/"];
  const worse = ["ftp://tokens.test/", "file:///etc/passwd", "/token", "", "https://tokens.test/#a", "https://tokens.test\\@evil.test/", "https://tokens.test/a b", "http://2852039166/", "http://0x7f.1/", "http://localhost.evil.test/"];
  for (const url of [...bad, ...worse]) {
    const fetch = answers(json({}));
    const error = await rejects(ask(fetch, { url }), "ERR_KMS_CREDENTIALS");
    assert.match(error.message, /^test source: the address must be a plain https URL/);
    assert.is(fetch.calls.length, 0, url);
  }
  for (const url of ["http://169.254.169.254/x", "http://[fd00:ec2::254]/x", "http://[fd00:ec2::23]/x", "http://127.0.0.1:1/x", "http://localhost:4/x", "http://[::1]/x", "http://169.254.170.2/", "https://tokens.test/x?y=z"]) {
    assert.is((await ask(answers(json({})), { url })).status, 200, url);
  }
  assert.is((await ask(answers(json({})), { url: "http://vault.test/", allowInsecureHttp: true })).status, 200);
  assert.not.ok(isNearHost("[fd00:ec2::1]"));
  assert.ok(isNearHost("[fe80::1]"));
});

test("over a real connection", async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["x-secret"]}`);
    response.end("role-name");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    const answer = await requestToken({ url, method: "PUT", headers: { "x-secret": "1" }, signal: new AbortController().signal, timeoutMs: 5_000, source: "s", format: "text" });
    assert.is(answer.body, "role-name");
    assert.equal(seen, ["PUT /token 1"]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("members are read strictly, and never shown", async () => {
  const read = (fields: Fields): string => requiredSecret(fields, "token");
  assert.is(readToken("s", { body: { token: "a.b-c" } }, read), "a.b-c");
  const body = { token: TOKEN };
  for (const bad of [undefined, null, "", [], "text", {}, { token: 1 }, { token: null }, { token: "" }, { token: `${TOKEN}\r\nx` }, { token: `${TOKEN} x` }, { token: `${TOKEN}é` }, { token: "x".repeat(65_537) }, Object.create(body)]) {
    const error = await rejects(() => readToken("test source", { body: bad }, read), "ERR_KMS_CREDENTIALS");
    assert.match(error.message, /^test source: response invalid/);
    assertNoSecret(error);
  }
  assert.ok(isSecret("x".repeat(65_536)));
  assert.throws(() => readToken("s", { body: {} }, () => { throw new TypeError("own fault"); }), TypeError);
});

test("seconds and ends are bounded", async () => {
  const seconds = (value: unknown, text: boolean): number | undefined => optionalSeconds({ expires_in: value }, "expires_in", { text });
  assert.is(seconds(3600, false), 3600);
  assert.is(seconds(-1, false), -1);
  assert.is(seconds("3600", true), 3600);
  assert.is(seconds(undefined, true), undefined);
  assert.is(seconds(null, false), undefined);
  const bad: [unknown, boolean][] = [["3600", false], ["-1", true], ["1e3", true], ["", true], [" 1", true], [true, true], [{}, true], [NaN, true], [Infinity, false]];
  for (const [value, text] of bad) await rejects(() => seconds(value, text), "ERR_KMS_RESPONSE_INVALID");
  const now = 1_000_000;
  for (const [given, end] of [[3600, now + 3_600_000], [0, now], [-1, now], [1e20, now + MAX_LIFETIME_MS]] as const) assert.is(endsAfter(given, now).getTime(), end);
  assert.is(endsAt(now - 5, now).getTime(), now);
  assert.is(endsAt(now + 5, now).getTime(), now + 5);
  assert.is(tokenError("s", "m", { hint: "h" }).hint, "h");
});

test.run();
