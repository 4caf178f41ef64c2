import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KmsError, KmsErrorCode } from "../../src/errors.js";
import type { KmsProvider } from "../../src/kms/provider.js";
import { describeVaultFailure } from "../../src/vault/errors.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { answer, errors, KEY, P1363, readCases, testProvider, testService, TOKEN, type Given } from "./service.js";

const key = { keyId: "signer", keyVersion: "1" };
const message = new TextEncoder().encode("sample");

interface Reading {
  readonly code: KmsErrorCode;
  /** Requests for a signature that never succeeds. */
  readonly requests?: number;
  readonly retryable?: boolean;
  readonly outcome?: "rejected" | "unknown";
  readonly retryAfterMs?: number;
  readonly hint?: RegExp;
}

const REJECTED: Reading = { code: "ERR_KMS_REJECTED" };
const NOT_FOUND: Reading = { code: "ERR_KMS_NOT_FOUND" };
const NO_ENGINE: Reading = { code: "ERR_KMS_NOT_FOUND", hint: /mountPath/ };
const DENIED: Reading = { code: "ERR_KMS_ACCESS_DENIED", hint: /policies/ };
const UNAUTHENTICATED: Reading = { code: "ERR_KMS_UNAUTHENTICATED" };
const STATE: Reading = { code: "ERR_KMS_KEY_STATE" };
const MISMATCH: Reading = { code: "ERR_KMS_KEY_MISMATCH", hint: /type/ };
const THROTTLED: Reading = { code: "ERR_KMS_THROTTLED", requests: 3, retryable: true };
const UNAVAILABLE: Reading = { code: "ERR_KMS_UNAVAILABLE", requests: 3, retryable: true };
const UNCLEAR: Reading = { ...UNAVAILABLE, outcome: "unknown" };
const REDIRECT: Reading = { code: "ERR_KMS_REDIRECT", outcome: "unknown" };

/** Our reading of each case of `errors.json`; all of them in answer to a signature, whatever was asked there. */
const READINGS: Readonly<Record<string, Reading>> = {
  "400-hash-name-sha256": REJECTED,
  "400-sign-key-missing": NOT_FOUND,
  "400-verify-key-missing": NOT_FOUND,
  "400-key-type": MISMATCH,
  "400-ed25519-prehashed-vault-ce": MISMATCH,
  "400-delete-not-allowed": REJECTED,
  "400-mount-taken": REJECTED,
  "400-approle-bad-secret": REJECTED,
  "500-approle-no-role-id": UNCLEAR,
  "403-login-mount-missing": UNAUTHENTICATED,
  "403-policy": DENIED,
  "403-invalid-token-vault": UNAUTHENTICATED,
  "403-invalid-token-openbao": UNAUTHENTICATED,
  "404-empty": NOT_FOUND,
  "404-no-mount": NO_ENGINE,
  "404-unsupported-path": NO_ENGINE,
  "404-namespace-openbao": { code: "ERR_KMS_NOT_FOUND", hint: /namespace/ },
  "405": REJECTED,
  "412": UNAVAILABLE,
  "413": REJECTED,
  "413-openbao": REJECTED,
  "429-rate-limit-with-headers": { ...THROTTLED, retryAfterMs: 3_000 },
  "429-rate-limit-without-headers": THROTTLED,
  "429-lease-count": THROTTLED,
  "429-standby-behind-openbao": { ...THROTTLED, retryAfterMs: 1_000 },
  "500-version-too-high": NOT_FOUND,
  "500-version-archived": { code: "ERR_KMS_KEY_STATE", hint: /minimum/ },
  "500-json-string-limit": REJECTED,
  "400-json-strings-openbao": REJECTED,
  "503-sealed": UNAVAILABLE,
  "503-no-active-node": UNAVAILABLE,
  "500-no-active-node-openbao": UNAVAILABLE,
  "307-standby": REDIRECT,
  "307-path-cleanup-openbao": REDIRECT,
  "non-json-proxy": UNCLEAR,
};

const cases = readCases("errors.json");

function given({ status, headers, body }: Given): Given {
  return { status, headers, ...(typeof body === "string" ? { bodyText: body } : { body }) } as Given;
}

