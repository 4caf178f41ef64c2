/** The auth method `approle`: a role id with a secret id (OpenBao `internal/builtin/credential/approle`). */
import { dataAnswer, NO_CONTENT, plainError } from "../answer.js";
import type { Answer } from "../answer.js";
import { isAnswer } from "../engine.js";
import type { Fields } from "../fields.js";
import { NAME, readRoleTokens, TOKEN_SCHEMA } from "./method.js";
import type { AuthCall, AuthMethod, Login, Refusal, VaultRoleTokens } from "./method.js";

/** A secret id of a role, which may wear out. */
export interface VaultSecretId {
  readonly secretId: string;
  /** Logins it is good for; unlimited by default. */
  readonly uses?: number;
  /** Seconds it lives, from when the mount was made; for ever by default. */
  readonly ttlSeconds?: number;
}

/** A role of the approle method. */
export interface VaultAppRole extends VaultRoleTokens {
  /** A new random one by default. */
  readonly roleId?: string;
  readonly secretIds?: readonly (string | VaultSecretId)[];
  /** Whether a secret id is needed; true by default. */
  readonly bindSecretId?: boolean;
}

/** An approle method to mount. */
export interface VaultAppRoleMount {
  readonly type: "approle";
  readonly roles?: Readonly<Record<string, VaultAppRole>>;
}

interface SecretId {
  usesLeft: number | undefined;
  readonly expiresAt: number | undefined;
}

interface Role {
  readonly name: string;
  readonly roleId: string;
  readonly tokens: VaultRoleTokens;
  readonly bindSecretId: boolean;
  readonly secretIds: Map<string, SecretId>;
  /** Of secret ids that are asked for from now on; 0 is without a limit. */
  readonly secretIdUses: number;
  readonly secretIdTtl: number;
}

const SECRET_ID_SCHEMA = { metadata: "any", cidr_list: "any", num_uses: "int", ttl: "duration", secret_id: "string" } as const;
const ROLE_SCHEMA = { ...TOKEN_SCHEMA, bind_secret_id: "bool", secret_id_num_uses: "int", secret_id_ttl: "duration" } as const;
const WRONG = plainError(400, "invalid role or secret ID");

export function appRole({ roles = {} }: VaultAppRoleMount, now: () => number): AuthMethod {
  const store = new Map(Object.entries(roles).map(([name, role]) => [name, fromOptions(name, role, now())]));
  const path = (text: string): RegExp => new RegExp(`^${text}$`);
  const handlers = { update: (call: AuthCall) => writeRole(store, call), delete: (call: AuthCall) => removeRole(store, call) };
  const roleOf = ({ fields }: AuthCall): Role | undefined => store.get(fields.string("name") as string);
  return {
    type: "approle",
    aliasOf,
    routes: [
      { pattern: path("login"), schema: { role_id: "string", secret_id: "string" }, open: true, handlers: { update: (call) => logIn(store, call) } },
      { pattern: path(`role/${NAME}`), schema: ROLE_SCHEMA, handlers },
      { pattern: path(`role/${NAME}/role-id`), schema: {}, handlers: { read: (call) => readRoleId(roleOf(call)) } },
      { pattern: path(`role/${NAME}/secret-id`), schema: SECRET_ID_SCHEMA, handlers: { update: (call) => makeSecretId(roleOf(call), call) } },
    ],
  };
}

/** The servers look for the role before anything else, and answer an error of that look-up as it is. */
function aliasOf(fields: Fields): string | Answer {
  return fields.string("role_id") || plainError(500, "missing role_id");
}

function fromOptions(name: string, { roleId = crypto.randomUUID(), secretIds = [], bindSecretId = true, ...tokens }: VaultAppRole, now: number): Role {
  const entries = secretIds.map((entry): [string, SecretId] => {
    const { secretId, uses, ttlSeconds } = typeof entry === "string" ? { secretId: entry, uses: undefined, ttlSeconds: undefined } : entry;
    return [secretId, { usesLeft: uses, expiresAt: ttlSeconds === undefined ? undefined : now + 1000 * ttlSeconds }];
  });
  return { name, roleId, tokens, bindSecretId, secretIds: new Map(entries), secretIdUses: 0, secretIdTtl: 0 };
}

function logIn(store: ReadonlyMap<string, Role>, { fields, now }: AuthCall): Login | Refusal {
  const role = [...store.values()].find(({ roleId }) => roleId === fields.string("role_id"));
  if (role === undefined) return WRONG;
  const sent = fields.string("secret_id") ?? "";
  if (role.bindSecretId && sent === "") return plainError(400, "missing secret_id");
  if (role.bindSecretId && !spend(role, sent, now)) return { ...WRONG, isGuess: true };
  return { role: role.tokens, alias: role.roleId, displayName: "", metadata: { role_name: role.name } };
}

/** Whether a secret id is good; one use of it is gone then. */
function spend({ secretIds }: Role, sent: string, now: number): boolean {
  const found = secretIds.get(sent);
  if (found === undefined) return false;
  if (found.expiresAt !== undefined && found.expiresAt <= now) {
    secretIds.delete(sent);
    return false;
  }
  if (found.usesLeft !== undefined) found.usesLeft -= 1;
  if (found.usesLeft === 0) secretIds.delete(sent);
  return true;
}

function writeRole(store: Map<string, Role>, { fields }: AuthCall): Answer {
  const name = fields.string("name") as string;
  const before = store.get(name);
  const tokens = readRoleTokens(fields);
  if (isAnswer(tokens)) return tokens;
  store.set(name, {
    name,
    roleId: before?.roleId ?? crypto.randomUUID(),
    tokens,
    bindSecretId: fields.boolean("bind_secret_id") ?? true,
    secretIds: before?.secretIds ?? new Map<string, SecretId>(),
    secretIdUses: fields.number("secret_id_num_uses") ?? 0,
    secretIdTtl: fields.number("secret_id_ttl") ?? 0,
  });
  return NO_CONTENT;
}

function removeRole(store: Map<string, Role>, { fields }: AuthCall): Answer {
  store.delete(fields.string("name") as string);
  return NO_CONTENT;
}

function readRoleId(role: Role | undefined): Answer {
  return role === undefined ? plainError(404) : dataAnswer({ role_id: role.roleId });
}

function makeSecretId(role: Role | undefined, { fields, now }: AuthCall): Answer {
  if (role === undefined) return plainError(404, `role ${JSON.stringify(fields.string("name"))} does not exist`);
  const uses = fields.number("num_uses") ?? role.secretIdUses;
  const ttl = fields.number("ttl") ?? role.secretIdTtl;
  const secretId = crypto.randomUUID();
  role.secretIds.set(secretId, { usesLeft: uses === 0 ? undefined : uses, expiresAt: ttl === 0 ? undefined : now + 1000 * ttl });
  const data = { secret_id: secretId, secret_id_accessor: crypto.randomUUID(), secret_id_num_uses: uses, secret_id_ttl: ttl };
  return dataAnswer(data, fields.warnings);
}
