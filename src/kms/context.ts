/** One call of a manager: its arguments, its deadline, its events, and what its failure says. */
import { assertNotAborted } from "../abort.js";
import { addErrorContext, isKmsError, ValidationError, withOutcome } from "../errors.js";
import { optionProblems, readOptions } from "../options.js";
import type { ManagerCore } from "./core.js";
import type { KmsEvent, ResultEvent } from "./events.js";
import type { CallContext } from "./provider.js";

/** Every operation takes these. */
export interface CallOptions {
  /** Ends the call; it rejects with `ERR_KMS_ABORTED`, and `signal.reason` stays with you. */
  readonly signal?: AbortSignal;
  /** Milliseconds for the whole call: credentials, attempts, waits and body. */
  readonly timeoutMs?: number;
}

/** Whether it can end in a rotation: that takes longer, and a failure before the change has changed nothing. */
export function isRotation(operation: string): boolean {
  return operation.startsWith("rotate");
}

export class Call implements CallContext {
  readonly operation: string;
  signal: AbortSignal | undefined;
  changeSent = false;
  attempts = 0;
  readonly #core: ManagerCore;
  #deadline = 0;
  #outcome: ResultEvent["outcome"] = "ok";

  constructor(core: ManagerCore, operation: string) {
    this.#core = core;
    this.operation = operation;
  }

  /** Reads named arguments: own ones, once, and nothing unknown. The result has no prototype: hand it on as it is, for the rest of a destructuring has one. */
  read<A extends object>(given: A | undefined, names: readonly string[]): A {
    const problems: string[] = [];
    const read = readOptions(given, names, problems);
    problems.push(...optionProblems(read));
    if (problems.length > 0) throw this.fail(invalidArgument(problems.join("; ")));
    return read as A;
  }

  /** From here on the time counts: of the call, or of one request of a list. */
  begin({ signal, timeoutMs = this.#core.timeoutMs ?? (isRotation(this.operation) ? 60_000 : 10_000) }: CallOptions): this {
    this.signal = signal;
    this.#deadline = performance.now() + timeoutMs;
    assertNotAborted(signal);
    return this;
  }

  remainingMs(): number {
    return this.#deadline - performance.now();
  }

  emit(event: KmsEvent): void {
    const { onEvent } = this.#core; // called as a plain function: the hook has no business with the manager
    // A hook changes nothing: neither what it throws nor what it rejects with.
    if (onEvent !== undefined) (async () => onEvent(event))().catch(() => {});
  }

  /** Adds to an error what only the manager knows. */
  fail(error: unknown): unknown {
    this.#outcome = "unexpected";
    if (isKmsError(error)) {
      const { operation, attempts } = this;
      const { key, provider } = this.#core;
      this.#outcome = error.code;
      if (isRotation(operation) && !this.changeSent && error.outcome === "unknown") withOutcome(error, "not-sent");
      addErrorContext(error, { provider: provider.name, operation, ...key, attempts });
    }
    return error;
  }

  /** Reports the result. */
  end(started: number): void {
    const { key, provider } = this.#core;
    this.emit({ type: "result", provider: provider.name, operation: this.operation, keyId: key.keyId, durationMs: performance.now() - started, outcome: this.#outcome });
  }
}

/** Runs an operation: reads its arguments, sets its limits, which are among them if not given apart, and reports its result. */
export async function runCall<T, A extends object>(call: Call, given: A | undefined, names: readonly string[], task: (read: A) => Promise<T>, limits?: CallOptions): Promise<T> {
  const started = performance.now();
  try {
    const read = call.read(given, names);
    call.begin(limits ?? read);
    return await task(read);
  } catch (error) {
    throw call.fail(error);
  } finally {
    call.end(started);
  }
}

/** The error for an argument that cannot be right. */
export function invalidArgument(message: string, hint?: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message, { hint });
}

/** The error for what this service, or this key of it, cannot do. */
export function unsupported(message: string, hint?: string): ValidationError {
  return new ValidationError("ERR_KMS_UNSUPPORTED", message, { hint });
}
