/** Contract: `verify` is a boolean, and what is not a signature over that message is `false`, here and at the service. */
import type { SignatureAlgorithm } from "../../algorithms.js";
import type { Bytes } from "../../encoding/bytes.js";
import type { SignResult } from "../../kms/results.js";
import type { UntrustedSignature } from "../../kms/verification.js";
import type { ContractCase, ContractKeyType } from "../contract.js";
import { filled, messageOf, type Bench } from "./bench.js";
import { expect } from "./expect.js";
import { algorithmsFor, ALL_ALGORITHMS, defaultFor, meaningOf } from "./facts.js";

type Check = (bench: Bench, keyType: ContractKeyType, algorithm: SignatureAlgorithm) => Promise<void>;

export function verifyingCases(bench: Bench): ContractCase[] {
  const each = (keyTypes: readonly ContractKeyType[], title: string, run: Check): ContractCase[] =>
    keyTypes.flatMap((keyType) => algorithmsFor(keyType).map((algorithm) => ({ name: `${keyType} ${algorithm}: ${title}`, run: () => run(bench, keyType, algorithm) })));
  return [
    ...each(bench.subject.keyTypes, "anything else than the signature is false", refusesForgeries),
    ...each(bench.families, "another key's signature is false", refusesOtherKey),
    { name: "verify: what a result says of provider and key is ignored", run: () => ignoresOrigin(bench) },
    { name: "verify: the configured algorithm counts", run: () => wantsConfiguredAlgorithm(bench) },
    { name: "verify: an argument of another type is refused", run: () => refusesArguments(bench) },
  ];
}

/** A claim, and what is wrong with it. */
type Forgery = readonly [what: string, data: Bytes, claim: UntrustedSignature];

async function refusesForgeries(bench: Bench, keyType: ContractKeyType, algorithm: SignatureAlgorithm): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const data = messageOf(1);
  const signed = await kms.sign(data, { algorithm });
  const forgeries = [...bytesForgeries(data, signed), ...claimForgeries(data, signed)];
  for (const [what, message, claim] of forgeries) {
    // A service that takes no digest for an algorithm need not take an empty message.
    const here = bench.lacks("verify") || (message.length === 0 && meaningOf(algorithm).hash === undefined);
    for (const remote of here ? [false] : [false, true]) {
      const answer = await kms.verify(message, claim, { remote });
      expect(answer === false, `verify to be false for ${what}${remote ? " at the service" : ""}, and it is ${String(answer)}`);
    }
  }
  expect(await kms.verify(data, signed), "the signature itself still to verify");
}

function bytesForgeries(data: Bytes, signed: SignResult): Forgery[] {
  const { signature } = signed;
  const { length } = signature;
  const changed: [string, Bytes][] = [
    ["a bit flipped at the start", flip(signature, 0)],
    ["a bit flipped in the middle", flip(signature, length >> 1)],
    ["a bit flipped at the end", flip(signature, length - 1)],
    ["a signature without its last byte", signature.slice(0, -1)],
    ["half of a signature", signature.slice(0, length >> 1)],
    ["an empty signature", new Uint8Array(0)],
    ["a signature with a byte more", Uint8Array.from([...signature, 0])],
    ["a signature with a byte in front", Uint8Array.from([0, ...signature])],
    ["a signature twice", Uint8Array.from([...signature, ...signature])],
    ["100,000 bytes", filled(100_000, 0x30)],
    ["zeros", filled(length, 0)],
    ["all bits set", filled(length, 0xff)],
    ["the message itself", data],
  ];
  const messages: [string, Bytes][] = [
    ["another message", messageOf(2)],
    ["an empty message", new Uint8Array(0)],
    ["a message with a byte more", Uint8Array.from([...data, 0])],
  ];
  return [
    ...changed.map(([what, bytes]): Forgery => [what, data, { ...signed, signature: bytes }]),
    ...messages.map(([what, message]): Forgery => [what, message, signed]),
  ];
}

