// Our AWS client against moto: the contract suite as far as moto's keys go, rotation behind aliases, and provoked errors.
import { contractCases } from "../lib/built.mjs";
import { runCases } from "../lib/cases.mjs";
import { startMoto } from "../lib/servers.mjs";
import { errorCases } from "./moto/errors.mjs";
import { keyCases } from "./moto/keys.mjs";
import { connect, CREDENTIALS, createKey, KEY_SPECS } from "./moto/setup.mjs";

export const suite = {
  counterpart: "moto",
  needs: ["python"],
  async run(kit, report) {
    const moto = await startMoto(kit);
    kit.closing(() => moto.close());
    await runCases(keyCases(moto), report);
    await runCases(errorCases(moto), report);
    await runCases(contract(moto), report);
    return moto.version;
  },
};

/** The contract suite's cases, without those that need faults. */
function contract(moto) {
  let count = 0;
  const keyTypes = Object.keys(KEY_SPECS);
  const subject = {
    name: "moto",
    keyTypes,
    rotates: keyTypes,
    async createKey(keyType) {
      const alias = `alias/contract-${++count}`;
      await createKey(moto, alias, KEY_SPECS[keyType]);
      return alias;
    },
    connect: (keyId, options) => connect(moto, keyId, { retry: {}, ...options }),
    missingKeyId: "alias/contract-missing",
    secrets: [CREDENTIALS.secretAccessKey],
  };
  return contractCases(subject).filter(({ needs }) => needs === undefined);
}
