import { test } from "uvu";
import * as assert from "uvu/assert";
import { addressTrust, createTransport, transportProblems, TRANSPORT_OPTIONS } from "../../src/http/transport.js";
import { printable, readOptions, throwProblems } from "../../src/options.js";
import { ORIGIN } from "../support/fake-service.js";
import { rejects } from "../support/rejects.js";

function problemsOf(options: unknown): string[] {
  const problems: string[] = [];
  const read = readOptions(options, TRANSPORT_OPTIONS, problems);
  return [...problems, ...transportProblems(read)];
}

test("what the options may be", () => {
  assert.equal(problemsOf(undefined), []);
  assert.equal(problemsOf({}), []);
  const all = { fetch, retry: { attempts: 2, hintSlackMs: 5, refill: "last-cost" }, headers: { "X-A": "b c" }, now: Date.now, sleep: async () => {}, random: Math.random };
  assert.equal(problemsOf({ ...all, allowInsecureHttp: true, allowCustomEndpoint: false }), []);
  assert.equal(problemsOf({ fetch: undefined, headers: undefined }), [], "undefined is absent");
});

const FORBIDDEN =
  "authorization cookie host date expect connection te trailer upgrade transfer-encoding content-type content-length content-encoding content-md5 accept accept-encoding accept-language proxy-authorization proxy-connection sec-fetch-mode sec-x x-amz-date x-amz-target x-amz-security-token x-vault-token x-vault-namespace x-vault-index x-http-method x-http-method-override";

for (const name of FORBIDDEN.split(" ")) {
  test(`the header ${name} is refused, in any case`, () => {
    for (const spelling of [name, name.toUpperCase(), name.replace(/^./, (first) => first.toUpperCase())]) {
      const problems = problemsOf({ headers: { [spelling]: "x" } });
      assert.is(problems.length, 1, spelling);
      assert.match(problems[0] as string, "cannot be set");
    }
  });
}

test("headers that only begin like a forbidden one are taken", () => {
  for (const name of ["x-amzn-trace-id", "x-request-id", "user-agent", "dated", "hostname", "secret-of-mine", "contents", "proxied", "traceparent", "x-vaulted"]) {
    assert.equal(problemsOf({ headers: { [name]: "x" } }), [], name);
  }
});

test("header names and values that some runtime refuses or folds are refused here, and values are not shown", () => {
  for (const name of ["", "a b", "a:b", "a\r\nb", "ä", "a\0", "x".repeat(65), "a,b", "(a)"]) assert.is(problemsOf({ headers: { [name]: "x" } }).length, 1, JSON.stringify(name));
  for (const value of ["", " a", "a ", "a\r\nb", "a\0", "ä", "a\tb", "\x7f", 7, null, undefined, {}, ["a"]]) {
    const problems = problemsOf({ headers: { "x-a": value } });
    assert.is(problems.length, 1, JSON.stringify(value));
    assert.is(problems[0], 'headers: "x-a" must be visible ASCII');
  }
});

test("headers are a plain object", () => {
  for (const headers of [new Headers({ "x-a": "b" }), new Map([["x-a", "b"]]), [["x-a", "b"]], "x-a: b", null, 7]) {
    assert.equal(problemsOf({ headers }), ["headers must be a plain object"]);
  }
  assert.equal(problemsOf({ headers: Object.assign(Object.create(null) as object, { "x-a": "b" }) }), []);
});

test("retry takes known parts in their range", () => {
  for (const retry of [{ attempts: 1 }, { attempts: 10 }, { baseMs: 0 }, { tokens: 0 }, { refill: "first-try" }, { hintSlackMs: 0 }]) assert.equal(problemsOf({ retry }), []);
  for (const retry of [{ attempts: 0 }, { attempts: 11 }, { attempts: 1.5 }, { attempts: "3" }, { baseMs: -1 }, { baseMs: NaN }, { capMs: Infinity }, { tokens: null }, { refill: "often" }, { maxAttempts: 3 }]) {
    assert.is(problemsOf({ retry }).length, 1, JSON.stringify(retry));
  }
  for (const retry of [[], null, 3, "off", new Map()]) assert.equal(problemsOf({ retry }), ["retry must be a plain object"]);
});

