// Sequences of KMS calls for the differential test: every operation that the emulator has, at its edges.
import { createHash, createPublicKey, verify, constants } from "node:crypto";

const call = (name, operation, members, facts) => ({ name, ask: (known) => ({ operation, members: typeof members === "function" ? members(known) : members }), facts });
const keep =
  (name) =>
  ({ body }, known) =>
    void ((known[name] = body.KeyMetadata.KeyId), (known[`${name}Arn`] = body.KeyMetadata.Arn));
const MISSING = "99999999-8888-4777-8666-555555555555";
const MESSAGE = Buffer.from("a message of the differential test");
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const digest = (hash) => createHash(hash).update(MESSAGE).digest();
const signing = (name, KeySpec, more) => call(`create ${name}`, "CreateKey", { KeySpec, KeyUsage: "SIGN_VERIFY", ...more }, keep(name));

/** Whether a signature is one over the message, which no steady text could show. */
function verifies(key, hash, options) {
  return ({ body }, known) => {
    known.signature = body.Signature;
    const publicKey = createPublicKey({ key: Buffer.from(known[`${key}Public`], "base64"), format: "der", type: "spki" });
    return { valid: verify(hash, MESSAGE, { key: publicKey, dsaEncoding: "der", ...options }, Buffer.from(body.Signature, "base64")) };
  };
}

/** Says how an answer is labelled, which the other steps leave out. */
const labelled = (step) => ({ ...step, name: `content type of ${step.name}`, facts: ({ headers }) => ({ type: headers["content-type"]?.split(";")[0] }) });
const prepared = (step) => ({ ...step, prepares: true });

const publicKey = (key) =>
  call(
    `public key of ${key}`,
    "GetPublicKey",
    (known) => ({ KeyId: known[key] }),
    ({ body }, known) => {
      known[`${key}Public`] = body.PublicKey;
      const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({ key: Buffer.from(body.PublicKey, "base64"), format: "der", type: "spki" });
      return { asymmetricKeyType, details: JSON.stringify(asymmetricKeyDetails, (_, value) => (typeof value === "bigint" ? String(value) : value)) };
    },
  );

const sign = (name, key, SigningAlgorithm, facts, more = {}) =>
  call(`sign ${name}`, "Sign", (known) => ({ KeyId: known[key], Message: base64(MESSAGE), SigningAlgorithm, ...more }), facts);
const check = (name, key, SigningAlgorithm, more = {}) =>
  call(`verify ${name}`, "Verify", (known) => ({ KeyId: known[key], Message: base64(MESSAGE), Signature: known.signature, SigningAlgorithm, ...more }));
const mac = (name, key, MacAlgorithm, more = {}) =>
  call(
    `MAC ${name}`,
    "GenerateMac",
    (known) => ({ KeyId: known[key], Message: base64(MESSAGE), MacAlgorithm, ...more }),
    ({ body }, known) => ({ bytes: Buffer.from((known.mac = body.Mac), "base64").length }),
  );
const asDigest = (hash) => ({ Message: base64(digest(hash)), MessageType: "DIGEST" });
const pss = (saltLength) => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
const EC = {
  p256: ["ECC_NIST_P256", "SHA_256", "sha256"],
  p384: ["ECC_NIST_P384", "SHA_384", "sha384"],
  p521: ["ECC_NIST_P521", "SHA_512", "sha512"],
  k256: ["ECC_SECG_P256K1", "SHA_256", "sha256"],
};

