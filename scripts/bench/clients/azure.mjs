// Clients that sign a digest with a key in Key Vault: the floor, a minimal one, this library, and Azure's SDK.
import { digest, key, load, message, secret } from "../lib.mjs";
import { bareFetch, bareNode } from "./bare.mjs";

export function clients(origin) {
  const wire = {
    url: `${origin}/keys/${key.name}/${key.azureVersion}/sign?api-version=7.4`,
    headers: { accept: "application/json", "content-type": "application/json", authorization: `Bearer ${secret.token}` },
    body: JSON.stringify({ alg: "ES256", value: Buffer.from(digest).toString("base64url") }),
  };
  const version = { keyVersion: key.azureVersion };
  return [
    { name: "bare fetch", kind: "floor", create: () => bareFetch(wire) },
    { name: "bare node:http", kind: "floor", create: () => bareNode(wire) },
    { name: "minimal", kind: "minimal", create: () => minimal(wire) },
    { name: "knhk-kms", kind: "ours", create: () => ours(origin, version, digest) },
    { name: "knhk-kms, hashing", kind: "ours", create: () => ours(origin, version, message) },
    { name: "knhk-kms, nodeFetch", kind: "ours", create: () => oursOnNode(origin, version, digest) },
    { name: "knhk-kms, nodeFetch, hashing", kind: "ours", create: () => oursOnNode(origin, version, message) },
    { name: "Azure SDK", kind: "peer", create: () => azureSdk(origin) },
  ];
}

/** The same without a version, which is then read once in five minutes; for the requests of the first signature. */
export const unpinned = (origin) => ({ name: "knhk-kms, no version", kind: "ours", create: () => ours(origin, {}, digest) });

async function minimal({ url, headers }) {
  return async () => {
    const body = JSON.stringify({ alg: "ES256", value: Buffer.from(digest).toString("base64url") });
    const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(10_000) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`the service answered ${response.status}`);
    return Buffer.from(answer.value, "base64url");
  };
}

async function ours(origin, version, data, extra = {}) {
  const { createAzureKms } = await load("azure/index.js");
  const kms = createAzureKms({ vaultUrl: key.vaultUrl, endpoint: origin, allowInsecureHttp: true, keyName: key.name, credentials: { token: secret.token }, ...version, ...extra });
  return async () => (await kms.sign(data, { algorithm: "ES256", digest: data === digest })).signature;
}

async function oursOnNode(origin, version, data) {
  const { nodeFetch, nodeHasher } = await load("node/index.js");
  return ours(origin, version, data, { fetch: nodeFetch, hasher: nodeHasher });
}

/** The SDK sends tokens over https only, so it is told of the vault's own address, and its last step sends to the server. */
async function azureSdk(origin) {
  const [{ CryptographyClient }, { createDefaultHttpClient }] = await Promise.all([import("@azure/keyvault-keys"), import("@azure/core-rest-pipeline")]);
  const http = createDefaultHttpClient();
  const httpClient = {
    async sendRequest(request) {
      const { url } = request;
      Object.assign(request, { url: origin + url.slice(key.vaultUrl.length), allowInsecureConnection: true });
      const response = await http.sendRequest(request);
      request.url = url;
      return response;
    },
  };
  const credential = { getToken: async () => ({ token: secret.token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const client = new CryptographyClient(`${key.vaultUrl}/keys/${key.name}/${key.azureVersion}`, credential, { httpClient });
  return async () => (await client.sign("ES256", digest)).result;
}
