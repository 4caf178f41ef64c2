/** Signs and verifies with one key as the engine does (OpenBao `keysutil/policy.go`, SignWithOptions and VerifySignatureWithOptions). */
import type { Bytes } from "../../encoding/bytes.js";
import { readSignature, sideBySide, signatureToDer } from "../der.js";
import type { EmulatedKey, SignScheme } from "../keys.js";
import { RAW_DIGEST_BYTES } from "../raw-sign.js";
import type { RawHash } from "../raw-sign.js";
import { EngineFailure } from "./answer.js";
import { decodeRawUrl, decodeStandard, encodeRawUrl, encodeStandard } from "./go-base64.js";
import { activeVersion, latestVersion } from "./store.js";
import type { KeyVersion, TransitKey } from "./store.js";
import { deriveEd25519, rawPublicKey } from "./versions.js";

/** Names of `hash_algorithm`; null for those that WebCrypto lacks, which the emulator cannot do. */
export const HASHES: Readonly<Record<string, RawHash | "none" | null>> = Object.assign(Object.create(null) as object, {
  sha1: "SHA-1",
  "sha2-224": null,
  "sha2-256": "SHA-256",
  "sha2-384": "SHA-384",
  "sha2-512": "SHA-512",
  "sha3-224": null,
  "sha3-256": null,
  "sha3-384": null,
  "sha3-512": null,
  none: "none",
} as const);

/** How to sign, checked but for what depends on the key. */
export interface SignOptions {
  readonly hash: RawHash | "none" | null;
  readonly prehashed: boolean;
  readonly marshaling: "asn1" | "jws";
  /** For RSA: `pss`, `pkcs1v15`, or a word that is neither. */
  readonly signatureAlgorithm: string;
  /** For PSS: bytes, -1 for those of the hash, 0 for the longest, as in Go. */
  readonly saltLength: number;
}

export interface Signed {
  readonly signature: string;
  readonly version: number;
  /** Of a derived key: base64 of its public key. */
  readonly publicKey?: string;
}

const SOFT_DELETED = "refusing to use soft-deleted key";
const TOO_OLD = "ciphertext or signature version is disallowed by policy (too old)";
export const PREFIX = "vault:v";

/** Signs, with the latest version when 0 is asked for. */
export async function signWithKey(key: TransitKey, asked: number, context: Bytes, input: Bytes, options: SignOptions): Promise<Signed> {
  const { version, pair } = versionToSign(key, asked);
  const used = key.derived ? await derived(pair, context) : pair;
  const { scheme, form } = schemeFor(used, options);
  if (form === "digest") assertDigest(used, options, input);
  const raw = await used.sign(scheme, form, input);
  const bytes = scheme.scheme === "ecdsa" && options.marshaling === "asn1" ? signatureToDer(raw) : raw;
  const text = options.marshaling === "asn1" ? encodeStandard(bytes) : encodeRawUrl(bytes);
  const signature = `${PREFIX}${version}:${text}`;
  return key.derived ? { signature, version, publicKey: encodeStandard(rawPublicKey(used)) } : { signature, version };
}

function versionToSign(key: TransitKey, asked: number): KeyVersion & { readonly pair: EmulatedKey } {
  if (key.softDeleted) throw new EngineFailure(SOFT_DELETED, true);
  if (asked < 0) throw new EngineFailure("requested version for signing is negative", true);
  if (asked > latestVersion(key)) throw new EngineFailure("requested version for signing is higher than the latest key version", true);
  if (asked !== 0 && asked < key.minEncryptionVersion) {
    throw new EngineFailure("requested version for signing is less than the minimum encryption key version", true);
  }
  const found = activeVersion(key, asked === 0 ? latestVersion(key) : asked);
  if (found?.pair === undefined) throw new EngineFailure("no such key version", true);
  if (!found.signs) throw new EngineFailure("requested version for signing does not contain a private part", true);
  return { ...found, pair: found.pair };
}

/** Whether a signature with its prefix fits. */
export async function verifyWithKey(key: TransitKey, context: Bytes, input: Bytes, signature: string, options: SignOptions): Promise<boolean> {
  if (key.softDeleted) throw new EngineFailure(SOFT_DELETED, false);
  const { pair, text } = versionToVerify(key, signature);
  const decoded = options.marshaling === "asn1" ? decodeStandard(text) : decodeRawUrl(text);
  if (!("bytes" in decoded)) throw new EngineFailure("invalid base64 signature value", false);
  const used = key.derived ? await derived(pair, context) : pair;
  if (used.keyType.startsWith("P-")) return verifyEcdsa(used, input, decoded.bytes, options);
  const { scheme, form } = schemeFor(used, options, false);
  return used.verify(scheme, form, input, decoded.bytes);
}

function versionToVerify(key: TransitKey, signature: string): { pair: EmulatedKey; text: string } {
  const { version, text } = splitVersion(signature, { kind: "signature", noPrefix: "invalid signature: no prefix" });
  if (version > latestVersion(key)) throw new EngineFailure("invalid signature: version is too new", false);
  if (version < key.minDecryptionVersion) throw new EngineFailure(TOO_OLD, false);
  const pair = activeVersion(key, version)?.pair;
  if (pair === undefined) throw new EngineFailure("no such key version", false);
  return { pair, text };
}

