/** Answers of the Key Vault keys REST API: from status and JSON to typed results, every used field checked. Pure and synchronous. */
import { algorithmsOf, COORDINATE_BYTES, type EcCurve, type KeyType, type SignatureAlgorithm } from "../algorithms.js";
import { encodeBase64Url } from "../encoding/base64.js";
import {
  asObject,
  invalidAnswer,
  member,
  mismatchedAnswer,
  optionalArray,
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
import { checkJwk, keyTypeOf } from "../jwk/check.js";
import type { PublicJwk } from "../jwk/types.js";
import { unsupported } from "../kms/context.js";
import type { ProviderKeyMetadata, ProviderKeyVersion, ProviderPublicKey, ProviderSignature } from "../kms/provider.js";
import type { KeyState } from "../kms/results.js";
import { joseCurve, joseType, usesOf } from "./algorithms.js";
import { plainUrl } from "./config.js";

/** A KeyBundle that was found to be of the key asked for. */
export interface KeyBundle {
  /** Lower case. */
  readonly version: string;
  /** The JWK as the service writes it. */
  readonly key: Fields;
  readonly body: Fields;
}

/** GetKey and RotateKey answer with it. `asked` is the `keyIdentifier` of the question, here and below. */
export function parseKeyBundle(answer: Answer, asked: string): KeyBundle {
  const body = asObject(answer.body);
  const key = requiredObject(body, "key");
  return { version: readVersion(key, asked), key, body };
}

/**
 * The version that `kid` names, in lower case. Its vault and name, and the version if one was asked for, must be those
 * of the question; the service compares them without regard to case.
 */
function readVersion(fields: Fields, asked: string): string {
  const written = requiredString(fields, "kid");
  const kid = written === asked ? asked : plainUrl(written); // what signs is asked for by its version: 3 µs less a signature
  const version = /^https?:\/\/[^/]+\/keys\/[\da-z-]+\/([\da-z]{32})$/.exec(kid)?.[1];
  if (version === undefined) throw invalidAnswer("kid is not canonical");
  if (!kid.startsWith(asked)) throw mismatchedAnswer("kid names another key");
  return version;
}

/** @throws {ValidationError} `ERR_KMS_UNSUPPORTED` for a symmetric key */
export function parsePublicKey({ key, version }: KeyBundle): ProviderPublicKey {
  const jwk = readPublicJwk(key);
  if (jwk === undefined) throw unsupported("this key has no public part");
  return { jwk, keyVersion: version, algorithms: readAlgorithms(key, keyTypeOf(jwk)) };
}

/**
 * The public key in the one form that it has in JOSE, checked by the strict parser; undefined for a key that has none.
 * Members are picked by name, so that nothing else, such as a private one, comes along.
 *
 * @throws {ProviderError} `ERR_KMS_RESPONSE_INVALID`
 */
function readPublicJwk(key: Fields): PublicJwk | undefined {
  const kty = joseType(requiredString(key, "kty"));
  try {
    if (kty === "RSA") return checkJwk({ kty, n: readInteger(key, "n", 0), e: readInteger(key, "e", 0) });
    if (kty !== "EC") return undefined;
    const crv = joseCurve(requiredString(key, "crv"));
    const width = COORDINATE_BYTES[crv as EcCurve]; // whether it is a curve is for the parser to say
    return checkJwk({ kty, crv, x: readInteger(key, "x", width), y: readInteger(key, "y", width) });
  } catch {
    throw invalidAnswer("key is not canonical");
  }
}

/**
 * An integer in the fewest octets (RFC 7518 section 6.3.1.1), or a coordinate in the full width of its curve (6.2.1.2);
 * one that is too long stays so, and is refused. The service itself is exact; emulators write integers as their platform
 * does: a modulus with a zero byte in front, coordinates without theirs.
 */
function readInteger(key: Fields, name: string, width: number): string {
  const bytes = requiredBase64Url(key, name);
  const digits = bytes.subarray(bytes.findIndex((byte) => byte !== 0)); // of nothing but zeros, the last
  const full = new Uint8Array(Math.max(width, digits.length));
  full.set(digits, full.length - digits.length);
  return encodeBase64Url(full);
}

/** What the type allows, if `key_ops` has signing or verifying; without `key_ops` the service does not limit it. */
function readAlgorithms(key: Fields, keyType: KeyType): readonly SignatureAlgorithm[] {
  const uses = usesOf(optionalStrings(key, "key_ops"));
  return member(key, "key_ops") === undefined || uses.includes("sign") || uses.includes("verify") ? algorithmsOf(keyType) : [];
}

/** Metadata of the version in the bundle; its type tells whether it is in an HSM, as `hsmPlatform` does since 7.5. `now` in milliseconds decides on its state. */
export function parseKeyMetadata({ version, key, body }: KeyBundle, now: number): ProviderKeyMetadata {
  const kty = requiredString(key, "kty");
  const jwk = readPublicJwk(key);
  // Of a symmetric key the service does not tell the size.
  if (!/^[a-z][\w-]{0,31}$/i.test(kty)) throw invalidAnswer("kty is not canonical");
  const keyType = jwk === undefined ? kty : keyTypeOf(jwk);
  const tags = optionalObject(body, "tags");
  // A tag's name is the caller's text, so it is not in the error.
  if (!Object.values(tags ?? {}).every((value) => typeof value === "string")) throw invalidAnswer("a tag is not a string");
  return {
    keyVersion: version,
    keyType,
    algorithms: readAlgorithms(key, keyType),
    state: readState(body, now),
    usableFor: usesOf(optionalStrings(key, "key_ops")),
    ...readDates(body),
    protection: kty.endsWith("-HSM") ? "hsm" : "software",
    ...(tags && { tags: tags as Readonly<Record<string, string>> }),
  };
}

function attributesOf(item: Fields): Fields {
  return optionalObject(item, "attributes") ?? {};
}

/** The service refuses to sign outside `nbf` to `exp`, and answers GetKey in any state. */
function readState(item: Fields, now: number): KeyState {
  const attributes = attributesOf(item);
  if (!requiredBoolean(attributes, "enabled")) return "disabled";
  if (Number(optionalTimestamp(attributes, "nbf")) > now) return "not-yet-valid"; // one that is not there is NaN, and no later
  return Number(optionalTimestamp(attributes, "exp")) <= now ? "expired" : "enabled";
}

/** Dates of one version. */
export interface VersionDates {
  readonly createdAt?: Date;
  readonly expiresAt?: Date;
}

/** The dates of a version, where the service tells them; of a KeyBundle or of an item of a page. */
export function readDates(item: Fields): VersionDates {
  const attributes = attributesOf(item);
  const createdAt = optionalTimestamp(attributes, "created");
  const expiresAt = optionalTimestamp(attributes, "exp");
  return { ...(createdAt && { createdAt }), ...(expiresAt && { expiresAt }) };
}

/** A page of versions, and how to ask for the next. */
export interface VersionPage {
  readonly versions: readonly ProviderKeyVersion[];
  /** Undefined on the last page. An empty page can have one. */
  readonly skipToken: string | undefined;
}

/** GetKeyVersions: any order (it is by version, not by time); `current` is what GetKey without a version named. */
export function parseVersionPage(answer: Answer, asked: string, current: string, now: number): VersionPage {
  const body = asObject(answer.body);
  const versions = requiredArray(body, "value").map((item) => {
    const fields = asObject(item, "value");
    const keyVersion = readVersion(fields, asked);
    return { keyVersion, current: keyVersion === current, state: readState(fields, now), ...readDates(fields) };
  });
  const link = optionalString(body, "nextLink");
  return { versions, skipToken: link ? readSkipToken(link, asked) : undefined };
}

/** Path and token of a link. A token has characters of a query only (RFC 3986 section 3.4), without `&` and `?`. */
const NEXT_LINK = /^([^?]*)\?(?:.*&)?(?:\$|%24)skiptoken=((?:[\w!$'-;=@~]|%[\da-f]{2}){1,4096})(?:&|$)/i;

/**
 * Of the link to the next page only the token is used, in the percent-encoding of the service. The link must be one to
 * the versions of this key at this vault; nothing is sent otherwise.
 */
function readSkipToken(link: string, asked: string): string | undefined {
  const [, path = "", token] = NEXT_LINK.exec(link) ?? [];
  if (plainUrl(path) !== `${asked}versions`) throw invalidAnswer("nextLink names another key");
  return token;
}

const DAY_MS = 86_400_000;
/** ISO 8601, section "Duration", without fractions; captured are the days of one that has nothing else. */
const DURATION = /^P(?:(\d{1,5})D|(?=.)(?:\d{1,5}[YMWD])*(?:T(?:\d{1,5}[HMS])+)?)$/;

/**
 * The time of the next rotation, counted from the newest version; or undefined when there is none, or none that can be told: without the date that the
 * trigger counts from, and for durations in months and years, since the documentation does not say how the service adds
 * those to a date.
 *
 * @see Get Key Rotation Policy; "Configure cryptographic key auto-rotation in Azure Key Vault"
 */
export function parseNextRotation(answer: Answer, asked: string, newest: KeyBundle): Date | undefined {
  if (answer.body === null) return undefined; // an emulator's way of saying that there is no policy
  const body = asObject(answer.body);
  const id = optionalString(body, "id");
  if (id !== undefined && plainUrl(id) !== `${asked}rotationpolicy`) throw mismatchedAnswer("id names another key");
  const actions = (optionalArray(body, "lifetimeActions") ?? []).map((action) => asObject(action, "lifetimeActions"));
  // Vault and Managed HSM, and the versions of the protocol, differ in the case of the word.
  const rotate = actions.find((action) => requiredString(requiredObject(action, "action"), "type").toLowerCase() === "rotate") ?? {};
  const trigger = optionalObject(rotate, "trigger") ?? {};
  const { createdAt, expiresAt } = readDates(newest.body);
  // What is not there counts as NaN, and so does what is counted from it.
  const afterCreate = Number(createdAt) + readDays(trigger, "timeAfterCreate");
  const beforeExpiry = Number(expiresAt) - readDays(trigger, "timeBeforeExpiry");
  const time = afterCreate || beforeExpiry;
  return time ? new Date(time) : undefined;
}

/** Milliseconds of a duration in days; NaN for one in years, months, weeks or parts of a day, and without any. */
function readDays(trigger: Fields, name: string): number {
  const duration = optionalString(trigger, name) ?? "PT0S";
  const [whole, days] = DURATION.exec(duration) ?? [];
  if (whole === undefined) throw invalidAnswer(`${name} is not canonical`);
  return Number(days) * DAY_MS;
}

/** sign: the version that signed, and a signature: for RSA of the length of a modulus that the service has, for curves as the manager checks it. */
export function parseSign(answer: Answer, algorithm: SignatureAlgorithm, asked: string): ProviderSignature {
  const body = asObject(answer.body);
  const keyVersion = readVersion(body, asked);
  const signature = requiredBase64Url(body, "value");
  const encoding = algorithm.startsWith("ES") ? "ieee-p1363" : "raw";
  if (encoding === "raw" && ![256, 384, 512].includes(signature.length)) throw invalidAnswer("value is not canonical");
  return { signature, encoding, keyVersion, requestId: answer.requestId };
}

/** verify: `true` or `false`, and nothing that is only as good as true. */
export function parseVerify(answer: Answer): boolean {
  return requiredBoolean(asObject(answer.body), "value");
}
