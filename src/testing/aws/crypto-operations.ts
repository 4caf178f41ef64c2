/** Sign, Verify, GetPublicKey, GenerateMac, VerifyMac (AWS wire sheet 2.7). */
import { encodeBase64 } from "../../encoding/base64.js";
import { equalBytes } from "../../encoding/bytes.js";
import type { Bytes } from "../../encoding/bytes.js";
import { signatureFromDer, signatureToDer } from "../der.js";
import type { EmulatedKey } from "../keys.js";
import { signEd25519ph } from "./ed25519ph.js";
import { AwsFailure, invalid, unsupported } from "./failure.js";
import { computeMac } from "./mac.js";
import { BOOLEAN, GRANT_TOKENS, KEY_ID, MESSAGE } from "./members.js";
import type { Member, Members } from "./members.js";
import { usageAlgorithms } from "./metadata.js";
import { operation } from "./operation.js";
import type { Answer, AwsOperations } from "./operation.js";
import { KEY_SPECS, MAC_ALGORITHM_VALUES, SIGNING_ALGORITHM_VALUES, signingFacts } from "./specs.js";
import type { AwsKeyUsage } from "./specs.js";
import { refuseStates, UNUSABLE } from "./store.js";
import type { AwsKey, AwsStore } from "./store.js";

interface SignInput {
  readonly KeyId: string;
  readonly Message: Bytes;
  readonly MessageType?: string;
  readonly SigningAlgorithm: string;
  readonly DryRun?: boolean;
}

interface MacInput {
  readonly KeyId: string;
  readonly Message: Bytes;
  readonly MacAlgorithm: string;
  readonly DryRun?: boolean;
}

const SIGN_MEMBERS: Members = {
  KeyId: KEY_ID,
  Message: MESSAGE,
  MessageType: { kind: "string", values: ["RAW", "DIGEST", "EXTERNAL_MU"] },
  SigningAlgorithm: { kind: "string", values: SIGNING_ALGORITHM_VALUES, required: true },
  GrantTokens: GRANT_TOKENS,
  DryRun: BOOLEAN,
};

const MAC_MEMBERS: Members = {
  Message: MESSAGE,
  KeyId: KEY_ID,
  MacAlgorithm: { kind: "string", values: MAC_ALGORITHM_VALUES, required: true },
  GrantTokens: GRANT_TOKENS,
  DryRun: BOOLEAN,
};

const SIGNATURE: Member = { kind: "blob", min: 1, max: 6144, required: true };

export const CRYPTO_OPERATIONS: AwsOperations = {
  Sign: operation<SignInput>(SIGN_MEMBERS, async (store, input) => {
    const { key, current } = await signingKey(store, input, "Sign");
    const signature = await sign(current, input);
    return { KeyId: key.arn, Signature: encodeBase64(signature), SigningAlgorithm: input.SigningAlgorithm };
  }),
  Verify: operation<SignInput & { readonly Signature: Bytes }>({ ...SIGN_MEMBERS, Signature: SIGNATURE }, async (store, input) => {
    const { key, current } = await signingKey(store, input, "Verify");
    // A signature that does not fit is an error without a message, never a `false`.
    if (!(await verify(current, input))) throw new AwsFailure("KMSInvalidSignatureException");
    return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: input.SigningAlgorithm };
  }),
  GetPublicKey: operation<{ KeyId: string }>({ KeyId: KEY_ID, GrantTokens: GRANT_TOKENS }, async (store, { KeyId }) =>
    publicKey(store.find(KeyId, "any")),
  ),
  GenerateMac: operation<MacInput>(MAC_MEMBERS, async (store, input) => {
    const { key, current } = await usableKey(store, input, { name: "GenerateMac", usage: "GENERATE_VERIFY_MAC", algorithm: input.MacAlgorithm });
    refuseDryRun(input);
    const mac = await computeMac(current, input.MacAlgorithm, input.Message);
    return { KeyId: key.arn, Mac: encodeBase64(mac), MacAlgorithm: input.MacAlgorithm };
  }),
  VerifyMac: operation<MacInput & { readonly Mac: Bytes }>({ ...MAC_MEMBERS, Mac: SIGNATURE }, async (store, input) => {
    const { key, current } = await usableKey(store, input, { name: "VerifyMac", usage: "GENERATE_VERIFY_MAC", algorithm: input.MacAlgorithm });
    refuseDryRun(input);
    const mac = await computeMac(current, input.MacAlgorithm, input.Message);
    if (!equalBytes(mac, input.Mac)) throw new AwsFailure("KMSInvalidMacException");
    return { KeyId: key.arn, MacAlgorithm: input.MacAlgorithm, MacValid: true };
  }),
};

