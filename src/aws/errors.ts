/** What a refusal of AWS KMS means: by the service's own code first, by the status where there is none. */
import type { Answer, Failure } from "../http/send.js";

type Meaning = Omit<Failure, "providerCode">;

const REJECTED: Meaning = { code: "ERR_KMS_REJECTED", remedy: "none" };
const CONFLICT: Meaning = { code: "ERR_KMS_CONFLICT", remedy: "none" };
const KEY_STATE: Meaning = { code: "ERR_KMS_KEY_STATE", remedy: "none" };
const MISMATCH: Meaning = { code: "ERR_KMS_KEY_MISMATCH", remedy: "none" };
const DENIED: Meaning = {
  code: "ERR_KMS_ACCESS_DENIED",
  // The AWS clients count this among the codes that a wrong clock can cause: it is repeated if the clock was corrected.
  remedy: "clock",
  hint: "key policy, IAM policy or a grant must allow this; a key of another account needs both sides",
};
const NOT_FOUND: Meaning = {
  code: "ERR_KMS_NOT_FOUND",
  remedy: "none",
  hint: "check keyId and region; a key of another account needs its ARN",
};
/** A throttled request is not acted on. */
const THROTTLED: Meaning = { code: "ERR_KMS_THROTTLED", remedy: "throttle", outcome: "rejected" };
const UNAVAILABLE: Meaning = { code: "ERR_KMS_UNAVAILABLE", remedy: "retry", outcome: "unknown" };
const UNAUTHENTICATED: Meaning = { code: "ERR_KMS_UNAUTHENTICATED", remedy: "none" };
/** Also the answer to an access key that was replaced: a source may have the new one. */
const BAD_CREDENTIALS: Meaning = {
  ...UNAUTHENTICATED,
  remedy: "credentials",
  hint: "the access key is unknown, or its session token missing or expired",
};
const BAD_SIGNATURE: Meaning = {
  ...UNAUTHENTICATED,
  remedy: "clock",
  hint: "check the secret access key, region and clock",
};

/**
 * By code, without the `Exception` at its end, for both spellings occur. What is not in it is left to the status: the
 * service says 400 to all that is wrong with a request, which is `REJECTED`. Without a prototype: the text is the service's.
 */
const BY_CODE: Readonly<Record<string, Meaning>> = {
  __proto__: null as never,
  ...each(UNAUTHENTICATED, "IncompleteSignature MissingAuthenticationToken"),
  ...each(BAD_CREDENTIALS, "UnrecognizedClient InvalidClientTokenId ExpiredToken"),
  ...each(BAD_SIGNATURE, "InvalidSignature SignatureDoesNotMatch RequestExpired RequestInTheFuture RequestTimeTooSkewed AuthFailure"),
  ...each(DENIED, "AccessDenied NotAuthorized OptInRequired"),
  ...each(NOT_FOUND, "NotFound"),
  ...each(KEY_STATE, "Disabled KMSInvalidState CustomKeyStoreInvalidState"),
  ...each(MISMATCH, "InvalidKeyUsage UnsupportedOperation IncorrectKey"),
  InvalidCiphertext: { code: "ERR_KMS_DECRYPT_FAILED", remedy: "none" },
  // An on-demand rotation that runs: it ends by itself, and only the caller knows whether to try again.
  Conflict: { ...CONFLICT, retryable: true },
  ...each(CONFLICT, "AlreadyExists"),
  // The generic clients repeat this one. In KMS it is a quota of resources, or of the on-demand rotations of a key.
  LimitExceeded: {
    code: "ERR_KMS_QUOTA",
    remedy: "none",
    hint: "a key takes 25 on-demand rotations; quotas of the account can be raised",
  },
  ...each(THROTTLED, "Throttling Throttled EC2Throttled BandwidthLimitExceeded PriorRequestNotComplete ProvisionedThroughputExceeded"),
  ...each(THROTTLED, "RequestLimitExceeded RequestThrottled SlowDown TooManyRequests TransactionInProgress"),
  ...each(UNAVAILABLE, "DependencyTimeout KMSInternal ServiceUnavailable InternalFailure RequestTimeout"),
  KeyUnavailable: { ...UNAVAILABLE, outcome: "rejected" },
  // Decided by code where servers that follow the service's model give another status than 400.
  ...each(REJECTED, "Validation DryRunOperation KMSInvalidSignature KMSInvalidMac"),
};

function each(meaning: Meaning, codes: string): Record<string, Meaning> {
  return Object.fromEntries(codes.split(" ").map((code) => [code, meaning]));
}

/** For an answer without a code that is known: a page of a load balancer or proxy, an empty body, another server. */
const BY_STATUS: Readonly<Record<number, Meaning>> = {
  401: BAD_CREDENTIALS,
  403: DENIED,
  404: NOT_FOUND,
  408: UNAVAILABLE,
  409: CONFLICT,
  // Misdirected: not repeated here, but Node may have done so.
  421: { ...UNAVAILABLE, remedy: "none" },
  425: UNAVAILABLE,
  429: THROTTLED,
  500: UNAVAILABLE,
  502: UNAVAILABLE,
  503: UNAVAILABLE,
  504: UNAVAILABLE,
};

/** Reads an answer that is not a success. Never throws, whatever the body is. */
export function describeFailure(answer: Answer): Failure {
  const code = errorCode(answer);
  const known = BY_CODE[code.replace(/Exception$/, "")];
  const meaning = known ?? BY_STATUS[answer.status] ?? (answer.status >= 500 ? { ...UNAVAILABLE, remedy: "none" as const } : REJECTED);
  return { ...meaning, providerCode: code || undefined };
}

/** `__type`, else `code` in any case, else the header: the order of the AWS clients. */
function errorCode({ body, header }: Answer): string {
  const text = ownText(body, "__type") ?? ownText(body, "code") ?? header("x-amzn-errortype") ?? "";
  // `com.amazonaws.kms#NotFoundException`, `NotFoundException:http://…`, `NotFoundException,http://…`
  return text.replace(/[,:].*/s, "").replace(/^[^#]*#/, "").trim();
}

/** A string among the own members of a body, by its name in any case. */
function ownText(body: unknown, name: string): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const key = Object.keys(body).find((candidate) => candidate.toLowerCase() === name);
  const value = key === undefined ? undefined : (body as Record<string, unknown>)[key];
  return typeof value === "string" ? value : undefined;
}

/**
 * The server's time in the message of a refusal for the clock, in milliseconds: it stands in parentheses, as in "Signature
 * expired: … is now earlier than … (20181105T221604Z - 5 min.)". No other message is ever looked at, and nothing else of it.
 */
export function clockMessageTime(body: unknown): number | undefined {
  const message = ownText(body, "message")?.slice(0, 1000) ?? "";
  if (!/^Signature (expired|not yet current)/.test(message)) return undefined;
  const basic = /\((\d{8}T\d{6}Z) [-+] \d+ min/.exec(message)?.[1] ?? "";
  const time = Date.parse(basic.replace(/(....)(..)(..T..)(..)/, "$1-$2-$3:$4:"));
  return Number.isNaN(time) ? undefined : time;
}
