/** Several sources of a credential, asked in order; a failure names each one and why it did not serve. */
import { ConfigError, isKmsError } from "../errors.js";
import type { CredentialAsk } from "./cached.js";

/** One place where a credential can come from. */
export interface CredentialSource<T> {
  /** As the vendor calls it; shown in errors. */
  readonly name: string;
  load(ask: CredentialAsk): T | Promise<T>;
}

/** This source is not set up here, so the next one is asked. Any other failure ends the chain: what is set up and broken must not be passed over. */
export class NotConfiguredError extends ConfigError {
  constructor(reason: string) {
    super("ERR_KMS_CREDENTIALS", reason);
  }
}

/**
 * Makes one credentials function out of sources, asked in this order.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` with a problem for each source asked, in order
 */
export function chainCredentials<T>(sources: readonly CredentialSource<T>[], hint?: string): (ask: CredentialAsk) => Promise<T> {
  return async (ask) => {
    const problems: string[] = sources.length === 0 ? ["the list of sources is empty"] : [];
    let retryable = false;
    for (const source of sources) {
      try {
        return await source.load(ask);
      } catch (error) {
        problems.push(`${source.name}: ${isKmsError(error) ? error.message : "failed"}`);
        retryable = isKmsError(error) && error.retryable;
        if (!(error instanceof NotConfiguredError)) break;
      }
    }
    throw new ConfigError("ERR_KMS_CREDENTIALS", `no credentials: ${problems.join("; ")}`, { problems, hint, retryable });
  };
}
