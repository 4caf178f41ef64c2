/** The emulated IAM Identity Center: role credentials from the portal, and refreshed tokens from its OIDC service (AWS wire sheet 5.5). */
import { randomUuid } from "../aws/arn.js";
import type { RecordedRequest } from "../faults.js";
import { isReachedOver, isRecord, jsonAnswer, randomText } from "./service.js";
import type { Place, TokenScene, TokenService } from "./service.js";
import type { AwsSessions } from "./sessions.js";

/** IAM Identity Center: its portal and its token endpoint. */
export interface SsoOptions {
  /** `us-east-1` by default. */
  readonly region?: string;
  /** What a login left in the cache file; `emulated-sso-access-token` by default. */
  readonly accessToken?: string;
  /** When that token ends; never by default. */
  readonly expiresAt?: Date;
  /** What a login left in the cache file; `emulated-sso-refresh-token` by default. Each refresh gives a new one and ends the old one. */
  readonly refreshToken?: string;
  /** The registered client; `emulated-client` and `emulated-client-secret`, without an end, by default. */
  readonly client?: { readonly clientId: string; readonly clientSecret: string; readonly expiresAt?: Date };
  /** Seconds that a refreshed access token lives; 3,600 by default. */
  readonly lifetimeSeconds?: number;
  /** What the user may take on. */
  readonly roles: readonly { readonly accountId: string; readonly roleName: string }[];
  /** Seconds that credentials of a role live; 3,600 by default. */
  readonly roleLifetimeSeconds?: number;
}

/** An error of either service: its code, and what goes into the body. */
interface SsoFailure {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

const SUFFIX = /\.(?:amazonaws\.(?:com(?:\.cn)?|eu)|api\.aws)$/;

export class Sso implements TokenService {
  readonly #scene: TokenScene;
  readonly #sessions: AwsSessions;
  readonly #options: SsoOptions;
  /** Access tokens and when each ends. */
  readonly #accessTokens = new Map<string, number>();
  #refreshToken: string;

  constructor(scene: TokenScene, sessions: AwsSessions, options: SsoOptions) {
    this.#scene = scene;
    this.#sessions = sessions;
    this.#options = options;
    this.#accessTokens.set(options.accessToken ?? "emulated-sso-access-token", options.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY);
    this.#refreshToken = options.refreshToken ?? "emulated-sso-refresh-token";
  }

  owns(place: Place): boolean {
    const { host } = place;
    const region = this.#options.region ?? "us-east-1";
    return isReachedOver("https", place) && SUFFIX.test(host) && [`portal.sso.${region}`, `oidc.${region}`].includes(host.replace(SUFFIX, ""));
  }

  operationOf({ method }: Pick<RecordedRequest, "method">, place: Place): string | undefined {
    const { host, local, url } = place;
    const isHost = (name: string): boolean => local || (this.owns(place) && host.startsWith(`${name}.`));
    if (method === "GET" && url.pathname === "/federation/credentials" && isHost("portal")) return "sso.GetRoleCredentials";
    if (method === "POST" && url.pathname === "/token" && isHost("oidc")) return "sso-oidc.CreateToken";
    return undefined;
  }

  throttled(): Response {
    return this.#fail(failure(429, "TooManyRequestsException", "HTTP 429 Unknown Code"));
  }

  async handle(request: RecordedRequest, { url }: Place): Promise<Response> {
    if (request.operation === "sso.GetRoleCredentials") return this.#roleCredentials(url.searchParams, request.headers["x-amz-sso_bearer_token"]);
    if (request.operation === "sso-oidc.CreateToken") return this.#createToken(request.body);
    return jsonAnswer(this.#scene, 404, { message: "Not Found" });
  }

  #fail({ status, type, body }: SsoFailure): Response {
    return jsonAnswer(this.#scene, status, body, { "content-type": "application/json", "x-amzn-errortype": type, "x-amzn-requestid": randomUuid() });
  }

  #roleCredentials(query: URLSearchParams, token: string | undefined): Response {
    const accountId = query.get("account_id");
    const roleName = query.get("role_name");
    if (accountId === null || roleName === null || token === undefined) return this.#fail(failure(400, "InvalidRequestException", "Missing parameter"));
    const ends = this.#accessTokens.get(token);
    if (ends === undefined || ends <= this.#scene.now()) {
      return this.#fail(failure(401, "UnauthorizedException", "Session token not found or invalid"));
    }
    const { roles, roleLifetimeSeconds = 3600 } = this.#options;
    // Seen for a role that is not assigned (aws/aws-sam-cli#2129), although the model does not name the error.
    if (!roles.some((role) => role.accountId === accountId && role.roleName === roleName)) return this.#fail(failure(403, "ForbiddenException", "No access"));
    const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = this.#sessions.issue({
      source: "sso",
      roleArn: `arn:aws:iam::${accountId}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_${roleName}`,
      sessionName: "emulated",
      expiresAt: Math.floor(this.#scene.now() / 1000) * 1000 + roleLifetimeSeconds * 1000,
    });
    const members = { accessKeyId, secretAccessKey, sessionToken, expiration: expiresAt.getTime() };
    const altered = this.#scene.alter("sso.GetRoleCredentials", members);
    return jsonAnswer(this.#scene, 200, isRecord(altered) ? { roleCredentials: altered } : altered, { "x-amzn-requestid": randomUuid() });
  }

  #createToken(body: string): Response {
    const members = readMembers(body);
    const problem = members === undefined ? oidcFailure(400, "InvalidRequestException", "invalid_request") : this.#problemOf(members);
    if (problem !== undefined) return this.#fail(problem);
    const { lifetimeSeconds = 3600 } = this.#options;
    const accessToken = `emulated-sso-${randomText(40)}`;
    this.#accessTokens.set(accessToken, this.#scene.now() + lifetimeSeconds * 1000);
    this.#refreshToken = `emulated-sso-refresh-${randomText(40)}`;
    const answer = { accessToken, tokenType: "Bearer", expiresIn: lifetimeSeconds, refreshToken: this.#refreshToken };
    return jsonAnswer(this.#scene, 200, this.#scene.alter("sso-oidc.CreateToken", answer), { "x-amzn-requestid": randomUuid() });
  }

  #problemOf({ clientId, clientSecret, grantType, refreshToken }: Record<string, unknown>): SsoFailure | undefined {
    const { client = { clientId: "emulated-client", clientSecret: "emulated-client-secret" } } = this.#options;
    if (clientId !== client.clientId || clientSecret !== client.clientSecret) return oidcFailure(401, "InvalidClientException", "invalid_client");
    if (client.expiresAt !== undefined && client.expiresAt.getTime() <= this.#scene.now()) return oidcFailure(400, "ExpiredTokenException", "expired_token");
    if (grantType !== "refresh_token") return oidcFailure(400, "UnsupportedGrantTypeException", "unsupported_grant_type");
    return refreshToken === this.#refreshToken ? undefined : oidcFailure(400, "InvalidGrantException", "invalid_grant");
  }
}

function readMembers(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function failure(status: number, type: string, message: string): SsoFailure {
  return { status, type, body: { message } };
}

function oidcFailure(status: number, type: string, error: string): SsoFailure {
  return { status, type, body: { error, error_description: OIDC_TEXTS[error] ?? "" } };
}

const OIDC_TEXTS: Readonly<Record<string, string>> = {
  invalid_request: "Invalid request",
  invalid_client: "Invalid client secret provided",
  expired_token: "Client registration has expired",
  unsupported_grant_type: "Unsupported grant type",
  invalid_grant: "Invalid refresh token provided",
};
