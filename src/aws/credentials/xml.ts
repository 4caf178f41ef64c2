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

interface Open {
  readonly name: string;
  readonly elements: { [name: string]: XmlContent };
  isEmpty: boolean;
  text: string;
}

/** The content of the one element at the top, if it has that name; undefined for anything but such a document. */
export function parseXml(text: string, root: string): XmlContent | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const body = text.replace(/^<\?xml\s[^<>?]{0,200}\?>/, "").trim();
  const token = /<(\/?)([A-Za-z_][\w.-]*)((?:\s+[\w:.-]+=(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
  const top = open("");
  const stack = [top];
  while (token.lastIndex < body.length) {
    const match = token.exec(body);
    if (match === null || !step(stack, match)) return undefined;
  }
  return stack.length === 1 && top.text === "" && Object.hasOwn(top.elements, root) && Object.keys(top.elements).length === 1 ? top.elements[root] : undefined;
}

function open(name: string): Open {
  return { name, elements: Object.create(null) as Open["elements"], isEmpty: true, text: "" };
}

/** Takes one tag or text; false when it cannot stand there. */
function step(stack: Open[], [, slash, name = "", attributes, selfClosing, text]: RegExpExecArray): boolean {
  const current = stack.at(-1) as Open;
  if (text !== undefined) {
    current.text += text;
    return true;
  }
  if (slash === "/") return attributes === "" && selfClosing === "" && name === current.name && stack.length > 1 && close(stack);
  if (stack.length > MAX_DEPTH || Object.hasOwn(current.elements, name)) return false;
  current.isEmpty = false;
  stack.push(open(name));
  return selfClosing === "" || close(stack);
}

/** Text beside elements is white space, or this is no answer of STS. */
function close(stack: Open[]): boolean {
  const { name, elements, isEmpty, text } = stack.pop() as Open;
  const content = isEmpty ? decodeText(text) : text.trim() === "" ? elements : undefined;
  if (content === undefined) return false;
  (stack.at(-1) as Open).elements[name] = content;
  return true;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Undefined for an ampersand that begins no reference, and for characters that XML does not have. */
function decodeText(text: string): string | undefined {
  let isValid = true;
  const decoded = text.replace(/&(?:#x([\da-fA-F]{1,6});|#(\d{1,7});|(amp|lt|gt|quot|apos);)?/g, (_whole, hex?: string, decimal?: string, entity?: string) => {
    if (entity !== undefined) return ENTITIES[entity] as string;
    const code = hex !== undefined ? Number.parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : -1;
    if (code >= 0 && code <= 0x10ffff) return String.fromCodePoint(code);
    isValid = false;
    return "";
  });
  return isValid && /^[\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(decoded) ? decoded : undefined;
}
