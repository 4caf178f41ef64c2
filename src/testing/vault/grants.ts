/** Policies of the Vault emulator: what is allowed where, by name or by a token's own grants. */
import { trimSlashes } from "./store.js";

/** What a policy of Vault allows at a path. */
export type Capability = "create" | "read" | "update" | "delete" | "list" | "scan" | "patch" | "deny";

/** Paths as in a policy, `*` at the end and `+` for one segment, with what is allowed there: `{ "transit/sign/*": ["update"] }`. */
export type Grants = Readonly<Record<string, readonly Capability[]>>;

/** Who asks, as far as policies go. */
export interface Holder {
  readonly namespace: string;
  readonly grants: Grants | "all";
}

export interface AskedPath {
  readonly namespace: string;
  /** Without the namespace. */
  readonly path: string;
}

/** The `default` policy, as far as the emulator has the routes. */
export const DEFAULT_GRANTS: Grants = {
  "auth/token/lookup-self": ["read"],
  "auth/token/renew-self": ["update"],
  "auth/token/revoke-self": ["update"],
  "sys/capabilities-self": ["update"],
  "sys/wrapping/lookup": ["update"],
  "sys/wrapping/unwrap": ["update"],
  "sys/wrapping/wrap": ["update"],
};

/** Policies by name; `root` and `default` are always there. */
export class PolicyStore {
  readonly #policies = new Map<string, Grants | "all">([
    ["root", "all"],
    ["default", DEFAULT_GRANTS],
  ]);

  set(name: string, grants: Grants): void {
    this.#policies.set(name, grants);
  }

  has(name: string): boolean {
    return this.#policies.has(name);
  }

  /** What the named policies allow together; one that is not there allows nothing. */
  grantsOf(names: readonly string[]): Grants | "all" {
    return mergeGrants(names.map((name) => this.#policies.get(name) ?? {}));
  }
}

/** Grants together: at the same path all that either allows, and a denial of either. */
export function mergeGrants(all: readonly (Grants | "all")[]): Grants | "all" {
  const merged = new Map<string, readonly Capability[]>();
  for (const grants of all) {
    if (grants === "all") return "all";
    for (const [path, capabilities] of Object.entries(grants)) merged.set(path, [...(merged.get(path) ?? []), ...capabilities]);
  }
  return Object.fromEntries(merged);
}

/** Whether something may be done at a path. A folder to list may be granted with or without a slash at its end. */
export function isGranted(holder: Holder, place: AskedPath, capability: Capability): boolean {
  if (capability !== "list" && capability !== "scan") return isAllowed(capabilitiesAt(holder, place), capability);
  const path = trimSlashes(place.path);
  return [path, `${path}/`].some((folder) => isAllowed(capabilitiesAt(holder, { ...place, path: folder }), capability));
}

function isAllowed(capabilities: readonly Capability[] | "all", capability: Capability): boolean {
  return capabilities === "all" || (!capabilities.includes("deny") && capabilities.includes(capability));
}

/** What may be done at a path. The token's own routes are always those of its own namespace; everything else must lie in it or below. */
export function capabilitiesAt(holder: Holder, { namespace, path }: AskedPath): readonly Capability[] | "all" {
  if (path.startsWith("auth/token/") && path.endsWith("-self")) return mostExact(holder.grants, path);
  const inside = holder.namespace === "" || `${namespace}/`.startsWith(`${holder.namespace}/`);
  if (!inside) return [];
  const below = trimSlashes(namespace.slice(holder.namespace.length));
  return mostExact(holder.grants, below === "" ? path : `${below}/${path}`);
}

/** The most exact pattern decides alone, as in the servers (documentation, "Policies", priority matching). */
function mostExact(grants: Grants | "all", path: string): readonly Capability[] | "all" {
  if (grants === "all") return "all";
  const matching = Object.keys(grants).filter((pattern) => patternMatches(pattern, path));
  const best = matching.sort((a, b) => exactness(b) - exactness(a))[0];
  return best === undefined ? [] : (grants[best] ?? []);
}

function patternMatches(pattern: string, path: string): boolean {
  const escaped = pattern.replace(/[.?^${}()|[\]\\]/g, "\\$&").replace(/\+/g, "[^/]+");
  return new RegExp(`^${escaped.replace(/\*$/, ".*")}$`).test(path);
}

function exactness(pattern: string): number {
  const wild = /[+*]/.exec(pattern);
  return wild === null ? Number.POSITIVE_INFINITY : wild.index;
}
