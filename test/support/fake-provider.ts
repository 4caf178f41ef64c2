/** A key service of the manager's tests: real keys, every call noted, and each of its ways can be changed. */
import { findAlgorithm, type SignatureAlgorithm } from "../../src/algorithms.js";
import type { Bytes } from "../../src/encoding/bytes.js";
import { ProviderError } from "../../src/errors.js";
import { parseJwk } from "../../src/jwk/index.js";
import type { KmsEvent } from "../../src/kms/events.js";
import { KmsManager } from "../../src/kms/manager.js";
import type { ManagerOptions } from "../../src/kms/options.js";
import type { CallContext, InputRule, KeyRef, KmsProvider, ProviderKeyMetadata, ProviderKeyVersion, ProviderSignature, SignInput } from "../../src/kms/provider.js";
import { signatureToDer } from "../../src/testing/der.js";
import { generateEmulatedKey, type EmulatedKey, type EmulatedKeyType, type SignScheme } from "../../src/testing/keys.js";

export type FakeMethod = "sign" | "verify" | "getPublicKey" | "getKeyMetadata" | "listKeyVersions" | "ownsVersion" | "rotateKey";

export interface Version {
  readonly key: EmulatedKey;
  readonly createdAt: Date;
}

export interface FakeOptions {
  /** Default: messages of any length up to 4,096 bytes, and digests. */
  readonly rule?: (algorithm: SignatureAlgorithm) => InputRule | undefined;
  readonly signsByVersion?: boolean;
  readonly verifiesByVersion?: boolean;
  readonly agesByRotation?: boolean;
  /** How ECDSA signatures are answered. Default `der`. */
  readonly ecdsa?: "der" | "ieee-p1363";
  /** Has one name for ES256 and ES256K, as AWS does: the key decides. */
  readonly ambiguous?: boolean;
  readonly withoutVerify?: boolean;
  readonly withoutRotate?: boolean;
  readonly owns?: (keyVersion: string) => boolean;
  readonly metadata?: Partial<ProviderKeyMetadata>;
}

export interface Fake {
  readonly provider: KmsProvider;
  /** Such as `sign k@- ES256 message 5`. */
  readonly calls: string[];
  /** Versions of each key by id; the last one is current. */
  readonly keys: Map<string, Version[]>;
  readonly inputs: (SignInput & { signature?: Bytes })[];
  /** Runs before each call; what it throws is the answer. */
  before: ((method: FakeMethod, context: CallContext, ref: KeyRef) => unknown) | undefined;
  /** Changes what `sign` answers. */
  tamper: ((signed: ProviderSignature) => ProviderSignature) | undefined;
  add(keyId: string, keyType: EmulatedKeyType, createdAt?: Date): Promise<void>;
  /** Calls of one method. */
  count(method: FakeMethod): number;
}

const FACTORY_DEFAULT: InputRule = { messageMaxBytes: 4_096, digest: true };
const made = new Map<string, Promise<EmulatedKey>>();

/** Keys are slow to make, so tests share them: the n-th of a type is always the same one. */
export function sharedKey(keyType: EmulatedKeyType, index = 0): Promise<EmulatedKey> {
  const slot = `${keyType} ${index}`;
  const key = made.get(slot) ?? generateEmulatedKey(keyType);
  made.set(slot, key);
  return key;
}

export function schemeOf(algorithm: SignatureAlgorithm): SignScheme {
  const { scheme, hash } = findAlgorithm(algorithm) as NonNullable<ReturnType<typeof findAlgorithm>>;
  return hash === undefined ? { scheme } : { scheme, hash };
}

export function createFake(options: FakeOptions = {}): Fake {
  const keys = new Map<string, Version[]>();
  const calls: string[] = [];
  const inputs: Fake["inputs"] = [];
  const fake: Fake = {
    provider: undefined as never,
    calls,
    keys,
    inputs,
    before: undefined,
    tamper: undefined,
    async add(keyId, keyType, createdAt = new Date(0)) {
      const versions = keys.get(keyId) ?? [];
      keys.set(keyId, [...versions, { key: await sharedKey(keyType, versions.length), createdAt }]);
    },
    count: (method) => calls.filter((call) => call.startsWith(`${method} `)).length,
  };
  return Object.assign(fake, { provider: createProvider(fake, options) });
}

