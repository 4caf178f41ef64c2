/** What the emulated services have in common: a fetch function that records requests, plays faults and can be aborted. */
import { FaultQueue, playFault } from "./faults.js";
import type { Fault, FaultControl, RecordedRequest } from "./faults.js";

/** One emulated service. */
export interface Emulator {
  /**
   * Answers as the service would; give it to a client as its `fetch`. Faults apply. A redirect is returned, never followed.
   * It rejects as a platform's fetch does: with the reason of an aborted signal, or with a `TypeError` for a connection that failed.
   */
  fetch(input: Request | string | URL, init?: RequestInit): Promise<Response>;
  /** The answer to one request, faults left out, nothing recorded. */
  handle(request: Request): Promise<Response>;
  /** Every request that was sent to `fetch`, in order; those that a fault kept from the service name it in `fault`. Empty it with `length = 0`. */
  readonly requests: RecordedRequest[];
  readonly faults: FaultControl;
  /** The emulator's clock, in milliseconds since 1970. */
  now(): number;
}

/** What a service adds to make an {@link Emulator}. */
export interface EmulatedService {
  /** The clock, in milliseconds since 1970; the real one by default. */
  readonly now?: (() => number) | undefined;
  /** The service's name of what a request asks for. */
  operationOf(request: Omit<RecordedRequest, "operation">): string;
  handle(request: RecordedRequest): Promise<Response>;
  /** The service's own answer to too many requests. */
  throttled(request: RecordedRequest): Response;
}

/** An emulator around a service's own handler. */
export function createEmulator(service: EmulatedService): Emulator {
  const requests: RecordedRequest[] = [];
  const faults = new FaultQueue();
  return {
    requests,
    faults,
    now: () => (service.now ?? Date.now)(),
    handle: async (request) => service.handle(await recordRequest(service, request)),
    async fetch(input, init) {
      const signal = init?.signal ?? (typeof input === "object" && "signal" in input ? input.signal : undefined);
      signal?.throwIfAborted();
      return abortable(signal, async () => {
        const arrived = await recordRequest(service, new Request(input, init));
        const fault = faults.take(arrived);
        const recorded = fault === undefined ? arrived : { ...arrived, fault: fault.kind };
        requests.push(recorded);
        return answer(service, recorded, fault, signal);
      });
    },
  };
}

function answer(service: EmulatedService, request: RecordedRequest, fault: Fault | undefined, signal: AbortSignal | undefined): Promise<Response> {
  if (fault === undefined) return service.handle(request);
  return playFault(fault, { signal, handle: () => service.handle(request), throttled: () => service.throttled(request) });
}

async function recordRequest(service: EmulatedService, request: Request): Promise<RecordedRequest> {
  const { method, url } = request;
  // A service sees a byte order mark, which text() would drop.
  const body = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await request.arrayBuffer());
  const plain = { method, url, headers: Object.fromEntries(request.headers), body };
  return { ...plain, operation: service.operationOf(plain) };
}

/** Work that goes on when the signal is aborted, as it does at a service, while the caller already has its rejection. */
async function abortable(signal: AbortSignal | undefined, work: () => Promise<Response>): Promise<Response> {
  if (signal === undefined) return work();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([aborted, work()]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
