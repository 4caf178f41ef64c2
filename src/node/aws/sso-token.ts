/** The access token of IAM Identity Center that `aws sso login` left in its cache file, refreshed when it is about to end. */
import { createHash, randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { dnsSuffixOf } from "../../aws/config.js";
import { parseTime } from "../../aws/authorization.js";
import { isSecret, optionalSeconds, readToken, refusedToken, requestToken, requiredSecret, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import type { Environment } from "../../environment.js";
import { isKmsError } from "../../errors.js";
import { invalidAnswer, member, optionalString, type Fields } from "../../http/fields.js";
import { readFileBounded } from "../token-file.js";
import { homeOf } from "./shared-files.js";

export const SSO = "SSO";
export const SIGN_IN = "sign in again: aws sso login, with this profile";

/** Which token, and what may be used to renew it. */
export interface SsoPlace {
  /** What the name of the cache file is made from: the session's name, or the start URL of a profile without one. */
  readonly cacheKey: string;
  readonly region: string;
  /** Only tokens of a session can be renewed. */
  readonly canRefresh: boolean;
  readonly env: Environment | undefined;
  readonly fetch: TokenFetch | undefined;
  readonly signal: AbortSignal;
  readonly now: number;
}

interface CachedToken {
  readonly fields: Fields;
  readonly accessToken: string;
  readonly expiresAt: number;
}

const EARLY_MS = 300_000;
const PAUSE_MS = 30_000;

/** When each file's token was last tried to be renewed. */
export type RefreshTimes = Map<string, number>;

/**
 * The token to use now. It is renewed when five minutes or less are left, at most once in 30 seconds; while it lasts, a
 * failure to do so does not matter.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 */
export async function ssoAccessToken(place: SsoPlace, tried: RefreshTimes): Promise<string> {
  const path = join(homeOf(place.env), ".aws", "sso", "cache", `${createHash("sha1").update(place.cacheKey).digest("hex")}.json`);
  const cached = await readCache(path);
  const left = cached.expiresAt - place.now;
  if (left > EARLY_MS) return cached.accessToken;
  if (place.canRefresh && place.now - (tried.get(path) ?? -Infinity) >= PAUSE_MS) {
    tried.set(path, place.now);
    try {
      return await refresh(path, cached, place);
    } catch (error) {
      if (!isKmsError(error, "ERR_KMS_CREDENTIALS")) throw error;
      // The refresh token is good for once: another process may have been faster.
      const again = await readCache(path);
      if (again.expiresAt > place.now && again.accessToken !== cached.accessToken) return again.accessToken;
      if (left <= 0) throw error;
    }
  }
  if (left <= 0) throw tokenError(SSO, "the session has expired", { hint: SIGN_IN });
  return cached.accessToken;
}

async function readCache(path: string): Promise<CachedToken> {
  const read = await readFileBounded(path, 1_048_576);
  if ("problem" in read) {
    throw tokenError(SSO, read.isMissing ? "nobody has signed in to the session: there is no token in the cache" : `the cached token ${read.problem}`, { hint: SIGN_IN });
  }
  let body: unknown;
  try {
    body = JSON.parse(read.text);
  } catch {
    throw tokenError(SSO, "the cached token is not JSON", { hint: SIGN_IN });
  }
  return readToken(SSO, { body }, (fields) => {
    // Old releases of the command line wrote `UTC` where RFC 3339 has `Z`.
    const expiresAt = parseTime(optionalString(fields, "expiresAt")?.replace(/UTC$/, "Z"));
    if (expiresAt === undefined) throw invalidAnswer("expiresAt is not a time");
    return { fields, accessToken: requiredSecret(fields, "accessToken"), expiresAt };
  });
}

/** @see IAM Identity Center OIDC API Reference, CreateToken */
async function refresh(path: string, { fields }: CachedToken, { region, fetch, signal, now }: SsoPlace): Promise<string> {
  const [clientId, clientSecret, refreshToken] = ["clientId", "clientSecret", "refreshToken"].map((name) => member(fields, name));
  const registered = parseTime(optionalString(fields, "registrationExpiresAt")?.replace(/UTC$/, "Z")) ?? Infinity;
  if (![clientId, clientSecret, refreshToken].every(isSecret) || registered <= now) throw tokenError(SSO, "the session cannot be renewed", { hint: SIGN_IN });
  const body = JSON.stringify({ clientId, clientSecret, grantType: "refresh_token", refreshToken });
  const url = `https://oidc.${region}.${dnsSuffixOf(region)}/token`;
  const answer = await requestToken({ url, method: "POST", headers: { "content-type": "application/json" }, body, fetch, signal, timeoutMs: 4_000, source: SSO, format: "json" });
  if (answer.status !== 200) throw refusedToken(SSO, answer, "the session could not be renewed", { hint: SIGN_IN });
  const renewed = readToken(SSO, answer, (given) => {
    const seconds = optionalSeconds(given, "expiresIn", { text: false });
    if (seconds === undefined || seconds <= 0) throw invalidAnswer("expiresIn is not a number of seconds");
    // At most a year, so that it is a date.
    const expiresAt = `${new Date(now + Math.min(seconds, 31_536_000) * 1000).toISOString().slice(0, 19)}Z`;
    const next = member(given, "refreshToken") === undefined ? refreshToken : requiredSecret(given, "refreshToken");
    return { ...fields, accessToken: requiredSecret(given, "accessToken"), expiresAt, refreshToken: next };
  });
  await writeCache(path, renewed);
  return renewed.accessToken;
}

/** Whole or not at all, readable by the user only. A folder that cannot be written to costs a refresh the next time, no more. */
async function writeCache(path: string, content: object): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, JSON.stringify(content, null, 2), { mode: 0o600, flag: "wx" });
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true }).catch(() => {});
  }
}
