/** An application that proves itself with a secret. */
import { TEXT } from "../../credentials/options.js";
import { clientRules, entraToken, readEntraOptions, type AzureCredentialsFunction, type EntraOptions } from "./entra.js";

/** Options of {@link fromClientSecret}. */
export interface FromClientSecretOptions extends EntraOptions {
  /** Id or domain of the tenant. Default: learnt from the vault's challenge, at the cost of one refused request. */
  readonly tenantId?: string;
  /** Application (client) id. */
  readonly clientId: string;
  /** The secret's value. */
  readonly clientSecret: string;
}

/**
 * Tokens for an application with a client secret. The secret goes to the authority only, never to an address that an answer
 * names. One request a token.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Microsoft identity platform, "OAuth 2.0 client credentials flow", access token request with a shared secret
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl, keyName: "signer", credentials: fromClientSecret({ tenantId, clientId, clientSecret }) });
 * ```
 */
export function fromClientSecret(options: FromClientSecretOptions): AzureCredentialsFunction {
  const read = readEntraOptions(options, { ...clientRules(), clientSecret: TEXT }, { required: ["clientId", "clientSecret"] });
  const { clientSecret, clientId, tenantId } = read;
  return (ask) => entraToken({ options: read, source: "client secret", tenantId, clientId }, ask, () => ({ client_secret: clientSecret }));
}
