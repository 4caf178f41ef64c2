/** A service for the tests of the Azure provider: it records whole requests and gives prepared answers. */
import { createAzureProvider, type AzureProviderOptions } from "../../src/azure/index.js";
import type { KmsProvider } from "../../src/kms/provider.js";

export const VAULT_URL = "https://example-vault.vault.azure.net";
export const VERSION = "0123456789abcdef0123456789abcdef";
export const OTHER_VERSION = "fedcba9876543210fedcba9876543210";
export const TOKEN = "test-token";
/** 2026-01-01T00:00:00Z, in milliseconds. */
export const NOW = 1_767_225_600_000;

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
  /** JSON, or text as it is. */
  readonly body?: unknown;
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
      const text = given.bodyText ?? (given.body === undefined ? null : JSON.stringify(given.body));
      return new Response(text, { status: given.status ?? 200, headers: { ...given.headers } });
    },
  };
}

/** A provider before such a service: no waits, a fixed clock, no environment. */
export function testProvider(service: TestService, options: Partial<AzureProviderOptions> = {}): KmsProvider {
  return createAzureProvider({
    vaultUrl: VAULT_URL,
    credentials: { token: TOKEN },
    env: {},
    fetch: service.fetch,
    now: () => NOW,
    random: () => 0,
    sleep: async () => {},
    ...options,
  });
}

export function kid(name = "signer", version = VERSION, vault = VAULT_URL): string {
  return `${vault}/keys/${name}/${version}`;
}

/** RFC 7517 appendix A.2. */
export const EC_KEY = {
  kid: kid(),
  kty: "EC",
  key_ops: ["sign", "verify"],
  crv: "P-256",
  x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
};

export const ATTRIBUTES = { enabled: true, created: 1_767_225_600, updated: 1_767_225_600, recoveryLevel: "Recoverable+Purgeable", recoverableDays: 90 };

export const BUNDLE = { key: EC_KEY, attributes: ATTRIBUTES, tags: { purpose: "demo" } };

/** The RSA key of RFC 7517 appendix A.2, in an HSM. */
export const RSA_BUNDLE = {
  key: {
    kid: kid(),
    kty: "RSA-HSM",
    key_ops: ["sign"],
    n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    e: "AQAB",
  },
  attributes: ATTRIBUTES,
};

export const POLICY = {
  id: `${VAULT_URL}/keys/signer/rotationpolicy`,
  lifetimeActions: [
    { trigger: { timeAfterCreate: "P60D", timeBeforeExpiry: null }, action: { type: "Rotate" } },
    { trigger: { timeBeforeExpiry: "P30D" }, action: { type: "Notify" } },
  ],
  attributes: { expiryTime: "P1Y6M" },
};

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
