/** An emulated OpenBao or Vault with the transit engine: real keys, real encodings, and the servers' own errors. */
import { ValidationError } from "../errors.js";
import type { Bytes } from "../encoding/bytes.js";
import { createEmulator } from "./emulator.js";
import type { Emulator } from "./emulator.js";
import type { EmulatedKey } from "./keys.js";
import type { VaultProduct } from "./vault/answer.js";
import { plainError, writeAnswer } from "./vault/answer.js";
import { AuthMounts } from "./vault/auth/mounts.js";
import type { VaultAuthMount } from "./vault/auth/mounts.js";
import { spkiPem } from "./vault/describe-key.js";
import { PolicyStore } from "./vault/grants.js";
import type { Grants } from "./vault/grants.js";
import { newKey } from "./vault/key-routes.js";
import { keyTypeFacts } from "./vault/key-types.js";
import type { VaultKeyType } from "./vault/key-types.js";
import { VaultNode } from "./vault/node.js";
import { requestName } from "./vault/request.js";
import { latestVersion, trimSlashes, VaultStore } from "./vault/store.js";
import type { MountPlace, TransitKey } from "./vault/store.js";
import { TokenStore } from "./vault/tokens.js";
import type { VaultTokens } from "./vault/tokens.js";
import { makeVersion } from "./vault/versions.js";
import { WrapStore } from "./vault/wrapping.js";

export type { VaultAppRoleMount, VaultAppRole, VaultSecretId } from "./vault/auth/approle.js";
export type { VaultAwsMount, VaultAwsRole } from "./vault/auth/aws.js";
export type { VaultAzureMount, VaultAzurePrincipal, VaultAzureRole } from "./vault/auth/azure.js";
export type { VaultJwtMount, VaultJwtRole } from "./vault/auth/jwt.js";
export type { VaultKubernetesMount, VaultKubernetesRole, VaultServiceAccount } from "./vault/auth/kubernetes.js";
export type { VaultRoleTokens } from "./vault/auth/method.js";
export type { VaultAuthMount } from "./vault/auth/mounts.js";
export type { VaultUserpassMount, VaultUser } from "./vault/auth/userpass.js";

/** Options of {@link createVaultEmulator}. */
export interface VaultEmulatorOptions {
  /** What clients are configured with; only a path in it matters. `https://vault.example:8200` by default. */
  readonly address?: string;
  /** A token that may do everything; `root` by default. */
  readonly token?: string;
  /** `openbao` (2.7, a cluster) by default; `vault` is the Community edition of the 1.21 line, as far as its sources tell. */
  readonly product?: VaultProduct;
  /** Paths of transit engines, in every namespace; `["transit"]` by default. */
  readonly mounts?: readonly string[];
  /** Namespaces besides the root, such as `team` and `team/kms`; none by default. */
  readonly namespaces?: readonly string[];
  /** Auth methods that clients can log in with; none by default. */
  readonly auth?: readonly VaultAuthMount[];
  /** What policies allow, by name, in every namespace; `root` and `default` are always there. */
  readonly policies?: Readonly<Record<string, Grants>>;
  /** The clock, in milliseconds since 1970; the real one by default. */
  readonly now?: () => number;
}

/** Where a key is: the emulator's first mount and the root namespace by default. */
export interface VaultKeyPlace {
  readonly mount?: string;
  readonly namespace?: string;
}

/** A key to put into the emulator without a request. */
export interface VaultKeyOptions extends VaultKeyPlace {
  readonly name: string;
  readonly type: VaultKeyType;
  /** How many versions of random keys, 1 by default, or their JWKs, oldest first; one without its private part only verifies. */
  readonly versions?: number | readonly JsonWebKey[];
  /** When the versions were made, in milliseconds since 1970: one time for all, or one for each. Now, by default. */
  readonly createdAt?: number | readonly number[];
  /** HMAC keys of the versions; random by default. */
  readonly hmacKeys?: readonly Bytes[];
  readonly derived?: boolean;
  readonly exportable?: boolean;
  readonly deletionAllowed?: boolean;
  readonly softDeleted?: boolean;
  readonly imported?: { readonly allowRotation: boolean };
  /** Bytes of an `hmac` key; 32 by default. */
  readonly keySize?: number;
  readonly autoRotateSeconds?: number;
  readonly minDecryptionVersion?: number;
  readonly minEncryptionVersion?: number;
}

