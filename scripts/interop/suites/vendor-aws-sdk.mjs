// The AWS SDK for JavaScript against our AWS emulator, over https and under the service's own name.
import { createHash, createPublicKey, verify, constants } from "node:crypto";
import { createAwsEmulator } from "../lib/built.mjs";
import { expect, expectEqual, expectFailure, runCases } from "../lib/cases.mjs";
import { serveTls } from "../lib/loopback.mjs";
import { CREDENTIALS, KEY_SPECS, REGION } from "./moto/setup.mjs";

export const suite = {
  counterpart: "@aws-sdk/client-kms",
  needs: ["node", "certificate"],
  async run(kit, report) {
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
    const sdk = await import("@aws-sdk/client-kms");
    const { default: manifest } = await import("@aws-sdk/client-kms/package.json", { with: { type: "json" } });
    const clock = { offset: 0 };
    const emulator = createAwsEmulator({ region: REGION, credentials: CREDENTIALS, now: () => Date.now() + clock.offset });
    const served = await serveTls(kit, (request) => emulator.fetch(request));
    const open = (options = {}) => {
      const client = new sdk.KMSClient({ region: REGION, credentials: CREDENTIALS, requestHandler: { httpsAgent: served.agent }, ...options });
      kit.closing(() => client.destroy());
      return client;
    };
    await runCases(cases({ sdk, emulator, clock, open, kms: open() }), report);
    return manifest.version;
  },
};

const MESSAGE = Buffer.from("a message of the interop kit");
const MISSING = "99999999-8888-4777-8666-555555555555";
const hashOf = (algorithm) => `sha${/SHA_(\d+)/.exec(algorithm)[1]}`;

function cases(scene) {
  const { sdk, kms } = scene;
  const send = (Command, input) => kms.send(new sdk[`${Command}Command`](input));
  const create = async (KeySpec, more = {}) => (await send("CreateKey", { KeySpec, KeyUsage: "SIGN_VERIFY", ...more })).KeyMetadata;
  const named = Object.assign(scene, { send, create });
  return [
    ...Object.entries({ ...KEY_SPECS, Ed25519: "ECC_NIST_EDWARDS25519" }).map(([keyType, spec]) => ({
      name: `${keyType}: create, describe, public key, sign, verify`,
      run: () => signs(named, spec),
    })),
    { name: "aliases: create, move, list, delete", run: () => aliases(named) },
    { name: "paging: keys, aliases and tags, one a page", run: () => pages(named) },
    { name: "paging: an empty page is not the end", run: () => skipsEmptyPages(named) },
    { name: "states: disable, enable, schedule and cancel deletion", run: () => states(named) },
    { name: "rotation of a symmetric key", run: () => rotates(named) },
    { name: "tags and policy", run: () => resources(named) },
    { name: "MAC: make and verify", run: () => macs(named) },
    { name: "a multi-Region key", run: () => multiRegion(named) },
    { name: "errors are the SDK's own classes", run: () => failures(named) },
    { name: "a dry run is refused as one", run: () => dryRun(named) },
    { name: "throttling is repeated", run: () => repeats(named, { kind: "throttle", times: 2 }, 3) },
    {
      name: "a 500 with a page of HTML is repeated",
      run: () => repeats(named, { kind: "status", status: 500, body: "<html>", headers: { "content-type": "text/html" } }, 2),
    },
    { name: "a connection that is cut is repeated", run: () => repeats(named, { kind: "cut-before" }, 2) },
    { name: "a clock that is an hour off is corrected", run: () => correctsClock(named) },
    { name: "expired credentials, an unknown access key, a wrong secret", run: () => refusesCredentials(named) },
    { name: "an operation that the emulator lacks is UnknownOperationException", run: () => lacksEncrypt(named) },
  ];
}

