/** What the tests of the Vault credential sources share: a question, and calls that are recorded. */
import { readFileSync } from "node:fs";
import { CredentialCache, type CredentialAsk } from "../../../src/credentials/cached.js";
import { createVaultEmulator, type VaultAuthMount, type VaultEmulator, type VaultEmulatorOptions } from "../../../src/testing/index.js";
import { readToken, type VaultToken } from "../../../src/vault/authorization.js";
import type { CredentialOption } from "../../../src/credentials/cached.js";
import { json, preparedAnswer, type Prepared } from "../../support/credential-sources.js";

export { assertNothingPlanted, fails, json, PLANTED, refusesOptions, type Prepared } from "../../support/credential-sources.js";

/** 2026-01-01T00:00:00Z, in milliseconds. */
export const NOW = 1_767_225_600_000;
export const ADDRESS = "https://vault.example:8200";
export const SIGN = { "transit/sign/*": ["update"] } as const;

export function askFor(changes: Partial<CredentialAsk> = {}): CredentialAsk {
  return { signal: new AbortController().signal, refused: false, ...changes };
}

export interface Call {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed; undefined without one. */
  readonly body: unknown;
  readonly redirect: string | undefined;
}

/** Calls that are recorded, with prepared answers: the last one again and again. */
export function fakeFetch(...answers: readonly Prepared[]): { (url: string, init: RequestInit): Promise<Response>; readonly calls: Call[] } {
  const calls: Call[] = [];
  const doFetch = async (url: string, { method = "GET", headers, body, redirect }: RequestInit): Promise<Response> => {
    calls.push({ url, method, headers: { ...(headers as Record<string, string>) }, body: body === undefined ? undefined : JSON.parse(body as string), redirect });
    return preparedAnswer(answers, calls.length);
  };
  return Object.assign(doFetch, { calls });
}

/** A refusal with one text. */
export function refusal(status: number, ...errors: readonly string[]): Response {
  return json({ errors }, status);
}

/** An answer with a token. */
export function issued(changes: Readonly<Record<string, unknown>> = {}): Response {
  return json({ auth: { client_token: "hvs.token", lease_duration: 3600, renewable: true, token_type: "service", num_uses: 0, mfa_requirement: null, ...changes } });
}

/** Emulated, under a clock that the test moves. */
export function scene(auth: readonly VaultAuthMount[], options: VaultEmulatorOptions = {}): { vault: VaultEmulator; clock: { ms: number }; now: () => number } {
  const clock = { ms: NOW };
  const now = (): number => clock.ms;
  return { clock, now, vault: createVaultEmulator({ auth, policies: { signer: SIGN }, now, ...options }) };
}

/** The paths below `/v1/` of what arrived, without those of the engine. */
export function pathsOf({ requests }: VaultEmulator): string[] {
  return requests.map(({ url }) => url.replace(/^.*?\/v1\//, "")).filter((path) => !path.startsWith("transit/"));
}

/** A cache as the provider has it. */
export function cacheOf(source: CredentialOption<VaultToken>, now: () => number, random = 0): CredentialCache<VaultToken> {
  return new CredentialCache<VaultToken>({ provider: "vault", source, check: readToken, now, random: () => random });
}

export interface AuthCase {
  readonly id: string;
  readonly request: { readonly method: string; readonly path: string; readonly body: Record<string, string> | null; readonly headers?: Record<string, string> };
  readonly response: { readonly status: number; readonly body: any };
  readonly sigv4?: any;
}

export function authCase(id: string): AuthCase {
  const { cases } = JSON.parse(readFileSync("fixtures/vault/auth.json", "utf8")) as { cases: AuthCase[] };
  return cases.find((entry) => entry.id === id) as AuthCase;
}

export interface Recorded {
  readonly request: { readonly method: string; readonly path: string };
  readonly response: { readonly status: number; readonly body: any };
}
