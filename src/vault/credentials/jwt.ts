/** An identity token for a token: the methods JWT/OIDC and Kubernetes. */
import { readIdentityToken, type IdentityToken } from "../../credentials/identity-tokens.js";
import { FUNCTION, TEXT } from "../../credentials/options.js";
import { createLogin, logIn, type VaultLogin } from "./login.js";
import { readLogin, type VaultMethodOptions } from "./server.js";

/** Options of {@link fromJwt}. */
export interface FromJwtOptions extends VaultMethodOptions {
  /** Default: the auth method's `default_role`. */
  readonly role?: string;
  /** Returns the JWT, anew for each login. */
  readonly identityToken: IdentityToken;
}

/**
 * Tokens for an identity token of a CI system, a cloud or a hosting platform: no secret is kept anywhere. One request a login.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vault API documentation, "JWT/OIDC auth method", JWT login
 * @example
 * ```ts
 * const credentials = fromJwt({ address, role: "ci", identityToken: githubActionsToken({ audience: "https://vault.example:8200" }) });
 * ```
 */
export function fromJwt(options: FromJwtOptions): VaultLogin {
  const { options: read, server } = readLogin(options, {
    source: "JWT login",
    mountPath: "jwt",
    rules: { role: TEXT, identityToken: FUNCTION },
    required: ["identityToken"],
  });
  const { role, identityToken } = read;
  return createLogin(server, async (ask) => {
    const jwt = await readIdentityToken(server.source, identityToken, ask);
    return logIn(server, { body: { ...(role === undefined ? {} : { role }), jwt } }, ask);
  });
}

/** Options of {@link fromKubernetes}. */
export interface FromKubernetesOptions extends VaultMethodOptions {
  readonly role: string;
  /** Returns the token of the service account, anew for each login, for the platform replaces it: `fileToken(path)` of `knhk-kms/node`. */
  readonly jwt: IdentityToken;
}

/**
 * Tokens for a Kubernetes service account. One request a login.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vault API documentation, "Kubernetes auth method", login
 * @example
 * ```ts
 * const credentials = fromKubernetes({ address, role: "signer", jwt: fileToken("/var/run/secrets/kubernetes.io/serviceaccount/token") });
 * ```
 */
export function fromKubernetes(options: FromKubernetesOptions): VaultLogin {
  const { options: read, server } = readLogin(options, {
    source: "Kubernetes login",
    mountPath: "kubernetes",
    rules: { role: TEXT, jwt: FUNCTION },
    required: ["role", "jwt"],
  });
  const { role, jwt } = read;
  return createLogin(server, async (ask) => logIn(server, { body: { role, jwt: await readIdentityToken(server.source, jwt, ask) } }, ask));
}
