/** AWS KMS as a `KmsProvider`. */
import { findAlgorithm, type EcCurve } from "../algorithms.js";
import type { Bytes } from "../encoding/bytes.js";
import { ecdsaP1363ToDer } from "../encoding/ecdsa.js";
import { CredentialCache, type CredentialOption } from "../credentials/cached.js";
import type { Environment } from "../environment.js";
import { isKmsError } from "../errors.js";
import { webHasher, type Hasher } from "../hasher.js";
import { addressTrust, createTransport, transportProblems, TRANSPORT_OPTIONS, type TransportOptions } from "../http/transport.js";
import type { CallContext, KeyRef, KmsProvider, VerifyInput } from "../kms/provider.js";
import { readOptions, throwProblems, type ReadOptions } from "../options.js";
import { inputRule } from "./algorithms.js";
import { createService, defaultCredentials, readCredentials, ServiceClock, type AwsCredentials } from "./authorization.js";
import { keyProblems, placeProblems, readKey, resolveEndpoint, type AwsKey } from "./config.js";
import { ask, type Exchange } from "./exchange.js";
import { readMetadata } from "./metadata.js";
import { buildGetPublicKey, buildSign, buildVerify } from "./requests.js";
import { parsePublicKey, parseSign, parseVerify } from "./responses.js";
import { rotateKey } from "./rotation.js";
import { SignatureMaker } from "./sigv4.js";
import { KnownVersions, listVersions, withoutVersion } from "./versions.js";

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
  return createProvider(createExchange(read));
}

function createExchange(read: ReadOptions): Exchange {
  const given = read as unknown as AwsProviderOptions; // without a prototype, which a rest of it would have
  const { region, credentials, env, hasher = webHasher, grantTokens } = given;
  const endpoint = resolveEndpoint(given);
  const transport = createTransport("aws", endpoint.origin, read);
  const clock = new ServiceClock(transport.now);
  const now = (): number => clock.now();
  const source = credentials ?? defaultCredentials(env);
  const cache = new CredentialCache<AwsCredentials>({ provider: "aws", source, check: readCredentials, now, random: transport.random });
  const maker = new SignatureMaker(hasher, { region, service: "kms" });
  const service = createService({ endpoint, credentials: cache, clock, maker });
  const base = { url: `${endpoint.origin}${endpoint.path}/`, grantTokens: grantTokens && [...grantTokens] };
  return { service, transport, clock, base, region };
}

function createProvider(exchange: Exchange): KmsProvider {
  const { base, region } = exchange;
  const versions = new KnownVersions(exchange);
  const keyOf = (ref: KeyRef): AwsKey => readKey(ref, region);
  return {
    name: "aws",
    agesByRotation: true,
    inputRule,
    keyProblems: (ref) => keyProblems(ref, region),
    async sign(input, context) {
      const key = keyOf(input.key);
      const signed = await ask(exchange, context, "compute", buildSign(base, key, input), (answer) => parseSign(answer, key, input.algorithm, exchange));
      versions.learn(key, signed.keyVersion);
      return signed;
    },
    async verify(input, context) {
      return verifyByService(exchange, keyOf(input.key), input, context);
    },
    async getPublicKey(ref, context) {
      const key = keyOf(ref);
      const found = await ask(exchange, context, "read", buildGetPublicKey(base, key), (answer) => parsePublicKey(answer, key, exchange));
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
      const key = withoutVersion(keyOf(ref), region);
      try {
        return await rotateKey(exchange, key, policy, context);
      } finally {
        versions.forget(key);
      }
    },
  };
}

async function verifyByService(exchange: Exchange, key: AwsKey, input: VerifyInput, context: CallContext): Promise<boolean> {
  const signature = signatureToSend(input);
  if (signature === undefined) return false;
  const request = buildVerify(exchange.base, key, input, signature);
  try {
    return await ask(exchange, context, "compute", request, (answer) => parseVerify(answer, key, input.algorithm, exchange));
  } catch (error) {
    // This is how the service says no.
    if (isKmsError(error) && error.providerCode === "KMSInvalidSignatureException") return false;
    throw error;
  }
}

/** DER for ECDSA; undefined when it cannot be a signature of this algorithm, or is longer than `Signature` may be. */
function signatureToSend({ algorithm, signature }: VerifyInput): Bytes | undefined {
  const facts = findAlgorithm(algorithm);
  if (signature.length === 0 || signature.length > 6144) return undefined;
  if (facts?.scheme !== "ecdsa") return signature;
  try {
    return ecdsaP1363ToDer(signature, facts.curve as EcCurve);
  } catch {
    return undefined;
  }
}

function grantProblems(tokens: unknown = []): string[] {
  const isToken = (token: unknown): boolean => typeof token === "string" && /^[\x21-\x7e]{1,8192}$/.test(token);
  return Array.isArray(tokens) && tokens.length <= 10 && tokens.every(isToken) ? [] : ["grantTokens must be an array of at most 10 grant tokens"];
}
