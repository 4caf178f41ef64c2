// Runs cases one after another, each with a time limit of its own.
const LIMIT_MS = 90_000;

/** `cases`: `{ name, run }`. A case that throws has its message as finding; one can also return a list of findings. */
export async function runCases(cases, report) {
  for (const { name, run } of cases) report(name, await findingsOf(run));
}

async function findingsOf(run) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    return (await Promise.race([run(), late])) ?? [];
  } catch (error) {
    return [describe(error)];
  } finally {
    clearTimeout(timer);
  }
}

function describe(error) {
  const name = error?.code ?? error?.name ?? "Error";
  return `${name === "Error" ? "" : `${name}: `}${error?.message ?? String(error)}`;
}

export function expect(holds, expected) {
  if (!holds) throw new Error(`expected ${expected}`);
}

export function expectEqual(actual, wanted, what) {
  expect(JSON.stringify(actual) === JSON.stringify(wanted), `${what} to be ${JSON.stringify(wanted)}, and it is ${JSON.stringify(actual)}`);
}

/** Expects a rejection whose `read` value is the wanted one, by default its `code`. */
export async function expectFailure(attempt, wanted, read = (error) => error?.code) {
  try {
    await attempt();
  } catch (error) {
    expectEqual(read(error), wanted, "the error");
    return error;
  }
  throw new Error(`expected ${wanted}, and it succeeded`);
}
