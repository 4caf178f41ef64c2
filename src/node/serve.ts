/** Puts a fetch function on a port, so that it can be reached over real HTTP: for emulators, quickstarts and tests. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** Options of {@link serve}. */
export interface ServeOptions {
  /** Default 0: a free one. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Makes it https. PEM texts. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Largest body of a request, in bytes. Default 33,554,432. */
  readonly maxBodyBytes?: number;
}

/** A running server. */
export interface Served {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** What a fetch function is: one request in, one response out. */
export type FetchHandler = (request: Request) => Promise<Response> | Response;

/**
 * Serves until `close()`. A handler that throws cuts the connection, as a service that dies would.
 *
 * @throws {Error} of `node:net`, such as `EADDRINUSE`, when it cannot listen
 * @example
 * ```ts
 * const vault = createVaultEmulator();
 * const served = await serve((request) => vault.fetch(request));
 * console.log(served.origin); // http://127.0.0.1:PORT
 * await served.close();
 * ```
 */
export async function serve(handler: FetchHandler, options: ServeOptions = {}): Promise<Served> {
  const { host = "127.0.0.1", port = 0, tls, maxBodyBytes = 33_554_432 } = options;
  const scheme = tls === undefined ? "http" : "https";
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    answer(handler, incoming, outgoing, scheme, maxBodyBytes).catch(() => outgoing.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const actual = (server.address() as AddressInfo).port;
  return {
    origin: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${actual}`,
    port: actual,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(handler: FetchHandler, incoming: IncomingMessage, outgoing: ServerResponse, scheme: string, maxBodyBytes: number): Promise<void> {
  const body = await readAll(incoming, maxBodyBytes);
  const headers = new Headers();
  for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] as string, incoming.rawHeaders[index + 1] as string);
  }
  const controller = new AbortController();
  outgoing.once("close", () => controller.abort());
  const method = incoming.method ?? "GET";
  const init: RequestInit = { method, headers, signal: controller.signal };
  if (body.length > 0 && method !== "GET" && method !== "HEAD") init.body = new Uint8Array(body);
  const response = await handler(new Request(`${scheme}://${incoming.headers.host ?? "localhost"}${incoming.url ?? "/"}`, init));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body !== null) for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) outgoing.write(chunk);
  outgoing.end();
}

async function readAll(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > maxBytes) throw new RangeError("the request is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
