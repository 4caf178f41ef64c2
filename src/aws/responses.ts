/** Reads the answers of AWS KMS: pure, and every field that is used is checked. */
import { algorithmsOf, findAlgorithm, type AlgorithmFacts, type EcCurve, type SignatureAlgorithm } from "../algorithms.js";
import { decodeBase64 } from "../encoding/base64.js";
import { readEcdsaDer } from "../encoding/ecdsa.js";
import {
  asObject,
  decodeWith,
  invalidAnswer,
  mismatchedAnswer,
  optionalArray,
  optionalBoolean,
  optionalObject,
  optionalString,
  optionalStrings,
  optionalTimestamp,
  requiredArray,
  requiredBase64,
  requiredBoolean,
  requiredObject,
  requiredString,
  type Fields,
} from "../http/fields.js";
import type { Answer } from "../http/send.js";
import { spkiToJwk } from "../jwk/spki.js";
import { keyTypeOf } from "../jwk/check.js";
import { unsupported } from "../kms/context.js";
import type { ProviderPublicKey, ProviderSignature } from "../kms/provider.js";
import { algorithmsIn, keyTypeOfSpec, signingAlgorithmOf } from "./algorithms.js";
import { isKeyId, parseArn, type ExpectedKey, type KmsArn } from "./config.js";

/** KMS gives 200 and an object for every operation that answers with anything. */
function fieldsOf(answer: Answer): Fields {
  if (answer.status !== 200) throw invalidAnswer("its status is not 200");
  return asObject(answer.body);
}

/** The answer of an operation without output: nothing, `{}`, or `null` of a local server. */
export function parseNothing(answer: Answer): void {
  fieldsOf({ ...answer, body: answer.body ?? {} });
}

export function assertMatch(matches: boolean, name: string): void {
  if (!matches) throw mismatchedAnswer(`${name} is another one`);
}

/** The key ARN that cryptographic operations answer with, whatever was sent; it must be that of the key asked for. */
function answeredKey(fields: Fields, name: string, { id, account, place }: ExpectedKey): KmsArn {
  const arn = parseArn(requiredString(fields, name));
  if (arn === undefined || !isKeyId(arn.name)) throw invalidAnswer(`${name} is not a key ARN`);
  assertMatch(arn.place === place && arn.account === (account ?? arn.account) && arn.name === (id ?? arn.name), name);
  return arn;
}

/** What Sign and Verify answer alike. */
function signedBy(answer: Answer, key: ExpectedKey, algorithm: SignatureAlgorithm): { readonly fields: Fields; readonly keyVersion: string } {
  const fields = fieldsOf(answer);
  const { name: keyVersion } = answeredKey(fields, "KeyId", key);
  assertMatch(requiredString(fields, "SigningAlgorithm") === signingAlgorithmOf(algorithm), "SigningAlgorithm");
  return { fields, keyVersion };
}

export function parseSign(answer: Answer, key: ExpectedKey, algorithm: SignatureAlgorithm): ProviderSignature {
  const { fields, keyVersion } = signedBy(answer, key, algorithm);
  const bytes = requiredBase64(fields, "Signature");
  const { scheme, curve } = findAlgorithm(algorithm) as AlgorithmFacts;
  const isEcdsa = scheme === "ecdsa";
  // ECDSA comes in DER, and is converted where it is checked; RSA is as long as a modulus that KMS has; Ed25519 has 64 bytes.
  const fits = isEcdsa || (scheme === "eddsa" ? [64] : [256, 384, 512]).includes(bytes.length);
  const signature = isEcdsa ? readEcdsaDer(bytes, curve as EcCurve) : bytes;
  if (!fits || signature === undefined) throw invalidAnswer("Signature is not canonical");
  return { signature, encoding: isEcdsa ? "ieee-p1363" : "raw", keyVersion, requestId: answer.requestId };
}

