/** Where managed identities give their tokens on each platform of Azure, and in which words each is asked. */
import { NotConfiguredError } from "../../credentials/chain.js";
import { isSecret, tokenError } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import { asObject, member } from "../../http/fields.js";
import { retryAfterMs } from "../../http/transport.js";
import type { Answer } from "../../http/send.js";
import { parseEndpoint } from "../../http/url.js";

/** A user-assigned identity; without any of them the one of the machine or app itself. */
export interface IdentitySelector {
  readonly clientId?: string;
  /** Of its service principal. */
  readonly objectId?: string;
  /** Such as `/subscriptions/…/userAssignedIdentities/app`. */
  readonly resourceId?: string;
}

export interface IdentityPlatform {
  /** For errors. */
  readonly name: string;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether nothing but an answer tells that the platform is there. */
  readonly probe: boolean;
  urlOf(resource: string, selector: IdentitySelector): string;
  /** Tells after each answer of one request how long to wait before the next, or undefined when it is the last. */
  newWaits(): (answer: Answer) => number | undefined;
  /** Whether a refusal says that there is no identity to give a token for. */
  hasNoIdentity(answer: Answer): boolean;
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
export function findPlatform(source: string, env: Environment | undefined): IdentityPlatform {
  const [name] = PLATFORMS.find(([, variables]) => variables.every((variable) => readVariable(env, variable) !== undefined)) ?? [];
  if (name === undefined) return virtualMachine(source, env);
  if (name === "App Service") return appService(source, env);
  const advice = "pass credentials: a function that returns { token, expiresAt } from the vendor's client";
  // There the command line has the same token, so that a chain may go on to it.
  if (name === "Cloud Shell") throw new NotConfiguredError(`${source}: ${name} is not supported; ${advice}`);
  // Service Fabric pins a certificate, which fetch cannot; Arc hands out a file; for Machine Learning nothing is documented.
  throw tokenError(source, `${name} is not supported`, { hint: advice });
}

/** @see "How to use managed identities for Azure resources on an Azure VM to acquire an access token" */
function virtualMachine(source: string, env: Environment | undefined): IdentityPlatform {
  const given = readVariable(env, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
  const endpoint = given === undefined ? { origin: "http://169.254.169.254" } : parseEndpoint(given, { insecure: true });
  if ("problem" in endpoint) throw tokenError(source, "AZURE_POD_IDENTITY_AUTHORITY_HOST must be an origin, such as http://127.0.0.1:2333");
  const address = `${endpoint.origin}/metadata/identity/oauth2/token`;
  return {
    name: "virtual machines",
    address,
    headers: { metadata: "true" },
    probe: true,
    urlOf: (resource, selector) => urlOf(address, "2018-02-01", resource, selector, "msi_res_id"),
    newWaits: virtualMachineWaits,
    hasNoIdentity,
  };
}

/** App Service, Functions and Container Apps. @see "How to use managed identities for App Service and Azure Functions" */
function appService(source: string, env: Environment | undefined): IdentityPlatform {
  const address = readVariable(env, "IDENTITY_ENDPOINT") ?? "";
  const header = readVariable(env, "IDENTITY_HEADER");
  if ("problem" in parseEndpoint(address, { insecure: true, path: true })) throw tokenError(source, "IDENTITY_ENDPOINT must be a URL without query");
  if (!isSecret(header)) throw tokenError(source, "IDENTITY_HEADER has characters that no header has");
  return {
    name: "App Service",
    address,
    headers: { "x-identity-header": header },
    probe: false,
    urlOf: (resource, selector) => urlOf(address, "2019-08-01", resource, selector, "mi_res_id"),
    newWaits: appServiceWaits,
    hasNoIdentity: () => false,
  };
}

/** The name of the resource id differs: under a wrong one some endpoints answer for another identity. */
function urlOf(address: string, version: string, resource: string, { clientId, objectId, resourceId }: IdentitySelector, resourceName: string): string {
  const query = [["api-version", version], ["resource", resource], ["client_id", clientId], ["object_id", objectId], [resourceName, resourceId]] as const;
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

/** 400 has other reasons too, and no code of its own for this one. */
function hasNoIdentity({ status, body }: Answer): boolean {
  try {
    return status === 400 && /identity not found/i.test(String(member(asObject(body), "error_description")));
  } catch {
    return false;
  }
}
