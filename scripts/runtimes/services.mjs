// The loopback services for the network cases: emulators over real HTTP, and paths that misbehave.
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";

export async function startServices({ createVaultEmulator, createAwsEmulator, createAzureEmulator }, data) {
  const counts = new Map();
  const vaults = new Map();
  const count = (name) => counts.set(name, (counts.get(name) ?? 0) + 1);
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const aws = createAwsEmulator({ endpoint: `${origin}/aws` });
  await aws.createKey({ keyType: "P-256", alias: "alias/k" });
  const azure = createAzureEmulator({ vaultUrl: "https://example-vault.vault.azure.net", token: "t0ken" });
  await azure.createKey({ name: "k", keyType: "P-256" });
  const vaultAt = async (prefix) => {
    if (!vaults.has(prefix)) {
      const emulator = createVaultEmulator({ address: `${origin}${prefix}`, token: "t0ken" });
      await emulator.createKey({ name: "k", type: "ecdsa-p256" });
      vaults.set(prefix, emulator);
    }
    return vaults.get(prefix);
  };

  async function pass(handler, incoming, outgoing, url = `${origin}${incoming.url}`) {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const init = { method: incoming.method, headers: incoming.headers, ...(body.length > 0 && incoming.method !== "GET" ? { body: new Uint8Array(body) } : {}) };
    const response = await handler(new Request(url, init));
    const bytes = Buffer.from(await response.arrayBuffer());
    outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), "content-length": bytes.length, ...CORS });
    outgoing.end(bytes);
  }

  async function vault(prefix, incoming, outgoing) {
    const emulator = await vaultAt(prefix);
    await pass((request) => emulator.fetch(request), incoming, outgoing, `${origin}${incoming.url}`);
  }

  async function answer(incoming, outgoing) {
    const [, first, second] = incoming.url.split("/");
    const json = (value) => outgoing.writeHead(200, { "content-type": "application/json", ...CORS }).end(JSON.stringify(value));
    if (incoming.method === "OPTIONS") return outgoing.writeHead(204, CORS).end();
    switch (first) {
      case "data.json":
        return json(data);
      case "count":
        return json({ count: counts.get(second) ?? 0 });
      case "reset":
        counts.clear();
        vaults.clear();
        return json({});
      case "aws-credentials":
        return json({ credentials: aws.credentials, region: aws.region });
      case "aws":
        return pass((request) => aws.fetch(request), incoming, outgoing);
      case "keys":
        return pass((request) => azure.fetch(request), incoming, outgoing);
      case "vault":
        return vault("/vault", incoming, outgoing);
      case "redirect":
        return outgoing.writeHead(307, { location: `${origin}/redirected${incoming.url.slice(9)}` }).end();
      case "redirected":
        count("redirected");
        return json({});
      case "stall":
        return undefined;
      case "stall-body":
        outgoing.writeHead(200, { "content-type": "application/json", "content-length": 1000 });
        return void outgoing.write('{"data":');
      case "oversize":
        outgoing.writeHead(200, { "content-length": 3_000_000 });
        return outgoing.end("x".repeat(3_000_000));
      case "oversize-chunked": {
        outgoing.writeHead(200, { "content-type": "application/json" });
        const more = () => {
          if (!outgoing.destroyed) outgoing.write("x".repeat(65_536), () => setTimeout(more, 1));
        };
        return more();
      }
      case "gzip":
        return outgoing.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync('{"data":{"signature":"vault:v1:AAAA"}}'));
      case "garbage":
        return outgoing.writeHead(200, { "content-type": "text/html" }).end("<html>sign in</html>");
      case "cut-json":
        return outgoing.writeHead(200, { "content-type": "application/json" }).end('{"data":{"signature":"vault:v1:AA');
      case "cut-once":
        count("cut-once");
        if (counts.get("cut-once") === 1) return outgoing.destroy();
        return vault("/cut-once", incoming, outgoing);
      case "cut-rotate":
        if (incoming.method === "POST" && incoming.url.endsWith("/rotate")) {
          count("rotate");
          return outgoing.destroy();
        }
        return vault("/cut-rotate", incoming, outgoing);
      case "busy-once":
        count("busy");
        if (counts.get("busy") === 1) return outgoing.writeHead(503).end();
        return vault("/busy-once", incoming, outgoing);
      case "forbidden":
        count("forbidden");
        return outgoing.writeHead(403, { "content-type": "application/json" }).end('{"errors":["1 error occurred:\\n\\t* permission denied\\n\\n"]}');
      default:
        return outgoing.writeHead(404).end();
    }
  }

  return {
    origin,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

/** For the browser, whose page is of another origin. */
const CORS = { "access-control-allow-origin": "*", "access-control-allow-headers": "*", "access-control-allow-methods": "*" };
