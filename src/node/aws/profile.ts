/** Credentials of a profile in the shared files: keys, roles behind other profiles, programs, SSO, web identity. */
import type { AwsCredentials } from "../../aws/authorization.js";
import { fromAssumeRole, type FromAssumeRoleOptions } from "../../aws/credentials/assume-role.js";
import { fromContainer, type FromContainerOptions } from "../../aws/credentials/container.js";
import { fromEnvironment, type AwsCredentialsFunction, type FromEnvironmentOptions } from "../../aws/credentials/environment.js";
import { fromInstanceMetadata, type FromInstanceMetadataOptions } from "../../aws/credentials/instance-metadata.js";
import { fromWebIdentity, type FromWebIdentityOptions } from "../../aws/credentials/web-identity.js";
import { ROLE_RULES } from "../../aws/credentials/sts.js";
import type { CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError } from "../../credentials/chain.js";
import { FUNCTION, OBJECT, readSourceOptions, TEXT, TIMEOUT, type OptionRule } from "../../credentials/options.js";
import { tokenError, type TokenFetch } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import { isKmsError } from "../../errors.js";
import { printable, readClock } from "../../options.js";
import { fileToken, readTokenFile } from "../token-file.js";
import { awsFromProcess, UNTOLD_MS, type AwsFromProcessOptions } from "./process.js";
import { loadSharedFiles, profileName, type AwsProfile, type SharedFiles } from "./shared-files.js";
import { hasSso, ssoCredentials } from "./sso.js";
import type { RefreshTimes } from "./sso-token.js";

