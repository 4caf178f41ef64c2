/** The versions of a key: one for a bare key, and behind an alias all keys in its register. */
import { isKmsError } from "../errors.js";
import type { CallContext, ProviderKeyVersion } from "../kms/provider.js";
import { SingleFlight } from "../abort.js";
import { keyStateOf } from "./algorithms.js";
import { isKeyId, keyById, readKey, type AwsKey, type KeyTarget } from "./config.js";
import { describeKey, type Exchange } from "./exchange.js";
import { datesOf } from "./metadata.js";
import { fetchRegister, hasAlias, type AliasedKey } from "./register.js";
import type { KeyFacts } from "./responses.js";

/** How long the current key of an alias, and its register, are believed. */
const BELIEVED_MS = 30_000;
/** Aliases about which something is kept; the oldest goes first. */
const MAX_ALIASES = 100;

/** The key as configured, without the version: for questions about the alias itself. */
export function withoutVersion(key: AwsKey, region: string): AwsKey {
  return readKey({ keyId: key.configured }, region);
}

/**
 * Lists the versions of a key. Behind an alias these are a DescribeKey, the pages of ListAliases, and with `withState` a
 * DescribeKey for each version that is not current. Symmetric keys have one: their materials cannot be addressed.
 */
export async function* listVersions(exchange: Exchange, key: AwsKey, withState: boolean, newContext: () => CallContext): AsyncGenerator<ProviderKeyVersion> {
  const asked = withoutVersion(key, exchange.region);
  const current = await describeKey(exchange, newContext(), asked);
  yield toVersion(current, true, withState);
  if (!hasAlias(asked)) return;
  const { entries } = await fetchRegister(exchange, newContext, asked);
  for (const id of new Set(entries.map(({ target }) => target))) {
    if (id === current.id) continue;
    if (withState) {
      // An entry of a register is always of the caller's own account.
      const facts = await describeOld(exchange, newContext(), keyById(id, current.account));
      if (facts !== undefined) yield toVersion(facts, false, true);
    } else yield { keyVersion: id, current: false };
  }
}

/** A key that was deleted takes its aliases with it, and the listing may show them a moment longer. */
async function describeOld(exchange: Exchange, context: CallContext, key: KeyTarget): Promise<KeyFacts | undefined> {
  try {
    return await describeKey(exchange, context, key);
  } catch (error) {
    if (isKmsError(error, "ERR_KMS_NOT_FOUND")) return undefined;
    throw error;
  }
}

function toVersion(facts: KeyFacts, current: boolean, withState: boolean): ProviderKeyVersion {
  return { keyVersion: facts.id, current, ...(withState && { state: keyStateOf(facts.state) }), ...datesOf(facts) };
}

/** Something read at a time of `performance.now()`. */
interface Read<T> {
  readonly value: T;
  readonly at: number;
}

interface Known {
  current?: Read<string>;
  register?: Read<ReadonlySet<string>>;
  readonly asking: SingleFlight<string>;
  readonly listing: SingleFlight<ReadonlySet<string>>;
}

/** What a provider remembers of the versions of aliases, so that a flood of foreign ids costs two questions in 30 seconds. */
export class KnownVersions {
  readonly #exchange: Exchange;
  readonly #known = new Map<string, Known>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Takes note of the key that an answer to a question about the alias itself named. */
  learn(key: AwsKey, id: string): void {
    if (key.alias !== undefined && key.id === undefined) this.#of(key.configured).current = { value: id, at: performance.now() };
  }

  /** Forgets all about an alias that was moved. */
  forget(key: AwsKey): void {
    this.#known.delete(key.configured);
  }

  /** Whether a text is the id of a version of this key. What is asked never names anything but the key's own alias. */
  async owns(key: AwsKey, keyVersion: string, context: CallContext): Promise<boolean> {
    if (!isKeyId(keyVersion)) return false;
    if (key.id === keyVersion) return true;
    const asked = withoutVersion(key, this.#exchange.region);
    if (!hasAlias(asked)) return false;
    const known = this.#of(asked.configured);
    const current = believed(known.current) ?? (await known.asking.run(() => this.#readCurrent(known, asked, context), context));
    if (current === keyVersion) return true;
    const register = believed(known.register) ?? (await known.listing.run(() => this.#readRegister(known, asked, context), context));
    return register.has(keyVersion);
  }

  async #readCurrent(known: Known, asked: AliasedKey, context: CallContext): Promise<string> {
    const { id } = await describeKey(this.#exchange, context, asked);
    known.current = { value: id, at: performance.now() };
    return id;
  }

  async #readRegister(known: Known, asked: AliasedKey, context: CallContext): Promise<ReadonlySet<string>> {
    const { self, entries } = await fetchRegister(this.#exchange, () => context, asked);
    const ids = new Set(entries.map(({ target }) => target));
    // The listing is newer than what `current` was read from.
    if (self?.target !== undefined) ids.add(self.target);
    known.register = { value: ids, at: performance.now() };
    return ids;
  }

  #of(alias: string): Known {
    const found = this.#known.get(alias);
    if (found !== undefined) return found;
    const known: Known = { asking: new SingleFlight(), listing: new SingleFlight() };
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_ALIASES && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(alias, known);
    return known;
  }
}

function believed<T>(read: Read<T> | undefined): T | undefined {
  return read !== undefined && performance.now() - read.at < BELIEVED_MS ? read.value : undefined;
}
