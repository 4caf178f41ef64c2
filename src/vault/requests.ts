/** Transit requests: from typed input to method, URL and body. Pure, and checked before anything is sent. */
import { findAlgorithm, type AlgorithmFacts, type EcCurve } from "../algorithms.js";
import { encodeBase64 } from "../encoding/base64.js";
import { asBytes } from "../encoding/bytes.js";
import { ecdsaP1363ToDer } from "../encoding/ecdsa.js";
import { ValidationError } from "../errors.js";
import { DIGEST_BYTES } from "../hasher.js";
import type { WireRequest } from "../http/send.js";
import type { KeyRef, SignInput, VerifyInput } from "../kms/provider.js";
import { inputRule, isSignatureOf, transitParameters } from "./algorithms.js";
import { keyProblems } from "./config.js";

const NO_HEADERS = Object.freeze({});

/**
 * `POST sign/:name`. The input is always there: without it real servers sign the empty message.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, `ERR_KMS_UNSUPPORTED`
 */
export function buildSign(base: string, question: SignInput): WireRequest {
  const { keyId, keyVersion } = checkKey(question.key);
  const body = signMembers(question);
  if (keyVersion !== undefined) body.key_version = Number(keyVersion);
  return { method: "POST", url: `${base}/sign/${keyId}`, headers: NO_HEADERS, body: JSON.stringify(body) };
}

/**
 * `POST verify/:name`. The signature carries its version, as `sign` writes it. Undefined for one that cannot be of that algorithm:
 * the service would take one by a smaller curve for good.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, also without a version, `ERR_KMS_UNSUPPORTED`
 */
export function buildVerify(base: string, question: VerifyInput): WireRequest | undefined {
  const { keyId, keyVersion } = checkKey(question.key);
  if (keyVersion === undefined) throw invalidArgument("Transit verifies by version, so keyVersion must be given");
  const body = signMembers(question);
  const facts = findAlgorithm(question.algorithm) as AlgorithmFacts;
  const signature = asBytes(question.signature, "signature");
  if (!isSignatureOf(facts, signature)) return undefined;
  const native = facts.scheme === "ecdsa" ? ecdsaP1363ToDer(signature, facts.curve as EcCurve) : signature;
  body.signature = `vault:v${keyVersion}:${encodeBase64(native)}`;
  return { method: "POST", url: `${base}/verify/${keyId}`, headers: NO_HEADERS, body: JSON.stringify(body) };
}

/** `GET keys/:name`: public keys and dates of all versions that are not archived. */
export function buildReadKey(base: string, key: KeyRef): WireRequest {
  return { method: "GET", url: `${base}/keys/${checkKey(key).keyId}`, headers: NO_HEADERS };
}

/** `POST keys/:name/rotate`. */
export function buildRotate(base: string, { keyId }: KeyRef): WireRequest {
  return { method: "POST", url: `${base}/keys/${checkKey({ keyId }).keyId}/rotate`, headers: NO_HEADERS, body: "{}" };
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
  if (length !== DIGEST_BYTES[hash]) throw invalidArgument(`a digest for ${algorithm} has ${DIGEST_BYTES[hash]} bytes`);
}

function invalidArgument(message: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message);
}

function unsupported(message: string): ValidationError {
  return new ValidationError("ERR_KMS_UNSUPPORTED", message);
}

