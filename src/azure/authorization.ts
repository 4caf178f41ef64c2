/** Bearer tokens: what a credential is, where one comes from by default, and what a refusal changes. */
import { CredentialCache, readExpiresAt, readSecret, type CredentialOption } from "../credentials/cached.js";
import { chainCredentials } from "../credentials/chain.js";
import type { Environment } from "../environment.js";
import type { Answer, Service } from "../http/send.js";
import type { Transport } from "../http/transport.js";
import { readChallenge } from "./challenge.js";
import { isKeyVaultScope } from "./config.js";
import { environmentSource, environmentToken, TOKEN_VARIABLE } from "./credentials/environment.js";
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

export interface AzureServiceOptions {
  readonly scope: string;
  readonly credentials: AzureCredentials | undefined;
  readonly env: Environment | undefined;
}

/**
 * Puts a token on each request, and reads refusals. The scope follows from the configuration, so no request is spent on a
 * challenge. A token that is refused is replaced and the request repeated once, if there can be another one: a value
 * stays what it is, and the environment's counts only when it holds another by now.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for a value that is no token
 */
export function createAzureService({ provider, now, random }: Transport, { scope, credentials, env }: AzureServiceOptions): Service<AzureToken> {
  const source = credentials ?? chainCredentials([environmentSource(env, checkToken)], `set ${TOKEN_VARIABLE}, or pass credentials`);
  const tokens = new CredentialCache<AzureToken>({ provider, source, check: checkToken, now, random, scope });
  const hint = `${credentials === undefined ? TOKEN_VARIABLE : "credentials"} must give a current token for the scope ${scope}, of the tenant of the vault`;
  const challengeOf = ({ status, header }: Answer) => readChallenge(status === 401 ? header("www-authenticate") : null, scope);

  return {
    async authorize(request, context, signal) {
      const credential = await tokens.get(context, signal);
      return { request: { ...request, headers: { ...request.headers, authorization: `Bearer ${credential.token}` } }, credential };
    },
    describeFailure(answer) {
      const { otherScope } = challengeOf(answer);
      // Shown only if it is one of ours, letter by letter.
      return describeFailure(answer, isKeyVaultScope(otherScope) ? `the service asks for a token of the scope ${otherScope}, and got one of ${scope}` : hint);
    },
    recover(_remedy, answer, credential) {
      if (credentials === undefined && environmentToken(env) === credential.token) return false;
      const challenge = challengeOf(answer);
      return challenge.usable && tokens.refuse(credential, challenge);
    },
    requestIdOf: (answer) => answer.header("x-ms-request-id"),
    waitHeaders: ["retry-after-ms", "x-ms-retry-after-ms"],
  };
}

/** Copies a credential with its own members checked. */
function checkToken(value: unknown): AzureToken {
  const token = readSecret(value, "token");
  const { expiresAt, refreshAt } = { __proto__: null, ...(value as object) } as Readonly<Record<string, unknown>>;
  return { token, expiresAt: readExpiresAt(expiresAt), refreshAt: readExpiresAt(refreshAt, "refreshAt") };
}
