// Installs what the kit needs, in the kit's own folder, and says why when that cannot be done.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./processes.mjs";

const MARK = ".interop-installed";

/** The Python environment with the servers and the Python clients: the folder of its programs, or why there is none. */
export async function preparePython(kit) {
  const home = join(kit, ".venv");
  const programs = join(home, "bin");
  const wanted = digest(join(kit, "requirements.txt"));
  if (isMarked(home, wanted)) return { ready: programs };
  rmSync(home, { recursive: true, force: true });
  const problem =
    (await problemOf("python3", ["-m", "venv", home], kit)) ??
    (await problemOf(join(programs, "python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "-r", "requirements.txt"], kit));
  if (problem !== undefined) return { skipped: `the Python parts: ${problem}` };
  mark(home, wanted);
  return { ready: programs };
}

/** The packages of package.json: the folder they are in, or why there is none. */
export async function prepareNode(kit) {
  const home = join(kit, "node_modules");
  const wanted = digest(join(kit, "package-lock.json"));
  if (isMarked(home, wanted)) return { ready: home };
  const problem = await problemOf("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], kit);
  if (problem !== undefined) return { skipped: `the Node parts: ${problem}` };
  mark(home, wanted);
  return { ready: home };
}

async function problemOf(program, args, cwd) {
  const { code, output } = await run(program, args, { cwd, env: installEnvironment(), timeoutMs: 300_000 });
  if (code === 0) return undefined;
  const said = output.split("\n").find((line) => /error/i.test(line)) ?? output;
  return code === undefined ? `${program} cannot be started` : `${program.split("/").at(-1)} ended with ${code}: ${said.trim().slice(0, 200)}`;
}

/** npm hands its own settings, such as the folder of the package around, to what it runs; here they would be wrong. */
function installEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command|execpath)|^npm_config_(prefix|local_prefix)$/.test(name)));
}

function digest(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

function isMarked(home, wanted) {
  const file = join(home, MARK);
  return existsSync(file) && readFileSync(file, "utf8") === wanted;
}

function mark(home, wanted) {
  writeFileSync(join(home, MARK), wanted);
}
