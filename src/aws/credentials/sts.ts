/** The Security Token Service: a form in, XML out, and what its refusals mean. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { matching, TEXT, type OptionRule } from "../../credentials/options.js";
import { endsAt, isTransient, readToken, refusedToken, requestToken, requiredSecret, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import type { ConfigError } from "../../errors.js";
import { asObject, invalidAnswer, requiredObject, requiredString, type Fields } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";
import { isLoopback, parseEndpoint, type Endpoint } from "../../http/url.js";
import { parseTime, type AwsCredentials } from "../authorization.js";
import { dnsSuffixOf, regionProblems } from "../config.js";
import { uriEncode } from "../sigv4.js";
import { parseXml, type XmlContent } from "./xml.js";

/** Options of both ways to take a role. */
export interface RoleOptions {
  /** Of the STS to ask; its host is the regional one. Default `AWS_REGION`. */
  readonly region?: string;
  /** 2 to 64 characters; it shows in the service's logs. */
  readonly sessionName?: string;
  /** Seconds that the credentials live, 900 to 43,200; the role's own limit counts too. Default 3,600. */
  readonly durationSeconds?: number;
  /** An inline session policy, as JSON: the session can do no more than both it and the role permit. */
  readonly policy?: string;
  /** ARNs of at most 10 managed policies, to the same end. */
  readonly policyArns?: readonly string[];
  /** Another address of STS, such as that of a VPC endpoint; http for a loopback address only. */
  readonly endpoint?: string;
  /** Instead of the process's environment. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds for a request and its repetitions. Default 4,000. */
  readonly timeoutMs?: number;
}

/** The path of a role may have any visible character (IAM, CreateRole). */
export const ROLE_ARN: OptionRule = matching(/^arn:aws[a-z-]{0,20}:iam::\d{12}:role\/[\x21-\x7e]{1,1024}$/, "the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME");
export const SESSION_NAME: OptionRule = matching(/^[\w+=,.@-]{2,64}$/, "2 to 64 letters, digits or characters of _+=,.@-");

export const ROLE_RULES: Readonly<Record<string, OptionRule>> = {
  region: [(value) => regionProblems(value).length === 0, "the name of an AWS region"],
  sessionName: SESSION_NAME,
  durationSeconds: [(value) => Number.isInteger(value) && (value as number) >= 900 && (value as number) <= 43_200, "a number of seconds from 900 to 43200"],
  policy: [(value) => typeof value === "string" && value !== "" && value.length <= 2_048, "a JSON text of at most 2048 characters"],
  policyArns: [(value) => Array.isArray(value) && value.length <= 10 && value.every(TEXT[0]), "a list of at most 10 ARNs"],
  endpoint: [(value) => typeof value === "string" && stsEndpoint(value) !== undefined, "an https URL; http is for a loopback address"],
};

function stsEndpoint(text: string): Endpoint | undefined {
  const parsed = parseEndpoint(text, { insecure: true, path: true });
  return "problem" in parsed || (parsed.origin.startsWith("http:") && !isLoopback(parsed.host)) ? undefined : parsed;
}

/** Where a request goes, and for which region it is signed. */
export interface StsPlace extends Endpoint {
  readonly region: string;
}

/** @throws {ConfigError} `ERR_KMS_CREDENTIALS` when there is no region: a role is not asked for in one that was guessed */
export function stsPlace(source: string, { region, endpoint, env }: Pick<RoleOptions, "region" | "endpoint" | "env">): StsPlace {
  const found = region ?? readVariable(env, "AWS_REGION");
  if (found === undefined) throw tokenError(source, "the region is missing: give region, or set AWS_REGION");
  const [problem] = regionProblems(found);
  if (problem !== undefined) throw tokenError(source, `AWS_REGION: ${problem}`);
  if (endpoint !== undefined) return { ...(stsEndpoint(endpoint) as Endpoint), region: found };
  const host = `sts.${found}.${dnsSuffixOf(found)}`;
  return { origin: `https://${host}`, host, path: "", region: found };
}

/** Parameters of a request; undefined ones are left out. */
export type StsParameters = readonly (readonly [name: string, value: string | number | undefined])[];

/** What both ways to take a role have in common. */
export function roleParameters(options: RoleOptions, roleArn: string, now: number): StsParameters {
  const { sessionName = `knhk-kms-${now}`, durationSeconds, policy, policyArns = [] } = options;
  return [
    ["RoleArn", roleArn],
    ["RoleSessionName", sessionName],
    ["DurationSeconds", durationSeconds],
    ["Policy", policy],
    ...policyArns.map((arn, index) => [`PolicyArns.member.${index + 1}.arn`, arn] as const),
  ];
}

export interface StsQuestion {
  readonly source: string;
  readonly place: StsPlace;
  readonly action: "AssumeRole" | "AssumeRoleWithWebIdentity";
  readonly parameters: StsParameters;
  readonly ask: Pick<CredentialAsk, "signal">;
  readonly fetch?: TokenFetch | undefined;
  readonly timeoutMs?: number | undefined;
  readonly now: () => number;
  /** Headers of a signature over this body. */
  readonly sign?: (headers: Readonly<Record<string, string>>, body: string) => Promise<Record<string, string>>;
}

