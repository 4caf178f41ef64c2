/** Bearer tokens: what a credential is, where one comes from by default, and what a refusal changes. */
import { CredentialCache, credentialsError, readExpiresAt, readSecret, type CredentialOption, type Demands } from "../credentials/cached.js";
import { decodeBase64Url } from "../encoding/base64.js";
import { readVariable, type Environment } from "../environment.js";
import { parseJson } from "../http/body.js";
import { asObject, member, type Fields } from "../http/fields.js";
import type { Answer, Service } from "../http/send.js";
import type { Transport } from "../http/transport.js";
import { isKeyVaultScope } from "./config.js";
import { describeFailure } from "./errors.js";

/** An access token of Microsoft Entra ID for the vault's scope. */
export interface AzureToken {
  /** The token alone, without `Bearer `. */
  readonly token: string;
  /** Its end. A function is asked for every attempt when it does not say. */
  readonly expiresAt?: Date | undefined;
  /** When to ask for another one, if earlier than five minutes before the end. */
  readonly refreshAt?: Date | undefined;
}

/** A token, or a function that returns one, at once or by a promise. It is told the scope, and what a challenge says of claims and tenant. */
export type AzureCredentials = CredentialOption<AzureToken>;

/** What the option `credentials` leaves to the environment. A convention of this library: no client of the vendor reads it. */
const TOKEN_VARIABLE = "AZURE_AUTH_TOKEN";

/** The token of the environment, read for each attempt, since nothing says when it ends. Trimmed, for a file read into a variable ends in a line end. */
export function environmentToken(env: Environment | undefined): string | undefined {
  return readVariable(env, TOKEN_VARIABLE)?.trim() || undefined;
}

/**
 * Puts a token on each request, and reads refusals. The scope follows from the configuration, so no request is spent on a
 * challenge. A token that is refused is replaced and the request repeated once, if there can be another one: a value
 * stays what it is, and the environment's counts only when it holds another by now.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for a value that is no token
 */
export function createAzureService(
  { provider, now, random }: Transport,
  scope: string,
  { credentials, env }: { readonly credentials?: AzureCredentials; readonly env?: Environment },
): Service<AzureToken> {
  const fromVariable = (): AzureToken => {
    const token = environmentToken(env);
    if (token === undefined) throw credentialsError(`no credentials: ${TOKEN_VARIABLE} is not set`);
    return { token };
  };
  const source = credentials ?? fromVariable;
  const tokens = new CredentialCache<AzureToken>({ provider, source, check: checkToken, now, random, scope });
  const challengeOf = ({ header }: Answer): Challenge => readChallenge(header("www-authenticate"), scope);

  return {
    async authorize(request, context, signal) {
      const credential = await tokens.get(context, signal);
      return { request: { ...request, headers: { ...request.headers, authorization: `Bearer ${credential.token}` } }, credential };
    },
    describeFailure(answer) {
      const failure = describeFailure(answer);
      if (failure.remedy !== "credentials") return failure;
      const { otherScope } = challengeOf(answer);
      // Shown only if it is one of ours, letter by letter.
      const hint = isKeyVaultScope(otherScope) ? `set scope to ${otherScope}` : `${credentials === undefined ? TOKEN_VARIABLE : "credentials"} must give a current token of the vault's tenant for ${scope}`;
      return { ...failure, hint };
    },
    recover(_remedy, answer, credential) {
      const { demands } = challengeOf(answer);
      const same = credentials === undefined && environmentToken(env) === credential.token;
      return demands !== undefined && !same && tokens.refuse(credential, demands);
    },
    requestIdOf: (answer) => answer.header("x-ms-request-id"),
    waitHeaders: ["retry-after-ms", "x-ms-retry-after-ms"],
  };
}

/** Copies a credential with its own members checked. */
function checkToken(value: unknown): AzureToken {
  const token = readSecret(value, "token");
  const fields = value as Fields;
  return { token, expiresAt: readExpiresAt(member(fields, "expiresAt")), refreshAt: readExpiresAt(member(fields, "refreshAt"), "refreshAt") };
}

/** What the challenge of a 401 says of the token that would be accepted. */
export interface Challenge {
  /** Undefined when no other token of the configured scope can help, or it is no challenge of the service's. Claims are JSON text, a tenant is in lower case. */
  readonly demands?: Demands | undefined;
  /** The scope that is wanted instead of the configured one, as it came. */
  readonly otherScope?: string | undefined;
}

/** The tenant in `authorization`; the service names it by its id. */
const AUTHORITY = /^https:\/\/[\w.-]+\/([\da-f-]{36})\/?$/i;

/**
 * The meaning of a challenge for who asks for tokens of that scope. Nothing is ever sent to an address in it. The scope
 * follows from the host by a fixed table, so an exact comparison is stricter than the rule of the vendor's clients, which
 * compare the ends of host names.
 *
 * @see "Authentication, requests, and responses" of Azure Key Vault; Microsoft identity platform, "Claims challenges, claims requests and client capabilities"; RFC 9110 section 11.6.1
 */
export function readChallenge(header: string | null, scope: string): Challenge {
  const parameters = bearerParameters(header ?? "");
  if (parameters === undefined) return {};
  const { error, claims: encoded, authorization = "", resource } = parameters;
  const wanted = resource === undefined ? parameters.scope : `${resource.replace(/\/$/, "")}/.default`;
  if (wanted !== undefined && wanted.toLowerCase() !== scope.toLowerCase()) return { otherScope: wanted };
  const asksClaims = error === "insufficient_claims" && encoded !== undefined;
  const claims = asksClaims ? decodeClaims(encoded) : undefined;
  if (asksClaims !== (claims !== undefined) || /^http:/i.test(authorization)) return {};
  return { demands: { claims, tenantId: AUTHORITY.exec(authorization)?.[1]?.toLowerCase() } };
}

/**
 * Parameters of the Bearer challenge, names in lower case; without a prototype. What is malformed is left out. Undefined
 * for a header that is too long, has a quote without its other half, or says two things under one name. The service
 * escapes nothing within quotes, so a backslash is a character like any other: with `\"` the quotes do not come out even.
 */
function bearerParameters(header: string): Readonly<Record<string, string>> | undefined {
  if (header.length > 8_192) return undefined; // no challenge of the service's comes near to it
  const parameters: Record<string, string> = { __proto__: null as never };
  let scheme = "";
  // A name with its value, in quotes or not; else a word, the scheme of what follows; else a quote that has no other half.
  for (const [item, name, quoted, plain = ""] of header.matchAll(/([\w-]+) *= *(?:"([^"]*)"|([^\s",]*))|[\w-]+|"/g)) {
    if (item === '"') return undefined;
    if (name === undefined) scheme = item;
    else if (/^bearer$/i.test(scheme)) {
      const value = quoted ?? plain;
      if ((parameters[name.toLowerCase()] ??= value) !== value) return undefined;
    }
  }
  return parameters;
}

/** The text of an object in JSON, or undefined for anything else. It comes in standard base64, and is decoded leniently, as the vendor's clients do. */
function decodeClaims(encoded: string): string | undefined {
  try {
    const bytes = decodeBase64Url(encoded.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
    return JSON.stringify(asObject(parseJson(bytes)));
  } catch {
    return undefined;
  }
}
