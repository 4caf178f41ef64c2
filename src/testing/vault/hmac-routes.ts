/** `hmac` of the transit engine, and the HMAC side of `verify` (OpenBao `builtin/logical/transit/path_hmac.go`). */
import type { Bytes } from "../../encoding/bytes.js";
import { equalBytes } from "../../encoding/bytes.js";
import { subtleCrypto } from "../../hasher.js";
import type { RawHash } from "../raw-sign.js";
import { EngineFailure, failureAnswer, plainError } from "./answer.js";
import type { Answer } from "./answer.js";
import { batch, inputBytes, isAnswer, readBatch, runItem, single } from "./engine.js";
import type { BatchItem, EngineCall } from "./engine.js";
import type { Schema } from "./fields.js";
import { decodeStandard, encodeStandard } from "./go-base64.js";
import { HASHES, PREFIX, splitVersion } from "./signing.js";
import { activeVersion, latestVersion } from "./store.js";
import type { TransitKey } from "./store.js";

export const HMAC_SCHEMA: Schema = { input: "string", algorithm: "string", key_version: "int", batch_input: "any" };

export async function hmac(call: EngineCall): Promise<Answer> {
  const { fields } = call;
  const key = call.keys.get(fields.string("name") as string);
  if (key === undefined) return plainError(400, "encryption key not found");
  const prepared = await runItem(async () => prepare(call, key));
  if (prepared instanceof EngineFailure) return failureAnswer(prepared);
  const { version, secret, hash } = prepared;
  const items = readBatch(call, "batchRequestHMACItem");
  if (isAnswer(items)) return items;
  const one = async (item: BatchItem): Promise<Record<string, unknown>> => {
    const mac = await computeHmac(hash, secret, inputBytes(item, { missing: "missing input for HMAC" }));
    return { hmac: `${PREFIX}${version}:${encodeStandard(mac)}` };
  };
  if (items !== undefined) return batch(call, items, one, {});
  const input = fields.string("input");
  return single(call, () => one(input === undefined ? {} : { input }));
}

function prepare({ fields }: EngineCall, key: TransitKey): { version: number; secret: Bytes; hash: RawHash } {
  const asked = fields.number("key_version") ?? 0;
  const version = asked === 0 ? latestVersion(key) : asked;
  if (key.minEncryptionVersion > 0 && version !== latestVersion(key) && version < key.minEncryptionVersion) {
    throw new EngineFailure("cannot generate HMAC: version is too old (disallowed by policy)", false);
  }
  const secret = hmacKey(key, version);
  const name = fields.string("urlalgorithm") || (fields.string("algorithm") ?? "sha2-256");
  // The engine prints the number of the hash it did not find, which is zero.
  if (HASHES[name] === undefined) throw new EngineFailure("unsupported algorithm '\\x00'", false);
  return { version, secret, hash: usableHash(name) };
}

function usableHash(name: string): RawHash {
  const hash = HASHES[name];
  if (hash === "none") throw new EngineFailure("algorithm cannot be none", false);
  if (hash === null || hash === undefined) throw new EngineFailure("the emulator has no SHA-224 and no SHA-3", false);
  return hash;
}

function hmacKey(key: TransitKey, version: number): Bytes {
  if (key.softDeleted) throw new EngineFailure("refusing to use soft-deleted key", false);
  if (version < 0) throw new EngineFailure("key version does not exist (cannot be negative)", false);
  if (version > latestVersion(key)) throw new EngineFailure(`key version does not exist; latest key version is ${latestVersion(key)}`, false);
  const found = activeVersion(key, version);
  if (found === undefined) throw new EngineFailure("no such key version", false);
  return found.hmacKey;
}

/** `verify` with HMACs. A batch on OpenBao leaves `valid` out when it is false. */
export async function verifyHmac(call: EngineCall, items: readonly BatchItem[] | undefined): Promise<Answer> {
  const { fields } = call;
  const name = fields.string("urlalgorithm") || fields.string("hash_algorithm") || fields.string("algorithm") || "sha2-256";
  if (HASHES[name] === undefined) return plainError(400, `invalid hash algorithm ${JSON.stringify(name)}`);
  const key = call.keys.get(fields.string("name") as string);
  if (key === undefined) return plainError(400, "encryption key not found");
  const hash = await runItem(async () => usableHash(name));
  if (hash instanceof EngineFailure) return failureAnswer(hash);
  if (items === undefined) {
    const item = { input: fields.string("input") ?? "", hmac: fields.string("hmac") ?? "" };
    return single(call, async () => ({ valid: await isValid(key, hash, item) }));
  }
  const dropsFalse = call.product === "openbao";
  const one = async (item: BatchItem): Promise<Record<string, unknown>> => {
    const valid = await isValid(key, hash, item);
    return valid || !dropsFalse ? { valid } : {};
  };
  return batch(call, items, one, dropsFalse ? {} : { valid: false });
}

async function isValid(key: TransitKey, hash: RawHash, item: BatchItem): Promise<boolean> {
  const input = inputBytes(item, { missing: "missing input" });
  const { version, text } = splitVersion(item.hmac ?? "", { kind: "HMAC", noPrefix: "invalid HMAC to verify: no prefix" });
  const given = decodeStandard(text);
  if (!("bytes" in given)) {
    throw new EngineFailure(`unable to decode verification HMAC as base64: illegal base64 data at input byte ${given.wrongAt}`, false);
  }
  if (version > latestVersion(key)) throw new EngineFailure("invalid HMAC: version is too new", false);
  if (version < key.minDecryptionVersion) throw new EngineFailure("cannot verify HMAC: version is too old (disallowed by policy)", false);
  return equalBytes(await computeHmac(hash, hmacKey(key, version), input), given.bytes);
}

async function computeHmac(hash: RawHash, secret: Bytes, input: Bytes): Promise<Bytes> {
  const subtle = subtleCrypto();
  const key = await subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", key, input));
}
