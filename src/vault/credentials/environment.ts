/** The token from the environment, the address it was set for, and the default chain without files, which is no more than that. */
import { readSecret, type CredentialAsk } from "../../credentials/cached.js";
import { chainCredentials, NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { BOOLEAN, OBJECT, readSourceOptions, type OptionRule } from "../../credentials/options.js";
import { isVariableSet, readVariable, type Environment } from "../../environment.js";
import { parseEndpoint, type Endpoint } from "../../http/url.js";
import type { AddressTrust } from "../../options.js";
import type { VaultToken } from "../authorization.js";

/**
 * Vault's client reads `VAULT_X`; OpenBao's reads `BAO_X` and, only where that is unset, `VAULT_X`: a `BAO_X` that is set and empty
 * means none (openbao, api/env.go).
 */
export function vaultVariable(env: Environment | undefined, name: "ADDR" | "TOKEN" | "NAMESPACE", product: "vault" | "openbao"): string | undefined {
  const own = `BAO_${name}`;
  return readVariable(env, product === "openbao" && isVariableSet(env, own) ? own : `VAULT_${name}`);
}

/** Whose environment, and for which address. */
export interface EnvironmentPlace {
  readonly env: Environment | undefined;
  readonly origin: string;
  readonly trust: AddressTrust;
}

const VARIABLES = "VAULT_TOKEN or BAO_TOKEN";
const PRODUCTS = ["vault", "openbao"] as const;

/**
 * The token of the product whose address this is. To another address, one that was written in code, goes `VAULT_TOKEN`, else
 * `BAO_TOKEN`; to one that came from a URI or from JSON goes none, for it was not made for that one. Trimmed, for a file read
 * into a variable ends in a line end.
 */
export function environmentToken(place: EnvironmentPlace): string | undefined {
  const { env, trust } = place;
  const products = [...productsAt(place), ...(trust.customEndpoint ? PRODUCTS : [])];
  return products.map((product) => vaultVariable(env, "TOKEN", product)?.trim()).find((token) => token);
}

/** The products whose address in the environment this is. */
export function productsAt({ env, origin }: EnvironmentPlace): readonly ("vault" | "openbao")[] {
  return PRODUCTS.filter((product) => {
    const endpoint = parseEndpoint(vaultVariable(env, "ADDR", product) ?? "", { insecure: true, path: true });
    return "origin" in endpoint && endpoint.origin === origin;
  });
}

/**
 * `VAULT_TOKEN` or `BAO_TOKEN`, read for each attempt, since nothing says when it ends.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 */
export function loadToken(place: EnvironmentPlace): VaultToken {
  const token = environmentToken(place);
  if (token !== undefined) return { token: readSecret({ [VARIABLES]: token }, VARIABLES) };
  throw new NotConfiguredError(`${VARIABLES} must be set${place.trust.customEndpoint ? "" : ", and VAULT_ADDR or BAO_ADDR to this address, or allowCustomEndpoint: true"}`);
}

/** The same as a source of a chain. */
export function environmentSource(place: EnvironmentPlace): CredentialSource<VaultToken> {
  return { name: "environment", load: () => loadToken(place) };
}

/** A source of tokens, for the option `credentials`. */
export type VaultCredentialsFunction = (ask: CredentialAsk) => Promise<VaultToken>;

/** Whose token: that of an address, in an environment. */
export interface FromEnvironmentOptions {
  /** As the provider has it: a token of the environment goes to the address that it was set for. */
  readonly address: string;
  /** Instead of the process's environment; `{}` forbids it. */
  readonly env?: Environment;
  /** Lets the address be http: for tests and for a sidecar on the same machine. */
  readonly allowInsecureHttp?: boolean;
  /**
   * Whether the address may be another one than that of `VAULT_ADDR` or `BAO_ADDR`. Default true, for what is written in
   * code; say false for one that comes from elsewhere.
   */
  readonly allowCustomEndpoint?: boolean;
}

/** Sources of the chain, in its order. */
export type VaultSourceName = "environment";

/** Options of {@link fromDefaultChain}. */
export interface FromDefaultChainOptions extends FromEnvironmentOptions {
  /** Narrows the chain to these, in its own order. */
  readonly sources?: readonly VaultSourceName[];
}

const NAMES: readonly string[] = ["environment"];

/**
 * The token of `VAULT_TOKEN` or `BAO_TOKEN`, read for each request. The same as what a provider does without `credentials`.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @example
 * ```ts
 * const kms = createVaultKms({ address, mountPath: "transit", keyName: "signer", credentials: fromEnvironment({ address }) });
 * ```
 */
export function fromEnvironment(options: FromEnvironmentOptions): VaultCredentialsFunction {
  const { place } = readChain(options, []);
  return async () => loadToken(place);
}

/**
 * The token from the first place that is set up, which without files is the environment. The token file of the command line is
 * read by `vaultDefaultChain` of `knhk-kms/node` only. Logins are no part of it: nothing in an environment says which one to use.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS`, from the returned function, with each source and why it did not serve
 * @example
 * ```ts
 * const kms = createVaultKms({ address, mountPath: "transit", keyName: "signer", credentials: fromDefaultChain({ address }) });
 * ```
 */
export function fromDefaultChain(options: FromDefaultChainOptions): VaultCredentialsFunction {
  const { read, place } = readChain(options, NAMES);
  return chainCredentials([environmentSource(place)], chainHint(read.env, "the token file is read by vaultDefaultChain of knhk-kms/node"));
}

/**
 * Reads the options of a chain with these sources.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem
 */
export function readChain<T extends FromEnvironmentOptions>(options: T, names: readonly string[], more: Readonly<Record<string, OptionRule>> = {}): { readonly read: T; readonly place: EnvironmentPlace } {
  const sources: OptionRule = [(value) => Array.isArray(value) && value.length > 0 && value.every((name) => names.includes(name as string)), `a list out of ${names.join(", ")}`];
  const address: OptionRule = [(value) => typeof value === "string", "a string"];
  const rules = { address, env: OBJECT, allowInsecureHttp: BOOLEAN, allowCustomEndpoint: BOOLEAN, ...(names.length === 0 ? {} : { sources }), ...more };
  const parse = ({ address: text, allowInsecureHttp }: FromEnvironmentOptions): ReturnType<typeof parseEndpoint> => parseEndpoint(text, { insecure: allowInsecureHttp === true, path: true });
  const read = readSourceOptions(options, rules, {
    required: ["address"],
    own(given) {
      const endpoint = typeof given.address === "string" ? parse(given as unknown as T) : {};
      return "problem" in endpoint ? [`address ${endpoint.problem}`] : [];
    },
  });
  const trust = { customEndpoint: read.allowCustomEndpoint !== false, insecureHttp: read.allowInsecureHttp === true };
  return { read, place: { env: read.env, origin: (parse(read) as Endpoint).origin, trust } };
}

const TLS = ["CACERT", "CACERT_BYTES", "CAPATH", "CLIENT_CERT", "CLIENT_KEY", "TLS_SERVER_NAME", "SKIP_VERIFY"];

/** With what the vendors' clients read besides, and no `fetch` can be told. */
export function chainHint(env: Environment | undefined, hint: string): string {
  const set = TLS.flatMap((name) => [`VAULT_${name}`, `BAO_${name}`]).filter((name) => isVariableSet(env, name));
  return set.length === 0 ? hint : `${hint}; ${set.join(", ")} ${set.length === 1 ? "is" : "are"} set and not read: certificates are the runtime's matter, on Node NODE_EXTRA_CA_CERTS`;
}
