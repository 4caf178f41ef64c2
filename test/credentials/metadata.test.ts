import { test } from "uvu";
import * as assert from "uvu/assert";
import { NotConfiguredError } from "../../src/credentials/chain.js";
import { assertMetadataReachable } from "../../src/credentials/token-request.js";
import { isProxied, isServerRuntime } from "../../src/environment.js";
import { rejects } from "../support/rejects.js";

const HOST = "169.254.169.254";
const NAMES = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "NODE_OPTIONS", "NODE_USE_ENV_PROXY"];

/** Runs with these variables of the process and none of the others that concern proxies. */
function withProcess<T>(variables: Readonly<Record<string, string>>, run: () => T): T {
  const saved = NAMES.map((name) => [name, process.env[name]] as const);
  for (const name of NAMES) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return run();
  } finally {
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** Runs with a global of another runtime. */
function withGlobal<T>(name: string, descriptor: PropertyDescriptor, run: () => T): T {
  const saved = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { ...descriptor, configurable: true });
  try {
    return run();
  } finally {
    if (saved === undefined) delete (globalThis as Record<string, unknown>)[name];
    else Object.defineProperty(globalThis, name, saved);
  }
}

test("which runtimes have metadata addresses", () => {
  assert.is(isServerRuntime(), true);
  assert.is(withGlobal("navigator", { value: { userAgent: "Cloudflare-Workers" } }, isServerRuntime), false);
  assert.is(withGlobal("navigator", { value: { userAgent: "Node.js/22" } }, isServerRuntime), true);
  assert.is(withGlobal("EdgeRuntime", { value: "vercel" }, isServerRuntime), false);
  assert.is(withGlobal("process", { value: undefined }, isServerRuntime), false);
  assert.is(withGlobal("process", { value: { env: {} } }, isServerRuntime), false);
  assert.is(withGlobal("process", { get: () => { throw new Error("no process"); } }, isServerRuntime), false);
  assert.is(withGlobal("process", { value: undefined }, () => withGlobal("Deno", { value: {} }, isServerRuntime)), true);
  assert.is(withGlobal("process", { value: undefined }, () => withGlobal("Bun", { value: {} }, isServerRuntime)), true);
});

test("F46 when the runtime's fetch goes through a proxy", () => {
  const on = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://proxy.example:8080" };
  const rows: [variables: Record<string, string>, proxied: boolean][] = [
    [{}, false],
    [{ HTTP_PROXY: "http://proxy.example" }, false],
    [{ NODE_USE_ENV_PROXY: "1" }, false],
    [on, true],
    [{ NODE_OPTIONS: "--enable-source-maps --use-env-proxy", http_proxy: "http://proxy.example" }, true],
    [{ NODE_USE_ENV_PROXY: "0", HTTP_PROXY: "http://proxy.example" }, false],
    [{ NODE_USE_ENV_PROXY: "1", ALL_PROXY: "http://proxy.example" }, true],
    [{ ...on, NO_PROXY: "localhost,169.254.169.254" }, false],
    [{ ...on, no_proxy: "localhost 169.254.169.254" }, false],
    [{ ...on, NO_PROXY: "*" }, false],
    [{ ...on, NO_PROXY: "169.254.169.25" }, true],
    [{ ...on, NO_PROXY: "localhost" }, true],
  ];
  for (const [variables, proxied] of rows) assert.is(withProcess(variables, () => isProxied(HOST)), proxied, JSON.stringify(variables));
  assert.is(withProcess({ ...on, NO_PROXY: "fd00:ec2::254" }, () => isProxied("[fd00:ec2::254]")), false);
  for (const name of ["Deno", "Bun"]) assert.is(withProcess({ HTTP_PROXY: "http://proxy.example" }, () => withGlobal(name, { value: {} }, () => isProxied(HOST))), true);
});

test("what is refused, and why", async () => {
  const url = `http://${HOST}/`;
  assertMetadataReachable("s", url, undefined);
  const proxied = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://proxy.example:8080" };
  const error = await rejects(() => withProcess(proxied, () => assertMetadataReachable("s", url, undefined)), "ERR_KMS_CREDENTIALS");
  assert.not.ok(error instanceof NotConfiguredError);
  assert.match(error.hint ?? "", `add ${HOST} to NO_PROXY`);
  withProcess(proxied, () => assertMetadataReachable("s", url, async () => new Response()));
  const edge = await rejects(() => withGlobal("EdgeRuntime", { value: "x" }, () => assertMetadataReachable("s", url, async () => new Response())), "ERR_KMS_CREDENTIALS");
  assert.ok(edge instanceof NotConfiguredError);
});

test.run();