test("every problem is told at once, unknown options too", () => {
  const problems = problemsOf({ fetch: 1, now: "x", sleep: {}, random: [], allowInsecureHttp: 1, allowCustomEndpoint: "no", headers: { host: "x", "x-a": "\n" }, retry: { attempts: 0 }, timeout: 5, "evil\r\nname": 1 });
  assert.is(problems.length, 11);
  assert.ok(problems.every((problem) => /^[\x20-\x7e…]+$/.test(problem)), "one line of plain text each");
});

test("options that are no object are a problem", () => {
  for (const options of [null, 7, "x", [], () => {}]) assert.is(problemsOf(options).length, 1);
});

test("a polluted Object.prototype is no option", () => {
  const pollution = { fetch: 1, headers: { host: "evil" }, allowInsecureHttp: true, retry: { attempts: 99 } };
  Object.assign(Object.prototype, pollution);
  try {
    assert.equal(problemsOf({}), []);
    const read = readOptions({}, TRANSPORT_OPTIONS, []);
    assert.is(addressTrust(read).insecureHttp, false);
    const transport = createTransport("fake", ORIGIN, read);
    assert.is(transport.fetch, undefined);
    assert.equal(Object.keys(transport.headers), []);
    assert.is(transport.budget.rules.attempts, 3);
  } finally {
    for (const name of Object.keys(pollution)) delete (Object.prototype as Record<string, unknown>)[name];
  }
});

test("an option is read once", () => {
  let reads = 0;
  const options = {
    get headers(): object {
      reads += 1;
      return { "x-a": "b" };
    },
  };
  readOptions(options, TRANSPORT_OPTIONS, []);
  assert.is(reads, 1);
});

test("what a transport is made of: a copy, frozen, with the defaults", () => {
  const headers = { "X-Mixed": "a" };
  const retry = { attempts: 5 };
  const transport = createTransport("fake", ORIGIN, readOptions({ headers, retry }, TRANSPORT_OPTIONS, []));
  headers["X-Mixed"] = "changed";
  retry.attempts = 9;
  assert.equal({ ...transport.headers }, { "x-mixed": "a" });
  assert.is(transport.budget.rules.attempts, 5);
  assert.is(transport.budget.rules.capMs, 5_000);
  assert.throws(() => Object.assign(transport.headers, { "x-mixed": "b" }));
  assert.is(typeof transport.now(), "number");
  const { random } = transport;
  assert.ok(random() >= 0 && random() < 1);
});

test("addressTrust: a custom endpoint unless it is said otherwise, http only if it is said", () => {
  assert.equal(addressTrust({}), { customEndpoint: true, insecureHttp: false });
  assert.equal(addressTrust({ allowCustomEndpoint: false, allowInsecureHttp: true }), { customEndpoint: false, insecureHttp: true });
  assert.equal(addressTrust({ allowInsecureHttp: "yes" }), { customEndpoint: true, insecureHttp: false });
});

test("printable: short and plain, and of other things than text the type alone", () => {
  assert.is(printable("alias/a-b_c.d:e@f+g"), '"alias/a-b_c.d:e@f+g"');
  assert.is(printable('a"b\r\n\u202e<'), '"a?b????"');
  assert.is(printable("x".repeat(100)), `"${"x".repeat(64)}"`);
  assert.is(printable(0.5), "(number)");
  const hostile = { toString: () => assert.unreachable("toString was called"), [Symbol.toPrimitive]: () => assert.unreachable("toPrimitive was called") };
  for (const [value, expected] of [[hostile, "(object)"], [Object.create(null), "(object)"], [Symbol("x"), "(symbol)"], [null, "(object)"], [undefined, "(undefined)"]] as const) {
    assert.is(printable(value), expected);
  }
});

test("throwProblems", async () => {
  throwProblems([]);
  const error = await rejects(() => throwProblems(["a is wrong", "b too"]), "ERR_KMS_CONFIG");
  assert.is(error.message, "a is wrong; b too");
  assert.equal((error as unknown as { problems: string[] }).problems, ["a is wrong", "b too"]);
  assert.is((await rejects(() => throwProblems(["a"]), "ERR_KMS_CONFIG")).message, "a");
});

test.run();
