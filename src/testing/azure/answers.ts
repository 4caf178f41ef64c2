/** Answers in the form of a vault or of a Managed HSM: headers, error bodies, order of members. */
import type { RecordedRequest } from "../faults.js";
import { buildResponse } from "../response.js";
import type { AzureFailure } from "./failure.js";
import type { Site } from "./site.js";

const JSON_TYPE = "application/json; charset=utf-8";
/** An address of RFC 5737. The real header tells the caller's own. */
const NETWORK_INFO = "conn_type=Ipv4;addr=203.0.113.7;act_addr_fam=InterNetwork;";
const CLIENT_REQUEST_ID = "x-ms-client-request-id";

/** A success. An `undefined` body is status 204 without one. */
export function successAnswer(site: Site, request: RecordedRequest, body: unknown): Response {
  const headers = { ...commonHeaders(site, request), ...(site.kind === "hsm" ? hsmHeaders() : {}) };
  if (body === undefined) return buildResponse(204, headers, null);
  return buildResponse(200, headers, JSON.stringify(site.kind === "hsm" ? sortMembers(body) : body));
}

/** A refusal. A Managed HSM puts its request id behind every text, and answers a missing token without a body. */
export function failureAnswer(site: Site, request: RecordedRequest, failure: AzureFailure): Response {
  const common = commonHeaders(site, request);
  const headers = { ...common, ...(site.kind === "hsm" ? { "x-ms-server-latency": "0" } : {}), ...failure.headers };
  if (failure.empty) return buildResponse(failure.status, headers, "");
  const message = site.kind === "hsm" ? `${failure.message} (Activity ID: ${common["x-ms-request-id"]})` : failure.message;
  const inner = failure.innerCode === undefined ? {} : { innererror: { code: failure.innerCode } };
  return buildResponse(failure.status, headers, JSON.stringify({ error: { code: failure.code, message, ...inner } }));
}

function commonHeaders(site: Site, request: RecordedRequest): Record<string, string> {
  const echoed = request.headers[CLIENT_REQUEST_ID];
  return {
    "Content-Type": JSON_TYPE,
    "x-ms-request-id": crypto.randomUUID(),
    ...(echoed === undefined ? {} : { [CLIENT_REQUEST_ID]: echoed }),
    "x-ms-keyvault-region": site.region,
    "x-ms-keyvault-service-version": "1.9.2800.1",
    "x-ms-keyvault-network-info": NETWORK_INFO,
  };
}

function hsmHeaders(): Record<string, string> {
  return { "x-ms-server-latency": "25", "x-ms-build-version": "1.0.20260101-1-0a1b2c3d-develop" };
}

/** A Managed HSM orders the members of every object by name (seen in recordings). */
function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, member]) => [name, sortMembers(member)]));
}
