/** One call of a manager: its deadline, its events, and what its failure says. */
import { addErrorContext, isKmsError, NetworkError, ValidationError, withOutcome } from "../errors.js";
import type { KmsEvent, OnEvent, ResultEvent } from "./events.js";
import type { CallContext } from "./provider.js";

/** Every operation takes these. */
export interface CallOptions {
  /** Ends the call; it rejects with `ERR_KMS_ABORTED`, and `signal.reason` stays with you. */
  readonly signal?: AbortSignal;
  /** Milliseconds for the whole call: credentials, attempts, waits and body. */
  readonly timeoutMs?: number;
}

/** What a call needs to know of the manager and the key it is made for. */
export interface CallSubject {
  readonly provider: string;
  readonly keyId: string;
  readonly keyVersion?: string | undefined;
  readonly onEvent?: OnEvent | undefined;
}

export const DEFAULT_TIMEOUT_MS = 10_000;
export const ROTATE_TIMEOUT_MS = 60_000;

/** Whether a value can be a time limit: what a timer of 32 bits can hold. */
export function isTimeout(value: unknown): value is number {
  return typeof value === "number" && value >= 1 && value <= 2_147_483_647;
}

class Call implements CallContext {
  readonly operation: string;
  readonly signal: AbortSignal | undefined;
  readonly #deadline: number;
  readonly #onEvent: OnEvent | undefined;
  changeSent = false;
  attempts = 0;

  constructor(operation: string, signal: AbortSignal | undefined, timeoutMs: number, onEvent: OnEvent | undefined) {
    this.operation = operation;
    this.signal = signal;
    this.#deadline = performance.now() + timeoutMs;
    this.#onEvent = onEvent;
  }

  remainingMs(): number {
    return this.#deadline - performance.now();
  }

  emit(event: KmsEvent): void {
    if (this.#onEvent === undefined) return;
    try {
      const onEvent = this.#onEvent; // not as a method: the hook has no business with this object
      const returned = onEvent(event);
      if (typeof returned === "object" && returned !== null) Promise.resolve(returned).catch(() => {});
    } catch {
      // a hook changes nothing
    }
  }
}

/** A new context; for operations that give each request a deadline of its own. */
export function createContext(subject: CallSubject, operation: string, options: CallOptions, timeoutMs = DEFAULT_TIMEOUT_MS): CallContext {
  return new Call(operation, options.signal, options.timeoutMs ?? timeoutMs, subject.onEvent);
}

/** Runs an operation in a context of its own, reports its result, and completes its errors. */
export async function runCall<T>(
  subject: CallSubject,
  operation: string,
  options: CallOptions,
  timeoutMs: number,
  task: (context: CallContext) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const context = createContext(subject, operation, options, timeoutMs);
  let outcome: ResultEvent["outcome"] = "ok";
  try {
    assertNotAborted(context);
    return await task(context);
  } catch (error) {
    outcome = outcomeOf(error);
    throw completeError(error, subject, context);
  } finally {
    tellResult(subject, context, started, outcome);
  }
}

/** The same for a list, each request of which gets a context of its own. */
export async function* runListing<T>(
  subject: CallSubject,
  operation: string,
  options: CallOptions,
  timeoutMs: number,
  list: (newContext: () => CallContext) => AsyncIterable<T>,
): AsyncIterableIterator<T> {
  const started = performance.now();
  let context = createContext(subject, operation, options, timeoutMs);
  let outcome: ResultEvent["outcome"] = "ok";
  try {
    assertNotAborted(context);
    yield* list(() => (context = createContext(subject, operation, options, timeoutMs)));
  } catch (error) {
    outcome = outcomeOf(error);
    throw completeError(error, subject, context);
  } finally {
    tellResult(subject, context, started, outcome);
  }
}

function assertNotAborted({ signal }: CallContext): void {
  if (signal?.aborted === true) throw new NetworkError("ERR_KMS_ABORTED", "the call was aborted by its signal");
}

function outcomeOf(error: unknown): ResultEvent["outcome"] {
  return isKmsError(error) ? error.code : "unexpected";
}

function tellResult({ provider, keyId }: CallSubject, context: CallContext, started: number, outcome: ResultEvent["outcome"]): void {
  context.emit({ type: "result", provider, operation: context.operation, keyId, durationMs: performance.now() - started, outcome });
}

/** Adds what only the manager knows. A rotation that failed before anything that changes state was sent has changed nothing. */
export function completeError(error: unknown, subject: CallSubject, context: CallContext): unknown {
  if (!isKmsError(error)) return error;
  if (context.operation.startsWith("rotate") && !context.changeSent && error.outcome === "unknown") withOutcome(error, "not-sent");
  const { provider, keyId, keyVersion } = subject;
  return addErrorContext(error, { provider, operation: context.operation, keyId, keyVersion, attempts: context.attempts });
}

/** The error for an argument that cannot be right. */
export function invalidArgument(message: string, hint?: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message, { hint });
}

/** The error for what this service, or this key of it, cannot do. */
export function unsupported(message: string, hint?: string): ValidationError {
  return new ValidationError("ERR_KMS_UNSUPPORTED", message, { hint });
}
