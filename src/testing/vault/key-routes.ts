/** Create, read, list, configure, rotate, trim and delete keys of the transit engine. */
import type { Bytes } from "../../encoding/bytes.js";
import { EngineFailure, dataAnswer, failureAnswer, framedError, NO_CONTENT, plainError } from "./answer.js";
import type { Answer } from "./answer.js";
import { describeKey } from "./describe-key.js";
import { contextBytes, runItem } from "./engine.js";
import type { EngineCall } from "./engine.js";
import type { Fields, Schema } from "./fields.js";
import { HMAC_KEY_BYTES, keyTypeFacts } from "./key-types.js";
import type { KeyTypeFacts, VaultKeyType } from "./key-types.js";
import { latestVersion } from "./store.js";
import type { TransitKey } from "./store.js";
import { makeVersion } from "./versions.js";

export const CREATE_SCHEMA: Schema = {
  type: "string",
  derived: "bool",
  convergent_encryption: "bool",
  exportable: "bool",
  allow_plaintext_backup: "bool",
  auto_rotate_period: "duration",
  key_size: "int",
  context: "string",
};
export const LIST_SCHEMA: Schema = { after: "string", limit: "int" };
export const CONFIG_SCHEMA: Schema = {
  min_decryption_version: "int",
  min_encryption_version: "int",
  deletion_allowed: "bool",
  exportable: "bool",
  allow_plaintext_backup: "bool",
  auto_rotate_period: "duration",
};
export const TRIM_SCHEMA: Schema = { min_available_version: "int" };

const HOUR_SECONDS = 3600;
const SHORT_PERIOD = "auto rotate period must be 0 to disable or at least an hour";
const ZERO_MINIMUM = {
  openbao: "since Vault 0.3 (prior to the OpenBao fork), transit key numbering starts at 1; forcing minimum to 1",
  vault: "since Vault 0.3, transit key numbering starts at 1; forcing minimum to 1",
};

/** An existing key is answered as it is, whatever was asked for. */
export async function createKey(call: EngineCall): Promise<Answer> {
  const { fields } = call;
  const type = fields.string("type") ?? "aes256-gcm96";
  const facts = keyTypeFacts(type, call.product);
  const refused = refuseCreation(fields, type, facts);
  if (refused !== undefined) return refused;
  const name = nameOf(call);
  const existing = call.keys.get(name);
  if (existing !== undefined) return describe(call, existing);
  const keySize = fields.number("key_size") || undefined;
  const unfit = refuseNewKey(fields, type, facts as KeyTypeFacts, keySize);
  if (unfit !== undefined) return unfit;
  const key: TransitKey = {
    ...newKey(name, type as VaultKeyType),
    versions: [await makeVersion({ type: type as VaultKeyType, version: 1, createdAt: call.now(), keySize })],
    derived: fields.boolean("derived") ?? false,
    convergent: fields.boolean("convergent_encryption") ?? false,
    exportable: fields.boolean("exportable") ?? false,
    allowPlaintextBackup: fields.boolean("allow_plaintext_backup") ?? false,
    autoRotateSeconds: fields.number("auto_rotate_period") ?? 0,
    ...(keySize === undefined ? {} : { keySize }),
  };
  call.put(key);
  return describe(call, key);
}

/** A key as the engine makes it, without versions. */
export function newKey(name: string, type: VaultKeyType): TransitKey {
  return {
    name,
    type,
    versions: [],
    derived: false,
    convergent: false,
    exportable: false,
    allowPlaintextBackup: false,
    deletionAllowed: false,
    softDeleted: false,
    autoRotateSeconds: 0,
    minAvailableVersion: 0,
    minDecryptionVersion: 1,
    minEncryptionVersion: 0,
  };
}

/** What is wrong with the request itself, looked at for an existing key too. */
function refuseCreation(fields: Fields, type: string, facts: KeyTypeFacts | undefined): Answer | undefined {
  const period = fields.number("auto_rotate_period") ?? 0;
  if (period !== 0 && period < HOUR_SECONDS) return plainError(400, SHORT_PERIOD);
  if (fields.boolean("convergent_encryption") === true && fields.boolean("derived") !== true) {
    return plainError(400, "convergent encryption requires derivation to be enabled");
  }
  if (facts === undefined) return plainError(400, `unknown key type ${type}`);
  const keySize = fields.number("key_size") ?? 0;
  if (keySize === 0) return undefined;
  if (type !== "hmac") return plainError(400, `key_size is not valid for algorithm ${type}`);
  const fits = keySize >= HMAC_KEY_BYTES.min && keySize <= HMAC_KEY_BYTES.max;
  return fits ? undefined : plainError(400, `invalid key_size ${keySize}`);
}

