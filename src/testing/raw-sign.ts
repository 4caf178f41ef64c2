/**
 * Signs and verifies digests, which WebCrypto cannot, and secp256k1, which it lacks: plain BigInt RSA (RFC 8017) and
 * ECDSA (FIPS 186-5). SLOW AND NOT CONSTANT IN TIME, so it leaks its key to whoever can measure it: for the emulated keys
 * of `knhk-kms/testing` only. A check of the repository keeps this file out of every other entry.
 */
import { COORDINATE_BYTES } from "../algorithms.js";
import type { EcCurve } from "../algorithms.js";
import { decodeBase64Url, encodeBase64Url } from "../encoding/base64.js";
import { concatBytes, equalBytes } from "../encoding/bytes.js";
import type { Bytes } from "../encoding/bytes.js";
import { ValidationError } from "../errors.js";
import { DIGEST_BYTES, subtleCrypto, webHasher } from "../hasher.js";
import type { HashName } from "../hasher.js";
import { addPoints, CURVES, multiplyBase, multiplyPoint, toAffine } from "./raw-curve.js";
import { bitLength, bytesToNumber, modInverse, modPow, modulo, numberToBytes, randomBelow } from "./raw-number.js";

/** The library's hashes and SHA-1, which Vault still offers. */
export type RawHash = HashName | "SHA-1";

/** Bytes in a digest of each hash. */
export const RAW_DIGEST_BYTES: Readonly<Record<RawHash, number>> = { ...DIGEST_BYTES, "SHA-1": 20 };

/** How to pad. For PKCS #1 v1.5 a hash names the DigestInfo around the digest; without one the input is padded as it is. */
export type RsaPadding =
  | { readonly scheme: "rsa-pkcs1"; readonly hash?: RawHash | undefined }
  | { readonly scheme: "rsa-pss"; readonly hash: RawHash; readonly saltLength: number | "auto" };

/** A private RSA key with its CRT members (RFC 8017 section 3.2). */
export interface RsaNumbers {
  readonly n: bigint;
  readonly e: bigint;
  readonly p: bigint;
  readonly q: bigint;
  readonly dp: bigint;
  readonly dq: bigint;
  readonly qi: bigint;
}

/** What a DER DigestInfo begins with, the length of the digest included (RFC 8017 section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<RawHash, string>> = {
  "SHA-1": "3021300906052b0e03021a05000414",
  "SHA-256": "3031300d060960864801650304020105000420",
  "SHA-384": "3041300d060960864801650304020205000430",
  "SHA-512": "3051300d060960864801650304020305000440",
};

/** Hash of a message, SHA-1 included. */
export async function rawDigest(hash: RawHash, data: Bytes): Promise<Bytes> {
  if (hash === "SHA-1") return new Uint8Array(await subtleCrypto().digest("SHA-1", data));
  return webHasher.digest(hash, data);
}

/** The members of a private JWK as numbers. */
export function rsaNumbers(jwk: JsonWebKey): RsaNumbers {
  const read = (member: "n" | "e" | "p" | "q" | "dp" | "dq" | "qi"): bigint => {
    const text = jwk[member];
    if (text === undefined) throw invalid(`an RSA private key needs the member ${member}`);
    return bytesToNumber(decodeBase64Url(text));
  };
  return { n: read("n"), e: read("e"), p: read("p"), q: read("q"), dp: read("dp"), dq: read("dq"), qi: read("qi") };
}

/**
 * Signs a digest with RSA; the signature is as long as the modulus. A salt length of `"auto"` is the longest that fits.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`: digest of a wrong length, salt or input too long for the key
 * @see RFC 8017 sections 8.1.1 and 8.2.1
 */
export async function signRsaDigest(key: RsaNumbers, padding: RsaPadding, digest: Bytes): Promise<Bytes> {
  const modulusBytes = Math.ceil(bitLength(key.n) / 8);
  const encoded = padding.scheme === "rsa-pss" ? await encodePss(key.n, padding, digest) : encodePkcs1(modulusBytes, padding.hash, digest);
  const message = bytesToNumber(encoded);
  const first = modPow(message, key.dp, key.p);
  const second = modPow(message, key.dq, key.q);
  const signature = second + key.q * modulo(key.qi * (first - second), key.p);
  return numberToBytes(signature, modulusBytes);
}

