import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeFailure } from "../../src/azure/errors.js";
import type { KmsError, KmsErrorCode } from "../../src/errors.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { BUNDLE, kid, OTHER_VERSION, testProvider, testService, VERSION, type Given } from "./service.js";

const key = { keyId: "signer", keyVersion: VERSION };
const digest = new Uint8Array(32);

interface Case {
  readonly name: string;
  readonly response: Given & { readonly status: number };
}

interface Reading {
  readonly code: KmsErrorCode;
  /** The service's code that the error names. */
  readonly providerCode?: string;
  /** Requests for a signature that never succeeds. */
  readonly requests: number;
  readonly retryable?: boolean;
  readonly outcome?: "rejected" | "unknown";
  readonly retryAfterMs?: number;
  readonly hint?: RegExp;
}

const UNAUTHENTICATED: Reading = { code: "ERR_KMS_UNAUTHENTICATED", providerCode: "Unauthorized", requests: 1, hint: /https:\/\/vault\.azure\.net\/\.default/ };
const CONFLICT: Reading = { code: "ERR_KMS_CONFLICT", requests: 1 };
const REJECTED: Reading = { code: "ERR_KMS_REJECTED", providerCode: "BadParameter", requests: 1 };
const THROTTLED: Reading = { code: "ERR_KMS_THROTTLED", providerCode: "Throttled", requests: 3, retryable: true };
const UNAVAILABLE: Reading = { code: "ERR_KMS_UNAVAILABLE", requests: 3, retryable: true, outcome: "unknown" };

/** Our reading of each case of `errors.json`. */
const READINGS: Readonly<Record<string, Reading>> = {
  "no-token": UNAUTHENTICATED,
  "wrong-audience": UNAUTHENTICATED,
  "wrong-tenant": UNAUTHENTICATED,
  "cae-claims": UNAUTHENTICATED,
  "hsm-no-token-empty-body": { code: "ERR_KMS_UNAUTHENTICATED", requests: 1 },
  "hsm-wrong-audience": UNAUTHENTICATED,
  "forbidden-policy": { code: "ERR_KMS_ACCESS_DENIED", providerCode: "ForbiddenByPolicy", requests: 1, hint: /access policy/ },
  "forbidden-policy-old-code": { code: "ERR_KMS_ACCESS_DENIED", providerCode: "AccessDenied", requests: 1, hint: /access policy/ },
  "forbidden-rbac": { code: "ERR_KMS_ACCESS_DENIED", providerCode: "ForbiddenByRbac", requests: 1, hint: /spread/ },
  "forbidden-firewall": { code: "ERR_KMS_ACCESS_DENIED", providerCode: "ForbiddenByFirewall", requests: 1, hint: /network/ },
  "forbidden-connection": { code: "ERR_KMS_ACCESS_DENIED", providerCode: "ForbiddenByConnection", requests: 1, hint: /network/ },
  "forbidden-connection-2": { code: "ERR_KMS_ACCESS_DENIED", providerCode: "ForbiddenByConnection", requests: 1, hint: /network/ },
  "key-disabled": { code: "ERR_KMS_KEY_STATE", providerCode: "KeyDisabled", requests: 1 },
  "key-operation-forbidden": { code: "ERR_KMS_KEY_STATE", providerCode: "KeyOperationForbidden", requests: 1 },
  "key-outside-validity": { code: "ERR_KMS_KEY_EXPIRED", providerCode: "KeyExpired", requests: 1 },
  "unknown-inner-code": { code: "ERR_KMS_ACCESS_DENIED", providerCode: "ForbiddenBySomethingNew", requests: 1 },
  "key-not-found": { code: "ERR_KMS_NOT_FOUND", providerCode: "KeyNotFound", requests: 1 },
  "deleted-key-not-found": { code: "ERR_KMS_NOT_FOUND", providerCode: "KeyNotFound", requests: 1 },
  "conflict-deleted-but-recoverable": { ...CONFLICT, providerCode: "ObjectIsDeletedButRecoverable" },
  "conflict-being-deleted": { ...CONFLICT, providerCode: "ObjectIsBeingDeleted", requests: 3, retryable: true },
  "conflict-being-recovered": { ...CONFLICT, providerCode: "ObjectIsBeingRecovered", requests: 3, retryable: true },
  "bad-digest-length": REJECTED,
  "bad-kty": { ...REJECTED },
  "bad-api-version": REJECTED,
  "alg-key-mismatch": REJECTED,
  "hsm-bad-count": REJECTED,
  "throttled-no-retry-after": THROTTLED,
  "throttled-retry-after-seconds": { ...THROTTLED, retryAfterMs: 3_000 },
  "throttled-retry-after-date": { ...THROTTLED, retryAfterMs: 5_000 },
  "internal-error": { ...UNAVAILABLE, providerCode: "InternalServerError" },
  "unavailable-html": { ...UNAVAILABLE, retryAfterMs: 1_000 },
  "gateway-timeout-empty": UNAVAILABLE,
  "lowkey-illegal-state": { ...UNAVAILABLE, providerCode: "java.lang.IllegalStateException" },
};