interface Use {
  readonly name: string;
  readonly usage: AwsKeyUsage;
  readonly algorithm: string;
}

interface Usable {
  readonly key: AwsKey;
  readonly current: EmulatedKey;
}

async function usableKey(store: AwsStore, { KeyId }: { readonly KeyId: string }, use: Use): Promise<Usable> {
  const key = store.find(KeyId, "any");
  refuseStates(key, UNUSABLE);
  if (key.usage !== use.usage) {
    throw new AwsFailure("InvalidKeyUsageException", `${key.arn} key usage is ${key.usage} which is not valid for ${use.name}.`);
  }
  if (KEY_SPECS[key.spec].usages[key.usage]?.includes(use.algorithm) !== true) {
    throw new AwsFailure("InvalidKeyUsageException", `Algorithm ${use.algorithm} is incompatible with key spec ${key.spec}.`);
  }
  return { key, current: await currentKey(key) };
}

async function currentKey(key: AwsKey): Promise<EmulatedKey> {
  const material = key.material.at(-1);
  if (material === undefined) throw new AwsFailure("KMSInvalidStateException", `${key.arn} is pending import.`);
  return material.key;
}

async function signingKey(store: AwsStore, input: SignInput, name: "Sign" | "Verify"): Promise<Usable> {
  const usable = await usableKey(store, input, { name, usage: "SIGN_VERIFY", algorithm: input.SigningAlgorithm });
  const type = input.MessageType ?? "RAW";
  const { messageTypes, digestBytes } = signingFacts(input.SigningAlgorithm);
  if (!messageTypes.includes(type)) {
    const other = type === "EXTERNAL_MU" ? `key spec ${usable.key.spec}` : `algorithm ${input.SigningAlgorithm}`;
    throw invalid(`Message type ${type} is incompatible with ${other}.`);
  }
  if (type === "DIGEST" && input.Message.length !== digestBytes) {
    throw invalid(`Digest is invalid length for algorithm ${input.SigningAlgorithm}.`);
  }
  refuseDryRun(input);
  return usable;
}

/** With `DryRun` even success is an error. */
function refuseDryRun({ DryRun }: { readonly DryRun?: boolean }): void {
  if (DryRun === true) throw new AwsFailure("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.");
}

function formOf({ MessageType }: SignInput): "message" | "digest" {
  return MessageType === "DIGEST" ? "digest" : "message";
}

async function sign(key: EmulatedKey, input: SignInput): Promise<Bytes> {
  const { scheme } = signingFacts(input.SigningAlgorithm);
  if (scheme === undefined) return signEd25519ph(key.exportPrivateJwk(), input.Message);
  const signature = await key.sign(scheme, formOf(input), input.Message);
  return scheme.scheme === "ecdsa" ? signatureToDer(signature) : signature;
}

async function verify(key: EmulatedKey, input: SignInput & { readonly Signature: Bytes }): Promise<boolean> {
  const { scheme } = signingFacts(input.SigningAlgorithm);
  // Ed25519 signatures are deterministic, and nobody else has the private key: there is one good signature.
  if (scheme === undefined) return equalBytes(await signEd25519ph(key.exportPrivateJwk(), input.Message), input.Signature);
  const signature = scheme.scheme === "ecdsa" ? signatureFromDer(input.Signature, COORDINATE_BYTES[key.keyType] ?? 32) : input.Signature;
  return signature !== undefined && key.verify(scheme, formOf(input), input.Message, signature);
}

const COORDINATE_BYTES: Readonly<Record<string, number>> = { "P-384": 48, "P-521": 66 };

/** A disabled key is refused as the developer guide says; LocalStack's authors once saw it answered (AWS wire sheet 7). */
async function publicKey(key: AwsKey): Promise<Answer> {
  if (KEY_SPECS[key.spec].family !== "asymmetric") throw unsupported();
  refuseStates(key, UNUSABLE);
  const { spki } = await currentKey(key);
  return {
    CustomerMasterKeySpec: key.spec,
    KeyId: key.arn,
    KeySpec: key.spec,
    KeyUsage: key.usage,
    PublicKey: encodeBase64(spki as Bytes),
    ...usageAlgorithms(key),
  };
}
