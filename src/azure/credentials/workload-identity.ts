/** A workload that proves itself with a token of the platform it runs on (workload identity federation). */
import { NotConfiguredError } from "../../credentials/chain.js";
import { readIdentityToken, type IdentityToken } from "../../credentials/identity-tokens.js";
import { FUNCTION } from "../../credentials/options.js";
import { readVariable } from "../../environment.js";
import { assertionProof, clientRules, entraToken, fileLoader, readEntraOptions, type AzureCredentialsFunction, type EntraOptions } from "./entra.js";

/** Options of {@link fromWorkloadIdentity}. */
export interface FromWorkloadIdentityOptions extends EntraOptions {
  /** Id or domain of the tenant. Default `AZURE_TENANT_ID`, else learnt from the vault's challenge, at the cost of one refused request. */
  readonly tenantId?: string;
  /** Client id of the application, or of the user-assigned identity, that has the federated credential. Default `AZURE_CLIENT_ID`. */
  readonly clientId?: string;
  /**
   * Returns the platform's token, anew for every request; its audience is that of the federated credential, mostly
   * `api://AzureADTokenExchange`. Default: the file that `AZURE_FEDERATED_TOKEN_FILE` names, which needs `readFile`.
   */
  readonly identityToken?: IdentityToken;
  /** Reads that file: `readTokenFile` of `knhk-kms/node`. */
  readonly readFile?: (path: string) => Promise<string>;
}

const SOURCE = "workload identity";
const TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE";

/**
 * Tokens for a workload that has no secret: a token of its platform goes to Entra as the assertion. One request a token,
 * besides what `identityToken` costs.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Microsoft identity platform, "OAuth 2.0 client credentials flow", access token request with a federated credential
 * @example
 * ```ts
 * const identityToken = githubActionsToken({ audience: "api://AzureADTokenExchange" });
 * const kms = createAzureKms({ vaultUrl, keyName: "signer", credentials: fromWorkloadIdentity({ tenantId, clientId, identityToken }) });
 * ```
 */
export function fromWorkloadIdentity(options: FromWorkloadIdentityOptions = {}): AzureCredentialsFunction {
  const read = readEntraOptions(options, { ...clientRules(), identityToken: FUNCTION, readFile: FUNCTION });
  const required = (variable: string): string => {
    const value = readVariable(read.env, variable);
    if (value === undefined) throw new NotConfiguredError(`${SOURCE}: ${variable} is not set`);
    return value;
  };
  return async (ask) => {
    // The file is read anew for each request: the platform replaces it every hour.
    const identityToken = read.identityToken ?? fileLoader(SOURCE, TOKEN_FILE, required(TOKEN_FILE), read.readFile);
    const { tenantId = readVariable(read.env, "AZURE_TENANT_ID"), clientId = required("AZURE_CLIENT_ID") } = read;
    const client = { __proto__: null, ...read, source: SOURCE, tenantId, clientId };
    return entraToken(client, ask, async () => assertionProof(await readIdentityToken(SOURCE, identityToken, ask)));
  };
}
