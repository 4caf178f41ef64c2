/** `KeyMetadata`: what the emulated KMS tells of a key, with the members that do not apply absent (AWS wire sheet 2.2). */
import { arnOf } from "./arn.js";
import { seconds } from "./operation.js";
import { ALGORITHM_MEMBER, KEY_SPECS } from "./specs.js";
import type { AwsKey, AwsStore } from "./store.js";

export function keyMetadata(store: AwsStore, key: AwsKey): Readonly<Record<string, unknown>> {
  const metadata: Record<string, unknown> = {
    AWSAccountId: store.accountId,
    Arn: key.arn,
    CreationDate: seconds(key.createdAt),
    CustomerMasterKeySpec: key.spec,
    Description: key.description,
    Enabled: key.state === "Enabled",
    KeyId: key.id,
    KeyManager: key.manager,
    KeySpec: key.spec,
    KeyState: key.state,
    KeyUsage: key.usage,
    MultiRegion: key.replicaRegions !== undefined,
    Origin: key.origin,
    ...usageAlgorithms(key),
    ...extraMembers(store, key),
  };
  // The order in which the service was seen to send them.
  return Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The one list of algorithms that belongs to the usage of a key. */
export function usageAlgorithms({ spec, usage }: AwsKey): Readonly<Record<string, unknown>> {
  return { [ALGORITHM_MEMBER[usage]]: KEY_SPECS[spec].usages[usage] };
}

function extraMembers(store: AwsStore, key: AwsKey): Record<string, unknown> {
  const extra: Record<string, unknown> = {};
  const current = key.material.at(-1);
  const imported = key.origin === "EXTERNAL" && current !== undefined && key.state !== "PendingImport";
  if (KEY_SPECS[key.spec].family === "symmetric" && current !== undefined && key.state !== "Creating") {
    extra.CurrentKeyMaterialId = current.id;
  }
  if (imported) extra.ExpirationModel = "KEY_MATERIAL_DOES_NOT_EXPIRE";
  if (key.customKeyStoreId !== undefined) extra.CustomKeyStoreId = key.customKeyStoreId;
  if (key.state === "PendingDeletion" && key.deletion !== undefined) extra.DeletionDate = seconds(key.deletion.at);
  if (key.state === "PendingReplicaDeletion" && key.deletion !== undefined) extra.PendingDeletionWindowInDays = key.deletion.days;
  if (key.replicaRegions !== undefined) extra.MultiRegionConfiguration = multiRegion(store, key, key.replicaRegions);
  return extra;
}

/** All replicas are named, the described key too if it is one (AWS wire sheet 6). */
function multiRegion(store: AwsStore, key: AwsKey, replicaRegions: readonly string[]): Readonly<Record<string, unknown>> {
  const keyIn = (region: string): Readonly<Record<string, string>> => ({
    Arn: arnOf({ region, accountId: store.accountId }, `key/${key.id}`),
    Region: region,
  });
  return {
    MultiRegionKeyType: key.primaryRegion === undefined ? "PRIMARY" : "REPLICA",
    PrimaryKey: keyIn(key.primaryRegion ?? store.region),
    ReplicaKeys: replicaRegions.map(keyIn),
  };
}
