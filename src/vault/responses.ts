/** Transit answers. What is not as documented, or speaks of something else than what was asked, is an error. */
import { algorithmsOf, findAlgorithm, type AlgorithmFacts, type EcCurve } from "../algorithms.js";
import { decodeBase64, encodeBase64Url } from "../encoding/base64.js";
import type { Bytes } from "../encoding/bytes.js";
import { readEcdsaDer } from "../encoding/ecdsa.js";
import { readPem } from "../encoding/pem.js";
import { ProviderError } from "../errors.js";
import {
  asObject,
  decodeWith,
  invalidAnswer,
  member,
  mismatchedAnswer,
  optionalBoolean,
  optionalInteger,
  optionalObject,
  optionalString,
  requiredBoolean,
  requiredInteger,
  requiredObject,
  requiredString,
  type Fields,
} from "../http/fields.js";
import type { Answer } from "../http/send.js";
import { checkJwk, keyTypeOf } from "../jwk/check.js";
import { spkiToJwk } from "../jwk/spki.js";
import type { PublicJwk } from "../jwk/types.js";
import { unsupported } from "../kms/context.js";
import type { ProviderKeyMetadata, ProviderKeyVersion, ProviderPublicKey, ProviderSignature, SignInput } from "../kms/provider.js";
import type { KeyUse } from "../kms/results.js";
import { isSignatureOf, vaultKeyType } from "./algorithms.js";
import { isKeyVersion } from "./config.js";

/** The `data` of an answer. There is none beside `errors`, and no other status with data than 200 (API documentation, "HTTP status codes"). */
function dataOf(answer: Answer): Fields {
  const fields = asObject(answer.body);
  if (answer.status !== 200) throw invalidAnswer("its status is not 200");
  if (member(fields, "errors") !== undefined) throw invalidAnswer("data and errors at once");
  return requiredObject(fields, "data");
}

/** `vault:v<N>:<base64>`, on OpenBao too (keysutil DefaultVersionTemplate; no parameter of Transit sets another). */
const SIGNATURE = /^vault:v([1-9][0-9]{0,8}):([A-Za-z0-9+/]+={0,2})$/;

export function parseSign(answer: Answer, { key, algorithm }: SignInput): ProviderSignature {
  const data = dataOf(answer);
  const match = SIGNATURE.exec(requiredString(data, "signature"));
  if (match === null) throw invalidAnswer("signature is not canonical");
  const [, keyVersion, text] = match as unknown as [string, string, string];
  const stated = optionalInteger(data, "key_version");
  if (stated !== undefined && String(stated) !== keyVersion) throw invalidAnswer("signature and key_version disagree");
  if (key.keyVersion !== undefined && key.keyVersion !== keyVersion) throw mismatchedAnswer("another version signed");
  const signature = decodeWith(decodeBase64, text, "signature");
  const facts = findAlgorithm(algorithm) as AlgorithmFacts;
  if (!fits(signature, facts)) {
    throw new ProviderError("ERR_KMS_KEY_MISMATCH", `the signature is none of a key for ${facts.name}`, {
      hint: "leave the algorithm out, or name one of the key's type",
    });
  }
  return { signature, encoding: facts.scheme === "ecdsa" ? "der" : "raw", keyVersion, requestId: answer.requestId };
}

/** The answer does not say what key signed; the form of the signature does. */
function fits(signature: Bytes, facts: AlgorithmFacts): boolean {
  const raw = facts.scheme === "ecdsa" ? readEcdsaDer(signature, facts.curve as EcCurve) : signature;
  return raw !== undefined && isSignatureOf(facts, raw);
}

export function parseVerify(answer: Answer): boolean {
  return requiredBoolean(dataOf(answer), "valid");
}

/** What `keys/:name` says, checked; times and public keys stay as they are until they are used. */
export interface TransitKey {
  readonly fields: Fields;
  readonly type: string;
  readonly latestVersion: number;
  /** The oldest version that may verify. */
  readonly minVersion: number;
  /** Absent for HMAC and managed keys. */
  readonly versions: Fields | undefined;
}

