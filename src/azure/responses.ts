/** Answers of the Key Vault keys REST API: from status and JSON to typed results, every used field checked. Pure and synchronous. */
import { algorithmsOf, type KeyType, type SignatureAlgorithm } from "../algorithms.js";
import {
  asObject,
  invalidAnswer,
  member,
  mismatchedAnswer,
  optionalObject,
  optionalString,
  optionalStrings,
  optionalTimestamp,
  requiredArray,
  requiredBase64Url,
  requiredBoolean,
  requiredObject,
  requiredString,
  type Fields,
} from "../http/fields.js";
import type { Answer } from "../http/send.js";
import { keyTypeOf } from "../jwk/check.js";
import { unsupported } from "../kms/context.js";
import type { KeyRef, ProviderKeyMetadata, ProviderKeyVersion, ProviderPublicKey, ProviderSignature } from "../kms/provider.js";
import type { KeyState } from "../kms/results.js";
import { isSignatureLength, usesOf } from "./algorithms.js";
import { parseKeyIdentifier, plainOrigin, type AzureAddress } from "./config.js";
import { hasPublicJwk, readPublicJwk } from "./jwk.js";

/** What an answer must be about: this key of this vault, and this version if one was asked for. */
export interface Asked {
  readonly address: AzureAddress;
  readonly key: KeyRef;
}

/** A KeyBundle that was found to be of the key asked for. */
export interface KeyBundle {
  /** Lower case. */
  readonly version: string;
  /** The JWK as the service writes it. */
  readonly key: Fields;
  readonly body: Fields;
}

/** GetKey and RotateKey answer with it. */
export function parseKeyBundle(answer: Answer, asked: Asked): KeyBundle {
  const body = asObject(answer.body);
  const key = requiredObject(body, "key");
  return { version: checkIdentifier(requiredString(key, "kid"), asked), key, body };
}

/**
 * The version that a `kid` names, in lower case. Its vault and name, and the version if one was asked for, must be those
 * of the question; the service compares them without regard to case.
 */
function checkIdentifier(kid: string, { address, key }: Asked): string {
  const { vault, name, version } = parseKeyIdentifier(kid, { insecure: true }) ?? {};
  if (name === undefined || version === undefined) throw invalidAnswer("kid is no key identifier with a version");
  if (vault !== address.vaultOrigin) throw mismatchedAnswer("kid names another vault");
  if (name.toLowerCase() !== key.keyId.toLowerCase()) throw mismatchedAnswer("kid names another key");
  if (key.keyVersion !== undefined && version !== key.keyVersion.toLowerCase()) throw mismatchedAnswer("kid names another version");
  return version;
}

/** @throws {ValidationError} `ERR_KMS_UNSUPPORTED` for a symmetric key */
export function parsePublicKey(answer: Answer, asked: Asked): ProviderPublicKey {
  const { key, version } = parseKeyBundle(answer, asked);
  const kty = requiredString(key, "kty");
  if (!hasPublicJwk(kty)) {
    throw unsupported("only RSA and EC keys have a public key here");
  }
  const jwk = readPublicJwk(key);
  return { jwk, keyVersion: version, algorithms: readAlgorithms(key, keyTypeOf(jwk)) };
}

/** What the type allows, if `key_ops` has signing or verifying; without `key_ops` the service does not limit it. */
function readAlgorithms(key: Fields, keyType: KeyType): readonly SignatureAlgorithm[] {
  const uses = member(key, "key_ops") === undefined ? undefined : usesOf(optionalStrings(key, "key_ops"));
  return uses === undefined || uses.includes("sign") || uses.includes("verify") ? algorithmsOf(keyType) : [];
}

/** Metadata of the version in the bundle; `now` in milliseconds decides on its state. */
export function parseKeyMetadata({ version, key, body }: KeyBundle, now: number): ProviderKeyMetadata {
  const attributes = requiredObject(body, "attributes");
  const keyType = readKeyType(key);
  const dates = readDates(attributes);
  const tags = readTags(body);
  return {
    keyVersion: version,
    keyType,
    algorithms: readAlgorithms(key, keyType),
    state: readState(attributes, now),
    usableFor: usesOf(optionalStrings(key, "key_ops")),
    ...dates,
    protection: readProtection(key, attributes),
    ...(tags && { tags }),
  };
}

/** `kty` as it is where there is no public key to measure: the service does not tell the size of a symmetric one. */
function readKeyType(key: Fields): KeyType {
  const kty = requiredString(key, "kty");
  if (hasPublicJwk(kty)) return keyTypeOf(readPublicJwk(key));
  if (!/^[A-Za-z][\w-]{0,31}$/.test(kty)) throw invalidAnswer("kty is no key type");
  return kty;
}

