// Child processes and servers of a run: whatever was started is stopped, however the run ends.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

const running = new Set();

/** Also when the run itself breaks: no process is left, and so no port. */
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a program with nothing of the caller's environment but the path to programs. Its output is kept for messages. */
export function start(program, args, { env = {}, cwd, input } = {}) {
  const child = spawn(program, args, { cwd, env: { PATH: process.env.PATH, LANG: "C.UTF-8", ...env }, stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
  running.add(child);
  child.output = "";
  child.stdoutText = "";
  child.stdout.on("data", (chunk) => void ((child.output += chunk), (child.stdoutText += chunk)));
  child.stderr.on("data", (chunk) => void (child.output += chunk));
  child.ended = once(child, "close").then(
    ([code]) => code,
    (error) => void (child.output += error.message),
  );
  child.ended.then(() => running.delete(child));
  if (input !== undefined) child.stdin.end(input);
  return child;
}

/** Runs a program to its end. */
export async function run(program, args, options = {}) {
  const child = start(program, args, options);
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 120_000);
  try {
    const code = await child.ended;
    return { code, stdout: child.stdoutText, output: child.output };
  } finally {
    clearTimeout(timer);
  }
}

/** Asks a process to end, and makes it end if it does not within three seconds. */
export async function stop(child) {
  const timer = setTimeout(() => child.kill("SIGKILL"), 3_000);
  child.kill("SIGTERM");
  await child.ended;
  clearTimeout(timer);
}

/** A port of the loopback address that is free now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until a probe says yes, for as long as the process lives. */
export async function untilReady(child, probe, timeoutMs = 30_000) {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${child.output.slice(-500)}`);
    if (await probe().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it was not ready after ${timeoutMs} ms: ${child.output.slice(-500)}`);
}
