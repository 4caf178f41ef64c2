/** The files `config` and `credentials` that the AWS tools share: where they are, and what they say of a profile. */
import { homedir } from "node:os";
import { join, sep } from "node:path";
import { OBJECT, readSourceOptions, TEXT } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import { readFileBounded } from "../token-file.js";
import { IniError, parseIni, type IniFile, type IniSection } from "./ini.js";

const MAX_BYTES = 1_048_576;
const NOTHING: IniFile = { bare: new Map(), profiles: new Map(), sessions: new Map() };

/** Settings of a profile; of the same key in both files that in `credentials` counts. */
export interface AwsProfile {
  readonly name: string;
  get(key: string): string | undefined;
}

export interface SharedFiles {
  profile(name: string): AwsProfile | undefined;
  /** A section `[sso-session name]`. */
  session(name: string): IniSection | undefined;
  /** Why a file was passed over, if one was. */
  readonly remark: string | undefined;
}

/** The folder of the user, as the AWS tools find it. */
export function homeOf(env: Environment | undefined): string {
  const path = readVariable(env, "HOMEPATH");
  const windows = path === undefined ? undefined : `${readVariable(env, "HOMEDRIVE") ?? `C:${sep}`}${path}`;
  return readVariable(env, "HOME") ?? readVariable(env, "USERPROFILE") ?? windows ?? homedir();
}

/** The option, else `AWS_PROFILE`, else `default`. */
export function profileName(profile: string | undefined, env: Environment | undefined): string {
  return profile ?? readVariable(env, "AWS_PROFILE") ?? "default";
}

/**
 * Reads both files. A file that is not there, or may not be read, holds nothing.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for a file that is too large, no text, or has a section or key `__proto__`
 */
export async function loadSharedFiles(env: Environment | undefined): Promise<SharedFiles> {
  const [config, credentials] = await Promise.all([loadFile(env, "AWS_CONFIG_FILE", "config"), loadFile(env, "AWS_SHARED_CREDENTIALS_FILE", "credentials")]);
  return {
    remark: config.remark ?? credentials.remark,
    session: (name) => config.file.sessions.get(name),
    profile(name) {
      const own = config.file.profiles.get(name) ?? (name === "default" ? config.file.bare.get(name) : undefined);
      const secret = credentials.file.bare.get(name);
      if (own === undefined && secret === undefined) return undefined;
      return { name, get: (key) => secret?.get(key) ?? own?.get(key) };
    },
  };
}

interface Loaded {
  readonly file: IniFile;
  readonly remark?: string;
}

async function loadFile(env: Environment | undefined, variable: string, name: string): Promise<Loaded> {
  const home = homeOf(env);
  const named = readVariable(env, variable) ?? join(home, ".aws", name);
  const read = await readFileBounded(named.startsWith("~/") ? join(home, named.slice(2)) : named, MAX_BYTES);
  if ("problem" in read) {
    if (read.isMissing) return { file: NOTHING };
    if (read.problem === "may not be read") return { file: NOTHING, remark: `the shared file ${name} may not be read` };
    throw tokenError("profile", `the shared file ${name} ${read.problem}`);
  }
  try {
    return { file: parseIni(read.text) };
  } catch (error) {
    if (error instanceof IniError) throw tokenError("profile", `the shared file ${name} ${error.message}`);
    throw error;
  }
}

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
