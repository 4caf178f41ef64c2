/** The configuration of a Vault or OpenBao Transit key: its data, its grammar, its problems. */
import { endpointProblems, isPathSegment, joinPath, parseEndpoint, type Endpoint } from "../http/url.js";
import { printable, type AddressTrust, type ReadOptions } from "../options.js";

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

/** Letters, digits and `_`, with `-` and `.` inside (sdk/framework GenericNameRegex). */
const KEY_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?$/;
const KEY_VERSION = /^[1-9][0-9]{0,8}$/;

/** Whether a text can name a version; what is larger than the newest is known by the service only. */
export function isKeyVersion(text: string): boolean {
  return KEY_VERSION.test(text);
}

/** What is wrong with a key reference. */
export function keyProblems(keyName: unknown, keyVersion: unknown): string[] {
  const problems: string[] = [];
  if (typeof keyName !== "string" || !KEY_NAME.test(keyName)) {
    problems.push(`keyName ${printable(keyName)} must be letters, digits and "_", with "-" and "." inside, at most 128`);
  }
  if (keyVersion !== undefined && (typeof keyVersion !== "string" || !isKeyVersion(keyVersion))) {
    problems.push('keyVersion must be a whole number as text, such as "2"');
  }
  return problems;
}

const PLAIN_PATH = 'such as "team-a/transit", not percent-encoded, without "..", empty parts and slashes at its ends';

/** Everything that is wrong with where a key is, each saying what to change. */
export function addressProblems(data: ReadOptions, trust: AddressTrust): string[] {
  const problems = endpointProblems("address", data.address, trust, true);
  if (!isPath(data.mountPath)) problems.push(`mountPath must be printable text ${PLAIN_PATH}`);
  if (data.namespace !== undefined && !(isPath(data.namespace) && /^[\x21-\x7e]+$/.test(data.namespace as string))) {
    problems.push(`namespace must be visible ASCII text ${PLAIN_PATH}`);
  }
  return problems;
}

/** Everything that is wrong with a whole configuration. */
export function vaultProblems(data: ReadOptions, trust: AddressTrust): string[] {
  return [...addressProblems(data, trust), ...keyProblems(data.keyName, data.keyVersion)];
}

/** What the server's check of paths refuses (Go's `unicode.IsPrint`): all but letters, marks, numbers, punctuation, symbols and the space. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
/** Encoded once more it would name another place, and to a proxy that decodes twice perhaps a parent folder. */
const PERCENT_ENCODED = /%[0-9a-f]{2}/i;

function isPath(value: unknown): boolean {
  if (typeof value !== "string" || value.length > 1024 || UNPRINTABLE.test(value) || PERCENT_ENCODED.test(value)) return false;
  return value.split("/").every((segment) => isPathSegment(segment) && !segment.endsWith("."));
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
  return { origin, base: `${origin}${path}/v1${joinPath(mountPath.split("/"))}`, namespace };
}
