/** What a configuration for Azure Key Vault or Managed HSM is made of, and what can be wrong with it. */
import { customEndpointProblems, endpointProblems, parseEndpoint, type Endpoint } from "../http/url.js";
import type { KeyRef } from "../kms/provider.js";
import { printable, type AddressTrust } from "../options.js";

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
  readonly managedHsm: boolean;
}

/** `kid` of an answer, taken apart. */
export interface KeyIdentifier {
  /** Lower case, without a default port. */
  readonly vault: string;
  /** As written: names are compared without regard to case. */
  readonly name: string;
  /** Lower case. */
  readonly version?: string;
}

/** Pattern and length: keys.json 7.4 of the REST specification; "About keys, secrets, and certificates". */
const KEY_NAME = /^[0-9A-Za-z-]{1,127}$/;
/** 32 characters, hexadecimal in practice, opaque by the documentation; so none of the operations' names is a version. */
const KEY_VERSION = /^[0-9A-Za-z]{32}$/;
/** `7.4`, `7.6-preview.1`, `2025-07-01`, `2026-05-01-preview`. */
const API_VERSION = /^(\d{1,2}\.\d{1,2}(-preview(\.\d{1,2})?)?|\d{4}-\d{2}-\d{2}(-preview)?)$/;
/** Of the v2 token endpoint, for one resource. */
const SCOPE = /^(https|api):\/\/[\w.:~/-]{1,200}\/\.default$/;
const IDENTIFIER = /^(https?:\/\/[\w.:[\]-]{1,300})\/keys\/([0-9a-z-]{1,127})(?:\/([0-9a-z]{32}))?$/i;

const DEFAULT_API_VERSION = "7.4";

/** What the hosts of all clouds end with ("About keys, secrets, and certificates"). */
const DOMAINS: readonly string[] = [
  "vault.azure.net",
  "vault.usgovcloudapi.net",
  "vault.azure.cn",
  "managedhsm.azure.net",
  "managedhsm.usgovcloudapi.net",
  "managedhsm.azure.cn",
];

/** Each has a scope of its own ("Authentication, requests, and responses"). */
function scopeOf(domain: string): string {
  return `https://${domain}/.default`;
}

/** The domain of a host in lower case, or undefined when it is none of Azure's; a host with a port never is. */
function domainOf(host: string): string | undefined {
  return DOMAINS.find((domain) => {
    // With its dot: without it `evilvault.azure.net` would pass.
    if (!host.endsWith(`.${domain}`)) return false;
    const [name = "", ...more] = host.slice(0, -domain.length - 1).split(".");
    // A Managed HSM can have a region in its name.
    return /^[0-9a-z-]{3,24}$/.test(name) && more.length < (isManagedHsm(domain) ? 4 : 1) && more.every((label) => /^[0-9a-z-]{1,63}$/.test(label));
  });
}

function isManagedHsm(domain: string): boolean {
  return domain.startsWith("managedhsm.");
}

/** Whether a text is a scope of the table, in exactly the same letters. */
export function isKeyVaultScope(scope: string | undefined): boolean {
  return DOMAINS.some((domain) => scopeOf(domain) === scope);
}

/** Everything that is wrong with a configuration, each saying what to change. */
export function azureProblems(data: Readonly<Record<string, unknown>>, trust: AddressTrust): string[] {
  const { keyName, keyVersion } = data;
  return [...addressProblems(data, trust), ...keyProblems({ keyId: keyName as string, keyVersion: keyVersion as string | undefined })];
}

/** What is wrong with the members that name the service and say how to reach it. */
export function addressProblems(data: Readonly<Record<string, unknown>>, trust: AddressTrust): string[] {
  return [...vaultProblems(data, trust), ...customEndpointProblems(data.endpoint, trust, false), ...apiVersionProblems(data.apiVersion)];
}

