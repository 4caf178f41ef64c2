/** The request by which an AWS identity logs in to HashiCorp Vault: signed here, sent to STS by the server. */
import type { CredentialAsk, CredentialOption } from "../../credentials/cached.js";
import { FUNCTION, matching, readSourceOptions, type OptionRule } from "../../credentials/options.js";
import { encodeBase64 } from "../../encoding/base64.js";
import type { Hasher } from "../../hasher.js";
import { parseEndpoint, type Endpoint } from "../../http/url.js";
import type { AwsCredentials } from "../authorization.js";
import { dnsSuffixOf, regionProblems } from "../config.js";
import { createSigV4Signer } from "../signer.js";
import { hasherProblems } from "../sigv4.js";

/** Options of {@link vaultIamRequest}. */
export interface VaultIamRequestOptions {
  /** Whose identity it is: a value, or any source. */
  readonly credentials: CredentialOption<AwsCredentials>;
  /** That of the STS which the server asks; `us-east-1` unless the auth method has another `sts_region`. */
  readonly region: string;
  /** What the auth method has as `iam_server_id_header_value`; signed, so that the request is good for that server only. */
  readonly serverId?: string;
  /** What the auth method has as `sts_endpoint`. Default `https://sts.amazonaws.com` for `us-east-1`, else the region's own. */
  readonly endpoint?: string;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** Instead of WebCrypto. */
  readonly hasher?: Hasher;
}

/** The signed parts, as the server's login takes them: URL, body and headers in base64. */
export interface VaultIamRequest {
  readonly iam_http_request_method: string;
  readonly iam_request_url: string;
  readonly iam_request_body: string;
  readonly iam_request_headers: string;
}

const BODY = "Action=GetCallerIdentity&Version=2011-06-15";
const SERVER_ID = "X-Vault-AWS-IAM-Server-ID";

const RULES: Readonly<Record<string, OptionRule>> = {
  credentials: [(value) => typeof value === "function" || (typeof value === "object" && value !== null), "an access key, or a function that returns one"],
  region: [(value) => regionProblems(value).length === 0, "the name of an AWS region, such as eu-central-1"],
  serverId: matching(/^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/, "visible ASCII text"),
  endpoint: [(value) => typeof value === "string" && !("problem" in parseEndpoint(value)), "an https origin"],
  now: FUNCTION,
  hasher: [(value) => hasherProblems(value).length === 0, "an object with the functions digest and hmacSha256"],
};

/**
 * Makes the function `sign` for `fromAwsIam` of `knhk-kms/vault`: it signs a GetCallerIdentity request, anew for each login, and
 * sends nothing itself. STS takes the signature for 15 minutes; whoever holds it can log in meanwhile, hence `serverId`.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` for a credential value that cannot be one
 * @see AWS Security Token Service API Reference, GetCallerIdentity; Vault API documentation, "AWS auth method", login
 * @example
 * ```ts
 * const sign = vaultIamRequest({ region: "us-east-1", credentials: fromDefaultChain(), serverId: "vault.example" });
 * const login = fromAwsIam({ address: "https://vault.example:8200", role: "signer", sign });
 * ```
 */
export function vaultIamRequest(options: VaultIamRequestOptions): (ask?: Pick<CredentialAsk, "signal">) => Promise<VaultIamRequest> {
  const { region, serverId, endpoint, ...rest } = readSourceOptions(options, RULES, { required: ["credentials", "region"] });
  const signer = createSigV4Signer({ ...rest, region, service: "sts" });
  const { origin, host } = parseEndpoint(endpoint ?? endpointOf(region)) as Endpoint;
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8", ...(serverId === undefined ? {} : { [SERVER_ID]: serverId }) };
  return async () => {
    const signed = await signer.sign({ method: "POST", url: `${origin}/`, headers, body: BODY });
    const all = Object.entries({ ...signed.headers, host }).map(([name, value]) => [headerName(name), [value]]);
    return {
      iam_http_request_method: "POST",
      iam_request_url: encodeText(`${origin}/`),
      iam_request_body: encodeText(BODY),
      iam_request_headers: encodeText(JSON.stringify(Object.fromEntries(all))),
    };
  };
}

/** The host that the server's SDK asks: the global one stands for `us-east-1`. */
function endpointOf(region: string): string {
  return region === "us-east-1" ? "https://sts.amazonaws.com" : `https://sts.${region}.${dnsSuffixOf(region)}`;
}

/** As Go writes them, so that the server finds them whatever way it looks. */
function headerName(name: string): string {
  if (name === SERVER_ID.toLowerCase()) return SERVER_ID;
  return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

function encodeText(text: string): string {
  return encodeBase64(new TextEncoder().encode(text));
}