/**
 * Whether an RSA signature fits a digest. A salt length of `"auto"` accepts any. Input that cannot be signed is `false`.
 *
 * @see RFC 8017 sections 8.1.2 and 8.2.2
 */
export async function verifyRsaDigest(
  key: Pick<RsaNumbers, "n" | "e">,
  padding: RsaPadding,
  digest: Bytes,
  signature: Bytes,
): Promise<boolean> {
  const modulusBytes = Math.ceil(bitLength(key.n) / 8);
  const number = bytesToNumber(signature);
  if (signature.length !== modulusBytes || number >= key.n) return false;
  if (padding.hash !== undefined && digest.length !== RAW_DIGEST_BYTES[padding.hash]) return false;
  const encoded = numberToBytes(modPow(number, key.e, key.n), modulusBytes);
  if (padding.scheme === "rsa-pss") return checkPss(key.n, padding, digest, encoded);
  if (digest.length > modulusBytes - 11) return false;
  return equalBytes(encoded, encodePkcs1(modulusBytes, padding.hash, digest));
}

/** EMSA-PKCS1-v1_5 (RFC 8017 section 9.2). */
function encodePkcs1(length: number, hash: RawHash | undefined, digest: Bytes): Bytes {
  if (hash !== undefined && digest.length !== RAW_DIGEST_BYTES[hash]) throw invalid("the digest has a wrong length for its hash");
  const prefix = hash === undefined ? new Uint8Array() : hexBytes(DIGEST_INFO[hash]);
  const filler = length - prefix.length - digest.length - 3;
  if (filler < 8) throw invalid("the input is too long for the RSA key");
  return concatBytes(Uint8Array.of(0, 1), new Uint8Array(filler).fill(0xff), Uint8Array.of(0), prefix, digest);
}

/** EMSA-PSS-ENCODE (RFC 8017 section 9.1.1), with MGF1 of the same hash. */
async function encodePss(modulus: bigint, padding: RsaPadding & { scheme: "rsa-pss" }, digest: Bytes): Promise<Bytes> {
  const { hash } = padding;
  const bits = bitLength(modulus) - 1;
  const length = Math.ceil(bits / 8);
  const longest = length - RAW_DIGEST_BYTES[hash] - 2;
  const saltLength = padding.saltLength === "auto" ? longest : padding.saltLength;
  if (digest.length !== RAW_DIGEST_BYTES[hash]) throw invalid("the digest has a wrong length for its hash");
  if (saltLength > longest) throw invalid("the salt is too long for the RSA key");
  const salt = crypto.getRandomValues(new Uint8Array(saltLength));
  const hashed = await rawDigest(hash, concatBytes(new Uint8Array(8), digest, salt));
  const block = concatBytes(new Uint8Array(longest - saltLength), Uint8Array.of(1), salt);
  const masked = await applyMask(hash, hashed, block);
  masked[0] = (masked[0] as number) & (0xff >> (8 * length - bits));
  return concatBytes(masked, hashed, Uint8Array.of(0xbc));
}

/** EMSA-PSS-VERIFY (RFC 8017 section 9.1.2). */
async function checkPss(modulus: bigint, padding: RsaPadding & { scheme: "rsa-pss" }, digest: Bytes, encoded: Bytes): Promise<boolean> {
  const { hash, saltLength } = padding;
  const bits = bitLength(modulus) - 1;
  const length = Math.ceil(bits / 8);
  // A modulus of 8k + 1 bits has one byte more than the encoded message, which must then be 0.
  const message = encoded.subarray(encoded.length - length);
  if (encoded.length > length && encoded[0] !== 0) return false;
  const blockLength = length - RAW_DIGEST_BYTES[hash] - 1;
  const masked = message.subarray(0, blockLength);
  const hashed = message.subarray(blockLength, length - 1);
  const topBits = 0xff >> (8 * length - bits);
  if (message[length - 1] !== 0xbc || ((masked[0] as number) & ~topBits) !== 0) return false;
  const block = await applyMask(hash, hashed, masked);
  block[0] = (block[0] as number) & topBits;
  const separator = block.findIndex((byte) => byte !== 0);
  if (separator < 0 || block[separator] !== 1) return false;
  const salt = block.subarray(separator + 1);
  if (saltLength !== "auto" && salt.length !== saltLength) return false;
  return equalBytes(hashed, await rawDigest(hash, concatBytes(new Uint8Array(8), digest, salt)));
}

