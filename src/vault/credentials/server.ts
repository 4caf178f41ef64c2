/** The server that a login asks: its address under the provider's own rules, and one way to ask it. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { BOOLEAN, FUNCTION, readSourceOptions, TIMEOUT, type OptionRule } from "../../credentials/options.js";
import { requestToken, type TokenFetch } from "../../credentials/token-request.js";
import type { Effect, Answer } from "../../http/send.js";
import { readClock } from "../../options.js";
import { addressProblems, vaultAddress } from "../config.js";

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

/** Whom a login asks. */
export interface LoginServer {
  /** For errors. */
  readonly source: string;
  /** Below `auth/`. */
  readonly mountPath: string;
  readonly options: VaultLoginOptions;
  readonly now: () => number;
}

/** What is checked elsewhere. */
const ANY: OptionRule = [() => true, ""];
const RULES: Readonly<Record<string, OptionRule>> = { address: ANY, namespace: ANY, allowInsecureHttp: BOOLEAN, fetch: FUNCTION, now: FUNCTION, timeoutMs: TIMEOUT };

/** A value, or a function that returns it, asked anew for each login. */
export const TEXT_OR_FUNCTION: OptionRule = [(value) => (typeof value === "string" && value !== "") || typeof value === "function", "a text, or a function that returns it"];

/** What is particular to one auth method. */
export interface LoginKind {
  readonly source: string;
  /** Undefined for a login without an auth method of its own. */
  readonly mountPath?: string;
  readonly rules: Readonly<Record<string, OptionRule>>;
  readonly required?: readonly string[];
  readonly own?: (read: Readonly<Record<string, unknown>>) => string[];
}

/**
 * Reads the options of a login: those of all, and its own.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem
 */
export function readLogin<T extends VaultLoginOptions>(given: T, { source, mountPath, rules, required = [], own }: LoginKind): { readonly options: T; readonly server: LoginServer } {
  const mounted = mountPath === undefined ? {} : { mountPath: ANY };
  const placeOf = (read: Readonly<Record<string, unknown>>): string => (read.mountPath ?? mountPath ?? "token") as string;
  const options = readSourceOptions(given, { ...RULES, ...mounted, ...rules }, {
    required,
    own: (read) => {
      const trust = { customEndpoint: true, insecureHttp: read.allowInsecureHttp === true };
      return [...addressProblems({ ...read, mountPath: placeOf(read) }, trust), ...(own?.(read) ?? [])];
    },
  });
  return { options, server: { source, mountPath: placeOf(options as never), options, now: readClock(options.now) } };
}

export interface LoginRequest {
  /** Below `/v1/`, of checked and encoded parts. */
  readonly path: string;
  readonly token?: string;
  readonly body?: Readonly<Record<string, unknown>>;
  /** A `change` is repeated only if it is known not to have happened. Default `compute`. */
  readonly effect?: Effect;
}

/**
 * Sends one request and returns the answer, whatever its status. Without a token none is sent, for a stale one has no place on a login.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when there is no complete answer
 */
export function askServer({ source, options }: LoginServer, { path, token, body, effect }: LoginRequest, { signal }: Pick<CredentialAsk, "signal">): Promise<Answer> {
  const { address, namespace, allowInsecureHttp = false, fetch, timeoutMs = 4_000 } = options;
  const { base } = vaultAddress({ address, mountPath: "x" }, { customEndpoint: true, insecureHttp: allowInsecureHttp });
  const headers: Record<string, string> = { accept: "application/json", "content-type": "application/json", "x-vault-request": "true" };
  if (namespace !== undefined) headers["x-vault-namespace"] = namespace;
  if (token !== undefined) headers["x-vault-token"] = token;
  return requestToken({
    url: `${base.slice(0, -1)}${path}`,
    method: "POST",
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    fetch,
    signal,
    timeoutMs,
    source,
    format: "json",
    allowInsecureHttp,
    effect: effect ?? "compute",
  });
}
