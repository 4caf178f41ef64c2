import { test } from "uvu";
import * as assert from "uvu/assert";
import { isKeyVersion, keyProblems, vaultAddress, vaultProblems } from "../../src/vault/config.js";
import { ConfigError } from "../../src/errors.js";
import { createVaultKms, createVaultProvider, type VaultProviderOptions } from "../../src/vault/index.js";
import { rejects } from "../support/rejects.js";
import { ADDRESS } from "./service.js";

const CODE = { customEndpoint: true, insecureHttp: false };
const DATA = { customEndpoint: false, insecureHttp: false };
const GOOD = { provider: "vault", address: ADDRESS, mountPath: "transit", keyName: "signer" };

function problemsOf(data: object, trust = DATA): string[] {
  return vaultProblems({ ...GOOD, ...data }, trust);
}

function optionProblems(options: unknown): readonly string[] {
  try {
    createVaultProvider(options as VaultProviderOptions);
  } catch (error) {
    if (error instanceof ConfigError && error.code === "ERR_KMS_CONFIG") return error.problems;
    throw error;
  }
  return [];
}

test("where requests go", () => {
  const bases: readonly [address: string, mountPath: string, base: string][] = [
    [ADDRESS, "transit", "https://vault.example:8200/v1/transit"],
    ["https://vault.example", "team-a/kms/transit", "https://vault.example/v1/team-a/kms/transit"],
    ["https://vault.example/", "transit", "https://vault.example/v1/transit"],
    ["HTTPS://Vault.Example:443", "transit", "https://vault.example/v1/transit"],
    ["https://proxy.example/teams/vault", "transit", "https://proxy.example/teams/vault/v1/transit"],
    ["https://proxy.example/vault/", "transit", "https://proxy.example/vault/v1/transit"],
    ["https://[2001:db8::1]:8200", "transit", "https://[2001:db8::1]:8200/v1/transit"],
    ["https://127.0.0.1:8200", "größe/k ms", "https://127.0.0.1:8200/v1/gr%C3%B6%C3%9Fe/k%20ms"],
    [ADDRESS, "日本/鍵", "https://vault.example:8200/v1/%E6%97%A5%E6%9C%AC/%E9%8D%B5"],
    [ADDRESS, `a?b/#c/"d"/e+f&g=h/100%`, "https://vault.example:8200/v1/a%3Fb/%23c/%22d%22/e%2Bf%26g%3Dh/100%25"],
  ];
  for (const [address, mountPath, base] of bases) {
    assert.equal(problemsOf({ address, mountPath }), [], `${address} ${mountPath}`);
    const place = vaultAddress({ address, mountPath }, DATA);
    assert.is(place.base, base);
    assert.is(place.origin, new URL(address).origin);
    assert.is(place.namespace, undefined);
    assert.is(new URL(`${place.base}/sign/k`).href, `${base}/sign/k`, "nothing that the platform would rewrite");
  }
  assert.is(vaultAddress({ address: ADDRESS, mountPath: "transit", namespace: "team-a/sub" }, DATA).namespace, "team-a/sub");
});

test("addresses that cannot be one", () => {
  for (const address of [
    undefined,
    null,
    7,
    {},
    "",
    "vault.example:8200",
    "http://vault.example:8200",
    "http://127.0.0.1:8200",
    "https://user:password@vault.example",
    "https://user@vault.example",
    "https://vault.example@attacker.example",
    "https://vault.example?x=1",
    "https://vault.example/?",
    "https://vault.example#x",
    "https://vault.example/\r\nx: y",
    "https://vault.example\t",
    "https://vault\t.example",
    " https://vault.example",
    "https://vault.example/a b",
    "https:\\\\vault.example",
    "https://vault.example\\@attacker.example",
    "https:/vault.example",
    "https:vault.example",
    "//vault.example",
    "https://vault.example/a/../b",
    "https://vault.example/a/%2e%2e/b",
    "https://vault.example/./a",
    "https://vault.example/a//b",
    "https://vault.example/ä",
    "https://vault.example\u0000",
    "https://vault.exampl\ud800",
    "https://väult.example",
    "https://vault。example",
    "https://ｖault.example",
    "https://%76ault.example",
    "https://0x7f.1",
    "https://2130706433",
    "https://vault.example:99999",
    "https://vault.example:",
    "https://[::1",
    "unix:///run/vault.sock",
    "file:///etc/passwd",
    "data:text/plain,x",
  ]) {
    const problems = problemsOf({ address }, CODE);
    assert.is(problems.length, 1, String(address));
    assert.match(problems[0] as string, /^address /);
  }
});

