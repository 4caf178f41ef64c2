/** Contract: a signature is what its algorithm's name means, over the message that was given, in the encoding asked for. */
import type { SignatureAlgorithm } from "../../algorithms.js";
import { isBytes, type Bytes } from "../../encoding/bytes.js";
import { isKmsError, type KmsError } from "../../errors.js";
import type { KmsManager } from "../../kms/manager.js";
import type { SignResult } from "../../kms/results.js";
import type { ContractCase, ContractKeyType } from "../contract.js";
import { filled, messageOf, type Bench } from "./bench.js";
import { expect, expectEqual } from "./expect.js";
import { algorithmsFor, ALL_ALGORITHMS, defaultFor, digestBytes, digestFor, ecdsaNumbers, isLow, meaningOf, SIGNATURE_BYTES, verifyHere } from "./facts.js";

interface Scene {
  readonly bench: Bench;
  readonly keyType: ContractKeyType;
  readonly algorithm: SignatureAlgorithm;
}

export function signingCases(bench: Bench): ContractCase[] {
  return bench.subject.keyTypes.flatMap((keyType) => [
    ...algorithmsFor(keyType).flatMap((algorithm) => algorithmCases({ bench, keyType, algorithm })),
    { name: `${keyType}: without an algorithm the key's type decides`, run: () => defaultAlgorithm(bench, keyType) },
    { name: `${keyType}: an algorithm of another type is refused`, run: () => foreignAlgorithms(bench, keyType) },
  ]);
}

function algorithmCases(scene: Scene): ContractCase[] {
  const { keyType, algorithm } = scene;
  const title = `${keyType} ${algorithm}`;
  const cases: ContractCase[] = [
    { name: `${title}: signs a message`, run: () => signsMessage(scene) },
    { name: `${title}: signs empty and long messages`, run: () => signsAnyLength(scene) },
    { name: `${title}: signs a digest`, run: () => signsDigest(scene) },
    { name: `${title}: a digest of another length is refused`, run: () => refusesDigests(scene) },
  ];
  if (meaningOf(algorithm).family === "EC") cases.push({ name: `${title}: der, ieee-p1363 and lowS`, run: () => encodes(scene) });
  else cases.push({ name: `${title}: has one encoding`, run: () => hasOneEncoding(scene) });
  return cases;
}

async function signsMessage({ bench, keyType, algorithm }: Scene): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const data = messageOf(1);
  const signed = await kms.sign(data, { algorithm });
  expectResult(signed, kms, keyType, algorithm);
  await expectValid(kms, data, signed);
  if (!bench.lacks("verify")) expect(await kms.verify(data, signed, { remote: true }), "the service to verify the signature");
  const { keyVersion, ...without } = signed;
  expect(await kms.verify(data, without), "the signature to verify without its version, under the current one");
}

/** Shape and members of a result. */
function expectResult(signed: SignResult, kms: KmsManager, keyType: ContractKeyType, algorithm: SignatureAlgorithm): void {
  const { signature, requestId, keyVersion, ...rest } = signed;
  const encoding = meaningOf(algorithm).family === "EC" ? "ieee-p1363" : "raw";
  expectEqual(rest, { algorithm, encoding, provider: kms.provider, keyId: kms.keyId }, "what the result says");
  expect(isBytes(signature) && signature.length === SIGNATURE_BYTES[keyType], `a Uint8Array of ${SIGNATURE_BYTES[keyType]} bytes as signature`);
  expect(typeof keyVersion === "string" && keyVersion !== "", "the result to name the version that signed");
  expect(requestId === undefined || typeof requestId === "string", "requestId to be text or absent");
}

/** By the manager, and by WebCrypto alone under the published key where it can. */
async function expectValid(kms: KmsManager, data: Bytes, signed: SignResult): Promise<void> {
  expect(await kms.verify(data, signed), `verify to accept a signature of ${signed.algorithm} over ${data.length} bytes`);
  const { spki } = await kms.getPublicKey({ keyVersion: signed.keyVersion });
  const here = await verifyHere(spki, signed.algorithm, data, signed.signature);
  expect(here !== false, `WebCrypto to accept a signature of ${signed.algorithm} over ${data.length} bytes under the published key`);
}

/** Lengths on both sides of the limits of services: nothing, 4,096 bytes, 1 MiB. */
const LENGTHS = [0, 4096, 4097, 1_048_576];

async function signsAnyLength({ bench, keyType, algorithm }: Scene): Promise<void> {
  const kms = await bench.managerOf(keyType);
  for (const length of LENGTHS) {
    const data = filled(length, 0x61);
    const signed = await signUnlessTooLong(bench, kms, data, algorithm);
    if (signed !== undefined) await expectValid(kms, data, signed);
  }
}

/** Where no digest is signed a service can have a limit; the refusal then says what to do. */
async function signUnlessTooLong(bench: Bench, kms: KmsManager, data: Bytes, algorithm: SignatureAlgorithm): Promise<SignResult | undefined> {
  const limited = meaningOf(algorithm).hash === undefined || bench.lacks("digest");
  try {
    return await kms.sign(data, { algorithm });
  } catch (error) {
    const refused = isKmsError(error, "ERR_KMS_INVALID_ARGUMENT") && typeof (error as KmsError).hint === "string";
    if (limited && refused && (data.length === 0 || data.length > 4096)) return undefined;
    throw error;
  }
}

