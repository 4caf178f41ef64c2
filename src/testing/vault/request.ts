/** Reads method, path, namespace and headers of a request as the servers do, before they look at token or body. */
import { decodeStandard, encodeStandard } from "./go-base64.js";
import { plainError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import type { Operation } from "./engine.js";
import { parseGoBool } from "./fields.js";
import { trimSlashes } from "./store.js";

/** What Go's `unicode.IsPrint` is false for: all but letters, marks, numbers, punctuation, symbols, and the ASCII space. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** Where a request goes: the decoded path below `/v1/`, which may still begin with a namespace. */
export interface Located {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** The path of a URL, or the answer to one that is none. `prefix` is the path of the emulator's own address. */
export function locate({ method, url }: { method: string; url: string }, prefix: string, product: VaultProduct): Located | Answer {
  const { pathname, search, searchParams } = new URL(url);
  const raw = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname;
  const path = decodePath(raw);
  if (path === undefined || UNPRINTABLE.test(path)) return { status: 400, bare: true };
  if (/\/\/|\/\.\.?(?:\/|$)/.test(raw)) return cleanedPath({ method, raw, search, product });
  if (!path.startsWith("/v1/")) return plainError(404);
  if (path.split("/").includes("..")) return plainError(400, "relative paths not supported");
  return { path: path.slice("/v1/".length), query: searchParams };
}

function decodePath(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

/** Go's mux redirects to the path it would rather have, before any token is looked at. */
function cleanedPath({ method, raw, search, product }: { method: string; raw: string; search: string; product: VaultProduct }): Answer {
  const location = raw.replace(/\/{2,}/g, "/") + search;
  const html = { location, "content-type": "text/html; charset=utf-8" };
  if (product === "vault") return { status: 301, headers: html, text: `<a href="${location}">Moved Permanently</a>.\n\n` };
  // Go writes a body for GET alone, and a type only with it.
  if (method !== "GET") return { status: 307, headers: { location } };
  return { status: 307, headers: html, text: `<a href="${location}">Temporary Redirect</a>.\n\n` };
}

/** What a method asks for, or the answer to one that asks for nothing. */
export function operationOf(method: string, query: URLSearchParams, contentType: string | undefined): Operation | Answer {
  if (method === "GET") return listOrRead(query);
  if (method === "PATCH" && !contentType) return plainError(400, "mime: no media type");
  if (method === "PATCH" && contentType !== "application/merge-patch+json") {
    return plainError(415, `PATCH requires Content-Type of application/merge-patch+json, provided ${contentType}`);
  }
  if (method === "OPTIONS") return plainError(400, "cannot handle internal-only request operation");
  return OPERATIONS[method] ?? plainError(405);
}

const OPERATIONS: Readonly<Record<string, Operation | undefined>> = Object.assign(Object.create(null) as object, {
  POST: "update",
  PUT: "update",
  DELETE: "delete",
  LIST: "list",
  SCAN: "scan",
  PATCH: "patch",
} as const);

function listOrRead(query: URLSearchParams): Operation | Answer {
  const list = query.get("list");
  if (list === null || list === "") return "read";
  const wanted = parseGoBool(list);
  if (wanted === undefined) return plainError(400);
  return wanted ? "list" : "read";
}

export interface Resolved {
  /** Without slashes at the ends; "" is the root. */
  readonly namespace: string;
  readonly path: string;
}

/** Takes the namespace from the header and from the beginning of the path, or answers that there is none such. */
export function resolveNamespace(header: string | undefined, path: string, exists: (namespace: string) => boolean): Resolved | Answer {
  const named = trimSlashes(header ?? "");
  const base = named === "root" ? "" : named;
  if (!exists(base)) return plainError(404, "namespace not found");
  const segments = path.split("/");
  for (let length = segments.length - 1; length > 0; length -= 1) {
    const namespace = [base, ...segments.slice(0, length)].filter((part) => part !== "").join("/");
    if (namespace !== base && exists(namespace)) return { namespace, path: segments.slice(length).join("/") };
  }
  return { namespace: base, path };
}

/** `X-Vault-Token`, else a bearer token. */
export function tokenOf(headers: Readonly<Record<string, string>>): string | undefined {
  const bearer = headers.authorization?.startsWith("Bearer ") === true ? headers.authorization.slice("Bearer ".length).trim() : undefined;
  return headers["x-vault-token"] || bearer;
}

/** `X-Vault-Index` of OpenBao 2.7: base64 of JSON with the cluster and the number of the last change, as text. */
export interface VaultIndex {
  readonly cluster: string;
  readonly value: number;
}

export function writeIndex({ cluster, value }: VaultIndex): string {
  return encodeStandard(new TextEncoder().encode(JSON.stringify({ cluster, value: String(value) })));
}

/** The index of a header; undefined without one, an answer to one that cannot be read. */
export function readIndex(header: string | undefined): VaultIndex | undefined | Answer {
  if (header === undefined || header === "") return undefined;
  const decoded = decodeStandard(header);
  const index = "bytes" in decoded ? parseIndex(new TextDecoder().decode(decoded.bytes)) : undefined;
  return index ?? plainError(400, 'failed to decode "X-Vault-Index"');
}

function parseIndex(text: string): VaultIndex | undefined {
  try {
    const { cluster = "", value = "0" } = JSON.parse(text) as { cluster?: unknown; value?: unknown };
    if (typeof cluster !== "string" || typeof value !== "string" || !/^[0-9]+$/.test(value)) return undefined;
    return { cluster, value: Number(value) };
  } catch {
    return undefined;
  }
}

/** A short name of what a request asks for: `sign`, `read-key`, `rotate`, `sys/health`. */
export function requestName(method: string, url: string): string {
  const { pathname, searchParams } = new URL(url);
  const path = decodePath(pathname) ?? pathname;
  const found = /\/v1\/(?:.*\/)?(sign|verify|hmac|keys)(?:\/([^/]+))?(?:\/(.+))?$/.exec(path);
  if (found === null || /\/(sys|auth)\//.test(path)) return path.replace(/^.*\/v1\/(?:.*?\/)?(?=sys\/|auth\/)|^.*\/v1\//, "");
  const [, route, name, action] = found;
  if (route !== "keys") return route as string;
  if (name === undefined || method === "LIST" || searchParams.has("list")) return "list-keys";
  return action ?? KEY_ACTIONS[method] ?? "keys";
}

const KEY_ACTIONS: Readonly<Record<string, string | undefined>> = {
  GET: "read-key",
  POST: "create-key",
  PUT: "create-key",
  DELETE: "delete-key",
};
