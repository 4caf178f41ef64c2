import { test } from "uvu";
import * as assert from "uvu/assert";
import { azureAddress, azureProblems, isKeyVaultScope, keyIdentifier, keyProblems, plainUrl } from "../../src/azure/config.js";

const CODE = { customEndpoint: true, insecureHttp: false };
const DATA = { customEndpoint: false, insecureHttp: false };
const VERSION = "0123456789abcdef0123456789abcdef";
const GOOD = { provider: "azure", vaultUrl: "https://example-vault.vault.azure.net", keyName: "signer" };

function problemsOf(data: object, trust = DATA): string[] {
  return azureProblems({ ...GOOD, ...data }, trust);
}

test("a scope follows from each host of the table", () => {
  const scopes = {
    "https://example-vault.vault.azure.net": "https://vault.azure.net/.default",
    "https://example-vault.vault.azure.net/": "https://vault.azure.net/.default",
    "https://EXAMPLE-vault.VAULT.azure.net:443": "https://vault.azure.net/.default",
    "https://abc.vault.usgovcloudapi.net": "https://vault.usgovcloudapi.net/.default",
    "https://abc.vault.azure.cn": "https://vault.azure.cn/.default",
    "https://example-hsm.managedhsm.azure.net": "https://managedhsm.azure.net/.default",
    "https://example-hsm.westeurope.managedhsm.azure.net": "https://managedhsm.azure.net/.default",
    "https://example-hsm.a.b.c.managedhsm.azure.net": "https://managedhsm.azure.net/.default",
    "https://example-hsm.managedhsm.usgovcloudapi.net": "https://managedhsm.usgovcloudapi.net/.default",
    "https://example-hsm.managedhsm.azure.cn": "https://managedhsm.azure.cn/.default",
  };
  for (const [vaultUrl, scope] of Object.entries(scopes)) {
    assert.equal(problemsOf({ vaultUrl }), [], vaultUrl);
    assert.equal(problemsOf({ vaultUrl, scope }), [], vaultUrl);
    const address = azureAddress({ vaultUrl });
    assert.is(address.scope, scope, vaultUrl);
    assert.ok(isKeyVaultScope(scope), scope);
    assert.is(address.apiVersion, "7.4");
    assert.is(address.vaultOrigin, new URL(vaultUrl).origin);
  }
});

test("hosts that only look like Azure's need trust and a scope", () => {
  for (const vaultUrl of [
    "https://evilvault.azure.net",
    "https://vault.azure.net",
    "https://.vault.azure.net",
    "https://ab.vault.azure.net",
    `https://${"a".repeat(25)}.vault.azure.net`,
    "https://a.example.vault.azure.net",
    "https://under_score.vault.azure.net",
    "https://example-vault.vault.azure.net.evil.example",
    "https://example-vault.vault.azure.net.",
    "https://example-vault.vault.azure.net:8443",
    "https://example-hsm.a.b.c.d.managedhsm.azure.net",
    "https://example-vault.vault.microsoftazure.de",
    "https://localhost:8443",
    "https://127.0.0.1",
  ]) {
    const scope = "https://vault.azure.net/.default";
    assert.is(problemsOf({ vaultUrl }).length, 2, vaultUrl);
    assert.ok(problemsOf({ vaultUrl, scope }, DATA).some((problem) => problem.includes("allowCustomEndpoint")), vaultUrl);
    assert.ok(problemsOf({ vaultUrl }, CODE).some((problem) => problem.includes("scope")), vaultUrl);
    assert.equal(problemsOf({ vaultUrl, scope }, CODE), [], vaultUrl);
    assert.is(azureAddress({ vaultUrl, scope: "https://kms.example/.default" }).scope, "https://kms.example/.default");
  }
});

test("an address that cannot be one is a problem, whatever is trusted", () => {
  for (const vaultUrl of [
    undefined,
    null,
    7,
    {},
    "",
    "example-vault.vault.azure.net",
    "http://example-vault.vault.azure.net",
    "https://user:password@example-vault.vault.azure.net",
    "https://example-vault.vault.azure.net@attacker.example",
    "https://example-vault.vault.azure.net/keys/signer",
    "https://example-vault.vault.azure.net/..",
    "https://example-vault.vault.azure.net?x=1",
    "https://example-vault.vault.azure.net#x",
    "https://example-vault.vault.azure.net\r\nx: y",
    "https:\\\\example-vault.vault.azure.net",
    "file:///etc/passwd",
    "data:text/plain,x",
  ]) {
    const problems = problemsOf({ vaultUrl }, CODE);
    assert.ok(problems.length > 0 && problems.every((problem) => problem.startsWith("vaultUrl")), String(vaultUrl));
  }
});

test("http is taken only when it is allowed by name, and its scope must be given", () => {
  const insecure = { customEndpoint: true, insecureHttp: true };
  const vaultUrl = "http://127.0.0.1:8080";
  assert.ok(problemsOf({ vaultUrl, scope: "https://vault.azure.net/.default" }, CODE)[0]?.includes("allowInsecureHttp"));
  assert.equal(problemsOf({ vaultUrl, scope: "https://vault.azure.net/.default" }, insecure), []);
  assert.ok(problemsOf({ vaultUrl: "http://example-vault.vault.azure.net" }, insecure)[0]?.includes("scope"));
});

