import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { azureFromCli, type AzureFromCliOptions } from "../../../src/node/index.js";
import { windowsArguments } from "../../../src/node/azure/cli.js";
import { askFor, cacheOf, fails, NOW, PLANTED, refusesOptions, TENANT } from "../../azure/credentials/support.js";
import { readVectors } from "../../support/azure-vault.js";
import { testContext } from "../../support/context.js";

let folder = "";
test.before(() => void (folder = mkdtempSync(join(tmpdir(), "knhk-az-"))));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A program that notes its arguments and folder, and then does what the script says. */
function az(script: string): string {
  const file = join(folder, `az-${Math.random().toString(36).slice(2)}`);
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$PWD" "$@" >> '${file}.calls'\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

function callsOf(file: string): string[] {
  return readFileSync(`${file}.calls`, "utf8").trimEnd().split("\n");
}

function prints(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `cat <<'END'\n${text}\nEND`;
}

function source(script: string, changes: AzureFromCliOptions = {}) {
  return azureFromCli({ command: az(script), now: () => NOW, ...changes });
}

const GOOD = { accessToken: "opaque", expiresOn: "2026-01-01 01:00:00.000000", expires_on: NOW / 1000 + 3600, subscription: "s", tenant: TENANT, tokenType: "Bearer" };

interface CliCase {
  readonly name: string;
  readonly now: number;
  readonly command: readonly string[];
  readonly stdout: unknown;
  readonly expect: { readonly token: string; readonly expiresAt: number };
}

for (const { name, now, command, stdout, expect } of readVectors<{ cases: CliCase[] }>("tokens.json").cases.filter((one) => one.command !== undefined)) {
  test(`vectors: ${name}`, async () => {
    const zone = process.env.TZ;
    process.env.TZ = "UTC";
    try {
      const file = az(prints(stdout));
      const token = await azureFromCli({ command: file, now: () => now * 1000 })(askFor());
      assert.equal(token, { token: expect.token, expiresAt: new Date(expect.expiresAt * 1000) });
      assert.equal(["az", ...callsOf(file).slice(1)], command);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
}

test("expiresOn is local time, expires_on is not", async () => {
  const { expires_on: _, ...old } = GOOD;
  const zone = process.env.TZ;
  process.env.TZ = "Asia/Tokyo";
  try {
    const now = () => Date.UTC(2025, 11, 31, 12);
    assert.equal((await source(prints(old), { now })(askFor())).expiresAt, new Date(Date.UTC(2025, 11, 31, 16)));
    assert.equal((await source(prints(GOOD))(askFor())).expiresAt, new Date(NOW + 3_600_000));
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

test("the arguments in full, in the system's folder; the option comes before the challenge's tenant", async () => {
  const file = az(prints(GOOD));
  await azureFromCli({ command: file, tenantId: "contoso.onmicrosoft.com", subscription: "Visual Studio Enterprise", now: () => NOW })(askFor({ tenantId: TENANT, refused: true, scope: "https://managedhsm.azure.net/.default" }));
  assert.equal(callsOf(file), ["/", "account", "get-access-token", "--output", "json", "--resource", "https://managedhsm.azure.net", "--tenant", "contoso.onmicrosoft.com", "--subscription", "Visual Studio Enterprise"]);
  const learnt = az(prints(GOOD));
  await azureFromCli({ command: learnt, now: () => NOW })(askFor({ tenantId: TENANT, refused: true }));
  assert.equal(callsOf(learnt).slice(-2), ["--tenant", TENANT]);
});

test("on Windows: one line for cmd.exe, in which nothing can split", async () => {
  assert.equal(windowsArguments("az", ["account", "--subscription", "My Sub"]), ["/d", "/s", "/c", '"az account --subscription "My Sub""']);
  for (const command of ["a b", "az&calc", "C:\\az.cmd", "%az%"]) await fails(async () => windowsArguments(command, []), /on Windows the command must be a name$/);
});

test("options and questions with other characters never reach a process", async () => {
  for (const bad of ['x"&calc', "x;y", "x y", "$(x)", "-x", "x\ny", "%x%", ""]) await refusesOptions(() => azureFromCli({ tenantId: bad }), /^tenantId must be/);
  for (const bad of ['x"&calc', "x;y", " x", "$(x)", "x\ny", "%x%", "x^y", ""]) await refusesOptions(() => azureFromCli({ subscription: bad }), /^subscription must be/);
  await refusesOptions(() => azureFromCli({ fetch: 1 } as never), /^unknown option "fetch"/);
  const file = az(prints(GOOD));
  for (const changes of [{ scope: "https://x;y/.default" }, { scope: "https://x%y/.default" }, { tenantId: "x&y" }, { tenantId: "-x" }]) {
    await fails(azureFromCli({ command: file })(askFor(changes)), /^Azure CLI: the scope or the tenant has characters that it cannot have$/);
  }
  await rejectsCalls(file);
});

async function rejectsCalls(file: string): Promise<void> {
  assert.throws(() => callsOf(file), /ENOENT/);
}

test("not installed, not signed in: the next source of a chain is asked", async () => {
  for (const [attempt, message] of [
    [azureFromCli({ command: join(folder, "nothing") }), /^Azure CLI: az is not installed$/],
    [source("echo 'ERROR: Please run \"az login\" to setup account.' >&2; exit 1"), /^Azure CLI: nobody is signed in; run az login$/],
    [source("echo \"'az' is not recognized as an internal or external command\" >&2; exit 1"), /az is not installed$/],
  ] as const) {
    assert.ok((await fails(attempt(askFor()), message)) instanceof NotConfiguredError);
  }
});

test("any other failure is one, and says nothing of what was printed", async () => {
  for (const [script, message] of [
    [`echo 'AADSTS50076: ${PLANTED}. To re-authenticate, please run: az login --scope https://vault.azure.net/.default' >&2; exit 1`, /az refuses$/],
    [`echo '${PLANTED}' >&2; exit 3`, /az refuses$/],
    ["kill -9 $$", /az refuses$/],
    [`echo '${PLANTED}'`, /az did not print one JSON text$/],
    ["exit 0", /az did not print one JSON text$/],
    ["printf '\\377'", /az did not print one JSON text$/],
    [`${prints(GOOD)}; echo '${PLANTED}'`, /az did not print one JSON text$/],
    ["head -c 70000 /dev/zero", /az printed more than 65536 bytes$/],
    ["head -c 70000 /dev/zero >&2", /az printed more than 65536 bytes$/],
    [prints([PLANTED]), /the body is not an object$/],
    [prints({ ...GOOD, accessToken: undefined }), /accessToken is missing$/],
    [prints({ ...GOOD, accessToken: `${PLANTED}\r\nx` }), /accessToken has characters/],
    [prints({ ...GOOD, accessToken: 7 }), /accessToken is not a string$/],
    [prints({ ...GOOD, tokenType: PLANTED }), /tokenType is not Bearer$/],
    [prints({ ...GOOD, expires_on: PLANTED }), /expires_on is not a number/],
    [prints({ ...GOOD, expires_on: null, expiresOn: PLANTED }), /neither expires_on nor expiresOn is a time$/],
    [prints({ accessToken: "x" }), /neither expires_on nor expiresOn is a time$/],
  ] as const) {
    const error = await fails(source(script)(askFor()), message);
    assert.not.ok(error instanceof NotConfiguredError);
  }
  const nowhere = await fails(azureFromCli({ command: folder })(askFor()), /az could not be started$/);
  assert.not.ok(nowhere instanceof NotConfiguredError);
});

test("lifetimes are cut to a day", async () => {
  const lifeOf = async (expires_on: unknown) => ((await source(prints({ ...GOOD, expires_on }))(askFor())).expiresAt as Date).getTime() - NOW;
  assert.is(await lifeOf(1e15), 86_400_000);
  await fails(source(prints({ ...GOOD, expires_on: 1 }))(askFor()), /^Azure CLI: the token that it gives has expired: check the clock$/, { retryable: true });
  assert.is(await lifeOf(String(NOW / 1000 + 60)), 60_000);
});

test("a claims challenge cannot be answered", async () => {
  const file = az(prints(GOOD));
  const error = await fails(azureFromCli({ command: file })(askFor({ claims: "{}" })), /it cannot answer a claims challenge$/);
  assert.match(error.hint ?? "", /az login/);
  await rejectsCalls(file);
});

test("it is killed when its time is over, and when the call is", async () => {
  const slow = "exec sleep 60";
  await fails(source(slow, { timeoutMs: 50 })(askFor()), /^Azure CLI: az took too long$/, { retryable: true });
  const controller = new AbortController();
  const asked = source(slow)(askFor({ signal: controller.signal }));
  controller.abort();
  await fails(asked, /az was still running when the call ended$/, { retryable: true });
  const file = az(slow);
  await fails(azureFromCli({ command: file })(askFor({ signal: controller.signal })), /still running/, { retryable: true });
  await rejectsCalls(file);
});

test("F52 1,000 cold calls start one process", async () => {
  const file = az(prints(GOOD));
  const cache = cacheOf(azureFromCli({ command: file, now: () => NOW }), () => NOW);
  await Promise.all(Array.from({ length: 1_000 }, () => cache.get(testContext(), askFor().signal)));
  assert.is(callsOf(file).filter((line) => line === "account").length, 1);
});

test.run();
