/** What the routes of the transit engine share: the call they get, batches, and the checks of their input. */
import type { Bytes } from "../../encoding/bytes.js";
import { EngineFailure, dataAnswer, failureAnswer, framedError, plainError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import { goType } from "./fields.js";
import type { Fields, Schema } from "./fields.js";
import { decodeStandard } from "./go-base64.js";
import type { Keys, TransitKey } from "./store.js";

export type Operation = "read" | "list" | "scan" | "update" | "delete" | "patch";

/** One request to the engine. */
export interface EngineCall {
  readonly product: VaultProduct;
  readonly fields: Fields;
  /** Keys of the mount, as the node that answers sees them. */
  readonly keys: Keys;
  now(): number;
  put(key: TransitKey): void;
  remove(name: string): void;
}

export type Handler = (call: EngineCall) => Answer | Promise<Answer>;

/** What a path can be asked for. */
export interface EngineRoute {
  readonly pattern: RegExp;
  readonly schema: Schema;
  readonly handlers: Readonly<Partial<Record<Operation, Handler>>>;
  /** Whether a standby answers by itself, for nothing is stored. */
  readonly readOnly?: boolean;
  readonly only?: VaultProduct;
}

export type BatchItem = Readonly<Record<string, string>>;

/** The items of a batch, undefined when there is no batch, or an answer to one that is malformed. */
export function readBatch(call: EngineCall, itemType: string): readonly BatchItem[] | undefined | Answer {
  const raw = call.fields.any("batch_input");
  if (raw === undefined) return undefined;
  const failed = (text: string): Answer => framedError(500, `failed to parse batch input: ${text}`);
  if (!Array.isArray(raw)) return failed(`'' source data must be an array or slice, got ${sourceKind(raw)}`);
  const problems = raw.flatMap((item, index) => itemProblems(item, index, itemType));
  if (problems.length > 0) return failed(`decoding failed due to the following error(s):\n\n${problems.join("\n")}`);
  if (raw.length === 0) return plainError(400, "missing batch input to process");
  return raw.map((item) => Object.fromEntries(Object.entries((item ?? {}) as object).map(([name, value]) => [name, String(value ?? "")])));
}

/** Items are maps of strings; a number passes as its text, for the server reads numbers as text first. */
function itemProblems(item: unknown, index: number, itemType: string): string[] {
  if (item === null) return [];
  if (typeof item !== "object" || Array.isArray(item)) {
    return [`'[${index}]' expected type 'transit.${itemType}', got unconvertible type '${goType(item)}'`];
  }
  const wrong = Object.entries(item).filter(([, value]) => typeof value === "boolean" || (typeof value === "object" && value !== null));
  return wrong.map(([name, value]) => `'[${index}][${name}]' expected type 'string', got unconvertible type '${goType(value)}'`);
}

function sourceKind(value: unknown): string {
  return typeof value === "object" ? "map" : typeof value === "boolean" ? "bool" : "string";
}

/** Runs one item; a failure becomes its value. */
export async function runItem<T>(work: () => Promise<T>): Promise<T | EngineFailure> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EngineFailure) return error;
    throw error;
  }
}

/** The answer of a call without batch. */
export async function single(call: EngineCall, work: () => Promise<Record<string, unknown>>): Promise<Answer> {
  const done = await runItem(work);
  return done instanceof EngineFailure ? failureAnswer(done) : dataAnswer(done, call.fields.warnings);
}

/** The answer of a batch: 200 whatever became of the items. */
export async function batch(
  call: EngineCall,
  items: readonly BatchItem[],
  work: (item: BatchItem) => Promise<Record<string, unknown>>,
  failed: Record<string, unknown>,
): Promise<Answer> {
  const results: Record<string, unknown>[] = [];
  for (const item of items) {
    const done = await runItem(() => work(item));
    const result = done instanceof EngineFailure ? { ...failed, error: done.message } : done;
    results.push({ ...result, reference: item.reference ?? "" });
  }
  return dataAnswer({ batch_results: results }, call.fields.warnings);
}

/** The bytes of `input`, or the failure of an item without it. `unable` is how the one for bad base64 begins. */
export function inputBytes(item: BatchItem, { missing, unable = "unable to decode input as base64" }: { missing: string; unable?: string }): Bytes {
  if (item.input === undefined) throw new EngineFailure(missing, false);
  const decoded = decodeStandard(item.input);
  if ("bytes" in decoded) return decoded.bytes;
  throw new EngineFailure(`${unable}: illegal base64 data at input byte ${decoded.wrongAt}`, false);
}

/** The bytes of `context`, none when it is absent. */
export function contextBytes(context: string | undefined): Bytes {
  const decoded = decodeStandard(context ?? "");
  if ("bytes" in decoded) return decoded.bytes;
  throw new EngineFailure("failed to base64-decode context", false);
}

export function isAnswer(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && "status" in value;
}
