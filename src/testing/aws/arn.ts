/** Names of keys and aliases: key ids, ARNs, and the partition a region is in. */
import { AwsFailure, notFound } from "./failure.js";

/** Partition and DNS suffix by what a region's name begins with (AWS wire sheet 1.5); every other region is in `aws`. */
const PARTITIONS: readonly (readonly [prefix: string, partition: string, suffix: string])[] = [
  ["cn-", "aws-cn", "amazonaws.com.cn"],
  ["us-gov-", "aws-us-gov", "amazonaws.com"],
  ["eusc-", "aws-eusc", "amazonaws.eu"],
  ["us-isob-", "aws-iso-b", "sc2s.sgov.gov"],
  ["us-isof-", "aws-iso-f", "csp.hci.ic.gov"],
  ["us-iso-", "aws-iso", "c2s.ic.gov"],
  ["eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"],
];

/** A UUID, or what a multi-Region key has in its place (AWS wire sheet 2.3). */
const KEY_ID = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/i;

/** Where the emulated keys are. */
export interface AwsPlace {
  readonly region: string;
  readonly accountId: string;
}

export function partitionOf(region: string): { partition: string; suffix: string } {
  const found = PARTITIONS.find(([prefix]) => region.startsWith(prefix));
  return { partition: found?.[1] ?? "aws", suffix: found?.[2] ?? "amazonaws.com" };
}

/** `resource` is `key/…` or `alias/…`. */
export function arnOf({ region, accountId }: AwsPlace, resource: string): string {
  return `arn:${partitionOf(region).partition}:kms:${region}:${accountId}:${resource}`;
}

export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/**
 * What is behind the last colon of a key or alias ARN of this account and region, or a reference that is no ARN as it is.
 *
 * @throws {AwsFailure} as the service answers an ARN of another region, of another account, or of something else
 */
export function resourceOf(place: AwsPlace, reference: string): string {
  if (!reference.startsWith("arn:")) return reference;
  const [, partition, service, region, accountId, ...rest] = reference.split(":");
  const resource = rest.join(":");
  if (service !== "kms" || region === undefined || !/^(?:key|alias)\/./.test(resource)) {
    throw new AwsFailure("InvalidArnException", `${reference} is not a valid ARN of a key or an alias.`);
  }
  if (region !== place.region || partition !== partitionOf(region).partition) throw notFound(`Invalid arn ${region}`);
  if (accountId !== place.accountId) throw foreign(place, reference);
  return resource.startsWith("key/") ? resource.slice("key/".length) : resource;
}

/** The same for a key that is there and one that is not, so that nobody learns which keys another account has. */
function foreign({ region, accountId }: AwsPlace, reference: string): AwsFailure {
  const user = `arn:${partitionOf(region).partition}:iam::${accountId}:user/emulated`;
  const why = "because the resource does not exist in this Region, or no resource-based policy allows access";
  return new AwsFailure("AccessDeniedException", `User: ${user} is not authorized to perform this action on resource: ${reference} ${why}`);
}

/** A UUID of version 4; `crypto.randomUUID` is missing on pages without https. */
export function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return hexOf(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export function randomHex(bytes: number): string {
  return hexOf(crypto.getRandomValues(new Uint8Array(bytes)));
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
