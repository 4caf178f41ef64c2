/** What the tests of the AWS credential sources share: a clock, a question, and what is done with every failure. */
import type { AwsCredentials } from "../../../src/aws/authorization.js";
import type { AwsCredentialsFunction } from "../../../src/aws/index.js";
import { CredentialCache, type CredentialAsk } from "../../../src/credentials/cached.js";
import { readCredentials } from "../../../src/aws/authorization.js";
import { isKmsError, type KmsError } from "../../../src/errors.js";
import { fails as attemptFails, PLANTED, preparedAnswer, type Prepared } from "../../support/credential-sources.js";

export { assertNothingPlanted, hostileBodies, json, PLANTED, type Prepared } from "../../support/credential-sources.js";

/** 2026-01-15T08:09:10Z, in milliseconds. */
export const NOW = Date.UTC(2026, 0, 15, 8, 9, 10);
export const HOUR = 3_600_000;
export const ROLE = "arn:aws:iam::111122223333:role/demo";
export const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
export const ask: CredentialAsk = { signal: new AbortController().signal, refused: false };

/** Asserts that a source fails, asked once. */
export async function fails(source: AwsCredentialsFunction, message: RegExp, retryable = false): Promise<KmsError> {
  return attemptFails(source(ask), message, { retryable });
}

/** Calls that are recorded, with prepared answers: the last one again and again. */
export interface FakeFetch {
  (url: string, init: RequestInit): Promise<Response>;
  readonly calls: { readonly url: string; readonly method: string; readonly headers: Record<string, string>; readonly body: string | undefined }[];
}

export function fakeFetch(...answers: readonly Prepared[]): FakeFetch {
  const calls: FakeFetch["calls"] = [];
  const doFetch = async (url: string, { method = "GET", headers, body }: RequestInit): Promise<Response> => {
    calls.push({ url, method, headers: { ...(headers as Record<string, string>) }, body: body as string | undefined });
    return preparedAnswer(answers, calls.length);
  };
  return Object.assign(doFetch, { calls });
}

/** A cache as a provider has it, under a clock that the test moves. */
export function cacheOf(source: AwsCredentialsFunction, now: () => number): CredentialCache<AwsCredentials> {
  return new CredentialCache<AwsCredentials>({ provider: "aws", source, check: readCredentials, now, random: () => 0 });
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
