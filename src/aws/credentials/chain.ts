/** The default chain without files: what can be had from the environment and over HTTP. */
import { chainCredentials, type CredentialSource } from "../../credentials/chain.js";
import type { IdentityToken } from "../../credentials/identity-tokens.js";
import { FUNCTION, HTTP_OPTIONS, readSourceOptions, type OptionRule } from "../../credentials/options.js";
import type { TokenFetch } from "../../credentials/token-request.js";
import type { Environment } from "../../environment.js";
import type { AwsCredentials } from "../authorization.js";
import { fromContainer, type FromContainerOptions } from "./container.js";
import { environmentCredentials, type AwsCredentialsFunction } from "./environment.js";
import { fromInstanceMetadata, type FromInstanceMetadataOptions } from "./instance-metadata.js";
import { ROLE_RULES } from "./sts.js";
import { fromWebIdentity, type FromWebIdentityOptions } from "./web-identity.js";

/** Sources of the chain, in its order. */
export type AwsSourceName = "environment" | "web identity" | "container" | "instance metadata";

/** Options of {@link fromDefaultChain}. */
export interface FromDefaultChainOptions {
  /** Narrows the chain to these, in its own order. */
  readonly sources?: readonly AwsSourceName[];
  /** Of STS. Default `AWS_REGION`. */
  readonly region?: string;
  /** For the web identity, in place of a file; `AWS_ROLE_ARN` names the role. */
  readonly identityToken?: IdentityToken;
  /** Reads token files: `readTokenFile` of `knhk-kms/node`. */
  readonly readFile?: (path: string) => Promise<string>;
  /** Instead of the process's environment; `{}` forbids it. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

const NAMES: readonly string[] = ["environment", "web identity", "container", "instance metadata"];

/** A rule for a list of names out of these. */
export function listOf(names: readonly string[]): OptionRule {
  return [(value) => Array.isArray(value) && value.length > 0 && value.every((name) => names.includes(name as string)), `a list out of ${names.join(", ")}`];
}

/**
 * Credentials from the first place that is set up: environment, web identity, container endpoint, EC2 instance metadata. A
 * source that is set up and broken ends the chain. Files are read by `awsDefaultChain` of `knhk-kms/node` only.
 *
 * Instance metadata is asked last, within a second, and not at all on edge runtimes or when a container endpoint is named.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS`, from the returned function, with each source and why it did not serve
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials: fromDefaultChain() });
 * ```
 */
export function fromDefaultChain(options: FromDefaultChainOptions = {}): AwsCredentialsFunction {
  const { timeoutMs: _, ...http } = HTTP_OPTIONS;
  const rules = { ...http, sources: listOf(NAMES), region: ROLE_RULES.region as OptionRule, identityToken: FUNCTION, readFile: FUNCTION };
  const { sources = NAMES, ...read } = readSourceOptions(options, rules);
  const all = [environmentCredentials(read.env), ...httpSources(read)];
  return chainCredentials(all.filter(({ name }) => sources.includes(name)), "shared files, SSO and credential_process are read by awsDefaultChain of knhk-kms/node");
}

/** The part of the chain that comes after the files. A container's endpoint, where one is named, is the end of it. */
export function httpSources({ env, fetch, now, region, identityToken, readFile }: Omit<FromDefaultChainOptions, "sources">): CredentialSource<AwsCredentials>[] {
  const http = { env, fetch, now };
  return [
    { name: "web identity", load: fromWebIdentity({ ...http, region, identityToken, readFile } as FromWebIdentityOptions) },
    { name: "container", load: fromContainer({ ...http, readFile } as FromContainerOptions) },
    { name: "instance metadata", load: fromInstanceMetadata(http as FromInstanceMetadataOptions) },
  ];
}
