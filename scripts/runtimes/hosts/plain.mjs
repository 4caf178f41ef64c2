// Node, Deno and Bun: the file is the program. Arguments: the bundle's URL and the origin of the services.
const process = globalThis.process ?? (await import("node:process")).default;
const [bundle, origin] = process.argv.slice(-2);
const { library, allCases, runCases } = await import(bundle);
const data = await (await fetch(`${origin}/data.json`)).json();
console.log(`RESULT ${JSON.stringify(await runCases(allCases(library, data, origin)))}`);
