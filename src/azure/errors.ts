/** What an answer that is no success means: by the service's own code where it has one that tells, else by status. */
import type { ProviderErrorCode } from "../errors.js";
import { member, type Fields } from "../http/fields.js";
import type { Answer, Failure, Remedy } from "../http/send.js";

type Meaning = readonly [words: RegExp, code: ProviderErrorCode, remedy?: Remedy, hint?: string];

/**
 * By the status and the code of the service, in one line: `403 KeyDisabled`. Codes are here that tell more than their status
 * ("Azure Key Vault REST API error codes", and recorded answers): `ForbiddenByRbac` is a plain 403, `KeyNotFound` a plain 404.
 * The first that matches counts.
 */
const MEANINGS: readonly Meaning[] = [
  [/ Key(Disabled|OperationForbidden)$/, "ERR_KMS_KEY_STATE"],
  // Not confirmed at the service. What it says there under another code stays a plain refusal, with status 403.
  [/ KeyExpired$/, "ERR_KMS_KEY_EXPIRED"],
  [/ ForbiddenBy(Firewall|Connection)$/, "ERR_KMS_ACCESS_DENIED", "none", "the vault's firewall refuses this network"],
  // For some seconds; until then the service does nothing.
  [/ ObjectIsBeing(Deleted|Recovered)$/, "ERR_KMS_CONFLICT", "throttle"],
  [/^401/, "ERR_KMS_UNAUTHENTICATED", "credentials"],
  [/^403/, "ERR_KMS_ACCESS_DENIED", "none", "a new role or access policy takes minutes to spread"],
  [/^404/, "ERR_KMS_NOT_FOUND"],
  [/^409/, "ERR_KMS_CONFLICT"],
  [/^429/, "ERR_KMS_THROTTLED", "throttle"],
  [/^50[15]/, "ERR_KMS_UNAVAILABLE"],
  [/^(408|425|5)/, "ERR_KMS_UNAVAILABLE", "retry"],
  [/^/, "ERR_KMS_REJECTED"],
];

/**
 * The meaning of a failure. Never throws, whatever the body is; its texts are never looked at.
 *
 * @see "Common error codes for Azure Key Vault"
 */
export function describeFailure({ status, body }: Answer): Failure {
  // The inner code says more than the outer one. A vault has both, the management plane only the outer; `error` is text in
  // some answers of an emulator, and HTML answers have none.
  const error = memberOf(body, "error");
  const providerCode = [memberOf(memberOf(error, "innererror"), "code"), memberOf(error, "code")].find(isCode);
  const [, code, remedy = "none", hint] = MEANINGS.find(([words]) => words.test(`${status} ${providerCode}`)) as Meaning;
  return { code, remedy, hint, providerCode };
}

/** An own member of a value that can be anything; `null` is none. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? member(value as Fields, name) : undefined;
}

/** Letters and dots: a code is a word, and what else stands there could be anything of a request that was sent back. */
function isCode(code: unknown): code is string {
  return typeof code === "string" && /^[a-z.]{1,64}$/i.test(code);
}
