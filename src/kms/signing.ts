/** From data to a signature: algorithm, input form, the provider's signature, and the encoding that was asked for. */
import { findAlgorithm, type AlgorithmFacts, type EcCurve, type SignatureAlgorithm, type SignatureEncoding } from "../algorithms.js";
import { asBytes, type Bytes } from "../encoding/bytes.js";
import { ecdsaP1363ToDer, isEcdsaInRange, normalizeLowS, readEcdsaDer } from "../encoding/ecdsa.js";
import { isKmsError } from "../errors.js";
import { DIGEST_BYTES } from "../hasher.js";
import { invalidAnswer } from "../http/fields.js";
import { invalidArgument, unsupported } from "./context.js";
import type { ManagerCore } from "./core.js";
import type { CallContext, InputRule, KmsProvider, SignInput } from "./provider.js";
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

/** Refusals that can come from something learnt of a key that is no longer the current one. */
const STALE = /KEY_|NOT_FOUND|REJECTED/;

/** Signs. What was learnt from the cache and is then refused by the service is asked anew, once. */
export async function signData(core: ManagerCore, data: unknown, parameters: SignParameters, context: CallContext): Promise<SignResult> {
  const { key, keys, provider } = core;
  const bytes = asBytes(data, "data");
  const { algorithm = key.algorithm, digest, encoding, lowS } = parameters;
  const named = algorithm === undefined ? undefined : chosen(provider, algorithm, parameters);
  // The service signs with a named version only, and the caller named none.
  const byVersion = provider.signsByVersion && key.keyVersion === undefined;
  const learns = named === undefined || byVersion;

  const signOnce = async (): Promise<SignResult> => {
    let publicKey = learns ? await keys.get(key, context) : keys.peek(key);
    if (named !== undefined && publicKey?.algorithms.includes(named.name) === false) {
      // Another key may be behind the name by now; a service that has one name for two algorithms could not tell.
      publicKey = await keys.getAnew(key, context);
      const { keyType, algorithms } = publicKey;
      if (!algorithms.includes(named.name)) throw invalidArgument(`a key of type ${keyType} cannot sign with ${named.name}`);
    }
    const facts = named ?? chosen(provider, defaultAlgorithm(publicKey as PublicKey), parameters);
    const curve = facts.curve as EcCurve; // where it is used the algorithm has one
    const input = await chooseInput(core, facts, bytes, digest);
    const { keyId } = key;
    const signed = await provider.sign({ key: byVersion ? { keyId, keyVersion: (publicKey as PublicKey).keyVersion } : key, ...input }, context);
    if (publicKey !== undefined && publicKey.keyVersion !== signed.keyVersion) keys.drop(key, context);
    const plain = plainSignature(facts, signed.signature, signed.encoding);
    if (plain === undefined) throw invalidAnswer("signature");
    const low = lowS === true ? normalizeLowS(plain, curve) : plain;
    const signature = encoding === "der" ? ecdsaP1363ToDer(low, curve) : low;
    return { ...signed, signature, algorithm: facts.name, encoding: encoding ?? plainEncoding(facts), provider: provider.name, keyId } as SignResult;
  };

  const believed = learns && keys.peek(key) !== undefined;
  try {
    return await signOnce();
  } catch (error) {
    if (!believed || !isKmsError(error) || !STALE.test(error.code)) throw error;
    keys.drop(key, context);
    return signOnce();
  }
}

/** The facts of an algorithm, if any key of the service can sign so. */
export function offered(provider: KmsProvider, algorithm: unknown): AlgorithmFacts | undefined {
  const facts = findAlgorithm(algorithm);
  return facts !== undefined && provider.inputRule(facts.name) !== undefined ? facts : undefined;
}

/** The same, or an error; encoding and lowS must fit, too. */
function chosen(provider: KmsProvider, algorithm: string, { encoding, lowS }: SignParameters): AlgorithmFacts {
  const facts = offered(provider, algorithm);
  if (facts === undefined) throw unsupported(`algorithm ${algorithm} is not offered by ${provider.name}`);
  if (facts.scheme !== "ecdsa" && (encoding !== undefined || lowS === true)) throw invalidArgument("encoding and lowS are for ECDSA only");
  return facts;
}

/** The first algorithm that the key can be used with: RS256 for RSA, the curve's own for the others. */
export function defaultAlgorithm({ keyType, algorithms }: PublicKey): SignatureAlgorithm {
  const [first] = algorithms;
  if (first === undefined) throw unsupported(`a key of type ${keyType} cannot sign`);
  return first;
}

/** Decides between message and digest by the service's rule; the manager hashes where the service does not take the message. */
export async function chooseInput(
  { provider, hasher }: ManagerCore,
  { name: algorithm, hash }: AlgorithmFacts,
  data: Bytes,
  isDigest = false,
): Promise<Pick<SignInput, "algorithm" | "form" | "input">> {
  const { messageMinBytes: least = 0, messageMaxBytes: most, digest } = provider.inputRule(algorithm) as InputRule;
  const { length } = data;
  if (isDigest && hash !== undefined && length !== DIGEST_BYTES[hash]) throw invalidArgument(`data must be a digest of ${hash}`);
  // With a limit of 0 only digests are taken, of an empty message too.
  if (!isDigest && most > 0 && length >= least && length <= most) return { algorithm, form: "message", input: data };
  if (hash === undefined || !digest) {
    if (isDigest) throw unsupported(`${provider.name} takes no digest for ${algorithm}`);
    throw invalidArgument(`data must be of ${least} to ${most} bytes for ${algorithm}`, "sign a hash of it");
  }
  return { algorithm, form: "digest", input: isDigest ? data : await hasher.digest(hash, data) };
}

function plainEncoding({ scheme }: AlgorithmFacts): SignatureEncoding {
  return scheme === "ecdsa" ? "ieee-p1363" : "raw";
}

/** The signature as providers take it, r and s side by side for ECDSA, or undefined when it cannot be one. */
export function plainSignature(facts: AlgorithmFacts, signature: Bytes, encoding: unknown = plainEncoding(facts)): Bytes | undefined {
  const { scheme, curve } = facts;
  if (scheme === "ecdsa") {
    const ecCurve = curve as EcCurve; // each ecdsa algorithm has one
    const plain = encoding === "der" ? readEcdsaDer(signature, ecCurve) : encoding === "ieee-p1363" ? signature : undefined;
    return plain !== undefined && isEcdsaInRange(plain, ecCurve) ? plain : undefined;
  }
  const { length } = signature;
  return encoding === "raw" && (scheme === "eddsa" ? length === 64 : length >= 128 && length <= 1024) ? signature : undefined;
}

/** Runs a task for each item, so many at a time; the results are in the order of the items, and none is lost to another's failure. */
export async function settleAll<I, T>(items: readonly I[], concurrency = 8, task: (item: I) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const results = new Array<PromiseSettledResult<T>>(items.length);
  const rest = [...items].entries(); // the caller's may change meanwhile
  const work = async (): Promise<void> => {
    for (const [index, item] of rest) [results[index]] = await Promise.allSettled([task(item)]);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, work));
  return results;
}
