// Runs a suite that is written in Python: every line of its output is a case.
import { join } from "node:path";
import { run } from "./processes.mjs";

/** The script prints `{"case", "findings"}` a case, and last `{"version"}`, which is returned. `settings` reach it as JSON on stdin. */
export async function runPython(kit, script, settings, report) {
  const file = join(kit.kit, "suites", script);
  const env = { HOME: kit.scratch, PYTHONDONTWRITEBYTECODE: "1" };
  const { code, stdout, output } = await run(join(kit.python, "python"), [file], { env, input: JSON.stringify(settings), timeoutMs: 180_000 });
  let version;
  for (const line of stdout.split("\n").filter((text) => text.startsWith("{"))) {
    const said = JSON.parse(line);
    if (said.version === undefined) report(said.case, said.findings);
    else version = said.version;
  }
  if (code !== 0 || version === undefined) throw new Error(`${script} ended with ${code}: ${output.slice(-600)}`);
  return version;
}
