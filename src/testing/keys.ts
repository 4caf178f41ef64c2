/** Real keys for the emulated services: made by WebCrypto, used through WebCrypto where it can, else through the raw signer. */
import type { EcCurve } from "../algorithms.js";
import { decodeBase64Url, encodeBase64Url } from "../encoding/base64.js";
import { concatBytes } from "../encoding/bytes.js";
import type { Bytes } from "../encoding/bytes.js";
import { ValidationError } from "../errors.js";
import { subtleCrypto } from "../hasher.js";
import { bitLength, bytesToNumber } from "./raw-number.js";
import {
  generateSecp256k1,
  RAW_DIGEST_BYTES,
  rawDigest,
  rsaNumbers,
  secp256k1FromSecret,
  signEcdsaDigest,
  signRsaDigest,
  verifyEcdsaDigest,
  verifyRsaDigest,
} from "./raw-sign.js";
import type { RawHash, RsaPadding } from "./raw-sign.js";

/** Types of key that the emulators make. */
export type EmulatedKeyType =
  | "RSA-2048"
  | "RSA-3072"
  | "RSA-4096"
  | "P-256"
  | "P-384"
  | "P-521"
  | "secp256k1"
  | "Ed25519"
  | "HMAC-224"
  | "HMAC-256"
  | "HMAC-384"
  | "HMAC-512"
  | "AES-128"
  | "AES-256";

/** How to sign. `rsa-pkcs1` without a hash pads a digest as it is; `rsa-pss` is MGF1 with the same hash; `eddsa` takes messages only. */
export interface SignScheme {
  readonly scheme: "rsa-pkcs1" | "rsa-pss" | "ecdsa" | "eddsa";
  readonly hash?: RawHash;
  /** Bytes of salt, the hash length by default. `"auto"` is the longest that fits when signing, and any when verifying. */
  readonly saltLength?: number | "auto";
}

