/** Every refusal of the vectors that the emulator makes, provoked and compared to the byte, identifiers aside. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAzureEmulator } from "../../../src/testing/azure.js";
import type { AzureEmulator, AzureEmulatorOptions } from "../../../src/testing/azure.js";
import { BASE, callVault, readVectors, testClock, vectorKey } from "../../support/azure-vault.js";
import type { VaultAnswer, VaultCall } from "../../support/azure-vault.js";

interface ErrorCase {
  readonly name: string;
  readonly response: { status: number; headers: Record<string, string>; body?: unknown; bodyText?: string };
}

const test = suite("azure errors");

const { cases } = readVectors<{ cases: ErrorCase[] }>("errors.json");
const DIGEST = "TsWYj_t7uQNQkblLJlF_HYy1IZWz1TgJFRORBA4RddU";
const VERSION = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
const EC_SIGN = `/keys/ec-demo/${VERSION}/sign`;
const ES256 = { alg: "ES256", value: DIGEST };
const HSM = "https://example-hsm.managedhsm.azure.net";
const CLIENT_ID = { "x-ms-client-request-id": "c0ffee00-0000-4000-8000-000000000001" };

const clock = testClock();

/** What provokes each case. Those without an entry are answers of proxies, networks or a broken service: a test injects them. */
const PROVOKED: Readonly<Record<string, () => Promise<VaultAnswer>>> = {
  "no-token": async () => call(await vault(), "GET", "/keys", { token: null }),
  "wrong-audience": async () => withToken({ audience: "https://management.azure.com" }),
  "wrong-tenant": async () => withToken({ tenantId: "99999999-8888-4777-8666-555555555555" }),
  "cae-claims": async () => {
    const made = await vault();
    made.tokens.demandClaims();
    return call(made, "GET", "/keys");
  },
  "hsm-no-token-empty-body": async () => call(await vault({ vaultUrl: HSM }), "GET", "/keys", { token: null }),
  "hsm-wrong-audience": async () => withToken({ audience: "https://vault.azure.net" }, { vaultUrl: HSM }),
  "forbidden-policy": async () => withToken({ permissions: ["keys/get"] }, { authorization: "policy" }),
  "forbidden-rbac": async () => withToken({ permissions: ["keys/get"] }),
  "key-disabled": async () => {
    const made = await vault();
    made.disable("ec-demo");
    return call(made, "POST", EC_SIGN, { body: ES256 });
  },
  "key-operation-forbidden": async () => {
    const made = await vault();
    await callVault(made, "PATCH", "/keys/ec-demo", { body: { key_ops: ["verify"] } });
    return call(made, "POST", EC_SIGN, { body: ES256 });
  },
  "key-outside-validity": async () => {
    const made = await vault();
    await callVault(made, "PATCH", "/keys/ec-demo", { body: { attributes: { exp: BASE } } });
    return call(made, "POST", EC_SIGN, { body: ES256 });
  },
  "key-not-found": async () => call(await vault(), "GET", "/keys/ec-demo/01000000000000000000000000000001"),
  "deleted-key-not-found": async () => call(await vault(), "GET", "/deletedkeys/rsa-demo"),
  "conflict-deleted-but-recoverable": async () => {
    const made = await vault();
    await callVault(made, "DELETE", "/keys/rsa-demo");
    return call(made, "POST", "/keys/rsa-demo/create", { body: { kty: "EC" } });
  },
  "conflict-being-deleted": async () => {
    const made = await vault({ transitionMs: 8_000 });
    await callVault(made, "DELETE", "/keys/rsa-demo");
    return call(made, "PUT", "/keys/rsa-demo", { body: { key: vectorKey("rsa-demo") } });
  },
  "conflict-being-recovered": async () => {
    const made = await vault({ transitionMs: 8_000 });
    await callVault(made, "DELETE", "/keys/rsa-demo");
    clock.seconds += 8;
    await callVault(made, "POST", "/deletedkeys/rsa-demo/recover");
    return call(made, "POST", "/keys/rsa-demo/rotate");
  },
  "bad-digest-length": async () => {
    const value = Buffer.from(`${DIGEST}=`).toString("base64url");
    return call(await vault(), "POST", EC_SIGN, { body: { alg: "ES256", value } });
  },
  "bad-kty": async () => call(await vault(), "POST", "/keys/new/create", { body: { kty: "oct" } }),
  "bad-api-version": async () => call(await vault(), "GET", "/keys", { apiVersion: "7.99" }),
  "alg-key-mismatch": async () => call(await vault(), "POST", EC_SIGN, { body: { alg: "ES384", value: DIGEST } }),
  "throttled-no-retry-after": async () => {
    const made = await vault();
    made.faults.inject({ kind: "throttle" });
    return call(made, "POST", EC_SIGN, { body: ES256 });
  },
  "throttled-retry-after-seconds": async () => {
    const made = await vault();
    made.faults.inject({ kind: "throttle", headers: { "Retry-After": "3" } });
    return call(made, "POST", EC_SIGN, { body: ES256 });
  },
};

