/**
 * `nodeFetch`: as much of `fetch` as this library uses, over keep-alive `node:https`. Node's global `fetch` costs several times
 * what `node:http` does, so on a server it is the larger part of a signature.
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { connect as tlsConnect, type ConnectionOptions } from "node:tls";
import { urlToHttpOptions } from "node:url";

/** Options of {@link createNodeFetch}. */
export interface NodeFetchOptions {
  /** Certificate authorities in PEM, instead of Node's own. */
  readonly ca?: string | readonly string[];
  /** Client certificate and key in PEM, for mutual TLS. */
  readonly cert?: string;
  readonly key?: string;
  /** Connections to one host. Default 64. */
  readonly maxSockets?: number;
  /** Instead of the process's environment for `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`; `{}` uses no proxy. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Addresses whose parsed form is kept. */
const KEPT_URLS = 64;

/** What `fetch` of this library's options is called as. */
export type NodeFetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * Makes a fetch function with connections of its own. Redirects are never followed, bodies never decoded, and nothing is
 * repeated. https goes through the proxy of `HTTPS_PROXY` (or `https_proxy`, `ALL_PROXY`) unless `NO_PROXY` names the host, as
 * with curl; http never does. Idle connections do not keep the process alive.
 *
 * The answer has `status`, `type`, `headers.get`, `arrayBuffer` and `body`, and is no whole `Response`.
 *
 * Making one never throws. The function rejects with the errors of `node:http` and `node:https`, and with the reason of the signal.
 *
 * @example
 * ```ts
 * const kms = createVaultKms({ address, mountPath: "transit", keyName: "signer", fetch: createNodeFetch({ ca: companyRoot }) });
 * ```
 */
export function createNodeFetch(options: NodeFetchOptions = {}): NodeFetch {
  const { ca, cert, key, maxSockets = 64, env } = options;
  const shared = { keepAlive: true, maxSockets };
  const tls = { ...(ca === undefined ? {} : { ca: ca as string | string[] }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
  const plainAgent = new HttpAgent(shared);
  const directAgent = new HttpsAgent({ ...shared, ...tls });
  const proxied = new Map<string, HttpsAgent>();
  const agentFor = (url: URL): HttpAgent | HttpsAgent => {
    if (url.protocol === "http:") return plainAgent;
    const proxy = proxyFor(url, env ?? process.env);
    if (proxy === undefined) return directAgent;
    let agent = proxied.get(proxy);
    if (agent === undefined) proxied.set(proxy, (agent = tunnelAgent(proxy, { ...shared, ...tls })));
    return agent;
  };
  const parse = urlParser();
  return async (input, init) => {
    const { url, address } = parse(input);
    return exchange({ ...address, agent: agentFor(url) }, init);
  };
}

/** Parsing costs more than the rest of a request, and most requests go where the last ones went. */
function urlParser(): (input: string) => ParsedUrl {
  const kept = new Map<string, ParsedUrl>();
  return (input) => {
    const found = kept.get(input);
    if (found !== undefined) return found;
    const url = new URL(input);
    const { protocol, hostname, port, path } = urlToHttpOptions(url);
    const parsed = { url, address: { protocol, hostname, port, path } as RequestOptions };
    if (kept.size >= KEPT_URLS) kept.clear();
    kept.set(input, parsed);
    return parsed;
  };
}

/** A URL, and what `node:http` is told of it. */
interface ParsedUrl {
  readonly url: URL;
  readonly address: RequestOptions;
}

/** One for the whole process, made at its first use. */
let common: NodeFetch | undefined;

/**
 * `createNodeFetch()` with its defaults.
 *
 * @example
 * ```ts
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", fetch: nodeFetch, hasher: nodeHasher });
 * ```
 */
export const nodeFetch: NodeFetch = (input, init) => (common ??= createNodeFetch())(input, init);

function exchange(target: RequestOptions, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const signal = init.signal ?? undefined;
    if (signal?.aborted === true) return reject(signal.reason);
    const options = { ...target, method: init.method ?? "GET", headers: plainHeaders(init.headers) };
    const send = target.protocol === "http:" ? httpRequest : httpsRequest;
    const request: ClientRequest = send(options, (incoming) => resolve(toResponse(incoming)));
    request.on("error", reject);
    // The option `signal` of node:http does the same at twice the cost.
    const stop = (): void => void request.destroy(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal?.addEventListener("abort", stop, { once: true });
    request.on("close", () => signal?.removeEventListener("abort", stop));
    request.end(init.body ?? undefined);
  });
}

function plainHeaders(headers: RequestInit["headers"]): Record<string, string> {
  if (headers === undefined) return {};
  const simple = Object.getPrototypeOf(headers) === Object.prototype || Object.getPrototypeOf(headers) === null;
  return simple ? (headers as Record<string, string>) : Object.fromEntries(new Headers(headers));
}

/** What http/send reads of a response. `type` says that the length was enforced by the connection. */
function toResponse(incoming: IncomingMessage): Response {
  let body: ReadableStream<Uint8Array> | undefined;
  const answer = {
    status: incoming.statusCode ?? 0,
    type: "basic",
    headers: {
      get(name: string): string | null {
        const value = incoming.headers[name.toLowerCase()];
        return value === undefined ? null : Array.isArray(value) ? value.join(", ") : value;
      },
    },
    arrayBuffer: () => readWhole(incoming),
    get body(): ReadableStream<Uint8Array> {
      return (body ??= Readable.toWeb(incoming) as ReadableStream<Uint8Array>);
    },
  };
  return answer as unknown as Response;
}

/** Called for a body whose length is announced and within the bound; the parser of Node refuses more bytes than that. */
function readWhole(incoming: IncomingMessage): Promise<ArrayBuffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("error", reject);
    incoming.on("end", () => {
      if (!incoming.complete) return reject(new Error("the body was cut off"));
      const bytes = new Uint8Array(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
      resolve(bytes.buffer);
    });
  });
}

