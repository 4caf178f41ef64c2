/** The token file of the command lines, and the chain that has it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError } from "../../../src/errors.js";
import { fileToken, vaultDefaultChain, vaultFromTokenFile, type VaultDefaultChainOptions } from "../../../src/node/index.js";
import { fromKubernetes } from "../../../src/vault/index.js";
import { ADDRESS, askFor, fails, fakeFetch, issued, PLANTED, refusesOptions } from "../../vault/credentials/support.js";

const test = suite("vault token file");

let folder = "";
test.before.each(() => void (folder = mkdtempSync(join(tmpdir(), "knhk-vault-"))));
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const write = (text: string | Uint8Array, name = ".vault-token"): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const chain = (env: Record<string, string> = {}, more: Partial<VaultDefaultChainOptions> = {}) => vaultDefaultChain({ address: ADDRESS, env: { HOME: folder, ...env }, ...more });

test("in the user's folder, where BAO_TOKEN_PATH says, or where the option says; trimmed and read anew", async () => {
  write(" one\n");
  const env: Record<string, string> = { HOME: folder };
  const source = vaultFromTokenFile({ env });
  assert.equal(await source(askFor()), { token: "one" });
  write("two");
  assert.is((await source(askFor())).token, "two");
  env.BAO_TOKEN_PATH = write("three", "bao");
  assert.is((await source(askFor())).token, "three");
  assert.is((await vaultFromTokenFile({ path: write("four", "own"), env })(askFor())).token, "four");
});

test("F48 missing, empty, too large, no text, a folder, something else than a token", async () => {
  const source = vaultFromTokenFile({ env: { HOME: folder } });
  await fails(source(askFor()), /^token file: it does not exist; vault login or bao login writes it$/);
  write(" \n");
  await fails(source(askFor()), /^token file: it is empty/);
  write("x".repeat(10_000_000));
  await fails(source(askFor()), /larger than 65536 bytes$/);
  write(new Uint8Array([0xff, 0xfe]));
  await fails(source(askFor()), /is not UTF-8$/);
  for (const text of [`${PLANTED} x`, `${PLANTED}\nx`, `${PLANTED}é`]) {
    write(text);
    await fails(source(askFor()), /^token file: it holds something else than a token$/);
  }
  rmSync(join(folder, ".vault-token"));
  mkdirSync(join(folder, ".vault-token"));
  await fails(source(askFor()), /^token file: it is a folder$/);
});

test("the chain: environment, then file; what is broken ends it", async () => {
  write("file");
  assert.is((await chain({ VAULT_TOKEN: "env" })(askFor())).token, "env");
  assert.is((await chain()(askFor())).token, "file");
  assert.is((await chain({ VAULT_TOKEN: "env" }, { sources: ["token file"] })(askFor())).token, "file");
  assert.is((await chain({}, { path: write("own", "own") })(askFor())).token, "own");
  write(`${PLANTED}\n${PLANTED}`);
  await fails(chain()(askFor()), /token file: it holds something else/);
  const broken = await fails(chain({ VAULT_TOKEN: `${PLANTED} x` })(askFor()), /^no credentials: environment: /);
  assert.is((broken as ConfigError).problems.length, 1);
});

test("outside of everything: each source in order with its reason, at once", async () => {
  const started = performance.now();
  const error = await fails(chain({ VAULT_SKIP_VERIFY: "1" })(askFor()), /^no credentials: environment: .*; token file: /);
  assert.ok(performance.now() - started < 2_000);
  assert.equal((error as ConfigError).problems, ["environment: VAULT_TOKEN or BAO_TOKEN must be set", "token file: it does not exist; vault login or bao login writes it"]);
  assert.match(error.hint ?? "", /VAULT_SKIP_VERIFY is set and not read/);
});

test("an address that only a URI names gets no token", async () => {
  write("file");
  const strict = { allowCustomEndpoint: false };
  await fails(chain({}, strict)(askFor()), /token file: passed over, for the address is not that of VAULT_ADDR or BAO_ADDR/);
  await fails(chain({ VAULT_ADDR: "https://other.example", VAULT_TOKEN: "env" }, strict)(askFor()), /environment: VAULT_TOKEN or BAO_TOKEN must be set, and VAULT_ADDR or BAO_ADDR to this address.*allowCustomEndpoint.*; token file: passed over/);
  for (const name of ["VAULT_ADDR", "BAO_ADDR"]) assert.is((await chain({ [name]: `${ADDRESS}/` }, strict)(askFor())).token, "file");
});

test("options", async () => {
  await refusesOptions(() => vaultFromTokenFile({ path: "" }), /path must/);
  await refusesOptions(() => vaultDefaultChain({ address: ADDRESS, sources: ["env" as never], path: 5 as never }), /sources must be a list out of environment, token file/, /path must/);
});

test("a projected Kubernetes token is read for each login", async () => {
  const fetch = fakeFetch(() => issued());
  const path = write("jwt-one\n", "token");
  const login = fromKubernetes({ address: ADDRESS, role: "r", jwt: fileToken(path), fetch });
  await login(askFor());
  write("jwt-two\n", "token");
  await login(askFor({ refused: true }));
  assert.equal(fetch.calls.map(({ body }) => body), [{ role: "r", jwt: "jwt-one" }, { role: "r", jwt: "jwt-two" }]);
  rmSync(path);
  await fails(login(askFor({ refused: true })), /^token file: .* does not exist$/, { retryable: true });
});

test.run();
