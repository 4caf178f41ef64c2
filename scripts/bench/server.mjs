// The mock server: canned, well-formed answers of the three services over keep-alive http, in a process of its own. Any
// message is answered with the number of requests since the last one.
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { key, message } from "./lib.mjs";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const der = sign("sha256", message, privateKey);
const p1363 = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
const kid = `${key.vaultUrl}/keys/${key.name}/${key.azureVersion}`;
const { x, y } = publicKey.export({ format: "jwk" });

const ANSWERS = {
  aws: {
    type: "application/x-amz-json-1.1",
    headers: { "x-amzn-RequestId": "2d7ee22c-1b7c-4f5d-9f6a-0c1d2e3f4a5b" },
    body: { KeyId: `arn:aws:kms:${key.region}:111122223333:key/${key.aws}`, Signature: der.toString("base64"), SigningAlgorithm: "ECDSA_SHA_256" },
  },
  azure: { type: "application/json; charset=utf-8", headers: { "x-ms-request-id": "5f0d2f6a-0f53-4c7f-8b8e-6d3a1c0b9e11" }, body: { kid, value: p1363.toString("base64url") } },
  azureKey: { type: "application/json; charset=utf-8", body: { key: { kid, kty: "EC", key_ops: ["sign", "verify"], crv: "P-256", x, y }, attributes: { enabled: true, created: 1767225600, updated: 1767225600 } } },
  vault: {
    type: "application/json",
    body: { request_id: "8b5d3a5e-5f4e-4b5c-9d43-0f8f6b1f9a77", lease_id: "", renewable: false, lease_duration: 0, data: { key_version: 1, signature: `vault:v1:${der.toString("base64")}` }, wrap_info: null, warnings: null, auth: null },
  },
};
for (const answer of Object.values(ANSWERS)) {
  const bytes = Buffer.from(JSON.stringify(answer.body));
  Object.assign(answer, { bytes, head: { "content-type": answer.type, "content-length": bytes.length, ...answer.headers } });
}
/** As the service asks for a token. */
const CHALLENGE = {
  "content-length": 0,
  "www-authenticate": 'Bearer authorization="https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001", resource="https://vault.azure.net"',
};

function choose({ url, headers }) {
  if (headers["x-amz-target"] !== undefined) return ANSWERS.aws;
  if (url.startsWith("/v1/")) return ANSWERS.vault;
  if (headers.authorization === undefined) return undefined;
  return url.includes("/sign?") ? ANSWERS.azure : ANSWERS.azureKey;
}

let requests = 0;
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  requests += 1;
  request.resume();
  request.on("end", () => {
    const answer = choose(request);
    if (answer === undefined) response.writeHead(401, CHALLENGE).end();
    else response.writeHead(200, answer.head).end(answer.bytes);
  });
});
server.listen(0, "127.0.0.1", () => process.send({ origin: `http://127.0.0.1:${server.address().port}` }));
process.on("message", () => {
  process.send({ requests });
  requests = 0;
});
process.on("disconnect", () => process.exit(0));
