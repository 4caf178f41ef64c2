import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { azureDefaultChain, type AzureDefaultChainOptions } from "../../../src/node/index.js";
import type { ConfigError } from "../../../src/errors.js";
import { askFor, CLIENT, demoCertificate, fails, fakeFetch, formOf, json, NOW, refusesOptions, TENANT, type Prepared } from "../../azure/credentials/support.js";

const GOOD = { token_type: "Bearer", expires_in: 3599, access_token: "entra" };
const IDENTITY = { access_token: "identity", expires_on: String(NOW / 1000 + 3599), token_type: "Bearer" };
const APP = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT };
const unreached = Object.assign(new TypeError("x"), { cause: Object.assign(new Error("x"), { code: "EHOSTUNREACH" }) });

let folder = "";
const pathBefore = process.env.PATH;
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "knhk-chain-"));
  mkdirSync(join(folder, "empty"));
  mkdirSync(join(folder, "bin"));
  const answer = JSON.stringify({ accessToken: "cli", expires_on: NOW / 1000 + 3600, tokenType: "Bearer" });
  writeFileSync(join(folder, "bin/az"), `#!/bin/sh\necho '${answer}'\n`);
  chmodSync(join(folder, "bin/az"), 0o755);
});
test.after.each(() => void (process.env.PATH = pathBefore));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Whether the program is installed is a matter of the process's own PATH. */
function scene(env: Record<string, string>, answers: readonly Prepared[], { installed = false, ...changes }: Partial<AzureDefaultChainOptions> & { installed?: boolean } = {}) {
  process.env.PATH = join(folder, installed ? "bin" : "empty");
  const fetch = fakeFetch(...answers);
  return { fetch, chain: azureDefaultChain({ env, fetch, now: () => NOW, sleep: async () => {}, ...changes }) };
}

test("outside of any cloud: every source in order, with its reason", async () => {
  const error = await fails(scene({}, [unreached]).chain(askFor()), /^no credentials: /);
  assert.match(String((error as ConfigError).problems[0]), /^environment: AZURE_AUTH_TOKEN is not set/);
  assert.equal((error as ConfigError).problems.slice(1), ["workload identity: AZURE_FEDERATED_TOKEN_FILE is not set", "managed identity: no answer at the address of virtual machines", "Azure CLI: az is not installed"]);
});

test("the command line comes last", async () => {
  assert.is((await scene({}, [unreached], { installed: true }).chain(askFor())).token, "cli");
  assert.is((await scene({}, [json("", 400), json(IDENTITY)], { installed: true }).chain(askFor())).token, "identity");
});

test("files: the token of a workload identity, and a certificate", async () => {
  const token = join(folder, "token");
  writeFileSync(token, "from-file\n");
  const workload = scene({ ...APP, AZURE_FEDERATED_TOKEN_FILE: token }, [json(GOOD)]);
  await workload.chain(askFor());
  assert.is(formOf(workload.fetch.calls[0]).client_assertion, "from-file");
  const pem = join(folder, "app.pem");
  writeFileSync(pem, await demoCertificate());
  const certificate = scene({ ...APP, AZURE_CLIENT_CERTIFICATE_PATH: pem }, [json(GOOD)]);
  await certificate.chain(askFor());
  assert.match(formOf(certificate.fetch.calls[0]).client_assertion as string, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
  await fails(scene({ ...APP, AZURE_FEDERATED_TOKEN_FILE: join(folder, "nothing") }, [], { installed: true }).chain(askFor()), /^no credentials: environment: .*; workload identity: token file: .* does not exist$/, { retryable: true });
});

test("AZURE_TOKEN_CREDENTIALS and sources name the command line too", async () => {
  for (const word of ["dev", "AzureCliCredential"]) {
    const { fetch, chain } = scene({ AZURE_AUTH_TOKEN: "plain", AZURE_TOKEN_CREDENTIALS: word }, [], { installed: true });
    assert.is((await chain(askFor())).token, "cli");
    assert.is(fetch.calls.length, 0);
  }
  assert.is((await scene({ AZURE_AUTH_TOKEN: "plain" }, [], { installed: true, sources: ["Azure CLI"] }).chain(askFor())).token, "cli");
  await fails(scene({ AZURE_TOKEN_CREDENTIALS: "prod" }, [unreached], { installed: true }).chain(askFor()), /managed identity: no answer at the address of virtual machines$/);
});

test("Cloud Shell: its own endpoint is passed over, its command line serves", async () => {
  const { fetch, chain } = scene({ MSI_ENDPOINT: "http://localhost:50342/oauth2/token" }, [], { installed: true });
  assert.is((await chain(askFor())).token, "cli");
  assert.is(fetch.calls.length, 0);
});

test("options", async () => {
  await refusesOptions(() => azureDefaultChain({ sources: ["cli"] } as never), /^sources must be a list out of environment, workload identity, managed identity, Azure CLI$/);
  await refusesOptions(() => azureDefaultChain({ subscription: "a;b", processTimeoutMs: 0 }), /^subscription must/, /^timeoutMs must/);
  await refusesOptions(() => azureDefaultChain({ command: "x" } as never), /^unknown option "command"/);
});

test.run();