async function signs({ send, create }, spec) {
  const { KeyId, Arn, KeyState, CreationDate, SigningAlgorithms } = await create(spec);
  expectEqual([KeyState, CreationDate instanceof Date], ["Enabled", true], "the new key");
  expectEqual((await send("DescribeKey", { KeyId: Arn })).KeyMetadata.KeySpec, spec, "KeySpec");
  const { PublicKey } = await send("GetPublicKey", { KeyId });
  const key = createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
  for (const SigningAlgorithm of SigningAlgorithms.filter((name) => name !== "ED25519_PH_SHA_512")) {
    const input = { KeyId, Message: MESSAGE, MessageType: "RAW", SigningAlgorithm };
    const { Signature, KeyId: by } = await send("Sign", input);
    expectEqual(by, Arn, "KeyId of the answer");
    expect(accepts(key, SigningAlgorithm, Signature), `node:crypto to accept ${SigningAlgorithm}`);
    expectEqual((await send("Verify", { ...input, Signature })).SignatureValid, true, "SignatureValid");
    const wrong = { ...input, Message: Buffer.from("another message"), Signature };
    await expectFailure(
      () => send("Verify", wrong),
      "KMSInvalidSignatureException",
      (error) => error.name,
    );
    if (SigningAlgorithm.startsWith("ED25519")) continue;
    const digest = { ...input, Message: createHash(hashOf(SigningAlgorithm)).update(MESSAGE).digest(), MessageType: "DIGEST" };
    expect(accepts(key, SigningAlgorithm, (await send("Sign", digest)).Signature), `node:crypto to accept ${SigningAlgorithm} of a digest`);
    expectEqual((await send("Verify", { ...digest, Signature })).SignatureValid, true, "SignatureValid of a digest");
  }
}

function accepts(key, algorithm, signature) {
  if (algorithm.startsWith("ED25519")) return verify(null, MESSAGE, key, signature);
  const pss = algorithm.includes("PSS") ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  return verify(hashOf(algorithm), MESSAGE, { key, ...pss }, signature);
}

async function aliases({ send, create }) {
  const [first, second] = [await create("ECC_NIST_P256"), await create("ECC_NIST_P256")];
  const AliasName = "alias/sdk";
  await send("CreateAlias", { AliasName, TargetKeyId: first.KeyId });
  expectEqual((await send("DescribeKey", { KeyId: AliasName })).KeyMetadata.KeyId, first.KeyId, "the alias's key");
  await send("UpdateAlias", { AliasName, TargetKeyId: second.Arn });
  const { Aliases } = await send("ListAliases", { KeyId: second.KeyId });
  expectEqual(
    Aliases.map((alias) => [alias.AliasName, alias.TargetKeyId, alias.CreationDate instanceof Date]),
    [[AliasName, second.KeyId, true]],
    "the list",
  );
  const { KeyId } = await send("Sign", { KeyId: AliasName, Message: MESSAGE, SigningAlgorithm: "ECDSA_SHA_256" });
  expectEqual(KeyId, second.Arn, "the key that signed");
  await send("DeleteAlias", { AliasName });
  await expectFailure(
    () => send("DescribeKey", { KeyId: AliasName }),
    "NotFoundException",
    (error) => error.name,
  );
}

async function collect(pages, member) {
  const items = [];
  for await (const page of pages) items.push(...(page[member] ?? []));
  return items;
}

async function pages({ sdk, kms, send, create }) {
  const { KeyId } = await create("ECC_NIST_P256", { Tags: ["a", "b", "c"].map((TagKey) => ({ TagKey, TagValue: "1" })) });
  for (const letter of ["x", "y", "z"]) await send("CreateAlias", { AliasName: `alias/page-${letter}`, TargetKeyId: KeyId });
  const config = { client: kms, pageSize: 1 };
  const keys = await collect(sdk.paginateListKeys(config, {}), "Keys");
  expect(keys.length > 3 && new Set(keys.map((key) => key.KeyId)).size === keys.length, "all keys, each once");
  expectEqual((await collect(sdk.paginateListAliases(config, { KeyId }), "Aliases")).length, 3, "aliases");
  expectEqual((await collect(sdk.paginateListResourceTags(config, { KeyId }), "Tags")).length, 3, "tags");
}

