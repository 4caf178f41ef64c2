import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KmsProvider } from "../../src/kms/provider.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { answer, errors, KEY, P1363, SIGNED, testProvider, testService, type Given, type TestService } from "./service.js";

const key = { keyId: "signer" };
const message = new TextEncoder().encode("sample");
const OTHER = "https://other.example:8200";

const read = (provider: KmsProvider) => provider.getPublicKey(key, testContext());
const sign = (provider: KmsProvider) => provider.sign({ key, algorithm: "ES256", form: "message", input: message }, testContext());
const rotate = (provider: KmsProvider) => provider.rotateKey?.({ key }, testContext()) as Promise<unknown>;

const INDEX = "eyJjbHVzdGVyIjoiZWIwNzhiOGEiLCJ2YWx1ZSI6IjQxIn0=";
const NEWER = "eyJjbHVzdGVyIjoiZWIwNzhiOGEiLCJ2YWx1ZSI6IjQyIn0=";
const written = (index = INDEX, given: Given = answer(KEY)): Given => ({ ...given, headers: { "x-vault-index": index } });

function states(service: TestService): (readonly [string | undefined, string | undefined])[] {
  return service.sent.map(({ headers }) => [headers["x-vault-index"], headers["x-vault-inconsistent"]] as const);
}

const NONE = [undefined, undefined] as const;
const BOTH = [INDEX, "forward-active-node"] as const;

test("sent on after a change of ours, on everything", async () => {
  const service = testService(written("ignored-of-a-read"), written("ignored-of-a-signature", answer(SIGNED)), written(), answer(SIGNED), answer({ valid: true }), answer(KEY), written(NEWER), answer(SIGNED));
  const provider = testProvider(service);
  await read(provider);
  await sign(provider);
  await rotate(provider);
  await sign(provider);
  await provider.verify?.({ key: { ...key, keyVersion: "2" }, algorithm: "ES256", form: "message", input: message, signature: P1363 }, testContext());
  await read(provider);
  await rotate(provider);
  await sign(provider);
  assert.equal(states(service), [NONE, NONE, NONE, BOTH, BOTH, BOTH, BOTH, [NEWER, "forward-active-node"]]);
});

test("also of an answer without a body, for the look that follows", async () => {
  const service = testService(written(INDEX, { status: 204 }), answer(KEY));
  await rotate(testProvider(service));
  assert.equal(states(service), [NONE, BOTH]);
});

test("that of one provider goes nowhere else", async () => {
  const one = testService(written(), answer(SIGNED));
  const other = testService(answer(SIGNED));
  const first = testProvider(one);
  const second = testProvider(other, { address: OTHER });
  await rotate(first);
  await sign(second);
  await sign(first);
  assert.equal(states(other), [NONE]);
  assert.equal(states(one), [NONE, BOTH]);
});

test("a refused change teaches nothing", async () => {
  for (const refusal of [written(INDEX, errors(400, "key not found")), written(INDEX, errors(403, "1 error occurred:\n\t* permission denied\n\n")), written(INDEX, errors(500))]) {
    const service = testService(refusal, answer(SIGNED));
    const provider = testProvider(service);
    await rotate(provider).catch(() => {});
    await sign(provider);
    assert.equal(states(service), [NONE, NONE]);
  }
});

test("hostile values are passed over", async () => {
  for (const index of ["a, b", `${INDEX}, ${NEWER}`, "a b", "a;b", '"a"', "<x>", "{}", "x".repeat(2_049), "\u00e9"]) {
    const service = testService(written(index), answer(SIGNED));
    const provider = testProvider(service);
    await rotate(provider);
    await sign(provider);
    assert.equal(states(service), [NONE, NONE], index.slice(0, 40));
  }
  // A later one that cannot be used does not take the place of one that can.
  const service = testService(written(), written("a, b"), answer(SIGNED));
  const provider = testProvider(service);
  await rotate(provider);
  await rotate(provider);
  await sign(provider);
  assert.equal(states(service), [NONE, BOTH, BOTH]);
});

