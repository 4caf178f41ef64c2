/** The service's JSON for keys, with the members in its order. */
import { familyOf, SECP256K1_NAME } from "./key-shape.js";
import { currentVersion } from "./store.js";
import type { KeyStore, KeyVersion, StoredKey } from "./store.js";

/** Before 7.5 the answers had no `hsmPlatform`, and those of a vault no `exportable`. */
const EARLY_VERSIONS = new Set(["7.2", "7.3", "7.4"]);

export function keyId(store: KeyStore, key: StoredKey, version?: KeyVersion): string {
  const base = `${store.site.origin}/keys/${key.name}`;
  return version === undefined ? base : `${base}/${version.version}`;
}

/** KeyBundle. */
export function keyBundle(store: KeyStore, key: StoredKey, version: KeyVersion, apiVersion: string): object {
  return { key: publicKey(store, key, version), ...description(store, version, apiVersion) };
}

/** DeletedKeyBundle, with the current version. */
export function deletedBundle(store: KeyStore, key: StoredKey, apiVersion: string): object {
  return { ...deletion(store, key), ...keyBundle(store, key, currentVersion(key), apiVersion) };
}

/** KeyItem of one version, or of a key, which is without a version. */
export function keyItem(store: KeyStore, key: StoredKey, version: KeyVersion | undefined, apiVersion: string): object {
  return { kid: keyId(store, key, version), ...description(store, version ?? currentVersion(key), apiVersion) };
}

/** DeletedKeyItem. */
export function deletedItem(store: KeyStore, key: StoredKey, apiVersion: string): object {
  return { ...deletion(store, key), ...keyItem(store, key, undefined, apiVersion) };
}

function deletion(store: KeyStore, key: StoredKey): object {
  return {
    recoveryId: `${store.site.origin}/deletedkeys/${key.name}`,
    deletedDate: Math.floor((key.deletedAtMs as number) / 1000),
    scheduledPurgeDate: store.purgeSeconds(key),
  };
}

function publicKey(store: KeyStore, key: StoredKey, version: KeyVersion): object {
  const { n, e, crv, x, y } = version.material.publicJwk ?? {};
  const numbers = familyOf(version.kty) === "EC" ? { crv: crv === "secp256k1" ? SECP256K1_NAME : crv, x, y } : { n, e };
  const keyOps = store.site.kind === "hsm" ? shuffled(version.keyOps) : version.keyOps;
  return { kid: keyId(store, key, version), kty: version.kty, key_ops: keyOps, ...numbers };
}

function description(store: KeyStore, version: KeyVersion, apiVersion: string): object {
  const { enabled, created, updated, nbf, exp, tags, managed } = version;
  const recovery = `${store.retentionDays < 90 ? "CustomizedRecoverable" : "Recoverable"}+Purgeable`;
  return {
    attributes: {
      enabled,
      created,
      updated,
      recoveryLevel: recovery,
      recoverableDays: store.retentionDays,
      ...laterAttributes(store, version, apiVersion),
      nbf,
      exp,
    },
    tags,
    ...(managed ? { managed } : {}),
  };
}

/** "0" is software, "2" an HSM of FIPS 140-3 level 3 (KeyAttributes of 7.5); not seen from a Managed HSM. */
function laterAttributes({ site }: KeyStore, { kty }: KeyVersion, apiVersion: string): object {
  if (site.kind === "hsm") return { exportable: false };
  if (EARLY_VERSIONS.has(apiVersion)) return {};
  return { hsmPlatform: kty.endsWith("-HSM") ? "2" : "0", exportable: false };
}

/** A Managed HSM has its operations in another order each time (seen in recordings): they are a set. */
function shuffled(operations: readonly string[]): string[] {
  const ranked = operations.map((operation) => ({ operation, rank: Math.random() }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ operation }) => operation);
}
