/** Several sources of a credential, asked in order; a failure names each one and why it did not serve. */
import { noAnswer, settlesWithin } from "../abort.js";
import { ConfigError, isKmsError } from "../errors.js";
import type { CredentialAsk } from "./cached.js";

/** One place where a credential can come from. */
export interface CredentialSource<T> {
  /** As the vendor calls it; shown in errors. */
  readonly name: string;
  load(ask: CredentialAsk): T | Promise<T>;
  /** Milliseconds after which it counts as broken. Default 4,500, which is less than a call has for one attempt. */
  readonly timeoutMs?: number;
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
    const problems: string[] = sources.length === 0 ? ["no sources"] : [];
    let last: unknown;
    for (const source of sources) {
      try {
        return await loadInTime(source, ask);
      } catch (error) {
        last = error;
        problems.push(problemOf(source.name, error));
        if (!(error instanceof NotConfiguredError)) break;
      }
    }
    const { retryable = false, retryAfterMs, hint: own } = isKmsError(last) ? last : {};
    throw new ConfigError("ERR_KMS_CREDENTIALS", `no credentials: ${problems.join("; ")}`, { problems, hint: own ?? hint, retryable, retryAfterMs });
  };
}

/** A source that is at once done is not raced with a timer: the environment is read at every attempt of a call. */
async function loadInTime<T>(source: CredentialSource<T>, ask: CredentialAsk): Promise<T> {
  const loading = source.load(ask);
  if (typeof (loading as PromiseLike<T> | null | undefined)?.then !== "function") return loading;
  if (await settlesWithin(loading as Promise<T>, source.timeoutMs ?? 4_500, ask.signal)) return loading;
  throw noAnswer("ERR_KMS_TIMEOUT", { retryable: true });
}

/** Many a source names itself in its errors, for it is used alone too. */
function problemOf(name: string, error: unknown): string {
  const reason = isKmsError(error) ? error.message : "failed";
  return reason.startsWith(`${name}: `) ? reason : `${name}: ${reason}`;
}
