export type { Emulator } from "./emulator.js";
export type { Fault, FaultControl, FaultKind, RecordedRequest } from "./faults.js";
export { generateEmulatedKey, importEmulatedKey, importEmulatedPublicKey } from "./keys.js";
export type { EmulatedKey, EmulatedKeyType, EmulatedPublicJwk, SignScheme } from "./keys.js";
export { createVaultEmulator } from "./vault.js";
export type {
  VaultEmulator,
  VaultEmulatorOptions,
  VaultKeyOptions,
  VaultKeyPlace,
  VaultKeyVersionView,
  VaultKeyView,
} from "./vault.js";
export type { VaultProduct } from "./vault/answer.js";
export type { VaultKeyType } from "./vault/key-types.js";
export type { Capability, Grants, VaultTokenOptions, VaultTokens } from "./vault/tokens.js";
export { createAzureEmulator } from "./azure.js";
export type {
  AzureAuthorization,
  AzureEmulator,
  AzureEmulatorOptions,
  AzureKind,
  AzureTokenGrant,
  AzureTokens,
  EmulatedAzureKey,
  NewAzureKey,
} from "./azure.js";
export { createAwsEmulator } from "./aws.js";
export type {
  AwsAliasSnapshot,
  AwsEmulator,
  AwsEmulatorCredentials,
  AwsEmulatorOptions,
  AwsKeySnapshot,
  AwsKeySpec,
  AwsKeyState,
  AwsKeyUsage,
  AwsOrigin,
  CreateAwsKeyOptions,
} from "./aws.js";
export { contractCases } from "./contract.js";
export type { ContractCase, ContractKeyType, ContractOptions, ContractSubject } from "./contract.js";