async function signsDigest({ bench, keyType, algorithm }: Scene): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const data = messageOf(2);
  if (meaningOf(algorithm).hash === undefined || bench.lacks("digest")) {
    await bench.refusedUnsent(() => kms.sign(filled(digestBytes(algorithm), 1), { algorithm, digest: true }), "ERR_KMS_UNSUPPORTED", "signing a digest");
    return;
  }
  const digest = await digestFor(algorithm, data);
  const signed = await kms.sign(digest, { algorithm, digest: true });
  expectResult(signed, kms, keyType, algorithm);
  await expectValid(kms, data, signed);
  if (bench.lacks("verify")) return;
  expect(await kms.verify(digest, signed, { digest: true }), "the signature to verify over the digest");
  expect(!(await kms.verify(filled(digest.length, 7), signed, { digest: true })), "the signature not to verify over another digest");
}

async function refusesDigests({ bench, keyType, algorithm }: Scene): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const right = digestBytes(algorithm);
  const code = right === 0 ? "ERR_KMS_UNSUPPORTED" : "ERR_KMS_INVALID_ARGUMENT";
  for (const length of [0, 20, 31, 33, 47, 49, 63, 65, 100]) {
    await bench.refusedUnsent(() => kms.sign(filled(length, 1), { algorithm, digest: true }), code, `a digest of ${length} bytes for ${algorithm}`);
  }
}

async function encodes({ bench, keyType, algorithm }: Scene): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const data = messageOf(3);
  const der = await kms.sign(data, { algorithm, encoding: "der" });
  expectEqual([der.encoding, der.signature[0]], ["der", 0x30], "encoding and first byte");
  const { r, s } = ecdsaNumbers(der.signature, "der");
  const side = SIGNATURE_BYTES[keyType] / 2;
  const joined = hexBytes(r.toString(16).padStart(2 * side, "0") + s.toString(16).padStart(2 * side, "0"));
  await expectValid(kms, data, { ...der, signature: joined, encoding: "ieee-p1363" });
  expect(await kms.verify(data, der), "verify to accept DER that is said to be DER");
  for (const encoding of ["der", "ieee-p1363"] as const) {
    // By chance alone all eight would be low once in 256 runs of a library that does nothing.
    for (let number = 0; number < 8; number += 1) {
      const signed = await kms.sign(messageOf(number), { algorithm, encoding, lowS: true });
      expect(isLow(ecdsaNumbers(signed.signature, encoding).s, keyType), "s in the lower half with lowS");
      expect(await kms.verify(messageOf(number), signed), "a signature with low s to verify");
    }
  }
}

function hexBytes(hex: string): Bytes {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

async function hasOneEncoding({ bench, keyType, algorithm }: Scene): Promise<void> {
  const kms = await bench.managerOf(keyType);
  for (const encoding of ["der", "ieee-p1363"] as const) {
    await bench.refusedUnsent(() => kms.sign(messageOf(1), { algorithm, encoding }), "ERR_KMS_INVALID_ARGUMENT", `encoding ${encoding} for ${algorithm}`);
  }
  await bench.refusedUnsent(() => kms.sign(messageOf(1), { algorithm, lowS: true }), "ERR_KMS_INVALID_ARGUMENT", `lowS for ${algorithm}`);
}

async function defaultAlgorithm(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await bench.openShared(keyType);
  const data = messageOf(4);
  const signed = await kms.sign(data);
  expectResult(signed, kms, keyType, defaultFor(keyType));
  await expectValid(kms, data, signed);
  const { algorithm, ...without } = signed;
  expect(await kms.verify(data, without), "a signature of the default algorithm to verify without its name");
  if (keyType !== "Ed25519") return;
  const named = await kms.sign(data, { algorithm: "EdDSA" });
  expectResult(named, kms, keyType, "Ed25519");
  expect(await kms.verify(data, { ...named, algorithm: "EdDSA" }), "verify to take EdDSA for Ed25519");
}

/** Whether the public key is known beforehand or not; a service that lacks the algorithm altogether is not asked. */
async function foreignAlgorithms(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const warm = await bench.managerOf(keyType);
  const data = messageOf(5);
  const signed = await warm.sign(data, { algorithm: defaultFor(keyType) });
  for (const algorithm of ALL_ALGORITHMS.filter((name) => !algorithmsFor(keyType).includes(name))) {
    const cold = await bench.openShared(keyType);
    const what = `signing with ${algorithm} and a key of type ${keyType}`;
    if (warm.supports("sign", algorithm)) {
      if (!isConfused(bench, keyType, algorithm)) await bench.refused(() => cold.sign(data, { algorithm }), ["ERR_KMS_INVALID_ARGUMENT", "ERR_KMS_KEY_MISMATCH"], what);
      await bench.refused(() => warm.sign(data, { algorithm }), ["ERR_KMS_INVALID_ARGUMENT", "ERR_KMS_KEY_MISMATCH"], what);
    } else {
      await bench.refusedUnsent(() => cold.sign(data, { algorithm }), "ERR_KMS_UNSUPPORTED", what);
    }
    for (const kms of [cold, warm]) {
      expect(!(await kms.verify(data, { ...signed, algorithm })), `a signature said to be ${algorithm} by a key of type ${keyType} not to verify`);
    }
  }
}

/** Two curves of one size, and a service that does not ask which is meant. */
function isConfused({ subject }: Bench, keyType: ContractKeyType, algorithm: SignatureAlgorithm): boolean {
  const confusable: readonly string[] = ["P-256", "secp256k1"];
  return subject.confusesES256 === true && confusable.includes(keyType) && confusable.includes(meaningOf(algorithm).curve ?? "");
}
