/** The configuration of a Vault or OpenBao Transit key: its data, its grammar, its problems. */
import { endpointProblems, isPathSegment, parseEndpoint, type Endpoint } from "../http/url.js";
import type { KeyRef } from "../kms/provider.js";
import type { AddressTrust, ReadOptions } from "../options.js";

/** Plain data, without a secret. */
export interface VaultData {
  readonly provider: "vault";
  /** `https://host[:port][/prefix]`. */
  readonly address: string;
  /** Where the Transit engine is mounted, slashes allowed: `transit`, `team-a/kms/transit`. */
  readonly mountPath: string;
  readonly keyName: string;
  /** `1`, `2`, … */
  readonly keyVersion?: string;
  readonly algorithm?: string;
  readonly rotation?: { readonly intervalMs: number };
  /** Vault Enterprise, HCP and OpenBao: `team-a/sub`. */
  readonly namespace?: string;
}

/** What a key can be called (sdk/framework GenericNameRegex): word characters, with `-` and `.` inside. */
const KEY_NAME = /^\w([\w.-]{0,126}\w)?$/;

/** Whether a value can name a version; what is larger than the newest is known by the service only. */
export function isKeyVersion(value: unknown): boolean {
  return typeof value === "string" && /^[1-9]\d{0,8}$/.test(value);
}

/** What is wrong with a key reference. */
export function keyProblems({ keyId, keyVersion }: { readonly [member in keyof KeyRef]?: unknown }): string[] {
  const problems: string[] = [];
  if (typeof keyId !== "string" || !KEY_NAME.test(keyId)) problems.push('keyName must be 1 to 128 letters, digits and "_", with "-" and "." inside');
  if (keyVersion !== undefined && !isKeyVersion(keyVersion)) problems.push('keyVersion must be a whole number as text, such as "2"');
  return problems;
}

const PLAIN_PATH = 'text such as "team-a/transit", without "..", "%20" and slashes at its ends';
/** What the server's check of paths takes (Go's `unicode.IsPrint`): letters, marks, numbers, punctuation, symbols and the space. */
const PRINTABLE = /^( |[^\p{C}\p{Z}]){1,1024}$/u;
/** What goes into a header. */
const VISIBLE_ASCII = /^[\x21-\x7e]{1,1024}$/;
/** Encoded once more it would name another place, and to a proxy that decodes twice perhaps a parent folder; and a part that ends in a dot. */
const MISREAD = /%[0-9a-f]{2}|\.(\/|$)/i;

function isPath(value: unknown, alphabet: RegExp): boolean {
  return typeof value === "string" && alphabet.test(value) && !MISREAD.test(value) && value.split("/").every(isPathSegment);
}

/** Everything that is wrong with where a key is, each saying what to change. */
export function addressProblems(data: ReadOptions, trust: AddressTrust): string[] {
  const problems = endpointProblems("address", data.address, trust, true);
  if (!isPath(data.mountPath, PRINTABLE)) problems.push(`mountPath must be ${PLAIN_PATH}`);
  if (data.namespace !== undefined && !isPath(data.namespace, VISIBLE_ASCII)) problems.push(`namespace must be visible ASCII ${PLAIN_PATH}`);
  return problems;
}

/** Everything that is wrong with a whole configuration. */
export function vaultProblems(data: ReadOptions, trust: AddressTrust): string[] {
  return [...addressProblems(data, trust), ...keyProblems({ keyId: data.keyName, keyVersion: data.keyVersion })];
}

/** Where requests go. */
export interface VaultAddress {
  readonly origin: string;
  /** The mount's URL, without a slash at its end. */
  readonly base: string;
  readonly namespace: string | undefined;
}

/** The address of a configuration without problems. */
export function vaultAddress({ address, mountPath, namespace }: Pick<VaultData, "address" | "mountPath" | "namespace">, trust: AddressTrust): VaultAddress {
  const { origin, path } = parseEndpoint(address, { insecure: trust.insecureHttp, path: true }) as Endpoint;
  return { origin, base: `${origin}${path}/v1/${mountPath.split("/").map(encodeURIComponent).join("/")}`, namespace };
}

/** The service's own headers. Agent and Proxy can ask for `x-vault-request`. */
export function vaultHeaders(namespace: string | undefined, token: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { "x-vault-request": "true", "content-type": "application/json" };
  if (token !== undefined) headers["x-vault-token"] = token;
  if (namespace !== undefined) headers["x-vault-namespace"] = namespace;
  return headers;
}
