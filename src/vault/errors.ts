/**
 * What a refusal of Vault or OpenBao means. There are no codes, and a mistake of the caller can be a 500: the texts of the
 * engine decide, the status where no text is known. No text gets into an error.
 */
import { asObject, optionalStrings } from "../http/fields.js";
import type { Answer, Failure } from "../http/send.js";

interface Reading extends Failure {
  readonly text: RegExp;
}

const NOT_FOUND = { code: "ERR_KMS_NOT_FOUND", remedy: "none", outcome: "rejected" } as const;
const REJECTED = { code: "ERR_KMS_REJECTED", remedy: "none", outcome: "rejected" } as const;
const MISMATCH = { code: "ERR_KMS_KEY_MISMATCH", remedy: "none", outcome: "rejected" } as const;
const STATE = { code: "ERR_KMS_KEY_STATE", remedy: "none", outcome: "rejected" } as const;
const UNAVAILABLE = { code: "ERR_KMS_UNAVAILABLE", remedy: "retry", outcome: "rejected" } as const;

/** Known texts, the first that matches counts. What is marked rejected is known to have done nothing, also with status 500. */
const READINGS: readonly Reading[] = [
  { text: /namespace not found/, ...NOT_FOUND, hint: "the namespace does not exist" },
  { text: /no handler for route|unsupported path/, ...NOT_FOUND, hint: "no Transit engine is mounted there: check mountPath and namespace" },
  { text: /(signing|signature verification|encryption) key not found|(^|\* )key not found|no existing key named|invalid key name/, ...NOT_FOUND },
  { text: /version is too new|version for signing is higher/, ...NOT_FOUND, hint: "the key has no such version" },
  // "no such key version" is what sign says of one that is archived; of one that never was it says "higher".
  { text: /disallowed by policy \(too old\)|less than the minimum encryption key version|no such key version/, ...STATE, hint: "the version is under the key's minimum" },
  { text: /soft-deleted key|does not contain a private part|does not allow rotation/, ...STATE },
  { text: /does not support (signing|verification)|not supported for key type/, ...MISMATCH, hint: "the key is of a type that does not sign" },
  // Only a key for ECDSA reads a signature as DER, and what goes out for ECDSA is DER; only an Ed25519 key minds hash and digest.
  { text: /supplied signature (is invalid|contains)|only Pure Ed25519|hash_al\w+ should not be set/, ...MISMATCH, hint: "the key is of another type than the algorithm" },
  { text: /local node not active|is sealed|no active Vault instance|node is not active/, ...UNAVAILABLE },
  { text: /leadership lost/, ...UNAVAILABLE, outcome: "unknown" },
  { text: /lease count quota exceeded|rate limit quota exceeded/, code: "ERR_KMS_THROTTLED", remedy: "throttle", outcome: "rejected" },
  { text: /missing 'context'/, ...REJECTED, hint: "a derived key signs with a context, which this library does not send: use a key that is not derived" },
  { text: /unsupported rsa signature algorithm|version for signing is negative|requested salt length|input must be hashed|failed to parse batch|message too long for RSA/, ...REJECTED },
  { text: /JSON string value exceeds|due to high complexity/, ...REJECTED, hint: "the request is larger than the server allows" },
];

const BY_STATUS: Readonly<Record<number, Failure>> = {
  400: REJECTED,
  404: NOT_FOUND,
  405: REJECTED,
  413: { ...REJECTED, hint: "the request is larger than the server's max_request_size" },
  415: REJECTED,
  429: { code: "ERR_KMS_THROTTLED", remedy: "throttle" },
  472: { ...UNAVAILABLE, remedy: "none", retryable: true, hint: "this node is a disaster recovery secondary" },
  473: UNAVAILABLE,
  500: { code: "ERR_KMS_UNAVAILABLE", remedy: "retry" },
  501: { ...UNAVAILABLE, remedy: "none", hint: "this server is not initialised" },
};

/** Reads a refusal. */
export function describeVaultFailure(answer: Answer): Failure {
  const { status } = answer;
  const texts = textsOf(answer.body);
  if (status === 403) return describeForbidden(texts);
  if (status === 412) return describePrecondition(texts);
  for (const { text, ...failure } of READINGS) if (texts.some((line) => text.test(line))) return failure;
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 500) return { code: "ERR_KMS_UNAVAILABLE", remedy: "retry" };
  return status === 408 || status === 425 ? { code: "ERR_KMS_UNAVAILABLE", remedy: "retry", outcome: "unknown" } : REJECTED;
}

/** A framed `permission denied` is about a grant; a plain one, or `invalid token`, about the token itself. */
function describeForbidden(texts: readonly string[]): Failure {
  const plain = texts.length === 1 && texts[0] === "permission denied";
  if (plain || texts.some((text) => text.includes("invalid token"))) {
    return { code: "ERR_KMS_UNAUTHENTICATED", remedy: "credentials", hint: "the token is unknown, expired or revoked" };
  }
  return { code: "ERR_KMS_ACCESS_DENIED", remedy: "none", hint: "the token's policies must grant this path, mount and namespace included" };
}

/** Vault Enterprise: this node has not the newest state yet. An Agent or Proxy says 412 to a request without X-Vault-Request. */
function describePrecondition(texts: readonly string[]): Failure {
  const lagging = texts.length === 0 || texts.some((text) => text.includes("required index state"));
  return lagging ? UNAVAILABLE : REJECTED;
}

/** The texts of `errors`, also of the old `error`, with the frame that Go puts around a bare error. Nothing here throws. */
function textsOf(body: unknown): readonly string[] {
  try {
    const fields = asObject(body);
    const texts = optionalStrings(fields, "errors");
    const lines = texts.length === 0 && typeof fields.error === "string" ? [fields.error] : texts;
    return lines.map((line) => line.slice(0, 4096));
  } catch {
    return [];
  }
}
