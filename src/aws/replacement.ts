/**
 * Replacing a key that cannot rotate in place: a like key is made, registered as the next version of the alias, and the
 * alias is moved to it. The order of the steps makes every interruption visible to the next call.
 */
import { waitBy } from "../abort.js";
import { isKmsError, ProviderError, withOutcome, type KmsError } from "../errors.js";
import { invalidAnswer, mismatchedAnswer } from "../http/fields.js";
import type { Answer, WireRequest } from "../http/send.js";
import { unsupported } from "../kms/context.js";
import type { CallContext, ProviderRotation } from "../kms/provider.js";
import { keyById } from "./config.js";
import { ask, describeKey, type Exchange } from "./exchange.js";
import { fetchTags } from "./metadata.js";
import { fetchRegister, versionAlias, type AliasedKey, type Register, type RegisterEntry } from "./register.js";
import { buildCreateAlias, buildCreateKey, buildGetKeyPolicy, buildUpdateAlias, type NewKey, type Tag } from "./requests.js";
import { parseGetKeyPolicy, parseKeyMetadata, parseNothing, type KeyFacts } from "./responses.js";

/** The tag that says what a key was made for, so that one that was left behind is found. */
const TAG = "knhk-kms";

/**
 * UpdateAlias has no condition. A signed request lives for 5 minutes and a rotation for one, so that after 6 minutes
 * nobody who stalled can move the alias back any more.
 */
const SETTLED_MS = 360_000;

const OTHER_POLICY = "give a policy that does not lock the caller out: rotateKey({ policy })";

/** How long the service may not know a key that it has just made. */
const VISIBLE_ATTEMPTS = 12;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 4_000;

export interface Replacement {
  readonly exchange: Exchange;
  readonly key: AliasedKey;
  readonly current: KeyFacts;
  readonly policy: string | undefined;
  readonly context: CallContext;
  /** Whether a step took effect. */
  changed: boolean;
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
    if (target !== current) throw conflict(`${highest.alias} names another key than the alias`, undefined);
  } else {
    if (registered && target !== current && movedAt <= createdAt) return { resume: highest };
    const age = now - createdAt.getTime();
    // An entry for the key that was current already took no move of the alias, and needs no age.
    if (movedAt >= createdAt && age < SETTLED_MS) throw conflict("the key was rotated a moment ago", Math.min(SETTLED_MS, SETTLED_MS - age));
  }
  const last = highest.number;
  return registered ? { register: undefined, next: last + 1 } : { register: last + 1, next: last + 2 };
}

function conflict(message: string, retryAfterMs: number | undefined): ProviderError {
  const hint = retryAfterMs === undefined ? "remove that alias, or move the key's alias by hand" : "call again later";
  return new ProviderError("ERR_KMS_CONFLICT", message, { retryable: retryAfterMs !== undefined, retryAfterMs, outcome: "not-sent", hint });
}

/** The procedure of `README.md` beside this file, section "Rotation". */
export async function replaceKey(replacement: Replacement): Promise<ProviderRotation> {
  const { exchange, key, current, context } = replacement;
  const register = await fetchRegister(exchange, () => context, key);
  assertOwnAlias(replacement, register);
  const plan = planReplacement(register, current.id, register.readAt ?? exchange.clock.now());
  const successor = "resume" in plan ? await adopt(replacement, plan.resume) : await makeSuccessor(replacement, plan);
  await moveAlias(replacement, successor);
  await assertNewest(replacement, successor);
  return { status: "done", previousVersion: current.id, newVersion: successor.target, rotatedAt: new Date(exchange.clock.now()) };
}

/** A listing holds the caller's aliases only: one that is not in it is not the caller's to move. */
function assertOwnAlias({ key, current }: Replacement, { self }: Register): void {
  if (self === undefined && key.account !== undefined) {
    throw unsupported("the alias belongs to another account", "rotate with credentials of that account");
  }
  if (self?.target !== current.id) throw conflict("the alias was moved while it was looked at", 1_000);
}

/** The key of a rotation that stopped, if it is one that this rotation could have made. */
async function adopt(replacement: Replacement, entry: RegisterEntry): Promise<RegisterEntry> {
  const { exchange, current, context } = replacement;
  const facts = await describeKey(exchange, context, keyById(entry.target, current.account));
  const same = (["spec", "usage", "origin", "multiRegion", "manager", "customKeyStore"] as const).every((name) => facts[name] === current[name]);
  if (same && facts.state === "Enabled" && samePolicy(await policyOf(replacement), await fetchPolicy(replacement, facts))) return entry;
  throw conflict(`${entry.alias} names a key that is not like the current one, or has another policy`, undefined);
}

