/** Reads a request body as the servers do: JSON whatever its content type says, within their limits. */
import { plainError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";

export type BodyResult = { readonly members: Record<string, unknown> } | { readonly refused: Answer };

interface RawBody {
  readonly text: string;
  readonly contentType: string | undefined;
}

/** `max_request_size` of both products. */
const MAX_BODY_BYTES = 33_554_432;
/** OpenBao's `max_request_json_strings` and `max_request_json_memory` (documentation, "tcp listener"). */
const MAX_STRINGS = 1000;
const MAX_MEMORY = 34_078_720;
/** Levels that OpenBao's decoder takes. */
const MAX_DEPTH = 10_000;
/** Vault's `max_json_string_value_length`. */
const MAX_VAULT_STRING = 1_048_576;

/** Not `trimStart`, which takes a byte order mark for a blank. */
const BLANKS = /^[ \t\r\n]+/;

/** The members of a body; no body and `null` are none. */
export function readBody(body: RawBody, product: VaultProduct): BodyResult {
  if (body.text.length > MAX_BODY_BYTES) return { refused: { ...tooLarge(product), headers: { connection: "close" } } };
  if (isForm(body)) return { members: Object.fromEntries(new URLSearchParams(body.text)) };
  if (body.text.replace(BLANKS, "") === "") return { members: {} };
  const prefix = product === "openbao" ? "failed to decode JSON input" : "failed to parse JSON input";
  const parsed = parseJson(body.text);
  const malformed = "problem" in parsed ? parsed.problem : typeProblem(parsed.value);
  const excess = "problem" in parsed ? undefined : excessOf(parsed.value, product);
  if (excess !== undefined) return { refused: excess };
  if (malformed !== undefined) return { refused: plainError(400, `${prefix}: ${malformed}`) };
  return { members: ("value" in parsed && (parsed.value as Record<string, unknown> | null)) || {} };
}

function tooLarge(product: VaultProduct): Answer {
  if (product === "vault") return plainError(413, "failed to parse JSON input: http: request body too large");
  return { ...plainError(413, "http: request body too large"), bare: true };
}

/** A form is one only when it does not look like JSON (OpenBao `internal/http/handler.go`, isForm). */
function isForm({ text, contentType }: RawBody): boolean {
  return contentType?.split(";")[0] === "application/x-www-form-urlencoded" && !/^\s*[{[]/.test(text);
}

type Parsed = { readonly value: unknown } | { readonly problem: string };

/** The first value of a text; Go's decoder reads one, and the limits are counted over all that follow, so these must be JSON too. */
function parseJson(text: string): Parsed {
  try {
    return { value: JSON.parse(text) };
  } catch {
    const end = endOfFirst(text);
    if (end === undefined) return { problem: "unexpected EOF" };
    const rest = text.slice(end).replace(BLANKS, "");
    const first = end === 0 || rest === "" ? undefined : parseJson(text.slice(0, end));
    if (first === undefined || "problem" in first) return { problem: unexpected(text.replace(BLANKS, "")) };
    const more = parseJson(rest);
    return "problem" in more ? more : first;
  }
}

/** Where the object or array that a text begins with ends; 0 when it begins with something else, undefined when it is cut short. */
function endOfFirst(text: string): number | undefined {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (inString) {
      if (character === "\\") at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if ("{[".includes(character)) depth += 1;
    else if ("}]".includes(character)) {
      depth -= 1;
      if (depth <= 0) return at + 1;
    } else if (depth === 0 && !" \t\r\n".includes(character)) return 0;
  }
  return depth > 0 || inString ? undefined : 0;
}

function unexpected(rest: string): string {
  const code = rest.codePointAt(0) ?? 0;
  const shown = code < 0x20 || code === 0xfeff ? `\\u${code.toString(16).padStart(4, "0")}` : String.fromCodePoint(code);
  return `invalid character '${shown}' looking for beginning of value`;
}

function typeProblem(value: unknown): string | undefined {
  if (value === null || (typeof value === "object" && !Array.isArray(value))) return undefined;
  const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
}

function excessOf(value: unknown, product: VaultProduct): Answer | undefined {
  const { strings, memory, depth, longest } = measure(value);
  if (product === "vault") return longest > MAX_VAULT_STRING ? plainError(500, "JSON string value exceeds allowed length") : undefined;
  const complex = "refused JSON input due to high complexity";
  if (strings > MAX_STRINGS) return plainError(400, `${complex}: exceeded maximum number of strings`);
  if (memory > MAX_MEMORY) return plainError(400, `${complex}: exceeded maximum estimated memory limits`);
  return depth > MAX_DEPTH ? plainError(400, "failed to decode JSON input: exceeded max depth") : undefined;
}

interface Measure {
  strings: number;
  memory: number;
  depth: number;
  longest: number;
}

/** Costs a value as OpenBao does (`internal/http/json.go`): keys count as strings. Without recursion, for depth is what it looks for. */
function measure(root: unknown): Measure {
  const total: Measure = { strings: 0, memory: 0, depth: 0, longest: 0 };
  const open: { value: unknown; depth: number }[] = [{ value: root, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value === "string") {
      total.strings += 1;
      total.longest = Math.max(total.longest, value.length);
      total.memory += 32 + value.length;
    } else if (typeof value !== "object" || value === null) total.memory += typeof value === "number" ? 24 : 17;
    else {
      total.depth = Math.max(total.depth, depth);
      total.memory += Array.isArray(value) ? 40 : 88;
      const inside = Array.isArray(value) ? value : Object.entries(value).flat();
      for (const child of inside as unknown[]) open.push({ value: child, depth: depth + 1 });
    }
  }
  return total;
}
