/**
 * The check of a Signature Version 4 that the emulated KMS makes, from what arrived. Written apart from the signer of the
 * client, so that one mistake cannot be in both.
 */
import type { Bytes } from "../../encoding/bytes.js";
import { subtleCrypto } from "../../hasher.js";
import type { RecordedRequest } from "../faults.js";
import { hexOf } from "./arn.js";
import { canonicalRequest } from "./canonical.js";
import { AwsFailure } from "./failure.js";
import type { AwsEmulatorCredentials, Identities } from "./identities.js";

/** What the service expects, beside the credentials it knows. */
export interface SignatureExpectation {
  readonly region: string;
  readonly service: string;
  readonly identities: Identities;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How far a request's time may be off; 5 by default, as at KMS. */
  readonly toleranceMinutes?: number;
}

type Arrived = Pick<RecordedRequest, "method" | "url" | "headers" | "body">;

interface Authorization {
  readonly algorithm: string;
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

interface Scope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly term: string;
}

/** KMS takes five minutes either way (AWS wire sheet 1.4). */
const TOLERANCE_MINUTES = 5;

/**
 * Lets a request pass that is signed as it must be. The checks come in the order in which services of this protocol were seen to
 * make them: form, clock, signed headers, algorithm, scope, credentials, signature.
 *
 * @throws {AwsFailure} what the service answers to the first thing that is wrong
 */
export async function checkSignature(request: Arrived, expected: SignatureExpectation): Promise<void> {
  const authorization = readAuthorization(request.headers);
  const date = readDate(request.headers);
  checkClock(date, expected);
  checkSignedHeaders(request.headers, authorization.signedHeaders);
  if (authorization.algorithm !== "AWS4-HMAC-SHA256") {
    throw incomplete(`Unsupported AWS 'algorithm': '${authorization.algorithm}' (only AWS4-HMAC-SHA256 for now). `);
  }
  const scope = readScope(authorization.credential);
  checkScope(scope, date, expected);
  const token = request.headers["x-amz-security-token"];
  const credentials = expected.identities.find(scope.accessKeyId, token, expected.now);
  const canonical = await canonicalRequest(request, authorization.signedHeaders);
  const toSign = await stringToSign(date, scope, canonical);
  const signature = await sign(credentials, scope, toSign);
  const claimed = request.headers["x-amz-content-sha256"];
  if (signature === authorization.signature && (claimed === undefined || canonical.endsWith(`\n${claimed}`))) return;
  throw mismatch(canonical, toSign);
}

function readAuthorization(headers: Arrived["headers"]): Authorization {
  const header = headers.authorization?.trim() ?? "";
  const [, algorithm, rest] = /^(AWS4-\S+)(?:\s+(.*))?$/s.exec(header) ?? [];
  if (algorithm === undefined) throw new AwsFailure("MissingAuthenticationTokenException", "Missing Authentication Token");
  const parts = new Map<string, string>();
  for (const part of (rest ?? "").split(",").map((text) => text.trim()).filter(Boolean)) {
    const equals = part.indexOf("=");
    if (equals < 0) throw incomplete(`'${part}' not a valid key=value pair (missing equal-sign) in Authorization header: '${header}'.`);
    parts.set(part.slice(0, equals), part.slice(equals + 1));
  }
  const missing = ["Credential", "Signature", "SignedHeaders"].filter((name) => !parts.has(name));
  const problems = missing.map((name) => `Authorization header requires '${name}' parameter. `);
  if (headers["x-amz-date"] === undefined && headers.date === undefined) {
    problems.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
  }
  if (problems.length > 0) throw incomplete(`${problems.join("")}Authorization=${header}`);
  return {
    algorithm,
    credential: parts.get("Credential") ?? "",
    signedHeaders: (parts.get("SignedHeaders") ?? "").toLowerCase().split(";"),
    signature: parts.get("Signature") ?? "",
  };
}

function readDate(headers: Arrived["headers"]): string {
  const date = headers["x-amz-date"] ?? basicFormat(Date.parse(headers.date ?? ""));
  if (/^\d{8}T\d{6}Z$/.test(date) && !Number.isNaN(parseBasic(date))) return date;
  throw incomplete(`Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`);
}

