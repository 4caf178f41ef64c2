/** Credentials from environment variables, as every AWS tool reads them. */
import { credentialsError, type CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { OBJECT, readSourceOptions } from "../../credentials/options.js";
import { readVariable, type Environment } from "../../environment.js";
import { parseTime, type AwsCredentials } from "../authorization.js";

/** A source of AWS credentials, for the option `credentials`. */
export type AwsCredentialsFunction = (ask: CredentialAsk) => Promise<AwsCredentials>;

/**
 * `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_CREDENTIAL_EXPIRATION` if set; read at every use.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 */
export function readEnvironment(env: Environment | undefined): AwsCredentials {
  const [accessKeyId, secretAccessKey, sessionToken, expiration] = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "CREDENTIAL_EXPIRATION"].map((name) => readVariable(env, `AWS_${name}`));
  if (accessKeyId === undefined && secretAccessKey === undefined) throw new NotConfiguredError("environment: AWS_ACCESS_KEY_ID is not set");
  // Set up and broken: another source must not be taken in its place.
  if (accessKeyId === undefined || secretAccessKey === undefined) throw credentialsError("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set");
  const end = parseTime(expiration);
  if (end === undefined && expiration !== undefined) throw credentialsError("AWS_CREDENTIAL_EXPIRATION is not a time");
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt: end === undefined ? undefined : new Date(end) };
}

/** The same as a source of a chain. */
export function environmentCredentials(env: Environment | undefined): CredentialSource<AwsCredentials> {
  return { name: "environment", load: () => readEnvironment(env) };
}

/** Options of {@link fromEnvironment}. */
export interface FromEnvironmentOptions {
  /** Instead of the process's environment. */
  readonly env?: Environment;
}

/**
 * Credentials from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_CREDENTIAL_EXPIRATION`, read at
 * every use. It is what `createAwsKms` asks without the option `credentials`.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` for an unknown option; `ERR_KMS_CREDENTIALS` from the returned function
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials: fromEnvironment({ env: bindings }) });
 * ```
 */
export function fromEnvironment(options: FromEnvironmentOptions = {}): AwsCredentialsFunction {
  const { env } = readSourceOptions(options, { env: OBJECT });
  return async () => readEnvironment(env);
}
