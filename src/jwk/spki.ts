/** Between JWK and SubjectPublicKeyInfo, the DER form in which services and PEM files hold a public key (RFC 5280 section 4.1). */
import { COORDINATE_BYTES, type EcCurve } from "../algorithms.js";
import { decodeBase64Url, encodeBase64Url } from "../encoding/base64.js";
import { asBytes, concatBytes, invalidEncoding, type Bytes } from "../encoding/bytes.js";
import { BIT_STRING, SEQUENCE, writeElement, writeIntegers } from "../encoding/der.js";
import { checkJwk } from "./check.js";
import type { PublicJwk } from "./types.js";

/**
 * The content of each AlgorithmIdentifier in base64url, its OIDs beside it. DER has one encoding for each, so comparing
 * it is the strictest way to read it: explicit curve parameters (CVE-2020-0601), a missing NULL, or one where there must
 * be none, is simply another.
 * RSA: RFC 3279 section 2.3.1; the curves: RFC 5480 section 2.1.1, SEC 2 appendix A; Ed25519: RFC 8410 section 3.
 */
const ALGORITHMS: Readonly<Record<"RSA" | "Ed25519" | EcCurve, string>> = {
  RSA: "BgkqhkiG9w0BAQEFAA", // 1.2.840.113549.1.1.1, NULL
  "P-256": "BgcqhkjOPQIBBggqhkjOPQMBBw", // 1.2.840.10045.2.1, 1.2.840.10045.3.1.7
  "P-384": "BgcqhkjOPQIBBgUrgQQAIg", // 1.2.840.10045.2.1, 1.3.132.0.34
  "P-521": "BgcqhkjOPQIBBgUrgQQAIw", // 1.2.840.10045.2.1, 1.3.132.0.35
  secp256k1: "BgcqhkjOPQIBBgUrgQQACg", // 1.2.840.10045.2.1, 1.3.132.0.10
  Ed25519: "BgMrZXA", // 1.3.101.112
};

/** RFC 5480 section 2.2: the octet before an uncompressed point, the only form taken. */
const UNCOMPRESSED = 0x04;

/**
 * A public key as SubjectPublicKeyInfo in DER; the members that are no numbers are lost.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK` when the key is none
 * @see RFC 5280 section 4.1, RFC 3279 section 2.3, RFC 5480, RFC 8410
 * @example
 * ```ts
 * const pem = encodePem("PUBLIC KEY", jwkToSpki(jwk));
 * ```
 */
export function jwkToSpki(jwk: PublicJwk): Bytes {
  return writeSpki(checkJwk(jwk));
}

/**
 * The public key in a SubjectPublicKeyInfo, under the same rules as `parseJwk`. Taken are RSA with NULL parameters, the
 * four curves by name with an uncompressed point, and Ed25519 without parameters, in DER and with nothing after it.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when the bytes are not DER of one of these, or an RSA key is far too short
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK` when they are, and the key is not acceptable
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `spki` is not a `Uint8Array`
 * @see RFC 5280 section 4.1, RFC 3279 section 2.3, RFC 5480, RFC 8410
 * @example
 * ```ts
 * const jwk = spkiToJwk(decodePem(text, "PUBLIC KEY"));
 * ```
 */
export function spkiToJwk(spki: Uint8Array): PublicJwk {
  const bytes = asBytes(spki, "spki");
  const text = encodeBase64Url(bytes);
  // Each key has one form in DER, and these bytes are it only if they come out again.
  const jwk = candidates(bytes).find((candidate) => encodeBase64Url(writeSpki(candidate)) === text);
  if (jwk === undefined) throw invalidEncoding("SPKI of a supported key");
  return checkJwk(jwk);
}

/**
 * What these bytes would be as a key of each type. Coordinates are at their end; the modulus of an RSA key begins at 32,
 * for each of the lengths before it takes three octets if it has 2,048 bits or more.
 */
function candidates(bytes: Bytes): readonly PublicJwk[] {
  const part = (from: number, to?: number): string => encodeBase64Url(bytes.subarray(from, to));
  const integer = (from: number, to?: number): string => part(bytes[from] === 0 ? from + 1 : from, to);
  const end = 32 + (bytes[30] as number) * 256 + (bytes[31] as number);
  const curves = Object.entries(COORDINATE_BYTES) as [EcCurve, number][];
  return [
    { kty: "RSA", n: integer(32, end), e: integer(end + 2) },
    { kty: "OKP", crv: "Ed25519", x: part(-32) },
    ...curves.map(([crv, width]) => ({ kty: "EC", crv, x: part(-2 * width, -width), y: part(-width) }) as const),
  ];
}

function writeSpki(jwk: PublicJwk): Bytes {
  const algorithm = writeElement(SEQUENCE, decodeBase64Url(ALGORITHMS[jwk.kty === "RSA" ? jwk.kty : jwk.crv]));
  const unusedBits = [0];
  return writeElement(SEQUENCE, algorithm, writeElement(BIT_STRING, unusedBits, writeKey(jwk)));
}

function writeKey(jwk: PublicJwk): Bytes {
  if (jwk.kty === "RSA") return writeIntegers(decodeBase64Url(jwk.n), decodeBase64Url(jwk.e));
  const x = decodeBase64Url(jwk.x);
  return jwk.kty === "EC" ? concatBytes([UNCOMPRESSED], x, decodeBase64Url(jwk.y)) : x;
}
