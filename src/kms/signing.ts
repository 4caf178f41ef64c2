/** From data to a signature: algorithm, input form, the provider's signature, and the encoding that was asked for. */
import { findAlgorithm, type AlgorithmFacts, type EcCurve, type SignatureAlgorithm, type SignatureEncoding } from "../algorithms.js";
import { asBytes, type Bytes } from "../encoding/bytes.js";
import { ecdsaP1363ToDer, isEcdsaInRange, normalizeLowS, readEcdsaDer } from "../encoding/ecdsa.js";
import { isKmsError, ProviderError, type KmsErrorCode } from "../errors.js";
import { DIGEST_BYTES } from "../hasher.js";
import { invalidArgument, unsupported } from "./context.js";
import type { ManagedKey, ManagerCore } from "./manager.js";
import type { CallContext, InputRule, ProviderSignature } from "./provider.js";
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
  checkParameters(parameters, key, core);
  const cached = core.keys.peek(key);
  try {
    return await signOnce(core, key, bytes, parameters, context);
  } catch (error) {
    const learnt = parameters.algorithm === undefined && key.algorithm === undefined;
    const versioned = core.provider.signsByVersion === true && key.keyVersion === undefined;
    if (cached === undefined || !(learnt || versioned) || !isKmsError(error) || !STALE.has(error.code)) throw error;
    core.keys.drop(key, context);
    return signOnce(core, key, bytes, parameters, context);
  }
}

function checkParameters({ algorithm, digest, encoding, lowS }: SignParameters, key: ManagedKey, core: ManagerCore): void {
  const facts = algorithm === undefined ? undefined : requireAlgorithm(algorithm, core);
  if (digest !== undefined && typeof digest !== "boolean") throw invalidArgument("digest must be true or false");
  if (lowS !== undefined && typeof lowS !== "boolean") throw invalidArgument("lowS must be true or false");
  if (encoding !== undefined && encoding !== "der" && encoding !== "ieee-p1363") throw invalidArgument('encoding must be "ieee-p1363" or "der"');
  const known = facts ?? (key.algorithm === undefined ? undefined : requireAlgorithm(key.algorithm, core));
  if (known !== undefined) checkShape(known, encoding, lowS);
}

function checkShape({ name, scheme }: AlgorithmFacts, encoding: string | undefined, lowS: boolean | undefined): void {
  if (scheme === "ecdsa") return;
  if (encoding !== undefined) throw invalidArgument(`encoding is for ECDSA; a signature of ${name} has one form`);
  if (lowS === true) throw invalidArgument(`lowS is for ECDSA, not for ${name}`);
}

/** The facts of an algorithm that this service has, or a typed refusal. */
export function requireAlgorithm(algorithm: unknown, core: ManagerCore): AlgorithmFacts {
  const facts = findAlgorithm(algorithm);
  if (facts === undefined) throw invalidArgument("algorithm is none of the JOSE names that sign: RS256 … PS512, ES256, ES384, ES512, ES256K, Ed25519");
  if (core.provider.inputRule(facts.name) === undefined) {
    throw unsupported(`no key of ${core.provider.name} can sign with ${facts.name}`, "supports(\"sign\", algorithm) tells beforehand");
  }
  return facts;
}

