/** Identities that a cloud knows: a signed request that the server sends on, or a token of a machine. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { readIdentityToken, type IdentityToken } from "../../credentials/identity-tokens.js";
import { FUNCTION, TEXT } from "../../credentials/options.js";
import { isSecret, tokenError } from "../../credentials/token-request.js";
import { createLogin, logIn, type VaultLogin } from "./login.js";
import { readLogin, type VaultMethodOptions } from "./server.js";

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
  const { options: read, server } = readLogin(options, {
    source: "AWS IAM login",
    mountPath: "aws",
    rules: { role: TEXT, sign: FUNCTION },
    required: ["sign"],
  });
  const { role, sign } = read;
  return createLogin(server, async (ask) => {
    const request = readIamRequest(server.source, await sign({ signal: ask.signal }));
    return logIn(server, { body: { ...(role === undefined ? {} : { role }), ...request } }, ask);
  });
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
  const { options: read, server } = readLogin(options, {
    source: "Azure login",
    mountPath: "azure",
    rules: { role: TEXT, token: FUNCTION, ...Object.fromEntries(names.map((name) => [name, TEXT])) },
    required: ["role", "token"],
  });
  const { role, token } = read;
  const machine = Object.fromEntries(names.flatMap((name) => (read[name] === undefined ? [] : [[MACHINE[name], read[name]]])));
  return createLogin(server, async (ask) => logIn(server, { body: { role, jwt: await readIdentityToken(server.source, token, ask), ...machine } }, ask));
}
