/** A login: one token for all who use it, renewed and replaced when it is asked for, and revoked on request. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { endsAt, isTransient, refusedToken, tokenError } from "../../credentials/token-request.js";
import { ValidationError } from "../../errors.js";
import { SingleFlight } from "../../abort.js";
import type { VaultToken } from "../authorization.js";
import { readIssued, type IssuedToken } from "./issued.js";
import { refusedLogin } from "./refusal.js";
import { askServer, type LoginRequest, type LoginServer } from "./server.js";

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

interface Held extends IssuedToken {
  /** Milliseconds since 1970. */
  endsAt: number;
  /** Milliseconds of the lease that the login gave. */
  readonly firstLeaseMs: number;
  /** Nothing is tried before, for it has just failed. */
  retryAt: number;
}

/** A failed renewal or login is not repeated before, while the token still serves. */
const RETRY_MS = 30_000;
/** Who waits for another's login gives up after this; most have less time of their own. */
const PATIENCE_MS = 60_000;

/**
 * Makes a login out of a way to get a token. Nothing happens until it is asked. A token that can be renewed is renewed at two thirds
 * of its lease; when that gives it no more time, or the end is near, a new one is got.
 */
export function createLogin(server: LoginServer, getToken: GetToken): VaultLogin {
  const session = new LoginSession(server, getToken);
  return Object.assign((ask: CredentialAsk) => session.get(ask), { revoke: () => session.revoke() });
}

/** The usual way: a request to the auth method. */
export async function logIn(server: LoginServer, { path = "login", ...request }: Partial<LoginRequest>, ask: CredentialAsk): Promise<IssuedToken> {
  const sentAt = server.now();
  const mount = server.mountPath.split("/").map(encodeURIComponent).join("/");
  const answer = await askServer(server, { ...request, path: `auth/${mount}/${path}` }, ask);
  if (answer.status >= 300) throw refusedLogin(server.source, answer);
  return readIssued(server.source, answer, sentAt);
}

class LoginSession {
  readonly #server: LoginServer;
  readonly #getToken: GetToken;
  readonly #flight = new SingleFlight<Held>();
  #held: Held | undefined;
  #latest: Promise<unknown> | undefined;

  constructor(server: LoginServer, getToken: GetToken) {
    this.#server = server;
    this.#getToken = getToken;
  }

  async get(ask: CredentialAsk): Promise<VaultToken> {
    if (ask.refused) this.#held = undefined;
    const held = this.#held;
    const { now } = this.#server;
    if (held !== undefined && nextStep(held, now()) === "keep") return asCredential(held, now());
    const end = performance.now() + PATIENCE_MS;
    const flight = this.#flight.run(() => this.#advance(ask), { signal: ask.signal, remainingMs: () => end - performance.now() });
    this.#latest = flight;
    return asCredential(await flight, now());
  }

  async revoke(): Promise<void> {
    await this.#latest?.catch(() => undefined); // a token that is on its way is one to revoke
    const held = this.#held;
    if (held === undefined) return;
    const { source } = this.#server;
    if (held.isBatch) throw new ValidationError("ERR_KMS_UNSUPPORTED", `${source}: a batch token cannot be revoked`, { hint: "it ends by itself; roles with service tokens can be revoked" });
    this.#held = undefined;
    try {
      const answer = await askServer(this.#server, { path: "auth/token/revoke-self", token: held.token, body: {} }, new AbortController());
      // 403: the server does not know it any more.
      if (answer.status >= 300 && answer.status !== 403) throw refusedToken(source, answer, "the token is not revoked");
    } catch (error) {
      this.#held ??= held;
      throw error;
    }
  }

  async #advance(ask: CredentialAsk): Promise<Held> {
    const held = this.#held;
    const { now } = this.#server;
    try {
      const renewed = held !== undefined && nextStep(held, now()) === "renew" ? await this.#renew(held, ask) : undefined;
      // One that was refused meanwhile is not to come back.
      const next = renewed !== undefined && this.#held === held ? renewed : hold(await this.#getToken(ask));
      if (next.endsAt <= now()) throw tokenError(this.#server.source, "the token that the server gives has expired", { retryable: true });
      this.#held = next;
      return next;
    } catch (error) {
      if (ask.signal.aborted || held === undefined || this.#held !== held || held.endsAt <= now()) throw error;
      held.retryAt = now() + Math.min(RETRY_MS, (held.endsAt - now()) / 4);
      return held;
    }
  }

  /** Undefined: this gave the token no more time, so that it is time for another one. */
  async #renew(held: Held, ask: CredentialAsk): Promise<Held | undefined> {
    const { source, now } = this.#server;
    const sentAt = now();
    const answer = await askServer(this.#server, { path: "auth/token/renew-self", token: held.token, body: {} }, ask);
    if (isTransient(answer.status)) throw refusedToken(source, answer, "the token is not renewed");
    if (answer.status >= 300) return undefined;
    const issued = readIssued(source, answer, sentAt);
    if (issued.token !== held.token) throw tokenError(source, "the renewal gave another token");
    const endBefore = held.endsAt;
    held.endsAt = issued.issuedAt + issued.leaseMs; // also when it is earlier now
    if (held.endsAt - endBefore < held.leaseMs / 10) return undefined;
    // One that got less than at first is near its maximum: the next step is a login.
    const renewable = issued.renewable && issued.leaseMs >= 0.9 * held.firstLeaseMs;
    return { ...hold(issued), renewable, firstLeaseMs: held.firstLeaseMs };
  }
}

function hold(issued: IssuedToken): Held {
  return { ...issued, endsAt: issued.issuedAt + issued.leaseMs, firstLeaseMs: issued.leaseMs, retryAt: 0 };
}

/**
 * What is due. The cache of a provider asks at two thirds of a lease or a little before, so half of it is late enough; for a token that
 * cannot be renewed it asks in the last fifth, or the last five minutes if that is less.
 */
function nextStep({ endsAt, leaseMs, issuedAt, renewable, retryAt }: Held, now: number): "keep" | "renew" | "login" {
  const left = endsAt - now;
  if (left > 0 && now < retryAt) return "keep";
  if (left <= (renewable ? leaseMs / 10 : Math.min(300_000, leaseMs / 5))) return "login";
  return renewable && now >= issuedAt + leaseMs / 2 ? "renew" : "keep";
}

/** For a day at most, after which the same one may be given again. */
function asCredential({ token, endsAt: end, leaseMs, issuedAt, renewable, retryAt }: Held, now: number): VaultToken {
  const expiresAt = endsAt(end, now);
  return renewable && retryAt <= now ? { token, expiresAt, refreshAt: new Date(Math.min(expiresAt.getTime(), issuedAt + (leaseMs * 2) / 3)) } : { token, expiresAt };
}
