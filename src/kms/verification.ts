/** Verifying what is not trusted: a signature, the version and the algorithm that come with it. */
import { COORDINATE_BYTES, findAlgorithm, type AlgorithmFacts, type EcCurve } from "../algorithms.js";
import { asBytes, isBytes, type Bytes } from "../encoding/bytes.js";
import { readEcdsaDer } from "../encoding/ecdsa.js";
import { isKmsError, ProviderError } from "../errors.js";
import { verifyWithJwk } from "../verify/crypto-key.js";
import { invalidArgument, unsupported } from "./context.js";
import type { ManagedKey, ManagerCore } from "./core.js";
import type { CallContext, KeyRef } from "./provider.js";
import type { PublicKey } from "./results.js";
import { chooseInput, defaultAlgorithm, versionOf } from "./signing.js";

/** What comes with a message; a `SignResult` fits. Its `provider` and `keyId` are ignored: they are the message's word. */
export interface UntrustedSignature {
  readonly signature: Bytes;
  /** The version said to have signed; without it the pinned or the current one. */
  readonly keyVersion?: string | undefined;
  readonly algorithm?: string | undefined;
  /** For ECDSA. Default `ieee-p1363`. */
  readonly encoding?: string | undefined;
}

/** What `verify` is told besides data and signature. */
export interface VerifyParameters {
  /** The data already is a digest; the service is asked. Default false. */
  readonly digest?: boolean;
  /** Ask the service rather than the platform. Default false. */
  readonly remote?: boolean;
}

export const VERIFY_PARAMETERS = ["digest", "remote"] as const;

/** Whether the signature is one of this key over the data. A throw means that the question could not be answered. */
export async function verifyData(
  core: ManagerCore,
  key: ManagedKey,
  data: unknown,
  untrusted: UntrustedSignature,
  parameters: VerifyParameters,
  context: CallContext,
): Promise<boolean> {
  const bytes = asBytes(data, "data");
  const claim = readClaim(untrusted);
  const named = claimedAlgorithm(key, claim.algorithm);
  if (named === "no") return false;
  const ref = await claimedVersion(core, key, claim.keyVersion, context);
  if (ref === undefined) return false;
  const digest = parameters.digest === true;
  const remote = digest || parameters.remote === true || named?.name === "ES256K";
  try {
    return await answer({ core, ref, data: bytes, claim, named, digest, remote }, context);
  } catch (error) {
    // A version that was claimed and does not exist is no version of this key. That the pinned one is gone is another matter.
    if (claim.keyVersion !== undefined && key.keyVersion === undefined && isKmsError(error, "ERR_KMS_NOT_FOUND")) return false;
    throw error;
  }
}

/** Own members, read once: what is checked is what is used, and a polluted prototype claims nothing. */
function readClaim(untrusted: UntrustedSignature): UntrustedSignature {
  const claim = { __proto__: null, ...untrusted };
  if (isBytes(claim.signature)) return { ...claim, __proto__: null, signature: asBytes(claim.signature, "signature") } as never;
  throw invalidArgument("the claim must be { signature, keyVersion?, algorithm?, encoding? } with a Uint8Array");
}

interface Question {
  readonly core: ManagerCore;
  readonly ref: KeyRef;
  readonly data: Bytes;
  readonly claim: UntrustedSignature;
  /** By claim or configuration; else the key's default. */
  readonly named: AlgorithmFacts | undefined;
  readonly digest: boolean;
  /** The service answers, not the platform. */
  readonly remote: boolean;
}

/** The algorithm to verify with: configured and claimed one must agree. */
function claimedAlgorithm(key: ManagedKey, claimed: unknown): AlgorithmFacts | undefined | "no" {
  const configured = key.algorithm === undefined ? undefined : findAlgorithm(key.algorithm);
  if (claimed === undefined) return configured;
  const facts = findAlgorithm(claimed);
  return facts === undefined || (configured !== undefined && configured.name !== facts.name) ? "no" : facts;
}

/** The version to verify with, or undefined when the claimed one is none of this key's. A pinned manager has only its own. */
async function claimedVersion(core: ManagerCore, key: ManagedKey, claimed: unknown, context: CallContext): Promise<KeyRef | undefined> {
  if (claimed === undefined) return key;
  if (typeof claimed !== "string" || claimed === "" || claimed.length > 256) return undefined;
  if (key.keyVersion !== undefined) return claimed === key.keyVersion ? key : undefined;
  return (await ownsVersion(core, key, claimed, context)) ? { keyId: key.keyId, keyVersion: claimed } : undefined;
}

