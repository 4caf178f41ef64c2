/** A role for the holder of an identity token: STS AssumeRoleWithWebIdentity. */
import { NotConfiguredError } from "../../credentials/chain.js";
import { readIdentityToken, type IdentityToken } from "../../credentials/identity-tokens.js";
import { FUNCTION, HTTP_OPTIONS, matching, readSourceOptions } from "../../credentials/options.js";
import { tokenError } from "../../credentials/token-request.js";
import { readVariable } from "../../environment.js";
import { readClock } from "../../options.js";
import type { AwsCredentialsFunction } from "./environment.js";
import { askSts, ROLE_ARN, ROLE_RULES, roleParameters, SESSION_NAME, stsError, stsPlace, type RoleOptions, type StsReply } from "./sts.js";

/** Options of {@link fromWebIdentity}. */
export interface FromWebIdentityOptions extends RoleOptions {
  /** Default `AWS_ROLE_ARN`. */
  readonly roleArn?: string;
  /** Returns the token, anew for every request. Default: the file that `AWS_WEB_IDENTITY_TOKEN_FILE` names, which needs `readFile`. */
  readonly identityToken?: IdentityToken;
  /** Reads that file: `readTokenFile` of `knhk-kms/node`. */
  readonly readFile?: (path: string) => Promise<string>;
  /** The fully qualified host of an OAuth 2.0 provider; not for OIDC. */
  readonly providerId?: string;
}

const SOURCE = "web identity";
const RULES = { ...HTTP_OPTIONS, ...ROLE_RULES, roleArn: ROLE_ARN, identityToken: FUNCTION, readFile: FUNCTION, providerId: matching(/^[\x21-\x7e]{4,2048}$/, "4 to 2048 visible characters") };

/**
 * Credentials of a role for an identity token: no secret is kept anywhere. One unsigned request to the STS of the region for
 * each refresh; a token that has expired is asked for once more.
 *
 * The session's name is `sessionName`, else `AWS_ROLE_SESSION_NAME`, else `knhk-kms-` and the time.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see AWS Security Token Service API Reference, AssumeRoleWithWebIdentity
 * @example
 * ```ts
 * const credentials = fromWebIdentity({ region: "eu-central-1", roleArn, identityToken: vercelToken() });
 * const kms = createAwsKms({ region: "eu-central-1", keyId: "alias/signing", credentials });
 * ```
 */
export function fromWebIdentity(options: FromWebIdentityOptions = {}): AwsCredentialsFunction {
  const read = readSourceOptions(options, RULES);
  const now = readClock(read.now);
  return async (ask) => {
    const { roleArn, identityToken, sessionName } = await setUp(read);
    const place = stsPlace(SOURCE, read);
    const exchange = async (): Promise<StsReply> => {
      const token = await readIdentityToken(SOURCE, identityToken, ask);
      if (token.length < 4 || token.length > 20_000) throw tokenError(SOURCE, "the identity token is shorter or longer than STS takes");
      const role = roleParameters({ ...read, ...(sessionName === undefined ? {} : { sessionName }) }, roleArn, now());
      const parameters = [...role, ["ProviderId", read.providerId], ["WebIdentityToken", token]] as const;
      return askSts({ source: SOURCE, place, action: "AssumeRoleWithWebIdentity", parameters, ask, fetch: read.fetch, timeoutMs: read.timeoutMs, now });
    };
    let reply = await exchange();
    // A file or a cache may have been renewed just now.
    if ("refused" in reply && reply.code === "ExpiredTokenException") reply = await exchange();
    if ("refused" in reply) throw stsError(SOURCE, reply.refused, reply.code);
    return reply.credentials;
  };
}

interface SetUp {
  readonly roleArn: string;
  readonly identityToken: IdentityToken;
  readonly sessionName: string | undefined;
}

/** Options, and what the environment says in place of those that are absent. */
async function setUp(options: FromWebIdentityOptions): Promise<SetUp> {
  const { env, readFile } = options;
  const roleArn = options.roleArn ?? readVariable(env, "AWS_ROLE_ARN");
  const file = options.identityToken === undefined ? readVariable(env, "AWS_WEB_IDENTITY_TOKEN_FILE") : undefined;
  if (roleArn === undefined || (options.identityToken === undefined && file === undefined)) {
    throw new NotConfiguredError(`${SOURCE}: AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are not both set`);
  }
  if (!ROLE_ARN[0](roleArn)) throw tokenError(SOURCE, "AWS_ROLE_ARN is not the ARN of a role");
  const sessionName = options.sessionName ?? readVariable(env, "AWS_ROLE_SESSION_NAME");
  if (sessionName !== undefined && !SESSION_NAME[0](sessionName)) throw tokenError(SOURCE, `AWS_ROLE_SESSION_NAME must be ${SESSION_NAME[1]}`);
  return { roleArn, sessionName, identityToken: options.identityToken ?? (() => readNamedFile(file as string, readFile)) };
}

function readNamedFile(file: string, readFile: FromWebIdentityOptions["readFile"]): Promise<string> {
  if (readFile !== undefined) return readFile(file);
  throw tokenError(SOURCE, "AWS_WEB_IDENTITY_TOKEN_FILE is set, and files are not read here", { hint: "use awsDefaultChain of knhk-kms/node, or give readFile or identityToken" });
}
