import { test } from "uvu";
import * as assert from "uvu/assert";
import { NotConfiguredError } from "../../../src/credentials/chain.js";
import { fromEnvironment } from "../../../src/azure/index.js";
import { askFor, CLIENT, demoCertificate, fails, fakeFetch, formOf, json, PLANTED, refusesOptions, TENANT, TOKEN_URL } from "./support.js";

const GOOD = { token_type: "Bearer", expires_in: 3599, access_token: "opaque" };
const APP = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT };

test("the token comes first, read at each use, without an end", async () => {
  const env: Record<string, string> = { AZURE_AUTH_TOKEN: " t1\n", ...APP, AZURE_CLIENT_SECRET: "s" };
  const source = fromEnvironment({ env, fetch: fakeFetch() });
  assert.equal(await source(askFor()), { token: "t1" });
  env.AZURE_AUTH_TOKEN = "t2";
  assert.equal(await source(askFor()), { token: "t2" });
});

test("a secret comes before a certificate", async () => {
  const fetch = fakeFetch(json(GOOD));
  const env = { ...APP, AZURE_CLIENT_SECRET: "the+secret", AZURE_CLIENT_CERTIFICATE_PATH: "/x", AZURE_AUTHORITY_HOST: "https://login.microsoftonline.us/" };
  assert.is((await fromEnvironment({ env, fetch })(askFor())).token, "opaque");
  assert.is(fetch.calls[0]?.url, TOKEN_URL.replace(".com", ".us"));
  assert.equal(formOf(fetch.calls[0]), { grant_type: "client_credentials", client_id: CLIENT, client_secret: "the+secret", scope: "https://vault.azure.net/.default" });
});

test("a certificate: a file, only where files can be read", async () => {
  const fetch = fakeFetch(json(GOOD));
  const env: Record<string, string> = { ...APP, AZURE_CLIENT_CERTIFICATE_PATH: "/certificate.pem" };
  const pem = await demoCertificate();
  const paths: string[] = [];
  const readFile = async (path: string) => (paths.push(path), pem);
  const headerOf = (index: number) => JSON.parse(Buffer.from((formOf(fetch.calls[index]).client_assertion as string).split(".")[0] as string, "base64url").toString()) as Record<string, unknown>;
  await fromEnvironment({ env, fetch, readFile })(askFor());
  assert.equal(Object.keys(headerOf(0)), ["alg", "typ", "x5t#S256"]);
  for (const [index, word] of ["1", "true", "TRUE"].entries()) {
    await fromEnvironment({ env: { ...env, AZURE_CLIENT_SEND_CERTIFICATE_CHAIN: word }, fetch, readFile })(askFor());
    assert.ok("x5c" in headerOf(index + 1), word);
  }
  await fromEnvironment({ env: { ...env, AZURE_CLIENT_SEND_CERTIFICATE_CHAIN: "0" }, fetch, readFile })(askFor());
  assert.not.ok("x5c" in headerOf(4));
  assert.equal(paths, Array.from({ length: 5 }, () => "/certificate.pem"));
  const unread = await fails(fromEnvironment({ env, fetch })(askFor()), /^environment: AZURE_CLIENT_CERTIFICATE_PATH names a file: use azureDefaultChain of knhk-kms\/node, or give readFile$/);
  assert.not.ok(unread instanceof NotConfiguredError);
  await fails(fromEnvironment({ env: { ...env, AZURE_CLIENT_CERTIFICATE_PASSWORD: PLANTED }, fetch, readFile })(askFor()), /a certificate with a password is not supported$/);
  await fails(fromEnvironment({ env, fetch, readFile: async () => PLANTED })(askFor()), /^environment: the certificate must be PEM text/);
});

test("what is missing is named, and the next source is asked, as the vendor's client does", async () => {
  for (const [env, message] of [
    [{}, /AZURE_AUTH_TOKEN is not set, and of an application AZURE_TENANT_ID and AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are missing$/],
    [APP, /of an application AZURE_CLIENT_SECRET is missing$/],
    [{ AZURE_CLIENT_ID: CLIENT, AZURE_CLIENT_SECRET: PLANTED }, /of an application AZURE_TENANT_ID is missing$/],
    [{ ...APP, AZURE_CLIENT_SECRET: "", AZURE_AUTH_TOKEN: " " }, /AZURE_CLIENT_SECRET is missing$/],
  ] as const) {
    assert.ok((await fails(fromEnvironment({ env })(askFor()), message)) instanceof NotConfiguredError);
  }
  const user = await fails(fromEnvironment({ env: { ...APP, AZURE_USERNAME: "u", AZURE_PASSWORD: PLANTED } })(askFor()), /the name and password of a user are not supported$/);
  assert.not.ok(user instanceof NotConfiguredError);
});

test("variables that make no sense", async () => {
  const env = { ...APP, AZURE_CLIENT_SECRET: PLANTED };
  for (const changes of [{ AZURE_TENANT_ID: "a/../b" }, { AZURE_TENANT_ID: `${PLANTED}?` }, { AZURE_CLIENT_ID: `${PLANTED} x` }]) {
    await fails(fromEnvironment({ env: { ...env, ...changes }, fetch: fakeFetch() })(askFor()), /^environment: tenantId or clientId is malformed$/);
  }
  await refusesOptions(() => fromEnvironment({ tenantId: TENANT } as never), /^unknown option "tenantId"/);
});

test.run();
