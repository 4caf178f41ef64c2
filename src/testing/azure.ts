/** An emulated Azure Key Vault or Managed HSM: its keys API as a fetch function. */
import { ValidationError } from "../errors.js";
import { failureAnswer, successAnswer } from "./azure/answers.js";
import { keyId } from "./azure/bundles.js";
import { AzureFailure, badParameter, throttled } from "./azure/failure.js";
import { addKey } from "./azure/new-key.js";
import type { NewAzureKey } from "./azure/new-key.js";
import { OPERATIONS } from "./azure/operations.js";
import { assertPermitted } from "./azure/permissions.js";
import type { AzureAuthorization } from "./azure/permissions.js";
import { findRoute } from "./azure/routes.js";
import { isForeignVault, resolveSite } from "./azure/site.js";
import type { AzureKind } from "./azure/site.js";
import { KeyStore } from "./azure/store.js";
import { TokenRegistry } from "./azure/tokens.js";
import type { AzureTokens } from "./azure/tokens.js";
import { createEmulator } from "./emulator.js";
import type { Emulator } from "./emulator.js";
import type { RecordedRequest } from "./faults.js";
import type { EmulatedKeyType, EmulatedPublicJwk } from "./keys.js";
import type { Bytes } from "../encoding/bytes.js";

export type { AzureAuthorization } from "./azure/permissions.js";
export type { NewAzureKey } from "./azure/new-key.js";
export type { AzureKind } from "./azure/site.js";
export type { AzureTokenGrant, AzureTokens } from "./azure/tokens.js";

/** Options of {@link createAzureEmulator}. */
export interface AzureEmulatorOptions {
  /** Stands in every `kid`; `https://example-vault.vault.azure.net` by default. A loopback address is one in the public cloud. */
  readonly vaultUrl?: string;
  /** By default what the host says: `hsm` below `managedhsm.…`, else `standard`. */
  readonly kind?: AzureKind;
  /** A token that is good for everything; `test-token` by default. */
  readonly token?: string;
  /** Tenant in challenges and refusals. */
  readonly tenantId?: string;
  /** How a vault controls access, which shows in its refusals; `rbac` by default. */
  readonly authorization?: AzureAuthorization;
  /** Days that a deleted key is kept, 7 to 90; 7 by default. */
  readonly retentionDays?: number;
  /** Milliseconds that a deletion or recovery takes by the emulator's clock; 0 by default, some seconds in reality. */
  readonly transitionMs?: number;
  /** Whether between two pages of a list comes an empty one, as the service may do; `false` by default. */
  readonly emptyPages?: boolean;
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number;
}

/** A version of an emulated key. */
export interface EmulatedAzureKey {
  readonly name: string;
  readonly version: string;
  readonly kid: string;
  /** In the service's words, such as `RSA-HSM`. */
  readonly kty: string;
  readonly keyType: EmulatedKeyType;
  readonly enabled: boolean;
  /** Absent for oct-HSM. */
  readonly spki?: Bytes;
  /** With the curve names of the JOSE registry. */
  readonly publicJwk?: EmulatedPublicJwk;
}

/** An emulated Azure Key Vault or Managed HSM. */
export interface AzureEmulator extends Emulator {
  /** Its origin. */
  readonly vaultUrl: string;
  readonly kind: AzureKind;
  /** The token that is good for everything. */
  readonly token: string;
  readonly tokens: AzureTokens;
  /**
   * Makes a key, or a further version of one, as a create or import request would.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`: the service would refuse it
   */
  createKey(key: NewAzureKey): Promise<{ kid: string; version: string }>;
  /** A version, the current one by default; undefined where there is none or the key is deleted. */
  key(name: string, version?: string): EmulatedAzureKey | undefined;
  /** Disables a version, the current one by default. */
  disable(name: string, version?: string): void;
}

/** Microsoft Learn, "Authentication, requests, and responses", and the specification folders of the service. */
const API_VERSIONS = ["7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01"];
const KEY_NAME = /^[0-9a-zA-Z-]{1,127}$/;

interface Service {
  readonly store: KeyStore;
  readonly tokens: TokenRegistry;
  readonly authorization: AzureAuthorization;
  readonly emptyPages: boolean;
}

/**
 * A vault with no keys. Covered: create, import, get, update, delete and what follows it, lists, rotation, sign, verify.
 * A request to another vault's host fails as for an unknown host; any other host, such as a proxy or a loopback port, leads here.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`: `vaultUrl` is no URL
 * @example
 * ```ts
 * const vault = createAzureEmulator();
 * await vault.createKey({ name: "signer", keyType: "P-256" });
 * const kms = createAzureKms({ vaultUrl: vault.vaultUrl, keyName: "signer", credentials: { token: vault.token }, fetch: vault.fetch });
 * ```
 */
