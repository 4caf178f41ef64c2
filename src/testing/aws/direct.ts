/** What a test does with the emulated KMS beside sending requests: making keys of any kind and looking at them. */
import type { Bytes } from "../../encoding/bytes.js";
import { ValidationError } from "../../errors.js";
import { generateEmulatedKey, importEmulatedKey } from "../keys.js";
import type { EmulatedKey, EmulatedKeyType, EmulatedPublicJwk } from "../keys.js";
import { isKeyId } from "./arn.js";
import { defaultPolicy } from "./policy.js";
import { KEY_SPECS, keySpecFacts, keySpecOf } from "./specs.js";
import type { AwsKeySpec, AwsKeyUsage } from "./specs.js";
import type { AwsKey, AwsKeyState, AwsOrigin, AwsStore, KeyMaterial } from "./store.js";

/** A key to make directly. */
export interface CreateAwsKeyOptions {
  /** `SYMMETRIC_DEFAULT` by default, or what `keyType` or `privateJwk` says. */
  readonly keySpec?: AwsKeySpec | undefined;
  /** The same in the library's words: `RSA-2048`, `P-256`, … */
  readonly keyType?: EmulatedKeyType | undefined;
  /** By default `SIGN_VERIFY` where the spec has it, else the only one. */
  readonly keyUsage?: AwsKeyUsage | undefined;
  /** `alias/name`, or the name alone. An alias that exists is moved. `alias/aws/…` is possible here. */
  readonly alias?: string | undefined;
  /** A UUID, or `mrk-` and 32 hex digits; random by default. */
  readonly keyId?: string | undefined;
  /** The key itself; a new one by default. RSA needs the CRT members, a symmetric one its `alg`, such as `HS256` or `A256GCM`. */
  readonly privateJwk?: JsonWebKey | undefined;
  readonly description?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** A JSON document as text; the service's default policy by default. */
  readonly policy?: string | undefined;
  /** `AWS_KMS` by default. `EXTERNAL` has imported material if there is a `privateJwk`, else the key is pending import. */
  readonly origin?: AwsOrigin | undefined;
  readonly customKeyStoreId?: string | undefined;
  /** Makes it a multi-Region primary; the regions are those of its replicas. */
  readonly replicaRegions?: readonly string[] | undefined;
  /** Makes it a replica of a multi-Region primary in that region. */
  readonly primaryRegion?: string | undefined;
  /** `AWS` for a key like those behind `alias/aws/…`; `CUSTOMER` by default. */
  readonly keyManager?: "AWS" | "CUSTOMER" | undefined;
}

/** A key as it is now; a copy. */
export interface AwsKeySnapshot {
  readonly keyId: string;
  readonly arn: string;
  readonly keySpec: AwsKeySpec;
  readonly keyType: EmulatedKeyType;
  readonly keyUsage: AwsKeyUsage;
  readonly state: AwsKeyState;
  readonly origin: AwsOrigin;
  readonly description: string;
  readonly policy: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly deletionDate?: Date;
  /** Names of the aliases that point to it. */
  readonly aliases: readonly string[];
  /** DER SubjectPublicKeyInfo of an asymmetric key. */
  readonly spki?: Bytes;
  readonly publicJwk?: EmulatedPublicJwk;
  readonly rotations: readonly { readonly type: "AUTOMATIC" | "ON_DEMAND"; readonly rotatedAt: Date }[];
  readonly currentKeyMaterialId?: string;
}