const { cases } = JSON.parse(readFileSync("fixtures/azure/errors.json", "utf8")) as { cases: Case[] };

/** No piece of the texts of an answer is in an error. */
function assertClean(error: KmsError, given: Given): void {
  const seen = `${error.message} ${error.stack} ${JSON.stringify(error)} ${inspect(error, { depth: Infinity, showHidden: true })}`;
  const text = given.bodyText ?? JSON.stringify(given.body ?? "");
  for (const piece of text.match(/[\w@=/:.-]{16,}/g) ?? []) {
    const ours = [error.providerCode, error.requestId, "https://vault.azure.net"];
    if (!ours.includes(piece)) assert.not.ok(seen.includes(piece), piece);
  }
  assert.not.ok(seen.includes("test-token"));
}

for (const { name, response } of cases) {
  test(`vectors: ${name}`, async () => {
    const reading = READINGS[name];
    assert.ok(reading !== undefined, "no reading of this case");
    const service = testService(response);
    const sign = testProvider(service).sign({ key, algorithm: "ES256", form: "digest", input: digest }, testContext({ operation: "sign" }));
    const error = await rejects(sign, reading.code);
    const providerCode = name === "bad-kty" ? "KeyTypeNotSupported" : reading.providerCode;
    const { retryable = false, outcome = "rejected", retryAfterMs, hint } = reading;
    assert.equal(
      { providerCode: error.providerCode, retryable: error.retryable, outcome: error.outcome, retryAfterMs: error.retryAfterMs, status: error.status, attempts: error.attempts },
      { providerCode, retryable, outcome, retryAfterMs, status: response.status, attempts: reading.requests },
    );
    assert.is(error.requestId, response.headers?.["x-ms-request-id"]);
    assert.is(error.provider, "azure");
    assert.is(error.operation, "sign");
    assert.is(service.sent.length, reading.requests);
    if (hint !== undefined) assert.match(error.hint ?? "", hint);
    assertClean(error, response);
  });
}

test("vectors: every case has a reading", () => {
  assert.equal(cases.map(({ name }) => name).sort(), Object.keys(READINGS).sort());
});

test("statuses without a code that tells", async () => {
  const table: readonly [number, KmsErrorCode, number, "rejected" | "unknown"][] = [
    [400, "ERR_KMS_REJECTED", 1, "rejected"],
    [401, "ERR_KMS_UNAUTHENTICATED", 1, "rejected"],
    [402, "ERR_KMS_REJECTED", 1, "rejected"],
    [403, "ERR_KMS_ACCESS_DENIED", 1, "rejected"],
    [404, "ERR_KMS_NOT_FOUND", 1, "rejected"],
    [405, "ERR_KMS_REJECTED", 1, "rejected"],
    [408, "ERR_KMS_UNAVAILABLE", 3, "unknown"],
    [409, "ERR_KMS_CONFLICT", 1, "rejected"],
    [413, "ERR_KMS_REJECTED", 1, "rejected"],
    [415, "ERR_KMS_REJECTED", 1, "rejected"],
    [421, "ERR_KMS_REJECTED", 1, "unknown"],
    [422, "ERR_KMS_REJECTED", 1, "rejected"],
    [425, "ERR_KMS_UNAVAILABLE", 3, "unknown"],
    [429, "ERR_KMS_THROTTLED", 3, "rejected"],
    [500, "ERR_KMS_UNAVAILABLE", 3, "unknown"],
    [501, "ERR_KMS_UNAVAILABLE", 1, "unknown"],
    [502, "ERR_KMS_UNAVAILABLE", 3, "unknown"],
    [503, "ERR_KMS_UNAVAILABLE", 3, "unknown"],
    [504, "ERR_KMS_UNAVAILABLE", 3, "unknown"],
    [505, "ERR_KMS_UNAVAILABLE", 1, "unknown"],
    [599, "ERR_KMS_UNAVAILABLE", 3, "unknown"],
  ];
  for (const [status, code, requests, outcome] of table) {
    for (const given of [{ bodyText: "" }, { bodyText: "<html>no</html>" }, { body: { error: { code: "SomethingNew" } } }]) {
      const service = testService({ status, ...given });
      const error = await rejects(testProvider(service).getPublicKey(key, testContext()), code);
      assert.is(service.sent.length, requests, String(status));
      assert.is(error.outcome, outcome, String(status));
      assert.is(error.retryable, requests === 3, String(status));
    }
  }
});