test("the scope of a host of the table cannot be another", () => {
  for (const scope of ["https://management.azure.com/.default", "https://managedhsm.azure.net/.default", "https://vault.azure.net", "", null, 1]) {
    assert.ok(problemsOf({ scope }, CODE)[0]?.includes("https://vault.azure.net/.default"), String(scope));
  }
  for (const scope of ["vault", "https://vault.azure.net", "http://x/.default", "https://x y/.default", "https://x/.default\n", 7]) {
    assert.is(problemsOf({ vaultUrl: "https://kms.example", scope }, CODE).length, 1, String(scope));
  }
});

test("no other text is a scope of the table", () => {
  for (const scope of [undefined, "", "https://vault.azure.net", "https://vault.azure.net/", "https://vault.azure.net/.default/", "HTTPS://vault.azure.net/.default", "https://VAULT.azure.net/.default", "http://vault.azure.net/.default", "https://net/.default", "https://azure.net/.default", "https://evilvault.azure.net/.default", "https://x.vault.azure.net/.default", "https://abc.managedhsm.azure.net/.default", "https://management.azure.com/.default", "https:////any-name.vault.azure.net/.default/.default"]) {
    assert.not.ok(isKeyVaultScope(scope), String(scope));
  }
});

test("an endpoint only says where to send", () => {
  assert.is(problemsOf({ endpoint: "https://127.0.0.1:8443" }).length, 1);
  assert.equal(problemsOf({ endpoint: "https://127.0.0.1:8443" }, CODE), []);
  assert.is(problemsOf({ endpoint: "http://127.0.0.1:8443" }, CODE).length, 1);
  assert.is(problemsOf({ endpoint: "https://127.0.0.1:8443/x" }, CODE).length, 1);
  assert.is(problemsOf({ endpoint: 7 }, CODE).length, 1);
  const address = azureAddress({ vaultUrl: GOOD.vaultUrl, endpoint: "https://127.0.0.1:8443" });
  assert.is(address.origin, "https://127.0.0.1:8443");
  assert.is(address.vaultOrigin, GOOD.vaultUrl);
  assert.is(address.scope, "https://vault.azure.net/.default");
});

test("versions of the protocol", () => {
  for (const apiVersion of ["7.4", "7.6", "7.6-preview.1", "2025-07-01", "2026-05-01-preview"]) assert.equal(problemsOf({ apiVersion }), [], apiVersion);
  for (const apiVersion of ["", "latest", "7", "7.4&x=1", "7.4 ", "2025-7-1", 7.4, null]) assert.is(problemsOf({ apiVersion }).length, 1, String(apiVersion));
  assert.is(azureAddress({ vaultUrl: GOOD.vaultUrl, apiVersion: "7.6" }).apiVersion, "7.6");
});

test("names and versions of keys", () => {
  for (const keyName of ["a", "Signer-1", "a".repeat(127)]) assert.equal(problemsOf({ keyName }), [], keyName);
  const hostile = ["", "a".repeat(128), "..", "a/b", "a%2e", "a b", "a\r\nb", "bad_name", "a?b", "a#b", "\ud800", "ä", null, 7, {}, undefined, "https://example-vault.vault.azure.net/keys/signer"];
  for (const keyName of hostile) assert.is(problemsOf({ keyName }).length, 1, String(keyName));
  assert.equal(problemsOf({ keyVersion: VERSION }), []);
  for (const keyVersion of ["", "versions", "sign", "rotationpolicy", "1", "../sign", VERSION.toUpperCase(), `${VERSION}0`, `${VERSION.slice(1)}-`, `${VERSION}\n`, 7, null]) {
    assert.is(keyProblems({ keyId: "signer", keyVersion: keyVersion as string }).length, 1, String(keyVersion));
  }
});

test("all problems at once, each without control characters", () => {
  const problems = problemsOf({ vaultUrl: "http://x\n", endpoint: "ftp://x", apiVersion: "x\n", keyName: "a\u0000b", keyVersion: "1" });
  assert.is(problems.length, 6);
  assert.not.match(problems.join(""), /\p{Cc}/u);
});

test("inherited members are not members", () => {
  const polluted = Object.create({ vaultUrl: GOOD.vaultUrl, keyName: "signer" }) as object;
  assert.is(azureProblems({ ...polluted }, CODE).length, 2);
});

test("identifiers: what answers are compared with", () => {
  const address = azureAddress({ vaultUrl: "https://EXAMPLE-vault.vault.azure.net:443/", endpoint: "https://127.0.0.1:8443" });
  assert.is(keyIdentifier(address, { keyId: "Signer" }), `${GOOD.vaultUrl}/keys/signer/`);
  assert.is(keyIdentifier(address, { keyId: "Signer", keyVersion: VERSION.toUpperCase() }), `${GOOD.vaultUrl}/keys/signer/${VERSION}`);
  assert.is(plainUrl("HTTPS://H:443/Keys/K"), "https://h/keys/k");
  for (const other of ["https://h:8443/keys/k", "http://h:443/keys/k", "https://h/x:443/k", "https://h:443"]) assert.is(plainUrl(other), other);
});

test.run();
