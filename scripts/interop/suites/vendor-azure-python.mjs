// Azure's clients for Python against our Azure emulator, over https and under the host of a vault.
import { createAzureEmulator } from "../lib/built.mjs";
import { serveTls } from "../lib/loopback.mjs";
import { runPython } from "../lib/python.mjs";

export const suite = {
  counterpart: "azure-keyvault-keys",
  needs: ["python", "certificate"],
  async run(kit, report) {
    const emulator = createAzureEmulator({ vaultUrl: "https://interop.vault.azure.net", transitionMs: 50, emptyPages: true });
    emulator.tokens.add("reader", { permissions: ["keys/get"] });
    const served = await serveTls(kit, (request) => emulator.fetch(request));
    const { vaultUrl, token } = emulator;
    return runPython(kit, "vendor_azure.py", { vaultUrl, token, ca: served.caFile, port: served.port }, report);
  },
};
