/** Which keys a tier has: the service's words for type, size and curve, and the emulated key each of them is. */
import { generateEmulatedKey, importEmulatedKey } from "../keys.js";
import type { EmulatedKey, EmulatedKeyType, SignScheme } from "../keys.js";
import type { Members } from "./body.js";
import { readInteger, readText } from "./body.js";
import { AzureFailure, badParameter, forbidden } from "./failure.js";
import type { AzureKind } from "./site.js";

/** A key type as the answer names it, and what it is. */
export interface KeyShape {
  readonly kty: string;
  readonly keyType: EmulatedKeyType;
}

type Family = "RSA" | "EC" | "oct";

/** The service's own name of the curve of RFC 8812. */
export const SECP256K1_NAME = "P-256K";

const CURVES: Readonly<Record<string, EmulatedKeyType>> = bare({
  "P-256": "P-256",
  "P-384": "P-384",
  "P-521": "P-521",
  [SECP256K1_NAME]: "secp256k1",
});

const SIZES: Readonly<Record<"RSA" | "oct", Readonly<Record<number, EmulatedKeyType>>>> = {
  RSA: { 2048: "RSA-2048", 3072: "RSA-3072", 4096: "RSA-4096" },
  oct: { 128: "AES-128", 256: "AES-256" },
};

/** Seen in recordings: what a key can do when nobody says. */
export const DEFAULT_OPERATIONS: Readonly<Record<Family, readonly string[]>> = {
  RSA: ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"],
  EC: ["sign", "verify"],
  oct: ["wrapKey", "decrypt", "encrypt", "unwrapKey"],
};

/** `RSA-HSM` and the like without the ending. */
export function familyOf(kty: string): Family {
  return kty.replace(/-HSM$/, "") as Family;
}

/** The shape that a create request asks for. RSA-2048 and P-256 are the defaults of the service. */
export function requestedShape(kind: AzureKind, body: Members): KeyShape {
  const kty = offeredType(kind, readText(body, "kty"), false);
  const family = familyOf(kty);
  if ((readInteger(body, "public_exponent") ?? 65_537) !== 65_537) throw badParameter("The emulator has the public exponent 65537 only.");
  const keyType = family === "EC" ? curveType(readText(body, "crv") ?? "P-256") : sizedType(family, readInteger(body, "key_size"));
  return { kty, keyType };
}

/** A key of that shape. */
export function generateMaterial({ keyType }: KeyShape): Promise<EmulatedKey> {
  return generateEmulatedKey(keyType);
}

/** Shape and key of the JWK in an import request. A blob from another HSM (`key_hsm`) cannot be opened here. */
export async function importedKey(kind: AzureKind, jwk: Members, hsm: boolean): Promise<{ shape: KeyShape; material: EmulatedKey }> {
  const kty = offeredType(kind, readText(jwk, "kty"), hsm);
  try {
    const material = await importEmulatedKey(plainJwk(jwk, familyOf(kty)));
    if (await isPair(material)) return { shape: { kty, keyType: material.keyType }, material };
  } catch (error) {
    if (error instanceof AzureFailure) throw error;
  }
  throw badParameter("The JSON Web Key is not a complete private key of a supported type.");
}

/** Whether the two halves belong together. */
async function isPair(material: EmulatedKey): Promise<boolean> {
  if (material.publicJwk === undefined) return true;
  const scheme: SignScheme = { scheme: material.keyType.startsWith("RSA-") ? "rsa-pkcs1" : "ecdsa", hash: "SHA-256" };
  const digest = new Uint8Array(32);
  return material.verify(scheme, "digest", digest, await material.sign(scheme, "digest", digest));
}

/** Members of RFC 7517 only, with its names: the service's spelling of type and curve is its own. */
function plainJwk(jwk: Members, family: Family): JsonWebKey {
  const text = (name: string): string | undefined => readText(jwk, name);
  const crv = text("crv");
  if (crv !== undefined) curveType(crv);
  const members = ["n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y", "k"].map((name) => [name, text(name)] as const);
  const present = members.filter(([, value]) => value !== undefined);
  const curve = crv === undefined ? {} : { crv: crv === SECP256K1_NAME ? "secp256k1" : crv };
  return { kty: family, ...curve, ...Object.fromEntries(present), ...octAlgorithm(family, text("k")) };
}

/** An octet key of 32 bytes would else be taken for an HMAC key. */
function octAlgorithm(family: Family, k: string | undefined): { alg?: string } {
  if (family !== "oct") return {};
  return { alg: `A${Math.floor(((k ?? "").length * 6) / 8) * 8}GCM` };
}

/** The key type as this tier makes it: a Managed HSM has nothing but its own, a standard vault none of them. */
function offeredType(kind: AzureKind, asked: string | undefined, hsm: boolean): string {
  const match = /^(RSA|EC|oct)(-HSM)?$/.exec(asked ?? "");
  if (match === null) throw badParameter(`Invalid kty value: ${asked ?? ""}`, "KeyTypeNotSupported");
  const inHardware = kind === "hsm" || hsm || match[2] !== undefined;
  if (match[1] === "oct" && kind !== "hsm") throw badParameter(`Invalid kty value: ${asked}`, "KeyTypeNotSupported");
  if (inHardware && kind === "standard") throw forbidden("Hardware key operation not allowed on standard vault");
  return `${match[1]}${inHardware ? "-HSM" : ""}`;
}

function curveType(crv: string): EmulatedKeyType {
  const keyType = CURVES[crv];
  if (keyType === undefined) throw badParameter(`Invalid crv value: ${crv}`);
  return keyType;
}

function sizedType(family: "RSA" | "oct", size = family === "RSA" ? 2048 : 256): EmulatedKeyType {
  const keyType = SIZES[family][size];
  if (keyType !== undefined) return keyType;
  throw badParameter(`Unsupported key size (${size}). Supported sizes are [${Object.keys(SIZES[family]).join(", ")}]`);
}

/** Without a prototype, so that `__proto__` finds nothing. */
function bare<T extends object>(table: T): T {
  return Object.assign(Object.create(null) as object, table) as T;
}
