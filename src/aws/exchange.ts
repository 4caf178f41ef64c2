/** One question to AWS KMS and its checked answer, and lists over all their pages. */
import { addErrorContext, isKmsError } from "../errors.js";
import { invalidAnswer } from "../http/fields.js";
import { send, type Answer, type Effect, type Service, type WireRequest } from "../http/send.js";
import type { Transport } from "../http/transport.js";
import type { CallContext } from "../kms/provider.js";
import type { ServiceClock, SignedWith } from "./authorization.js";
import type { KeyTarget } from "./config.js";
import { buildDescribeKey, type RequestBase } from "./requests.js";
import { parseKeyMetadata, type KeyFacts, type Page } from "./responses.js";

/** More aliases than the quota of keys of an account: a server that pages on for ever must come to an end. */
const MAX_PAGES = 1_000;

/** What the operations of a provider have in common. */
export interface Exchange {
  readonly service: Service<SignedWith>;
  readonly transport: Transport;
  readonly clock: ServiceClock;
  readonly base: RequestBase;
  readonly region: string;
}

/** Sends a request and reads its answer. */
export async function ask<T>(exchange: Exchange, context: CallContext, effect: Effect, request: WireRequest, parse: (answer: Answer) => T): Promise<T> {
  const answer = await send(exchange.service, exchange.transport, context, effect, request);
  return completely(context, answer.requestId, () => parse(answer));
}

/** Reads something, and tells an error what whoever reads does not know. Not the status: it is 200, and no refusal. */
export function completely<T>({ operation, attempts }: CallContext, requestId: string | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw isKmsError(error) ? addErrorContext(error, { provider: "aws", operation, attempts, requestId }) : error;
  }
}

/** Reads a list page by page. A page may be empty and not the last. `newContext` is asked for each page. */
export async function collect<T>(
  exchange: Exchange,
  newContext: () => CallContext,
  build: (marker: string | undefined) => WireRequest,
  parse: (answer: Answer) => Page<T>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let marker: string | undefined;
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const page = await ask(exchange, newContext(), "read", build(marker), (answer) => nextPage(parse(answer), marker));
    items.push(...page.items);
    marker = page.marker;
    if (marker === undefined) return items;
  }
  throw addErrorContext(invalidAnswer("NextMarker leads on for ever"), { provider: "aws" });
}

/** What lists something must move on. */
function nextPage<T>(page: Page<T>, marker: string | undefined): Page<T> {
  if (page.marker !== undefined && page.marker === marker && !page.empty) throw invalidAnswer("NextMarker leads to the same page");
  return page;
}

/** DescribeKey, whose answer must fit what `key` says. */
export function describeKey(exchange: Exchange, context: CallContext, key: KeyTarget): Promise<KeyFacts> {
  const request = buildDescribeKey(exchange.base, key.target);
  return ask(exchange, context, "read", request, (answer) => parseKeyMetadata(answer, key, exchange));
}
