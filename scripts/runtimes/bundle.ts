/** What every runtime is given: the library, and the cases. */
export * as library from "./library.js";
export { allCases, runCases } from "./cases.mjs";
