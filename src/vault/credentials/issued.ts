/** Reads the `auth` object of an answer: the token that a login, a renewal or an unwrapping gave. */
import { optionalSeconds, readToken, requiredSecret, tokenError } from "../../credentials/token-request.js";
import { invalidAnswer, member, optionalBoolean, optionalInteger, optionalString, requiredObject } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";

/** A token as it was given. */
export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since 1970: before the request was sent, so that its end is never put too late. */
  readonly issuedAt: number;
  /** Milliseconds; without end for a token that does not expire. */
  readonly leaseMs: number;
  readonly renewable: boolean;
  /** A batch token can be neither renewed nor revoked. */
  readonly isBatch: boolean;
}

/**
 * Reads a token, and refuses those that a client that lives on cannot use.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 * @see Vault API documentation, "Auth methods"; sdk/logical/translate_response.go
 */
export function readIssued(source: string, answer: Pick<Answer, "body">, issuedAt: number): IssuedToken {
  return readToken(source, answer, (fields) => {
    const auth = requiredObject(fields, "auth");
    // Status 200, and no token: the second step needs a person.
    if (member(auth, "mfa_requirement") !== undefined) {
      throw tokenError(source, "the login asks for a second factor", { hint: "use a login that no MFA enforcement covers, or do both steps elsewhere and give the token" });
    }
    const token = requiredSecret(auth, "client_token");
    const seconds = optionalSeconds(auth, "lease_duration", { text: false });
    if (seconds === undefined || seconds < 0) throw invalidAnswer("lease_duration is not a number of seconds");
    // Every request takes one away, a renewal too, and used up it looks like any refused token.
    if ((optionalInteger(auth, "num_uses") ?? 0) > 0) {
      throw tokenError(source, "the token is good for a number of requests only", { hint: "set token_num_uses of the role to 0" });
    }
    const isBatch = optionalString(auth, "token_type") === "batch";
    const renewable = optionalBoolean(auth, "renewable") === true && !isBatch && seconds > 0;
    return { token, issuedAt, leaseMs: seconds === 0 ? Infinity : seconds * 1000, renewable, isBatch };
  });
}
