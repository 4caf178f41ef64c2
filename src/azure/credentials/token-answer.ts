/** Reads the answers that carry an access token. A token is opaque: nothing in it is looked at. */
import { endsAfter, endsAt, optionalSeconds, readToken, requiredSecret, tokenError } from "../../credentials/token-request.js";
import { invalidAnswer, member, optionalString, type Fields } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";
import type { AzureToken } from "../authorization.js";

/**
 * Reads a token out of an answer; lifetimes are cut to a day.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 */
export function readAzureToken(source: string, answer: Pick<Answer, "body">, now: number, readEnd: (fields: Fields, now: number) => Date): AzureToken {
  const read = readToken(source, answer, (fields) => {
    const token = requiredSecret(fields, "access_token");
    if (optionalString(fields, "token_type")?.toLowerCase() !== "bearer" && member(fields, "token_type") !== undefined) throw invalidAnswer("token_type is not Bearer");
    const refreshIn = optionalSeconds(fields, "refresh_in", { text: true });
    return { token, expiresAt: readEnd(fields, now), refreshAt: refreshIn === undefined ? undefined : endsAfter(refreshIn, now) };
  });
  return unexpired(source, read, now);
}

/** Said here, where the source is known: a token that has ended is never handed on. */
export function unexpired(source: string, token: AzureToken & { readonly expiresAt: Date }, now: number): AzureToken {
  if (token.expiresAt.getTime() > now) return token;
  throw tokenError(source, "the token that it gives has expired", { retryable: true, hint: "compare the clock of this machine with the time of the service" });
}

/** Entra's `expires_in`, "3599" too: the vendor's clients take it, and some of its endpoints write it. */
export function readLifetime(fields: Fields, now: number): Date {
  const seconds = optionalSeconds(fields, "expires_in", { text: true });
  if (seconds === undefined) throw invalidAnswer("expires_in is missing");
  return endsAfter(seconds, now);
}

/** `1/1/2026 1:00:00 AM +00:00`, as App Service wrote it before version 2019-08-01. */
const LEGACY_DATE = /^\d{1,2}\/\d{1,2}\/\d{4} \d{1,2}:\d\d:\d\d( [AP]M)? [+-]\d\d:\d\d$/;

/** The end as endpoints of managed identities give it: `expires_on` in Unix seconds, as a number, as text, or as a date; else `expires_in`. */
export function readExpiresOn(fields: Fields, now: number): Date {
  const given = member(fields, "expires_on");
  if (typeof given === "string" && LEGACY_DATE.test(given) && !Number.isNaN(Date.parse(given))) return endsAt(Date.parse(given), now);
  const seconds = optionalSeconds(fields, "expires_on", { text: true });
  return seconds === undefined ? readLifetime(fields, now) : endsAt(seconds * 1000, now);
}
