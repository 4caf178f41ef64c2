/** Rotation by policy: the age of a key is read from the service, never remembered. */
import { assertNotAborted, waitBy } from "../abort.js";
import type { ValidationError } from "../errors.js";
import { invalidArgument, unsupported } from "./context.js";
import type { ManagedKey, ManagerCore } from "./core.js";
import type { CallContext } from "./provider.js";
import type { RotationResult } from "./results.js";

/** Spreads the processes of a fleet whose check falls on the same moment. */
const JITTER_MS = 10_000;

export async function rotate(core: ManagerCore, key: ManagedKey, policy: string | undefined, context: CallContext): Promise<RotationResult> {
  const { provider } = core;
  if (provider.rotateKey === undefined) throw cannotRotate(core);
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

function cannotRotate({ provider }: ManagerCore): ValidationError {
  return unsupported(`${provider.name} cannot rotate a key`, "make a new key and configure its id");
}

export interface AgeQuestion {
  readonly intervalMs?: number | undefined;
  /** Also where a rotation that followed would use up a limited number. */
  readonly allowFrequent?: boolean | undefined;
  readonly policy?: string | undefined;
}

/** Whether the newest version is older than the interval of the call, or else of the configuration. */
export async function isDue(core: ManagerCore, key: ManagedKey, question: AgeQuestion, context: CallContext): Promise<boolean> {
  const intervalMs = question.intervalMs ?? key.rotation?.intervalMs;
  if (intervalMs === undefined) throw invalidArgument("no rotation interval", "pass { intervalMs }, or configure rotation: { intervalMs }");
  const metadata = await core.provider.getKeyMetadata({ keyId: key.keyId }, core.provider.agesByRotation === true ? ["rotation"] : [], context);
  const least = metadata.minRotationIntervalMs;
  if (question.allowFrequent !== true && least !== undefined && intervalMs < least) {
    throw invalidArgument(`such a key has a limited number of rotations: an interval under ${Math.round(least / 86_400_000)} days is refused`, "pass allowFrequent: true");
  }
  const since = metadata.rotatedAt ?? metadata.createdAt;
  if (since === undefined) throw unsupported("the service does not say how old this key is", "call rotateKey when it is time");
  return core.now() - since.getTime() >= intervalMs;
}

/** Looks, waits a little, looks again, and rotates only if it is still due: another process may have done it meanwhile. */
export async function rotateIfDue(core: ManagerCore, key: ManagedKey, question: AgeQuestion, context: CallContext): Promise<RotationResult | undefined> {
  if (core.provider.rotateKey === undefined) throw cannotRotate(core);
  if (!(await isDue(core, key, question, context))) return undefined;
  await waitBy(core.sleep, Math.min(core.random() * JITTER_MS, context.remainingMs() / 2), context);
  assertNotAborted(context.signal);
  return (await isDue(core, key, question, context)) ? rotate(core, key, question.policy, context) : undefined;
}
