/** An application that proves itself with a secret, or with the private key of a certificate. */
import { BOOLEAN, oneOf, TEXT, type OptionRule } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { encodeBase64, encodeBase64Url } from "../../encoding/base64.js";
import type { Bytes } from "../../encoding/bytes.js";
import { decodePem } from "../../encoding/pem.js";
import { subtleCrypto } from "../../hasher.js";
import { readClock } from "../../options.js";
import { assertionProof, clientRules, entraToken, readEntraOptions, type AzureCredentialsFunction, type EntraClient, type EntraOptions, type Proof } from "./entra.js";

/** Options of {@link fromClientSecret}. */
export interface FromClientSecretOptions extends EntraOptions {
  /** Id or domain of the tenant. Default: learnt from the vault's challenge, at the cost of one refused request. */
  readonly tenantId?: string;
  /** Application (client) id. */
  readonly clientId: string;
  /** The secret's value. */
  readonly clientSecret: string;
}

/**
 * Tokens for an application with a client secret. The secret goes to the authority only, never to an address that an answer
 * names. One request a token.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Microsoft identity platform, "OAuth 2.0 client credentials flow", access token request with a shared secret
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl, keyName: "signer", credentials: fromClientSecret({ tenantId, clientId, clientSecret }) });
 * ```
 */
export function fromClientSecret(options: FromClientSecretOptions): AzureCredentialsFunction {
  const read = readEntraOptions(options, { ...clientRules(), clientSecret: TEXT }, { required: ["clientId", "clientSecret"] });
  const client: EntraClient = { __proto__: null, ...read, source: "client secret" } as EntraClient;
  return (ask) => entraToken(client, ask, () => ({ client_secret: read.clientSecret }));
}

/** Options of {@link fromClientCertificate}. */
export interface FromClientCertificateOptions extends EntraOptions {
  /** Id or domain of the tenant. Default: learnt from the vault's challenge, at the cost of one refused request. */
  readonly tenantId?: string;
  /** Application (client) id. */
  readonly clientId: string;
  /**
   * PEM text with the certificate, or the chain with the application's own certificate first, and its RSA private key in
   * PKCS#8 (`BEGIN PRIVATE KEY`), not encrypted. A function is asked for each token request, so that it can be replaced.
   */
  readonly certificate: string | (() => string | Promise<string>);
  /** `PS256` names the certificate by its SHA-256, `RS256`, the older way, by its SHA-1. Default `PS256`. */
  readonly algorithm?: "PS256" | "RS256";
  /** Whether all certificates go along, for an application that trusts subject name and issuer. Default false. */
  readonly sendCertificateChain?: boolean;
}

const CERTIFICATE = "client certificate";

/**
 * Tokens for an application with a certificate, whose private key signs an assertion with WebCrypto. One request a token.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options, such as a private key in PKCS#1; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Microsoft identity platform, "Application authentication certificate credentials"
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl, keyName: "signer", credentials: fromClientCertificate({ tenantId, clientId, certificate }) });
 * ```
 */
export function fromClientCertificate(options: FromClientCertificateOptions): AzureCredentialsFunction {
  const certificateRule: OptionRule = [(value) => typeof value === "string" || typeof value === "function", "PEM text, or a function that returns it"];
  const rules = { ...clientRules(), certificate: certificateRule, algorithm: oneOf(["PS256", "RS256"]), sendCertificateChain: BOOLEAN };
  const read = readEntraOptions(options, rules, {
    required: ["clientId", "certificate"],
    own: (given) => (typeof given.certificate === "string" ? problemsOf(given.certificate) : []),
  });
  const { algorithm = "PS256", sendCertificateChain: sendChain = false } = read;
  const client = { __proto__: null, ...read, source: CERTIFICATE } as EntraClient;
  const proof = certificateProof(client, { algorithm, sendChain }, loaderOf(read.certificate));
  return (ask) => entraToken(client, ask, proof);
}

/** A text is read once. */
function loaderOf(certificate: FromClientCertificateOptions["certificate"]): () => Promise<ClientCertificate> {
  if (typeof certificate === "function") return async () => certificateOf(CERTIFICATE, await certificate());
  const read = certificateOf(CERTIFICATE, certificate);
  return async () => read;
}

/** An assertion for each token request. */
export function certificateProof(client: EntraClient, style: AssertionStyle, load: () => Promise<ClientCertificate>): Proof {
  const { source, clientId } = client;
  const now = readClock(client.now);
  return async (audience) => assertionProof(await signAssertion(source, await load(), style, { clientId, audience, now: now(), id: undefined }));
}

/**
 * The certificate and key of a PEM text.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 */
