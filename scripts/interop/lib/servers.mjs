// The real servers: OpenBao and moto, on free ports of the loopback address.
import { join } from "node:path";
import { request } from "./http.mjs";
import { freePort, run, start, stop, untilReady } from "./processes.mjs";

/** An OpenBao dev server: in memory, unsealed, without a Transit engine. */
export async function startOpenBao({ python, scratch }) {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const token = "interop-root-token";
  const env = { HOME: scratch };
  const program = join(python, "bao");
  const { stdout } = await run(program, ["version"], { env });
  const child = start(program, ["server", "-dev", "-dev-no-store-token", `-dev-root-token-id=${token}`, `-dev-listen-address=127.0.0.1:${port}`], { env });
  await untilReady(child, async () => (await request(`${address}/v1/sys/health`)).status === 200);
  // The banner comes after the server is ready.
  const unsealKey = () => /Unseal Key: (\S+)/.exec(child.output)?.[1];
  const call = async (method, path, body, headers = {}) => request(`${address}/v1/${path}`, { method, headers: { "x-vault-token": token, ...headers }, body });
  return { address, port, token, unsealKey, program, version: /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "?", call, close: () => stop(child) };
}

/** moto's server, which stands for all of AWS at one port. */
export async function startMoto({ python, scratch }) {
  const { stdout } = await run(join(python, "python"), ["-c", "import moto; print(moto.__version__)"]);
  // It names its port on stderr; whatever it takes for AWS credentials must be no one's.
  const env = { HOME: scratch, AWS_ACCESS_KEY_ID: "none", AWS_SECRET_ACCESS_KEY: "none", AWS_EC2_METADATA_DISABLED: "true" };
  const child = start(join(python, "moto_server"), ["-H", "127.0.0.1", "-p", "0"], { env });
  let endpoint;
  await untilReady(child, async () => {
    endpoint = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(child.output)?.[1];
    return endpoint !== undefined && (await request(`${endpoint}/moto-api/`)).status === 200;
  });
  return { endpoint, version: stdout.trim(), close: () => stop(child) };
}
