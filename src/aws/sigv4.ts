/** Signature Version 4: canonical request, string to sign, signing key, signature, for the headers of a request. */
import { encodeHex } from "../encoding/hex.js";
import { isBytes, type Bytes } from "../encoding/bytes.js";
import type { Hasher, MacFunction } from "../hasher.js";
import { invalidArgument } from "../kms/context.js";

/** What of a credential makes a signature. */
export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Name in lower case, and value. */
export type Header = readonly [name: string, value: string];

const ALGORITHM = "AWS4-HMAC-SHA256";

/**
 * Percent-encodes UTF-8 bytes, all but `A-Z a-z 0-9 - . _ ~`, with upper-case digits.
 *
 * @see SigV4, create a canonical request, `UriEncode`
 */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * The canonical URI of a path as it goes on the wire: without empty segments and dots, and encoded once more. (S3 alone
 * has another rule.)
 */
export function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(uriEncode(segment));
  }
  const end = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.join("/")}${end}`;
}

/**
 * The canonical query of a query as it goes on the wire, without its question mark.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` for percent signs that encode nothing
 */
export function canonicalQuery(query: string): string {
  const parameters = query
    .split("&")
    .filter((parameter) => parameter !== "")
    .map((parameter) => {
      const at = parameter.indexOf("=");
      return at < 0 ? [recode(parameter), ""] : [recode(parameter.slice(0, at)), recode(parameter.slice(at + 1))];
    })
    .filter(([name]) => name !== "X-Amz-Signature") as [string, string][];
  parameters.sort(([a, x], [b, y]) => compare(a, b) || compare(x, y));
  return parameters.map(([name, value]) => `${name}=${value}`).join("&");
}

function recode(text: string): string {
  try {
    return uriEncode(decodeURIComponent(text));
  } catch {
    throw invalidArgument("the query of the URL has a percent sign that encodes nothing");
  }
}

/** By code units, as the specification sorts; `localeCompare` would not. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The canonical headers: lower case, sorted, values of one name joined in their order, runs of white space made one space. */
export function canonicalHeaders(headers: readonly Header[]): Header[] {
  const values = new Map<string, string>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const trimmed = value.trim().replace(/\s+/g, " ");
    const before = values.get(key);
    values.set(key, before === undefined ? trimmed : `${before},${trimmed}`);
  }
  return [...values].sort(([a], [b]) => compare(a, b));
}

/** Parts of a canonical request that are in their canonical form already. */
export interface CanonicalParts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly Header[];
  /** SHA-256 of the body in hex. */
  readonly payloadHash: string;
}

export interface CanonicalRequest {
  readonly text: string;
  /** Names joined by semicolons. */
  readonly signedHeaders: string;
}

/** Writes the canonical request; there is no line end after its last line. */
export function canonicalRequest({ method, path, query, headers, payloadHash }: CanonicalParts): CanonicalRequest {
  let lines = "";
  let signedHeaders = "";
  for (const [name, value] of headers) {
    lines += `${name}:${value}\n`;
    signedHeaders += signedHeaders === "" ? name : `;${name}`;
  }
  return { text: `${method}\n${path}\n${query}\n${lines}\n${signedHeaders}\n${payloadHash}`, signedHeaders };
}

/**
 * A time in the basic format of ISO 8601, UTC, without a fraction: `20260115T080910Z`.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` for what is no time between 1970 and 9999
 */
export function amzDate(ms: number): string {
  if (!(ms >= 0 && ms <= 253_402_300_799_999)) throw invalidArgument("now must be a time");
  return new Date(ms).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

/**
 * Derives the signing key of a scope, which is `date/region/service/aws4_request`: four MACs. It depends on nothing else, so
 * it is worth keeping.
 */
export async function deriveSigningKey(hasher: Hasher, secret: string, scope: string): Promise<Bytes> {
  let key: Bytes = utf8(`AWS4${secret}`);
  for (const step of scope.split("/")) {
    const mac = await hasher.hmacSha256(key);
    key = await mac(utf8(step));
  }
  return key;
}

interface KeptKey {
  readonly scope: string;
  readonly secret: string;
  readonly mac: Promise<MacFunction>;
}

/** What a signature consists of, step by step. */
export interface Signature {
  readonly stringToSign: string;
  /** Lower-case hex. */
  readonly signature: string;
  /** The value of the header `authorization`. */
  readonly authorization: string;
}

/** Signs for one region and service, and keeps the signing key last used, imported. */
export class SignatureMaker {
  readonly #hasher: Hasher;
  readonly #scope: string;
  /** A credential that is asked for anew each time is recognised by its text. */
  #kept: KeptKey | undefined;

  constructor(hasher: Hasher, region: string, service: string) {
    this.#hasher = hasher;
    this.#scope = `/${region}/${service}/aws4_request`;
  }

  /** SHA-256 in hex. */
  async hash(data: Bytes): Promise<string> {
    return encodeHex(await this.#hasher.digest("SHA-256", data));
  }

  /** Signs a canonical request as of that time, which its header `x-amz-date` must say. */
  async sign({ text, signedHeaders }: CanonicalRequest, { accessKeyId, secretAccessKey }: SigningCredentials, time: string): Promise<Signature> {
    const scope = time.slice(0, 8) + this.#scope;
    const stringToSign = `${ALGORITHM}\n${time}\n${scope}\n${await this.hash(utf8(text))}`;
    const mac = await this.#signingKey(scope, secretAccessKey);
    const signature = encodeHex(await mac(utf8(stringToSign)));
    const authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
    return { stringToSign, signature, authorization };
  }

  #signingKey(scope: string, secret: string): Promise<MacFunction> {
    if (this.#kept?.scope === scope && this.#kept.secret === secret) return this.#kept.mac;
    const mac = deriveSigningKey(this.#hasher, secret, scope).then((key) => this.#hasher.hmacSha256(key));
    this.#kept = { scope, secret, mac };
    // What failed is not kept: the caller has the error, the next one tries again.
    mac.catch(() => (this.#kept = undefined));
    return mac;
  }
}

/** Made at its first use, and kept: making one costs more than what it is used for. */
let encoder: TextEncoder | undefined;

/** Text as UTF-8. */
export function utf8(text: string): Bytes {
  return (encoder ??= new TextEncoder()).encode(text) as Bytes;
}

/** The hash of a body: bytes are hashed as they are, text as UTF-8, nothing as no bytes. */
export function bodyBytes(body: unknown = ""): Bytes {
  if (typeof body === "string") return utf8(body);
  if (isBytes(body)) return body;
  throw invalidArgument("body must be a string or a Uint8Array");
}

/** What is wrong with the option `hasher`. */
export function hasherProblems(hasher: unknown): string[] {
  if (hasher === undefined) return [];
  const { digest, hmacSha256 } = (hasher ?? {}) as Partial<Record<keyof Hasher, unknown>>;
  return typeof digest === "function" && typeof hmacSha256 === "function" ? [] : ["hasher must have the functions digest and hmacSha256"];
}
