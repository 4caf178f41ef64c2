/** Runs a program to its end, within bounds of time and output. */
import { spawn } from "node:child_process";
import { onAbort } from "../abort.js";

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Of the output and of the error output, each. */
  readonly maxBytes: number;
  /** Default: that of this process. */
  readonly cwd?: string;
  /** Windows: the arguments are handed over as they are, without quotes of Node's. */
  readonly verbatim?: boolean;
}

/** How it ended. What it wrote can hold secrets: nothing of it goes into an error. */
export type Ended =
  | { readonly how: "done"; /** Null when it was killed by a signal. */ readonly code: number | null; readonly output: Uint8Array; readonly errors: string }
  | { readonly how: "not-found" | "not-started" | "too-long" | "too-large" | "aborted" };

/**
 * No shell, no input; the environment is that of this process. A program that writes more than the bound, takes longer, or
 * whose caller gives up is killed. Never rejects.
 */
export function run(file: string, args: readonly string[], { signal, timeoutMs, maxBytes, cwd, verbatim = false }: RunOptions): Promise<Ended> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ how: "aborted" });
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], shell: false, windowsHide: true, windowsVerbatimArguments: verbatim, ...(cwd === undefined ? {} : { cwd }) });
    const end = (ended: Ended): void => {
      clearTimeout(timer);
      forget();
      resolve(ended);
      if (ended.how === "done") return;
      // Its own children may hold the pipes open.
      child.stdout.destroy();
      child.stderr.destroy();
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => end({ how: "too-long" }), timeoutMs);
    const forget = onAbort(signal, () => end({ how: "aborted" }));
    const output = collect(child.stdout, maxBytes, () => end({ how: "too-large" }));
    const errors = collect(child.stderr, maxBytes, () => end({ how: "too-large" }));
    child.on("error", ({ code }: NodeJS.ErrnoException) => end({ how: code === "ENOENT" ? "not-found" : "not-started" }));
    child.on("close", (code) => end({ how: "done", code, output: output(), errors: new TextDecoder().decode(errors()) }));
  });
}

/** Keeps what a stream gives, up to a bound. */
function collect(stream: NodeJS.ReadableStream, maxBytes: number, onTooMuch: () => void): () => Uint8Array {
  const chunks: Buffer[] = [];
  let total = 0;
  stream.on("data", (chunk: Buffer) => {
    total += chunk.length;
    if (total > maxBytes) onTooMuch();
    else chunks.push(chunk);
  });
  return () => Uint8Array.from(Buffer.concat(chunks));
}
