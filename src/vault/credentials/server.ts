/** The server that a login asks: its address under the provider's own rules, one way to ask it, and what its answers mean. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { BOOLEAN, FUNCTION, readSourceOptions, TIMEOUT, type OptionRule } from "../../credentials/options.js";
import { readToken, refusedToken, requestToken, requiredSecret, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import type { ConfigError } from "../../errors.js";
import { member, optionalBoolean, optionalInteger, optionalString, requiredNumber, requiredObject } from "../../http/fields.js";
import type { Effect, Answer } from "../../http/send.js";
import { addressTrust } from "../../http/transport.js";
import { readClock } from "../../options.js";
import { addressProblems, vaultAddress, vaultHeaders } from "../config.js";
import { textOf } from "../errors.js";

/** Options of every login. */
export interface VaultLoginOptions {
  /** `https://host[:port][/prefix]`, as the provider has it. */
  readonly address: string;
  /** Vault Enterprise, HCP and OpenBao: `team-a/sub`, the namespace that the auth method is in. Default: none. */
  readonly namespace?: string;
  /** Lets the address be http: for tests and for a sidecar on the same machine. */
  readonly allowInsecureHttp?: boolean;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Milliseconds for each request and its repetitions. Default 4,000. */
  readonly timeoutMs?: number;
}

/** Options of a login at an auth method. */
export interface VaultMethodOptions extends VaultLoginOptions {
  /** Where the auth method is mounted, without `auth/`, slashes allowed. Default: the method's own name. */
  readonly mountPath?: string;
}

/**
 * What a refusal of a method means. There are no codes: the texts of the auth methods decide, and the first that matches counts
 * (builtin/credential of openbao, and the plugins of Vault).
 */
export type Refusal = readonly [text: RegExp, message: string, hint?: string];

/** What is checked elsewhere. */
const ANY: OptionRule = [() => true, ""];
const RULES: Readonly<Record<string, OptionRule>> = { address: ANY, namespace: ANY, allowInsecureHttp: BOOLEAN, fetch: FUNCTION, now: FUNCTION, timeoutMs: TIMEOUT };

/** A value, or a function that returns it, asked anew for each login. */
export const TEXT_OR_FUNCTION: OptionRule = [(value) => (typeof value === "string" && value !== "") || typeof value === "function", "a text, or a function that returns it"];

/** What is particular to one login. */
export interface LoginKind {
  /** For errors. */
  readonly source: string;
  /** Where its auth method is mounted by default, below `auth/`. Undefined for a login without one of its own. */
  readonly mountPath?: string | undefined;
  /** Its own options: those that it needs, and others. */
  readonly needs: Readonly<Record<string, OptionRule>>;
  readonly takes?: Readonly<Record<string, OptionRule>>;
  readonly refusals?: readonly Refusal[];
}

/** Whom a login asks, and with which options. */
export interface LoginServer<T extends VaultLoginOptions = VaultLoginOptions> extends LoginKind {
  readonly options: T;
  readonly now: () => number;
}

/**
 * Reads the options of a login: those of all, and its own.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem
 */
export function readLogin<T extends VaultLoginOptions>(given: T, kind: LoginKind): LoginServer<T> {
  const options = readSourceOptions(given, { ...RULES, ...(kind.mountPath && { mountPath: ANY }), ...kind.needs, ...kind.takes }, {
    required: Object.keys(kind.needs),
    own: (read) => addressProblems({ mountPath: kind.mountPath ?? "token", ...read }, addressTrust(read)),
  });
  const { mountPath = kind.mountPath } = options as VaultMethodOptions;
  return { ...kind, mountPath, options, now: readClock(options.now) };
}

export interface LoginRequest {
  readonly token?: string;
  readonly body?: object;
  /** A `change` is repeated only if it is known not to have happened. Default `compute`. */
  readonly effect?: Effect;
}

