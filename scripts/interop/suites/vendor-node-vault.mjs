// node-vault against our Vault emulator, over https.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createVaultEmulator } from "../lib/built.mjs";
import { expect, expectEqual, expectFailure, runCases } from "../lib/cases.mjs";
import { serveTlsWithList } from "../lib/loopback.mjs";

export const suite = {
  counterpart: "node-vault",
  needs: ["node", "certificate"],
  async run(kit, report) {
    const { default: nodeVault } = await import("node-vault");
    for (const product of ["openbao", "vault"]) {
      const emulator = createVaultEmulator({ product, mounts: ["transit", "deep/er/transit"], namespaces: product === "openbao" ? ["team"] : [] });
      const { origin: endpoint, ca } = await serveTlsWithList(kit, (request) => emulator.fetch(request));
      const open = (more = {}) => nodeVault({ endpoint, token: emulator.token, requestOptions: { ca }, ...more });
      const cases = [...commonCases(open, emulator), ...(product === "openbao" ? namespaceCases(open, emulator) : [])];
      await runCases(
        cases.map(({ name, run }) => ({ name: `${product}: ${name}`, run })),
        report,
      );
    }
    return JSON.parse(readFileSync(join(kit.kit, "node_modules/node-vault/package.json"), "utf8")).version;
  },
};

const MESSAGE = Buffer.from("a message of the interop kit");
const input = MESSAGE.toString("base64");
const TYPES = { "ecdsa-p256": "sha256", "ecdsa-p384": "sha256", "ecdsa-p521": "sha256", "rsa-2048": "sha256" };

function commonCases(open, emulator) {
  const vault = open();
  return [
    ...Object.entries(TYPES).map(([type, hash]) => ({ name: `${type}: create, read, sign, verify`, run: () => signs(vault, type, hash) })),
    { name: "ed25519: create, read, sign, verify", run: () => signsEd25519(vault) },
    { name: "versions: rotate, verify the old signature, list", run: () => rotates(vault) },
    { name: "batch: items fail one by one", run: () => batches(vault) },
    { name: "a mount with slashes in its path", run: () => nested(vault) },
    { name: "config, delete and what is gone", run: () => deletes(vault) },
    { name: "health, status and the token itself", run: () => looksAround(vault) },
    { name: "errors", run: () => failures(vault, open, emulator) },
  ];
}

async function signs(vault, type, hash) {
  const name = `nv-${type}`;
  const created = await vault.write(`transit/keys/${name}`, { type });
  expectEqual(created.data.type, type, "the type");
  const { data } = await vault.transitReadKey({ name });
  const { data: signed } = await vault.write(`transit/sign/${name}`, { input, signature_algorithm: "pkcs1v15" });
  const signature = Buffer.from(signed.signature.split(":")[2], "base64");
  expect(verify(hash, MESSAGE, createPublicKey(data.keys["1"].public_key), signature), "node:crypto to accept the signature");
  const answer = await vault.write(`transit/verify/${name}`, { input, signature: signed.signature, signature_algorithm: "pkcs1v15" });
  expectEqual(answer.data.valid, true, "valid");
}

async function signsEd25519(vault) {
  await vault.transitCreateKey({ name: "nv-ed", type: "ed25519" });
  const { data } = await vault.read("transit/keys/nv-ed");
  const x = Buffer.from(data.keys["1"].public_key, "base64").toString("base64url");
  const { data: signed } = await vault.write("transit/sign/nv-ed", { input });
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  expect(verify(null, MESSAGE, key, Buffer.from(signed.signature.split(":")[2], "base64")), "node:crypto to accept the signature");
}