export function certificateOf(source: string, pem: unknown): ClientCertificate {
  const read = typeof pem === "string" ? readClientCertificate(pem) : { problem: "is no text" };
  if ("problem" in read) throw tokenError(source, `the certificate ${read.problem}`);
  return read;
}

function problemsOf(pem: string): string[] {
  const read = readClientCertificate(pem);
  return "problem" in read ? [`certificate ${read.problem}`] : [];
}

/** What a PEM text holds, as DER. */
export interface ClientCertificate {
  /** PKCS#8. */
  readonly privateKey: Bytes;
  /** X.509, the application's own first. */
  readonly chain: readonly Bytes[];
}

/** How an assertion is made. */
export interface AssertionStyle {
  /** `PS256` with `x5t#S256`, or the older `RS256` with `x5t`. */
  readonly algorithm: "PS256" | "RS256";
  /** Whether all certificates go along, for authentication by subject name and issuer. */
  readonly sendChain: boolean;
}

/** What it says. */
export interface AssertionClaims {
  readonly clientId: string;
  /** The token endpoint, as posted to. */
  readonly audience: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Different in each one; random when undefined. */
  readonly id: string | undefined;
}

/** No file of keys and certificates comes near to it. */
const MAX_PEM = 65_536;
const CONVERT = "convert it with: openssl pkcs8 -topk8 -nocrypt -in key.pem";

/**
 * Finds the private key and the certificates in a PEM text; what stands between the blocks is skipped, as OpenSSL writes
 * attributes there. Never throws: a problem is a text of ours.
 *
 * @see RFC 7468 sections 2, 5 and 10
 */
export function readClientCertificate(pem: string): ClientCertificate | { readonly problem: string } {
  if (pem.length > MAX_PEM) return { problem: "is larger than any certificate with its key" };
  const blocks = (label: string): string[] => pem.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, "g")) ?? [];
  const keys = blocks("PRIVATE KEY");
  const chain = blocks("CERTIFICATE");
  if (pem.includes("-----BEGIN ENCRYPTED ")) return { problem: `has an encrypted private key: ${CONVERT}` };
  if (/-----BEGIN \w+ PRIVATE KEY-----/.test(pem)) return { problem: `has a private key in another form than PKCS#8 (BEGIN PRIVATE KEY): ${CONVERT}` };
  if (keys.length !== 1 || chain.length === 0) return { problem: "must be PEM text with one private key (BEGIN PRIVATE KEY) and its certificate (BEGIN CERTIFICATE)" };
  try {
    return { privateKey: decodePem(keys[0] as string, "PRIVATE KEY"), chain: chain.map((block) => decodePem(block, "CERTIFICATE")) };
  } catch {
    return { problem: "has a block that is no PEM" };
  }
}

/**
 * A compact JWS over the claims, good for ten minutes. The key is imported for this one signature and cannot be exported.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when the key is no RSA key
 * @see Microsoft identity platform, "Application authentication certificate credentials"; RFC 7515 sections 4.1.6 to 4.1.8
 */
export async function signAssertion(source: string, { privateKey, chain }: ClientCertificate, { algorithm, sendChain }: AssertionStyle, claims: AssertionClaims): Promise<string> {
  const leaf = chain[0] as Bytes;
  const [name, hash, member] = algorithm === "PS256" ? (["RSA-PSS", "SHA-256", "x5t#S256"] as const) : (["RSASSA-PKCS1-v1_5", "SHA-1", "x5t"] as const);
  const subtle = subtleCrypto();
  const thumbprint = encodeBase64Url(new Uint8Array(await subtle.digest(hash, leaf)));
  const header = { alg: algorithm, typ: "JWT", [member]: thumbprint, ...(sendChain ? { x5c: chain.map((der) => encodeBase64(der)) } : {}) };
  const seconds = Math.floor(claims.now / 1000);
  const { audience, clientId, id = globalThis.crypto.randomUUID() } = claims;
  const payload = { aud: audience, iss: clientId, sub: clientId, jti: id, iat: seconds, nbf: seconds, exp: seconds + 600 };
  const input = `${encodeJson(header)}.${encodeJson(payload)}`;
  let signature: ArrayBuffer;
  try {
    const key = await subtle.importKey("pkcs8", privateKey, { name, hash: "SHA-256" }, false, ["sign"]);
    signature = await subtle.sign({ name, saltLength: 32 }, key, new TextEncoder().encode(input));
  } catch {
    throw tokenError(source, "the private key of the certificate is no RSA key in PKCS#8");
  }
  return `${input}.${encodeBase64Url(new Uint8Array(signature))}`;
}

function encodeJson(value: unknown): string {
  return encodeBase64Url(new TextEncoder().encode(JSON.stringify(value)));
}
