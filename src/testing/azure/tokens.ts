/** The bearer tokens that an emulated vault knows, and the challenges with which it refuses others. */
import { encodeBase64 } from "../../encoding/base64.js";
import { AzureFailure, unauthorized } from "./failure.js";
import type { Site } from "./site.js";

/** What a token is good for. */
export interface AzureTokenGrant {
  /** The resource it was made for, such as `https://vault.azure.net`; the right one by default. */
  readonly audience?: string;
  /** The tenant that issued it; the vault's own by default. */
  readonly tenantId?: string;
  /** By the emulator's clock; never by default. */
  readonly expiresAt?: Date;
  /** Such as `["keys/get", "keys/sign"]`; all by default. */
  readonly permissions?: readonly string[];
}

/** The tokens of an emulated vault: opaque strings, for a client reads no token. */
export interface AzureTokens {
  /** Makes a token valid, or valid again. */
  add(token: string, grant?: AzureTokenGrant): void;
  remove(token: string): void;
  /**
   * Continuous access evaluation: the token of the next request is revoked and answered with a claims challenge, then and
   * later. Any other valid token is accepted, so a client has to come back with a new one.
   */
  demandClaims(claims?: unknown): void;
}

/** {@link AzureTokens} with the side that the emulator uses. */
export class TokenRegistry implements AzureTokens {
  readonly #site: Site;
  readonly #now: () => number;
  readonly #grants = new Map<string, AzureTokenGrant>();
  readonly #revoked = new Map<string, string>();
  #demanded: string | undefined;

  constructor(site: Site, now: () => number) {
    this.#site = site;
    this.#now = now;
  }

  add(token: string, grant: AzureTokenGrant = {}): void {
    this.#revoked.delete(token);
    this.#grants.set(token, grant);
  }

  remove(token: string): void {
    this.#grants.delete(token);
  }

  demandClaims(claims?: unknown): void {
    const since = String(Math.floor(this.#now() / 1000));
    this.#demanded = claimsText(claims ?? { access_token: { nbf: { essential: true, value: since } } });
  }

  /** What the token of a request allows. */
  authenticate(authorization: string | undefined): AzureTokenGrant {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) throw this.#missing();
    const grant = this.#grants.get(token);
    if (grant === undefined) throw this.#refuse("AKV10046: Unable to resolve the key used for signature validation.", "Invalid token");
    this.#assertAudience(grant);
    this.#assertIssuer(grant);
    if (grant.expiresAt !== undefined && grant.expiresAt.getTime() <= this.#now()) {
      throw this.#refuse("Error validating token: IDX10223", "Token expired");
    }
    this.#assertNoClaims(token);
    return grant;
  }

  #assertAudience({ audience }: AzureTokenGrant): void {
    const { resource } = this.#site;
    if (audience === undefined || audience.replace(/\/$/, "") === resource) return;
    throw this.#refuse(
      `AKV10022: Invalid audience. Expected ${resource}, found: ${audience}.`,
      `Found token with aud=${audience}, but expected aud=${resource}`,
    );
  }

  #assertIssuer({ tenantId = this.#site.tenantId }: AzureTokenGrant): void {
    if (tenantId === this.#site.tenantId) return;
    const issuer = (tenant: string): string => `https://sts.windows.net/${tenant}/`;
    const expected = issuer(this.#site.tenantId);
    const message = `AKV10032: Invalid issuer. Expected one of ${expected}, found ${issuer(tenantId)}.`;
    throw this.#refuse(message, "Invalid issuer");
  }

  #assertNoClaims(token: string): void {
    if (this.#demanded !== undefined && !this.#revoked.has(token)) {
      this.#revoked.set(token, this.#demanded);
      this.#demanded = undefined;
    }
    const claims = this.#revoked.get(token);
    if (claims === undefined) return;
    const uri = `${this.#site.authority}/common/oauth2/authorize`;
    const challenge = `Bearer realm="", authorization_uri="${uri}", error="insufficient_claims", claims="${claims}"`;
    throw unauthorized("Continuous access evaluation resulted in a claims challenge.", challenge);
  }

  #missing(): AzureFailure {
    const message = "AKV10000: Request is missing a Bearer or PoP token.";
    return unauthorized(message, this.#challenge(), this.#site.kind === "hsm");
  }

  /** The two services have texts of their own; those of a Managed HSM are ours but for the audience. */
  #refuse(vault: string, hsm: string): AzureFailure {
    return unauthorized(this.#site.kind === "hsm" ? hsm : vault, this.#challenge());
  }

  #challenge(): string {
    const { authority, tenantId, resource } = this.#site;
    return `Bearer authorization="${authority}/${tenantId}", resource="${resource}"`;
  }
}

/** Standard base64, with padding, unlike everything else that this service encodes. */
function claimsText(claims: unknown): string {
  return encodeBase64(new TextEncoder().encode(JSON.stringify(claims)));
}
