/** What needs Node's own modules. */
export { createNodeFetch, nodeFetch, type NodeFetch, type NodeFetchOptions } from "./fetch.js";
export { nodeHasher } from "./hasher.js";
export { serve, type FetchHandler, type Served, type ServeOptions } from "./serve.js";
// Credentials out of files, programs and sessions of this machine.
export { awsDefaultChain, type AwsChainSourceName, type AwsDefaultChainOptions } from "./aws/chain.js";
export { awsFromProcess, type AwsFromProcessOptions } from "./aws/process.js";
export { awsFromProfile, type AwsFromProfileOptions } from "./aws/profile.js";
export { awsRegion, type AwsRegionOptions } from "./aws/shared-files.js";
export { awsFromSso, type AwsFromSsoOptions } from "./aws/sso.js";
export { azureFromCertificateFile, type AzureFromCertificateFileOptions } from "./azure/certificate-file.js";
export { azureDefaultChain, type AzureDefaultChainOptions } from "./azure/chain.js";
export { azureFromCli, type AzureFromCliOptions } from "./azure/cli.js";
export { vaultDefaultChain, vaultFromTokenFile, type VaultChainSourceName, type VaultDefaultChainOptions, type VaultFromTokenFileOptions } from "./vault/chain.js";
export { fileToken, readTokenFile } from "./token-file.js";
