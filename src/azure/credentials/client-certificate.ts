/** An application that proves itself with a certificate. */
import { BOOLEAN, oneOf, type OptionRule } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { readClock } from "../../options.js";
import { readClientCertificate, signAssertion, type AssertionStyle, type ClientCertificate } from "./client-assertion.js";
import { assertionProof, clientRules, entraToken, readEntraOptions, type AzureCredentialsFunction, type EntraClient, type EntraOptions, type Proof } from "./entra.js";

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

const SOURCE = "client certificate";

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
  const { tenantId, clientId, algorithm = "PS256", sendCertificateChain = false } = read;
  const client: EntraClient = { options: read, source: SOURCE, tenantId, clientId };
  const proof = certificateProof(client, { algorithm, sendChain: sendCertificateChain }, loaderOf(read.certificate));
  return (ask) => entraToken(client, ask, proof);
}

/** A text is read once. */
function loaderOf(certificate: FromClientCertificateOptions["certificate"]): () => Promise<ClientCertificate> {
  if (typeof certificate === "function") return async () => certificateOf(SOURCE, await certificate());
  const read = certificateOf(SOURCE, certificate);
  return async () => read;
}

/** An assertion for each token request. */
export function certificateProof(client: EntraClient, style: AssertionStyle, load: () => Promise<ClientCertificate>): Proof {
  const { source, clientId, options } = client;
  return async (audience) => assertionProof(await signAssertion(source, await load(), style, { clientId, audience, now: readClock(options.now)(), id: undefined }));
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