/** The public members of a JWK, without `kid` or `alg`. */
export interface EmulatedPublicJwk {
  readonly kty: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

/** One key pair or secret of an emulated service. HMAC and AES keys have neither `spki` nor `publicJwk`, and do not sign here. */
export interface EmulatedKey {
  readonly keyType: EmulatedKeyType;
  /** DER SubjectPublicKeyInfo of an asymmetric key. */
  readonly spki?: Bytes;
  readonly publicJwk?: EmulatedPublicJwk;
  /**
   * Signs a message, or a digest of one. RSA and Ed25519 signatures have one form; ECDSA gives r and s side by side.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`: the scheme does not fit the key, the digest does not fit the hash
   */
  sign(scheme: SignScheme, form: "message" | "digest", input: Bytes): Promise<Bytes>;
  /** Whether a signature fits. A signature of a wrong length or form is `false`. */
  verify(scheme: SignScheme, form: "message" | "digest", input: Bytes, signature: Bytes): Promise<boolean>;
  /** A new object each time; an HMAC or AES key names its `alg`. */
  exportPrivateJwk(): JsonWebKey;
}

interface KeyPair {
  readonly keyType: EmulatedKeyType;
  readonly jwk: JsonWebKey;
  readonly publicJwk: EmulatedPublicJwk;
  readonly spki: Bytes;
}

type Family = "RSA" | "EC" | "OKP" | "oct";

const RSA_EXPONENT = Uint8Array.of(1, 0, 1);

/** What `alg` of an oct JWK says, so that a key exported here is imported as the same type (RFC 7518 sections 3.2 and 5.1). */
const OCT_ALGORITHMS: Readonly<Partial<Record<EmulatedKeyType, { alg: string; bytes: number }>>> = {
  "HMAC-224": { alg: "HS224", bytes: 28 },
  "HMAC-256": { alg: "HS256", bytes: 32 },
  "HMAC-384": { alg: "HS384", bytes: 48 },
  "HMAC-512": { alg: "HS512", bytes: 64 },
  "AES-128": { alg: "A128GCM", bytes: 16 },
  "AES-256": { alg: "A256GCM", bytes: 32 },
};

const PUBLIC_MEMBERS: Readonly<Record<Family, readonly (keyof EmulatedPublicJwk)[]>> = {
  RSA: ["kty", "n", "e"],
  EC: ["kty", "crv", "x", "y"],
  OKP: ["kty", "crv", "x"],
  oct: [],
};

/** DER in front of the uncompressed point: id-ecPublicKey with the curve secp256k1 (RFC 5480 section 2, SEC 2 appendix A.2.1). */
const SECP256K1_SPKI = "3056301006072a8648ce3d020106052b8104000a034200";

/**
 * A new key.
 *
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` without WebCrypto, or where it lacks the type
 * @example
 * ```ts
 * const key = await generateEmulatedKey("P-256");
 * const signature = await key.sign({ scheme: "ecdsa", hash: "SHA-256" }, "message", data);
 * ```
 */
export async function generateEmulatedKey(keyType: EmulatedKeyType): Promise<EmulatedKey> {
  const oct = OCT_ALGORITHMS[keyType];
  if (oct !== undefined) return octKey(keyType, crypto.getRandomValues(new Uint8Array(oct.bytes)));
  if (keyType === "secp256k1") return importEmulatedKey(generateSecp256k1());
  const subtle = subtleCrypto();
  const pair = (await subtle.generateKey(generateParameters(keyType), true, ["sign", "verify"])) as CryptoKeyPair;
  return importEmulatedKey(await subtle.exportKey("jwk", pair.privateKey));
}

/**
 * The key of a private JWK, for tests that need the same key each time. RSA needs the CRT members. Of an oct JWK `alg`
 * says what it is for; without it 16 bytes are AES and 28, 32, 48 and 64 bytes are HMAC.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK`: not a private JWK of one of these types
 * @example
 * ```ts
 * const key = await importEmulatedKey(JSON.parse(text));
 * const signature = await key.sign({ scheme: "ecdsa", hash: "SHA-256" }, "message", data);
 * ```
 */
export async function importEmulatedKey(privateJwk: JsonWebKey): Promise<EmulatedKey> {
  const jwk = { ...privateJwk };
  const keyType = keyTypeOf(jwk);
  if (keyType === undefined) throw new ValidationError("ERR_KMS_INVALID_JWK", "not a private JWK of an emulated key type");
  if (jwk.kty === "oct") return octKey(keyType, decodeBase64Url(jwk.k ?? ""), jwk.alg);
  return keyPair(keyType, jwk);
}

/**
 * The public half of a key, which verifies only: `sign` and `exportPrivateJwk` throw.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK`: not an asymmetric JWK of one of these types
 * @example
 * ```ts
 * const key = await importEmulatedPublicKey(JSON.parse(text));
 * ```
 */
export async function importEmulatedPublicKey(publicJwk: JsonWebKey): Promise<EmulatedKey> {
  const keyType = publicKeyTypeOf(publicJwk);
  if (keyType === undefined) throw new ValidationError("ERR_KMS_INVALID_JWK", "not a JWK of an emulated asymmetric key type");
  return keyPair(keyType, publicMembers(publicJwk) as JsonWebKey);
}

async function keyPair(keyType: EmulatedKeyType, jwk: JsonWebKey): Promise<EmulatedKey> {
  const publicJwk = publicMembers(jwk);
  return new KeyPairKey({ keyType, jwk, publicJwk, spki: await exportSpki(keyType, jwk, publicJwk) });
}

function publicMembers(jwk: JsonWebKey): EmulatedPublicJwk {
  const members = PUBLIC_MEMBERS[jwk.kty as Family];
  return Object.fromEntries(members.map((member) => [member, jwk[member]])) as unknown as EmulatedPublicJwk;
}

function keyTypeOf(jwk: JsonWebKey): EmulatedKeyType | undefined {
  if (jwk.kty === "oct") return octKeyType(decodeBase64Url(jwk.k ?? "").length, jwk.alg);
  return jwk.d === undefined ? undefined : publicKeyTypeOf(jwk);
}

function publicKeyTypeOf(jwk: JsonWebKey): EmulatedKeyType | undefined {
  if (jwk.kty === "RSA") return oneOf(`RSA-${bitLength(bytesToNumber(decodeBase64Url(jwk.n ?? "")))}`, ["RSA-2048", "RSA-3072", "RSA-4096"]);
  if (jwk.kty === "EC") return oneOf(jwk.crv, ["P-256", "P-384", "P-521", "secp256k1"]);
  return jwk.kty === "OKP" ? oneOf(jwk.crv, ["Ed25519"]) : undefined;
}

function octKeyType(bytes: number, alg: string | undefined): EmulatedKeyType | undefined {
  const entries = Object.entries(OCT_ALGORITHMS) as [EmulatedKeyType, { alg: string; bytes: number }][];
  return entries.find(([, entry]) => (alg === undefined ? entry.bytes === bytes : entry.alg === alg))?.[0];
}

function oneOf<T extends string>(value: string | undefined, known: readonly T[]): T | undefined {
  return known.find((name) => name === value);
}

/** Made by the platform, so that the emulators and the library's own JWK and SPKI code check each other. */
async function exportSpki(keyType: EmulatedKeyType, jwk: JsonWebKey, publicJwk: EmulatedPublicJwk): Promise<Bytes> {
  if (keyType === "secp256k1") {
    const derived = jwk.d === undefined ? jwk : secp256k1FromSecret(bytesToNumber(decodeBase64Url(jwk.d)));
    if (derived.x !== jwk.x || derived.y !== jwk.y) throw new ValidationError("ERR_KMS_INVALID_JWK", "x and y do not belong to d");
    const prefix = SECP256K1_SPKI.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
    return concatBytes(Uint8Array.from(prefix), Uint8Array.of(4), decodeBase64Url(derived.x as string), decodeBase64Url(derived.y as string));
  }
  const subtle = subtleCrypto();
  const imported = await subtle.importKey("jwk", publicJwk as JsonWebKey, importParameters(keyType, "SHA-256"), true, ["verify"]);
  return new Uint8Array(await subtle.exportKey("spki", imported));
}

function octKey(keyType: EmulatedKeyType, secret: Bytes, alg = OCT_ALGORITHMS[keyType]?.alg): EmulatedKey {
  const refuse = (): never => {
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `a key of type ${keyType} does not sign`);
  };
  return {
    keyType,
    sign: async () => refuse(),
    verify: async () => refuse(),
    exportPrivateJwk: () => ({ kty: "oct", k: encodeBase64Url(secret), alg: alg as string }),
  };
}

