/** Reads the challenge of a 401. All it is used for is the claims that the next token must satisfy. */
import { decodeBase64 } from "../encoding/base64.js";

/** Beyond this a header is no challenge of the service's. */
const MAX_HEADER = 16_384;
const MAX_CLAIMS = 8_192;

/** What a challenge says of claims: none asked for, some, or some that cannot be read. */
export type ClaimsChallenge = { readonly claims?: string } | "unreadable";

/**
 * The claims of a continuous access evaluation challenge (`error="insufficient_claims"`), as the JSON text that a token
 * request carries. They come in standard base64, and are decoded leniently, as the vendor's client does.
 *
 * @see Microsoft identity platform, "Claims challenges, claims requests and client capabilities"; RFC 9110 section 11.6.1
 */
export function readClaimsChallenge(header: string | null): ClaimsChallenge {
  const { error, claims } = bearerParameters(header);
  if (error !== "insufficient_claims" || claims === undefined) return {};
  const text = decodeClaims(claims);
  return text === undefined ? "unreadable" : { claims: text };
}

/** Parameters of the Bearer challenge, names in lower case; without a prototype. What is malformed is left out. */
function bearerParameters(header: string | null): Readonly<Record<string, string>> {
  const parameters = Object.create(null) as Record<string, string>;
  if (header === null || header.length > MAX_HEADER) return parameters;
  let scheme = "";
  // Items between commas outside of quotes; the first item of each challenge begins with its scheme.
  for (const item of header.match(/(?:[^",]|"(?:[^"\\]|\\.)*")+/g) ?? []) {
    const [, opened, name, value] = /^(?:([\w-]+)(?: +|$))?(?:([\w-]+) *= *("(?:[^"\\]|\\.)*"|[^\s"]*))?$/.exec(item.trim()) ?? [];
    scheme = opened?.toLowerCase() ?? scheme;
    if (scheme === "bearer" && name !== undefined && value !== undefined) parameters[name.toLowerCase()] ??= unquote(value);
  }
  return parameters;
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}

/** The text of an object in JSON, or undefined for anything else. */
function decodeClaims(encoded: string): string | undefined {
  if (encoded.length > MAX_CLAIMS) return undefined;
  const base64 = encoded.replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64(base64, { padding: "forbidden" }));
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? text : undefined;
  } catch {
    return undefined; // the platform's message quotes the text
  }
}
