/** After a change of ours a node that lags would not know of it, and sign with the old version: the state that later answers must have seen. */
import type { Answer } from "../http/send.js";

/** What one request carried of it. */
export interface SentState {
  readonly index: string | undefined;
  readonly forwarded: boolean;
}

/** The last state that a change was answered with. It goes to the address that gave it, and to no other. */
export class WrittenState {
  #index: string | undefined;
  #forwarding = true;

  /** What to send now. */
  current(): SentState {
    return { index: this.#index, forwarded: this.#index !== undefined && this.#forwarding };
  }

  /** Takes the state from the answer to a change: one value of base64, anything else is passed over. */
  learn(answer: Answer): void {
    const stated = answer.header("x-vault-index");
    if (stated !== null && /^[A-Za-z0-9+/=_-]{1,2048}$/.test(stated)) this.#index = stated;
  }

  /**
   * After an answer 400 without a known reason. Vault Enterprise refuses the forwarding header unless it is configured; without it a
   * node that lags says 412. An index that cannot be read (another product answers at the address by now) goes next. True: there
   * was one to do without.
   */
  drop(sent: SentState): boolean {
    if (sent.forwarded) this.#forwarding = false;
    else if (sent.index === this.#index) this.#index = undefined;
    return sent.index !== undefined;
  }
}

/** The two headers, or none before the first change. */
export function stateHeaders({ index, forwarded }: SentState): Readonly<Record<string, string>> {
  if (index === undefined) return {};
  return forwarded ? { "x-vault-index": index, "x-vault-inconsistent": "forward-active-node" } : { "x-vault-index": index };
}
