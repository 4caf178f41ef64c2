import { test } from "uvu";
import * as assert from "uvu/assert";
import { readVariable } from "../src/environment.js";

test("a variable of the given environment, and only its own", () => {
  assert.is(readVariable({ A: "x" }, "A"), "x");
  for (const value of ["", undefined, null, 7, {}, ["x"]]) assert.is(readVariable({ A: value }, "A"), undefined);
  assert.is(readVariable({}, "PATH"), undefined, "an empty one forbids the process's");
  assert.is(readVariable({}, "constructor"), undefined);
  assert.is(readVariable({}, "__proto__"), undefined);
  assert.is(readVariable(Object.create({ A: "x" }) as {}, "A"), undefined);
});

test("a polluted Object.prototype is no environment", () => {
  Object.assign(Object.prototype, { VAULT_TOKEN: "evil" });
  try {
    assert.is(readVariable({}, "VAULT_TOKEN"), undefined);
  } finally {
    delete (Object.prototype as { VAULT_TOKEN?: string }).VAULT_TOKEN;
  }
});

test("without one the process's, at the time of the call", () => {
  process.env.KNHK_TEST_VARIABLE = "now";
  assert.is(readVariable(undefined, "KNHK_TEST_VARIABLE"), "now");
  delete process.env.KNHK_TEST_VARIABLE;
  assert.is(readVariable(undefined, "KNHK_TEST_VARIABLE"), undefined);
});

test("F60 an environment that throws, or is not there, is empty", () => {
  const denied = new Proxy({ A: "x" }, {
    get() {
      throw new Error("NotCapable: requires env access");
    },
  });
  assert.is(readVariable(denied, "A"), undefined);
  const own = Object.getOwnPropertyDescriptor(globalThis, "process") as PropertyDescriptor;
  for (const process of [{ value: undefined }, { value: {} }, { value: { env: undefined } }, { value: { env: denied } }, { get: () => { throw new Error("no process"); } }]) {
    Object.defineProperty(globalThis, "process", { ...process, configurable: true });
    try {
      assert.is(readVariable(undefined, "A"), undefined);
    } finally {
      Object.defineProperty(globalThis, "process", own);
    }
  }
});

test.run();
