/** The endpoints for managed identities, side by side: what each wants to see, and how it writes a token (Azure wire sheets 5.5 to 5.9). */
import type { AzureTokenSource, IssuedAzureToken } from "./azure-tokens.js";
import { buildResponse } from "../response.js";
import type { UserAssignedIdentity } from "./managed-identity.js";

export interface IdentityFailure {
  readonly status: number;
  readonly code: string;
  readonly text: string;
}

/** What is looked at before an identity is. */
export interface IdentityRequest {
  readonly headers: Readonly<Record<string, string>>;
  /** Query, or form where the endpoint takes one. */
  readonly query: URLSearchParams;
  readonly secret: string;
  readonly keyFile: { readonly path: string; readonly content: string } | undefined;
}

export interface GivenToken {
  readonly token: IssuedAzureToken;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whether the request named a user-assigned identity. */
  readonly selected: boolean;
}

export interface EndpointKind {
  readonly name: AzureTokenSource;
  readonly method: "GET" | "POST";
  /** Where it is unless the options say otherwise. */
  readonly endpoint: string;
  /** Parameters that name a user-assigned identity, and which of its members each is. */
  readonly selectors: Readonly<Record<string, keyof UserAssignedIdentity | undefined>>;
  /** Its text for an identity that is not there. */
  readonly notFound: string;
  refuse(request: IdentityRequest): IdentityFailure | Response | undefined;
  answer(given: GivenToken): Record<string, unknown>;
  failure(failure: IdentityFailure, correlationId: string): unknown;
}

const seconds = (time: number): number => Math.floor(time / 1000);
const expiresOn = ({ token }: GivenToken): number => seconds(token.expiresAt.getTime());
const expiresIn = (given: GivenToken): string => String(expiresOn(given) - seconds(given.now));

const oauthFailure = ({ code, text }: IdentityFailure): unknown => ({ error: code, error_description: text });
const platformFailure = ({ status, text }: IdentityFailure, correlationId: string): unknown => ({ statusCode: status, message: text, correlationId });

const selectors = (...pairs: readonly (readonly [string, keyof UserAssignedIdentity])[]): EndpointKind["selectors"] =>
  Object.assign(Object.create(null) as object, Object.fromEntries(pairs));

const METADATA_MISSING: IdentityFailure = { status: 400, code: "invalid_request", text: "Required metadata header not specified" };

function needsMetadata({ headers }: IdentityRequest): IdentityFailure | undefined {
  if (headers["metadata"]?.toLowerCase() !== "true") return METADATA_MISSING;
  // Microsoft Learn, "Azure Instance Metadata Service", security and authentication.
  return headers["x-forwarded-for"] === undefined ? undefined : { status: 400, code: "bad_request", text: "Forwarded requests are refused" };
}

function needsVersion(query: URLSearchParams, isKnown: (version: string) => boolean): IdentityFailure | undefined {
  if (isKnown(query.get("api-version") ?? "")) return undefined;
  return { status: 400, code: "invalid_request", text: "api-version is invalid or was not specified in the request." };
}

/** A header that must be the secret from the environment. */
function needsSecret(name: string, { headers, secret }: IdentityRequest): IdentityFailure | undefined {
  return headers[name] === secret ? undefined : { status: 401, code: "unauthorized", text: `The header ${name} is missing or wrong.` };
}

const NO_USER_ASSIGNED = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.";

export const IMDS: EndpointKind = {
  name: "imds",
  method: "GET",
  endpoint: "http://169.254.169.254/metadata/identity/oauth2/token",
  selectors: selectors(["client_id", "clientId"], ["object_id", "objectId"], ["msi_res_id", "resourceId"], ["mi_res_id", "resourceId"]),
  notFound: "Identity not found",
  refuse: (request) => needsMetadata(request) ?? needsVersion(request.query, (version) => /^20\d\d-\d\d-\d\d$/.test(version) && version >= "2018-02-01"),
  answer: (given) => ({
    access_token: given.token.token,
    ...(given.selected ? { client_id: given.token.clientId } : { refresh_token: "" }),
    expires_in: expiresIn(given),
    expires_on: String(expiresOn(given)),
    ...(given.selected ? { ext_expires_in: expiresIn(given) } : {}),
    not_before: String(seconds(given.now) - 300),
    resource: given.token.audience,
    token_type: "Bearer",
  }),
  failure: oauthFailure,
};

