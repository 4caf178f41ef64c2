/** `knhk-kms/azure`: Azure Key Vault and Managed HSM. */
export { createAzureKms, type AzureKmsOptions } from "./create.js";
export { createAzureProvider, type AzureProviderOptions } from "./provider.js";
export type { AzureCredentials, AzureToken } from "./authorization.js";
export type { AzureData } from "./config.js";
