/**
 * Replacing a key that cannot rotate in place: a like key is made, registered as the next version of the alias, and the
 * alias is moved to it. The order of the steps makes every interruption visible to the next call.
 */
import { raceSignal } from "../abort.js";
import { isKmsError, ProviderError, ValidationError, withOutcome, type KmsError } from "../errors.js";
import { invalidAnswer, mismatchedAnswer } from "../http/fields.js";
import type { Answer, WireRequest } from "../http/send.js";
import type { CallContext, ProviderRotation } from "../kms/provider.js";
import type { AwsKey } from "./config.js";
import { ask, describeKey, type Exchange } from "./exchange.js";
import { fetchTags } from "./metadata.js";
import { fetchRegister, versionAlias, type AliasedKey, type Register, type RegisterEntry } from "./register.js";
import { buildCreateAlias, buildCreateKey, buildGetKeyPolicy, buildUpdateAlias, type NewKey, type Tag } from "./requests.js";
import { parseCreateKey, parseGetKeyPolicy, parseNothing, type KeyFacts } from "./responses.js";

/** The tag that says what a key was made for, so that one that was left behind is found. */
const TAG = "knhk-kms";

/**
 * UpdateAlias has no condition. A signed request lives for 5 minutes and a rotation for one, so that after 6 minutes
 * nobody who stalled can move the alias back any more.
 */
const SETTLED_MS = 360_000;

const OTHER_POLICY = "AWS refuses a policy that would lock the caller out: give another one, rotateKey({ policy })";

/** How long the service may not know a key that it has just made. */
const VISIBLE = { firstMs: 250, mostMs: 4_000, attempts: 12 };

export interface Replacement {
  readonly exchange: Exchange;
  readonly key: AliasedKey;
  readonly current: KeyFacts;
  readonly policy: string | undefined;
  readonly context: CallContext;
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
  const highest = entries.at(-1);
  if (highest === undefined) return { register: 1, next: 2 };
  const registered = entries.some((entry) => entry.target === current);
  const { createdAt, target } = highest;
  const movedAt = self?.updatedAt;
  if (createdAt === undefined || movedAt === undefined) {
    // A server without dates. Its own clock aside, nothing tells a rotation that stopped from an alias moved by hand.
    if (target !== current) throw conflict(`${highest.alias} names another key than the alias, and it cannot be told why`, undefined);
  } else {
    if (registered && target !== current && movedAt <= createdAt) return { resume: highest };
    const age = now - createdAt.getTime();
    // An entry for the key that was current already took no move of the alias, and needs no age.
    if (movedAt >= createdAt && age < SETTLED_MS) throw tooEarly(Math.min(SETTLED_MS, SETTLED_MS - age));
  }
  const last = highest.number;
  return registered ? { register: undefined, next: last + 1 } : { register: last + 1, next: last + 2 };
}

function tooEarly(retryAfterMs: number): ProviderError {
  return conflict("the key was rotated a moment ago, and whoever did so could still be at it", retryAfterMs);
}

function conflict(message: string, retryAfterMs: number | undefined): ProviderError {
  const hint = retryAfterMs === undefined ? "look at the aliases of the key, and remove the entry or move the alias" : "call again later";
  return new ProviderError("ERR_KMS_CONFLICT", message, { retryable: retryAfterMs !== undefined, retryAfterMs, outcome: "not-sent", hint });
}

/** The procedure of `README.md` beside this file, section "Rotation". */
export async function replaceKey(replacement: Replacement): Promise<ProviderRotation> {
  const { exchange, key, current, context } = replacement;
  const register = await fetchRegister(exchange, () => context, key);
  assertOwnAlias(replacement, register);
  const plan = planReplacement(register, current.id, register.readAt ?? exchange.clock.now());
  const steps = new Steps(replacement);
  const successor = "resume" in plan ? await adopt(replacement, plan.resume) : await makeSuccessor(replacement, steps, plan);
  await steps.moveAlias(successor);
  await assertNewest(replacement, steps, successor);
  return { status: "done", previousVersion: current.id, newVersion: successor.target, rotatedAt: new Date(exchange.clock.now()) };
}

/** A listing holds the caller's aliases only: one that is not in it is not the caller's to move. */
function assertOwnAlias({ key, current }: Replacement, { self }: Register): void {
  if (self === undefined && key.account !== undefined) {
    throw new ValidationError("ERR_KMS_UNSUPPORTED", "the alias belongs to another account", { hint: "rotate with credentials of the account that owns the alias" });
  }
  if (self?.target !== current.id) throw conflict("the alias was moved while it was looked at", 1_000);
}

