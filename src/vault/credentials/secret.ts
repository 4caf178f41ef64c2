/** Logins with a secret: AppRole, a password, and what was delivered wrapped (a wrapping token is exchanged, once, for what is in it). */
import type { CredentialAsk } from "../../credentials/cached.js";
import { TEXT, type OptionRule } from "../../credentials/options.js";
import { isSecret, isTransient, readToken, refusedToken, tokenError } from "../../credentials/token-request.js";
import { optionalObject, optionalString, requiredObject, requiredString } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";
import { isPathSegment } from "../../http/url.js";
import { throwProblems } from "../../options.js";
import { createLogin, type VaultLogin } from "./login.js";
import { askServer, logIn, readIssued, readLogin, TEXT_OR_FUNCTION, type LoginServer, type Refusal, type VaultLoginOptions, type VaultMethodOptions } from "./server.js";

/** A secret, or a function that gets it, anew for each login. */
export type SecretOption = string | ((ask: Pick<CredentialAsk, "signal">) => string | Promise<string>);

/** Options of {@link fromAppRole}. */
export interface FromAppRoleOptions extends VaultMethodOptions {
  readonly roleId: string;
  /** Absent for a role with `bind_secret_id=false`. One that ends, or is good for some logins only, needs a function. */
  readonly secretId?: SecretOption;
  /** Instead of `secretId`: the wrapping token in which it was delivered. It is opened once, and the secret id kept for later logins. */
  readonly wrappedSecretId?: SecretOption;
}

const APPROLE_REFUSALS: readonly Refusal[] = [
  [/invalid role or secret ID/, "the role id or the secret id is wrong, has expired or is used up", "a secret id for one use, or for a time, needs a function that gets a new one"],
  [/missing secret_id/, "the role needs a secret id"],
];

/**
 * Tokens for a role id and a secret id. One request a login, which is not repeated when its outcome is unknown, for it may
 * have used the secret id up; two more for a wrapped one.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vault API documentation, "AppRole auth method", login with AppRole
 * @example
 * ```ts
 * const credentials = fromAppRole({ address, roleId, secretId: () => readSecretId() });
 * const kms = createVaultKms({ address, mountPath: "transit", keyName: "signer", credentials });
 * ```
 */
export function fromAppRole(options: FromAppRoleOptions): VaultLogin {
  const server = readLogin(options, {
    source: "AppRole login",
    mountPath: "approle",
    needs: { roleId: TEXT },
    takes: { secretId: TEXT_OR_FUNCTION, wrappedSecretId: TEXT_OR_FUNCTION },
    refusals: APPROLE_REFUSALS,
  });
  const { roleId, secretId, wrappedSecretId } = server.options;
  if (secretId !== undefined && wrappedSecretId !== undefined) throwProblems(["secretId and wrappedSecretId exclude each other"]);
  const getSecret = wrappedSecretId === undefined ? (ask: CredentialAsk) => readSecretOption(secretId, ask) : unwrapped(server, wrappedSecretId);
  return createLogin(server, async (ask) => {
    const secret = await getSecret(ask);
    if (secretId !== undefined && (typeof secret !== "string" || secret === "")) throw tokenError(server.source, "there is no secret id");
    return logIn(server, { role_id: roleId, secret_id: secret }, ask, { effect: "change" });
  });
}

/** The value of an option that may be a function. */
async function readSecretOption(option: SecretOption | undefined, ask: CredentialAsk): Promise<string | undefined> {
  return typeof option === "function" ? option({ signal: ask.signal }) : option;
}

/** Asked for each login; the same wrapping token has the same secret id in it. */
function unwrapped(server: LoginServer, wrappedSecretId: SecretOption): (ask: CredentialAsk) => Promise<string> {
  const mount = (server.mountPath as string).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const unwrap = createUnwrap(server, new RegExp(`(^|/)auth/${mount}/role/[^/]+/(custom-)?secret-id$`));
  let opened: { readonly wrapping: string; readonly secretId: string } | undefined;
  return async (ask) => {
    const wrapping = (await readSecretOption(wrappedSecretId, ask)) as string;
    if (opened !== undefined && opened.wrapping === wrapping) return opened.secretId;
    const answer = await unwrap(wrapping, ask);
    const secretId = readToken(server.source, answer, (fields) => requiredString(requiredObject(fields, "data"), "secret_id"));
    opened = { wrapping, secretId };
    return secretId;
  };
}

/** Options of {@link fromUserpass}. */
export interface FromUserpassOptions extends VaultMethodOptions {
  readonly username: string;
  readonly password: SecretOption;
}

/** It is a part of the path. A percent sign or a dot at the end would be read otherwise by the server or a proxy before it. */
const USERNAME: OptionRule = [(value) => typeof value === "string" && isPathSegment(value) && !/%|\.$/.test(value), 'a name without "/", "%" and a dot at its end'];

