/** A login: one token for all who use it, renewed and replaced when it is asked for, and revoked on request. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { endsAt, isTransient, refusedToken, tokenError } from "../../credentials/token-request.js";
import { ValidationError } from "../../errors.js";
import { SingleFlight } from "../../abort.js";
import type { VaultToken } from "../authorization.js";
import { askServer, readIssued, type IssuedToken, type LoginServer } from "./server.js";

/** A source of tokens, for the option `credentials`. */
export interface VaultLogin {
  (ask: CredentialAsk): Promise<VaultToken>;
  /**
   * Revokes the token at hand; nothing is sent when there is none. Who still uses this login then logs in again.
   *
   * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when the server does not do it; the token then stays at hand
   * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` for a batch token, which ends by itself only
   */
  revoke(): Promise<void>;
}

/** Gets a token, however; asked again when there is none, or it ends. */
export type GetToken = (ask: CredentialAsk) => Promise<IssuedToken>;

/** A failed renewal or login is not repeated before, while the token still serves. */
const RETRY_MS = 30_000;
/** Who waits for another's login gives up after this; most have less time of their own. */
const PATIENCE_MS = 60_000;

/**
 * Makes a login out of a way to get a token. Nothing happens until it is asked. A token that can be renewed is renewed at two thirds
 * of its lease; when that gives it no more time, or the end is near, a new one is got.
 */
export function createLogin(server: LoginServer, getToken: GetToken): VaultLogin {
  const { source, now } = server;
  const flight = new SingleFlight<IssuedToken>();
  let held: IssuedToken | undefined;
  let latest: Promise<unknown> | undefined;

  async function get(ask: CredentialAsk): Promise<VaultToken> {
    if (ask.refused) held = undefined;
    if (held !== undefined && nextStep(held, now()) === "keep") return asCredential(held, now());
    const end = performance.now() + PATIENCE_MS;
    const next = flight.run(() => advance(ask), { signal: ask.signal, remainingMs: () => end - performance.now() });
    latest = next;
    return asCredential(await next, now());
  }

  async function advance(ask: CredentialAsk): Promise<IssuedToken> {
    const old = held;
    try {
      const renewed = old !== undefined && nextStep(old, now()) === "renew" ? await renew(old, ask) : undefined;
      // One that was refused meanwhile is not to come back.
      const next = renewed !== undefined && held === old ? renewed : await getToken(ask);
      if (next.endsAt <= now()) throw tokenError(source, "the token has expired", { retryable: true });
      return (held = next);
    } catch (error) {
      if (ask.signal.aborted || old === undefined || held !== old || old.endsAt <= now()) throw error;
      old.retryAt = now() + Math.min(RETRY_MS, (old.endsAt - now()) / 4);
      return old;
    }
  }

  /** Undefined: this gave the token no more time, so that it is time for another one. */
  async function renew(old: IssuedToken, ask: CredentialAsk): Promise<IssuedToken | undefined> {
    const sentAt = now();
    const answer = await askServer(server, "auth/token/renew-self", { token: old.token, body: {} }, ask);
    if (isTransient(answer.status)) throw refusedToken(source, answer, "the token is not renewed");
    if (answer.status >= 300) return undefined;
    const issued = readIssued(source, answer, sentAt);
    if (issued.token !== old.token) throw tokenError(source, "the renewal gave another token");
    const more = issued.endsAt - old.endsAt;
    old.endsAt = issued.endsAt; // also when it is earlier now
    if (more < old.leaseMs / 10) return undefined;
    // One that got less than at first is near its maximum: the next step is a login.
    const { firstLeaseMs } = old;
    return { ...issued, renewable: issued.renewable && issued.leaseMs >= 0.9 * firstLeaseMs, firstLeaseMs };
  }

  async function revoke(): Promise<void> {
    await latest?.catch(() => {}); // a token that is on its way is one to revoke
    const old = held;
    if (old === undefined) return;
    if (old.isBatch) throw new ValidationError("ERR_KMS_UNSUPPORTED", `${source}: a batch token cannot be revoked`);
    const answer = await askServer(server, "auth/token/revoke-self", { token: old.token, body: {} }, new AbortController());
    // 403: the server does not know it any more.
    if (answer.status >= 300 && answer.status !== 403) throw refusedToken(source, answer, "the token is not revoked");
    if (held?.token === old.token) held = undefined;
  }

  return Object.assign(get, { revoke });
}

/**
 * What is due. The cache of a provider asks at two thirds of a lease or a little before, so half of it is late enough; for a token that
 * cannot be renewed it asks in the last fifth, or the last five minutes if that is less.
 */
function nextStep({ endsAt, leaseMs, renewable, retryAt }: IssuedToken, now: number): "keep" | "renew" | "login" {
  const left = endsAt - now;
  if (left > 0 && now < retryAt) return "keep";
  if (left <= (renewable ? leaseMs / 10 : Math.min(300_000, leaseMs / 5))) return "login";
  return renewable && left <= leaseMs / 2 ? "renew" : "keep";
}

/** For a day at most, after which the same one may be given again. */
function asCredential({ token, endsAt: end, leaseMs, renewable, retryAt }: IssuedToken, now: number): VaultToken {
  const expiresAt = endsAt(end, now);
  return { token, expiresAt, ...(renewable && retryAt <= now && { refreshAt: new Date(Math.min(expiresAt.getTime(), end - leaseMs / 3)) }) };
}
