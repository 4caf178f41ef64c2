/** What the URLs that requests go to are made of: an origin that was checked once, and path segments that were checked one by one. */
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

/** Scheme, host and path, with as many slashes at the end as one likes; without user, query, fragment, white space or backslash. */
const ADDRESS = /^https?:\/\/([^\s/\\?#@\p{Cc}]{1,300})([^\s\\?#@\p{Cc}]{0,1000}?)\/*$/iu;

/**
 * The parts of an address, or the reason why it cannot be one. What `new URL` would write in another way is refused: it drops
 * tabs, repairs backslashes and resolves dots, and other alphabets, percent signs and octal numbers look like one host and are another.
 */
export function parseEndpoint(text: string, rules: EndpointRules = {}): Endpoint | { readonly problem: string } {
  const [, named = "", path = ""] = ADDRESS.exec(text) ?? [];
  try {
    const { protocol, origin, host, pathname } = new URL(named && text);
    const secure = protocol === "https:";
    const written = named.toLowerCase().replace(secure ? /:443$/ : /:80$/, "") + path;
    if (written === host + pathname.replace(/\/+$/, "") && !path.includes("//")) {
      if (!secure && rules.insecure !== true) return { problem: "must use https; http needs allowInsecureHttp: true" };
      if (path !== "" && rules.path !== true) return { problem: "must have no path" };
      return { origin, host, path };
    }
  } catch {
    // the platform's message quotes the text
  }
  return { problem: "must be a plain https URL" };
}

/** What is wrong with an address that is configured under that name. */
export function endpointProblems(name: string, value: unknown, { insecureHttp }: AddressTrust, path: boolean): string[] {
  const parsed = parseEndpoint(typeof value === "string" ? value : "", { insecure: insecureHttp, path });
  return "problem" in parsed ? [`${name} ${parsed.problem}`] : [];
}

/** The same of the option `endpoint`: another address than the service's own. */
export function customEndpointProblems(value: unknown, trust: AddressTrust, path: boolean): string[] {
  if (value === undefined) return [];
  const problems = endpointProblems("endpoint", value, trust, path);
  return trust.customEndpoint ? problems : [...problems, "endpoint needs allowCustomEndpoint: true"];
}

/** Whether a host name or literal is this machine itself. Names other than `localhost` are never looked up. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host);
}

/** Whether a text can be one segment of a path: not empty, no dots alone, no slash, no control character, no lone surrogate. */
export function isPathSegment(text: string): boolean {
  return /^(?!\.\.?$)[^/\\\p{Cc}\p{Cs}]{1,256}$/u.test(text);
}
