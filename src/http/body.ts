/** Reads the body of an answer: bounded, as UTF-8 that is really UTF-8, as JSON that is whole. */
import { onAbort } from "../abort.js";
import { concatBytes } from "../encoding/bytes.js";
import { NetworkError, ProviderError } from "../errors.js";

/** The most that any answer of the three services comes near to is a few kilobytes. */
export const MAX_BODY_BYTES = 1_048_576;

/**
 * Reads at most {@link MAX_BODY_BYTES} decoded bytes, and gives up when the signal fires, also on a stream that does not
 * listen to it.
 *
 * @throws {NetworkError} `ERR_KMS_TOO_LARGE`; the stream is cancelled
 * @throws {ProviderError} `ERR_KMS_RESPONSE_INVALID` for a content encoding: none was asked for, and decoding can multiply
 */
export async function readBody(response: Response, signal: AbortSignal): Promise<Uint8Array> {
  if (signal.aborted) refuseBody(response, signal.reason); // it came too late
  const encoding = response.headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    refuseBody(response, new ProviderError("ERR_KMS_RESPONSE_INVALID", "the answer has a content encoding", { status: response.status }));
  }
  const length = response.headers.get("content-length");
  const declared = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  if (declared !== undefined && declared > MAX_BODY_BYTES) refuseBody(response, tooLarge(response.status));
  // From a connection the length is enforced by the runtime, and reading at once is much cheaper than by stream. A
  // Response that somebody constructed has type "default", and a length that nobody has checked.
  if (declared !== undefined && response.type !== "default") return new Uint8Array(await response.arrayBuffer());
  if (response.body === null) return new Uint8Array(0);
  const reader = response.body.getReader();
  const stop = (): void => void reader.cancel().catch(() => {});
  const forget = onAbort(signal, stop);
  try {
    const body = await readAll(reader);
    if (body !== undefined) return body;
    stop();
    throw tooLarge(response.status);
  } finally {
    forget();
  }
}

/** All that a stream gives, or undefined when that is too much. */
async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks.length === 1 ? chunks[0] : concatBytes(...chunks);
    total += value.length;
    if (total > MAX_BODY_BYTES) return undefined;
    chunks.push(value);
  }
}

/** Throws, and gives the body up, so that its connection is free; a failure to do so does not matter. */
export function refuseBody(response: Response, error: unknown): never {
  response.body?.cancel().catch(() => {});
  throw error;
}

/** The JSON value of a body, or undefined when it is empty, not UTF-8, or not one whole JSON text. A byte order mark is none. */
export function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(decodeUtf8(body)) as unknown;
  } catch {
    return undefined; // the platform's message quotes the body
  }
}

/** The text of a body, or undefined when it is empty or not UTF-8. */
export function parseText(body: Uint8Array): string | undefined {
  try {
    return body.length === 0 ? undefined : decodeUtf8(body);
  } catch {
    return undefined;
  }
}

/** Made at its first use, and kept: making one costs as much as what it is used for. */
let utf8: TextDecoder | undefined;

function decodeUtf8(body: Uint8Array): string {
  utf8 ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return utf8.decode(body);
}

function tooLarge(status: number): NetworkError {
  return new NetworkError("ERR_KMS_TOO_LARGE", `the answer is larger than ${MAX_BODY_BYTES} bytes`, { status, outcome: "unknown" });
}
