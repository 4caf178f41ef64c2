/** A credential that a platform keeps for a workload, and replaces some time before its end. */

export interface RotationOptions {
  /** Seconds that a credential lives; see the service for its default. */
  readonly lifetimeSeconds?: number;
  /** Seconds before the end of a credential from which a new one is served; 300 by default, and at most half of its life. */
  readonly renewSeconds?: number;
  /** `false`: the same credential is served for ever, after its end too, as in an outage of the platform (AWS calls it static stability). */
  readonly renews?: boolean;
}

interface Held<T> {
  readonly value: T;
  readonly expiresAt: number;
}

/** Credentials by a name, each made when it is first asked for. */
export class RotatingCredentials<T> {
  readonly #make: (name: string, expiresAt: number) => T;
  readonly #lifetimeMs: number;
  readonly #renewMs: number;
  readonly #renews: boolean;
  readonly #held = new Map<string, Held<T>>();

  constructor(options: RotationOptions, lifetimeSeconds: number, make: (name: string, expiresAt: number) => T) {
    this.#make = make;
    this.#lifetimeMs = 1000 * (options.lifetimeSeconds ?? lifetimeSeconds);
    this.#renewMs = Math.min(1000 * (options.renewSeconds ?? 300), this.#lifetimeMs / 2);
    this.#renews = options.renews ?? true;
  }

  /** The credential of a name now. */
  get(name: string, now: number): T {
    const held = this.#held.get(name);
    if (held !== undefined && (!this.#renews || held.expiresAt - now > this.#renewMs)) return held.value;
    const expiresAt = now + this.#lifetimeMs;
    const value = this.#make(name, expiresAt);
    this.#held.set(name, { value, expiresAt });
    return value;
  }

  /** From now on all are new. */
  rotate(): void {
    this.#held.clear();
  }
}
