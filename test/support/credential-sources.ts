/** What the tests of all credential sources share: prepared answers, and what is done with every failure. */
import { inspect } from "node:util";
import * as assert from "uvu/assert";
import { ConfigError, type KmsError } from "../../src/errors.js";
import { rejects } from "./rejects.js";

/** What no error may show. */
export const PLANTED = "pl4nted-s3cret";

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

export type Prepared = Response | Error | (() => Response | Promise<Response>);

/** The answer to that call, counted from 1: the last one again and again. */
export function preparedAnswer(answers: readonly Prepared[], count: number): Response | Promise<Response> {
  const answer = answers[Math.min(count, answers.length) - 1];
  if (answer === undefined) throw new Error("no request was expected");
  if (answer instanceof Error) throw answer;
  return typeof answer === "function" ? answer() : answer.clone();
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

/** Bodies with status 200 that are no credential, whatever the service. */
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
