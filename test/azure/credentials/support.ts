/** What the tests of the Azure credential sources share: a question, prepared answers, and what is done with every failure. */
import { inspect } from "node:util";
import * as assert from "uvu/assert";
import type { AzureCredentialsFunction, AzureToken } from "../../../src/azure/index.js";
import { CredentialCache, readExpiresAt, readSecret, type CredentialAsk } from "../../../src/credentials/cached.js";
import { ConfigError, type KmsError } from "../../../src/errors.js";
import { encodePem } from "../../../src/encoding/pem.js";
import { readVectors, vectorKey } from "../../support/azure-vault.js";
import { rejects } from "../../support/rejects.js";

/** 2026-01-01T00:00:00Z, in milliseconds: the base time of the vectors. */
export const NOW = 1_767_225_600_000;
export const HOUR = 3_600_000;
export const TENANT = "11111111-2222-4333-8444-555555555555";
export const CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
export const SCOPE = "https://vault.azure.net/.default";
export const TOKEN_URL = `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`;
/** What no error may show. */
export const PLANTED = "pl4nted-s3cret";

export function askFor(changes: Partial<CredentialAsk> = {}): CredentialAsk {
  return { signal: new AbortController().signal, scope: SCOPE, refused: false, ...changes };
}

/** Asserts that a source fails as a source does: typed, named, nothing planted in any corner of it. */
export async function fails(attempt: Promise<unknown> | (() => unknown), message: RegExp, { retryable = false }: { readonly retryable?: boolean } = {}): Promise<KmsError> {
  const error = await rejects(attempt, "ERR_KMS_CREDENTIALS");
  assert.ok(error instanceof ConfigError);
  assert.match(error.message, message);
  assert.is(error.retryable, retryable, error.message);
  assert.is(error.outcome, "not-sent");
  assertNothingPlanted(error);
  return error;
}

/** Asserts that options are refused when the source is made, with these problems. */
export async function refusesOptions(make: () => unknown, ...problems: readonly RegExp[]): Promise<void> {
  const error = await rejects(make, "ERR_KMS_CONFIG");
  assertNothingPlanted(error);
  const found = (error as ConfigError).problems;
  assert.is(found.length, problems.length, found.join("; "));
  for (const [index, problem] of problems.entries()) assert.match(found[index] as string, problem);
}

export function assertNothingPlanted(error: unknown): void {
  const { message = "", stack = "" } = error as Error;
  const text = [message, stack, JSON.stringify(error), inspect(error, { depth: Infinity, showHidden: true })].join("\n");
  assert.not.ok(text.includes(PLANTED), text);
}

export interface Call {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly redirect: string | undefined;
}

/** Calls that are recorded, with prepared answers: the last one again and again. */
export interface FakeFetch {
  (url: string, init: RequestInit): Promise<Response>;
  readonly calls: Call[];
}

export type Prepared = Response | Error | (() => Response | Promise<Response>);

export function fakeFetch(...answers: readonly Prepared[]): FakeFetch {
  const calls: Call[] = [];
  const doFetch = async (url: string, { method = "GET", headers, body, redirect }: RequestInit): Promise<Response> => {
    calls.push({ url, method, headers: { ...(headers as Record<string, string>) }, body: body as string | undefined, redirect });
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

/** Fields of a form, in order. */
export function formOf(call: Call | undefined): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(call?.body));
}

/** A cache as the provider has it, under a clock that the test moves. */
export function cacheOf(source: AzureCredentialsFunction, now: () => number, random = 0): CredentialCache<AzureToken> {
  const check = (value: unknown): AzureToken => {
    const { expiresAt, refreshAt } = value as AzureToken;
    return { token: readSecret(value, "token"), expiresAt: readExpiresAt(expiresAt), refreshAt: readExpiresAt(refreshAt) };
  };
  return new CredentialCache<AzureToken>({ provider: "azure", source, check, now, random: () => random, scope: SCOPE });
}

/** Bodies with status 200 that are no token, whatever the service. */
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
    () => new Response(`{"__proto__":{"access_token":"${PLANTED}","expires_in":3599}}`),
  ];
}

/** Answers with a good body but for the token, which cannot be one. */
export function badTokens(good: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  const values = [undefined, null, 5, true, [], {}, "", `${PLANTED}\r\nx-injected: 1`, `${PLANTED} x`, `${PLANTED}é`, `${PLANTED}\u0000`, "x".repeat(65_537)];
  return values.map((value) => ({ ...good, access_token: value }));
}

/** The RSA key of the vectors in PKCS#8, and its certificate, as one PEM text. */
export async function demoCertificate(): Promise<string> {
  return (await demoKey()) + readVectors<{ certificatePem: string }>("client-assertion.json").certificatePem;
}

export async function demoKey(): Promise<string> {
  const key = await crypto.subtle.importKey("jwk", vectorKey("rsa-demo"), { name: "RSA-PSS", hash: "SHA-256" }, true, ["sign"]);
  return encodePem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", key)));
}
