/** Requests of the Key Vault keys REST API: from typed input to method, URL, headers and body. Pure and synchronous. */
import { encodeBase64Url } from "../encoding/base64.js";
import type { WireRequest } from "../http/send.js";
import { invalidArgument } from "../kms/context.js";
import type { KeyRef, SignInput, VerifyInput } from "../kms/provider.js";
import { isKeyName, isKeyVersion, type AzureAddress } from "./config.js";

const READ_HEADERS = { accept: "application/json" } as const;
const JSON_HEADERS = { ...READ_HEADERS, "content-type": "application/json" } as const;

/**
 * GetKey: `GET /keys/{name}[/{version}]`.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` for a name or version that cannot be one
 */
export function buildGetKey(address: AzureAddress, key: KeyRef): WireRequest {
  return keyRequest("GET", address, key, "");
}

/**
 * GetKeyVersions: `GET /keys/{name}/versions`, 25 a page. `skipToken` goes on after a page; it is already checked, and
 * percent-encoded as the service wrote it.
 */
export function buildListVersions(address: AzureAddress, { keyId }: KeyRef, skipToken?: string): WireRequest {
  const request = keyRequest("GET", address, { keyId }, "/versions");
  return skipToken === undefined ? request : { ...request, url: `${request.url}&$skiptoken=${skipToken}` };
}

/** GetKeyRotationPolicy: `GET /keys/{name}/rotationpolicy`. */
export function buildGetRotationPolicy(address: AzureAddress, { keyId }: KeyRef): WireRequest {
  return keyRequest("GET", address, { keyId }, "/rotationpolicy");
}

/** RotateKey: `POST /keys/{name}/rotate`, without a body. */
export function buildRotate(address: AzureAddress, { keyId }: KeyRef): WireRequest {
  return keyRequest("POST", address, { keyId }, "/rotate");
}

/**
 * sign: `POST /keys/{name}/{version}/sign` with a digest. The version is required: without one the service may or may not
 * take the current one (its documentation shows it, no recording does, an emulator refuses it).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` without a version, and for a message instead of a digest
 */
export function buildSign(address: AzureAddress, input: SignInput): WireRequest {
  return versionRequest(address, input, "/sign", { alg: input.algorithm, value: encodeBase64Url(input.input) });
}

/** verify: `POST /keys/{name}/{version}/verify`; the same rules as for `sign`. */
export function buildVerify(address: AzureAddress, input: VerifyInput): WireRequest {
  return versionRequest(address, input, "/verify", { alg: input.algorithm, digest: encodeBase64Url(input.input), value: encodeBase64Url(input.signature) });
}

function versionRequest(address: AzureAddress, { key, form }: SignInput, operation: string, members: object): WireRequest {
  if (form !== "digest") throw invalidArgument("the service signs and verifies digests only", "hash the message first");
  if (key.keyVersion === undefined) throw invalidArgument("this operation needs a keyVersion", "getPublicKey names the current one");
  return { ...keyRequest("POST", address, key, operation), headers: JSON_HEADERS, body: JSON.stringify(members) };
}

/** A few concatenations, and nothing to percent-encode: both grammars have letters, digits and hyphens only. */
function keyRequest(method: "GET" | "POST", { origin, apiVersion }: AzureAddress, { keyId, keyVersion }: KeyRef, operation: string): WireRequest {
  if (!isKeyName(keyId)) throw invalidArgument("keyName must be 1 to 127 letters, digits and hyphens");
  if (keyVersion !== undefined && !isKeyVersion(keyVersion)) throw invalidArgument("keyVersion must be 32 letters and digits");
  // Versions are compared without regard to case, and an emulator knows them in lower case only.
  const version = keyVersion === undefined ? "" : `/${keyVersion.toLowerCase()}`;
  return { method, url: `${origin}/keys/${keyId}${version}${operation}?api-version=${apiVersion}`, headers: READ_HEADERS };
}