async function skipsEmptyPages({ sdk, kms, emulator }) {
  const all = await collect(sdk.paginateListKeys({ client: kms }, {}), "Keys");
  emulator.setEmptyPages(2);
  expectEqual((await collect(sdk.paginateListKeys({ client: kms }, {}), "Keys")).length, all.length, "keys behind empty pages");
}

async function states({ send, create }) {
  const { KeyId } = await create("ECC_NIST_P256");
  const sign = () => send("Sign", { KeyId, Message: MESSAGE, SigningAlgorithm: "ECDSA_SHA_256" });
  await send("DisableKey", { KeyId });
  await expectFailure(sign, "DisabledException", (error) => error.name);
  await send("EnableKey", { KeyId });
  await sign();
  const { DeletionDate, KeyState, PendingWindowInDays } = await send("ScheduleKeyDeletion", { KeyId, PendingWindowInDays: 7 });
  expectEqual([DeletionDate instanceof Date, KeyState, PendingWindowInDays], [true, "PendingDeletion", 7], "the answer");
  await expectFailure(sign, "KMSInvalidStateException", (error) => error.name);
  await send("CancelKeyDeletion", { KeyId });
  expectEqual((await send("DescribeKey", { KeyId })).KeyMetadata.KeyState, "Disabled", "the state after it");
}

async function rotates({ send }) {
  const { KeyMetadata } = await send("CreateKey", {});
  const { KeyId, Arn } = KeyMetadata;
  await send("EnableKeyRotation", { KeyId, RotationPeriodInDays: 180 });
  const status = await send("GetKeyRotationStatus", { KeyId });
  expectEqual([status.KeyRotationEnabled, status.RotationPeriodInDays, status.NextRotationDate instanceof Date], [true, 180, true], "the status");
  expectEqual((await send("RotateKeyOnDemand", { KeyId })).KeyId, Arn, "KeyId of the answer");
  await expectFailure(
    () => send("RotateKeyOnDemand", { KeyId }),
    "ConflictException",
    (error) => error.name,
  );
  expectEqual((await send("ListKeyRotations", { KeyId })).Truncated, false, "Truncated");
  await send("DisableKeyRotation", { KeyId });
}

async function resources({ send, create }) {
  const { KeyId } = await create("ECC_NIST_P256", { Description: "first" });
  await send("TagResource", {
    KeyId,
    Tags: [
      { TagKey: "a", TagValue: "1" },
      { TagKey: "b", TagValue: "2" },
    ],
  });
  await send("UntagResource", { KeyId, TagKeys: ["a"] });
  expectEqual((await send("ListResourceTags", { KeyId })).Tags, [{ TagKey: "b", TagValue: "2" }], "tags");
  const { Policy } = await send("GetKeyPolicy", { KeyId, PolicyName: "default" });
  expectEqual(JSON.parse(Policy).Version, "2012-10-17", "the policy's version");
}

async function macs({ send }) {
  const { KeyMetadata } = await send("CreateKey", { KeySpec: "HMAC_384", KeyUsage: "GENERATE_VERIFY_MAC" });
  const input = { KeyId: KeyMetadata.KeyId, Message: MESSAGE, MacAlgorithm: "HMAC_SHA_384" };
  const { Mac } = await send("GenerateMac", input);
  expectEqual([Mac.length, (await send("VerifyMac", { ...input, Mac })).MacValid], [48, true], "the MAC");
  await expectFailure(
    () => send("VerifyMac", { ...input, Mac: Buffer.alloc(48) }),
    "KMSInvalidMacException",
    (error) => error.name,
  );
}

async function multiRegion({ create }) {
  const { KeyId, MultiRegion, MultiRegionConfiguration } = await create("ECC_NIST_P256", { MultiRegion: true });
  expectEqual([/^mrk-[0-9a-f]{32}$/.test(KeyId), MultiRegion, MultiRegionConfiguration.MultiRegionKeyType], [true, true, "PRIMARY"], "the key");
}

