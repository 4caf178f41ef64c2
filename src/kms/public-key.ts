/** Public keys by key and version: read once for all concurrent callers, kept for 5 minutes, dropped on rotation. */
import { algorithmsOf } from "../algorithms.js";
import { writePem } from "../encoding/pem.js";
import { bareJwk, checkJwk, jwkThumbprint, keyTypeOf } from "../jwk/check.js";
import { jwkToSpki } from "../jwk/spki.js";
import { SingleFlight } from "../abort.js";
import type { CallContext, KeyRef, KmsProvider, ProviderPublicKey } from "./provider.js";
import type { PublicKey } from "./results.js";

const LIFETIME_MS = 300_000;
const MAX_ENTRIES = 100;
/** A "no" makes a current key be read anew at most this often. */
const REREAD_MS = 30_000;

/** What is known of a key, or of a version of it. */
interface Slot {
  readonly reading: SingleFlight<PublicKey>;
  key?: PublicKey;
  readAt: number;
  rereadAt: number;
}

export class PublicKeyCache {
  readonly #provider: KmsProvider;
  /** What was asked for last comes last. */
  readonly #slots = new Map<string, Slot>();

  constructor(provider: KmsProvider) {
    this.#provider = provider;
  }

  /** What is kept of this key and version, without asking. */
  peek(ref: KeyRef): PublicKey | undefined {
    const slot = this.#slots.get(nameOf(ref));
    return slot !== undefined && performance.now() - slot.readAt < LIFETIME_MS ? slot.key : undefined;
  }

  /** Whether a text names a version of the key. What is kept was asked about before it got in, or came with the key itself. */
  async owns(keyId: string, keyVersion: string, context: CallContext): Promise<boolean> {
    return this.peek({ keyId, keyVersion }) !== undefined || this.#provider.ownsVersion({ keyId }, keyVersion, context);
  }

  /** The key, from the cache or from the service: at most one request, shared by concurrent callers. */
  async get(ref: KeyRef, context: CallContext): Promise<PublicKey> {
    return this.#read(ref, context, this.peek(ref));
  }

  /**
   * The key as it is at the service now: one that was read anew within the last 30 s is believed, and one that is being
   * read is waited for. Until the answer is there the old one stays, for others and for the case that there is none.
   */
  async getAnew(ref: KeyRef, context: CallContext): Promise<PublicKey> {
    const slot = this.#slotOf(ref);
    const now = performance.now();
    const believed = now - slot.rereadAt < REREAD_MS && slot.reading.idle;
    const key = await this.#read(ref, context, believed ? this.peek(ref) : undefined);
    if (!believed) slot.rereadAt = now;
    return key;
  }

  /** Forgets what was the current version, and what is being read of it; the versions themselves do not change. */
  drop(ref: KeyRef, context: CallContext): void {
    if (this.#slots.delete(nameOf(ref))) this.#tell(ref, context, "dropped");
  }

  async #read(ref: KeyRef, context: CallContext, kept: PublicKey | undefined): Promise<PublicKey> {
    this.#tell(ref, context, kept === undefined ? "miss" : "hit");
    if (kept !== undefined) return kept;
    const slot = this.#slotOf(ref);
    const { keyId } = ref;
    return slot.reading.run(async () => {
      const key = await toPublicKey(await this.#provider.getPublicKey(ref, context), keyId);
      const read = { key, readAt: performance.now() };
      Object.assign(slot, read);
      Object.assign(this.#slotOf({ keyId, keyVersion: key.keyVersion }), read);
      return key;
    }, context);
  }

  #slotOf(ref: KeyRef): Slot {
    const name = nameOf(ref);
    const slot = this.#slots.get(name) ?? { reading: new SingleFlight<PublicKey>(), readAt: 0, rereadAt: -Infinity };
    this.#slots.delete(name);
    this.#slots.set(name, slot);
    // One that somebody still reads serves those who wait for it.
    if (this.#slots.size > MAX_ENTRIES) this.#slots.delete(this.#slots.keys().next().value as string);
    return slot;
  }

  #tell({ keyId, keyVersion }: KeyRef, context: CallContext, outcome: "hit" | "miss" | "dropped"): void {
    context.emit({ type: "cache", provider: this.#provider.name, operation: context.operation, keyId, keyVersion, outcome });
  }
}

/** The current version has no name that a version could have, whatever text that is. */
function nameOf({ keyId, keyVersion }: KeyRef): string {
  return `${keyId}\n${typeof keyVersion}\n${keyVersion}`;
}

async function toPublicKey({ jwk, keyVersion, algorithms }: ProviderPublicKey, keyId: string): Promise<PublicKey> {
  const spki = jwkToSpki(jwk);
  const keyType = keyTypeOf(jwk);
  return {
    // Parsed once more, so that it is frozen and the platform's key for it is imported once.
    jwk: checkJwk({ ...bareJwk(jwk), kid: await jwkThumbprint(jwk) }) as PublicKey["jwk"],
    spki,
    pem: writePem("PUBLIC KEY", spki),
    keyId,
    keyVersion,
    keyType,
    algorithms: algorithmsOf(keyType).filter((name) => algorithms?.includes(name) !== false),
  };
}