/** A failed verification is an error of the service, so that only `true` is documented; a local server says `false`. */
export function parseVerify(answer: Answer, key: ExpectedKey, algorithm: SignatureAlgorithm): boolean {
  return requiredBoolean(signedBy(answer, key, algorithm).fields, "SignatureValid");
}

export function parsePublicKey(answer: Answer, key: ExpectedKey): ProviderPublicKey {
  const fields = fieldsOf(answer);
  const keyVersion = publicKeyId(fields, key);
  const spec = optionalString(fields, "KeySpec") ?? optionalString(fields, "CustomerMasterKeySpec");
  const keyType = spec && keyTypeOfSpec(spec);
  // Keys of other uses, and types that this library has no public key of.
  if ((optionalString(fields, "KeyUsage") ?? "SIGN_VERIFY") !== "SIGN_VERIFY" || (keyType !== undefined && algorithmsOf(keyType).length === 0)) {
    throw unsupported("this key is not for signing, or of a type unknown here");
  }
  const jwk = decodeWith((text) => spkiToJwk(decodeBase64(text)), requiredString(fields, "PublicKey"), "PublicKey");
  const found = keyTypeOf(jwk);
  if (found !== (keyType ?? found)) throw invalidAnswer("PublicKey does not fit KeySpec");
  const listed = optionalStrings(fields, "SigningAlgorithms");
  return { jwk, keyVersion, ...(listed.length > 0 && { algorithms: algorithmsIn(listed, found) }) };
}

/**
 * GetPublicKey documents an ARN, and local servers give the bare id. That is as good when the question named the key,
 * and behind an alias it has the form of an id at least; behind an alias ARN the account could not be told.
 */
function publicKeyId(fields: Fields, key: ExpectedKey): string {
  const text = requiredString(fields, "KeyId");
  if (!isKeyId(text) || (key.id === undefined && key.account !== undefined)) return answeredKey(fields, "KeyId", key).name;
  assertMatch(text === (key.id ?? text), "KeyId");
  return text;
}

/** What is used of a `KeyMetadata`, in the service's words, of which new ones come every year. */
export interface KeyFacts {
  readonly id: string;
  readonly arn: string;
  readonly account: string;
  readonly KeySpec: string;
  readonly KeyUsage: string | undefined;
  readonly KeyState: string;
  readonly Origin: string | undefined;
  /** `CUSTOMER`, or `AWS` for keys that AWS services made. */
  readonly KeyManager: string | undefined;
  readonly CustomKeyStoreId: string | undefined;
  readonly Description: string | undefined;
  readonly MultiRegion: boolean;
  /** Of a multi-Region key. */
  readonly isReplica: boolean;
  readonly hasReplicas: boolean;
  readonly signingAlgorithms: readonly string[];
  readonly createdAt: Date | undefined;
  readonly expiresAt: Date | undefined;
}

/** Answer of DescribeKey and CreateKey. */
export function parseKeyMetadata(answer: Answer, key: ExpectedKey): KeyFacts {
  const fields = requiredObject(fieldsOf(answer), "KeyMetadata");
  const { name: id, account } = answeredKey(fields, "Arn", key);
  if (requiredString(fields, "KeyId") !== id) throw invalidAnswer("KeyId does not fit Arn");
  const text = (name: string): string | undefined => optionalString(fields, name);
  const regions = optionalObject(fields, "MultiRegionConfiguration") ?? {};
  return {
    id,
    arn: requiredString(fields, "Arn"),
    account,
    KeySpec: text("KeySpec") ?? requiredString(fields, "CustomerMasterKeySpec"),
    KeyUsage: text("KeyUsage"),
    KeyState: requiredString(fields, "KeyState"),
    Origin: text("Origin"),
    KeyManager: text("KeyManager"),
    CustomKeyStoreId: text("CustomKeyStoreId"),
    Description: text("Description"),
    MultiRegion: optionalBoolean(fields, "MultiRegion") ?? false,
    isReplica: optionalString(regions, "MultiRegionKeyType") === "REPLICA",
    hasReplicas: (optionalArray(regions, "ReplicaKeys") ?? []).length > 0,
    signingAlgorithms: optionalStrings(fields, "SigningAlgorithms"),
    createdAt: optionalTimestamp(fields, "CreationDate"),
    expiresAt: optionalTimestamp(fields, "ValidTo"),
  };
}

