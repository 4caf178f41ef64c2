/** Between JWK and SubjectPublicKeyInfo, the DER form in which services and PEM files hold a public key (RFC 5280 section 4.1). */
import { COORDINATE_BYTES, type EcCurve } from "../algorithms.js";
import { decodeBase64Url, encodeBase64Url } from "../encoding/base64.js";
import { asBytes, concatBytes, type Bytes } from "../encoding/bytes.js";
import * as der from "../encoding/der.js";
import { decodeHex, encodeHex } from "../encoding/hex.js";
import { invalidEncoding } from "../encoding/invalid.js";
import { parseJwk } from "./parse.js";
import type { PublicJwk } from "./types.js";

type Kind = "RSA" | "Ed25519" | EcCurve;

/**
 * The content of each AlgorithmIdentifier. DER has one encoding for each, so comparing bytes is the strictest way to
 * read it: explicit curve parameters (CVE-2020-0601), a missing NULL, or one where there must be none, is simply another.
 * RSA: RFC 3279 section 2.3.1; the curves: RFC 5480 section 2.1.1, SEC 2 appendix A; Ed25519: RFC 8410 section 3.
 */
const ALGORITHMS: Readonly<Record<Kind, string>> = {
  RSA: "06092a864886f70d0101010500",
  "P-256": "06072a8648ce3d020106082a8648ce3d030107",
  "P-384": "06072a8648ce3d020106052b81040022",
  "P-521": "06072a8648ce3d020106052b81040023",
  secp256k1: "06072a8648ce3d020106052b8104000a",
  Ed25519: "06032b6570",
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
  const key = parseJwk(jwk);
  const algorithm = der.writeElement(der.SEQUENCE, decodeHex(ALGORITHMS[key.kty === "RSA" ? "RSA" : key.crv]));
  const unusedBits = Uint8Array.of(0);
  return der.writeElement(der.SEQUENCE, algorithm, der.writeElement(der.BIT_STRING, unusedBits, writeKey(key)));
}

/**
 * The public key in a SubjectPublicKeyInfo, under the same rules as `parseJwk`. Taken are RSA with NULL parameters, the
 * four curves by name with an uncompressed point, and Ed25519 without parameters, in DER and with nothing after it.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING` when the bytes are not DER of one of these
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK` when they are, and the key is not acceptable
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when `spki` is not a `Uint8Array`
 * @see RFC 5280 section 4.1, RFC 3279 section 2.3, RFC 5480, RFC 8410
 * @example
 * ```ts
 * const jwk = spkiToJwk(decodePem(text, "PUBLIC KEY"));
 * ```
 */
export function spkiToJwk(spki: Uint8Array): PublicJwk {
  const algorithm = der.readElement(der.readSequence(asBytes(spki, "spki")), der.SEQUENCE);
  const bits = der.readElement(algorithm.rest, der.BIT_STRING);
  der.assertEnd(bits.rest);
  if (bits.content[0] !== 0) throw invalidEncoding("SPKI: the key is not a whole number of bytes");
  return parseJwk(readKey(kindOf(algorithm.content), bits.content.subarray(1)));
}

function kindOf(algorithm: Bytes): Kind {
  const hex = encodeHex(algorithm);
  const kind = (Object.keys(ALGORITHMS) as Kind[]).find((name) => ALGORITHMS[name] === hex);
  if (kind === undefined) throw invalidEncoding("SPKI: the algorithm or its parameters are not supported");
  return kind;
}

function writeKey(key: PublicJwk): Bytes {
  if (key.kty === "RSA") {
    const integers = [key.n, key.e].map((number) => der.writeInteger(decodeBase64Url(number)));
    return der.writeElement(der.SEQUENCE, ...integers);
  }
  const x = decodeBase64Url(key.x);
  return key.kty === "OKP" ? x : concatBytes(Uint8Array.of(UNCOMPRESSED), x, decodeBase64Url(key.y));
}

/** The members of the key, not checked yet. */
function readKey(kind: Kind, key: Bytes): Record<string, string> {
  if (kind === "RSA") {
    const n = der.readInteger(der.readSequence(key));
    const e = der.readInteger(n.rest);
    der.assertEnd(e.rest);
    return { kty: "RSA", n: encodeBase64Url(n.content), e: encodeBase64Url(e.content) };
  }
  if (kind === "Ed25519") return { kty: "OKP", crv: kind, x: encodeBase64Url(key) };
  const width = COORDINATE_BYTES[kind];
  if (key[0] !== UNCOMPRESSED || key.length !== 1 + 2 * width) throw invalidEncoding("SPKI: the point is not an uncompressed one of its curve");
  const [x, y] = [key.subarray(1, 1 + width), key.subarray(1 + width)].map((half) => encodeBase64Url(half));
  return { kty: "EC", crv: kind, x: x as string, y: y as string };
}
