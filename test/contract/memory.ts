/**
 * A provider that signs in memory with node:crypto, made as a user of the library would make one: of the public types and
 * error classes, and of nothing else. It shows that the manager and the contract suite know no service.
 */
import { constants, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject, type VerifyKeyObjectInput } from "node:crypto";
import {
  NetworkError,
  ProviderError,
  type CallContext,
  type KeyRef,
  type KmsProvider,
  type ProviderKeyVersion,
  type PublicJwk,
  type SignatureAlgorithm,
  type SignInput,
} from "../../src/index.js";

interface MemoryVersion {
  readonly privateKey: KeyObject;
  readonly createdAt: Date;
}

interface MemoryKey {
  readonly keyType: string;
  /** Version N is at N - 1. */
  readonly versions: MemoryVersion[];
}

/** A key store that lives as long as the object. */
export interface MemoryKms {
  readonly provider: KmsProvider;
  createKey(keyId: string, keyType: string): void;
}

/** Its only limit: no message is longer, and digests are not signed, for node:crypto does not sign one of ECDSA. */
const MESSAGE_MAX_BYTES = 4_194_304;

const KEY_ID = /^[a-z][a-z0-9-]{0,63}$/;
const VERSION = /^[1-9][0-9]{0,5}$/;

const CURVES: Readonly<Record<string, string>> = { "P-256": "P-256", "P-384": "P-384", "P-521": "P-521", secp256k1: "secp256k1" };

const FITTING: Readonly<Record<string, readonly SignatureAlgorithm[]>> = {
  RSA: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  secp256k1: ["ES256K"],
  Ed25519: ["Ed25519"],
};

const HASHES: Readonly<Record<string, string>> = { "256": "sha256", "384": "sha384", "512": "sha512" };

/** @param now milliseconds since 1970, for the dates of versions */
export function createMemoryKms(now: () => number): MemoryKms {
  const keys = new Map<string, MemoryKey>();
  const makeVersion = (keyType: string): MemoryVersion => ({ privateKey: generate(keyType), createdAt: new Date(now()) });
  return {
    createKey: (keyId, keyType) => void keys.set(keyId, { keyType, versions: [makeVersion(keyType)] }),
    provider: createProvider(keys, makeVersion),
  };
}

function createProvider(keys: ReadonlyMap<string, MemoryKey>, makeVersion: (keyType: string) => MemoryVersion): KmsProvider {
  return {
    name: "memory",
    inputRule: () => ({ messageMaxBytes: MESSAGE_MAX_BYTES, digest: false }),
    keyProblems: ({ keyId, keyVersion }) => [
      ...(KEY_ID.test(keyId) ? [] : ["keyId must be lower-case letters, digits and hyphens"]),
      ...(keyVersion === undefined || VERSION.test(keyVersion) ? [] : ["keyVersion must be a whole number as text"]),
    ],
    async sign(input, context) {
      const { version, keyVersion, key } = await find(keys, input.key, context);
      assertFits(key, input.algorithm);
      const signature = sign(hashOf(input.algorithm), input.input, signing(version.privateKey, input.algorithm));
      return { signature: new Uint8Array(signature), encoding: input.algorithm.startsWith("ES") ? "ieee-p1363" : "raw", keyVersion };
    },
    async verify(input, context) {
      const { version, key } = await find(keys, input.key, context);
      assertFits(key, input.algorithm);
      return verify(hashOf(input.algorithm), input.input, signing(createPublicKey(version.privateKey), input.algorithm), input.signature);
    },
    async getPublicKey(ref, context) {
      const { version, keyVersion } = await find(keys, ref, context);
      return { jwk: createPublicKey(version.privateKey).export({ format: "jwk" }) as PublicJwk, keyVersion };
    },
    async getKeyMetadata(ref, _include, context) {
      const { key, version, keyVersion } = await find(keys, ref, context);
      const { keyType } = key;
      return { keyVersion, keyType, algorithms: fitting(keyType), state: "enabled", usableFor: ["sign", "verify"], createdAt: version.createdAt };
    },
    async *listKeyVersions(ref, _include, newContext): AsyncIterable<ProviderKeyVersion> {
      const { key } = await find(keys, { keyId: ref.keyId }, newContext());
      const last = key.versions.length;
      for (const [index, { createdAt }] of key.versions.entries()) yield { keyVersion: String(index + 1), current: index + 1 === last, createdAt };
    },
    ownsVersion: async ({ keyId }, keyVersion) => VERSION.test(keyVersion) && Number(keyVersion) <= (keys.get(keyId)?.versions.length ?? 0),
    async rotateKey({ key: ref }, context) {
      const { key, keyVersion: previousVersion } = await find(keys, { keyId: ref.keyId }, context);
      context.changeSent = true;
      const made = makeVersion(key.keyType);
      const newVersion = String(key.versions.push(made));
      return { status: "done", previousVersion, newVersion, rotatedAt: made.createdAt };
    },
  };
}

interface Found {
  readonly key: MemoryKey;
  readonly version: MemoryVersion;
  readonly keyVersion: string;
}

/** As slow as a macrotask, so that calls overlap and can be aborted. */
async function find(keys: ReadonlyMap<string, MemoryKey>, { keyId, keyVersion }: KeyRef, { signal }: CallContext): Promise<Found> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted === true) throw new NetworkError("ERR_KMS_ABORTED", "the call was aborted by its signal");
  const key = keys.get(keyId);
  const wanted = keyVersion ?? String(key?.versions.length);
  const version = key?.versions[Number(wanted) - 1];
  if (key === undefined || version === undefined) throw new ProviderError("ERR_KMS_NOT_FOUND", "there is no such key or version in memory");
  return { key, version, keyVersion: wanted };
}

function fitting(keyType: string): readonly SignatureAlgorithm[] {
  return FITTING[keyType.startsWith("RSA-") ? "RSA" : keyType] ?? [];
}

function assertFits({ keyType }: MemoryKey, algorithm: SignatureAlgorithm): void {
  if (!fitting(keyType).includes(algorithm)) throw new ProviderError("ERR_KMS_KEY_MISMATCH", "the key has another type than the algorithm", { status: 400 });
}

function hashOf(algorithm: SignInput["algorithm"]): string | null {
  return HASHES[algorithm.slice(2, 5)] ?? null;
}

function signing(key: KeyObject, algorithm: SignatureAlgorithm): VerifyKeyObjectInput {
  if (algorithm.startsWith("PS")) return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return { key, dsaEncoding: "ieee-p1363" };
}

function generate(keyType: string): KeyObject {
  if (keyType === "Ed25519") return generateKeyPairSync("ed25519").privateKey;
  const namedCurve = CURVES[keyType];
  if (namedCurve !== undefined) return generateKeyPairSync("ec", { namedCurve }).privateKey;
  return generateKeyPairSync("rsa", { modulusLength: Number(keyType.slice(4)) }).privateKey;
}
