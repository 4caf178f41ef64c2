/** What the emulated token services have in common: the requests each takes, the way to alter its answers, and answers themselves. */
import type { RecordedRequest } from "../faults.js";
import { buildResponse } from "../response.js";

export type Arrived = Omit<RecordedRequest, "operation">;

/** Where a request was sent. */
export interface Place {
  readonly url: URL;
  /** In lower case; an IPv6 literal without its brackets. */
  readonly host: string;
  /** Whether the host says nothing, a loopback address for one, so that the path decides which service is meant. */
  readonly local: boolean;
}

/** Whether a request went to the usual port of a scheme: names are reached over https, the addresses inside a machine over http. */
export function isReachedOver(scheme: "https" | "http", { url }: Place): boolean {
  return url.protocol === `${scheme}:` && url.port === "";
}

/** One token service. */
export interface TokenService {
  /** What the request asks of it, such as `sts.AssumeRole`; undefined when it is for another service. */
  operationOf(request: Arrived, place: Place): string | undefined;
  /** Whether requests to this host are its own, so that it refuses those that it does not know. */
  owns(place: Place): boolean;
  handle(request: RecordedRequest, place: Place): Promise<Response>;
  /** Its own answer to too many requests. */
  throttled(): Response;
}

/** The members of an answer that hands out a credential: of STS the element `Credentials`, of the others the JSON object. */
export type AnswerMembers = Readonly<Record<string, unknown>>;

/** What the services share: the clock, and the last word on what they hand out. */
export interface TokenScene {
  now(): number;
  /** The members to send, as a test altered them; anything but an object is sent as it is in place of the whole body. */
  alter(operation: string, members: AnswerMembers): unknown;
}

/** A JSON answer with the service's date, so that a client can learn how far its own clock is off. */
export function jsonAnswer(scene: TokenScene, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const date = new Date(scene.now()).toUTCString();
  return buildResponse(status, { "content-type": "application/json; charset=utf-8", date, ...headers }, body);
}

export function textAnswer(scene: TokenScene, status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return buildResponse(status, { "content-type": "text/plain", date: new Date(scene.now()).toUTCString(), ...headers }, body);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Random letters and digits, capitals only when asked for. */
export function randomText(length: number, alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => alphabet[byte % alphabet.length]).join("");
}

/** A time in ISO 8601 without fractions, as AWS writes it. */
export function isoSeconds(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, "Z");
}
