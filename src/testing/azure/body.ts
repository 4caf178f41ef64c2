/** Checked readers for the members of a request body. Unknown members are ignored, `null` is as good as absent. */
import { badParameter, invalidProperty } from "./failure.js";

export type Members = Readonly<Record<string, unknown>>;

/** What a create, import or update may say of a key beside its material. */
export interface KeySettings {
  readonly keyOps: readonly string[] | undefined;
  readonly enabled: boolean | undefined;
  readonly nbf: number | undefined;
  readonly exp: number | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

const KEY_OPERATIONS = new Set(["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey", "import", "export"]);
/** Microsoft Learn, "About keys, secrets, and certificates", tags. */
const MOST_TAGS = 15;
const LONGEST_TAG = 256;

/** The JSON object that a body must be. */
export function parseBody(text: string): Members {
  try {
    return asMembers(JSON.parse(text));
  } catch {
    throw invalidProperty();
  }
}

export function asMembers(value: unknown): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalidProperty();
  return value as Members;
}

export function readText(members: Members, name: string): string | undefined {
  return read(members, name, (value): value is string => typeof value === "string");
}

export function readInteger(members: Members, name: string): number | undefined {
  return read(members, name, (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0);
}

export function readBoolean(members: Members, name: string): boolean | undefined {
  return read(members, name, (value): value is boolean => typeof value === "boolean");
}

export function readMembers(members: Members, name: string): Members | undefined {
  const value = own(members, name);
  return value === undefined ? undefined : asMembers(value);
}

export function readArray(members: Members, name: string): readonly unknown[] | undefined {
  return read(members, name, (value): value is readonly unknown[] => Array.isArray(value));
}

/** `key_ops`, `attributes` and `tags`; the first may stand elsewhere (an import has it in the key). */
export function readSettings(body: Members, keyOps: unknown = own(body, "key_ops")): KeySettings {
  const attributes = readMembers(body, "attributes") ?? {};
  if (own(body, "release_policy") !== undefined || readBoolean(attributes, "exportable") === true) {
    throw badParameter("The emulator has no exportable keys and no release policies.");
  }
  return {
    keyOps: keyOps === undefined ? undefined : checkOperations(keyOps),
    enabled: readBoolean(attributes, "enabled"),
    nbf: readInteger(attributes, "nbf"),
    exp: readInteger(attributes, "exp"),
    tags: readTags(body),
  };
}

function checkOperations(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((operation) => KEY_OPERATIONS.has(operation as string))) return value as string[];
  throw invalidProperty();
}

function readTags(body: Members): Readonly<Record<string, string>> | undefined {
  const tags = readMembers(body, "tags");
  if (tags === undefined) return undefined;
  const entries = Object.entries(tags);
  const fits = (text: unknown): boolean => typeof text === "string" && text.length <= LONGEST_TAG;
  if (entries.length > MOST_TAGS || !entries.every(([name, value]) => fits(name) && fits(value))) throw invalidProperty();
  return Object.fromEntries(entries) as Record<string, string>;
}

function read<T>(members: Members, name: string, accept: (value: unknown) => value is T): T | undefined {
  const value = own(members, name);
  if (value === undefined || accept(value)) return value;
  throw invalidProperty();
}

function own(members: Members, name: string): unknown {
  return Object.hasOwn(members, name) ? (members[name] ?? undefined) : undefined;
}
