/** What a configuration for Azure Key Vault or Managed HSM is made of, and what can be wrong with it. */
import { customEndpointProblems, endpointProblems } from "../http/url.js";
import type { KeyRef } from "../kms/provider.js";
import type { AddressTrust } from "../options.js";

/** A configuration as plain data, with no secret in it. */
export interface AzureData {
  readonly provider: "azure";
  /** Origin of the vault or Managed HSM, such as `https://my-vault.vault.azure.net`. Identity: every `kid` in an answer must carry it. */
  readonly vaultUrl: string;
  /** 1 to 127 letters, digits and `-`. */
  readonly keyName: string;
  /** 32 lower-case letters and digits. Default: the current version. */
  readonly keyVersion?: string;
  /** JOSE name. Default: by the key's type. */
  readonly algorithm?: string;
  readonly rotation?: { readonly intervalMs: number };
  /** Scope of the tokens; it follows from a host of the table, and is required for any other. */
  readonly scope?: string;
  /** Default `7.4`. */
  readonly apiVersion?: string;
  /** Where requests are sent instead of `vaultUrl`. */
  readonly endpoint?: string;
}

/** What requests and answers need of a configuration. */
export interface AzureAddress {
  /** Origin of `vaultUrl`, without a default port. */
  readonly vaultOrigin: string;
  /** Origin that requests go to. */
  readonly origin: string;
  readonly scope: string;
  readonly apiVersion: string;
}

/** Pattern and length: keys.json 7.4 of the REST specification; "About keys, secrets, and certificates". */
const KEY_NAME = /^[\da-z-]{1,127}$/i;
/** 32 characters, hexadecimal in practice, opaque by the documentation; so none of the operations' names is a version. */
const KEY_VERSION = /^[\da-z]{32}$/;
/** `7.4`, `7.6-preview.1`, `2025-07-01`, `2026-05-01-preview`. */
const API_VERSION = /^(\d+\.\d+|\d{4}-\d\d-\d\d)(-preview[.\d]*)?$/;
/** Of the v2 token endpoint, for one resource. */
const SCOPE = /^(https|api):\/\/[\w.:~/-]+\/\.default$/;

/**
 * An origin of Azure's, of all clouds ("About keys, secrets, and certificates"): a name, for a Managed HSM up to three labels
 * of a region, and the suffix with its dot, for `evilvault.azure.net` is none. A host with a port never is.
 */
const ORIGIN = /^https:\/\/[\da-z-]{3,24}\.(?:(?:[\da-z-]+\.){0,3}(?=managedhsm))?((?:vault|managedhsm)\.(?:azure\.net|usgovcloudapi\.net|azure\.cn))$/;

/** Each suffix has a scope of its own ("Authentication, requests, and responses"); undefined for an origin that is none of Azure's. */
function scopeOf(origin: string): string | undefined {
  const suffix = ORIGIN.exec(origin)?.[1];
  return suffix && `https://${suffix}/.default`;
}

/** Whether a text is a scope of the table, in exactly the same letters. */
export function isKeyVaultScope(scope = ""): boolean {
  return scopeOf(scope.replace("//", "//any-name.").replace("/.default", "")) === scope;
}

/** Everything that is wrong with a configuration, each problem saying what to change. */
export function azureProblems(data: Readonly<Record<string, unknown>>, trust: AddressTrust): string[] {
  const { keyName, keyVersion } = data;
  return [...addressProblems(data, trust), ...keyProblems({ keyId: keyName as string, keyVersion: keyVersion as string | undefined })];
}

/** What is wrong with the members that name the service and say how to reach it. */
export function addressProblems({ vaultUrl, scope, endpoint, apiVersion }: Readonly<Record<string, unknown>>, trust: AddressTrust): string[] {
  const problems = [...vaultProblems(vaultUrl, scope, trust), ...customEndpointProblems(endpoint, trust, false)];
  if (apiVersion !== undefined && !fits(API_VERSION, apiVersion)) problems.push("apiVersion must be like 7.4 or 2025-07-01");
  return problems;
}

/** What is wrong with a name and version of a key. A version is in lower case, for the manager compares it with what answers name as text. */
export function keyProblems({ keyId, keyVersion }: KeyRef): string[] {
  const problems: string[] = [];
  if (!fits(KEY_NAME, keyId)) problems.push("keyName must be 1 to 127 letters, digits and hyphens");
  if (keyVersion !== undefined && !fits(KEY_VERSION, keyVersion)) problems.push("keyVersion must be 32 lower-case letters and digits");
  return problems;
}

function vaultProblems(vaultUrl: unknown, scope: unknown, trust: AddressTrust): string[] {
  const problems = endpointProblems("vaultUrl", vaultUrl, trust, false);
  if (problems.length > 0) return problems;
  const own = scopeOf(new URL(vaultUrl as string).origin);
  // A token for another resource is not sent to a host of the table.
  if (own !== undefined) return scope === undefined || scope === own ? [] : [`scope must be ${own}`];
  if (!trust.customEndpoint) problems.push("vaultUrl outside of Azure needs allowCustomEndpoint: true");
  if (!fits(SCOPE, scope)) problems.push("scope must be like https://vault.azure.net/.default");
  return problems;
}

function fits(pattern: RegExp, value: unknown): boolean {
  return typeof value === "string" && pattern.test(value);
}

/** Where to send, for which scope, and whom to expect in answers. The data must have no problems. */
export function azureAddress({ vaultUrl, scope, endpoint = vaultUrl, apiVersion = "7.4" }: Pick<AzureData, "vaultUrl" | "scope" | "apiVersion" | "endpoint">): AzureAddress {
  const vaultOrigin = new URL(vaultUrl).origin;
  return { vaultOrigin, origin: new URL(endpoint).origin, scope: scopeOf(vaultOrigin) ?? (scope as string), apiVersion };
}

/**
 * The identifier of a key and version; without a version what its versions' identifiers begin with. In lower case, to be
 * compared with {@link plainUrl} of an answer's.
 *
 * @see "About keys, secrets, and certificates", Object identifiers
 */
export function keyIdentifier({ vaultOrigin }: AzureAddress, { keyId, keyVersion = "" }: KeyRef): string {
  return `${vaultOrigin}/keys/${keyId}/${keyVersion}`.toLowerCase();
}

/** A URL of an answer as such URLs are compared: in lower case, and without `:443`, which the service writes into some of its links. */
export function plainUrl(written: string): string {
  return written.toLowerCase().replace(/^(https:\/\/[^/]*):443\//, "$1/");
}
