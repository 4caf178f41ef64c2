import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/http/send.js";
import { answers, request } from "../support/fake-service.js";
import { run } from "../support/run-send.js";

const EFFECTS: readonly Effect[] = ["read", "compute", "change"];
const CODES = [300, 301, 302, 303, 305, 306, 307, 308, 310, 399];

let status = 307;
let location: string | undefined;
let arrivals = 0;
let leaked = 0;
let origin = "";
let target = "";

/** Answers with the redirect of the moment. */
const server = createServer((_request, response) => {
  arrivals += 1;
  response.writeHead(status, location === undefined ? {} : { location });
  response.end("moved");
});
/** Where the redirects lead: nothing may ever arrive. */
const elsewhere = createServer((_request, response) => {
  leaked += 1;
  response.end("{}");
});

async function listen(on: Server): Promise<string> {
  await new Promise<void>((resolve) => on.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(on.address() as AddressInfo).port}`;
}

test.before(async () => {
  origin = await listen(server);
  target = await listen(elsewhere);
  elsewhere.on("connection", () => (leaked += 1));
});

test.after(() => {
  for (const each of [server, elsewhere]) {
    each.closeAllConnections();
    each.close();
  }
});

for (const code of CODES) {
  test(`F34 ${code} over a real connection: never followed, and nothing reaches the target`, async () => {
    for (const to of [undefined, "", "/other", "//other.example/", `${target}/keys/k/sign`, "http://169.254.169.254/latest", "https://elsewhere.example/", "file:///etc/passwd", "data:,x", "http://user:pass@127.0.0.1/"]) {
      for (const effect of EFFECTS) {
        status = code;
        location = to;
        arrivals = leaked = 0;
        const { error } = await run(effect, { origin, request: { ...request, url: `${origin}/keys/k/sign` } });
        assert.is(error?.code, "ERR_KMS_REDIRECT", String(to));
        assert.is(error?.status, code);
        assert.is(error?.outcome, "unknown");
        assert.is(error?.retryable, false);
        assert.is(arrivals, 1);
        assert.is(leaked, 0);
      }
    }
  });
}

test("F34 what a browser makes of a redirect: status 0, opaqueredirect", async () => {
  const opaque = { status: 0, type: "opaqueredirect", headers: new Headers(), body: null } as unknown as Response;
  for (const response of [opaque, Response.error(), { ...opaque, status: 200 } as Response]) {
    const fetch = answers(() => response);
    const { error } = await run("compute", { fetch });
    assert.is(error?.code, "ERR_KMS_REDIRECT");
    assert.is(fetch.calls.length, 1);
  }
});

test("a redirect's body is given up", async () => {
  let cancelled = false;
  const stream = new ReadableStream({ cancel: () => void (cancelled = true) });
  await run("read", { fetch: answers(() => new Response(stream, { status: 302 })) });
  assert.is(cancelled, true);
});

for (const odd of [100, 101, 199, 304, 600, 999, 1000, -1, 200.5e3, NaN, undefined, "two hundred"]) {
  test(`F35 status ${odd} where 200 is due`, async () => {
    for (const effect of EFFECTS) {
      const response = { status: odd, type: "basic", headers: new Headers(), body: null } as unknown as Response;
      const fetch = answers(() => response);
      const { error } = await run(effect, { fetch });
      assert.is(error?.code, "ERR_KMS_RESPONSE_INVALID");
      assert.is(error?.outcome, "unknown");
      assert.is(fetch.calls.length, 1);
    }
  });
}

test.run();
