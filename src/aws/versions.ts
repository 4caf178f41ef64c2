/**
 * The versions of a key: one for a bare key, and behind an alias all keys in its register. That is, the aliases
 * `alias/N/versions/1 … n` point to every key that was current for `alias/N`. The register is read from ListAliases and
 * from nowhere else, so that only who may create aliases under `alias/N/versions/` can publish a key as a version.
 */
import { isKmsError } from "../errors.js";
import { requiredString } from "../http/fields.js";
import type { CallContext, ProviderKeyMetadata, ProviderKeyVersion } from "../kms/provider.js";
import { SingleFlight } from "../abort.js";
import { keyStateOf } from "./algorithms.js";
import { isKeyId, type AwsKey } from "./config.js";
import { describeKey, list, type Exchange } from "./exchange.js";
import { assertMatch, readAlias, type AliasItem, type KeyFacts } from "./responses.js";

/** How long the current key of an alias, and its register, are believed. */
const BELIEVED_MS = 30_000;
/** Two for each alias. */
const MAX_BELIEFS = 200;

/** An alias of the register, or the one that the register is about. */
export interface RegisterEntry extends Pick<AliasItem, "target" | "createdAt" | "updatedAt"> {
  /** That in the alias's name; gaps are allowed, for deleting a key deletes its aliases. 0 is the alias itself. */
  readonly number: number;
  readonly alias: string;
}

export interface Register {
  /** The alias itself, if the listing has it: the aliases of other accounts are never listed. */
  readonly self: RegisterEntry | undefined;
  /** By ascending number. */
  readonly entries: readonly RegisterEntry[];
}

/** A key that was configured by an alias. */
export type AliasedKey = AwsKey & { readonly alias: string };

export function hasAlias(key: AwsKey): key is AliasedKey {
  return key.alias !== undefined;
}

/** The key as configured, without the version: for questions about the alias itself. */
export function withoutVersion<K extends AwsKey>(key: K): K {
  return hasAlias(key) ? { ...key, target: key.configured, id: undefined } : key;
}

/** A number that is written in one way only: without zeros in front, and small enough to be counted on. */
function numberOf(alias: string, name: string): number | undefined {
  if (name === alias) return 0;
  const digits = name.startsWith(alias) ? /^\/versions\/([1-9]\d{0,8})$/.exec(name.slice(alias.length))?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The register of an alias, read anew: all aliases of the account, page by page; with `KeyId` none would come that an alias
 * pointed to before. Of others nothing but the name is looked at. `newContext` is asked for each page.
 *
 * A listing holds the aliases of the caller's account only. When the alias was configured by an ARN of another one, what
 * is found under the same name has nothing to do with it.
 */
export async function fetchRegister(exchange: Exchange, newContext: () => CallContext, key: AliasedKey): Promise<Register> {
  let account: string | undefined;
  const found = await list<RegisterEntry>(exchange, newContext, "ListAliases", { Limit: 100 }, (fields) => {
    const alias = requiredString(fields, "AliasName");
    const number = numberOf(key.alias, alias);
    if (number === undefined) return [];
    const { arn, ...item } = readAlias(fields, alias);
    assertMatch(arn.place === key.place && arn.account === (account ??= arn.account), "AliasArn");
    return account === (key.account ?? account) ? { ...item, alias, number } : [];
  });
  const entries = found.filter(({ number }) => number > 0).sort((a, b) => a.number - b.number);
  return { self: found.find(({ number }) => number === 0), entries };
}

/**
 * Lists the versions of a key. Behind an alias these are a DescribeKey, the pages of ListAliases, and with `withState` a
 * DescribeKey for each version that is not current. Symmetric keys have one: their materials cannot be addressed.
 */
export async function* listVersions(exchange: Exchange, key: AwsKey, withState: boolean, newContext: () => CallContext): AsyncGenerator<ProviderKeyVersion> {
  const asked = withoutVersion(key);
  const current = await describeKey(exchange, newContext(), asked);
  yield toVersion(current, true, withState);
  if (!hasAlias(asked)) return;
  const { entries } = await fetchRegister(exchange, newContext, asked);
  for (const id of new Set(entries.map(({ target }) => target))) {
    if (id === current.id) continue;
    if (withState) {
      // An entry of a register is always of the caller's own account.
      const facts = await describeKey(exchange, newContext(), { ...asked, target: id, id, account: current.account }).catch(unlessDeleted);
      if (facts !== undefined) yield toVersion(facts, false, true);
    } else yield { keyVersion: id, current: false };
  }
}

/** A key that was deleted takes its aliases with it, and the listing may show them a moment longer. */
function unlessDeleted(error: unknown): undefined {
  if (!isKmsError(error, "ERR_KMS_NOT_FOUND")) throw error;
}

function toVersion(facts: KeyFacts, current: boolean, withState: boolean): ProviderKeyVersion {
  return { keyVersion: facts.id, current, ...(withState && { state: keyStateOf(facts.KeyState) }), ...datesOf(facts) };
}

/** The dates of a key that the service tells. */
export function datesOf({ createdAt, expiresAt }: KeyFacts): Pick<ProviderKeyMetadata, "createdAt" | "expiresAt"> {
  return { ...(createdAt && { createdAt }), ...(expiresAt && { expiresAt }) };
}

/** Key ids; undefined is none. */
type Ids = readonly (string | undefined)[];

/** Key ids that were read, believed for a while, and read by one of those who ask. */
class Belief {
  readonly #flight = new SingleFlight<Ids>();
  #ids: Ids = [];
  #until = 0;

  learn(ids: Ids): Ids {
    this.#until = performance.now() + BELIEVED_MS;
    return (this.#ids = ids);
  }

  async has(id: string, context: CallContext, read: () => Promise<Ids>): Promise<boolean> {
    const ids = performance.now() < this.#until ? this.#ids : await this.#flight.run(async () => this.learn(await read()), context);
    return ids.includes(id);
  }
}

/** What a provider remembers of the versions of aliases, so that a flood of foreign ids costs two questions in 30 seconds. */
export class KnownVersions {
  readonly #exchange: Exchange;
  readonly #known = new Map<string, Belief>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Takes note of the key that an answer to a question about the alias itself named. */
  learn(key: AwsKey, id: string): void {
    if (key.id === undefined) this.#about("current", key).learn([id]);
  }

  /** Forgets all, for an alias was moved. */
  forget(): void {
    this.#known.clear();
  }

  /** Whether a text is the id of a version of this key. What is asked never names anything but the key's own alias. */
  async owns(key: AwsKey, keyVersion: string, context: CallContext): Promise<boolean> {
    if (key.id === keyVersion) return true;
    if (!hasAlias(key) || !isKeyId(keyVersion)) return false;
    const asked = withoutVersion(key);
    const readCurrent = async (): Promise<Ids> => [(await describeKey(this.#exchange, context, asked)).id];
    // The listing is newer than what the current key was read from.
    const readRegister = async (): Promise<Ids> => {
      const { self, entries } = await fetchRegister(this.#exchange, () => context, asked);
      return [self, ...entries].map((entry) => entry?.target);
    };
    return (await this.#about("current", key).has(keyVersion, context, readCurrent)) || this.#about("register", key).has(keyVersion, context, readRegister);
  }

  #about(what: "current" | "register", { configured }: AwsKey): Belief {
    const slot = `${what} ${configured}`;
    let found = this.#known.get(slot);
    if (found === undefined) {
      if (this.#known.size >= MAX_BELIEFS) this.#known.clear();
      this.#known.set(slot, (found = new Belief()));
    }
    return found;
  }
}
