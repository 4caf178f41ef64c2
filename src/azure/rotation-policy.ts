/** When the service will rotate a key by itself: what its rotation policy says, where it says it exactly. */
import {
  asObject,
  invalidAnswer,
  mismatchedAnswer,
  optionalArray,
  optionalObject,
  optionalString,
  requiredObject,
  requiredString,
  type Fields,
} from "../http/fields.js";
import type { Answer } from "../http/send.js";
import { plainOrigin } from "./config.js";
import type { Asked, VersionDates } from "./responses.js";

const DAY_MS = 86_400_000;
/** ISO 8601, section "Duration", without fractions. */
const DURATION = /^P(?=\d|T\d)(\d{1,5}Y)?(\d{1,5}M)?(\d{1,5}W)?(\d{1,5}D)?(T(?=\d)(\d{1,5}H)?(\d{1,5}M)?(\d{1,5}S)?)?$/;

/**
 * The time of the next rotation, counted from the newest version; or undefined when there is none, or none that can be told: without the date that the
 * trigger counts from, and for durations in months and years, since the documentation does not say how the service adds
 * those to a date.
 *
 * @see Get Key Rotation Policy; "Configure cryptographic key auto-rotation in Azure Key Vault"
 */
export function parseNextRotation(answer: Answer, asked: Asked, newest: VersionDates): Date | undefined {
  if (answer.body === null) return undefined; // an emulator's way of saying that there is no policy
  const body = asObject(answer.body);
  checkPolicyId(optionalString(body, "id"), asked);
  const actions = (optionalArray(body, "lifetimeActions") ?? []).map((action) => asObject(action, "a lifetime action"));
  // Vault and Managed HSM, and the versions of the protocol, differ in the case of the word.
  const rotate = actions.find((action) => requiredString(requiredObject(action, "action"), "type").toLowerCase() === "rotate");
  return rotate === undefined ? undefined : timeOf(optionalObject(rotate, "trigger") ?? {}, newest);
}

function timeOf(trigger: Fields, { createdAt, expiresAt }: VersionDates): Date | undefined {
  const after = readDays(trigger, "timeAfterCreate");
  const before = readDays(trigger, "timeBeforeExpiry");
  if (after !== undefined) return createdAt === undefined || after === "inexact" ? undefined : new Date(createdAt.getTime() + after * DAY_MS);
  return expiresAt === undefined || before === undefined || before === "inexact" ? undefined : new Date(expiresAt.getTime() - before * DAY_MS);
}

/** Days of an ISO 8601 duration that has nothing else; `inexact` for one in years, months, weeks or parts of a day. */
function readDays(trigger: Fields, name: string): number | "inexact" | undefined {
  const duration = optionalString(trigger, name);
  if (duration === undefined) return undefined;
  if (!DURATION.test(duration)) throw invalidAnswer(`${name} is no duration`);
  const days = /^P(\d{1,5})D$/.exec(duration)?.[1];
  return days === undefined ? "inexact" : Number(days);
}

/** `https://{vault}/keys/{name}/rotationpolicy`, where it is given. */
function checkPolicyId(id: string | undefined, { address, key }: Asked): void {
  if (id === undefined) return;
  const [, origin, name] = /^(https?:\/\/[\w.:[\]-]{1,300})\/keys\/([0-9a-z-]{1,127})\/rotationpolicy$/i.exec(id) ?? [];
  if (origin === undefined || name === undefined) throw invalidAnswer("id is no identifier of a rotation policy");
  if (plainOrigin(origin) !== address.vaultOrigin || name.toLowerCase() !== key.keyId.toLowerCase()) {
    throw mismatchedAnswer("id names the policy of another key");
  }
}
