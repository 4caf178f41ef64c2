// For Node and Deno. Argument: the origin of the services.
import { signWithEach } from "./sign.mjs";

const process = globalThis.process ?? (await import("node:process")).default;
console.log(`RESULT ${JSON.stringify(await signWithEach(process.argv.at(-1)))}`);
