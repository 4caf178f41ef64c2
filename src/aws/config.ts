/** What a configuration of AWS KMS says, the grammar of its identifiers, and the hosts that its credentials may go to. */
import { customEndpointProblems, parseEndpoint, type Endpoint } from "../http/url.js";
import { invalidArgument } from "../kms/context.js";
import type { KeyRef } from "../kms/provider.js";
import { printable, type AddressTrust, type ReadOptions } from "../options.js";

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

/** What the key in an answer must fit. */
export interface ExpectedKey {
  /** What its ARN must begin with: partition, service and region. */
  readonly place: string;
  /** The id that answers must carry; undefined when it is whatever the alias points to. */
  readonly id: string | undefined;
  /** The account in the configured ARN; undefined without one. */
  readonly account: string | undefined;
}

/** A key that can be asked about. */
export interface KeyTarget extends ExpectedKey {
  /** What requests about the key name: the configured identifier, or with a version the key that this is. */
  readonly target: string;
}

/** A key reference whose grammar was checked. */
export interface AwsKey extends KeyTarget {
  /** `keyId` as configured. */
  readonly configured: string;
  readonly keyVersion: string | undefined;
  /** `alias/name`, without the rest of an ARN; undefined for a key. */
  readonly alias: string | undefined;
}

/** The second part of its ARNs, what its hosts end with, and what those that have IPv6 addresses too end with. */
type Partition = readonly [name: string, suffix: string, dualStackSuffix: string];

const COMMERCIAL: Partition = ["aws", "amazonaws.com", "api.aws"];

/** Partition data of the AWS SDK's endpoint rules, by what the names of a partition's regions begin with. */
const PARTITIONS: Readonly<Record<string, Partition>> = {
  __proto__: null as never,
  cn: ["aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"],
  "us-gov": ["aws-us-gov", "amazonaws.com", "api.aws"],
  "eusc-de": ["aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"],
  "us-iso": ["aws-iso", "c2s.ic.gov", "api.aws.ic.gov"],
  "us-isob": ["aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"],
  "eu-isoe": ["aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"],
  "us-isof": ["aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"],
};

/**
 * The KMS model's pattern for region names, at most 32 characters. The text becomes a part of a host name. `fips-us-east-1`
 * and `us-east-1-fips` are old spellings of `useFips`.
 */
