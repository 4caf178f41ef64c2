// What is in each entry's bundle, and that it loads where there is nothing but web globals.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";
import { bundle, entries, nodeEntries } from "../lib/entries.mjs";

/** Words of one provider's protocol, which no bundle of another may hold. */
const WORDS = {
  aws: ["TrentService", "AWS4-HMAC", "amazonaws"],
  azure: ["vault.azure.net", "managedhsm", "api-version"],
  vault: ["X-Vault", "VAULT_", "BAO_"],
};

export const portable = entries.filter(({ name }) => !nodeEntries.has(name));

/** Bundles the portable entries; `inputsOf(name)` are the files in one, `codeOf(name)` is its code without comments. */
export async function bundles() {
  const { folder, metafile } = await bundle(portable, { outDir: ".bundles/check" });
  return {
    inputsOf: (name) => Object.keys(Object.entries(metafile.outputs).find(([file]) => file.endsWith(`/${name}.js`))[1].inputs),
    codeOf: (name) => withoutComments(readFileSync(join(folder, `${name}.js`), "utf8")),
  };
}

export function nodeProblems({ inputsOf, codeOf }) {
  return portable.flatMap(({ name }) => {
    const outside = inputsOf(name).filter((file) => !file.startsWith("src/"));
    const words = [/\bfrom\s*["']node:/, /\bimport\s*\(\s*["']node:/, /\brequire\s*\(/, /\bBuffer\b/].filter((word) => word.test(codeOf(name)));
    return [...outside, ...words].map((found) => `${name}: ${found}`);
  });
}

export function foreignWords({ codeOf }) {
  return Object.keys(WORDS).flatMap((name) => {
    // One header is of both: it binds a request that AWS signs to the server that it is for.
    const code = codeOf(name).toLowerCase().replaceAll("x-vault-aws-iam-server-id", "");
    const foreign = Object.entries(WORDS).filter(([other]) => other !== name).flatMap(([, words]) => words);
    const own = WORDS[name].filter((word) => !code.includes(word.toLowerCase()));
    return [...foreign.filter((word) => code.includes(word.toLowerCase())).map((word) => `${name} holds ${word}`), ...own.map((word) => `${name} lacks its own ${word}: is the check still right?`)];
  });
}

export function rawSignProblems({ inputsOf }) {
  const holders = portable.filter(({ name }) => inputsOf(name).some((file) => file.includes("raw-"))).map(({ name }) => name);
  return holders.join() === "testing" ? [] : [`found in: ${holders.join(", ")}`];
}

export async function bareContextProblems() {
  const { folder } = await bundle(portable, { outDir: ".bundles/iife", format: "iife" });
  return portable.flatMap(({ name }) => loadInBareContext(readFileSync(join(folder, `${name}.js`), "utf8"), name));
}

/** The words of comments name other services' facts; what counts is the code. Strings with `//` in them stay. */
function withoutComments(code) {
  return code.replace(/^\s*(\/\/|\/\*|\*).*$/gm, "");
}

/** Runs a bundle where there is nothing but web globals; whatever it reads of an environment while it loads is a problem. */
function loadInBareContext(code, name) {
  const problems = [];
  const names = ["TextEncoder", "TextDecoder", "URL", "URLSearchParams", "AbortController", "AbortSignal", "Headers", "Request", "Response", "ReadableStream", "structuredClone", "performance"];
  const context = vm.createContext(Object.fromEntries(names.map((global) => [global, globalThis[global]])));
  for (const global of ["process", "fetch", "crypto", "setTimeout", "Deno", "Bun"]) {
    Object.defineProperty(context, global, {
      get() {
        problems.push(`${name}: reads ${global} while it loads`);
        return undefined;
      },
    });
  }
  vm.runInContext("Math.random = Date.now = () => { throw new Error('asked for time or randomness while loading') }", context);
  try {
    vm.runInContext(`${code}\nif (typeof entry !== "object") throw new Error("no exports");`, context);
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
  return problems;
}
