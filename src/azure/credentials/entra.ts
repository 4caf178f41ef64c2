/**
 * Tokens of Microsoft Entra for an application: the client credentials grant of its v2 token endpoint, whatever the
 * application proves itself with; and how answers with a token are read. A token is opaque: nothing in it is looked at.
 */
import type { CredentialAsk } from "../../credentials/cached.js";
import { HTTP_OPTIONS, matching, readSourceOptions, type OptionRule } from "../../credentials/options.js";
import { endsAfter, endsAt, optionalSeconds, readToken, refusedToken, requestToken, requiredSecret, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import type { ConfigError } from "../../errors.js";
import { asObject, invalidAnswer, member, optionalString, type Fields } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";
import { parseEndpoint } from "../../http/url.js";
import { readClock } from "../../options.js";
import type { AzureToken } from "../authorization.js";
import { isKeyVaultScope } from "../config.js";
import { memberOf } from "../errors.js";

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

/** Whose token is asked for, with the options of the source. Without a prototype. */
export interface EntraClient extends EntraOptions {
  /** For errors. */
  readonly source: string;
  readonly tenantId?: string | undefined;
  readonly clientId: string;
}

/** Fields that prove who the application is; an assertion is made for the address that it goes to. */
export type Proof = (endpoint: string) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;

/** As the vendor's clients check it; so that it is one segment of a path, with no dots alone. */
const TENANT = /^[\da-z](?:[\da-z.-]{0,251}[\da-z])?$/i;
/** Of a client id and of a scope. */
const VISIBLE = /^[\x21-\x7e]{1,256}$/;
const AUTHORITY = "an https origin";

/** Reads the options of a source that asks Entra: those of all, and its own. */
export function readEntraOptions<T extends EntraOptions>(
  given: T,
  rules: Readonly<Record<string, OptionRule>>,
  checks: { readonly required?: readonly string[]; readonly own?: (read: Readonly<Record<string, unknown>>) => string[] } = {},
): T {
  const authorityHost: OptionRule = [(value) => typeof value === "string" && !("problem" in parseEndpoint(value)), AUTHORITY];
  return readSourceOptions(given, { ...HTTP_OPTIONS, authorityHost, ...rules }, checks);
}

/** Rules of the options that say whose token it is. */
export function clientRules(): { readonly tenantId: OptionRule; readonly clientId: OptionRule } {
  return { tenantId: matching(TENANT, "the id or a domain of a tenant"), clientId: matching(VISIBLE, "the client id of an application") };
}

/** The fields of a proof by assertion (RFC 7523 section 2.2). */
export function assertionProof(assertion: string): Readonly<Record<string, string>> {
  return { client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: assertion };
}

/**
 * One token of Entra for the scope asked for: one request, repeated up to three times in all when it is not answered.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 * @see Microsoft identity platform, "OAuth 2.0 client credentials flow"
 */
export async function entraToken(client: EntraClient, ask: CredentialAsk, prove: Proof): Promise<AzureToken> {
  const { source, clientId, tenantId = ask.tenantId, fetch, timeoutMs = 10_000 } = client;
  const now = readClock(client.now);
  const scope = scopeOf(source, ask);
  if (tenantId === undefined) return withoutTenant(source, ask, now());
  if (!TENANT.test(tenantId) || !VISIBLE.test(clientId)) throw tokenError(source, "tenantId or clientId is malformed");
  const url = `${authorityOf(client, scope)}/${tenantId}/oauth2/v2.0/token`;
  const fields = { grant_type: "client_credentials", client_id: clientId, ...(await prove(url)), scope, ...claimsField(source, ask.claims) };
  const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(fields).toString();
  const answer = await requestToken({ url, method: "POST", headers, body, fetch, signal: ask.signal, timeoutMs, source, format: "json" });
  if (answer.status >= 300) throw refusal(source, answer);
  return readAzureToken(source, answer, now(), readLifetime);
}

/** The scope asked for, which is that of the vault. */
export function scopeOf(source: string, { scope = "" }: CredentialAsk): string {
  if (!VISIBLE.test(scope)) throw tokenError(source, "there is no scope");
  return scope;
}

/**
 * What is sent to the vault when nobody has said its tenant: no token, so that it answers with a challenge that names the
 * tenant ("when the service does not accept the supplied token"). The end lets all calls share one, so that one challenge
 * answers them all.
 */
function withoutTenant(source: string, ask: CredentialAsk, now: number): AzureToken {
  if (ask.refused || !isKeyVaultScope(ask.scope)) throw tokenError(source, "tenantId is missing, and no vault names one");
  return { token: "tenant-not-known-yet", expiresAt: endsAfter(60, now) };
}

/** As configured, else of the cloud that the vault is in. The third cloud, Germany's, closed in 2021. */
function authorityOf({ source, authorityHost, env }: EntraClient, scope: string): string {
  const given = authorityHost ?? readVariable(env, "AZURE_AUTHORITY_HOST");
  if (given === undefined) {
    if (scope.endsWith(".usgovcloudapi.net/.default")) return "https://login.microsoftonline.us";
    return `https://login.${scope.endsWith(".azure.cn/.default") ? "partner.microsoftonline.cn" : "microsoftonline.com"}`;
  }
  const authority = parseEndpoint(given);
  if ("problem" in authority) throw tokenError(source, `AZURE_AUTHORITY_HOST must be ${AUTHORITY}`);
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
    throw tokenError(source, "the claims cannot be read");
  }
}

