/** Tokens of the Vault emulator: what each may do, until when, how often, and how it is renewed. */
import { framedError, plainError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import { writeDuration } from "./durations.js";
import { DEFAULT_GRANTS, mergeGrants } from "./grants.js";
import type { Grants, PolicyStore } from "./grants.js";
import { namespaceId, trimSlashes } from "./store.js";

export type { Capability, Grants } from "./grants.js";

/** A token to make. */
export interface VaultTokenOptions {
  /** The token itself; a new random one by default. */
  readonly token?: string;
  /** What it may do besides reading and revoking itself; `"all"`, the default, makes it a root token. `{}` is a live token without any grant. */
  readonly grants?: Grants | "all";
  /** Policies whose grants it has too; with some, `grants` is `{}` by default. */
  readonly policies?: readonly string[];
  /** Where it is valid, with everything below; the root namespace by default. */
  readonly namespace?: string;
  /** Seconds until it expires, by the emulator's clock; never by default. */
  readonly ttlSeconds?: number;
  /** Whether it can be renewed; by default one with an end can, a batch token never. */
  readonly renewable?: boolean;
  /** Seconds after which it ends however often it is renewed; 32 days by default. */
  readonly maxTtlSeconds?: number;
  /** The same, and shown by a look-up; none by default. */
  readonly explicitMaxTtlSeconds?: number;
  /** What every renewal gives it, without a maximum; none by default. */
  readonly periodSeconds?: number;
  /** `service` by default. */
  readonly type?: "service" | "batch";
  /** Requests it is good for; unlimited by default. */
  readonly uses?: number;
  /** Whether the policy `default` is on it, which allows `lookup-self`, `renew-self` and `revoke-self`; true by default. */
  readonly defaultPolicy?: boolean;
}

/** The tokens of an emulator. */
export interface VaultTokens {
  /** Adds a token and returns it. */
  add(options?: VaultTokenOptions): string;
  /** From now on the token, and what was made with it, is unknown. */
  revoke(token: string): void;
}

/** A token with what a login or another token says of it. */
export interface NewToken extends VaultTokenOptions {
  /** Route that made it. */
  readonly path?: string;
  readonly displayName?: string;
  readonly meta?: Readonly<Record<string, string>> | null;
  readonly entityId?: string;
  readonly orphan?: boolean;
  /** The token that made it, with which it ends. */
  readonly parent?: string;
}

export interface TokenEntry {
  readonly token: string;
  readonly accessor: string;
  readonly namespace: string;
  /** As they are at the request. */
  grants: Grants | "all";
  readonly ownGrants: Grants | "all";
  /** As a look-up shows them. */
  readonly policies: readonly string[];
  readonly type: "service" | "batch";
  readonly path: string;
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>> | null;
  readonly entityId: string;
  readonly orphan: boolean;
  readonly parent: string | undefined;
  readonly renewable: boolean;
  readonly createdAt: number;
  /** Seconds; 0 without an end. */
  readonly creationTtl: number;
  /** What a renewal gives that does not say; of a token that another made it is what the last one gave. */
  leaseTtl: number;
  readonly maxTtl: number;
  readonly explicitMaxTtl: number;
  readonly period: number;
  expiresAt: number | undefined;
  renewedAt: number | undefined;
  usesLeft: number | undefined;
}

/** System default of both products: 768 hours. */
export const MAX_TTL_SECONDS = 2_764_800;

export class TokenStore implements VaultTokens {
  readonly #tokens = new Map<string, TokenEntry>();
  readonly #policies: PolicyStore;
  readonly #product: VaultProduct;
  readonly #now: () => number;

  constructor({ policies, product, now }: { policies: PolicyStore; product: VaultProduct; now: () => number }) {
    this.#policies = policies;
    this.#product = product;
    this.#now = now;
  }

  add(options: VaultTokenOptions = {}): string {
    return this.create(options).token;
  }

  create(options: NewToken): TokenEntry {
    const { policies = [], grants = policies.length === 0 ? "all" : {}, defaultPolicy = true, type = "service", namespace = "" } = options;
    const { ttlSeconds = 0, periodSeconds = 0, explicitMaxTtlSeconds = 0, maxTtlSeconds = MAX_TTL_SECONDS } = options;
    const isRoot = grants === "all" || policies.includes("root");
    const place = trimSlashes(namespace);
    const ttl = periodSeconds || ttlSeconds;
    const entry: TokenEntry = {
      token: options.token ?? this.#newToken(type, place),
      accessor: type === "batch" ? "" : randomLetters(24),
      namespace: place,
      grants: {},
      ownGrants: grants === "all" ? "all" : { ...(defaultPolicy ? DEFAULT_GRANTS : {}), ...grants },
      policies: isRoot ? ["root"] : [...new Set([...(defaultPolicy ? ["default"] : []), ...policies])].sort(),
      type,
      path: options.path ?? "auth/token/create",
      displayName: options.displayName ?? "token",
      meta: options.meta ?? null,
      entityId: options.entityId ?? "",
      orphan: options.orphan ?? isRoot,
      parent: options.parent,
      renewable: type === "service" && ttl > 0 && options.renewable !== false,
      createdAt: this.#now(),
      creationTtl: ttl,
      leaseTtl: ttl,
      maxTtl: maxTtlSeconds,
      explicitMaxTtl: explicitMaxTtlSeconds,
      period: periodSeconds,
      expiresAt: ttl === 0 ? undefined : this.#now() + 1000 * ttl,
      renewedAt: undefined,
      usesLeft: options.uses === 0 ? undefined : options.uses,
    };
    this.#tokens.set(entry.token, entry);
    return entry;
  }

  /** Vault has prefixes of its own (release notes of 1.10); in a namespace OpenBao's token ends in its id. */
  #newToken(type: "service" | "batch", namespace: string): string {
    const length = type === "batch" ? 120 : 24;
    const suffix = namespace === "" || type === "batch" ? "" : `.${namespaceId(namespace)}`;
    if (this.#product === "vault") return `${type === "batch" ? "hvb" : "hvs"}.${randomLetters(type === "batch" ? 120 : 90)}`;
    return `${type === "batch" ? "b" : "s"}.${randomLetters(length)}${suffix}`;
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
    for (const { token: child, parent, orphan } of [...this.#tokens.values()]) if (parent === token && !orphan) this.revoke(child);
  }

  /** The live token, one use of it spent, or undefined. */
  use(token: string | undefined): TokenEntry | undefined {
    const entry = token === undefined ? undefined : this.#tokens.get(token);
    if (entry === undefined) return undefined;
    if ((entry.expiresAt !== undefined && this.#now() >= entry.expiresAt) || entry.usesLeft === 0) {
      this.revoke(entry.token);
      return undefined;
    }
    if (entry.usesLeft !== undefined) entry.usesLeft -= 1;
    entry.grants = mergeGrants([entry.ownGrants, this.#policies.grantsOf(entry.policies.filter((name) => name !== "default"))]);
    return entry;
  }

  /** Gives a token another end: so many seconds from now, at most what its maximum leaves. The answer says what was left away. */
  renew(entry: TokenEntry, increment: number | undefined): { seconds: number; warnings: string[] } | { refused: string } {
    const now = this.#now();
    if (entry.type === "batch") return { refused: "batch tokens cannot be renewed" };
    if (!entry.renewable) return { refused: "lease is not renewable" };
    const { ttl: wanted, left } = this.#renewalOf(entry, increment, now);
    if (left <= 0) return { refused: "past the max TTL, cannot renew" };
    const seconds = Math.min(wanted, left);
    entry.expiresAt = now + 1000 * seconds;
    entry.renewedAt = now;
    if (entry.path === "auth/token/create") entry.leaseTtl = seconds;
    return { seconds, warnings: wanted > left ? [cappedWarning(wanted, left, this.#product)] : [] };
  }

  /** What is asked for, and what the maximum leaves (OpenBao `sdk/framework/lease.go`, CalculateTTL). */
  #renewalOf({ leaseTtl, createdAt, maxTtl, explicitMaxTtl, period }: TokenEntry, increment: number | undefined, now: number): { ttl: number; left: number } {
    const limits = [...(period > 0 ? [] : [maxTtl]), ...(explicitMaxTtl > 0 ? [explicitMaxTtl] : [])];
    const left = Math.round((createdAt - now) / 1000) + Math.min(...limits, Number.MAX_SAFE_INTEGER);
    if (period > 0) return { ttl: period, left };
    return { ttl: increment === undefined || increment === 0 ? leaseTtl : increment, left };
  }

  /** `data` of `lookup-self`. */
  describe(entry: TokenEntry): Record<string, unknown> {
    const { expiresAt, renewedAt, createdAt, period, namespace, type } = entry;
    const isRoot = expiresAt === undefined;
    return {
      accessor: entry.accessor,
      creation_time: Math.floor(createdAt / 1000),
      creation_ttl: entry.creationTtl,
      display_name: entry.displayName,
      entity_id: entry.entityId,
      expire_time: isRoot ? null : goTime(expiresAt),
      explicit_max_ttl: entry.explicitMaxTtl,
      id: entry.token,
      issue_time: goTime(createdAt),
      ...(renewedAt === undefined ? {} : { last_renewal: goTime(renewedAt), last_renewal_time: Math.floor(renewedAt / 1000) }),
      meta: entry.meta,
      ...(namespace === "" ? {} : { namespace_path: `${namespace}/` }),
      num_uses: entry.usesLeft ?? 0,
      orphan: entry.orphan,
      path: entry.path,
      ...(period > 0 ? { period } : {}),
      policies: entry.policies,
      renewable: entry.renewable,
      ttl: isRoot ? 0 : Math.max(0, Math.round((expiresAt - this.#now()) / 1000)),
      type,
    };
  }
}

/** The `auth` object of an answer that gives a token or renews one. */
export function authOf(entry: TokenEntry, leaseSeconds = entry.creationTtl): Record<string, unknown> {
  const { token, accessor, policies, meta, renewable, entityId, type, orphan, usesLeft = 0 } = entry;
  return {
    client_token: token,
    accessor,
    policies,
    token_policies: policies,
    metadata: meta,
    lease_duration: leaseSeconds,
    renewable,
    entity_id: entityId,
    token_type: type,
    orphan,
    mfa_requirement: null,
    num_uses: usesLeft,
  };
}

export function cappedWarning(wanted: number, left: number, product: VaultProduct): string {
  const text = (seconds: number): string => `"${writeDuration(seconds, product)}"`;
  return `TTL of ${text(wanted)} exceeded the effective max_ttl of ${text(left)}; TTL value is capped accordingly`;
}

/** RFC 3339 as Go writes it, without zeros at the end of the fraction. */
export function goTime(time: number): string {
  return new Date(time).toISOString().replace(/\.?0+Z$/, "Z");
}

/** The refusal of a token that is none, in each product's words. */
export function badToken(sent: string | undefined, product: VaultProduct): Answer {
  if (product === "openbao" || sent === undefined) return plainError(403, "permission denied");
  return framedError(403, "permission denied", "invalid token");
}

export function randomLetters(length: number): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return [...crypto.getRandomValues(new Uint8Array(length))].map((byte) => letters[byte % letters.length]).join("");
}