function createProvider(fake: Fake, options: FakeOptions): KmsProvider {
  const note = async (method: FakeMethod, ref: KeyRef, context: CallContext, more = ""): Promise<void> => {
    fake.calls.push(`${method} ${ref.keyId}@${ref.keyVersion ?? "-"} ${more}`.trim());
    context.attempts += 1;
    await fake.before?.(method, context, ref);
  };
  const find = ({ keyId, keyVersion }: KeyRef): { version: Version; keyVersion: string } => {
    const versions = fake.keys.get(keyId) ?? [];
    const number = keyVersion === undefined ? versions.length : Number(keyVersion);
    const version = versions[number - 1];
    if (version === undefined) throw new ProviderError("ERR_KMS_NOT_FOUND", "no such key or version", { status: 404, outcome: "rejected" });
    return { version, keyVersion: String(number) };
  };
  const nameOf = (algorithm: SignatureAlgorithm, { key }: Version): SignatureAlgorithm => {
    const curve = findAlgorithm(algorithm)?.curve;
    const same = options.ambiguous === true && (curve === "P-256" || curve === "secp256k1");
    const meant = same && key.keyType === "secp256k1" ? "ES256K" : same && key.keyType === "P-256" ? "ES256" : algorithm;
    const facts = findAlgorithm(meant);
    const fits = facts?.curve === undefined ? key.keyType.startsWith("RSA-") : key.keyType === facts.curve;
    if (!fits) throw new ProviderError("ERR_KMS_KEY_MISMATCH", "the key does not fit", { status: 400, outcome: "rejected" });
    return meant;
  };
  const provider: KmsProvider = {
    name: "fake",
    signsByVersion: options.signsByVersion ?? false,
    verifiesByVersion: options.verifiesByVersion ?? false,
    agesByRotation: options.agesByRotation ?? false,
    inputRule: options.rule ?? (() => FACTORY_DEFAULT),
    keyProblems: ({ keyId, keyVersion }) => [
      ...(/^[a-z]{1,20}$/.test(keyId) ? [] : ["keyId must be letters"]),
      ...(keyVersion === undefined || /^\d+$/.test(keyVersion) ? [] : ["keyVersion must be a number"]),
    ],
    async sign(input, context) {
      await note("sign", input.key, context, `${input.algorithm} ${input.form} ${input.input.length}`);
      fake.inputs.push(input);
      const { version, keyVersion } = find(input.key);
      const plain = await version.key.sign(schemeOf(nameOf(input.algorithm, version)), input.form, input.input);
      const ec = input.algorithm.startsWith("ES");
      const der = ec && options.ecdsa !== "ieee-p1363";
      const signed: ProviderSignature = { signature: der ? signatureToDer(plain) : plain, encoding: !ec ? "raw" : der ? "der" : "ieee-p1363", keyVersion, requestId: `r-${fake.calls.length}` };
      return fake.tamper?.(signed) ?? signed;
    },
    async getPublicKey(key, context) {
      await note("getPublicKey", key, context);
      const { version, keyVersion } = find(key);
      return { jwk: parseJwk({ ...version.key.publicJwk, kid: "the service's own", use: "sig" }), keyVersion };
    },
    async getKeyMetadata(key, include, context) {
      await note("getKeyMetadata", key, context, include.join());
      const { version, keyVersion } = find(key);
      return { keyType: version.key.keyType, algorithms: [], state: "enabled", usableFor: ["sign"], createdAt: version.createdAt, keyVersion, ...options.metadata };
    },
    async *listKeyVersions(key, include, newContext) {
      const count = fake.keys.get(key.keyId)?.length ?? 0;
      for (let index = 1; index <= count; index += 1) {
        await note("listKeyVersions", key, newContext(), include.join());
        yield { keyVersion: String(index), current: index === count } satisfies ProviderKeyVersion;
      }
    },
    async ownsVersion(key, keyVersion, context) {
      await note("ownsVersion", key, context, keyVersion);
      return options.owns?.(keyVersion) ?? /^[1-9]\d{0,5}$/.test(keyVersion);
    },
  };
  if (options.withoutVerify !== true) {
    provider.verify = async (input, context) => {
      await note("verify", input.key, context, `${input.algorithm} ${input.form} ${input.input.length}`);
      fake.inputs.push(input);
      const { version } = find(input.key);
      return version.key.verify(schemeOf(nameOf(input.algorithm, version)), input.form, input.input, input.signature);
    };
  }
  if (options.withoutRotate !== true) {
    provider.rotateKey = async ({ key, policy }, context) => {
      await note("rotateKey", key, context, policy);
      const versions = fake.keys.get(key.keyId) as Version[];
      context.changeSent = true;
      await fake.add(key.keyId, (versions.at(-1) as Version).key.keyType, new Date(1_000_000_000));
      return { status: "done", previousVersion: String(versions.length), newVersion: String(versions.length + 1), rotatedAt: new Date(5) };
    };
  }
  return provider;
}

/** A manager of a key `k` of that type, whose events are kept. */
export async function setUp(keyType: EmulatedKeyType, options: FakeOptions & { manager?: Partial<ManagerOptions> } = {}): Promise<{ fake: Fake; kms: KmsManager; events: KmsEvent[] }> {
  const { manager, ...fakeOptions } = options;
  const fake = createFake(fakeOptions);
  await fake.add("k", keyType);
  const events: KmsEvent[] = [];
  const kms = new KmsManager(fake.provider, { keyId: "k", onEvent: (event) => void events.push(event), ...manager });
  return { fake, kms, events };
}

/** Runs with a `performance.now` that the test moves. */
export async function withMonotonicClock(body: (clock: { now: number }) => Promise<void>): Promise<void> {
  const own = performance.now;
  const clock = { now: 1_000 };
  performance.now = () => clock.now;
  try {
    await body(clock);
  } finally {
    performance.now = own;
  }
}