/**
 * The error for an answer that is no success, with the first of `error_codes`: the guide has cause and cure for each number
 * that a configuration can bring about. Its texts are never looked at, for they name tenant, application and request.
 *
 * @see "Microsoft Entra authentication and authorization error codes"
 */
function refusal(source: string, answer: Answer): ConfigError {
  const number = memberOf(memberOf(answer.body, "error_codes"), "0");
  const providerCode = Number.isSafeInteger(number) && Number(number) > 0 ? `AADSTS${number as number}` : undefined;
  return refusedToken(source, answer, `the token endpoint refuses with ${providerCode ?? `status ${answer.status}`}`, { providerCode });
}

/**
 * Reads a token out of an answer; lifetimes are cut to a day.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 */
export function readAzureToken(source: string, answer: Pick<Answer, "body">, now: number, readEnd: (fields: Fields, now: number) => Date): AzureToken {
  const read = readToken(source, answer, (fields) => {
    const token = requiredSecret(fields, "access_token");
    if ((optionalString(fields, "token_type") ?? "bearer").toLowerCase() !== "bearer") throw invalidAnswer("token_type is not Bearer");
    const refreshIn = optionalSeconds(fields, "refresh_in", { text: true });
    return { token, expiresAt: readEnd(fields, now), refreshAt: refreshIn === undefined ? undefined : endsAfter(refreshIn, now) };
  });
  return unexpired(source, read, now);
}

/** Said here, where the source is known: a token that has ended is never handed on. */
export function unexpired(source: string, token: AzureToken & { readonly expiresAt: Date }, now: number): AzureToken {
  if (token.expiresAt.getTime() > now) return token;
  throw tokenError(source, "the token that it gives has expired: check the clock", { retryable: true });
}

/** Entra's `expires_in`, "3599" too: the vendor's clients take it, and some of its endpoints write it. */
export function readLifetime(fields: Fields, now: number): Date {
  const seconds = optionalSeconds(fields, "expires_in", { text: true });
  if (seconds === undefined) throw invalidAnswer("expires_in is missing");
  return endsAfter(seconds, now);
}

/** `1/1/2026 1:00:00 AM +00:00`, as App Service wrote it before version 2019-08-01. */
const LEGACY_DATE = /^\d{1,2}\/\d{1,2}\/\d{4} \d{1,2}:\d\d:\d\d( [AP]M)? [+-]\d\d:\d\d$/;

/** The end as endpoints of managed identities give it: `expires_on` in Unix seconds, as a number, as text, or as a date; else `expires_in`. */
export function readExpiresOn(fields: Fields, now: number): Date {
  const given = member(fields, "expires_on");
  if (typeof given === "string" && LEGACY_DATE.test(given) && !Number.isNaN(Date.parse(given))) return endsAt(Date.parse(given), now);
  const seconds = optionalSeconds(fields, "expires_on", { text: true });
  return seconds === undefined ? readLifetime(fields, now) : endsAt(seconds * 1000, now);
}

/** Reads the file that a variable names, where files can be read. */
export function fileLoader(source: string, variable: string, path: string, readFile: ((path: string) => Promise<string>) | undefined): () => Promise<string> {
  if (readFile !== undefined) return () => readFile(path);
  throw tokenError(source, `${variable} names a file: use azureDefaultChain of knhk-kms/node, or give readFile`);
}
