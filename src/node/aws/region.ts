/** The region that the AWS tools would use on this machine. */
import { OBJECT, readSourceOptions, TEXT } from "../../credentials/options.js";
import { readVariable, type Environment } from "../../environment.js";
import { loadSharedFiles, profileName } from "./shared-files.js";

/** Options of {@link awsRegion}. */
export interface AwsRegionOptions {
  /** Default `AWS_PROFILE`, else `default`. */
  readonly profile?: string;
  /** Instead of the process's environment. */
  readonly env?: Environment;
}

/**
 * `AWS_REGION`, else the `region` of the profile (`credentials` before `config`), else undefined. `AWS_DEFAULT_REGION` is for
 * the command line and Python, and is not read, as the vendor's JavaScript client does not.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` for an unknown option; `ERR_KMS_CREDENTIALS` for a shared file that is none
 * @example
 * ```ts
 * const region = await awsRegion();
 * if (region !== undefined) createAwsKms({ region, keyId: "alias/signing", credentials: awsDefaultChain({ region }) });
 * ```
 */
export async function awsRegion(options: AwsRegionOptions = {}): Promise<string | undefined> {
  const { profile, env } = readSourceOptions(options, { profile: TEXT, env: OBJECT });
  const named = readVariable(env, "AWS_REGION");
  if (named !== undefined) return named;
  return (await loadSharedFiles(env)).profile(profileName(profile, env))?.get("region");
}
