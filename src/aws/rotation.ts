/** Rotation: in place for symmetric keys, by a new key behind the alias for all others. */
import { invalidArgument, unsupported } from "../kms/context.js";
import type { CallContext, ProviderRotation } from "../kms/provider.js";
import { SYMMETRIC } from "./algorithms.js";
import type { AwsKey } from "./config.js";
import { ask, describeKey, type Exchange } from "./exchange.js";
import { hasAlias, isVersionAlias } from "./register.js";
import { replaceKey } from "./replacement.js";
import { buildRotateKeyOnDemand } from "./requests.js";
import { parseRotateKeyOnDemand, type KeyFacts } from "./responses.js";

/**
 * Rotates the key that is current.
 *
 * @param key as configured, without a version
 * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` with what to do as hint, before anything is changed
 * @throws {ProviderError} `ERR_KMS_CONFLICT` when another rotation is under way or has stopped half-way, `ERR_KMS_QUOTA`, …
 */
export async function rotateKey(exchange: Exchange, key: AwsKey, policy: string | undefined, context: CallContext): Promise<ProviderRotation> {
  if (policy !== undefined && !isJsonObject(policy)) throw invalidArgument("policy must be the text of a JSON object");
  const current = await describeKey(exchange, context, key);
  refuse(commonRefusals(current));
  if (current.spec === SYMMETRIC) return rotateInPlace(exchange, current, policy, context);
  if (!hasAlias(key)) {
    throw unsupported("AWS cannot rotate this key in place", "create an alias for the key and configure it as keyId: rotateKey then makes a new key and moves the alias");
  }
  refuse(replacementRefusals(key.alias, current));
  return replaceKey({ exchange, key, current, policy, context, changed: false });
}

function isJsonObject(text: string): boolean {
  try {
    return Object.prototype.toString.call(JSON.parse(text)) === "[object Object]";
  } catch {
    return false;
  }
}

const BY_HAND = "make the new key by hand and move the alias to it";

/** A condition under which a key is not rotated, what is said then, and what to do. */
type Refusal = readonly [applies: boolean, message: string, hint: string];

function commonRefusals({ manager, customKeyStore }: KeyFacts): Refusal[] {
  return [
    [manager === "AWS", "keys that AWS manages are rotated by AWS alone", "make a key of your own"],
    [customKeyStore, "keys in a custom key store are not rotated", BY_HAND],
  ];
}

function replacementRefusals(alias: string, { origin, multiRegion, replica, replicas }: KeyFacts): Refusal[] {
  return [
    [isVersionAlias(alias), "the alias is a version of another one", "configure the alias before /versions/"],
    [alias.startsWith("alias/aws/"), "aliases under alias/aws/ belong to AWS", "make an alias of your own"],
    [alias.length > 230, "the alias is too long for the names of its versions", "use an alias of at most 230 characters"],
    [origin !== undefined && origin !== "AWS_KMS", "the material of this key does not come from AWS KMS", BY_HAND],
    [multiRegion && (replica || replicas > 0), "a multi-Region key with replicas is replaced in every region at once", BY_HAND],
  ];
}

function refuse(refusals: readonly Refusal[]): void {
  for (const [applies, message, hint] of refusals) if (applies) throw unsupported(message, hint);
}

/**
 * RotateKeyOnDemand. The service takes it on and is done after about a minute; nothing it could be asked right away says
 * more, so that the answer is always `pending`. `getKeyMetadata({ include: ["rotation"] })` shows the end. The materials
 * of a symmetric key cannot be addressed: its version stays the key's id, before and after.
 */
async function rotateInPlace(exchange: Exchange, current: KeyFacts, policy: string | undefined, context: CallContext): Promise<ProviderRotation> {
  if (policy !== undefined) throw invalidArgument("a symmetric key keeps its policy", "leave policy out");
  if (current.replica) throw unsupported("a multi-Region key is rotated by its primary", "configure the region and key of the primary");
  const request = buildRotateKeyOnDemand(exchange.base, current.arn);
  await ask(exchange, context, "change", request, (answer) => parseRotateKeyOnDemand(answer, current));
  return { status: "pending", rotatedAt: new Date(exchange.clock.now()) };
}
