/** A manager of one key, out of one flat object of options. */
import { createManager, type KmsManager } from "../kms/manager.js";
import type { ManagerOptions } from "../kms/options.js";
import { AZURE_OPTIONS, createAzureProvider, type AzureProviderOptions } from "./provider.js";

/** Options of the provider and of the manager. */
export interface AzureKmsOptions extends AzureProviderOptions, Omit<ManagerOptions, "keyId" | "now" | "sleep" | "random"> {
  /** 1 to 127 letters, digits and `-`. */
  readonly keyName: string;
}

/**
 * A manager of a key in Azure Key Vault or Managed HSM, with nothing of the other services in its bundle.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for credentials that are a value and no token
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl: "https://my-vault.vault.azure.net", keyName: "signer", credentials: { token } });
 * const { signature, keyVersion } = await kms.sign(data, { algorithm: "ES256" });
 * ```
 */
export function createAzureKms(options: AzureKmsOptions): KmsManager {
  // Copied first, so that what is no object is a problem with a name.
  const { keyName, ...rest } = { __proto__: null, ...options } as Partial<AzureKmsOptions>;
  const keyId = typeof keyName === "string" ? keyName : "";
  return createManager<AzureProviderOptions>({ ...rest, keyId }, AZURE_OPTIONS, createAzureProvider);
}