async function signOnce(core: ManagerCore, key: ManagedKey, data: Bytes, parameters: SignParameters, context: CallContext): Promise<SignResult> {
  const { provider } = core;
  const named = parameters.algorithm ?? key.algorithm;
  const versionNeeded = provider.signsByVersion === true && key.keyVersion === undefined;
  let publicKey = named === undefined || versionNeeded ? await core.keys.get(key, context) : core.keys.peek(key);
  if (publicKey !== undefined && named !== undefined && !publicKey.algorithms.includes(requireAlgorithm(named, core).name)) {
    // Another key may be behind the name by now; a service that has one name for two algorithms could not tell.
    publicKey = await core.keys.getAnew(key, context);
  }
  const facts = requireAlgorithm(named ?? defaultAlgorithm(publicKey as PublicKey), core);
  if (publicKey !== undefined && !publicKey.algorithms.includes(facts.name)) {
    throw invalidArgument(`a key of type ${publicKey.keyType} cannot sign with ${facts.name}`, `this key can: ${publicKey.algorithms.join(" ") || "not sign"}`);
  }
  checkShape(facts, parameters.encoding, parameters.lowS);
  const { form, input } = await chooseInput(core, facts, data, parameters.digest === true);
  const ref = versionNeeded ? { keyId: key.keyId, keyVersion: (publicKey as PublicKey).keyVersion } : key;
  const signed = await provider.sign({ key: ref, algorithm: facts.name, form, input }, context);
  if (key.keyVersion === undefined && publicKey !== undefined && publicKey.keyVersion !== signed.keyVersion) core.keys.drop(key, context);
  return toResult(core, key, facts, signed, parameters);
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
): Promise<{ form: "message" | "digest"; input: Bytes }> {
  const rule = core.provider.inputRule(facts.name) as InputRule;
  const { name, hash } = facts;
  if (isDigest) {
    if (hash === undefined) throw unsupported(`${name} signs messages, not digests`, "pass the message without digest: true");
    if (data.length !== DIGEST_BYTES[hash]) throw invalidArgument(`a digest for ${name} is ${DIGEST_BYTES[hash]} bytes of ${hash}`, "leave digest: true out for a message");
    if (!rule.digest) throw unsupported(`${core.provider.name} does not sign a digest with ${name}`, "pass the message without digest: true");
    return { form: "digest", input: data };
  }
  // With a limit of 0 only digests are taken, of an empty message too.
  const taken = rule.messageMaxBytes > 0 && data.length >= (rule.messageMinBytes ?? 0) && data.length <= rule.messageMaxBytes;
  if (taken) return { form: "message", input: data };
  if (hash === undefined || !rule.digest) {
    const range = `${rule.messageMinBytes ?? 0} to ${rule.messageMaxBytes} bytes`;
    throw invalidArgument(`${core.provider.name} signs messages of ${range} with ${name}`, "sign a hash of the data as the message, and verify it the same way");
  }
  return { form: "digest", input: await core.hasher.digest(hash, data) };
}

function toResult(core: ManagerCore, key: ManagedKey, facts: AlgorithmFacts, signed: ProviderSignature, parameters: SignParameters): SignResult {
  const { keyVersion, requestId } = signed;
  const { signature, encoding } = encodeSignature(facts, signed, parameters);
  const result = { signature, algorithm: facts.name, encoding, provider: core.provider.name, keyId: key.keyId, keyVersion };
  return requestId === undefined ? result : { ...result, requestId };
}

function encodeSignature(
  { scheme, curve }: AlgorithmFacts,
  { signature, encoding }: ProviderSignature,
  { encoding: wanted = "ieee-p1363", lowS }: SignParameters,
): { signature: Bytes; encoding: SignatureEncoding } {
  if (scheme !== "ecdsa") {
    if (scheme === "eddsa" && signature.length !== 64) throw invalidSignature();
    return { signature, encoding: "raw" };
  }
  const ecCurve = curve as EcCurve;
  let p1363 = encoding === "der" ? readEcdsaDer(signature, ecCurve) : signature;
  if (p1363 === undefined || !isEcdsaInRange(p1363, ecCurve)) throw invalidSignature();
  if (lowS === true) p1363 = normalizeLowS(p1363, ecCurve);
  return { signature: wanted === "der" ? ecdsaP1363ToDer(p1363, ecCurve) : p1363, encoding: wanted };
}

function invalidSignature(): ProviderError {
  return new ProviderError("ERR_KMS_RESPONSE_INVALID", "the answer's signature is none of this algorithm");
}
