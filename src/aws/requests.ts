/** Builds the requests to AWS KMS (AWS JSON 1.1, API version 2014-11-01): pure, and checked before anything is sent. */
import { findAlgorithm, type AlgorithmFacts } from "../algorithms.js";
import { encodeBase64 } from "../encoding/base64.js";
import { DIGEST_BYTES } from "../hasher.js";
import type { WireRequest } from "../http/send.js";
import { invalidArgument, unsupported } from "../kms/context.js";
import type { SignInput } from "../kms/provider.js";
import { MESSAGE_MAX_BYTES, MESSAGE_MIN_BYTES, signingAlgorithmOf } from "./algorithms.js";

/** Of every request; the signature of the provider's requests covers it. */
export const CONTENT_TYPE = "application/x-amz-json-1.1";

/**
 * The request of an operation. Members with the value undefined are left out; `null` would not be the same.
 *
 * `KeyId` is any of the four forms for Sign, Verify, GetPublicKey and DescribeKey, which take grant tokens too; the others
 * take a key id or key ARN, and no alias.
 */
export function buildRequest(url: string, operation: string, members: Readonly<Record<string, unknown>>): WireRequest {
  return { method: "POST", url, headers: { "content-type": CONTENT_TYPE, "x-amz-target": `TrentService.${operation}` }, body: JSON.stringify(members) };
}

/**
 * What Sign and Verify are given besides the key. The manager asks `inputRule` and keeps to it; who calls a provider
 * directly is told here.
 *
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED`, `ERR_KMS_INVALID_ARGUMENT`
 */
export function signMembers({ algorithm, form, input }: Omit<SignInput, "key">): Record<"Message" | "MessageType" | "SigningAlgorithm", string> {
  const name = signingAlgorithmOf(algorithm);
  if (name === undefined) throw unsupported("AWS KMS has no key that signs with this algorithm");
  const { hash } = findAlgorithm(algorithm) as AlgorithmFacts;
  const isDigest = form === "digest";
  if (isDigest && hash === undefined) throw unsupported("AWS KMS signs no digest with this algorithm");
  const [least, most] = isDigest && hash !== undefined ? [DIGEST_BYTES[hash], DIGEST_BYTES[hash]] : [MESSAGE_MIN_BYTES, MESSAGE_MAX_BYTES];
  if (input.length < least || input.length > most) throw invalidArgument(`the ${form} must be ${least} to ${most} bytes`);
  return { Message: encodeBase64(input), MessageType: isDigest ? "DIGEST" : "RAW", SigningAlgorithm: name };
}
