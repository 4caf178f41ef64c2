import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SignatureAlgorithm } from "../../src/algorithms.js";
import { isKmsError, type KmsErrorCode } from "../../src/errors.js";
import { parseJwk, type PublicJwk } from "../../src/jwk/index.js";
import { verifySignature } from "../../src/verify/index.js";
import { testContext } from "../support/context.js";
import { bytesOf, collect, P1363, testProvider, testService, type Given } from "./service.js";

interface SignatureCheck {
  readonly key: string;
  readonly version: number;
  readonly publicKey?: string;
  readonly scheme: string;
  readonly hash?: string;
  readonly message: string;
  readonly saltLength?: number;
}

interface Exchange {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly headers: Record<string, string>; readonly body: Record<string, unknown> | string | null };
  readonly response: Omit<Given, "body"> & { readonly status: number; readonly body: { readonly data?: Record<string, unknown> } | null };
  readonly verify?: SignatureCheck | readonly SignatureCheck[];
}

/** What is to be checked of the one signature in an answer. */
function checkOf({ verify }: Exchange): SignatureCheck | undefined {
  return verify === undefined ? undefined : ([verify].flat() as SignatureCheck[])[0];
}

const read = (file: string): Exchange[] => JSON.parse(readFileSync(`fixtures/vault/recorded-openbao/${file}.json`, "utf8")) as Exchange[];

interface Route {
  readonly operation: "sign" | "verify" | "read" | "rotate";
  readonly keyId: string;
}

/** What of a recording we ask too, in whatever mount and namespace, or why it is none of that. */
function routeOf({ request: { method, path, body } }: Exchange): Route | string {
  const [, where = "", keyId = "", rest = ""] = /^\/v1\/(?:ns1\/)?(?:transit|rl|nope)\/([a-z-]+)\/([\w.-]+)((?:\/|\?).*)?$/.exec(path) ?? [];
  if (keyId === "") return "not a route of one key";
  if (where === "keys" && method === "GET" && rest === "") return { operation: "read", keyId };
  if (where === "keys" && method === "POST" && rest === "/rotate") return { operation: "rotate", keyId };
  if (where === "sign" && method === "POST") return { operation: "sign", keyId };
  if (where === "verify" && method === "POST") return typeof body === "object" && body?.signature !== undefined ? { operation: "verify", keyId } : "verifies no signature";
  return "another operation of the engine: create, list, configure, delete, trim, export, import, encrypt";
}

/** The public keys of all recordings, as our own parser reads them. */
const publicKeys = new Map<string, PublicJwk>();

async function learnKeys(): Promise<void> {
  for (const file of ["keys-read", "rotate", "namespaces", "ha", "quotas", "keys-write"]) {
    for (const exchange of read(file)) {
      const { name, keys } = (exchange.response.body?.data ?? {}) as { name?: string; keys?: Record<string, unknown> };
      if (name === undefined || typeof keys !== "object") continue;
      for (const version of Object.keys(keys)) {
        const ref = { keyId: name, keyVersion: version };
        const found = await testProvider(testService(exchange.response)).getPublicKey(ref, testContext()).catch(() => undefined);
        if (found !== undefined) publicKeys.set(`${name} ${version}`, found.jwk);
      }
    }
  }
}

/** The algorithm to ask a key for: its type is in its name, or it is an Ed25519 key. */
function algorithmFor(keyId: string, check: SignatureCheck | undefined): SignatureAlgorithm {
  const curve = /p(256|384|521)$/.exec(keyId)?.[1];
  if (curve !== undefined) return ({ 256: "ES256", 384: "ES384", 521: "ES512" } as const)[curve as "256"];
  if (keyId === "w-imp") return "ES256";
  if (!keyId.includes("rsa")) return "Ed25519";
  const bits = /sha(?:256|384|512)/.exec(check?.hash ?? "")?.[0].slice(3) ?? "256";
  return `${check?.scheme === "rsa-pss" ? "PS" : "RS"}${bits}` as SignatureAlgorithm;
}

/** Whether what was recorded is what a JOSE name means: the hash of the curve, a salt as long as the hash, DigestInfo. */
function isJose(algorithm: SignatureAlgorithm, { scheme, hash, saltLength }: SignatureCheck): boolean {
  const bits = Number(algorithm.slice(2));
  if (scheme === "ed25519") return true;
  if (hash !== `sha${bits}`) return false;
  return scheme === "rsa-pss" ? saltLength === bits / 8 : scheme !== "rsa-pkcs1-raw";
}

