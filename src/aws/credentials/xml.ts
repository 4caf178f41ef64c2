/**
 * Reads the XML of STS: elements and text, nothing else. What such an answer never has (a document type, comments, CDATA,
 * processing instructions, prefixes, an element twice) makes it none.
 *
 * @see Extensible Markup Language (XML) 1.0, sections 2.2 (characters), 3.1 (tags), 4.6 (predefined entities)
 */

/** The text of an element, or its elements by name, without a prototype. */
export type XmlContent = string | { readonly [name: string]: XmlContent };

/** Answers have about 2,000 characters; a session token may have some thousands. */
const MAX_LENGTH = 65_536;
const MAX_DEPTH = 8;

/** The content of the one element at the top, if it has that name; undefined for anything but such a document. */
export function parseXml(text: string, root: string): XmlContent | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  // No document has this end: it is that of the top, beside which nothing may stand.
  const body = `${text.replace(/^<\?xml\s[^<>?]{0,200}\?>/, "").trim()}</_>`;
  const token = /<(\/?)([A-Za-z_][\w.-]*)((?:\s+[\w:.-]+=(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
  try {
    const top = readElement(() => token.exec(body), "_", 0);
    return token.lastIndex === body.length && typeof top === "object" && Object.keys(top).join() === root ? top[root] : undefined;
  } catch {
    return undefined; // not well-formed, in the sense of above
  }
}

/** What stands before the end tag of that name. Throws for a tag that cannot stand there. */
function readElement(next: () => RegExpExecArray | null, name: string, depth: number): XmlContent {
  const elements = Object.create(null) as Record<string, XmlContent>;
  let text = "";
  for (;;) {
    const [, slash, tag = "", attributes, closed, characters] = next() as RegExpExecArray;
    if (characters !== undefined) text += characters;
    else if (slash === "/") {
      if (tag !== name || attributes !== "" || closed !== "") throw new SyntaxError();
      break;
    } else {
      if (depth === MAX_DEPTH || tag in elements) throw new SyntaxError();
      elements[tag] = closed === "/" ? "" : readElement(next, tag, depth + 1);
    }
  }
  if (Object.keys(elements).length === 0) return decodeText(text);
  // Text beside elements is white space.
  if (text.trim() !== "") throw new SyntaxError();
  return elements;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Throws for an ampersand that begins no reference, and for characters that XML does not have. */
function decodeText(text: string): string {
  // Without a name there is no code point, and `fromCodePoint` throws.
  const decoded = text.replace(/&(?:(#x[\da-fA-F]{1,6}|#\d{1,7}|amp|lt|gt|quot|apos);)?/g, (_whole, name = "") =>
    ENTITIES[name] ?? String.fromCodePoint(Number(name.replace("#", "").replace("x", "0x") || NaN)),
  );
  if (!/^[\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(decoded)) throw new SyntaxError();
  return decoded;
}
