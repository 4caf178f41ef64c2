/** The auth method `jwt`: an identity token of an issuer whose keys the mount knows (OpenBao `internal/builtin/credential/jwt`). */
import type { Bytes } from "../../../encoding/bytes.js";
import { decodePem } from "../../../encoding/pem.js";
import { audiencesOf, isSignedByOne, readJwt, timeOf } from "../../jwt.js";
import type { ReadJwt } from "../../jwt.js";
import { NO_CONTENT, plainError } from "../answer.js";
import type { Answer } from "../answer.js";
import { isAnswer } from "../engine.js";
import { readNames } from "../token-routes.js";
import { NAME, readRoleTokens, TOKEN_SCHEMA } from "./method.js";
import type { AuthCall, AuthMethod, Login, VaultRoleTokens } from "./method.js";

/** A role of the jwt method. */
export interface VaultJwtRole extends VaultRoleTokens {
  /** One of these must be in `aud`; with none a token must have no `aud`. */
  readonly audiences?: readonly string[];
  /** What `sub` must be; any by default. */
  readonly subject?: string;
  /** Claims that must have one of these values. */
  readonly claims?: Readonly<Record<string, string | readonly string[]>>;
  /** The claim that says who it is; `sub` by default. */
  readonly userClaim?: string;
}

/** A jwt method to mount. */
export interface VaultJwtMount {
  readonly type: "jwt";
  /** Public keys of the issuer, as JWK or PEM. */
  readonly keys?: readonly (JsonWebKey | string)[];
  /** What `iss` must be; not looked at by default. */
  readonly issuer?: string;
  readonly defaultRole?: string;
  readonly roles?: Readonly<Record<string, VaultJwtRole>>;
}

interface Config {
  keys: readonly (JsonWebKey | Bytes)[];
  issuer: string | undefined;
  defaultRole: string | undefined;
}

interface Mount {
  readonly config: Config;
  readonly roles: Map<string, VaultJwtRole>;
}

/** What may be between two clocks, and how long a token without `exp` is good (github.com/hashicorp/cap, jwt). */
const CLOCK_SKEW_MS = 60_000;
const LEEWAY_MS = 150_000;

const CONFIG_SCHEMA = { jwt_validation_pubkeys: "any", bound_issuer: "string", default_role: "string" } as const;
const ROLE_SCHEMA = {
  ...TOKEN_SCHEMA,
  role_type: "string",
  user_claim: "string",
  bound_audiences: "any",
  bound_subject: "string",
  bound_claims: "any",
} as const;

export function jwt({ keys = [], issuer, defaultRole, roles = {} }: VaultJwtMount): AuthMethod {
  const mount: Mount = { config: { keys: keys.map(readKey), issuer, defaultRole }, roles: new Map(Object.entries(roles)) };
  const path = (text: string): RegExp => new RegExp(`^${text}$`);
  return {
    type: "jwt",
    routes: [
      { pattern: path("login"), schema: { role: "string", jwt: "string" }, open: true, handlers: { update: (call) => logIn(mount, call) } },
      { pattern: path("config"), schema: CONFIG_SCHEMA, handlers: { update: (call) => writeConfig(mount, call) } },
      { pattern: path(`role/${NAME}`), schema: ROLE_SCHEMA, handlers: { update: (call) => writeRole(mount, call) } },
    ],
  };
}

function readKey(key: JsonWebKey | string): JsonWebKey | Bytes {
  return typeof key === "string" ? decodePem(key, "PUBLIC KEY") : key;
}

function writeConfig({ config }: Mount, { fields }: AuthCall): Answer {
  try {
    config.keys = (readNames(fields.any("jwt_validation_pubkeys")) ?? []).map(readKey);
  } catch {
    return plainError(400, "error parsing public key: data does not contain any valid public keys");
  }
  config.issuer = fields.string("bound_issuer") || undefined;
  config.defaultRole = fields.string("default_role") || undefined;
  return NO_CONTENT;
}

function writeRole({ roles }: Mount, { fields }: AuthCall): Answer {
  const subject = fields.string("bound_subject");
  const tokens = readRoleTokens(fields);
  if (isAnswer(tokens)) return tokens;
  roles.set((fields.string("name") as string).toLowerCase(), {
    ...tokens,
    audiences: readNames(fields.any("bound_audiences")) ?? [],
    ...(subject ? { subject } : {}),
    claims: (fields.any("bound_claims") ?? {}) as Record<string, string>,
    userClaim: fields.string("user_claim") ?? "sub",
  });
  return NO_CONTENT;
}