/**
 * Sends one request and returns the answer, whatever its status. Without a token none is sent, for a stale one has no place on a login.
 *
 * @param path below `/v1/`, of checked parts
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when there is no complete answer
 */
export function askServer({ source, options }: LoginServer, path: string, { token, body, effect = "compute" }: LoginRequest, { signal }: Pick<CredentialAsk, "signal">): Promise<Answer> {
  const { address, namespace, allowInsecureHttp = false, fetch, timeoutMs = 4_000 } = options;
  return requestToken({
    url: vaultAddress({ address, mountPath: path }, addressTrust({ allowInsecureHttp })).base,
    method: "POST",
    headers: vaultHeaders(namespace, token),
    body: JSON.stringify(body), // undefined for none
    fetch,
    signal,
    timeoutMs,
    source,
    format: "json",
    allowInsecureHttp,
    effect,
  });
}

/** The usual login: a request to the auth method. Members of the body that are undefined are left out. */
export async function logIn(server: LoginServer, body: object, ask: CredentialAsk, { path = "login", effect = "compute" }: { readonly path?: string; readonly effect?: Effect } = {}): Promise<IssuedToken> {
  const sentAt = server.now();
  const answer = await askServer(server, `auth/${server.mountPath}/${path}`, { body, effect }, ask);
  if (answer.status >= 300) throw refusedLogin(server, answer);
  return readIssued(server.source, answer, sentAt);
}

/** A token as it was given, and what became of it. */
export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since 1970, counted from before the request was sent, so that it is never too late; without end for a token that does not expire. */
  endsAt: number;
  /** Milliseconds. */
  readonly leaseMs: number;
  /** Milliseconds of the lease that the login gave, where this one came by a renewal. */
  readonly firstLeaseMs: number;
  readonly renewable: boolean;
  /** A batch token can be neither renewed nor revoked. */
  readonly isBatch: boolean;
  /** Milliseconds since 1970: nothing is tried before, for it has just failed. */
  retryAt: number;
}

/**
 * Reads the `auth` object of an answer: the token that a login, a renewal or an unwrapping gave. Refuses those that a client that lives
 * on cannot use.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 * @see Vault API documentation, "Auth methods"; sdk/logical/translate_response.go
 */
export function readIssued(source: string, answer: Pick<Answer, "body">, sentAt: number): IssuedToken {
  return readToken(source, answer, (fields) => {
    const auth = requiredObject(fields, "auth");
    // Status 200, and no token: the second step needs a person.
    if (member(auth, "mfa_requirement") !== undefined) throw tokenError(source, "the login must not ask for a second factor");
    const token = requiredSecret(auth, "client_token");
    const leaseMs = requiredNumber(auth, "lease_duration") * 1000 || Infinity;
    // Every request takes one away, a renewal too, and used up it looks like any refused token.
    if ((optionalInteger(auth, "num_uses") ?? 0) > 0) throw tokenError(source, "token_num_uses of the role must be 0");
    const isBatch = optionalString(auth, "token_type") === "batch";
    const renewable = optionalBoolean(auth, "renewable") === true && !isBatch && leaseMs < Infinity;
    return { token, endsAt: sentAt + leaseMs, leaseMs, firstLeaseMs: leaseMs, renewable, isBatch, retryAt: 0 };
  });
}

/** What is the same of all methods. A 403 is about the login and never about a token, so it is not tried again. */
const REFUSALS: readonly Refusal[] = [[/^403|namespace not found/, "mountPath, namespace or identity is wrong, or the user is locked out"]];

/** The error for an answer that is no success; no text of the answer gets into it. */
function refusedLogin({ source, refusals }: LoginServer, answer: Answer): ConfigError {
  const { status, body } = answer;
  const said = `${status} ${textOf(body)}`;
  const [, message = `the login is refused (status ${status})`, hint] = [...(refusals ?? []), ...REFUSALS].find(([text]) => text.test(said)) ?? [];
  return refusedToken(source, answer, message, { hint });
}
