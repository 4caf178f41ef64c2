/** The emulated Microsoft Entra: its token endpoint, version 2, for applications, and the two documents that Microsoft's libraries read first. */
import { randomUuid } from "../aws/arn.js";
import type { RecordedRequest } from "../faults.js";
import type { AzureTokenBook } from "./azure-tokens.js";
import { CLOUDS, cloudOf, knownResource } from "./clouds.js";
import type { AzureCloud } from "./clouds.js";
import { checkClient } from "./entra-clients.js";
import type { EntraApp } from "./entra-clients.js";
import { entraBody, EntraFailure } from "./entra-failure.js";
import { isReachedOver, isRecord, jsonAnswer } from "./service.js";
import type { Place, TokenScene, TokenService } from "./service.js";

/** The token endpoint of Microsoft Entra ID. */
export interface EntraOptions {
  /** Whose authority it is; `public` by default. At those of the other clouds its tenant is unknown. */
  readonly cloud?: AzureCloud;
  /** `11111111-2222-4333-8444-555555555555` by default, that of the Azure emulator. */
  readonly tenantId?: string;
  /** Other names of the tenant, such as `contoso.onmicrosoft.com`. */
  readonly domains?: readonly string[];
  readonly apps: readonly EntraApp[];
  /** Resources besides vaults and Managed HSMs of the cloud. */
  readonly resources?: readonly string[];
  /** Seconds that a token lives; 3,599 by default. */
  readonly lifetimeSeconds?: number;
  /** Adds `refresh_in`, in seconds. */
  readonly refreshInSeconds?: number;
  /** Writes `expires_in` and its like as text. */
  readonly numbersAsText?: boolean;
}

export const DEFAULT_TENANT = "11111111-2222-4333-8444-555555555555";
const TOKEN_PATH = /^\/([^/]+)\/oauth2\/v2\.0\/token$/;
const CONFIGURATION_PATH = /^\/([^/]+)(?:\/v2\.0)?\/\.well-known\/openid-configuration$/;
const INSTANCE_PATH = "/common/discovery/instance";

export class Entra implements TokenService {
  readonly #scene: TokenScene;
  readonly #book: AzureTokenBook;
  readonly #options: EntraOptions;

  constructor(scene: TokenScene, book: AzureTokenBook, options: EntraOptions) {
    this.#scene = scene;
    this.#book = book;
    this.#options = options;
  }

  owns(place: Place): boolean {
    return isReachedOver("https", place) && cloudOf(place.host) !== undefined;
  }

  operationOf({ method }: Pick<RecordedRequest, "method">, place: Place): string | undefined {
    const path = place.url.pathname;
    if (!this.owns(place) && !place.local) return undefined;
    if (method === "POST" && TOKEN_PATH.test(path)) return "entra.token";
    if (method === "GET" && CONFIGURATION_PATH.test(path)) return "entra.configuration";
    return method === "GET" && path === INSTANCE_PATH ? "entra.instance" : undefined;
  }

