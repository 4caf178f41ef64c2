/** Reads the answers of AWS KMS: pure, and every field that is used is checked. */
import { algorithmsOf, findAlgorithm, type AlgorithmFacts, type EcCurve, type SignatureAlgorithm } from "../algorithms.js";
import { decodeBase64 } from "../encoding/base64.js";
import { readEcdsaDer } from "../encoding/ecdsa.js";
import { ValidationError } from "../errors.js";
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
import { keyTypeOf } from "../jwk/check.js";
import { spkiToJwk } from "../jwk/spki.js";
import type { ProviderPublicKey, ProviderSignature } from "../kms/provider.js";
import { algorithmsIn, keyTypeOfSpec, signingAlgorithmOf } from "./algorithms.js";
import { isKeyId, isOfRegion, parseArn, type ExpectedKey, type KmsArn } from "./config.js";
import type { Tag } from "./requests.js";

/** KMS gives 200 and an object for every operation that answers with anything. */
export function fieldsOf(answer: Answer): Fields {
  if (answer.status !== 200) throw invalidAnswer("its status is not 200");
  return asObject(answer.body);
}

/** The answer of an operation without output: nothing, `{}`, or `null` of a local server. */
export function parseNothing(answer: Answer): void {
  if (answer.body !== undefined && answer.body !== null) fieldsOf(answer);
}

/** What an ARN in an answer must fit, besides the key asked for. */
export interface Place {
  readonly region: string;
}

/** The key ARN that cryptographic operations answer with, whatever was sent; it must be that of the key asked for. */
function answeredKey(fields: Fields, name: string, key: ExpectedKey, { region }: Place): KmsArn {
  const arn = parseArn(requiredString(fields, name));
  if (arn?.kind !== "key") throw invalidAnswer(`${name} is not a key ARN`);
  assertMatch(isOfRegion(arn, region), `the region of ${name}`);
  assertMatch(key.account === undefined || arn.account === key.account, `the account of ${name}`);
  assertMatch(key.id === undefined || arn.name === key.id, name);
  return arn;
}

function assertMatch(matches: boolean, what: string): void {
  if (!matches) throw mismatchedAnswer(`${what} is another one`);
}

function assertAlgorithm(fields: Fields, algorithm: SignatureAlgorithm): void {
  assertMatch(requiredString(fields, "SigningAlgorithm") === signingAlgorithmOf(algorithm), "SigningAlgorithm");
}

export function parseSign(answer: Answer, key: ExpectedKey, algorithm: SignatureAlgorithm, place: Place): ProviderSignature {
  const fields = fieldsOf(answer);
  const { name: keyVersion } = answeredKey(fields, "KeyId", key, place);
  assertAlgorithm(fields, algorithm);
  const signature = requiredBase64(fields, "Signature");
  const { scheme, curve } = findAlgorithm(algorithm) as AlgorithmFacts;
  const isEcdsa = scheme === "ecdsa";
  // ECDSA comes in DER; RSA is as long as a modulus that KMS has; Ed25519 has 64 bytes.
  const fits = isEcdsa ? readEcdsaDer(signature, curve as EcCurve) !== undefined : (scheme === "eddsa" ? [64] : [256, 384, 512]).includes(signature.length);
  if (!fits) throw invalidAnswer("Signature is not canonical");
  return { signature, encoding: isEcdsa ? "der" : "raw", keyVersion, requestId: answer.requestId };
}

/** A failed verification is an error of the service, so that only `true` is documented; a local server says `false`. */
export function parseVerify(answer: Answer, key: ExpectedKey, algorithm: SignatureAlgorithm, place: Place): boolean {
  const fields = fieldsOf(answer);
  answeredKey(fields, "KeyId", key, place);
  assertAlgorithm(fields, algorithm);
  return requiredBoolean(fields, "SignatureValid");
}

