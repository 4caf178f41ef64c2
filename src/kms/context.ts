/** One call of a manager: its deadline, its events, and what its failure says. */
import { assertNotAborted } from "../abort.js";
import { addErrorContext, isKmsError, ValidationError, withOutcome } from "../errors.js";
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
  /** Milliseconds for a call, as configured. */
  readonly timeoutMs?: number | undefined;
}

/** Whether it can end in a rotation, which takes longer. */
function isRotation(operation: string): boolean {
  return operation.startsWith("rotate");
}

class Call implements CallContext {
  readonly operation: string;
  readonly signal: AbortSignal | undefined;
  readonly #deadline: number;
  readonly #onEvent: OnEvent | undefined;
  changeSent = false;
  attempts = 0;

  constructor(subject: CallSubject, operation: string, { signal, timeoutMs = subject.timeoutMs ?? (isRotation(operation) ? 60_000 : 10_000) }: CallOptions) {
    this.operation = operation;
    this.signal = signal;
    this.#deadline = performance.now() + timeoutMs;
    this.#onEvent = subject.onEvent;
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

/** Runs an operation in a context of its own, reports its result, and completes its errors. */
export async function runCall<T>(
  subject: CallSubject,
  operation: string,
  options: CallOptions,
  task: (context: CallContext) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const context = new Call(subject, operation, options);
  let outcome: ResultEvent["outcome"] = "ok";
  try {
    assertNotAborted(context.signal);
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
  list: (newContext: () => CallContext) => AsyncIterable<T>,
): AsyncIterableIterator<T> {
  const started = performance.now();
  let context = new Call(subject, operation, options);
  let outcome: ResultEvent["outcome"] = "ok";
  try {
    assertNotAborted(context.signal);
    yield* list(() => (context = new Call(subject, operation, options)));
  } catch (error) {
    outcome = outcomeOf(error);
    throw completeError(error, subject, context);
  } finally {
    tellResult(subject, context, started, outcome);
  }
}

function outcomeOf(error: unknown): ResultEvent["outcome"] {
  return isKmsError(error) ? error.code : "unexpected";
}

function tellResult({ provider, keyId }: CallSubject, context: CallContext, started: number, outcome: ResultEvent["outcome"]): void {
  context.emit({ type: "result", provider, operation: context.operation, keyId, durationMs: performance.now() - started, outcome });
}

/** Adds what only the manager knows. A rotation that failed before anything that changes state was sent has changed nothing. */
export function completeError(error: unknown, subject: CallSubject, context: Pick<CallContext, "operation" | "changeSent" | "attempts">): unknown {
  if (!isKmsError(error)) return error;
  if (isRotation(context.operation) && !context.changeSent && error.outcome === "unknown") withOutcome(error, "not-sent");
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