/** No piece of the texts of an answer is in an error, but for the words that ours are made of. */
function assertClean(error: KmsError, { body, headers }: Given): void {
  const seen = `${error.message} ${error.stack} ${JSON.stringify(error)} ${inspect(error, { depth: Infinity, showHidden: true })}`;
  const text = `${JSON.stringify(body ?? "")} ${headers?.location ?? ""}`;
  for (const piece of text.match(/[\w@=/:.-]{16,}/g) ?? []) if (piece !== "application/json") assert.not.ok(seen.includes(piece), piece);
  assert.not.ok(seen.includes(TOKEN));
  assert.not.match(seen, /error occurred|route entry|node-b/);
}

async function assertReading(attempt: Promise<unknown>, reading: Reading, service: ReturnType<typeof testService>, status: number): Promise<KmsError> {
  const error = await rejects(attempt, reading.code);
  const { retryable = false, outcome = "rejected", retryAfterMs, requests = 1, hint } = reading;
  assert.equal(
    { retryable: error.retryable, outcome: error.outcome, retryAfterMs: error.retryAfterMs, status: error.status, attempts: error.attempts, providerCode: error.providerCode },
    { retryable, outcome, retryAfterMs, status, attempts: requests, providerCode: undefined },
  );
  assert.is(service.sent.length, requests);
  assert.is(error.provider, "vault");
  if (hint !== undefined) assert.match(error.hint ?? "", hint);
  return error;
}

for (const { id, response } of cases) {
  test(`vectors: ${id}`, async () => {
    const reading = READINGS[id];
    assert.ok(reading !== undefined, "no reading of this case");
    const service = testService(given(response));
    const attempt = testProvider(service).sign({ key, algorithm: "ES256", form: "message", input: message }, testContext({ operation: "sign" }));
    const error = await assertReading(attempt, reading, service, response.status);
    assert.is(error.operation, "sign");
    assertClean(error, response);
  });
}

test("vectors: every case has a reading", () => {
  assert.equal(cases.map(({ id }) => id).sort(), Object.keys(READINGS).sort());
});

