/** The default chain of the command lines of Vault and OpenBao, token file included. */
import { chainCredentials, NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { TEXT } from "../../credentials/options.js";
import type { VaultToken } from "../../vault/authorization.js";
import { chainHint, readChain, type FromEnvironmentOptions, type VaultCredentialsFunction } from "../../vault/credentials/chain.js";
import { environmentSource, productsAt } from "../../vault/credentials/environment.js";
import { vaultFromTokenFile } from "./token-file.js";

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