/** What STS said: credentials, or a refusal with its code. */
export type StsReply = { readonly credentials: AwsCredentials } | { readonly refused: Answer; readonly code: string | undefined };

/**
 * Asks STS once, and again only if it was too busy.
 *
 * @see AWS Security Token Service API Reference, AssumeRole, AssumeRoleWithWebIdentity, "Common Errors"
 */
export async function askSts(question: StsQuestion): Promise<StsReply> {
  const { source, place, action, parameters, ask, fetch, now, timeoutMs = 4_000 } = question;
  const all: StsParameters = [["Action", action], ["Version", "2011-06-15"], ...parameters];
  const body = all.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${uriEncode(String(value))}`])).join("&");
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const headers = (await question.sign?.(form, body)) ?? form;
  const repeats = (answer: Answer): boolean => passes(codeOf(answer));
  const url = `${place.origin}${place.path}/`;
  const answer = await requestToken({ url, method: "POST", headers, body, fetch, signal: ask.signal, timeoutMs, source, format: "text", repeats });
  if (answer.status >= 300) return { refused: answer, code: codeOf(answer) };
  return { credentials: readCredentials(source, answer, action, now()) };
}

function readCredentials(source: string, answer: Answer, action: string, now: number): AwsCredentials {
  return readToken(source, { body: contentOf(answer, `${action}Response`) }, (response) =>
    readHandedOut(source, requiredObject(requiredObject(response, `${action}Result`), "Credentials"), "SessionToken", now),
  );
}

/** The members of credentials that a service hands out, here or at an endpoint of the platform; all four must be there. */
export function readHandedOut(source: string, fields: Fields, tokenName: "SessionToken" | "Token", now: number): AwsCredentials {
  const [accessKeyId, secretAccessKey, sessionToken] = ["AccessKeyId", "SecretAccessKey", tokenName].map((name) => requiredSecret(fields, name)) as [string, string, string];
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt: readExpiration(source, parseTime(requiredString(fields, "Expiration")), now) };
}

const YEAR_MS = 31_622_400_000;

/**
 * The `expiresAt` of credentials that a source handed out: no later than in a day, for all that it hands out lives shorter.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for no time, one that is over, and one that is more than a year ahead
 */
export function readExpiration(source: string, time: number | undefined, now: number): Date {
  if (time === undefined) throw tokenError(source, "response invalid: its expiration is not a time");
  const retryable = time <= now;
  const hint = "compare the clock of this machine with the time of the service";
  if (retryable || time > now + YEAR_MS) throw tokenError(source, `the credentials that it gives ${retryable ? "have expired" : "end more than a year ahead"}`, { retryable, hint });
  return endsAt(time, now);
}

function contentOf({ body }: Answer, root: string): XmlContent | undefined {
  return typeof body === "string" ? parseXml(body, root) : undefined;
}

/** The code of a refusal; undefined when it is none of STS. */
function codeOf(answer: Answer): string | undefined {
  try {
    const code = requiredString(requiredObject(asObject(contentOf(answer, "ErrorResponse")), "Error"), "Code");
    if (!/^[A-Za-z]{1,64}$/.test(code)) throw invalidAnswer("Code is no word");
    return code;
  } catch {
    return undefined;
  }
}

/** By code, the first that matches. */
const REFUSALS: readonly (readonly [codes: RegExp, text: string, hint?: string])[] = [
  [/^(AccessDenied|IDPRejectedClaim)$/, "STS does not give this role to this caller", "compare the role's trust policy with principal, audience, subject and external id of the caller"],
  [/^InvalidIdentityToken$/, "STS does not accept the identity token", "issuer and audience must be those of an identity provider of the account"],
  [/^ExpiredTokenException$/, "the identity token has expired", "identityToken must return a fresh one each time"],
  [/^(ExpiredToken|InvalidClientTokenId|SignatureDoesNotMatch)$/, "STS does not accept the credentials that ask for the role", "check access key, region and clock"],
  [/^ValidationError$/, "STS does not accept a parameter", "the role may allow a smaller durationSeconds"],
  // The codes say the rest: IDPCommunicationError, MalformedPolicyDocument, PackedPolicyTooLarge, RegionDisabledException, Throttling.
  [/^/, "STS refuses"],
];

/** Whether the same question can have another answer later, whatever the status is. */
function passes(code: string | undefined): boolean {
  return /^(Throttling(Exception)?|IDPCommunicationError)$/.test(code ?? "");
}

/** The error of a refusal. The code is the only thing of the answer in it. */
export function stsError(source: string, answer: Answer, code: string | undefined): ConfigError {
  const [, text, hint] = REFUSALS.find(([codes]) => codes.test(code ?? "")) as (typeof REFUSALS)[number];
  return refusedToken(source, answer, text, { providerCode: code, retryable: passes(code) || isTransient(answer.status), hint });
}
