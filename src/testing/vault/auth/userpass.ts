/** The auth method `userpass`: a name with a password (OpenBao `internal/builtin/credential/userpass`). */
import { NO_CONTENT, plainError } from "../answer.js";
import type { Answer } from "../answer.js";
import { isAnswer } from "../engine.js";
import type { Fields } from "../fields.js";
import { NAME, readRoleTokens, TOKEN_SCHEMA } from "./method.js";
import type { AuthCall, AuthMethod, Login, Refusal, VaultRoleTokens } from "./method.js";

/** A user of the userpass method. */
export interface VaultUser extends VaultRoleTokens {
  readonly password: string;
  /** Whether a login comes to a demand for a second factor in place of a token; false by default. */
  readonly mfa?: boolean;
}

/** A userpass method to mount. */
export interface VaultUserpassMount {
  readonly type: "userpass";
  /** By name, in lower case. */
  readonly users?: Readonly<Record<string, VaultUser>>;
}

const WRONG = plainError(400, "invalid username or password");

export function userpass({ users = {} }: VaultUserpassMount): AuthMethod {
  const store = new Map(Object.entries(users));
  const path = (text: string): RegExp => new RegExp(`^${text}$`);
  const handlers = { update: (call: AuthCall) => writeUser(store, call), delete: (call: AuthCall) => removeUser(store, call) };
  return {
    type: "userpass",
    aliasOf: nameOf,
    openFolder: "login/",
    routes: [
      { pattern: path(`login/${NAME}`), schema: { password: "string" }, open: true, handlers: { update: (call) => logIn(store, call) } },
      { pattern: path(`users/${NAME}`), schema: { ...TOKEN_SCHEMA, password: "string" }, handlers },
    ],
  };
}

function nameOf(fields: Fields): string {
  return (fields.string("name") as string).toLowerCase();
}

function logIn(store: ReadonlyMap<string, VaultUser>, { fields }: AuthCall): Login | Refusal {
  const username = nameOf(fields);
  const password = fields.string("password") ?? "";
  // A caller's mistake that has no code there.
  if (password === "") return plainError(500, "missing password");
  const user = store.get(username);
  if (user === undefined) return WRONG;
  if (user.password !== password) return { ...WRONG, isGuess: true };
  return { role: user, alias: username, displayName: username, metadata: { username }, mfa: user.mfa === true };
}

function writeUser(store: Map<string, VaultUser>, { fields }: AuthCall): Answer {
  const username = nameOf(fields);
  const password = fields.string("password") ?? store.get(username)?.password;
  if (password === undefined) return plainError(400, "must provide either password or password_hash");
  const tokens = readRoleTokens(fields);
  if (isAnswer(tokens)) return tokens;
  store.set(username, { ...tokens, password });
  return NO_CONTENT;
}

function removeUser(store: Map<string, VaultUser>, { fields }: AuthCall): Answer {
  store.delete(nameOf(fields));
  return NO_CONTENT;
}
