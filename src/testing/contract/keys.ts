/** Contract: what is published and told of a key. */
import { isKmsError, type KmsErrorCode } from "../../errors.js";
import { isBytes, type Bytes } from "../../encoding/bytes.js";
import type { KmsManager } from "../../kms/manager.js";
import type { PublicKey } from "../../kms/results.js";
import type { ContractCase, ContractKeyType } from "../contract.js";
import { messageOf, versionsOf, type Bench } from "./bench.js";
import { expect, expectEqual } from "./expect.js";
import { algorithmsFor, defaultFor } from "./facts.js";

export function keyCases(bench: Bench): ContractCase[] {
  return [
    ...bench.subject.keyTypes.flatMap((keyType): ContractCase[] => [
      { name: `${keyType}: the public key in three forms`, run: () => publishes(bench, keyType) },
      { name: `${keyType}: metadata`, run: () => describes(bench, keyType) },
      { name: `${keyType}: one version, and it is the current one`, run: () => listsOne(bench, keyType) },
    ]),
    { name: "a public key is plain data, and the caller's own", run: () => handsOutCopies(bench) },
    { name: "a key that does not exist is NOT_FOUND", run: () => missesKeys(bench) },
    { name: "getPublicKey: a version that does not exist is NOT_FOUND or refused", run: () => missesVersions(bench) },
  ];
}

async function publishes(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await bench.openShared(keyType);
  const key = await kms.getPublicKey();
  const { jwk, spki, pem, keyVersion, algorithms, ...rest } = key;
  expectEqual(rest, { keyId: kms.keyId, keyType }, "what the public key says");
  expectEqual(algorithms, algorithmsFor(keyType), "the key's algorithms");
  expectEqual(jwk.kid, await thumbprint(jwk as unknown as Record<string, string>), "kid, the RFC 7638 thumbprint");
  expect(isBytes(spki) && spki[0] === 0x30, "SPKI as DER bytes");
  expectEqual(pemBytes(pem), spki, "the bytes in the PEM");
  const lines = pem.trimEnd().split("\n").slice(1, -1);
  expect(lines.every((line, index) => (index < lines.length - 1 ? line.length === 64 : line.length <= 64)), "PEM lines of 64 characters");
  await expectSameKey(key, keyType);
  const signed = await kms.sign(messageOf(1), { algorithm: defaultFor(keyType) });
  expectEqual(keyVersion, signed.keyVersion, "the version of the public key");
  expectEqual(await kms.getPublicKey({ keyVersion }), key, "the same key by its version");
}

/** RFC 7638 section 3: the required members in lexicographic order, without blanks. */
async function thumbprint(jwk: Readonly<Record<string, string>>): Promise<string> {
  const required = { RSA: ["e", "kty", "n"], EC: ["crv", "kty", "x", "y"], OKP: ["crv", "kty", "x"] }[jwk.kty as "RSA"];
  const text = JSON.stringify(Object.fromEntries(required.map((name) => [name, jwk[name]])));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...hash)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function pemBytes(pem: string): Bytes {
  const body = /^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]+)-----END PUBLIC KEY-----\n?$/.exec(pem)?.[1];
  expect(body !== undefined, "a PEM of label PUBLIC KEY");
  return Uint8Array.from(atob(body.replace(/\n/g, "")), (character) => character.charCodeAt(0));
}

/** What WebCrypto reads out of the SPKI is what the JWK says, where it has the curve. */
async function expectSameKey({ spki, jwk }: PublicKey, keyType: ContractKeyType): Promise<void> {
  if (keyType === "secp256k1" || keyType === "Ed25519") return;
  const form = keyType.startsWith("RSA-") ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } : { name: "ECDSA", namedCurve: keyType };
  const exported = (await crypto.subtle.exportKey("jwk", await crypto.subtle.importKey("spki", spki, form, true, ["verify"]))) as unknown as Record<string, string>;
  const { kid, ...members } = jwk as unknown as Record<string, string>;
  expectEqual(members, Object.fromEntries(Object.keys(members).map((name) => [name, exported[name]])), "the JWK, without kid,");
}

async function describes(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const before = { ...(await kms.getKeyMetadata()) };
  const requests = await bench.requestsOf(async () => {
    const metadata = await kms.getKeyMetadata();
    expectEqual(metadata, before, "metadata read twice");
    const { provider, keyId, state } = metadata;
    expectEqual({ provider, keyId, keyType: metadata.keyType, state }, { provider: kms.provider, keyId: kms.keyId, keyType, state: "enabled" }, "metadata");
    expectEqual(metadata.algorithms, algorithmsFor(keyType), "the algorithms in metadata");
    expect(metadata.usableFor.includes("sign") && metadata.usableFor.includes("verify"), "usableFor to have sign and verify");
    for (const name of ["createdAt", "rotatedAt", "nextRotationAt", "expiresAt"] as const) expectDate(metadata[name], name);
    if (metadata.keyVersion !== undefined) expectEqual(metadata.keyVersion, (await kms.getPublicKey()).keyVersion, "the version in metadata");
  });
  if (bench.subject.emulator !== undefined) expectEqual(requests.length, 1, "requests for metadata");
  const more = await kms.getKeyMetadata({ include: ["tags", "rotation"] });
  const { tags, rotatedAt, nextRotationAt, ...rest } = more;
  const { tags: _tags, rotatedAt: _rotated, nextRotationAt: _next, ...basic } = before;
  expectEqual(rest, basic, "the rest of metadata with tags and rotation included");
  expect(tags === undefined || Object.values(tags).every((value) => typeof value === "string"), "tags to be texts");
  for (const date of [rotatedAt, nextRotationAt]) expectDate(date, "a date of rotation");
}

