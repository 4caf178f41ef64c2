/** A client for the tests of the emulated KMS that shares nothing with the library: requests signed with node:crypto. */
import { createHash, createHmac } from "node:crypto";
import type { AwsEmulator } from "../../../src/testing/aws.js";
import type { AwsEmulatorCredentials } from "../../../src/testing/aws.js";

export interface SignInput {
  readonly method: string;
  /** As on the wire, with the query. */
  readonly path: string;
  /** Names in lower case, `host` included, values as they go into the canonical request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly credentials: AwsEmulatorCredentials;
  readonly region: string;
  readonly service: string;
  /** `20260115T080910Z` */
  readonly date: string;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** The `Authorization` header over exactly these headers and this path; a query must be sorted and encoded already. */
export function authorizationOf(input: SignInput): string {
  const names = Object.keys(input.headers).sort();
  const [path = "", query = ""] = input.path.split("?");
  const canonicalPath = path.split("/").map((segment) => encodeURIComponent(segment)).join("/");
  const lines = names.map((name) => `${name}:${input.headers[name]}\n`).join("");
  const canonical = [input.method, canonicalPath, query, lines, names.join(";"), sha256(input.body)].join("\n");
  const scope = `${input.date.slice(0, 8)}/${input.region}/${input.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", input.date, scope, sha256(canonical)].join("\n");
  const key = scope.split("/").reduce<Buffer | string>((previous, part) => hmac(previous, part), `AWS4${input.credentials.secretAccessKey}`);
  const signature = hmac(key, toSign).toString("hex");
  return `AWS4-HMAC-SHA256 Credential=${input.credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
}

export function basicDate(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

export interface CallOptions {
  readonly url?: string;
  readonly method?: string;
  readonly credentials?: AwsEmulatorCredentials;
  readonly region?: string;
  readonly service?: string;
  readonly time?: number;
  readonly target?: string;
  /** More headers, signed; undefined takes one away. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Sent and not signed. */
  readonly unsigned?: Readonly<Record<string, string>>;
  /** The body as text in place of the JSON. */
  readonly text?: string;
  /** Changes the finished Authorization header. */
  readonly authorization?: (header: string) => string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined for an empty body; of whatever shape the test expects. */
  readonly json: any;
}

/** One signed request to the emulator, and its answer. */
export async function call(emulator: AwsEmulator, operation: string, body: unknown = {}, options: CallOptions = {}): Promise<Reply> {
  const response = await emulator.fetch(signedRequest(emulator, operation, body, options));
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text === "" ? undefined : JSON.parse(text) };
}

export function signedRequest(emulator: AwsEmulator, operation: string, body: unknown, options: CallOptions): Request {
  const url = new URL(options.url ?? emulator.endpoint);
  const credentials = options.credentials ?? emulator.credentials;
  const date = basicDate(options.time ?? emulator.now());
  const sent: Record<string, string | undefined> = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-date": date,
    "x-amz-target": options.target ?? `TrentService.${operation}`,
    "x-amz-security-token": credentials.sessionToken,
    ...options.headers,
  };
  const headers = Object.fromEntries(Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const method = options.method ?? "POST";
  const text = options.text ?? JSON.stringify(body);
  const { region = emulator.region, service = "kms" } = options;
  const input = { method, path: url.pathname + url.search, headers: { ...headers, host: url.host }, body: text, credentials, region, service, date };
  const header = (options.authorization ?? ((same) => same))(authorizationOf(input));
  const authorization: Record<string, string> = header === undefined ? {} : { authorization: header };
  return new Request(url, { method, headers: { ...headers, ...options.unsigned, ...authorization }, ...(method === "GET" ? {} : { body: text }) });
}
