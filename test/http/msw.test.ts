import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { send } from "../../src/http/send.js";
import { testContext } from "../support/context.js";
import { fakeService, fakeTransport, ORIGIN, request } from "../support/fake-service.js";
import { run, timers } from "../support/run-send.js";

const server = setupServer(http.post(`${ORIGIN}/keys/k/sign`, () => HttpResponse.json({ mocked: true })));

test.before(() => server.listen({ onUnhandledRequest: "error" }));
test.after.each(() => server.resetHandlers());
test.after(() => server.close());

test("a mocked request is answered", async () => {
  assert.equal((await run("compute")).answer?.body, { mocked: true });
});

test("an unhandled request is msw's own error, not a lost connection", async () => {
  const before = timers();
  const log = console.error;
  console.error = () => {}; // msw explains itself there too
  const context = testContext();
  try {
    await send(fakeService(), fakeTransport(), context, "compute", { ...request, url: `${ORIGIN}/nobody` });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).name, "InternalError");
    assert.match((error as Error).message, "onUnhandledRequest");
  } finally {
    console.error = log;
  }
  assert.is(context.events.filter(({ type }) => type === "retry").length, 0, "and it is not repeated");
  assert.is(timers(), before);
});

test("HttpResponse.error() is a lost connection", async () => {
  server.use(http.post(`${ORIGIN}/keys/k/sign`, () => HttpResponse.error()));
  const { error } = await run("change");
  assert.is(error?.code, "ERR_KMS_NETWORK");
  assert.is(error?.outcome, "unknown");
  assert.is(error?.attempts, 1);
});

test.run();
