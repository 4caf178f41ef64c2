/** Credentials from environment variables, as every AWS tool reads them. */
import { credentialsError } from "../../credentials/cached.js";
import { NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { readVariable, type Environment } from "../../environment.js";
import type { AwsCredentials } from "../authorization.js";

/** `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_CREDENTIAL_EXPIRATION` if set; read at every use. */
export function environmentCredentials(env: Environment | undefined): CredentialSource<AwsCredentials> {
  return { name: "environment", load: () => fromEnvironment(env) };
}

function fromEnvironment(env: Environment | undefined): AwsCredentials {
  const accessKeyId = readVariable(env, "AWS_ACCESS_KEY_ID");
  const secretAccessKey = readVariable(env, "AWS_SECRET_ACCESS_KEY");
  if (accessKeyId === undefined && secretAccessKey === undefined) throw new NotConfiguredError("AWS_ACCESS_KEY_ID is not set");
  // Set up and broken: another source must not be taken in its place.
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw credentialsError("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set");
  }
  const sessionToken = readVariable(env, "AWS_SESSION_TOKEN");
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt: parseExpiration(readVariable(env, "AWS_CREDENTIAL_EXPIRATION")) };
}

/** ISO 8601, as tools that export temporary credentials write it. */
function parseExpiration(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text) : undefined;
  if (date === undefined || Number.isNaN(date.getTime())) throw credentialsError("AWS_CREDENTIAL_EXPIRATION is not a time in ISO 8601");
  return date;
}
