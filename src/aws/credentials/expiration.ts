/** When credentials that were handed out end. */
import { endsAt, tokenError } from "../../credentials/token-request.js";

const YEAR_MS = 31_622_400_000;

/**
 * The `expiresAt` of credentials that a source handed out: no later than in a day, for all that it hands out lives shorter.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for no time, one that is over, and one that is more than a year ahead
 */
export function readExpiration(source: string, time: number | undefined, now: number): Date {
  if (time === undefined) throw tokenError(source, "the answer is not what the service documents: its expiration is not a time");
  const hint = "compare the clock of this machine with the time of the service";
  if (time <= now) throw tokenError(source, "the credentials that it gives have expired", { retryable: true, hint });
  if (time > now + YEAR_MS) throw tokenError(source, "the credentials that it gives end more than a year ahead", { hint });
  return endsAt(time, now);
}