const DISABLED = errors(400, "forwarding via header X-Vault-Inconsistent=forward-active-node disabled in configuration");

test("Vault Enterprise that does not forward by header: once without it, and never again with it", async () => {
  const service = testService(written(), DISABLED, answer(SIGNED), answer(SIGNED), written(NEWER), answer(KEY));
  const provider = testProvider(service);
  await rotate(provider);
  await sign(provider);
  await sign(provider);
  await rotate(provider);
  await read(provider);
  assert.equal(states(service), [NONE, BOTH, [INDEX, undefined], [INDEX, undefined], [INDEX, undefined], [NEWER, undefined]]);
});

test("signatures in flight when that is learnt are all repeated", async () => {
  const service = testService(written());
  const provider = testProvider({
    async fetch(url, init) {
      const headers = init.headers as Record<string, string>;
      const response = await service.fetch(url, init);
      await new Promise((resolve) => setImmediate(resolve));
      if (!url.includes("/sign/")) return response;
      const { status, body } = headers["x-vault-inconsistent"] === undefined ? { status: 200, body: answer(SIGNED).body } : DISABLED;
      return new Response(JSON.stringify(body), { status });
    },
  });
  await rotate(provider);
  await Promise.all(Array.from({ length: 8 }, () => sign(provider)));
  assert.is(service.sent.length, 1 + 16);
});

test("a rotation that was refused for the header goes out again", async () => {
  const service = testService(written(), DISABLED, written(NEWER));
  const provider = testProvider(service);
  await rotate(provider);
  await rotate(provider);
  assert.equal(states(service), [NONE, BOTH, [INDEX, undefined]]);
});

test("an index that cannot be read any more goes too, one after the other, and each call is repeated once", async () => {
  const undecodable = errors(400, 'failed to decode "X-Vault-Index"');
  const service = testService(written(), undecodable, undecodable, undecodable, answer(SIGNED), answer(SIGNED));
  const provider = testProvider(service);
  await rotate(provider);
  await rejects(sign(provider), "ERR_KMS_REJECTED");
  await sign(provider);
  await sign(provider);
  assert.equal(states(service), [NONE, BOTH, [INDEX, undefined], [INDEX, undefined], NONE, NONE]);
});

test("a 400 with a known reason is not about the headers, nor one without headers", async () => {
  for (const text of ["signing key not found", "invalid signature: version is too new", "key type aes256-gcm96 does not support signing", "refusing to use soft-deleted key", "supplied signature is invalid"]) {
    const service = testService(written(), errors(400, text), answer(SIGNED));
    const provider = testProvider(service);
    await rotate(provider);
    let failed = false;
    await sign(provider).catch(() => (failed = true));
    await sign(provider);
    assert.ok(failed);
    assert.equal(states(service), [NONE, BOTH, BOTH], text);
  }
  const service = testService(errors(400, "something new"));
  const asks: boolean[] = [];
  await rejects(sign(testProvider(service, { credentials: ({ refused }) => (asks.push(refused), { token: "t" }) })), "ERR_KMS_REJECTED");
  assert.is(service.sent.length, 1);
  assert.equal(asks, [false]);
});

test("a node that lags is asked again after the wait it names", async () => {
  for (const lag of [{ ...errors(429), headers: { "retry-after": "1" } }, errors(412, "required index state not present"), errors(412)]) {
    const waits: number[] = [];
    const service = testService(written(), lag, answer(SIGNED));
    const provider = testProvider(service, { sleep: async (ms) => void waits.push(ms) });
    await rotate(provider);
    await sign(provider);
    assert.equal(states(service), [NONE, BOTH, BOTH]);
    assert.equal(waits, [lag.status === 429 ? 1_000 : 0]);
  }
});

test.run();