/** What the emulator holds of a key, to compare with. */
export interface VaultKeyView {
  readonly name: string;
  readonly type: VaultKeyType;
  readonly latestVersion: number;
  readonly softDeleted: boolean;
  readonly minDecryptionVersion: number;
  readonly minEncryptionVersion: number;
  /** Every version that is not trimmed, oldest first, archived ones too. */
  readonly versions: readonly VaultKeyVersionView[];
}

/** One version of an emulated key. */
export interface VaultKeyVersionView {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Of an asymmetric key. */
  readonly key?: EmulatedKey;
  readonly spki?: Bytes;
  /** The SPKI as PEM, of Ed25519 too, which read-key shows in another form. */
  readonly publicKeyPem?: string;
}

/** The Vault emulator. */
export interface VaultEmulator extends Emulator {
  readonly address: string;
  /** The token that may do everything. */
  readonly token: string;
  readonly tokens: VaultTokens;
  readonly auth: VaultAuth;
  /**
   * Puts a key in.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`: the key is there, its type is unknown, or there is no such mount
   */
  createKey(options: VaultKeyOptions): Promise<void>;
  /** The key as the active node has it. */
  key(name: string, place?: VaultKeyPlace): VaultKeyView | undefined;
  /** From now on every route but health and seal status answers 503. */
  seal(): void;
  unseal(): void;
  /**
   * From now on requests arrive at a standby that sees nothing of later changes (OpenBao only): it forwards writes, answers
   * the rest as of now, and 429 when the request's `X-Vault-Index` is newer and does not ask to be forwarded. It has caught
   * up after that many answers of its own, or at `catchUp()`.
   *
   * @throws {ValidationError} `ERR_KMS_UNSUPPORTED` for `vault`, whose Community edition has no such standby
   */
  lag(options?: { readonly answers?: number }): void;
  catchUp(): void;
}

/** Auth methods and policies of an emulator. */
export interface VaultAuth {
  /** Puts a method at its path, in place of one that was there. Tokens that were given stay good. */
  enable(mount: VaultAuthMount): void;
  /** Takes a method away; a login there is refused as for a mount that does not exist. */
  disable(path: string, namespace?: string): void;
  /** What a policy allows from now on, to tokens that were given too. */
  setPolicy(name: string, grants: Grants): void;
}

const DEFAULT_ADDRESS = "https://vault.example:8200";
const THROTTLE_WORDS = "rate limit quota exceeded";

/**
 * An emulated server. It has these routes of the transit engine: create, read, list, config, rotate, trim, delete and
 * soft-delete of keys; sign, verify and hmac with all their parameters and batches; and of the core: health, seal-status,
 * leader, init, mounts, namespaces, capabilities-self, wrapping, and of tokens: create, lookup-self, renew-self, revoke-self. Logins
 * are there for the methods of the option `auth`; approle, userpass and jwt can be set up by requests too. It has no SHA-224 and
 * no SHA-3, for WebCrypto has neither, and does not rotate by itself.
 *
 * @throws {TypeError} when `address` is no URL
 * @example
 * ```ts
 * const vault = createVaultEmulator();
 * await vault.createKey({ name: "app", type: "ecdsa-p256" });
 * const kms = createVaultKms({
 *   address: vault.address, mountPath: "transit", keyName: "app", credentials: { token: vault.token }, fetch: vault.fetch,
 * });
 * ```
 * @see Vault and OpenBao API documentation, "Transit secrets engine"
 */
export function createVaultEmulator(options: VaultEmulatorOptions = {}): VaultEmulator {
  const { address = DEFAULT_ADDRESS, token = "root", product = "openbao", mounts = ["transit"], namespaces = [], now = Date.now } = options;
  const store = new VaultStore(namespaces, mounts);
  const policies = new PolicyStore();
  for (const [name, grants] of Object.entries(options.policies ?? {})) policies.set(name, grants);
  const tokens = new TokenStore({ policies, product, now });
  tokens.add({ token });
  const auth = new AuthMounts({ product, tokens, now });
  for (const mount of options.auth ?? []) auth.enable(mount);
  const pathPrefix = new URL(address).pathname.replace(/\/$/, "");
  const wraps = new WrapStore(product, now);
  const node = new VaultNode({ product, pathPrefix, store, tokens, policies, auth, wraps, clusterId: crypto.randomUUID(), now });
  const emulator = createEmulator({
    now,
    operationOf: ({ method, url }) => requestName(method, url),
    handle: (request) => node.handle(request),
    throttled: ({ method, url }) => throttledAnswer(product, method, url),
  });
  return { ...emulator, address, token, tokens, auth: authAccess(auth, policies), ...keyAccess(store, product, mounts[0], now), ...nodeControl(node, store, product) };
}

