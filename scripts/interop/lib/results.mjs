// What came of every case of a counterpart, judged against the list of known divergences.
import { readFileSync } from "node:fs";

/**
 * A case has findings: texts that say what is not as it should be. It passes without any. It diverges as listed when every
 * finding is listed for it, and everything that is listed for it was found. In all other ways it fails, also when a listed
 * divergence is gone: then the list is to be changed.
 */
export class Results {
  #listed;
  #rows = [];

  constructor(suite, file = new URL("../divergences.json", import.meta.url)) {
    this.#listed = JSON.parse(readFileSync(file, "utf8"))
      .filter((entry) => entry.suite === suite)
      .flatMap(({ shows }) => shows.flatMap(({ finding, cases }) => cases.map((name) => ({ case: name, finding, seen: false }))));
  }

  add(name, findings) {
    const listed = this.#listed.filter((show) => fits(show.case, name));
    const unlisted = findings.filter((finding) => !listed.some((show) => fits(show.finding, finding)));
    for (const show of listed) show.seen = true;
    const gone = listed.filter(({ finding }) => !findings.some((found) => fits(finding, found))).map(({ finding }) => `no longer diverges: ${finding}`);
    const problems = [...unlisted, ...gone];
    this.#rows.push({ name, problems, diverges: findings.length > 0 && problems.length === 0 });
    return { name, problems };
  }

  /** After the last case: what is listed for a case that there is not is a failure of its own. */
  finish() {
    const gone = this.#listed.filter(({ seen }) => !seen);
    const rows = gone.map((show) => ({ name: show.case, problems: ["is listed, and there is no such case"], diverges: false }));
    this.#rows.push(...rows);
    return rows;
  }

  get counts() {
    const failed = this.#rows.filter(({ problems }) => problems.length > 0).length;
    const diverging = this.#rows.filter(({ diverges }) => diverges).length;
    return { cases: this.#rows.length, passed: this.#rows.length - failed - diverging, failed, diverging };
  }
}

/** `*` stands for any text, everything else for itself. */
function fits(pattern, text) {
  const expression = pattern
    .split("*")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[\\s\\S]*");
  return new RegExp(`^${expression}$`).test(text);
}
