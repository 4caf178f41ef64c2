/** HMAC for the emulated KMS. WebCrypto has no SHA-224, so that one is here. */
import { decodeBase64Url } from "../../encoding/base64.js";
import { concatBytes } from "../../encoding/bytes.js";
import type { Bytes } from "../../encoding/bytes.js";
import { subtleCrypto } from "../../hasher.js";
import type { EmulatedKey } from "../keys.js";

/** The MAC of a message, in full length. `algorithm` is `HMAC_SHA_224`, `_256`, `_384` or `_512`. */
export async function computeMac(key: EmulatedKey, algorithm: string, message: Bytes): Promise<Bytes> {
  const secret = decodeBase64Url(key.exportPrivateJwk().k ?? "");
  const bits = algorithm.slice(-3);
  if (bits === "224") return hmacSha224(secret, message);
  const subtle = subtleCrypto();
  const imported = await subtle.importKey("raw", secret, { name: "HMAC", hash: `SHA-${bits}` }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, message));
}

/** RFC 2104 with a block of 64 bytes; keys here are never longer than one. */
function hmacSha224(secret: Bytes, message: Bytes): Bytes {
  const pad = (byte: number): Bytes => Uint8Array.from({ length: 64 }, (_, index) => (secret[index] ?? 0) ^ byte);
  return sha224(concatBytes(pad(0x5c), sha224(concatBytes(pad(0x36), message))));
}

/** SHA-256 with other initial values, of which the last word is left out (FIPS 180-4 section 6.3). */
export function sha224(message: Bytes): Bytes {
  const state = Uint32Array.of(0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4);
  const constants = roundConstants();
  const padded = new DataView(pad(message).buffer);
  for (let block = 0; block < padded.byteLength; block += 64) compress(state, constants, padded, block);
  const digest = new DataView(new ArrayBuffer(28));
  state.subarray(0, 7).forEach((word, index) => digest.setUint32(4 * index, word));
  return new Uint8Array(digest.buffer);
}

/** A one bit, zeros, and the length in bits, to a multiple of 64 bytes (FIPS 180-4 section 5.1.1). */
function pad(message: Bytes): Bytes {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  new DataView(padded.buffer).setUint32(padded.length - 4, message.length * 8);
  return padded;
}

function compress(state: Uint32Array, constants: Uint32Array, block: DataView, offset: number): void {
  const schedule = messageSchedule(block, offset);
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let round = 0; round < 64; round += 1) {
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const first = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choice + (constants[round] as number) + (schedule[round] as number)) | 0;
    const second = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority) | 0;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => (state[index] = (state[index] as number) + word));
}

function messageSchedule(block: DataView, offset: number): Uint32Array {
  const words = new Uint32Array(64);
  for (let index = 0; index < 16; index += 1) words[index] = block.getUint32(offset + 4 * index);
  for (let index = 16; index < 64; index += 1) {
    const at = (back: number): number => words[index - back] as number;
    const low = rotate(at(15), 7) ^ rotate(at(15), 18) ^ (at(15) >>> 3);
    const high = rotate(at(2), 17) ^ rotate(at(2), 19) ^ (at(2) >>> 10);
    words[index] = at(16) + low + at(7) + high;
  }
  return words;
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** The first 32 bits of the fractions of the cube roots of the first 64 primes (FIPS 180-4 section 4.2.2). */
function roundConstants(): Uint32Array {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < 64; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return Uint32Array.from(primes, (prime) => Number(cubeRoot(BigInt(prime) << 96n) & 0xffffffffn));
}

/** The integer below, by Newton's method from above. */
function cubeRoot(value: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 3));
  for (;;) {
    const next = (2n * root + value / (root * root)) / 3n;
    if (next >= root) return root;
    root = next;
  }
}