async function policyOf(replacement: Replacement): Promise<string> {
  return replacement.policy ?? fetchPolicy(replacement, replacement.current);
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
async function makeSuccessor(replacement: Replacement, { register, next }: Exclude<Plan, { resume: unknown }>): Promise<RegisterEntry> {
  const alias = versionAlias(replacement.key.alias, next);
  const newKey = await describeSuccessor(replacement, alias);
  if (register !== undefined) await registerCurrent(replacement, register);
  const successor = { number: next, alias, target: await createKey(replacement, newKey, alias), createdAt: undefined };
  await registerSuccessor(replacement, successor);
  return successor;
}

/** A key like the current one. Grants are not copied: they were given for another key. */
async function describeSuccessor(replacement: Replacement, alias: string): Promise<NewKey> {
  const { exchange, current, context } = replacement;
  if (current.usage === undefined) throw invalidAnswer("KeyUsage is missing");
  const Policy = await policyOf(replacement);
  const tags = await fetchTags(exchange, current, context);
  const copied = tags.filter(({ TagKey }) => !/^aws:/i.test(TagKey) && TagKey !== TAG);
  const Tags: Tag[] = [...copied, { TagKey: TAG, TagValue: alias }];
  const { spec: KeySpec, usage: KeyUsage, description: Description } = current;
  return { KeySpec, KeyUsage, Description, Policy, MultiRegion: current.multiRegion || undefined, Tags };
}

/** After the last step: whoever registered a later key meanwhile had the alias moved back from under it. */
async function assertNewest(replacement: Replacement, { number, alias }: RegisterEntry): Promise<void> {
  const { exchange, key, context } = replacement;
  // After a failure too the rotation is done; the age of an entry keeps others from overtaking it.
  const register = await fetchRegister(exchange, () => context, key).catch(() => undefined);
  const highest = register?.entries.at(-1);
  if (highest === undefined || highest.number <= number) return;
  throw partial(replacement, conflict(`${highest.alias} was made while the alias was moved to the key of ${alias}`, 1_000), "look which key the alias points to");
}

/** One request that changes something. */
interface Step<T> {
  readonly request: WireRequest;
  readonly parse: (answer: Answer) => T;
  /** What to do after its failure; undefined keeps what the failure says itself. */
  hint(error: KmsError): string | undefined;
  /** More than 1 for one that names a key which was just made, and which the service may not know yet. */
  readonly attempts: number;
}

/** Enters the current key, so that its signatures stay verifiable. */
function registerCurrent(replacement: Replacement, number: number): Promise<void> {
  const request = buildCreateAlias(replacement.exchange.base, versionAlias(replacement.key.alias, number), replacement.current.id);
  return take(replacement, { request, parse: parseNothing, hint: ({ outcome }) => (outcome === "unknown" ? "call rotateKey again" : undefined), attempts: 1 });
}

/** @returns the new key's id */
async function createKey(replacement: Replacement, newKey: NewKey, alias: string): Promise<string> {
  const { exchange, current } = replacement;
  const maybe = `a key with the tag ${TAG}=${alias} may have been made: delete it`;
  const made = await take(replacement, {
    request: buildCreateKey(exchange.base, newKey),
    // A key nobody has asked for by name, so it must only be of this region and account.
    parse: (answer) => parseKeyMetadata(answer, { id: undefined, account: current.account }, exchange),
    hint: ({ outcome, providerCode }) => (outcome === "unknown" ? maybe : providerCode === "MalformedPolicyDocumentException" ? OTHER_POLICY : undefined),
    attempts: 1,
  });
  if (made.spec === current.spec && made.usage === current.usage && made.id !== current.id) return made.id;
  throw partial(replacement, mismatchedAnswer("the new key is not like the current one"), maybe);
}

/** The lock: an alias can be created once, so that of two rotations one is refused here. */
function registerSuccessor(replacement: Replacement, { alias, target }: RegisterEntry): Promise<void> {
  return take(replacement, {
    request: buildCreateAlias(replacement.exchange.base, alias, target),
    parse: parseNothing,
    hint: ({ outcome }) => (outcome === "unknown" ? `if ${alias} names key ${target}, call rotateKey again; else delete that key` : `delete key ${target}, which was made for nothing`),
    attempts: VISIBLE_ATTEMPTS,
  });
}

function moveAlias(replacement: Replacement, { target }: RegisterEntry): Promise<void> {
  const { alias } = replacement.key;
  return take(replacement, {
    request: buildUpdateAlias(replacement.exchange.base, alias, target),
    parse: parseNothing,
    hint: () => `call rotateKey again to finish: ${alias} is to point to key ${target}`,
    attempts: VISIBLE_ATTEMPTS,
  });
}

/** An error after a step that took effect. What nobody knows stays unknown. */
function partial<E extends KmsError>({ changed }: Replacement, error: E, hint: string | undefined): E {
  if (hint !== undefined) (error as { hint?: string }).hint = hint;
  return changed && error.outcome !== "unknown" ? withOutcome(error, "partial") : error;
}

/** Takes a step. One that the service refuses because it does not know the new key yet is repeated, later and later. */
async function take<T>(replacement: Replacement, { request, parse, hint, attempts }: Step<T>): Promise<T> {
  const { exchange, context } = replacement;
  for (let attempt = 1, delay = FIRST_DELAY_MS; ; attempt += 1, delay = Math.min(2 * delay, MAX_DELAY_MS)) {
    try {
      const result = await ask(exchange, context, "change", request, parse);
      replacement.changed = true;
      return result;
    } catch (error) {
      if (!isKmsError(error)) throw error;
      if (error.code !== "ERR_KMS_NOT_FOUND" || attempt >= attempts || context.remainingMs() <= 2 * delay) {
        // An alias that exists by now is that of another rotation, which will end.
        if (error.code === "ERR_KMS_CONFLICT") (error as { retryable: boolean }).retryable = true;
        throw partial(replacement, error, hint(error));
      }
    }
    // After an abort the next attempt fails, and says that it sent nothing.
    await waitBy(exchange.transport.sleep, delay, context);
  }
}