async function logIn({ config, roles }: Mount, { fields, now }: AuthCall): Promise<Login | Answer> {
  const name = (fields.string("role") || config.defaultRole || "").toLowerCase();
  if (name === "") return plainError(400, "missing role");
  const role = roles.get(name);
  if (role === undefined) return plainError(400, `role ${JSON.stringify(name)} could not be found`);
  const token = fields.string("jwt") ?? "";
  if (token === "") return plainError(400, "missing token");
  const problem = await tokenProblem(token, config, role, now);
  if (problem !== undefined) return plainError(400, `error validating token: ${problem}`);
  return identify(readJwt(token) as ReadJwt, name, role);
}

/** What is wrong with a token as such; the checks come in the order of the servers' library. */
async function tokenProblem(token: string, { keys, issuer }: Config, role: VaultJwtRole, now: number): Promise<string | undefined> {
  const unsigned = "error verifying token signature";
  const malformed = formProblem(token);
  if (malformed !== undefined) return `${unsigned}: ${malformed}`;
  const read = readJwt(token);
  if (read === undefined || !(await isSignedByOne(read, keys))) return `${unsigned}: no known key successfully validated the token signature`;
  if (issuer !== undefined && read.claims["iss"] !== issuer) return "invalid issuer (iss) claim";
  if (role.subject !== undefined && read.claims["sub"] !== role.subject) return "invalid subject (sub) claim";
  const { audiences = [] } = role;
  if (audiences.length > 0 && !audiencesOf(read).some((audience) => audiences.includes(audience))) {
    return "invalid audience (aud) claim: audience claim does not match any expected audience";
  }
  return timeProblem(read, now);
}

/** Go's words for what is not even three parts of base64url. */
function formProblem(token: string): string | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return "go-jose/go-jose: compact JWS format must have three parts";
  for (const part of parts) {
    const wrong = part.search(/[^A-Za-z0-9_-]/);
    if (wrong >= 0 || part.length % 4 === 1) return `illegal base64 data at input byte ${wrong >= 0 ? wrong : part.length - 1}`;
  }
  return undefined;
}

function timeProblem(read: ReadJwt, now: number): string | undefined {
  const [issued, begins, expires] = (["iat", "nbf", "exp"] as const).map((claim) => timeOf(read, claim));
  if (issued === undefined && begins === undefined && expires === undefined) {
    return "no issued at (iat), not before (nbf), or expiration time (exp) claims in token";
  }
  const until = expires ?? Math.max(issued ?? 0, begins ?? 0) + LEEWAY_MS;
  if (begins !== undefined && begins > now + CLOCK_SKEW_MS) return "invalid not before (nbf) claim: token not yet valid";
  if (until < now - CLOCK_SKEW_MS) return "invalid expiration time (exp) claim: token is expired";
  return issued !== undefined && issued > now + CLOCK_SKEW_MS ? "invalid issued at (iat) claim: token issued in the future" : undefined;
}

/** Who it is, by the claims that the role asks for. */
function identify(read: ReadJwt, name: string, role: VaultJwtRole): Login | Answer {
  const { claims: bound = {}, audiences = [], userClaim = "sub" } = role;
  if (audiences.length === 0 && audiencesOf(read).length > 0) return plainError(400, "audience claim found in JWT but no audiences bound to the role");
  const user = read.claims[userClaim];
  if (user === undefined) return plainError(400, `claim ${JSON.stringify(userClaim)} not found in token`);
  if (typeof user !== "string") return plainError(400, `claim ${JSON.stringify(userClaim)} could not be converted to string`);
  for (const [claim, expected] of Object.entries(bound)) {
    const actual = read.claims[claim];
    if (actual === undefined) return plainError(400, `error validating claims: claim ${JSON.stringify(claim)} is missing`);
    const values = [actual].flat();
    if (values.some((value) => [expected].flat().includes(value as string))) continue;
    return plainError(400, `error validating claims: claim ${JSON.stringify(claim)} does not match any associated bound claim values`);
  }
  return { role, alias: user, displayName: user, metadata: { role: name } };
}
