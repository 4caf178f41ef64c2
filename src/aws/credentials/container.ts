/** Credentials from the endpoint of a container platform: ECS, EKS Pod Identity, Lambda with SnapStart, Greengrass. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError } from "../../credentials/chain.js";
import { FUNCTION, HTTP_OPTIONS, readSourceOptions } from "../../credentials/options.js";
import { assertMetadataReachable, readToken, refusedToken, requestToken, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import { readClock } from "../../options.js";
import type { AwsCredentials } from "../authorization.js";
import type { AwsCredentialsFunction } from "./environment.js";
import { readHandedOut } from "./sts.js";

/** Options of {@link fromContainer}. */
export interface FromContainerOptions {
  /** Reads the file that `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` names: `readTokenFile` of `knhk-kms/node`. */
  readonly readFile?: (path: string) => Promise<string>;
  /** Instead of the process's environment. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds for a request and its repetitions. Default 3,000. */
  readonly timeoutMs?: number;
}

const SOURCE = "container";

/**
 * Credentials from the address that the platform hands over: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, else
 * `AWS_CONTAINER_CREDENTIALS_FULL_URI`; with the content of `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, else
 * `AWS_CONTAINER_AUTHORIZATION_TOKEN`, as header `authorization`. One request a refresh.
 *
 * Plain http goes to the addresses of ECS and EKS and to loopback only; no redirect is followed.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see AWS SDKs and Tools Reference Guide, "Container credential provider"
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials: fromContainer() });
 * ```
 */
export function fromContainer(options: FromContainerOptions = {}): AwsCredentialsFunction {
  const read = readSourceOptions(options, { ...HTTP_OPTIONS, readFile: FUNCTION });
  return (ask) => load(read, ask);
}

async function load(options: FromContainerOptions, { signal }: CredentialAsk): Promise<AwsCredentials> {
  const { env, fetch, timeoutMs = 3_000 } = options;
  const url = containerUrl(env);
  if (url.startsWith("http:")) assertMetadataReachable(SOURCE, url, fetch);
  const token = await authorizationToken(options);
  const headers = { accept: "application/json", ...(token === undefined ? {} : { authorization: token }) };
  const answer = await requestToken({ url, method: "GET", headers, fetch, signal, timeoutMs, source: SOURCE, format: "json" });
  if (answer.status >= 300) throw refusedToken(SOURCE, answer, "the endpoint refuses");
  return readToken(SOURCE, answer, (fields) => readHandedOut(SOURCE, fields, "Token", readClock(options.now)()));
}

const HOST_OF_ECS = "http://169.254.170.2";
/** Where plain http may go: ECS, EKS, and this machine. Other link-local addresses belong to somebody else. */
const HTTP_HOST = /^(169\.254\.170\.(2|23)|\[fd00:ec2::23\]|localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** @throws {NotConfiguredError} when the platform handed nothing over */
function containerUrl(env: Environment | undefined): string {
  const relative = readVariable(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const full = readVariable(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative === undefined && full === undefined) {
    throw new NotConfiguredError(`${SOURCE}: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set`);
  }
  const text = relative === undefined ? (full as string) : `${HOST_OF_ECS}${relative}`;
  if (relative !== undefined && !text.startsWith(`${HOST_OF_ECS}/`)) throw tokenError(SOURCE, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with a slash");
  try {
    const { protocol, hostname, origin, pathname, search } = new URL(/^https?:\/\/[^\s\\#@]+$/i.test(text) ? text : "");
    if (protocol === "https:" || HTTP_HOST.test(hostname)) return `${origin}${pathname}${search}`;
  } catch {
    // reported below, without the platform's message: it quotes the URL
  }
  throw tokenError(SOURCE, "the address is not one that container credentials may come from: https, or http on the addresses of ECS and EKS or loopback");
}

async function authorizationToken({ env, readFile }: FromContainerOptions): Promise<string | undefined> {
  const file = readVariable(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (file !== undefined && readFile === undefined) {
    throw tokenError(SOURCE, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is set, and files are not read here", { hint: "use awsDefaultChain of knhk-kms/node, or give readFile" });
  }
  const token = file === undefined ? readVariable(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN") : await readFile?.(file);
  // It is sent unchanged, as the vendor's clients do; blanks inside separate a scheme from its value.
  if (token === undefined || (token.length <= 65_536 && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(token))) return token;
  throw tokenError(SOURCE, "the authorization token has characters that no header has");
}
