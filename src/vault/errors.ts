/**
 * What a refusal of Vault or OpenBao means. There are no codes, and a mistake of the caller can be a 500: the texts of the
 * engine decide, the status where no text is known. No text gets into an error.
 */
import { asObject, optionalStrings } from "../http/fields.js";
import type { Answer, Failure } from "../http/send.js";

type Reading = readonly [text: RegExp, meaning: Failure, hint?: string];

const NOT_FOUND = { code: "ERR_KMS_NOT_FOUND", remedy: "none", outcome: "rejected" } as const;
const REJECTED = { code: "ERR_KMS_REJECTED", remedy: "none", outcome: "rejected" } as const;
const MISMATCH = { code: "ERR_KMS_KEY_MISMATCH", remedy: "none", outcome: "rejected" } as const;
const STATE = { code: "ERR_KMS_KEY_STATE", remedy: "none", outcome: "rejected" } as const;
const UNAVAILABLE = { code: "ERR_KMS_UNAVAILABLE", remedy: "retry", outcome: "rejected" } as const;
const THROTTLED = { code: "ERR_KMS_THROTTLED", remedy: "throttle", outcome: "rejected" } as const;
/** Nobody knows whether the server acted. */
const UNCLEAR = { code: "ERR_KMS_UNAVAILABLE", remedy: "retry", outcome: "unknown" } as const;
const TOO_LARGE = "the request is larger than the server allows";

/** Known texts, the first that matches counts. What is marked rejected is known to have done nothing, also with status 500. */
const READINGS: readonly Reading[] = [
  [/namespace not found/, NOT_FOUND, "the namespace does not exist"],
  [/no handler for route|unsupported path/, NOT_FOUND, "check mountPath and namespace: no Transit engine is mounted there"],
  [/(signing|signature verification|encryption) key not found|(^|\* )key not found|no existing key named|invalid key name/, NOT_FOUND],
  [/version is too new|version for signing is higher/, NOT_FOUND, "the key has no such version"],
  // "no such key version" is what sign says of one that is archived; of one that never was it says "higher".
  [/disallowed by policy \(too old\)|less than the minimum encryption key version|no such key version/, STATE, "the version is under the key's minimum"],
  [/soft-deleted key|does not contain a private part|does not allow rotation/, STATE],
  [/does not support (signing|verification)|not supported for key type/, MISMATCH, "the key is of a type that does not sign"],
  // Only a key for ECDSA reads a signature as DER, and what goes out for ECDSA is DER; only an Ed25519 key minds hash and digest.
  [/supplied signature (is invalid|contains)|only Pure Ed25519|hash_al\w+ should not be set/, MISMATCH, "the key is of another type than the algorithm"],
  [/node (is )?not active|is sealed|no active Vault instance/, UNAVAILABLE],
  [/leadership lost/, UNCLEAR],
  [/(lease count|rate limit) quota exceeded/, THROTTLED],
  [/missing 'context'/, REJECTED, "a derived key cannot be used: its context is not sent"],
  [/unsupported rsa signature algorithm|version for signing is negative|requested salt length|input must be hashed|failed to parse batch|message too long for RSA/, REJECTED],
  [/JSON string value exceeds|due to high complexity/, REJECTED, TOO_LARGE],
];

const BY_STATUS: Readonly<Record<number, Failure>> = {
  400: REJECTED,
  404: NOT_FOUND,
  405: REJECTED,
  408: UNCLEAR,
  413: { ...REJECTED, hint: TOO_LARGE },
  415: REJECTED,
  425: UNCLEAR,
  429: THROTTLED,
  472: { ...UNAVAILABLE, remedy: "none", retryable: true, hint: "this node is a disaster recovery secondary" },
  473: UNAVAILABLE,
  501: { ...UNAVAILABLE, remedy: "none", hint: "this server is not initialised" },
};

/** Reads a refusal. */
export function describeVaultFailure(answer: Answer): Failure {
  const { status } = answer;
  const texts = textsOf(answer.body);
  if (status === 403) return describeForbidden(texts);
  if (status === 412) return describePrecondition(texts);
  for (const [text, meaning, hint] of READINGS) if (texts.some((line) => text.test(line))) return { ...meaning, hint };
  return BY_STATUS[status] ?? (status < 500 ? REJECTED : UNCLEAR);
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
export function textsOf(body: unknown): readonly string[] {
  try {
    const fields = asObject(body);
    const texts = optionalStrings(fields, "errors");
    const lines = texts.length === 0 && typeof fields.error === "string" ? [fields.error] : texts;
    return lines.map((line) => line.slice(0, 4096));
  } catch {
    return [];
  }
}
