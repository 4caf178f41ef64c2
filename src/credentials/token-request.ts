/** Asks a token endpoint: the one way in which a credential source reaches the network, and the one form of its failures. */
import { isProxied, isServerRuntime } from "../environment.js";
import { ConfigError, isKmsError, type ErrorDetails } from "../errors.js";
import { parseJson, parseText } from "../http/body.js";
import { asObject, invalidAnswer, member, requiredString, type Fields } from "../http/fields.js";
import { send, type Answer, type Effect, type Service } from "../http/send.js";
import { createTransport, retryAfterMs, type TransportOptions } from "../http/transport.js";
import type { CallContext } from "../kms/provider.js";
import type { ReadOptions } from "../options.js";
import { NotConfiguredError } from "./chain.js";

/** The option `fetch`, as every credential source takes it. */
export type TokenFetch = NonNullable<TransportOptions["fetch"]>;

export interface TokenRequest {
  /** https, or http to an address of the machine itself or of its platform. */
  readonly url: string;
  readonly method: "GET" | "POST" | "PUT";
  /** Lower-case names; every value is checked before. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly fetch?: TokenFetch | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds for all attempts and the waits between them. */
  readonly timeoutMs: number;
  /** Who is asked, for errors, such as `container credentials`. */
  readonly source: string;
  /** What the body is: with `json` the answer's `body` is the value, with `text` a string; undefined when it is none. */
  readonly format: "json" | "text";
  /** Requests in all. Default 3: answers 408, 425, 429 and 5xx are repeated, and requests that had no answer. */
  readonly attempts?: number;
  /** Other answers that are to be repeated. */
  readonly repeats?: (answer: Answer) => boolean;
  /** Lets the address be http wherever it is: the caller was told so for this one origin. */
  readonly allowInsecureHttp?: boolean;
  /** `change`: spends something that is good for one use, and so is repeated only if the failure proves that it did not. Default `compute`. */
  readonly effect?: Effect;
}

/**
 * Sends a request and returns the last answer, whatever its status: what a refusal means is the source's to say, with
 * {@link refusedToken}. No redirect is followed, and no body of more than 1 MiB read.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for an address that is refused, or when there is no complete answer
 * @throws {NetworkError} `ERR_KMS_ABORTED` when the signal fires
 */
export async function requestToken(given: TokenRequest): Promise<Answer> {
  // An inherited permission is none.
  const asked = { __proto__: null, ...given } as TokenRequest;
  const { source, signal, timeoutMs, attempts = 3, effect = "compute", method, url, headers = {}, body } = asked;
  const transport = createTransport("", originOf(asked), { __proto__: null, fetch: asked.fetch, retry: { attempts } } as ReadOptions);
  const request = body === undefined ? { method, url, headers } : { method, url, headers, body };
  let refused: Answer | undefined;
  const service: Service<undefined> = {
    async authorize(wire) {
      refused = undefined;
      return { request: wire, credential: undefined };
    },
    describeFailure(answer) {
      refused = answer;
      const repeat = isTransient(answer.status) || asked.repeats?.(answer) === true;
      return { code: "ERR_KMS_REJECTED", remedy: repeat ? "retry" : "none" };
    },
    parseBody: asked.format === "json" ? parseJson : parseText,
  };
  const end = performance.now() + timeoutMs;
  const context: CallContext = { operation: "token", signal, remainingMs: () => end - performance.now(), emit: () => {}, changeSent: false, attempts: 0 };
  try {
    return await send(service, transport, context, effect, request);
  } catch (error) {
    if (signal.aborted || !isKmsError(error)) throw error;
    if (refused !== undefined) return refused;
    // What could not be repeated here can be by a later call, which asks for another secret.
    const retryable = error.retryable || error.code === "ERR_KMS_NETWORK" || error.code === "ERR_KMS_TIMEOUT";
    throw tokenError(source, error.message, { retryable, retryAfterMs: error.retryAfterMs, cause: error });
  }
}

/** Loopback, the link-local networks, and what AWS has in the unique local one: no way leads out of the machine's own network. */
const NEAR = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|169\.254(\.\d{1,3}){2}|\[fd00:ec2::(23|254)\]|\[fe80:[\da-f:]{1,39}\])$/;

