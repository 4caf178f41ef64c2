// boto3 against our AWS emulator, over https.
import { createAwsEmulator } from "../lib/built.mjs";
import { serveTls } from "../lib/loopback.mjs";
import { runPython } from "../lib/python.mjs";
import { CREDENTIALS, REGION } from "./moto/setup.mjs";

export const suite = {
  counterpart: "boto3",
  needs: ["python", "certificate"],
  async run(kit, report) {
    const emulator = createAwsEmulator({ region: REGION, credentials: CREDENTIALS });
    const served = await serveTls(kit, (request) => emulator.fetch(request));
    return runPython(kit, "vendor_boto3.py", { endpoint: served.origin, ca: served.caFile, region: REGION, ...CREDENTIALS }, report);
  },
};
