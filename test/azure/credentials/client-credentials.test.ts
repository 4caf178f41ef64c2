import { constants, createPublicKey, generateKeyPairSync, verify, X509Certificate } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readClientCertificate, signAssertion, type AssertionStyle, type ClientCertificate } from "../../../src/azure/credentials/client-credentials.js";
import { fromClientCertificate, type FromClientCertificateOptions } from "../../../src/azure/index.js";
import { encodePem } from "../../../src/encoding/pem.js";
import { readVectors } from "../../support/azure-vault.js";
import { askFor, CLIENT, demoCertificate, demoKey, fails, fakeFetch, formOf, json, NOW, PLANTED, refusesOptions, TENANT, TOKEN_URL } from "./support.js";

interface AssertionVectors {
  readonly certificatePem: string;
  readonly thumbprintSha1Hex: string;
  readonly thumbprintSha256Hex: string;
  readonly claims: { readonly aud: string; readonly iss: string; readonly jti: string; readonly iat: number };
  readonly ps256: AssertionVector;
  readonly rs256: AssertionVector;
  readonly ps256WithChain: AssertionVector;
}

interface AssertionVector {
  readonly header: Record<string, unknown>;
  readonly signingInput: string;
  readonly signature: string;
  readonly jwt: string;
}

const vectors = readVectors<AssertionVectors>("client-assertion.json");
const GOOD = { token_type: "Bearer", expires_in: 3599, access_token: "opaque" };

const PEM = await demoCertificate();

function parsed(pem = PEM): ClientCertificate {
  const read = readClientCertificate(pem);
  if ("problem" in read) throw new Error(read.problem);
  return read;
}

