/** HashiCorp Vault and OpenBao. */
export { createVaultKms, type VaultKmsOptions } from "./create.js";
export { createVaultProvider, type VaultProviderOptions } from "./provider.js";
export type { VaultToken } from "./authorization.js";
export type { VaultData } from "./config.js";
// Sources of credentials; each is a function for the option `credentials`.
export { fromDefaultChain, fromEnvironment, type FromDefaultChainOptions, type FromEnvironmentOptions, type VaultCredentialsFunction, type VaultSourceName } from "./credentials/environment.js";
export { fromAwsIam, fromAzureIdentity, fromJwt, fromKubernetes, type FromAwsIamOptions, type FromAzureIdentityOptions, type FromJwtOptions, type FromKubernetesOptions, type IamRequest } from "./credentials/identity.js";
export type { VaultLogin } from "./credentials/login.js";
export { fromAppRole, fromUserpass, fromWrappedToken, type FromAppRoleOptions, type FromUserpassOptions, type FromWrappedTokenOptions, type SecretOption } from "./credentials/secret.js";
export type { VaultLoginOptions, VaultMethodOptions } from "./credentials/server.js";
export type { CredentialAsk, CredentialOption } from "../credentials/cached.js";
export { environmentToken, githubActionsToken, vercelToken, type GitHubActionsTokenOptions, type IdentityToken, type IdentityTokenReader, type VercelTokenOptions } from "../credentials/identity-tokens.js";
