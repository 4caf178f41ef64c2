/** Tokens of Microsoft Entra for an application: the client credentials grant of its v2 token endpoint, whatever the application proves itself with. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { HTTP_OPTIONS, matching, readSourceOptions, type OptionRule } from "../../credentials/options.js";
import { endsAfter, requestToken, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import { asObject, member } from "../../http/fields.js";
import { parseEndpoint } from "../../http/url.js";
import { readClock } from "../../options.js";
import type { AzureToken } from "../authorization.js";
import { isKeyVaultScope } from "../config.js";
import { entraFailure } from "./entra-failure.js";
import { readAzureToken, readLifetime } from "./token-answer.js";

/** A source of tokens, for the option `credentials`. */
export type AzureCredentialsFunction = (ask: CredentialAsk) => Promise<AzureToken>;

/** Options of every source that asks Microsoft Entra. */
export interface EntraOptions {
  /**
   * Origin of the authority, https. Default `AZURE_AUTHORITY_HOST`, else the authority of the cloud that the vault is in:
   * `https://login.microsoftonline.com`, `https://login.microsoftonline.us` or `https://login.partner.microsoftonline.cn`.
   */
  readonly authorityHost?: string;
  /** Instead of the process's environment; `{}` forbids it. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds for all attempts of a token request. Default 10,000; the call that waits for the token ends it too. */
  readonly timeoutMs?: number;
}

/** Whose token is asked for. */
export interface EntraClient {
  readonly options: EntraOptions;
  /** For errors. */
  readonly source: string;
  readonly tenantId: string | undefined;
  readonly clientId: string;
}

/** Fields that prove who the application is; an assertion is made for the address that it goes to. */
export type Proof = (endpoint: string) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;

/** As the vendor's clients check it; so that it is one segment of a path, with no dots alone. */
const TENANT = /^[0-9a-z](?:[0-9a-z.-]{0,251}[0-9a-z])?$/i;
const CLIENT = /^[\x21-\x7e]{1,256}$/;

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** The authority of each cloud but the public one, by the end of its resources' hosts. The third cloud, Germany's, closed in 2021. */
const SOVEREIGN: readonly (readonly [string, string])[] = [
  [".usgovcloudapi.net/.default", "https://login.microsoftonline.us"],
  [".azure.cn/.default", "https://login.partner.microsoftonline.cn"],
];

/** Reads the options of a source that asks Entra: those of all, and its own. */
export function readEntraOptions<T extends EntraOptions>(
  given: T,
  rules: Readonly<Record<string, OptionRule>>,
  checks: { readonly required?: readonly string[]; readonly own?: (read: Readonly<Record<string, unknown>>) => string[] } = {},
): T {
  const authorityHost: OptionRule = [(value) => typeof value === "string" && !("problem" in parseEndpoint(value)), "an https origin, such as https://login.microsoftonline.us"];
  return readSourceOptions(given, { ...HTTP_OPTIONS, authorityHost, ...rules }, checks);
}

/** Rules of the options that say whose token it is. */
export function clientRules(): { readonly tenantId: OptionRule; readonly clientId: OptionRule } {
  return { tenantId: matching(TENANT, "the id or a domain of a tenant"), clientId: matching(CLIENT, "the client id of an application") };
}

/** The fields of a proof by assertion (RFC 7523 section 2.2). */
export function assertionProof(assertion: string): Readonly<Record<string, string>> {
  return { client_assertion_type: ASSERTION_TYPE, client_assertion: assertion };
}

/**
 * One token of Entra for the scope asked for: one request, repeated up to three times in all when it is not answered.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 * @see Microsoft identity platform, "OAuth 2.0 client credentials flow"
 */
export async function entraToken(client: EntraClient, ask: CredentialAsk, prove: Proof): Promise<AzureToken> {
  const { source, clientId, options } = client;
  const { fetch, timeoutMs = 10_000 } = options;
  const now = readClock(options.now);
  const tenantId = client.tenantId ?? ask.tenantId;
  const scope = scopeOf(source, ask);
  if (tenantId === undefined) return withoutTenant(source, ask, now());
  if (!TENANT.test(tenantId) || !CLIENT.test(clientId)) throw tokenError(source, "the tenant or the client id has characters that it cannot have");
  const url = `${authorityOf(client, scope)}/${tenantId}/oauth2/v2.0/token`;
  const fields = { grant_type: "client_credentials", client_id: clientId, ...(await prove(url)), scope, ...claimsField(source, ask.claims) };
  const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(fields).toString();
  const answer = await requestToken({ url, method: "POST", headers, body, fetch, signal: ask.signal, timeoutMs, source, format: "json" });
  if (answer.status >= 300) throw entraFailure(source, answer);
  return readAzureToken(source, answer, now(), readLifetime);
}

/** The scope asked for, which is that of the vault. */
export function scopeOf(source: string, { scope }: CredentialAsk): string {
  if (scope === undefined || !/^[\x21-\x7e]{1,256}$/.test(scope)) throw tokenError(source, "there is no scope to ask a token for");
  return scope;
}

/**
 * What is sent to the vault when nobody has said its tenant: no token, so that it answers with a challenge that names the
 * tenant ("when the service does not accept the supplied token"). The end lets all calls share one, so that one challenge
 * answers them all.
 */
function withoutTenant(source: string, ask: CredentialAsk, now: number): AzureToken {
  if (ask.refused || !isKeyVaultScope(ask.scope)) throw tokenError(source, "no tenantId is given, and no challenge of a vault names one");
  return { token: "tenant-not-known-yet", expiresAt: endsAfter(60, now) };
}

function authorityOf({ source, options: { authorityHost, env } }: EntraClient, scope: string): string {
  const given = authorityHost ?? readVariable(env, "AZURE_AUTHORITY_HOST");
  if (given === undefined) return SOVEREIGN.find(([end]) => scope.endsWith(end))?.[1] ?? "https://login.microsoftonline.com";
  const authority = parseEndpoint(given);
  if ("problem" in authority) throw tokenError(source, "AZURE_AUTHORITY_HOST must be an https origin, such as https://login.microsoftonline.us");
  return authority.origin;
}

/** Claims of a challenge, with the capability of this library to answer the next one; announced only then. */
function claimsField(source: string, claims: string | undefined): { readonly claims?: string } {
  if (claims === undefined) return {};
  try {
    const asked = asObject(JSON.parse(claims));
    const token = asObject(member(asked, "access_token") ?? {});
    return { claims: JSON.stringify({ ...asked, access_token: { ...token, xms_cc: { values: ["cp1"] } } }) };
  } catch {
    throw tokenError(source, "the claims of the challenge cannot be read");
  }
}
