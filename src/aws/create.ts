/** A manager of one AWS key, out of one flat object of options. */
import { createManager, type KmsManager } from "../kms/manager.js";
import type { ManagerOptions } from "../kms/options.js";
import { AWS_OPTIONS, createAwsProvider, type AwsProviderOptions } from "./provider.js";

/** Options of the provider and of the manager. */
export interface AwsKmsOptions extends AwsProviderOptions, Omit<ManagerOptions, "now" | "sleep" | "random" | "hasher"> {
  /** Key id, key ARN, `alias/name` or alias ARN. A key of another account needs an ARN. */
  readonly keyId: string;
}

/**
 * A manager of a key in AWS KMS, with nothing of the other services in its bundle.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing" });
 * const { signature, keyVersion } = await kms.sign(data, { algorithm: "ES256" });
 * ```
 */
export function createAwsKms(options: AwsKmsOptions): KmsManager {
  return createManager<AwsProviderOptions>(options, AWS_OPTIONS, createAwsProvider);
}
