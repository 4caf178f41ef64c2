/** A call context for tests that talk to a provider without a manager. */
import type { KmsEvent } from "../../src/kms/events.js";
import type { CallContext } from "../../src/kms/provider.js";

export function testContext(
  options: { operation?: string; timeoutMs?: number; signal?: AbortSignal } = {},
): CallContext & { readonly events: KmsEvent[] } {
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  const events: KmsEvent[] = [];
  return {
    operation: options.operation ?? "test",
    signal: options.signal,
    remainingMs: () => deadline - performance.now(),
    emit: (event) => void events.push(event),
    changeSent: false,
    attempts: 0,
    events,
  };
}
