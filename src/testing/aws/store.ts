/** The living state of the emulated KMS: its keys and aliases, looked up as the service does, brought up to date with the clock. */
import type { EmulatedKey } from "../keys.js";
import { generateEmulatedKey } from "../keys.js";
import { arnOf, isKeyId, randomHex, randomUuid, resourceOf } from "./arn.js";
import type { AwsPlace } from "./arn.js";
import { AwsFailure, invalid, notFound } from "./failure.js";
import { KEY_SPECS } from "./specs.js";
import type { AwsKeySpec, AwsKeyUsage } from "./specs.js";

/** `KeyState` of AWS KMS. */
export type AwsKeyState =
  | "Creating"
  | "Enabled"
  | "Disabled"
  | "PendingDeletion"
  | "PendingImport"
  | "PendingReplicaDeletion"
  | "Unavailable"
  | "Updating";

/** `Origin` of AWS KMS. */
export type AwsOrigin = "AWS_KMS" | "EXTERNAL" | "AWS_CLOUDHSM" | "EXTERNAL_KEY_STORE";

/** Times are milliseconds since 1970. */
export interface KeyMaterial {
  /** 64 hex digits; only symmetric keys show it. */
  readonly id: string;
  readonly key: EmulatedKey | Promise<EmulatedKey>;
  readonly rotation?: { readonly at: number; readonly type: "AUTOMATIC" | "ON_DEMAND" };
}

export interface AwsKey {
  readonly id: string;
  readonly arn: string;
  readonly spec: AwsKeySpec;
  readonly usage: AwsKeyUsage;
  readonly origin: AwsOrigin;
  readonly manager: "AWS" | "CUSTOMER";
  readonly createdAt: number;
  readonly customKeyStoreId?: string | undefined;
  /** Regions of its replicas; undefined for a single-Region key. */
  readonly replicaRegions?: readonly string[] | undefined;
  /** Where the primary is of which this is a replica. */
  readonly primaryRegion?: string | undefined;
  description: string;
  policy: string;
  state: AwsKeyState;
  readonly tags: Map<string, string>;
  /** Oldest first; the last one is current. Empty while material of an `EXTERNAL` key is missing. */
  readonly material: KeyMaterial[];
  deletion?: { readonly at: number; readonly days: number };
  automatic?: { readonly days: number; nextAt: number };
  /** When an on-demand rotation began that has not ended. */
  onDemandSince?: number;
  onDemandRotations: number;
  /** How many look-ups still find nothing: AWS KMS is eventually consistent. */
  hiddenFor: number;
}

export interface AwsAlias {
  readonly name: string;
  readonly arn: string;
  targetKeyId: string;
  readonly createdAt: number;
  updatedAt: number;
}

export type NewKey = Pick<AwsKey, "spec" | "usage" | "origin" | "description" | "policy"> &
  Partial<Pick<AwsKey, "id" | "manager" | "customKeyStoreId" | "replicaRegions" | "primaryRegion" | "state">> & {
    readonly tags: ReadonlyMap<string, string>;
    readonly key?: EmulatedKey | undefined;
  };

export const DAY_MS = 86_400_000;

export class AwsStore implements AwsPlace {
  readonly region: string;
  readonly accountId: string;
  readonly onDemandRotationMs: number;
  readonly keys = new Map<string, AwsKey>();
  readonly aliases = new Map<string, AwsAlias>();
  /** Look-ups that a key made from now on hides from. */
  eventualConsistency = 0;
  /** Lists that are yet to begin with an empty page. */
  emptyPages = 0;
  readonly #now: () => number;

  constructor(options: AwsPlace & { onDemandRotationMs: number; now: () => number }) {
    this.region = options.region;
    this.accountId = options.accountId;
    this.onDemandRotationMs = options.onDemandRotationMs;
    this.#now = options.now;
  }

  now(): number {
    return this.#now();
  }

  addKey(made: NewKey): AwsKey {
    const { key, tags, ...rest } = made;
    const id = made.id ?? (made.replicaRegions === undefined ? randomUuid() : `mrk-${randomHex(16)}`);
    const added: AwsKey = {
      manager: "CUSTOMER",
      state: "Enabled",
      ...rest,
      id,
      arn: arnOf(this, `key/${id}`),
      createdAt: this.now(),
      tags: new Map(tags),
      material: key === undefined ? [] : [{ id: randomHex(32), key }],
      onDemandRotations: 0,
      hiddenFor: this.eventualConsistency,
    };
    this.keys.set(id, added);
    return added;
  }

