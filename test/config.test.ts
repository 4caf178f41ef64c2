import { test } from "uvu";
import * as assert from "uvu/assert";
import { inspect } from "node:util";
import { ConfigError, createKms, isKmsError, KmsConfig, KmsManager, type KmsData } from "../src/index.js";

const ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ID = "1234abcd-12ab-34cd-56ef-1234567890ab";
const VERSION = "0123456789abcdef0123456789abcdef";
const NO_ENV = {};

function uri(text: string, env: Record<string, string> = NO_ENV): { data: KmsData; problems: string[] } {
  const config = KmsConfig.fromUri(text, env);
  return { data: config.toJSON(), problems: config.problems() };
}

const GOOD_URIS: [text: string, env: Record<string, string>, data: object][] = [
  ["awskms:///alias/signing?region=eu-central-1", {}, { provider: "aws", region: "eu-central-1", keyId: "alias/signing" }],
  ["awskms:///alias/a/b?region=eu-central-1&algorithm=ES256", {}, { provider: "aws", region: "eu-central-1", keyId: "alias/a/b", algorithm: "ES256" }],
  [`awskms:///${ARN}`, {}, { provider: "aws", region: "eu-west-1", keyId: ARN }],
  [`awskms:///${ARN}`, { AWS_REGION: "us-east-1" }, { provider: "aws", region: "eu-west-1", keyId: ARN }],
  [`awskms:///${ID}`, { AWS_REGION: "us-east-1" }, { provider: "aws", region: "us-east-1", keyId: ID }],
  [`awskms:///${ID}?region=eu-west-1`, { AWS_REGION: "us-east-1" }, { provider: "aws", region: "eu-west-1", keyId: ID }],
  [`awskms:///alias/s?region=eu-west-1&version=${ID}`, {}, { provider: "aws", region: "eu-west-1", keyId: "alias/s", keyVersion: ID }],
  ["azurekms://my-vault.vault.azure.net/signing", {}, { provider: "azure", vaultUrl: "https://my-vault.vault.azure.net", keyName: "signing" }],
  [`azurekms://my-vault.vault.azure.net/signing/${VERSION}`, {}, { provider: "azure", vaultUrl: "https://my-vault.vault.azure.net", keyName: "signing", keyVersion: VERSION }],
  ["azurekms://my-hsm.managedhsm.azure.net/signing?algorithm=PS384", {}, { provider: "azure", vaultUrl: "https://my-hsm.managedhsm.azure.net", keyName: "signing", algorithm: "PS384" }],
  ["hashivault://signing", { VAULT_ADDR: "https://v.example:8200" }, { provider: "vault", address: "https://v.example:8200", mountPath: "transit", keyName: "signing" }],
  ["hashivault://signing?version=3", { VAULT_ADDR: "https://v.example", VAULT_NAMESPACE: "team/a" }, { provider: "vault", address: "https://v.example", mountPath: "transit", keyName: "signing", keyVersion: "3", namespace: "team/a" }],
  ["hashivault://signing", { VAULT_ADDR: "https://v.example", BAO_ADDR: "https://b.example" }, { provider: "vault", address: "https://v.example", mountPath: "transit", keyName: "signing" }],
  ["openbao://signing", { VAULT_ADDR: "https://v.example", BAO_ADDR: "https://b.example" }, { provider: "vault", address: "https://b.example", mountPath: "transit", keyName: "signing" }],
  ["hashivault://v.example:8200/team/transit/signing", {}, { provider: "vault", address: "https://v.example:8200", mountPath: "team/transit", keyName: "signing" }],
];

for (const [text, env, data] of GOOD_URIS) {
  test(`URI ${text} ${Object.keys(env).join(" ")}`, () => {
    const read = uri(text, env as Record<string, string>);
    if (!("keyVersion" in data && "address" in data)) assert.equal(read.data, data);
    for (const [name, value] of Object.entries(data)) assert.equal((read.data as unknown as Record<string, unknown>)[name], value, name);
    assert.equal(read.problems, []);
  });
}

