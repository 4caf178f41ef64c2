// Signature Version 4 of one request with nothing in it that is special, apart from the package under test.
// AWS General Reference, "Signature Version 4 signing process".
import { createHash, createHmac } from "node:crypto";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();

/** The headers of a POST to the root path: those given, and `host`, `x-amz-date` and `authorization`. */
export function signedHeaders({ host, headers, body, region, service, credentials, now = new Date() }) {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const all = { ...headers, host, "x-amz-date": time };
  const names = Object.keys(all).sort();
  const canonical = ["POST", "/", "", ...names.map((name) => `${name}:${all[name]}`), "", names.join(";"), sha256(body)].join("\n");
  const key = [scope.slice(0, 8), region, service, "aws4_request"].reduce(hmac, `AWS4${credentials.secretAccessKey}`);
  const signature = hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString("hex");
  return { ...all, authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}` };
}
