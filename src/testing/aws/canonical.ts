/** The canonical request of Signature Version 4, rebuilt from a request that arrived (AWS wire sheet 1.1). */
import { subtleCrypto } from "../../hasher.js";
import type { RecordedRequest } from "../faults.js";
import { hexOf } from "./arn.js";

type Arrived = Pick<RecordedRequest, "method" | "url" | "headers" | "body">;

/** With the headers that the signer named, and the hash of the body as it came. */
export async function canonicalRequest(request: Arrived, signedHeaders: readonly string[]): Promise<string> {
  const url = new URL(request.url);
  const body = new TextEncoder().encode(request.body);
  const names = [...signedHeaders].sort();
  const lines = names.map((name) => `${name}:${headerValue(name, request.headers, { url, bytes: body.length })}\n`);
  return [
    request.method,
    canonicalPath(url.pathname),
    canonicalQuery(url.search.slice(1)),
    lines.join(""),
    names.join(";"),
    hexOf(new Uint8Array(await subtleCrypto().digest("SHA-256", body))),
  ].join("\n");
}

/** `host` and `content-length` are the runtime's: what it sends is known from the URL and the body. */
function headerValue(name: string, headers: Arrived["headers"], { url, bytes }: { url: URL; bytes: number }): string {
  if (name === "host") return url.host;
  const value = headers[name] ?? (name === "content-length" ? String(bytes) : "");
  return value.trim().replace(/\s+/g, " ");
}

/** The path as it came, dot segments and empty ones resolved, each segment encoded once more (all services but S3). */
function canonicalPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(encode(segment));
  }
  const joined = `/${kept.join("/")}`;
  return path.endsWith("/") && kept.length > 0 ? `${joined}/` : joined;
}

function canonicalQuery(query: string): string {
  const pairs = query.split("&").filter((pair) => pair !== "").map((pair) => {
    const equals = pair.indexOf("=");
    const [name, value] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
    return [encode(decode(name)), encode(decode(value))] as const;
  });
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return pairs
    .sort(([name, value], [otherName, otherValue]) => order(name, otherName) || order(value, otherValue))
    .map((pair) => pair.join("="))
    .join("&");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `encodeURIComponent` leaves five characters alone that AWS encodes. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
