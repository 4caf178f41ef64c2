/** From data to a signature: algorithm, input form, the provider's signature, and the encoding that was asked for. */
import { findAlgorithm, type AlgorithmFacts, type EcCurve, type SignatureAlgorithm, type SignatureEncoding } from "../algorithms.js";
import { asBytes, type Bytes } from "../encoding/bytes.js";
import { ecdsaP1363ToDer, isEcdsaInRange, normalizeLowS, readEcdsaDer } from "../encoding/ecdsa.js";
import { isKmsError, ProviderError, type KmsErrorCode } from "../errors.js";
import { DIGEST_BYTES } from "../hasher.js";
import { invalidArgument, unsupported } from "./context.js";
import type { ManagedKey, ManagerCore } from "./core.js";
import type { CallContext, InputRule, KeyRef, ProviderSignature, SignInput } from "./provider.js";
import type { PublicKey, SignResult } from "./results.js";

/** What is to be signed, and how; a batch has several. */
export interface SignParameters {
  /** JOSE name. Default: the configured one, else that of the key's own type, for which its public key is read once. */
  readonly algorithm?: SignatureAlgorithm | "EdDSA";
  /** The data already is the digest that the algorithm asks for. Default false. */
  readonly digest?: boolean;
  /** For ECDSA: `ieee-p1363` (default, as in JOSE: r and s side by side) or `der`. */
  readonly encoding?: "ieee-p1363" | "der";
  /** For ECDSA: replace s by n - s where that is smaller, as blockchains ask. Default false. */
  readonly lowS?: boolean;
}

export const SIGN_PARAMETERS = ["algorithm", "digest", "encoding", "lowS"] as const;

/** Refusals that can come from something learnt of a key that is no longer the current one. */
const STALE = new Set<KmsErrorCode>(["ERR_KMS_KEY_MISMATCH", "ERR_KMS_KEY_STATE", "ERR_KMS_KEY_EXPIRED", "ERR_KMS_NOT_FOUND", "ERR_KMS_REJECTED"]);

/** Signs. What was learnt from the cache and is then refused by the service is asked anew, once. */
export async function signData(core: ManagerCore, key: ManagedKey, data: unknown, parameters: SignParameters, context: CallContext): Promise<SignResult> {
  const bytes = asBytes(data, "data");
  const named = parameters.algorithm ?? key.algorithm;
  const byVersion = core.provider.signsByVersion === true && key.keyVersion === undefined;
  const job: SignJob = { core, key, data: bytes, parameters, named: named === undefined ? undefined : chosen(named, core, parameters), byVersion };
  const cached = core.keys.peek(key);
  try {
    return await signOnce(job, context);
  } catch (error) {
    const learnt = named === undefined || byVersion;
    if (cached === undefined || !learnt || !isKmsError(error) || !STALE.has(error.code)) throw error;
    core.keys.drop(key, context);
    return signOnce(job, context);
  }
}

interface SignJob {
  readonly core: ManagerCore;
  readonly key: ManagedKey;
  readonly data: Bytes;
  readonly parameters: SignParameters;
  /** By the call or the configuration; else the key's default. */
  readonly named: AlgorithmFacts | undefined;
  /** The service signs with a named version only, and the caller named none. */
  readonly byVersion: boolean;
}

/** The facts of a known algorithm, if this service has it and the parameters fit it. */
function chosen(algorithm: string, { provider }: ManagerCore, { encoding, lowS }: SignParameters): AlgorithmFacts {
  const facts = findAlgorithm(algorithm) as AlgorithmFacts;
  if (provider.inputRule(facts.name) === undefined) throw unsupported(`no key of ${provider.name} can sign with ${facts.name}`);
  if (facts.scheme !== "ecdsa" && (encoding !== undefined || lowS === true)) throw invalidArgument(`encoding and lowS are for ECDSA, not for ${facts.name}`);
  return facts;
}

