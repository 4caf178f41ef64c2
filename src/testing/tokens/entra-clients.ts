/** How an application proves itself to the emulated Entra: a secret, an assertion by its certificate, or one of a trusted issuer. */
import { audiencesOf, checkIdentity, isSignedBy, readJwt, timeOf } from "../jwt.js";
import type { IdentityProblem, ReadJwt, TrustedIssuer } from "../jwt.js";
import { readCertificate } from "./certificate.js";
import { EntraFailure } from "./entra-failure.js";

/** A registered application. */
export interface EntraApp {
  readonly clientId: string;
  /** Client secrets, those with an end too. */
  readonly secrets?: readonly (string | { readonly value: string; readonly expiresAt: Date })[];
  /** PEM of certificates, one each. */
  readonly certificates?: readonly string[];
  /** Whose identity tokens it may come with; the audience is `api://AzureADTokenExchange` by default. */
  readonly federated?: readonly TrustedIssuer[];
}

/** What a token request is judged against. */
export interface EntraProof {
  readonly app: EntraApp;
  readonly form: URLSearchParams;
  /** The token endpoint under each name that it has. */
  readonly endpoints: readonly string[];
  readonly now: number;
}

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const EXCHANGE_AUDIENCE = "api://AzureADTokenExchange";

/**
 * Lets a request pass that proves to come from the application.
 *
 * @throws {EntraFailure} why not
 */
export async function checkClient({ app, form, endpoints, now }: EntraProof): Promise<void> {
  const secret = form.get("client_secret");
  if (secret !== null) return checkSecret(app, secret, now);
  const assertion = form.get("client_assertion");
  if (assertion === null) {
    throw new EntraFailure(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.");
  }
  if (form.get("client_assertion_type") !== ASSERTION_TYPE) {
    throw new EntraFailure(90023, "The value of 'client_assertion_type' is not supported.");
  }
  const jwt = readJwt(assertion);
  if (jwt === undefined) throw new EntraFailure(50027, "JWT token is invalid or malformed.");
  // An assertion of one's own names the application as its issuer; any other issuer is somebody else.
  if (jwt.claims["iss"] === app.clientId || "x5t" in jwt.header || "x5t#S256" in jwt.header) return checkAssertion(app, jwt, { endpoints, now });
  return checkFederated(app, assertion, now);
}

function checkSecret({ clientId, secrets = [] }: EntraApp, sent: string, now: number): void {
  const found = secrets.find((secret) => (typeof secret === "string" ? secret : secret.value) === sent);
  if (found === undefined) {
    const why = "Ensure the secret being sent in the request is the client secret value, not the client secret ID";
    throw new EntraFailure(7000215, `Invalid client secret provided. ${why}, for a secret added to app '${clientId}'.`);
  }
  if (typeof found !== "string" && found.expiresAt.getTime() <= now) {
    throw new EntraFailure(7000222, `The provided client secret keys for app '${clientId}' are expired.`);
  }
}

interface Expectation {
  readonly endpoints: readonly string[];
  readonly now: number;
}

async function checkAssertion({ clientId, certificates = [] }: EntraApp, jwt: ReadJwt, { endpoints, now }: Expectation): Promise<void> {
  await checkCertificate(certificates, jwt, now);
  const { iss, sub, jti } = jwt.claims;
  if (iss !== clientId || sub !== clientId) throw new EntraFailure(700021, "Client assertion application identifier doesn't match 'client_id' parameter.");
  if (typeof jti !== "string" || jti === "") throw new EntraFailure(50027, "JWT token is invalid or malformed. The claim 'jti' is missing.");
  if (!audiencesOf(jwt).some((audience) => endpoints.includes(audience))) {
    throw new EntraFailure(700023, "Client assertion audience claim does not match Realm issuer.");
  }
  assertInTime(jwt, now);
}

/** The certificate is the one with the thumbprint that the header names: SHA-256 if it is there, else SHA-1. */
async function checkCertificate(certificates: readonly string[], jwt: ReadJwt, now: number): Promise<void> {
  const registered = await Promise.all(certificates.map(readCertificate));
  const { x5t, "x5t#S256": x5tS256, alg } = jwt.header;
  const certificate = registered.find((entry) => (x5tS256 === undefined ? entry.x5t === x5t : entry.x5tS256 === x5tS256));
  if (certificate === undefined) throw notSigned("The key was not found.");
  if (alg !== "PS256" && alg !== "RS256") throw new EntraFailure(5002738, `Invalid JWT token. Unsupported algorithm: '${String(alg)}'.`);
  if (!(await isSignedBy(jwt, certificate.spki))) throw notSigned("The key was found, but the signature is not valid.");
  if (certificate.notAfter <= now) throw notSigned("The key used is expired.");
}

function notSigned(reason: string): EntraFailure {
  return new EntraFailure(700027, `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - ${reason}]`);
}

function assertInTime(jwt: ReadJwt, now: number): void {
  const expires = timeOf(jwt, "exp") ?? 0;
  const begins = timeOf(jwt, "nbf") ?? 0;
  // Five minutes of tolerance, as Microsoft's token libraries have by default.
  if (expires > now - 300_000 && begins <= now + 300_000) return;
  throw outOfTime(now, begins, expires);
}

function outOfTime(now: number, begins: number, expires: number): EntraFailure {
  const [current, from, until] = [now, begins, expires].map(longDate);
  const text = `Current time: ${current}, assertion valid from ${from}, expiry time of assertion ${until}.`;
  return new EntraFailure(700024, `Client assertion is not within its valid time range. ${text}`);
}

/** With seven digits of a second, as the service writes times; those that no `Date` takes are cut. */
function longDate(time: number): string {
  const latest = 8.64e15;
  return new Date(Math.min(latest, Math.max(-latest, time))).toISOString().replace("Z", "0000Z");
}

async function checkFederated({ federated = [] }: EntraApp, assertion: string, now: number): Promise<void> {
  const { problem, jwt } = await checkIdentity(assertion, federated, { now, audience: EXCHANGE_AUDIENCE });
  if (problem !== undefined && jwt !== undefined) throw federatedFailure(problem, jwt, now);
}

function federatedFailure(problem: IdentityProblem, jwt: ReadJwt, now: number): EntraFailure {
  const unmatched = (number: number, claim: string, name: string): EntraFailure => {
    const presented = `presented assertion ${name} '${String(jwt.claims[claim])}'`;
    const advice = "Check your federated identity credential Subject, Audience and Issuer against the presented assertion.";
    return new EntraFailure(number, `No matching federated identity record found for ${presented}. ${advice}`);
  };
  if (problem === "issuer") return unmatched(700211, "iss", "issuer");
  if (problem === "subject") return unmatched(700213, "sub", "subject");
  if (problem === "audience") return unmatched(700212, "aud", "audience");
  if (problem === "signature") return new EntraFailure(7000274, "Client assertion failed signature validation against the keys of its issuer.");
  return outOfTime(now, timeOf(jwt, "nbf") ?? 0, timeOf(jwt, "exp") ?? 0);
}
