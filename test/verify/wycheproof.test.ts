/** The suites of C2SP/wycheproof, through the public verifySignature only. They stay outside of this repository. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DIGEST_BYTES, type HashName } from "../../src/hasher.js";
import type { SignatureAlgorithm, SignatureEncoding } from "../../src/algorithms.js";
import { verifySignature, type VerifySignatureInput } from "../../src/verify/index.js";
import { rejects } from "../support/rejects.js";

const FOLDER = "../shared/vectors/wycheproof";

interface Suite {
  readonly alg: {
    readonly family: "ecdsa" | "eddsa" | "rsa-pkcs1" | "rsa-pss";
    readonly curve?: string;
    readonly hash?: HashName;
    readonly saltLength?: number;
    readonly sigEncoding: "der" | "p1363" | "raw";
  };
  readonly keys: readonly { readonly spki: string; readonly jwk: never }[];
  readonly cases: readonly { readonly id: number; readonly k: number; readonly msg: string; readonly sig: string; readonly result: string }[];
}

const PREFIXES = { "rsa-pkcs1": "RS", "rsa-pss": "PS", ecdsa: "ES", eddsa: "" } as const;
const ECDSA: Record<string, SignatureAlgorithm> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512", secp256k1: "ES256K" };
const ENCODINGS = { der: "der", p1363: "ieee-p1363", raw: "raw" } as const satisfies Record<string, SignatureEncoding>;

function algorithmOf({ alg }: Suite): SignatureAlgorithm {
  if (alg.family === "eddsa") return "Ed25519";
  if (alg.family === "ecdsa") return ECDSA[alg.curve as string] as SignatureAlgorithm;
  return `${PREFIXES[alg.family]}${(alg.hash as string).slice(4)}` as SignatureAlgorithm;
}

async function runSuite(suite: Suite): Promise<void> {
  const { alg } = suite;
  // PS* means a salt as long as the hash: with another one, even a signature that the suite calls valid is false.
  const possible = alg.family !== "rsa-pss" || alg.saltLength === DIGEST_BYTES[alg.hash as HashName];
  for (const { id, k, msg, sig, result } of suite.cases) {
    const { spki, jwk } = suite.keys[k] as Suite["keys"][number];
    for (const publicKey of [jwk, Uint8Array.from(Buffer.from(spki, "hex"))]) {
      const input: VerifySignatureInput = {
        publicKey,
        algorithm: algorithmOf(suite),
        data: Uint8Array.from(Buffer.from(msg, "hex")),
        signature: Uint8Array.from(Buffer.from(sig, "hex")),
        encoding: ENCODINGS[alg.sigEncoding],
      };
      if (alg.curve === "secp256k1") await rejects(verifySignature(input), "ERR_KMS_UNSUPPORTED");
      else assert.is(await verifySignature(input), possible && result === "valid", `case ${id}`);
    }
  }
}

if (existsSync(FOLDER)) {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
    const suite = JSON.parse(readFileSync(`${FOLDER}/${file}`, "utf8")) as Suite;
    test(`${file}: ${suite.cases.length} cases`, () => runSuite(suite));
  }
} else {
  console.log(`\nskipped: ${FOLDER} is not here`);
  test.skip("the suites of wycheproof");
}

test.run();