test("waits in milliseconds come first", async () => {
  for (const name of ["retry-after-ms", "x-ms-retry-after-ms"]) {
    const error = await rejects(testProvider(testService({ status: 429, headers: { [name]: "250", "retry-after": "7" } })).getPublicKey(key, testContext()), "ERR_KMS_THROTTLED");
    assert.is(error.retryAfterMs, 250);
  }
});

test("a code is found in either place, in its own case", () => {
  const read = (body: unknown, status = 403) => {
    const { code, providerCode } = describeFailure({ status, header: () => null, body });
    return [code, providerCode];
  };
  assert.equal(read({ error: { code: "KeyDisabled" } }), ["ERR_KMS_KEY_STATE", "KeyDisabled"]);
  assert.equal(read({ error: { code: "Forbidden", innererror: { code: "KeyDisabled" } } }), ["ERR_KMS_KEY_STATE", "KeyDisabled"]);
  assert.equal(read({ error: { code: "Forbidden", innererror: { code: "SomethingNew", innererror: { code: "Deeper" } } } }), ["ERR_KMS_ACCESS_DENIED", "SomethingNew"]);
  assert.equal(read({ error: { code: "ForbiddenByFirewall", message: "" } }, 401), ["ERR_KMS_ACCESS_DENIED", "ForbiddenByFirewall"]);
  assert.equal(read({ error: { code: "keydisabled" } }), ["ERR_KMS_ACCESS_DENIED", "keydisabled"]);
  assert.equal(read({ error: { code: "__proto__", innererror: { code: "constructor" } } }), ["ERR_KMS_ACCESS_DENIED", "constructor"]);
  // The inner code says more than the outer one.
  assert.equal(read({ error: { code: "KeyNotFound", innererror: { code: "KeyDisabled" } } }), ["ERR_KMS_KEY_STATE", "KeyDisabled"]);
  // Texts never decide.
  assert.equal(read({ error: { code: "Forbidden", message: "Operation sign is not allowed on a disabled key. KeyDisabled" } }), ["ERR_KMS_ACCESS_DENIED", "Forbidden"]);
});

test("any body is read without an exception", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.innererror = cyclic;
  const bodies = [undefined, null, 0, true, "text", [], [{ error: 1 }], {}, { error: "Bad Request" }, { error: null }, { error: [] }, { error: { code: 7 } }, { error: { code: {}, innererror: "x" } }, { error: cyclic }, { error: { innererror: { innererror: { innererror: { innererror: null } } } } }, Object.create({ error: { code: "KeyDisabled" } })];
  for (const body of bodies) {
    const { code, providerCode } = describeFailure({ status: 400, header: () => null, body });
    assert.is(code, "ERR_KMS_REJECTED");
    assert.is(providerCode, undefined);
  }
});

