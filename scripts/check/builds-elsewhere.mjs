// The package is built twice, in different folders, under different umasks, homes, time zones and languages, and by two
// users where the one who runs this is root. All that a release publishes must be the same bytes.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/entries.mjs";
import { difference, hashTree } from "../lib/hashes.mjs";

const SOURCES = ["package.json", "package-lock.json", "tsconfig.json", "README.md", "LICENSE", "src", "scripts"];
const NOBODY = 65534;
const BUILD = 'npm pack --pack-destination "$OUT" && npm run --silent vendor -- --out "$OUT/vendor" && npm run --silent sbom > "$OUT/sbom.json" && npm run --silent sbom -- --development > "$OUT/sbom-development.json"';

/** Returns what differs, and the folder of the first build's products. */
export function buildsElsewhere(scratch) {
  // A temporary folder is its maker's alone until it is opened.
  chmodSync(scratch, 0o755);
  const here = release(join(scratch, "one"), { umask: "022", env: { USER: "one", TZ: "UTC", LANG: "C" } });
  const there = release(join(scratch, "another-and-longer-folder"), { umask: "077", env: { USER: "two", TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8" }, uid: otherUser() });
  return { problems: difference(hashTree(here), hashTree(there)), out: here };
}

/** Another user's id, or undefined where this process may not become one or that one could not read the packages. */
export function otherUser() {
  if (process.getuid?.() !== 0) return undefined;
  try {
    execFileSync(process.execPath, ["-e", "require('node:fs').readdirSync(process.argv[1])", join(root, "node_modules")], { uid: NOBODY, gid: NOBODY, cwd: "/", stdio: "ignore" });
    return NOBODY;
  } catch {
    return undefined;
  }
}

function release(folder, { umask, env, uid }) {
  const [source, home, out] = ["source", "home", "out"].map((name) => join(folder, name));
  for (const made of [source, home, out]) mkdirSync(made, { recursive: true });
  for (const name of SOURCES) cpSync(join(root, name), join(source, name), { recursive: true, filter: (path) => !/node_modules|\.venv/.test(path) });
  symlinkSync(join(root, "node_modules"), join(source, "node_modules"));
  const chmod = umask === "077" ? "go-rwx" : "go+rX";
  execFileSync("chmod", ["-R", chmod, ...SOURCES], { cwd: source });
  if (uid !== undefined) execFileSync("chown", ["-Rh", `${uid}:${uid}`, folder]);
  execFileSync("sh", ["-c", `umask ${umask} && ${BUILD}`], {
    cwd: source,
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env.PATH, HOME: home, OUT: out, npm_config_update_notifier: "false", npm_config_loglevel: "error", ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  return out;
}
