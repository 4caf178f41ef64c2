/** A service for the tests of the Vault provider: it records whole requests and gives prepared answers. */
import { readFileSync } from "node:fs";
import type { KmsProvider } from "../../src/kms/provider.js";
import { createVaultProvider, type VaultProviderOptions } from "../../src/vault/index.js";

export const ADDRESS = "https://vault.example:8200";
export const BASE = `${ADDRESS}/v1/transit`;
export const TOKEN = "hvs.test-token";
/** 2026-01-01T00:00:00Z, in milliseconds. */
export const NOW = 1_767_225_600_000;
export const REQUEST_ID = "7f0b1c52-6a0e-4d53-9b1e-0a6c8f6f2a11";

export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly redirect: string | undefined;
}

export interface Given {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: unknown;
  /** As it is. */
  readonly bodyText?: string;
}

export interface TestService {
  readonly sent: Sent[];
  readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
}

/** Gives the answers in turn; the last one stays. */
export function testService(...answers: readonly Given[]): TestService {
  const sent: Sent[] = [];
  return {
    sent,
    async fetch(url, { method = "GET", headers, body, redirect }) {
      sent.push({ method, url, headers: headers as Record<string, string>, body: body as string | undefined, redirect });
      const given = answers[Math.min(sent.length, answers.length) - 1];
      if (given === undefined) throw new Error("no request was expected");
      const text = given.bodyText ?? (given.body === undefined || given.body === null ? null : JSON.stringify(given.body));
      return new Response(text, { status: given.status ?? 200, headers: { ...given.headers } });
    },
  };
}

/** A provider before such a service: no waits, a fixed clock, no environment. */
export function testProvider(service: Pick<TestService, "fetch">, options: Partial<VaultProviderOptions> = {}): KmsProvider {
  return createVaultProvider({
    address: ADDRESS,
    mountPath: "transit",
    credentials: { token: TOKEN },
    env: {},
    fetch: service.fetch,
    now: () => NOW,
    random: () => 0,
    sleep: async () => {},
    ...options,
  });
}

/** The envelope of every answer with data. */
export function answer(data: unknown, more: object = {}): Given {
  return { body: { request_id: REQUEST_ID, lease_id: "", renewable: false, lease_duration: 0, data, wrap_info: null, warnings: null, auth: null, ...more } };
}

export function errors(status: number, ...texts: readonly string[]): Given & { readonly status: number } {
  return { status, body: { errors: texts } };
}

/** r and s of RFC 6979 appendix A.2.5, SHA-256, message "sample". */
export const DER = "MEYCIQDv1IsqrLao/RFA3ZzUXoHWnSyHe1aq+ZHDTQ6oTq83FgIhAPfLHJQtZXxB1DbHobbin2Xz6QDbua/0Bk3Eqy+EOs2o";
export const P1363 = Uint8Array.from(Buffer.from("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8", "hex"));

/** RFC 7515 appendix A.3, and RFC 6979 appendix A.2.5. */
export const PEMS = {
  1: "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END PUBLIC KEY-----\n",
  2: "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\nYfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n-----END PUBLIC KEY-----\n",
} as const;

/** A key with two versions, as OpenBao describes it. */
export const KEY = {
  allow_plaintext_backup: false,
  auto_rotate_period: 0,
  deletion_allowed: false,
  derived: false,
  exportable: false,
  imported_key: false,
  keys: {
    1: { certificate_chain: "", creation_time: "2026-05-04T09:30:15.123456789Z", name: "P-256", public_key: PEMS[1] },
    2: { certificate_chain: "", creation_time: "2026-06-01T00:00:00.5Z", name: "P-256", public_key: PEMS[2] },
  },
  latest_version: 2,
  min_available_version: 0,
  min_decryption_version: 1,
  min_encryption_version: 0,
  name: "signer",
  soft_deleted: false,
  supports_decryption: false,
  supports_derivation: false,
  supports_encryption: false,
  supports_signing: true,
  type: "ecdsa-p256",
};

export const ED25519_KEY = {
  ...KEY,
  type: "ed25519",
  keys: {
    1: { certificate_chain: "", creation_time: "2026-05-04T09:30:15Z", name: "ed25519", public_key: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" },
    2: { certificate_chain: "", creation_time: "2026-06-01T00:00:00Z", name: "ed25519", public_key: "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=" },
  },
};
export const AES_KEY = { ...KEY, type: "aes256-gcm96", keys: { 1: 1_777_887_015, 2: 1_780_272_000 }, supports_encryption: true, supports_decryption: true, supports_signing: false };
const { keys: _, ...withoutKeys } = KEY;
export const WITHOUT_KEYS = withoutKeys;
export const HMAC_KEY = { ...WITHOUT_KEYS, type: "hmac", key_size: 32, supports_signing: false };

export const SIGNED = { key_version: 2, signature: `vault:v2:${DER}` };

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

export type Path = readonly (string | number)[];

/** The value with one member changed; `undefined` takes it away. */
export function changed(value: unknown, [name, ...rest]: Path, replacement: unknown): unknown {
  if (name === undefined) return replacement;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string | number, unknown>;
  const inner = changed(copy[name], rest, replacement);
  if (inner === undefined) delete copy[name];
  else copy[name] = inner;
  return copy;
}

/** One exchange of the vectors. */
export interface Case {
  readonly id: string;
  readonly product: string;
  readonly request: { readonly method: string; readonly path: string; readonly headers?: Record<string, string>; readonly body?: Record<string, unknown> };
  readonly response: Given & { readonly status: number };
  readonly verify?: { readonly key: string; readonly version: number; readonly message_b64: string; readonly scheme: string; readonly salt_length?: number; readonly encoding?: string };
}

export function readCases(file: string): Case[] {
  const { cases } = JSON.parse(readFileSync(`fixtures/vault/${file}`, "utf8")) as { cases: Case[] };
  return cases;
}

/** The bytes of a base64 text. */
export function bytesOf(base64: unknown): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(String(base64), "base64"));
}
