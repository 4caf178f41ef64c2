/** A key as `read`, `create`, `rotate` and `config` answer with it (OpenBao `builtin/logical/transit/path_keys.go`, formatKeyPolicy). */
import type { Bytes } from "../../encoding/bytes.js";
import type { VaultProduct } from "./answer.js";
import { encodeStandard } from "./go-base64.js";
import { KEY_TYPES } from "./key-types.js";
import type { KeyTypeFacts } from "./key-types.js";
import { latestVersion } from "./store.js";
import type { KeyVersion, TransitKey } from "./store.js";
import { deriveEd25519, rawPublicKey } from "./versions.js";

/** `data`, its members in the order of the alphabet as Go writes maps. The context is that of a derived key, may be empty. */
export async function describeKey(key: TransitKey, product: VaultProduct, context: Bytes): Promise<Record<string, unknown>> {
  const facts = KEY_TYPES[key.type] as KeyTypeFacts;
  const keys = await versionsOf(key, product, context);
  const data: Record<string, unknown> = {
    allow_plaintext_backup: key.allowPlaintextBackup,
    auto_rotate_period: key.autoRotateSeconds,
    ...(key.derived ? { convergent_encryption: key.convergent } : {}),
    ...(key.convergent ? { convergent_encryption_version: -1 } : {}),
    deletion_allowed: key.deletionAllowed,
    derived: key.derived,
    exportable: key.exportable,
    imported_key: key.imported !== undefined,
    ...(key.imported === undefined ? {} : { imported_key_allow_rotation: key.imported.allowRotation }),
    ...(key.derived ? { kdf: "hkdf_sha256" } : {}),
    ...(key.keySize === undefined ? {} : { key_size: key.keySize }),
    ...(keys === undefined ? {} : { keys }),
    latest_version: latestVersion(key),
    min_available_version: key.minAvailableVersion,
    min_decryption_version: key.minDecryptionVersion,
    min_encryption_version: key.minEncryptionVersion,
    name: key.name,
    ...(product === "openbao" ? { soft_deleted: key.softDeleted } : {}),
    supports_decryption: facts.encrypts,
    supports_derivation: facts.derives,
    supports_encryption: facts.encrypts,
    supports_signing: facts.signs,
    type: key.type,
  };
  return data;
}

/** `keys`, from the verify minimum on; older versions lie in the archive. Keys of type `hmac` show none. */
async function versionsOf(key: TransitKey, product: VaultProduct, context: Bytes): Promise<Record<string, unknown> | undefined> {
  if (key.type === "hmac") return undefined;
  const shown = key.versions.filter(({ version }) => version >= key.minDecryptionVersion);
  const entries = await Promise.all(shown.map(async (entry) => [String(entry.version), await versionOf(key, entry, product, context)]));
  return Object.fromEntries(entries) as Record<string, unknown>;
}

async function versionOf(key: TransitKey, entry: KeyVersion, product: VaultProduct, context: Bytes): Promise<unknown> {
  if (entry.pair === undefined) return Math.floor(entry.createdAt / 1000);
  return {
    certificate_chain: "",
    creation_time: goTime(entry.createdAt),
    name: KEY_TYPES[key.type]?.pair?.name,
    public_key: await publicKeyText(key, entry, context),
    ...(product === "vault" ? { hybrid_public_key: "" } : {}),
  };
}

/** PEM for RSA and EC; of Ed25519 base64 of the raw key, and of a derived one that of the context or nothing. */
async function publicKeyText({ derived }: TransitKey, { pair }: KeyVersion, context: Bytes): Promise<string> {
  if (pair === undefined || (derived && context.length === 0)) return "";
  if (pair.keyType === "Ed25519") return encodeStandard(rawPublicKey(derived ? await deriveEd25519(pair, context) : pair));
  return spkiPem(pair.spki as Bytes);
}

/** PEM of a SubjectPublicKeyInfo, with a line feed at its end. */
export function spkiPem(spki: Bytes): string {
  const lines = encodeStandard(spki).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""].join("\n");
}

/** RFC 3339 as Go writes it: without the zeros at the end of the fraction. */
export function goTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.?0+Z$/, "Z");
}
