/** Who may ask a metadata address: only a server runtime, and only without a proxy in between. */
import { isProxied, isServerRuntime } from "../environment.js";
import { NotConfiguredError } from "./chain.js";
import { tokenError, type TokenFetch } from "./token-request.js";

/**
 * Checks, before a request to a metadata address, that it can reach that address and nothing else. A proxy would ask its
 * own machine's. A `fetch` that was given knows its own way.
 *
 * @throws {NotConfiguredError} on an edge runtime or in a browser
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when a proxy stands between
 */
export function assertMetadataReachable(source: string, url: string, fetch: TokenFetch | undefined): void {
  if (!isServerRuntime()) throw new NotConfiguredError(`${source}: not asked on this runtime`);
  const { hostname } = new URL(url);
  if (fetch !== undefined || !isProxied(hostname)) return;
  throw tokenError(source, "a proxy of the environment would be asked in place of this machine's metadata address", {
    hint: `add ${hostname} to NO_PROXY, or give a fetch that goes directly`,
  });
}
