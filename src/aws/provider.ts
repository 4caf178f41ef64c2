/** AWS KMS as a `KmsProvider`. */
import { findAlgorithm, type EcCurve } from "../algorithms.js";
import { encodeBase64 } from "../encoding/base64.js";
import { ecdsaP1363ToDer } from "../encoding/ecdsa.js";
import type { CredentialOption } from "../credentials/cached.js";
import type { Environment } from "../environment.js";
import { isKmsError } from "../errors.js";
import { webHasher, type Hasher } from "../hasher.js";
import { addressTrust, createTransport, transportProblems, TRANSPORT_OPTIONS, type TransportOptions } from "../http/transport.js";
import type { CallContext, KeyRef, KmsProvider, ProviderKeyMetadata } from "../kms/provider.js";
import type { MetadataPart } from "../kms/results.js";
import { readOptions, throwProblems } from "../options.js";
import { algorithmsIn, inputRule, keyStateOf, keyTypeOfSpec, materialOf, SYMMETRIC, usesOf } from "./algorithms.js";
import { createService, type AwsCredentials } from "./authorization.js";
import { keyProblems, placeProblems, readKey, resolveEndpoint, type AwsKey } from "./config.js";
import { readEnvironment } from "./credentials/environment.js";
import { ask, describeKey, fetchTags, list, type Exchange } from "./exchange.js";
import { signMembers } from "./requests.js";
import { parsePublicKey, parseRotationStatus, parseSign, parseVerify, readRotationDate, type KeyFacts } from "./responses.js";
import { rotateKey } from "./rotation.js";
import { datesOf, KnownVersions, listVersions, withoutVersion } from "./versions.js";

/** Which region, and who asks. */
export interface AwsProviderOptions extends TransportOptions {
  /** Such as `eu-central-1`. It fixes the host, the signing scope, and the ARN that an answer must carry. */
  readonly region: string;
  /** An access key, or a function that returns one. Default: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`. */
  readonly credentials?: CredentialOption<AwsCredentials>;
  /** Another address than the service's own, such as that of a VPC endpoint, a proxy or a local server; a path is kept. */
  readonly endpoint?: string;
  /** `kms-fips.…`. Default false. */
  readonly useFips?: boolean;
  /** The host that has IPv6 addresses too. Default false. */
  readonly useDualStack?: boolean;
  /** Sent with the operations that take them, at most 10. */
  readonly grantTokens?: readonly string[];
  /** Instead of the process's environment; `{}` forbids it. */
  readonly env?: Environment;
  /** Instead of WebCrypto for hashes and signatures of requests. */
  readonly hasher?: Hasher;
}

export const AWS_OPTIONS = ["region", "credentials", "endpoint", "useFips", "useDualStack", "grantTokens", "env", "hasher", ...TRANSPORT_OPTIONS] as const;

/**
 * A provider for one region with one credential. Sends nothing until it is used.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` for a credential value that cannot be one
 * @example
 * ```ts
 * const provider = createAwsProvider({ region: "eu-central-1" });
 * const kms = new KmsManager(provider, { keyId: "alias/signing" });
 * ```
 */
export function createAwsProvider(options: AwsProviderOptions): KmsProvider {
  const problems: string[] = [];
  const read = readOptions(options, AWS_OPTIONS, problems);
  throwProblems([...problems, ...transportProblems(read), ...placeProblems(read, addressTrust(read)), ...grantProblems(read.grantTokens)]);
  // Without a prototype, which a rest of it would have.
  const given = read as unknown as AwsProviderOptions;
  const { region, credentials, env, hasher = webHasher, grantTokens } = given;
  const endpoint = resolveEndpoint(given);
  const transport = createTransport("aws", endpoint.origin, read);
  const service = createService({ source: credentials ?? (() => readEnvironment(env)), hasher, region }, endpoint, transport);
  return createProvider({ service, transport, url: `${endpoint.origin}${endpoint.path}/`, grantTokens: grantTokens && [...grantTokens] }, region);
}

