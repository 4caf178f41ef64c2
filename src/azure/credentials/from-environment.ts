/** All that the environment can hold: a token of this library's convention, or an application as the vendor's clients read it. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError } from "../../credentials/chain.js";
import { FUNCTION } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { readVariable } from "../../environment.js";
import { certificateOf, certificateProof } from "./client-credentials.js";
import { entraToken, fileLoader, readEntraOptions, type AzureCredentialsFunction, type EntraOptions } from "./entra.js";
import { environmentToken, type AzureToken } from "../authorization.js";

/** Options of {@link fromEnvironment}. */
export interface FromEnvironmentOptions extends EntraOptions {
  /** Reads the file that `AZURE_CLIENT_CERTIFICATE_PATH` names: `readTokenFile` of `knhk-kms/node`. */
  readonly readFile?: (path: string) => Promise<string>;
}

const SOURCE = "environment";

/**
 * Tokens by the environment: `AZURE_AUTH_TOKEN`, a token (this library's own convention); else an application by
 * `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`, or `AZURE_CLIENT_CERTIFICATE_PATH` and
 * `AZURE_CLIENT_SEND_CERTIFICATE_CHAIN`. All are read at each use.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Azure Identity client library for JavaScript, `EnvironmentCredential`
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl, keyName: "signer", credentials: fromEnvironment() });
 * ```
 */
export function fromEnvironment(options: FromEnvironmentOptions = {}): AzureCredentialsFunction {
  const read = readEntraOptions(options, { readFile: FUNCTION });
  return async (ask) => {
    const token = environmentToken(read.env);
    return token === undefined ? applicationToken(read, ask) : { token };
  };
}

async function applicationToken(options: FromEnvironmentOptions, ask: CredentialAsk): Promise<AzureToken> {
  const variable = (name: string): string | undefined => readVariable(options.env, name);
  const [tenantId, clientId, secret, path] = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"].map(variable);
  // Tenant and client without a proof are those of a workload identity.
  if (tenantId === undefined || clientId === undefined || (secret === undefined && path === undefined)) throw incomplete(variable);
  const client = { __proto__: null, ...options, source: SOURCE, tenantId, clientId };
  if (secret !== undefined) return entraToken(client, ask, () => ({ client_secret: secret }));
  if (variable("AZURE_CLIENT_CERTIFICATE_PASSWORD") !== undefined) {
    throw tokenError(SOURCE, "a certificate with a password is not supported", { hint: "write it as PEM, with the private key in PKCS#8 and not encrypted" });
  }
  const sendChain = /^(1|true)$/i.test(variable("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN") ?? "");
  const load = fileLoader(SOURCE, "AZURE_CLIENT_CERTIFICATE_PATH", path as string, options.readFile);
  return entraToken(client, ask, certificateProof(client, { algorithm: "PS256", sendChain }, async () => certificateOf(SOURCE, await load())));
}

/** Names what is missing, and never what is there. */
function incomplete(variable: (name: string) => string | undefined): Error {
  const missing = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"].filter((name) => variable(name) === undefined);
  // The vendor has deprecated it: it fails wherever a second factor is asked for.
  if (missing.length === 1 && variable("AZURE_USERNAME") !== undefined && variable("AZURE_PASSWORD") !== undefined) {
    return tokenError(SOURCE, "the name and password of a user are not supported");
  }
  return new NotConfiguredError(`${SOURCE}: AZURE_AUTH_TOKEN is not set, and of an application ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing`);
}
