/**
 * Rotation: in place for symmetric keys, by a new key behind the alias for all others. The order of the steps of a
 * replacement makes every interruption visible to the next call.
 */
import { waitBy } from "../abort.js";
import { isKmsError, ProviderError, withOutcome, type KmsError } from "../errors.js";
import { invalidAnswer } from "../http/fields.js";
import type { Answer } from "../http/send.js";
import { invalidArgument, unsupported } from "../kms/context.js";
import type { CallContext, ProviderRotation } from "../kms/provider.js";
import { SYMMETRIC } from "./algorithms.js";
import type { AwsKey } from "./config.js";
import { ask, describeKey, fetchTags, type Exchange } from "./exchange.js";
import { assertMatch, canonicalPolicy, parseKeyMetadata, parseNothing, parsePolicy, parseRotation, type KeyFacts } from "./responses.js";
import { fetchRegister, hasAlias, type AliasedKey, type Register, type RegisterEntry } from "./versions.js";

/** The tag that says what a key was made for, so that one that was left behind is found. */
const TAG = "knhk-kms";

/**
 * UpdateAlias has no condition. A signed request lives for 5 minutes and a rotation for one, so that after 6 minutes
 * nobody who stalled can move the alias back any more.
 */
const SETTLED_MS = 360_000;

const AGAIN = "call rotateKey again";

/**
 * Rotates the key that is current.
 *
 * @param key as configured, without a version
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` with what to do as hint, before anything is changed
 * @throws {ProviderError} `ERR_KMS_CONFLICT` when another rotation is under way or has stopped half-way, `ERR_KMS_QUOTA`, …
 */
export async function rotateKey(exchange: Exchange, key: AwsKey, policy: string | undefined, context: CallContext): Promise<ProviderRotation> {
  try {
    if (policy !== undefined) canonicalPolicy(policy);
  } catch {
    throw invalidArgument("policy must be a JSON object");
  }
  const current = await describeKey(exchange, context, key);
  const { KeyManager, CustomKeyStoreId, Origin = "AWS_KMS", isReplica, hasReplicas } = current;
  const inPlace = current.KeySpec === SYMMETRIC;
  const refuse = (applies: boolean, message: string, hint: string): void => {
    if (applies) throw unsupported(message, hint);
  };
  refuse(KeyManager === "AWS", "AWS alone rotates this key", "use a key of your own");
  refuse(isReplica, "this key is a replica", "configure region and key of its primary");
  refuse(CustomKeyStoreId !== undefined || (!inPlace && (Origin !== "AWS_KMS" || hasReplicas)), "this key has replicas, or material from outside AWS KMS", "make the new key by hand and move the alias to it");
  if (inPlace) return rotateInPlace(exchange, current, policy, context);
  if (!hasAlias(key)) throw unsupported("AWS KMS cannot rotate this key in place", "configure an alias as keyId");
  // The names of its versions would not be ours, would be versions of a version, or too long.
  refuse(/^alias\/aws\/|\/versions\/[1-9]\d*$|.{231}/.test(key.alias), "this alias can have no versions", "use one of at most 230 characters that is no version itself");
  return replaceKey(exchange, key, current, policy, context);
}

/**
 * RotateKeyOnDemand. The service takes it on and is done after about a minute; nothing it could be asked right away says
 * more, so that the answer is always `pending`. `getKeyMetadata({ include: ["rotation"] })` shows the end. The materials
 * of a symmetric key cannot be addressed: its version stays the key's id, before and after.
 */
async function rotateInPlace(exchange: Exchange, current: KeyFacts, policy: string | undefined, context: CallContext): Promise<ProviderRotation> {
  if (policy !== undefined) throw invalidArgument("a symmetric key keeps its policy", "leave policy out");
  await ask(exchange, context, "RotateKeyOnDemand", { KeyId: current.arn }, (answer) => parseRotation(answer, current));
  return { status: "pending", rotatedAt: new Date(exchange.service.now()) };
}