/**
 * Tokens for a user with a password; LDAP, Okta and RADIUS have the same form under a `mountPath` of theirs. One request a
 * login. After five failed ones the server locks a user out, for 15 minutes by default.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @see Vault API documentation, "Userpass auth method", login
 * @example
 * ```ts
 * const credentials = fromUserpass({ address, username: "signer", password: () => askForPassword() });
 * ```
 */
export function fromUserpass(options: FromUserpassOptions): VaultLogin {
  const server = readLogin(options, {
    source: "userpass login",
    mountPath: "userpass",
    needs: { username: USERNAME, password: TEXT_OR_FUNCTION },
    refusals: [[/invalid username or password/, "the user name or the password is wrong"]],
  });
  const { username, password } = server.options;
  return createLogin(server, async (ask) => {
    const secret = await readSecretOption(password, ask);
    if (typeof secret !== "string" || secret === "") throw tokenError(server.source, "there is no password");
    return logIn(server, { password: secret }, ask, { path: `login/${username}` });
  });
}

/** Options of {@link fromWrappedToken}. */
export interface FromWrappedTokenOptions extends VaultLoginOptions {
  /** The wrapping token. A text is opened once; a function is asked for a new one each time that the token from it has ended. */
  readonly token: SecretOption;
  /** The route that must have wrapped it, such as `auth/token/create`: then one that was opened and wrapped again is noticed. Default: any. */
  readonly creationPath?: string;
}

/**
 * The token that a wrapping token holds, of a wrapped login or of a wrapped `auth/token/create`. It is renewed while that
 * gives it more time. One request, sent once, and one more with `creationPath`.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function, with a
 *   warning as `hint` when the wrapping token was opened before
 * @see Vault documentation, "Response wrapping"
 * @example
 * ```ts
 * const credentials = fromWrappedToken({ address, token: wrappingToken, creationPath: "auth/token/create" });
 * ```
 */
export function fromWrappedToken(options: FromWrappedTokenOptions): VaultLogin {
  const server = readLogin(options, {
    source: "wrapped token",
    needs: { token: TEXT_OR_FUNCTION },
    takes: { creationPath: TEXT },
  });
  const { token, creationPath } = server.options;
  const unwrap = createUnwrap(server, creationPath === undefined ? undefined : { test: (path) => path === creationPath });
  let opened: string | undefined;
  return createLogin(server, async (ask) => {
    const wrapping = await readSecretOption(token, ask);
    if (opened !== undefined && opened === wrapping) {
      throw tokenError(server.source, "this login has opened the wrapping token, and what was in it has ended or is of no use", { hint: "give a function that gets a new wrapping token" });
    }
    const sentAt = server.now();
    const answer = await unwrap(wrapping, ask);
    opened = wrapping;
    return readIssued(server.source, answer, sentAt);
  });
}

/** Opens a wrapping token and returns the answer that was wrapped. */
type Unwrap = (wrapping: unknown, ask: CredentialAsk) => Promise<Answer>;

/** Whether it is the route that must have wrapped the answer. */
interface PathTest {
  test(path: string): boolean;
}

const ALARM = "if it should have been good, somebody else has opened it and may hold what was wrapped: revoke that, and look in the audit log for who did";

/**
 * Makes the function that opens. It first looks, without a token, where the answer was wrapped: one that was opened and wrapped again
 * comes from another route. Two requests; the second is sent once.
 *
 * @see Vault documentation, "Response wrapping", response wrapping token validation
 */
function createUnwrap(server: LoginServer, expected?: PathTest): Unwrap {
  const { source } = server;
  let sent: string | undefined;
  return async (wrapping, ask) => {
    if (!isSecret(wrapping)) throw tokenError(source, "the wrapping token has characters that no token has, or is empty");
    if (expected !== undefined) await assertPath(server, { wrapping, expected, sent }, ask);
    const mine = sent === wrapping;
    sent = wrapping;
    const answer = await askServer(server, "sys/wrapping/unwrap", { token: wrapping, effect: "change" }, ask);
    if (answer.status < 300) return answer;
    throw refusal(source, answer, mine);
  };
}

async function assertPath(server: LoginServer, { wrapping, expected, sent }: { wrapping: string; expected: PathTest; sent: string | undefined }, ask: CredentialAsk): Promise<void> {
  const { source } = server;
  const answer = await askServer(server, "sys/wrapping/lookup", { body: { token: wrapping } }, ask);
  if (answer.status >= 300) throw refusal(source, answer, sent === wrapping);
  const path = readToken(source, answer, (fields) => optionalString(optionalObject(fields, "data") ?? {}, "creation_path"));
  if (path === undefined || !expected.test(path)) throw tokenError(source, "the wrapping token was made by another route than expected: it may have been opened and wrapped again", { hint: ALARM });
}

/** 400, and after a use on another route 403 too: spent, expired or never there. */
function refusal(source: string, answer: Answer, mine: boolean): Error {
  if (isTransient(answer.status)) return refusedToken(source, answer, "the wrapping token is not opened");
  const by = mine ? ", perhaps by an earlier request of this login that had no answer" : "";
  return refusedToken(source, answer, `the wrapping token was opened before${by}, has expired or never was one`, { hint: ALARM });
}
