// The edge-runtime VM on this Node: web globals only, no process, no Buffer. Arguments: the script's path and the origin.
import { readFileSync } from "node:fs";
import { EdgeVM } from "@edge-runtime/vm";

const [script, origin] = process.argv.slice(-2);
const vm = new EdgeVM();
vm.evaluate(readFileSync(script, "utf8"));
vm.evaluate(`globalThis.results = (async () => {
  const { library, allCases, runCases } = globalThis.entry;
  const data = await (await fetch(${JSON.stringify(`${origin}/data.json`)})).json();
  return JSON.stringify(await runCases(allCases(library, data, ${JSON.stringify(origin)})));
})()`);
console.log(`RESULT ${await vm.evaluate("globalThis.results")}`);
process.exit();
