export type { Emulator } from "./emulator.js";
export type { Fault, FaultControl, FaultKind, RecordedRequest } from "./faults.js";
export { generateEmulatedKey, importEmulatedKey, importEmulatedPublicKey } from "./keys.js";
export type { EmulatedKey, EmulatedKeyType, EmulatedPublicJwk, SignScheme } from "./keys.js";
export { createVaultEmulator } from "./vault.js";
export type {
  VaultAppRole,
  VaultAppRoleMount,
  VaultAuth,
  VaultAuthMount,
  VaultAwsMount,
  VaultAwsRole,
  VaultAzureMount,
  VaultAzurePrincipal,
  VaultAzureRole,
  VaultEmulator,
  VaultEmulatorOptions,
  VaultJwtMount,
  VaultJwtRole,
  VaultKeyOptions,
  VaultKeyPlace,
  VaultKeyVersionView,
  VaultKeyView,
  VaultKubernetesMount,
  VaultKubernetesRole,
  VaultRoleTokens,
  VaultSecretId,
  VaultServiceAccount,
  VaultUser,
  VaultUserpassMount,
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
export { createTokenEmulator } from "./tokens.js";
export type {
  ArcOptions,
  AwsCredentialSource,
  AzureCloud,
  AzureTokenSource,
  ContainerCredentialsOptions,
  Ec2MetadataOptions,
  EntraApp,
  EntraOptions,
  HostedIdentityOptions,
  IssuedAwsCredentials,
  IssuedAzureToken,
  ManagedIdentityOptions,
  RotationOptions,
  SsoOptions,
  StsOptions,
  StsRole,
  TamperOptions,
  TokenChange,
  TokenEmulator,
  TokenEmulatorOptions,
  TokenServices,
  UserAssignedIdentity,
  XmlStyle,
} from "./tokens.js";
export { createIdentityIssuer } from "./identity-issuer.js";
export type { IdentityIssuer, IdentityIssuerOptions } from "./identity-issuer.js";
export type { TrustedIssuer } from "./jwt.js";
