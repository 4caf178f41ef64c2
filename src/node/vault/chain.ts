/** The token that the command lines of Vault and OpenBao keep in a file after a login, and their default chain, which reads it. */
import { homedir } from "node:os";
import { join } from "node:path";
import { chainCredentials, NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { OBJECT, readSourceOptions, TEXT } from "../../credentials/options.js";
import { isSecret, tokenError } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import type { VaultToken } from "../../vault/authorization.js";
import { chainHint, environmentSource, productsAt, readChain, type FromEnvironmentOptions, type VaultCredentialsFunction } from "../../vault/credentials/environment.js";
import { readFileBounded } from "../token-file.js";

/** Options of {@link vaultFromTokenFile}. */
export interface VaultFromTokenFileOptions {
  /** Default: what `BAO_TOKEN_PATH` names, else `.vault-token` in the user's folder; OpenBao's command line writes there too. */
  readonly path?: string;
  /** Instead of the process's environment. */
  readonly env?: Environment;
}

/** A token has some kilobytes at most. */
const MAX_BYTES = 65_536;
const SOURCE = "token file";

/**
 * The token of `vault login` or `bao login`, read anew for each request, since nothing says when it ends. At most 65,536 bytes,
 * without white space around it. It goes to the address of the provider that it is given to, whatever that is.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see openbao, internal/command/token/helper_internal.go
 * @example
 * ```ts
 * const kms = createVaultKms({ address, mountPath: "transit", keyName: "signer", credentials: vaultFromTokenFile() });
 * ```
 */
export function vaultFromTokenFile(options: VaultFromTokenFileOptions = {}): VaultCredentialsFunction {
  const { path, env } = readSourceOptions(options, { path: TEXT, env: OBJECT });
  return async () => readTokenFileOf(path ?? readVariable(env, "BAO_TOKEN_PATH") ?? join(readVariable(env, "HOME") ?? homedir(), ".vault-token"));
}

async function readTokenFileOf(path: string): Promise<VaultToken> {
  const read = await readFileBounded(path, MAX_BYTES);
  if ("problem" in read && !read.isMissing) throw tokenError(SOURCE, `it ${read.problem}`);
  const token = "problem" in read ? "" : read.text.trim();
  if (token === "") throw new NotConfiguredError(`${SOURCE}: it ${"problem" in read ? read.problem : "is empty"}; vault login or bao login writes it`);
  if (!isSecret(token)) throw tokenError(SOURCE, "it holds something else than a token");
  return { token };
}

/** Sources of the chain, in its order. */
export type VaultChainSourceName = "environment" | "token file";

/** Options of {@link vaultDefaultChain}. */
export interface VaultDefaultChainOptions extends FromEnvironmentOptions {
  /** Narrows the chain to these, in its own order. */
  readonly sources?: readonly VaultChainSourceName[];
  /** Of the token file. Default: what `BAO_TOKEN_PATH` names, else `.vault-token` in the user's folder. */
  readonly path?: string;
}

const NAMES: readonly string[] = ["environment", "token file"];

/**
 * The token from the first place that has one, in the order of the command lines: `VAULT_TOKEN` or `BAO_TOKEN`, then the
 * token file. Both are read for each request. With `allowCustomEndpoint: false` neither goes to another address than that of
 * `VAULT_ADDR` or `BAO_ADDR`.
 *
 * A token helper of `~/.vault` or `~/.bao` is not asked.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS`, from the returned function, with each source and why it did not serve
 * @example
 * ```ts
 * const kms = createVaultKms({ address, mountPath: "transit", keyName: "signer", credentials: vaultDefaultChain({ address }) });
 * ```
 */
export function vaultDefaultChain(options: VaultDefaultChainOptions): VaultCredentialsFunction {
  const { read, place } = readChain(options, NAMES, { path: TEXT });
  const { sources = NAMES, path, env } = read;
  const file = vaultFromTokenFile({ ...(path === undefined ? {} : { path }), ...(env === undefined ? {} : { env }) });
  const tokenFile: CredentialSource<VaultToken> = {
    name: "token file",
    load(ask) {
      if (place.trust.customEndpoint || productsAt(place).length > 0) return file(ask);
      throw new NotConfiguredError("passed over, for the address is not that of VAULT_ADDR or BAO_ADDR; allowCustomEndpoint: true permits it");
    },
  };
  return chainCredentials([environmentSource(place), tokenFile].filter(({ name }) => sources.includes(name)), chainHint(env, "vault login or bao login writes a token file"));
}
