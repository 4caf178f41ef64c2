/** Transit requests: from typed input to method, URL and body. Pure, and checked before anything is sent. */
import { findAlgorithm, type AlgorithmFacts, type EcCurve } from "../algorithms.js";
import { encodeBase64 } from "../encoding/base64.js";
import { asBytes } from "../encoding/bytes.js";
import { ecdsaP1363ToDer } from "../encoding/ecdsa.js";
import { DIGEST_BYTES } from "../hasher.js";
import type { WireRequest } from "../http/send.js";
import { invalidArgument, unsupported } from "../kms/context.js";
import type { KeyRef, SignInput, VerifyInput } from "../kms/provider.js";
import { inputRule, isSignatureOf, transitParameters } from "./algorithms.js";
import { keyProblems } from "./config.js";

/**
 * `POST sign/:name`. The input is always there: without it real servers sign the empty message.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, `ERR_KMS_UNSUPPORTED`
 */
export function buildSign(base: string, question: SignInput): WireRequest {
  const { keyId, keyVersion } = checkKey(question.key);
  const body = signMembers(question);
  if (keyVersion !== undefined) body.key_version = Number(keyVersion);
  return post(`${base}/sign/${keyId}`, body);
}

/**
 * `POST verify/:name`. The signature carries its version, as `sign` writes it. Undefined for one that cannot be of that algorithm:
 * the service would take one by a smaller curve for good.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, also without a version, `ERR_KMS_UNSUPPORTED`
 */
export function buildVerify(base: string, question: VerifyInput): WireRequest | undefined {
  const { keyId, keyVersion } = checkKey(question.key);
  if (keyVersion === undefined) throw invalidArgument("Transit verifies by version: keyVersion is missing");
  const body = signMembers(question);
  const facts = findAlgorithm(question.algorithm) as AlgorithmFacts;
  const signature = asBytes(question.signature, "signature");
  if (!isSignatureOf(facts, signature)) return undefined;
  const native = facts.scheme === "ecdsa" ? ecdsaP1363ToDer(signature, facts.curve as EcCurve) : signature;
  body.signature = `vault:v${keyVersion}:${encodeBase64(native)}`;
  return post(`${base}/verify/${keyId}`, body);
}

/** `GET keys/:name`: public keys and dates of all versions that are not archived. */
export function buildReadKey(base: string, key: KeyRef): WireRequest {
  return { method: "GET", url: `${base}/keys/${checkKey(key).keyId}`, headers: {} };
}

/** `POST keys/:name/rotate`. */
export function buildRotate(base: string, { keyId }: KeyRef): WireRequest {
  return post(`${base}/keys/${checkKey({ keyId }).keyId}/rotate`, {});
}

/** The service's own headers come with its authorization. */
function post(url: string, members: object): WireRequest {
  return { method: "POST", url, headers: {}, body: JSON.stringify(members) };
}

/** A name of the grammar is safe in a path; `../../sys/seal` would not be. */
function checkKey(key: KeyRef): KeyRef {
  const problems = keyProblems(key.keyId, key.keyVersion);
  if (problems.length > 0) throw invalidArgument(problems.join("; "));
  return key;
}

function signMembers({ algorithm, form, input }: SignInput): Record<string, unknown> {
  checkInput(algorithm, form, asBytes(input, "input").length);
  const members = { input: encodeBase64(input), ...transitParameters(algorithm) };
  return form === "digest" ? { ...members, prehashed: true } : members;
}

/** The manager asks `inputRule` and keeps to it; who calls a provider directly is told here. Transit itself takes a digest of any length for EC keys. */
function checkInput(algorithm: SignInput["algorithm"], form: SignInput["form"], length: number): void {
  const rule = inputRule(algorithm);
  if (rule === undefined) throw unsupported("Transit has no key that signs with this algorithm");
  if (form !== "digest") {
    if (length > rule.messageMaxBytes) throw invalidArgument(`Transit takes messages of at most ${rule.messageMaxBytes} bytes`);
    return;
  }
  const { hash } = findAlgorithm(algorithm) as AlgorithmFacts;
  if (hash === undefined) throw unsupported("Transit signs no digest with this algorithm");
  if (length !== DIGEST_BYTES[hash]) throw invalidArgument(`a digest for ${algorithm} is ${DIGEST_BYTES[hash]} bytes of ${hash}`);
}

