/** AppRole: a role id, and a secret id that may be wrapped. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { TEXT } from "../../credentials/options.js";
import { readToken, tokenError } from "../../credentials/token-request.js";
import { requiredObject, requiredString } from "../../http/fields.js";
import { createLogin, logIn, type VaultLogin } from "./login.js";
import { readLogin, TEXT_OR_FUNCTION, type LoginServer, type VaultMethodOptions } from "./server.js";
import { createUnwrap } from "./unwrap.js";

/** A secret, or a function that gets it, anew for each login. */
export type SecretOption = string | ((ask: Pick<CredentialAsk, "signal">) => string | Promise<string>);

/** Options of {@link fromAppRole}. */
export interface FromAppRoleOptions extends VaultMethodOptions {
  readonly roleId: string;
  /** Absent for a role with `bind_secret_id=false`. One that ends, or is good for some logins only, needs a function. */
  readonly secretId?: SecretOption;
  /** Instead of `secretId`: the wrapping token in which it was delivered. It is opened once, and the secret id kept for later logins. */
  readonly wrappedSecretId?: SecretOption;
}

const RULES = { roleId: TEXT, secretId: TEXT_OR_FUNCTION, wrappedSecretId: TEXT_OR_FUNCTION };

/**
 * Tokens for a role id and a secret id. One request a login, which is not repeated when its outcome is unknown, for it may
 * have used the secret id up; two more for a wrapped one.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vault API documentation, "AppRole auth method", login with AppRole
 * @example
 * ```ts
 * const credentials = fromAppRole({ address, roleId, secretId: () => readSecretId() });
 * const kms = createVaultKms({ address, mountPath: "transit", keyName: "signer", credentials });
 * ```
 */
export function fromAppRole(options: FromAppRoleOptions): VaultLogin {
  const { options: read, server } = readLogin(options, {
    source: "AppRole login",
    mountPath: "approle",
    rules: RULES,
    required: ["roleId"],
    own: ({ secretId, wrappedSecretId }) => (secretId !== undefined && wrappedSecretId !== undefined ? ["secretId and wrappedSecretId exclude each other"] : []),
  });
  const { roleId, secretId, wrappedSecretId } = read;
  const getSecret = wrappedSecretId === undefined ? (ask: CredentialAsk) => readSecretOption(secretId, ask) : unwrapped(server, wrappedSecretId);
  return createLogin(server, async (ask) => {
    const secret = await getSecret(ask);
    if (secretId !== undefined && (typeof secret !== "string" || secret === "")) throw tokenError(server.source, "there is no secret id");
    return logIn(server, { body: { role_id: roleId, ...(secret === undefined ? {} : { secret_id: secret }) }, effect: "change" }, ask);
  });
}

/** The value of an option that may be a function. */
export async function readSecretOption(option: SecretOption | undefined, ask: CredentialAsk): Promise<string | undefined> {
  return typeof option === "function" ? option({ signal: ask.signal }) : option;
}

/** Asked for each login; the same wrapping token has the same secret id in it. */
function unwrapped(server: LoginServer, wrappedSecretId: SecretOption): (ask: CredentialAsk) => Promise<string> {
  const mount = server.mountPath.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const unwrap = createUnwrap(server, new RegExp(`(^|/)auth/${mount}/role/[^/]+/(custom-)?secret-id$`));
  let opened: { readonly wrapping: string; readonly secretId: string } | undefined;
  return async (ask) => {
    const wrapping = (await readSecretOption(wrappedSecretId, ask)) as string;
    if (opened !== undefined && opened.wrapping === wrapping) return opened.secretId;
    const answer = await unwrap(wrapping, ask);
    const secretId = readToken(server.source, answer, (fields) => requiredString(requiredObject(fields, "data"), "secret_id"));
    opened = { wrapping, secretId };
    return secretId;
  };
}