function createProvider(exchange: Exchange, region: string): KmsProvider {
  const { grantTokens: GrantTokens } = exchange;
  const versions = new KnownVersions(exchange);
  let last: AwsKey | undefined;
  /** Most calls name the same key as the one before. */
  const keyOf = (ref: KeyRef): AwsKey => {
    if (last?.configured !== ref.keyId || last.keyVersion !== ref.keyVersion) last = readKey(ref, region);
    return last;
  };
  return {
    name: "aws",
    agesByRotation: true,
    inputRule,
    keyProblems: (ref) => keyProblems(ref, region),
    async sign(input, context) {
      const key = keyOf(input.key);
      const members = { KeyId: key.target, ...signMembers(input), GrantTokens };
      const signed = await ask(exchange, context, "Sign", members, (answer) => parseSign(answer, key, input.algorithm));
      versions.learn(key, signed.keyVersion);
      return signed;
    },
    async verify(input, context) {
      const key = keyOf(input.key);
      const { scheme, curve } = findAlgorithm(input.algorithm) ?? {};
      const signature = scheme === "ecdsa" ? ecdsaP1363ToDer(input.signature, curve as EcCurve) : input.signature;
      const members = { KeyId: key.target, ...signMembers(input), Signature: encodeBase64(signature), GrantTokens };
      try {
        return await ask(exchange, context, "Verify", members, (answer) => parseVerify(answer, key, input.algorithm));
      } catch (error) {
        // This is how the service says no.
        if (isKmsError(error) && error.providerCode === "KMSInvalidSignatureException") return false;
        throw error;
      }
    },
    async getPublicKey(ref, context) {
      const key = keyOf(ref);
      const found = await ask(exchange, context, "GetPublicKey", { KeyId: key.target, GrantTokens }, (answer) => parsePublicKey(answer, key));
      versions.learn(key, found.keyVersion);
      return found;
    },
    async getKeyMetadata(ref, include, context) {
      return readMetadata(exchange, keyOf(ref), include, context);
    },
    listKeyVersions(ref, include, newContext) {
      return listVersions(exchange, keyOf(ref), include.includes("state"), newContext);
    },
    async ownsVersion(ref, keyVersion, context) {
      return versions.owns(keyOf(ref), keyVersion, context);
    },
    async rotateKey({ key: ref, policy }, context) {
      const key = withoutVersion(keyOf(ref));
      try {
        return await rotateKey(exchange, key, policy, context);
      } finally {
        versions.forget();
      }
    },
  };
}

function grantProblems(tokens: unknown = []): string[] {
  const isToken = (token: unknown): boolean => typeof token === "string" && /^[\x21-\x7e]{1,8192}$/.test(token);
  return Array.isArray(tokens) && tokens.length <= 10 && tokens.every(isToken) ? [] : ["grantTokens must be at most 10 grant tokens"];
}

/** 25 on-demand rotations are all that a symmetric key gets: at this rate they last for six years. */
const MIN_ROTATION_MS = 90 * 86_400_000;

/** One request; with `tags` one or more, and with `rotation` two or more in addition, if the key is one that rotates. */
async function readMetadata(exchange: Exchange, key: AwsKey, include: readonly MetadataPart[], context: CallContext): Promise<ProviderKeyMetadata> {
  const facts = await describeKey(exchange, context, key);
  const { KeySpec, signingAlgorithms } = facts;
  const keyType = keyTypeOfSpec(KeySpec);
  const rotates = KeySpec === SYMMETRIC;
  return {
    keyVersion: facts.id,
    keyType,
    algorithms: algorithmsIn(signingAlgorithms, keyType),
    state: keyStateOf(facts.KeyState),
    usableFor: usesOf(facts.KeyUsage),
    ...datesOf(facts),
    ...materialOf(facts.Origin),
    ...(rotates && { minRotationIntervalMs: MIN_ROTATION_MS }),
    // Own members, whatever their names are.
    ...(include.includes("tags") && { tags: Object.fromEntries((await fetchTags(exchange, facts, context)).map(({ TagKey, TagValue }) => [TagKey, TagValue])) }),
    // The service refuses to speak of the rotation of other keys.
    ...(include.includes("rotation") && rotates && facts.CustomKeyStoreId === undefined && (await readRotation(exchange, facts, context))),
  };
}

/**
 * When the material last changed, and when it will. A rotation on demand takes about a minute, in which it is in no list
 * yet: it counts from its start, so that nobody who looks at the age asks for another one.
 */
async function readRotation(exchange: Exchange, facts: KeyFacts, context: CallContext): Promise<Pick<ProviderKeyMetadata, "rotatedAt" | "nextRotationAt">> {
  const KeyId = facts.arn;
  const { nextRotationAt, runningSince } = await ask(exchange, context, "GetKeyRotationStatus", { KeyId }, (answer) => parseRotationStatus(answer, facts));
  const ended = await list(exchange, () => context, "ListKeyRotations", { KeyId, Limit: 1000 }, readRotationDate);
  const last = ended.reduce((latest, date) => Math.max(latest, date.getTime()), runningSince?.getTime() ?? 0);
  return { ...(last > 0 && { rotatedAt: new Date(last) }), ...(nextRotationAt && { nextRotationAt }) };
}