/** Whether a text names a version of the key. What the cache holds was asked about before it got in, or came with the key itself. */
async function ownsVersion({ keys, provider }: ManagerCore, { keyId }: KeyRef, keyVersion: string, context: CallContext): Promise<boolean> {
  return keys.peek({ keyId, keyVersion }) !== undefined || provider.ownsVersion({ keyId }, keyVersion, context);
}

/**
 * Keeps what is no version of the key out of the cache, whose entries `verify` believes.
 *
 * @throws {ProviderError} `ERR_KMS_NOT_FOUND`
 */
export async function assertOwnVersion(core: ManagerCore, key: KeyRef, keyVersion: string, context: CallContext): Promise<void> {
  if (await ownsVersion(core, key, keyVersion, context)) return;
  throw new ProviderError("ERR_KMS_NOT_FOUND", "the key has no such version", { keyVersion, hint: "listKeyVersions tells which it has" });
}

async function answer(question: Question, context: CallContext): Promise<boolean> {
  const { core, ref, named, remote } = question;
  const { keys, provider } = core;
  if (remote && provider.verify === undefined) throw unsupported(`${provider.name} does not verify`, "verify the message without digest and remote");
  if (remote && named !== undefined && provider.inputRule(named.name) === undefined) return false; // no key of this service signs so
  // A service can have one name for ES256 and ES256K: only the key tells them apart.
  const keyNeeded = !remote || needsVersion(question) || named === undefined || named.name === "ES256" || named.name === "ES256K";
  const kept = keys.peek(ref);
  const first = await answerWith(question, keyNeeded ? await keys.get(ref, context) : kept, context);
  // A "no" from a key that was current some time ago says little; a version never changes.
  if (first || kept === undefined || ref.keyVersion !== undefined) return first;
  const fresh = await keys.getAnew(ref, context);
  return fresh.keyVersion === kept.keyVersion ? first : answerWith(question, fresh, context);
}

function needsVersion({ core, ref }: Question): boolean {
  return (core.provider.signsByVersion === true || core.provider.verifiesByVersion === true) && ref.keyVersion === undefined;
}

async function answerWith(question: Question, publicKey: PublicKey | undefined, context: CallContext): Promise<boolean> {
  const { core, data, claim, remote } = question;
  const facts = question.named ?? (findAlgorithm(defaultAlgorithm(publicKey as PublicKey)) as AlgorithmFacts);
  if (publicKey?.algorithms.includes(facts.name) === false) return false;
  const signature = normalizeSignature(claim, facts);
  if (signature === undefined) return false;
  if (!remote) {
    try {
      return await verifyWithJwk((publicKey as PublicKey).jwk, facts, { data, signature });
    } catch (error) {
      if (!isKmsError(error, "ERR_KMS_UNSUPPORTED") || core.provider.verify === undefined) throw error;
    }
  }
  return askService(question, facts, signature, publicKey, context);
}

async function askService(question: Question, facts: AlgorithmFacts, signature: Bytes, publicKey: PublicKey | undefined, context: CallContext): Promise<boolean> {
  const { core, ref, data, digest } = question;
  if (core.provider.inputRule(facts.name) === undefined) return false; // no key of this service signs so
  const input = await chooseInput(core, facts, data, digest);
  const key = needsVersion(question) ? versionOf(publicKey as PublicKey) : ref;
  try {
    return (await core.provider.verify?.({ key, ...input, signature }, context)) === true;
  } catch (error) {
    if (isKmsError(error, "ERR_KMS_KEY_MISMATCH") && (error.status ?? 0) >= 400) return false; // the service: this algorithm does not fit the key
    throw error;
  }
}

/** The signature as providers take it, or undefined when it cannot be one. */
function normalizeSignature({ signature, encoding }: UntrustedSignature, { scheme, curve }: AlgorithmFacts): Bytes | undefined {
  const { length } = signature;
  if (scheme !== "ecdsa") {
    const fits = scheme === "eddsa" ? length === 64 : length >= 128 && length <= 1024;
    return fits && (encoding === undefined || encoding === "raw") ? signature : undefined;
  }
  const ecCurve = curve as EcCurve; // each ecdsa algorithm has one
  if (encoding === "der") return readEcdsaDer(signature, ecCurve);
  return length === 2 * COORDINATE_BYTES[ecCurve] && (encoding === undefined || encoding === "ieee-p1363") ? signature : undefined;
}