/** The key of a rotation that stopped, if it is one that this rotation could have made. */
async function adopt(replacement: Replacement, entry: RegisterEntry): Promise<RegisterEntry> {
  const { exchange, current, context } = replacement;
  const id = entry.target;
  const candidate: AwsKey = { configured: id, target: id, id, alias: undefined, account: current.account };
  const facts = await describeKey(exchange, context, candidate);
  const same = (["spec", "usage", "origin", "multiRegion", "manager", "customKeyStore"] as const).every((name) => facts[name] === current[name]);
  if (!same || facts.state !== "Enabled") throw foreign(entry);
  const wanted = await policyOf(replacement);
  if (!samePolicy(wanted, await fetchPolicy(replacement, facts))) throw foreign(entry);
  return entry;
}

function foreign({ alias }: RegisterEntry): ProviderError {
  return conflict(`${alias} names a key that is not like the current one, or has another policy`, undefined);
}

function policyOf(replacement: Replacement): Promise<string> {
  return replacement.policy === undefined ? fetchPolicy(replacement, replacement.current) : Promise.resolve(replacement.policy);
}

function fetchPolicy({ exchange, context }: Replacement, { arn }: KeyFacts): Promise<string> {
  return ask(exchange, context, "read", buildGetKeyPolicy(exchange.base, arn), parseGetKeyPolicy);
}

function samePolicy(a: string, b: string): boolean {
  try {
    return canonicalJson(a) === canonicalJson(b);
  } catch {
    return false; // nested so deep that the platform gives up
  }
}

/** JSON text with members in order, so that two policies that differ in their writing only are the same text. */
function canonicalJson(text: string): string {
  return JSON.stringify(JSON.parse(text), (_name, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const members = value as Record<string, unknown>;
    return Object.fromEntries(Object.keys(members).sort().map((name) => [name, members[name]]));
  });
}

/** Reads all that is needed first, so that what fails there has changed nothing. */
async function makeSuccessor(replacement: Replacement, steps: Steps, plan: Exclude<Plan, { resume: unknown }>): Promise<RegisterEntry> {
  const { key, current } = replacement;
  const alias = versionAlias(key.alias, plan.next);
  const newKey = await describeSuccessor(replacement, alias);
  if (plan.register !== undefined) await steps.register(versionAlias(key.alias, plan.register), current.id);
  const target = await steps.createKey(newKey, alias);
  await steps.registerSuccessor(alias, target);
  return { number: plan.next, alias, target, createdAt: undefined };
}

/** A key like the current one. Grants are not copied: they were given for another key. */
async function describeSuccessor(replacement: Replacement, alias: string): Promise<NewKey> {
  const { exchange, current, context } = replacement;
  if (current.usage === undefined) throw invalidAnswer("KeyUsage is missing");
  const Policy = await policyOf(replacement);
  const tags = await fetchTags(exchange, current, context);
  const copied = tags.filter(({ TagKey }) => !/^aws:/i.test(TagKey) && TagKey !== TAG);
  const Tags: Tag[] = [...copied, { TagKey: TAG, TagValue: alias }];
  const MultiRegion = current.multiRegion ? true : undefined;
  return { KeySpec: current.spec, KeyUsage: current.usage, Description: current.description, Policy, MultiRegion, Tags };
}

/** After the last step: whoever registered a later key meanwhile had the alias moved back from under it. */
async function assertNewest({ exchange, key, context }: Replacement, steps: Steps, { number, alias }: RegisterEntry): Promise<void> {
  let register: Register;
  try {
    register = await fetchRegister(exchange, () => context, key);
  } catch {
    return; // The rotation is done; the age of an entry keeps others from overtaking it.
  }
  const highest = register.entries.at(-1);
  if (highest === undefined || highest.number <= number) return;
  throw steps.partial(conflict(`${highest.alias} was made while the alias was moved to the key of ${alias}`, 1_000), "look which key the alias points to");
}

/** One request that changes something. */
interface Step<T> {
  readonly request: WireRequest;
  readonly parse: (answer: Answer) => T;
  /** What to do after its failure; undefined keeps what the failure says itself. */
  hint(error: KmsError): string | undefined;
  /** It names a key that was just made, which the service may not know yet. */
  readonly newKey?: boolean;
}

