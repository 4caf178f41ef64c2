/** A token that was delivered wrapped. */
import { TEXT } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { readSecretOption, type SecretOption } from "./approle.js";
import { readIssued } from "./issued.js";
import { createLogin, type VaultLogin } from "./login.js";
import { readLogin, TEXT_OR_FUNCTION, type VaultLoginOptions } from "./server.js";
import { createUnwrap } from "./unwrap.js";

/** Options of {@link fromWrappedToken}. */
export interface FromWrappedTokenOptions extends VaultLoginOptions {
  /** The wrapping token. A text is opened once; a function is asked for a new one each time that the token from it has ended. */
  readonly token: SecretOption;
  /** The route that must have wrapped it, such as `auth/token/create`: then one that was opened and wrapped again is noticed. Default: any. */
  readonly creationPath?: string;
}

/**
 * The token that a wrapping token holds, of a wrapped login or of a wrapped `auth/token/create`. It is renewed while that
 * gives it more time. One request, sent once, and one more with `creationPath`.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function, with a
 *   warning as `hint` when the wrapping token was opened before
 * @see Vault documentation, "Response wrapping"
 * @example
 * ```ts
 * const credentials = fromWrappedToken({ address, token: wrappingToken, creationPath: "auth/token/create" });
 * ```
 */
export function fromWrappedToken(options: FromWrappedTokenOptions): VaultLogin {
  const { options: read, server } = readLogin(options, {
    source: "wrapped token",
    rules: { token: TEXT_OR_FUNCTION, creationPath: TEXT },
    required: ["token"],
  });
  const { token, creationPath } = read;
  const unwrap = createUnwrap(server, creationPath === undefined ? undefined : { test: (path) => path === creationPath });
  let opened: string | undefined;
  return createLogin(server, async (ask) => {
    const wrapping = await readSecretOption(token, ask);
    if (opened !== undefined && opened === wrapping) {
      throw tokenError(server.source, "this login has opened the wrapping token, and what was in it has ended or is of no use", { hint: "give a function that gets a new wrapping token" });
    }
    const sentAt = server.now();
    const answer = await unwrap(wrapping, ask);
    opened = wrapping;
    return readIssued(server.source, answer, sentAt);
  });
}
