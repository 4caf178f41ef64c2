/** Faults that a test gives an emulator: what each does to one request, and which request it hits. */
import { buildResponse, halfBody } from "./response.js";

/**
 * - `refuse`: the fetch rejects as for a refused connection; the service sees nothing.
 * - `cut-before`: the connection ends before any byte of an answer; the service did nothing.
 * - `cut-after`: the same, but the service did what was asked.
 * - `cut-body`: the service did it; status and headers come, and the body breaks off half way.
 * - `stall`: no answer until the caller aborts; the service did nothing. `stall-body`: the service did it, and after half of the body comes nothing more.
 * - `delay`: the real answer, after `delayMs` or when `until` settles.
 * - `status`: an answer of the given `status`, `headers` and `body`.
 * - `redirect`: 307 to `headers.location`; with `status: 0` what a browser makes of it.
 * - `oversize`: a body of `bytes` bytes with a `content-length`, or an endless one without.
 * - `garbage`: status 200 with a page of HTML, or the `body` given.
 * - `throttle`: the service's own answer to too many requests.
 */
export type FaultKind =
  | "refuse"
  | "cut-before"
  | "cut-after"
  | "cut-body"
  | "stall"
  | "stall-body"
  | "delay"
  | "status"
  | "redirect"
  | "oversize"
  | "garbage"
  | "throttle";

/** A request as it arrived at an emulator. */
export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  /** The body as text, empty when there was none. */
  readonly body: string;
  /** What the service calls it, such as `TrentService.Sign` or `sign`. */
  readonly operation: string;
  /** The fault that hit it. */
  readonly fault?: FaultKind;
}

/** One fault; without more than a kind it hits the next request. */
export interface Fault {
  readonly kind: FaultKind;
  /** How many requests it hits; 1 by default, `Infinity` for all. */
  readonly times?: number;
  /** Which requests it can hit; all by default. */
  readonly when?: (request: RecordedRequest) => boolean;
  /** Requests it could hit that are left alone first; 0 by default. */
  readonly after?: number;
  /** Status of the answer: `status` 500, `redirect` 307, `garbage` and `oversize` 200 by default. Any number, also one that no `Response` takes. */
  readonly status?: number;
  /** Headers of the answer, over those it has already. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Body of the answer: text as it is, `null` for none, anything else as JSON. */
  readonly body?: unknown;
  /** `status`, `redirect`, `oversize` and `garbage`: whether the service does what was asked first. */
  readonly handled?: boolean;
  /** `refuse` and the cuts: `code` of the error's cause, such as `ENOTFOUND` or `CERT_HAS_EXPIRED`. */
  readonly code?: string;
  /** `oversize`: bytes of the body; endless by default. */
  readonly bytes?: number;
  /** `delay`: milliseconds by the real clock. */
  readonly delayMs?: number;
  /** `delay`: the answer waits until this settles, so that a test needs no clock. */
  readonly until?: Promise<unknown>;
}

/** The faults of one emulator. The first injected one that fits a request hits it. */
export interface FaultControl {
  inject(fault: Fault): void;
  /** Forgets all faults that did not hit yet. */
  clear(): void;
}

/** What a fault needs of the emulator it is in. */
export interface FaultScene {
  readonly signal: AbortSignal | undefined;
  handle(): Promise<Response>;
  throttled(): Response;
}

/** {@link FaultControl} with the side that the emulator uses. */
export class FaultQueue implements FaultControl {
  #waiting: { fault: Fault; skip: number; left: number }[] = [];

  inject(fault: Fault): void {
    this.#waiting.push({ fault, skip: fault.after ?? 0, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** The fault for a request, counted as used. */
  take(request: RecordedRequest): Fault | undefined {
    for (const entry of this.#waiting) {
      if (entry.left <= 0 || entry.fault.when?.(request) === false) continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      entry.left -= 1;
      return entry.fault;
    }
    return undefined;
  }
}

/** What comes of a request that a fault hits. Rejections look like those of a platform's fetch. */
export function playFault(fault: Fault, scene: FaultScene): Promise<Response> {
  return PLAYS[fault.kind](fault, scene);
}

const PLAYS: Readonly<Record<FaultKind, (fault: Fault, scene: FaultScene) => Promise<Response>>> = {
  refuse: async (fault) => {
    throw fetchFailed(fault.code ?? "ECONNREFUSED");
  },
  "cut-before": async (fault) => {
    throw fetchFailed(fault.code ?? "UND_ERR_SOCKET");
  },
  "cut-after": async (fault, scene) => {
    await scene.handle();
    throw fetchFailed(fault.code ?? "UND_ERR_SOCKET");
  },
  "cut-body": async (fault, scene) =>
    halfBody(await scene.handle(), fault.headers, async () => {
      throw new TypeError("terminated", { cause: withCode("other side closed", fault.code ?? "UND_ERR_SOCKET") });
    }),
  stall: async (_fault, scene) => untilAborted(scene.signal),
  "stall-body": async (fault, scene) => halfBody(await scene.handle(), fault.headers, () => untilAborted(scene.signal)),
  delay: async (fault, scene) => {
    await fault.until;
    if (fault.delayMs !== undefined) await wait(fault.delayMs, scene.signal);
    return scene.handle();
  },
  status: (fault, scene) => replace(fault, scene, { status: 500, body: "" }),
  redirect: async (fault, scene) => {
    const answer = await replace(fault, scene, { status: 307, body: null, headers: { location: "https://elsewhere.example/" } });
    if (fault.status === 0) Object.defineProperty(answer, "type", { value: "opaqueredirect" });
    return answer;
  },
  oversize: (fault, scene) => {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (fault.bytes !== undefined) headers["content-length"] = String(fault.bytes);
    return replace(fault, scene, { status: 200, body: manyBytes(fault.bytes ?? Number.POSITIVE_INFINITY), headers });
  },
  garbage: (fault, scene) =>
    replace(fault, scene, {
      status: 200,
      body: "<!doctype html><title>Welcome</title><p>Please sign in.",
      headers: { "content-type": "text/html" },
    }),
  throttle: async (fault, scene) => {
    const answer = scene.throttled();
    for (const [name, value] of Object.entries(fault.headers ?? {})) answer.headers.set(name, value);
    return answer;
  },
};

interface Replacement {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function replace(fault: Fault, scene: FaultScene, { status, body, headers }: Replacement): Promise<Response> {
  if (fault.handled === true) await scene.handle();
  return buildResponse(fault.status ?? status, { ...headers, ...fault.headers }, fault.body === undefined ? body : fault.body);
}

/** What Node's fetch rejects with; the code is in the cause. */
function fetchFailed(code: string): TypeError {
  return new TypeError("fetch failed", { cause: withCode("connection failed", code) });
}

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Never settles but by the signal, with its reason. */
export function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal?.aborted === true) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** By the real clock, and no longer than the signal allows, so that no timer is left behind. */
async function wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, delayMs);
  });
  await Promise.race([over, untilAborted(signal)]).finally(() => clearTimeout(timer));
}

/** Blanks, which JSON allows before a value, made only as fast as they are read. */
function manyBytes(total: number): ReadableStream<Uint8Array> {
  let left = total;
  return new ReadableStream({
    pull(controller) {
      const chunk = Math.min(left, 65_536);
      left -= chunk;
      if (chunk > 0) controller.enqueue(new Uint8Array(chunk).fill(0x20));
      if (left === 0) controller.close();
    },
  });
}
