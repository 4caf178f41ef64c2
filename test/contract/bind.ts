/** Binds the contract suite to uvu. */
import { suite } from "uvu";
import { contractCases, type ContractSubject } from "../../src/testing/index.js";

/** Registers every case that can run on the subject, or those whose name fits. */
export function bindContract(subject: ContractSubject, wanted: (name: string) => boolean = () => true): void {
  const test = suite(subject.name);
  for (const { name, needs, run } of contractCases(subject)) {
    if (wanted(name) && (needs === undefined || subject.emulator !== undefined)) test(name, timed(subject, name, run));
  }
  test.run();
}

/** `KNHK_SLOW=ms` prints the cases that take longer, for whoever looks for the slow ones. */
function timed(subject: ContractSubject, name: string, run: () => Promise<void>): () => Promise<void> {
  const limit = Number(process.env.KNHK_SLOW);
  if (!(limit >= 0)) return run;
  return async () => {
    const started = performance.now();
    try {
      await run();
    } finally {
      const taken = performance.now() - started;
      if (taken > limit) console.log(`${subject.name}: ${name}: ${Math.round(taken)} ms`);
    }
  };
}
