/** The sources in the order in which the vendor's `DefaultAzureCredential` asks them. */
import type { Sleep } from "../../abort.js";
import { chainCredentials, type CredentialSource } from "../../credentials/chain.js";
import type { IdentityToken } from "../../credentials/identity-tokens.js";
import { FUNCTION, type OptionRule } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import type { AzureToken } from "../authorization.js";
import { clientRules, readEntraOptions, type AzureCredentialsFunction, type EntraOptions } from "./entra.js";
import { fromEnvironment, type FromEnvironmentOptions } from "./from-environment.js";
import { chainedIdentity, type FromManagedIdentityOptions } from "./managed-identity.js";
import { fromWorkloadIdentity, type FromWorkloadIdentityOptions } from "./workload-identity.js";

/** Sources of the chain, in its order. */
export type AzureSourceName = "environment" | "workload identity" | "managed identity";

/** Sources of the chain with what needs files and processes. */
export type AzureNodeSourceName = AzureSourceName | "Azure CLI";

export interface ChainOptions<Name> extends EntraOptions {
  /** Narrows the chain to these, in its own order. Default: what `AZURE_TOKEN_CREDENTIALS` says, else all. */
  readonly sources?: readonly Name[];
  /** For workload identity. Default `AZURE_TENANT_ID`. */
  readonly tenantId?: string;
  /** For workload identity, and for a user-assigned managed identity. Default `AZURE_CLIENT_ID`. */
  readonly clientId?: string;
  /** For workload identity, in place of a file. */
  readonly identityToken?: IdentityToken;
  /** Reads token and certificate files: `readTokenFile` of `knhk-kms/node`. */
  readonly readFile?: (path: string) => Promise<string>;
  /** Serves waits between attempts only. */
  readonly sleep?: Sleep;
}

/** Options of {@link fromDefaultChain}. */
export type FromDefaultChainOptions = ChainOptions<AzureSourceName>;

const NAMES: readonly AzureNodeSourceName[] = ["environment", "workload identity", "managed identity", "Azure CLI"];

/** Words of `AZURE_TOKEN_CREDENTIALS`, in lower case. */
const SELECTIONS: Readonly<Record<string, readonly AzureNodeSourceName[]>> = {
  __proto__: null as never,
  prod: ["environment", "workload identity", "managed identity"],
  dev: ["Azure CLI"],
  environmentcredential: ["environment"],
  workloadidentitycredential: ["workload identity"],
  managedidentitycredential: ["managed identity"],
  azureclicredential: ["Azure CLI"],
};

/**
 * Tokens from the first place that is set up: environment, workload identity, managed identity. A source that is set up and
 * broken ends the chain. The metadata address of virtual machines is asked last, and passed over when it does not answer
 * within a second. Files and the command line are read by `azureDefaultChain` of `knhk-kms/node` only.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS`, from the returned function, with each source and why it did not serve
 * @see Azure Identity client library for JavaScript, "Credential chains", `DefaultAzureCredential`
 * @example
 * ```ts
 * const kms = createAzureKms({ vaultUrl, keyName: "signer", credentials: fromDefaultChain() });
 * ```
 */
export function fromDefaultChain(options: FromDefaultChainOptions = {}): AzureCredentialsFunction {
  return defaultChain(options, []);
}

/** The chain, with the source of the command line where there is one; which of them are asked is read from the environment at each use. */
export function defaultChain(options: ChainOptions<AzureNodeSourceName>, commandLine: readonly CredentialSource<AzureToken>[]): AzureCredentialsFunction {
  const known = NAMES.slice(0, 3 + commandLine.length);
  const sourcesRule: OptionRule = [
    (value) => Array.isArray(value) && value.length > 0 && value.every((name) => known.includes(name as AzureNodeSourceName)),
    `a list out of ${known.join(", ")}`,
  ];
  const read = readEntraOptions(options, { ...clientRules(), sources: sourcesRule, identityToken: FUNCTION, readFile: FUNCTION, sleep: FUNCTION });
  const { env, sources = [] } = read;
  const identity = chainedIdentity(pick<FromManagedIdentityOptions>(read, ["clientId", "env", "fetch", "now", "sleep", "timeoutMs"]));
  const first = httpSources(read);
  return async (ask) => {
    const selected = sources.length > 0 ? sources : selectedSources(env, known);
    // One that is asked alone is not probed: it was chosen.
    const managed = { name: "managed identity", load: identity(selected.length > 1), ...limitOf(read) };
    return chainCredentials([...first, managed, ...commandLine].filter(({ name }) => selected.includes(name as AzureNodeSourceName)), hintFor(known))(ask);
  };
}

function httpSources(read: ChainOptions<AzureNodeSourceName>): CredentialSource<AzureToken>[] {
  const entra = ["authorityHost", "env", "fetch", "now", "timeoutMs", "readFile"];
  return [
    { name: "environment", load: fromEnvironment(pick<FromEnvironmentOptions>(read, entra)), ...limitOf(read) },
    { name: "workload identity", load: fromWorkloadIdentity(pick<FromWorkloadIdentityOptions>(read, [...entra, "tenantId", "clientId", "identityToken"])), ...limitOf(read) },
  ];
}

/** A source has as long as its requests, and a little more for a probe. */
function limitOf({ timeoutMs }: EntraOptions): { readonly timeoutMs?: number } {
  return timeoutMs === undefined ? {} : { timeoutMs: timeoutMs + 1_500 };
}

/** The named ones of the options, for a source that takes no others. */
function pick<T>(read: object, names: readonly string[]): T {
  return Object.fromEntries(names.map((name) => [name, (read as Record<string, unknown>)[name]])) as T;
}

function hintFor(known: readonly AzureNodeSourceName[]): string | undefined {
  return known.includes("Azure CLI") ? undefined : "files and the Azure CLI are read by azureDefaultChain of knhk-kms/node";
}

/** @see Azure Identity client library for JavaScript, "Exclude a credential type category" and "Use a specific credential" */
function selectedSources(env: Environment | undefined, known: readonly AzureNodeSourceName[]): readonly AzureNodeSourceName[] {
  const word = readVariable(env, "AZURE_TOKEN_CREDENTIALS")?.trim().toLowerCase();
  if (word === undefined || word === "") return known;
  const selected = SELECTIONS[word];
  const source = "AZURE_TOKEN_CREDENTIALS";
  if (selected === undefined) {
    throw tokenError(source, "must be prod, dev, EnvironmentCredential, WorkloadIdentityCredential, ManagedIdentityCredential or AzureCliCredential; the vendor's other credentials are not supported");
  }
  if (!selected.some((name) => known.includes(name))) throw tokenError(source, "names the Azure CLI, which only azureDefaultChain of knhk-kms/node can ask");
  return selected;
}
