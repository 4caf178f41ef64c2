/**
 * The register of an alias: the aliases `alias/N/versions/1 … n` point to every key that was current for `alias/N`. It
 * is read from ListAliases and from nowhere else, so that only who may create aliases under `alias/N/versions/` can
 * publish a key as a version.
 */
import { invalidAnswer, mismatchedAnswer } from "../http/fields.js";
import type { Answer } from "../http/send.js";
import type { CallContext } from "../kms/provider.js";
import { serverTimeOf } from "./authorization.js";
import { isOfRegion, type AwsKey } from "./config.js";
import { collect, completely, type Exchange } from "./exchange.js";
import { buildListAliases } from "./requests.js";
import { parseListAliases, type AliasItem, type Page } from "./responses.js";

/** One version, as its alias names it. */
export interface RegisterEntry {
  /** The number in the alias's name; gaps are allowed, for deleting a key deletes its aliases. */
  readonly number: number;
  readonly alias: string;
  /** Key id. */
  readonly target: string;
  readonly createdAt: Date | undefined;
}

export interface Register {
  /** The alias itself, if the listing has it: the aliases of other accounts are never listed. */
  readonly self: AliasItem | undefined;
  /** By ascending number. */
  readonly entries: readonly RegisterEntry[];
  /** Server time of the listing's last page, in milliseconds, if it told. */
  readonly readAt: number | undefined;
}

/** A key that was configured by an alias. */
export type AliasedKey = AwsKey & { readonly alias: string };

export function hasAlias(key: AwsKey): key is AliasedKey {
  return key.alias !== undefined;
}

/** The name of a version's alias. */
export function versionAlias(alias: string, number: number): string {
  return `${alias}/versions/${number}`;
}

/** Whether an alias is itself an entry of a register. */
export function isVersionAlias(alias: string): boolean {
  return /\/versions\/[1-9]\d*$/.test(alias);
}

/** Whether the register of `alias` has to do with an alias of that name. */
export function belongsTo(alias: string, name: string): boolean {
  return name === alias || numberOf(alias, name) !== undefined;
}

/** A number that is written in one way only: without zeros in front, and small enough to be counted on. */
function numberOf(alias: string, name: string): number | undefined {
  const prefix = `${alias}/versions/`;
  if (!name.startsWith(prefix)) return undefined;
  const digits = name.slice(prefix.length);
  return /^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : undefined;
}

/**
 * Sorts the aliases of a listing into the register of a key's alias.
 *
 * A listing holds the aliases of the caller's account only. When the alias was configured by an ARN of another one, what
 * is found under the same name has nothing to do with it.
 */
export function readRegister(key: AliasedKey, items: readonly AliasItem[], region: string, readAt: number | undefined): Register {
  for (const { arn } of items) {
    if (!isOfRegion(arn, region)) throw mismatchedAnswer("AliasArn is of another region");
    if (arn.account !== items[0]?.arn.account) throw invalidAnswer("AliasArn is of several accounts");
  }
  const own = key.account === undefined ? items : items.filter(({ arn }) => arn.account === key.account);
  const entries = own.flatMap(({ name, target, createdAt }) => {
    const number = numberOf(key.alias, name);
    if (number === undefined) return [];
    if (target === undefined) throw invalidAnswer("TargetKeyId is missing");
    return [{ number, alias: name, target, createdAt }];
  });
  return { self: own.find(({ name }) => name === key.alias), entries: entries.sort((a, b) => a.number - b.number), readAt };
}

/** The register of an alias, read anew: all aliases of the account, page by page. `newContext` is asked for each page. */
export async function fetchRegister(exchange: Exchange, newContext: () => CallContext, key: AliasedKey): Promise<Register> {
  let context: CallContext | undefined;
  let readAt: number | undefined;
  const parse = (answer: Answer): Page<AliasItem> => {
    readAt = serverTimeOf(answer);
    return parseListAliases(answer, (name) => belongsTo(key.alias, name));
  };
  const items = await collect(exchange, () => (context = newContext()), (marker) => buildListAliases(exchange.base, marker), parse);
  return completely(context as unknown as CallContext, undefined, () => readRegister(key, items, exchange.region, readAt));
}
