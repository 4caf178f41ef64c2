/** One question to AWS KMS and its checked answer, and lists over all their pages. */
import { addErrorContext, isKmsError } from "../errors.js";
import { invalidAnswer, type Fields } from "../http/fields.js";
import { send, type Answer } from "../http/send.js";
import type { Transport } from "../http/transport.js";
import type { CallContext } from "../kms/provider.js";
import type { AwsService } from "./authorization.js";
import type { KeyTarget } from "./config.js";
import { buildRequest } from "./requests.js";
import { parseKeyMetadata, parsePage, readTag, type KeyFacts, type Tag } from "./responses.js";

/** More aliases than the quota of keys of an account: a server that pages on for ever must come to an end. */
const MAX_PAGES = 1_000;

/** What the operations of a provider have in common. */
export interface Exchange {
  readonly service: AwsService;
  readonly transport: Transport;
  readonly url: string;
  /** Sent with the operations that take them. */
  readonly grantTokens: readonly string[] | undefined;
}

/** Sends the request of an operation, once if it is not known to change nothing, and reads its answer. */
export async function ask<T>(
  { service, transport, url }: Exchange,
  context: CallContext,
  operation: string,
  members: Readonly<Record<string, unknown>>,
  parse: (answer: Answer) => T,
): Promise<T> {
  const effect = /^(Sign|Verify|Get|List|Describe)/.test(operation) ? "compute" : "change";
  const answer = await send(service, transport, context, effect, buildRequest(url, operation, members));
  try {
    return parse(answer);
  } catch (error) {
    // What whoever reads does not know. Not the status: it is 200, and no refusal.
    throw isKmsError(error) ? addErrorContext(addErrorContext(error, { provider: "aws", requestId: answer.requestId }), context) : error;
  }
}

/**
 * Reads a list page by page. A page may be empty and not the last. `newContext` is asked for each page.
 *
 * @param operation ends with the member that holds the items
 * @param read gives nothing for an item that is not wanted
 */
export async function list<T>(
  exchange: Exchange,
  newContext: () => CallContext,
  operation: string,
  members: Readonly<Record<string, unknown>>,
  read: (item: Fields) => T | readonly [],
): Promise<readonly T[]> {
  let all: readonly T[] = [];
  let marker: string | undefined;
  let pages = 0;
  do {
    marker = await ask(exchange, newContext(), operation, { ...members, Marker: marker }, (answer) => {
      const { items, next } = parsePage(answer, operation.replace(/.*(?=[A-Z])/, ""));
      pages += 1;
      // The same marker may come back only with a page that is empty.
      if (next === "" || (next !== undefined && (pages === MAX_PAGES || (next === marker && items.length > 0)))) throw invalidAnswer("NextMarker leads nowhere");
      all = all.concat(items.flatMap((item) => read(item)));
      return next;
    });
  } while (marker !== undefined);
  return all;
}

/** DescribeKey, whose answer must fit what `key` says. */
export function describeKey(exchange: Exchange, context: CallContext, key: KeyTarget): Promise<KeyFacts> {
  return ask(exchange, context, "DescribeKey", { KeyId: key.target, GrantTokens: exchange.grantTokens }, (answer) => parseKeyMetadata(answer, key));
}

/** All tags of a key. */
export function fetchTags(exchange: Exchange, { arn }: KeyFacts, context: CallContext): Promise<readonly Tag[]> {
  return list(exchange, () => context, "ListResourceTags", { KeyId: arn, Limit: 50 }, readTag);
}
