/** A role for the holder of other credentials: STS AssumeRole. */
import type { CredentialAsk, CredentialOption } from "../../credentials/cached.js";
import { HTTP_OPTIONS, matching, readSourceOptions, type OptionRule } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { webHasher, type Hasher } from "../../hasher.js";
import { readClock } from "../../options.js";
import { readCredentials, serverTimeOf, type AwsCredentials } from "../authorization.js";
import { amzDate, canonicalPath, canonicalRequest, hasherProblems, SignatureMaker, type Header, utf8 } from "../sigv4.js";
import type { AwsCredentialsFunction } from "./environment.js";
import { askSts, ROLE_ARN, ROLE_RULES, roleParameters, stsError, stsPlace, type RoleOptions, type StsParameters, type StsPlace, type StsReply } from "./sts.js";

/** Options of {@link fromAssumeRole}. */
export interface FromAssumeRoleOptions extends RoleOptions {
  readonly roleArn: string;
  /** Who asks for the role: a value, or any source, which is asked for each refresh. */
  readonly credentials: CredentialOption<AwsCredentials>;
  /** What the role's trust policy demands of a third party, 2 to 1,224 characters. */
  readonly externalId?: string;
  /** Session tags by key, at most 50. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Keys of the tags that roles taken with this one's credentials keep. */
  readonly transitiveTagKeys?: readonly string[];
  /** Who is behind the session; it stays in further roles. */
  readonly sourceIdentity?: string;
  /** Instead of WebCrypto. */
  readonly hasher?: Hasher;
}

const SOURCE = "assume role";
/** `SerialNumber` and `TokenCode` of the API under the names that clients give them. */
const MFA = ["mfaSerial", "mfaCodeProvider", "serialNumber", "tokenCode"];
const NO_MFA: OptionRule = [() => false, "absent: a code for each refresh needs a person; take the role with a tool that asks for it, and give its session as credentials"];

const RULES: Readonly<Record<string, OptionRule>> = {
  ...HTTP_OPTIONS,
  ...ROLE_RULES,
  roleArn: ROLE_ARN,
  credentials: [(value) => typeof value === "function" || (typeof value === "object" && value !== null), "an access key, or a function that returns one"],
  externalId: matching(/^[\w+=,.@:/-]{2,1224}$/, "2 to 1224 letters, digits or characters of _+=,.@:/-"),
  tags: [isTags, "an object of at most 50 texts, keys of at most 128 characters and values of at most 256"],
  transitiveTagKeys: [(value) => Array.isArray(value) && value.length <= 50 && value.every((key) => typeof key === "string" && key !== "" && key.length <= 128), "a list of at most 50 tag keys"],
  sourceIdentity: matching(/^[\w+=,.@-]{2,64}$/, "2 to 64 letters, digits or characters of _+=,.@-"),
  hasher: [(value) => hasherProblems(value).length === 0, "an object with the functions digest and hmacSha256"],
  ...Object.fromEntries(MFA.map((name) => [name, NO_MFA])),
};

function isTags(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= 50 && entries.every(([key, text]) => key !== "" && key.length <= 128 && typeof text === "string" && text.length <= 256);
}

/**
 * Credentials of a role, asked for with other credentials. One signed request to the STS of the region for each refresh;
 * one more when the source's credentials were refused (the source is asked again, with `refused: true`), or the clock of
 * this machine is off.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see AWS Security Token Service API Reference, AssumeRole
 * @example
 * ```ts
 * const credentials = fromAssumeRole({ region: "eu-central-1", roleArn, externalId, credentials: fromEnvironment() });
 * ```
 */
export function fromAssumeRole(options: FromAssumeRoleOptions): AwsCredentialsFunction {
  const read = readSourceOptions(options, RULES, { required: ["roleArn", "credentials"] });
  const { credentials, roleArn, fetch, timeoutMs, hasher = webHasher } = read;
  // A value that cannot be one is found here.
  const fixed = typeof credentials === "function" ? undefined : readCredentials(credentials);
  const now = readClock(read.now);
  return async (ask) => {
    const place = stsPlace(SOURCE, read);
    const maker = new SignatureMaker(hasher, place.region, "sts");
    const attempt = async (refused: boolean, time: number): Promise<StsReply> => {
      const source = fixed ?? (await askSource(credentials, { ...ask, refused }, now()));
      const sign = (headers: Readonly<Record<string, string>>, body: string) => signForm({ maker, place, headers, body, credentials: source, time });
      const parameters = [...roleParameters(read, roleArn, now()), ...ownParameters(read)];
      return askSts({ source: SOURCE, place, action: "AssumeRole", parameters, ask, fetch, timeoutMs, now, sign });
    };
    let reply = await attempt(false, now());
    const again = "refused" in reply ? whatHelps(reply, fixed === undefined, now()) : undefined;
    if (again !== undefined) reply = await attempt(again.refused, again.time);
    if ("refused" in reply) throw stsError(SOURCE, reply.refused, reply.code);
    return reply.credentials;
  };
}

async function askSource(credentials: FromAssumeRoleOptions["credentials"], ask: CredentialAsk, now: number): Promise<AwsCredentials> {
  const given = readCredentials(await (credentials as (ask: CredentialAsk) => unknown)(ask));
  if (given.expiresAt !== undefined && given.expiresAt.getTime() <= now) throw tokenError(SOURCE, "the credentials that ask for the role have expired");
  return given;
}

function ownParameters({ externalId, tags = {}, transitiveTagKeys = [], sourceIdentity }: FromAssumeRoleOptions): StsParameters {
  return [
    ["ExternalId", externalId],
    ["SourceIdentity", sourceIdentity],
    ...Object.entries(tags).flatMap(([key, value], index) => [[`Tags.member.${index + 1}.Key`, key] as const, [`Tags.member.${index + 1}.Value`, value] as const]),
    ...transitiveTagKeys.map((key, index) => [`TransitiveTagKeys.member.${index + 1}`, key] as const),
  ];
}

/** STS takes a signature that is 15 minutes off, and calls one that is more off a wrong one. */
const SKEW_MS = 240_000;

function whatHelps({ refused: answer, code }: Extract<StsReply, { refused: unknown }>, canAsk: boolean, now: number): { refused: boolean; time: number } | undefined {
  const time = serverTimeOf(answer) ?? now;
  if (code === "SignatureDoesNotMatch" && Math.abs(time - now) >= SKEW_MS) return { refused: false, time };
  const isCaller = code === "ExpiredToken" || code === "InvalidClientTokenId" || code === "SignatureDoesNotMatch";
  return canAsk && isCaller ? { refused: true, time: now } : undefined;
}

interface Form {
  readonly maker: SignatureMaker;
  readonly place: StsPlace;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly credentials: AwsCredentials;
  readonly time: number;
}

/** Signs what goes out, in canonical order. */
async function signForm({ maker, place, headers, body, credentials, time }: Form): Promise<Record<string, string>> {
  const { sessionToken } = credentials;
  const set: Header[] = [["x-amz-date", amzDate(time)], ...(sessionToken === undefined ? [] : [["x-amz-security-token", sessionToken] as const])];
  const signed: Header[] = [...Object.entries(headers), ["host", place.host], ...set];
  const payloadHash = await maker.hash(utf8(body));
  const canonical = canonicalRequest({ method: "POST", path: canonicalPath(`${place.path}/`), query: "", headers: signed, payloadHash });
  const { authorization } = await maker.sign(canonical, credentials, amzDate(time));
  return { ...headers, ...Object.fromEntries(set), authorization };
}