export function createAzureEmulator(options: AzureEmulatorOptions = {}): AzureEmulator {
  const now = (): number => (options.now ?? Date.now)();
  const tenantId = options.tenantId ?? "11111111-2222-4333-8444-555555555555";
  const site = resolveSite(options.vaultUrl ?? "https://example-vault.vault.azure.net", options.kind, tenantId);
  const store = new KeyStore(site, { now, retentionDays: options.retentionDays ?? 7, transitionMs: options.transitionMs ?? 0 });
  const tokens = new TokenRegistry(site, now);
  const token = options.token ?? "test-token";
  tokens.add(token);
  const service: Service = { store, tokens, authorization: options.authorization ?? "rbac", emptyPages: options.emptyPages ?? false };
  const emulator = createEmulator({
    now,
    operationOf: ({ method, url }) => findRoute(method, new URL(url).pathname)?.operation ?? "unknown",
    handle: (request) => answer(service, request),
    throttled: (request) => failureAnswer(site, request, throttled()),
  });
  return { ...emulator, vaultUrl: site.origin, kind: site.kind, token, tokens, ...directAccess(store) };
}

/** What a test does behind the service's back. */
function directAccess(store: KeyStore): Pick<AzureEmulator, "createKey" | "key" | "disable"> {
  return {
    createKey: async (key) => {
      const { stored, version } = await directly(() => addKey(store, key));
      return { kid: keyId(store, stored, version), version: version.version };
    },
    key: (name, version) => {
      try {
        return describe(store, name, version);
      } catch {
        return undefined;
      }
    },
    disable: (name, version) => {
      store.getVersion(name, version).version.enabled = false;
    },
  };
}

function describe(store: KeyStore, name: string, wanted: string | undefined): EmulatedAzureKey {
  const { key, version } = store.getVersion(name, wanted);
  const { keyType, spki, publicJwk } = version.material;
  return {
    name: key.name,
    version: version.version,
    kid: keyId(store, key, version),
    kty: version.kty,
    keyType,
    enabled: version.enabled,
    ...(spki === undefined ? {} : { spki }),
    ...(publicJwk === undefined ? {} : { publicJwk }),
  };
}

async function answer(service: Service, request: RecordedRequest): Promise<Response> {
  const { site } = service.store;
  const { hostname } = new URL(request.url);
  if (isForeignVault(site, hostname)) throw unknownHost(hostname);
  try {
    return successAnswer(site, request, await perform(service, request));
  } catch (error) {
    if (error instanceof AzureFailure) return failureAnswer(site, request, error);
    throw error;
  }
}

/** The token comes first: without one the service tells nothing but whom to ask (seen: a bad path is a 401 too). */
async function perform({ store, tokens, authorization, emptyPages }: Service, request: RecordedRequest): Promise<unknown> {
  const { pathname, searchParams } = new URL(request.url);
  const route = findRoute(request.method, pathname);
  // Microsoft Learn, "Diagnose private links configuration issues": the answer is four bytes long, and needs no token.
  if (route?.operation === "HealthStatus") return null;
  const grant = tokens.authenticate(request.headers["authorization"]);
  const apiVersion = checkApiVersion(searchParams.get("api-version"));
  if (route === undefined) throw new AzureFailure({ status: 404, code: "NotFound", message: "The emulator has no such operation." });
  const { operation, name, version } = route;
  if (name === "" && !operation.endsWith("Keys")) throw badParameter("Operation not specified");
  assertPermitted({ site: store.site, authorization, grant, operation, name });
  if (name !== "" && !KEY_NAME.test(name)) throw badParameter(`The request URI contains an invalid name: ${name}`);
  return OPERATIONS[operation]({ store, name, version, apiVersion, query: searchParams, body: request.body, emptyPages });
}

function checkApiVersion(apiVersion: string | null): string {
  if (apiVersion === null || apiVersion === "") throw badParameter("api-version must be specified");
  if (API_VERSIONS.includes(apiVersion)) return apiVersion;
  const latest = API_VERSIONS.at(-1);
  throw badParameter(
    `The specified version (${apiVersion}) is not recognized. Consider using the latest supported version (${latest}).`,
  );
}

/** Another vault is another server; here is none. */
function unknownHost(hostname: string): TypeError {
  const cause = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND" });
  return new TypeError("fetch failed", { cause });
}

async function directly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AzureFailure)) throw error;
    const why = error.innerCode ?? error.code;
    throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", `the emulated vault refuses the key: ${error.status} ${why}`);
  }
}
