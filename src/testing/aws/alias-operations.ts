/** Aliases: create, move, delete, list. */
import { AwsFailure, invalid } from "./failure.js";
import { MARKER } from "./members.js";
import type { Member, Members } from "./members.js";
import { operation, pageOf, seconds } from "./operation.js";
import type { Answer, AwsOperations, PageInput } from "./operation.js";
import { KEY_SPECS } from "./specs.js";
import { PENDING_DELETION, refuseStates } from "./store.js";
import type { AwsAlias, AwsStore } from "./store.js";

interface AliasInput {
  readonly AliasName: string;
}

interface TargetInput extends AliasInput {
  readonly TargetKeyId: string;
}

const ALIAS_NAME: Member = { kind: "string", min: 1, max: 256, pattern: "[a-zA-Z0-9:/_-]+", required: true };
const TARGET_MEMBERS: Members = { AliasName: ALIAS_NAME, TargetKeyId: { kind: "string", min: 1, max: 2048, required: true } };

/** Aliases that a key can have; an adjustable quota of an account. */
const MAX_ALIASES_OF_A_KEY = 50;

export const ALIAS_OPERATIONS: AwsOperations = {
  CreateAlias: operation<TargetInput>(TARGET_MEMBERS, createAlias),
  UpdateAlias: operation<TargetInput>(TARGET_MEMBERS, updateAlias),
  DeleteAlias: operation<AliasInput>({ AliasName: ALIAS_NAME }, (store, { AliasName }) => {
    checkName(AliasName);
    store.aliases.delete(store.findAlias(AliasName).name);
    return undefined;
  }),
  ListAliases: operation<PageInput & { readonly KeyId?: string }>(
    { KeyId: { kind: "string", min: 1, max: 2048 }, Limit: { kind: "integer", min: 1, max: 100 }, Marker: MARKER },
    listAliases,
  ),
};

function createAlias(store: AwsStore, { AliasName, TargetKeyId }: TargetInput): Answer {
  checkName(AliasName);
  const target = store.findTarget(TargetKeyId);
  const existing = store.aliases.get(AliasName);
  if (existing !== undefined) throw new AwsFailure("AlreadyExistsException", `An alias with the name ${existing.arn} already exists`);
  refuseStates(target, PENDING_DELETION);
  const others = [...store.aliases.values()].filter(({ targetKeyId }) => targetKeyId === target.id);
  if (others.length >= MAX_ALIASES_OF_A_KEY) throw new AwsFailure("LimitExceededException", "The key has as many aliases as it can have.");
  store.addAlias(AliasName, target);
  return undefined;
}

/** The state of the key that the alias leaves does not matter (AWS wire sheet 2.9). */
function updateAlias(store: AwsStore, { AliasName, TargetKeyId }: TargetInput): Answer {
  checkName(AliasName);
  const alias = store.findAlias(AliasName);
  const target = store.findTarget(TargetKeyId);
  refuseStates(target, PENDING_DELETION);
  const current = store.keys.get(alias.targetKeyId);
  if (current !== undefined && (familyOf(current.spec) !== familyOf(target.spec) || current.usage !== target.usage)) {
    throw invalid(`Alias ${alias.arn} cannot be moved to ${target.arn}: both keys must be of the same type and have the same key usage.`);
  }
  alias.targetKeyId = target.id;
  alias.updatedAt = store.now();
  return undefined;
}

function familyOf(spec: keyof typeof KEY_SPECS): string {
  return KEY_SPECS[spec].family;
}

/** `NotAuthorizedException` is what moto was made to answer for a reserved name; the real answer is not recorded. */
function checkName(name: string): void {
  if (!name.startsWith("alias/")) {
    throw invalid('Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html');
  }
  if (name === "alias/") throw new AwsFailure("InvalidAliasNameException");
  if (name.startsWith("alias/aws/")) throw new AwsFailure("NotAuthorizedException");
}

function listAliases(store: AwsStore, { KeyId, ...page }: PageInput & { readonly KeyId?: string }): Answer {
  const key = KeyId === undefined ? undefined : store.find(KeyId, "key");
  const items = [...store.aliases.values()].filter(({ targetKeyId }) => key === undefined || targetKeyId === key.id);
  const { shown, rest } = pageOf(store, { ...page, items, nameOf: ({ name }) => name, defaultLimit: 50, list: "aliases" });
  return { Aliases: shown.map(listEntry), ...rest };
}

function listEntry({ name, arn, targetKeyId, createdAt, updatedAt }: AwsAlias): Readonly<Record<string, unknown>> {
  return {
    AliasArn: arn,
    AliasName: name,
    CreationDate: seconds(createdAt),
    LastUpdatedDate: seconds(updatedAt),
    TargetKeyId: targetKeyId,
  };
}