const INJECTED = [
  "forbidden-policy-old-code",
  "forbidden-firewall",
  "forbidden-connection",
  "forbidden-connection-2",
  "unknown-inner-code",
  "hsm-bad-count",
  "throttled-retry-after-date",
  "internal-error",
  "unavailable-html",
  "gateway-timeout-empty",
  "lowkey-illegal-state",
];

/** Where the vector is about another operation, or shortened: the vector's text, made ours. */
const ADAPTED: Readonly<Record<string, (text: string) => string>> = {
  "key-operation-forbidden": (text) => text.replace("decrypt", "sign"),
  "alg-key-mismatch": (text) => text.replace("Key uses", `Key https://example-vault.vault.azure.net/keys/ec-demo/${VERSION} uses`),
};

async function vault(options: AzureEmulatorOptions = {}): Promise<AzureEmulator> {
  clock.seconds = BASE;
  const made = createAzureEmulator({ now: clock.now, ...options });
  await made.createKey({ name: "ec-demo", privateJwk: vectorKey("ec-demo"), version: VERSION });
  await made.createKey({ name: "rsa-demo", privateJwk: vectorKey("rsa-demo") });
  return made;
}

async function withToken(grant: object, options: AzureEmulatorOptions = {}): Promise<VaultAnswer> {
  const made = await vault(options);
  made.tokens.add("another", grant);
  return call(made, "POST", EC_SIGN, { token: "another", body: ES256 });
}

function call(made: AzureEmulator, method: string, path: string, more: VaultCall = {}): Promise<VaultAnswer> {
  return callVault(made, method, path, { headers: CLIENT_ID, ...more });
}

test("each case is either provoked or left to injection", () => {
  assert.equal(cases.map(({ name }) => name).sort(), [...Object.keys(PROVOKED), ...INJECTED].sort());
});

for (const { name, response } of cases.filter((one) => Object.hasOwn(PROVOKED, one.name))) {
  test(name, async () => {
    const answer = await (PROVOKED[name] as () => Promise<VaultAnswer>)();
    assert.is(answer.status, response.status);
    for (const [header, value] of Object.entries(response.headers)) {
      if (header !== "x-ms-request-id") assert.is(answer.headers.get(header), value, header);
    }
    const id = answer.headers.get("x-ms-request-id") as string;
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    const adapt = ADAPTED[name] ?? ((text: string) => text);
    const expected = response.body === undefined ? "" : adapt(JSON.stringify(response.body));
    assert.is(answer.text, expected.replace("5b7c1d7e-0000-4000-8000-000000000009", id));
  });
}

test("an injected case arrives as it is", async () => {
  const made = await vault();
  const { response } = cases.find(({ name }) => name === "forbidden-firewall") as ErrorCase;
  made.faults.inject({ kind: "status", status: response.status, headers: response.headers, body: response.body });
  const answer = await call(made, "POST", EC_SIGN, { body: ES256 });
  assert.is(answer.status, 403);
  assert.equal(answer.body, response.body);
});

test("throttling as the service was seen to do it has no Retry-After", async () => {
  const answer = await (PROVOKED["throttled-no-retry-after"] as () => Promise<VaultAnswer>)();
  assert.is(answer.headers.get("retry-after"), null);
});

test.run();
