/** Credentials of an EC2 instance's role, from its metadata service, version 2 only. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError } from "../../credentials/chain.js";
import { HTTP_OPTIONS, matching, oneOf, readSourceOptions, type OptionRule } from "../../credentials/options.js";
import { assertMetadataReachable, isNearHost, isSecret, readToken, refusedToken, requestToken, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import { invalidAnswer, optionalString } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";
import { parseEndpoint } from "../../http/url.js";
import { readClock } from "../../options.js";
import type { AwsCredentials } from "../authorization.js";
import type { AwsCredentialsFunction } from "./environment.js";
import { readHandedOut } from "./sts.js";

/** Options of {@link fromInstanceMetadata}. */
export interface FromInstanceMetadataOptions {
  /** `IPv4` asks 169.254.169.254, `IPv6` asks [fd00:ec2::254]. Default `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`, else `IPv4`. */
  readonly endpointMode?: "IPv4" | "IPv6";
  /** Another loopback or link-local address, without a path. Default `AWS_EC2_METADATA_SERVICE_ENDPOINT`. */
  readonly endpoint?: string;
  /** Name of the role; without it the service is asked, one request more. */
  readonly roleName?: string;
  /** Instead of the process's environment. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds for all requests of a refresh. Default 1,000: outside of EC2 nobody answers. */
  readonly timeoutMs?: number;
}

const SOURCE = "instance metadata";
const ROLE_NAME = /^[\w+=,.@-]{1,128}$/;
const MODES: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null) as object, {
  IPv4: "http://169.254.169.254",
  IPv6: "http://[fd00:ec2::254]",
});
const NEAR_ENDPOINT: OptionRule = [(value) => typeof value === "string" && metadataOrigin(value) !== undefined, "the address of the metadata service: loopback or link-local, without a path"];

/**
 * Credentials of the role that is attached to the EC2 instance. A token and, unless `roleName` is given, the role's name
 * are asked for first: three requests a refresh.
 *
 * Version 1 of the service is never spoken: without the token, what makes a server of the instance fetch an address (a
 * proxy, a webhook) could fetch credentials. Where the token cannot be had (in a container with a hop limit of 1, say), raise
 * the instance's `HttpPutResponseHopLimit`. `AWS_EC2_METADATA_DISABLED` with any value but `false` switches this source off.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata"
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials: fromInstanceMetadata() });
 * ```
 */
export function fromInstanceMetadata(options: FromInstanceMetadataOptions = {}): AwsCredentialsFunction {
  const rules = { ...HTTP_OPTIONS, endpointMode: oneOf(["IPv4", "IPv6"]), endpoint: NEAR_ENDPOINT, roleName: matching(ROLE_NAME, "the name of a role") };
  const read = readSourceOptions(options, rules);
  return async (ask) => {
    const disabled = readVariable(read.env, "AWS_EC2_METADATA_DISABLED") ?? "false";
    if (disabled.toLowerCase() !== "false") throw new NotConfiguredError(`${SOURCE}: switched off by AWS_EC2_METADATA_DISABLED`);
    const origin = originOf(read);
    assertMetadataReachable(SOURCE, `${origin}/`, read.fetch);
    return load(read, origin, ask);
  };
}

function originOf({ env, endpoint, endpointMode }: FromInstanceMetadataOptions): string {
  const address = endpoint ?? (endpointMode === undefined ? readVariable(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT") : undefined);
  const mode = endpointMode ?? readVariable(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") ?? "IPv4";
  const origin = address === undefined ? MODES[mode] : metadataOrigin(address);
  if (origin !== undefined) return origin;
  if (address === undefined) throw tokenError(SOURCE, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE must be IPv4 or IPv6");
  throw tokenError(SOURCE, "AWS_EC2_METADATA_SERVICE_ENDPOINT must be a loopback or link-local address without a path");
}

function metadataOrigin(text: string): string | undefined {
  const parsed = parseEndpoint(text, { insecure: true });
  return "problem" in parsed || !isNearHost(parsed.host.replace(/:\d+$/, "")) ? undefined : parsed.origin;
}

const ROLES = "/latest/meta-data/iam/security-credentials/";

async function load(options: FromInstanceMetadataOptions, origin: string, ask: CredentialAsk): Promise<AwsCredentials> {
  const { fetch, timeoutMs = 1_000 } = options;
  const end = performance.now() + timeoutMs;
  const get = (path: string, format: "json" | "text", headers: Record<string, string>, method: "GET" | "PUT" = "GET"): Promise<Answer> => {
    const left = Math.max(1, end - performance.now());
    return requestToken({ url: `${origin}${path}`, method, headers, fetch, signal: ask.signal, timeoutMs: left, source: SOURCE, format, attempts: 1 });
  };
  const newToken = async (): Promise<Record<string, string>> => {
    const answer = await get("/latest/api/token", "text", { "x-aws-ec2-metadata-token-ttl-seconds": "21600" }, "PUT");
    if (answer.status !== 200) throw refusedToken(SOURCE, answer, "there is no token of version 2 here, and version 1 is not spoken");
    if (!isSecret(answer.body)) throw tokenError(SOURCE, "the token is none");
    return { "x-aws-ec2-metadata-token": answer.body };
  };
  let token = await newToken();
  const read = async (path: string, format: "json" | "text"): Promise<Answer> => {
    const answer = await get(path, format, token);
    if (answer.status !== 401) return answer;
    // The token is over, or the instance was moved.
    token = await newToken();
    return get(path, format, token);
  };
  const roleName = options.roleName ?? roleNameOf(await read(ROLES, "text"));
  return readCredentials(await read(`${ROLES}${roleName}`, "json"), readClock(options.now)());
}

function roleNameOf(answer: Answer): string {
  if (answer.status === 404) throw tokenError(SOURCE, "no role is attached to this instance");
  if (answer.status !== 200) throw refusedToken(SOURCE, answer, "the service does not name the instance's role");
  const name = typeof answer.body === "string" ? answer.body.trim() : "";
  if (!ROLE_NAME.test(name)) throw tokenError(SOURCE, "response invalid: the name of the role is none");
  return name;
}

function readCredentials(answer: Answer, now: number): AwsCredentials {
  if (answer.status !== 200) throw refusedToken(SOURCE, answer, answer.status === 404 ? "the role is not attached to this instance" : "the service refuses");
  return readToken(SOURCE, answer, (fields) => {
    const code = optionalString(fields, "Code") ?? "Success";
    if (code !== "Success") throw invalidAnswer("it has no credentials, for the instance could not take its role");
    return readHandedOut(SOURCE, fields, "Token", now);
  });
}
