// Our Vault client against a real OpenBao: the contract suite, and what only a real server can show.
import { contractCases, createVaultKms } from "../lib/built.mjs";
import { runCases } from "../lib/cases.mjs";
import { startOpenBao } from "../lib/servers.mjs";
import { errorCases } from "./openbao/errors.mjs";
import { keyCases } from "./openbao/keys.mjs";
import { createKey, mount, TRANSIT_TYPES } from "./openbao/setup.mjs";

export const suite = {
  counterpart: "OpenBao",
  needs: ["python"],
  async run(kit, report) {
    const bao = await startOpenBao(kit);
    kit.closing(() => bao.close());
    await mount(bao, "transit");
    await bao.call("POST", "sys/namespaces/team");
    await bao.call("POST", "sys/namespaces/kms", {}, { "x-vault-namespace": "team" });
    await mount(bao, "team-a/kms/transit", "team/kms");
    const all = Object.keys(TRANSIT_TYPES);
    await runCases(contract(bao, { mountPath: "transit" }, all), report);
    await runCases(contract(bao, { mountPath: "team-a/kms/transit", namespace: "team/kms" }, ["P-256", "Ed25519", "RSA-2048"]), report);
    await runCases(keyCases(bao), report);
    await runCases(errorCases(bao), report);
    return bao.version;
  },
};

/** The contract suite's cases in one place of the server, without those that need faults. */
function contract(bao, place, keyTypes) {
  let count = 0;
  const { address, token } = bao;
  const subject = {
    name: place.namespace === undefined ? place.mountPath : `${place.namespace}: ${place.mountPath}`,
    keyTypes,
    rotates: keyTypes,
    async createKey(keyType) {
      const name = `contract-${++count}`;
      await createKey(bao, name, TRANSIT_TYPES[keyType], place);
      return name;
    },
    connect: (keyName, options) => createVaultKms({ ...place, address, keyName, credentials: { token }, allowInsecureHttp: true, env: {}, ...options }),
    missingKeyId: "contract-missing",
    secrets: [token],
  };
  return contractCases(subject)
    .filter(({ needs }) => needs === undefined)
    .map(({ name, run }) => ({ name: `${subject.name}: ${name}`, run }));
}
