// Run as a process: CPU of small parts, ours beside what else does the same, in rounds.
import { createHash, createHmac, createPublicKey, generateKeyPairSync, sign, verify as nodeVerify } from "node:crypto";
import { argument, cpuPerCall, finish, interleave, key, load, message, secret } from "../lib.mjs";

const { rounds, calls } = argument();
const { createSigV4Signer } = await load("aws/index.js");
const { nodeHasher } = await load("node/index.js");
const { decodeBase64, encodeBase64 } = await load("encoding/index.js");
const { parseJwk } = await load("jwk/index.js");
const { verifySignature } = await load("verify/index.js");

const groups = { "SigV4 signature": await signers(), "base64, 1 KiB there and back": base64(), "JWK, P-256": jwks(), "verify, ES256": await verifiers() };
const figures = {};
for (const [group, things] of Object.entries(groups)) {
  for (const { call } of things) await cpuPerCall(call, calls * 2, 1);
  figures[group] = await interleave(things.map(({ name, call }) => ({ name, measure: () => cpuPerCall(call, calls, 1) })), rounds);
}
finish(figures);

async function signers() {
  const { accessKeyId, secretAccessKey } = secret;
  const credentials = { accessKeyId, secretAccessKey };
  const { region } = key;
  const body = JSON.stringify({ KeyId: key.aws, Message: Buffer.from(message).toString("base64"), MessageType: "RAW", SigningAlgorithm: "ECDSA_SHA_256" });
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.Sign" };
  const host = `kms.${region}.amazonaws.com`;
  const url = `https://${host}/`;
  const web = createSigV4Signer({ region, service: "kms", credentials });
  const node = createSigV4Signer({ region, service: "kms", credentials, hasher: nodeHasher });
  const { default: aws4 } = await import("aws4");
  const { AwsV4Signer } = await import("aws4fetch");
  const { SignatureV4 } = await import("@smithy/signature-v4");
  const smithy = new SignatureV4({ service: "kms", region, credentials, sha256: NodeSha256 });
  const cache = new Map();
  return [
    { name: "knhk-kms, WebCrypto", call: () => web.sign({ method: "POST", url, headers, body }) },
    { name: "knhk-kms, nodeHasher", call: () => node.sign({ method: "POST", url, headers, body }) },
    { name: "aws4", call: () => aws4.sign({ service: "kms", region, method: "POST", host, path: "/", headers: { ...headers }, body }, credentials) },
    { name: "smithy (AWS SDK)", call: () => smithy.sign({ method: "POST", protocol: "https:", hostname: host, path: "/", query: {}, headers: { ...headers, host }, body }) },
    { name: "aws4fetch", call: () => new AwsV4Signer({ method: "POST", url, headers, body, region, service: "kms", cache, ...credentials }).sign() },
  ];
}

/** As the SDK has it on Node. */
function NodeSha256(secretKey) {
  const hash = secretKey === undefined ? createHash("sha256") : createHmac("sha256", secretKey);
  return { update: (data) => void hash.update(data), digest: async () => hash.digest() };
}

function base64() {
  const bytes = Uint8Array.from({ length: 1024 }, (_, index) => index * 7);
  return [
    { name: "knhk-kms (strict)", call: () => decodeBase64(encodeBase64(bytes)) },
    { name: "Buffer (lax)", call: () => Buffer.from(Buffer.from(bytes).toString("base64"), "base64") },
  ];
}

function jwks() {
  const text = JSON.stringify(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" }));
  return [
    { name: "knhk-kms, parseJwk", call: () => parseJwk(text) },
    { name: "node:crypto, createPublicKey", call: () => createPublicKey({ key: JSON.parse(text), format: "jwk" }) },
  ];
}

async function verifiers() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signature = new Uint8Array(sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" }));
  const jwk = publicKey.export({ format: "jwk" });
  const imported = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const ours = parseJwk(jwk);
  return [
    { name: "knhk-kms, verifySignature", call: () => verifySignature({ publicKey: ours, algorithm: "ES256", data: message, signature }) },
    { name: "WebCrypto, key imported", call: () => crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, imported, signature, message) },
    { name: "node:crypto", call: () => nodeVerify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature) },
  ];
}
