/** The access tokens that the emulated Azure services hand out. */
import { randomText } from "./service.js";

/** Where a token came from. */
export type AzureTokenSource = "entra" | "imds" | "app-service" | "app-service-legacy" | "azure-ml" | "cloud-shell" | "service-fabric" | "azure-arc";

/** A token that was handed out; it fits `tokens.add(token, issued)` of the Azure emulator. */
export interface IssuedAzureToken {
  readonly token: string;
  readonly source: AzureTokenSource;
  /** The resource it was made for, such as `https://vault.azure.net`. */
  readonly audience: string;
  readonly tenantId: string;
  /** Of the application or the managed identity. */
  readonly clientId: string;
  readonly expiresAt: Date;
  /** Claims of a challenge that came with the request. */
  readonly claims?: unknown;
}

export class AzureTokenBook {
  readonly issued: IssuedAzureToken[] = [];
  readonly #onToken: ((issued: IssuedAzureToken) => void) | undefined;

  constructor(onToken: ((issued: IssuedAzureToken) => void) | undefined) {
    this.#onToken = onToken;
  }

  /** A new token: opaque, for no client may read it. */
  issue(token: Omit<IssuedAzureToken, "token">): IssuedAzureToken {
    const issued = { token: `emulated-${token.source}-${randomText(48)}`, ...token };
    this.issued.push(issued);
    this.#onToken?.(issued);
    return issued;
  }
}
