/** What an emulated Vault stores: namespaces, mounts, keys and their versions, with the copy that a standby which lags sees. */
import type { Bytes } from "../../encoding/bytes.js";
import { ValidationError } from "../../errors.js";
import type { EmulatedKey } from "../keys.js";
import type { VaultKeyType } from "./key-types.js";

/** One version of a key: a pair, or a secret of a symmetric type. */
export interface KeyVersion {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly pair?: EmulatedKey;
  /** False for a version of which only the public part was given. */
  readonly signs: boolean;
  /** What HMACs are made with: of an `hmac` key the key itself. */
  readonly hmacKey: Bytes;
}

/** A key as it stands; a change replaces it, so that a standby can keep the one before. */
export interface TransitKey {
  readonly name: string;
  readonly type: VaultKeyType;
  readonly versions: readonly KeyVersion[];
  readonly derived: boolean;
  readonly convergent: boolean;
  readonly exportable: boolean;
  readonly allowPlaintextBackup: boolean;
  readonly deletionAllowed: boolean;
  readonly softDeleted: boolean;
  /** Of an imported key, whether it may be rotated. */
  readonly imported?: { readonly allowRotation: boolean };
  /** Of an `hmac` key. */
  readonly keySize?: number;
  readonly autoRotateSeconds: number;
  readonly minAvailableVersion: number;
  readonly minDecryptionVersion: number;
  readonly minEncryptionVersion: number;
}

/** Keys of one mount by name. */
export type Keys = ReadonlyMap<string, TransitKey>;

/** A mount in a namespace, both without slashes at the ends; the root namespace is "". */
export interface MountPlace {
  readonly namespace: string;
  readonly mount: string;
}

export class VaultStore {
  readonly #namespaces: Set<string>;
  readonly #mounts = new Map<string, Map<string, TransitKey>>();
  /** What a standby saw last. */
  #stale: { readonly mounts: Map<string, Map<string, TransitKey>>; readonly index: number } | undefined;
  /** Counts changes, as the log of a cluster does. */
  #index = 30;

  constructor(namespaces: readonly string[], mounts: readonly string[]) {
    this.#namespaces = new Set(["", ...namespaces.map(trimSlashes)]);
    for (const namespace of this.#namespaces) {
      for (const mount of mounts) this.#mounts.set(placeId({ namespace, mount: trimSlashes(mount) }), new Map());
    }
  }

  get index(): number {
    return this.#index;
  }

  /** The index that a standby has reached, while it lags. */
  get staleIndex(): number | undefined {
    return this.#stale?.index;
  }

  lag(): void {
    this.#stale = { mounts: new Map([...this.#mounts].map(([place, keys]) => [place, new Map(keys)])), index: this.#index };
  }

  catchUp(): void {
    this.#stale = undefined;
  }

  hasNamespace(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  addNamespace(namespace: string): void {
    this.#namespaces.add(namespace);
    this.#index += 1;
  }

  /** The mount that a path leads into, and what of the path is left. */
  findMount(namespace: string, path: string): { mount: string; rest: string } | undefined {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const mount = path.slice(0, end);
      if (this.#mounts.has(placeId({ namespace, mount }))) return { mount, rest: path.slice(end + 1) };
    }
    return undefined;
  }

  /** A mount that would lie above or below a new one, or be the same. */
  conflictingMount(namespace: string, mount: string): string | undefined {
    const prefix = `${namespace}\0`;
    const mounts = [...this.#mounts.keys()].filter((place) => place.startsWith(prefix)).map((place) => place.slice(prefix.length));
    return mounts.find((other) => `${other}/`.startsWith(`${mount}/`) || `${mount}/`.startsWith(`${other}/`));
  }

  addMount(place: MountPlace): void {
    this.#mounts.set(placeId(place), new Map());
    this.#index += 1;
  }

  removeMount(place: MountPlace): void {
    this.#mounts.delete(placeId(place));
    this.#index += 1;
  }

  /** Keys as the active node sees them, or as a standby that lags does. */
  keys(place: MountPlace, seenBy: "active" | "standby"): Keys {
    const mounts = seenBy === "standby" ? (this.#stale?.mounts ?? this.#mounts) : this.#mounts;
    return mounts.get(placeId(place)) ?? new Map();
  }

  put(place: MountPlace, key: TransitKey): void {
    this.#keysToChange(place).set(key.name, key);
    this.#index += 1;
  }

  remove(place: MountPlace, name: string): void {
    this.#keysToChange(place).delete(name);
    this.#index += 1;
  }

  #keysToChange(place: MountPlace): Map<string, TransitKey> {
    const keys = this.#mounts.get(placeId(place));
    if (keys === undefined) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "the emulator has no such mount or namespace");
    return keys;
  }
}

export function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, "");
}

export function latestVersion({ versions }: TransitKey): number {
  return versions.at(-1)?.version ?? 0;
}

/** The version as the engine finds it: what is below the verify minimum lies in the archive. */
export function activeVersion(key: TransitKey, version: number): KeyVersion | undefined {
  return version < key.minDecryptionVersion ? undefined : key.versions.find((entry) => entry.version === version);
}

/** The id of a namespace, which ends its tokens; six letters and digits, here made of its name. */
export function namespaceId(namespace: string): string {
  return namespace.replace(/[^A-Za-z0-9]/g, "").padEnd(6, "x").slice(0, 6);
}

function placeId({ namespace, mount }: MountPlace): string {
  return `${namespace}\0${mount}`;
}