async function rotates(vault) {
  await vault.write("transit/keys/nv-rotated", { type: "ecdsa-p256" });
  const { data: first } = await vault.write("transit/sign/nv-rotated", { input });
  await vault.write("transit/keys/nv-rotated/rotate", {});
  const { data: second } = await vault.write("transit/sign/nv-rotated", { input });
  expectEqual([first.signature.slice(0, 9), second.signature.slice(0, 9)], ["vault:v1:", "vault:v2:"], "the versions");
  expectEqual((await vault.write("transit/verify/nv-rotated", { input, signature: first.signature })).data.valid, true, "valid");
  const { data } = await vault.transitReadKey({ name: "nv-rotated" });
  expectEqual([Object.keys(data.keys), data.latest_version], [["1", "2"], 2], "the versions of the key");
  expect((await vault.list("transit/keys")).data.keys.includes("nv-rotated"), "the list to have it");
  expect((await vault.transitListKeys()).data.keys.includes("nv-rotated"), "the list to have it");
}

async function batches(vault) {
  await vault.write("transit/keys/nv-batch", { type: "ed25519" });
  const { data } = await vault.write("transit/sign/nv-batch", { batch_input: [{ input, reference: "a" }, { input: "*" }] });
  expectEqual(
    data.batch_results.map(({ signature, error, reference }) => [typeof signature, typeof error, reference]),
    [
      ["string", "undefined", "a"],
      ["undefined", "string", ""],
    ],
    "the results",
  );
}

async function nested(vault) {
  await vault.write("deep/er/transit/keys/k", { type: "ecdsa-p256" });
  expectEqual((await vault.read("deep/er/transit/keys/k")).data.name, "k", "the name");
  expectEqual((await vault.list("deep/er/transit/keys")).data.keys, ["k"], "the list");
}

async function deletes(vault) {
  await vault.write("transit/keys/nv-deleted", { type: "ecdsa-p256" });
  await expectFailure(() => vault.transitDeleteKey({ name: "nv-deleted" }), 400, statusOf);
  await vault.write("transit/keys/nv-deleted/config", { deletion_allowed: true });
  await vault.transitDeleteKey({ name: "nv-deleted" });
  await expectFailure(() => vault.transitReadKey({ name: "nv-deleted" }), 404, statusOf);
}

async function looksAround(vault) {
  const { initialized, sealed, standby } = await vault.health();
  expectEqual([initialized, sealed, standby], [true, false, false], "health");
  expectEqual((await vault.status()).sealed, false, "sealed");
  expectEqual((await vault.initialized()).initialized, true, "initialized");
  expectEqual((await vault.tokenLookupSelf()).data.policies, ["root"], "the token's policies");
}

const statusOf = (error) => error.response?.statusCode;

async function failures(vault, open, emulator) {
  const missing = await expectFailure(() => vault.write("transit/sign/nv-missing", { input }), 400, statusOf);
  expectEqual(missing.message, "signing key not found", "the message");
  await expectFailure(() => vault.read("transit/keys/nv-missing"), 404, statusOf);
  await expectFailure(() => vault.read("nowhere/keys/k"), 404, statusOf);
  await expectFailure(() => open({ token: "s.nobody" }).read("transit/keys/k"), 403, statusOf);
  await vault.write("transit/keys/nv-hash", { type: "ecdsa-p256" });
  await expectFailure(() => vault.write("transit/sign/nv-hash", { input, hash_algorithm: "sha256" }), 400, statusOf);
  emulator.seal();
  try {
    await expectFailure(() => vault.read("transit/keys/k"), 503, statusOf);
    expectEqual((await vault.health()).sealed, true, "sealed");
  } finally {
    emulator.unseal();
  }
}

function namespaceCases(open, emulator) {
  return [
    {
      name: "a namespace",
      async run() {
        const inside = open({ namespace: "team" });
        await inside.write("transit/keys/inside", { type: "ecdsa-p256" });
        expect(emulator.key("inside", { namespace: "team" }) !== undefined && emulator.key("inside") === undefined, "the key to be in the namespace alone");
        await expectFailure(() => open({ namespace: "nobody" }).read("transit/keys/inside"), 404, statusOf);
      },
    },
  ];
}
