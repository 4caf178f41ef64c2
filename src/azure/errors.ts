/** What an answer that is no success means: by the service's own code where it has one that tells, else by status. */
import type { Answer, Failure } from "../http/send.js";
import { member } from "../http/fields.js";

const DENIED: Failure = {
  code: "ERR_KMS_ACCESS_DENIED",
  remedy: "none",
  hint: "give the caller a role or access policy for this; a new one takes some minutes to spread",
};
const NETWORK_DENIED: Failure = { ...DENIED, hint: "the vault's firewall does not let this network in" };
/** In transition for some seconds; until then the service does nothing. */
const IN_TRANSITION: Failure = { code: "ERR_KMS_CONFLICT", remedy: "throttle", outcome: "rejected" };
const THROTTLED: Failure = { code: "ERR_KMS_THROTTLED", remedy: "throttle" };
const REJECTED: Failure = { code: "ERR_KMS_REJECTED", remedy: "none" };
const RETRY: Failure = { code: "ERR_KMS_UNAVAILABLE", remedy: "retry" };

/** Codes that tell more than the status, from `innererror.code` or `error.code`: "Azure Key Vault REST API error codes", and recorded answers. */
const BY_CODE: Readonly<Record<string, Failure>> = {
  __proto__: null as never,
  ForbiddenByPolicy: DENIED,
  ForbiddenByRbac: DENIED,
  AccessDenied: DENIED,
  ForbiddenByFirewall: NETWORK_DENIED,
  ForbiddenByConnection: NETWORK_DENIED,
  KeyDisabled: { code: "ERR_KMS_KEY_STATE", remedy: "none", hint: "enable this version, or use another" },
  KeyOperationForbidden: { code: "ERR_KMS_KEY_STATE", remedy: "none", hint: "key_ops of this version does not have the operation" },
  // Not confirmed at the service. What it says there under another code stays a plain refusal, with status 403.
  KeyExpired: { code: "ERR_KMS_KEY_EXPIRED", remedy: "none", hint: "rotate the key, or change nbf and exp of this version" },
  KeyNotFound: { code: "ERR_KMS_NOT_FOUND", remedy: "none", hint: "check keyName and keyVersion; a deleted key can be recovered" },
  ObjectIsDeletedButRecoverable: { code: "ERR_KMS_CONFLICT", remedy: "none", hint: "recover or purge the deleted key of this name first" },
  ObjectIsBeingDeleted: IN_TRANSITION,
  ObjectIsBeingRecovered: IN_TRANSITION,
  Throttled: THROTTLED,
};

/** Where the code is only another word for the status. */
const BY_STATUS: Readonly<Record<number, Failure>> = {
  401: { code: "ERR_KMS_UNAUTHENTICATED", remedy: "credentials" },
  403: { ...DENIED, hint: `${DENIED.hint}; a version outside its nbf and exp is refused so too` },
  404: { code: "ERR_KMS_NOT_FOUND", remedy: "none", hint: "check vaultUrl, keyName and keyVersion" },
  408: RETRY,
  409: { code: "ERR_KMS_CONFLICT", remedy: "none" },
  425: RETRY,
  429: THROTTLED,
  501: { code: "ERR_KMS_UNAVAILABLE", remedy: "none" },
  505: { code: "ERR_KMS_UNAVAILABLE", remedy: "none" },
};

/** `error`, then `innererror` inside it: the service nests twice at most. */
const MAX_DEPTH = 4;

/**
 * The meaning of a failure. Never throws, whatever the body is; its texts are never looked at.
 *
 * @param credentialHint what to do about a token that is not accepted
 * @see "Common error codes for Azure Key Vault"
 */
export function describeFailure({ status, body }: Answer, credentialHint: string): Failure {
  const codes = readCodes(body);
  // The inner code says more than the outer one. A vault has both, the management plane only the outer.
  const [outer, ...inner] = codes;
  const telling = [...inner, outer].find((code) => BY_CODE[code ?? ""] !== undefined);
  const failure = BY_CODE[telling ?? ""] ?? BY_STATUS[status] ?? (status < 500 ? REJECTED : RETRY);
  const hint = failure.code === "ERR_KMS_UNAUTHENTICATED" ? credentialHint : failure.hint;
  return { ...failure, hint, providerCode: telling ?? inner[0] ?? outer };
}

/** The codes from the outside in. `error` is text in some answers of an emulator, and HTML answers have none. */
function readCodes(body: unknown): string[] {
  const codes: string[] = [];
  let at = memberOf(body, "error");
  for (let depth = 0; depth < MAX_DEPTH && at !== undefined; depth += 1) {
    const code = memberOf(at, "code");
    // Letters and dots: a code is a word, and what else stands there could be anything of a request that was sent back.
    if (typeof code === "string" && /^[A-Za-z][A-Za-z.]{0,63}$/.test(code)) codes.push(code);
    at = memberOf(at, "innererror") ?? memberOf(at, "innerError");
  }
  return codes;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? member(value as Readonly<Record<string, unknown>>, name) : undefined;
}
