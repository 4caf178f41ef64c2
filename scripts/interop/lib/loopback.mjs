// An emulator on https, and the ways for clients to reach it under the names of the real services.
import { Agent } from "node:https";
import { connect } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { once } from "node:events";
import { serve } from "./built.mjs";
import { readCertificate } from "./certificate.mjs";

/** Serves a fetch function over https for the rest of the suite. */
export async function serveTls(kit, handler) {
  const tls = readCertificate(kit.scratch);
  const served = await serve(handler, { tls });
  kit.closing(() => served.close());
  return { ...served, ...tls, origin: served.origin.replace("127.0.0.1", "localhost"), agent: new LoopbackAgent(tls.ca, served.port) };
}

/** Connects to a loopback port whatever host is asked for, and still checks that the certificate is for that host. */
class LoopbackAgent extends Agent {
  #port;

  constructor(ca, port) {
    super({ ca, keepAlive: false });
    this.#port = port;
  }

  createConnection(options, callback) {
    return super.createConnection({ ...options, host: "127.0.0.1", port: this.#port, servername: options.servername || options.host }, callback);
  }
}

/**
 * The same with the method LIST, which Vault's clients send and Node's HTTP server cannot parse: it is put down as the
 * `GET` with `?list=true` that the servers take for it (Vault API documentation, "API operations").
 */
export async function serveTlsWithList(kit, handler) {
  const tls = readCertificate(kit.scratch);
  const served = await serve(handler);
  kit.closing(() => served.close());
  const sockets = new Set();
  const front = createTlsServer({ key: tls.key, cert: tls.cert }, (socket) => {
    const inner = connect(served.port, "127.0.0.1");
    for (const end of [socket, inner]) sockets.add(end.on("error", () => (socket.destroy(), inner.destroy())).on("close", () => sockets.delete(end)));
    socket.on("data", (chunk) => inner.write(withoutList(chunk)));
    socket.on("end", () => inner.end());
    inner.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(front, "listening");
  kit.closing(() => new Promise((resolve) => (front.close(resolve), sockets.forEach((socket) => socket.destroy()))));
  return { ...tls, port: front.address().port, origin: `https://localhost:${front.address().port}`, agent: new Agent({ ca: tls.ca }) };
}

/** No client here sends a request before it has the answer to the one before, so that a request starts with a chunk. */
function withoutList(chunk) {
  if (!chunk.subarray(0, 5).equals(Buffer.from("LIST "))) return chunk;
  const [, target, rest] = /^LIST (\S+)([\s\S]*)$/.exec(chunk.toString("latin1"));
  return Buffer.from(`GET ${target}${target.includes("?") ? "&" : "?"}list=true${rest}`, "latin1");
}
