/**
 * The one place that looks at an environment. Reading a variable can throw (Deno without permission), `process` can be
 * missing or a getter that throws, and on edge runtimes it exists and is empty.
 */

/** Variables by name, as `process.env`, `Deno.env.toObject()` or the bindings of a Worker give them. */
export type Environment = Readonly<Record<string, unknown>>;

/**
 * Reads one variable: of `env` if that is given, else of the process, at the time of the call.
 * Undefined when unset, empty, not a string, or not permitted.
 */
export function readVariable(env: Environment | undefined, name: string): string | undefined {
  try {
    const variables = env ?? (globalThis as { process?: { env?: Environment } }).process?.env;
    if (variables === undefined || (env !== undefined && !Object.hasOwn(env, name))) return undefined;
    const value = variables[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  } catch {
    return undefined;
  }
}
