/**
 * What a refusal of Vault or OpenBao means. There are no codes, and a mistake of the caller can be a 500: the texts of the
 * engine decide, the status where no text is known. No text gets into an error.
 */
import type { ProviderErrorCode } from "../errors.js";
import type { Answer, Failure, Remedy } from "../http/send.js";

type Meaning = readonly [words: RegExp, code: ProviderErrorCode, remedy?: Remedy, hint?: string];

/** Of a refusal for the algorithm, and of a signature that shows the same. */
export const TYPE_HINT = "name an algorithm of the key's type, or none";

/** By status and texts, in one line for each: `403 permission denied`. The first that matches counts, and all say that nothing was done. */
const MEANINGS: readonly Meaning[] = [
  // A plain `permission denied` is about the token itself, one in a frame about a grant.
  [/^403 (permission denied$|[^]*invalid token)/, "ERR_KMS_UNAUTHENTICATED", "credentials"],
  [/^403/, "ERR_KMS_ACCESS_DENIED", "none", "check policies, mountPath and namespace"],
  // 412 is Vault Enterprise's: this node has not the newest state yet. An Agent or Proxy says it to a request without X-Vault-Request.
  [/^473|^412 ($|[^]*required index state)|node (is )?not active|is sealed|no active Vault/, "ERR_KMS_UNAVAILABLE", "retry"],
  [/namespace not found|no handler for route|unsupported path/, "ERR_KMS_NOT_FOUND", "none", "check mountPath and namespace"],
  [/^404|key not found|no existing key|invalid key name|version is too new|signing is higher/, "ERR_KMS_NOT_FOUND"],
  // "no such key version" is what sign says of one that is archived; of one that never was it says "higher".
  [/\(too old\)|less than the minimum|no such key version/, "ERR_KMS_KEY_STATE", "none", "the version is under the key's minimum"],
  [/soft-deleted key|a private part|does not allow rotation/, "ERR_KMS_KEY_STATE"],
  // Only a key for ECDSA reads a signature as DER, and what goes out for ECDSA is DER; only an Ed25519 key minds hash and digest.
  [/not support(ed for key| signing| verification)|supplied signature|Pure Ed25519|hash_al\w+ should not/, "ERR_KMS_KEY_MISMATCH", "none", TYPE_HINT],
  // What remains is told by the status. A 400 can be about the headers of a state: `recover` knows whether there were any.
  [/^400/, "ERR_KMS_REJECTED", "credentials"],
  [/^429/, "ERR_KMS_THROTTLED", "throttle"],
  [/^(472|501)/, "ERR_KMS_UNAVAILABLE"],
  [/^4(?!08|25)|missing 'context'|JSON string value|unsupported rsa|signing is negative|salt length|crypto\/rsa/, "ERR_KMS_REJECTED"],
];

/** Reads a refusal. Never throws, whatever the body is. */
export function describeVaultFailure({ status, body }: Answer): Failure {
  const said = `${status} ${textOf(body)}`;
  const found = MEANINGS.find(([words]) => words.test(said));
  // Of the others nobody knows whether the server acted: "leadership lost", an error of a proxy.
  if (found === undefined) return { code: "ERR_KMS_UNAVAILABLE", remedy: "retry" };
  const [, code, remedy = "none", hint] = found;
  return { code, remedy, outcome: "rejected", hint };
}

/** The texts of `errors`, a line each, or else the old `error`, with the frame that Go puts around a bare error. Never throws. */
export function textOf(body: unknown): string {
  const { errors, error } = { __proto__: null, ...(body as object) } as { readonly errors?: unknown; readonly error?: unknown };
  const texts: readonly unknown[] = Array.isArray(errors) && errors.length > 0 ? errors : [error];
  return texts
    .filter((text) => typeof text === "string")
    .join("\n")
    .slice(0, 4096);
}
