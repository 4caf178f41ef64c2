/** What a configuration of AWS KMS says, the grammar of its identifiers, and the hosts that its credentials may go to. */
import { ValidationError } from "../errors.js";
import { parseEndpoint, type Endpoint } from "../http/url.js";
import type { KeyRef } from "../kms/provider.js";
import { printable, type AddressTrust } from "../options.js";

/** The data of an AWS configuration; it holds no secret. */
export interface AwsData {
  readonly provider: "aws";
  /** Such as `eu-central-1`; it fixes the host, the signing scope, and the ARN that an answer must carry. */
  readonly region: string;
  /** Key id, key ARN, `alias/name`, or alias ARN. A key of another account needs an ARN. */
  readonly keyId: string;
  /** With an alias: the id of one of the keys that it named. */
  readonly keyVersion?: string;
  readonly algorithm?: string;
  readonly rotation?: { readonly intervalMs: number };
  /** Another address than the service's own, such as that of a proxy; a path is kept. */
  readonly endpoint?: string;
  /** `kms-fips.…`; default false. */
  readonly useFips?: boolean;
  /** The host that has IPv6 addresses too; default false. */
  readonly useDualStack?: boolean;
}

/** A key reference whose grammar was checked. */
export interface AwsKey {
  /** `keyId` as configured. */
  readonly configured: string;
  /** What requests about the key name: the configured identifier, or with a version the key that this is. */
  readonly target: string;
  /** The id that answers must carry; undefined when it is whatever the alias points to. */
  readonly id: string | undefined;
  /** `alias/name`, without the rest of an ARN; undefined for a key. */
  readonly alias: string | undefined;
  /** The account in the configured ARN; undefined without one. */
  readonly account: string | undefined;
}

interface Partition {
  readonly name: string;
  readonly regions: RegExp;
  readonly suffix: string;
  readonly dualStackSuffix: string;
}

