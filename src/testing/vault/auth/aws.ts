/** The auth method `aws`, type iam: a signed request for one's own identity, which the server sends to STS (OpenBao `builtin/credential/aws`). */
import { decodeStandard } from "../go-base64.js";
import { plainError } from "../answer.js";
import type { Answer } from "../answer.js";
import type { Fields } from "../fields.js";
import type { AuthCall, AuthMethod, Login, VaultRoleTokens } from "./method.js";

/** A role of the aws method. */
export interface VaultAwsRole extends VaultRoleTokens {
  /** ARNs of users and roles that may log in; `*` at the end stands for any rest. */
  readonly principals: readonly string[];
}

/** An aws method to mount, of the kind `iam`. */
export interface VaultAwsMount {
  readonly type: "aws";
  /** Stands for STS: the `fetch` of a token emulator, for one. */
  readonly sts: (request: Request) => Promise<Response>;
  /** Where the server asks; a request must be signed for its host. `https://sts.amazonaws.com` by default. */
  readonly stsEndpoint?: string;
  /** What the header `X-Vault-AWS-IAM-Server-ID` must be, signed; not looked at by default. */
  readonly serverId?: string;
  readonly roles?: Readonly<Record<string, VaultAwsRole>>;
}

const SCHEMA = {
  role: "string",
  iam_http_request_method: "string",
  iam_request_url: "string",
  iam_request_body: "string",
  iam_request_headers: "any",
  identity: "string",
  signature: "string",
  pkcs7: "string",
  nonce: "string",
} as const;
const SERVER_ID = "X-Vault-AWS-IAM-Server-ID";
/** `x-amz-…` headers that a request may have. */
const AMZ_HEADERS = /^x-amz-(?:algorithm|content-sha256|credential|date|security-token|signature|signedheaders)$/i;

/** The request that a client signed. */
interface Signed {
  readonly url: URL;
  readonly body: string;
  readonly headers: ReadonlyMap<string, string>;
}

interface Caller {
  readonly arn: string;
  readonly account: string;
  readonly userId: string;
}

export function aws(mount: VaultAwsMount): AuthMethod {
  const routes = [{ pattern: /^login$/, schema: SCHEMA, open: true, handlers: { update: (call: AuthCall) => logIn(mount, call) } }];
  return { type: "aws", routes };
}

async function logIn(mount: VaultAwsMount, { fields }: AuthCall): Promise<Login | Answer> {
  const signed = readSigned(fields);
  if (typeof signed === "string") return plainError(400, signed);
  const problem = mount.serverId === undefined ? undefined : serverIdProblem(signed.headers, mount.serverId);
  if (problem !== undefined) return plainError(400, `error validating ${SERVER_ID} header: ${problem}`);
  const caller = await askSts(mount, signed);
  if (typeof caller === "string") return plainError(400, `error making upstream request: ${caller}`);
  return admit(mount, caller, fields.string("role") ?? "");
}

function readSigned(fields: Fields): Signed | string {
  const method = fields.string("iam_http_request_method") ?? "";
  if (method === "") return "missing iam_http_request_method";
  if (method !== "POST") return "invalid iam_http_request_method; currently only 'POST' is supported";
  const texts: string[] = [];
  for (const name of ["iam_request_url", "iam_request_body"]) {
    const encoded = fields.string(name) ?? "";
    const decoded = decodeStandard(encoded);
    if (encoded === "") return `missing ${name}`;
    if (!("bytes" in decoded)) return `failed to base64 decode ${name}`;
    texts.push(new TextDecoder().decode(decoded.bytes));
  }
  const [address, body] = texts as [string, string];
  if (!URL.canParse(address)) return "error parsing iam_request_url";
  const url = new URL(address);
  const allowed = [...new URLSearchParams(body)].every(([name, value]) => (name === "Action" ? value === "GetCallerIdentity" : name === "Version"));
  if (url.search !== "" || !allowed) return "iam request body is invalid";
  const headers = readHeaders(fields.any("iam_request_headers"));
  return typeof headers === "string" ? headers : { url, body, headers };
}

