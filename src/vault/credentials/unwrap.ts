/** Response wrapping: a wrapping token is exchanged, once, for what was wrapped. */
import type { CredentialAsk } from "../../credentials/cached.js";
import { isSecret, isTransient, readToken, refusedToken, tokenError } from "../../credentials/token-request.js";
import { optionalObject, optionalString } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";
import { askServer, type LoginServer } from "./server.js";

/** Opens a wrapping token and returns the answer that was wrapped. */
export type Unwrap = (wrapping: unknown, ask: CredentialAsk) => Promise<Answer>;

/** Whether it is the route that must have wrapped the answer. */
export interface PathTest {
  test(path: string): boolean;
}

const ALARM = "if it should have been good, somebody else has opened it and may hold what was wrapped: revoke that, and look in the audit log for who did";

/**
 * Makes the function that opens. It first looks, without a token, where the answer was wrapped: one that was opened and wrapped again
 * comes from another route. Two requests; the second is sent once.
 *
 * @see Vault documentation, "Response wrapping", response wrapping token validation
 */
export function createUnwrap(server: LoginServer, expected?: PathTest): Unwrap {
  const { source } = server;
  let sent: string | undefined;
  return async (wrapping, ask) => {
    if (!isSecret(wrapping)) throw tokenError(source, "the wrapping token has characters that no token has, or is empty");
    if (expected !== undefined) await assertPath(server, { wrapping, expected, sent }, ask);
    const mine = sent === wrapping;
    sent = wrapping;
    const answer = await askServer(server, { path: "sys/wrapping/unwrap", token: wrapping, effect: "change" }, ask);
    if (answer.status < 300) return answer;
    throw refusal(source, answer, mine);
  };
}

async function assertPath(server: LoginServer, { wrapping, expected, sent }: { wrapping: string; expected: PathTest; sent: string | undefined }, ask: CredentialAsk): Promise<void> {
  const { source } = server;
  const answer = await askServer(server, { path: "sys/wrapping/lookup", body: { token: wrapping } }, ask);
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
