/** AWS KMS. */
export { createAwsKms, type AwsKmsOptions } from "./create.js";
export { createAwsProvider, type AwsProviderOptions } from "./provider.js";
export { createSigV4Signer, type SignedRequest, type SigV4Request, type SigV4Signer, type SigV4SignerOptions } from "./signer.js";
export type { AwsCredentials } from "./authorization.js";
export type { AwsData } from "./config.js";
// Sources of credentials; each is a function for the option `credentials`.
export { fromAssumeRole, type FromAssumeRoleOptions } from "./credentials/assume-role.js";
export { fromDefaultChain, type AwsSourceName, type FromDefaultChainOptions } from "./credentials/chain.js";
export { fromContainer, type FromContainerOptions } from "./credentials/container.js";
export { fromEnvironment, type AwsCredentialsFunction, type FromEnvironmentOptions } from "./credentials/environment.js";
export { fromInstanceMetadata, type FromInstanceMetadataOptions } from "./credentials/instance-metadata.js";
export type { RoleOptions } from "./credentials/sts.js";
export { fromWebIdentity, type FromWebIdentityOptions } from "./credentials/web-identity.js";
export { vaultIamRequest, type VaultIamRequest, type VaultIamRequestOptions } from "./credentials/vault-iam.js";
export type { CredentialAsk, CredentialOption } from "../credentials/cached.js";
export { environmentToken, githubActionsToken, vercelToken, type GitHubActionsTokenOptions, type IdentityToken, type IdentityTokenReader, type VercelTokenOptions } from "../credentials/identity-tokens.js";
