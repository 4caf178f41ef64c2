/** Verifying what is not trusted: a signature, the version and the algorithm that come with it. */
import { asBytes, type Bytes } from "../encoding/bytes.js";
import { isKmsError } from "../errors.js";
import { verifyWithJwk } from "../verify/crypto-key.js";
import { unsupported } from "./context.js";
import type { ManagerCore } from "./core.js";
import type { CallContext } from "./provider.js";
import type { PublicKey } from "./results.js";
import { chooseInput, defaultAlgorithm, offered, plainSignature } from "./signing.js";

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

/** Whether the signature is one of this key over the data. A throw means that the question could not be answered. */
export async function verifyData(
  core: ManagerCore,
  data: unknown,
  untrusted: UntrustedSignature,
  { digest, remote }: VerifyParameters,
  context: CallContext,
): Promise<boolean> {
  const { key, keys, provider } = core;
  const bytes = asBytes(data, "data");
  // Own members, read once: what is checked is what is used, and a polluted prototype claims nothing.
  const claim = { __proto__: null, ...untrusted } as UntrustedSignature;
  const { algorithm = key.algorithm, keyVersion = key.keyVersion, encoding } = claim;
  const given = asBytes(claim.signature, "claim.signature");

  // Configured and claimed algorithm must agree, and be one that a key of this service can have.
  const named = offered(provider, algorithm);
  if (algorithm !== undefined && (named === undefined || named.name !== (key.algorithm ?? named.name))) return false;
  const byService = digest === true || remote === true;
  if (byService && provider.verify === undefined) throw unsupported(`${provider.name} cannot verify`);

  // A pinned manager has one version only.
  const { keyId } = key;
  const ref = { keyId, keyVersion };
  const isClaimed = keyVersion !== key.keyVersion;
  if (isClaimed && (key.keyVersion !== undefined || typeof keyVersion !== "string" || keyVersion === "" || !(await keys.owns(keyId, keyVersion, context)))) return false;

  const needsVersion = keyVersion === undefined && provider.verifiesByVersion === true;
  // A service can have one name for ES256 and ES256K: only the key tells them apart.
  const needsKey = !byService || needsVersion || named === undefined || named.name.startsWith("ES256");

  const answer = async (publicKey: PublicKey | undefined): Promise<boolean> => {
    const facts = named ?? offered(provider, defaultAlgorithm(publicKey as PublicKey));
    if (facts === undefined || publicKey?.algorithms.includes(facts.name) === false) return false;
    const signature = plainSignature(facts, given, encoding);
    if (signature === undefined) return false;
    if (!byService) {
      try {
        return await verifyWithJwk((publicKey as PublicKey).jwk, facts, { data: bytes, signature });
      } catch (error) {
        if (!isKmsError(error, "ERR_KMS_UNSUPPORTED") || provider.verify === undefined) throw error;
      }
    }
    const input = await chooseInput(core, facts, bytes, digest);
    try {
      return (await provider.verify?.({ key: needsVersion ? { keyId, keyVersion: (publicKey as PublicKey).keyVersion } : ref, ...input, signature }, context)) === true;
    } catch (error) {
      if (isKmsError(error, "ERR_KMS_KEY_MISMATCH") && Number(error.status) >= 400) return false; // the service: this algorithm does not fit the key
      throw error;
    }
  };

  try {
    const kept = keys.peek(ref);
    const first = await answer(needsKey ? await keys.get(ref, context) : kept);
    // A "no" from a key that was current some time ago says little; a version never changes.
    if (first || kept === undefined || keyVersion !== undefined) return first;
    const fresh = await keys.getAnew(ref, context);
    return fresh.keyVersion !== kept.keyVersion && (await answer(fresh));
  } catch (error) {
    // A version that was claimed and does not exist is no version of this key. That the pinned one is gone is another matter.
    if (isClaimed && isKmsError(error, "ERR_KMS_NOT_FOUND")) return false;
    throw error;
  }
}
