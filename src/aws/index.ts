/** AWS KMS. */
export { createAwsKms, type AwsKmsOptions } from "./create.js";
export { createAwsProvider, type AwsProviderOptions } from "./provider.js";
export { createSigV4Signer, type SignedRequest, type SigV4Request, type SigV4Signer, type SigV4SignerOptions } from "./signer.js";
export type { AwsCredentials } from "./authorization.js";
export type { AwsData } from "./config.js";
