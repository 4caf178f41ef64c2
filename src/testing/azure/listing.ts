/** Lists in pages, with the links to the next page that each tier makes. */
import { decodeBase64Url, encodeBase64, encodeBase64Url } from "../../encoding/base64.js";
import { badParameter } from "./failure.js";
import { originWithPort } from "./site.js";
import type { Site } from "./site.js";

export interface ListRequest {
  readonly site: Site;
  /** Path without its slash at the end. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Whether between two pages comes an empty one, which still has a next one. */
  readonly emptyPages: boolean;
  /** Items with what they are sorted by; a later page begins behind it. */
  readonly items: readonly { readonly id: string; readonly item: object }[];
  /** What the last page has in place of a link. */
  readonly end: null | undefined;
}

interface Mark {
  /** The id of the last item before the page. */
  readonly after: string;
  readonly empty: boolean;
}

/** The most that a page holds, and as many as it holds when nobody says (`maxresults`). */
const MOST_RESULTS = 25;

/** KeyListResult. */
export function listPage(request: ListRequest): object {
  const size = readSize(request.query.get("maxresults"));
  const mark = readMark(request, request.query.get("$skiptoken"));
  const start = mark === undefined ? 0 : startBehind(request, mark.after);
  if (mark?.empty === true) return { value: [], nextLink: nextLink(request, { after: mark.after, empty: false }, size) };
  const page = request.items.slice(start, start + size);
  const last = page.at(-1);
  const more = last !== undefined && start + size < request.items.length;
  const next = more ? nextLink(request, { after: last.id, empty: request.emptyPages }, size) : end(request);
  return { value: page.map(({ item }) => item), nextLink: next };
}

/** Where a page begins: behind the item of the mark, or where that would be if it is gone. */
function startBehind({ items }: ListRequest, after: string): number {
  const found = items.findIndex(({ id }) => id === after);
  if (found >= 0) return found + 1;
  const later = items.findIndex(({ id }) => id > after);
  return later < 0 ? items.length : later;
}

/** A Managed HSM leaves the member out; a vault does so too, or writes `null`. */
function end({ site, end: last }: ListRequest): null | undefined {
  return site.kind === "hsm" ? undefined : last;
}

/** With the port and the version of the request on a vault, without either on a Managed HSM (seen in recordings). */
function nextLink({ site, path, query }: ListRequest, mark: Mark, size: number): string {
  const text = new TextEncoder().encode(JSON.stringify([path.toLowerCase(), mark.after, mark.empty]));
  if (site.kind === "hsm") return `${site.origin}${path}?maxresults=${size}&$skiptoken=${encodeBase64Url(text)}`;
  const token = encodeURIComponent(encodeBase64(text));
  return `${originWithPort(site)}${path}?api-version=${query.get("api-version")}&$skiptoken=${token}&maxresults=${size}`;
}

function readSize(text: string | null): number {
  if (text === null) return MOST_RESULTS;
  const size = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (size < 1 || size > MOST_RESULTS) throw badParameter(`Invalid maxresults: it must be between 1 and ${MOST_RESULTS}.`);
  return size;
}

/** Only a mark that was made for this list. */
function readMark({ path }: ListRequest, token: string | null): Mark | undefined {
  if (token === null) return undefined;
  try {
    const plain = token.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    const [list, after, empty] = JSON.parse(new TextDecoder().decode(decodeBase64Url(plain))) as unknown[];
    if (list === path.toLowerCase() && typeof after === "string") return { after, empty: empty === true };
  } catch {
    // Whatever is wrong with it, the answer is the same.
  }
  throw badParameter("Invalid skip token.");
}
