/** `KmsConfig`: which key of which service, as immutable data without a secret, from code, JSON, a URI or the environment. */
import { findAlgorithm, type SignatureAlgorithm } from "./algorithms.js";
import { inputRule as awsInputRule } from "./aws/algorithms.js";
import { awsProblems, parseArn, type AwsData } from "./aws/config.js";
import { inputRule as azureInputRule } from "./azure/algorithms.js";
import { azureProblems, type AzureData } from "./azure/config.js";
import { readVariable, type Environment } from "./environment.js";
import type { InputRule } from "./kms/provider.js";
import { optionProblems, printable, throwProblems, type AddressTrust, type ReadOptions } from "./options.js";
import { inputRule as vaultInputRule } from "./vault/algorithms.js";
import { vaultProblems, type VaultData } from "./vault/config.js";
import { vaultVariable } from "./vault/credentials/environment.js";

/** The data of a configuration, told apart by `provider`. */
export type KmsData = AwsData | AzureData | VaultData;

/** What the three have in common. */
type Common = "keyVersion" | "algorithm" | "rotation";
/** What `KmsConfig.aws` takes besides region and key. */
export type AwsConfigOptions = Partial<Pick<AwsData, Common | "endpoint" | "useFips" | "useDualStack">>;
/** What `KmsConfig.azure` takes besides vault and key. */
export type AzureConfigOptions = Partial<Pick<AzureData, Common | "scope" | "apiVersion" | "endpoint">>;
/** What `KmsConfig.vault` takes besides address, mount and key. */
export type VaultConfigOptions = Partial<Pick<VaultData, Common | "namespace">>;

/** What a check is allowed to accept. */
export interface ProblemOptions {
  /** An address outside the service's own. Default: true for what was written in code, false for a URI, JSON or environment. */
  readonly allowCustomEndpoint?: boolean | undefined;
  /** http for the one configured origin. Default false. */
  readonly allowInsecureHttp?: boolean | undefined;
}

interface Dialect {
  readonly members: readonly string[];
  problems(data: ReadOptions, trust: AddressTrust): string[];
  inputRule(algorithm: SignatureAlgorithm): InputRule | undefined;
}

const DIALECTS: Readonly<Record<string, Dialect>> = {
  __proto__: null as never,
  aws: { members: ["region", "keyId", "endpoint", "useFips", "useDualStack"], problems: awsProblems, inputRule: awsInputRule },
  azure: { members: ["vaultUrl", "keyName", "scope", "apiVersion", "endpoint"], problems: azureProblems, inputRule: azureInputRule },
  vault: { members: ["address", "mountPath", "keyName", "namespace"], problems: vaultProblems, inputRule: vaultInputRule },
} satisfies Record<KmsData["provider"] | "__proto__", Dialect>;

const COMMON_MEMBERS = ["provider", "keyVersion", "algorithm", "rotation"];

/** The variable that `fromEnv` reads the URI of the key from. */
const URI_VARIABLE = "KNHK_KMS_URI";

/**
 * Which key of which service. Making one never throws; what is wrong shows in `problems()`, all of it at once.
 *
 * @example
 * ```ts
 * const config = KmsConfig.aws("eu-central-1", "alias/signing", { algorithm: "ES256" });
 * config.validate();
 * const kms = createKms(config);
 * ```
 */
export class KmsConfig {
  readonly #data: ReadOptions;
  readonly #flaws: readonly string[];
  readonly #trusted: boolean;

  private constructor(data: ReadOptions, flaws: readonly string[], trusted: boolean) {
    this.#data = Object.freeze(data);
    this.#flaws = flaws;
    this.#trusted = trusted;
    Object.freeze(this);
  }

  /**
   * A key of AWS KMS. `keyId`: a key id, a key ARN, `alias/name` or an alias ARN. Throws nothing.
   *
   * @example
   * ```ts
   * const config = KmsConfig.aws("eu-central-1", "alias/signing", { algorithm: "ES256" });
   * ```
   */
  static aws(region: string, keyId: string, options?: AwsConfigOptions): KmsConfig {
    return KmsConfig.#read({ ...options, provider: "aws", region, keyId }, true);
  }

  /**
   * A key of Azure Key Vault. `vaultUrl`: of a vault or a Managed HSM. Throws nothing.
   *
   * @example
   * ```ts
   * const config = KmsConfig.azure("https://my-vault.vault.azure.net", "signing");
   * ```
   */
  static azure(vaultUrl: string, keyName: string, options?: AzureConfigOptions): KmsConfig {
    return KmsConfig.#read({ ...options, provider: "azure", vaultUrl, keyName }, true);
  }

  /**
   * A key of HashiCorp Vault or OpenBao. `mountPath`: where the Transit engine is mounted. Throws nothing.
   *
   * @example
   * ```ts
   * const config = KmsConfig.vault("https://vault.example:8200", "transit", "signer");
   * ```
   */
  static vault(address: string, mountPath: string, keyName: string, options?: VaultConfigOptions): KmsConfig {
    return KmsConfig.#read({ ...options, provider: "vault", address, mountPath, keyName }, true);
  }

