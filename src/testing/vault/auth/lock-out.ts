/** Users who guessed too often (documentation, "User lockout": defaults of both products). */

const GUESSES = 5;
const DURATION_MS = 15 * 60_000;

export class LockOut {
  readonly #guesses = new Map<string, { count: number; lastAt: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  isLocked(user: string): boolean {
    return (this.#recent(user)?.count ?? 0) >= GUESSES;
  }

  guessed(user: string): void {
    this.#guesses.set(user, { count: (this.#recent(user)?.count ?? 0) + 1, lastAt: this.#now() });
  }

  /** A login that was right makes up for the guesses before it. */
  forget(user: string): void {
    this.#guesses.delete(user);
  }

  #recent(user: string): { count: number; lastAt: number } | undefined {
    const guesses = this.#guesses.get(user);
    return guesses !== undefined && this.#now() < guesses.lastAt + DURATION_MS ? guesses : undefined;
  }
}