function authAccess(auth: AuthMounts, policies: PolicyStore): VaultAuth {
  return {
    enable: (mount) => auth.enable(mount),
    disable: (path, namespace = "") => auth.disable(trimSlashes(namespace), path),
    setPolicy: (name, grants) => policies.set(name, grants),
  };
}

/** Puts keys in and shows them, past the routes. */
function keyAccess(store: VaultStore, product: VaultProduct, firstMount: string | undefined, now: () => number): Pick<VaultEmulator, "createKey" | "key"> {
  const placeOf = ({ mount = firstMount ?? "transit", namespace = "" }: VaultKeyPlace): MountPlace => ({
    mount: trimSlashes(mount),
    namespace: trimSlashes(namespace),
  });
  return {
    async createKey(key) {
      const place = placeOf(key);
      if (store.keys(place, "active").has(key.name)) throw invalid("the emulator has a key of that name");
      if (keyTypeFacts(key.type, product) === undefined) throw invalid("not a key type of the emulated product");
      store.put(place, await makeKey(key, now()));
    },
    key(name, place = {}) {
      const key = store.keys(placeOf(place), "active").get(name);
      return key === undefined ? undefined : viewOf(key);
    },
  };
}

function nodeControl(node: VaultNode, store: VaultStore, product: VaultProduct): Pick<VaultEmulator, "seal" | "unseal" | "lag" | "catchUp"> {
  return {
    seal() {
      node.sealed = true;
    },
    unseal() {
      node.sealed = false;
    },
    lag({ answers } = {}) {
      if (product === "vault") throw new ValidationError("ERR_KMS_UNSUPPORTED", "only an emulated OpenBao has a standby that lags");
      node.staleAnswers = answers;
      store.lag();
    },
    catchUp() {
      store.catchUp();
    },
  };
}

/** Two products, one text; without the headers that only some operators turn on. */
function throttledAnswer(product: VaultProduct, method: string, url: string): Response {
  const path = new URL(url).pathname.replace(/^.*?\/v1\//, "");
  const answer = plainError(429, `request path ${JSON.stringify(path)}: ${THROTTLE_WORDS}`);
  return writeAnswer(answer, { product, method, namespaceHeader: undefined, index: undefined, requestId: "" });
}

async function makeKey(options: VaultKeyOptions, now: number): Promise<TransitKey> {
  const { name, type, versions = 1, createdAt = now, hmacKeys = [], imported } = options;
  const keySize = type === "hmac" ? (options.keySize ?? 32) : undefined;
  const jwks = typeof versions === "number" ? Array.from({ length: versions }, () => undefined) : versions;
  const times = typeof createdAt === "number" ? jwks.map(() => createdAt) : createdAt;
  const made = jwks.map((jwk, index) =>
    makeVersion({ type, version: index + 1, createdAt: times[index] ?? now, keySize, jwk, hmacKey: hmacKeys[index] }),
  );
  const base = newKey(name, type);
  return {
    ...base,
    versions: await Promise.all(made),
    derived: options.derived ?? base.derived,
    exportable: options.exportable ?? base.exportable,
    deletionAllowed: options.deletionAllowed ?? base.deletionAllowed,
    softDeleted: options.softDeleted ?? base.softDeleted,
    autoRotateSeconds: options.autoRotateSeconds ?? base.autoRotateSeconds,
    minDecryptionVersion: options.minDecryptionVersion ?? base.minDecryptionVersion,
    minEncryptionVersion: options.minEncryptionVersion ?? base.minEncryptionVersion,
    ...(imported === undefined ? {} : { imported }),
    ...(keySize === undefined ? {} : { keySize }),
  };
}

function viewOf(key: TransitKey): VaultKeyView {
  const { name, type, softDeleted, minDecryptionVersion, minEncryptionVersion } = key;
  const versions = key.versions.map(({ version, createdAt, pair }): VaultKeyVersionView => {
    if (pair?.spki === undefined) return { version, createdAt };
    return { version, createdAt, key: pair, spki: pair.spki, publicKeyPem: spkiPem(pair.spki) };
  });
  return { name, type, latestVersion: latestVersion(key), softDeleted, minDecryptionVersion, minEncryptionVersion, versions };
}

function invalid(message: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ARGUMENT", message);
}
