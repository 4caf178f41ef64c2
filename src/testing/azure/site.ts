/** Where an emulated vault or Managed HSM lives, and what follows from its host: tier, token resource, authority. */
import { ValidationError } from "../../errors.js";

/** Tier of the emulated service: a standard or premium vault, or a Managed HSM. */
export type AzureKind = "standard" | "premium" | "hsm";

/** One emulated vault or Managed HSM. */
export interface Site {
  readonly kind: AzureKind;
  /** Of every `kid`; without the default port. */
  readonly origin: string;
  readonly hostname: string;
  /** First label of the host, as access errors quote it. */
  readonly name: string;
  /** What a token must be made for. */
  readonly resource: string;
  /** Where the challenge sends a client for a token. */
  readonly authority: string;
  readonly tenantId: string;
  readonly region: string;
}

interface Cloud {
  readonly vault: string;
  readonly hsm: string;
  readonly authority: string;
}

const PUBLIC_CLOUD: Cloud = {
  vault: "vault.azure.net",
  hsm: "managedhsm.azure.net",
  authority: "https://login.microsoftonline.com",
};

/** Microsoft Learn, "About keys, secrets, and certificates", vault name and object identifiers. */
const CLOUDS: readonly Cloud[] = [
  PUBLIC_CLOUD,
  { vault: "vault.usgovcloudapi.net", hsm: "managedhsm.usgovcloudapi.net", authority: "https://login.microsoftonline.us" },
  { vault: "vault.azure.cn", hsm: "managedhsm.azure.cn", authority: "https://login.partner.microsoftonline.cn" },
];

/** The site of a vault URL. A host outside the clouds, such as a loopback address, stands for one in the public cloud. */
export function resolveSite(vaultUrl: string, kind: AzureKind | undefined, tenantId: string): Site {
  const { origin, hostname } = parseUrl(vaultUrl);
  const cloud = CLOUDS.find(({ vault, hsm }) => isBelow(hostname, vault) || isBelow(hostname, hsm)) ?? PUBLIC_CLOUD;
  const tier = kind ?? (isBelow(hostname, cloud.hsm) ? "hsm" : "standard");
  return {
    kind: tier,
    origin,
    hostname,
    name: hostname.split(".")[0] as string,
    resource: `https://${tier === "hsm" ? cloud.hsm : cloud.vault}`,
    authority: cloud.authority,
    tenantId,
    region: "westeurope",
  };
}

/** The platform's own error would quote the text. */
function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "vaultUrl must be a whole URL");
  }
}

/** Whether a request went to somebody else's vault. Any other host may stand for this one: a proxy, a loopback port. */
export function isForeignVault(site: Site, hostname: string): boolean {
  if (hostname === site.hostname) return false;
  return CLOUDS.some(({ vault, hsm }) => isBelow(hostname, vault) || isBelow(hostname, hsm));
}

/** The origin with its port, also where it is the default one: so a vault writes it in `nextLink`. */
export function originWithPort({ origin }: Site): string {
  const { protocol, hostname, port } = new URL(origin);
  return `${protocol}//${hostname}:${port || (protocol === "http:" ? "80" : "443")}`;
}

function isBelow(hostname: string, suffix: string): boolean {
  return hostname.endsWith(`.${suffix}`);
}
