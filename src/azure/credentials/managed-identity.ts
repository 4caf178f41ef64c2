/** The identity that Azure gives to a machine, an app or a function: a token from an address of the platform, without any secret of ours. */
import { waitBy, sleep as platformSleep, type Sleep } from "../../abort.js";
import type { CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError } from "../../credentials/chain.js";
import { FUNCTION, HTTP_OPTIONS, readSourceOptions, TEXT } from "../../credentials/options.js";
import { assertMetadataReachable, refusedToken, requestToken, type TokenFetch } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import { isKmsError, NetworkError } from "../../errors.js";
import type { Answer } from "../../http/send.js";
import { readClock } from "../../options.js";
import type { AzureToken } from "../authorization.js";
import { scopeOf, type AzureCredentialsFunction } from "./entra.js";
import { findPlatform, type IdentityPlatform, type IdentitySelector } from "./identity-platform.js";
import { readAzureToken, readExpiresOn } from "./token-answer.js";

/** Whose token: of the identity of the machine or app itself, or of a user-assigned one by one of its three names. */
export interface FromManagedIdentityOptions extends IdentitySelector {
  /** Instead of the process's environment; `{}` forbids it, and leaves the metadata address of virtual machines. */
  readonly env?: Environment;
  readonly fetch?: TokenFetch;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Serves waits between attempts only. */
  readonly sleep?: Sleep;
  /**
   * Milliseconds for all attempts, default 4,000; the call that waits for the token ends them too. While the metadata
   * service of a machine is replaced it answers 410 for up to 70 seconds: to sit that out, allow 75,000 here and twice as
   * much for the call.
   */
  readonly timeoutMs?: number;
}

const SOURCE = "managed identity";
const PROBE_MS = 1_000;

/**
 * Tokens of a managed identity: of a virtual machine or scale set, App Service, Functions or Container Apps. One request a
 * token, repeated as the vendor's clients do while it fits the time. Only on Node, Deno and Bun. Azure Arc, Service Fabric,
 * Cloud Shell and Azure Machine Learning are recognised and refused.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see "How to use managed identities for Azure resources on an Azure VM to acquire an access token"; "How to use managed identities for App Service and Azure Functions"
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl, keyName: "signer", credentials: fromManagedIdentity() });
 * ```
 */
export function fromManagedIdentity(options: FromManagedIdentityOptions = {}): AzureCredentialsFunction {
  const read = readManagedIdentityOptions(options);
  return async (ask) => managedIdentityToken(read, ask, findPlatform(SOURCE, read.env));
}

/**
 * The same for a chain: whether the metadata address answers at all is found out first, within a second. Once it has
 * given a token this is the source, and what fails later is a failure: another identity must not step in.
 */
export function chainedIdentity(options: FromManagedIdentityOptions): (probed: boolean) => AzureCredentialsFunction {
  const read = readManagedIdentityOptions(options);
  let served = false;
  return (probed) => async (ask) => {
    const platform = findPlatform(SOURCE, read.env);
    if (probed && platform.probe && !served) await probe(platform, read, ask);
    const { clientId = readVariable(read.env, "AZURE_CLIENT_ID") } = read;
    const token = await managedIdentityToken({ __proto__: null, ...read, clientId } as FromManagedIdentityOptions, ask, platform);
    served = true;
    return token;
  };
}

function readManagedIdentityOptions(options: FromManagedIdentityOptions): FromManagedIdentityOptions {
  return readSourceOptions(options, { ...HTTP_OPTIONS, sleep: FUNCTION, clientId: TEXT, objectId: TEXT, resourceId: TEXT }, {
    own: ({ clientId, objectId, resourceId }) =>
      [clientId, objectId, resourceId].filter((name) => name !== undefined).length > 1 ? ["only one of clientId, objectId and resourceId can name the identity"] : [],
  });
}

async function managedIdentityToken(options: FromManagedIdentityOptions, ask: CredentialAsk, platform: IdentityPlatform): Promise<AzureToken> {
  const resource = scopeOf(SOURCE, ask).replace(/\/\.default$/, "");
  const answer = await askPatiently(platform, platform.urlOf(resource, options), options, ask);
  if (answer.status === 200) return readAzureToken(SOURCE, answer, readClock(options.now)(), readExpiresOn);
  if (platform.hasNoIdentity(answer)) throw new NotConfiguredError(`${SOURCE}: this machine has no such identity`);
  throw refusedToken(SOURCE, answer, `the endpoint of ${platform.name} refuses (status ${answer.status})`);
}

/** Repeats as the platform wants it; a wait that does not fit ends it at once, and is told. */
async function askPatiently(platform: IdentityPlatform, url: string, options: FromManagedIdentityOptions, ask: CredentialAsk): Promise<Answer> {
  const { fetch, sleep = platformSleep, timeoutMs = 4_000 } = options;
  assertMetadataReachable(SOURCE, url, fetch);
  const end = performance.now() + timeoutMs;
  const remainingMs = (): number => end - performance.now();
  const waits = platform.newWaits();
  for (;;) {
    const answer = await requestToken({ url, method: "GET", headers: platform.headers, fetch, signal: ask.signal, timeoutMs: remainingMs(), source: SOURCE, format: "json", attempts: 1 });
    const waitMs = waits(answer);
    if (waitMs === undefined) return answer;
    if (waitMs >= remainingMs()) throw refusedToken(SOURCE, answer, `the endpoint of ${platform.name} is not ready (status ${answer.status})`, { retryable: true, retryAfterMs: waitMs });
    await waitBy(sleep, waitMs, { signal: ask.signal, remainingMs });
    if (ask.signal.aborted) throw new NetworkError("ERR_KMS_ABORTED", "the call was aborted by its signal");
  }
}

/**
 * Without the header that a real request needs: the service refuses it with 400, and is there. Answers that other clouds'
 * metadata services give are none of its.
 */
async function probe({ address, name }: IdentityPlatform, { fetch }: FromManagedIdentityOptions, ask: CredentialAsk): Promise<void> {
  assertMetadataReachable(SOURCE, address, fetch);
  let status: number;
  try {
    ({ status } = await requestToken({ url: address, method: "GET", fetch, signal: ask.signal, timeoutMs: PROBE_MS, source: SOURCE, format: "text", attempts: 1 }));
  } catch (error) {
    if (ask.signal.aborted || !isKmsError(error)) throw error;
    throw new NotConfiguredError(`${SOURCE}: no answer at the address of ${name}`);
  }
  if ([401, 403, 404, 405].includes(status)) throw new NotConfiguredError(`${SOURCE}: what answers at the address of ${name} is something else (status ${status})`);
}