/** The requests that change something, and what a failure of each means for the rotation as a whole. */
class Steps {
  readonly #replacement: Replacement;
  #changed = false;

  constructor(replacement: Replacement) {
    this.#replacement = replacement;
  }

  /** Enters the current key, so that its signatures stay verifiable. */
  register(alias: string, target: string): Promise<void> {
    return this.#take({
      request: buildCreateAlias(this.#base, alias, target),
      parse: parseNothing,
      hint: ({ outcome }) => (outcome === "unknown" ? "call rotateKey again: the current key was registered, if anything" : undefined),
    });
  }

  /** @returns the new key's id */
  async createKey(newKey: NewKey, alias: string): Promise<string> {
    const { exchange, current } = this.#replacement;
    const maybe = `a key may have been made: it would have the tag ${TAG} = ${alias}, never signed, and can be deleted`;
    const made = await this.#take({
      request: buildCreateKey(this.#base, newKey),
      parse: (answer) => parseCreateKey(answer, current.account, exchange),
      hint: ({ outcome, providerCode }) => (outcome === "unknown" ? maybe : providerCode === "MalformedPolicyDocumentException" ? OTHER_POLICY : undefined),
    });
    if (made.spec === current.spec && made.usage === current.usage && made.id !== current.id) return made.id;
    throw this.partial(mismatchedAnswer("the new key is not like the current one"), maybe);
  }

  /** The lock: an alias can be created once, so that of two rotations one is refused here. */
  registerSuccessor(alias: string, target: string): Promise<void> {
    const maybe = `if ${alias} names key ${target}, call rotateKey again to finish; else delete that key, which never signed`;
    return this.#take({
      request: buildCreateAlias(this.#base, alias, target),
      parse: parseNothing,
      hint: ({ outcome }) => (outcome === "unknown" ? maybe : `key ${target} was made and is not used: delete it`),
      newKey: true,
    });
  }

  moveAlias({ target }: RegisterEntry): Promise<void> {
    const { alias } = this.#replacement.key;
    return this.#take({
      request: buildUpdateAlias(this.#base, alias, target),
      parse: parseNothing,
      hint: () => `call rotateKey again to finish: ${alias} is to point to key ${target}`,
      newKey: true,
    });
  }

  /** An error after a step that took effect. What nobody knows stays unknown. */
  partial<E extends KmsError>(error: E, hint: string | undefined): E {
    if (hint !== undefined) (error as { hint?: string }).hint = hint;
    return this.#changed && error.outcome !== "unknown" ? withOutcome(error, "partial") : error;
  }

  get #base(): Exchange["base"] {
    return this.#replacement.exchange.base;
  }

  async #take<T>({ request, parse, hint, newKey = false }: Step<T>): Promise<T> {
    const { exchange, context } = this.#replacement;
    const attempt = (): Promise<T> => ask(exchange, context, "change", request, parse);
    try {
      const result = await (newKey ? untilVisible(this.#replacement, attempt) : attempt());
      this.#changed = true;
      return result;
    } catch (error) {
      if (!isKmsError(error)) throw error;
      // An alias that exists by now is that of another rotation, which will end.
      if (error.code === "ERR_KMS_CONFLICT") (error as { retryable: boolean }).retryable = true;
      throw this.partial(error, hint(error));
    }
  }
}

/** Repeats a change that the service refuses because it does not know the new key yet. */
async function untilVisible<T>({ exchange, context }: Replacement, attempt: () => Promise<T>): Promise<T> {
  for (let count = 1, delay = VISIBLE.firstMs; ; count += 1, delay = Math.min(2 * delay, VISIBLE.mostMs)) {
    try {
      return await attempt();
    } catch (error) {
      const late = count >= VISIBLE.attempts || context.remainingMs() <= 2 * delay;
      if (late || !isKmsError(error, "ERR_KMS_NOT_FOUND")) throw error;
    }
    await pause(exchange, context, delay);
  }
}

/** Never fails: after an abort the next attempt does, and says that it sent nothing. */
async function pause({ transport }: Exchange, { signal }: CallContext, ms: number): Promise<void> {
  try {
    const waited = transport.sleep(ms, signal);
    await (signal === undefined ? waited : raceSignal(waited, signal));
  } catch {
    // the next attempt tells
  }
}