function basicFormat(time: number): string {
  return Number.isNaN(time) ? "" : new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

function parseBasic(date: string): number {
  return Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

/** The time in parentheses is the server's; a client can learn its offset from it. */
function checkClock(date: string, { now, toleranceMinutes = TOLERANCE_MINUTES }: SignatureExpectation): void {
  const tolerance = toleranceMinutes * 60_000;
  const server = Math.floor(now / 1000) * 1000;
  const ahead = parseBasic(date) - server;
  if (Math.abs(ahead) <= tolerance) return;
  const limit = basicFormat(server + Math.sign(ahead) * tolerance);
  const span = `(${basicFormat(server)} ${ahead < 0 ? "-" : "+"} ${toleranceMinutes} min.)`;
  if (ahead < 0) throw refused(`Signature expired: ${date} is now earlier than ${limit} ${span}`);
  throw refused(`Signature not yet current: ${date} is still later than ${limit} ${span}`);
}

/** `host`, and of what was sent `content-type` and every `x-amz-…` (AWS wire sheet 1.2). */
function checkSignedHeaders(headers: Arrived["headers"], signed: readonly string[]): void {
  if (!signed.includes("host")) throw refused("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  for (const name of Object.keys(headers)) {
    const needed = name === "content-type" || name.startsWith("x-amz-");
    if (needed && !signed.includes(name)) throw refused(`'${name}' must be a 'SignedHeader' in the AWS Authorization.`);
  }
}

function readScope(credential: string): Scope {
  const [accessKeyId, date, region, service, term, ...more] = credential.split("/");
  if (accessKeyId === undefined || date === undefined || region === undefined || service === undefined || term === undefined || more.length > 0) {
    throw incomplete(`Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`);
  }
  return { accessKeyId, date, region, service, term };
}

const SCOPE_DATE = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:";

function checkScope(scope: Scope, date: string, { region, service }: SignatureExpectation): void {
  const day = date.slice(0, 8);
  const problems = [
    scope.region === region ? "" : `Credential should be scoped to a valid region, not '${scope.region}'. `,
    scope.service === service ? "" : `Credential should be scoped to correct service: '${service}'. `,
    scope.term === "aws4_request" ? "" : `Credential should be scoped with a valid terminator: 'aws4_request', not '${scope.term}'. `,
    scope.date === day ? "" : `${SCOPE_DATE} '${scope.date}' != '${day}', from '${date}'.`,
  ].join("");
  if (problems !== "") throw refused(problems);
}

async function stringToSign(date: string, { date: day, region, service, term }: Scope, canonical: string): Promise<string> {
  const digest = await subtleCrypto().digest("SHA-256", new TextEncoder().encode(canonical));
  return ["AWS4-HMAC-SHA256", date, [day, region, service, term].join("/"), hexOf(new Uint8Array(digest))].join("\n");
}

async function sign({ secretAccessKey }: AwsEmulatorCredentials, { date, region, service, term }: Scope, toSign: string): Promise<string> {
  const encoder = new TextEncoder();
  let key: Bytes = encoder.encode(`AWS4${secretAccessKey}`);
  for (const part of [date, region, service, term, toSign]) key = await hmac(key, encoder.encode(part));
  return hexOf(key);
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const subtle = subtleCrypto();
  const imported = await subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, data));
}

const MISMATCH = "The request signature we calculated does not match the signature you provided.";

/** The service says what it would have signed, headers and all (aws/aws-cli#9456): a client must not pass that on. */
function mismatch(canonical: string, toSign: string): AwsFailure {
  const parts = [
    `${MISMATCH} Check your AWS Secret Access Key and signing method. Consult the service documentation for details.`,
    `The Canonical String for this request should have been\n'${canonical}'`,
    `The String-to-Sign should have been\n'${toSign}'\n`,
  ];
  return refused(parts.join("\n\n"));
}

function refused(text: string): AwsFailure {
  return new AwsFailure("InvalidSignatureException", text);
}

function incomplete(text: string): AwsFailure {
  return new AwsFailure("IncompleteSignatureException", text);
}