/** What is wrong with a name and version of a key. */
export function keyProblems({ keyId, keyVersion }: KeyRef): string[] {
  const problems: string[] = [];
  if (!isKeyName(keyId)) {
    problems.push(`keyName ${printable(keyId)} must be 1 to 127 letters, digits and hyphens`);
  }
  // In lower case only, for the manager compares a pinned version with what answers name as text.
  if (keyVersion !== undefined && !(isKeyVersion(keyVersion) && keyVersion === keyVersion.toLowerCase())) {
    problems.push(`keyVersion ${printable(keyVersion)} must be 32 lower-case letters and digits`);
  }
  return problems;
}

export function isKeyName(value: unknown): value is string {
  return typeof value === "string" && KEY_NAME.test(value);
}

export function isKeyVersion(value: unknown): value is string {
  return typeof value === "string" && KEY_VERSION.test(value);
}

function vaultProblems({ vaultUrl, scope }: Readonly<Record<string, unknown>>, trust: AddressTrust): string[] {
  const problems = endpointProblems("vaultUrl", vaultUrl, trust, false);
  if (problems.length > 0) return problems;
  const domain = hostDomain(parseEndpoint(vaultUrl as string, { insecure: true }) as Endpoint);
  if (domain === undefined) return customHostProblems(vaultUrl, scope, trust);
  // A token for another resource is not sent to this host.
  return scope === undefined || scope === scopeOf(domain) ? [] : [`scope must be left out, or be ${scopeOf(domain)}`];
}

function customHostProblems(vaultUrl: unknown, scope: unknown, trust: AddressTrust): string[] {
  const what = `vaultUrl ${printable(vaultUrl)} is no host of Azure: it needs`;
  const problems = trust.customEndpoint ? [] : [`${what} allowCustomEndpoint: true in the options`];
  if (scope === undefined) problems.push(`${what} a scope, such as https://vault.azure.net/.default`);
  else if (typeof scope !== "string" || !SCOPE.test(scope)) problems.push(`scope ${printable(scope)} must be one resource followed by /.default`);
  return problems;
}

function hostDomain({ origin, host }: Endpoint): string | undefined {
  return origin.startsWith("https:") ? domainOf(host) : undefined;
}

function apiVersionProblems(apiVersion: unknown): string[] {
  if (apiVersion === undefined || (typeof apiVersion === "string" && API_VERSION.test(apiVersion))) return [];
  return [`apiVersion ${printable(apiVersion)} must be like 7.4 or 2025-07-01`];
}

/** Where to send, for which scope, and whom to expect in answers. The data must have no problems. */
export function azureAddress(data: Pick<AzureData, "vaultUrl" | "scope" | "apiVersion" | "endpoint">): AzureAddress {
  const vault = parseEndpoint(data.vaultUrl, { insecure: true }) as Endpoint;
  const target = data.endpoint === undefined ? vault : (parseEndpoint(data.endpoint, { insecure: true }) as Endpoint);
  const domain = hostDomain(vault);
  return {
    vaultOrigin: vault.origin,
    origin: target.origin,
    scope: domain === undefined ? (data.scope as string) : scopeOf(domain),
    apiVersion: data.apiVersion ?? DEFAULT_API_VERSION,
    managedHsm: domain !== undefined && isManagedHsm(domain),
  };
}

/**
 * A key identifier, `https://{host}/keys/{name}/{version}`, or undefined for any other text. It says nothing of whose it
 * is: the caller compares `vault` with the configured origin.
 *
 * @see "About keys, secrets, and certificates", Object identifiers
 */
export function parseKeyIdentifier(text: string, rules: { readonly insecure?: boolean } = {}): KeyIdentifier | undefined {
  const [, written, name, version] = IDENTIFIER.exec(text) ?? [];
  if (written === undefined || name === undefined) return undefined;
  const vault = plainOrigin(written);
  if (rules.insecure !== true && !vault.startsWith("https:")) return undefined;
  return version === undefined ? { vault, name } : { vault, name, version: version.toLowerCase() };
}

/** Scheme, host and port in lower case, a default port left out: the service writes `:443` into some of its links. */
export function plainOrigin(written: string): string {
  const origin = written.toLowerCase();
  return origin.replace(origin.startsWith("https:") ? /:443$/ : /:80$/, "");
}
