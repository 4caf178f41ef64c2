/** Signature Version 4 for requests of your own: `createSigV4Signer`. */
import { CredentialCache, type CredentialOption } from "../credentials/cached.js";
import { webHasher, type Hasher } from "../hasher.js";
import { invalidArgument } from "../kms/context.js";
import type { CallContext } from "../kms/provider.js";
import { optionProblems, printable, readClock, readOptions, throwProblems, type ReadOptions } from "../options.js";
import { readCredentials, type AwsCredentials } from "./authorization.js";
import { amzDate, bodyBytes, canonicalHeaders, canonicalPath, canonicalQuery, canonicalRequest, SignatureMaker, type Header } from "./sigv4.js";

/** Options of {@link createSigV4Signer}. */
export interface SigV4SignerOptions {
  /** Of the credential scope, such as `eu-central-1`. */
  readonly region: string;
  /** Signing name of the service, such as `kms` or `sts`. S3 encodes paths by rules of its own and is refused. */
  readonly service: string;
  /** A value, or a function that is asked when nothing is kept, or what is kept is about to end. */
  readonly credentials: CredentialOption<AwsCredentials>;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Default WebCrypto. */
  readonly hasher?: Hasher;
}

/** A request to sign. */
export interface SigV4Request {
  /** Upper case. */
  readonly method: string;
  /** Absolute, http or https; signed as `new URL` writes it, which is what `fetch` sends. */
  readonly url: string;
  /** As an object, or as pairs where a name occurs more than once. `host` is taken from the URL. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[];
  /** The exact bytes that are sent; text is sent as UTF-8. */
  readonly body?: string | Uint8Array;
}

/** A signed request, with each step of the signature for comparison. */
export interface SignedRequest {
  /** All to send, names in lower case, without `host`, which the runtime sets. */
  readonly headers: Record<string, string>;
  readonly canonicalRequest: string;
  readonly stringToSign: string;
  /** Lower-case hex. */
  readonly signature: string;
}

/** Signs requests for one service in one region. */
export interface SigV4Signer {
  sign(request: SigV4Request): Promise<SignedRequest>;
}

/** What the AWS clients leave unsigned: proxies change these. */
const UNSIGNED =
  /^(authorization|cache-control|connection|expect|from|keep-alive|max-forwards|pragma|referer|te|trailer|transfer-encoding|upgrade|user-agent|x-amzn-trace-id|(proxy|sec)-.*)$/;
/** What an earlier signature left, and what this one sets. */
const REPLACED = new Set(["authorization", "date", "x-amz-date", "x-amz-security-token"]);

/**
 * Makes a signer for the requests of one region and service. It sends nothing, and keeps the signing keys that it
 * derived, imported, for the day.
 *
 * Sign anew for every attempt: a signature is good for five minutes, and a credential may have changed.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` for a credential value that cannot be one
 * @see AWS IAM User Guide, "AWS Signature Version 4 for API requests"
 * @example
 * ```ts
 * const signer = createSigV4Signer({ region: "eu-central-1", service: "sts", credentials: { accessKeyId, secretAccessKey } });
 * const url = "https://sts.eu-central-1.amazonaws.com/";
 * const body = "Action=GetCallerIdentity&Version=2011-06-15";
 * const { headers } = await signer.sign({ method: "POST", url, headers: { "content-type": "application/x-www-form-urlencoded" }, body });
 * await fetch(url, { method: "POST", headers, body, redirect: "manual" });
 * ```
 */
export function createSigV4Signer(options: SigV4SignerOptions): SigV4Signer {
  const problems: string[] = [];
  const read = readOptions(options, ["region", "service", "credentials", "now", "hasher"], problems);
  throwProblems([...problems, ...optionProblems(read), ...scopeProblems(read)]);
  const { region, service, credentials: source, hasher = webHasher } = read as unknown as SigV4SignerOptions;
  const now = readClock((read as unknown as SigV4SignerOptions).now);
  const credentials = new CredentialCache<AwsCredentials>({ provider: "aws", source, check: readCredentials, now, random: Math.random });
  const maker = new SignatureMaker(hasher, region, service);
  return {
    async sign(request) {
      const credential = await credentials.get(withoutDeadline(), new AbortController().signal);
      return signRequest(maker, credential, amzDate(now()), request);
    },
  };
}