async function signOnce({ core, key, data, parameters, named, byVersion }: SignJob, context: CallContext): Promise<SignResult> {
  const { keys, provider } = core;
  let publicKey = named === undefined || byVersion ? await keys.get(key, context) : keys.peek(key);
  if (named !== undefined && publicKey?.algorithms.includes(named.name) === false) {
    // Another key may be behind the name by now; a service that has one name for two algorithms could not tell.
    publicKey = await keys.getAnew(key, context);
    const { keyType, algorithms } = publicKey;
    if (!algorithms.includes(named.name)) throw invalidArgument(`a key of type ${keyType} cannot sign with ${named.name}`, `this key can: ${algorithms.join(" ") || "not sign"}`);
  }
  const facts = named ?? chosen(defaultAlgorithm(publicKey as PublicKey), core, parameters);
  const input = await chooseInput(core, facts, data, parameters.digest === true);
  const signed = await provider.sign({ key: byVersion ? versionOf(publicKey as PublicKey) : key, ...input }, context);
  if (key.keyVersion === undefined && publicKey !== undefined && publicKey.keyVersion !== signed.keyVersion) keys.drop(key, context);
  return toResult(core, key, facts, signed, parameters);
}

/** The version that was current when the key was read. */
export function versionOf({ keyId, keyVersion }: PublicKey): KeyRef {
  return { keyId, keyVersion };
}

/** The first algorithm that the key can be used with: RS256 for RSA, the curve's own for the others. */
export function defaultAlgorithm({ keyType, algorithms }: PublicKey): SignatureAlgorithm {
  const [first] = algorithms;
  if (first === undefined) throw unsupported(`a key of type ${keyType} cannot sign here`, "use a key made for signing");
  return first;
}

/** Decides between message and digest by the service's rule; the manager hashes where the service does not take the message. */
export async function chooseInput(
  core: ManagerCore,
  facts: AlgorithmFacts,
  data: Bytes,
  isDigest: boolean,
): Promise<Pick<SignInput, "algorithm" | "form" | "input">> {
  const { provider, hasher } = core;
  const { name: algorithm, hash } = facts;
  const rule = provider.inputRule(algorithm) as InputRule;
  if (isDigest) {
    if (hash !== undefined && data.length !== DIGEST_BYTES[hash]) throw invalidArgument(`a digest for ${algorithm} is ${DIGEST_BYTES[hash]} bytes of ${hash}`);
    if (hash === undefined || !rule.digest) throw unsupported(`${provider.name} takes no digest for ${algorithm}`, "pass the message without digest: true");
    return { algorithm, form: "digest", input: data };
  }
  // With a limit of 0 only digests are taken, of an empty message too.
  const taken = rule.messageMaxBytes > 0 && data.length >= (rule.messageMinBytes ?? 0) && data.length <= rule.messageMaxBytes;
  if (taken) return { algorithm, form: "message", input: data };
  if (hash === undefined || !rule.digest) {
    const range = `${rule.messageMinBytes ?? 0} to ${rule.messageMaxBytes} bytes`;
    throw invalidArgument(`${provider.name} signs messages of ${range} with ${algorithm}`, "sign a hash of the data as the message");
  }
  return { algorithm, form: "digest", input: await hasher.digest(hash, data) };
}

function toResult(core: ManagerCore, key: ManagedKey, facts: AlgorithmFacts, signed: ProviderSignature, parameters: SignParameters): SignResult {
  const { keyVersion, requestId } = signed;
  const { encoding = "ieee-p1363" } = parameters;
  const signature = encodeSignature(facts, signed, encoding, parameters.lowS);
  const result = { signature, algorithm: facts.name, encoding: facts.scheme === "ecdsa" ? encoding : ("raw" as const), provider: core.provider.name, keyId: key.keyId, keyVersion };
  return requestId === undefined ? result : { ...result, requestId };
}

function encodeSignature({ scheme, curve }: AlgorithmFacts, { signature, encoding }: ProviderSignature, wanted: SignatureEncoding, lowS: boolean | undefined): Bytes {
  if (scheme !== "ecdsa" && (scheme !== "eddsa" || signature.length === 64)) return signature;
  const ecCurve = curve as EcCurve; // each ecdsa algorithm has one
  let p1363 = scheme === "eddsa" ? undefined : encoding === "der" ? readEcdsaDer(signature, ecCurve) : signature;
  if (p1363 === undefined || !isEcdsaInRange(p1363, ecCurve)) throw new ProviderError("ERR_KMS_RESPONSE_INVALID", "the answer's signature is none of this algorithm");
  if (lowS === true) p1363 = normalizeLowS(p1363, ecCurve);
  return wanted === "der" ? ecdsaP1363ToDer(p1363, ecCurve) : p1363;
}