/** One page of a list. */
export interface Page {
  readonly items: readonly Fields[];
  /** What to send as `Marker` for the next page; undefined on the last. */
  readonly next: string | undefined;
}

/** @param name of the member that holds the items */
export function parsePage(answer: Answer, name: string): Page {
  const fields = fieldsOf(answer);
  const items = requiredArray(fields, name).map((item) => asObject(item, name));
  return { items, next: optionalBoolean(fields, "Truncated") === true ? requiredString(fields, "NextMarker") : undefined };
}

/** An item of ListAliases. */
export interface AliasItem {
  readonly arn: KmsArn;
  /** Bare key id. */
  readonly target: string;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

/** @param name `AliasName` of the item */
export function readAlias(fields: Fields, name: string): AliasItem {
  const arn = parseArn(requiredString(fields, "AliasArn"));
  if (arn?.name !== name) throw invalidAnswer("AliasArn does not fit AliasName");
  const target = requiredString(fields, "TargetKeyId");
  if (!isKeyId(target)) throw invalidAnswer("TargetKeyId is not a key id");
  const createdAt = optionalTimestamp(fields, "CreationDate");
  return { arn, target, createdAt, updatedAt: optionalTimestamp(fields, "LastUpdatedDate") ?? createdAt };
}

export interface Tag {
  readonly TagKey: string;
  readonly TagValue: string;
}

/** An item of ListResourceTags. */
export function readTag(fields: Fields): Tag {
  return { TagKey: requiredString(fields, "TagKey"), TagValue: requiredString(fields, "TagValue") };
}

/** An item of ListKeyRotations: the time at which that rotation ended. */
export function readRotationDate(fields: Fields): Date {
  const date = optionalTimestamp(fields, "RotationDate");
  if (date === undefined) throw invalidAnswer("RotationDate is missing");
  return date;
}

export interface RotationStatus {
  readonly nextRotationAt: Date | undefined;
  /** When the on-demand rotation that is running was asked for. */
  readonly runningSince: Date | undefined;
}

/** Answer of GetKeyRotationStatus. `KeyId` is missing in answers of local servers, and in older ones of the service. */
export function parseRotationStatus(answer: Answer, { id, arn }: KeyFacts): RotationStatus {
  const fields = fieldsOf(answer);
  assertMatch([undefined, id, arn].includes(optionalString(fields, "KeyId")), "KeyId");
  const next = optionalTimestamp(fields, "NextRotationDate");
  return { nextRotationAt: requiredBoolean(fields, "KeyRotationEnabled") ? next : undefined, runningSince: optionalTimestamp(fields, "OnDemandRotationStartDate") };
}

/** Answer of RotateKeyOnDemand, which is documented to name "the key": accepted is its id or its ARN. */
export function parseRotation(answer: Answer, { id, arn }: KeyFacts): void {
  assertMatch([id, arn].includes(requiredString(fieldsOf(answer), "KeyId")), "KeyId");
}

/** Answer of GetKeyPolicy: the policy document, as JSON text. */
export function parsePolicy(answer: Answer): string {
  const policy = requiredString(fieldsOf(answer), "Policy");
  decodeWith(canonicalPolicy, policy, "Policy");
  return policy;
}

/**
 * The text of a JSON object with members in order, so that two policies that differ in their writing only are the same.
 * Throws for anything else, and for one nested so deep that the platform gives up.
 */
export function canonicalPolicy(text: string): string {
  return JSON.stringify(asObject(JSON.parse(text)), (_name, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const members = value as Record<string, unknown>;
    return Object.fromEntries(Object.keys(members).sort().map((name) => [name, members[name]]));
  });
}
