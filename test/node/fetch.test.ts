import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createNodeFetch } from "../../src/node/fetch.js";
import { createVaultKms } from "../../src/vault/index.js";
import { rejects } from "../support/rejects.js";

const cert = readFileSync("fixtures/tls/localhost.cert.pem", "utf8");
const key = readFileSync("fixtures/tls/localhost.key.pem", "utf8");

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function withServer(answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void, run: (origin: string, seen: IncomingMessage[]) => Promise<void>): Promise<void> {
  const seen: IncomingMessage[] = [];
  const server = createServer((incoming, outgoing) => {
    seen.push(incoming);
    answer(incoming, outgoing);
  });
  const port = await listening(server);
  try {
    await run(`http://127.0.0.1:${port}`, seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const direct = createNodeFetch({ env: {} });

function vaultAt(address: string, options: object = {}) {
  return createVaultKms({ address, mountPath: "transit", keyName: "k", credentials: { token: "t0ken" }, algorithm: "ES256", allowInsecureHttp: true, retry: { attempts: 1 }, fetch: direct, ...options });
}

const KEY_ANSWER = JSON.stringify({ data: { name: "k", type: "aes256-gcm96", latest_version: 1, keys: { "1": 1_700_000_000 } } });

test("sends method, headers and body, and reads status, headers and body", async () => {
  await withServer(
    (incoming, outgoing) => {
      incoming.on("data", (chunk: Buffer) => outgoing.end(`${incoming.method} ${incoming.headers["x-one"]} ${chunk.toString()}`));
    },
    async (origin) => {
      const response = await direct(`${origin}/path`, { method: "POST", headers: { "x-one": "1" }, body: "hello" });
      assert.is(response.status, 200);
      assert.is(new TextDecoder().decode(await response.arrayBuffer()), "POST 1 hello");
      assert.is(response.headers.get("nothing"), null);
    },
  );
});

test("keeps its connection for the next request", async () => {
  const sockets = new Set<Socket>();
  await withServer(
    (incoming, outgoing) => {
      sockets.add(incoming.socket);
      outgoing.end(KEY_ANSWER);
    },
    async (origin) => {
      const kms = vaultAt(origin);
      for (let count = 0; count < 5; count += 1) assert.is((await kms.getKeyMetadata()).keyType, "AES-256");
      assert.is(sockets.size, 1);
    },
  );
});

test("reads a body without a length by stream, and stops at the bound", async () => {
  await withServer(
    (_incoming, outgoing) => {
      outgoing.write(KEY_ANSWER.slice(0, 10));
      outgoing.end(KEY_ANSWER.slice(10));
    },
    async (origin) => assert.is((await vaultAt(origin).getKeyMetadata()).keyType, "AES-256"),
  );
  await withServer(
    (_incoming, outgoing) => {
      const more = (): void => {
        if (!outgoing.destroyed) outgoing.write("x".repeat(65_536), () => setImmediate(more));
      };
      more();
    },
    async (origin) => void (await rejects(vaultAt(origin).getKeyMetadata(), "ERR_KMS_TOO_LARGE")),
  );
});

test("follows no redirect", async () => {
  await withServer(
    (_incoming, outgoing) => outgoing.writeHead(307, { location: "/v1/transit/keys/other" }).end(),
    async (origin, seen) => {
      await rejects(vaultAt(origin).getKeyMetadata(), "ERR_KMS_REDIRECT");
      assert.is(seen.length, 1);
    },
  );
});

test("a body that is cut off, a refused connection, an abort and a deadline are what they are with fetch", async () => {
  await withServer(
    (_incoming, outgoing) => {
      outgoing.writeHead(200, { "content-length": "100" });
      outgoing.write("{", () => outgoing.destroy());
    },
    async (origin) => void (await rejects(vaultAt(origin).getKeyMetadata(), "ERR_KMS_NETWORK")),
  );
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  await rejects(vaultAt(`http://127.0.0.1:${port}`).rotateKey(), "ERR_KMS_NETWORK", ({ outcome }) => assert.is(outcome, "not-sent"));
  await withServer(
    () => {},
    async (origin) => {
      const controller = new AbortController();
      const pending = vaultAt(origin).getKeyMetadata({ signal: controller.signal });
      controller.abort();
      await rejects(pending, "ERR_KMS_ABORTED");
      await rejects(vaultAt(origin, { timeoutMs: 50 }).getKeyMetadata(), "ERR_KMS_TIMEOUT");
    },
  );
});

async function withTls(run: (port: number) => Promise<void>): Promise<void> {
  const server = createTlsServer({ key, cert }, (_incoming, outgoing) => outgoing.end(KEY_ANSWER));
  const port = await listening(server as unknown as Server);
  try {
    await run(port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a certificate that is not trusted is a TLS error, and one that is given is accepted", async () => {
  await withTls(async (port) => {
    await rejects(vaultAt(`https://localhost:${port}`).rotateKey(), "ERR_KMS_TLS", ({ outcome }) => assert.is(outcome, "not-sent"));
    const trusting = createNodeFetch({ ca: cert, env: {} });
    assert.is((await vaultAt(`https://localhost:${port}`, { fetch: trusting }).getKeyMetadata()).keyType, "AES-256");
  });
});

interface Proxy {
  readonly url: string;
  readonly asked: string[];
  readonly authorizations: (string | undefined)[];
}

/** A proxy that opens every tunnel to the port given, whatever the name: so that a name that nobody knows can be used. */
async function withProxy(target: number, status: number, run: (proxy: Proxy) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const open = new Set<Socket>();
  const server = createServer((_incoming, outgoing) => outgoing.writeHead(500).end());
  server.on("connect", (incoming: IncomingMessage, client: Socket) => {
    asked.push(incoming.url ?? "");
    authorizations.push(incoming.headers["proxy-authorization"]);
    client.on("error", () => {});
    if (status !== 200) return client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const upstream = connect(target, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client.pipe(upstream).pipe(client);
    });
    open.add(upstream).add(client);
    upstream.on("error", () => {});
    return undefined;
  });
  const port = await listening(server);
  try {
    await run({ url: `http://127.0.0.1:${port}`, asked, authorizations });
  } finally {
    for (const socket of open) socket.destroy();
    server.closeAllConnections();
    server.close();
  }
}

test("https goes through the proxy of the environment, TLS ends at the service", async () => {
  await withTls((target) =>
    withProxy(target, 200, async ({ url, asked, authorizations }) => {
      const withUser = url.replace("://", "://me:s%3Acret@");
      const tunnelled = createNodeFetch({ ca: cert, env: { HTTPS_PROXY: withUser } });
      assert.is((await vaultAt("https://kms.test", { fetch: tunnelled }).getKeyMetadata()).keyType, "AES-256");
      assert.equal(asked, ["kms.test:443"]);
      assert.equal(authorizations, [`Basic ${Buffer.from("me:s:cret").toString("base64")}`]);
    }),
  );
});

test("a refused tunnel is a network error, and NO_PROXY leaves hosts out", async () => {
  await withTls((target) =>
    withProxy(target, 407, async ({ url, asked }) => {
      const refused = createNodeFetch({ ca: cert, env: { https_proxy: url } });
      await rejects(vaultAt("https://kms.test", { fetch: refused }).getKeyMetadata(), "ERR_KMS_NETWORK");
      assert.is(asked.length, 1);
      for (const NO_PROXY of ["localhost", "*", "example.com, localhost", `localhost:${target}`, ".localhost"]) {
        const excepted = createNodeFetch({ ca: cert, env: { HTTPS_PROXY: url, NO_PROXY } });
        assert.is((await vaultAt(`https://localhost:${target}`, { fetch: excepted }).getKeyMetadata()).keyType, "AES-256", NO_PROXY);
      }
      assert.is(asked.length, 1, "no tunnel was asked for");
      const other = createNodeFetch({ ca: cert, env: { HTTPS_PROXY: url, NO_PROXY: "host, ocalhost, localhost:1" } });
      await rejects(vaultAt(`https://localhost:${target}`, { fetch: other }).getKeyMetadata(), "ERR_KMS_NETWORK");
    }),
  );
});

test.run();
