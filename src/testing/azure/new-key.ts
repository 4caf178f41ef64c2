/** Keys that a test puts into an emulated vault without a request. */
import { ValidationError } from "../../errors.js";
import type { EmulatedKeyType } from "../keys.js";
import { readSettings } from "./body.js";
import type { Members } from "./body.js";
import { SECP256K1_NAME, generateMaterial, importedKey, requestedShape } from "./key-shape.js";
import { newVersion } from "./operations.js";
import type { KeyStore, KeyVersion, StoredKey } from "./store.js";

/** A key, or a further version of one. Without type and JWK it is RSA-2048. */
export interface NewAzureKey {
  readonly name: string;
  /** One word for type and size; or the service's own words: */
  readonly keyType?: EmulatedKeyType;
  readonly kty?: string;
  readonly crv?: string;
  readonly key_size?: number;
  /** By default all that the type can do. */
  readonly keyOps?: readonly string[];
  /** `true` by default. */
  readonly enabled?: boolean;
  /** Unix seconds. */
  readonly nbf?: number;
  /** Unix seconds. */
  readonly exp?: number;
  readonly tags?: Readonly<Record<string, string>>;
  /** The key itself, for tests that need the same one each time; RSA with its CRT members. */
  readonly privateJwk?: JsonWebKey;
  /** 32 hexadecimal digits; random by default. */
  readonly version?: string;
  /** Whether it belongs to a certificate. */
  readonly managed?: boolean;
}

/** Adds the key, as current version. */
export async function addKey(store: KeyStore, wanted: NewAzureKey): Promise<{ stored: StoredKey; version: KeyVersion }> {
  const { name, enabled, nbf, exp, tags } = wanted;
  if (!/^[0-9a-zA-Z-]{1,127}$/.test(name)) throw invalid("name must be 1 to 127 letters, digits and hyphens");
  if (wanted.version !== undefined && !/^[0-9a-f]{32}$/.test(wanted.version)) throw invalid("version must be 32 hexadecimal digits");
  const settings = readSettings({ attributes: { enabled, nbf, exp }, tags }, wanted.keyOps);
  store.assertFree(name);
  const version: KeyVersion = {
    ...newVersion(store, await makeKey(store, wanted), settings),
    ...(wanted.version === undefined ? {} : { version: wanted.version }),
    managed: wanted.managed ?? false,
  };
  return { stored: store.add(name, version), version };
}

async function makeKey(store: KeyStore, { privateJwk, keyType, ...words }: NewAzureKey): Promise<Pick<KeyVersion, "kty" | "material">> {
  const { kind } = store.site;
  if (privateJwk !== undefined) {
    const crv = privateJwk.crv === "secp256k1" ? SECP256K1_NAME : privateJwk.crv;
    const jwk = { ...privateJwk, crv, kty: words.kty ?? privateJwk.kty } as Members;
    const { shape, material } = await importedKey(kind, jwk, false);
    return { kty: shape.kty, material };
  }
  const shape = requestedShape(kind, { kty: "RSA", ...(keyType === undefined ? {} : wordsOf(keyType)), ...words });
  return { kty: shape.kty, material: await generateMaterial(shape) };
}

function wordsOf(keyType: EmulatedKeyType): Members {
  const [type, size] = keyType.split("-");
  if (type === "RSA") return { kty: "RSA", key_size: Number(size) };
  if (type === "AES") return { kty: "oct-HSM", key_size: Number(size) };
  if (type === "P" || keyType === "secp256k1") return { kty: "EC", crv: keyType === "secp256k1" ? SECP256K1_NAME : keyType };
  throw invalid(`the service has no keys of type ${keyType}`);
}

function invalid(message: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message);
}