  throttled(): Response {
    const body = { error: "temporarily_unavailable", error_description: "Too many requests." };
    return jsonAnswer(this.#scene, 429, body, { "retry-after": "30" });
  }

  async handle(request: RecordedRequest, place: Place): Promise<Response> {
    try {
      if (request.operation === "entra.token") return await this.#token(request, place);
      if (request.operation === "entra.configuration") return this.#configuration(place);
      if (request.operation === "entra.instance") return this.#instances();
      return jsonAnswer(this.#scene, 404, "");
    } catch (error) {
      if (!(error instanceof EntraFailure)) throw error;
      const { status, body } = entraBody(error, this.#scene.now(), request.headers["client-request-id"]);
      return jsonAnswer(this.#scene, status, body, { "x-ms-request-id": randomUuid(), "cache-control": "no-store, no-cache" });
    }
  }

  async #token(request: RecordedRequest, place: Place): Promise<Response> {
    const { lifetimeSeconds = 3599, refreshInSeconds, numbersAsText = false } = this.#options;
    const tenant = this.#tenantOf(place, TOKEN_PATH);
    const form = new URLSearchParams(request.body);
    if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(request.headers["content-type"] ?? "")) form.delete("grant_type");
    const { app, resource, claims } = this.#readForm(form);
    const now = this.#scene.now();
    await checkClient({ app, form, endpoints: this.#endpoints(place, tenant), now });
    const expiresAt = new Date(now + lifetimeSeconds * 1000);
    const issued = { audience: resource, tenantId: this.#tenantId, clientId: app.clientId, expiresAt, ...claims };
    const { token } = this.#book.issue({ source: "entra", ...issued });
    const number = (value: number): number | string => (numbersAsText ? String(value) : value);
    const members = {
      token_type: "Bearer",
      expires_in: number(lifetimeSeconds),
      ext_expires_in: number(lifetimeSeconds),
      ...(refreshInSeconds === undefined ? {} : { refresh_in: number(refreshInSeconds) }),
      access_token: token,
    };
    const altered = this.#scene.alter("entra.token", members);
    return jsonAnswer(this.#scene, 200, altered, { "x-ms-request-id": randomUuid(), "cache-control": "no-store, no-cache" });
  }

  get #tenantId(): string {
    return this.#options.tenantId ?? DEFAULT_TENANT;
  }

  /** The tenant as the path names it, in a cloud that has it. */
  #tenantOf({ url, host }: Place, path: RegExp): string {
    const { cloud = "public", domains = [] } = this.#options;
    const named = decodeURIComponent(path.exec(url.pathname)?.[1] ?? "");
    const known = [this.#tenantId, ...domains].some((name) => name.toLowerCase() === named.toLowerCase());
    if (known && (cloudOf(host) ?? cloud) === cloud) return named;
    throw new EntraFailure(90002, `Tenant '${named}' not found. Check that you have the correct tenant ID and are signing into the correct cloud.`);
  }

  #readForm(form: URLSearchParams): { app: EntraApp; resource: string; claims: { claims?: unknown } } {
    const [grantType, clientId, scope] = ["grant_type", "client_id", "scope"].map((name) => {
      const value = form.get(name);
      if (value === null || value === "") throw new EntraFailure(90014, `The required field '${name}' is missing from the credential. ${MISSING}`);
      return value;
    }) as [string, string, string];
    if (grantType !== "client_credentials") throw new EntraFailure(70003, `The app requested an unsupported grant type '${grantType}'.`);
    const app = this.#options.apps.find((entry) => entry.clientId.toLowerCase() === clientId.toLowerCase());
    if (app === undefined) {
      throw new EntraFailure(700016, `Application with identifier '${clientId}' was not found in the directory '${this.#tenantId}'.`);
    }
    return { app, resource: this.#resourceOf(scope), claims: readClaims(form.get("claims")) };
  }

  /** One scope, that of all permissions. MSAL adds the three of OpenID Connect to every request. */
  #resourceOf(scope: string): string {
    const [first, ...more] = scope.split(" ").filter((part) => part !== "" && !OPENID_SCOPES.has(part));
    if (first === undefined || more.length > 0 || !first.endsWith("/.default")) {
      throw new EntraFailure(70011, `The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid.`);
    }
    const wanted = first.slice(0, -"/.default".length);
    const resource = knownResource(wanted, this.#options.cloud ?? "public", this.#options.resources);
    if (resource !== undefined) return resource;
    throw new EntraFailure(500011, `The resource principal named ${wanted} was not found in the tenant named ${this.#tenantId}.`);
  }

  #endpoints({ url }: Place, tenant: string): string[] {
    const authorities = CLOUDS[this.#options.cloud ?? "public"].authorities.map((host) => `https://${host}`);
    return [url.origin, ...authorities].flatMap((origin) => [tenant, this.#tenantId].map((name) => `${origin}/${name}/oauth2/v2.0/token`));
  }

  #configuration(place: Place): Response {
    const tenant = this.#tenantOf(place, CONFIGURATION_PATH);
    const base = `${place.url.origin}/${tenant}`;
    return jsonAnswer(this.#scene, 200, {
      token_endpoint: `${base}/oauth2/v2.0/token`,
      token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt", "client_secret_basic"],
      jwks_uri: `${base}/discovery/v2.0/keys`,
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    });
  }

  #instances(): Response {
    const metadata = Object.values(CLOUDS).map(({ authorities }) => ({
      preferred_network: authorities[0],
      preferred_cache: authorities[1] ?? authorities[0],
      aliases: authorities,
    }));
    const endpoint = `https://${CLOUDS[this.#options.cloud ?? "public"].authorities[0]}/${this.#tenantId}/v2.0/.well-known/openid-configuration`;
    return jsonAnswer(this.#scene, 200, { tenant_discovery_endpoint: endpoint, "api-version": "1.1", metadata });
  }
}

const MISSING = "Ensure that you have all the necessary parameters for the login request.";
const OPENID_SCOPES = new Set(["openid", "profile", "offline_access"]);

/** Claims are JSON as text (OpenID Connect Core section 5.5). */
function readClaims(text: string | null): { claims?: unknown } {
  if (text === null) return {};
  try {
    const claims: unknown = JSON.parse(text);
    if (isRecord(claims)) return { claims };
  } catch {
    // Answered like any other text that is no object.
  }
  throw new EntraFailure(90023, "The value of 'claims' is not a JSON object.");
}
