// One HTTP request with nothing added to it, over node:http, so that no client of ours is part of a comparison.
import { request as plain } from "node:http";

/** `body`: an object is sent as JSON, text as it is. The answer's body is parsed where it is JSON. */
export function request(url, { method = "GET", headers = {}, body } = {}) {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const length = text === undefined ? {} : { "content-length": Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const outgoing = plain(url, { method, headers: { ...headers, ...length }, agent: false, timeout: 30_000 }, (incoming) => {
      const chunks = [];
      incoming.on("data", (chunk) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => resolve(answerOf(incoming, Buffer.concat(chunks).toString())));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer from ${new URL(url).host}`)));
    outgoing.on("error", reject);
    outgoing.end(text);
  });
}

function answerOf({ statusCode, headers }, text) {
  let body = text;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch {
    // Not JSON: a page of HTML, XML.
  }
  return { status: statusCode, headers, body, text };
}
