/** A service for the tests of the AWS provider: it records whole requests and gives prepared answers. */
import { createAwsProvider, type AwsProviderOptions } from "../../src/aws/index.js";
import type { KmsProvider } from "../../src/kms/provider.js";

export const REGION = "us-east-1";
export const ACCOUNT = "111122223333";
export const URL_OF_REGION = "https://kms.us-east-1.amazonaws.com/";
export const KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab";
export const OTHER_ID = "aaaabbbb-12ab-34cd-56ef-1234567890ab";
export const THIRD_ID = "ccccdddd-12ab-34cd-56ef-1234567890ab";
export const KEY_ARN = arnOf(KEY_ID);
export const ALIAS = "alias/signing";
export const ALIAS_ARN = `arn:aws:kms:${REGION}:${ACCOUNT}:${ALIAS}`;
export const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
/** 2026-01-15T08:09:10Z, in milliseconds. */
export const NOW = Date.UTC(2026, 0, 15, 8, 9, 10);
/** A P-256 signature in DER, and a P-256 key as SPKI. */
export const SIGNATURE = "MEUCIQCykqYZM59uVnowXJUcDcvMQtFuR/IZ+emOduCdh3CzSgIgAXfmBJLFqCQvdvB7/jZhveWewqF85b0tqyq+vfiaYuI=";
export const PUBLIC_KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEBKrsc2NXJvIT+4qeZNo7hjLkFJWpRNAEW1IuunJA+tWH2TFXmKqjpboBd1eHztBeqve04J/IHW0apUboNl1SXQ==";

export function arnOf(id: string, region = REGION, account = ACCOUNT): string {
  return `arn:aws:kms:${region}:${account}:key/${id}`;
}

export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What comes after `TrentService.` */
  readonly operation: string;
  readonly members: Readonly<Record<string, unknown>>;
}

export interface Given {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: unknown;
  /** Text as it is. */
  readonly bodyText?: string;
}

export interface TestService {
  readonly sent: Sent[];
  readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
}

export type Answering = (sent: Sent, index: number) => Given;

/** Gives the answers in turn, the last one again and again; or what a function says. A `cut` answer is a broken connection. */
export function testService(...answers: readonly Given[] | readonly [Answering]): TestService {
  const sent: Sent[] = [];
  const [first] = answers;
  return {
    sent,
    async fetch(url, { method = "GET", headers, body }) {
      const recorded = headers as Record<string, string>;
      const operation = (recorded["x-amz-target"] ?? "").replace(/^TrentService\./, "");
      const request = { method, url, headers: recorded, body: body as string, operation, members: JSON.parse(body as string) as Record<string, unknown> };
      sent.push(request);
      const given = typeof first === "function" ? first(request, sent.length - 1) : answers[Math.min(sent.length, answers.length) - 1];
      if (given === undefined) throw new Error("no request was expected");
      return toResponse(given as Given);
    },
  };
}

export function toResponse(given: Given): Response {
  const text = given.bodyText ?? (given.body === undefined ? null : JSON.stringify(given.body));
  return new Response(text, { status: given.status ?? 200, headers: { ...given.headers } });
}

/** A provider before such a service: no waits, a fixed clock, no environment. */
export function testProvider(service: Pick<TestService, "fetch">, options: Partial<AwsProviderOptions> = {}): KmsProvider {
  return createAwsProvider({
    region: REGION,
    credentials: CREDENTIALS,
    env: {},
    fetch: service.fetch,
    now: () => NOW,
    random: () => 0,
    sleep: async () => {},
    ...options,
  });
}

export function refusal(type: string, status = 400): Given {
  return { status, body: { __type: type, message: "text of the service" } };
}

/** A `KeyMetadata` as DescribeKey answers it, with members changed or, by undefined, left out. */
export function keyMetadata(changes: Readonly<Record<string, unknown>> = {}): { KeyMetadata: Record<string, unknown> } {
  const id = (changes.KeyId as string | undefined) ?? KEY_ID;
  return {
    KeyMetadata: {
      AWSAccountId: ACCOUNT,
      Arn: arnOf(id),
      CreationDate: 1_700_000_000.5,
      CustomerMasterKeySpec: "ECC_NIST_P256",
      Description: "demo key",
      Enabled: true,
      KeyId: id,
      KeyManager: "CUSTOMER",
      KeySpec: "ECC_NIST_P256",
      KeyState: "Enabled",
      KeyUsage: "SIGN_VERIFY",
      MultiRegion: false,
      Origin: "AWS_KMS",
      SigningAlgorithms: ["ECDSA_SHA_256"],
      ...changes,
    },
  };
}

export function aliasItem(name: string, target: string | undefined, times: { created?: number; updated?: number } = {}): Record<string, unknown> {
  return {
    AliasName: name,
    AliasArn: `arn:aws:kms:${REGION}:${ACCOUNT}:${name}`,
    TargetKeyId: target,
    CreationDate: times.created,
    LastUpdatedDate: times.updated ?? times.created,
  };
}
