/** A user name and a password: the method userpass, and those of the same form. */
import type { OptionRule } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { isPathSegment } from "../../http/url.js";
import { readSecretOption, type SecretOption } from "./approle.js";
import { createLogin, logIn, type VaultLogin } from "./login.js";
import { readLogin, TEXT_OR_FUNCTION, type VaultMethodOptions } from "./server.js";

/** Options of {@link fromUserpass}. */
export interface FromUserpassOptions extends VaultMethodOptions {
  readonly username: string;
  readonly password: SecretOption;
}

/** It is a part of the path. A percent sign or a dot at the end would be read otherwise by the server or a proxy before it. */
const USERNAME: OptionRule = [(value) => typeof value === "string" && isPathSegment(value) && !/%|\.$/.test(value), 'a name without "/", "%" and a dot at its end'];

/**
 * Tokens for a user with a password; LDAP, Okta and RADIUS have the same form under a `mountPath` of theirs. One request a
 * login. After five failed ones the server locks a user out, for 15 minutes by default.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vault API documentation, "Userpass auth method", login
 * @example
 * ```ts
 * const credentials = fromUserpass({ address, username: "signer", password: () => askForPassword() });
 * ```
 */
export function fromUserpass(options: FromUserpassOptions): VaultLogin {
  const { options: read, server } = readLogin(options, {
    source: "userpass login",
    mountPath: "userpass",
    rules: { username: USERNAME, password: TEXT_OR_FUNCTION },
    required: ["username", "password"],
  });
  const { username, password } = read;
  return createLogin(server, async (ask) => {
    const secret = await readSecretOption(password, ask);
    if (typeof secret !== "string" || secret === "") throw tokenError(server.source, "there is no password");
    return logIn(server, { path: `login/${encodeURIComponent(username)}`, body: { password: secret } }, ask);
  });
}
