import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CredentialAsk } from "../../src/credentials/cached.js";
import type { Environment } from "../../src/environment.js";
import { createKms } from "../../src/create-kms.js";
import type { KmsProvider } from "../../src/kms/provider.js";
import type { VaultProviderOptions } from "../../src/vault/index.js";
import { vaultVariable } from "../../src/vault/credentials/environment.js";
import { testContext } from "../support/context.js";
import { rejects } from "../support/rejects.js";
import { ADDRESS, answer, errors, KEY, NOW, SIGNED, testProvider, testService, TOKEN, type TestService } from "./service.js";

const key = { keyId: "signer" };
const message = new TextEncoder().encode("sample");
const PLAIN = errors(403, "permission denied");
const INVALID = errors(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n");
const FRAMED = errors(403, "1 error occurred:\n\t* permission denied\n\n");

const read = (provider: KmsProvider) => provider.getPublicKey(key, testContext());
const sign = (provider: KmsProvider) => provider.sign({ key, algorithm: "ES256", form: "message", input: message }, testContext());
const rotate = (provider: KmsProvider) => provider.rotateKey?.({ key }, testContext()) as Promise<unknown>;

function sentTokens(service: TestService): (string | undefined)[] {
  return service.sent.map(({ headers }) => headers["x-vault-token"]);
}

function fromEnvironment(service: TestService, env: Environment, options: Partial<VaultProviderOptions> = {}): KmsProvider {
  return testProvider(service, { credentials: undefined as never, env, ...options });
}

test("a value goes out as it is, and a refusal of it is final", async () => {
  for (const refusal of [PLAIN, INVALID]) {
    const service = testService(refusal);
    const error = await rejects(sign(testProvider(service, { credentials: { token: "one" } })), "ERR_KMS_UNAUTHENTICATED");
    assert.equal(sentTokens(service), ["one"]);
    assert.is(error.retryable, false);
  }
});

test("any printable text is a token", async () => {
  for (const token of ["root", "s.abc", "b.AAAA-_==", "hvs.x", "hvb.x", "s.abc.ns1", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", "x".repeat(65_536)]) {
    const service = testService(answer(KEY));
    await read(testProvider(service, { credentials: { token } }));
    assert.equal(sentTokens(service), [token]);
  }
});

test("a function is told of the refusal, and asked once more; what it says is kept until it ends", async () => {
  for (const refusal of [PLAIN, INVALID]) {
    const service = testService(refusal, answer(KEY));
    const asks: boolean[] = [];
    const credentials = ({ signal, refused, scope }: CredentialAsk) => {
      assert.ok(signal instanceof AbortSignal);
      assert.is(scope, undefined);
      asks.push(refused);
      return { token: `token-${asks.length}`, expiresAt: new Date(NOW + 3_600_000) };
    };
    const provider = testProvider(service, { credentials });
    await read(provider);
    await read(provider);
    assert.equal(sentTokens(service), ["token-1", "token-2", "token-2"]);
    assert.equal(asks, [false, true]);
  }
});

test("without an end it is asked for each request", async () => {
  const service = testService(answer(KEY));
  let asked = 0;
  const provider = testProvider(service, { credentials: async () => ({ token: `token-${(asked += 1)}` }) });
  await read(provider);
  await read(provider);
  assert.equal(sentTokens(service), ["token-1", "token-2"]);
});

test("two refusals are an error, and never a loop", async () => {
  for (const refusal of [PLAIN, INVALID]) {
    const service = testService(refusal);
    let asked = 0;
    const provider = testProvider(service, { credentials: () => ({ token: `token-${(asked += 1)}` }) });
    await rejects(sign(provider), "ERR_KMS_UNAUTHENTICATED");
    assert.equal(sentTokens(service), ["token-1", "token-2"]);
  }
});

test("a missing grant asks nobody", async () => {
  const service = testService(FRAMED);
  const asks: boolean[] = [];
  const provider = testProvider(service, { credentials: ({ refused }) => (asks.push(refused), { token: "t", expiresAt: new Date(NOW + 3_600_000) }) });
  await rejects(sign(provider), "ERR_KMS_ACCESS_DENIED");
  await rejects(sign(provider), "ERR_KMS_ACCESS_DENIED");
  assert.equal(asks, [false]);
  assert.is(service.sent.length, 2);
});

test("a refused rotation did nothing, and goes out again with the fresh token", async () => {
  const service = testService(PLAIN, answer(KEY));
  let asked = 0;
  await rotate(testProvider(service, { credentials: () => ({ token: `token-${(asked += 1)}` }) }));
  assert.equal(sentTokens(service), ["token-1", "token-2"]);
});

test("an end that is over, or near", async () => {
  await rejects(read(testProvider(testService(), { credentials: { token: "t", expiresAt: new Date(NOW) } })), "ERR_KMS_CREDENTIALS");
  await rejects(read(testProvider(testService(), { credentials: () => ({ token: "t", expiresAt: new Date(NOW - 1) }) })), "ERR_KMS_CREDENTIALS");
  const service = testService(answer(KEY));
  await read(testProvider(service, { credentials: { token: "t", expiresAt: new Date(NOW + 1) } }));
  assert.is(service.sent.length, 1);
});

test("credentials that are no token", async () => {
  const bad = [{}, { token: "" }, { token: 7 }, { token: "a b" }, { token: "secret-1\n" }, { token: "secret-1\u0000" }, { token: "sécret-1" }, { token: "x".repeat(65_537) }, { token: "t", expiresAt: "2026" }, { token: "t", expiresAt: new Date(Number.NaN) }, [], Object.create({ token: "inherited" })] as never[];
  for (const value of bad) {
    await rejects(() => testProvider(testService(), { credentials: value }), "ERR_KMS_CREDENTIALS");
    for (const credentials of [() => value, async () => value]) {
      const error = await rejects(read(testProvider(testService(), { credentials })), "ERR_KMS_CREDENTIALS");
      assert.not.match(`${error.message} ${JSON.stringify(error)}`, /cret-1/);
    }
  }
  for (const value of ["token", 7, null, true] as never[]) await rejects(() => testProvider(testService(), { credentials: value }), "ERR_KMS_CONFIG");
});

test("a token function that fails: its words are not repeated", async () => {
  for (const thrown of [new Error("secret-1"), "secret-1", undefined]) {
    const provider = testProvider(testService(), {
      credentials: () => {
        throw thrown;
      },
    });
    const error = await rejects(read(provider), "ERR_KMS_CREDENTIALS");
    assert.not.match(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`, /secret-1/);
  }
});

test("a polluted prototype gives no token, no end and no header", async () => {
  const prototype = Object.prototype as Record<string, unknown>;
  Object.assign(prototype, { token: "evil", expiresAt: new Date(0), VAULT_TOKEN: "evil", BAO_TOKEN: "evil", "x-vault-namespace": "evil", "x-vault-index": "evil", "x-evil": "1" });
  try {
    const service = testService(answer(KEY));
    await read(testProvider(service));
    assert.equal(Object.keys(service.sent[0]?.headers ?? {}).sort(), ["accept-encoding", "content-type", "x-vault-request", "x-vault-token"]);
    assert.is(service.sent[0]?.headers["x-vault-token"], TOKEN);
    await rejects(read(fromEnvironment(testService(), {})), "ERR_KMS_CREDENTIALS");
    await rejects(() => testProvider(testService(), { credentials: {} as never }), "ERR_KMS_CREDENTIALS");
  } finally {
    for (const name of ["token", "expiresAt", "VAULT_TOKEN", "BAO_TOKEN", "x-vault-namespace", "x-vault-index", "x-evil"]) delete prototype[name];
  }
});

const OTHER = "https://other.example:8200";

/** Which token goes to `ADDRESS` that was written in code, and which to the same that came from a URI or JSON. */
const ENVIRONMENTS: readonly [env: Record<string, unknown>, code: string | undefined, data: string | undefined][] = [
  [{}, undefined, undefined],
  [{ VAULT_TOKEN: "v" }, "v", undefined],
  [{ BAO_TOKEN: "b" }, "b", undefined],
  [{ VAULT_TOKEN: "v", BAO_TOKEN: "b" }, "v", undefined],
  [{ VAULT_TOKEN: "", BAO_TOKEN: "b" }, "b", undefined],
  [{ VAULT_TOKEN: "v", BAO_TOKEN: "" }, "v", undefined],
  [{ VAULT_TOKEN: "", BAO_TOKEN: "" }, undefined, undefined],
  [{ VAULT_TOKEN: " \n", BAO_TOKEN: " " }, undefined, undefined],
  [{ VAULT_TOKEN: "v\n" }, "v", undefined],
  [{ VAULT_ADDR: ADDRESS, VAULT_TOKEN: "v" }, "v", "v"],
  [{ VAULT_ADDR: `${ADDRESS}/`, VAULT_TOKEN: " v\r\n" }, "v", "v"],
  [{ VAULT_ADDR: `${ADDRESS}/prefix`, VAULT_TOKEN: "v" }, "v", "v"],
  [{ VAULT_ADDR: "HTTPS://Vault.Example:8200", VAULT_TOKEN: "v" }, "v", "v"],
  [{ VAULT_ADDR: OTHER, VAULT_TOKEN: "v" }, "v", undefined],
  [{ VAULT_ADDR: "https://vault.example", VAULT_TOKEN: "v" }, "v", undefined],
  [{ VAULT_ADDR: "http://vault.example:8200", VAULT_TOKEN: "v" }, "v", undefined],
  [{ VAULT_ADDR: "https://vault.example:8200@other.example", VAULT_TOKEN: "v" }, "v", undefined],
  [{ VAULT_ADDR: "https://user:pass@vault.example:8200", VAULT_TOKEN: "v" }, "v", undefined],
  [{ VAULT_ADDR: "https://vault.example:8200.evil.example", VAULT_TOKEN: "v" }, "v", undefined],
  [{ VAULT_ADDR: "nonsense", VAULT_TOKEN: "v" }, "v", undefined],
  // OpenBao's client takes VAULT_X where BAO_X is unset, and nothing where it is set and empty.
  [{ BAO_ADDR: ADDRESS, BAO_TOKEN: "b" }, "b", "b"],
  [{ BAO_ADDR: ADDRESS, VAULT_TOKEN: "v" }, "v", "v"],
  [{ BAO_ADDR: ADDRESS, VAULT_TOKEN: "v", BAO_TOKEN: "" }, "v", undefined],
  [{ VAULT_ADDR: ADDRESS, BAO_TOKEN: "b" }, "b", "b"],
  [{ VAULT_ADDR: ADDRESS, BAO_ADDR: "", BAO_TOKEN: "b" }, "b", undefined],
  [{ VAULT_ADDR: ADDRESS, BAO_ADDR: OTHER, BAO_TOKEN: "b" }, "b", undefined],
  // Each token to the address that it was set for.
  [{ VAULT_ADDR: ADDRESS, VAULT_TOKEN: "v", BAO_ADDR: OTHER, BAO_TOKEN: "b" }, "v", "v"],
  [{ VAULT_ADDR: OTHER, VAULT_TOKEN: "v", BAO_ADDR: ADDRESS, BAO_TOKEN: "b" }, "b", "b"],
  [{ VAULT_ADDR: ADDRESS, VAULT_TOKEN: "v", BAO_ADDR: ADDRESS, BAO_TOKEN: "b" }, "v", "v"],
  [{ VAULT_TOKEN: 7, BAO_TOKEN: {} }, undefined, undefined],
  [Object.create({ VAULT_TOKEN: "inherited" }) as Record<string, unknown>, undefined, undefined],
];

for (const [env, code, data] of ENVIRONMENTS) {
  test(`environment: ${JSON.stringify(env)}`, async () => {
    for (const [allowCustomEndpoint, expected] of [[undefined, code], [true, code], [false, data]] as const) {
      const service = testService(answer(KEY));
      const provider = fromEnvironment(service, env, allowCustomEndpoint === undefined ? {} : { allowCustomEndpoint });
      if (expected === undefined) {
        const error = await rejects(read(provider), "ERR_KMS_CREDENTIALS");
        const places = allowCustomEndpoint === false ? ", and VAULT_ADDR or BAO_ADDR to this address, or allowCustomEndpoint: true" : "";
        assert.is(error.message, `VAULT_TOKEN or BAO_TOKEN must be set${places}`);
        assert.is(service.sent.length, 0);
      } else {
        await read(provider);
        assert.equal(sentTokens(service), [expected]);
      }
    }
  });
}

test("environment: a configuration from a URI takes address, namespace and token, and no token for another address", async () => {
  const send = async (uri: string, env: Environment, allowCustomEndpoint?: boolean): Promise<TestService> => {
    const service = testService(answer(SIGNED));
    await createKms(uri, { env, fetch: service.fetch, ...(allowCustomEndpoint === undefined ? {} : { allowCustomEndpoint }) }).sign(message, { algorithm: "ES256" });
    return service;
  };
  const env = { VAULT_ADDR: ADDRESS, VAULT_TOKEN: "v", VAULT_NAMESPACE: "team" };
  for (const uri of ["hashivault://signer", "openbao://signer", "hashivault://vault.example:8200/transit/signer"]) {
    const { sent } = await send(uri, env);
    assert.equal([sent[0]?.url, sent[0]?.headers["x-vault-token"], sent[0]?.headers["x-vault-namespace"]], [`${ADDRESS}/v1/transit/sign/signer`, "v", "team"], uri);
  }
  assert.equal(sentTokens(await send("openbao://signer", { ...env, BAO_ADDR: OTHER, BAO_TOKEN: "b" })), ["b"]);
  await rejects(send("hashivault://other.example:8200/transit/signer", env), "ERR_KMS_CREDENTIALS");
  assert.equal(sentTokens(await send("hashivault://other.example:8200/transit/signer", env, true)), ["v"]);
});

test("environment: variables of each product", () => {
  const env = { VAULT_ADDR: "va", BAO_ADDR: "ba", VAULT_TOKEN: "vt", BAO_TOKEN: "", VAULT_NAMESPACE: "vn" };
  assert.equal((["ADDR", "TOKEN", "NAMESPACE"] as const).map((name) => [vaultVariable(env, name, "vault"), vaultVariable(env, name, "openbao")]), [["va", "ba"], ["vt", undefined], ["vn", "vn"]]);
  const denied = new Proxy({ VAULT_TOKEN: "x", BAO_TOKEN: "x" }, {
    get() {
      throw new Error("NotCapable");
    },
  });
  assert.is(vaultVariable(denied, "TOKEN", "vault"), undefined);
  assert.is(vaultVariable(denied, "TOKEN", "openbao"), undefined);
});

test("environment: a token that cannot be one names its source and not itself", async () => {
  for (const token of ["secret-1\r\nx: y", "se cret-1", "sécret-1", "secret-1\u0000x"]) {
    const service = testService();
    const error = await rejects(read(fromEnvironment(service, { VAULT_TOKEN: token })), "ERR_KMS_CREDENTIALS");
    assert.match(error.message, /VAULT_TOKEN or BAO_TOKEN must be visible ASCII/);
    assert.not.match(`${error.message} ${JSON.stringify(error)}`, /cret-1/);
    assert.is(service.sent.length, 0);
  }
});

test("environment: read for each request; a token that is refused is not sent again", async () => {
  const env: Record<string, string> = { VAULT_TOKEN: "first" };
  const service = testService(answer(KEY), answer(KEY), PLAIN);
  const provider = fromEnvironment(service, env);
  await read(provider);
  env.VAULT_TOKEN = "second";
  await read(provider);
  await rejects(read(provider), "ERR_KMS_UNAUTHENTICATED");
  assert.equal(sentTokens(service), ["first", "second", "second"]);
});

test("environment: another token by then is tried once", async () => {
  const env: Record<string, string> = { VAULT_TOKEN: "old" };
  const service = testService(INVALID, answer(KEY));
  const fetch: typeof service.fetch = (url, init) => {
    const answered = service.fetch(url, init);
    env.VAULT_TOKEN = "new";
    return answered;
  };
  await read(fromEnvironment(service, env, { fetch }));
  assert.equal(sentTokens(service), ["old", "new"]);
});

test("environment: the process's, unless another is given", async () => {
  const before = process.env.VAULT_TOKEN;
  process.env.VAULT_TOKEN = "of-the-process";
  try {
    const service = testService(answer(KEY));
    await read(testProvider(service, { credentials: undefined as never, env: undefined as never }));
    assert.equal(sentTokens(service), ["of-the-process"]);
    await rejects(read(fromEnvironment(testService(), {})), "ERR_KMS_CREDENTIALS");
  } finally {
    if (before === undefined) delete process.env.VAULT_TOKEN;
    else process.env.VAULT_TOKEN = before;
  }
});

test("namespace: on every request, and none without one", async () => {
  const service = testService(answer(KEY));
  await read(testProvider(service, { namespace: "team-a/sub" }));
  await read(testProvider(service));
  assert.equal(service.sent.map(({ headers }) => headers["x-vault-namespace"]), ["team-a/sub", undefined]);
});

test.run();
