/** `sign` and `verify` of the transit engine (API documentation, "Sign data" and "Verify signed data"). */
import { EngineFailure, plainError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import { batch, contextBytes, inputBytes, isAnswer, readBatch, single } from "./engine.js";
import type { BatchItem, EngineCall } from "./engine.js";
import type { Fields, Schema } from "./fields.js";
import { verifyHmac } from "./hmac-routes.js";
import { KEY_TYPES } from "./key-types.js";
import { HASHES, signWithKey, verifyWithKey } from "./signing.js";
import type { SignOptions } from "./signing.js";
import type { TransitKey } from "./store.js";

const SHARED: Schema = {
  input: "string",
  context: "string",
  hash_algorithm: "string",
  algorithm: "string",
  prehashed: "bool",
  signature_algorithm: "string",
  marshaling_algorithm: "string",
  salt_length: "string",
  batch_input: "any",
};
/** Vault names `signature_context` among its fields; OpenBao does not know it, and warns. */
const forProduct = (schema: Schema): Readonly<Record<VaultProduct, Schema>> => ({
  openbao: schema,
  vault: { ...schema, signature_context: "string" },
});
export const SIGN_SCHEMA = forProduct({ ...SHARED, key_version: "int" });
export const VERIFY_SCHEMA = forProduct({ ...SHARED, signature: "string", hmac: "string" });

const INPUT_WORDS: Readonly<Record<VaultProduct, { missing: string; unable?: string }>> = {
  openbao: { missing: "missing input" },
  vault: { missing: "missing input", unable: "unable to decode input" },
};
type Words = { readonly missingKey: string; readonly wrongType: string };
const SIGN_WORDS: Words = { missingKey: "signing key not found", wrongType: "signing" };
const VERIFY_WORDS: Words = { missingKey: "signature verification key not found", wrongType: "verification" };

export async function sign(call: EngineCall): Promise<Answer> {
  const prepared = prepare(call, SIGN_WORDS);
  if (isAnswer(prepared)) return prepared;
  const { key, options } = prepared;
  const items = readBatch(call, "batchRequestSignItem");
  if (isAnswer(items)) return items;
  const asked = call.fields.number("key_version") ?? 0;
  const one = (item: BatchItem): ReturnType<typeof signWithKey> => {
    const input = inputBytes(item, INPUT_WORDS[call.product]);
    assertPureEd25519(call, key, options);
    return signWithKey(key, asked, contextBytes(item.context), input, options);
  };
  if (items === undefined) {
    return single(call, async () => {
      const { signature, version, publicKey } = await one(singleItem(call.fields));
      return { key_version: version, ...(publicKey === undefined ? {} : { public_key: publicKey }), signature };
    });
  }
  return batch(
    call,
    items,
    async (item) => {
      const { signature, version, publicKey } = await one(item);
      return { signature, key_version: version, ...(publicKey === undefined ? {} : { publickey: publicKey }) };
    },
    { key_version: 0 },
  );
}

export async function verify(call: EngineCall): Promise<Answer> {
  const items = readBatch(call, "batchRequestVerifyItem");
  if (isAnswer(items)) return items;
  const given = whatIsGiven(call.fields, items);
  if (isAnswer(given)) return given;
  if (given === "hmac") return verifyHmac(call, items);
  const prepared = prepare(call, VERIFY_WORDS);
  if (isAnswer(prepared)) return prepared;
  const { key, options } = prepared;
  const one = async (item: BatchItem): Promise<Record<string, unknown>> => {
    const input = inputBytes(item, INPUT_WORDS[call.product]);
    assertPureEd25519(call, key, options);
    return { valid: await verifyWithKey(key, contextBytes(item.context), input, item.signature ?? "", options) };
  };
  if (items !== undefined) return batch(call, items, one, { valid: false });
  return single(call, () => one({ ...singleItem(call.fields), signature: call.fields.string("signature") ?? "" }));
}

/** A missing input is the empty message, so a misspelt one is signed without a word. */
function singleItem(fields: Fields): BatchItem {
  return { input: fields.string("input") ?? "", context: fields.string("context") ?? "" };
}

/** Signatures or HMACs; of both, a single call takes the signature. */
function whatIsGiven(fields: Fields, items: readonly BatchItem[] | undefined): "signature" | "hmac" | Answer {
  if (items === undefined) {
    if (fields.string("signature") !== undefined) return "signature";
    if (fields.string("hmac") !== undefined) return "hmac";
    return plainError(400, "neither a 'signature' nor an 'hmac' were given to verify");
  }
  const kinds = items.map((item) => (item.signature !== undefined ? "signature" : item.hmac !== undefined ? "hmac" : "missing"));
  if (kinds.includes("signature") && kinds.includes("hmac")) {
    return plainError(400, "elements of batch_input must all provide 'signature' or all provide 'hmac'");
  }
  const kind = kinds.find((entry) => entry !== "missing");
  if (kind === undefined) return plainError(400, "no batch_input elements have 'signature' or 'hmac'");
  return kinds.includes("missing") ? plainError(400, `some elements of batch_input are missing '${kind}'`) : (kind as "signature" | "hmac");
}

interface Prepared {
  readonly key: TransitKey;
  readonly options: SignOptions;
}

/** The checks before any item. Vault looks at the hash before the key, OpenBao 2.7 after the key's type. */
function prepare(call: EngineCall, words: Words): Prepared | Answer {
  const hashName = signatureHash(call);
  const badHash = HASHES[hashName] === undefined ? plainError(400, `invalid hash algorithm ${JSON.stringify(hashName)}`) : undefined;
  if (call.product === "vault" && badHash !== undefined) return badHash;
  const marshaling = call.fields.string("marshaling_algorithm") ?? "asn1";
  if (marshaling !== "asn1" && marshaling !== "jws") return plainError(400, `invalid marshaling type ${JSON.stringify(marshaling)}`);
  const saltLength = readSaltLength(call.fields.string("salt_length") ?? "auto");
  if (isAnswer(saltLength)) return saltLength;
  const key = call.keys.get(call.fields.string("name") as string);
  if (key === undefined) return plainError(400, words.missingKey);
  if (KEY_TYPES[key.type]?.signs !== true) return plainError(400, `key type ${key.type} does not support ${words.wrongType}`);
  if (badHash !== undefined) return badHash;
  const prehashed = call.fields.boolean("prehashed") ?? false;
  const signatureAlgorithm = call.fields.string("signature_algorithm") || "pss";
  const hash = HASHES[hashName] as SignOptions["hash"];
  const exempt = call.product === "openbao" && key.type === "ed25519";
  if (hash === "none" && !exempt && !(prehashed && signatureAlgorithm === "pkcs1v15")) {
    return plainError(400, "hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15");
  }
  return { key, options: { hash, prehashed, marshaling, signatureAlgorithm, saltLength } };
}

/** The path, then `hash_algorithm`, then, where it is read at all, the deprecated `algorithm`. */
export function signatureHash({ fields, product }: EngineCall): string {
  const deprecated = product === "openbao" ? fields.string("algorithm") : undefined;
  return fields.string("urlalgorithm") || fields.string("hash_algorithm") || deprecated || "sha2-256";
}

function readSaltLength(text: string): number | Answer {
  const lower = text.toLowerCase();
  if (lower === "auto") return 0;
  if (lower === "hash") return -1;
  if (!/^[+-]?[0-9]+$/.test(lower)) return plainError(400, `salt length neither 'auto', 'hash', nor an int: ${text}`);
  return Number(lower) < -1 ? plainError(400, `salt length is invalid: ${Number(lower)}`) : Number(lower);
}

/** The Community edition of Vault leaves Ed25519ph and Ed25519ctx to Enterprise (`builtin/logical/transit/path_sign_verify_ce.go`). */
function assertPureEd25519(call: EngineCall, key: TransitKey, { prehashed, hash }: SignOptions): void {
  if (call.product !== "vault" || key.type !== "ed25519") return;
  const context = call.fields.string("signature_context") ?? "";
  const problem = prehashed
    ? "prehashed must be false"
    : hash === "SHA-512"
      ? "hash_alogithm should not be set"
      : context !== ""
        ? "signature_context must be empty"
        : undefined;
  if (problem !== undefined) throw new EngineFailure(`failed to parse batch item: only Pure Ed25519 signatures supported, ${problem}`, false);
}

