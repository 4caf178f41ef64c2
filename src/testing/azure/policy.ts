/** Rotation policies: what each tier accepts, how it writes them, and the calendar of their durations. */
import { asMembers, readArray, readMembers, readText } from "./body.js";
import type { Members } from "./body.js";
import { badParameter } from "./failure.js";
import type { Site } from "./site.js";

type ActionType = "rotate" | "notify";

interface LifetimeAction {
  readonly type: ActionType;
  readonly timeAfterCreate: string | undefined;
  readonly timeBeforeExpiry: string | undefined;
}

/** A policy as it is kept: durations stay text, for a month is no number of seconds. */
export interface StoredPolicy {
  readonly actions: readonly LifetimeAction[];
  readonly expiryTime: string | undefined;
  /** Unix seconds. */
  readonly created: number;
  readonly updated: number;
}

const DAY = 86_400;
/** What a vault adds to a policy, and shows of a key that never had one (seen in recordings). */
const DEFAULT_NOTIFY: LifetimeAction = { type: "notify", timeAfterCreate: undefined, timeBeforeExpiry: "P30D" };
const DURATION = /^P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$/;

/** The policy of a PUT. Undefined: a Managed HSM is told to have none. */
export function readPolicy(site: Site, body: Members, seconds: number, before: StoredPolicy | undefined): StoredPolicy | undefined {
  const actions = (readArray(body, "lifetimeActions") ?? []).map((action) => readAction(asMembers(action)));
  const expiryTime = readText(readMembers(body, "attributes") ?? {}, "expiryTime");
  if (site.kind === "hsm" && actions.length === 0) return undefined;
  if (new Set(actions.map(({ type }) => type)).size < actions.length) throw badParameter("A rotation policy has at most one action of each type.");
  const lifetime = expiryTime === undefined ? undefined : lengthOf(expiryTime);
  if (lifetime !== undefined && lifetime < 28 * DAY) throw badParameter("The expiry time of a rotation policy must be at least 28 days.");
  for (const action of actions) assertTimes(site, action, lifetime);
  const notifies = site.kind === "hsm" || actions.some(({ type }) => type === "notify");
  return {
    actions: notifies ? actions : [...actions, DEFAULT_NOTIFY],
    expiryTime,
    created: before?.created ?? seconds,
    updated: seconds,
  };
}

/** The policy as the service writes it: a vault with capital letters, a Managed HSM without, and with `null` for the unused trigger. */
export function policyBody(site: Site, id: string, policy: StoredPolicy | undefined): object {
  const isHsm = site.kind === "hsm";
  const actions = policy?.actions ?? (isHsm ? [] : [DEFAULT_NOTIFY]);
  const { expiryTime, created, updated } = policy ?? {};
  const lifetimeActions = actions.map(({ type, timeAfterCreate, timeBeforeExpiry }) => ({
    trigger: isHsm
      ? { timeAfterCreate: timeAfterCreate ?? null, timeBeforeExpiry: timeBeforeExpiry ?? null }
      : { timeAfterCreate, timeBeforeExpiry },
    action: { type: isHsm ? type : type === "rotate" ? "Rotate" : "Notify" },
  }));
  return { id, lifetimeActions, attributes: { expiryTime, created, updated } };
}

/** A time and a duration (ISO 8601), by the calendar of UTC; the last day of a shorter month stands for later ones. */
export function addDuration(seconds: number, duration: string): number {
  const [years, months, weeks, days] = partsOf(duration);
  const from = new Date(seconds * 1000);
  const month = from.getUTCFullYear() * 12 + from.getUTCMonth() + years * 12 + months;
  const lastDay = new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).getUTCDate();
  const shifted = new Date(from);
  shifted.setUTCFullYear(Math.floor(month / 12), month % 12, Math.min(from.getUTCDate(), lastDay));
  return Math.floor(shifted.getTime() / 1000) + (weeks * 7 + days) * DAY;
}

function readAction(action: Members): LifetimeAction {
  const type = readText(readMembers(action, "action") ?? {}, "type")?.toLowerCase();
  const trigger = readMembers(action, "trigger") ?? {};
  const timeAfterCreate = readText(trigger, "timeAfterCreate");
  const timeBeforeExpiry = readText(trigger, "timeBeforeExpiry");
  if (type !== "rotate" && type !== "notify") throw badParameter("The type of a lifetime action must be Rotate or Notify.");
  if ((timeAfterCreate === undefined) === (timeBeforeExpiry === undefined)) {
    throw badParameter("The trigger of a lifetime action is either timeAfterCreate or timeBeforeExpiry.");
  }
  return { type, timeAfterCreate, timeBeforeExpiry };
}

/** Microsoft Learn, "Configure cryptographic key auto-rotation in Azure Key Vault", and the page of that name for Managed HSM. */
function assertTimes(site: Site, { type, timeAfterCreate, timeBeforeExpiry }: LifetimeAction, lifetime: number | undefined): void {
  const after = timeAfterCreate === undefined ? undefined : lengthOf(timeAfterCreate);
  const before = timeBeforeExpiry === undefined ? undefined : lengthOf(timeBeforeExpiry);
  if (type === "notify" && (site.kind === "hsm" || after !== undefined)) {
    throw badParameter("Notify is not supported here: a vault notifies before expiry, a Managed HSM never.");
  }
  if (type === "notify") return;
  if (before !== undefined && lifetime === undefined) throw badParameter("Rotation before expiry needs an expiry time.");
  const least = (site.kind === "hsm" ? 28 : 7) * DAY;
  const sinceCreation = after ?? (lifetime as number) - (before as number);
  const untilExpiry = before ?? (lifetime ?? Number.POSITIVE_INFINITY) - (after as number);
  if (sinceCreation < least || untilExpiry < 7 * DAY) throw badParameter("Rotation is too soon after creation or too late before expiry.");
}

/** Seconds of a duration that begins in January of a year without a leap day. */
function lengthOf(duration: string): number {
  const january = Date.UTC(2025, 0, 1) / 1000;
  return addDuration(january, duration) - january;
}

function partsOf(duration: string): [number, number, number, number] {
  const match = DURATION.exec(duration);
  if (match === null) throw badParameter("A duration must be in the form of ISO 8601, in whole days or longer units.");
  return [Number(match[1] ?? 0), Number(match[2] ?? 0), Number(match[3] ?? 0), Number(match[4] ?? 0)];
}
