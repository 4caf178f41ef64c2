/** The keys of an emulated vault: names, versions, and the states around deletion. */
import type { EmulatedKey } from "../keys.js";
import { badParameter, conflict, deletedKeyNotFound, keyNotFound } from "./failure.js";
import type { StoredPolicy } from "./policy.js";
import type { Site } from "./site.js";

/** One version. Times are Unix seconds. */
export interface KeyVersion {
  readonly version: string;
  readonly kty: string;
  readonly material: EmulatedKey;
  keyOps: readonly string[];
  enabled: boolean;
  nbf: number | undefined;
  exp: number | undefined;
  readonly created: number;
  updated: number;
  tags: Readonly<Record<string, string>> | undefined;
  /** Whether the key belongs to a certificate. */
  readonly managed: boolean;
}

export interface StoredKey {
  /** As it was first written; names are compared without regard to case. */
  readonly name: string;
  /** In the order of creation; the last one is current. */
  readonly versions: Map<string, KeyVersion>;
  policy: StoredPolicy | undefined;
  deletedAtMs: number | undefined;
  recoveredAtMs: number | undefined;
}

export interface StoreOptions {
  readonly now: () => number;
  /** Days between deletion and the end. */
  readonly retentionDays: number;
  /** How long a deletion or a recovery takes. */
  readonly transitionMs: number;
}

const DAY_MS = 86_400_000;
/** Microsoft Learn, "Configure key auto-rotation in Azure Managed HSM". */
const MOST_HSM_VERSIONS = 100;

export class KeyStore {
  readonly site: Site;
  readonly retentionDays: number;
  readonly #now: () => number;
  readonly #transitionMs: number;
  readonly #keys = new Map<string, StoredKey>();

  constructor(site: Site, { now, retentionDays, transitionMs }: StoreOptions) {
    this.site = site;
    this.retentionDays = retentionDays;
    this.#now = now;
    this.#transitionMs = transitionMs;
  }

  /** The clock, in Unix seconds. */
  seconds(): number {
    return Math.floor(this.#now() / 1000);
  }

  /** Keys that are not deleted. */
  active(): StoredKey[] {
    return this.#all().filter((key) => key.deletedAtMs === undefined);
  }

  deleted(): StoredKey[] {
    return this.#all().filter((key) => key.deletedAtMs !== undefined && !this.#isBeingDeleted(key));
  }

  /** A key that can be used or changed. */
  get(name: string, id = name): StoredKey {
    const key = this.#find(name);
    if (key === undefined || key.deletedAtMs !== undefined) throw keyNotFound(id);
    if (this.#isBeingRecovered(key)) throw conflict("Key is currently being recovered.", "ObjectIsBeingRecovered");
    return key;
  }

  /** The same for GetKey, with which clients wait for the end of a recovery: it is not found until then. */
  peek(name: string, version: string | undefined): { key: StoredKey; version: KeyVersion } {
    const key = this.#find(name);
    if (key !== undefined && this.#isBeingRecovered(key)) throw keyNotFound(idOf(name, version));
    return this.getVersion(name, version);
  }

  /** A version, the current one when none is named. */
  getVersion(name: string, version: string | undefined): { key: StoredKey; version: KeyVersion } {
    const key = this.get(name, idOf(name, version));
    const found = version === undefined ? currentVersion(key) : key.versions.get(version.toLowerCase());
    if (found === undefined) throw keyNotFound(idOf(name, version));
    return { key, version: found };
  }

  /** Refuses where no version can be made: the name belongs to a deleted key, or the key has as many as it may. */
  assertFree(name: string): void {
    const key = this.#find(name);
    if (key === undefined) return;
    if (key.deletedAtMs !== undefined) throw this.#taken(key);
    if (this.#isBeingRecovered(key)) throw conflict("Key is currently being recovered.", "ObjectIsBeingRecovered");
    if (this.site.kind === "hsm" && key.versions.size >= MOST_HSM_VERSIONS) {
      throw badParameter(`Key ${key.name} has ${MOST_HSM_VERSIONS} versions, the most that a key can have.`);
    }
  }

  /** Adds a version, which becomes current. */
  add(name: string, version: KeyVersion): StoredKey {
    this.assertFree(name);
    const found = this.#find(name);
    const key = found ?? { name, versions: new Map(), policy: undefined, deletedAtMs: undefined, recoveredAtMs: undefined };
    key.versions.set(version.version, version);
    this.#keys.set(name.toLowerCase(), key);
    return key;
  }

  delete(name: string): StoredKey {
    const key = this.get(name);
    key.deletedAtMs = this.#now();
    return key;
  }

  getDeleted(name: string): StoredKey {
    const key = this.#find(name);
    if (key?.deletedAtMs === undefined || this.#isBeingDeleted(key)) throw deletedKeyNotFound(name);
    return key;
  }

  recover(name: string): StoredKey {
    const key = this.#settled(name);
    key.deletedAtMs = undefined;
    key.recoveredAtMs = this.#now();
    return key;
  }

  purge(name: string): void {
    this.#settled(name);
    this.#keys.delete(name.toLowerCase());
  }

  /** When a deleted key ends by itself, in Unix seconds. */
  purgeSeconds({ deletedAtMs }: StoredKey): number {
    return Math.floor(((deletedAtMs as number) + this.retentionDays * DAY_MS) / 1000);
  }

  #find(name: string): StoredKey | undefined {
    const key = this.#keys.get(name.toLowerCase());
    return key === undefined || this.#isGone(key) ? undefined : key;
  }

  #all(): StoredKey[] {
    return [...this.#keys.values()].filter((key) => !this.#isGone(key));
  }

  /** Whether the retention of a deleted key is over. */
  #isGone({ deletedAtMs }: StoredKey): boolean {
    return deletedAtMs !== undefined && deletedAtMs + this.retentionDays * DAY_MS <= this.#now();
  }

  /** A deleted key whose deletion is done. */
  #settled(name: string): StoredKey {
    const key = this.#find(name);
    if (key !== undefined && this.#isBeingDeleted(key)) throw this.#taken(key);
    return this.getDeleted(name);
  }

  #taken(key: StoredKey): Error {
    if (this.#isBeingDeleted(key)) return conflict("Key is currently being deleted.", "ObjectIsBeingDeleted");
    return conflict(
      `Key ${key.name} is currently in a deleted but recoverable state, and its name cannot be reused; ` +
        "in this state, the key can only be recovered or purged.",
      "ObjectIsDeletedButRecoverable",
    );
  }

  #isBeingDeleted({ deletedAtMs }: StoredKey): boolean {
    return deletedAtMs !== undefined && this.#now() < deletedAtMs + this.#transitionMs;
  }

  #isBeingRecovered({ recoveredAtMs, deletedAtMs }: StoredKey): boolean {
    return deletedAtMs === undefined && recoveredAtMs !== undefined && this.#now() < recoveredAtMs + this.#transitionMs;
  }
}

export function currentVersion(key: StoredKey): KeyVersion {
  return [...key.versions.values()].at(-1) as KeyVersion;
}

/** 32 hexadecimal digits. */
export function newVersionId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

function idOf(name: string, version: string | undefined): string {
  return version === undefined ? name : `${name}/${version}`;
}