/** Makes a key without a request; eventual consistency applies to it as to any other. */
export async function createDirectly(store: AwsStore, options: CreateAwsKeyOptions): Promise<{ keyId: string; arn: string }> {
  if (options.keyId !== undefined && !isKeyId(options.keyId)) throw wrong('keyId must be a UUID, or "mrk-" and 32 hex digits');
  const { spec, usage, key } = await chosenKey(options);
  const origin = options.origin ?? "AWS_KMS";
  const pending = origin === "EXTERNAL" && options.privateJwk === undefined;
  const added = store.addKey({
    spec,
    usage,
    origin,
    description: options.description ?? "",
    policy: options.policy ?? defaultPolicy(store),
    tags: new Map(Object.entries(options.tags ?? {})),
    key: pending ? undefined : key,
    state: pending ? "PendingImport" : "Enabled",
    manager: options.keyManager ?? "CUSTOMER",
    customKeyStoreId: options.customKeyStoreId,
    replicaRegions: replicaRegionsOf(store, options),
    primaryRegion: options.primaryRegion,
    ...(options.keyId === undefined ? {} : { id: options.keyId.toLowerCase() }),
  });
  if (options.alias !== undefined) store.addAlias(aliasName(options.alias), added);
  return { keyId: added.id, arn: added.arn };
}

function replicaRegionsOf({ region }: AwsStore, { replicaRegions, primaryRegion }: CreateAwsKeyOptions): readonly string[] | undefined {
  return primaryRegion === undefined ? replicaRegions : [...new Set([region, ...(replicaRegions ?? [])])];
}

async function chosenKey(options: CreateAwsKeyOptions): Promise<{ spec: AwsKeySpec; usage: AwsKeyUsage; key: EmulatedKey }> {
  const imported = options.privateJwk === undefined ? undefined : await importEmulatedKey(options.privateJwk);
  const spec = options.keySpec ?? keySpecOf(options.keyType ?? imported?.keyType ?? "AES-256");
  const facts = spec === undefined ? undefined : keySpecFacts(spec);
  if (spec === undefined || facts === undefined) throw wrong("KMS has no keys of this type");
  if (imported !== undefined && imported.keyType !== facts.keyType) throw wrong("privateJwk is of another type than keySpec or keyType says");
  const usages = Object.keys(facts.usages) as [AwsKeyUsage, ...AwsKeyUsage[]];
  const usage = options.keyUsage ?? usages[0];
  if (!usages.includes(usage)) throw wrong(`keyUsage must be one of ${usages.join(", ")}`);
  return { spec, usage, key: imported ?? (await generateEmulatedKey(facts.keyType)) };
}

function aliasName(name: string): string {
  return name.startsWith("alias/") ? name : `alias/${name}`;
}

function wrong(message: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message);
}

/** The key of an id, ARN, alias or alias ARN, hidden or not. */
export function keyOf(store: AwsStore, reference: string): AwsKey | undefined {
  store.settle();
  const alias = [...store.aliases.values()].find(({ name, arn }) => reference === name || reference === arn);
  return [...store.keys.values()].find(({ id, arn }) => id === (alias?.targetKeyId ?? reference) || arn === reference);
}

export function snapshotOf(store: AwsStore, key: AwsKey): AwsKeySnapshot {
  const current = key.material.at(-1);
  const rotations = key.material.flatMap(({ rotation }) => (rotation === undefined ? [] : [rotation]));
  return {
    keyId: key.id,
    arn: key.arn,
    keySpec: key.spec,
    keyType: KEY_SPECS[key.spec].keyType,
    keyUsage: key.usage,
    state: key.state,
    origin: key.origin,
    description: key.description,
    policy: key.policy,
    tags: Object.fromEntries(key.tags),
    createdAt: new Date(key.createdAt),
    aliases: [...store.aliases.values()].filter(({ targetKeyId }) => targetKeyId === key.id).map(({ name }) => name),
    rotations: rotations.map(({ type, at }) => ({ type, rotatedAt: new Date(at) })),
    ...(key.state === "PendingDeletion" && key.deletion !== undefined ? { deletionDate: new Date(key.deletion.at) } : {}),
    ...(current === undefined ? {} : { currentKeyMaterialId: current.id, ...publicPart(current) }),
  };
}

/** Material still being made is that of a rotated symmetric key, which has no public part. */
function publicPart({ key }: KeyMaterial): Pick<AwsKeySnapshot, "spki" | "publicJwk"> {
  if (!("keyType" in key) || key.spki === undefined || key.publicJwk === undefined) return {};
  return { spki: Uint8Array.from(key.spki), publicJwk: { ...key.publicJwk } };
}
