/** Builds the URLs that requests go to: an origin that was checked once, and path segments that are checked one by one. */
import { ValidationError } from "../errors.js";
import type { AddressTrust } from "../options.js";

/** What `parseEndpoint` is asked to accept besides https without a path. */
export interface EndpointRules {
  /** http too. */
  readonly insecure?: boolean;
  /** A path prefix, as behind a reverse proxy. */
  readonly path?: boolean;
}

/** An address as configured: `origin` as `new URL` writes it, `path` without a slash at its end. */
export interface Endpoint {
  readonly origin: string;
  readonly host: string;
  readonly path: string;
}

/** The parts of an address, or the reason why it cannot be one. */
export function parseEndpoint(text: string, rules: EndpointRules = {}): Endpoint | { readonly problem: string } {
  // `new URL` drops tabs and line ends and repairs backslashes: what needs repair is refused instead.
  if (!/^https?:\/\/[^\s\\?#@\p{Cc}]+$/iu.test(text)) {
    return { problem: "must be an https URL without user, query, fragment, white space or backslash" };
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { problem: "is not a URL" };
  }
  if (url.protocol !== "https:" && rules.insecure !== true) {
    return { problem: "must use https; http needs allowInsecureHttp: true in the options" };
  }
  // Other alphabets, percent signs and octal numbers look like one host and are another.
  const named = text.replace(/^https?:\/\/([^/]*).*$/i, "$1").replace(url.protocol === "https:" ? /:443$/ : /:80$/, "");
  if (named.toLowerCase() !== url.host) return { problem: "has a host that is not in its plain form" };
  const path = url.pathname.replace(/\/+$/, "");
  const written = text.replace(/^https?:\/\/[^/]+/i, "").replace(/\/+$/, "");
  if (path !== written || path.includes("//")) return { problem: "has a path that is not in its plain form" };
  if (path !== "" && rules.path !== true) return { problem: "must have no path" };
  return { origin: url.origin, host: url.host, path };
}

/** What is wrong with an address that is configured under that name. */
export function endpointProblems(name: string, value: unknown, { insecureHttp }: AddressTrust, path: boolean): string[] {
  const parsed = typeof value === "string" ? parseEndpoint(value, { insecure: insecureHttp, path }) : { problem: "must be a string" };
  return "problem" in parsed ? [`${name} ${parsed.problem}`] : [];
}

/** The same of the option `endpoint`: another address than the service's own. */
export function customEndpointProblems(value: unknown, trust: AddressTrust, path: boolean): string[] {
  if (value === undefined) return [];
  const problems = endpointProblems("endpoint", value, trust, path);
  return trust.customEndpoint ? problems : [...problems, "endpoint needs allowCustomEndpoint: true in the options"];
}

/** Whether a host name or literal is this machine itself. Names other than `localhost` are never looked up. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host);
}

/** Whether a text can be one segment of a path: not empty, no dots alone, no slash, no control character, no lone surrogate. */
export function isPathSegment(text: string): boolean {
  return text !== "" && text !== "." && text !== ".." && text.length <= 256 && !/[/\\\p{Cc}\p{Cs}]/u.test(text);
}

/**
 * The segments percent-encoded one by one, each with a slash before it.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` for a segment that could leave its place
 */
export function joinPath(segments: readonly string[]): string {
  return segments
    .map((segment) => {
      if (!isPathSegment(segment)) {
        throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "an identifier has an empty part, a part of dots, a slash or a control character in it");
      }
      return `/${encodeURIComponent(segment)}`;
    })
    .join("");
}
