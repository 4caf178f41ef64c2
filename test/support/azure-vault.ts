/** One request to an emulated vault, with what a client of the service sends by habit. */
import { readFileSync } from "node:fs";
import type { AzureEmulator } from "../../src/testing/azure.js";

export interface VaultCall {
  readonly body?: unknown;
  /** `null` sends none. */
  readonly token?: string | null;
  /** `null` sends none. */
  readonly apiVersion?: string | null;
  readonly headers?: Record<string, string>;
}

export interface VaultAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests look into every corner of it.
  readonly body: any;
}

/** 2026-01-01, the base time of the vectors, in Unix seconds. */
export const BASE = 1_767_225_600;

/** `path` may have a query of its own, or be a whole URL. */
export async function callVault(vault: AzureEmulator, method: string, path: string, call: VaultCall = {}): Promise<VaultAnswer> {
  const url = new URL(path, vault.vaultUrl);
  const apiVersion = call.apiVersion === undefined ? "7.4" : call.apiVersion;
  if (apiVersion !== null && !url.searchParams.has("api-version")) url.searchParams.set("api-version", apiVersion);
  const token = call.token === undefined ? vault.token : call.token;
  const headers = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...call.headers };
  const body = call.body === undefined ? null : JSON.stringify(call.body);
  const response = await vault.fetch(url, { method, headers, body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text === "" ? undefined : JSON.parse(text) };
}

/** A clock that tests set, in Unix seconds. */
export function testClock(seconds = BASE): { seconds: number; now: () => number } {
  const clock = { seconds, now: () => clock.seconds * 1000 };
  return clock;
}

export function readVectors<T>(file: string): T {
  return JSON.parse(readFileSync(`fixtures/azure/${file}`, "utf8")) as T;
}

export interface VectorKeys {
  readonly rsa: Readonly<Record<string, JsonWebKey>>;
  readonly ec: Readonly<Record<string, JsonWebKey>>;
  readonly oct: Readonly<Record<string, JsonWebKey>>;
}

/** A key pair of the vectors. */
export function vectorKey(name: string): JsonWebKey {
  const { rsa, ec, oct } = readVectors<VectorKeys>("keys.json");
  const key = { ...rsa, ...ec, ...oct }[name];
  if (key === undefined) throw new Error(`no such key in the vectors: ${name}`);
  return key;
}
