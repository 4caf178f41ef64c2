/** Rotation by policy: the age of a key is read from the service, never remembered. */
import { assertNotAborted, waitBy } from "../abort.js";
import { invalidArgument, unsupported } from "./context.js";
import type { ManagerCore } from "./core.js";
import type { CallContext, KmsProvider } from "./provider.js";
import type { RotationResult } from "./results.js";

/** Spreads the processes of a fleet whose check falls on the same moment. */
const JITTER_MS = 10_000;

type RotatingProvider = KmsProvider & Required<Pick<KmsProvider, "rotateKey">>;

function assertRotating(provider: KmsProvider): asserts provider is RotatingProvider {
  if (provider.rotateKey === undefined) throw unsupported(`${provider.name} cannot rotate a key`);
}

/** Rotates the key, not the version that may be pinned. */
export async function rotate({ key: { keyId }, keys, provider }: ManagerCore, { policy }: Pick<AgeQuestion, "policy">, context: CallContext): Promise<RotationResult> {
  assertRotating(provider);
  const key = { keyId };
  try {
    const rotation = await provider.rotateKey({ key, policy }, context);
    context.changeSent = true;
    const { status, previousVersion, newVersion } = rotation;
    context.emit({ type: "rotation", provider: provider.name, operation: context.operation, keyId, status, previousVersion, newVersion });
    return { ...rotation, keyId };
  } finally {
    if (context.changeSent) keys.drop(key, context);
  }
}

export interface AgeQuestion {
  readonly intervalMs?: number | undefined;
  /** Also where a rotation that followed would use up a limited number. */
  readonly allowFrequent?: boolean | undefined;
  readonly policy?: string | undefined;
}

/** Whether the newest version is older than the interval of the call, or else of the configuration. */
export async function isDue({ key, provider, now }: ManagerCore, { intervalMs = key.intervalMs, allowFrequent }: AgeQuestion, context: CallContext): Promise<boolean> {
  if (intervalMs === undefined) throw invalidArgument("intervalMs is required");
  const { minRotationIntervalMs: least = 0, rotatedAt, createdAt } = await provider.getKeyMetadata({ keyId: key.keyId }, provider.agesByRotation ? ["rotation"] : [], context);
  if (intervalMs < least && allowFrequent !== true) {
    throw invalidArgument(`intervalMs must be at least ${least}: rotations of this key are limited`, "or pass allowFrequent: true");
  }
  const since = rotatedAt ?? createdAt;
  if (since === undefined) throw unsupported("the age of this key is not known", "call rotateKey");
  return now() - since.getTime() >= intervalMs;
}

/** Looks, waits a little, looks again, and rotates only if it is still due: another process may have done it meanwhile. */
export async function rotateIfDue(core: ManagerCore, question: AgeQuestion, context: CallContext): Promise<RotationResult | undefined> {
  assertRotating(core.provider);
  if (!(await isDue(core, question, context))) return undefined;
  await waitBy(core.sleep, Math.min(core.random() * JITTER_MS, context.remainingMs() / 2), context);
  assertNotAborted(context.signal);
  return (await isDue(core, question, context)) ? rotate(core, question, context) : undefined;
}
