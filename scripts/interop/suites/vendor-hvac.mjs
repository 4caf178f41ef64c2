// hvac against our Vault emulator, over https.
import { createVaultEmulator } from "../lib/built.mjs";
import { serveTlsWithList } from "../lib/loopback.mjs";
import { runPython } from "../lib/python.mjs";

export const suite = {
  counterpart: "hvac",
  needs: ["python", "certificate"],
  async run(kit, report) {
    const emulator = createVaultEmulator({ mounts: ["transit", "deep/er/transit"], namespaces: ["team"] });
    emulator.tokens.add({ token: "s.reader", grants: { "transit/keys/*": ["read"] } });
    const served = await serveTlsWithList(kit, (request) => emulator.fetch(request));
    return runPython(kit, "vendor_hvac.py", { url: served.origin, token: emulator.token, ca: served.caFile }, report);
  },
};
