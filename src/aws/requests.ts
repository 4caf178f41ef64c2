/** Builds the requests to AWS KMS (AWS JSON 1.1, API version 2014-11-01): pure, and checked before anything is sent. */
import { findAlgorithm, type AlgorithmFacts, type SignatureAlgorithm } from "../algorithms.js";
import { encodeBase64 } from "../encoding/base64.js";
import type { Bytes } from "../encoding/bytes.js";
import { DIGEST_BYTES } from "../hasher.js";
import type { WireRequest } from "../http/send.js";
import { invalidArgument, unsupported } from "../kms/context.js";
import type { SignInput } from "../kms/provider.js";
import { MESSAGE_MAX_BYTES, MESSAGE_MIN_BYTES, signingAlgorithmOf } from "./algorithms.js";
import type { AwsKey } from "./config.js";

/** What is the same in all requests of a provider. */
export interface RequestBase {
  readonly url: string;
  /** Sent with the operations that take them. */
  readonly grantTokens?: readonly string[] | undefined;
}

export interface Tag {
  readonly TagKey: string;
  readonly TagValue: string;
}

/** Members of a `CreateKey` request. */
export interface NewKey {
  readonly KeySpec: string;
  readonly KeyUsage: string;
  readonly Description: string;
  readonly Policy: string;
  readonly MultiRegion?: true | undefined;
  readonly Tags: readonly Tag[];
}

export type SignOperationInput = Omit<SignInput, "key">;

/** Members with the value undefined are left out; `null` would not be the same. */
function post(base: RequestBase, operation: string, members: Readonly<Record<string, unknown>>): WireRequest {
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `TrentService.${operation}` };
  return { method: "POST", url: base.url, headers, body: JSON.stringify(members) };
}

/** @throws {ValidationError} `ERR_KMS_UNSUPPORTED`, `ERR_KMS_INVALID_ARGUMENT` */
export function buildSign(base: RequestBase, key: AwsKey, input: SignOperationInput): WireRequest {
  return post(base, "Sign", { KeyId: key.target, ...signMembers(input), GrantTokens: base.grantTokens });
}

/**
 * @param signature DER for ECDSA, as Sign answers it
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED`, `ERR_KMS_INVALID_ARGUMENT`
 */
export function buildVerify(base: RequestBase, key: AwsKey, input: SignOperationInput, signature: Bytes): WireRequest {
  const members = { KeyId: key.target, ...signMembers(input), Signature: encodeBase64(signature), GrantTokens: base.grantTokens };
  return post(base, "Verify", members);
}

function signMembers({ algorithm, form, input }: SignOperationInput): Record<string, string> {
  const name = signingAlgorithmOf(algorithm);
  if (name === undefined) throw unsupported("AWS KMS has no key that signs with this algorithm");
  checkInput(algorithm, form, input);
  return { Message: encodeBase64(input), MessageType: form === "digest" ? "DIGEST" : "RAW", SigningAlgorithm: name };
}

/** The manager asks `inputRule` and keeps to it; who calls a provider directly is told before anything is sent. */
function checkInput(algorithm: SignatureAlgorithm, form: "message" | "digest", { length }: Bytes): void {
  const { hash } = findAlgorithm(algorithm) as AlgorithmFacts;
  if (form === "digest") {
    if (hash === undefined) throw unsupported("AWS KMS signs no digest with this algorithm");
    if (length !== DIGEST_BYTES[hash]) throw invalidArgument(`a digest for ${algorithm} is ${DIGEST_BYTES[hash]} bytes of ${hash}`);
  } else if (length < MESSAGE_MIN_BYTES || length > MESSAGE_MAX_BYTES) {
    throw invalidArgument(`AWS KMS takes messages of ${MESSAGE_MIN_BYTES} to ${MESSAGE_MAX_BYTES} bytes`);
  }
}

export function buildGetPublicKey(base: RequestBase, key: AwsKey): WireRequest {
  return post(base, "GetPublicKey", { KeyId: key.target, GrantTokens: base.grantTokens });
}

/** @param keyId any of the four forms */
export function buildDescribeKey(base: RequestBase, keyId: string): WireRequest {
  return post(base, "DescribeKey", { KeyId: keyId, GrantTokens: base.grantTokens });
}

// The operations below take a key id or key ARN, and no alias.

export function buildListResourceTags(base: RequestBase, keyId: string, marker: string | undefined): WireRequest {
  return post(base, "ListResourceTags", { KeyId: keyId, Limit: 50, Marker: marker });
}

export function buildGetKeyRotationStatus(base: RequestBase, keyId: string): WireRequest {
  return post(base, "GetKeyRotationStatus", { KeyId: keyId });
}

export function buildListKeyRotations(base: RequestBase, keyId: string, marker: string | undefined): WireRequest {
  return post(base, "ListKeyRotations", { KeyId: keyId, Limit: 1000, Marker: marker });
}

export function buildRotateKeyOnDemand(base: RequestBase, keyId: string): WireRequest {
  return post(base, "RotateKeyOnDemand", { KeyId: keyId });
}

/** All aliases of the account: with `KeyId` only those of one key would come, and none that an alias pointed to before. */
export function buildListAliases(base: RequestBase, marker: string | undefined): WireRequest {
  return post(base, "ListAliases", { Limit: 100, Marker: marker });
}

export function buildGetKeyPolicy(base: RequestBase, keyId: string): WireRequest {
  return post(base, "GetKeyPolicy", { KeyId: keyId, PolicyName: "default" });
}

export function buildCreateKey(base: RequestBase, key: NewKey): WireRequest {
  return post(base, "CreateKey", { ...key });
}

export function buildCreateAlias(base: RequestBase, alias: string, targetKeyId: string): WireRequest {
  return post(base, "CreateAlias", { AliasName: alias, TargetKeyId: targetKeyId });
}

export function buildUpdateAlias(base: RequestBase, alias: string, targetKeyId: string): WireRequest {
  return post(base, "UpdateAlias", { AliasName: alias, TargetKeyId: targetKeyId });
}
