/** The default chain of the AWS tools, files and programs included. */
import type { AwsCredentials } from "../../aws/authorization.js";
import { httpSources, listOf, type FromDefaultChainOptions } from "../../aws/credentials/chain.js";
import { environmentCredentials, type AwsCredentialsFunction } from "../../aws/credentials/environment.js";
import { fromInstanceMetadata, type FromInstanceMetadataOptions } from "../../aws/credentials/instance-metadata.js";
import type { CredentialAsk } from "../../credentials/cached.js";
import { chainCredentials, NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { FUNCTION, readSourceOptions } from "../../credentials/options.js";
import type { IdentityToken } from "../../credentials/identity-tokens.js";
import { readVariable } from "../../environment.js";
import { readTokenFile } from "../token-file.js";
import { awsFromProfile, metadataSettings, PROFILE_RULES, type AwsFromProfileOptions } from "./profile.js";
import { loadSharedFiles, profileName } from "./shared-files.js";

/** Sources of the chain, in its order. */
export type AwsChainSourceName = "environment" | "profile" | "web identity" | "container" | "instance metadata";

/** Options of {@link awsDefaultChain}. */
export interface AwsDefaultChainOptions extends AwsFromProfileOptions {
  /** Narrows the chain to these, in its own order. */
  readonly sources?: readonly AwsChainSourceName[];
  /** For the web identity, in place of a file; `AWS_ROLE_ARN` names the role. */
  readonly identityToken?: IdentityToken;
}

const NAMES: readonly string[] = ["environment", "profile", "web identity", "container", "instance metadata"];

/**
 * Credentials from the first place that is set up, in the order of the vendor's JavaScript client: environment (passed over
 * when a profile is named, by the option or `AWS_PROFILE`), profile in the shared files, web identity, container endpoint,
 * EC2 instance metadata.
 *
 * A source that is set up and broken ends the chain: another identity must not be taken in its place. Outside of any cloud
 * it fails within two seconds.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS`, from the returned function, with each source and why it did not serve
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials: awsDefaultChain() });
 * ```
 */
export function awsDefaultChain(options: AwsDefaultChainOptions = {}): AwsCredentialsFunction {
  const rules = { ...PROFILE_RULES, sources: listOf(NAMES), identityToken: FUNCTION };
  const { sources = NAMES, identityToken, ...read } = readSourceOptions(options, rules);
  const { env, fetch, now, region, processTimeoutMs = 60_000 } = read;
  const http = httpSources({ env, fetch, now, region, identityToken, readFile: readTokenFile } as FromDefaultChainOptions);
  const all: CredentialSource<AwsCredentials>[] = [
    environmentUnlessProfile(read),
    { name: "profile", load: awsFromProfile(read), timeoutMs: processTimeoutMs + 1_000 },
    ...http.filter(({ name }) => name !== "instance metadata"),
    { name: "instance metadata", load: (ask) => instanceMetadata(read, ask) },
  ];
  return chainCredentials(all.filter(({ name }) => sources.includes(name)), "set up any one of them; aws configure writes a profile");
}

function environmentUnlessProfile({ profile, env }: AwsFromProfileOptions): CredentialSource<AwsCredentials> {
  const environment = environmentCredentials(env);
  return {
    name: environment.name,
    load(ask) {
      if (profile === undefined && readVariable(env, "AWS_PROFILE") === undefined) return environment.load(ask);
      throw new NotConfiguredError("passed over, for a profile is named");
    },
  };
}

/** A profile may say where the metadata service is. */
async function instanceMetadata({ profile, env, fetch, now }: AwsFromProfileOptions, ask: CredentialAsk): Promise<AwsCredentials> {
  const found = (await loadSharedFiles(env)).profile(profileName(profile, env));
  return fromInstanceMetadata({ env, fetch, now, ...metadataSettings(found, env) } as FromInstanceMetadataOptions)(ask);
}