/** The signature is good, and what is said of it is not. */
function claimForgeries(data: Bytes, signed: SignResult): Forgery[] {
  const others = ALL_ALGORITHMS.filter((name) => name !== signed.algorithm);
  const algorithms = [...others, "none", "HS256", "rs256", "", "__proto__", "constructor"];
  const encodings = ["raw", "der", "ieee-p1363", "hex", "", "__proto__"].filter((encoding) => encoding !== signed.encoding);
  return [
    ...algorithms.map((algorithm): Forgery => [`algorithm "${algorithm}"`, data, { ...signed, algorithm }]),
    ...encodings.map((encoding): Forgery => [`encoding "${encoding}"`, data, { ...signed, encoding }]),
    ["an algorithm that is no text", data, { ...signed, algorithm: { toString: () => signed.algorithm } as never }],
    ["an encoding that is no text", data, { ...signed, encoding: [signed.encoding] as never }],
  ];
}

async function refusesOtherKey(bench: Bench, keyType: ContractKeyType, algorithm: SignatureAlgorithm): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const other = await bench.otherManagerOf(keyType);
  const data = messageOf(3);
  const { keyVersion, ...claim } = await other.sign(data, { algorithm });
  const { keyVersion: own } = await kms.getPublicKey();
  for (const version of [undefined, own]) {
    expect(!(await kms.verify(data, { ...claim, keyVersion: version })), "the signature of another key not to verify");
    if (bench.lacks("verify")) continue;
    expect(!(await kms.verify(data, { ...claim, keyVersion: version }, { remote: true })), "the signature of another key not to verify at the service");
  }
}

async function ignoresOrigin(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const data = messageOf(4);
  const signed = await kms.sign(data, { algorithm: defaultFor(bench.quick) });
  const claim = { ...signed, provider: "another", keyId: "../another", requestId: "another" };
  const requests = await bench.requestsOf(async () => expect(await kms.verify(data, claim), "provider and keyId of a claim to be ignored"));
  expect(!requests.some(({ url, body }) => `${url} ${body}`.includes("another")), "no request about the key that a claim names");
}

async function wantsConfiguredAlgorithm(bench: Bench): Promise<void> {
  const keyType = bench.subject.keyTypes.find((type) => type.startsWith("RSA-"));
  if (keyType === undefined) return; // keys of other types have one algorithm each
  const kms = await bench.managerOf(keyType);
  const data = messageOf(5);
  const signed = await kms.sign(data, { algorithm: "RS512" });
  const configured = await bench.openShared(keyType, { algorithm: "PS256" });
  expect(!(await configured.verify(data, signed)), "a good signature of another algorithm than the configured one not to verify");
  const own = await configured.sign(data);
  expect(own.algorithm === "PS256", "the configured algorithm to sign");
  const { algorithm, ...without } = own;
  expect(await configured.verify(data, without), "the configured algorithm to verify what names none");
  expect(await kms.verify(data, own), "a manager without one to take the algorithm of the claim");
}

async function refusesArguments(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const data = messageOf(6);
  const signed = await kms.sign(data);
  const claims: unknown[] = [undefined, null, "text", 5, {}, { ...signed, signature: "text" }, { ...signed, signature: Array.from(signed.signature) }, signed.signature];
  for (const claim of claims) await bench.refusedUnsent(() => kms.verify(data, claim as never), "ERR_KMS_INVALID_ARGUMENT", "a claim without signature bytes");
  for (const text of ["text", undefined, null, [1], data.buffer]) {
    await bench.refusedUnsent(() => kms.verify(text as never, signed), "ERR_KMS_INVALID_ARGUMENT", "data that is no Uint8Array");
  }
  for (const options of [{ digest: 1 }, { remote: "yes" }]) {
    await bench.refusedUnsent(() => kms.verify(data, signed, options as never), "ERR_KMS_INVALID_ARGUMENT", "an option of another type");
  }
}

function flip(bytes: Bytes, at: number): Bytes {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}