async function failures({ sdk, send, create }) {
  const { KeyId } = await create("ECC_NIST_P256");
  const sign = (more) => send("Sign", { KeyId, Message: MESSAGE, SigningAlgorithm: "ECDSA_SHA_256", ...more });
  const rows = [
    [() => sign({ KeyId: MISSING }), "NotFoundException"],
    [() => sign({ SigningAlgorithm: "ECDSA_SHA_384" }), "InvalidKeyUsageException"],
    [() => send("RotateKeyOnDemand", { KeyId }), "UnsupportedOperationException"],
    [() => send("CreateAlias", { AliasName: "alias/none", TargetKeyId: MISSING }), "NotFoundException"],
    [() => send("ListKeys", { Marker: "none" }), "InvalidMarkerException"],
    [() => send("PutKeyPolicy", { KeyId, PolicyName: "default", Policy: "{" }), "MalformedPolicyDocumentException"],
    [() => send("TagResource", { KeyId, Tags: [{ TagKey: "aws:a", TagValue: "" }] }), "TagException"],
  ];
  for (const [attempt, name] of rows) {
    const error = await expectFailure(attempt, name, (thrown) => thrown.name);
    expect(error instanceof sdk[name], `an instance of ${name}`);
    expectEqual([error.$fault, error.$metadata.httpStatusCode, /^[0-9a-f-]{36}$/.test(error.$metadata.requestId)], ["client", 400, true], "what the error says");
  }
  const validation = await expectFailure(
    () => sign({ Message: Buffer.alloc(4097) }),
    "ValidationException",
    (thrown) => thrown.name,
  );
  expect(validation.message.includes("length less than or equal to 4096"), "the message of the validation");
}

async function dryRun({ send, create }) {
  const { KeyId } = await create("ECC_NIST_P256");
  const input = { KeyId, Message: MESSAGE, SigningAlgorithm: "ECDSA_SHA_256", DryRun: true };
  await expectFailure(
    () => send("Sign", input),
    "DryRunOperationException",
    (error) => error.name,
  );
}

async function repeats({ emulator, send, create }, fault, attempts) {
  const { KeyId } = await create("ECC_NIST_P256");
  emulator.faults.inject({ when: ({ operation }) => operation === "TrentService.DescribeKey", ...fault });
  try {
    expectEqual((await send("DescribeKey", { KeyId })).$metadata.attempts, attempts, "attempts");
  } finally {
    emulator.faults.clear();
  }
}

async function correctsClock({ sdk, clock, open, create }) {
  const { KeyId } = await create("ECC_NIST_P256");
  for (const offset of [3_600_000, -3_600_000]) {
    const client = open();
    const attempts = async () => (await client.send(new sdk.DescribeKeyCommand({ KeyId }))).$metadata.attempts;
    clock.offset = offset;
    try {
      expectEqual([await attempts(), await attempts()], [2, 1], "attempts of two calls");
    } finally {
      clock.offset = 0;
    }
  }
}

async function refusesCredentials({ sdk, emulator, open }) {
  const ask = (credentials) => open({ credentials, maxAttempts: 1 }).send(new sdk.ListKeysCommand({}));
  const temporary = { accessKeyId: "ASIAINTEROP", secretAccessKey: "secret", sessionToken: "token" };
  emulator.addCredentials(temporary);
  await ask(temporary);
  await expectFailure(
    () => ask({ ...temporary, sessionToken: "another" }),
    "UnrecognizedClientException",
    (error) => error.name,
  );
  emulator.expireCredentials(temporary.accessKeyId);
  await expectFailure(
    () => ask(temporary),
    "ExpiredTokenException",
    (error) => error.name,
  );
  await expectFailure(
    () => ask({ accessKeyId: "AKIANOBODY", secretAccessKey: "x" }),
    "UnrecognizedClientException",
    (error) => error.name,
  );
  await expectFailure(
    () => ask({ ...CREDENTIALS, secretAccessKey: "x" }),
    "InvalidSignatureException",
    (error) => error.name,
  );
}

async function lacksEncrypt({ send, create }) {
  const { KeyId } = await create("ECC_NIST_P256");
  await expectFailure(
    () => send("Encrypt", { KeyId, Plaintext: MESSAGE }),
    "UnknownOperationException",
    (error) => error.name,
  );
}