async function ask({ operation, keyId }: Route, exchange: Exchange): Promise<unknown> {
  const provider = testProvider(testService(exchange.response));
  const body = (typeof exchange.request.body === "object" ? exchange.request.body : null) ?? {};
  const input = bytesOf(body.input ?? "").subarray(0, 1_000);
  const keyVersion = typeof body.key_version === "number" && body.key_version > 0 ? String(body.key_version) : undefined;
  const context = testContext();
  if (operation === "read") return [await provider.getPublicKey({ keyId }, context).catch(unsupported), await provider.getKeyMetadata({ keyId }, [], context), await collect(provider.listKeyVersions({ keyId }, [], () => context))];
  if (operation === "rotate") return provider.rotateKey?.({ key: { keyId } }, context);
  if (operation === "sign") return provider.sign({ key: { keyId, keyVersion }, algorithm: algorithmFor(keyId, checkOf(exchange)), form: "message", input }, context);
  return provider.verify?.({ key: { keyId, keyVersion: "1" }, algorithm: "ES256", form: "message", input, signature: P1363 }, context);
}

/** AES, HMAC and derived keys have no public key; that is one of the answers, not a failure of the read. */
function unsupported(error: { readonly code: string }): string {
  if (error.code === "ERR_KMS_UNSUPPORTED") return error.code;
  throw error;
}

/** Recorded refusals of what we ask too, by file and code. */
const REFUSALS: Readonly<Record<string, Readonly<Partial<Record<KmsErrorCode, readonly string[]>>>>> = {
  ed25519: { ERR_KMS_REJECTED: ["derived key without context"] },
  verify: {
    ERR_KMS_REJECTED: ["p256 jws signature without marshaling_algorithm", "p256 asn1 signature as jws", "no prefix", "two fields only", "version not a number", "rsa unknown signature_algorithm"],
    ERR_KMS_KEY_MISMATCH: ["p256 r||s in standard base64", "aes key"],
    ERR_KMS_NOT_FOUND: ["version too new", "missing key"],
    ERR_KMS_KEY_STATE: ["version zero"],
  },
  "keys-write": { ERR_KMS_NOT_FOUND: ["read after delete"], ERR_KMS_KEY_STATE: ["sign with a public-only version", "rotate imported"] },
  rotate: {
    ERR_KMS_NOT_FOUND: ["rotate missing key"],
    ERR_KMS_KEY_STATE: ["sign with an archived version", "verify a signature below the minimum", "sign below the sign minimum"],
  },
  errors: {
    ERR_KMS_REJECTED: [
      "hash name sha256",
      "hash name in the path",
      "marshaling p1363",
      "hash none without prehashed",
      "input base64url",
      "input unpadded",
      "input an array",
      "key_version text",
      "key_version negative",
      "prehashed wrong length pss",
      "prehashed wrong length pkcs1v15",
      "prehashed not a boolean",
      "signature_algorithm unknown",
      "salt too long",
      "salt word",
      "salt below -1",
      "body cut short",
      "body an array",
      "body with a byte order mark",
      "trailing bytes after the body",
      "body over 32 MiB",
      "body too complex in memory",
    ],
    ERR_KMS_NOT_FOUND: ["unknown hash and missing key: key first", "sign missing key", "key_version too high", "read missing key", "mount missing"],
    ERR_KMS_KEY_MISMATCH: ["sign with an aes key"],
    ERR_KMS_UNAUTHENTICATED: ["no token", "unknown token", "unknown token, missing mount"],
    ERR_KMS_ACCESS_DENIED: ["policy does not grant", "policy does not grant, missing mount", "policy grants the path form only"],
  },
  namespaces: { ERR_KMS_NOT_FOUND: ["unknown namespace", "unknown namespace, no token"], ERR_KMS_ACCESS_DENIED: ["token of ns1 used outside"] },
  ha: {
    ERR_KMS_UNAVAILABLE: ["not initialised: sign", "sealed: sign", "between two leaders: rotate", "between two leaders: sign"],
    ERR_KMS_UNAUTHENTICATED: ["standby: unknown token"],
    ERR_KMS_NOT_FOUND: ["standby: sign right after create, no index"],
    ERR_KMS_THROTTLED: ["standby: sign right after create, with the index of the create", "standby: index in the future, fail"],
    ERR_KMS_REJECTED: ["standby: unknown X-Vault-Inconsistent"],
    ERR_KMS_REDIRECT: ["active node just lost: rotate", "no active node: rotate"],
  },
  quotas: { ERR_KMS_THROTTLED: ["second request, with headers", "refused without headers", "refused before the token is checked"] },
};

