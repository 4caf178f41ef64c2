/** A manager of one Transit key, out of one flat object of options. */
import { createManager, type KmsManager, type ManagerOptions } from "../kms/manager.js";
import { createVaultProvider, VAULT_OPTIONS, type VaultProviderOptions } from "./provider.js";

/** Options of the provider and of the manager. */
export interface VaultKmsOptions extends VaultProviderOptions, Omit<ManagerOptions, "keyId" | "now" | "sleep" | "random"> {
  /** Letters, digits and `_`, with `-` and `.` inside. */
  readonly keyName: string;
}

/**
 * A manager of a key in HashiCorp Vault or OpenBao, with nothing of the other services in its bundle.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options
 * @example
 * ```ts
 * const kms = createVaultKms({ address: "https://vault.example:8200", mountPath: "transit", keyName: "signer" });
 * const { signature, keyVersion } = await kms.sign(data, { algorithm: "ES256" });
 * ```
 */
export function createVaultKms(options: VaultKmsOptions): KmsManager {
  const { keyName, ...rest } = options;
  return createManager<VaultProviderOptions>({ ...rest, keyId: keyName }, VAULT_OPTIONS, createVaultProvider);
}
