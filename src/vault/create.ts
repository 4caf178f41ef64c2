/** A manager of one Transit key, out of one flat object of options. */
import { createManager, type KmsManager } from "../kms/manager.js";
import type { ManagerOptions } from "../kms/options.js";
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
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for credentials that are a value and no token
 * @example
 * ```ts
 * const kms = createVaultKms({ address: "https://vault.example:8200", mountPath: "transit", keyName: "signer", credentials: { token } });
 * const { signature, keyVersion } = await kms.sign(data, { algorithm: "ES256" });
 * ```
 */
export function createVaultKms(options: VaultKmsOptions): KmsManager {
  // Copied first, and own members only, so that what is no object is a problem with a name.
  const { keyName, ...rest } = { __proto__: null, ...options } as Partial<VaultKmsOptions>;
  const keyId = typeof keyName === "string" ? keyName : "";
  return createManager<VaultProviderOptions>({ ...rest, keyId }, VAULT_OPTIONS, createVaultProvider);
}
