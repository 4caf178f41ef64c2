/** Tokens of the Vault emulator: what each may do, until when, and how often. */
import { framedError, plainError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import { trimSlashes } from "./store.js";

export type Capability = "create" | "read" | "update" | "delete" | "list" | "scan" | "patch" | "deny";

/** Paths as in a policy, `*` at the end and `+` for one segment, with what is allowed there: `{ "transit/sign/*": ["update"] }`. */
export type Grants = Readonly<Record<string, readonly Capability[]>>;

/** A token to make. */
export interface VaultTokenOptions {
  /** The token itself; a new random one by default. */
  readonly token?: string;
  /** What it may do besides reading and revoking itself; `"all"`, the default, makes it a root token. `{}` is a live token without any grant. */
  readonly grants?: Grants | "all";
  /** Where it is valid, with everything below; the root namespace by default. */
  readonly namespace?: string;
  /** Seconds until it expires, by the emulator's clock; never by default. */
  readonly ttlSeconds?: number;
  /** Requests it is good for; unlimited by default. */
  readonly uses?: number;
  /** Whether the policy `default` is on it, which allows `lookup-self` and `revoke-self`; true by default. */
  readonly defaultPolicy?: boolean;
}

/** The tokens of an emulator. */
export interface VaultTokens {
  /** Adds a token and returns it. */
  add(options?: VaultTokenOptions): string;
  /** From now on the token is unknown. */
  revoke(token: string): void;
}

export interface TokenEntry {
  readonly token: string;
  readonly accessor: string;
  readonly grants: Grants | "all";
  readonly namespace: string;
  readonly createdAt: number;
  readonly ttlSeconds: number | undefined;
  usesLeft: number | undefined;
}

/** `default` policy, as far as the emulator has the routes. */
const DEFAULT_GRANTS: Grants = { "auth/token/lookup-self": ["read"], "auth/token/revoke-self": ["update"], "auth/token/renew-self": ["update"] };

export class TokenStore implements VaultTokens {
  readonly #tokens = new Map<string, TokenEntry>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add({ token, grants = "all", namespace = "", ttlSeconds, uses, defaultPolicy = true }: VaultTokenOptions = {}): string {
    const made = token ?? `s.${randomLetters(24)}`;
    this.#tokens.set(made, {
      token: made,
      accessor: randomLetters(24),
      grants: grants === "all" ? "all" : { ...(defaultPolicy ? DEFAULT_GRANTS : {}), ...grants },
      namespace: trimSlashes(namespace),
      createdAt: this.#now(),
      ttlSeconds,
      usesLeft: uses,
    });
    return made;
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
  }

  /** The live token, one use of it spent, or undefined. */
  use(token: string | undefined): TokenEntry | undefined {
    const entry = token === undefined ? undefined : this.#tokens.get(token);
    if (entry === undefined) return undefined;
    const expired = entry.ttlSeconds !== undefined && this.#now() >= entry.createdAt + 1000 * entry.ttlSeconds;
    if (expired || entry.usesLeft === 0) {
      this.#tokens.delete(entry.token);
      return undefined;
    }
    if (entry.usesLeft !== undefined) entry.usesLeft -= 1;
    return entry;
  }

  /** `data` of `lookup-self`. */
  describe(entry: TokenEntry): Record<string, unknown> {
    const { token, accessor, namespace, createdAt, ttlSeconds, usesLeft = 0 } = entry;
    const expires = ttlSeconds === undefined ? undefined : createdAt + 1000 * ttlSeconds;
    return {
      accessor,
      creation_time: Math.floor(createdAt / 1000),
      creation_ttl: ttlSeconds ?? 0,
      display_name: "token",
      entity_id: "",
      expire_time: expires === undefined ? null : new Date(expires).toISOString(),
      explicit_max_ttl: 0,
      id: token,
      issue_time: new Date(createdAt).toISOString(),
      meta: null,
      ...(namespace === "" ? {} : { namespace_path: `${namespace}/` }),
      num_uses: usesLeft,
      orphan: entry.grants === "all",
      path: "auth/token/create",
      policies: entry.grants === "all" ? ["root"] : ["default"],
      renewable: ttlSeconds !== undefined,
      ttl: expires === undefined ? 0 : Math.max(0, Math.floor((expires - this.#now()) / 1000)),
      type: "service",
    };
  }
}

/** The refusal of a token that is none, in each product's words. */
export function badToken(sent: string | undefined, product: VaultProduct): Answer {
  if (product === "openbao" || sent === undefined) return plainError(403, "permission denied");
  return framedError(403, "permission denied", "invalid token");
}

/** Whether a token may do something at a path, which is without a namespace. A folder to list may be granted with or without a slash at its end. */
export function isGranted(token: TokenEntry, place: { readonly namespace: string; readonly path: string }, capability: Capability): boolean {
  const path = capability === "list" || capability === "scan" ? trimSlashes(place.path) : place.path;
  if (path.startsWith("auth/token/") && path.endsWith("-self")) return grantsAt(token, path, capability);
  const inside = token.namespace === "" || `${place.namespace}/`.startsWith(`${token.namespace}/`);
  if (!inside) return false;
  const below = trimSlashes(place.namespace.slice(token.namespace.length));
  const full = below === "" ? path : `${below}/${path}`;
  return grantsAt(token, full, capability) || ((capability === "list" || capability === "scan") && grantsAt(token, `${full}/`, capability));
}

/** The most exact pattern decides alone, as in the servers (documentation, "Policies", priority matching). */
function grantsAt({ grants }: TokenEntry, path: string, capability: Capability): boolean {
  if (grants === "all") return true;
  const matching = Object.keys(grants).filter((pattern) => patternMatches(pattern, path));
  const best = matching.sort((a, b) => exactness(b) - exactness(a))[0];
  const allowed = best === undefined ? [] : (grants[best] ?? []);
  return !allowed.includes("deny") && allowed.includes(capability);
}

function patternMatches(pattern: string, path: string): boolean {
  const escaped = pattern.replace(/[.?^${}()|[\]\\]/g, "\\$&").replace(/\+/g, "[^/]+");
  return new RegExp(`^${escaped.replace(/\*$/, ".*")}$`).test(path);
}

function exactness(pattern: string): number {
  const wild = /[+*]/.exec(pattern);
  return wild === null ? Number.POSITIVE_INFINITY : wild.index;
}

function randomLetters(length: number): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return [...crypto.getRandomValues(new Uint8Array(length))].map((byte) => letters[byte % letters.length]).join("");
}