export function parsePublicKey(answer: Answer, key: ExpectedKey, place: Place): ProviderPublicKey {
  const fields = fieldsOf(answer);
  const keyVersion = publicKeyId(fields, key, place);
  const spec = optionalString(fields, "KeySpec") ?? optionalString(fields, "CustomerMasterKeySpec");
  const keyType = spec && keyTypeOfSpec(spec);
  // Keys of other uses, and types that this library has no public key of.
  if ((optionalString(fields, "KeyUsage") ?? "SIGN_VERIFY") !== "SIGN_VERIFY" || (keyType !== undefined && algorithmsOf(keyType).length === 0)) {
    throw new ValidationError("ERR_KMS_UNSUPPORTED", "this key is not for signing, or of a type that is not known here");
  }
  const jwk = decodeWith((text) => spkiToJwk(decodeBase64(text)), requiredString(fields, "PublicKey"), "PublicKey");
  const found = keyTypeOf(jwk);
  if (keyType !== undefined && keyType !== found) throw invalidAnswer("PublicKey does not fit KeySpec");
  const listed = optionalArray(fields, "SigningAlgorithms") && optionalStrings(fields, "SigningAlgorithms");
  return { jwk, keyVersion, ...(listed && { algorithms: algorithmsIn(listed, found) }) };
}

/**
 * GetPublicKey documents an ARN, and local servers give the bare id. That is as good when the question named the key,
 * and behind an alias it has the form of an id at least; behind an alias ARN the account could not be told.
 */
function publicKeyId(fields: Fields, key: ExpectedKey, place: Place): string {
  const text = requiredString(fields, "KeyId");
  if (!isKeyId(text) || (key.id === undefined && key.account !== undefined)) return answeredKey(fields, "KeyId", key, place).name;
  assertMatch(key.id === undefined || text === key.id, "KeyId");
  return text;
}

/** What is used of a `KeyMetadata`. Enums are the service's words: new ones come every year. */
export interface KeyFacts {
  readonly id: string;
  readonly arn: string;
  readonly account: string;
  readonly spec: string;
  readonly usage: string | undefined;
  readonly state: string;
  readonly origin: string | undefined;
  /** `CUSTOMER`, or `AWS` for keys that AWS services made. */
  readonly manager: string | undefined;
  readonly customKeyStore: boolean;
  readonly multiRegion: boolean;
  /** Of a multi-Region key. */
  readonly replica: boolean;
  readonly replicas: number;
  readonly description: string;
  readonly signingAlgorithms: readonly string[];
  readonly createdAt: Date | undefined;
  readonly validTo: Date | undefined;
}

/** Answer of DescribeKey and CreateKey. */
export function parseKeyMetadata(answer: Answer, key: ExpectedKey, place: Place): KeyFacts {
  const fields = requiredObject(fieldsOf(answer), "KeyMetadata");
  const { name: id, account } = answeredKey(fields, "Arn", key, place);
  if (requiredString(fields, "KeyId") !== id) throw invalidAnswer("KeyId and Arn name two keys");
  const spec = optionalString(fields, "KeySpec") ?? requiredString(fields, "CustomerMasterKeySpec");
  return {
    id,
    arn: requiredString(fields, "Arn"),
    account,
    spec,
    usage: optionalString(fields, "KeyUsage"),
    state: requiredString(fields, "KeyState"),
    origin: optionalString(fields, "Origin"),
    manager: optionalString(fields, "KeyManager"),
    customKeyStore: optionalString(fields, "CustomKeyStoreId") !== undefined,
    ...readMultiRegion(fields),
    description: optionalString(fields, "Description") ?? "",
    signingAlgorithms: optionalStrings(fields, "SigningAlgorithms"),
    createdAt: optionalTimestamp(fields, "CreationDate"),
    validTo: optionalTimestamp(fields, "ValidTo"),
  };
}

function readMultiRegion(fields: Fields): Pick<KeyFacts, "multiRegion" | "replica" | "replicas"> {
  const configuration = optionalObject(fields, "MultiRegionConfiguration") ?? {};
  return {
    multiRegion: optionalBoolean(fields, "MultiRegion") ?? false,
    replica: optionalString(configuration, "MultiRegionKeyType") === "REPLICA",
    replicas: (optionalArray(configuration, "ReplicaKeys") ?? []).length,
  };
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Whether the service listed nothing on it. */
  readonly empty: boolean;
  /** What to send as `Marker` for the next page; undefined on the last. */
  readonly marker: string | undefined;
}

