/** What the clients return, checked by node:crypto and openssl: nothing of the library takes part in a check. */
import { execFileSync, spawnSync } from "node:child_process";
import { constants, createHash, createPublicKey, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Bytes, KmsManager, SignatureAlgorithm } from "../../src/index.js";
import type { ContractKeyType } from "../../src/testing/index.js";
import { awsSubject, azureSubject, vaultSubject, type EmulatedSubject } from "./subjects.js";

const ALGORITHMS: Readonly<Record<ContractKeyType, readonly SignatureAlgorithm[]>> = {
  "RSA-2048": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  "RSA-3072": ["RS256", "PS384"],
  "RSA-4096": ["RS512", "PS256"],
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  secp256k1: ["ES256K"],
  Ed25519: ["Ed25519"],
};

const openssl = spawnSync("openssl", ["version"]).status === 0;
if (!openssl) console.log("openssl is not on PATH: what it would verify is skipped");

for (const subject of [vaultSubject(), awsSubject("alias"), azureSubject()]) {
  const test = suite(`independent ${subject.name}`);
  const folder = mkdtempSync(join(tmpdir(), "knhk-kms-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const keyType of subject.keyTypes) {
    // Made in the first test of a type, used in the next.
    let manager: Promise<KmsManager> | undefined;
    const open = (): Promise<KmsManager> => (manager ??= subject.createKey(keyType).then((keyId) => subject.connect(keyId, {})));
    test(`${keyType}: PEM, SPKI, JWK and thumbprint`, async () => checkPublicKey(subject, await open()));
    for (const algorithm of ALGORITHMS[keyType]) {
      test(`${keyType} ${algorithm}: node:crypto verifies`, async () => checkByNode(await open(), algorithm));
      (openssl ? test : test.skip)(`${keyType} ${algorithm}: openssl verifies`, async () => checkByOpenssl(await open(), algorithm, folder));
    }
  }
  test.run();
}

async function checkPublicKey(subject: EmulatedSubject, kms: KmsManager): Promise<void> {
  const { pem, spki, jwk } = await kms.getPublicKey();
  const wanted = subject.spkiOf(kms.keyId) as Bytes;
  assert.is(Buffer.from(spki).toString("hex"), Buffer.from(wanted).toString("hex"));
  const key = createPublicKey(pem);
  assert.is(key.export({ type: "spki", format: "der" }).toString("hex"), Buffer.from(wanted).toString("hex"));
  assert.is(key.export({ type: "spki", format: "pem" }).toString().trim(), pem.trim());
  const { kid, ...members } = jwk;
  const own = key.export({ format: "jwk" });
  assert.equal(members, own);
  const sorted = Object.fromEntries(Object.entries(own).sort(([a], [b]) => (a < b ? -1 : 1)));
  assert.is(kid, createHash("sha256").update(JSON.stringify(sorted)).digest("base64url"));
}

const SHORT = new TextEncoder().encode("a message to sign");
const LONG = new Uint8Array(5000).fill(0x6c);

function hashOf(algorithm: SignatureAlgorithm): string | undefined {
  return algorithm === "Ed25519" ? undefined : `sha${algorithm.slice(2, 5)}`;
}

async function checkByNode(kms: KmsManager, algorithm: SignatureAlgorithm): Promise<void> {
  const { pem } = await kms.getPublicKey();
  const key = createPublicKey(pem);
  for (const message of algorithm === "Ed25519" ? [SHORT] : [SHORT, LONG]) {
    for (const encoding of algorithm.startsWith("ES") ? (["ieee-p1363", "der"] as const) : [undefined]) {
      const { signature } = await kms.sign(message, { algorithm, ...(encoding === undefined ? {} : { encoding }) });
      const pss = algorithm.startsWith("PS") ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
      const form = { key, ...pss, ...(encoding === undefined ? {} : { dsaEncoding: encoding }) };
      assert.ok(verify(hashOf(algorithm), message, form, signature), `${algorithm}, ${message.length} bytes`);
      assert.not.ok(verify(hashOf(algorithm), Buffer.from("another"), form, signature));
    }
  }
}

async function checkByOpenssl(kms: KmsManager, algorithm: SignatureAlgorithm, folder: string): Promise<void> {
  const { pem } = await kms.getPublicKey();
  const { signature } = await kms.sign(SHORT, { algorithm, ...(algorithm.startsWith("ES") ? { encoding: "der" } : {}) });
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const [key, data, sig] = [file("key.pem", pem), file("data", SHORT), file("signature", signature)];
  const pss = algorithm.startsWith("PS") ? ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] : [];
  const byDigest = ["dgst", `-${hashOf(algorithm) ?? ""}`, "-verify", key, "-signature", sig, ...pss, data];
  const byMessage = ["pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", data, "-sigfile", sig];
  const said = execFileSync("openssl", algorithm === "Ed25519" ? byMessage : byDigest, { encoding: "utf8" });
  assert.match(said, /Verified OK|Signature Verified Successfully/);
}
