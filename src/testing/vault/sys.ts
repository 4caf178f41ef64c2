/** Routes outside the engine: health and seal status, which need no token, mounts, namespaces, wrapping, and those of tokens. */
import { dataAnswer, framedError, NO_CONTENT, plainError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import type { AuthMounts } from "./auth/mounts.js";
import type { Operation } from "./engine.js";
import { parseGoBool } from "./fields.js";
import type { PolicyStore } from "./grants.js";
import { namespaceId, trimSlashes } from "./store.js";
import type { VaultStore } from "./store.js";
import { capabilitiesSelf, createToken, lookUpSelf, renewSelf, revokeSelf } from "./token-routes.js";
import type { TokenEntry, TokenStore } from "./tokens.js";
import type { WrapStore } from "./wrapping.js";

/** How a node stands. */
export interface NodeState {
  readonly product: VaultProduct;
  readonly sealed: boolean;
  readonly standby: boolean;
  readonly now: number;
  readonly clusterId: string;
}

export interface OpenRequest {
  readonly method: string;
  readonly path: string;
  /** As the header names it. */
  readonly namespace: string | undefined;
  readonly query: URLSearchParams;
}

export const VERSIONS: Readonly<Record<VaultProduct, string>> = { openbao: "2.7.2", vault: "1.21.1" };
export const CLUSTER_NAME = "vault-cluster-emulated";

/** The answer of a route that needs no token, or undefined when the path is none. */
export function answerOpen(request: OpenRequest, node: NodeState): Answer | undefined {
  const handler = OPEN_ROUTES[request.path];
  if (handler === undefined) return undefined;
  const named = trimSlashes(request.namespace ?? "");
  if (named !== "" && named !== "root" && ROOT_ONLY.has(request.path)) return plainError(400, "operation unavailable in namespaces");
  if (request.method !== "GET" && !(request.method === "HEAD" && request.path === "sys/health")) return plainError(405);
  return handler(request.query, node);
}

const ROOT_ONLY = new Set(["sys/health", "sys/init"]);

/** Whether a sealed node answers at that path. */
export function answersSealed(path: string): boolean {
  return OPEN_ROUTES[path] !== undefined;
}

const OPEN_ROUTES: Readonly<Record<string, ((query: URLSearchParams, node: NodeState) => Answer) | undefined>> = Object.assign(
  Object.create(null) as object,
  {
    "sys/health": health,
    "sys/seal-status": (_query: URLSearchParams, node: NodeState): Answer => ({ status: 200, flat: sealStatus(node) }),
    "sys/init": (): Answer => ({ status: 200, flat: { initialized: true } }),
    "sys/leader": (_query: URLSearchParams, node: NodeState): Answer => ({ status: 200, flat: { ha_enabled: true, is_self: !node.standby } }),
  },
);

/** `GET sys/health`: the status says the state, query parameters can change which (API documentation, "/sys/health"). */
function health(query: URLSearchParams, node: NodeState): Answer {
  const codes: Record<string, number> = { activecode: 200, standbycode: 429, sealedcode: 503, uninitcode: 501 };
  for (const name of Object.keys(codes)) {
    const sent = query.get(name);
    if (sent === null) continue;
    if (!/^[0-9]+$/.test(sent)) return plainError(400);
    codes[name] = Number(sent);
  }
  const standbyOk = query.get("standbyok");
  const calm = standbyOk === null ? false : standbyOk === "" || parseGoBool(standbyOk);
  if (calm === undefined) return plainError(400);
  const state = node.sealed ? "sealedcode" : node.standby && !calm ? "standbycode" : "activecode";
  return { status: codes[state] as number, flat: healthBody(node) };
}

function healthBody(node: NodeState): unknown {
  const { product, sealed, standby } = node;
  return {
    initialized: true,
    sealed,
    standby: standby || sealed,
    ...(product === "vault" ? { performance_standby: false } : {}),
    replication_performance_mode: sealed ? "unknown" : product === "openbao" ? "primary" : "disabled",
    replication_dr_mode: sealed ? "unknown" : "disabled",
    server_time_utc: Math.floor(node.now / 1000),
    version: VERSIONS[product],
    ...(product === "vault" ? NEWER_HEALTH : {}),
    ...clusterOf(node),
  };
}

/** What Vault's releases added in the course of time. */
const NEWER_HEALTH = { enterprise: false, echo_duration_ms: 0, clock_skew_ms: 0, replication_primary_canary_age_ms: 0, removed_from_cluster: false };

function sealStatus(node: NodeState): unknown {
  return {
    type: "shamir",
    initialized: true,
    sealed: node.sealed,
    t: 1,
    n: 1,
    progress: 0,
    nonce: "",
    recovery_seal: false,
    version: VERSIONS[node.product],
    ...(node.product === "openbao" ? { commit_date: "2026-10-26T20:32:27Z" } : { build_date: "2025-11-18T13:04:32Z" }),
    migration: false,
    ...clusterOf(node),
    storage_type: "raft",
  };
}

/** A sealed node does not know its cluster. */
function clusterOf({ sealed, clusterId }: NodeState): object {
  return sealed ? {} : { cluster_name: CLUSTER_NAME, cluster_id: clusterId };
}

export interface SysCall {
  readonly product: VaultProduct;
  readonly path: string;
  readonly namespace: string;
  readonly operation: Operation;
  readonly members: Readonly<Record<string, unknown>>;
  readonly token: TokenEntry;
  readonly store: VaultStore;
  readonly tokens: TokenStore;
  readonly policies: PolicyStore;
  readonly auth: AuthMounts;
  readonly wraps: WrapStore;
  /** Seconds that the answer is to be wrapped for; 0 for not at all. */
  readonly wrapTtl: number;
}

/** The answer of a route under `sys/` or `auth/`, or undefined when the path belongs to an engine. */
export function answerSys(call: SysCall): Answer | undefined {
  if (!/^(?:sys|auth\/token)\//.test(call.path)) return undefined;
  for (const [pattern, handlers] of SYS_ROUTES) {
    const match = pattern.exec(call.path);
    if (match === null) continue;
    const handler = handlers[call.operation];
    return handler === undefined ? framedError(405, "unsupported operation") : handler(call, match[1] ?? "");
  }
  return framedError(404, "unsupported path");
}

type SysHandler = (call: SysCall, name: string) => Answer;

const SYS_ROUTES: readonly (readonly [RegExp, Readonly<Partial<Record<Operation, SysHandler>>>])[] = [
  [/^auth\/token\/create$/, { update: createToken }],
  [/^auth\/token\/lookup-self$/, { read: lookUpSelf, update: lookUpSelf }],
  [/^auth\/token\/renew-self$/, { update: renewSelf }],
  [/^auth\/token\/revoke-self$/, { update: revokeSelf }],
  [/^sys\/capabilities-self$/, { update: capabilitiesSelf }],
  [/^sys\/wrapping\/unwrap$/, { update: unwrap }],
  [/^sys\/wrapping\/wrap$/, { update: wrap }],
  [/^sys\/auth\/(.+)$/, { update: enableAuth, delete: disableAuth }],
  [/^sys\/mounts\/(.+)$/, { update: mount, delete: unmount }],
  [/^sys\/namespaces\/(.+)$/, { update: makeNamespace }],
];

/** With a token of one's own; with the wrapping token alone it is answered before. */
function unwrap({ wraps, members }: SysCall): Answer {
  return wraps.open(String(members["token"]));
}

/** Any data, to be had once. */
function wrap({ members, wrapTtl }: SysCall): Answer {
  if (wrapTtl === 0) return plainError(400, "endpoint requires response wrapping to be used");
  return { ...dataAnswer(members), mountType: "system" };
}

function enableAuth({ auth, namespace, members }: SysCall, name: string): Answer {
  return auth.enableByRequest(namespace, name, members["type"]) ?? NO_CONTENT;
}

/** A mount that is not there is no error. */
function disableAuth({ auth, namespace }: SysCall, name: string): Answer {
  auth.disable(namespace, name);
  return NO_CONTENT;
}

function mount({ store, namespace, members }: SysCall, name: string): Answer {
  if (members.type !== "transit") return plainError(400, `plugin not found in the catalog: ${String(members.type ?? "")}`);
  const path = trimSlashes(name);
  const taken = store.conflictingMount(namespace, path);
  if (taken !== undefined) return plainError(400, `path is already in use at ${taken}/`);
  store.addMount({ namespace, mount: path });
  return NO_CONTENT;
}

/** A mount that is not there is no error. */
function unmount({ store, namespace }: SysCall, name: string): Answer {
  store.removeMount({ namespace, mount: trimSlashes(name) });
  return NO_CONTENT;
}

function makeNamespace({ store, namespace }: SysCall, name: string): Answer {
  const path = [namespace, trimSlashes(name)].filter((part) => part !== "").join("/");
  store.addNamespace(path);
  return dataAnswer({ custom_metadata: {}, id: namespaceId(path), locked: false, path: `${path}/`, tainted: false, uuid: crypto.randomUUID() });
}
