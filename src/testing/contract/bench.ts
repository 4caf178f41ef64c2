/** What the cases of one run share: keys, managers that know them, and all events and errors that came by. */
import type { KmsError, KmsErrorCode } from "../../errors.js";
import type { KmsEvent } from "../../kms/events.js";
import type { KmsManager } from "../../kms/manager.js";
import type { KeyVersion } from "../../kms/results.js";
import type { ContractKeyType, ContractOptions, ContractSubject } from "../contract.js";
import type { Emulator } from "../emulator.js";
import type { RecordedRequest } from "../faults.js";
import { expect, expectEqual, expectError } from "./expect.js";

/** From fast to slow: making an RSA key takes long. */
const BY_SPEED: readonly ContractKeyType[] = ["P-256", "P-384", "Ed25519", "P-521", "secp256k1", "RSA-2048", "RSA-3072", "RSA-4096"];

/** A service may refuse to rotate twice in a short time (AWS: within 6 minutes). */
const BETWEEN_ROTATIONS_MS = 600_000;

export class Bench {
  readonly subject: ContractSubject;
  readonly events: KmsEvent[] = [];
  readonly errors: KmsError[] = [];
  readonly #keys = new Map<ContractKeyType, Promise<string>>();
  readonly #managers = new Map<ContractKeyType, Promise<KmsManager>>();
  readonly #others = new Map<ContractKeyType, Promise<KmsManager>>();

  constructor(subject: ContractSubject) {
    this.subject = subject;
  }

  /** The type for cases that hold for any. */
  get quick(): ContractKeyType {
    return fastest(this.subject.keyTypes);
  }

  /** One RSA type and all others, for cases in which the size plays no part: making a large RSA key takes long. */
  get families(): readonly ContractKeyType[] {
    const [rsa] = this.subject.keyTypes.filter(isRsa).sort();
    return this.subject.keyTypes.filter((keyType) => !isRsa(keyType) || keyType === rsa);
  }

  /** The fastest that rotates; undefined when none does. */
  get quickToRotate(): ContractKeyType | undefined {
    return this.subject.rotates.length === 0 ? undefined : fastest(this.subject.rotates);
  }

  get emulator(): Pick<Emulator, "requests" | "faults"> {
    const { emulator } = this.subject;
    expect(emulator !== undefined, "a subject with an emulator, which this case needs");
    return emulator;
  }

  lacks(feature: "digest" | "verify"): boolean {
    return this.subject.lacks?.includes(feature) === true;
  }

  /** The key of that type that all cases share; it is never rotated. */
  keyOf(keyType: ContractKeyType): Promise<string> {
    return once(this.#keys, keyType, () => this.subject.createKey(keyType));
  }

  /** The manager of the shared key that all cases share, so it mostly has its public key in the cache. */
  managerOf(keyType: ContractKeyType): Promise<KmsManager> {
    return once(this.#managers, keyType, () => this.openShared(keyType));
  }

  /** The same of another key of that type. */
  otherManagerOf(keyType: ContractKeyType): Promise<KmsManager> {
    return once(this.#others, keyType, () => this.openNew(keyType));
  }

  /** A manager of the shared key that knows nothing yet. */
  async openShared(keyType: ContractKeyType, options: ContractOptions = {}): Promise<KmsManager> {
    return this.open(await this.keyOf(keyType), options);
  }

  /** A manager of a key of its own. */
  async openNew(keyType: ContractKeyType, options: ContractOptions = {}): Promise<KmsManager> {
    return this.open(await this.subject.createKey(keyType), options);
  }

  open(keyId: string, options: ContractOptions = {}): KmsManager {
    return this.subject.connect(keyId, { onEvent: (event) => this.events.push(event), ...options });
  }

  /** Expects a typed failure, and keeps it for the last case, which looks for secrets. */
  async refused(attempt: () => Promise<unknown>, codes: KmsErrorCode | readonly KmsErrorCode[], what: string): Promise<KmsError> {
    const error = await expectError(attempt, codes, what);
    this.errors.push(error);
    return error;
  }

  /** The same, and that no request was sent for it. */
  async refusedUnsent(attempt: () => Promise<unknown>, codes: KmsErrorCode | readonly KmsErrorCode[], what: string): Promise<KmsError> {
    const before = this.subject.emulator?.requests.length;
    const error = await this.refused(attempt, codes, what);
    expect(this.subject.emulator?.requests.length === before, `${what} to be refused before any request`);
    expectEqual({ attempts: error.attempts, outcome: error.outcome }, { attempts: 0, outcome: "not-sent" }, `what the error of ${what} says`);
    return error;
  }

  /** The requests that a task caused; none where there is no emulator to see them. */
  async requestsOf(task: () => Promise<unknown>): Promise<readonly RecordedRequest[]> {
    const { emulator } = this.subject;
    const before = emulator?.requests.length ?? 0;
    await task();
    return emulator?.requests.slice(before) ?? [];
  }

  /** Rotates when enough time has passed since the last time. */
  async rotate(kms: KmsManager): Promise<Awaited<ReturnType<KmsManager["rotateKey"]>>> {
    this.subject.advance?.(BETWEEN_ROTATIONS_MS);
    return kms.rotateKey();
  }
}

/** Different bytes for each number, none of them short. */
export function messageOf(number: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`message ${number} of the contract suite`);
}

export function filled(length: number, byte: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(byte);
}

export async function versionsOf(kms: KmsManager): Promise<KeyVersion[]> {
  const versions: KeyVersion[] = [];
  for await (const version of kms.listKeyVersions()) versions.push(version);
  return versions;
}

/** For the waits of retries and of `rotateIfNeeded`. */
export const AT_ONCE = async (): Promise<void> => {};

function isRsa(keyType: ContractKeyType): boolean {
  return keyType.startsWith("RSA-");
}

function fastest(keyTypes: readonly ContractKeyType[]): ContractKeyType {
  return BY_SPEED.find((keyType) => keyTypes.includes(keyType)) as ContractKeyType;
}

function once<K, V>(map: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
