/** What a refused login means. There are no codes: the texts of the auth methods decide, and none gets into an error. */
import { refusedToken } from "../../credentials/token-request.js";
import type { ConfigError } from "../../errors.js";
import type { Answer } from "../../http/send.js";
import { textOf } from "../errors.js";

/** Known texts, the first that matches counts (builtin/credential of openbao, and the plugins of Vault). */
const READINGS: readonly (readonly [text: RegExp, message: string, hint?: string])[] = [
  [/invalid role or secret ID/, "the role id or the secret id is wrong, has expired or is used up", "a secret id for one use, or for a time, needs a function that gets a new one"],
  [/missing secret_id/, "the role needs a secret id"],
  [/invalid username or password/, "the user name or the password is wrong"],
  [/does not belong to the role/, "the role is not for this identity"],
  [/invalid role name|could not be found|entry for role|missing role$/, "the auth method has no such role"],
  [/oidc role_type/, "the role is for people at a browser", 'it needs role_type "jwt"'],
  [/error validating|failed to verify|not found in token|no audiences bound/, "the identity is not accepted", "compare issuer, audience, subject and end of the token with the role, or the signed request with the settings of the auth method"],
  [/upstream/, "the service that knows the identity could not be asked, or refused the signed request", "the request must be signed for the region and host that the auth method asks, by a clock that is right"],
  [/namespace not found/, "the namespace does not exist"],
  [/is sealed/, "the server is sealed"],
];

/** A 403 is about the login and never about a token, so it is not tried again. */
const FORBIDDEN = "look at mountPath and namespace; too many failed logins lock a user out, for 15 minutes by default";

/** The error for an answer that is no success. */
export function refusedLogin(source: string, answer: Answer): ConfigError {
  const { status } = answer;
  const said = textOf(answer.body);
  const found = READINGS.find(([text]) => text.test(said));
  const [, message, hint] = found ?? [undefined, `the login is refused (status ${status})`, status === 403 ? FORBIDDEN : undefined];
  return refusedToken(source, answer, message, { hint });
}
