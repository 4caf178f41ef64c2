/** Tokens that say who a workload is, from the platforms that hand them out: they are exchanged for a credential of a service. */
import { readVariable, type Environment } from "../environment.js";
import { requiredString } from "../http/fields.js";
import { printable } from "../options.js";
import type { CredentialAsk } from "./cached.js";
import { NotConfiguredError } from "./chain.js";
import { FUNCTION, OBJECT, readSourceOptions, TEXT, TIMEOUT, type OptionRule } from "./options.js";
import { isSecret, readToken, refusedToken, requestToken, tokenError, type TokenFetch } from "./token-request.js";

/**
 * The option `identityToken`: asked anew for every exchange, since such tokens live for minutes. It returns a JWT, or what
 * else the service takes; white space at its end is dropped.
 */
export type IdentityToken = (ask: Pick<CredentialAsk, "signal">) => string | Promise<string>;

/** A ready function for `identityToken`; may be called by hand too. */
export type IdentityTokenReader = (ask?: Pick<CredentialAsk, "signal">) => Promise<string>;

/**
 * Asks for an identity token and checks it. Only the end is trimmed: a file or variable often ends in a line end.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`, never with the token in it
 */
export async function readIdentityToken(source: string, identityToken: IdentityToken, ask: Pick<CredentialAsk, "signal">): Promise<string> {
  return checkIdentityToken(source, await identityToken(ask));
}

function checkIdentityToken(source: string, value: unknown): string {
  const token = typeof value === "string" ? value.trimEnd() : "";
  if (!isSecret(token)) throw tokenError(source, token === "" ? "there is no identity token" : "the identity token has characters that no token has");
  return token;
}

/** Options of {@link githubActionsToken}. */
export interface GitHubActionsTokenOptions {
  /** Claim `aud` of the token, such as `sts.amazonaws.com` or `api://AzureADTokenExchange`. */
  readonly audience: string;
  /** Instead of the process's environment. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds for all attempts. Default 5,000. */
  readonly timeoutMs?: number;
}

/**
 * The OIDC token of a GitHub Actions job; the job needs `permissions: id-token: write`. One request a token.
 *
 * The address is what the runner hands over in `ACTIONS_ID_TOKEN_REQUEST_URL`, and must be https.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see GitHub Docs, "OpenID Connect reference", methods for requesting the OIDC token
 * @example
 * ```ts
 * const credentials = fromWebIdentity({ region: "eu-central-1", roleArn, identityToken: githubActionsToken({ audience: "sts.amazonaws.com" }) });
 * ```
 */
export function githubActionsToken(options: GitHubActionsTokenOptions): IdentityTokenReader {
  const rules = { audience: TEXT, env: OBJECT, fetch: FUNCTION, timeoutMs: TIMEOUT };
  const { audience, env, fetch, timeoutMs = 5_000 } = readSourceOptions(options, rules, { required: ["audience"] });
  const source = "GitHub Actions token";
  return async (ask = unhurried()) => {
    const address = readVariable(env, "ACTIONS_ID_TOKEN_REQUEST_URL");
    const secret = readVariable(env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    if (address === undefined || secret === undefined) {
      throw new NotConfiguredError(`${source}: ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not set; the job needs permissions: id-token: write`);
    }
    if (!/^https:/i.test(address) || !isSecret(secret)) throw tokenError(source, "ACTIONS_ID_TOKEN_REQUEST_URL is no https address, or ACTIONS_ID_TOKEN_REQUEST_TOKEN no token");
    const url = `${address}${address.includes("?") ? "&" : "?"}audience=${encodeURIComponent(audience)}`;
    const headers = { accept: "application/json", authorization: `Bearer ${secret}` };
    const answer = await requestToken({ url, method: "GET", headers, fetch, signal: ask.signal, timeoutMs, source, format: "json" });
    if (answer.status >= 300) throw refusedToken(source, answer, "the token service refuses");
    return checkIdentityToken(source, readToken(source, answer, (fields) => requiredString(fields, "value")));
  };
}

/** Options of {@link vercelToken}. */
export interface VercelTokenOptions {
  /** Value of the header `x-vercel-oidc-token` of the request being served, or a function that looks it up. */
  readonly header?: string | null | (() => string | null | undefined);
  /** Instead of the process's environment. */
  readonly env?: Environment;
}

const HEADER: OptionRule = [(value) => value === null || typeof value === "string" || typeof value === "function", "a text, or a function that returns it"];

/**
 * The OIDC token of a Vercel project: the header `x-vercel-oidc-token` of the request being served if it is given, else
 * `VERCEL_OIDC_TOKEN`, which is there in builds and in local development.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vercel Docs, "OpenID Connect Federation reference"
 * @example
 * ```ts
 * const identityToken = vercelToken({ header: request.headers.get("x-vercel-oidc-token") });
 * const credentials = fromWebIdentity({ region: "eu-central-1", roleArn, identityToken });
 * ```
 */
export function vercelToken(options: VercelTokenOptions = {}): IdentityTokenReader {
  const { header, env } = readSourceOptions(options, { header: HEADER, env: OBJECT });
  return async () => {
    const given = typeof header === "function" ? header() : header;
    const token = given ?? readVariable(env, "VERCEL_OIDC_TOKEN");
    if (token === undefined) throw new NotConfiguredError("Vercel token: there is no header x-vercel-oidc-token, and VERCEL_OIDC_TOKEN is not set");
    return checkIdentityToken("Vercel token", token);
  };
}

/**
 * An identity token out of an environment variable, read at each use. On a server that runs for long, prefer a source that
 * renews it.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`, from the returned function
 * @example
 * ```ts
 * const credentials = fromWebIdentity({ region: "eu-central-1", roleArn, identityToken: environmentToken("CI_JOB_JWT") });
 * ```
 */
export function environmentToken(name: string, env?: Environment): IdentityTokenReader {
  return async () => {
    const token = readVariable(env, name);
    if (token === undefined) throw new NotConfiguredError(`identity token: ${printable(name)} is not set`);
    return checkIdentityToken("identity token", token);
  };
}

/** For a call by hand, which nobody ends but the time limit of the request. */
function unhurried(): Pick<CredentialAsk, "signal"> {
  return { signal: new AbortController().signal };
}
