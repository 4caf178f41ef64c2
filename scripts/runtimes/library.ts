/** All portable entries as one object. */
export * from "../../src/index.js";
export { createAwsKms } from "../../src/aws/index.js";
export { createAzureKms } from "../../src/azure/index.js";
export { createVaultKms } from "../../src/vault/index.js";
export * from "../../src/encoding/index.js";
export * from "../../src/jwk/index.js";
export * from "../../src/verify/index.js";
export { contractCases, createAwsEmulator, createAzureEmulator, createVaultEmulator } from "../../src/testing/index.js";