test("http is taken only when it is allowed by name", () => {
  const insecure = { customEndpoint: false, insecureHttp: true };
  assert.match(problemsOf({ address: "http://127.0.0.1:8200" })[0] as string, /allowInsecureHttp/);
  assert.equal(problemsOf({ address: "http://127.0.0.1:8200" }, insecure), []);
  assert.is(vaultAddress({ address: "http://127.0.0.1:8200", mountPath: "transit" }, insecure).base, "http://127.0.0.1:8200/v1/transit");
});

/** As a mount, and those that are visible ASCII as a namespace too. */
const NO_PATHS = [
  "",
  "/",
  "/transit",
  "transit/",
  "a//b",
  ".",
  "..",
  "../sys",
  "a/../b",
  "a/./b",
  "transit.",
  "a./b",
  "%2e%2e",
  "%2E%2e/sys",
  "a%2fb",
  "team%20a",
  "a\\b",
  "..\\sys",
  "a\nb",
  "a\r\nx: y",
  "a\tb",
  "a\u0000b",
  "a\u007fb",
  "a\u0085b",
  "x".repeat(257),
  "x/".repeat(600) + "x",
  "x".repeat(1_000_000),
];
const NO_MOUNTS = [...NO_PATHS, "\ud800", "a\udc00b", "a\u200bb", "a\u00a0b", "a\u2028b", "\u202etisnart", undefined, null, 7, {}, ["transit"]];
const NO_NAMESPACES = [...NO_PATHS, "team a", " ", "größe", "a\u200b", null, 7, {}, ["ns"]];

test("mounts and namespaces that cannot be one", () => {
  for (const mountPath of NO_MOUNTS) {
    const problems = problemsOf({ mountPath }, CODE);
    assert.is(problems.length, 1, JSON.stringify(mountPath)?.slice(0, 80));
    assert.match(problems[0] as string, /^mountPath /);
  }
  for (const namespace of NO_NAMESPACES) {
    const problems = problemsOf({ namespace }, CODE);
    assert.is(problems.length, 1, JSON.stringify(namespace)?.slice(0, 80));
    assert.match(problems[0] as string, /^namespace /);
  }
  for (const namespace of ["ns1", "admin", "root", "team-a/sub_1/x.y", "a+b@c:d"]) assert.equal(problemsOf({ namespace }), [], namespace);
});

test("names and versions of keys", () => {
  for (const keyName of ["a", "_", "9", "Signer-1", "a.b", "a..b", "a-", "x".repeat(128)].filter((name) => name !== "a-")) assert.equal(problemsOf({ keyName }), [], keyName);
  const hostile = ["", ".", "..", "-a", "a-", ".a", "a.", "a/b", "a%2fb", "a%2e", "a b", "a\r\nb", "a\n", "a?b", "a#b", "a\\b", "a:b", "\ud800", "ä", "../../sys/seal", "x".repeat(129), "x".repeat(1_000_000), null, 7, {}, undefined, []];
  for (const keyName of hostile) assert.is(problemsOf({ keyName }).length, 1, String(keyName).slice(0, 80));
  for (const keyVersion of ["1", "2", "10", "999999999"]) assert.equal(problemsOf({ keyVersion }), [], keyVersion);
  for (const keyVersion of ["", "0", "01", "-1", "+1", "1.0", "1e3", "0x1", " 1", "1\n", "v1", "latest", "1000000000", "١", "../sign", 1, null, {}]) {
    assert.is(problemsOf({ keyVersion }).length, 1, String(keyVersion));
    assert.is(keyProblems({ keyId: "signer", keyVersion }).length, 1);
    if (typeof keyVersion === "string") assert.is(isKeyVersion(keyVersion), false);
  }
});

