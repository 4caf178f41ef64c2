/** The token that the command lines of Vault and OpenBao keep in a file after a login. */
import { homedir } from "node:os";
import { join } from "node:path";
import { NotConfiguredError } from "../../credentials/chain.js";
import { OBJECT, readSourceOptions, TEXT } from "../../credentials/options.js";
import { isSecret, tokenError } from "../../credentials/token-request.js";
import { readVariable, type Environment } from "../../environment.js";
import type { VaultToken } from "../../vault/authorization.js";
import type { VaultCredentialsFunction } from "../../vault/credentials/chain.js";
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