/** The data with an MGF1 mask over it (RFC 8017 appendix B.2.1). */
async function applyMask(hash: RawHash, seed: Bytes, data: Bytes): Promise<Bytes> {
  const masked = data.slice();
  for (let block = 0; block * RAW_DIGEST_BYTES[hash] < data.length; block += 1) {
    const mask = await rawDigest(hash, concatBytes(seed, numberToBytes(BigInt(block), 4)));
    const start = block * mask.length;
    for (let at = start; at < Math.min(start + mask.length, data.length); at += 1) {
      masked[at] = (masked[at] as number) ^ (mask[at - start] as number);
    }
  }
  return masked;
}

/**
 * Signs a digest with ECDSA: r and s side by side, with a random nonce, s as it comes. A digest longer than the order is cut.
 *
 * @see FIPS 186-5 section 6.4.1
 */
export function signEcdsaDigest(curve: EcCurve, secret: bigint, digest: Bytes): Bytes {
  const on = CURVES[curve];
  const hashed = leftmostBits(digest, on.order);
  for (;;) {
    const nonce = randomBelow(on.order);
    const r = (toAffine(on, multiplyBase(on, nonce))?.x ?? 0n) % on.order;
    const s = modulo(modInverse(nonce, on.order) * (hashed + r * secret), on.order);
    if (r !== 0n && s !== 0n) return concatBytes(numberToBytes(r, COORDINATE_BYTES[curve]), numberToBytes(s, COORDINATE_BYTES[curve]));
  }
}

/**
 * Whether an ECDSA signature, r and s side by side, fits a digest.
 *
 * @see FIPS 186-5 section 6.4.2
 */
export function verifyEcdsaDigest(curve: EcCurve, publicKey: { x: bigint; y: bigint }, digest: Bytes, signature: Bytes): boolean {
  const on = CURVES[curve];
  const half = COORDINATE_BYTES[curve];
  if (signature.length !== 2 * half) return false;
  const r = bytesToNumber(signature.subarray(0, half));
  const s = bytesToNumber(signature.subarray(half));
  if (r === 0n || r >= on.order || s === 0n || s >= on.order) return false;
  const inverse = modInverse(s, on.order);
  const base = multiplyBase(on, modulo(leftmostBits(digest, on.order) * inverse, on.order));
  const other = multiplyPoint(on, { ...publicKey, z: 1n }, modulo(r * inverse, on.order));
  const point = toAffine(on, addPoints(on, base, other));
  return point !== undefined && point.x % on.order === r;
}

/** The leftmost bits of a digest, as many as the order has (FIPS 186-5 section 6.4.1, step 2). */
function leftmostBits(digest: Bytes, order: bigint): bigint {
  const surplus = 8 * digest.length - bitLength(order);
  const number = bytesToNumber(digest);
  return surplus > 0 ? number >> BigInt(surplus) : number;
}

/** A new secp256k1 key as a private JWK (RFC 8812 section 3.1). */
export function generateSecp256k1(): JsonWebKey {
  return secp256k1FromSecret(randomBelow(CURVES.secp256k1.order));
}

/** The private JWK of a secp256k1 secret. */
export function secp256k1FromSecret(secret: bigint): JsonWebKey {
  const on = CURVES.secp256k1;
  const point = toAffine(on, multiplyBase(on, secret));
  if (point === undefined) throw invalid("a secp256k1 secret must not be a multiple of the order");
  const text = (value: bigint): string => encodeBase64Url(numberToBytes(value, COORDINATE_BYTES.secp256k1));
  return { kty: "EC", crv: "secp256k1", x: text(point.x), y: text(point.y), d: text(secret) };
}

function hexBytes(hex: string): Bytes {
  return numberToBytes(BigInt(`0x${hex}`), hex.length / 2);
}

function invalid(message: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message);
}