const KEYS = [
  call("create with nothing", "CreateKey", {}, keep("symmetric")),
  call("create with a description and tags", "CreateKey", { Description: "described", Tags: [{ TagKey: "a", TagValue: "1" }] }, keep("tagged")),
  signing("rsa", "RSA_2048"),
  signing("rsa3072", "RSA_3072"),
  ...Object.entries(EC).map(([name, [spec]]) => signing(name, spec)),
  call("create hmac", "CreateKey", { KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }, keep("hmac")),
  call("create encryption", "CreateKey", { KeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT" }, keep("encryption")),
  call("create by the old name of the spec", "CreateKey", { CustomerMasterKeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }),
  call("create for imported material", "CreateKey", { KeySpec: "SYMMETRIC_DEFAULT", Origin: "EXTERNAL" }),
  call("list", "ListKeys", {}),
  call("list one", "ListKeys", { Limit: 1 }),
  call("list from a marker that is none", "ListKeys", { Marker: "none" }),
  call("create multi-Region", "CreateKey", { KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY", MultiRegion: true }),
  call("create with an unknown spec", "CreateKey", { KeySpec: "RSA_1024", KeyUsage: "SIGN_VERIFY" }),
  call("create Ed25519", "CreateKey", { KeySpec: "ECC_NIST_EDWARDS25519", KeyUsage: "SIGN_VERIFY" }),
  call("create without a usage", "CreateKey", { KeySpec: "RSA_2048" }),
  call("create with a usage that does not fit", "CreateKey", { KeySpec: "HMAC_256", KeyUsage: "SIGN_VERIFY" }),
  call("describe by id", "DescribeKey", (known) => ({ KeyId: known.p256 })),
  call("describe by ARN", "DescribeKey", (known) => ({ KeyId: known.p256Arn })),
  call("describe what does not exist", "DescribeKey", { KeyId: MISSING }),
  call("describe by an ARN of what does not exist", "DescribeKey", (known) => ({ KeyId: known.p256Arn.replace(known.p256, MISSING) })),
  call("describe by an ARN of another region", "DescribeKey", (known) => ({ KeyId: known.p256Arn.replace("eu-central-1", "us-east-1") })),
  call("describe by an ARN of another account", "DescribeKey", (known) => ({ KeyId: known.p256Arn.replace("123456789012", "999999999999") })),
  call("describe by a text that is no id", "DescribeKey", { KeyId: "no-id" }),
  call("describe by an ARN of another service", "DescribeKey", { KeyId: "arn:aws:s3:::bucket" }),
];

const SIGNATURES = [
  prepared(signing("rsa", "RSA_2048")),
  publicKey("rsa"),
  ...["256", "384", "512"].flatMap((bits) => [
    sign(`RSASSA_PKCS1_V1_5_SHA_${bits}`, "rsa", `RSASSA_PKCS1_V1_5_SHA_${bits}`, verifies("rsa", `sha${bits}`)),
    check(`RSASSA_PKCS1_V1_5_SHA_${bits}`, "rsa", `RSASSA_PKCS1_V1_5_SHA_${bits}`),
    sign(`RSASSA_PSS_SHA_${bits}`, "rsa", `RSASSA_PSS_SHA_${bits}`, verifies("rsa", `sha${bits}`, pss(Number(bits) / 8))),
    check(`RSASSA_PSS_SHA_${bits}`, "rsa", `RSASSA_PSS_SHA_${bits}`),
    sign(`a digest with RSASSA_PKCS1_V1_5_SHA_${bits}`, "rsa", `RSASSA_PKCS1_V1_5_SHA_${bits}`, verifies("rsa", `sha${bits}`), asDigest(`sha${bits}`)),
  ]),
  ...Object.entries(EC).flatMap(([name, [spec, hash, nodeHash]]) => [
    prepared(signing(name, spec)),
    publicKey(name),
    sign(`ECDSA_${hash} of ${name}`, name, `ECDSA_${hash}`, verifies(name, nodeHash)),
    check(`ECDSA_${hash} of ${name}`, name, `ECDSA_${hash}`),
    sign(`a digest with ${name}`, name, `ECDSA_${hash}`, verifies(name, nodeHash), asDigest(nodeHash)),
    check(`a digest with ${name}`, name, `ECDSA_${hash}`, asDigest(nodeHash)),
  ]),
  check("a signature of another key", "p256", "ECDSA_SHA_256"),
  check("a signature over another message", "k256", "ECDSA_SHA_256", { Message: "AAAA" }),
  check("a signature with another algorithm", "k256", "ECDSA_SHA_384"),
  sign("over 4,096 bytes", "p256", "ECDSA_SHA_256", undefined, { Message: base64(Buffer.alloc(4096)) }),
  sign("over 4,097 bytes", "p256", "ECDSA_SHA_256", undefined, { Message: base64(Buffer.alloc(4097)) }),
  sign("over nothing", "p256", "ECDSA_SHA_256", undefined, { Message: "" }),
  sign("a digest of the wrong length", "p256", "ECDSA_SHA_256", undefined, { Message: base64(digest("sha384")), MessageType: "DIGEST" }),
  sign("an unknown message type", "p256", "ECDSA_SHA_256", undefined, { MessageType: "TEXT" }),
  sign("as a dry run", "p256", "ECDSA_SHA_256", undefined, { DryRun: true }),
  sign("with a grant token that is none", "p256", "ECDSA_SHA_256", undefined, { GrantTokens: [""] }),
  sign("an algorithm of another curve", "p256", "ECDSA_SHA_384"),
  sign("an algorithm of another type", "p256", "RSASSA_PSS_SHA_256"),
  sign("an unknown algorithm", "p256", "ECDSA_SHA_1"),
  call("with a key that does not exist", "Sign", { KeyId: MISSING, Message: "AAAA", SigningAlgorithm: "ECDSA_SHA_256" }),
  prepared(call("create hmac", "CreateKey", { KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }, keep("hmac"))),
  prepared(call("create symmetric", "CreateKey", {}, keep("symmetric"))),
  prepared(call("create encryption", "CreateKey", { KeySpec: "RSA_2048", KeyUsage: "ENCRYPT_DECRYPT" }, keep("encryption"))),
  ...["hmac", "symmetric", "encryption"].flatMap((name) => [
    sign(`with ${name}`, name, "RSASSA_PKCS1_V1_5_SHA_256"),
    call(`public key of ${name}`, "GetPublicKey", (known) => ({ KeyId: known[name] })),
  ]),
  call("public key of what does not exist", "GetPublicKey", { KeyId: MISSING }),
];

const MACS = [
  ...["224", "256", "384", "512"].map((bits) =>
    prepared(call(`create hmac${bits}`, "CreateKey", { KeySpec: `HMAC_${bits}`, KeyUsage: "GENERATE_VERIFY_MAC" }, keep(`hmac${bits}`))),
  ),
  ...["224", "256", "384", "512"].flatMap((bits) => [
    mac(`HMAC_SHA_${bits}`, `hmac${bits}`, `HMAC_SHA_${bits}`),
    call(`verify HMAC_SHA_${bits}`, "VerifyMac", (known) => ({
      KeyId: known[`hmac${bits}`],
      Message: base64(MESSAGE),
      MacAlgorithm: `HMAC_SHA_${bits}`,
      Mac: known.mac,
    })),
  ]),
  call("verify a MAC of another key", "VerifyMac", (known) => ({ KeyId: known.hmac256, Message: base64(MESSAGE), MacAlgorithm: "HMAC_SHA_256", Mac: known.mac })),
  mac("another algorithm than the key's", "hmac256", "HMAC_SHA_512"),
  mac("over nothing", "hmac256", "HMAC_SHA_256", { Message: "" }),
  mac("over 4,097 bytes", "hmac256", "HMAC_SHA_256", { Message: base64(Buffer.alloc(4097)) }),
  prepared(signing("p256", "ECC_NIST_P256")),
  mac("with a signing key", "p256", "HMAC_SHA_256"),
  call("with a key that does not exist", "GenerateMac", { KeyId: MISSING, Message: "AAAA", MacAlgorithm: "HMAC_SHA_256" }),
];

const alias = (name, operation, AliasName, key) => call(name, operation, (known) => ({ AliasName, ...(key === undefined ? {} : { TargetKeyId: known[key] ?? key }) }));

const ALIASES = [
  prepared(signing("p256", "ECC_NIST_P256")),
  prepared(signing("second", "ECC_NIST_P256")),
  prepared(call("create hmac", "CreateKey", { KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }, keep("hmac"))),
  alias("create", "CreateAlias", "alias/a-first", "p256"),
  alias("create by ARN", "CreateAlias", "alias/by-arn", "p256Arn"),
  alias("create what exists", "CreateAlias", "alias/a-first", "p256"),
  alias("create for what does not exist", "CreateAlias", "alias/other", MISSING),
  alias("create for an alias", "CreateAlias", "alias/other", "alias/a-first"),
  alias("create without alias/", "CreateAlias", "first", "p256"),
  alias("create a reserved name", "CreateAlias", "alias/aws/s3", "second"),
  alias("create another reserved name", "CreateAlias", "alias/aws/first", "second"),
  alias("create with a blank", "CreateAlias", "alias/with blank", "second"),
  alias("create with a colon", "CreateAlias", "alias/with:colon", "second"),
  alias("create a long name", "CreateAlias", `alias/${"x".repeat(251)}`, "second"),
  call("describe by alias", "DescribeKey", { KeyId: "alias/a-first" }),
  call("describe by alias ARN", "DescribeKey", { KeyId: "arn:aws:kms:eu-central-1:123456789012:alias/a-first" }),
  call("describe by an alias that does not exist", "DescribeKey", { KeyId: "alias/none" }),
  call("describe by an ARN of an alias that does not exist", "DescribeKey", { KeyId: "arn:aws:kms:eu-central-1:123456789012:alias/none" }),
  call("sign by alias", "Sign", { KeyId: "alias/a-first", Message: "AAAA", SigningAlgorithm: "ECDSA_SHA_256" }),
  call("list of a key", "ListAliases", (known) => ({ KeyId: known.p256 })),
  call("list of a key by ARN", "ListAliases", (known) => ({ KeyId: known.p256Arn })),
  call("list of a key, one", "ListAliases", (known) => ({ KeyId: known.p256, Limit: 1 })),
  call("list of an alias", "ListAliases", { KeyId: "alias/a-first" }),
  call("list of what does not exist", "ListAliases", { KeyId: MISSING }),
  call("list with a limit of 0", "ListAliases", { Limit: 0 }),
  alias("move", "UpdateAlias", "alias/a-first", "second"),
  call("describe what it moved to", "DescribeKey", { KeyId: "alias/a-first" }),
  alias("move to another usage", "UpdateAlias", "alias/a-first", "hmac"),
  alias("move what does not exist", "UpdateAlias", "alias/none", "second"),
  alias("move to what does not exist", "UpdateAlias", "alias/a-first", MISSING),
  alias("delete", "DeleteAlias", "alias/a-first"),
  alias("delete what does not exist", "DeleteAlias", "alias/none"),
];

const by = (name, operation, reference, more = {}, facts) => call(name, operation, (known) => ({ KeyId: known[reference] ?? reference, ...more }), facts);

const STATES = [
  prepared(signing("p256", "ECC_NIST_P256")),
  by("disable", "DisableKey", "p256"),
  by("describe disabled", "DescribeKey", "p256"),
  sign("with a disabled key", "p256", "ECDSA_SHA_256"),
  by("public key of a disabled key", "GetPublicKey", "p256"),
  by("disable again", "DisableKey", "p256"),
  by("enable", "EnableKey", "p256"),
  by("describe enabled", "DescribeKey", "p256"),
  by("enable what does not exist", "EnableKey", MISSING),
  by("schedule deletion in 3 days", "ScheduleKeyDeletion", "p256", { PendingWindowInDays: 3 }),
  prepared(signing("deleted", "ECC_NIST_P256")),
  by("schedule deletion", "ScheduleKeyDeletion", "deleted", { PendingWindowInDays: 7 }),
  by("describe what is to be deleted", "DescribeKey", "deleted"),
  sign("with a key that is to be deleted", "deleted", "ECDSA_SHA_256"),
  by("schedule deletion again", "ScheduleKeyDeletion", "deleted"),
  by("enable what is to be deleted", "EnableKey", "deleted"),
  prepared(signing("cancelled", "ECC_NIST_P256")),
  by("schedule deletion without a window", "ScheduleKeyDeletion", "cancelled"),
  by("cancel deletion", "CancelKeyDeletion", "cancelled"),
  by("describe cancelled", "DescribeKey", "cancelled"),
  prepared(signing("enabled", "ECC_NIST_P256")),
  by("cancel deletion of an enabled key", "CancelKeyDeletion", "enabled"),
  prepared(signing("byArn", "ECC_NIST_P256")),
  by("disable by ARN", "DisableKey", "byArnArn"),
];

const ROTATION = [
  prepared(call("create symmetric", "CreateKey", {}, keep("symmetric"))),
  by("status at first", "GetKeyRotationStatus", "symmetric"),
  by("enable", "EnableKeyRotation", "symmetric"),
  by("status when enabled", "GetKeyRotationStatus", "symmetric"),
  by("enable for 100 days", "EnableKeyRotation", "symmetric", { RotationPeriodInDays: 100 }),
  by("enable for 10 days", "EnableKeyRotation", "symmetric", { RotationPeriodInDays: 10 }),
  by("disable", "DisableKeyRotation", "symmetric"),
  by("status when disabled", "GetKeyRotationStatus", "symmetric"),
  by("rotate", "RotateKeyOnDemand", "symmetric"),
  by("list", "ListKeyRotations", "symmetric"),
  by("rotate while it is rotated", "RotateKeyOnDemand", "symmetric"),
  prepared(call("create another", "CreateKey", {}, keep("another"))),
  by("rotate by ARN", "RotateKeyOnDemand", "anotherArn"),
  by("rotate what does not exist", "RotateKeyOnDemand", MISSING),
  by("list with a marker that is none", "ListKeyRotations", "symmetric", { Marker: "none" }),
  prepared(signing("p256", "ECC_NIST_P256")),
  by("status of a signing key", "GetKeyRotationStatus", "p256"),
  by("enable a signing key's", "EnableKeyRotation", "p256"),
  by("rotate a signing key", "RotateKeyOnDemand", "p256"),
  by("status of what does not exist", "GetKeyRotationStatus", MISSING),
];

const tag = (TagKey, TagValue) => ({ TagKey, TagValue });

const RESOURCES = [
  prepared(signing("p256", "ECC_NIST_P256")),
  by("no tags", "ListResourceTags", "p256"),
  by("tag", "TagResource", "p256", { Tags: [tag("a", "1"), tag("b", "")] }),
  by("tag again", "TagResource", "p256", { Tags: [tag("a", "2")] }),
  by("tags", "ListResourceTags", "p256"),
  by("one tag", "ListResourceTags", "p256", { Limit: 1 }),
  by("tag twice in one call", "TagResource", "p256", { Tags: [tag("c", "1"), tag("c", "2")] }),
  by("tag with a reserved name", "TagResource", "p256", { Tags: [tag("aws:c", "1")] }),
  by("tag with a long value", "TagResource", "p256", { Tags: [tag("d", "x".repeat(257))] }),
  by("untag", "UntagResource", "p256", { TagKeys: ["b"] }),
  by("tags of what does not exist", "ListResourceTags", MISSING),
  by("policy", "GetKeyPolicy", "p256", { PolicyName: "default" }),
  by("policy without a name", "GetKeyPolicy", "p256"),
  by("policy of another name", "GetKeyPolicy", "p256", { PolicyName: "other" }),
  by("put a policy that is none", "PutKeyPolicy", "p256", { PolicyName: "default", Policy: "{}" }),
  by("policy of what does not exist", "GetKeyPolicy", MISSING, { PolicyName: "default" }),
];

const PROTOCOL = [
  { name: "an unknown operation", ask: () => ({ operation: "Nothing", members: {} }) },
  { name: "no target", ask: () => ({ members: {}, target: "", headers: { "x-amz-target": undefined } }) },
  { name: "a body that is not JSON", ask: () => ({ operation: "DescribeKey", text: "{" }) },
  { name: "a body that is a list", ask: () => ({ operation: "DescribeKey", text: "[]" }) },
  { name: "no body", ask: () => ({ operation: "DescribeKey", text: "" }) },
  call("a missing member", "DescribeKey", {}),
  call("a member of another type", "DescribeKey", { KeyId: 5 }),
  prepared(signing("p256", "ECC_NIST_P256")),
  by("an unknown member", "ListResourceTags", "p256", { Unknown: true }),
  sign("base64 that is none", "p256", "ECDSA_SHA_256", undefined, { Message: "*" }),
  { name: "another content type", ask: () => ({ operation: "ListKeys", members: {}, headers: { "content-type": "application/json" } }) },
  { name: "another path", ask: () => ({ operation: "ListKeys", members: {}, path: "/other" }) },
  { name: "no signature", ask: () => ({ operation: "ListKeys", members: {}, headers: { authorization: undefined } }) },
  { name: "a signature that is none", ask: () => ({ operation: "ListKeys", members: {}, headers: { authorization: "AWS4-HMAC-SHA256 Credential=a" } }) },
  labelled(by("a success", "GetKeyRotationStatus", "p256")),
  labelled(call("a refusal", "DescribeKey", { KeyId: MISSING })),
  { name: "an old date", ask: () => ({ operation: "ListKeys", members: {}, headers: { "x-amz-date": "19700101T000000Z" } }) },
];

/** Each against keys of its own; the order within one counts. */
export const SEQUENCES = {
  keys: KEYS,
  signatures: SIGNATURES,
  macs: MACS,
  aliases: ALIASES,
  states: STATES,
  rotation: ROTATION,
  resources: RESOURCES,
  protocol: PROTOCOL,
};
