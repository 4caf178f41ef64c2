import { readFileSync } from "node:fs";
import { request } from "node:https";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { serve } from "../../src/node/serve.js";

test("passes method, URL, headers and body, and answers status, headers and body", async () => {
  const served = await serve(async (incoming) => {
    const said = `${incoming.method} ${new URL(incoming.url).pathname} ${incoming.headers.get("x-one")} ${await incoming.text()}`;
    return new Response(said, { status: 201, headers: { "x-two": "2" } });
  });
  try {
    const response = await fetch(`${served.origin}/path?q=1`, { method: "POST", headers: { "x-one": "1" }, body: "hello" });
    assert.is(response.status, 201);
    assert.is(response.headers.get("x-two"), "2");
    assert.is(await response.text(), "POST /path 1 hello");
  } finally {
    await served.close();
  }
});

test("a handler that throws cuts the connection, and a body over the bound does not reach it", async () => {
  let calls = 0;
  const served = await serve(
    () => {
      calls += 1;
      throw new Error("dies");
    },
    { maxBodyBytes: 10 },
  );
  const fails = async (body: string): Promise<boolean> => fetch(served.origin, { method: "POST", body }).then(() => false, () => true);
  try {
    assert.ok(await fails("short"));
    assert.is(calls, 1);
    assert.ok(await fails("longer than ten bytes"));
    assert.is(calls, 1);
  } finally {
    await served.close();
  }
});

test("speaks https with a given certificate, and close() ends it", async () => {
  const tls = { key: readFileSync("fixtures/tls/localhost.key.pem", "utf8"), cert: readFileSync("fixtures/tls/localhost.cert.pem", "utf8") };
  const served = await serve(() => new Response("ok"), { tls });
  assert.match(served.origin, /^https:\/\/127\.0\.0\.1:\d+$/);
  const status = await new Promise((resolve, reject) => {
    request(served.origin, { ca: tls.cert, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on("error", reject)
      .end();
  });
  assert.is(status, 200);
  await served.close();
  assert.ok(await fetch(served.origin.replace("https", "http")).then(() => false, () => true));
});

test.run();
