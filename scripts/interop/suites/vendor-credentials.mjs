// The vendors' own credential libraries on our emulated token services; what each obtains, the vendor's client signs with on the
// emulated service, which knows only what was handed out.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runCases } from "../lib/cases.mjs";
import { awsCases } from "./credentials/aws.mjs";
import { azureCases } from "./credentials/azure.mjs";

export const suite = {
  counterpart: "@azure/identity, @aws-sdk/credential-providers",
  needs: ["node", "certificate", "openssl"],
  async run(kit, report) {
    await runCases(await azureCases(kit), report);
    await runCases(await awsCases(kit), report);
    const versionOf = (name) => JSON.parse(readFileSync(join(kit.kit, "node_modules", name, "package.json"), "utf8")).version;
    return `${versionOf("@azure/identity")}, ${versionOf("@aws-sdk/credential-providers")}`;
  },
};
