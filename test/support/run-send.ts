/** One call of `send` to the fake service, and all that can be seen of it. */
import * as assert from "uvu/assert";
import { inspect } from "node:util";
import { isKmsError, type KmsError } from "../../src/errors.js";
import { send, type Answer, type Effect, type Service, type WireRequest } from "../../src/http/send.js";
import type { Transport, TransportOptions } from "../../src/http/transport.js";
import { testContext } from "./context.js";
import { fakeService, fakeTransport, request, TOKEN, type FakeServiceOptions } from "./fake-service.js";

export interface Run {
  readonly answer?: Answer;
  /** What was thrown, if it is an error of the library. */
  readonly error?: KmsError;
  readonly context: ReturnType<typeof testContext>;
  readonly service: ReturnType<typeof fakeService>;
  readonly transport: Transport & { readonly waits: number[] };
}

export interface RunOptions extends TransportOptions, FakeServiceOptions {
  readonly origin?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly request?: WireRequest;
  readonly service?: ReturnType<typeof fakeService>;
  readonly context?: ReturnType<typeof testContext>;
}

/** Sends one request. Any other error than one of the library's is thrown; one of the library's is checked for secrets. */
export async function run(effect: Effect, options: RunOptions = {}): Promise<Run> {
  const { failure, recovers, authorize, timeoutMs, signal, request: wire, service: given, context: own, ...transportOptions } = options;
  const service = given ?? fakeService(dropUndefined({ failure, recovers, authorize }));
  const transport = fakeTransport(transportOptions);
  const context = own ?? testContext(dropUndefined({ timeoutMs, signal }));
  try {
    return { answer: await send(service as Service<string>, transport, context, effect, wire ?? request), context, service, transport };
  } catch (error) {
    if (!isKmsError(error)) throw error;
    assertNoSecret(error, context.events);
    return { error, context, service, transport };
  }
}

function dropUndefined<T extends object>(value: T): { [name in keyof T]: Exclude<T[name], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}

/** Nothing of the tokens of the tests may be found in an error or an event. */
export function assertNoSecret(...values: unknown[]): void {
  for (const value of values) {
    const { message = "", stack = "" } = (value ?? {}) as { message?: string; stack?: string };
    const text = [message, stack, JSON.stringify(value), inspect(value, { depth: Infinity, showHidden: true })].join("\n");
    assert.not.ok(text.includes(TOKEN) || text.includes("secret in"), `a secret in ${text}`);
  }
}

/** Timers that keep the process alive. */
export function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}