/** `hsmPlatform` came with 7.5: "0" is software, "1" and above an HSM. Before, the type of the key tells. */
function readProtection(key: Fields, attributes: Fields): "software" | "hsm" {
  const platform = optionalString(attributes, "hsmPlatform");
  const isHsm = requiredString(key, "kty").endsWith("-HSM") || (platform !== undefined && /^[1-9]\d?$/.test(platform));
  return isHsm ? "hsm" : "software";
}

/** The service refuses to sign outside `nbf` to `exp`, and answers GetKey in any state. */
function readState(attributes: Fields, now: number): KeyState {
  const notBefore = optionalTimestamp(attributes, "nbf");
  const expires = optionalTimestamp(attributes, "exp");
  if (!requiredBoolean(attributes, "enabled")) return "disabled";
  if (notBefore !== undefined && notBefore.getTime() > now) return "not-yet-valid";
  return expires !== undefined && expires.getTime() <= now ? "expired" : "enabled";
}

/** Dates of one version. */
export interface VersionDates {
  readonly createdAt?: Date;
  readonly expiresAt?: Date;
}

function readDates(attributes: Fields): VersionDates {
  const createdAt = optionalTimestamp(attributes, "created");
  const expiresAt = optionalTimestamp(attributes, "exp");
  return { ...(createdAt && { createdAt }), ...(expiresAt && { expiresAt }) };
}

function readTags(body: Fields): Readonly<Record<string, string>> | undefined {
  const tags = optionalObject(body, "tags");
  // A tag's name is the caller's text, so it is not in the error.
  if (!Object.values(tags ?? {}).every((value) => typeof value === "string")) throw invalidAnswer("a tag is not a string");
  return tags as Record<string, string> | undefined;
}

/** The dates of a version, where the service tells them. */
export function versionDates({ body }: KeyBundle): VersionDates {
  return readDates(optionalObject(body, "attributes") ?? {});
}

/** A page of versions, and how to ask for the next. */
export interface VersionPage {
  readonly versions: readonly ProviderKeyVersion[];
  /** Absent on the last page. An empty page can have one. */
  readonly skipToken?: string;
}

/** GetKeyVersions: any order (it is by version, not by time); `current` is what GetKey without a version named. */
export function parseVersionPage(answer: Answer, asked: Asked, current: string, now: number): VersionPage {
  const body = asObject(answer.body);
  const versions = requiredArray(body, "value").map((item) => {
    const fields = asObject(item, "a version");
    const keyVersion = checkIdentifier(requiredString(fields, "kid"), asked);
    const attributes = requiredObject(fields, "attributes");
    return { keyVersion, current: keyVersion === current, state: readState(attributes, now), ...readDates(attributes) };
  });
  const link = optionalString(body, "nextLink");
  return link === undefined || link === "" ? { versions } : { versions, skipToken: readSkipToken(link, asked) };
}

/**
 * Of the link to the next page only the token is used, in the percent-encoding of the service. The link must be one to
 * the versions of this key at this vault; nothing is sent otherwise.
 */
function readSkipToken(link: string, { address, key }: Asked): string {
  const [, origin = "", path = "", query = ""] = /^(https?:\/\/[^/?#@\\\s]{1,300})(\/[\w/-]{0,300})\?([^#\\\s]{1,8192})$/i.exec(link) ?? [];
  const isOwn = plainOrigin(origin) === address.vaultOrigin && path.toLowerCase() === `/keys/${key.keyId}/versions`.toLowerCase();
  const [token = "", ...more] = query.split("&").flatMap((parameter) => /^(?:\$|%24)skiptoken=(.*)$/i.exec(parameter)?.[1] ?? []);
  if (!isOwn || more.length > 0 || !/^(?:[\w.~!*'()+:@,;$/=-]|%[0-9A-Fa-f]{2}){1,4096}$/.test(token)) {
    throw invalidAnswer("nextLink is no link to versions of this key");
  }
  return token;
}

/** sign: the version that signed, and a signature of the length that the algorithm has. */
export function parseSign(answer: Answer, algorithm: SignatureAlgorithm, asked: Asked): ProviderSignature {
  const body = asObject(answer.body);
  const keyVersion = checkIdentifier(requiredString(body, "kid"), asked);
  const signature = requiredBase64Url(body, "value");
  if (!isSignatureLength(algorithm, signature.length)) throw invalidAnswer("value has not the length of a signature");
  return { signature, encoding: algorithm.startsWith("ES") ? "ieee-p1363" : "raw", keyVersion, requestId: answer.requestId };
}

/** verify: `true` or `false`, and nothing that is only as good as true. */
export function parseVerify(answer: Answer): boolean {
  return requiredBoolean(asObject(answer.body), "value");
}
