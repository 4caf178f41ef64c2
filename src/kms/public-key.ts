/** Public keys by key and version: read once for all concurrent callers, kept for 5 minutes, dropped on rotation. */
import { algorithmsOf, type SignatureAlgorithm } from "../algorithms.js";
import { writePem } from "../encoding/pem.js";
import { bareJwk, checkJwk } from "../jwk/check.js";
import { jwkThumbprint, keyTypeOf } from "../jwk/check.js";
import { jwkToSpki } from "../jwk/spki.js";
import { SingleFlight } from "../abort.js";
import type { CallContext, KeyRef, KmsProvider, ProviderPublicKey } from "./provider.js";
import type { PublicKey } from "./results.js";

const LIFETIME_MS = 300_000;
const MAX_ENTRIES = 100;
/** A "no" makes a current key be read anew at most this often. */
const REREAD_MS = 30_000;

interface Entry {
  readonly key: PublicKey;
  readonly readAt: number;
}

export class PublicKeyCache {
  readonly #provider: KmsProvider;
  readonly #entries = new Map<string, Entry>();
  readonly #flights = new Map<string, SingleFlight<PublicKey>>();
  readonly #reread = new Map<string, number>();
  /** Goes up with every drop: what was asked before it must not be kept after it. */
  #generation = 0;

  constructor(provider: KmsProvider) {
    this.#provider = provider;
  }

  /** What is kept of this key and version, without asking. */
  peek(ref: KeyRef): PublicKey | undefined {
    const entry = this.#entries.get(slotOf(ref));
    return entry !== undefined && performance.now() - entry.readAt < LIFETIME_MS ? entry.key : undefined;
  }

  /** The key, from the cache or from the service: at most one request, shared by concurrent callers. */
  async get(ref: KeyRef, context: CallContext): Promise<PublicKey> {
    const kept = this.peek(ref);
    this.#tell(ref, context, kept === undefined ? "miss" : "hit");
    return kept ?? this.#read(ref, context);
  }

  /**
   * The key as it is at the service now: one that was read anew within the last 30 s is believed, and one that is being
   * read is waited for. Until the answer is there the old one stays, for others and for the case that there is none.
   */
  async getAnew(ref: KeyRef, context: CallContext): Promise<PublicKey> {
    const slot = slotOf(ref);
    const last = this.#reread.get(slot);
    const kept = this.peek(ref);
    if (last !== undefined && performance.now() - last < REREAD_MS) {
      if (kept !== undefined && !this.#flights.has(slot)) return kept;
      return this.#read(ref, context);
    }
    remember(this.#reread, slot, performance.now());
    this.#tell(ref, context, "miss");
    try {
      return await this.#read(ref, context);
    } catch (error) {
      this.#reread.delete(slot);
      throw error;
    }
  }

  /** Forgets what was the current version; the versions themselves do not change. */
  drop(ref: KeyRef, context: CallContext): void {
    this.#generation += 1;
    this.#flights.clear();
    if (this.#entries.delete(slotOf(ref))) this.#tell(ref, context, "dropped");
  }

  async #read(ref: KeyRef, context: CallContext): Promise<PublicKey> {
    const slot = slotOf(ref);
    const flight = this.#flights.get(slot) ?? new SingleFlight<PublicKey>();
    this.#flights.set(slot, flight);
    try {
      return await flight.run(() => this.#ask(ref, context), context);
    } finally {
      // Whoever leaves early leaves the others in flight.
      if (flight.idle && this.#flights.get(slot) === flight) this.#flights.delete(slot);
    }
  }

  async #ask(ref: KeyRef, context: CallContext): Promise<PublicKey> {
    const generation = this.#generation;
    const key = await toPublicKey(await this.#provider.getPublicKey(ref, context), ref.keyId);
    if (generation === this.#generation) {
      const entry = { key, readAt: performance.now() };
      remember(this.#entries, slotOf(ref), entry);
      remember(this.#entries, slotOf({ keyId: ref.keyId, keyVersion: key.keyVersion }), entry);
    }
    return key;
  }

  #tell({ keyId, keyVersion }: KeyRef, context: CallContext, outcome: "hit" | "miss" | "dropped"): void {
    context.emit({ type: "cache", provider: this.#provider.name, operation: context.operation, keyId, keyVersion, outcome });
  }
}

/** Neither part can hold a line end. */
function slotOf({ keyId, keyVersion }: KeyRef): string {
  return `${keyId}\n${keyVersion ?? ""}`;
}

/** Sets a value and lets the oldest go when there are too many. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_ENTRIES) map.delete(map.keys().next().value as string);
}

async function toPublicKey({ jwk, keyVersion, algorithms }: ProviderPublicKey, keyId: string): Promise<PublicKey> {
  const spki = jwkToSpki(jwk);
  const keyType = keyTypeOf(jwk);
  const fitting: readonly SignatureAlgorithm[] = algorithmsOf(keyType);
  return {
    // Parsed once more, so that it is frozen and the platform's key for it is imported once.
    jwk: checkJwk({ ...bareJwk(checkJwk(jwk)), kid: await jwkThumbprint(jwk) }) as PublicKey["jwk"],
    spki,
    pem: writePem("PUBLIC KEY", spki),
    keyId,
    keyVersion,
    keyType,
    algorithms: algorithms === undefined ? fitting : fitting.filter((name) => algorithms.includes(name)),
  };
}