/** More texts of the wire sheet, and of Vault where they differ. */
const TEXTS: readonly [status: number, text: string, reading: Reading][] = [
  [400, "encryption key not found", NOT_FOUND],
  [400, "key not found", NOT_FOUND],
  [400, "1 error occurred:\n\t* key not found\n\n", NOT_FOUND],
  [400, "no existing key named signer could be found", NOT_FOUND],
  [400, "invalid key name", NOT_FOUND],
  [400, "invalid signature: version is too new", NOT_FOUND],
  [400, "ciphertext or signature version is disallowed by policy (too old)", { ...STATE, hint: /minimum/ }],
  [500, "1 error occurred:\n\t* requested version for signing is less than the minimum encryption key version\n\n", { ...STATE, hint: /minimum/ }],
  [500, "1 error occurred:\n\t* refusing to use soft-deleted key\n\n", STATE],
  [400, "refusing to use soft-deleted key", STATE],
  [500, "1 error occurred:\n\t* requested version for signing does not contain a private part\n\n", STATE],
  [500, "1 error occurred:\n\t* imported key signer does not allow rotation within Vault\n\n", STATE],
  [400, "key type aes256-gcm96 does not support verification", MISMATCH],
  [400, "message verification not supported for key type hmac", MISMATCH],
  [400, "supplied signature is invalid", MISMATCH],
  [400, "supplied signature contains extra data", MISMATCH],
  [400, "failed to parse batch item: hash_alogithm should not be set", MISMATCH],
  [500, "1 error occurred:\n\t* error deriving key: missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included\n\n", REJECTED],
  [500, "1 error occurred:\n\t* unsupported rsa signature algorithm x\n\n", REJECTED],
  [500, "1 error occurred:\n\t* requested salt length 223 is invalid\n\n", REJECTED],
  [500, "1 error occurred:\n\t* crypto/rsa: input must be hashed with given hash\n\n", REJECTED],
  [500, "1 error occurred:\n\t* crypto/rsa: input must be hashed message\n\n", REJECTED],
  [500, "1 error occurred:\n\t* crypto/rsa: message too long for RSA key size\n\n", REJECTED],
  [400, "unable to decode input as base64: illegal base64 data at input byte 0", REJECTED],
  [400, 'invalid marshaling type "p1363"', REJECTED],
  [400, "missing client token", REJECTED],
  [412, 'missing "X-Vault-Request" header', REJECTED],
  [503, "namespace is sealed", UNAVAILABLE],
  [503, "node is not active", UNAVAILABLE],
  [500, "1 error occurred:\n\t* leadership lost while committing log\n\n", UNCLEAR],
  [500, "context deadline exceeded", UNCLEAR],
  [503, "overloaded, try again later", UNCLEAR],
  [502, "upstream rate limited", UNCLEAR],
  [403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n", UNAUTHENTICATED],
  [403, "1 error occurred:\n\t* permission denied\n\n", DENIED],
  [403, "permission denied ", DENIED],
  [403, "denied by sentinel", DENIED],
];

for (const [status, text, reading] of TEXTS) {
  test(`text: ${status} ${text.replaceAll(/\s+/g, " ").slice(0, 80)}`, async () => {
    const service = testService(errors(status, text));
    const attempt = testProvider(service).sign({ key, algorithm: "ES256", form: "message", input: message }, testContext());
    assertClean(await assertReading(attempt, reading, service, status), errors(status, text));
  });
}

test("statuses without a text that tells", async () => {
  const table: readonly [number, Reading][] = [
    [400, REJECTED],
    [401, REJECTED],
    [402, REJECTED],
    [403, DENIED],
    [404, NOT_FOUND],
    [405, REJECTED],
    [408, UNCLEAR],
    [409, REJECTED],
    [412, UNAVAILABLE],
    [413, REJECTED],
    [415, REJECTED],
    [421, { ...REJECTED, outcome: "unknown" }],
    [422, REJECTED],
    [425, UNCLEAR],
    [429, THROTTLED],
    [472, { code: "ERR_KMS_UNAVAILABLE" }],
    [473, UNAVAILABLE],
    [500, UNCLEAR],
    [501, { code: "ERR_KMS_UNAVAILABLE" }],
    [502, UNCLEAR],
    [503, UNCLEAR],
    [504, UNCLEAR],
    [599, UNCLEAR],
  ];
  for (const [status, reading] of table) {
    for (const body of [{ bodyText: "" }, { bodyText: "<html>no</html>" }, { body: { errors: [] } }, { body: { errors: null } }, { body: { error: "something new" } }, { body: { errors: ["something new"] } }]) {
      const told = status === 412 && JSON.stringify(body).includes("something new") ? REJECTED : reading;
      const service = testService({ status, ...body });
      await assertReading(testProvider(service).getPublicKey(key, testContext()), told, service, status);
    }
  }
});

test("the old member `error` is read too, and no other", () => {
  const read = (body: unknown) => describeVaultFailure({ status: 400, header: () => null, body }).code;
  assert.is(read({ error: "signing key not found" }), "ERR_KMS_NOT_FOUND");
  assert.is(read({ errors: [], error: "signing key not found" }), "ERR_KMS_NOT_FOUND");
  assert.is(read({ errors: ["x"], error: "signing key not found" }), "ERR_KMS_REJECTED");
  assert.is(read({ message: "signing key not found" }), "ERR_KMS_REJECTED");
  assert.is(read({ errors: ["x", "signing key not found"] }), "ERR_KMS_NOT_FOUND");
});

test("any body is read without an exception", () => {
  const bodies = [undefined, null, 0, true, "signing key not found", [], ["signing key not found"], {}, { errors: "signing key not found" }, { errors: {} }, { errors: [7] }, { errors: [null] }, { errors: [["signing key not found"]] }, { errors: ["x".repeat(1_000_000)] }, { error: { message: "x" } }, { error: 7 }, Object.create({ errors: ["signing key not found"] })];
  for (const body of bodies) assert.is(describeVaultFailure({ status: 400, header: () => null, body }).code, "ERR_KMS_REJECTED");
  for (const body of bodies) assert.is(describeVaultFailure({ status: 403, header: () => null, body }).code, "ERR_KMS_ACCESS_DENIED");
});

test("a body that sends secrets back leaves none of them in the error", async () => {
  const canary = "c4n4ry-T0KEN.value";
  const echoes: Given[] = [
    { body: { errors: [canary, `signing key not found ${canary}`] } },
    { body: { error: canary } },
    { body: { [canary]: canary, request_id: `${canary} ${canary}` } },
    { bodyText: `<html>X-Vault-Token: ${canary}</html>` },
    { bodyText: "", headers: { "retry-after": canary, "x-vault-index": canary, location: `https://x.example/${canary}` } },
  ];
  for (const status of [301, 307, 400, 403, 404, 412, 413, 429, 500, 503]) {
    for (const echo of echoes) {
      const context = testContext();
      const provider = testProvider(testService({ ...echo, status }), { credentials: () => ({ token: canary }) });
      let seen = "";
      try {
        await provider.getPublicKey(key, context);
      } catch (error) {
        const { message: text, stack, cause } = error as KmsError;
        seen = `${text} ${stack} ${JSON.stringify(error)} ${inspect([error, cause, provider], { depth: Infinity, showHidden: true })} ${JSON.stringify(context.events)}`;
      }
      assert.ok(seen.length > 0 && !seen.includes("c4n4ry") && !seen.includes("T0KEN"), `${status} ${JSON.stringify(echo)}`);
    }
  }
});

const rotate = (provider: KmsProvider): Promise<unknown> => provider.rotateKey?.({ key: { keyId: "signer" } }, testContext({ operation: "rotateKey" })) as Promise<unknown>;

test("a rotation is sent once, unless the service is known to have done nothing", async () => {
  const nothing: Given[] = [
    errors(429, 'request path "transit/keys/signer/rotate": rate limit quota exceeded'),
    { ...errors(429), headers: { "retry-after": "1" } },
    errors(412, "required index state not present"),
    errors(503, "Vault is sealed"),
    errors(503, "no active Vault instance found"),
    errors(500, "local node not active but active cluster node not found"),
  ];
  for (const again of nothing) {
    const service = testService(again, answer(KEY));
    assert.is(((await rotate(testProvider(service))) as { newVersion: string }).newVersion, "2");
    assert.is(service.sent.length, 2, JSON.stringify(again));
  }
  for (const unclear of [errors(500, "1 error occurred:\n\t* leadership lost while committing log\n\n"), errors(500), errors(502), errors(503), errors(504), errors(408), errors(425)]) {
    const service = testService(unclear);
    assert.is((await rejects(rotate(testProvider(service)), "ERR_KMS_UNAVAILABLE")).outcome, "unknown");
    assert.is(service.sent.length, 1);
  }
  const refused: readonly [Given, KmsErrorCode][] = [
    [errors(400, "key not found"), "ERR_KMS_NOT_FOUND"],
    [errors(400, "something new"), "ERR_KMS_REJECTED"],
    [errors(403, "1 error occurred:\n\t* permission denied\n\n"), "ERR_KMS_ACCESS_DENIED"],
    [errors(403, "permission denied"), "ERR_KMS_UNAUTHENTICATED"],
    [errors(500, "1 error occurred:\n\t* imported key signer does not allow rotation within Vault\n\n"), "ERR_KMS_KEY_STATE"],
  ];
  for (const [refusal, code] of refused) {
    const service = testService(refusal);
    assert.is((await rejects(rotate(testProvider(service)), code)).outcome, "rejected");
    assert.is(service.sent.length, 1);
  }
});

test("a rotation whose answer is lost, or goes elsewhere, is not sent again", async () => {
  let arrivals = 0;
  const lost = async (): Promise<Response> => {
    arrivals += 1;
    throw new TypeError("fetch failed");
  };
  assert.is((await rejects(rotate(testProvider({ fetch: lost })), "ERR_KMS_NETWORK")).outcome, "unknown");
  assert.is(arrivals, 1);
  const service = testService({ status: 307, headers: { location: "https://active.example:8200/v1/transit/keys/signer/rotate" } });
  assert.is((await rejects(rotate(testProvider(service)), "ERR_KMS_REDIRECT")).outcome, "unknown");
  assert.is(service.sent.length, 1);
});

test("other operations are repeated, and succeed", async () => {
  const attempts: readonly [(provider: KmsProvider) => unknown, Given][] = [
    [(provider) => provider.sign({ key: { keyId: "signer" }, algorithm: "Ed25519", form: "message", input: message }, testContext()), answer({ signature: `vault:v1:${Buffer.alloc(64).toString("base64")}` })],
    [(provider) => provider.verify?.({ key, algorithm: "ES256", form: "message", input: message, signature: P1363 }, testContext()), answer({ valid: true })],
    [(provider) => provider.getPublicKey(key, testContext()), answer(KEY)],
  ];
  for (const [attempt, good] of attempts) {
    for (const again of [errors(503, "Vault is sealed"), errors(500), errors(502), { ...errors(429), headers: { "retry-after": "1" } }, errors(412, "required index state not present"), { status: 200, bodyText: '{"data":{' }]) {
      const service = testService(again, again, good);
      await attempt(testProvider(service));
      assert.is(service.sent.length, 3);
      assert.equal(service.sent[0], service.sent[2]);
    }
  }
});

test.run();
