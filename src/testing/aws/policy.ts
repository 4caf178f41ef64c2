/** Key policies and tags: what the emulated KMS checks of them. Policies are kept as text and never enforced. */
import { AwsFailure } from "./failure.js";
import type { Member } from "./members.js";
import { partitionOf } from "./arn.js";
import type { AwsPlace } from "./arn.js";

export const POLICY: Member = { kind: "string", min: 1, max: 131_072, pattern: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+" };

export const TAGS: Member = {
  kind: "list",
  of: {
    kind: "structure",
    members: {
      TagKey: { kind: "string", min: 1, max: 128, required: true },
      TagValue: { kind: "string", min: 0, max: 256, required: true },
    },
  },
};

export interface TagInput {
  readonly TagKey: string;
  readonly TagValue: string;
}

/** Tags that a key can have (AWS wire sheet 2.6). */
const MAX_TAGS = 50;

/** What a key has when its maker gives none; laid out as the service does. */
export function defaultPolicy({ region, accountId }: AwsPlace): string {
  return [
    '{\n  "Version" : "2012-10-17",\n  "Id" : "key-default-1",\n  "Statement" : [ {',
    `    "Sid" : "Enable IAM User Permissions",\n    "Effect" : "Allow",\n    "Principal" : {`,
    `      "AWS" : "arn:${partitionOf(region).partition}:iam::${accountId}:root"\n    },`,
    '    "Action" : "kms:*",\n    "Resource" : "*"\n  } ]\n}',
  ].join("\n");
}

/**
 * Refuses a policy that is no JSON object with statements, and, unless bypassed, one under which nobody of the account could
 * change it again.
 *
 * @throws {AwsFailure} `MalformedPolicyDocumentException`
 */
export function checkPolicy(place: AwsPlace, policy: string, bypassLockout: boolean | undefined): void {
  const statements = readStatements(policy);
  if (statements === undefined) throw malformed("Policy contains invalid JSON or no statement");
  if (bypassLockout === true || statements.some((statement) => allowsChange(place, statement))) return;
  throw malformed("The new key policy will not allow you to update the key policy in the future.");
}

function malformed(text: string): AwsFailure {
  return new AwsFailure("MalformedPolicyDocumentException", text);
}

type Statement = Readonly<Record<string, unknown>>;

function readStatements(policy: string): Statement[] | undefined {
  try {
    const document = JSON.parse(policy) as { Statement?: unknown } | null;
    const statements = listOf(document?.Statement).filter((item) => typeof item === "object" && item !== null);
    return statements.length === 0 ? undefined : (statements as Statement[]);
  } catch {
    return undefined;
  }
}

/** A rough reading: conditions and `Not…` members are left out of account. */
function allowsChange({ accountId }: AwsPlace, { Effect, Action, Principal }: Statement): boolean {
  const principals = Principal === "*" ? ["*"] : listOf((Principal as { AWS?: unknown } | undefined)?.AWS);
  const ours = principals.some((name) => name === "*" || name === accountId || String(name).includes(`::${accountId}:`));
  return Effect === "Allow" && ours && listOf(Action).some((name) => coversPutKeyPolicy(String(name)));
}

function coversPutKeyPolicy(action: string): boolean {
  const pattern = action.replace(/[^a-z0-9*?]/gi, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${pattern}$`, "i").test("kms:PutKeyPolicy");
}

function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/**
 * Puts tags on a key, all or none.
 *
 * @throws {AwsFailure} `TagException`
 */
export function addTags(tags: Map<string, string>, added: readonly TagInput[]): void {
  const names = added.map(({ TagKey }) => TagKey);
  if (new Set(names).size < names.length) throw new AwsFailure("TagException", "Duplicate tag keys");
  if (names.some((name) => /^aws:/i.test(name))) throw new AwsFailure("TagException", "Tags beginning with aws: are reserved");
  if (new Set([...tags.keys(), ...names]).size > MAX_TAGS) throw new AwsFailure("TagException", "Too many tags");
  for (const { TagKey, TagValue } of added) tags.set(TagKey, TagValue);
}