const BAD_URIS: [text: string, mentions: RegExp, env?: Record<string, string>][] = [
  ["", /must start with awskms/],
  ["https://kms.example/key", /must start with awskms/],
  ["AWSKMS:///alias/x?region=eu-west-1", /must start with awskms/],
  ["awskms:///alias/x", /region .* must be/],
  ["awskms:///?region=eu-west-1", /keyId/],
  [`awskms:///${ARN}?region=us-east-1`, /two different values for region/],
  ["awskms:///alias/x?region=eu-west-1&region=eu-west-1", /region twice/],
  ["awskms:///alias/x?region=eu-west-1&profile=y", /unknown parameter "profile"/],
  ["awskms:///alias/x?region=eu-west-1&algorithm=none", /algorithm "none"/],
  ["awskms://localhost:4566/alias/x?region=eu-west-1", /allowCustomEndpoint/],
  ["awskms://user:secret@host/alias/x?region=eu-west-1", /no user or password/],
  ["awskms:///alias/%zz?region=eu-west-1", /percent sign/],
  ["azurekms://evil.example/signing", /allowCustomEndpoint/],
  ["azurekms://evilvault.azure.net.example/signing", /allowCustomEndpoint/],
  ["azurekms://my-vault.vault.azure.net:8443/signing", /allowCustomEndpoint/],
  ["azurekms://my-vault.vault.azure.net/signing/v/w", /more than a key and its version/],
  ["azurekms://my-vault.vault.azure.net/signing?algorithm=Ed25519", /not offered by azure/],
  ["azurekms://my-vault.vault.azure.net/signing?region=x", /unknown parameter "region"/],
  ["azurekms://my-vault.vault.azure.net/../keys", /keyName/],
  ["hashivault://signing", /VAULT_ADDR/],
  ["hashivault://v.example/signing", /no mount/],
  ["hashivault://v.example/transit/..", /keyName/],
  ["hashivault://v.example/a/%2e%2e/signing", /mountPath/],
  ["hashivault://signing", /https/, { VAULT_ADDR: "http://v.example" }],
  ["hashivault://signing?algorithm=ES256K", /ES256K is not offered by vault/, { VAULT_ADDR: "https://v.example" }],
];

for (const [text, mentions, env] of BAD_URIS) {
  test(`URI refused: ${text}`, () => {
    const { problems } = uri(text, env);
    assert.ok(problems.some((problem) => mentions.test(problem)), problems.join("; ") || "no problem");
    for (const problem of problems) assert.not.match(problem, /secret/);
    assert.throws(
      () => createKms(text, { env: env ?? NO_ENV }),
      (error: unknown) => isKmsError(error, "ERR_KMS_CONFIG"),
    );
  });
}

test("fromEnv reads one variable, and nothing of the process when an environment is given", () => {
  assert.equal(KmsConfig.fromEnv({ KNHK_KMS_URI: `awskms:///${ARN}` }).toJSON(), { provider: "aws", region: "eu-west-1", keyId: ARN });
  assert.match(KmsConfig.fromEnv(NO_ENV).problems().join(), /KNHK_KMS_URI is not set/);
});

test("all problems at once, in problems() and in the error of validate()", () => {
  const config = KmsConfig.aws("nowhere", "alias/", { algorithm: "HS256" as never, rotation: { intervalMs: -1 }, useFips: "yes" as never });
  const problems = config.problems();
  for (const mention of [/region/, /keyId/, /algorithm/, /rotation/, /useFips/]) assert.ok(problems.some((problem) => mention.test(problem)), `${mention}`);
  try {
    config.validate();
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal([...error.problems], problems);
    assert.is(error.code, "ERR_KMS_CONFIG");
  }
});

test("factories never throw, whatever they are given", () => {
  for (const value of [undefined, null, 0, "", "x", [], {}, { provider: "gcp" }, { provider: "__proto__" }, { provider: "aws" }, Symbol("s"), () => {}]) {
    assert.ok(KmsConfig.from(value).problems().length > 0);
    assert.ok(KmsConfig.aws(value as never, value as never, value as never).problems().length > 0);
    assert.ok(KmsConfig.azure(value as never, value as never, value as never).problems().length > 0);
    assert.ok(KmsConfig.vault(value as never, value as never, value as never, value as never).problems().length > 0);
    assert.ok(KmsConfig.fromUri(value as never, NO_ENV).problems().length > 0);
  }
});

