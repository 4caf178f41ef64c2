/** The default chain of the vendor's clients, files and the command line included. */
import { defaultChain, type AzureNodeSourceName, type ChainOptions } from "../../azure/credentials/chain.js";
import type { AzureCredentialsFunction } from "../../azure/credentials/entra.js";
import { readTokenFile } from "../token-file.js";
import { azureFromCli, type AzureFromCliOptions } from "./cli.js";

/** Options of {@link azureDefaultChain}. */
export interface AzureDefaultChainOptions extends Omit<ChainOptions<AzureNodeSourceName>, "readFile"> {
  /** For the Azure CLI: id or name of the subscription whose sign-in counts. Default: the selected one. */
  readonly subscription?: string;
  /** Milliseconds that the Azure CLI may take. Default 10,000. */
  readonly processTimeoutMs?: number;
}

/**
 * Tokens from the first place that is set up, in the order of the vendor's JavaScript client: environment, workload
 * identity with its token file, managed identity, Azure CLI. A source that is set up and broken ends the chain: another
 * identity must not be taken in its place. Outside of any cloud it fails within two seconds.
 *
 * What the vendor's chain asks besides, Visual Studio Code, Azure PowerShell, the Azure Developer CLI and a broker, is not
 * supported.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS`, from the returned function, with each source and why it did not serve
 * @see Azure Identity client library for JavaScript, "Credential chains", `DefaultAzureCredential` and `AZURE_TOKEN_CREDENTIALS`
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl: "https://my-vault.vault.azure.net", keyName: "signer", credentials: azureDefaultChain(), timeoutMs: 30_000 });
 * ```
 */
export function azureDefaultChain(options: AzureDefaultChainOptions = {}): AzureCredentialsFunction {
  const { subscription, processTimeoutMs, ...rest } = { __proto__: null, ...options } as AzureDefaultChainOptions;
  const { tenantId, now } = { __proto__: null, ...rest } as AzureDefaultChainOptions;
  const given = { subscription, tenantId, now, timeoutMs: processTimeoutMs };
  const commandLine = { name: "Azure CLI", load: azureFromCli(given as AzureFromCliOptions), timeoutMs: (processTimeoutMs ?? 10_000) + 500 };
  return defaultChain({ ...rest, readFile: readTokenFile }, [commandLine]);
}
