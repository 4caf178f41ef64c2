import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KmsErrorCode } from "../../src/errors.js";
import type { Effect } from "../../src/http/send.js";
import { request } from "../support/fake-service.js";
import { run, timers, type Run, type RunOptions } from "../support/run-send.js";

const EFFECTS: readonly Effect[] = ["read", "compute", "change"];

/** What a server does with one whole request; the number counts them. */
type Play = (socket: Socket, arrival: number) => void;

/** A server over raw sockets that counts whole requests. */
class FaultServer {
  arrivals = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly play: Play;

  constructor(play: Play, make: (onSocket: (socket: Socket) => void) => Server = createServer) {
    this.play = play;
    this.#server = make((socket) => this.#serve(socket));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    let received = "";
    socket.on("data", (data) => {
      received += data.toString("latin1");
      if (!received.includes('{"value":1}')) return;
      received = "";
      this.arrivals += 1;
      this.play(socket, this.arrivals);
    });
  }

  async listen(scheme = "http"): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `${scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

async function against(play: Play, effect: Effect, options: RunOptions = {}): Promise<Run & { readonly arrivals: number }> {
  const server = new FaultServer(play);
  try {
    const origin = await server.listen();
    const result = await run(effect, { origin, request: { ...request, url: `${origin}/keys/k/sign` }, ...options });
    return { ...result, arrivals: server.arrivals };
  } finally {
    server.close();
  }
}

const ok = (body: string, ...headers: string[]): string => `HTTP/1.1 200 OK\r\n${[`content-length: ${body.length}`, ...headers].join("\r\n")}\r\n\r\n${body}`;
const write = (text: string | Uint8Array, then: "end" | "reset" | "stay"): Play => (socket) => {
  socket.write(text, () => {
    if (then === "end") socket.end();
    if (then === "reset") setImmediate(() => socket.resetAndDestroy());
  });
};

interface Fault {
  readonly what: string;
  readonly play: Play;
  readonly code: KmsErrorCode | readonly KmsErrorCode[];
  /** Arrivals of what can be repeated. */
  readonly repeated: number;
}

const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const gzipped = gzipSync(JSON.stringify({ text: "x".repeat(1_000) }));
const LOST: KmsErrorCode = "ERR_KMS_NETWORK";

const FAULTS: readonly Fault[] = [
  { what: "F04 reset before any byte", play: (socket) => socket.resetAndDestroy(), code: LOST, repeated: 3 },
  { what: "F05 closed before any byte", play: (socket) => socket.end(), code: LOST, repeated: 3 },
  { what: "F07 reset in the middle of the headers", play: write("HTTP/1.1 200 OK\r\ncontent-le", "reset"), code: LOST, repeated: 3 },
  { what: "F08 reset in the middle of the body", play: write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":', "reset"), code: LOST, repeated: 3 },
  { what: "F09 less than content-length says", play: write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":1}', "end"), code: LOST, repeated: 3 },
  { what: "F10 cut, with no length", play: write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"a":', "end"), code: "ERR_KMS_RESPONSE_INVALID", repeated: 3 },
  { what: "F11 chunks cut off", play: write(`${chunked}5\r\n{"a":\r\n`, "end"), code: [LOST, "ERR_KMS_RESPONSE_INVALID"], repeated: 3 },
  { what: "no HTTP at all", play: write("SSH-2.0-OpenSSH_9.9\r\n", "end"), code: LOST, repeated: 3 },
  { what: "F36 a page of HTML", play: write(ok("<!doctype html><title>hi</title>", "content-type: text/html"), "stay"), code: "ERR_KMS_RESPONSE_INVALID", repeated: 3 },
  { what: "F18 500", play: write("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", "stay"), code: "ERR_KMS_UNAVAILABLE", repeated: 3 },
  { what: "F35 status 600", play: write("HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\n{}", "end"), code: ["ERR_KMS_RESPONSE_INVALID", LOST], repeated: 1 },
  { what: "F35 status 999", play: write("HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\n{}", "end"), code: ["ERR_KMS_RESPONSE_INVALID", LOST], repeated: 1 },
  { what: "F35 status 304", play: write("HTTP/1.1 304 Same\r\n\r\n", "end"), code: "ERR_KMS_RESPONSE_INVALID", repeated: 1 },
  { what: "F41 100 KB of headers", play: write(ok("{}", `x-long: ${"x".repeat(100_000)}`), "end"), code: "ERR_KMS_TOO_LARGE", repeated: 1 },
  { what: "F41 10,000 headers", play: write(ok("{}", ...Array.from({ length: 10_000 }, (_, index) => `x-${index}: y`)), "end"), code: "ERR_KMS_TOO_LARGE", repeated: 1 },
  { what: "F40 an honest length over the bound", play: write(ok(" ".repeat(2_000_000)), "stay"), code: "ERR_KMS_TOO_LARGE", repeated: 1 },
  { what: "F40 chunks over the bound", play: write(`${chunked}${(3_000_000).toString(16)}\r\n${" ".repeat(3_000_000)}\r\n0\r\n\r\n`, "stay"), code: "ERR_KMS_TOO_LARGE", repeated: 1 },
  { what: "F11 F40 gzip", play: write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${gzipped.length}\r\n\r\n`), gzipped]), "stay"), code: "ERR_KMS_RESPONSE_INVALID", repeated: 1 },
  { what: "F11 F40 gzip cut off", play: write(Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n"), gzipped.subarray(0, 20)]), "end"), code: "ERR_KMS_RESPONSE_INVALID", repeated: 1 },
  { what: "F40 gzip, gzip", play: write(Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\ncontent-encoding: gzip, gzip\r\nconnection: close\r\n\r\n"), gzipSync(gzipped)]), "end"), code: "ERR_KMS_RESPONSE_INVALID", repeated: 1 },
];

for (const { what, play, code, repeated } of FAULTS) {
  for (const effect of EFFECTS) {
    test(`${what}: ${effect}`, async () => {
      const { error, arrivals, context } = await against(play, effect);
      assert.ok(error !== undefined && [code].flat().includes(error.code), `${error?.code} "${error?.message}"`);
      const expected = effect === "change" ? 1 : repeated;
      assert.is(arrivals, expected);
      assert.is(context.attempts, expected);
      assert.is(error.attempts, expected);
      assert.is(error.outcome, "unknown");
      assert.is(context.changeSent, effect === "change");
    });
  }
}

test("F08 then whole: a compute succeeds", async () => {
  const { answer, arrivals, context } = await against((socket, arrival) => {
    if (arrival === 1) write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":', "reset")(socket, arrival);
    else socket.write(ok('{"a":1}'));
  }, "compute");
  assert.equal(answer?.body, { a: 1 });
  assert.is(arrivals, 2);
  assert.is(context.attempts, 2);
});

test("F06 a kept connection that is closed under a request: repeated for a read", async () => {
  const server = new FaultServer((socket, arrival) => {
    if (arrival === 2) socket.resetAndDestroy();
    else socket.write(ok(`{"arrival":${arrival}}`));
  });
  const origin = await server.listen();
  try {
    const wire = { ...request, url: `${origin}/keys/k/sign` };
    assert.equal((await run("read", { origin, request: wire })).answer?.body, { arrival: 1 });
    assert.equal((await run("read", { origin, request: wire })).answer?.body, { arrival: 3 });
  } finally {
    server.close();
  }
});

test("F31 421: nothing is repeated by us, and it counts as unknown", async () => {
  for (const effect of EFFECTS) {
    const { error, arrivals } = await against(write("HTTP/1.1 421 Misdirected\r\ncontent-length: 0\r\n\r\n", "stay"), effect);
    assert.is(error?.status, 421);
    assert.is(error?.outcome, "unknown");
    assert.is(error?.attempts, 1);
    assert.ok(arrivals <= 2, "Node repeats it on its own");
  }
});

test("F12 F14 silence before and after a part of the body: the deadline, with arrivals counted", async () => {
  const silent: Play = () => {};
  const half = write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":', "stay");
  for (const play of [silent, half]) {
    const before = timers();
    for (const effect of ["compute", "change"] as const) {
      const { error, arrivals } = await against(play, effect, { timeoutMs: 400 });
      assert.is(error?.code, "ERR_KMS_TIMEOUT");
      assert.is(error?.outcome, "unknown");
      assert.is(arrivals, error?.attempts);
      if (effect === "change") assert.is(arrivals, 1);
    }
    assert.is(timers(), before);
  }
});

test("F40 a length that is too small cuts the body, and the JSON must be whole", async () => {
  const { answer } = await against(write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}{}{}{}", "end"), "read");
  assert.equal(answer?.body, {});
  const { error } = await against(write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{"a":1}', "end"), "change");
  assert.is(error?.code, "ERR_KMS_RESPONSE_INVALID");
});

test("F01 connection refused", async () => {
  const server = new FaultServer(() => {});
  const origin = await server.listen();
  server.close();
  for (const effect of EFFECTS) {
    const { error, context } = await run(effect, { origin, request: { ...request, url: `${origin}/x` } });
    assert.is(error?.code, "ERR_KMS_NETWORK");
    assert.is(error?.outcome, "not-sent", "Node tells");
    assert.is(error?.retryable, true);
    assert.is(context.attempts, 3, "a change too, for nothing was sent");
  }
});

test("F02 a name that does not exist", async () => {
  const origin = "https://nobody.invalid";
  const { error } = await run("change", { origin, request: { ...request, url: `${origin}/x` } });
  assert.is(error?.code, "ERR_KMS_NETWORK");
  assert.is(error?.outcome, "not-sent");
});

test("F03 no TLS where TLS is due", async () => {
  const plain = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
  });
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
  try {
    const origin = `https://127.0.0.1:${(plain.address() as AddressInfo).port}`;
    const { error } = await run("compute", { origin, request: { ...request, url: `${origin}/x` } });
    assert.is(error?.code, "ERR_KMS_TLS");
    assert.is(error?.attempts, 1);
  } finally {
    plain.close();
  }
});

/** A certificate of our own making, which nobody trusts; undefined without the openssl command. */
function selfSigned(): { key: Buffer; cert: Buffer } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "knhk-kms-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  try {
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const identity = selfSigned();
(identity === undefined ? test.skip : test)("F03 a certificate that nobody trusts (needs the openssl command)", async () => {
  const server = new FaultServer(write(ok("{}"), "stay"), (onSocket) => createTlsServer({ ...identity }, onSocket));
  const origin = await server.listen("https");
  try {
    for (const effect of EFFECTS) {
      const { error } = await run(effect, { origin, request: { ...request, url: `${origin}/x` } });
      assert.is(error?.code, "ERR_KMS_TLS");
      assert.is(error?.outcome, "not-sent");
      assert.is(error?.attempts, 1);
      assert.is(server.arrivals, 0);
    }
  } finally {
    server.close();
  }
});

test.run();
