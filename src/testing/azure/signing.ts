/** The operations sign and verify: checks in front of the key, and the service's words when they fail. */
import { decodeBase64Url, encodeBase64Url } from "../../encoding/base64.js";
import type { Bytes } from "../../encoding/bytes.js";
import type { EmulatedKeyType, SignScheme } from "../keys.js";
import { readText } from "./body.js";
import type { Members } from "./body.js";
import { keyId } from "./bundles.js";
import { badParameter, forbidden, invalidProperty } from "./failure.js";
import { SECP256K1_NAME } from "./key-shape.js";
import type { KeyStore, KeyVersion, StoredKey } from "./store.js";

interface Algorithm {
  readonly scheme: SignScheme;
  readonly digestBytes: number;
  /** The only curve; absent for RSA. */
  readonly curve?: EmulatedKeyType;
}

/** Microsoft Learn, "Key types, algorithms, and operations". Without a prototype, so that `__proto__` finds nothing. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = Object.assign(Object.create(null) as object, {
  RS256: { scheme: { scheme: "rsa-pkcs1", hash: "SHA-256" }, digestBytes: 32 },
  RS384: { scheme: { scheme: "rsa-pkcs1", hash: "SHA-384" }, digestBytes: 48 },
  RS512: { scheme: { scheme: "rsa-pkcs1", hash: "SHA-512" }, digestBytes: 64 },
  PS256: { scheme: { scheme: "rsa-pss", hash: "SHA-256" }, digestBytes: 32 },
  PS384: { scheme: { scheme: "rsa-pss", hash: "SHA-384" }, digestBytes: 48 },
  PS512: { scheme: { scheme: "rsa-pss", hash: "SHA-512" }, digestBytes: 64 },
  ES256: { scheme: { scheme: "ecdsa", hash: "SHA-256" }, digestBytes: 32, curve: "P-256" },
  ES384: { scheme: { scheme: "ecdsa", hash: "SHA-384" }, digestBytes: 48, curve: "P-384" },
  ES512: { scheme: { scheme: "ecdsa", hash: "SHA-512" }, digestBytes: 64, curve: "P-521" },
  ES256K: { scheme: { scheme: "ecdsa", hash: "SHA-256" }, digestBytes: 32, curve: "secp256k1" },
} satisfies Record<string, Algorithm>);

interface CryptoCall {
  readonly store: KeyStore;
  readonly key: StoredKey;
  readonly version: KeyVersion;
  readonly body: Members;
}

/** Signs a digest; the answer names the version that did. */
export async function signDigest(call: CryptoCall): Promise<object> {
  const { store, key, version } = call;
  assertUsable(call, "sign");
  assertInTime(call, "sign");
  const { scheme, digest } = readDigest(call, "value");
  const signature = await version.material.sign(scheme, "digest", digest);
  return { kid: keyId(store, key, version), value: encodeBase64Url(signature) };
}

/** A signature that does not fit is `false`, never an error, and a key out of its time still verifies. */
export async function verifyDigest(call: CryptoCall): Promise<object> {
  assertUsable(call, "verify");
  const { scheme, digest } = readDigest(call, "digest");
  return { value: await call.version.material.verify(scheme, "digest", digest, readBytes(call.body, "value")) };
}

function readDigest(call: CryptoCall, member: string): { scheme: SignScheme; digest: Bytes } {
  const name = readText(call.body, "alg") ?? "";
  const algorithm = ALGORITHMS[name];
  if (algorithm === undefined) throw invalidProperty();
  assertFits(call, name, algorithm);
  const digest = readBytes(call.body, member);
  if (digest.length === algorithm.digestBytes) return { scheme: algorithm.scheme, digest };
  throw badParameter(
    `Invalid length of '${member}': ${digest.length} bytes. ${name} requires ${algorithm.digestBytes} bytes, encoded with base64url.`,
  );
}

function readBytes(body: Members, member: string): Bytes {
  const text = readText(body, member);
  if (text === undefined) throw invalidProperty();
  try {
    return decodeBase64Url(text);
  } catch {
    throw invalidProperty();
  }
}

/** The text about curves was seen, with the identifier of the key; the one about types is ours. */
function assertFits({ store, key, version }: CryptoCall, name: string, { curve }: Algorithm): void {
  const { keyType } = version.material;
  const isRsa = keyType.startsWith("RSA-");
  const isCurve = version.material.publicJwk?.crv !== undefined;
  if (curve === undefined ? isRsa : curve === keyType) return;
  const start = `Key and signing algorithm are incompatible. Key ${keyId(store, key, version)}`;
  if (curve === undefined || !isCurve) {
    throw badParameter(`${start} has type '${version.kty}', and algorithm '${name}' can not be used with it.`);
  }
  throw badParameter(`${start} uses curve '${spelled(keyType)}', and algorithm '${name}' can only be used with curve '${spelled(curve)}'.`);
}

function spelled(curve: EmulatedKeyType): string {
  return curve === "secp256k1" ? SECP256K1_NAME : curve;
}

/** Both texts were seen. */
function assertUsable({ version }: CryptoCall, operation: string): void {
  if (!version.enabled) throw forbidden(`Operation ${operation} is not allowed on a disabled key.`, "KeyDisabled");
  if (version.keyOps.includes(operation)) return;
  throw forbidden(`Operation ${operation} is not permitted on this key.`, "KeyOperationForbidden");
}

/** Documented as a 403; code and text are ours, after those of an expired secret. */
function assertInTime({ store, version: { nbf, exp } }: CryptoCall, operation: string): void {
  const now = store.seconds();
  if (exp !== undefined && exp <= now) throw forbidden(`Operation ${operation} is not allowed on an expired key.`, "KeyExpired");
  if (nbf !== undefined && nbf > now) throw forbidden(`Operation ${operation} is not allowed on a not yet valid key.`, "KeyNotYetValid");
}