/** Whether plain http may go to a host name or literal, in the form that `new URL` gives it. */
export function isNearHost(hostname: string): boolean {
  return NEAR.test(hostname);
}

/** A secret goes out with most of these requests. What `new URL` writes in another way begins with another origin than it is given. */
function originOf({ url, source, allowInsecureHttp = false }: TokenRequest): string {
  try {
    const { origin, protocol, hostname } = new URL(/^https?:\/\/[^\s\\#]+$/i.test(url) ? url : "");
    if ((protocol === "https:" || allowInsecureHttp || isNearHost(hostname)) && url.startsWith(`${origin}/`)) return origin;
  } catch {
    // the platform's message quotes the URL
  }
  throw tokenError(source, "the address must be a plain https URL; http is for the machine itself");
}

/**
 * Checks, before a request to a metadata address, that it can reach that address and nothing else. A proxy would ask its
 * own machine's. A `fetch` that was given knows its own way.
 *
 * @throws {NotConfiguredError} on an edge runtime or in a browser
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when a proxy stands between
 */
export function assertMetadataReachable(source: string, url: string, fetch: TokenFetch | undefined): void {
  if (!isServerRuntime()) throw new NotConfiguredError(`${source}: not asked on this runtime`);
  const { hostname } = new URL(url);
  if (fetch !== undefined || !isProxied(hostname)) return;
  throw tokenError(source, "a proxy of the environment would be asked in place of this machine's metadata address", {
    hint: `add ${hostname} to NO_PROXY, or give a fetch that goes directly`,
  });
}

/** Whether an answer says nothing of the question, so that the same one can have another answer later. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** The failure of a source. Source and message are texts of ours. */
export function tokenError(source: string, message: string, details?: ErrorDetails): ConfigError {
  return new ConfigError("ERR_KMS_CREDENTIALS", `${source}: ${message}`, details);
}

/** The failure of a source whose endpoint refused; the status says whether a later call can succeed, unless `details` do. */
export function refusedToken(source: string, answer: Answer, message: string, details?: ErrorDetails): ConfigError {
  const { status } = answer;
  return tokenError(source, message, { status, retryable: isTransient(status), retryAfterMs: retryAfterMs(answer.header, Date.now), ...details });
}

/**
 * Reads an answer with the readers of `http/fields.ts`; what they refuse is a failure of this source.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 */
export function readToken<T>(source: string, answer: Pick<Answer, "body">, read: (fields: Fields) => T): T {
  try {
    return read(asObject(answer.body));
  } catch (error) {
    throw isKmsError(error) && !(error instanceof ConfigError) ? tokenError(source, error.message, { cause: error }) : error;
  }
}

/** A member that goes into a header or a body: visible ASCII, at most 65,536 characters. */
export function requiredSecret(fields: Fields, name: string): string {
  const value = requiredString(fields, name);
  if (!isSecret(value)) throw invalidAnswer(`${name} has characters that no token has`);
  return value;
}

/** Whether a text can be a token: no line ends, no blanks, nothing beyond ASCII. */
export function isSecret(value: unknown): value is string {
  return typeof value === "string" && /^[!-~]{1,65536}$/.test(value);
}

/** A number of seconds, or, where the service documents so, its decimal text. */
export function optionalSeconds(fields: Fields, name: string, { text }: { readonly text: boolean }): number | undefined {
  const value = member(fields, name);
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  if (text && typeof value === "string" && /^\d{1,15}$/.test(value)) return Number(value);
  throw invalidAnswer(`${name} is not a number of seconds`);
}

/** A token is asked for anew after a day at the latest, whatever its service says. */
export const MAX_LIFETIME_MS = 86_400_000;

/** The end of something that ends at that time (milliseconds since 1970), no earlier than now and no later than in a day. */
export function endsAt(time: number, now: number): Date {
  return new Date(Math.min(Math.max(time, now), now + MAX_LIFETIME_MS));
}

/** The end of something that lives so long from now on. */
export function endsAfter(seconds: number, now: number): Date {
  return endsAt(now + seconds * 1000, now);
}