/** How many exchanges of each file are of what we ask, and how many are not (see `routeOf`): so that none is left out unseen. */
const COUNTS: Readonly<Record<string, readonly [asked: number, other: number]>> = {
  "sign-ecdsa": [18, 0],
  "sign-rsa": [21, 0],
  ed25519: [12, 1],
  verify: [25, 1],
  "keys-read": [11, 0],
  "keys-write": [5, 51],
  rotate: [10, 12],
  errors: [34, 6],
  namespaces: [6, 5],
  ha: [18, 18],
  quotas: [4, 4],
};

/** Signatures in base64url, which is not what `asn1` answers with; none of them is canonical base64 by chance. */
const isJws = ({ request: { body } }: Exchange): boolean => typeof body === "object" && body?.marshaling_algorithm === "jws";

/** A signature of the recording: by our parser, our reading of its key, and our verifier. */
async function checkSignature(exchange: Exchange, { keyId }: Route, answered: unknown): Promise<"verified" | "not JOSE"> {
  const { signature, encoding, keyVersion } = answered as { signature: Uint8Array<ArrayBuffer>; encoding: "raw" | "der"; keyVersion: string };
  const check = checkOf(exchange) as SignatureCheck;
  assert.is(keyVersion, String(check.version));
  const algorithm = algorithmFor(keyId, check);
  const derived = check.publicKey === undefined ? undefined : parseJwk({ kty: "OKP", crv: "Ed25519", x: Buffer.from(check.publicKey, "base64").toString("base64url") });
  const publicKey = derived ?? publicKeys.get(`${check.key} ${check.version}`);
  assert.ok(publicKey !== undefined, `no key ${check.key}`);
  const verified = await verifySignature({ publicKey, algorithm, data: bytesOf(check.message), signature, encoding });
  assert.is(verified, isJose(algorithm, check), algorithm);
  return verified ? "verified" : "not JOSE";
}

const verdicts = { verified: 0, "not JOSE": 0 };

test("the keys of the recordings, through our own parser", async () => {
  await learnKeys();
  assert.ok(publicKeys.size >= 12, `only ${publicKeys.size}`);
});

for (const [file, [asked, other]] of Object.entries(COUNTS)) {
  const refusals = new Map(Object.entries(REFUSALS[file] ?? {}).flatMap(([code, names]) => names.map((name) => [name, code as KmsErrorCode] as const)));
  let seen = 0;
  let passedOver = 0;

  for (const exchange of read(file)) {
    const route = routeOf(exchange);
    if (typeof route === "string") {
      passedOver += 1;
      continue;
    }
    seen += 1;
    test(`${file}: ${exchange.name}`, async () => {
      const refusal = refusals.get(exchange.name);
      const expected = refusal ?? (route.operation === "sign" && isJws(exchange) ? "ERR_KMS_RESPONSE_INVALID" : undefined);
      let answered: unknown;
      try {
        answered = await ask(route, exchange);
      } catch (error) {
        if (!isKmsError(error)) throw error;
        assert.is(error.code, expected);
        assert.is(error.status, exchange.response.status === 200 ? undefined : exchange.response.status);
        return;
      }
      assert.is(expected, undefined);
      if (route.operation === "verify") assert.is(answered, exchange.response.body?.data?.valid);
      if (route.operation === "rotate") assert.is((answered as { newVersion: string }).newVersion, String(exchange.response.body?.data?.latest_version));
      if (route.operation === "sign" && checkOf(exchange) !== undefined) verdicts[await checkSignature(exchange, route, answered)] += 1;
      if (route.operation === "read") assert.is((answered as [unknown, { keyVersion: string }])[1].keyVersion, String(exchange.response.body?.data?.latest_version));
    });
  }

  test(`${file}: all of it is accounted for`, () => {
    assert.equal([seen, passedOver], [asked, other]);
    const names = read(file).map(({ name }) => name);
    for (const name of refusals.keys()) assert.ok(names.includes(name), `no exchange "${name}"`);
  });
}

test("signatures: those that are what a JOSE name means verify, and only those", () => {
  assert.equal(verdicts, { verified: 40, "not JOSE": 14 });
});

test.run();
