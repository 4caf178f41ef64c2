/** What each operation does to the store and answers. */
import { parseBody, readBoolean, readMembers, readSettings } from "./body.js";
import type { KeySettings } from "./body.js";
import { deletedBundle, deletedItem, keyBundle, keyItem } from "./bundles.js";
import { badParameter, invalidProperty } from "./failure.js";
import { DEFAULT_OPERATIONS, familyOf, generateMaterial, importedKey, requestedShape } from "./key-shape.js";
import { listPage } from "./listing.js";
import { addDuration, policyBody, readPolicy } from "./policy.js";
import type { AzureOperation } from "./routes.js";
import { signDigest, verifyDigest } from "./signing.js";
import { currentVersion, newVersionId } from "./store.js";
import type { KeyStore, KeyVersion, StoredKey } from "./store.js";

/** A request that was authenticated, permitted and routed. */
export interface Call {
  readonly store: KeyStore;
  readonly name: string;
  readonly version: string | undefined;
  readonly apiVersion: string;
  readonly query: URLSearchParams;
  /** Text of the request's body. */
  readonly body: string;
  readonly emptyPages: boolean;
}

/** The body of the answer; undefined is status 204. */
type Operation = (call: Call) => unknown;

export const OPERATIONS: Readonly<Record<Exclude<AzureOperation, "HealthStatus">, Operation>> = {
  CreateKey: createKey,
  ImportKey: importKey,
  GetKey: ({ store, name, version, apiVersion }) => {
    const found = store.peek(name, version);
    return keyBundle(store, found.key, found.version, apiVersion);
  },
  UpdateKey: updateKey,
  DeleteKey: ({ store, name, apiVersion }) => deletedBundle(store, store.delete(name), apiVersion),
  GetKeys: listKeys,
  GetKeyVersions: listVersions,
  RotateKey: rotateKey,
  GetKeyRotationPolicy: ({ store, name }) => showPolicy(store, store.get(name)),
  UpdateKeyRotationPolicy: ({ store, name, body }) => {
    const key = store.get(name);
    key.policy = readPolicy(store.site, parseBody(body), store.seconds(), key.policy);
    return showPolicy(store, key);
  },
  sign: ({ store, name, version, body }) => signDigest({ store, ...store.getVersion(name, version), body: parseBody(body) }),
  verify: ({ store, name, version, body }) => verifyDigest({ store, ...store.getVersion(name, version), body: parseBody(body) }),
  GetDeletedKeys: listDeleted,
  GetDeletedKey: ({ store, name, apiVersion }) => deletedBundle(store, store.getDeleted(name), apiVersion),
  RecoverDeletedKey: ({ store, name, apiVersion }) => {
    const key = store.recover(name);
    return keyBundle(store, key, currentVersion(key), apiVersion);
  },
  PurgeDeletedKey: ({ store, name }) => store.purge(name),
};

/** A version with its settings, or what the service takes in their place. */
export function newVersion(store: KeyStore, made: Pick<KeyVersion, "kty" | "material">, settings: KeySettings): KeyVersion {
  const created = store.seconds();
  return {
    version: newVersionId(),
    ...made,
    keyOps: settings.keyOps ?? DEFAULT_OPERATIONS[familyOf(made.kty)],
    enabled: settings.enabled ?? true,
    nbf: settings.nbf,
    exp: settings.exp,
    created,
    updated: created,
    tags: settings.tags,
    managed: false,
  };
}

async function createKey({ store, name, apiVersion, body }: Call): Promise<object> {
  const members = parseBody(body);
  const shape = requestedShape(store.site.kind, members);
  const settings = readSettings(members);
  store.assertFree(name);
  const version = newVersion(store, { kty: shape.kty, material: await generateMaterial(shape) }, settings);
  return keyBundle(store, store.add(name, version), version, apiVersion);
}

