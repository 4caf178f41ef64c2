// The `bao` command line against our Vault emulator, over https.
import { join } from "node:path";
import { createPublicKey, verify } from "node:crypto";
import { createVaultEmulator } from "../lib/built.mjs";
import { expect, expectEqual, runCases } from "../lib/cases.mjs";
import { serveTls } from "../lib/loopback.mjs";
import { run } from "../lib/processes.mjs";

export const suite = {
  counterpart: "bao command line",
  needs: ["python", "certificate"],
  async run(kit, report) {
    const emulator = createVaultEmulator({ mounts: ["transit", "deep/er/transit"], namespaces: ["team"] });
    const served = await serveTls(kit, (request) => emulator.fetch(request));
    const program = join(kit.python, "bao");
    const call = (token, words) =>
      run(program, words, { env: { HOME: kit.scratch, BAO_ADDR: served.origin, BAO_CACERT: served.caFile, BAO_TOKEN: token, BAO_FORMAT: "json" } });
    await runCases(casesFor({ emulator, served, bao: (...words) => call(emulator.token, words), as: (token, ...words) => call(token, words) }), report);
    const { stdout } = await run(program, ["version"], { env: { HOME: kit.scratch } });
    return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "?";
  },
};

const MESSAGE = Buffer.from("a message of the interop kit");
const INPUT = `input=${MESSAGE.toString("base64")}`;

function casesFor(scene) {
  const { emulator, served, bao, as } = scene;
  const done = async (...words) => read(await bao(...words));
  const refused = async (result, ...texts) => {
    const { code, output } = await result;
    expect(code === 2 && texts.every((text) => output.includes(text)), `a refusal with ${texts.join(", ")}, and it is ${code} ${output.slice(0, 300)}`);
  };
  return [
    { name: "status", run: async () => expectEqual((await done("status")).sealed, false, "sealed") },
    { name: "token lookup", run: async () => expectEqual((await done("token", "lookup")).data.policies, ["root"], "the policies") },
    {
      name: "-address in place of the environment",
      run: async () => expectEqual((await done("status", `-address=${served.origin}`, `-ca-cert=${served.caFile}`)).initialized, true, "initialized"),
    },
    ...["ecdsa-p256", "ecdsa-p384", "rsa-2048"].map((type) => ({ name: `${type}: create, sign, verify, read`, run: () => signs(done, type) })),
    {
      name: "versions: rotate, sign with an old one, list",
      async run() {
        await done("write", "transit/keys/cli-rotated", "type=ed25519");
        await done("write", "-f", "transit/keys/cli-rotated/rotate");
        const { signature } = (await done("write", "transit/sign/cli-rotated", INPUT, "key_version=1")).data;
        expect(signature.startsWith("vault:v1:"), "the old version to sign");
        expectEqual((await done("read", "transit/keys/cli-rotated")).data.latest_version, 2, "latest_version");
        expect((await done("list", "transit/keys")).includes("cli-rotated"), "the list to have it");
        expectEqual(await done("read", "-field=latest_version", "transit/keys/cli-rotated"), 2, "a field");
      },
    },
    {
      name: "config, delete and what is gone",
      async run() {
        await done("write", "transit/keys/cli-deleted", "type=ed25519");
        await refused(bao("delete", "transit/keys/cli-deleted"), "Code: 400", "deletion is not allowed");
        await done("write", "transit/keys/cli-deleted/config", "deletion_allowed=true");
        await done("delete", "transit/keys/cli-deleted");
        await refused(bao("read", "transit/keys/cli-deleted"), "No value found");
      },
    },
    {
      name: "a namespace, and a mount with slashes",
      async run() {
        await done("write", "-namespace=team", "deep/er/transit/keys/inside", "type=ed25519");
        expect(emulator.key("inside", { namespace: "team", mount: "deep/er/transit" }) !== undefined, "the key to be there");
        await refused(bao("write", "-namespace=nobody", "transit/keys/inside", "type=ed25519"), "Code: 404", "namespace not found");
      },
    },
    {
      name: "mount and unmount",
      async run() {
        await done("secrets", "enable", "-path=extra", "transit");
        await done("write", "extra/keys/k", "type=ed25519");
        await refused(bao("secrets", "enable", "-path=extra", "transit"), "Code: 400", "path is already in use");
        await done("secrets", "disable", "extra");
        await refused(bao("read", "extra/keys/k"), "No value found at extra/keys/k");
      },
    },
    {
      name: "errors",
      async run() {
        await refused(bao("write", "transit/sign/cli-missing", INPUT), "Code: 400", "signing key not found");
        await refused(as("s.nobody", "read", "transit/keys/cli-rotated"), "Code: 403", "permission denied");
        await refused(bao("write", "transit/sign/cli-rotated", "input=*"), "Code: 400", "unable to decode input");
      },
    },
    {
      name: "sealed",
      async run() {
        emulator.seal();
        try {
          const { stdout } = await bao("status");
          expectEqual(JSON.parse(stdout).sealed, true, "sealed");
        } finally {
          emulator.unseal();
        }
      },
    },
  ];
}

function read({ code, stdout, output }) {
  expect(code === 0, `success, and it ended with ${code}: ${output.slice(0, 400)}`);
  return /^\s*[[{"\d]/.test(stdout) ? JSON.parse(stdout) : stdout;
}

async function signs(done, type) {
  const name = `cli-${type}`;
  await done("write", `transit/keys/${name}`, `type=${type}`);
  const { signature } = (await done("write", `transit/sign/${name}`, INPUT, "signature_algorithm=pkcs1v15")).data;
  const { keys } = (await done("read", `transit/keys/${name}`)).data;
  expect(verify("sha256", MESSAGE, createPublicKey(keys["1"].public_key), Buffer.from(signature.split(":")[2], "base64")), "node:crypto to accept the signature");
  expectEqual((await done("write", `transit/verify/${name}`, INPUT, `signature=${signature}`, "signature_algorithm=pkcs1v15")).data.valid, true, "valid");
}
