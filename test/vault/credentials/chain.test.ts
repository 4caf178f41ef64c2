/** The token of the environment, by address, alone and as a chain. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError } from "../../../src/errors.js";
import { fromDefaultChain, fromEnvironment } from "../../../src/vault/index.js";
import { ADDRESS, askFor, fails, PLANTED, refusesOptions } from "./support.js";

const test = suite("vault environment");

test("the token of the environment, read for each request", async () => {
  const env: Record<string, string> = { VAULT_TOKEN: "one\n" };
  for (const make of [fromEnvironment, fromDefaultChain]) {
    env.VAULT_TOKEN = "one\n";
    const source = make({ address: ADDRESS, env });
    assert.equal(await source(askFor()), { token: "one" });
    env.VAULT_TOKEN = "two";
    assert.is((await source(askFor())).token, "two");
  }
});

test("by address: each product's own, and none to a foreign one that did not come from code", async () => {
  const env = { VAULT_ADDR: ADDRESS, VAULT_TOKEN: "v", BAO_ADDR: "https://bao.example", BAO_TOKEN: "b" };
  const token = async (address: string, allowCustomEndpoint = true): Promise<string> => (await fromDefaultChain({ address, env, allowCustomEndpoint })(askFor())).token;
  assert.equal([await token(ADDRESS, false), await token("https://bao.example/", false), await token("https://x.example")], ["v", "b", "v"]);
  const error = await fails(() => token("https://x.example", false), /^no credentials: environment: VAULT_TOKEN or BAO_TOKEN must be set, and VAULT_ADDR or BAO_ADDR to this address, or allowCustomEndpoint: true$/);
  assert.ok(error instanceof ConfigError);
});

test("without a token: the source, its reason, where files are read, and what of TLS is not read", async () => {
  const error = await fails(fromDefaultChain({ address: ADDRESS, env: {} })(askFor()), /^no credentials: environment: VAULT_TOKEN or BAO_TOKEN must be set$/);
  assert.is(error.hint, "the token file is read by vaultDefaultChain of knhk-kms/node");
  const env = { VAULT_CACERT: PLANTED, BAO_SKIP_VERIFY: "true" };
  const tls = await fails(fromDefaultChain({ address: ADDRESS, env })(askFor()), /must be set/);
  assert.match(tls.hint ?? "", /; VAULT_CACERT, BAO_SKIP_VERIFY are set and not read: .* NODE_EXTRA_CA_CERTS$/);
  await fails(fromEnvironment({ address: ADDRESS, env: {} })(askFor()), /^VAULT_TOKEN or BAO_TOKEN must be set$/);
  await fails(fromEnvironment({ address: ADDRESS, env: { VAULT_TOKEN: `${PLANTED} \r\n x` } })(askFor()), /VAULT_TOKEN or BAO_TOKEN must be visible ASCII/);
});

test("options", async () => {
  await refusesOptions(() => fromDefaultChain({} as never), /address must be a string/);
  await refusesOptions(() => fromDefaultChain({ address: "http://x.example" }), /address must use https/);
  await refusesOptions(() => fromDefaultChain({ address: ADDRESS, sources: ["token file" as never] }), /sources must be a list out of environment/);
  await refusesOptions(() => fromDefaultChain({ address: ADDRESS, sources: [] }), /sources must be/);
  await refusesOptions(() => fromEnvironment({ address: ADDRESS, sources: [] } as never), /unknown option "sources"/);
  fromDefaultChain({ address: "http://x.example", allowInsecureHttp: true, sources: ["environment"] });
});

test.run();