/** What only the making of a key finds out, and then without a code. */
function refuseNewKey(fields: Fields, type: string, facts: KeyTypeFacts, keySize: number | undefined): Answer | undefined {
  if (type === "hmac" && keySize === undefined) {
    return framedError(500, "invalid key size for HMAC key, must be between 32 and 512 bytes");
  }
  if (fields.boolean("derived") !== true) return undefined;
  if (!facts.derives) return framedError(500, `key derivation and convergent encryption not supported for keys of type ${type}`);
  if (fields.boolean("convergent_encryption") === true && facts.signs) {
    return framedError(500, `convergent encryption not supported for keys of type ${type}`);
  }
  return undefined;
}

export async function readKey(call: EngineCall): Promise<Answer> {
  const key = call.keys.get(nameOf(call));
  if (key === undefined) return plainError(404);
  const context = await runItem(async () => contextBytes(call.fields.string("context")));
  return context instanceof EngineFailure ? failureAnswer(context) : describe(call, key, context);
}

/** Names in order; OpenBao takes pages. No key at all is 404. */
export function listKeys(call: EngineCall): Answer {
  const after = call.fields.string("after") ?? "";
  const limit = call.fields.number("limit") ?? 0;
  const sorted = [...call.keys.keys()].filter((name) => name > after).sort();
  const keys = limit > 0 ? sorted.slice(0, limit) : sorted;
  return keys.length === 0 ? plainError(404) : dataAnswer({ keys }, call.fields.warnings);
}

export async function rotateKey(call: EngineCall): Promise<Answer> {
  const key = call.keys.get(nameOf(call));
  if (key === undefined) return plainError(400, "key not found");
  if (call.fields.string("external_key_ref")) return plainError(400, `cannot use external_key_ref on key of type ${key.type}`);
  if (key.softDeleted) return framedError(500, "refusing to use soft-deleted key");
  if (key.imported?.allowRotation === false) return framedError(500, `imported key ${key.name} does not allow rotation within Vault`);
  const version = await makeVersion({ type: key.type, version: latestVersion(key) + 1, createdAt: call.now(), keySize: key.keySize });
  const { imported: _imported, ...rest } = key;
  return change(call, { ...rest, versions: [...key.versions, version] });
}

export async function configureKey(call: EngineCall): Promise<Answer> {
  const { fields } = call;
  const key = call.keys.get(nameOf(call));
  if (key === undefined) return plainError(400, `no existing key named ${nameOf(call)} could be found`);
  const period = fields.number("auto_rotate_period");
  const changed: TransitKey = {
    ...key,
    minDecryptionVersion: fields.number("min_decryption_version") === 0 ? 1 : (fields.number("min_decryption_version") ?? key.minDecryptionVersion),
    minEncryptionVersion: fields.number("min_encryption_version") ?? key.minEncryptionVersion,
    deletionAllowed: fields.boolean("deletion_allowed") ?? key.deletionAllowed,
    exportable: key.exportable || fields.boolean("exportable") === true,
    allowPlaintextBackup: key.allowPlaintextBackup || fields.boolean("allow_plaintext_backup") === true,
    autoRotateSeconds: period ?? key.autoRotateSeconds,
  };
  const problem = minimumProblem(key, changed, fields) ?? periodProblem(period) ?? trimProblem(key, changed);
  if (problem !== undefined) return plainError(400, problem);
  const warnings = fields.number("min_decryption_version") === 0 ? [ZERO_MINIMUM[call.product]] : [];
  if (JSON.stringify(settings(changed)) !== JSON.stringify(settings(key))) call.put(changed);
  return describe(call, changed, undefined, warnings);
}

