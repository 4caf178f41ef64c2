/** Requests of the Key Vault keys REST API: from typed input to method, URL, headers and body. Pure and synchronous. */
import { encodeBase64Url } from "../encoding/base64.js";
import { ValidationError } from "../errors.js";
import type { WireRequest } from "../http/send.js";
import type { KeyRef, SignInput, VerifyInput } from "../kms/provider.js";
import { isKeyName, isKeyVersion, type AzureAddress } from "./config.js";

const READ_HEADERS = Object.freeze({ accept: "application/json" });
const JSON_HEADERS = Object.freeze({ accept: "application/json", "content-type": "application/json" });

/**
 * GetKey: `GET /keys/{name}[/{version}]`.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` for a name or version that cannot be one
 */
export function buildGetKey(address: AzureAddress, key: KeyRef): WireRequest {
  return { method: "GET", url: keyUrl(address, key, ""), headers: READ_HEADERS };
}

/**
 * GetKeyVersions: `GET /keys/{name}/versions`, 25 a page. `skipToken` goes on after a page; it is already checked, and
 * percent-encoded as the service wrote it.
 */
export function buildListVersions(address: AzureAddress, { keyId }: KeyRef, skipToken?: string): WireRequest {
  const url = keyUrl(address, { keyId }, "/versions");
  return { method: "GET", url: skipToken === undefined ? url : `${url}&$skiptoken=${skipToken}`, headers: READ_HEADERS };
}

/** GetKeyRotationPolicy: `GET /keys/{name}/rotationpolicy`. */
export function buildGetRotationPolicy(address: AzureAddress, { keyId }: KeyRef): WireRequest {
  return { method: "GET", url: keyUrl(address, { keyId }, "/rotationpolicy"), headers: READ_HEADERS };
}

/** RotateKey: `POST /keys/{name}/rotate`, without a body. */
export function buildRotate(address: AzureAddress, { keyId }: KeyRef): WireRequest {
  return { method: "POST", url: keyUrl(address, { keyId }, "/rotate"), headers: READ_HEADERS };
}

/**
 * sign: `POST /keys/{name}/{version}/sign` with a digest. The version is required: without one the service may or may not
 * take the current one (its documentation shows it, no recording does, an emulator refuses it).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` without a version, and for a message instead of a digest
 */
export function buildSign(address: AzureAddress, { key, algorithm, form, input }: SignInput): WireRequest {
  assertDigest(form);
  const body = JSON.stringify({ alg: algorithm, value: encodeBase64Url(input) });
  return { method: "POST", url: versionUrl(address, key, "/sign"), headers: JSON_HEADERS, body };
}

/** verify: `POST /keys/{name}/{version}/verify`; the same rules as for `sign`. */
export function buildVerify(address: AzureAddress, { key, algorithm, form, input, signature }: VerifyInput): WireRequest {
  assertDigest(form);
  const body = JSON.stringify({ alg: algorithm, digest: encodeBase64Url(input), value: encodeBase64Url(signature) });
  return { method: "POST", url: versionUrl(address, key, "/verify"), headers: JSON_HEADERS, body };
}

function versionUrl(address: AzureAddress, key: KeyRef, operation: string): string {
  if (key.keyVersion === undefined) throw invalidArgument("this operation needs a keyVersion", "read the current version with getPublicKey, and keep it");
  return keyUrl(address, key, operation);
}

/** A few concatenations, and nothing to percent-encode: both grammars have letters, digits and hyphens only. */
function keyUrl({ origin, apiVersion }: AzureAddress, { keyId, keyVersion }: KeyRef, operation: string): string {
  if (!isKeyName(keyId)) throw invalidArgument("the key name must be 1 to 127 letters, digits and hyphens");
  if (keyVersion !== undefined && !isKeyVersion(keyVersion)) throw invalidArgument("the key version must be 32 letters and digits");
  // Versions are compared without regard to case, and an emulator knows them in lower case only.
  const version = keyVersion === undefined ? "" : `/${keyVersion.toLowerCase()}`;
  return `${origin}/keys/${keyId}${version}${operation}?api-version=${apiVersion}`;
}

function assertDigest(form: SignInput["form"]): void {
  if (form !== "digest") throw invalidArgument("the service signs and verifies digests only", "hash the message first, or let KmsManager do it");
}

function invalidArgument(message: string, hint?: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message, { hint });
}