/** Partition data of the AWS SDK's endpoint rules. The patterns are anchored: `us-gov-west-1` must not be taken for `us-*-*`. */
const PARTITIONS: readonly Partition[] = [
  partition("aws", /^(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$/, "amazonaws.com", "api.aws"),
  partition("aws-cn", /^cn-\w+-\d+$/, "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
  partition("aws-us-gov", /^us-gov-\w+-\d+$/, "amazonaws.com", "api.aws"),
  partition("aws-eusc", /^eusc-(de)-\w+-\d+$/, "amazonaws.eu", "api.amazonwebservices.eu"),
  partition("aws-iso", /^us-iso-\w+-\d+$/, "c2s.ic.gov", "api.aws.ic.gov"),
  partition("aws-iso-b", /^us-isob-\w+-\d+$/, "sc2s.sgov.gov", "api.aws.scloud"),
  partition("aws-iso-e", /^eu-isoe-\w+-\d+$/, "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
  partition("aws-iso-f", /^us-isof-\w+-\d+$/, "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

function partition(name: string, regions: RegExp, suffix: string, dualStackSuffix: string): Partition {
  return { name, regions, suffix, dualStackSuffix };
}

/** The KMS model's pattern for region names, at most 32 characters. The text becomes a part of a host name. */
const REGION = /^(?=.{1,32}$)([a-z]+-){2,3}\d+$/;
/** A UUID, or `mrk-` and 32 digits for a multi-Region key; local servers keep the dashes there. */
const KEY_ID = /^(mrk-[0-9a-f]{32}|(mrk-)?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$/;
/** The KMS model's `AliasNameType`, at most 256 characters. */
const ALIAS = /^alias\/[a-zA-Z0-9:/_-]{1,250}$/;
const ARN = /^arn:(aws[a-z-]{0,20}):kms:([a-z0-9-]{1,32}):(\d{12}):(key\/|(?=alias\/))([a-zA-Z0-9:/_-]{1,256})$/;

/** The parts of an ARN of KMS. */
export interface KmsArn {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** A key id, or an alias with `alias/`. */
  readonly name: string;
  readonly kind: "key" | "alias";
}

/** Reads `arn:aws:kms:region:account:key/id` or `…:alias/name`; undefined for anything else. */
export function parseArn(text: string): KmsArn | undefined {
  const match = ARN.exec(text);
  if (match === null) return undefined;
  const [, partition, region, account, prefix, name] = match as unknown as [string, string, string, string, string, string];
  const kind = prefix === "" ? "alias" : "key";
  return (kind === "key" ? KEY_ID : ALIAS).test(name) ? { partition, region, account, name, kind } : undefined;
}

/** Whether a text has the form of a bare key id. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/** Whether a text can be the name of an alias, with its `alias/`. */
export function isAliasName(text: string): boolean {
  return ALIAS.test(text);
}

/** The ARN prefix's second part for a region. */
export function partitionOf(region: string): string {
  return findPartition(region).name;
}

/** What the hosts of a region's services end with, such as `amazonaws.com`. */
export function dnsSuffixOf(region: string): string {
  return findPartition(region).suffix;
}

/** A region that nobody has heard of yet is one of the commercial partition, as the SDKs have it. */
function findPartition(region: string): Partition {
  return PARTITIONS.find(({ regions }) => regions.test(region)) ?? (PARTITIONS[0] as Partition);
}

/** Everything that is wrong with a configuration, each saying what to change. Only own members of `data` are read. */
export function awsProblems(data: Readonly<Record<string, unknown>>, trust: AddressTrust): string[] {
  const own = (name: string): unknown => (Object.hasOwn(data, name) ? data[name] : undefined);
  const key = { keyId: own("keyId"), keyVersion: own("keyVersion") };
  return [...regionProblems(own("region")), ...keyProblems(key, own("region")), ...addressProblems(own, trust)];
}

/** What is wrong with a region. */
export function regionProblems(region: unknown): string[] {
  if (region === undefined) return ["region is missing: give the region of the key, such as eu-central-1"];
  if (typeof region !== "string") return ["region must be a string"];
  const pseudo = /^fips-(.+)$|^(.+)-fips$/.exec(region);
  const real = pseudo?.[1] ?? pseudo?.[2];
  if (real !== undefined) return [`region: ${printable(region)} is an old spelling; use ${printable(real)} with useFips: true`];
  return REGION.test(region) ? [] : [`region: ${printable(region)} is not the name of an AWS region, such as eu-central-1`];
}

/** What is wrong with the address options. */
export function addressProblems(own: (name: string) => unknown, trust: AddressTrust): string[] {
  const problems = ["useFips", "useDualStack"].flatMap((name) =>
    own(name) === undefined || typeof own(name) === "boolean" ? [] : [`${name} must be true or false`],
  );
  const endpoint = own("endpoint");
  if (endpoint === undefined) return problems;
  if (typeof endpoint !== "string") return [...problems, "endpoint must be a string"];
  if (own("useFips") === true || own("useDualStack") === true) {
    problems.push("endpoint cannot be combined with useFips or useDualStack: name the host that is meant");
  }
  if (!trust.customEndpoint) {
    problems.push("endpoint: another address than the service's own needs allowCustomEndpoint: true in the options");
  }
  const parsed = parseEndpoint(endpoint, { insecure: trust.insecureHttp, path: true });
  return "problem" in parsed ? [...problems, `endpoint ${parsed.problem}`] : problems;
}

/** What is wrong with a key reference. A region that is wrong itself is not compared with. */
export function keyProblems(key: { readonly keyId: unknown; readonly keyVersion?: unknown }, region: unknown): string[] {
  const { keyId, keyVersion } = key;
  if (typeof keyId !== "string") return ["keyId must be a string: a key id, a key ARN, alias/name, or an alias ARN"];
  const arn = parseArn(keyId);
  if (arn === undefined && !KEY_ID.test(keyId) && !ALIAS.test(keyId)) {
    return [`keyId: ${printable(keyId)} is neither a key id nor a key ARN, alias/name, or an alias ARN`];
  }
  const problems = arn !== undefined && typeof region === "string" && REGION.test(region) ? placeProblems(arn, region) : [];
  return [...problems, ...versionProblems(arn?.name ?? keyId, keyVersion)];
}

/** The region and partition of an ARN decide where it can be asked for; a request elsewhere finds nothing. */
function placeProblems(arn: KmsArn, region: string): string[] {
  if (arn.region !== region) return [`keyId: the ARN is of region ${printable(arn.region)}, and region is ${printable(region)}`];
  const partition = partitionOf(region);
  if (arn.partition === partition) return [];
  return [`keyId: the ARN is of partition ${printable(arn.partition)}, and ${printable(region)} belongs to ${printable(partition)}`];
}

function versionProblems(name: string, keyVersion: unknown): string[] {
  if (keyVersion === undefined) return [];
  if (typeof keyVersion !== "string" || !KEY_ID.test(keyVersion)) return ["keyVersion must be a key id, as results name it"];
  if (name.startsWith("alias/") || name === keyVersion) return [];
  return ["keyVersion: a key has one version, which is its own id; give an alias as keyId, or leave keyVersion out"];
}

/**
 * Reads a key reference.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` with the first problem
 */
export function readKey(key: KeyRef, region: string): AwsKey {
  const [problem] = keyProblems(key, region);
  if (problem !== undefined) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", problem);
  const { keyId, keyVersion } = key;
  const arn = parseArn(keyId);
  const name = arn?.name ?? keyId;
  const alias = name.startsWith("alias/") ? name : undefined;
  const id = alias === undefined ? name : keyVersion;
  const account = arn?.account;
  if (alias === undefined || id === undefined) return { configured: keyId, target: keyId, id, alias, account };
  // An alias can only point to a key of its own account and region (UpdateAlias).
  const target = arn === undefined ? id : keyArn(arn, id);
  return { configured: keyId, target, id, alias, account };
}

function keyArn({ partition, region, account }: KmsArn, id: string): string {
  return `arn:${partition}:kms:${region}:${account}:key/${id}`;
}

/** What decides where requests go; it must have no problems. */
export interface AwsAddress {
  readonly region: string;
  readonly endpoint?: string | undefined;
  readonly useFips?: boolean | undefined;
  readonly useDualStack?: boolean | undefined;
}

/** Origin, host and path prefix of the service. http is for `addressProblems` to allow. */
export function resolveEndpoint({ region, endpoint, useFips, useDualStack }: AwsAddress): Endpoint {
  if (endpoint !== undefined) return parseEndpoint(endpoint, { insecure: true, path: true }) as Endpoint;
  const { suffix, dualStackSuffix } = findPartition(region);
  const host = `${useFips === true ? "kms-fips" : "kms"}.${region}.${useDualStack === true ? dualStackSuffix : suffix}`;
  return { origin: `https://${host}`, host, path: "" };
}
