/** A polluted Object.prototype changes no call: options and claims count by their own members only. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createKms, KmsConfig, type KmsManager } from "../../src/index.js";
import { rejects } from "../support/rejects.js";
import { awsSubject, azureSubject, vaultSubject } from "./subjects.js";

/** Every option of the operations and of managers, with values that would be refused, or would change what is done. */
const POLLUTION: Readonly<Record<string, unknown>> = {
  algorithm: "RS512",
  allowCustomEndpoint: true,
  allowFrequent: true,
  allowInsecureHttp: true,
  concurrency: 0,
  digest: true,
  encoding: "der",
  endpoint: "https://elsewhere.example",
  hasher: {},
  include: ["nonsense"],
  intervalMs: 1,
  keyVersion: "../x",
  lowS: true,
  namespace: "elsewhere",
  remote: "yes",
  rotation: { intervalMs: 1 },
  scope: "https://elsewhere.example/.default",
  sleep: "never",
  timeoutMs: -1,
  useFips: true,
};

async function polluted<T>(names: readonly string[], task: () => Promise<T>): Promise<T> {
  for (const name of names) Object.defineProperty(Object.prototype, name, { value: POLLUTION[name], configurable: true, enumerable: true, writable: true });
  try {
    return await task();
  } finally {
    for (const name of names) Reflect.deleteProperty(Object.prototype, name);
  }
}

const data = new TextEncoder().encode("data");

async function works(open: () => KmsManager): Promise<void> {
  const kms = open();
  const signed = await kms.sign(data);
  assert.equal([signed.algorithm, signed.encoding, signed.signature.length], ["ES256", "ieee-p1363", 64]);
  assert.is(await kms.verify(data, signed), true);
  assert.is(await kms.verify(data, { signature: signed.signature }), true);
  assert.is(await kms.verify(new Uint8Array(4), { signature: signed.signature }), false);
  assert.is((await kms.getPublicKey()).keyType, "P-256");
  assert.is((await kms.getKeyMetadata()).keyType, "P-256");
  assert.is((await kms.signBatch([{ data }]))[0]?.status, "fulfilled");
  assert.is((await kms.withKey(kms.keyId).sign(data)).keyVersion, signed.keyVersion);
}

for (const subject of [vaultSubject(), awsSubject("alias"), azureSubject()]) {
  const test = suite(`pollution ${subject.name}`);
  const { requests } = subject.emulator;
  for (const name of Object.keys(POLLUTION)) {
    test(name, async () => {
      const keyId = await subject.createKey("P-256");
      await subject.connect(keyId, {}).getPublicKey();
      const { origin } = new URL(requests.at(-1)?.url as string);
      await polluted([name], () => works(() => subject.connect(keyId, {})));
      assert.ok(requests.every(({ url }) => url.startsWith(`${origin}/`)), "no request, and so no credential, went elsewhere");
    });
  }
  test.run();
}

const test = suite("pollution createKms");

test("an inherited permission is none", async () => {
  const data = { provider: "aws", region: "eu-central-1", keyId: "alias/a", endpoint: "https://elsewhere.example" } as const;
  const insecure = { provider: "vault", address: "http://127.0.0.1:8200", mountPath: "transit", keyName: "a" } as const;
  await polluted(["allowCustomEndpoint", "allowInsecureHttp"], async () => {
    assert.ok(KmsConfig.from(data).problems().length > 0);
    assert.ok(KmsConfig.from(insecure).problems().length > 0);
    await rejects(() => createKms(data), "ERR_KMS_CONFIG");
    await rejects(() => createKms(insecure), "ERR_KMS_CONFIG");
  });
});

test("an inherited member of a configuration is none", async () => {
  await polluted(Object.keys(POLLUTION), async () => {
    const config = KmsConfig.azure("https://example-vault.vault.azure.net", "signer");
    assert.equal([config.problems(), Object.keys(config.toJSON()).sort()], [[], ["keyName", "provider", "vaultUrl"]]);
    createKms(config, { credentials: { token: "t" } });
  });
});

test.run();
