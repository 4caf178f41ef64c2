/** Transit requests: from typed input to method, URL and body. Pure, and checked before anything is sent. */
import { findAlgorithm, type AlgorithmFacts, type EcCurve } from "../algorithms.js";
import { encodeBase64 } from "../encoding/base64.js";
import { asBytes } from "../encoding/bytes.js";
import { ecdsaP1363ToDer } from "../encoding/ecdsa.js";
import type { WireRequest } from "../http/send.js";
import { invalidArgument, unsupported } from "../kms/context.js";
import type { KeyRef, SignInput, VerifyInput } from "../kms/provider.js";
import { inputRule, isSignatureOf } from "./algorithms.js";
import { keyProblems } from "./config.js";

/**
 * `POST sign/:name`. The input is always there: without it real servers sign the empty message.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, `ERR_KMS_UNSUPPORTED`
 */
export function buildSign(base: string, question: SignInput): WireRequest {
  const { keyId, keyVersion } = checkKey(question.key);
  return post(`${base}/sign/${keyId}`, { ...signMembers(question), key_version: keyVersion && Number(keyVersion) });
}

/**
 * `POST verify/:name`. The signature carries its version, as `sign` writes it. Undefined for one that cannot be of that algorithm:
 * the service would take one by a smaller curve for good.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, also without a version, `ERR_KMS_UNSUPPORTED`
 */
export function buildVerify(base: string, question: VerifyInput): WireRequest | undefined {
  const { keyId, keyVersion = "" } = question.key;
  checkKey({ keyId, keyVersion });
  const members = signMembers(question);
  const facts = findAlgorithm(question.algorithm) as AlgorithmFacts;
  const signature = asBytes(question.signature, "signature");
  if (!isSignatureOf(facts, signature)) return undefined;
  const native = facts.scheme === "ecdsa" ? ecdsaP1363ToDer(signature, facts.curve as EcCurve) : signature;
  return post(`${base}/verify/${keyId}`, { ...members, signature: `vault:v${keyVersion}:${encodeBase64(native)}` });
}

/** `GET keys/:name`: public keys and dates of all versions that are not archived. */
export function buildReadKey(base: string, key: KeyRef): WireRequest {
  return { method: "GET", url: `${base}/keys/${checkKey(key).keyId}`, headers: {} };
}

/** `POST keys/:name/rotate`. */
export function buildRotate(base: string, key: KeyRef): WireRequest {
  return post(`${base}/keys/${checkKey(key).keyId}/rotate`, {});
}

/** The service's own headers come with its authorization. Members that are undefined are left out. */
function post(url: string, members: object): WireRequest {
  return { method: "POST", url, headers: {}, body: JSON.stringify(members) };
}

/** A name of the grammar is safe in a path; `../../sys/seal` would not be. */
function checkKey(key: KeyRef): KeyRef {
  const [problem] = keyProblems(key);
  if (problem !== undefined) throw invalidArgument(problem);
  return key;
}

/**
 * What `sign` and `verify` have in common, all spelt out: nothing is left to a default (RSA would sign with PSS and the longest
 * salt). Ed25519 takes neither a hash nor `prehashed`: newer Vault refuses them. Transit writes SHA-256 as `sha2-256`.
 * That the length of the input fits `inputRule` is for the manager to see to.
 */
function signMembers({ algorithm, form, input }: SignInput): object {
  const rule = inputRule(algorithm);
  const isDigest = form === "digest";
  if (rule === undefined || (isDigest && !rule.digest)) throw unsupported("no key of Transit can sign this");
  const { scheme, hash } = findAlgorithm(algorithm) as AlgorithmFacts;
  const pss = scheme === "rsa-pss" ? "pss" : undefined;
  return {
    input: encodeBase64(asBytes(input, "input")),
    hash_algorithm: hash?.replace("SHA", "sha2"),
    signature_algorithm: scheme === "rsa-pkcs1" ? "pkcs1v15" : pss,
    salt_length: pss && "hash",
    marshaling_algorithm: "asn1",
    prehashed: isDigest || undefined,
  };
}
