/** Signature Version 4, step by step against the AWS signing test suite and cases of our own. */
import { createHash, createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createSigV4Signer, type SigV4Request } from "../../src/aws/index.js";
import { amzDate, canonicalHeaders, canonicalPath, canonicalQuery, deriveSigningKey, uriEncode } from "../../src/aws/sigv4.js";
import type { Bytes } from "../../src/encoding/bytes.js";
import { encodeHex } from "../../src/encoding/hex.js";
import { webHasher, type Hasher } from "../../src/hasher.js";
import { rejects } from "../support/rejects.js";
import { testContext } from "../support/context.js";
import { CREDENTIALS, NOW, SIGNATURE, KEY_ARN, KEY_ID, REGION, testProvider, testService } from "./service.js";

interface Vector {
  readonly context: { service: string; region: string; timestamp: string; addContentSha256Header: boolean };
  readonly credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  readonly request: { method: string; path: string; query: string; headers: [string, string][]; body: string };
  readonly expected: {
    canonicalRequest: string;
    stringToSign: string;
    signature: string;
    authorization: string;
    payloadSha256: string;
    signingKeyHex: string;
  };
}

const SUITE = [
  "get-vanilla",
  "get-header-key-duplicate",
  "get-header-value-trim",
  "get-relative-relative-normalized",
  "get-space-normalized",
  "get-vanilla-query-order-encoded",
  "get-vanilla-with-session-token",
  "post-x-www-form-urlencoded-parameters",
];
const GENERATED = ["generated-kms-custom-endpoint-path", "generated-kms-sign-session-token", "generated-sts-assume-role"];

/** Answers at once, as a hasher over `node:crypto` does. */
const syncHasher: Hasher = {
  digest: (_hash, data) => new Uint8Array(createHash("sha256").update(data).digest()) as Bytes,
  hmacSha256: (key) => (data) => new Uint8Array(createHmac("sha256", key).update(data).digest()) as Bytes,
};

function requestOf(vector: Vector): SigV4Request {
  const { method, path, query, headers, body } = vector.request;
  const host = headers.find(([name]) => name === "Host")?.[1] ?? "";
  const added = vector.context.addContentSha256Header ? [["x-amz-content-sha256", vector.expected.payloadSha256] as const] : [];
  return { method, url: `https://${host}${path.replaceAll(" ", "%20")}${query === "" ? "" : `?${query}`}`, headers: [...headers, ...added], body };
}

async function checkVector(name: string, vector: Vector, hasher: Hasher): Promise<void> {
  const { context, credentials, expected } = vector;
  const now = Date.parse(context.timestamp);
  const signer = createSigV4Signer({ region: context.region, service: context.service, credentials, now: () => now, hasher });
  const signed = await signer.sign(requestOf(vector));
  const key = await deriveSigningKey(hasher, credentials.secretAccessKey, `${amzDate(now).slice(0, 8)}/${context.region}/${context.service}/aws4_request`);
  assert.is(encodeHex(key), expected.signingKeyHex);
  if (name === "get-space-normalized") {
    // A URL cannot hold the raw space of this case: what `fetch` sends is `%20`, which is rightly encoded once more.
    assert.is(canonicalPath(vector.request.path), expected.canonicalRequest.split("\n")[1]);
    assert.match(signed.canonicalRequest, "\n/example%2520space/\n");
    return;
  }
  assert.is(signed.canonicalRequest, expected.canonicalRequest);
  assert.is(signed.stringToSign, expected.stringToSign);
  assert.is(signed.signature, expected.signature);
  assert.is(signed.headers.authorization, expected.authorization);
}

for (const [folder, names] of [["../shared/vectors/sigv4", SUITE], ["fixtures/sigv4", GENERATED]] as const) {
  for (const name of names) {
    const path = `${folder}/${name}.json`;
    if (!existsSync(path)) {
      console.log(`skipped: ${path} is not here`);
      test.skip(name);
      continue;
    }
    const vector = JSON.parse(readFileSync(path, "utf8")) as Vector;
    test(`${name}, WebCrypto`, () => checkVector(name, vector, webHasher));
    test(`${name}, synchronous hasher`, () => checkVector(name, vector, syncHasher));
  }
}

