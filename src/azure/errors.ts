/** What an answer that is no success means: by the service's own code where it has one that tells, else by status. */
import type { Answer, Failure } from "../http/send.js";
import { member, type Fields } from "../http/fields.js";

const DENIED: Failure = { code: "ERR_KMS_ACCESS_DENIED", remedy: "none", hint: "a new role or access policy takes minutes to spread" };
const NETWORK_DENIED: Failure = { ...DENIED, hint: "the vault's firewall refuses this network" };
const KEY_STATE: Failure = { code: "ERR_KMS_KEY_STATE", remedy: "none" };
const CONFLICT: Failure = { code: "ERR_KMS_CONFLICT", remedy: "none" };
/** For some seconds; until then the service does nothing. */
const IN_TRANSITION: Failure = { ...CONFLICT, remedy: "throttle" };
const UNAVAILABLE: Failure = { code: "ERR_KMS_UNAVAILABLE", remedy: "none" };
const RETRY: Failure = { ...UNAVAILABLE, remedy: "retry" };

/**
 * Codes that tell more than their status, from `innererror.code` or `error.code` ("Azure Key Vault REST API error codes", and
 * recorded answers), and what a status means with any other code: `ForbiddenByRbac` is a plain 403, `KeyNotFound` a plain 404.
 */
const FAILURES: Readonly<Record<string, Failure>> = {
  __proto__: null as never,
  ForbiddenByFirewall: NETWORK_DENIED,
  ForbiddenByConnection: NETWORK_DENIED,
  KeyDisabled: KEY_STATE,
  KeyOperationForbidden: KEY_STATE,
  // Not confirmed at the service. What it says there under another code stays a plain refusal, with status 403.
  KeyExpired: { code: "ERR_KMS_KEY_EXPIRED", remedy: "none" },
  ObjectIsBeingDeleted: IN_TRANSITION,
  ObjectIsBeingRecovered: IN_TRANSITION,
  401: { code: "ERR_KMS_UNAUTHENTICATED", remedy: "credentials" },
  403: DENIED,
  404: { code: "ERR_KMS_NOT_FOUND", remedy: "none" },
  408: RETRY,
  409: CONFLICT,
  425: RETRY,
  429: { code: "ERR_KMS_THROTTLED", remedy: "throttle" },
  501: UNAVAILABLE,
  505: UNAVAILABLE,
};

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
  const failure = FAILURES[providerCode ?? status] ?? FAILURES[status] ?? (status < 500 ? { code: "ERR_KMS_REJECTED", remedy: "none" } : RETRY);
  return { ...failure, providerCode };
}

/** An own member of a value that can be anything; `null` is none. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? member(value as Fields, name) : undefined;
}

/** Letters and dots: a code is a word, and what else stands there could be anything of a request that was sent back. */
function isCode(code: unknown): code is string {
  return typeof code === "string" && /^[a-z.]{1,64}$/i.test(code);
}
