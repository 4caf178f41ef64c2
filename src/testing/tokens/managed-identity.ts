/** The emulated endpoints that give tokens to managed identities: instance metadata, App Service and the rest (Azure wire sheets 5.5 to 5.9). */
import { ValidationError } from "../../errors.js";
import { randomUuid } from "../aws/arn.js";
import type { RecordedRequest } from "../faults.js";
import { buildResponse } from "../response.js";
import type { AzureTokenBook, AzureTokenSource, IssuedAzureToken } from "./azure-tokens.js";
import { knownResource } from "./clouds.js";
import type { AzureCloud } from "./clouds.js";
import { DEFAULT_TENANT } from "./entra.js";
import type { EndpointKind, IdentityFailure } from "./managed-endpoints.js";
import { RotatingCredentials } from "./rotating.js";
import type { RotationOptions } from "./rotating.js";
import { jsonAnswer } from "./service.js";
import type { Place, TokenScene, TokenService } from "./service.js";

/** A user-assigned identity. */
export interface UserAssignedIdentity {
  readonly clientId: string;
  /** Of its service principal. */
  readonly objectId?: string;
  /** Such as `/subscriptions/…/userAssignedIdentities/app`. */
  readonly resourceId?: string;
}

/** The metadata service of an Azure machine, for its managed identities. */
export interface ManagedIdentityOptions extends RotationOptions {
  /** Client id of the system-assigned identity, a fixed one by default; `null` for none. Tokens live a day by default and are kept by the platform. */
  readonly systemAssigned?: string | null;
  readonly userAssigned?: readonly UserAssignedIdentity[];
  /** `public` by default. */
  readonly cloud?: AzureCloud;
  /** Resources besides vaults and Managed HSMs of the cloud. */
  readonly resources?: readonly string[];
  readonly tenantId?: string;
}

/** An endpoint whose address and secret the platform puts into the environment. */
export interface HostedIdentityOptions extends ManagedIdentityOptions {
  /** What the variable with the address says; see the kind of endpoint for the default. */
  readonly endpoint?: string;
  /** What the variable with the secret says; `emulated-identity-header` by default. Cloud Shell has none. */
  readonly secret?: string;
}

/** Azure Arc proves that a caller may read the machine's disk. */
export interface ArcOptions extends Omit<HostedIdentityOptions, "secret"> {
  /** The file that the challenge names, and what is in it. */
  readonly keyFile?: { readonly path: string; readonly content: string };
}

const SYSTEM_CLIENT_ID = "00000000-5555-4000-8000-000000000001";
const DAY_SECONDS = 86_400;
const AMBIGUOUS = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request";

export class ManagedIdentity implements TokenService {
  readonly #scene: TokenScene;
  readonly #kind: EndpointKind;
  readonly #options: HostedIdentityOptions & ArcOptions;
  readonly #endpoint: URL;
  readonly #tokens: RotatingCredentials<IssuedAzureToken>;

  constructor(scene: TokenScene, book: AzureTokenBook, kind: EndpointKind, options: HostedIdentityOptions & ArcOptions) {
    this.#scene = scene;
    this.#kind = kind;
    this.#options = options;
    this.#endpoint = parseUrl(options.endpoint ?? kind.endpoint);
    this.#tokens = new RotatingCredentials(options, DAY_SECONDS, (name, expiresAt) => {
      const [clientId, audience] = JSON.parse(name) as [string, string];
      return book.issue({ source: kind.name, audience, tenantId: options.tenantId ?? DEFAULT_TENANT, clientId, expiresAt: new Date(expiresAt) });
    });
  }

  get name(): AzureTokenSource {
    return this.#kind.name;
  }

  owns({ url }: Place): boolean {
    return url.origin === this.#endpoint.origin;
  }

  operationOf(_request: unknown, place: Place): string | undefined {
    // Microsoft's library ends the path of the metadata address with a slash when another host is put in its place.
    const isPath = place.url.pathname.replace(/\/$/, "") === this.#endpoint.pathname;
    return isPath && (this.owns(place) || place.local) ? `${this.#kind.name}.token` : undefined;
  }

  throttled(): Response {
    return this.#fail({ status: 429, code: "invalid_request", text: "Too many requests" });
  }

  rotate(): void {
    this.#tokens.rotate();
  }

  async handle(request: RecordedRequest, place: Place): Promise<Response> {
    const { name, refuse, method } = this.#kind;
    if (request.operation !== `${name}.token`) return buildResponse(404, {}, "");
    if (request.method !== method) return buildResponse(405, {}, "");
    const query = method === "POST" ? new URLSearchParams(request.body) : place.url.searchParams;
    const { secret = "emulated-identity-header", keyFile } = this.#options;
    const refusal = refuse({ headers: request.headers, query, secret, keyFile });
    if (refusal instanceof Response) return refusal;
    if (refusal !== undefined) return this.#fail(refusal);
    const found = this.#find(query);
    if ("code" in found) return this.#fail(found);
    const { clientId, resource, selected } = found;
    const now = this.#scene.now();
    const token = this.#tokens.get(JSON.stringify([clientId, resource]), now);
    return jsonAnswer(this.#scene, 200, this.#scene.alter(`${name}.token`, this.#kind.answer({ token, now, selected })));
  }

  #find(query: URLSearchParams): { clientId: string; resource: string; selected: boolean } | IdentityFailure {
    const { cloud = "public", resources, systemAssigned = SYSTEM_CLIENT_ID, userAssigned = [] } = this.#options;
    const asked = query.get("resource") ?? "";
    const resource = knownResource(asked, cloud, resources);
    if (resource === undefined) {
      return { status: 400, code: "invalid_resource", text: `AADSTS500011: The resource principal named ${asked} was not found in the tenant.` };
    }
    const selector = [...query].find(([name]) => this.#kind.selectors[name] !== undefined);
    if (selector === undefined && systemAssigned !== null) return { clientId: systemAssigned, resource, selected: false };
    const member = selector === undefined ? undefined : this.#kind.selectors[selector[0]];
    const matches = userAssigned.filter((identity) => member === undefined || identity[member]?.toLowerCase() === selector?.[1].toLowerCase());
    if (matches.length === 1) return { clientId: (matches[0] as UserAssignedIdentity).clientId, resource, selected: true };
    return { status: 400, code: "invalid_request", text: matches.length > 1 ? AMBIGUOUS : this.#kind.notFound };
  }

  #fail(failure: IdentityFailure): Response {
    return jsonAnswer(this.#scene, failure.status, this.#kind.failure(failure, randomUuid()));
  }
}

/** The platform's own error would quote the text. */
function parseUrl(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "the endpoint of a managed identity must be a whole URL");
}
