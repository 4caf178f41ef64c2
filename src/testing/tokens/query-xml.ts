/** The AWS Query protocol as STS speaks it: a form in, XML out (AWS wire sheet 5.6). */
import { randomUuid } from "../aws/arn.js";
import { buildResponse } from "../response.js";
import { isRecord } from "./service.js";
import type { TokenScene } from "./service.js";

/** How the XML is written; a client has to read it all the same. */
export interface XmlStyle {
  /** Elements in reverse order; their order means nothing. */
  readonly reversed?: boolean;
  /** Some characters of every text as character references, and the text in lines of its own where that means nothing. */
  readonly references?: boolean;
}

/** An error of STS; thrown by an action. */
export class StsFailure extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number, text: string) {
    super(text);
    this.code = code;
    this.status = status;
  }
}

const NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/";

export function xmlAnswer(scene: TokenScene, action: string, result: unknown, style: XmlStyle): Response {
  const requestId = randomUuid();
  const content = { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } };
  return respond(scene, 200, requestId, write(`${action}Response`, content, style, NAMESPACE));
}

export function xmlFailure(scene: TokenScene, { code, status, message }: StsFailure, style: XmlStyle): Response {
  const requestId = randomUuid();
  const error = { Type: status >= 500 ? "Receiver" : "Sender", Code: code, Message: message };
  return respond(scene, status, requestId, write("ErrorResponse", { Error: error, RequestId: requestId }, style, NAMESPACE));
}

export function xmlText(scene: TokenScene, status: number, text: string): Response {
  return respond(scene, status, randomUuid(), text);
}

function respond(scene: TokenScene, status: number, requestId: string, body: string): Response {
  const date = new Date(scene.now()).toUTCString();
  return buildResponse(status, { "content-type": "text/xml", date, "x-amzn-requestid": requestId }, body);
}

function write(name: string, content: unknown, style: XmlStyle, namespace?: string): string {
  const attribute = namespace === undefined ? "" : ` xmlns="${namespace}"`;
  if (!isRecord(content)) return `<${name}${attribute}>${writeText(String(content ?? ""), style)}</${name}>`;
  const children = Object.entries(content).filter(([, value]) => value !== undefined);
  const written = (style.reversed === true ? children.reverse() : children).map(([child, value]) => write(child, value, style));
  const gap = style.references === true ? "\n  " : "";
  return `<${name}${attribute}>${gap}${written.join(gap)}${gap}</${name}>`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

/** The first character and every `/`, `+` and `=` as references: decimal, or hexadecimal in either case. */
function writeText(text: string, { references = false }: XmlStyle): string {
  return [...text]
    .map((character, index) => {
      const code = character.codePointAt(0) as number;
      if (references && index === 0) return `&#${code};`;
      if (references && "/+=".includes(character)) return `&#x${index % 2 === 0 ? code.toString(16) : code.toString(16).toUpperCase()};`;
      return ENTITIES[character] ?? character;
    })
    .join("");
}