const REGION = /^(?=.{1,32}$)(?!fips-)([a-z]+-){2,3}\d+$/;
/** A UUID, or `mrk-` and 32 digits for a multi-Region key; local servers keep the dashes there. */
const KEY_ID = /^(mrk-[0-9a-f]{32}|(mrk-)?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$/;
/** The KMS model's `AliasNameType`, at most 256 characters. */
const ALIAS = /^alias\/[a-zA-Z0-9:/_-]{1,250}$/;
const ARN = /^(arn:aws[a-z-]{0,20}:kms:([a-z0-9-]{1,32})):(\d{12}):(key\/)?(.+)$/;

/** The parts of an ARN of KMS. */
export interface KmsArn {
  /** All before the account, such as `arn:aws:kms:eu-central-1`. */
  readonly place: string;
  readonly region: string;
  readonly account: string;
  /** A key id, or an alias with `alias/`. */
  readonly name: string;
}

/** Reads `arn:aws:kms:region:account:key/id` or `…:alias/name`; undefined for anything else. */
export function parseArn(text: string): KmsArn | undefined {
  const [, place, region, account, kind, name] = (ARN.exec(text) ?? []) as unknown as [string, string, string, string, string | undefined, string];
  return name !== undefined && (kind === undefined ? ALIAS : KEY_ID).test(name) ? { place, region, account, name } : undefined;
}

/** Whether a text has the form of a bare key id. */
export function isKeyId(text: unknown): text is string {
  return typeof text === "string" && KEY_ID.test(text);
}

/** What the ARNs of a region's keys and aliases begin with. */
export function arnPlace(region: string): string {
  return `arn:${findPartition(region)[0]}:kms:${region}`;
}

/** What the hosts of a region's services end with, such as `amazonaws.com`. */
export function dnsSuffixOf(region: string): string {
  return findPartition(region)[1];
}

/** `us-gov-west-1` is one of `us-gov`, and not of `us`. A region that nobody has heard of is commercial, as the SDKs have it. */
function findPartition(region: string): Partition {
  return PARTITIONS[region.replace(/-\w+-\d+$/, "")] ?? COMMERCIAL;
}

/** Everything that is wrong with a configuration, each saying what to change. Only own members of `data` are read. */
export function awsProblems(data: Readonly<Record<string, unknown>>, trust: AddressTrust): string[] {
  const { keyId, keyVersion, ...place } = { __proto__: null, ...data } as ReadOptions;
  return [...keyProblems({ keyId, keyVersion }, place.region), ...placeProblems(place, trust)];
}

/** What is wrong with the members that say where the service is. */
export function placeProblems({ region, useFips, useDualStack, endpoint }: ReadOptions, trust: AddressTrust): string[] {
  const problems = regionProblems(region);
  for (const [name, flag] of Object.entries({ useFips, useDualStack })) {
    if (flag !== undefined && typeof flag !== "boolean") problems.push(`${name} must be true or false`);
    if (flag === true && endpoint !== undefined) problems.push(`endpoint cannot be combined with ${name}`);
  }
  return [...problems, ...customEndpointProblems(endpoint, trust, true)];
}

/** What is wrong with a region. */
export function regionProblems(region: unknown): string[] {
  return typeof region === "string" && REGION.test(region) ? [] : [`region ${printable(region)} must be the name of an AWS region, such as eu-central-1`];
}

/** What is wrong with a key reference. A region that is wrong itself is not compared with. */
export function keyProblems({ keyId, keyVersion }: { readonly keyId: unknown; readonly keyVersion?: unknown }, region: unknown): string[] {
  const arn = parseArn(String(keyId));
  const name = arn?.name ?? keyId;
  if (typeof keyId !== "string" || (!isKeyId(name) && !ALIAS.test(name as string))) {
    return [`keyId ${printable(keyId)} must be a key id, a key ARN, alias/name, or an alias ARN`];
  }
  const problems: string[] = [];
  // A request elsewhere finds nothing.
  if (arn !== undefined && regionProblems(region).length === 0 && arn.place !== arnPlace(region as string)) {
    problems.push(`keyId ${printable(keyId)} must be an ARN of ${arnPlace(region as string)}`);
  }
  if (keyVersion !== undefined && (!isKeyId(keyVersion) || (isKeyId(name) && name !== keyVersion))) {
    problems.push("keyVersion must be a key id, and needs an alias as keyId");
  }
  return problems;
}

/**
 * Reads a key reference.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` with the first problem
 */
export function readKey(key: KeyRef, region: string): AwsKey {
  const [problem] = keyProblems(key, region);
  if (problem !== undefined) throw invalidArgument(problem);
  const { keyId, keyVersion } = key;
  const { account, name } = parseArn(keyId) ?? { name: keyId };
  const alias = isKeyId(name) ? undefined : name;
  const id = alias === undefined ? name : keyVersion;
  const place = arnPlace(region);
  // An alias can only point to a key of its own account and region (UpdateAlias).
  const target = alias === undefined || id === undefined ? keyId : account === undefined ? id : `${place}:${account}:key/${id}`;
  return { configured: keyId, keyVersion, target, id, alias, account, place };
}

/** What decides where requests go; it must have no problems. */
export interface AwsAddress {
  readonly region: string;
  readonly endpoint?: string | undefined;
  readonly useFips?: boolean | undefined;
  readonly useDualStack?: boolean | undefined;
}

/** Origin, host and path prefix of the service. http is for `placeProblems` to allow. */
export function resolveEndpoint({ region, endpoint, useFips, useDualStack }: AwsAddress): Endpoint {
  const [, suffix, dualStackSuffix] = findPartition(region);
  const own = `https://kms${useFips === true ? "-fips" : ""}.${region}.${useDualStack === true ? dualStackSuffix : suffix}`;
  return parseEndpoint(endpoint ?? own, { insecure: true, path: true }) as Endpoint;
}
