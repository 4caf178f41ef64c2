/** An AWS KMS in memory: real keys and signatures, and the wire format, checks and refusals of the service. */
import { partitionOf } from "./aws/arn.js";
import { createDirectly, keyOf, snapshotOf } from "./aws/direct.js";
import type { AwsKeySnapshot, CreateAwsKeyOptions } from "./aws/direct.js";
import { Identities } from "./aws/identities.js";
import type { AwsEmulatorCredentials } from "./aws/identities.js";
import { handleRequest, operationOf, throttledResponse } from "./aws/service.js";
import { AwsStore } from "./aws/store.js";
import type { AwsKeyState } from "./aws/store.js";
import { createEmulator } from "./emulator.js";
import type { Emulator } from "./emulator.js";
import { ValidationError } from "../errors.js";

export type { AwsKeySnapshot, CreateAwsKeyOptions } from "./aws/direct.js";
export type { AwsEmulatorCredentials } from "./aws/identities.js";
export type { AwsKeySpec, AwsKeyUsage } from "./aws/specs.js";
export type { AwsKeyState, AwsOrigin } from "./aws/store.js";

/** Options of {@link createAwsEmulator}. */
export interface AwsEmulatorOptions {
  /** `eu-central-1` by default. Signatures must be for it, and every ARN names it. */
  readonly region?: string | undefined;
  /** Twelve digits; `111122223333` by default. */
  readonly accountId?: string | undefined;
  /** The credentials it knows from the start; the well-known ones of AWS's own signing tests by default. */
  readonly credentials?: AwsEmulatorCredentials | undefined;
  /** The clock, in milliseconds since 1970; the real one by default. */
  readonly now?: (() => number) | undefined;
  /**
   * Where clients are told to send, `https://kms.<region>.amazonaws.com` by default. Only its path matters: requests to another path
   * are refused. A request's host is that of its own URL, so that the emulator can be served on any port.
   */
  readonly endpoint?: string | undefined;
  /** Milliseconds of the clock that an on-demand rotation takes; 10,000 by default. */
  readonly onDemandRotationMs?: number | undefined;
}

/** An alias of the emulator, as it is now. */
export interface AwsAliasSnapshot {
  readonly name: string;
  readonly arn: string;
  readonly targetKeyId: string;
  readonly createdAt: Date;
  /** When it was last pointed to a key. */
  readonly updatedAt: Date;
}

/** An emulated AWS KMS: one account in one region. */
export interface AwsEmulator extends Emulator {
  readonly region: string;
  readonly accountId: string;
  readonly endpoint: string;
  /** The credentials it was made with. */
  readonly credentials: AwsEmulatorCredentials;
  /**
   * Makes a key without a request.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`, `ERR_KMS_INVALID_JWK`
   */
  createKey(options?: CreateAwsKeyOptions): Promise<{ keyId: string; arn: string }>;
  /** A copy of the key of an id, ARN, alias or alias ARN, as it is now; undefined when there is none. */
  key(reference: string): AwsKeySnapshot | undefined;
  /**
   * Puts a key into a state, also one that takes long to reach at the service, such as `Creating` or `Unavailable`.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT` when there is no such key
   */
  setKeyState(reference: string, state: AwsKeyState): void;
  /** All aliases, sorted by name. */
  aliases(): AwsAliasSnapshot[];
  /** Credentials that it takes too; those of the same access key are replaced. */
  addCredentials(credentials: AwsEmulatorCredentials): void;
  /** From now on these credentials, by default the ones it was made with, are answered with `ExpiredTokenException`. */
  expireCredentials(accessKeyId?: string): void;
  /** A key that is made from now on is not found the first so many times. */
  setEventualConsistency(lookUps: number): void;
  /** The next so many pages of any list are empty and yet truncated. */
  setEmptyPages(pages: number): void;
}

const TEST_CREDENTIALS: AwsEmulatorCredentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

/**
 * An emulated AWS KMS for tests. It checks the signature, the clock and the shape of every request, keeps keys, aliases, tags and
 * policies, and answers as the service does. Keys are real, and signatures verify anywhere. It has the operations for signing, MACs,
 * key and alias management and rotation; any other is `UnknownOperationException`. Nothing is kept but in memory.
 *
 * @throws {TypeError} when `endpoint` is no URL
 * @see AWS KMS API Reference; Signature Version 4
 * @example
 * ```ts
 * const emulator = createAwsEmulator();
 * await emulator.createKey({ keyType: "P-256", alias: "alias/signing" });
 * const kms = createAwsKms({ region: emulator.region, keyId: "alias/signing", credentials: emulator.credentials, fetch: emulator.fetch });
 * ```
 */
export function createAwsEmulator(options: AwsEmulatorOptions = {}): AwsEmulator {
  const { region = "eu-central-1", accountId = "111122223333", credentials = TEST_CREDENTIALS, onDemandRotationMs = 10_000 } = options;
  const { endpoint = `https://kms.${region}.${partitionOf(region).suffix}` } = options;
  const store = new AwsStore({ region, accountId, onDemandRotationMs, now: () => (options.now ?? Date.now)() });
  const identities = new Identities();
  identities.add(credentials);
  const scene = { store, identities, path: new URL(endpoint).pathname.replace(/\/*$/, "/") };
  const emulator = createEmulator({
    now: () => store.now(),
    operationOf,
    handle: (request) => handleRequest(scene, request),
    throttled: () => throttledResponse(store),
  });
  return Object.assign(emulator, { region, accountId, endpoint, credentials: { ...credentials } }, controls(store, identities, credentials));
}

type Controls = Pick<
  AwsEmulator,
  "createKey" | "key" | "setKeyState" | "aliases" | "addCredentials" | "expireCredentials" | "setEventualConsistency" | "setEmptyPages"
>;

function controls(store: AwsStore, identities: Identities, credentials: AwsEmulatorCredentials): Controls {
  return {
    createKey: (options = {}) => createDirectly(store, options),
    key(reference) {
      const key = keyOf(store, reference);
      return key && snapshotOf(store, key);
    },
    setKeyState(reference, state) {
      const key = keyOf(store, reference);
      if (key === undefined) throw new ValidationError("ERR_KMS_INVALID_ARGUMENT", "the emulator has no such key");
      key.state = state;
    },
    aliases: () => aliasSnapshots(store),
    addCredentials: (added) => identities.add(added),
    expireCredentials: (accessKeyId = credentials.accessKeyId) => identities.expire(accessKeyId),
    setEventualConsistency(lookUps) {
      store.eventualConsistency = lookUps;
    },
    setEmptyPages(pages) {
      store.emptyPages = pages;
    },
  };
}

function aliasSnapshots(store: AwsStore): AwsAliasSnapshot[] {
  store.settle();
  return [...store.aliases.values()]
    .map(({ createdAt, updatedAt, ...alias }) => ({ ...alias, createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
