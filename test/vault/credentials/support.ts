/** What the tests of the Vault credential sources share: a question, prepared answers, and what is done with every failure. */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import * as assert from "uvu/assert";
import { CredentialCache, type CredentialAsk } from "../../../src/credentials/cached.js";
import { ConfigError, type KmsError } from "../../../src/errors.js";
import { createVaultEmulator, type VaultAuthMount, type VaultEmulator, type VaultEmulatorOptions } from "../../../src/testing/index.js";
import { readToken, type VaultToken } from "../../../src/vault/authorization.js";
import type { CredentialOption } from "../../../src/credentials/cached.js";
import { rejects } from "../../support/rejects.js";

/** 2026-01-01T00:00:00Z, in milliseconds. */
export const NOW = 1_767_225_600_000;
export const ADDRESS = "https://vault.example:8200";
/** What no error may show. */
export const PLANTED = "pl4nted-s3cret";
export const SIGN = { "transit/sign/*": ["update"] } as const;

export function askFor(changes: Partial<CredentialAsk> = {}): CredentialAsk {
  return { signal: new AbortController().signal, refused: false, ...changes };
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
  /** Parsed; undefined without one. */
  readonly body: unknown;
  readonly redirect: string | undefined;
}

export type Prepared = Response | Error | (() => Response | Promise<Response>);

/** Calls that are recorded, with prepared answers: the last one again and again. */
export function fakeFetch(...answers: readonly Prepared[]): { (url: string, init: RequestInit): Promise<Response>; readonly calls: Call[] } {
  const calls: Call[] = [];
  const doFetch = async (url: string, { method = "GET", headers, body, redirect }: RequestInit): Promise<Response> => {
    calls.push({ url, method, headers: { ...(headers as Record<string, string>) }, body: body === undefined ? undefined : JSON.parse(body as string), redirect });
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