/** @param read gives nothing for an item that is not wanted */
function readPage<T>(answer: Answer, name: string, read: (fields: Fields) => T | readonly []): Page<T> {
  const fields = fieldsOf(answer);
  const listed = requiredArray(fields, name);
  const marker = optionalBoolean(fields, "Truncated") === true ? requiredString(fields, "NextMarker") : undefined;
  if (marker === "") throw invalidAnswer("NextMarker is empty");
  return { items: listed.flatMap((item) => read(asObject(item, name))), empty: listed.length === 0, marker };
}

export interface AliasItem {
  readonly name: string;
  readonly arn: KmsArn;
  /** Bare key id; absent for an alias of AWS that has no key yet. */
  readonly target: string | undefined;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

/** A page of ListAliases. Of aliases that `wanted` does not want nothing but the name is looked at. */
export function parseListAliases(answer: Answer, wanted: (name: string) => boolean): Page<AliasItem> {
  return readPage<AliasItem>(answer, "Aliases", (fields) => {
    const name = requiredString(fields, "AliasName");
    return wanted(name) ? readAlias(fields, name) : [];
  });
}

function readAlias(fields: Fields, name: string): AliasItem {
  const arn = parseArn(requiredString(fields, "AliasArn"));
  if (arn?.kind !== "alias" || arn.name !== name) throw invalidAnswer("AliasArn is not that of AliasName");
  const target = optionalString(fields, "TargetKeyId");
  if (target !== undefined && !isKeyId(target)) throw invalidAnswer("TargetKeyId is not a key id");
  const createdAt = optionalTimestamp(fields, "CreationDate");
  return { name, arn, target, createdAt, updatedAt: optionalTimestamp(fields, "LastUpdatedDate") ?? createdAt };
}

export function parseListResourceTags(answer: Answer): Page<Tag> {
  return readPage(answer, "Tags", (fields) => ({ TagKey: requiredString(fields, "TagKey"), TagValue: requiredString(fields, "TagValue") }));
}

/** The time of each rotation that ended. */
export function parseListKeyRotations(answer: Answer): Page<Date> {
  return readPage(answer, "Rotations", (fields) => {
    const date = optionalTimestamp(fields, "RotationDate");
    if (date === undefined) throw invalidAnswer("RotationDate is missing");
    return date;
  });
}

export interface RotationStatus {
  readonly nextRotationAt: Date | undefined;
  /** When the on-demand rotation that is running was asked for. */
  readonly runningSince: Date | undefined;
}

export function parseGetKeyRotationStatus(answer: Answer, key: KeyFacts): RotationStatus {
  const fields = fieldsOf(answer);
  // Missing in answers of local servers, and in older ones of the service.
  if (optionalString(fields, "KeyId") !== undefined) assertIdOrArn(fields, key);
  const enabled = requiredBoolean(fields, "KeyRotationEnabled");
  const next = optionalTimestamp(fields, "NextRotationDate");
  return { nextRotationAt: enabled ? next : undefined, runningSince: optionalTimestamp(fields, "OnDemandRotationStartDate") };
}

export function parseRotateKeyOnDemand(answer: Answer, key: KeyFacts): void {
  assertIdOrArn(fieldsOf(answer), key);
}

/** The rotation operations are documented to name "the key": accepted is its id or its ARN. */
function assertIdOrArn(fields: Fields, key: KeyFacts): void {
  assertMatch([key.id, key.arn].includes(requiredString(fields, "KeyId")), "KeyId");
}

/** The policy document, as JSON text. */
export function parseGetKeyPolicy(answer: Answer): string {
  const policy = requiredString(fieldsOf(answer), "Policy");
  decodeWith((text) => asObject(JSON.parse(text)), policy, "Policy");
  return policy;
}
