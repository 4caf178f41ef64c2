/** Sign with, publish and rotate keys in AWS KMS, Azure Key Vault and HashiCorp Vault (OpenBao too). */
export { KmsConfig, type AwsConfigOptions, type AzureConfigOptions, type KmsData, type ProblemOptions, type VaultConfigOptions } from "./config.js";
export { createKms, type CreateKmsOptions } from "./create-kms.js";
export { KmsManager } from "./kms/manager.js";
export type {
  BatchItem,
  BatchOptions,
  KmsOperation,
  ManagerOptions,
  MetadataOptions,
  NeedsRotationOptions,
  PublicKeyOptions,
  RotateIfNeededOptions,
  RotateOptions,
  SignOptions,
  VerifyOptions,
  VersionsOptions,
} from "./kms/options.js";
export type { CallOptions } from "./kms/context.js";
export type { KmsEvent, OnEvent } from "./kms/events.js";
export type {
  CallContext,
  InputRule,
  KeyRef,
  KmsProvider,
  ProviderKeyMetadata,
  ProviderKeyVersion,
  ProviderPublicKey,
  ProviderRotation,
  ProviderSignature,
  RotateInput,
  SignInput,
  VerifyInput,
} from "./kms/provider.js";
export type { KeyMetadata, KeyState, KeyUse, KeyVersion, MetadataPart, PublicKey, RotationResult, SignResult } from "./kms/results.js";
export type { RotationPolicy } from "./kms/core.js";
export type { SignParameters } from "./kms/signing.js";
export type { UntrustedSignature, VerifyParameters } from "./kms/verification.js";
export type { EcCurve, KeyType, SignatureAlgorithm, SignatureEncoding } from "./algorithms.js";
export type { CredentialAsk, CredentialOption } from "./credentials/cached.js";
export type { Environment } from "./environment.js";
export type { HashName, Hasher, MacFunction } from "./hasher.js";
export type { TransportOptions } from "./http/transport.js";
export type { RetryRules } from "./http/transport.js";
export type { Bytes } from "./encoding/bytes.js";
export type { PublicJwk } from "./jwk/types.js";
export type { AwsData } from "./aws/config.js";
export type { AzureData } from "./azure/config.js";
export type { VaultData } from "./vault/config.js";
export * from "./errors.js";