/** What the register says is to be done. */
export type Plan =
  /** An earlier rotation stopped before its last step: its key is there and only the alias is to be moved. */
  | { readonly resume: RegisterEntry }
  /** `register`: the number under which the current key is entered first, if no entry has it. */
  | { readonly register: number | undefined; readonly next: number };

/**
 * Decides from the register alone.
 *
 * @param now server time in milliseconds
 * @throws {ProviderError} `ERR_KMS_CONFLICT`, retryable, when it is too early, or what happened cannot be told
 */
export function planReplacement({ self, entries }: Register, current: string, now: number): Plan {
  const registered = entries.some(({ target }) => target === current);
  const highest = entries.at(-1);
  if (highest !== undefined) {
    const { createdAt, target, alias } = highest;
    const movedAt = self?.updatedAt;
    if (createdAt === undefined || movedAt === undefined) {
      // A server without dates. Its own clock aside, nothing tells a rotation that stopped from an alias moved by hand.
      if (target !== current) throw foreign(alias);
    } else {
      if (registered && target !== current && movedAt <= createdAt) return { resume: highest };
      const age = now - createdAt.getTime();
      // An entry for the key that was current already took no move of the alias, and needs no age.
      if (movedAt >= createdAt && age < SETTLED_MS) throw conflict("the key was rotated a moment ago", Math.min(SETTLED_MS, SETTLED_MS - age));
    }
  }
  const next = (highest?.number ?? 0) + 1;
  return registered ? { register: undefined, next } : { register: next, next: next + 1 };
}

/** Nothing was sent that changes anything. */
function conflict(message: string, retryAfterMs?: number): ProviderError {
  const retryable = retryAfterMs !== undefined;
  const hint = retryable ? AGAIN : "remove that alias, or move the key's alias by hand";
  return new ProviderError("ERR_KMS_CONFLICT", message, { retryable, retryAfterMs, outcome: "not-sent", hint });
}

function foreign(alias: string): ProviderError {
  return conflict(`${alias} names a key that is not of this rotation`);
}

/** How often the service may not know a key that it has just made, and milliseconds until the first repetition. */
const VISIBLE_ATTEMPTS = 12;
const FIRST_DELAY_MS = 250;

