/** The identity that Azure gives to a machine, an app or a function: a token from an address of the platform, without any secret of ours. */
import { waitBy, sleep as platformSleep, type Sleep } from "../../abort.js";
import type { CredentialAsk } from "../../credentials/cached.js";
import { NotConfiguredError } from "../../credentials/chain.js";
import { FUNCTION, HTTP_OPTIONS, readSourceOptions, TEXT } from "../../credentials/options.js";
import { assertMetadataReachable, isSecret, refusedToken, requestToken, tokenError, type TokenFetch } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import { isKmsError, NetworkError } from "../../errors.js";
import { retryAfterMs } from "../../http/transport.js";
import type { Answer } from "../../http/send.js";
import { parseEndpoint } from "../../http/url.js";
import { readClock } from "../../options.js";
import type { AzureToken } from "../authorization.js";
import { memberOf } from "../errors.js";
import { readAzureToken, readExpiresOn, scopeOf, type AzureCredentialsFunction } from "./entra.js";

/** A user-assigned identity; without any of them the one of the machine or app itself. */
export interface IdentitySelector {
  readonly clientId?: string;
  /** Of its service principal. */
  readonly objectId?: string;
  /** Such as `/subscriptions/…/userAssignedIdentities/app`. */
  readonly resourceId?: string;
}

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
  return async (ask) => managedIdentityToken(read, ask, findPlatform(read.env));
}

/**
 * The same for a chain: whether the metadata address answers at all is found out first, within a second. Once it has
 * given a token this is the source, and what fails later is a failure: another identity must not step in.
 */
export function chainedIdentity(options: FromManagedIdentityOptions): (probed: boolean) => AzureCredentialsFunction {
  const read = readManagedIdentityOptions(options);
  let served = false;
  return (probed) => async (ask) => {
    const platform = findPlatform(read.env);
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
  const answer = await askPatiently(platform, urlOf(platform, resource, options), options, ask);
  if (answer.status === 200) return readAzureToken(SOURCE, answer, readClock(options.now)(), readExpiresOn);
  if (hasNoIdentity(answer)) throw new NotConfiguredError(`${SOURCE}: this machine has no such identity`);
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

/** Where a platform gives its tokens, and in which words it is asked. */
interface IdentityPlatform {
  /** For errors. */
  readonly name: string;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether nothing but an answer tells that the platform is there. */
  readonly probe: boolean;
  readonly apiVersion: string;
  /** The parameter of a resource id. Under a wrong name some endpoints answer for another identity. */
  readonly resourceName: string;
  /** Tells after each answer of one request how long to wait before the next, or undefined when it is the last. */
  newWaits(): (answer: Answer) => number | undefined;
}

/** In the order of the vendor's client (`ManagedIdentityClient`): the first whose variables are all set. */
const PLATFORMS: readonly (readonly [name: string, variables: readonly string[]])[] = [
  ["Service Fabric", ["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT"]],
  ["App Service", ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"]],
  ["Azure Machine Learning", ["MSI_ENDPOINT", "MSI_SECRET"]],
  ["Cloud Shell", ["MSI_ENDPOINT"]],
  ["Azure Arc", ["IDENTITY_ENDPOINT", "IMDS_ENDPOINT"]],
];

/**
 * The platform that the environment speaks of; a virtual machine when it speaks of none.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for a platform that is refused, and for variables that make no sense
 */
function findPlatform(env: Environment | undefined): IdentityPlatform {
  const [name] = PLATFORMS.find(([, variables]) => variables.every((variable) => readVariable(env, variable) !== undefined)) ?? [];
  if (name === undefined) return virtualMachine(env);
  if (name === "App Service") return appService(env);
  const advice = "pass credentials: a function that returns { token, expiresAt } from the vendor's client";
  // There the command line has the same token, so that a chain may go on to it.
  if (name === "Cloud Shell") throw new NotConfiguredError(`${SOURCE}: ${name} is not supported; ${advice}`);
  // Service Fabric pins a certificate, which fetch cannot; Arc hands out a file; for Machine Learning nothing is documented.
  throw tokenError(SOURCE, `${name} is not supported`, { hint: advice });
}

/** @see "How to use managed identities for Azure resources on an Azure VM to acquire an access token" */
function virtualMachine(env: Environment | undefined): IdentityPlatform {
  const given = readVariable(env, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
  const endpoint = given === undefined ? { origin: "http://169.254.169.254" } : parseEndpoint(given, { insecure: true });
  if ("problem" in endpoint) throw tokenError(SOURCE, "AZURE_POD_IDENTITY_AUTHORITY_HOST must be an origin, such as http://127.0.0.1:2333");
  const address = `${endpoint.origin}/metadata/identity/oauth2/token`;
  return {
    name: "virtual machines",
    address,
    headers: { metadata: "true" },
    probe: true,
    apiVersion: "2018-02-01",
    resourceName: "msi_res_id",
    newWaits: virtualMachineWaits,
  };
}

/** App Service, Functions and Container Apps. @see "How to use managed identities for App Service and Azure Functions" */
function appService(env: Environment | undefined): IdentityPlatform {
  const address = readVariable(env, "IDENTITY_ENDPOINT") ?? "";
  const header = readVariable(env, "IDENTITY_HEADER");
  if ("problem" in parseEndpoint(address, { insecure: true, path: true })) throw tokenError(SOURCE, "IDENTITY_ENDPOINT must be a URL without query");
  if (!isSecret(header)) throw tokenError(SOURCE, "IDENTITY_HEADER has characters that no header has");
  return {
    name: "App Service",
    address,
    headers: { "x-identity-header": header },
    probe: false,
    apiVersion: "2019-08-01",
    resourceName: "mi_res_id",
    newWaits: appServiceWaits,
  };
}

function urlOf({ address, apiVersion, resourceName }: IdentityPlatform, resource: string, { clientId, objectId, resourceId }: IdentitySelector): string {
  const query = [["api-version", apiVersion], ["resource", resource], ["client_id", clientId], ["object_id", objectId], [resourceName, resourceId]] as const;
  return `${address}?${query.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`])).join("&")}`;
}

/** Of the vendor's client (`ImdsRetryPolicy`): 1, 2 and 4 seconds; while the service is replaced, which shows at first, 10 seconds up to seven times. */
function virtualMachineWaits(): (answer: Answer) => number | undefined {
  let retries = 0;
  let most = 3;
  return ({ status }) => {
    if (status !== 404 && status !== 408 && status !== 410 && status !== 429 && status < 500) return undefined;
    if (retries === 0 && status === 410) most = 7;
    if (retries === most) return undefined;
    retries += 1;
    return status === 410 ? 10_000 : Math.min(1_000 * 2 ** (retries - 1), 4_000);
  };
}

/** Of the vendor's client: three times, after a second or what the answer says. */
function appServiceWaits(): (answer: Answer) => number | undefined {
  let retries = 0;
  return ({ status, header }) => {
    if (![404, 408, 429, 500, 503, 504].includes(status) || retries === 3) return undefined;
    retries += 1;
    return retryAfterMs(header, Date.now) ?? 1_000;
  };
}

/** Whether a refusal says that there is no identity to give a token for. 400 has other reasons too, and no code of its own for this one. */
function hasNoIdentity({ status, body }: Answer): boolean {
  const text = memberOf(body, "error_description");
  return status === 400 && typeof text === "string" && /identity not found/i.test(text);
}
