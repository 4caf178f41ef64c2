/** What AWS KMS says of a key, in the words of the library: DescribeKey, and on demand its tags and rotations. */
import type { CallContext, ProviderKeyMetadata } from "../kms/provider.js";
import type { MetadataPart } from "../kms/results.js";
import { algorithmsIn, keyStateOf, keyTypeOfSpec, materialOf, SYMMETRIC, usesOf } from "./algorithms.js";
import type { AwsKey } from "./config.js";
import { ask, collect, describeKey, type Exchange } from "./exchange.js";
import { buildGetKeyRotationStatus, buildListKeyRotations, buildListResourceTags, type Tag } from "./requests.js";
import { parseGetKeyRotationStatus, parseListKeyRotations, parseListResourceTags, type KeyFacts } from "./responses.js";

/** 25 on-demand rotations are all that a symmetric key gets: at this rate they last for six years. */
const MIN_ROTATION_MS = 90 * 86_400_000;

/** One request; with `tags` one or more, and with `rotation` two or more in addition, if the key is one that rotates. */
export async function readMetadata(exchange: Exchange, key: AwsKey, include: readonly MetadataPart[], context: CallContext): Promise<ProviderKeyMetadata> {
  const facts = await describeKey(exchange, context, key);
  const tags = include.includes("tags") ? await fetchTags(exchange, facts, context) : undefined;
  const rotation = include.includes("rotation") && rotates(facts) ? await readRotation(exchange, facts, context) : undefined;
  return { ...toMetadata(facts), ...(tags && { tags: toRecord(tags) }), ...rotation };
}

function toMetadata(facts: KeyFacts): ProviderKeyMetadata {
  const keyType = keyTypeOfSpec(facts.spec);
  return {
    keyVersion: facts.id,
    keyType,
    algorithms: algorithmsIn(facts.signingAlgorithms, keyType),
    state: keyStateOf(facts.state),
    usableFor: usesOf(facts.usage),
    ...datesOf(facts),
    ...materialOf(facts.origin),
    ...(facts.spec === SYMMETRIC && { minRotationIntervalMs: MIN_ROTATION_MS }),
  };
}

/** The dates of a key that the service tells. */
export function datesOf({ createdAt, validTo }: KeyFacts): Pick<ProviderKeyMetadata, "createdAt" | "expiresAt"> {
  return { ...(createdAt && { createdAt }), ...(validTo && { expiresAt: validTo }) };
}

/** The service refuses to speak of the rotation of other keys. */
function rotates({ spec, customKeyStore }: KeyFacts): boolean {
  return spec === SYMMETRIC && !customKeyStore;
}

/** All tags of a key. */
export function fetchTags(exchange: Exchange, { arn }: KeyFacts, context: CallContext): Promise<readonly Tag[]> {
  const build = (marker: string | undefined) => buildListResourceTags(exchange.base, arn, marker);
  return collect(exchange, () => context, build, parseListResourceTags);
}

/** Own members, whatever their names are. */
function toRecord(tags: readonly Tag[]): Readonly<Record<string, string>> {
  return Object.fromEntries(tags.map(({ TagKey, TagValue }) => [TagKey, TagValue]));
}

/**
 * When the material last changed, and when it will. A rotation on demand takes about a minute, in which it is in no list
 * yet: it counts from its start, so that nobody who looks at the age asks for another one.
 */
async function readRotation(exchange: Exchange, facts: KeyFacts, context: CallContext): Promise<Pick<ProviderKeyMetadata, "rotatedAt" | "nextRotationAt">> {
  const request = buildGetKeyRotationStatus(exchange.base, facts.arn);
  const { nextRotationAt, runningSince } = await ask(exchange, context, "read", request, (answer) => parseGetKeyRotationStatus(answer, facts));
  const build = (marker: string | undefined) => buildListKeyRotations(exchange.base, facts.arn, marker);
  const ended = await collect(exchange, () => context, build, parseListKeyRotations);
  const last = [...ended, ...(runningSince === undefined ? [] : [runningSince])].reduce((a, b) => Math.max(a, b.getTime()), 0);
  return { ...(last > 0 && { rotatedAt: new Date(last) }), ...(nextRotationAt && { nextRotationAt }) };
}