test("the requests of the provider are signed as the signer for all signs them", async () => {
  const sessions = [undefined, "token/with=chars=="];
  for (const sessionToken of sessions) {
    for (const endpoint of [undefined, "https://localhost:8443/proxy/a%20b"]) {
      const credentials = sessionToken === undefined ? CREDENTIALS : { ...CREDENTIALS, sessionToken };
      const service = testService({ body: { KeyId: KEY_ARN, Signature: SIGNATURE, SigningAlgorithm: "ECDSA_SHA_256" } });
      const provider = testProvider(service, { credentials, ...(endpoint === undefined ? {} : { endpoint }) });
      await provider.sign({ key: { keyId: KEY_ID }, algorithm: "ES256", form: "message", input: Uint8Array.of(1) }, testContext());
      const { url, body, headers } = service.sent[0] as (typeof service.sent)[0];
      const signer = createSigV4Signer({ region: REGION, service: "kms", credentials, now: () => NOW });
      const { "content-type": type = "", "x-amz-target": target = "" } = headers;
      const signed = await signer.sign({ method: "POST", url, headers: { "content-type": type, "x-amz-target": target }, body });
      assert.equal(headers, { "accept-encoding": "identity", ...signed.headers });
      assert.match(headers.authorization ?? "", `SignedHeaders=content-type;host;x-amz-date;${sessionToken === undefined ? "" : "x-amz-security-token;"}x-amz-target,`);
    }
  }
});

test("the signing key is derived once a day and credential", async () => {
  let keys = 0;
  const hasher: Hasher = { ...syncHasher, hmacSha256: (key) => ((keys += 1), syncHasher.hmacSha256(key)) };
  let now = NOW;
  let secretAccessKey = "one";
  const credentials = (): { accessKeyId: string; secretAccessKey: string } => ({ accessKeyId: "AKID", secretAccessKey });
  const signer = createSigV4Signer({ region: REGION, service: "kms", credentials, now: () => now, hasher });
  const sign = () => signer.sign({ method: "GET", url: "https://kms.us-east-1.amazonaws.com/" });
  const [first] = await Promise.all([sign(), sign(), sign()]);
  await sign();
  assert.is(keys, 5);
  secretAccessKey = "two";
  assert.is.not((await sign()).signature, first?.signature);
  assert.is(keys, 10);
  secretAccessKey = "one";
  assert.is((await sign()).signature, first?.signature);
  await sign();
  assert.is(keys, 15, "one is kept");
  now += 86_400_000;
  await sign();
  assert.is(keys, 20);
});

test("a derivation that failed is not kept", async () => {
  let broken = true;
  const hasher: Hasher = {
    ...syncHasher,
    hmacSha256: (key) => {
      if (broken) throw new Error("no key");
      return syncHasher.hmacSha256(key);
    },
  };
  const signer = createSigV4Signer({ region: REGION, service: "kms", credentials: CREDENTIALS, now: () => NOW, hasher });
  const request = { method: "GET", url: "https://kms.us-east-1.amazonaws.com/" };
  let failed = false;
  await signer.sign(request).catch(() => (failed = true));
  assert.ok(failed);
  broken = false;
  assert.is((await signer.sign(request)).signature.length, 64);
});

test("parts of the canonical request", () => {
  assert.is(uriEncode("a-._~ !'()*/ü"), "a-._~%20%21%27%28%29%2A%2F%C3%BC");
  const paths: [string, string][] = [
    ["", "/"],
    ["/", "/"],
    ["//a//b/", "/a/b/"],
    ["/a/./b/../c", "/a/c"],
    ["/../..", "/"],
    ["/a%20b", "/a%2520b"],
    ["/-._~0", "/-._~0"],
  ];
  for (const [path, canonical] of paths) assert.is(canonicalPath(path), canonical, path);
  assert.is(canonicalQuery("b=2&a=1&a=0&c&&X-Amz-Signature=x&%41=%20+"), "A=%20%2B&a=0&a=1&b=2&c=");
  assert.equal(canonicalHeaders([["B", " x  y "], ["a", "\t1"], ["b", "z"]]), [["a", "1"], ["b", "x y,z"]]);
});

