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
  return readText(env, name) || undefined;
}

/** Whether a variable is there, an empty one too: some clients read that as "none, and look no further". */
export function isVariableSet(env: Environment | undefined, name: string): boolean {
  return readText(env, name) !== undefined;
}

function readText(env: Environment | undefined, name: string): string | undefined {
  try {
    const variables = env ?? (globalThis as { process?: { env?: Environment } }).process?.env;
    if (variables === undefined || (env !== undefined && !Object.hasOwn(env, name))) return undefined;
    const value = variables[name];
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What of the global object tells where this runs. */
interface Globals {
  readonly process?: { readonly versions?: { readonly node?: unknown }; readonly execArgv?: readonly unknown[] };
  readonly navigator?: { readonly userAgent?: unknown };
  readonly Deno?: unknown;
  readonly Bun?: unknown;
  readonly EdgeRuntime?: unknown;
}

/**
 * Whether this is Node, Deno or Bun on a machine of one's own: there alone can be metadata addresses. Edge runtimes come
 * first, for with Node compatibility they have a `process` too.
 */
export function isServerRuntime(): boolean {
  try {
    const { process, navigator, Deno, Bun, EdgeRuntime } = globalThis as Globals;
    if (navigator?.userAgent === "Cloudflare-Workers" || EdgeRuntime !== undefined) return false;
    return typeof process?.versions?.node === "string" || Deno !== undefined || Bun !== undefined;
  } catch {
    return false;
  }
}

/**
 * Whether the runtime's own `fetch` sends a request for this host through a proxy of the environment: Deno and Bun do so
 * always, Node with `NODE_USE_ENV_PROXY=1` or `--use-env-proxy`. The process's own environment counts, whatever option
 * `env` there is.
 */
export function isProxied(hostname: string): boolean {
  const { process, Deno, Bun } = globalThis as Globals;
  const flags = [...(process?.execArgv ?? []), ...(readVariable(undefined, "NODE_OPTIONS") ?? "").split(/\s+/)];
  const asked = readVariable(undefined, "NODE_USE_ENV_PROXY") === "1" || flags.includes("--use-env-proxy");
  if (!asked && Deno === undefined && Bun === undefined) return false;
  const either = (name: string): string | undefined => readVariable(undefined, name.toLowerCase()) ?? readVariable(undefined, name);
  if (either("HTTP_PROXY") === undefined && either("ALL_PROXY") === undefined) return false;
  const exempt = (either("NO_PROXY") ?? "").split(/[\s,]+/);
  const bare = hostname.replace(/^\[|\]$/g, "");
  return !["*", hostname, bare].some((entry) => exempt.includes(entry));
}
