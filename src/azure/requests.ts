/** Requests of the Key Vault keys REST API: from typed input to method, URL, headers and body. Pure and synchronous. */
import { encodeBase64Url } from "../encoding/base64.js";
import type { WireRequest } from "../http/send.js";
import { invalidArgument } from "../kms/context.js";
import type { KeyRef, SignInput, VerifyInput } from "../kms/provider.js";
import { keyProblems, type AzureAddress } from "./config.js";

/** A key without a version, which would be another path. */
type NamedKey = KeyRef & { readonly keyVersion?: undefined };

const READ_HEADERS = { accept: "application/json" } as const;
const JSON_HEADERS = { ...READ_HEADERS, "content-type": "application/json" } as const;

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
export function buildListVersions(address: AzureAddress, key: NamedKey, skipToken?: string): WireRequest {
  const url = keyUrl(address, key, "/versions");
  return { method: "GET", url: skipToken === undefined ? url : `${url}&$skiptoken=${skipToken}`, headers: READ_HEADERS };
}

/** GetKeyRotationPolicy: `GET /keys/{name}/rotationpolicy`. */
export function buildGetRotationPolicy(address: AzureAddress, key: NamedKey): WireRequest {
  return { method: "GET", url: keyUrl(address, key, "/rotationpolicy"), headers: READ_HEADERS };
}

/** RotateKey: `POST /keys/{name}/rotate`, without a body. */
export function buildRotate(address: AzureAddress, key: NamedKey): WireRequest {
  return { method: "POST", url: keyUrl(address, key, "/rotate"), headers: READ_HEADERS };
}

/**
 * sign: `POST /keys/{name}/{version}/sign` with a digest. The version is required: without one the service may or may not
 * take the current one (its documentation shows it, no recording does, an emulator refuses it).
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` without a version, and for a message instead of a digest
 */
export function buildSign(address: AzureAddress, input: SignInput): WireRequest {
  return digestRequest(address, input, "/sign", { alg: input.algorithm, value: encodeBase64Url(input.input) });
}

/** verify: `POST /keys/{name}/{version}/verify`; the same rules as for `sign`. */
export function buildVerify(address: AzureAddress, input: VerifyInput): WireRequest {
  return digestRequest(address, input, "/verify", { alg: input.algorithm, digest: encodeBase64Url(input.input), value: encodeBase64Url(input.signature) });
}

function digestRequest(address: AzureAddress, { key, form }: SignInput, operation: string, members: object): WireRequest {
  if (form !== "digest" || key.keyVersion === undefined) throw invalidArgument("the service takes a digest and a keyVersion");
  return { method: "POST", url: keyUrl(address, key, operation), headers: JSON_HEADERS, body: JSON.stringify(members) };
}

/** A few concatenations, and nothing to percent-encode: both grammars have letters, digits and hyphens only. */
function keyUrl({ origin, apiVersion }: AzureAddress, { keyId, keyVersion }: KeyRef, operation: string): string {
  // Versions are compared without regard to case, and an emulator knows them in lower case only.
  const version = keyVersion?.toLowerCase();
  const [problem] = keyProblems({ keyId, keyVersion: version });
  if (problem !== undefined) throw invalidArgument(problem);
  return `${origin}/keys/${keyId}${version === undefined ? "" : `/${version}`}${operation}?api-version=${apiVersion}`;
}