  /**
   * A configuration, its JSON data, or a URI. What is not trusted may name no address outside the services' own. Throws nothing.
   *
   * @example
   * ```ts
   * const problems = KmsConfig.from(JSON.parse(text)).problems();
   * ```
   */
  static from(value: unknown): KmsConfig {
    if (typeof value === "string") return KmsConfig.fromUri(value);
    return value instanceof KmsConfig ? value : KmsConfig.#read(value, false);
  }

  /**
   * `awskms:///alias/name?region=…`, `awskms:///ARN`, `awskms://host/…`, `azurekms://vault.vault.azure.net/key[/version]`,
   * `hashivault://key`, `openbao://key`, `hashivault://host[:port]/mount/path/key`; `?version=` and `?algorithm=` on all. A region
   * that is missing is read from `AWS_REGION`, an address from `VAULT_ADDR` or `BAO_ADDR` with the namespace beside it.
   * `env`: instead of the process's environment. Throws nothing.
   *
   * @example
   * ```ts
   * const config = KmsConfig.fromUri("awskms:///alias/signing?region=eu-central-1");
   * ```
   */
  static fromUri(uri: string, env?: Environment): KmsConfig {
    const problems: string[] = [];
    const data = typeof uri === "string" ? readUri(uri, env, problems) : undefined;
    if (data === undefined && problems.length === 0) problems.push("the URI must start with awskms://, azurekms://, hashivault:// or openbao://");
    return KmsConfig.#read(data ?? {}, false, problems);
  }

  /**
   * The URI in `KNHK_KMS_URI`, of `env` or else the process's environment. Throws nothing.
   *
   * @example
   * ```ts
   * const kms = createKms(KmsConfig.fromEnv());
   * ```
   */
  static fromEnv(env?: Environment): KmsConfig {
    const uri = readVariable(env, URI_VARIABLE);
    return uri === undefined ? KmsConfig.#read({}, false, [`${URI_VARIABLE} is not set: it names the key as a URI`]) : KmsConfig.fromUri(uri, env);
  }