  addAlias(name: string, target: AwsKey): void {
    const now = this.now();
    this.aliases.set(name, { name, arn: arnOf(this, name), targetKeyId: target.id, createdAt: now, updatedAt: now });
  }

  /**
   * The key of an id, ARN, alias or alias ARN; `"key"` refuses aliases.
   *
   * @throws {AwsFailure} as the service answers a name that it does not find or does not take here
   */
  find(reference: string, accepts: "any" | "key"): AwsKey {
    const resource = resourceOf(this, reference);
    const isAlias = resource.startsWith("alias/");
    if (isAlias && accepts === "key") throw new AwsFailure("InvalidArnException", "Key Aliases are not supported for this operation.");
    const id = isAlias ? this.findAlias(resource).targetKeyId : resource.toLowerCase();
    if (!isKeyId(id)) throw notFound(`Invalid keyId '${reference}'`);
    const key = this.keys.get(id);
    if (key !== undefined && key.hiddenFor === 0) return key;
    if (key !== undefined) key.hiddenFor -= 1;
    throw notFound(`Key '${arnOf(this, `key/${id}`)}' does not exist`);
  }

  /**
   * The key that an operation wants to change: not one that AWS manages.
   *
   * @throws {AwsFailure} as {@link AwsStore.find}; `AccessDeniedException`
   */
  findOwn(reference: string): AwsKey {
    const key = this.find(reference, "key");
    if (key.manager === "AWS") throw new AwsFailure("AccessDeniedException", `${key.arn} is managed by AWS and cannot be changed.`);
    return key;
  }

  /** The key that an alias operation wants to point to. */
  findTarget(reference: string): AwsKey {
    if (resourceOf(this, reference).startsWith("alias/")) throw invalid("Aliases must refer to keys. Not aliases");
    return this.find(reference, "key");
  }

  findAlias(name: string): AwsAlias {
    const alias = this.aliases.get(name);
    if (alias === undefined) throw notFound(`Alias ${arnOf(this, name)} is not found.`);
    return alias;
  }

  /** What time alone does: deletions that are due with their aliases, rotations that are due or done. */
  settle(): void {
    for (const key of this.keys.values()) {
      if (key.deletion !== undefined && key.deletion.at <= this.now()) this.#remove(key);
      else this.#rotate(key);
    }
  }

  #remove(key: AwsKey): void {
    this.keys.delete(key.id);
    for (const alias of this.aliases.values()) if (alias.targetKeyId === key.id) this.aliases.delete(alias.name);
  }

  #rotate(key: AwsKey): void {
    const { automatic, onDemandSince } = key;
    if (onDemandSince !== undefined && onDemandSince + this.onDemandRotationMs <= this.now()) {
      delete key.onDemandSince;
      addMaterial(key, { at: onDemandSince + this.onDemandRotationMs, type: "ON_DEMAND" });
    }
    while (automatic !== undefined && key.state === "Enabled" && automatic.nextAt <= this.now()) {
      addMaterial(key, { at: automatic.nextAt, type: "AUTOMATIC" });
      automatic.nextAt += automatic.days * DAY_MS;
    }
  }
}

function addMaterial(key: AwsKey, rotation: NonNullable<KeyMaterial["rotation"]>): void {
  key.material.push({ id: randomHex(32), key: generateEmulatedKey(KEY_SPECS[key.spec].keyType), rotation });
}

const STATE_WORDS: Readonly<Partial<Record<AwsKeyState, string>>> = {
  PendingDeletion: "pending deletion",
  PendingReplicaDeletion: "pending deletion",
  PendingImport: "pending import",
  Creating: "creating",
  Updating: "updating",
  Unavailable: "unavailable",
};

/**
 * Refuses a key in a state in which an operation does not work (AWS wire sheet 2.9).
 *
 * @throws {AwsFailure} `DisabledException`, `KMSInvalidStateException`
 */
export function refuseStates(key: AwsKey, states: readonly AwsKeyState[]): void {
  if (!states.includes(key.state)) return;
  if (key.state === "Disabled") throw new AwsFailure("DisabledException", `${key.arn} is disabled.`);
  throw new AwsFailure("KMSInvalidStateException", `${key.arn} is ${STATE_WORDS[key.state] ?? key.state}.`);
}

/** In these a key does nothing but be described, listed, or saved from deletion. */
export const PENDING_DELETION = ["PendingDeletion", "PendingReplicaDeletion"] as const;

/** In these a key does no cryptography. */
export const UNUSABLE = ["Disabled", "PendingImport", "Creating", "Unavailable", ...PENDING_DELETION] as const;
