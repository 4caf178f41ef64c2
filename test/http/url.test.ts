import { test } from "uvu";
import * as assert from "uvu/assert";
import { isLoopback, isPathSegment, parseEndpoint } from "../../src/http/url.js";

test("parseEndpoint: origin, host and path", () => {
  assert.equal(parseEndpoint("https://kms.example"), { origin: "https://kms.example", host: "kms.example", path: "" });
  assert.equal(parseEndpoint("https://kms.example/"), { origin: "https://kms.example", host: "kms.example", path: "" });
  assert.equal(parseEndpoint("HTTPS://KMS.Example:8443"), { origin: "https://kms.example:8443", host: "kms.example:8443", path: "" });
  assert.equal(parseEndpoint("https://kms.example:443"), { origin: "https://kms.example", host: "kms.example", path: "" });
  assert.equal(parseEndpoint("https://proxy.example/a/b-c/", { path: true }), { origin: "https://proxy.example", host: "proxy.example", path: "/a/b-c" });
  assert.equal(parseEndpoint("http://127.0.0.1:8200", { insecure: true }), { origin: "http://127.0.0.1:8200", host: "127.0.0.1:8200", path: "" });
  assert.equal(parseEndpoint("https://[::1]:8200"), { origin: "https://[::1]:8200", host: "[::1]:8200", path: "" });
});

// F59
for (const text of [
  "",
  "kms.example",
  "//kms.example",
  "ftp://kms.example",
  "file:///etc/passwd",
  "data:text/plain,x",
  "javascript:alert(1)",
  "https:/kms.example",
  "https:///kms.example",
  "https://",
  "https://user@kms.example",
  "https://user:pass@kms.example",
  "https://kms.example?x=1",
  "https://kms.example/?",
  "https://kms.example#x",
  "https://kms.example\\evil.example",
  "https://kms.example/\\evil",
  "https://kms. example",
  " https://kms.example",
  "https://kms.example ",
  "https://kms.exa\tmple",
  "https://kms.example\r\n",
  "https://kms.example\0",
  "https://kms.example/\u0085",
  "https://kms.example:99999",
  "https://kms.example:x",
  "https://[::1",
  "https://kms.example/a",
  "https://a%00b.example",
]) {
  test(`parseEndpoint refuses ${JSON.stringify(text)}`, () => {
    const parsed = parseEndpoint(text);
    assert.ok("problem" in parsed, JSON.stringify(parsed));
    if (text.length > 12) assert.not.ok(parsed.problem.includes(text), "the problem does not repeat the text");
  });
}

for (const text of ["https://k.example/a/../b", "https://k.example/./a", "https://k.example/%2e%2e/b", "https://k.example/a/%2E/b", "https://k.example//a", "https://k.example/a//b", "https://k.example/ä", "https://k.example/a b", "https://k.example/<"]) {
  test(`a path must be in its plain form: ${text}`, () => {
    assert.ok("problem" in parseEndpoint(text, { path: true }));
  });
}

test("http needs to be allowed", () => {
  for (const text of ["http://kms.example", "http://127.0.0.1", "HTTP://localhost"]) {
    const parsed = parseEndpoint(text);
    assert.match("problem" in parsed ? parsed.problem : "", "allowInsecureHttp");
    assert.ok("origin" in parseEndpoint(text, { insecure: true }));
  }
});

test("isLoopback: this machine, by name or literal, and nothing that only looks like it", () => {
  for (const host of ["localhost", "LOCALHOST", "localhost:8200", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:8200"]) assert.is(isLoopback(host), true, host);
  for (const host of ["localhost.example", "127.0.0.1.example", "127.1", "0.0.0.0", "10.0.0.1", "::1", "[::2]", "example", "localhost:", "a.localhost", "127.0.0.1:999999", ""]) assert.is(isLoopback(host), false, host);
});

test("a segment that is encoded by itself stays one", () => {
  for (const segment of ["my key", "a?b", "c#d", "e%f", "g&h=i", "ä", "%2e%2e", "...", "a;b", "@", ":"]) {
    assert.is(isPathSegment(segment), true, segment);
    assert.equal(new URL(`https://k.example/v1/${encodeURIComponent(segment)}`).pathname.split("/").map(decodeURIComponent), ["", "v1", segment]);
  }
});

for (const segment of ["", ".", "..", "a/b", "/", "a\\b", "a\0b", "a\r\nb", "\x7f", "\u0085", "\ud800", "a\udc00", "x".repeat(257)]) {
  test(`no segment of a path: ${JSON.stringify(segment.slice(0, 20))}`, () => assert.is(isPathSegment(segment), false));
}

test("a million characters are no segment", () => assert.is(isPathSegment("a".repeat(1_000_000)), false));

test.run();
