/** The actions of the emulated STS, with the checks of their parameters. */
import { checkIdentity } from "../jwt.js";
import type { IdentityProblem, TrustedIssuer } from "../jwt.js";
import { StsFailure } from "./query-xml.js";
import { isoSeconds } from "./service.js";
import { parseRoleArn } from "./sessions.js";
import type { StsCall, StsRole } from "./sts.js";

export interface StsResult {
  readonly Credentials?: Readonly<Record<string, string>>;
  readonly [element: string]: unknown;
}

interface StsAction {
  /** Whether the request must be signed. */
  readonly signed: boolean;
  run(call: StsCall): StsResult | Promise<StsResult>;
}

export const STS_ACTIONS: Readonly<Record<string, StsAction | undefined>> = Object.assign(Object.create(null) as object, {
  AssumeRole: { signed: true, run: assumeRole },
  AssumeRoleWithWebIdentity: { signed: false, run: assumeRoleWithWebIdentity },
  GetCallerIdentity: { signed: true, run: getCallerIdentity },
});

function getCallerIdentity({ caller }: StsCall): StsResult {
  return { UserId: caller?.userId, Account: caller?.accountId, Arn: caller?.arn };
}

function assumeRole(call: StsCall): StsResult {
  const { roleArn, sessionName } = readSession(call.parameters);
  const externalId = readText(call.parameters, "ExternalId", { pattern: /^[\w+=,.@:/-]{2,1224}$/, optional: true });
  const { arn = "", isSession = false } = call.caller ?? {};
  const role = call.roles.find((entry) => entry.arn === roleArn);
  const allowed = role?.principals?.some((principal) => principal === arn || principal === call.accessKeyId) ?? true;
  if (role === undefined || !allowed || (role.externalId !== undefined && role.externalId !== externalId)) {
    throw new StsFailure("AccessDenied", 403, `User: ${arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`);
  }
  return giveRole(call, role, { sessionName, isChained: isSession });
}

async function assumeRoleWithWebIdentity(call: StsCall): Promise<StsResult> {
  const { roleArn, sessionName } = readSession(call.parameters);
  const token = readText(call.parameters, "WebIdentityToken", { pattern: /^[^]{4,20000}$/ }) as string;
  const role = call.roles.find((entry) => entry.arn === roleArn);
  const subject = await identify(token, role, call);
  return { SubjectFromWebIdentityToken: subject, ...giveRole(call, role as StsRole, { sessionName, isChained: false }) };
}

/** The subject of a token that gives the role. The token is judged before it is looked whether there is such a role. */
async function identify(token: string, role: StsRole | undefined, { roles, now }: StsCall): Promise<string> {
  if (role?.webIdentities?.some((trust) => "token" in trust && trust.token === token) === true) return "emulated";
  const issuersOf = (entries: readonly StsRole[]): TrustedIssuer[] =>
    entries.flatMap(({ webIdentities = [] }) => webIdentities).filter((trust): trust is TrustedIssuer => "issuer" in trust);
  const audience = "sts.amazonaws.com";
  const known = await checkIdentity(token, issuersOf(roles), { now, audience });
  if (known.problem !== undefined) throw identityFailure(known.problem, { issuer: known.jwt?.claims["iss"], roles });
  const trusted = role === undefined ? undefined : await checkIdentity(token, issuersOf([role]), { now, audience });
  if (trusted === undefined || trusted.problem !== undefined) {
    throw new StsFailure("AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
  }
  return String(trusted.jwt.claims["sub"] ?? "");
}

function identityFailure(problem: IdentityProblem, { issuer, roles }: { issuer: unknown; roles: readonly StsRole[] }): StsFailure {
  if (problem === "expired") {
    return new StsFailure("ExpiredTokenException", 400, "The web identity token that was passed is expired or is not valid.");
  }
  if (problem === "subject") return new StsFailure("AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
  const account = parseRoleArn(roles[0]?.arn ?? "")?.accountId ?? "";
  const texts: Readonly<Record<typeof problem, string>> = {
    malformed: "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
    issuer: `No OpenIDConnect provider found in your account for ${String(issuer)} (account ${account})`,
    signature: "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements",
    "not-yet-valid": "Token is not valid yet",
    audience: "Incorrect token audience",
  };
  return new StsFailure("InvalidIdentityToken", 400, texts[problem]);
}

/** Role chaining gives an hour at most, whatever the role allows (IAM User Guide, "Roles terms and concepts"). */
function giveRole({ parameters, sessions, now }: StsCall, role: StsRole, { sessionName, isChained }: { sessionName: string; isChained: boolean }): StsResult {
  const duration = readDuration(parameters) ?? 3600;
  if (isChained && duration > 3600) {
    throw invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining");
  }
  if (duration > (role.maxDurationSeconds ?? 3600)) {
    throw invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = sessions.issue({
    source: "sts",
    roleArn: role.arn,
    sessionName,
    expiresAt: Math.floor(now / 1000) * 1000 + duration * 1000,
  });
  const { arn, userId } = sessions.sessionOf(role.arn, sessionName);
  return {
    AssumedRoleUser: { AssumedRoleId: userId, Arn: arn },
    Credentials: {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: isoSeconds(expiresAt.getTime()),
    },
  };
}

function readSession(parameters: URLSearchParams): { roleArn: string; sessionName: string } {
  const roleArn = readText(parameters, "RoleArn", { pattern: /^[\u0020-\u007e]{20,2048}$/ }) as string;
  const sessionName = readText(parameters, "RoleSessionName", { pattern: /^[\w+=,.@-]{2,64}$/ }) as string;
  if (parseRoleArn(roleArn) === undefined) throw invalid(`${roleArn} is invalid`);
  return { roleArn, sessionName };
}

function readDuration(parameters: URLSearchParams): number | undefined {
  const text = readText(parameters, "DurationSeconds", { pattern: /^\d{1,9}$/, optional: true });
  const seconds = text === undefined ? undefined : Number(text);
  if (seconds === undefined || (seconds >= 900 && seconds <= 43_200)) return seconds;
  const bound = seconds < 900 ? "greater than or equal to 900" : "less than or equal to 43200";
  throw constraint("durationSeconds", text as string, `Member must have value ${bound}`);
}

function readText(parameters: URLSearchParams, name: string, { pattern, optional = false }: { pattern: RegExp; optional?: boolean }): string | undefined {
  const value = parameters.get(name);
  const member = name.charAt(0).toLowerCase() + name.slice(1);
  if (value === null && optional) return undefined;
  if (value === null) throw invalid(`1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`);
  if (pattern.test(value)) return value;
  throw constraint(member, value, `Member must satisfy regular expression pattern: ${pattern.source}`);
}

/** As the service does it quotes what was sent, secrets too: a client must not pass it on. */
function constraint(member: string, value: string, text: string): StsFailure {
  return invalid(`1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${text}`);
}

function invalid(text: string): StsFailure {
  return new StsFailure("ValidationError", 400, text);
}
