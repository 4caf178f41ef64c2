// Clients that sign with AWS KMS: the floor, a minimal one, this library, the AWS SDK on node:http and on fetch, aws4fetch, aws4.
import { key, load, message, secret } from "../lib.mjs";
import { bareFetch, bareNode, nodeSender } from "./bare.mjs";

const { region } = key;
const { accessKeyId, secretAccessKey } = secret;
const FIXED = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.Sign" };
const bodyOf = (Message) => JSON.stringify({ KeyId: key.aws, Message, MessageType: "RAW", SigningAlgorithm: "ECDSA_SHA_256" });
const newBody = () => bodyOf(Buffer.from(message).toString("base64"));

export function clients(origin) {
  // As long as a signed one is.
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/${region}/kms/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=${"0".repeat(64)}`;
  const wire = { url: `${origin}/`, headers: { ...FIXED, "x-amz-date": "20260101T000000Z", authorization }, body: newBody() };
  return [
    { name: "bare fetch", kind: "floor", create: () => bareFetch(wire) },
    { name: "bare node:http", kind: "floor", create: () => bareNode(wire) },
    { name: "minimal", kind: "minimal", create: () => minimal(origin) },
    { name: "knhk-kms", kind: "ours", create: () => ours(origin) },
    { name: "knhk-kms, nodeFetch", kind: "ours", create: () => oursOnNode(origin) },
    { name: "aws4, node:http", kind: "peer", create: () => aws4(origin) },
    { name: "aws4fetch", kind: "peer", create: () => aws4fetch(origin) },
    { name: "AWS SDK", kind: "peer", create: () => awsSdk(origin, "node") },
    { name: "AWS SDK, fetch", kind: "peer", create: () => awsSdk(origin, "fetch") },
  ];
}

function read(text) {
  return Buffer.from(JSON.parse(text).Signature, "base64");
}

/** SigV4 for one request of one service, on WebCrypto, its key kept for the day. */
async function minimal(origin) {
  const { subtle } = crypto;
  const encoder = new TextEncoder();
  const hex = (bytes) => Buffer.from(bytes).toString("hex");
  const hash = async (text) => hex(await subtle.digest("SHA-256", encoder.encode(text)));
  const importKey = (bytes) => subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = (imported, text) => subtle.sign("HMAC", imported, encoder.encode(text));
  const { host } = new URL(origin);
  let kept = { date: "" };
  const keyOf = async (date) => {
    if (kept.date === date) return kept.imported;
    let imported = await importKey(encoder.encode(`AWS4${secretAccessKey}`));
    for (const step of [date, region, "kms", "aws4_request"]) imported = await importKey(await mac(imported, step));
    kept = { date, imported };
    return imported;
  };
  return async () => {
    const body = newBody();
    const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
    const scope = `${time.slice(0, 8)}/${region}/kms/aws4_request`;
    const names = "content-type;host;x-amz-date;x-amz-target";
    const canonical = `POST\n/\n\ncontent-type:${FIXED["content-type"]}\nhost:${host}\nx-amz-date:${time}\nx-amz-target:${FIXED["x-amz-target"]}\n\n${names}\n${await hash(body)}`;
    const signature = hex(await mac(await keyOf(time.slice(0, 8)), `AWS4-HMAC-SHA256\n${time}\n${scope}\n${await hash(canonical)}`));
    const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
    const headers = { ...FIXED, "x-amz-date": time, authorization };
    const response = await fetch(`${origin}/`, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`the service answered ${response.status}`);
    return read(text);
  };
}

async function ours(origin, extra = {}) {
  const { createAwsKms } = await load("aws/index.js");
  const kms = createAwsKms({ region, keyId: key.aws, endpoint: origin, allowInsecureHttp: true, credentials: { accessKeyId, secretAccessKey }, ...extra });
  return async () => (await kms.sign(message, { algorithm: "ES256", encoding: "der" })).signature;
}

async function oursOnNode(origin) {
  const { nodeFetch, nodeHasher } = await load("node/index.js");
  return ours(origin, { fetch: nodeFetch, hasher: nodeHasher });
}

async function aws4(origin) {
  const { default: signer } = await import("aws4");
  const send = nodeSender();
  const { host } = new URL(origin);
  return async () => {
    const request = { service: "kms", region, method: "POST", host, path: "/", headers: { ...FIXED }, body: newBody() };
    const { headers, body } = signer.sign(request, { accessKeyId, secretAccessKey });
    return read(await send({ url: `${origin}/`, headers, body }));
  };
}

async function aws4fetch(origin) {
  const { AwsClient } = await import("aws4fetch");
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "kms" });
  return async () => read(await (await client.fetch(`${origin}/`, { method: "POST", headers: FIXED, body: newBody() })).text());
}

async function awsSdk(origin, kind) {
  const { KMSClient, SignCommand } = await import("@aws-sdk/client-kms");
  const requestHandler = kind === "fetch" ? new (await import("@smithy/fetch-http-handler")).FetchHttpHandler() : { httpAgent: { keepAlive: true, maxSockets: 64 } };
  const client = new KMSClient({ region, endpoint: origin, credentials: { accessKeyId, secretAccessKey }, requestHandler });
  return async () => (await client.send(new SignCommand({ KeyId: key.aws, Message: message, MessageType: "RAW", SigningAlgorithm: "ECDSA_SHA_256" }))).Signature;
}
