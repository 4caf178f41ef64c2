/** What a refusal of AWS KMS means: by the service's own code first, by the status where there is none that is known. */
import type { ProviderErrorCode } from "../errors.js";
import type { Answer, Failure, Remedy } from "../http/send.js";

type Meaning = readonly [words: RegExp, code: ProviderErrorCode, remedy?: Remedy, hint?: string];

/**
 * By code, without the `Exception` at its end, for both spellings occur; and by status, for an answer without a code that
 * is in here: a page of a load balancer or proxy, an empty body, another server. The first that matches counts.
 */
const MEANINGS: readonly Meaning[] = [
  // Decided by code where servers that follow the service's model give another status than 400.
  [/^(Validation|DryRunOperation|KMSInvalid(Signature|Mac))$/, "ERR_KMS_REJECTED"],
  [/^MalformedPolicyDocument$/, "ERR_KMS_REJECTED", "none", "give rotateKey({ policy }) one that leaves you access"],
  [/^(IncompleteSignature|MissingAuthenticationToken)$/, "ERR_KMS_UNAUTHENTICATED"],
  // Also the answer to an access key that was replaced: a source may have the new one.
  [/^(UnrecognizedClient|InvalidClientTokenId|ExpiredToken|401)$/, "ERR_KMS_UNAUTHENTICATED", "credentials"],
  [/^(InvalidSignature|SignatureDoesNotMatch|Request(Expired|InTheFuture|TimeTooSkewed)|AuthFailure)$/, "ERR_KMS_UNAUTHENTICATED", "clock", "check secret access key, region and clock"],
  // The AWS clients count this among the codes that a wrong clock can cause: it is repeated if the clock was corrected.
  [/^(AccessDenied|NotAuthorized|OptInRequired|403)$/, "ERR_KMS_ACCESS_DENIED", "clock", "key policy, IAM policy or a grant must allow this"],
  // Not what ends with it: those are parts of key stores.
  [/^(NotFound|404)$/, "ERR_KMS_NOT_FOUND", "none", "check keyId, region and account"],
  [/Disabled$|InvalidState$/, "ERR_KMS_KEY_STATE"],
  [/^(InvalidKeyUsage|UnsupportedOperation|IncorrectKey)$/, "ERR_KMS_KEY_MISMATCH"],
  [/^InvalidCiphertext$/, "ERR_KMS_DECRYPT_FAILED"],
  [/^(Conflict|AlreadyExists|409)$/, "ERR_KMS_CONFLICT"],
  // The generic clients repeat this one. In KMS it is a quota of resources, or of the 25 on-demand rotations of a key.
  [/^LimitExceeded$/, "ERR_KMS_QUOTA"],
  [/Throttl|Exceeded$|^(PriorRequestNotComplete|SlowDown|TooManyRequests|TransactionInProgress|429)$/, "ERR_KMS_THROTTLED", "throttle"],
  [/Internal|Timeout$|Unavailable$|^(408|425|50[0234])$/, "ERR_KMS_UNAVAILABLE", "retry"],
  // 421, misdirected: not repeated here, but Node may have done so.
  [/^(421|5\d\d)$/, "ERR_KMS_UNAVAILABLE"],
  // The service says 400 to all that is wrong with a request.
  [/^/, "ERR_KMS_REJECTED"],
];

/** Reads an answer that is not a success. Never throws, whatever the body is. */
export function describeFailure(answer: Answer): Failure {
  const providerCode = errorCode(answer);
  const word = providerCode.replace(/Exception$/, "");
  const find = (text: string): Meaning => MEANINGS.find(([words]) => words.test(text)) as Meaning;
  const known = find(word);
  const [, code, remedy = "none", hint] = known === MEANINGS.at(-1) ? find(String(answer.status)) : known;
  return {
    code,
    remedy,
    hint,
    providerCode: providerCode || undefined,
    // An on-demand rotation that runs ends by itself, and only the caller knows whether to try again.
    ...(word === "Conflict" && { retryable: true }),
    // A throttled request is not acted on.
    ...(remedy === "throttle" || word === "KeyUnavailable" ? { outcome: "rejected" } : remedy === "retry" && { outcome: "unknown" }),
  };
}

/** `__type`, else `code` in any case, else the header: the order of the AWS clients. */
function errorCode({ body, header }: Answer): string {
  const text = ownText(body, "__type") ?? ownText(body, "code") ?? header("x-amzn-errortype") ?? "";
  // `com.amazonaws.kms#NotFoundException`, `NotFoundException:http://…`, `NotFoundException,http://…`
  return text.replace(/[,:].*/s, "").replace(/^.*#/s, "").trim();
}

/** A string among the own members of a body, by its name in any case. */
function ownText(body: unknown, name: string): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const found = Object.entries(body).find(([candidate]) => candidate.toLowerCase() === name)?.[1] as unknown;
  return typeof found === "string" ? found : undefined;
}

/**
 * The server's time in the message of a refusal for the clock, in milliseconds: it stands in parentheses, as in "Signature
 * expired: … is now earlier than … (20181105T221604Z - 5 min.)". No other message is ever looked at, and nothing else of
 * it. Not a number when there is none.
 */
export function clockMessageTime(body: unknown): number {
  const message = ownText(body, "message")?.slice(0, 1000) ?? "";
  const basic = /^Signature (?:expired|not yet current).*\((\d{8}T\d{6}Z) [-+] \d+ min/.exec(message)?.[1] ?? "";
  return Date.parse(basic.replace(/(....)(..)(..T..)(..)/, "$1-$2-$3:$4:"));
}