export function parseKey(answer: Answer, keyName: string): TransitKey {
  const fields = dataOf(answer);
  if (requiredString(fields, "name") !== keyName) throw mismatchedAnswer("it names another key");
  const latestVersion = requiredInteger(fields, "latest_version");
  const minVersion = optionalInteger(fields, "min_decryption_version") ?? 1;
  if (latestVersion < 1 || latestVersion > 999_999_999 || minVersion < 0 || minVersion > latestVersion) {
    throw invalidAnswer("latest_version or min_decryption_version is out of range");
  }
  // 0, as a very old key may have it, means 1.
  return { fields, type: requiredString(fields, "type"), latestVersion, minVersion: minVersion || 1, versions: optionalObject(fields, "keys") };
}

/** The public key of a version, by default the newest. */
export function publicKeyOf(key: TransitKey, keyVersion: string | undefined): ProviderPublicKey {
  const version = keyVersion ?? String(key.latestVersion);
  assertListed(key, Number(version));
  const keyType = vaultKeyType(key.type, undefined);
  // AES and HMAC keys have none; those of managed, external and post-quantum keys are not read here.
  if (algorithmsOf(keyType).length === 0) {
    throw unsupported("this key has no public part, or none of a known type");
  }
  const text = requiredString(requiredObject(key.versions ?? {}, version), "public_key");
  if (text === "" && isTrue(key.fields, "derived")) throw unsupported("a derived key has no public key of its own");
  const jwk = decodeWith((value) => toJwk(key.type, value), text, "public_key");
  if (keyType !== keyTypeOf(jwk)) throw invalidAnswer("public_key is not of the key's type");
  return { jwk, keyVersion: version };
}

/** Versions under `min_decryption_version` are archived: the service neither shows nor uses them. */
function assertListed({ latestVersion, minVersion }: TransitKey, version: number): void {
  if (version > latestVersion) throw new ProviderError("ERR_KMS_NOT_FOUND", "the key has no such version");
  if (version >= minVersion) return;
  throw new ProviderError("ERR_KMS_KEY_STATE", "the version is older than the key's min_decryption_version", {
    hint: "lower min_decryption_version",
  });
}

/** Ed25519 comes as base64 of the 32 bytes, everything else as PEM. */
function toJwk(type: string, text: string): PublicJwk {
  if (type !== "ed25519") return spkiToJwk(readPem(text, "PUBLIC KEY"));
  return checkJwk({ kty: "OKP", crv: "Ed25519", x: encodeBase64Url(decodeBase64(text)) });
}

export function metadataOf(key: TransitKey, keyVersion: string | undefined): ProviderKeyMetadata {
  const { fields } = key;
  const version = Number(keyVersion ?? key.latestVersion);
  assertListed(key, version);
  const createdAt = createdAtOf(key, version);
  const nextRotationAt = createdAt === undefined || version !== key.latestVersion ? undefined : nextRotationOf(fields, createdAt);
  const keyType = vaultKeyType(key.type, optionalInteger(fields, "key_size"));
  const origin = originOf(key);
  return {
    keyVersion: String(version),
    keyType,
    // A derived key signs with a context only, of which nothing is sent.
    algorithms: isTrue(fields, "derived") ? [] : algorithmsOf(keyType),
    state: stateOf(fields),
    usableFor: usesOf(key, version),
    ...(createdAt && { createdAt }),
    ...(nextRotationAt && { nextRotationAt }),
    ...(origin && { origin }),
  };
}

function isTrue(fields: Fields, name: string): boolean {
  return optionalBoolean(fields, name) === true;
}

function stateOf(fields: Fields): "enabled" | "disabled" {
  return isTrue(fields, "soft_deleted") ? "disabled" : "enabled";
}

/** `auto_rotate_period` is in seconds and counts from the newest version; the service looks once an hour. */
function nextRotationOf(fields: Fields, newest: Date): Date | undefined {
  const period = optionalInteger(fields, "auto_rotate_period") ?? 0;
  if (period < 0) throw invalidAnswer("auto_rotate_period is negative");
  return period === 0 ? undefined : toDate(newest.getTime() + period * 1000, "auto_rotate_period");
}

