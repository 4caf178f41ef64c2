/** How requests to AWS KMS are authorized: the clock of the service, the credential in use, and the signature of each attempt. */
import { credentialsError, readExpiresAt, readSecret, type CredentialAsk, type CredentialCache, type Expiring } from "../credentials/cached.js";
import { chainCredentials } from "../credentials/chain.js";
import type { Environment } from "../environment.js";
import { parseHttpDate } from "../http/transport.js";
import type { Answer, Service, WireRequest } from "../http/send.js";
import type { Endpoint } from "../http/url.js";
import { environmentCredentials } from "./credentials/environment.js";
import { clockMessageTime, describeFailure } from "./errors.js";
import { amzDate, canonicalPath, canonicalRequest, type Header, type SignatureMaker } from "./sigv4.js";

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
  if (!/^[\w.-]{1,128}$/.test(accessKeyId)) throw credentialsError("the accessKeyId of the credentials has characters that no accessKeyId has");
  const secretAccessKey = readSecret(value, "secretAccessKey");
  const { sessionToken, expiresAt } = { __proto__: null, ...(value as object) } as Readonly<Record<string, unknown>>;
  return Object.freeze({
    accessKeyId,
    secretAccessKey,
    sessionToken: (sessionToken ?? undefined) === undefined ? undefined : readSecret(value, "sessionToken"),
    expiresAt: readExpiresAt(expiresAt),
  });
}

/** What is asked when the option `credentials` is absent. */
export function defaultCredentials(env: Environment | undefined): (ask: CredentialAsk) => Promise<AwsCredentials> {
  return chainCredentials([environmentCredentials(env)], "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass credentials");
}

/** KMS refuses a request that is five minutes off; the AWS clients correct from four minutes on. */
const SKEW_MS = 240_000;
/** Before this nobody can have answered us; after it, `Date` is nonsense (2020 and 2100). */
const SANE_FROM = 1_577_836_800_000;
const SANE_TO = 4_102_444_800_000;

/**
 * The server's time of an answer: its header `Date`, or the time that a refusal for the clock names in its message. An
 * answer with an `Age` comes out of a cache, and is as old as that.
 */
export function serverTimeOf(answer: Answer): number | undefined {
  if (answer.header("age") !== null) return undefined;
  const time = parseHttpDate(answer.header("date")) ?? (answer.status >= 400 ? clockMessageTime(answer.body) : undefined);
  return time !== undefined && time > SANE_FROM && time < SANE_TO ? time : undefined;
}

/** The local clock, corrected when the service shows that it is far off. */
export class ServiceClock {
  readonly #now: () => number;
  #offsetMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What is added to the local clock. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#now() + this.#offsetMs;
  }

  /** Learns from an answer. What is within the tolerance stays as it is: `Date` has whole seconds, and was written a while ago. */
  learn(answer: Answer): void {
    const time = serverTimeOf(answer);
    if (time === undefined) return;
    const offset = time - this.#now();
    if (Math.abs(offset - this.#offsetMs) >= SKEW_MS) this.#offsetMs = offset;
  }
}

/** What an attempt was signed with. */
export interface SignedWith {
  readonly credentials: AwsCredentials;
  readonly offsetMs: number;
}

export interface AwsServiceOptions {
  readonly endpoint: Endpoint;
  readonly credentials: CredentialCache<AwsCredentials>;
  readonly clock: ServiceClock;
  readonly maker: SignatureMaker;
}

/** AWS KMS as the door sees it. */
export function createService({ endpoint, credentials, clock, maker }: AwsServiceOptions): Service<SignedWith> {
  const path = canonicalPath(`${endpoint.path}/`);
  return {
    async authorize(request, context, signal) {
      const signedWith = { credentials: await credentials.get(context, signal), offsetMs: clock.offsetMs };
      const headers = await signHeaders(maker, { host: endpoint.host, path }, request, signedWith.credentials, amzDate(clock.now()));
      return { request: { ...request, headers }, credential: signedWith };
    },
    describeFailure,
    recover(remedy, _answer, sent) {
      if (remedy === "credentials") return credentials.refuse(sent.credentials);
      return Math.abs(clock.offsetMs - sent.offsetMs) >= SKEW_MS;
    },
    observe: (answer) => clock.learn(answer),
    requestIdOf: ({ header }) => header("x-amzn-requestid") ?? header("x-amzn-request-id") ?? header("x-amz-request-id"),
    waitHeaders: ["x-amz-retry-after"],
  };
}

/** Where a request of this provider goes, in canonical form. */
interface Place {
  readonly host: string;
  readonly path: string;
}

/**
 * The headers of a request of this provider, signed. They are few and always the same, so they are written in canonical
 * form and order at once; `canonicalHeaders` would find nothing to do.
 */
async function signHeaders(
  maker: SignatureMaker,
  { host, path }: Place,
  request: WireRequest,
  credentials: AwsCredentials,
  time: string,
): Promise<Record<string, string>> {
  const { "content-type": contentType, "x-amz-target": target } = request.headers as Record<"content-type" | "x-amz-target", string>;
  const { sessionToken } = credentials;
  const headers: Header[] = [
    ["content-type", contentType],
    ["host", host],
    ["x-amz-date", time],
    ...(sessionToken === undefined ? [] : [["x-amz-security-token", sessionToken] as const]),
    ["x-amz-target", target],
  ];
  const payloadHash = await maker.hash(request.body ?? "");
  const canonical = canonicalRequest({ method: request.method, path, query: "", headers, payloadHash });
  const { authorization } = await maker.sign(canonical, credentials, time);
  const signed = { "content-type": contentType, "x-amz-date": time, "x-amz-target": target, authorization };
  return sessionToken === undefined ? signed : { ...signed, "x-amz-security-token": sessionToken };
}
