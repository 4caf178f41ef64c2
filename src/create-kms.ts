/** From a configuration to a manager: the one place besides `config.ts` that knows all three services. */
import { createAwsKms, type AwsKmsOptions } from "./aws/create.js";
import { createAzureKms, type AzureKmsOptions } from "./azure/create.js";
import { KmsConfig, type KmsData } from "./config.js";
import type { KmsManager } from "./kms/manager.js";
import type { ManagerOptions } from "./kms/options.js";
import type { TransportOptions } from "./http/transport.js";
import type { CredentialOption } from "./credentials/cached.js";
import type { AwsCredentials } from "./aws/authorization.js";
import type { AzureToken } from "./azure/authorization.js";
import type { Environment } from "./environment.js";
import { createVaultKms, type VaultKmsOptions } from "./vault/create.js";
import type { VaultToken } from "./vault/authorization.js";

/** What is not data: credentials, hooks, limits. */
export interface CreateKmsOptions extends TransportOptions, Pick<ManagerOptions, "timeoutMs" | "onEvent" | "hasher"> {
  /** Of the configured service. Default: its environment variables. */
  readonly credentials?: CredentialOption<AwsCredentials> | CredentialOption<AzureToken> | CredentialOption<VaultToken>;
  /** Instead of the process's environment; `{}` forbids it. */
  readonly env?: Environment;
}

/**
 * A manager for a configuration, its JSON data, or a URI. Sends nothing.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of configuration and options
 * @example
 * ```ts
 * const kms = createKms("awskms:///alias/signing?region=eu-central-1&algorithm=ES256");
 * const { signature, keyVersion } = await kms.sign(new TextEncoder().encode("hello"));
 * ```
 */
export function createKms(config: KmsConfig | KmsData | string, options: CreateKmsOptions = {}): KmsManager {
  // Own members only: an inherited permission is none.
  const { env, allowInsecureHttp, allowCustomEndpoint: allowed } = { __proto__: null, ...options } as CreateKmsOptions;
  const read = typeof config === "string" ? KmsConfig.fromUri(config, env) : KmsConfig.from(config);
  const allowCustomEndpoint = allowed ?? read.trusted;
  read.validate({ allowCustomEndpoint, allowInsecureHttp });
  const { provider, ...data } = read.toJSON();
  const flat = { ...options, ...data, allowCustomEndpoint };
  if (provider === "aws") return createAwsKms(flat as unknown as AwsKmsOptions);
  if (provider === "azure") return createAzureKms(flat as unknown as AzureKmsOptions);
  return createVaultKms(flat as unknown as VaultKmsOptions);
}
