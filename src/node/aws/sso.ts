/** Credentials of a role from IAM Identity Center (SSO), for who signed in with `aws sso login`. */
import type { AwsCredentials } from "../../aws/authorization.js";
import { dnsSuffixOf, regionProblems } from "../../aws/config.js";
import type { AwsCredentialsFunction } from "../../aws/credentials/environment.js";
import { readExpiration } from "../../aws/credentials/sts.js";
import type { CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError } from "../../credentials/chain.js";
import { FUNCTION, OBJECT, readSourceOptions, TEXT } from "../../credentials/options.js";
import { readToken, refusedToken, requestToken, requiredSecret, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import type { Environment } from "../../environment.js";
import { requiredNumber, requiredObject } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";
import { printable, readClock } from "../../options.js";
import { loadSharedFiles, profileName, type AwsProfile, type SharedFiles } from "./shared-files.js";
import { SIGN_IN, SSO, ssoAccessToken, type RefreshTimes } from "./sso-token.js";

/** Options of {@link awsFromSso}. */
export interface AwsFromSsoOptions {
  /** Default `AWS_PROFILE`, else `default`. */
  readonly profile?: string;
  /** Instead of the process's environment. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

/**
 * Credentials of the profile's SSO role, by the token that `aws sso login` left in `~/.aws/sso/cache`. One request a refresh;
 * with an `sso_session` one more when the token is about to end: the new one is written back to the cache file.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see AWS SDKs and Tools Reference Guide, "IAM Identity Center credential provider"
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials: awsFromSso({ profile: "release" }) });
 * ```
 */
export function awsFromSso(options: AwsFromSsoOptions = {}): AwsCredentialsFunction {
  const { profile, env, fetch, now } = readSourceOptions(options, { profile: TEXT, env: OBJECT, fetch: FUNCTION, now: FUNCTION });
  const tried: RefreshTimes = new Map();
  return async (ask) => {
    const files = await loadSharedFiles(env);
    const name = profileName(profile, env);
    const found = files.profile(name);
    if (found === undefined || !hasSso(found)) throw new NotConfiguredError(`${SSO}: the profile ${printable(name)} has no SSO settings`);
    return ssoCredentials(found, files, ask, { env, fetch, now: readClock(now), tried });
  };
}

/** Whether a profile has any of the settings. */
export function hasSso(profile: AwsProfile): boolean {
  return ["sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"].some((key) => profile.get(key) !== undefined);
}

export interface SsoMeans {
  readonly env: Environment | undefined;
  readonly fetch: TokenFetch | undefined;
  readonly now: () => number;
  readonly tried: RefreshTimes;
}

export async function ssoCredentials(profile: AwsProfile, files: SharedFiles, { signal }: CredentialAsk, { env, fetch, now, tried }: SsoMeans): Promise<AwsCredentials> {
  const { region, cacheKey, accountId, roleName, canRefresh } = readSettings(profile, files);
  const token = await ssoAccessToken({ region, cacheKey, canRefresh, env, fetch, signal, now: now() }, tried);
  const url = `https://portal.sso.${region}.${dnsSuffixOf(region)}/federation/credentials?account_id=${accountId}&role_name=${encodeURIComponent(roleName)}`;
  const headers = { "x-amz-sso_bearer_token": token };
  const answer = await requestToken({ url, method: "GET", headers, fetch, signal, timeoutMs: 4_000, source: SSO, format: "json" });
  if (answer.status !== 200) throw refusal(answer);
  return readToken(SSO, answer, (fields) => {
    const given = requiredObject(fields, "roleCredentials");
    const [accessKeyId, secretAccessKey, sessionToken] = ["accessKeyId", "secretAccessKey", "sessionToken"].map((key) => requiredSecret(given, key)) as [string, string, string];
    return { accessKeyId, secretAccessKey, sessionToken, expiresAt: readExpiration(SSO, requiredNumber(given, "expiration"), now()) };
  });
}

/** @see IAM Identity Center Portal API Reference, GetRoleCredentials */
function refusal(answer: Answer): Error {
  if (answer.status === 401) return refusedToken(SSO, answer, "the portal does not accept the session's token", { hint: SIGN_IN });
  const isRole = answer.status === 403 || answer.status === 404;
  return refusedToken(SSO, answer, isRole ? "the portal does not give this account's role to the user" : "the portal refuses");
}

interface SsoSettings {
  readonly region: string;
  readonly cacheKey: string;
  readonly accountId: string;
  readonly roleName: string;
  readonly canRefresh: boolean;
}

/** Region and start URL of a session replace the profile's own. */
function readSettings(profile: AwsProfile, files: SharedFiles): SsoSettings {
  const named = profile.get("sso_session");
  const session = named === undefined ? undefined : files.session(named);
  const problem = (what: string): Error => tokenError(SSO, `the profile ${printable(profile.name)} ${what}`, { hint: "aws configure sso writes these settings" });
  if (named !== undefined && session === undefined) throw problem(`names the sso-session ${printable(named)}, which is not in the shared file config`);
  const required = (key: string, pattern: RegExp, place: { get(key: string): string | undefined } = profile): string => {
    const value = place.get(key);
    if (value === undefined) throw problem(`has no ${key}`);
    if (!pattern.test(value)) throw problem(`has an ${key} that is none`);
    return value;
  };
  const region = required("sso_region", /^[a-z0-9-]+$/, session);
  if (regionProblems(region).length > 0) throw problem("has an sso_region that is none");
  const startUrl = required("sso_start_url", /^https?:\/\/\S+$/i, session);
  return {
    region,
    cacheKey: named ?? startUrl,
    accountId: required("sso_account_id", /^\d{12}$/),
    roleName: required("sso_role_name", /^[\w+=,.@-]{1,128}$/),
    canRefresh: named !== undefined,
  };
}
