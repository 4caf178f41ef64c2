// Our Vault logins against a real OpenBao: each logs in and signs, notices that its token is gone, and logs in again.
import { runCases } from "../lib/cases.mjs";
import { startOpenBao } from "../lib/servers.mjs";
import { lifeCases } from "./openbao/login-lives.mjs";
import { refusalCases } from "./openbao/login-refusals.mjs";
import { prepareLogins } from "./openbao/login-setup.mjs";

export const suite = {
  counterpart: "OpenBao",
  needs: ["python"],
  async run(kit, report) {
    const bao = await startOpenBao(kit);
    kit.closing(() => bao.close());
    const scene = await prepareLogins(bao, kit);
    await runCases(lifeCases(scene), report);
    await runCases(refusalCases(scene), report);
    return bao.version;
  },
};