test("what the clients leave unsigned is sent and not signed; what an earlier signature left is replaced", async () => {
  const signer = createSigV4Signer({ region: REGION, service: "sts", credentials: { ...CREDENTIALS, sessionToken: "new" }, now: () => NOW });
  const headers = { "User-Agent": "test", "sec-fetch-mode": "cors", authorization: "old", Date: "old", "X-Amz-Date": "old", "x-amz-security-token": "old", Host: "STS.us-east-1.amazonaws.com", "x-own": "  a  b " };
  const signed = await signer.sign({ method: "GET", url: "https://sts.us-east-1.amazonaws.com/?Version=1#part", headers });
  assert.match(signed.headers.authorization ?? "", "SignedHeaders=host;x-amz-date;x-amz-security-token;x-own,");
  const { authorization: _, ...rest } = signed.headers;
  assert.equal(rest, { "user-agent": "test", "sec-fetch-mode": "cors", "x-own": "  a  b ", "x-amz-date": "20260115T080910Z", "x-amz-security-token": "new" });
  assert.match(signed.canonicalRequest, "\nVersion=1\n");
});

test("bytes and text of a body are the same", async () => {
  const signer = createSigV4Signer({ region: REGION, service: "sts", credentials: CREDENTIALS, now: () => NOW });
  const request = { method: "POST", url: "https://sts.us-east-1.amazonaws.com/" };
  const text = await signer.sign({ ...request, body: "grüße" });
  assert.equal(await signer.sign({ ...request, body: new TextEncoder().encode("grüße") }), text);
  assert.is((await signer.sign(request)).signature, (await signer.sign({ ...request, body: "" })).signature);
});

test("a request that cannot be signed is refused, without repeating it", async () => {
  const signer = createSigV4Signer({ region: REGION, service: "sts", credentials: CREDENTIALS });
  const good = { method: "GET", url: "https://sts.us-east-1.amazonaws.com/" };
  const bad: Partial<Record<keyof SigV4Request, unknown>>[] = [
    { method: "get" },
    { method: "GET\r\nx" },
    { method: undefined },
    { url: "/relative" },
    { url: "https://user:planted@host/" },
    { url: "https://[planted" },
    { url: "ftp://planted/" },
    { url: "https://host/?a=%zz" },
    { headers: { "x y": "1" } },
    { headers: { x: "a\r\nplanted: 1" } },
    { headers: { x: 1 } },
    { headers: "x" },
    { headers: ["x"] },
    { headers: { host: "planted.example" } },
    { body: 1 },
    { body: {} },
  ];
  for (const part of bad) {
    const error = await rejects(() => signer.sign({ ...good, ...part } as never), "ERR_KMS_INVALID_ARGUMENT");
    assert.not.match(`${error.message}${error.stack}`, "planted");
  }
});

test("options of the signer", async () => {
  const good = { region: REGION, service: "kms", credentials: CREDENTIALS };
  const bad = [{ region: "a/b" }, { service: "" }, { service: "s3" }, { credentials: undefined }, { now: 1 }, { hasher: { digest: 1 } }, { hasher: null }, { extra: 1 }];
  for (const part of bad) await rejects(() => createSigV4Signer({ ...good, ...part } as never), "ERR_KMS_CONFIG");
  await rejects(() => createSigV4Signer({ ...good, credentials: { accessKeyId: "", secretAccessKey: "x" } }), "ERR_KMS_CREDENTIALS");
  const insane = createSigV4Signer({ ...good, now: () => -1 });
  await rejects(() => insane.sign({ method: "GET", url: "https://x.example/" }), "ERR_KMS_INVALID_ARGUMENT");
  const expired = createSigV4Signer({ ...good, now: () => NOW, credentials: async () => ({ ...CREDENTIALS, expiresAt: new Date(NOW) }) });
  await rejects(() => expired.sign({ method: "GET", url: "https://x.example/" }), "ERR_KMS_CREDENTIALS");
});

test.run();
