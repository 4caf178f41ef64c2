// Clients that sign with a Transit key: the floor, a minimal one, this library, and node-vault.
import { key, load, message, secret } from "../lib.mjs";
import { bareFetch, bareNode } from "./bare.mjs";

/** What a client must give back, by its own decoding. */
export function clients(origin) {
  const input = Buffer.from(message).toString("base64");
  const wire = {
    url: `${origin}/v1/transit/sign/${key.name}`,
    headers: { "content-type": "application/json", "x-vault-token": secret.token, "x-vault-request": "true" },
    body: JSON.stringify({ input, hash_algorithm: "sha2-256", marshaling_algorithm: "asn1" }),
  };
  return [
    { name: "bare fetch", kind: "floor", create: () => bareFetch(wire) },
    { name: "bare node:http", kind: "floor", create: () => bareNode(wire) },
    { name: "minimal", kind: "minimal", create: () => minimal(wire) },
    { name: "knhk-kms", kind: "ours", create: () => ours(origin, false) },
    { name: "knhk-kms, nodeFetch", kind: "ours", create: () => ours(origin, true) },
    { name: "node-vault", kind: "peer", create: () => nodeVault(origin) },
  ];
}

/** What somebody writes who needs one signature: a deadline, a status, a field. */
async function minimal({ url, headers }) {
  return async () => {
    const body = JSON.stringify({ input: Buffer.from(message).toString("base64"), hash_algorithm: "sha2-256", marshaling_algorithm: "asn1" });
    const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(10_000) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`the service answered ${response.status}`);
    return Buffer.from(answer.data.signature.split(":")[2], "base64");
  };
}

async function ours(origin, onNode) {
  const { createVaultKms } = await load("vault/index.js");
  const extra = onNode ? { fetch: (await load("node/index.js")).nodeFetch } : {};
  const kms = createVaultKms({ address: origin, allowInsecureHttp: true, mountPath: "transit", keyName: key.name, credentials: { token: secret.token }, ...extra });
  return async () => (await kms.sign(message, { algorithm: "ES256" })).signature;
}

async function nodeVault(origin) {
  const { default: open } = await import("node-vault");
  const client = open({ apiVersion: "v1", endpoint: origin, token: secret.token });
  return async () => {
    const { data } = await client.write(`transit/sign/${key.name}`, { input: Buffer.from(message).toString("base64"), hash_algorithm: "sha2-256", marshaling_algorithm: "asn1" });
    return Buffer.from(data.signature.split(":")[2], "base64");
  };
}