function scopeProblems(read: ReadOptions): string[] {
  const problems: string[] = [];
  for (const name of ["region", "service"]) {
    const value = read[name];
    // A slash would end the part of the credential scope.
    if (typeof value !== "string" || !/^[a-z0-9-]{1,64}$/.test(value)) problems.push(`${name} must be a name of lower-case letters, digits and hyphens`);
    else if (name === "service" && value.startsWith("s3")) problems.push(`service: ${printable(value)} signs paths by other rules, which are not implemented`);
  }
  if (read.credentials === undefined) problems.push("credentials are missing");
  return problems;
}

/** A credentials function is waited for as long as it takes: `sign` has no deadline of its own. */
function withoutDeadline(): CallContext {
  return { operation: "sign", remainingMs: () => Infinity, emit: () => {}, changeSent: false, attempts: 0 };
}

async function signRequest(maker: SignatureMaker, credential: AwsCredentials, time: string, request: SigV4Request): Promise<SignedRequest> {
  const { method, body } = request;
  if (typeof method !== "string" || !/^[A-Z]+$/.test(method)) throw invalidArgument("method must be upper-case letters");
  const url = parseUrl(request.url);
  const { host, rest } = splitHost(readHeaders(request.headers), url.host);
  const set: Header[] = [...rest, ["x-amz-date", time]];
  if (credential.sessionToken !== undefined) set.push(["x-amz-security-token", credential.sessionToken]);
  const canonical = canonicalRequest({
    method,
    path: canonicalPath(url.pathname),
    query: canonicalQuery(url.search.slice(1)),
    headers: canonicalHeaders([["host", host], ...set.filter(([name]) => !UNSIGNED.test(name))]),
    payloadHash: await maker.hash(bodyBytes(body)),
  });
  const { stringToSign, signature, authorization } = await maker.sign(canonical, credential, time);
  return { headers: toSend([...set, ["authorization", authorization]]), canonicalRequest: canonical.text, stringToSign, signature };
}

function parseUrl(text: unknown): URL {
  if (typeof text === "string" && /^https?:\/\/[^\s\\@]+$/i.test(text)) {
    try {
      return new URL(text);
    } catch {
      // reported below, without the platform's message: it quotes the URL
    }
  }
  throw invalidArgument("url must be an absolute http or https URL without user, white space or backslash");
}

function readHeaders(headers: SigV4Request["headers"] = {}): Header[] {
  if (typeof headers !== "object" || headers === null) throw invalidArgument("headers must be an object, or an array of pairs");
  const pairs: readonly (readonly unknown[])[] = Array.isArray(headers) ? headers : Object.entries(headers);
  return pairs.map((pair) => {
    const [name, value] = Array.isArray(pair) ? pair : [];
    if (typeof name !== "string" || !/^[a-z0-9!#$%&'*+.^_`|~-]+$/i.test(name)) throw invalidArgument("headers have a name that is none");
    // What `fetch` refuses must not be signed either; white space around a value is dropped by both.
    if (typeof value !== "string" || !/^[\t\x20-\x7e]*$/.test(value)) throw invalidArgument("headers have a value that is not ASCII text in one line");
    return [name.toLowerCase(), value] as const;
  });
}

/** `host` is what the runtime will send, so another one in the headers can only be a mistake. */
function splitHost(headers: readonly Header[], host: string): { host: string; rest: Header[] } {
  if (headers.some(([name, value]) => name === "host" && value.trim().toLowerCase() !== host)) throw invalidArgument("the header host is not the host of the URL");
  return { host, rest: headers.filter(([name]) => name !== "host" && !REPLACED.has(name)) };
}

function toSend(headers: readonly Header[]): Record<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(joined);
}
