// The floor: one request and its answer as text, by `fetch` and by `node:http`, with everything known beforehand.
import { Agent, request } from "node:http";

export async function bareFetch({ url, headers, body }) {
  return async () => {
    const response = await fetch(url, { method: "POST", headers, body });
    return response.text();
  };
}

/** Sends one request over connections that are kept; `bareNode` and hand-written clients use it. */
export function nodeSender() {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return ({ url, headers, body }) =>
    new Promise((resolve, reject) => {
      const sent = request(url, { method: "POST", headers: { ...headers, "content-length": Buffer.byteLength(body) }, agent }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve(text));
      });
      sent.on("error", reject);
      sent.end(body);
    });
}

export async function bareNode(wire) {
  const send = nodeSender();
  return () => send(wire);
}