test("unknown members are problems, inherited ones are not read", () => {
  assert.match(KmsConfig.from({ provider: "aws", region: "eu-west-1", keyId: ID, secretAccessKey: "s3cret" }).problems().join(), /unknown member "secretAccessKey"/);
  assert.match(KmsConfig.from(Object.create({ provider: "aws", region: "eu-west-1", keyId: ID })).problems().join(), /provider/);
  assert.not.match(JSON.stringify(KmsConfig.from({ provider: "aws", region: "eu-west-1", keyId: ID, token: "s3cret" })), /s3cret/);
});

test("a configuration is immutable, and its data a copy", () => {
  const rotation = { intervalMs: 86_400_000 };
  const config = KmsConfig.aws("eu-west-1", ID, { rotation });
  rotation.intervalMs = 1;
  const data = config.toJSON() as { region: string; rotation: { intervalMs: number } };
  data.region = "us-east-1";
  assert.equal(config.toJSON(), { provider: "aws", region: "eu-west-1", keyId: ID, rotation: { intervalMs: 86_400_000 } });
  assert.throws(() => Object.assign(config, { x: 1 }));
  assert.equal(KmsConfig.from(JSON.parse(JSON.stringify(config))).toJSON(), config.toJSON());
  assert.is(KmsConfig.from(config), config);
});

test("an address from data needs permission, the same from code does not", () => {
  const data = { provider: "aws", region: "eu-west-1", keyId: ID, endpoint: "https://kms.internal:8443" } as const;
  assert.match(KmsConfig.from(data).problems().join(), /allowCustomEndpoint/);
  assert.equal(KmsConfig.from(data).problems({ allowCustomEndpoint: true }), []);
  assert.equal(KmsConfig.aws("eu-west-1", ID, { endpoint: data.endpoint }).problems(), []);
  assert.instance(createKms(data, { allowCustomEndpoint: true, env: NO_ENV }), KmsManager);
  assert.throws(() => createKms(data, { env: NO_ENV }), (error: unknown) => isKmsError(error, "ERR_KMS_CONFIG"));
});

test("http needs allowInsecureHttp in the options argument, never in data", () => {
  const config = KmsConfig.vault("http://127.0.0.1:8200", "transit", "k");
  assert.match(config.problems().join(), /allowInsecureHttp/);
  assert.equal(config.problems({ allowInsecureHttp: true }), []);
  assert.match(KmsConfig.from({ ...config.toJSON(), allowInsecureHttp: true }).problems({}).join(), /unknown member "allowInsecureHttp"/);
});

test("a token of the environment goes to an address from data only if the environment names it", async () => {
  const seen: string[] = [];
  const fetch = async (input: string, init: RequestInit): Promise<Response> => {
    seen.push(`${input} ${(init.headers as Record<string, string>)["x-vault-token"]}`);
    return new Response('{"errors":[]}', { status: 404 });
  };
  const data = { provider: "vault", address: "https://other.example", mountPath: "transit", keyName: "k" } as const;
  const env = { VAULT_ADDR: "https://mine.example", VAULT_TOKEN: "t0ken" };
  const codeOf = async (kms: KmsManager): Promise<unknown> => kms.getKeyMetadata().catch((error: { code?: unknown }) => error.code);
  assert.is(await codeOf(createKms(data, { env, fetch })), "ERR_KMS_CREDENTIALS");
  assert.equal(seen, []);
  assert.is(await codeOf(createKms({ ...data, address: "https://mine.example/prefix" }, { env, fetch })), "ERR_KMS_NOT_FOUND");
  assert.equal(seen, ["https://mine.example/prefix/v1/transit/keys/k t0ken"]);
  assert.is(await codeOf(createKms(data, { env, fetch, allowCustomEndpoint: true })), "ERR_KMS_NOT_FOUND");
  assert.is(seen.length, 2);
});

test("createKms makes the right provider, refuses unknown options, and shows no secret", () => {
  const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "s3cret" };
  const kms = createKms(`awskms:///${ARN}?algorithm=ES256`, { credentials, env: NO_ENV });
  assert.is(kms.provider, "aws");
  assert.is(kms.keyId, ARN);
  assert.not.match(inspect(kms, { depth: Infinity, showHidden: true }), /s3cret/);
  assert.throws(() => createKms(`awskms:///${ARN}`, { credential: credentials } as never), (error: unknown) => isKmsError(error, "ERR_KMS_CONFIG"));
  assert.is(createKms("azurekms://my-vault.vault.azure.net/k", { env: NO_ENV }).provider, "azure");
});

test.run();
