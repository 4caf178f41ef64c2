/** What a handler of the Vault emulator answers, and how that looks on the wire. */
import { buildResponse } from "../response.js";

/** `vault` answers as the Community edition does, as far as its documentation and source tell. */
export type VaultProduct = "openbao" | "vault";

/** One answer before it is written: errors, data in the usual envelope, a flat body, or none. */
export interface Answer {
  readonly status: number;
  readonly errors?: readonly string[];
  readonly data?: unknown;
  /** A token that is given or renewed. */
  readonly auth?: unknown;
  /** Where the answer proper is; the envelope is empty then. */
  readonly wrapInfo?: unknown;
  /** Members before those of the envelope, as with some routes of the core. */
  readonly top?: object;
  /** Vault only; the engine's by default. */
  readonly mountType?: string;
  readonly warnings?: readonly string[];
  /** A JSON body without envelope, as `sys/health` has. */
  readonly flat?: unknown;
  /** A body that is no JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without the line feed at the end of a JSON body: what was wrapped is handed out as it was kept. */
  readonly unended?: boolean;
  /** Without the headers that every answer of the server proper has. */
  readonly bare?: boolean;
}

/** An error of the engine that is no answer yet: in a batch it is the error of one item. */
export class EngineFailure extends Error {
  /** Whether a single call answers 500 with the text in a frame, as the engines do with errors that have no code. */
  readonly uncoded: boolean;

  constructor(text: string, uncoded: boolean) {
    super(text);
    this.uncoded = uncoded;
  }
}

/** An error whose text stands as it is. */
export function plainError(status: number, ...errors: string[]): Answer {
  return { status, errors };
}

/** An error in the frame that Go's multierror puts around texts. */
export function framedError(status: number, ...texts: string[]): Answer {
  const head = texts.length === 1 ? "1 error occurred" : `${texts.length} errors occurred`;
  return { status, errors: [`${head}:\n${texts.map((text) => `\t* ${text}\n`).join("")}\n`] };
}

/** The answer of a single call to a failure of the engine. */
export function failureAnswer(failure: EngineFailure): Answer {
  return failure.uncoded ? framedError(500, failure.message) : plainError(400, failure.message);
}

export function dataAnswer(data: unknown, warnings: readonly string[] = []): Answer {
  return { status: 200, data, warnings };
}

export const NO_CONTENT: Answer = { status: 204 };

/** What the written answer takes from the request and the emulator. */
export interface WriteContext {
  readonly product: VaultProduct;
  readonly method: string;
  /** Echoed as it was sent. */
  readonly namespaceHeader: string | undefined;
  /** Left out of errors. */
  readonly index: string | undefined;
  readonly requestId: string;
}

export function writeAnswer(answer: Answer, context: WriteContext): Response {
  const body = bodyOf(answer, context);
  const headers = answer.bare === true ? {} : usualHeaders(answer, context);
  if (body !== undefined || answer.status === 204) headers["content-type"] = "application/json";
  const text = answer.text ?? (body === undefined ? null : `${JSON.stringify(body)}${answer.unended === true ? "" : "\n"}`);
  return buildResponse(answer.status, { ...headers, ...answer.headers }, context.method === "HEAD" ? null : text);
}

function usualHeaders({ status }: Answer, { product, namespaceHeader, index }: WriteContext): Record<string, string> {
  return {
    "cache-control": "no-store",
    ...(product === "openbao" ? { "strict-transport-security": "max-age=31536000; includeSubDomains" } : {}),
    ...(namespaceHeader === undefined ? {} : { "x-vault-namespace": namespaceHeader }),
    ...(index === undefined || status >= 300 ? {} : { "x-vault-index": index }),
  };
}

function bodyOf(answer: Answer, { product, requestId }: WriteContext): unknown {
  if (answer.errors !== undefined) return { errors: answer.errors };
  if (answer.flat !== undefined) return answer.flat;
  const { data, auth, wrapInfo, warnings = [], mountType = "transit" } = answer;
  if (data === undefined && auth === undefined && wrapInfo === undefined) return undefined;
  return {
    ...answer.top,
    request_id: wrapInfo === undefined ? requestId : "",
    lease_id: "",
    renewable: false,
    lease_duration: 0,
    data: data ?? null,
    wrap_info: wrapInfo ?? null,
    warnings: warnings.length === 0 ? null : warnings,
    auth: auth ?? null,
    ...(product === "vault" ? { mount_type: mountType } : {}),
  };
}