async function importKey({ store, name, apiVersion, body }: Call): Promise<object> {
  const members = parseBody(body);
  const jwk = readMembers(members, "key");
  if (jwk === undefined) throw invalidProperty();
  const settings = readSettings(members, jwk["key_ops"] ?? undefined);
  store.assertFree(name);
  const { shape, material } = await importedKey(store.site.kind, jwk, readBoolean(members, "Hsm") ?? false);
  const version = newVersion(store, { kty: shape.kty, material }, settings);
  return keyBundle(store, store.add(name, version), version, apiVersion);
}

/** Changes only what is sent; tags are replaced as a whole. */
function updateKey({ store, name, version, apiVersion, body }: Call): object {
  const found = store.getVersion(name, version);
  const { keyOps, enabled, nbf, exp, tags }: KeySettings = readSettings(parseBody(body));
  const changed = found.version;
  changed.keyOps = keyOps ?? changed.keyOps;
  changed.enabled = enabled ?? changed.enabled;
  changed.nbf = nbf ?? changed.nbf;
  changed.exp = exp ?? changed.exp;
  changed.tags = tags ?? changed.tags;
  changed.updated = store.seconds();
  return keyBundle(store, found.key, changed, apiVersion);
}

/** New material with the current parameters. A policy's expiry time holds from now on; without one the old date stays. */
async function rotateKey({ store, name, apiVersion }: Call): Promise<object> {
  const key = store.get(name);
  if (store.site.kind === "hsm" && key.policy === undefined) throw badParameter(`Key ${key.name} has no rotation policy.`);
  store.assertFree(name);
  const { kty, material, keyOps, enabled, nbf, exp, tags } = currentVersion(key);
  const fresh = await generateMaterial({ kty, keyType: material.keyType });
  const expiry = key.policy?.expiryTime;
  const version = newVersion(store, { kty, material: fresh }, { keyOps, enabled, nbf, exp, tags });
  if (expiry !== undefined) version.exp = addDuration(version.created, expiry);
  return keyBundle(store, store.add(name, version), version, apiVersion);
}

function showPolicy(store: KeyStore, key: StoredKey): object {
  return policyBody(store.site, `${store.site.origin}/keys/${key.name}/rotationpolicy`, key.policy);
}

function listKeys(call: Call): object {
  const { store, apiVersion } = call;
  const items = ordered(store, store.active(), ({ name }) => name.toLowerCase());
  const page = items.map(({ id, value }) => ({ id, item: keyItem(store, value, undefined, apiVersion) }));
  return list(call, "/keys", page, undefined);
}

function listDeleted(call: Call): object {
  const { store, apiVersion } = call;
  const items = ordered(store, store.deleted(), ({ name }) => name.toLowerCase());
  const page = items.map(({ id, value }) => ({ id, item: deletedItem(store, value, apiVersion) }));
  return list(call, "/deletedkeys", page, undefined);
}

/** A key that does not exist has an empty list (azure-sdk-for-net issue 16444). */
function listVersions(call: Call): object {
  const { store, name, apiVersion } = call;
  const key = store.active().find((active) => active.name.toLowerCase() === name.toLowerCase());
  const items = key === undefined ? [] : ordered(store, [...key.versions.values()], ({ version }) => version);
  const page = items.map(({ id, value }) => ({ id, item: keyItem(store, key as StoredKey, value, apiVersion) }));
  return list(call, `/keys/${key?.name ?? name}/versions`, page, null);
}

function list({ store, query, emptyPages }: Call, path: string, items: { id: string; item: object }[], end: null | undefined): object {
  return listPage({ site: store.site, path, query, emptyPages, items, end });
}

/** A vault sorts by name and by version, which says nothing of age; a Managed HSM keeps the order of creation (both seen). */
function ordered<T>({ site }: KeyStore, values: readonly T[], idOf: (value: T) => string): { id: string; value: T }[] {
  const items = values.map((value) => ({ id: idOf(value), value }));
  return site.kind === "hsm" ? items : items.sort((a, b) => (a.id < b.id ? -1 : 1));
}