function expectDate(value: Date | undefined, name: string): void {
  if (value === undefined) return;
  const years = value instanceof Date ? value.getTime() / 31_557_600_000 : Number.NaN;
  expect(years > 40 && years < 200, `${name} to be a Date that makes sense`);
}

async function listsOne(bench: Bench, keyType: ContractKeyType): Promise<void> {
  const kms = await bench.managerOf(keyType);
  const { keyVersion } = await kms.getPublicKey();
  const [version, ...more] = await versionsOf(kms);
  expectEqual(more, [], "further versions of a key that was never rotated");
  expectEqual([version?.keyId, version?.keyVersion, version?.current], [kms.keyId, keyVersion, true], "the only version");
  expectDate(version?.createdAt, "createdAt of a version");
  for await (const { state } of kms.listKeyVersions({ include: ["state"] })) expect(state === undefined || state === "enabled", "the state of a version to be enabled");
}

async function handsOutCopies(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const first = await kms.getPublicKey();
  expectEqual(structuredClone(first), first, "a structured clone");
  expectEqual(JSON.parse(JSON.stringify(first.jwk)), first.jwk, "the JWK through JSON");
  const wanted = structuredClone(first);
  const changes: readonly (() => unknown)[] = [
    () => first.spki.fill(0),
    () => Object.assign(first, { pem: "", keyVersion: "" }),
    () => Object.assign(first.jwk, { kid: "", x: "" }),
    () => ((first.algorithms as string[]).length = 0),
  ];
  for (const change of changes) {
    try {
      change();
    } catch {
      // what is frozen cannot be changed, which is as good
    }
  }
  expectEqual(await kms.getPublicKey(), wanted, "the key after a caller changed what he was given");
  const data = messageOf(2);
  expect(await kms.verify(data, await kms.sign(data)), "a signature to verify after a caller changed what he was given");
}

async function missesKeys(bench: Bench): Promise<void> {
  const algorithm = defaultFor(bench.quick);
  const data = messageOf(3);
  const signed = await (await bench.managerOf(bench.quick)).sign(data, { algorithm });
  const { keyVersion, ...claim } = signed;
  const open = (): KmsManager => bench.open(bench.subject.missingKeyId, { rotation: { intervalMs: 60_000 } });
  const attempts: readonly (readonly [string, (kms: KmsManager) => Promise<unknown>])[] = [
    ["sign", (kms) => kms.sign(data, { algorithm })],
    ["sign", (kms) => kms.sign(data)],
    ["verify", (kms) => kms.verify(data, claim)],
    ["getPublicKey", (kms) => kms.getPublicKey()],
    ["getKeyMetadata", (kms) => kms.getKeyMetadata()],
    ["listKeyVersions", (kms) => versionsOf(kms)],
    ["needsRotation", (kms) => kms.needsRotation()],
    ...(bench.subject.rotates.length === 0 ? [] : rotations()),
  ];
  for (const [operation, attempt] of attempts) {
    const error = await bench.refused(() => attempt(open()), "ERR_KMS_NOT_FOUND", `${operation} with a key that does not exist`);
    const { provider, keyId } = open();
    expectEqual([error.provider, error.operation, error.keyId, error.retryable], [provider, operation, keyId, false], "what the error says");
  }
  const [item] = await open().signBatch([{ data, algorithm }]);
  expectEqual((item as PromiseRejectedResult).reason?.code, "ERR_KMS_NOT_FOUND" satisfies KmsErrorCode, "the code in a batch");
  // Not every service says whether it is the key or the version that is missing.
  const answer = await open().verify(data, signed).catch((error: unknown) => error);
  expect(answer === false || isKmsError(answer, "ERR_KMS_NOT_FOUND"), "a claimed version of a key that does not exist to be false or NOT_FOUND");
}

function rotations(): readonly (readonly [string, (kms: KmsManager) => Promise<unknown>])[] {
  return [
    ["rotateKey", (kms) => kms.rotateKey()],
    ["rotateIfNeeded", (kms) => kms.rotateIfNeeded()],
  ];
}

async function missesVersions(bench: Bench): Promise<void> {
  for (const keyVersion of ["999999999", "0123456789abcdef0123456789abcdef", "11111111-2222-3333-4444-555555555555"]) {
    const kms = await bench.openShared(bench.quick);
    await bench.refused(() => kms.getPublicKey({ keyVersion }), ["ERR_KMS_NOT_FOUND", "ERR_KMS_INVALID_ARGUMENT"], `a public key of version ${keyVersion}`);
  }
}
