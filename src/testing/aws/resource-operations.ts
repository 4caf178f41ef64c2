/** Tags and key policies. */
import { notFound } from "./failure.js";
import { BOOLEAN, KEY_ID, MARKER } from "./members.js";
import type { Member } from "./members.js";
import { operation, pageOf } from "./operation.js";
import type { Answer, AwsOperations, PageInput } from "./operation.js";
import { addTags, checkPolicy, POLICY, TAGS } from "./policy.js";
import type { TagInput } from "./policy.js";
import { PENDING_DELETION, refuseStates } from "./store.js";
import type { AwsKey, AwsStore } from "./store.js";

interface PolicyInput {
  readonly KeyId: string;
  readonly PolicyName?: string;
}

interface PutPolicyInput extends PolicyInput {
  readonly Policy: string;
  readonly BypassPolicyLockoutSafetyCheck?: boolean;
}

const POLICY_NAME: Member = { kind: "string", min: 1, max: 128, pattern: "[\\w]+" };

export const RESOURCE_OPERATIONS: AwsOperations = {
  TagResource: operation<{ KeyId: string; Tags: TagInput[] }>({ KeyId: KEY_ID, Tags: { ...TAGS, required: true } }, (store, { KeyId, Tags }) => {
    addTags(changeable(store, KeyId).tags, Tags);
    return undefined;
  }),
  UntagResource: operation<{ KeyId: string; TagKeys: string[] }>(
    { KeyId: KEY_ID, TagKeys: { kind: "list", of: { kind: "string", min: 1, max: 128 }, required: true } },
    (store, { KeyId, TagKeys }) => {
      const { tags } = changeable(store, KeyId);
      for (const name of TagKeys) tags.delete(name);
      return undefined;
    },
  ),
  ListResourceTags: operation<PageInput & { KeyId: string }>(
    { KeyId: KEY_ID, Limit: { kind: "integer", min: 1, max: 50 }, Marker: MARKER },
    listTags,
  ),
  GetKeyPolicy: operation<PolicyInput>({ KeyId: KEY_ID, PolicyName: POLICY_NAME }, (store, { KeyId, PolicyName }) => {
    const { policy } = store.find(KeyId, "key");
    checkPolicyName(PolicyName);
    return { Policy: policy, PolicyName: "default" };
  }),
  PutKeyPolicy: operation<PutPolicyInput>(
    { KeyId: KEY_ID, Policy: { ...POLICY, required: true }, PolicyName: POLICY_NAME, BypassPolicyLockoutSafetyCheck: BOOLEAN },
    putPolicy,
  ),
};

function changeable(store: AwsStore, keyId: string): AwsKey {
  const key = store.findOwn(keyId);
  refuseStates(key, PENDING_DELETION);
  return key;
}

function listTags(store: AwsStore, { KeyId, ...page }: PageInput & { KeyId: string }): Answer {
  const key = store.find(KeyId, "key");
  const options = { ...page, items: key.tags, nameOf: ([name]: [string, string]) => name, defaultLimit: 50, list: `tags/${key.id}` };
  const { shown, rest } = pageOf(store, options);
  return { Tags: shown.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...rest };
}

function putPolicy(store: AwsStore, input: PutPolicyInput): Answer {
  const key = changeable(store, input.KeyId);
  checkPolicyName(input.PolicyName);
  checkPolicy(store, input.Policy, input.BypassPolicyLockoutSafetyCheck);
  key.policy = input.Policy;
  return undefined;
}

/** There is one policy, and this is its name. */
function checkPolicyName(name: string | undefined): void {
  if (name !== undefined && name !== "default") throw notFound("No such policy exists");
}