/** An object, or base64 of one as JSON; values may be lists. */
function readHeaders(value: unknown): ReadonlyMap<string, string> | string {
  const given = typeof value === "string" ? parseBase64Json(value) : value;
  if (typeof given !== "object" || given === null || Object.keys(given).length === 0) return "missing iam_request_headers";
  const headers = new Map(Object.entries(given).map(([name, entry]) => [name.toLowerCase(), [entry].flat().map(String).join(",")]));
  const foreign = [...headers.keys()].find((name) => name.startsWith("x-amz-") && !AMZ_HEADERS.test(name));
  return foreign === undefined ? headers : `invalid request header: ${foreign}`;
}

function parseBase64Json(text: string): unknown {
  const decoded = decodeStandard(text);
  try {
    return "bytes" in decoded ? JSON.parse(new TextDecoder().decode(decoded.bytes)) : undefined;
  } catch {
    return undefined;
  }
}

function serverIdProblem(headers: ReadonlyMap<string, string>, expected: string): string | undefined {
  const sent = headers.get(SERVER_ID.toLowerCase()) ?? "";
  if (sent === "") return `missing header ${JSON.stringify(SERVER_ID)}`;
  if (sent !== expected) return `expected ${JSON.stringify(expected)} but got ${JSON.stringify(sent)}`;
  const authorization = headers.get("authorization");
  if (authorization === undefined) return "missing Authorization header";
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(";") ?? [];
  return signed.includes(SERVER_ID.toLowerCase()) ? undefined : "vault header wasn't signed";
}

/** The server asks its own endpoint with the host that was signed, so a request for another one is refused there. */
async function askSts({ sts, stsEndpoint = "https://sts.amazonaws.com" }: VaultAwsMount, { url, body, headers }: Signed): Promise<Caller | string> {
  if (url.host !== new URL(stsEndpoint).host) return "received error code 403 from STS: the request is signed for another host";
  const sent = [...headers].filter(([name]) => name !== "host" && name !== "content-length");
  const response = await sts(new Request(`${url.origin}/`, { method: "POST", headers: sent, body }));
  const text = await response.text();
  if (response.headers.get("content-type") !== "text/xml") return "invalid response from STS";
  if (response.status !== 200) return `received error code ${response.status} from STS: ${text}`;
  const [arn, account, userId] = ["Arn", "Account", "UserId"].map((name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1]);
  return arn === undefined || account === undefined || userId === undefined ? "error parsing STS response" : { arn, account, userId };
}

/** The principal of an ARN; a session counts as its role. */
function parseArn(arn: string): { friendly: string; canonical: string; session?: string } | undefined {
  const session = /^(arn:aws[a-z-]*):sts::(\d*):assumed-role\/([^/]+)\/(.+)$/.exec(arn);
  if (session !== null) {
    const [, partition, account, role, name] = session as unknown as [string, string, string, string, string];
    return { friendly: role, canonical: `${partition}:iam::${account}:role/${role}`, session: name };
  }
  const friendly = /^arn:aws[a-z-]*:iam::\d*:(?:user|role)\/(?:.*\/)?([^/]+)$/.exec(arn)?.[1];
  return friendly === undefined ? undefined : { friendly, canonical: arn };
}

function admit({ roles = {} }: VaultAwsMount, { arn, account, userId }: Caller, asked: string): Login | Answer {
  const parsed = parseArn(arn);
  if (parsed === undefined) return plainError(400, `error parsing arn ${JSON.stringify(arn)}: unrecognized arn`);
  const { friendly, canonical, session } = parsed;
  const name = asked === "" ? friendly : asked;
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined;
  if (role === undefined) return plainError(400, `entry for role ${name} not found`);
  const isBound = role.principals.some((bound) => (bound.endsWith("*") ? canonical.startsWith(bound.slice(0, -1)) : bound === canonical));
  if (!isBound) return plainError(400, `IAM Principal ${JSON.stringify(arn)} does not belong to the role ${JSON.stringify(name)}`);
  const uniqueId = userId.split(":")[0] as string;
  const metadata = {
    account_id: account,
    auth_type: "iam",
    canonical_arn: canonical,
    client_arn: arn,
    client_user_id: uniqueId,
    inferred_aws_region: "",
    inferred_entity_id: "",
    inferred_entity_type: "",
    role_id: `role-id-of-${name}`,
  };
  return { role, alias: uniqueId, displayName: session === undefined ? friendly : `${friendly}/${session}`, metadata };
}