/** Checked outside of the library: by node:crypto, with the key of the certificate. */
function isSigned(jwt: string, algorithm: "PS256" | "RS256"): boolean {
  const [header, payload, signature] = jwt.split(".") as [string, string, string];
  const padding = algorithm === "PS256" ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : { padding: constants.RSA_PKCS1_PADDING };
  const key = { key: new X509Certificate(vectors.certificatePem).publicKey, ...padding };
  return verify("sha256", Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"));
}

function partsOf(jwt: string): [Record<string, unknown>, Record<string, unknown>] {
  const [header, payload] = jwt.split(".").map((part) => Buffer.from(part, "base64url").toString());
  return [JSON.parse(header as string), JSON.parse(payload as string)];
}

const STYLES: Readonly<Record<"ps256" | "rs256" | "ps256WithChain", AssertionStyle>> = {
  ps256: { algorithm: "PS256", sendChain: false },
  rs256: { algorithm: "RS256", sendChain: false },
  ps256WithChain: { algorithm: "PS256", sendChain: true },
};

for (const [name, style] of Object.entries(STYLES) as [keyof typeof STYLES, AssertionStyle][]) {
  test(`vectors: ${name}`, async () => {
    const { aud, iss, jti, iat } = vectors.claims;
    const jwt = await signAssertion("test", parsed(), style, { clientId: iss, audience: aud, now: iat * 1000 + 999, id: jti });
    const [header, payload] = partsOf(jwt);
    assert.equal(header, vectors[name].header);
    assert.equal(payload, vectors.claims);
    assert.is(jwt.slice(0, jwt.lastIndexOf(".")), vectors[name].signingInput);
    assert.ok(isSigned(jwt, style.algorithm));
    assert.ok(isSigned(vectors[name].jwt, style.algorithm));
    // RS256 has no salt, so there is one signature only.
    if (style.algorithm === "RS256") assert.is(jwt, vectors[name].jwt);
    else assert.is.not(jwt, vectors[name].jwt);
  });
}

test("vectors: the thumbprints are those of node:crypto", () => {
  const { fingerprint, fingerprint256 } = new X509Certificate(vectors.certificatePem);
  assert.is(fingerprint.replace(/:/g, ""), vectors.thumbprintSha1Hex);
  assert.is(fingerprint256.replace(/:/g, ""), vectors.thumbprintSha256Hex);
  assert.is(vectors.ps256.header["x5t#S256"], Buffer.from(vectors.thumbprintSha256Hex, "hex").toString("base64url"));
});

test("the request: an assertion for the endpoint that it is posted to, a new one each time", async () => {
  const fetch = fakeFetch(json(GOOD));
  const source = fromClientCertificate({ tenantId: TENANT, clientId: CLIENT, certificate: PEM, env: {}, fetch, now: () => NOW + 1 });
  assert.equal(await source(askFor()), { token: "opaque", expiresAt: new Date(NOW + 3_599_001), refreshAt: undefined });
  await source(askFor());
  const ids = fetch.calls.map((call) => {
    assert.is(call.url, TOKEN_URL);
    const { client_assertion: jwt = "", ...fields } = formOf(call);
    assert.equal(fields, { grant_type: "client_credentials", client_id: CLIENT, client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", scope: "https://vault.azure.net/.default" });
    assert.ok(isSigned(jwt, "PS256"));
    const [, { jti, ...claims }] = partsOf(jwt);
    assert.equal(claims, { aud: TOKEN_URL, iss: CLIENT, sub: CLIENT, iat: NOW / 1000, nbf: NOW / 1000, exp: NOW / 1000 + 600 });
    assert.match(String(jti), /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    return jti;
  });
  assert.is.not(ids[0], ids[1]);
});

test("a function is asked for the certificate at each token request", async () => {
  const fetch = fakeFetch(json(GOOD));
  let asked = 0;
  const certificate = async () => ((asked += 1) === 2 ? `no PEM ${PLANTED}` : PEM);
  const source = fromClientCertificate({ tenantId: TENANT, clientId: CLIENT, certificate, algorithm: "RS256", sendCertificateChain: true, env: {}, fetch });
  assert.is(asked, 0);
  await source(askFor());
  const [header] = partsOf(formOf(fetch.calls[0]).client_assertion as string);
  assert.is(header.alg, "RS256");
  assert.equal(header.x5c, [new X509Certificate(vectors.certificatePem).raw.toString("base64")]);
  await fails(source(askFor()), /^client certificate: the certificate must be PEM text with one private key/);
  await source(askFor());
  assert.is(asked, 3);
  for (const value of [undefined, null, 7, new Uint8Array(1)]) await fails(fromClientCertificate({ tenantId: TENANT, clientId: CLIENT, certificate: () => value as never, env: {}, fetch })(askFor()), /the certificate is no text$/);
});

test("the chain: the application's own first, in the order of the text; what stands between is skipped", () => {
  const other = encodePem("CERTIFICATE", new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x05]));
  const { chain } = parsed(`Bag Attributes\n    localKeyID: 01\n${vectors.certificatePem}\nsubject=CN = kms\n${other}\nKey Attributes: <No Attributes>\r\n${PEM.slice(0, PEM.indexOf("-----BEGIN CERTIFICATE"))}`);
  assert.is(chain.length, 2);
  assert.equal(Buffer.from(chain[0] as Uint8Array), new X509Certificate(vectors.certificatePem).raw);
});

test("refused: PKCS#1, encrypted keys, none, two, broken ones; with what to do, and never with the text", async () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { certificatePem } = vectors;
  const key = await demoKey();
  const text = (pem: string | Buffer) => String(pem) + certificatePem;
  const make = (certificate: unknown) => () => fromClientCertificate({ tenantId: TENANT, clientId: CLIENT, certificate } as FromClientCertificateOptions);
  await refusesOptions(make(text(rsa.privateKey.export({ type: "pkcs1", format: "pem" }))), /^certificate has a private key in another form than PKCS#8 .*openssl pkcs8 -topk8 -nocrypt/);
  await refusesOptions(make(text(ec.privateKey.export({ type: "sec1", format: "pem" }))), /^certificate has a private key in another form/);
  await refusesOptions(make(text(rsa.privateKey.export({ type: "pkcs1", format: "pem", cipher: "aes-128-cbc", passphrase: "p" }))), /^certificate has a private key in another form/);
  await refusesOptions(make(text(rsa.privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-128-cbc", passphrase: "p" }))), /^certificate has an encrypted private key: .*openssl/);
  for (const pem of ["", PLANTED, key, certificatePem, key + key + certificatePem, key.replace(/-----END[^]*/, "") + certificatePem]) await refusesOptions(make(pem), /^certificate must be PEM text with one private key/);
  await refusesOptions(make(PEM.replace(/\nMII/, "\n!II")), /^certificate has a block that is no PEM$/);
  await refusesOptions(make(`${PEM}${" ".repeat(65_536)}`), /^certificate is larger/);
  for (const value of [7, null, {}, new Uint8Array(3)]) await refusesOptions(make(value), /^certificate must be PEM text, or a function/);
  await refusesOptions(() => fromClientCertificate({ tenantId: TENANT, clientId: CLIENT, certificate: PEM, algorithm: "ES256", sendCertificateChain: "yes" } as never), /^algorithm must be one of PS256, RS256$/, /^sendCertificateChain must/);
});

test("a key of another kind", async () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256", privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } });
  const broken = encodePem("PRIVATE KEY", Buffer.from(PLANTED));
  for (const key of [ec.privateKey, broken]) {
    const source = fromClientCertificate({ tenantId: TENANT, clientId: CLIENT, certificate: key + vectors.certificatePem, env: {}, fetch: fakeFetch() });
    await fails(source(askFor()), /^client certificate: the private key of the certificate is no RSA key in PKCS#8$/);
  }
  assert.ok(createPublicKey(ec.publicKey));
});

test.run();
