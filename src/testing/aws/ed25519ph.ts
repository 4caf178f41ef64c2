/**
 * Ed25519ph (RFC 8032 section 5.1), which WebCrypto lacks, for the algorithm `ED25519_PH_SHA_512`. SLOW AND NOT CONSTANT IN
 * TIME: for emulated keys only.
 */
import { decodeBase64Url } from "../../encoding/base64.js";
import { concatBytes } from "../../encoding/bytes.js";
import type { Bytes } from "../../encoding/bytes.js";
import { subtleCrypto } from "../../hasher.js";
import { bytesToNumber, modInverse, modulo, numberToBytes } from "../raw-number.js";

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960n;

/** Twisted Edwards coordinates x = X/Z, y = Y/Z, xy = T/Z. */
interface EdwardsPoint {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
  readonly t: bigint;
}

/** The 64-byte signature of a message, pre-hashed with SHA-512, with an empty context. `d` and `x` of the JWK are used. */
export async function signEd25519ph(jwk: JsonWebKey, message: Bytes): Promise<Bytes> {
  const secret = await sha512(decodeBase64Url(jwk.d ?? ""));
  const scalar = clamp(secret.subarray(0, 32));
  const prehash = await sha512(message);
  const nonce = modulo(littleEndian(await sha512(domain(), secret.subarray(32), prehash)), ORDER);
  const commitment = encode(multiply(nonce));
  const challenge = littleEndian(await sha512(domain(), commitment, decodeBase64Url(jwk.x ?? ""), prehash));
  return concatBytes(commitment, toLittleEndian(modulo(nonce + challenge * scalar, ORDER)));
}

/** dom2 with the pre-hash flag and a context of no bytes (RFC 8032 section 2). */
function domain(): Bytes {
  return concatBytes(new TextEncoder().encode("SigEd25519 no Ed25519 collisions"), Uint8Array.of(1, 0));
}

async function sha512(...parts: Bytes[]): Promise<Bytes> {
  return new Uint8Array(await subtleCrypto().digest("SHA-512", concatBytes(...parts)));
}

/** RFC 8032 section 5.1.5, step 2. */
function clamp(half: Bytes): bigint {
  const cleared = littleEndian(half) & (2n ** 255n - 8n);
  return cleared | (2n ** 254n);
}

function multiply(scalar: bigint): EdwardsPoint {
  let sum: EdwardsPoint = { x: 0n, y: 1n, z: 1n, t: 0n };
  let addend: EdwardsPoint = { x: BASE_X, y: BASE_Y, z: 1n, t: modulo(BASE_X * BASE_Y, P) };
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) sum = add(sum, addend);
    addend = add(addend, addend);
  }
  return sum;
}

/** Complete, so it doubles too (RFC 8032 section 5.1.4). */
function add(first: EdwardsPoint, second: EdwardsPoint): EdwardsPoint {
  const a = modulo((first.y - first.x) * (second.y - second.x), P);
  const b = modulo((first.y + first.x) * (second.y + second.x), P);
  const c = modulo(2n * D * first.t * second.t, P);
  const d = modulo(2n * first.z * second.z, P);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return { x: modulo(e * f, P), y: modulo(g * h, P), z: modulo(f * g, P), t: modulo(e * h, P) };
}

/** y with the lowest bit of x above it (RFC 8032 section 5.1.2). */
function encode({ x, y, z }: EdwardsPoint): Bytes {
  const inverse = modInverse(z, P);
  const sign = modulo(x * inverse, P) & 1n;
  return toLittleEndian(modulo(y * inverse, P) | (sign << 255n));
}

function littleEndian(bytes: Bytes): bigint {
  return bytesToNumber(Uint8Array.from(bytes).reverse());
}

function toLittleEndian(value: bigint): Bytes {
  return numberToBytes(value, 32).reverse();
}
