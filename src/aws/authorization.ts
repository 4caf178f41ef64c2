/** How requests to AWS KMS are authorized: the clock of the service, the credential in use, and the signature of each attempt. */
import { credentialsError, CredentialCache, readExpiresAt, readSecret, type CredentialOption, type Expiring } from "../credentials/cached.js";
import type { Hasher } from "../hasher.js";
import { parseHttpDate, type Transport } from "../http/transport.js";
import type { Answer, Service } from "../http/send.js";
import type { Endpoint } from "../http/url.js";
import { clockMessageTime, describeFailure } from "./errors.js";
import { CONTENT_TYPE } from "./requests.js";
import { amzDate, SignatureMaker, uriEncode, utf8 } from "./sigv4.js";

/** An access key, and for temporary credentials its session token. */
export interface AwsCredentials extends Expiring {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary credentials do not work without it. */
  readonly sessionToken?: string | undefined;
  /** A function given as `credentials` is asked again shortly before. */
  readonly expiresAt?: Date | undefined;
}

/**
 * Copies credentials into a frozen object of checked members.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`, naming what is wrong and never the value
 */
export function readCredentials(value: unknown): AwsCredentials {
  const accessKeyId = readSecret(value, "accessKeyId");
  // It stands between `Credential=` and the slashes of the scope in a header.
  if (!/^[\w.-]{1,128}$/.test(accessKeyId)) throw credentialsError("credentials: accessKeyId must be letters and digits");
  const secretAccessKey = readSecret(value, "secretAccessKey");
  const { sessionToken, expiresAt } = { __proto__: null, ...(value as object) } as Readonly<Record<string, unknown>>;
  return Object.freeze({
    accessKeyId,
    secretAccessKey,
    sessionToken: (sessionToken ?? undefined) === undefined ? undefined : readSecret(value, "sessionToken"),
    expiresAt: readExpiresAt(expiresAt),
  });
}

/** A time as AWS writes it in JSON, XML and variables, in milliseconds since 1970; undefined for anything but a date, a time, and an offset (RFC 3339). */
export function parseTime(text: unknown): number | undefined {
  if (typeof text !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** KMS refuses a request that is five minutes off; the AWS clients correct from four minutes on. */
export const SKEW_MS = 240_000;
/** Before this nobody can have answered us; after it, `Date` is nonsense (2020 and 2100). */
const SANE_FROM = 1_577_836_800_000;
const SANE_TO = 4_102_444_800_000;

/**
 * The server's time of an answer: its header `Date`, or the time that a refusal for the clock names in its message. An
 * answer with an `Age` comes out of a cache, and is as old as that.
 */
export function serverTimeOf({ status, body, header }: Answer): number | undefined {
  if (header("age") !== null) return undefined;
  const time = parseHttpDate(header("date")) ?? (status >= 400 ? clockMessageTime(body) : NaN);
  return time > SANE_FROM && time < SANE_TO ? time : undefined;
}

/** What an attempt was signed with. */
interface SignedWith {
  readonly credentials: AwsCredentials;
  readonly offsetMs: number;
}

/** AWS KMS as the door sees it, and its clock, in milliseconds since 1970. */
export interface AwsService extends Service<SignedWith> {
  /** The local clock, corrected when the service shows that it is far off. */
  now(): number;
  /** The service's own clock, as its last answer showed it. */
  serverTime(): number;
}

/** What requests are signed with. */
export interface Signing {
  readonly source: CredentialOption<AwsCredentials>;
  readonly hasher: Hasher;
  readonly region: string;
}

/** @param endpoint where requests go, as `parseEndpoint` gives it: a path without dots and empty segments */
export function createService({ source, hasher, region }: Signing, { host, path }: Endpoint, transport: Transport): AwsService {
  /** What is added to the local clock for signatures and expiry, and what would make it the service's. */
  let offsetMs = 0;
  let serverOffsetMs = 0;
  const now = (): number => transport.now() + offsetMs;
  const cache = new CredentialCache<AwsCredentials>({ provider: "aws", source, check: readCredentials, now, random: transport.random });
  const maker = new SignatureMaker(hasher, region, "kms");
  // The headers are few and always the same, so that the canonical request is written at once. A path is encoded once more.
  const start = `POST\n${uriEncode(path).replaceAll("%2F", "/")}/\n\ncontent-type:${CONTENT_TYPE}\nhost:${host}\nx-amz-date:`;
  return {
    now,
    serverTime: () => transport.now() + serverOffsetMs,
    async authorize(request, context, signal) {
      const credentials = await cache.get(context, signal);
      const { sessionToken } = credentials;
      const credential = { credentials, offsetMs };
      const time = amzDate(now());
      const [token, tokenName] = sessionToken === undefined ? ["", ""] : [`x-amz-security-token:${sessionToken}\n`, "x-amz-security-token;"];
      const signedHeaders = `content-type;host;x-amz-date;${tokenName}x-amz-target`;
      const payloadHash = await maker.hash(utf8(request.body as string));
      const text = `${start}${time}\n${token}x-amz-target:${request.headers["x-amz-target"]}\n\n${signedHeaders}\n${payloadHash}`;
      const { authorization } = await maker.sign({ text, signedHeaders }, credentials, time);
      const headers: Record<string, string> = { ...request.headers, "x-amz-date": time, authorization };
      if (sessionToken !== undefined) headers["x-amz-security-token"] = sessionToken;
      return { request: { ...request, headers }, credential };
    },
    describeFailure,
    recover: (remedy, _answer, sent) => (remedy === "credentials" ? cache.refuse(sent.credentials) : Math.abs(offsetMs - sent.offsetMs) >= SKEW_MS),
    observe(answer) {
      const time = serverTimeOf(answer);
      if (time === undefined) return;
      serverOffsetMs = time - transport.now();
      // What is within the tolerance stays as it is: `Date` has whole seconds, and was written a while ago.
      if (Math.abs(serverOffsetMs - offsetMs) >= SKEW_MS) offsetMs = serverOffsetMs;
    },
    requestIdOf: ({ header }) => header("x-amzn-requestid") ?? header("x-amzn-request-id") ?? header("x-amz-request-id"),
    waitHeaders: ["x-amz-retry-after"],
  };
}