test("a body that sends secrets back leaves none of them in the error", async () => {
  const canary = "c4n4ry-T0KEN.value";
  const echoes: Given[] = [
    { body: { error: { code: canary, message: canary, innererror: { code: `Bearer ${canary}` } } } },
    { body: { error: { code: canary } } },
    { body: { error: canary } },
    { body: { [canary]: canary } },
    { bodyText: `<html>Authorization: Bearer ${canary}</html>` },
    { headers: { "x-ms-request-id": `Bearer ${canary} x`, "www-authenticate": `Bearer error="insufficient_claims", claims="${canary}"`, "retry-after": canary }, bodyText: "" },
  ];
  for (const status of [400, 401, 403, 404, 409, 429, 500]) {
    for (const echo of echoes) {
      const context = testContext();
      const provider = testProvider(testService({ ...echo, status }), { credentials: () => ({ token: canary }) });
      let seen = "";
      try {
        await provider.getPublicKey(key, context);
      } catch (error) {
        const { message, stack, cause } = error as KmsError;
        seen = `${message} ${stack} ${JSON.stringify(error)} ${inspect([error, cause, provider], { depth: Infinity, showHidden: true })} ${JSON.stringify(context.events)}`;
      }
      assert.ok(seen.length > 0 && !seen.includes("c4n4ry") && !seen.includes("T0KEN"), `${status} ${JSON.stringify(echo)}`);
    }
  }
});

test("a rotation is sent once, unless the service is known to have done nothing", async () => {
  const rotated = { body: { ...BUNDLE, key: { ...BUNDLE.key, kid: kid("signer", OTHER_VERSION) } } };
  const rotate = (provider: ReturnType<typeof testProvider>) => provider.rotateKey?.({ key: { keyId: "signer" } }, testContext({ operation: "rotateKey" }));
  for (const again of [{ status: 429 }, { status: 409, body: { error: { code: "Conflict", innererror: { code: "ObjectIsBeingRecovered" } } } }]) {
    const service = testService({ body: BUNDLE }, again, rotated);
    assert.is((await rotate(testProvider(service)))?.newVersion, OTHER_VERSION);
    assert.is(service.sent.length, 3);
  }
  for (const status of [408, 425, 500, 502, 503, 504]) {
    const service = testService({ body: BUNDLE }, { status });
    const error = await rejects(() => rotate(testProvider(service)), "ERR_KMS_UNAVAILABLE");
    assert.is(error.outcome, "unknown");
    assert.is(service.sent.length, 2);
  }
  for (const status of [400, 403, 404, 409, 413]) {
    const service = testService({ body: BUNDLE }, { status });
    const error = await rejects(() => rotate(testProvider(service)), ({ 400: "ERR_KMS_REJECTED", 403: "ERR_KMS_ACCESS_DENIED", 404: "ERR_KMS_NOT_FOUND", 409: "ERR_KMS_CONFLICT", 413: "ERR_KMS_REJECTED" } as const)[status as 400]);
    assert.is(error.outcome, "rejected");
    assert.is(service.sent.length, 2);
  }
  let arrivals = 0;
  const cut = testService({ body: BUNDLE });
  const error = await rejects(
    () =>
      rotate(
        testProvider(cut, {
          fetch: async (url, init) => {
            if (init.method === "GET") return cut.fetch(url, init);
            arrivals += 1;
            throw new TypeError("fetch failed");
          },
        }),
      ),
    "ERR_KMS_NETWORK",
  );
  assert.is(error.outcome, "unknown");
  assert.is(arrivals, 1);
});

test("a rotation that changed nothing, or another key, is no rotation", async () => {
  const rotate = (body: unknown) => () => testProvider(testService({ body: BUNDLE }, { body })).rotateKey?.({ key: { keyId: "signer" } }, testContext());
  assert.is((await rejects(rotate(BUNDLE), "ERR_KMS_RESPONSE_INVALID")).outcome, "unknown");
  assert.is((await rejects(rotate({ ...BUNDLE, key: { ...BUNDLE.key, kid: kid("other", OTHER_VERSION) } }), "ERR_KMS_KEY_MISMATCH")).outcome, "unknown");
});

test("a Managed HSM that refuses to rotate, as one does without a rotation policy: nothing changed", async () => {
  const vaultUrl = "https://example-hsm.managedhsm.azure.net";
  const body = { ...BUNDLE, key: { ...BUNDLE.key, kid: kid("signer", VERSION, vaultUrl) } };
  for (const [status, code] of [[400, "ERR_KMS_REJECTED"], [403, "ERR_KMS_ACCESS_DENIED"], [409, "ERR_KMS_CONFLICT"]] as const) {
    const service = testService({ body }, { status });
    const error = await rejects(() => testProvider(service, { vaultUrl }).rotateKey?.({ key: { keyId: "signer" } }, testContext()), code);
    assert.is(error.outcome, "rejected");
    assert.is(service.sent.length, 2);
  }
});

test.run();