  static #read(value: unknown, trusted: boolean, flaws: readonly string[] = []): KmsConfig {
    const found = [...flaws];
    const provider = typeof value === "object" && value !== null && Object.hasOwn(value, "provider") ? (value as { provider: unknown }).provider : undefined;
    const dialect = typeof provider === "string" ? DIALECTS[provider] : undefined;
    if (dialect === undefined) {
      if (found.length === 0) found.push('provider must be "aws", "azure" or "vault"');
      return new KmsConfig(Object.create(null) as ReadOptions, found, trusted);
    }
    return new KmsConfig(readMembers(value as object, [...COMMON_MEMBERS, ...dialect.members], found), found, trusted);
  }

  /** The service, or undefined when that is not known. Throws nothing. */
  get provider(): KmsData["provider"] | undefined {
    return this.#data.provider as KmsData["provider"] | undefined;
  }

  /**
   * Every problem, each saying what to change; empty for a configuration that can work. Throws nothing.
   *
   * @example
   * ```ts
   * for (const problem of KmsConfig.fromEnv().problems()) console.error(problem);
   * ```
   */
  problems(options: ProblemOptions = {}): string[] {
    const dialect = this.provider === undefined ? undefined : DIALECTS[this.provider];
    if (dialect === undefined) return [...this.#flaws];
    const { allowCustomEndpoint, allowInsecureHttp } = { __proto__: null, ...options } as ProblemOptions;
    const trust = { customEndpoint: allowCustomEndpoint ?? this.#trusted, insecureHttp: allowInsecureHttp === true };
    const { algorithm, rotation } = this.#data;
    return [...this.#flaws, ...dialect.problems(this.#data, trust), ...algorithmProblems(algorithm, this.provider as string, dialect), ...optionProblems({ rotation: rotation })];
  }

  /**
   * Does nothing for a configuration that can work.
   *
   * @throws {ConfigError} `ERR_KMS_CONFIG` that carries every problem
   * @example
   * ```ts
   * KmsConfig.fromEnv().validate();
   * ```
   */
  validate(options?: ProblemOptions): void {
    throwProblems(this.problems(options));
  }

  /** Whether the configuration was written in code, and may name an address outside the services' own. Throws nothing. */
  get trusted(): boolean {
    return this.#trusted;
  }

  /**
   * The data, as `from` reads it; without anything secret. Not checked: see `problems()`. Throws nothing.
   *
   * @example
   * ```ts
   * const stored = JSON.stringify(KmsConfig.fromEnv()); // which calls it
   * ```
   */
  toJSON(): KmsData {
    return { ...this.#data } as unknown as KmsData;
  }
}

/** As options are read, without a prototype, and with `rotation` copied, so that nothing of the caller's stays in it. */
function readMembers(value: object, names: readonly string[], problems: string[]): ReadOptions {
  const data = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    if (!names.includes(name)) problems.push(`unknown member ${printable(name)}; known are ${names.join(", ")}`);
    else if (member !== undefined) data[name] = typeof member === "object" && member !== null ? Object.freeze({ ...member }) : member;
  }
  return data;
}

function algorithmProblems(algorithm: unknown, provider: string, dialect: Dialect): string[] {
  if (algorithm === undefined) return [];
  const facts = findAlgorithm(algorithm);
  if (facts === undefined) return [`algorithm ${printable(algorithm)} is no JOSE name of a signature algorithm, such as ES256 or RS256`];
  return dialect.inputRule(facts.name) === undefined ? [`algorithm ${facts.name} is not offered by ${provider}`] : [];
}

/** The parts of a URI; the grammar of what they hold is checked with the configuration. */
interface UriParts {
  readonly authority: string;
  readonly path: readonly string[];
  readonly env: Environment | undefined;
}

type UriReader = (parts: UriParts, problems: string[]) => Record<string, unknown>;

const SCHEMES: Readonly<Record<string, UriReader>> = {
  __proto__: null as never,
  awskms: readAwsUri,
  azurekms: readAzureUri,
  hashivault: (parts: UriParts, problems: string[]) => readVaultUri(parts, problems, ["vault", "openbao"]),
  openbao: (parts: UriParts, problems: string[]) => readVaultUri(parts, problems, ["openbao", "vault"]),
};

function readUri(uri: string, env: Environment | undefined, problems: string[]): Record<string, unknown> | undefined {
  const match = /^([a-z]{1,16}):\/\/([^/?#\s]*)([^?#\s]*)(?:\?([^#\s]*))?$/.exec(uri.slice(0, 4096));
  const reader = match === null ? undefined : SCHEMES[match[1] as string];
  if (match === null || reader === undefined) return undefined;
  const [, , authority, path, query] = match as unknown as [string, string, string, string, string | undefined];
  if (authority.includes("@")) problems.push("a URI has no user or password: credentials are given apart");
  let segments: string[];
  try {
    segments = path === "" ? [] : path.slice(1).split("/").map(decodeURIComponent);
  } catch {
    problems.push("the URI has a percent sign that encodes nothing");
    return undefined;
  }
  const data = reader({ authority, path: segments, env }, problems);
  for (const [name, value] of readQuery(query ?? "", data.provider === "aws" ? ["version", "algorithm", "region"] : ["version", "algorithm"], problems)) {
    const member = name === "version" ? "keyVersion" : name;
    if (data[member] !== undefined && data[member] !== value && !(member === "region" && data.regionFromEnv === true)) problems.push(`the URI names two different values for ${member}`);
    data[member] = value;
  }
  delete data.regionFromEnv;
  return data;
}

function readQuery(query: string, known: readonly string[], problems: string[]): Map<string, string> {
  const read = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!known.includes(name)) problems.push(`unknown parameter ${printable(name)} in the URI; known are ${known.join(", ")}`);
    else if (read.has(name)) problems.push(`the URI has ${name} twice`);
    else read.set(name, value);
  }
  return read;
}

function readAwsUri({ authority, path, env }: UriParts): Record<string, unknown> {
  const keyId = path.join("/");
  const fromArn = parseArn(keyId)?.region;
  const region = fromArn ?? readVariable(env, "AWS_REGION");
  return { provider: "aws", keyId, region, regionFromEnv: fromArn === undefined, endpoint: authority === "" ? undefined : `https://${authority}` };
}

function readAzureUri({ authority, path }: UriParts, problems: string[]): Record<string, unknown> {
  const [keyName = "", keyVersion, ...more] = path;
  if (more.length > 0) problems.push("the URI has more than a key and its version: azurekms://vault-name.vault.azure.net/key/version");
  return { provider: "azure", vaultUrl: `https://${authority}`, keyName, keyVersion };
}

function readVaultUri({ authority, path, env }: UriParts, problems: string[], products: readonly ("vault" | "openbao")[]): Record<string, unknown> {
  const variable = (name: "ADDR" | "NAMESPACE"): string | undefined => products.map((product) => vaultVariable(env, name, product)).find((value) => value !== undefined);
  const rest = { provider: "vault", namespace: variable("NAMESPACE") };
  if (path.length === 0) {
    const address = variable("ADDR");
    if (address === undefined) problems.push("neither VAULT_ADDR nor BAO_ADDR is set: one of them is the address of a URI without a host");
    return { ...rest, address: address ?? "", mountPath: "transit", keyName: authority };
  }
  if (path.length === 1) problems.push("the URI names a host and no mount: hashivault://host/mount/key");
  return { ...rest, address: `https://${authority}`, mountPath: path.slice(0, -1).join("/"), keyName: path.at(-1) };
}
