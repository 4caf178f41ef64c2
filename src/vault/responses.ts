/** Transit answers. What is not as documented, or speaks of something else than what was asked, is an error. */
import { algorithmsOf, findAlgorithm, type AlgorithmFacts, type EcCurve, type KeyType, type SignatureAlgorithm } from "../algorithms.js";
import { decodeBase64, encodeBase64Url } from "../encoding/base64.js";
import { readEcdsaDer } from "../encoding/ecdsa.js";
import { readPem } from "../encoding/pem.js";
import { ProviderError } from "../errors.js";
import { asObject, decodeWith, invalidAnswer, member, mismatchedAnswer, optionalBoolean, optionalInteger, optionalObject, optionalString, requiredBoolean, requiredInteger, requiredObject, requiredString, type Fields } from "../http/fields.js";
import type { Answer } from "../http/send.js";
import { checkJwk, keyTypeOf } from "../jwk/check.js";
import { spkiToJwk } from "../jwk/spki.js";
import { unsupported } from "../kms/context.js";
import type { ProviderKeyMetadata, ProviderKeyVersion, ProviderPublicKey, ProviderRotation, ProviderSignature, SignInput } from "../kms/provider.js";
import type { KeyState, KeyUse } from "../kms/results.js";
import { isSignatureOf, vaultKeyType } from "./algorithms.js";
import { isKeyVersion } from "./config.js";
import { TYPE_HINT } from "./errors.js";

/** The `data` of an answer. There is none beside `errors`, and no other status with data than 200 (API documentation, "HTTP status codes"). */
function dataOf({ status, body }: Answer): Fields {
  const fields = asObject(body);
  if (status !== 200 || member(fields, "errors") !== undefined) throw invalidAnswer("status");
  return requiredObject(fields, "data");
}

/** `vault:v<N>:<base64>`, on OpenBao too (keysutil DefaultVersionTemplate; no parameter of Transit sets another). */
const SIGNATURE = /^vault:v([1-9]\d{0,8}):(.+)$/;

/** The answer does not say what key signed; the form of the signature does. */
export function parseSign(answer: Answer, { key, algorithm }: SignInput): ProviderSignature {
  const data = dataOf(answer);
  const [, keyVersion = "", text = "?"] = SIGNATURE.exec(requiredString(data, "signature")) ?? [];
  const native = decodeWith(decodeBase64, text, "signature");
  if (String(optionalInteger(data, "key_version") ?? keyVersion) !== keyVersion) throw invalidAnswer("its versions disagree");
  if (keyVersion !== (key.keyVersion ?? keyVersion)) throw mismatchedAnswer("another version signed");
  const facts = findAlgorithm(algorithm) as AlgorithmFacts;
  const isEcdsa = facts.scheme === "ecdsa";
  const signature = isEcdsa ? readEcdsaDer(native, facts.curve as EcCurve) : native;
  if (signature === undefined || !isSignatureOf(facts, signature)) {
    throw new ProviderError("ERR_KMS_KEY_MISMATCH", "the signature is none of this algorithm", { hint: TYPE_HINT });
  }
  return { signature, encoding: isEcdsa ? "ieee-p1363" : "raw", keyVersion, requestId: answer.requestId };
}

export function parseVerify(answer: Answer): boolean {
  return requiredBoolean(dataOf(answer), "valid");
}

/** What `keys/:name` says, checked; times and public keys stay as they are until they are used. */
export interface TransitKey {
  readonly fields: Fields;
  readonly keyType: KeyType;
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly state: KeyState;
  readonly latest: number;
  /** The oldest version that may verify. */
  readonly oldest: number;
  /** Absent for HMAC and managed keys. */
  readonly versions: Fields | undefined;
}

export function parseKey(answer: Answer, keyName: string): TransitKey {
  const fields = dataOf(answer);
  if (requiredString(fields, "name") !== keyName) throw mismatchedAnswer("it names another key");
  const latest = requiredInteger(fields, "latest_version");
  const oldest = optionalInteger(fields, "min_decryption_version") || 1; // 0, as a very old key may have it, means 1
  if (!isKeyVersion(String(latest)) || oldest < 0 || oldest > latest) throw invalidAnswer("its versions disagree");
  const keyType = vaultKeyType(requiredString(fields, "type"), optionalInteger(fields, "key_size"));
  return {
    fields,
    keyType,
    // A derived key signs with a context only, of which nothing is sent, and has no public key without one.
    algorithms: optionalBoolean(fields, "derived") ? [] : algorithmsOf(keyType),
    state: optionalBoolean(fields, "soft_deleted") ? "disabled" : "enabled",
    latest,
    oldest,
    versions: optionalObject(fields, "keys"),
  };
}

/** The version asked for, by default the newest. Those under `min_decryption_version` are archived: the service neither shows nor uses them. */
function listedVersion({ latest, oldest }: TransitKey, keyVersion = String(latest)): string {
  if (Number(keyVersion) > latest) throw new ProviderError("ERR_KMS_NOT_FOUND", "the key has no such version");
  if (Number(keyVersion) >= oldest) return keyVersion;
  throw new ProviderError("ERR_KMS_KEY_STATE", "the version is under the key's minimum", { hint: "lower min_decryption_version" });
}

