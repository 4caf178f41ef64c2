/** What the tests of the AWS credential sources share: a clock, a question, and what is done with every failure. */
import { inspect } from "node:util";
import * as assert from "uvu/assert";
import type { AwsCredentials } from "../../../src/aws/authorization.js";
import type { AwsCredentialsFunction } from "../../../src/aws/index.js";
import { CredentialCache, type CredentialAsk } from "../../../src/credentials/cached.js";
import { readCredentials } from "../../../src/aws/authorization.js";
import { ConfigError, isKmsError, type KmsError } from "../../../src/errors.js";
import { rejects } from "../../support/rejects.js";

/** 2026-01-15T08:09:10Z, in milliseconds. */
export const NOW = Date.UTC(2026, 0, 15, 8, 9, 10);
export const HOUR = 3_600_000;
export const ROLE = "arn:aws:iam::111122223333:role/demo";
export const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
/** What no error may show. */
export const PLANTED = "pl4nted-s3cret";

export const ask: CredentialAsk = { signal: new AbortController().signal, refused: false };

/** Asserts that a source fails as a source does: typed, named, nothing planted in any corner of it. */
export async function fails(source: AwsCredentialsFunction, message: RegExp, retryable = false): Promise<KmsError> {
  const error = await rejects(source(ask), "ERR_KMS_CREDENTIALS");
  assert.ok(error instanceof ConfigError);
  assert.match(error.message, message);
  assert.is(error.retryable, retryable, error.message);
  assert.is(error.outcome, "not-sent");
  assertNothingPlanted(error);
  return error;
}

export function assertNothingPlanted(error: unknown): void {
  const { message = "", stack = "" } = error as Error;
  const text = [message, stack, JSON.stringify(error), inspect(error, { depth: Infinity, showHidden: true })].join("\n");
  assert.not.ok(text.includes(PLANTED), text);
}

/** Calls that are recorded, with prepared answers: the last one again and again. */
export interface FakeFetch {
  (url: string, init: RequestInit): Promise<Response>;
  readonly calls: { readonly url: string; readonly method: string; readonly headers: Record<string, string>; readonly body: string | undefined }[];
}

export type Prepared = Response | Error | (() => Response | Promise<Response>);

export function fakeFetch(...answers: readonly Prepared[]): FakeFetch {
  const calls: FakeFetch["calls"] = [];
  const doFetch = async (url: string, { method = "GET", headers, body }: RequestInit): Promise<Response> => {
    calls.push({ url, method, headers: { ...(headers as Record<string, string>) }, body: body as string | undefined });
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    if (answer === undefined) throw new Error("no request was expected");
    if (answer instanceof Error) throw answer;
    return typeof answer === "function" ? answer() : answer.clone();
  };
  return Object.assign(doFetch, { calls });
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

/** A cache as a provider has it, under a clock that the test moves. */
export function cacheOf(source: AwsCredentialsFunction, now: () => number): CredentialCache<AwsCredentials> {
  return new CredentialCache<AwsCredentials>({ provider: "aws", source, check: readCredentials, now, random: () => 0 });
}

/** Bodies with status 200 that are no credentials, whatever the service. */
export function hostileBodies(): (() => Response)[] {
  return [
    () => new Response(`<!doctype html><title>${PLANTED}</title>`, { headers: { "content-type": "text/html" } }),
    () => new Response(""),
    () => new Response(null, { status: 204 }),
    () => new Response(PLANTED),
    () => new Response("null"),
    () => new Response("[]"),
    () => new Response(`"${PLANTED}"`),
    () => new Response("{}"),
    () => new Response("x".repeat(1_048_577)),
    () => new Response(new Uint8Array([0xff, 0xfe, 0x00])),
    () => new Response(null, { status: 302, headers: { location: `https://${PLANTED}.example/` } }),
    () => new Response(`{"a":"${PLANTED}"}`, { headers: { "content-encoding": "gzip" } }),
  ];
}

/** Each member missing, null, of a wrong type, empty, with a line end, with other characters than ASCII. */
export function malformed(members: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  return Object.keys(members).flatMap((name) => {
    const { [name]: _, ...without } = members;
    const values = [null, 5, true, [], {}, "", `${PLANTED}\r\nx-injected: 1`, `${PLANTED} x`, `${PLANTED}é`, `${PLANTED}\u0000`];
    return [without, ...values.map((value) => ({ ...members, [name]: value }))];
  });
}

export { isKmsError };
