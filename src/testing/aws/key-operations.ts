/** Making, describing, listing, enabling and deleting keys. */
import { generateEmulatedKey } from "../keys.js";
import { AwsFailure, invalid, unsupported } from "./failure.js";
import { BOOLEAN, GRANT_TOKENS, KEY_ID, MARKER } from "./members.js";
import { keyMetadata } from "./metadata.js";
import { operation, pageOf, seconds } from "./operation.js";
import type { Answer, AwsOperations, PageInput } from "./operation.js";
import { addTags, checkPolicy, defaultPolicy, POLICY, TAGS } from "./policy.js";
import type { TagInput } from "./policy.js";
import { KEY_SPEC_VALUES, KEY_USAGE_VALUES, keySpecFacts } from "./specs.js";
import type { AwsKeySpec, AwsKeyUsage, KeySpecFacts } from "./specs.js";
import { DAY_MS, PENDING_DELETION, refuseStates } from "./store.js";
import type { AwsOrigin, AwsStore } from "./store.js";

interface KeyInput {
  readonly KeyId: string;
}

interface CreateKeyInput {
  readonly Policy?: string;
  readonly Description?: string;
  readonly KeyUsage?: string;
  readonly CustomerMasterKeySpec?: string;
  readonly KeySpec?: string;
  readonly Origin?: AwsOrigin;
  readonly CustomKeyStoreId?: string;
  readonly BypassPolicyLockoutSafetyCheck?: boolean;
  readonly Tags?: readonly TagInput[];
  readonly MultiRegion?: boolean;
}

export const KEY_OPERATIONS: AwsOperations = {
  CreateKey: operation<CreateKeyInput>(
    {
      Policy: POLICY,
      Description: { kind: "string", max: 8192 },
      KeyUsage: { kind: "string", values: KEY_USAGE_VALUES },
      CustomerMasterKeySpec: { kind: "string", values: KEY_SPEC_VALUES },
      KeySpec: { kind: "string", values: KEY_SPEC_VALUES },
      Origin: { kind: "string", values: ["EXTERNAL", "AWS_KMS", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"] },
      CustomKeyStoreId: { kind: "string", min: 1, max: 64 },
      BypassPolicyLockoutSafetyCheck: BOOLEAN,
      Tags: TAGS,
      MultiRegion: BOOLEAN,
    },
    createKey,
  ),
  DescribeKey: operation<KeyInput>({ KeyId: KEY_ID, GrantTokens: GRANT_TOKENS }, (store, { KeyId }) => ({
    KeyMetadata: keyMetadata(store, store.find(KeyId, "any")),
  })),
  ListKeys: operation<PageInput>({ Limit: { kind: "integer", min: 1, max: 1000 }, Marker: MARKER }, (store, input) => {
    const page = pageOf(store, { ...input, items: store.keys.values(), nameOf: ({ id }) => id, defaultLimit: 100, list: "keys" });
    return { Keys: page.shown.map(({ id, arn }) => ({ KeyArn: arn, KeyId: id })), ...page.rest };
  }),
  EnableKey: operation<KeyInput>({ KeyId: KEY_ID }, (store, { KeyId }) => setEnabled(store, KeyId, true)),
  DisableKey: operation<KeyInput>({ KeyId: KEY_ID }, (store, { KeyId }) => setEnabled(store, KeyId, false)),
  ScheduleKeyDeletion: operation<KeyInput & { readonly PendingWindowInDays?: number }>(
    { KeyId: KEY_ID, PendingWindowInDays: { kind: "integer", min: 7, max: 30 } },
    scheduleDeletion,
  ),
  CancelKeyDeletion: operation<KeyInput>({ KeyId: KEY_ID }, cancelDeletion),
};

async function createKey(store: AwsStore, input: CreateKeyInput): Promise<Answer> {
  const { spec, usage, facts } = chosenSpec(input);
  if (input.Policy !== undefined) checkPolicy(store, input.Policy, input.BypassPolicyLockoutSafetyCheck);
  const tags = new Map<string, string>();
  addTags(tags, input.Tags ?? []);
  const origin = input.Origin ?? "AWS_KMS";
  if (input.CustomKeyStoreId !== undefined) throw new AwsFailure("CustomKeyStoreNotFoundException");
  if (origin === "AWS_CLOUDHSM" || origin === "EXTERNAL_KEY_STORE") throw invalid("CustomKeyStoreId is required for this Origin.");
  const key = store.addKey({
    spec,
    usage,
    origin,
    tags,
    description: input.Description ?? "",
    policy: input.Policy ?? defaultPolicy(store),
    state: origin === "EXTERNAL" ? "PendingImport" : "Enabled",
    key: origin === "EXTERNAL" ? undefined : await generateEmulatedKey(facts.keyType),
    replicaRegions: input.MultiRegion === true ? [] : undefined,
  });
  return { KeyMetadata: keyMetadata(store, key) };
}

function chosenSpec({ KeySpec, CustomerMasterKeySpec, KeyUsage }: CreateKeyInput): { spec: AwsKeySpec; usage: AwsKeyUsage; facts: KeySpecFacts } {
  if (KeySpec !== undefined && CustomerMasterKeySpec !== undefined) {
    throw invalid("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.");
  }
  const spec = KeySpec ?? CustomerMasterKeySpec ?? "SYMMETRIC_DEFAULT";
  if (KeyUsage === undefined && spec !== "SYMMETRIC_DEFAULT") {
    throw invalid("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.");
  }
  const usage = KeyUsage ?? "ENCRYPT_DECRYPT";
  const facts = keySpecFacts(spec);
  if (facts === undefined) throw unsupported();
  if (!Object.hasOwn(facts.usages, usage)) throw invalid(`KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
  return { spec: spec as AwsKeySpec, usage: usage as AwsKeyUsage, facts };
}

function setEnabled(store: AwsStore, keyId: string, enabled: boolean): undefined {
  const key = store.findOwn(keyId);
  refuseStates(key, [...PENDING_DELETION, "PendingImport", "Creating", "Updating", "Unavailable"]);
  key.state = enabled ? "Enabled" : "Disabled";
  // A rotation that fell due while the key was disabled runs as soon as it is enabled (AWS wire sheet 3.2).
  if (enabled && key.automatic !== undefined) key.automatic.nextAt = Math.max(key.automatic.nextAt, store.now());
}

function scheduleDeletion(store: AwsStore, input: KeyInput & { readonly PendingWindowInDays?: number }): Answer {
  const key = store.findOwn(input.KeyId);
  refuseStates(key, [...PENDING_DELETION, "Creating", "Updating"]);
  const days = input.PendingWindowInDays ?? 30;
  const replicated = key.replicaRegions !== undefined && key.replicaRegions.length > 0;
  key.state = replicated ? "PendingReplicaDeletion" : "PendingDeletion";
  // The waiting period of a primary begins when its last replica is gone (AWS wire sheet 6).
  key.deletion = { at: replicated ? Number.POSITIVE_INFINITY : store.now() + days * DAY_MS, days };
  return {
    ...(replicated ? {} : { DeletionDate: seconds(key.deletion.at) }),
    KeyId: key.arn,
    KeyState: key.state,
    PendingWindowInDays: days,
  };
}

function cancelDeletion(store: AwsStore, { KeyId }: KeyInput): Answer {
  const key = store.findOwn(KeyId);
  if (key.deletion === undefined) throw new AwsFailure("KMSInvalidStateException", `${key.arn} is not pending deletion.`);
  delete key.deletion;
  key.state = key.material.length === 0 ? "PendingImport" : "Disabled";
  return { KeyId: key.arn };
}
