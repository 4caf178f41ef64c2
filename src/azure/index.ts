/** `knhk-kms/azure`: Azure Key Vault and Managed HSM. */
export { createAzureKms, type AzureKmsOptions } from "./create.js";
export { createAzureProvider, type AzureProviderOptions } from "./provider.js";
export type { AzureCredentials, AzureToken } from "./authorization.js";
export type { AzureData } from "./config.js";
// Sources of credentials; each is a function for the option `credentials`.
export { fromClientCertificate, fromClientSecret, type FromClientCertificateOptions, type FromClientSecretOptions } from "./credentials/client-credentials.js";
export { fromDefaultChain, type AzureSourceName, type FromDefaultChainOptions } from "./credentials/chain.js";
export type { AzureCredentialsFunction, EntraOptions } from "./credentials/entra.js";
export { fromEnvironment, type FromEnvironmentOptions } from "./credentials/from-environment.js";
export { fromManagedIdentity, type FromManagedIdentityOptions } from "./credentials/managed-identity.js";
export { fromWorkloadIdentity, type FromWorkloadIdentityOptions } from "./credentials/workload-identity.js";
export type { CredentialAsk, CredentialOption } from "../credentials/cached.js";
export { environmentToken, githubActionsToken, vercelToken, type GitHubActionsTokenOptions, type IdentityToken, type IdentityTokenReader, type VercelTokenOptions } from "../credentials/identity-tokens.js";