/** The procedure of `README.md` beside this file, section "Rotation". */
async function replaceKey(exchange: Exchange, key: AliasedKey, current: KeyFacts, policy: string | undefined, context: CallContext): Promise<ProviderRotation> {
  const { service, transport } = exchange;
  /** Whether a step took effect. */
  let changed = false;
  /** What to do when nobody knows whether a step took effect. */
  let unclear = AGAIN;
  const mayRemain = (key: string): string => (unclear = `${AGAIN}; delete ${key} if no alias names it`);

  /** An error after a step that took effect. What nobody knows stays unknown. */
  const partial = (error: KmsError, hint: string | undefined): KmsError => {
    if (hint !== undefined) (error as { hint?: string }).hint = hint;
    return changed && error.outcome !== "unknown" ? withOutcome(error, "partial") : error;
  };

  /**
   * Takes a step: one request that changes something. One that is refused because the service does not know a new key
   * yet is repeated, later and later.
   *
   * @param refused the hint when it did not take effect; undefined keeps what the failure says itself
   */
  const take = async <T>(operation: string, members: Readonly<Record<string, unknown>>, parse: (answer: Answer) => T, refused?: string): Promise<T> => {
    for (let attempt = 1, delay = FIRST_DELAY_MS; ; attempt += 1, delay = Math.min(2 * delay, 16 * FIRST_DELAY_MS)) {
      try {
        const result = await ask(exchange, context, operation, members, parse);
        changed = true;
        return result;
      } catch (error) {
        if (!isKmsError(error)) throw error;
        if (error.code !== "ERR_KMS_NOT_FOUND" || attempt === VISIBLE_ATTEMPTS || context.remainingMs() <= 2 * delay) {
          // An alias that exists by now is that of another rotation, which will end.
          if (error.code === "ERR_KMS_CONFLICT") (error as { retryable: boolean }).retryable = true;
          throw partial(error, error.outcome === "unknown" ? unclear : refused);
        }
      }
      // After an abort the next attempt fails, and says that it sent nothing.
      await waitBy(transport.sleep, delay, context);
    }
  };
  const putAlias = (operation: "CreateAlias" | "UpdateAlias", AliasName: string, TargetKeyId: string, refused?: string): Promise<void> =>
    take(operation, { AliasName, TargetKeyId }, parseNothing, refused);
  const fetchPolicy = ({ arn }: KeyFacts): Promise<string> => ask(exchange, context, "GetKeyPolicy", { KeyId: arn, PolicyName: "default" }, parsePolicy);

  /** The key of a rotation that stopped, if it is one that this rotation could have made. */
  const adopt = async (entry: RegisterEntry): Promise<RegisterEntry> => {
    const { alias, target } = entry;
    const facts = await describeKey(exchange, context, { ...key, target, id: target, account: current.account });
    const same = (["KeySpec", "KeyUsage", "Origin", "MultiRegion", "KeyManager"] as const).every((name) => facts[name] === current[name]);
    if (same && facts.KeyState === "Enabled" && canonicalPolicy(policy ?? (await fetchPolicy(current))) === canonicalPolicy(await fetchPolicy(facts))) return entry;
    throw foreign(alias);
  };

  /** Makes and registers a key like the current one. Grants are not copied: they were given for another key. */
  const makeSuccessor = async (register: number | undefined, number: number): Promise<Pick<RegisterEntry, "number" | "target">> => {
    const versions = `${key.alias}/versions/`;
    const { KeySpec, KeyUsage, Description, MultiRegion } = current;
    // All that is needed is read first, so that what fails there has changed nothing.
    if (KeyUsage === undefined) throw invalidAnswer("KeyUsage is missing");
    const Policy = policy ?? (await fetchPolicy(current));
    const tags = await fetchTags(exchange, current, context);
    const tag = { TagKey: TAG, TagValue: versions + number };
    const Tags = [...tags.filter(({ TagKey }) => !/^aws:/i.test(TagKey) && TagKey !== TAG), tag];
    // So that the signatures of the current key stay verifiable.
    if (register !== undefined) await putAlias("CreateAlias", versions + register, current.id);
    mayRemain(`a key with the tag ${TAG}=${tag.TagValue}`);
    const target = await take("CreateKey", { KeySpec, KeyUsage, Description, Policy, MultiRegion: MultiRegion || undefined, Tags }, (answer) => {
      // A key nobody has asked for by name, so it must only be like the current one, and of this region and account.
      const made = parseKeyMetadata(answer, { ...key, id: undefined, account: current.account });
      assertMatch(made.KeySpec === KeySpec && made.KeyUsage === KeyUsage && made.id !== current.id, "KeyMetadata");
      return made.id;
    });
    mayRemain(`key ${target}`);
    // The lock: an alias can be created once, so that of two rotations one is refused here.
    await putAlias("CreateAlias", tag.TagValue, target, `delete key ${target}`);
    return { number, target };
  };

  const readRegister = (): Promise<Register> => fetchRegister(exchange, () => context, key);
  const register = await readRegister();
  // A listing holds the caller's aliases only: one that is not in it is not the caller's to move.
  if (register.self === undefined && key.account !== undefined) throw unsupported("the alias belongs to another account", "use credentials of that account");
  const moved = conflict("another rotation moved the alias meanwhile", 1_000);
  if (register.self?.target !== current.id) throw moved;
  const plan = planReplacement(register, current.id, service.serverTime());
  const { target, number } = await ("resume" in plan ? adopt(plan.resume) : makeSuccessor(plan.register, plan.next));
  unclear = `${AGAIN} to finish: ${key.alias} must point to key ${target}`;
  await putAlias("UpdateAlias", key.alias, target, unclear);
  // Whoever registered a later key meanwhile had the alias moved back from under it. After a failure to look the rotation is
  // done too; the age of an entry keeps others from overtaking it.
  const later = await readRegister().catch(() => undefined);
  if ((later?.entries.at(-1)?.number ?? 0) > number) throw partial(moved, undefined);
  return { status: "done", previousVersion: current.id, newVersion: target, rotatedAt: new Date(service.now()) };
}