/** The proxy for a host, as curl chooses it. The variable in lower case comes first. */
function proxyFor({ hostname, port }: URL, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const read = (name: string): string | undefined => env[name.toLowerCase()] || env[name] || undefined;
  const proxy = read("HTTPS_PROXY") ?? read("ALL_PROXY");
  if (proxy === undefined || isExcluded(hostname, port, read("NO_PROXY") ?? "")) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** `NO_PROXY`: names that stand for themselves and all below them, with or without a leading dot, a port, or `*` for all. */
function isExcluded(hostname: string, port: string, list: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  return list.toLowerCase().split(/[\s,]+/).some((entry) => {
    if (entry === "*") return true;
    const [, name = "", only = ""] = /^\.?(\[[^\]]*\]|[^:]*|[0-9a-f:]+)(?::(\d+))?$/.exec(entry) ?? [];
    const bare = name.replace(/^\[|\]$/g, "");
    return bare !== "" && (only === "" || only === (port || "443")) && (host === bare || host.endsWith(`.${bare}`));
  });
}

/** An agent whose connections are TLS through a CONNECT tunnel. TLS ends at the service: the proxy sees its name and port only. */
function tunnelAgent(proxy: string, options: object): HttpsAgent {
  const agent = new HttpsAgent(options);
  const open = (target: ConnectionOptions & { host: string; port: number }, done: (error: Error | null, socket?: Socket) => void): void => {
    openTunnel(proxy, `${target.host}:${target.port}`).then(
      (socket) => done(null, tlsConnect({ ...target, socket, servername: target.servername ?? target.host })),
      (error: Error) => done(error),
    );
  };
  return Object.assign(agent, { createConnection: open });
}

function openTunnel(proxy: string, authority: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const url = new URL(proxy);
    const headers: Record<string, string> = { host: authority };
    if (url.username !== "") {
      const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      headers["proxy-authorization"] = `Basic ${Buffer.from(user).toString("base64")}`;
    }
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send({ host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port || (url.protocol === "https:" ? 443 : 80), method: "CONNECT", path: authority, headers, agent: false });
    request.on("error", reject);
    request.on("connect", (answer, socket) => {
      if (answer.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error("the proxy refused the tunnel"));
    });
    request.end();
  });
}
