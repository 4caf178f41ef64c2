/** HashiCorp Vault and OpenBao. */
export { createVaultKms, type VaultKmsOptions } from "./create.js";
export { createVaultProvider, type VaultProviderOptions } from "./provider.js";
export type { VaultToken } from "./authorization.js";
export type { VaultData } from "./config.js";
// Sources of credentials; each is a function for the option `credentials`.
export { fromAppRole, type FromAppRoleOptions, type SecretOption } from "./credentials/approle.js";
export { fromDefaultChain, fromEnvironment, type FromDefaultChainOptions, type FromEnvironmentOptions, type VaultCredentialsFunction, type VaultSourceName } from "./credentials/chain.js";
export { fromAwsIam, fromAzureIdentity, type FromAwsIamOptions, type FromAzureIdentityOptions, type IamRequest } from "./credentials/cloud-identity.js";
export { fromJwt, fromKubernetes, type FromJwtOptions, type FromKubernetesOptions } from "./credentials/jwt.js";
export type { VaultLogin } from "./credentials/login.js";
export type { VaultLoginOptions, VaultMethodOptions } from "./credentials/server.js";
export { fromUserpass, type FromUserpassOptions } from "./credentials/userpass.js";
export { fromWrappedToken, type FromWrappedTokenOptions } from "./credentials/wrapped-token.js";
export type { CredentialAsk, CredentialOption } from "../credentials/cached.js";
export { environmentToken, githubActionsToken, vercelToken, type GitHubActionsTokenOptions, type IdentityToken, type IdentityTokenReader, type VercelTokenOptions } from "../credentials/identity-tokens.js";