/** Options of {@link awsFromProfile}. */
export interface AwsFromProfileOptions {
  /** Default `AWS_PROFILE`, else `default`. */
  readonly profile?: string;
  /** Of STS. Default `AWS_REGION`, else the profile's own. */
  readonly region?: string;
  /** Milliseconds that a `credential_process` may take. Default 60,000. */
  readonly processTimeoutMs?: number;
  /** Instead of the process's environment: where the files are, and what `credential_source = Environment` reads. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

const SOURCE = "profile";
export const PROFILE_RULES: Readonly<Record<string, OptionRule>> = {
  profile: TEXT,
  region: ROLE_RULES.region as OptionRule,
  processTimeoutMs: TIMEOUT,
  env: OBJECT,
  fetch: FUNCTION,
  now: FUNCTION,
};

/**
 * Credentials of a profile in `~/.aws/config` and `~/.aws/credentials`, by the vendor's rules. The first that a profile has
 * counts: `role_arn` with `source_profile` or `credential_source`, keys, `web_identity_token_file`, `credential_process`,
 * `sso_…`. The files are read anew for each refresh; keys without an end are looked up again after five minutes.
 *
 * Refused, with the reason: `mfa_serial` (a code for each refresh needs a person), `login_session` (a token bound to a key
 * that only the command line holds), profiles that name each other in a circle.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see AWS SDKs and Tools Reference Guide, "Shared config and credentials files"
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials: awsFromProfile({ profile: "release" }) });
 * ```
 */
export function awsFromProfile(options: AwsFromProfileOptions = {}): AwsCredentialsFunction {
  const read = readSourceOptions(options, PROFILE_RULES);
  const tried: RefreshTimes = new Map();
  return async (ask) => {
    const files = await loadSharedFiles(read.env);
    const name = profileName(read.profile, read.env);
    const profile = files.profile(name);
    if (profile === undefined) throw new NotConfiguredError(`${SOURCE}: there is no profile ${printable(name)} in the shared files${files.remark === undefined ? "" : `; ${files.remark}`}`);
    const region = read.region ?? readVariable(read.env, "AWS_REGION");
    return resolve(profile, [], { options: read, files, ask, region, tried });
  };
}

/** What stays the same on the way from profile to profile. */
interface Resolution {
  readonly options: AwsFromProfileOptions;
  readonly files: SharedFiles;
  readonly ask: CredentialAsk;
  /** Of STS, as far as it is known. */
  readonly region: string | undefined;
  readonly tried: RefreshTimes;
}

type Way = (profile: AwsProfile, visited: readonly string[], resolution: Resolution) => Promise<AwsCredentials>;

/** The first whose condition holds is taken (`resolveProfileData` of the vendor's client). */
const WAYS: readonly (readonly [applies: (profile: AwsProfile, isSource: boolean) => boolean, way: Way])[] = [
  [(profile, isSource) => isSource && hasKeys(profile), keys],
  [(profile) => profile.get("role_arn") !== undefined && callers(profile) === 1, role],
  [(profile, isSource) => isSource && profile.get("role_arn") === undefined && profile.get("credential_source") !== undefined, namedSource],
  [hasKeys, keys],
  [(profile) => profile.get("web_identity_token_file") !== undefined && profile.get("role_arn") !== undefined, webIdentity],
  [(profile) => profile.get("credential_process") !== undefined, program],
  [hasSso, singleSignOn],
];

async function resolve(profile: AwsProfile, visited: readonly string[], resolution: Resolution): Promise<AwsCredentials> {
  const found = WAYS.find(([applies]) => applies(profile, visited.length > 0));
  if (found === undefined) throw nothingIn(profile, visited.length > 0);
  try {
    return await found[1](profile, visited, resolution);
  } catch (error) {
    // A setting that one of our own sources does not take.
    throw isKmsError(error, "ERR_KMS_CONFIG") ? broken(profile, `cannot be used: ${error.message}`) : error;
  }
}

function broken(profile: AwsProfile, what: string, hint?: string): Error {
  return tokenError(SOURCE, `the profile ${printable(profile.name)} ${what}`, { hint });
}

function nothingIn(profile: AwsProfile, isSource: boolean): Error {
  if (profile.get("login_session") !== undefined) {
    return broken(profile, "has a login_session, which is not supported", "aws configure export-credentials --format process prints credentials of it: set it as credential_process of another profile");
  }
  if (profile.get("role_arn") !== undefined) {
    return broken(profile, callers(profile) === 2 ? "has both source_profile and credential_source" : "has a role_arn, and neither source_profile nor credential_source");
  }
  const has = (key: string): boolean => profile.get(key) !== undefined;
  if (has("aws_access_key_id") || has("aws_secret_access_key")) return broken(profile, "has only one of aws_access_key_id and aws_secret_access_key");
  return isSource ? broken(profile, "has no credentials") : new NotConfiguredError(`${SOURCE}: the profile ${printable(profile.name)} has no credentials`);
}

function hasKeys(profile: AwsProfile): boolean {
  return profile.get("aws_access_key_id") !== undefined && profile.get("aws_secret_access_key") !== undefined;
}

function callers(profile: AwsProfile): number {
  return ["source_profile", "credential_source"].filter((key) => profile.get(key) !== undefined).length;
}

async function keys(profile: AwsProfile, _visited: readonly string[], { options }: Resolution): Promise<AwsCredentials> {
  const expiresAt = new Date(readClock(options.now)() + UNTOLD_MS);
  const [accessKeyId, secretAccessKey] = [profile.get("aws_access_key_id") as string, profile.get("aws_secret_access_key") as string];
  return { accessKeyId, secretAccessKey, sessionToken: profile.get("aws_session_token"), expiresAt };
}

async function role(profile: AwsProfile, visited: readonly string[], resolution: Resolution): Promise<AwsCredentials> {
  if (profile.get("mfa_serial") !== undefined) {
    throw broken(profile, "has an mfa_serial: a code for each refresh needs a person", "take the role with a tool that asks for the code, and use its session");
  }
  const { ask, options } = resolution;
  const region = resolution.region ?? profile.get("region");
  const source = profile.get("source_profile");
  const credentials = (again: CredentialAsk): Promise<AwsCredentials> =>
    source === undefined ? namedSource(profile, visited, { ...resolution, ask: again }) : behind(profile, source, visited, { ...resolution, ask: again, region });
  const given = {
    ...{ roleArn: profile.get("role_arn"), credentials, region, sessionName: profile.get("role_session_name"), externalId: profile.get("external_id") },
    ...{ durationSeconds: secondsOf(profile), env: options.env, fetch: options.fetch, now: options.now },
  };
  return fromAssumeRole(given as unknown as FromAssumeRoleOptions)(ask);
}

function secondsOf(profile: AwsProfile): number | undefined {
  const text = profile.get("duration_seconds");
  return text === undefined ? undefined : Number(text);
}

/** A profile may name itself: then its keys are meant. */
function behind(profile: AwsProfile, source: string, visited: readonly string[], resolution: Resolution): Promise<AwsCredentials> {
  if (visited.includes(source)) throw broken(profile, `closes a circle of source_profile: ${[...visited, source].map(printable).join(", ")}`);
  const next = resolution.files.profile(source);
  if (next === undefined) throw broken(profile, `names the source_profile ${printable(source)}, which is not in the shared files`);
  return resolve(next, [...visited, source], resolution);
}

async function webIdentity(profile: AwsProfile, _visited: readonly string[], { options: { env, fetch, now }, ask, region }: Resolution): Promise<AwsCredentials> {
  const [roleArn, file] = [profile.get("role_arn"), profile.get("web_identity_token_file") as string];
  const given = { roleArn, sessionName: profile.get("role_session_name"), identityToken: fileToken(file), region: region ?? profile.get("region"), env, fetch, now };
  return fromWebIdentity(given as unknown as FromWebIdentityOptions)(ask);
}

async function program(profile: AwsProfile, _visited: readonly string[], { options: { processTimeoutMs: timeoutMs, now }, ask }: Resolution): Promise<AwsCredentials> {
  return awsFromProcess({ command: profile.get("credential_process") as string, timeoutMs, now } as AwsFromProcessOptions)(ask);
}

async function singleSignOn(profile: AwsProfile, _visited: readonly string[], { options: { env, fetch, now }, files, ask, tried }: Resolution): Promise<AwsCredentials> {
  return ssoCredentials(profile, files, ask, { env, fetch, now: readClock(now), tried });
}

/** `credential_source`: who asks for the role, when it is no profile. */
async function namedSource(profile: AwsProfile, _visited: readonly string[], { options: { env, fetch, now }, ask }: Resolution): Promise<AwsCredentials> {
  const source = profile.get("credential_source");
  if (source === "Environment") return fromEnvironment({ env } as FromEnvironmentOptions)(ask);
  if (source === "EcsContainer") return fromContainer({ env, fetch, now, readFile: readTokenFile } as FromContainerOptions)(ask);
  if (source === "Ec2InstanceMetadata") return fromInstanceMetadata({ env, fetch, now, ...metadataSettings(profile, env) } as FromInstanceMetadataOptions)(ask);
  throw broken(profile, "has a credential_source that is none of Environment, EcsContainer and Ec2InstanceMetadata");
}

/** What a profile says of the metadata service, where the environment says nothing. */
export function metadataSettings(profile: AwsProfile | undefined, env: Environment | undefined): { readonly endpoint?: string | undefined; readonly endpointMode?: string | undefined } {
  const isSet = ["AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"].some((name) => readVariable(env, name) !== undefined);
  if (isSet || profile === undefined) return {};
  return { endpoint: profile.get("ec2_metadata_service_endpoint"), endpointMode: profile.get("ec2_metadata_service_endpoint_mode") };
}
