import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromWorkloadIdentity } from "../../../src/azure/index.js";
import { azureFromCertificateFile, readTokenFile } from "../../../src/node/index.js";
import { askFor, CLIENT, demoCertificate, fails, fakeFetch, formOf, json, PLANTED, refusesOptions, TENANT } from "../../azure/credentials/support.js";

const GOOD = { token_type: "Bearer", expires_in: 3599, access_token: "opaque" };
let folder = "";
test.before(() => void (folder = mkdtempSync(join(tmpdir(), "knhk-azure-"))));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("read for each token request", async () => {
  const path = join(folder, "signer.pem");
  const fetch = fakeFetch(json(GOOD));
  const source = azureFromCertificateFile({ tenantId: TENANT, clientId: CLIENT, path, env: {}, fetch });
  await fails(source(askFor()), /^client certificate: the file ".*signer\.pem" does not exist$/, { retryable: true });
  writeFileSync(path, await demoCertificate());
  assert.is((await source(askFor())).token, "opaque");
  assert.match(formOf(fetch.calls[0]).client_assertion as string, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  writeFileSync(path, PLANTED);
  await fails(source(askFor()), /^client certificate: the certificate must be PEM text/);
  writeFileSync(path, "x".repeat(65_537));
  await fails(source(askFor()), /is larger than 65536 bytes$/);
  writeFileSync(path, Buffer.from([0xff]));
  await fails(source(askFor()), /is not UTF-8$/);
  await fails(azureFromCertificateFile({ tenantId: TENANT, clientId: CLIENT, path: folder, env: {}, fetch })(askFor()), /is a folder$/);
});

test("options", async () => {
  for (const path of ["", 7, undefined]) await refusesOptions(() => azureFromCertificateFile({ tenantId: TENANT, clientId: CLIENT, path } as never), /^path must be/);
  await refusesOptions(() => azureFromCertificateFile(undefined as never), /^path must be/);
  await refusesOptions(() => azureFromCertificateFile({ path: "x", tenantId: "/" } as never), /^tenantId/, /^clientId/);
});

test("F48 the token file of a workload identity", async () => {
  const path = join(folder, "token");
  const fetch = fakeFetch(json(GOOD));
  const source = fromWorkloadIdentity({ readFile: readTokenFile, env: { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, AZURE_FEDERATED_TOKEN_FILE: path }, fetch });
  await fails(source(askFor()), /does not exist$/, { retryable: true });
  for (const [index, text] of ["first\n", "second\r\n"].entries()) {
    writeFileSync(path, text);
    await source(askFor());
    assert.is(formOf(fetch.calls[index]).client_assertion, text.trim());
  }
  writeFileSync(path, "");
  await fails(source(askFor()), /is empty$/, { retryable: true });
  writeFileSync(path, "x".repeat(10_000_000));
  await fails(source(askFor()), /is larger than/);
  writeFileSync(path, `${PLANTED} x`);
  await fails(source(askFor()), /the identity token has characters/);
});

test.run();