export const APP_SERVICE: EndpointKind = {
  name: "app-service",
  method: "GET",
  endpoint: "http://127.0.0.1:41234/msi/token",
  selectors: selectors(["client_id", "clientId"], ["principal_id", "objectId"], ["object_id", "objectId"], ["mi_res_id", "resourceId"]),
  notFound: NO_USER_ASSIGNED,
  refuse: (request) => needsSecret("x-identity-header", request) ?? needsVersion(request.query, (version) => version === "2019-08-01"),
  answer: (given) => ({
    access_token: given.token.token,
    expires_on: String(expiresOn(given)),
    resource: given.token.audience,
    token_type: "Bearer",
    client_id: given.token.clientId.toUpperCase(),
  }),
  failure: platformFailure,
};

/** Of the version before: another header, and a date. */
export const APP_SERVICE_LEGACY: EndpointKind = {
  name: "app-service-legacy",
  method: "GET",
  endpoint: "http://127.0.0.1:41235/msi/token",
  selectors: selectors(["clientid", "clientId"]),
  notFound: NO_USER_ASSIGNED,
  refuse: (request) => needsSecret("secret", request) ?? needsVersion(request.query, (version) => version === "2017-09-01"),
  answer: (given) => ({
    access_token: given.token.token,
    expires_on: americanDate(given.token.expiresAt),
    resource: given.token.audience,
    token_type: "Bearer",
  }),
  failure: platformFailure,
};

export const AZURE_ML: EndpointKind = {
  name: "azure-ml",
  method: "GET",
  endpoint: "http://127.0.0.1:46808/MSI/auth",
  selectors: selectors(["clientid", "clientId"]),
  notFound: NO_USER_ASSIGNED,
  refuse: (request) => needsSecret("secret", request) ?? needsMetadata(request) ?? needsVersion(request.query, (version) => version === "2017-09-01"),
  answer: (given) => ({
    access_token: given.token.token,
    expires_on: String(expiresOn(given)),
    resource: given.token.audience,
    token_type: "Bearer",
    client_id: given.token.clientId,
  }),
  failure: platformFailure,
};

export const CLOUD_SHELL: EndpointKind = {
  name: "cloud-shell",
  method: "POST",
  endpoint: "http://localhost:50342/oauth2/token",
  selectors: selectors(),
  notFound: "Identity not found",
  refuse: needsMetadata,
  answer: (given) => IMDS.answer({ ...given, selected: false }),
  failure: oauthFailure,
};

export const SERVICE_FABRIC: EndpointKind = {
  name: "service-fabric",
  method: "GET",
  endpoint: "https://10.0.0.4:2377/metadata/identity/oauth2/token",
  selectors: selectors(),
  notFound: "Identity not found",
  refuse: (request) => needsSecret("secret", request) ?? needsVersion(request.query, (version) => version === "2019-07-01-preview"),
  answer: (given) => ({
    token_type: "Bearer",
    access_token: given.token.token,
    expires_on: expiresOn(given),
    resource: given.token.audience,
  }),
  failure: ({ code, text }) => ({ error: { code, message: text } }),
};

const ARC_KEY_FILE = { path: "/var/opt/azcmagent/tokens/emulated.key", content: "emulated-arc-secret" };

export const AZURE_ARC: EndpointKind = {
  name: "azure-arc",
  method: "GET",
  endpoint: "http://127.0.0.1:40342/metadata/identity/oauth2/token",
  selectors: selectors(["client_id", "clientId"], ["object_id", "objectId"], ["msi_res_id", "resourceId"]),
  notFound: "Identity not found",
  refuse(request) {
    const refusal = needsMetadata(request) ?? needsVersion(request.query, (version) => ["2019-11-01", "2020-06-01"].includes(version));
    const { path, content } = request.keyFile ?? ARC_KEY_FILE;
    if (refusal !== undefined || request.headers["authorization"] === `Basic ${content}`) return refusal;
    // The path stands without quotes (MSAL `AzureArc.ts`).
    return buildResponse(401, { "www-authenticate": `Basic realm=${path}` }, "");
  },
  answer: (given) => ({
    access_token: given.token.token,
    expires_in: expiresIn(given),
    expires_on: String(expiresOn(given)),
    not_before: String(seconds(given.now)),
    resource: given.token.audience,
    token_type: "Bearer",
    ...(given.selected ? { client_id: given.token.clientId } : {}),
  }),
  failure: oauthFailure,
};

/** Such as `1/1/2026 1:00:00 AM +00:00`. */
function americanDate(date: Date): string {
  const hours = date.getUTCHours();
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()}`;
  const time = `${hours % 12 === 0 ? 12 : hours % 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day} ${time} ${hours < 12 ? "AM" : "PM"} +00:00`;
}
