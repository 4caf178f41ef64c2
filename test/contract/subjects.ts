/** The three emulated services as subjects of the contract suite. Each call makes a service of its own. */
import { generateKeyPairSync } from "node:crypto";
import { createAwsKms } from "../../src/aws/index.js";
import { createAzureKms } from "../../src/azure/index.js";
import {
  createAwsEmulator,
  createAzureEmulator,
  createVaultEmulator,
  type ContractKeyType,
  type ContractOptions,
  type ContractSubject,
  type Emulator,
  type VaultKeyType,
  type VaultProduct,
} from "../../src/testing/index.js";
import type { Bytes, KmsManager } from "../../src/index.js";
import { createVaultKms } from "../../src/vault/index.js";

/** A subject, and what its emulator says of a key, to compare with. */
export interface EmulatedSubject extends ContractSubject {
  readonly emulator: Emulator;
  readonly spkiOf: (keyId: string) => Bytes | undefined;
  /** A manager with options of the transport, over the subject's own. */
  readonly connectWith: (keyId: string, options: ContractOptions & TransportPart) => KmsManager;
}

interface TransportPart {
  readonly fetch?: Emulator["fetch"];
  readonly credentials?: () => Promise<never>;
  readonly retry?: { readonly attempts: number };
}

export interface SubjectOptions {
  /** Default: the emulator's own; `global` leaves the option `fetch` out. */
  readonly fetch?: "global";
}

/**
 * Private keys for the nth key of an RSA type, the same for each subject: making a large one takes seconds. Undefined for
 * the other types, of which each emulator makes its own.
 */
function rsaKeys(): (keyType: ContractKeyType) => JsonWebKey | undefined {
  const used = new Map<ContractKeyType, number>();
  return (keyType) => {
    if (!keyType.startsWith("RSA-")) return undefined;
    const index = used.get(keyType) ?? 0;
    used.set(keyType, index + 1);
    const made = RSA_KEYS.get(keyType) ?? [];
    RSA_KEYS.set(keyType, made);
    return (made[index] ??= generateKeyPairSync("rsa", { modulusLength: Number(keyType.slice(4)) }).privateKey.export({ format: "jwk" }));
  };
}

const RSA_KEYS = new Map<ContractKeyType, JsonWebKey[]>();

const EVERY_TYPE: readonly ContractKeyType[] = ["RSA-2048", "RSA-3072", "RSA-4096", "P-256", "P-384", "P-521", "secp256k1", "Ed25519"];

/** The real time, and what was added to it. */
function movableClock(): { now(): number; advance(ms: number): void } {
  let added = 0;
  return { now: () => Date.now() + added, advance: (ms) => void (added += ms) };
}