function generateParameters(keyType: EmulatedKeyType): RsaHashedKeyGenParams | EcKeyGenParams {
  const parameters = importParameters(keyType, "SHA-256");
  if (!keyType.startsWith("RSA-")) return parameters as EcKeyGenParams;
  return { name: parameters.name, hash: "SHA-256", modulusLength: Number(keyType.slice(4)), publicExponent: RSA_EXPONENT };
}

function importParameters(keyType: EmulatedKeyType, hash: RawHash, scheme?: SignScheme["scheme"]): Algorithm {
  if (keyType === "Ed25519") return { name: "Ed25519" };
  if (!keyType.startsWith("RSA-")) return { name: "ECDSA", namedCurve: keyType } as EcKeyImportParams;
  return { name: scheme === "rsa-pss" ? "RSA-PSS" : "RSASSA-PKCS1-v1_5", hash } as RsaHashedImportParams;
}

/** An asymmetric key; the platform's form of it is imported once for each scheme and hash. */
class KeyPairKey implements EmulatedKey {
  readonly keyType: EmulatedKeyType;
  readonly spki: Bytes;
  readonly publicJwk: EmulatedPublicJwk;
  readonly #jwk: JsonWebKey;
  readonly #imported = new Map<string, Promise<CryptoKey>>();

  constructor({ keyType, jwk, publicJwk, spki }: KeyPair) {
    this.keyType = keyType;
    this.spki = spki;
    this.publicJwk = publicJwk;
    this.#jwk = jwk;
  }