/** The public key of a version. Ed25519 comes as base64 of the 32 bytes, everything else as PEM. */
export function publicKeyOf(key: TransitKey, wanted: string | undefined): ProviderPublicKey {
  const { keyType } = key;
  const keyVersion = listedVersion(key, wanted);
  // AES and HMAC keys have none; those of managed, external and post-quantum keys are not read here.
  if (key.algorithms.length === 0) throw unsupported("the key has no public key here");
  const toJwk = (text: string): ProviderPublicKey["jwk"] =>
    keyType === "Ed25519" ? checkJwk({ kty: "OKP", crv: keyType, x: encodeBase64Url(decodeBase64(text)) }) : spkiToJwk(readPem(text, "PUBLIC KEY"));
  const jwk = decodeWith(toJwk, requiredString(requiredObject(key.versions ?? {}, keyVersion), "public_key"), "public_key");
  if (keyType !== keyTypeOf(jwk)) throw invalidAnswer("public_key is of another type");
  return { jwk, keyVersion };
}

export function metadataOf(key: TransitKey, wanted: string | undefined): ProviderKeyMetadata {
  const { fields, keyType, algorithms, state, latest } = key;
  const keyVersion = listedVersion(key, wanted);
  const createdAt = createdAtOf(key, keyVersion);
  // In seconds, from the newest version on; the service looks once an hour.
  const period = optionalInteger(fields, "auto_rotate_period") ?? 0;
  const rotates = createdAt !== undefined && period !== 0 && keyVersion === String(latest);
  const imported = optionalBoolean(fields, "imported_key");
  // Managed and external keys are kept by another service, which Transit calls.
  const origin = /^(managed_key|external-key)$/.test(keyType) ? "external" : imported ? "imported" : imported === false && "service";
  return {
    keyVersion,
    keyType,
    algorithms,
    state,
    usableFor: usesOf(key, keyVersion),
    ...(createdAt && { createdAt }),
    ...(rotates && { nextRotationAt: toDate(period > 0 ? createdAt.getTime() + period * 1000 : NaN, "auto_rotate_period") }),
    ...(origin && { origin }),
  };
}

/** A version under `min_encryption_version` verifies and decrypts, and does not sign or encrypt. Every key has an HMAC key. */
function usesOf({ fields }: TransitKey, keyVersion: string): readonly KeyUse[] {
  const active = Number(keyVersion) >= (optionalInteger(fields, "min_encryption_version") ?? 0);
  const signs = optionalBoolean(fields, "supports_signing");
  const uses = [
    signs && active && "sign",
    signs && "verify",
    optionalBoolean(fields, "supports_encryption") && active && "encrypt",
    optionalBoolean(fields, "supports_decryption") && "decrypt",
    active && "generateMac",
    "verifyMac",
  ];
  return uses.filter(Boolean) as KeyUse[];
}

/**
 * All versions, oldest first: of those that the service lists none is missing, and the same goes for a key that is told without them (HMAC,
 * managed), but no more than so many are made up.
 */
export function versionsOf(key: TransitKey): ProviderKeyVersion[] {
  const { versions, state, latest, oldest } = key;
  const count = latest - oldest + 1;
  if (versions !== undefined && Object.keys(versions).length !== count) throw invalidAnswer("its versions disagree");
  const length = versions === undefined ? Math.min(count, 10_000) : count;
  return Array.from({ length }, (_, index) => {
    const keyVersion = String(latest - length + 1 + index);
    const createdAt = createdAtOf(key, keyVersion);
    return { keyVersion, current: keyVersion === String(latest), state, ...(createdAt && { createdAt }) };
  });
}

/** RFC 3339, as Go writes it: none to nine digits of a fraction, which every engine reads, and any offset. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Seconds since 1970 for symmetric keys, RFC 3339 for the others; an external key has the name of another key there. */
function createdAtOf({ versions, keyType }: TransitKey, keyVersion: string): Date | undefined {
  if (versions === undefined || keyType === "external-key") return undefined;
  const seconds = member(versions, keyVersion);
  if (typeof seconds === "number") return toDate(seconds * 1000, "creation_time");
  const text = optionalString(requiredObject(versions, keyVersion), "creation_time");
  return text === undefined ? undefined : toDate(TIME.test(text) ? Date.parse(text) : NaN, "creation_time");
}

function toDate(ms: number, name: string): Date {
  if (!(ms >= 0 && ms <= 253_402_300_799_000)) throw invalidAnswer(`${name} is not a time`);
  return new Date(ms);
}

/**
 * What a rotation did, by the key as it is after it. Versions are numbered without gaps and under a lock, so the previous one is known
 * without asking.
 */
export function rotationOf(key: TransitKey): Partial<ProviderRotation> {
  const { latest } = key;
  if (latest < 2) throw invalidAnswer("its versions disagree");
  const newVersion = String(latest);
  const rotatedAt = createdAtOf(key, newVersion);
  return { previousVersion: String(latest - 1), newVersion, ...(rotatedAt && { rotatedAt }) };
}
