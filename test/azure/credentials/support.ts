/** What the tests of the Azure credential sources share: a question, and calls that are recorded. */
import type { AzureCredentialsFunction, AzureToken } from "../../../src/azure/index.js";
import { CredentialCache, readExpiresAt, readSecret, type CredentialAsk } from "../../../src/credentials/cached.js";
import { encodePem } from "../../../src/encoding/pem.js";
import { readVectors, vectorKey } from "../../support/azure-vault.js";
import { hostileBodies as anyHostileBodies, PLANTED, preparedAnswer, type Prepared } from "../../support/credential-sources.js";

export { assertNothingPlanted, fails, json, PLANTED, refusesOptions, type Prepared } from "../../support/credential-sources.js";

/** 2026-01-01T00:00:00Z, in milliseconds: the base time of the vectors. */
export const NOW = 1_767_225_600_000;
export const HOUR = 3_600_000;
export const TENANT = "11111111-2222-4333-8444-555555555555";
export const CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
export const SCOPE = "https://vault.azure.net/.default";
export const TOKEN_URL = `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`;
export function askFor(changes: Partial<CredentialAsk> = {}): CredentialAsk {
  return { signal: new AbortController().signal, scope: SCOPE, refused: false, ...changes };
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

export function fakeFetch(...answers: readonly Prepared[]): FakeFetch {
  const calls: Call[] = [];
  const doFetch = async (url: string, { method = "GET", headers, body, redirect }: RequestInit): Promise<Response> => {
    calls.push({ url, method, headers: { ...(headers as Record<string, string>) }, body: body as string | undefined, redirect });
    return preparedAnswer(answers, calls.length);
  };
  return Object.assign(doFetch, { calls });
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

/** Bodies with status 200 that are no token. */
export function hostileBodies(): (() => Response)[] {
  return [...anyHostileBodies(), () => new Response(`{"__proto__":{"access_token":"${PLANTED}","expires_in":3599}}`)];
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