/** Managed and external keys are kept by another service, which Transit calls. */
function originOf({ type, fields }: TransitKey): "service" | "imported" | "external" | undefined {
  if (type === "managed_key" || type === "external-key") return "external";
  const imported = optionalBoolean(fields, "imported_key");
  return imported === undefined ? undefined : imported ? "imported" : "service";
}

/** A version under `min_encryption_version` verifies and decrypts, and does not sign or encrypt. Every key has an HMAC key. */
function usesOf({ fields }: TransitKey, version: number): readonly KeyUse[] {
  const active = version >= (optionalInteger(fields, "min_encryption_version") ?? 0);
  const uses: KeyUse[] = [];
  if (isTrue(fields, "supports_signing")) uses.push(...(active ? (["sign"] as const) : []), "verify");
  if (isTrue(fields, "supports_encryption") && active) uses.push("encrypt");
  if (isTrue(fields, "supports_decryption")) uses.push("decrypt");
  uses.push(...(active ? (["generateMac"] as const) : []), "verifyMac");
  return uses;
}

/** All versions that the service lists; without their dates for a key that has none there. */
export function* versionsOf(key: TransitKey): Iterable<ProviderKeyVersion> {
  const { versions, latestVersion, minVersion } = key;
  const state = stateOf(key.fields);
  // HMAC and managed keys are told without their versions, of which none is missing; more than that many are not made up.
  const numbers =
    versions === undefined
      ? Array.from({ length: Math.min(latestVersion - minVersion + 1, 10_000) }, (_, index) => latestVersion - index).reverse()
      : listedVersions(versions, key);
  for (const version of numbers) {
    const createdAt = createdAtOf(key, version);
    yield { keyVersion: String(version), current: version === latestVersion, state, ...(createdAt && { createdAt }) };
  }
}

function listedVersions(versions: Fields, { latestVersion, minVersion }: TransitKey): number[] {
  const names = Object.keys(versions);
  const numbers = names.map(Number).sort((a, b) => a - b);
  if (!names.every(isKeyVersion) || (numbers[0] as number) < minVersion || numbers.at(-1) !== latestVersion) {
    throw invalidAnswer("keys and latest_version disagree");
  }
  return numbers;
}

/** RFC 3339, as Go writes it: none to nine digits of a fraction, any offset. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Seconds since 1970 for symmetric keys, RFC 3339 for the others; an external key has the name of another key there. */
function createdAtOf({ versions, type }: TransitKey, version: number): Date | undefined {
  const entry = versions === undefined ? undefined : member(versions, String(version));
  if (entry === undefined || type === "external-key") return undefined;
  if (typeof entry === "number") return toDate(entry * 1000, "a member of keys");
  const text = optionalString(asObject(entry, "a member of keys"), "creation_time");
  if (text === undefined) return undefined;
  const match = TIME.exec(text);
  if (match === null) throw invalidAnswer("creation_time is not a time");
  const [, seconds, fraction = "", offset] = match;
  // Three digits are what every engine reads (ECMA-262, Date Time String Format).
  return toDate(Date.parse(`${seconds}.${fraction.slice(0, 3).padEnd(3, "0")}${offset}`), "creation_time");
}

function toDate(ms: number, name: string): Date {
  if (!(ms >= 0 && ms <= 253_402_300_799_000)) throw invalidAnswer(`${name} is not a time`);
  return new Date(ms);
}

/** The version that a rotation made, or undefined for an answer without a body (Vault before 1.14). */
export function parseRotate(answer: Answer, keyName: string): TransitKey | undefined {
  return answer.status === 204 || answer.body === undefined ? undefined : parseKey(answer, keyName);
}

/** When the newest version was made, if the service tells. */
export function newestAt(key: TransitKey): Date | undefined {
  return createdAtOf(key, key.latestVersion);
}
