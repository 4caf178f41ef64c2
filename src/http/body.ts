/** Reads the body of an answer: bounded, as UTF-8 that is really UTF-8, as JSON that is whole. */
import { noAnswer, onAbort } from "../abort.js";
import { concatBytes } from "../encoding/bytes.js";
import { invalidAnswer } from "./fields.js";

/** The most that any answer of the three services comes near to is a few kilobytes. */
export const MAX_BODY_BYTES = 1_048_576;

/**
 * Reads at most {@link MAX_BODY_BYTES} decoded bytes. When the signal fires the body is given up, also on a stream that does
 * not listen to it; what comes back then is not whole.
 *
 * @throws {NetworkError} `ERR_KMS_TOO_LARGE`; the stream is cancelled
 * @throws {ProviderError} `ERR_KMS_RESPONSE_INVALID` for a content encoding: none was asked for, and decoding can multiply
 */
export async function readBody(response: Response, signal: AbortSignal): Promise<Uint8Array> {
  const { headers } = response;
  if (!/^identity$/i.test(headers.get("content-encoding") ?? "identity")) refuseBody(response, invalidAnswer("content-encoding"));
  const length = headers.get("content-length") ?? "";
  if (Number(length) > MAX_BODY_BYTES) refuseBody(response, noAnswer("ERR_KMS_TOO_LARGE"));
  // From a connection the length is enforced by the runtime, and reading at once is much cheaper than by stream. A
  // Response that somebody constructed has type "default", and a length that nobody has checked.
  if (/^\d+$/.test(length) && response.type !== "default") return new Uint8Array(await response.arrayBuffer());
  return response.body === null ? new Uint8Array(0) : readStream(response.body.getReader(), signal);
}

async function readStream(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal): Promise<Uint8Array> {
  const stop = (): void => void reader.cancel().catch(() => {});
  const forget = onAbort(signal, stop);
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return concatBytes(...chunks);
      chunks.push(value);
      total += value.length;
      if (total > MAX_BODY_BYTES) {
        stop();
        throw noAnswer("ERR_KMS_TOO_LARGE");
      }
    }
  } finally {
    forget();
  }
}

/** Throws, and gives the body up, so that its connection is free; a failure to do so does not matter. */
export function refuseBody(response: Response, error: unknown): never {
  response.body?.cancel().catch(() => {});
  throw error;
}

/** The JSON value of a body, or undefined when it is empty, not UTF-8, or not one whole JSON text. A byte order mark is none. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(body)) as unknown;
  } catch {
    return undefined; // the platform's message quotes the body
  }
}

/** The text of a body, or undefined when it is empty or not UTF-8. */
export function parseText(body: Uint8Array): string | undefined {
  try {
    return decodeUtf8(body) || undefined;
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