/** In the order in which the engine looks (OpenBao `builtin/logical/transit/path_keys_config.go`). */
function minimumProblem(key: TransitKey, changed: TransitKey, fields: Fields): string | undefined {
  const latest = latestVersion(key);
  for (const [word, before, after, sent] of [
    ["decryption", key.minDecryptionVersion, changed.minDecryptionVersion, fields.number("min_decryption_version")],
    ["encryption", key.minEncryptionVersion, changed.minEncryptionVersion, fields.number("min_encryption_version")],
  ] as const) {
    if (sent !== undefined && sent < 0) return `min ${word} version cannot be negative`;
    if (after !== before && after > latest) return `cannot set min ${word} version of ${after}, latest key version is ${latest}`;
  }
  const { minDecryptionVersion: verify, minEncryptionVersion: sign } = changed;
  if (sign === 0 || sign >= verify) return undefined;
  return `cannot set min encryption/decryption values; min encryption version of ${sign} must be greater than or equal to min decryption version of ${verify}`;
}

function periodProblem(period: number | undefined): string | undefined {
  return period !== undefined && period !== 0 && period < HOUR_SECONDS ? SHORT_PERIOD : undefined;
}

function trimProblem(key: TransitKey, changed: TransitKey): string | undefined {
  if (JSON.stringify(settings(changed)) === JSON.stringify(settings(key))) return undefined;
  if (key.minAvailableVersion > changed.minEncryptionVersion) return "min encryption version should not be less than min available version";
  // The engine's own words.
  return key.minAvailableVersion > changed.minDecryptionVersion ? "min decryption version should not be less then min available version" : undefined;
}

function settings({ versions: _versions, ...rest }: TransitKey): unknown {
  return rest;
}

/** Destroys versions below the new minimum. The order of checks and the spelling are the engine's. */
export async function trimKey(call: EngineCall): Promise<Answer> {
  const key = call.keys.get(nameOf(call));
  if (key === undefined) return plainError(400, "invalid key name");
  const wanted = call.fields.number("min_available_version");
  if (wanted === undefined) return plainError(400, "missing min_available_version");
  const refusals: [boolean, string][] = [
    [wanted < key.minAvailableVersion, "minimum available version cannot be decremented"],
    [key.minEncryptionVersion === 0, "minimum available version cannot be set when minimum encryption version is not set"],
    [wanted > key.minEncryptionVersion, "minimum available version cannot be greater than minmum encryption version"],
    [wanted > key.minDecryptionVersion, "minimum available version cannot be greater than minimum decryption version"],
    [wanted === 0, "minimum available version should be positive"],
  ];
  const refusal = refusals.find(([applies]) => applies);
  if (refusal !== undefined) return plainError(400, refusal[1]);
  return change(call, { ...key, minAvailableVersion: wanted, versions: key.versions.filter(({ version }) => version >= wanted) });
}

export function deleteKey(call: EngineCall): Answer {
  const name = nameOf(call);
  const key = call.keys.get(name);
  if (key === undefined) return plainError(400, `error deleting policy ${name}: could not delete key; not found`);
  if (!key.deletionAllowed) return plainError(400, `error deleting policy ${name}: deletion is not allowed for this key`);
  call.remove(name);
  return NO_CONTENT;
}

/** OpenBao only. A missing key is no error. */
export function softDelete(call: EngineCall): Promise<Answer> | Answer {
  return markSoftDeleted(call, true, "key was already marked as soft deleted");
}

export function softDeleteRestore(call: EngineCall): Promise<Answer> | Answer {
  return markSoftDeleted(call, false, "key was already restored");
}

function markSoftDeleted(call: EngineCall, softDeleted: boolean, already: string): Promise<Answer> | Answer {
  const key = call.keys.get(nameOf(call));
  if (key === undefined) return NO_CONTENT;
  const changed = { ...key, softDeleted };
  call.put(changed);
  return describe(call, changed, undefined, key.softDeleted === softDeleted ? [already] : []);
}

function change(call: EngineCall, key: TransitKey): Promise<Answer> {
  call.put(key);
  return describe(call, key);
}

async function describe(call: EngineCall, key: TransitKey, context: Bytes = new Uint8Array(), warnings: readonly string[] = []): Promise<Answer> {
  return dataAnswer(await describeKey(key, call.product, context), [...warnings, ...call.fields.warnings]);
}

function nameOf(call: EngineCall): string {
  return call.fields.string("name") as string;
}
