/** HashiCorp Vault and OpenBao. */
export { createVaultKms, type VaultKmsOptions } from "./create.js";
export { createVaultProvider, type VaultProviderOptions } from "./provider.js";
export type { VaultToken } from "./authorization.js";
export type { VaultData } from "./config.js";
