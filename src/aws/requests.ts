/** Builds the requests to AWS KMS (AWS JSON 1.1, API version 2014-11-01): pure, and checked before anything is sent. */
import { encodeBase64 } from "../encoding/base64.js";
import type { WireRequest } from "../http/send.js";
import { unsupported } from "../kms/context.js";
import type { SignInput } from "../kms/provider.js";
import { signingAlgorithmOf } from "./algorithms.js";

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
 * What Sign and Verify are given besides the key. That the input fits `inputRule` is for the manager to see to.
 *
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED`
 */
export function signMembers({ algorithm, form, input }: Omit<SignInput, "key">): Record<"Message" | "MessageType" | "SigningAlgorithm", string> {
  const SigningAlgorithm = signingAlgorithmOf(algorithm);
  if (SigningAlgorithm === undefined) throw unsupported("AWS KMS does not sign with this algorithm");
  return { Message: encodeBase64(input), MessageType: form === "digest" ? "DIGEST" : "RAW", SigningAlgorithm };
}
