/** Logins with an identity that others vouch for: an identity token, a signed request, a token of a machine. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { readIdentityToken, type IdentityToken } from "../../credentials/identity-tokens.js";
import { FUNCTION, TEXT } from "../../credentials/options.js";
import { isSecret, tokenError } from "../../credentials/token-request.js";
import { createLogin, type VaultLogin } from "./login.js";
import { logIn, readLogin, type Refusal, type VaultMethodOptions } from "./server.js";

const NOT_ACCEPTED = "the identity is not accepted";
const REFUSALS: readonly Refusal[] = [
  [/invalid role name|could not be found|missing role$/, "there is no such role"],
  [/oidc role_type/, 'the role needs role_type "jwt"'],
  [/error validating|failed to verify|not found in token|no audiences bound/, NOT_ACCEPTED],
];

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
  const server = readLogin(options, {
    source: "JWT login",
    mountPath: "jwt",
    needs: { identityToken: FUNCTION },
    takes: { role: TEXT },
    refusals: REFUSALS,
  });
  const { role, identityToken } = server.options;
  return createLogin(server, async (ask) => logIn(server, { role, jwt: await readIdentityToken(server.source, identityToken, ask) }, ask));
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
  const server = readLogin(options, {
    source: "Kubernetes login",
    mountPath: "kubernetes",
    needs: { role: TEXT, jwt: FUNCTION },
    refusals: REFUSALS,
  });
  const { role, jwt } = server.options;
  return createLogin(server, async (ask) => logIn(server, { role, jwt: await readIdentityToken(server.source, jwt, ask) }, ask));
}

/** A signed request that says who its signer is, as the method takes it: URL, body and headers in base64. */
export interface IamRequest {
  readonly iam_http_request_method: string;
  readonly iam_request_url: string;
  readonly iam_request_body: string;
  /** A JSON object of names and values. */
  readonly iam_request_headers: string;
}

/** Options of {@link fromAwsIam}. */
export interface FromAwsIamOptions extends VaultMethodOptions {
  /** Default: the name of the identity, as the server finds it. */
  readonly role?: string;
  /** Signs, anew for each login, a request that the server sends in your place: `vaultIamRequest` of `knhk-kms/aws`. */
  readonly sign: (ask: Pick<CredentialAsk, "signal">) => IamRequest | Promise<IamRequest>;
}

const IAM_REFUSALS: readonly Refusal[] = [
  [/entry for role/, "there is no such role"],
  [/does not belong to the role/, "the role is not for this identity"],
  [/error validating/, NOT_ACCEPTED],
  [/upstream/, "STS refused the signed request, or could not be asked", "sign for the region and host that the auth method asks, by a clock that is right"],
];

const PARTS = ["iam_http_request_method", "iam_request_url", "iam_request_body", "iam_request_headers"] as const;

/**
 * Tokens for an identity of AWS, which signs a request and does not send it. One request a login.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vault API documentation, "AWS auth method", login, type iam
 * @example
 * ```ts
 * import { fromDefaultChain, vaultIamRequest } from "knhk-kms/aws";
 *
 * const sign = vaultIamRequest({ region: "us-east-1", credentials: fromDefaultChain() });
 * const credentials = fromAwsIam({ address, role: "signer", sign });
 * ```
 */
export function fromAwsIam(options: FromAwsIamOptions): VaultLogin {
  const server = readLogin(options, {
    source: "AWS IAM login",
    mountPath: "aws",
    needs: { sign: FUNCTION },
    takes: { role: TEXT },
    refusals: IAM_REFUSALS,
  });
  const { role, sign } = server.options;
  return createLogin(server, async (ask) => logIn(server, { role, ...readIamRequest(server.source, await sign({ signal: ask.signal })) }, ask));
}

function readIamRequest(source: string, given: unknown): Record<string, string> {
  const request = { __proto__: null, ...(given as object | undefined) } as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    PARTS.map((name) => {
      const part = request[name];
      if (!isSecret(part)) throw tokenError(source, `the function sign returned no ${name}, or one with characters that it cannot have`);
      return [name, part];
    }),
  );
}

/** Options of {@link fromAzureIdentity}. */
export interface FromAzureIdentityOptions extends VaultMethodOptions {
  readonly role: string;
  /** Returns an access token of the machine's identity, anew for each login; its audience is the `resource` of the auth method. */
  readonly token: IdentityToken;
  readonly subscriptionId?: string;
  readonly resourceGroupName?: string;
  /** One of these three, where the role asks for the machine. */
  readonly vmName?: string;
  readonly vmssName?: string;
  readonly resourceId?: string;
}

const MACHINE = { subscriptionId: "subscription_id", resourceGroupName: "resource_group_name", vmName: "vm_name", vmssName: "vmss_name", resourceId: "resource_id" } as const;

/**
 * Tokens for a managed identity of Azure. One request a login, and what the function `token` does.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vault API documentation, "Azure auth method", login
 * @example
 * ```ts
 * const identity = fromManagedIdentity();
 * const scope = "https://management.azure.com/.default";
 * const token = async ({ signal }: { signal: AbortSignal }) => (await identity({ signal, scope, refused: false })).token;
 * const credentials = fromAzureIdentity({ address, role: "signer", token, subscriptionId, resourceGroupName, vmName });
 * ```
 */
export function fromAzureIdentity(options: FromAzureIdentityOptions): VaultLogin {
  const names = Object.keys(MACHINE) as (keyof typeof MACHINE)[];
  const server = readLogin(options, {
    source: "Azure login",
    mountPath: "azure",
    needs: { role: TEXT, token: FUNCTION },
    takes: Object.fromEntries(names.map((name) => [name, TEXT])),
    refusals: REFUSALS,
  });
  const { role, token } = server.options;
  const machine = Object.fromEntries(names.map((name) => [MACHINE[name], server.options[name]]));
  return createLogin(server, async (ask) => logIn(server, { role, jwt: await readIdentityToken(server.source, token, ask), ...machine }, ask));
}
