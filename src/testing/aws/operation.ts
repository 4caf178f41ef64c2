/** What an operation of the emulated KMS is, and lists cut into pages. */
import { decodeBase64, encodeBase64 } from "../../encoding/base64.js";
import { AwsFailure } from "./failure.js";
import type { Members } from "./members.js";
import type { AwsStore } from "./store.js";

/** Undefined is an operation without output: an empty body. */
export type Answer = Readonly<Record<string, unknown>> | undefined;

export interface AwsOperation {
  readonly members: Members;
  run(store: AwsStore, input: unknown): Answer | Promise<Answer>;
}

export type AwsOperations = Readonly<Record<string, AwsOperation>>;

/** An operation whose handler gets what its members say. */
export function operation<Input>(members: Members, run: (store: AwsStore, input: Input) => Answer | Promise<Answer>): AwsOperation {
  return { members, run: (store, input) => run(store, input as Input) };
}

export interface PageInput {
  readonly Limit?: number;
  readonly Marker?: string;
}

interface PageOptions<Item> extends PageInput {
  /** In any order; shown in the order of their names. */
  readonly items: Iterable<Item>;
  readonly nameOf: (item: Item) => string;
  readonly defaultLimit: number;
  /** A marker of another list is refused. */
  readonly list: string;
}

/**
 * One page of a list, with `Truncated` and, if there is more, `NextMarker`. A page can be empty and yet be truncated (AWS wire
 * sheet 2.6).
 *
 * @throws {AwsFailure} `InvalidMarkerException`
 */
export function pageOf<Item>(store: AwsStore, options: PageOptions<Item>): { shown: Item[]; rest: Record<string, unknown> } {
  const { items, nameOf, list, Marker, Limit, defaultLimit } = options;
  const after = Marker === undefined ? "" : readMarker(list, Marker);
  const all = [...items].filter((item) => nameOf(item) > after).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const empty = store.emptyPages > 0;
  if (empty) store.emptyPages -= 1;
  const shown = empty ? [] : all.slice(0, Limit ?? defaultLimit);
  if (shown.length === all.length && !empty) return { shown, rest: { Truncated: false } };
  const last = shown.at(-1);
  return { shown, rest: { NextMarker: writeMarker(list, last === undefined ? after : nameOf(last)), Truncated: true } };
}

/** Markers are opaque to clients; this is the list and the last name shown. */
function writeMarker(list: string, last: string): string {
  return encodeBase64(new TextEncoder().encode(`${list} ${last}`));
}

function readMarker(list: string, marker: string): string {
  try {
    const text = new TextDecoder().decode(decodeBase64(marker));
    if (text.startsWith(`${list} `)) return text.slice(list.length + 1);
  } catch {
    // Text that was never a marker: refused like one of another list.
  }
  throw new AwsFailure("InvalidMarkerException", "Could not deserialize marker");
}

/** Seconds with a fraction, as all timestamps of the protocol. */
export function seconds(milliseconds: number): number {
  return milliseconds / 1000;
}
