/** Rotation by policy: the age of a key is read from the service, never remembered. */
import { waitBy } from "../abort.js";
import { NetworkError } from "../errors.js";
import { invalidArgument, unsupported } from "./context.js";
import type { ManagedKey, ManagerCore } from "./manager.js";
import type { CallContext } from "./provider.js";
import type { RotationResult } from "./results.js";

export interface RotationPolicy {
  /** Milliseconds after which the newest version is too old; at least one minute. */
  readonly intervalMs: number;
}

/** What is wrong with a rotation policy. */
export function rotationProblems(value: unknown): string[] {
  if (value === undefined) return [];
  const policy = value as Partial<RotationPolicy> | null;
  const names = typeof policy === "object" && policy !== null ? Object.keys(policy) : [];
  if (names.length !== 1 || names[0] !== "intervalMs" || !isInterval(policy?.intervalMs)) {
    return ["rotation must be { intervalMs } with milliseconds of at least 60000"];
  }
  return [];
}

function isInterval(value: unknown): value is number {
  return typeof value === "number" && value >= 60_000 && value <= 1e13;
}

/** Spreads the processes of a fleet whose check falls on the same moment. */
const JITTER_MS = 10_000;

export async function rotate(core: ManagerCore, key: ManagedKey, policy: string | undefined, context: CallContext): Promise<RotationResult> {
  const { provider } = core;
  if (provider.rotateKey === undefined) throw unsupported(`${provider.name} cannot rotate a key`, "make a new key and configure its id");
  let done = false;
  try {
    const rotation = await provider.rotateKey({ key: { keyId: key.keyId }, policy }, context);
    done = true;
    const { status, previousVersion, newVersion } = rotation;
    context.emit({ type: "rotation", provider: provider.name, operation: context.operation, keyId: key.keyId, status, previousVersion, newVersion });
    return { ...rotation, keyId: key.keyId };
  } finally {
    if (done || context.changeSent) core.keys.drop({ keyId: key.keyId }, context);
  }
}

export interface AgeQuestion {
  readonly intervalMs?: number | undefined;
  readonly allowFrequent?: boolean | undefined;
  /** Whether a rotation would follow, so that what must not be rotated so often is refused. */
  readonly forRotation: boolean;
}

/** Whether the newest version is older than the interval of the call, or else of the configuration. */
export async function isDue(core: ManagerCore, key: ManagedKey, question: AgeQuestion, context: CallContext): Promise<boolean> {
  const intervalMs = question.intervalMs ?? key.rotation?.intervalMs;
  if (!isInterval(intervalMs)) {
    throw invalidArgument("no rotation interval: intervalMs must be milliseconds of at least 60000", "pass { intervalMs }, or configure rotation: { intervalMs }");
  }
  const metadata = await core.provider.getKeyMetadata({ keyId: key.keyId }, core.provider.agesByRotation === true ? ["rotation"] : [], context);
  const least = metadata.minRotationIntervalMs;
  if (question.forRotation && question.allowFrequent !== true && least !== undefined && intervalMs < least) {
    throw invalidArgument(`such a key can be rotated a limited number of times, so an interval under ${Math.round(least / 86_400_000)} days is refused`, "pass allowFrequent: true to do it all the same");
  }
  const since = metadata.rotatedAt ?? metadata.createdAt;
  if (since === undefined) throw unsupported("the service does not say how old this key is", "call rotateKey by a schedule of your own");
  return core.now() - since.getTime() >= intervalMs;
}

/** Looks, waits a little, looks again, and rotates only if it is still due: another process may have done it meanwhile. */
export async function rotateIfDue(core: ManagerCore, key: ManagedKey, question: AgeQuestion, policy: string | undefined, context: CallContext): Promise<RotationResult | undefined> {
  if (core.provider.rotateKey === undefined) throw unsupported(`${core.provider.name} cannot rotate a key`);
  if (!(await isDue(core, key, question, context))) return undefined;
  await waitBy(core.sleep, Math.min(core.random() * JITTER_MS, context.remainingMs() / 2), context);
  if (context.signal?.aborted === true) throw new NetworkError("ERR_KMS_ABORTED", "the call was aborted by its signal");
  return (await isDue(core, key, question, context)) ? rotate(core, key, policy, context) : undefined;
}
