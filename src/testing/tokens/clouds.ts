/** The Azure clouds: where each gives tokens, and for which resources of Key Vault (Azure wire sheet 4.1). */

/** `public`, US Government, or China (operated by 21Vianet). */
export type AzureCloud = "public" | "usgov" | "china";

interface CloudFacts {
  /** Hosts of the authority, the usual one first. */
  readonly authorities: readonly string[];
  readonly resources: readonly string[];
}

export const CLOUDS: Readonly<Record<AzureCloud, CloudFacts>> = {
  public: {
    authorities: ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"],
    resources: ["https://vault.azure.net", "https://managedhsm.azure.net"],
  },
  usgov: {
    authorities: ["login.microsoftonline.us"],
    resources: ["https://vault.usgovcloudapi.net", "https://managedhsm.usgovcloudapi.net"],
  },
  china: {
    authorities: ["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
    resources: ["https://vault.azure.cn", "https://managedhsm.azure.cn"],
  },
};

/** The cloud whose authority has this host. */
export function cloudOf(host: string): AzureCloud | undefined {
  return (Object.keys(CLOUDS) as AzureCloud[]).find((cloud) => CLOUDS[cloud].authorities.includes(host));
}

/** A resource in the form in which tokens name it: without a slash at its end. */
export function knownResource(resource: string, cloud: AzureCloud, more: readonly string[] = []): string | undefined {
  const plain = resource.replace(/\/$/, "");
  return [...CLOUDS[cloud].resources, ...more].find((known) => known.replace(/\/$/, "") === plain)?.replace(/\/$/, "");
}
