/**
 * Reads the challenge of a 401. Nothing is ever sent to an address in it: it only tells whether a token of the configured
 * scope is wanted, the claims that it must have, and the tenant of the vault.
 */
import { decodeBase64Url } from "../encoding/base64.js";

/** Beyond this a header is no challenge of the service's. */
const MAX_HEADER = 16_384;
const MAX_CLAIMS = 8_192;

/** The tenant in `authorization`; the service names it by its id. */
const AUTHORITY = /^https:\/\/[\w.-]+\/([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\/?$/i;

/** What a challenge says of the token that would be accepted. */
export interface Challenge {
  /** False: no other token of the configured scope can help, or it is no challenge of the service's. */
  readonly usable: boolean;
  /** JSON text for the token request. */
  readonly claims?: string | undefined;
  /** Lower case. */
  readonly tenantId?: string | undefined;
  /** The scope that is wanted instead of the configured one, as it came. */
  readonly otherScope?: string | undefined;
}

/**
 * The meaning of a challenge for who asks for tokens of that scope. The scope follows from the host by a fixed table, so an
 * exact comparison is stricter than the rule of the vendor's clients, which compare the ends of host names. Claims
 * (`error="insufficient_claims"`) come in standard base64, and are decoded leniently, as those clients do. The result has
 * no prototype: what is not in it is not said.
 *
 * @see "Authentication, requests, and responses" of Azure Key Vault; Microsoft identity platform, "Claims challenges, claims requests and client capabilities"; RFC 9110 section 11.6.1
 */
export function readChallenge(header: string | null, scope: string): Challenge {
  return { __proto__: null, ...judge(header, scope) } as Challenge;
}

function judge(header: string | null, scope: string): Challenge {
  const parameters = bearerParameters(header);
  if (parameters === undefined) return { usable: false };
  const { error, claims, authorization, resource } = parameters;
  const wanted = resource === undefined ? parameters.scope : `${resource.replace(/\/$/, "")}/.default`;
  if (wanted !== undefined && wanted.toLowerCase() !== scope.toLowerCase()) return { usable: false, otherScope: wanted };
  if (error === "insufficient_claims" && claims !== undefined) {
    const text = decodeClaims(claims);
    return { usable: text !== undefined, claims: text };
  }
  return { usable: !/^http:/i.test(authorization ?? ""), tenantId: AUTHORITY.exec(authorization ?? "")?.[1]?.toLowerCase() };
}

/**
 * Parameters of the Bearer challenge, names in lower case; without a prototype. What is malformed is left out. Undefined
 * for a header that is too long, has a quote without its other half, or says two things under one name.
 */
function bearerParameters(header: string | null): Readonly<Record<string, string>> | undefined {
  const parameters = Object.create(null) as Record<string, string>;
  let scheme = "";
  const items = header === null ? [] : splitItems(header);
  // The first item of each challenge begins with its scheme.
  for (const item of items ?? []) {
    const [, opened, name, value] = /^(?:([\w-]+)(?: +|$))?(?:([\w-]+) *= *("(?:[^"\\]|\\.)*"|[^\s"]*))?$/.exec(item.trim()) ?? [];
    scheme = opened?.toLowerCase() ?? scheme;
    if (scheme !== "bearer" || name === undefined || value === undefined) continue;
    const key = name.toLowerCase();
    const text = unquote(value);
    if ((parameters[key] ??= text) !== text) return undefined;
  }
  return items === undefined ? undefined : parameters;
}

/** What stands between commas outside of quotes. One pass, which ends at the first quote that has no other half. */
function splitItems(header: string): string[] | undefined {
  if (header.length > MAX_HEADER) return undefined;
  const items = [""];
  for (const [part, lone] of header.matchAll(/,|[^",]+|"(?:[^"\\]|\\.)*"|(")/g)) {
    if (lone !== undefined) return undefined;
    if (part === ",") items.push("");
    else items[items.length - 1] += part;
  }
  return items;
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}

/** The text of an object in JSON, or undefined for anything else. */
function decodeClaims(encoded: string): string | undefined {
  if (encoded.length > MAX_CLAIMS) return undefined;
  const base64Url = encoded.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64Url(base64Url));
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? text : undefined;
  } catch {
    return undefined; // the platform's message quotes the text
  }
}