  exportPrivateJwk(): JsonWebKey {
    this.#assertPrivate();
    return { ...this.#jwk };
  }

  #assertPrivate(): void {
    if (this.#jwk.d === undefined) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "the key has no private part");
  }

  async sign(scheme: SignScheme, form: "message" | "digest", input: Bytes): Promise<Bytes> {
    this.#assertPrivate();
    assertFits(this.keyType, scheme, form);
    if (this.#needsRaw(scheme, form)) return this.#signRaw(scheme, await digestOf(scheme, form, input));
    const key = await this.#import("sign", scheme);
    return new Uint8Array(await subtleCrypto().sign(useParameters(scheme, this.#saltLength(scheme)), key, input));
  }

  async verify(scheme: SignScheme, form: "message" | "digest", input: Bytes, signature: Bytes): Promise<boolean> {
    assertFits(this.keyType, scheme, form);
    const anySalt = scheme.scheme === "rsa-pss" && scheme.saltLength === "auto";
    if (anySalt || this.#needsRaw(scheme, form)) return this.#verifyRaw(scheme, await digestOf(scheme, form, input), signature);
    // OpenSSL takes an RSA-PSS signature without its leading zeros; RFC 8017 section 8.1.2 step 1 does not.
    if (this.keyType.startsWith("RSA-") && signature.length !== Math.ceil(Number(this.keyType.slice(4)) / 8)) return false;
    const key = await this.#import("verify", scheme);
    return subtleCrypto().verify(useParameters(scheme, this.#saltLength(scheme)), key, signature, input);
  }

  #needsRaw(scheme: SignScheme, form: "message" | "digest"): boolean {
    return form === "digest" || this.keyType === "secp256k1" || scheme.hash === "SHA-1";
  }

  async #signRaw(scheme: SignScheme, digest: Bytes): Promise<Bytes> {
    if (scheme.scheme !== "ecdsa") return signRsaDigest(rsaNumbers(this.#jwk), rsaPadding(scheme), digest);
    return signEcdsaDigest(this.keyType as EcCurve, bytesToNumber(decodeBase64Url(this.#jwk.d as string)), digest);
  }

  async #verifyRaw(scheme: SignScheme, digest: Bytes, signature: Bytes): Promise<boolean> {
    const number = (text: string | undefined): bigint => bytesToNumber(decodeBase64Url(text ?? ""));
    const { n, e, x, y } = this.publicJwk;
    if (scheme.scheme !== "ecdsa") return verifyRsaDigest({ n: number(n), e: number(e) }, rsaPadding(scheme), digest, signature);
    return verifyEcdsaDigest(this.keyType as EcCurve, { x: number(x), y: number(y) }, digest, signature);
  }

  /** `"auto"` as the number of bytes that WebCrypto wants: the longest salt that fits (RFC 8017 section 9.1.1, step 3). */
  #saltLength({ hash, saltLength }: SignScheme): number {
    const hashBytes = hash === undefined ? 0 : RAW_DIGEST_BYTES[hash];
    if (saltLength !== "auto") return saltLength ?? hashBytes;
    return Math.ceil((Number(this.keyType.slice(4)) - 1) / 8) - hashBytes - 2;
  }

  #import(usage: "sign" | "verify", { scheme, hash }: SignScheme): Promise<CryptoKey> {
    const id = `${usage} ${scheme} ${hash ?? ""}`;
    let imported = this.#imported.get(id);
    if (imported === undefined) {
      const jwk = usage === "sign" ? withoutUse(this.#jwk) : (this.publicJwk as JsonWebKey);
      imported = subtleCrypto().importKey("jwk", jwk, importParameters(this.keyType, hash ?? "SHA-256", scheme), false, [usage]);
      this.#imported.set(id, imported);
    }
    return imported;
  }
}

/** WebCrypto refuses a JWK whose `alg`, `use` or `key_ops` name something else than what it is imported for. */
function withoutUse({ alg: _alg, use: _use, key_ops: _operations, ext: _ext, ...jwk }: JsonWebKey): JsonWebKey {
  return jwk;
}

function assertFits(keyType: EmulatedKeyType, { scheme, hash, saltLength }: SignScheme, form: "message" | "digest"): void {
  const family = keyType.startsWith("RSA-") ? ["rsa-pkcs1", "rsa-pss"] : keyType === "Ed25519" ? ["eddsa"] : ["ecdsa"];
  const needsHash = scheme !== "eddsa" && (form === "message" || scheme === "rsa-pss");
  const saltFits = saltLength === undefined || saltLength === "auto" || (Number.isInteger(saltLength) && saltLength >= 0);
  if (family.includes(scheme) && !(needsHash && hash === undefined) && !(scheme === "eddsa" && form === "digest") && saltFits) return;
  throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `the scheme does not fit a key of type ${keyType}`);
}

async function digestOf({ hash }: SignScheme, form: "message" | "digest", input: Bytes): Promise<Bytes> {
  return form === "digest" ? input : rawDigest(hash as RawHash, input);
}

function rsaPadding({ scheme, hash, saltLength }: SignScheme): RsaPadding {
  if (scheme === "rsa-pkcs1") return { scheme, hash };
  return { scheme: "rsa-pss", hash: hash as RawHash, saltLength: saltLength ?? RAW_DIGEST_BYTES[hash as RawHash] };
}

function useParameters({ scheme, hash }: SignScheme, saltLength: number): Algorithm {
  if (scheme === "ecdsa") return { name: "ECDSA", hash: hash as string } as EcdsaParams;
  if (scheme === "rsa-pss") return { name: "RSA-PSS", saltLength } as RsaPssParams;
  return { name: scheme === "eddsa" ? "Ed25519" : "RSASSA-PKCS1-v1_5" };
}