test("all problems at once, each without control characters and without what was given at length", () => {
  const problems = problemsOf({ address: "ftp://x\n", mountPath: "a\u0000", namespace: "\u0007", keyName: "\u001b[31m".repeat(100), keyVersion: "\u0000" });
  assert.equal(problems.map((problem) => problem.split(" ")[0]), ["address", "mountPath", "namespace", "keyName", "keyVersion"]);
  assert.not.match(problems.join(""), /\p{Cc}/u);
  assert.ok(problems.every((problem) => problem.length < 250));
});

test("inherited members are not members", () => {
  const prototype = Object.prototype as Record<string, unknown>;
  Object.assign(prototype, { address: ADDRESS, mountPath: "evil", keyName: "evil", namespace: "evil" });
  try {
    assert.is(optionProblems({}).length, 2);
    assert.is(optionProblems({ address: ADDRESS }).length, 1);
    assert.equal(optionProblems({ address: ADDRESS, mountPath: "transit" }), []);
    assert.throws(() => createVaultKms({ address: ADDRESS, mountPath: "transit" } as never), /keyName/);
    assert.throws(() => createVaultKms({} as never), /must be .*; /);
  } finally {
    for (const name of ["address", "mountPath", "keyName", "namespace"]) delete prototype[name];
  }
  assert.is(optionProblems(Object.create({ address: ADDRESS, mountPath: "transit" })).length, 2);
});

test("a provider: every problem at once", async () => {
  const problems = optionProblems({ address: "x", mountPath: "", namespace: "", credentials: "t", env: "e", fetch: 1, headers: { "X-Vault-Token": "x" }, retry: { attempts: 0 }, timeout: 1 });
  assert.is(problems.length, 9);
  for (const options of [undefined, null, 7, ADDRESS, [], new Map()]) assert.ok(optionProblems(options).length > 0, String(options));
  for (const name of ["x-vault-token", "X-Vault-Namespace", "x-vault-index", "x-vault-inconsistent", "X-VAULT-FORWARD", "authorization", "cookie", "host"]) {
    assert.is(optionProblems({ address: ADDRESS, mountPath: "transit", headers: { [name]: "x" } }).length, 1, name);
  }
  const error = await rejects(() => createVaultProvider({ address: "x", mountPath: "" }), "ERR_KMS_CONFIG");
  assert.match(error.message, /^address .*; mountPath /);
});

test("a manager: the problems speak of what was given by its own name", async () => {
  const place = await rejects(() => createVaultKms({ address: "x", mountPath: "", keyName: "signer", timeoutMs: 0 }), "ERR_KMS_CONFIG");
  for (const name of ["address", "mountPath", "timeoutMs"]) assert.match(place.message, name);
  // What a key is called is checked by the provider, once there is one.
  const key = await rejects(() => createVaultKms({ address: ADDRESS, mountPath: "transit", keyName: "a/b", keyVersion: "0", algorithm: "ES256K", timeoutMs: 0 }), "ERR_KMS_CONFIG");
  for (const name of ["keyName", "keyVersion", "ES256K", "timeoutMs"]) assert.match(key.message, name);
  for (const options of [undefined, null, 7, {}]) await rejects(() => createVaultKms(options as never), "ERR_KMS_CONFIG");
  for (const keyName of [undefined, null, 7, {}]) assert.match((await rejects(() => createVaultKms({ ...GOOD, provider: undefined, keyName } as never), "ERR_KMS_CONFIG")).message, /keyName/);
});

test("making one sends nothing, and asks for nothing", () => {
  const never = (): never => {
    throw new Error("asked");
  };
  const env = new Proxy({}, { get: never, has: never, ownKeys: never, getOwnPropertyDescriptor: never });
  createVaultKms({ address: ADDRESS, mountPath: "transit", keyName: "signer", env, fetch: never, now: never, random: never, sleep: never });
  createVaultProvider({ address: ADDRESS, mountPath: "transit", credentials: never, env, fetch: never, now: never, random: never, sleep: never });
});

test.run();
