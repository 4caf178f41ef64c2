// Asks a real server and an emulator the same, and finds where their answers differ.

/**
 * Runs one sequence of steps against both, each with a memory of its own, so that a later step can name what an earlier one
 * got. A step is `{ name, ask(known, other), facts?(answer, known), prepares? }`: `ask` gives the request; `facts` looks into the answer
 * as it came, keeps what later steps need in `known`, and returns what is to be compared besides. A step that only prepares
 * has to work on both sides, and is no case of its own. A step with `steps` is many in one
 * case.
 *
 * @param sides two of `{ send(request), steady(answer) }`, ours first; `steady` gives the comparable part of an answer
 */
export function differentialCases(prefix, steps, sides) {
  const memories = sides.map(() => ({}));
  const both = (step) => Promise.all(sides.map((side, index) => outcome(step, side, memories[index], memories[1 - index])));
  let preparation = [];
  const cases = [];
  for (const step of steps) {
    preparation.push(step);
    if (step.prepares) continue;
    const before = preparation.slice(0, -1);
    preparation = [];
    const run = async () => (await prepare(before, both), step.steps === undefined ? compare(...(await both(step))) : compareAll(step.steps, both));
    cases.push({ name: `${prefix}: ${step.name}`, run });
  }
  return cases;
}

async function prepare(steps, both) {
  for (const step of steps) {
    const failed = (await both(step)).find(({ status }) => status >= 300);
    if (failed !== undefined) throw new Error(`${step.name} does not work: ${JSON.stringify(failed)}`);
  }
}

/** Many steps as one case; the first ten differences are enough to go on with. */
async function compareAll(steps, both) {
  const findings = [];
  for (const step of steps) {
    findings.push(...compare(...(await both(step))).map((finding) => `${step.name}: ${finding}`));
    if (findings.length > 10) break;
  }
  return findings;
}

/** Of a refusal and a success the rest is no news. */
function compare(ours, theirs) {
  const [first, second] = [ours, theirs].map(({ status, body }) => (status < 300 ? "success" : [status, body?.__type].filter(Boolean).join(" ")));
  if ((first === "success") !== (second === "success")) return [`ours ${first}, theirs ${second}`];
  if (ours.body?.__type !== theirs.body?.__type) return [`ours ${first}, theirs ${second}`];
  return differences("", ours, theirs);
}

async function outcome({ ask, facts }, side, known, other) {
  const answer = await side.send(ask(known, other));
  return { ...side.steady(answer), facts: facts === undefined ? undefined : await factsOf(facts, answer, known) };
}

/** What cannot be looked into, such as the signature in a refusal, is a fact of its own. */
async function factsOf(facts, answer, known) {
  try {
    return (await facts(answer, known)) ?? "kept";
  } catch {
    return "none";
  }
}

/** Paths at which two values differ, each with both values. */
export function differences(path, ours, theirs) {
  if (isPlain(ours) && isPlain(theirs)) {
    const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].sort();
    return names.flatMap((name) => differences(path === "" ? name : `${path}.${name}`, ours[name], theirs[name]));
  }
  if (Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length) {
    return ours.flatMap((item, index) => differences(`${path}[${index}]`, item, theirs[index]));
  }
  return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [`${path}: ours ${show(ours)}, theirs ${show(theirs)}`];
}

function isPlain(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value) {
  return value === undefined ? "absent" : JSON.stringify(value).slice(0, 160);
}

/** A copy of a value in which every leaf is what `leaf(value, name)` makes of it. */
export function mapLeaves(value, leaf, name = "") {
  if (Array.isArray(value)) return value.map((item) => mapLeaves(item, leaf, name));
  if (isPlain(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapLeaves(inner, leaf, key)]));
  return leaf(value, name);
}
