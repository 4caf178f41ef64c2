/** What the operations are given: the parts that managers share, and the key that one speaks for. Types only. */
import type { Sleep } from "../abort.js";
import type { SignatureAlgorithm } from "../algorithms.js";
import type { Hasher } from "../hasher.js";
import type { OnEvent } from "./events.js";
import type { KeyRef, KmsProvider } from "./provider.js";
import type { PublicKeyCache } from "./public-key.js";

/** What operations work with: the key of one manager, and what all managers of one provider share. */
export interface ManagerCore {
  readonly key: ManagedKey;
  readonly provider: KmsProvider;
  readonly keys: PublicKeyCache;
  readonly hasher: Pick<Hasher, "digest">;
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly random: () => number;
  readonly timeoutMs?: number | undefined;
  readonly onEvent?: OnEvent | undefined;
}

/** The key that one manager speaks for. */
export interface ManagedKey extends KeyRef {
  readonly algorithm?: SignatureAlgorithm | undefined;
  /** Of its rotation, as configured. */
  readonly intervalMs?: number | undefined;
}

/** When a key is due for rotation. */
export interface RotationPolicy {
  /** Milliseconds after which the newest version is too old; at least one minute. */
  readonly intervalMs: number;
}