/** The parts of `vault:v1:…`. */
export function splitVersion(value: string, words: { kind: "signature" | "HMAC"; noPrefix: string }): { version: number; text: string } {
  if (!value.startsWith(PREFIX)) throw new EngineFailure(words.noPrefix, false);
  const rest = value.slice(PREFIX.length);
  const colon = rest.indexOf(":");
  if (colon < 0) throw new EngineFailure(`invalid ${words.kind}: wrong number of fields`, false);
  const number = rest.slice(0, colon);
  if (!/^[+-]?[0-9]+$/.test(number) || !Number.isSafeInteger(Number(number))) throw new EngineFailure(`invalid ${words.kind}: version number could not be decoded`, false);
  return { version: Number(number), text: rest.slice(colon + 1) };
}

async function derived(pair: EmulatedKey, context: Bytes): Promise<EmulatedKey> {
  if (context.length > 0) return deriveEd25519(pair, context);
  throw new EngineFailure(
    "error deriving key: missing 'context' for key derivation; the key was created using a derived key, which means additional, " +
      "per-request information must be included in order to perform operations with the key",
    true,
  );
}

/** Any two halves count as r and s when they are `jws`; as `asn1` they must be well-formed, and then may still be no signature. */
async function verifyEcdsa(pair: EmulatedKey, input: Bytes, signature: Bytes, options: SignOptions): Promise<boolean> {
  const half = { "P-256": 32, "P-384": 48, "P-521": 66 }[pair.keyType as "P-256" | "P-384" | "P-521"];
  const { scheme, form } = schemeFor(pair, options);
  if (options.marshaling === "jws") return pair.verify(scheme, form, input, signature);
  const parts = readSignature(signature);
  if (parts === undefined) throw new EngineFailure("supplied signature is invalid", false);
  if (parts.extra > 0) throw new EngineFailure("supplied signature contains extra data", false);
  // Go's decoder takes more elements after s.
  const fixed = sideBySide(parts, half);
  return fixed !== undefined && pair.verify(scheme, form, input, fixed);
}

/** `signing` is whether a failure of RSA parameters is one of signing, where all are uncoded. */
function schemeFor(pair: EmulatedKey, options: SignOptions, signing = true): { scheme: SignScheme; form: "message" | "digest" } {
  if (pair.keyType === "Ed25519") return { scheme: { scheme: "eddsa" }, form: "message" };
  const form = options.prehashed ? "digest" : "message";
  const hash = options.hash === "none" || options.hash === null ? undefined : options.hash;
  const isRsa = pair.keyType.startsWith("RSA-");
  if (options.hash === null && (isRsa || form === "message")) {
    throw new EngineFailure("the emulator has no SHA-224 and no SHA-3", false);
  }
  if (!isRsa) return { scheme: hash === undefined ? { scheme: "ecdsa" } : { scheme: "ecdsa", hash }, form };
  if (options.signatureAlgorithm === "pkcs1v15") return { scheme: hash === undefined ? { scheme: "rsa-pkcs1" } : { scheme: "rsa-pkcs1", hash }, form };
  if (options.signatureAlgorithm !== "pss") throw new EngineFailure(`unsupported rsa signature algorithm ${options.signatureAlgorithm}`, true);
  return { scheme: { scheme: "rsa-pss", hash: hash as RawHash, saltLength: saltLength(pair, options, signing) }, form };
}

function saltLength(pair: EmulatedKey, { hash, saltLength: asked }: SignOptions, signing: boolean): number | "auto" {
  const hashBytes = RAW_DIGEST_BYTES[hash as RawHash];
  const longest = Math.ceil((Number(pair.keyType.slice(4)) - 1) / 8) - 2 - hashBytes;
  if (asked > longest) throw new EngineFailure(`requested salt length ${asked} is invalid`, signing);
  if (asked === 0) return "auto";
  return asked === -1 ? hashBytes : asked;
}

/** What Go's `crypto/rsa` and `crypto/ecdsa` refuse to sign. */
function assertDigest(pair: EmulatedKey, { hash, signatureAlgorithm }: SignOptions, input: Bytes): void {
  if (!pair.keyType.startsWith("RSA-")) {
    if (input.length === 0) throw new EngineFailure("ecdsa: hash cannot be empty", true);
    return;
  }
  if (hash === "none") {
    if (input.length <= Number(pair.keyType.slice(4)) / 8 - 11) return;
    throw new EngineFailure("crypto/rsa: message too long for RSA key size", true);
  }
  if (input.length === RAW_DIGEST_BYTES[hash as RawHash]) return;
  const words = signatureAlgorithm === "pss" ? "input must be hashed with given hash" : "input must be hashed message";
  throw new EngineFailure(`crypto/rsa: ${words}`, true);
}
