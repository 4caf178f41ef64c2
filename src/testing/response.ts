/** Answers as an emulator makes them: with a length, of any status, and some that break off. */

/** Statuses that have no body (Fetch standard, "null body status"). */
const WITHOUT_BODY = new Set([101, 103, 204, 205, 304]);

/**
 * A `Response` of any status, 0, 100 and 999 too, which the constructor refuses: a client has to stand them. The body is text,
 * a stream, `null` for none, or a value that is sent as JSON. Text gets a `content-length` unless the headers have one.
 */
export function buildResponse(status: number, headers: Readonly<Record<string, string>>, body: unknown): Response {
  const content = body instanceof ReadableStream || body === null || typeof body === "string" ? body : JSON.stringify(body);
  const sent = WITHOUT_BODY.has(status) ? null : content;
  const all = new Headers(headers);
  if (typeof sent === "string" && !all.has("content-length")) {
    all.set("content-length", String(new TextEncoder().encode(sent).length));
  }
  const taken = Number.isInteger(status) && status >= 200 && status <= 599;
  const response = new Response(sent, { status: taken ? status : 200, headers: all });
  // new Response("text") names a type of its own, which no service sends.
  if (typeof sent === "string" && new Headers(headers).get("content-type") === null) response.headers.delete("content-type");
  if (!taken) Object.defineProperties(response, { status: { value: status }, ok: { value: false } });
  return response;
}

/** The same answer, of whose body only the first half comes; what then happens is for `end` to say: reject, or never settle. */
export async function halfBody(
  response: Response,
  headers: Readonly<Record<string, string>> | undefined,
  end: () => Promise<never>,
): Promise<Response> {
  const whole = new Uint8Array(await response.arrayBuffer());
  let sent = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) return end();
      sent = true;
      controller.enqueue(whole.subarray(0, Math.floor(whole.length / 2)));
      return undefined;
    },
  });
  const merged = Object.fromEntries(response.headers);
  return buildResponse(response.status, { ...merged, ...headers }, stream);
}