function numberedNames(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}${++count}`;
}

const VAULT_TYPES: Readonly<Partial<Record<ContractKeyType, VaultKeyType>>> = {
  "RSA-2048": "rsa-2048",
  "RSA-3072": "rsa-3072",
  "RSA-4096": "rsa-4096",
  "P-256": "ecdsa-p256",
  "P-384": "ecdsa-p384",
  "P-521": "ecdsa-p521",
  Ed25519: "ed25519",
};

export function vaultSubject(options: SubjectOptions & { readonly product?: VaultProduct } = {}): EmulatedSubject {
  const { product = "openbao" } = options;
  const { now, advance } = movableClock();
  const token = "hvs.CANARYtokenOfVault";
  const emulator = createVaultEmulator({ token, now, mounts: ["team/transit"], product });
  const nextName = numberedNames("contract-");
  const nextRsaKey = rsaKeys();
  const keyTypes = Object.keys(VAULT_TYPES) as ContractKeyType[];
  const base = { address: emulator.address, mountPath: "team/transit", credentials: { token }, now, ...fetchOf(emulator, options) };
  return {
    name: product,
    keyTypes,
    rotates: keyTypes,
    async createKey(keyType) {
      const name = nextName();
      const rsa = nextRsaKey(keyType);
      await emulator.createKey({ name, type: VAULT_TYPES[keyType] as VaultKeyType, versions: rsa === undefined ? 1 : [rsa] });
      return name;
    },
    connect: (keyName, more) => createVaultKms({ ...base, keyName, ...more }),
    connectWith: (keyName, more) => createVaultKms({ ...base, keyName, ...more }),
    missingKeyId: "contract-missing",
    advance,
    emulator,
    changes: ["rotate"],
    secrets: [token, "CANARY"],
    spkiOf: (name) => emulator.key(name)?.versions.at(-1)?.spki,
  };
}

/** With an alias, behind which keys rotate; or with the bare id of a key, which cannot. */
export function awsSubject(named: "alias" | "alias ARN" | "key id", options: SubjectOptions = {}): EmulatedSubject {
  const { now, advance } = movableClock();
  const credentials = { accessKeyId: "AKIACANARYOFAWS", secretAccessKey: "CANARY/secretKeyOfAws", sessionToken: "CANARY//sessionTokenOfAws" };
  const emulator = createAwsEmulator({ credentials, now });
  const base = { region: emulator.region, credentials, now, ...fetchOf(emulator, options) };
  const nextName = numberedNames("alias/contract-");
  const arnOf = (name: string): string => `arn:aws:kms:${emulator.region}:${emulator.accountId}:${name}`;
  const nextRsaKey = rsaKeys();
  return {
    name: `aws by ${named}`,
    keyTypes: named === "alias" ? EVERY_TYPE : ["P-256", "secp256k1", "Ed25519"],
    rotates: named === "key id" ? [] : named === "alias" ? EVERY_TYPE : ["P-256", "secp256k1", "Ed25519"],
    async createKey(keyType) {
      const alias = nextName();
      const { keyId } = await emulator.createKey({ keyType, alias, privateJwk: nextRsaKey(keyType) });
      return named === "key id" ? keyId : named === "alias" ? alias : arnOf(alias);
    },
    connect: (keyId, more) => createAwsKms({ ...base, keyId, ...more }),
    connectWith: (keyId, more) => createAwsKms({ ...base, keyId, ...more }),
    missingKeyId: { alias: "alias/contract-missing", "alias ARN": arnOf("alias/contract-missing"), "key id": "99999999-8888-4777-8666-555555555555" }[named],
    get foreignVersions() {
      return emulator.aliases().flatMap(({ name, arn, targetKeyId }) => [name, arn, arnOf(`key/${targetKeyId}`)]);
    },
    confusesES256: true,
    advance,
    emulator,
    changes: ["TrentService.CreateAlias", "TrentService.CreateKey", "TrentService.UpdateAlias"],
    secrets: [credentials.secretAccessKey, credentials.sessionToken, "CANARY"],
    spkiOf: (keyId) => emulator.key(keyId)?.spki,
  };
}

export function azureSubject(options: SubjectOptions = {}): EmulatedSubject {
  const { now, advance } = movableClock();
  const token = "CANARY.tokenOf.Azure";
  const emulator = createAzureEmulator({ token, now });
  const nextName = numberedNames("contract-");
  const nextRsaKey = rsaKeys();
  const keyTypes = EVERY_TYPE.filter((keyType) => keyType !== "Ed25519");
  const base = { vaultUrl: emulator.vaultUrl, credentials: { token }, now, ...fetchOf(emulator, options) };
  return {
    name: "azure",
    keyTypes,
    rotates: keyTypes,
    async createKey(keyType) {
      const name = nextName();
      const privateJwk = nextRsaKey(keyType);
      await emulator.createKey({ name, keyType, ...(privateJwk === undefined ? {} : { privateJwk }) });
      return name;
    },
    connect: (keyName, more) => createAzureKms({ ...base, keyName, ...more }),
    connectWith: (keyName, more) => createAzureKms({ ...base, keyName, ...more }),
    missingKeyId: "contract-missing",
    signsByVersion: true,
    advance,
    emulator,
    changes: ["RotateKey"],
    secrets: [token, "CANARY"],
    spkiOf: (name) => emulator.key(name)?.spki,
  };
}

function fetchOf(emulator: Emulator, { fetch }: SubjectOptions): { fetch?: Emulator["fetch"] } {
  return fetch === "global" ? {} : { fetch: emulator.fetch };
}
