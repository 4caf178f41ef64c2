/** Answers as a hostile or broken token service gives them: the real one, altered by a test. */
import type { AnswerMembers } from "./service.js";

/**
 * What becomes of the members of an answer, such as `(members) => ({ ...members, expires_in: 1e20 })`. Of STS these are the members
 * of `Credentials`. What is no object is sent in place of the whole body: text as it is, anything else as JSON.
 */
export type TokenChange = (members: AnswerMembers) => unknown;

/** Which answers are changed, and how many of them. */
export interface TamperOptions {
  /** Which answers, by the operation of their request, such as `entra.token`; all that hand out a credential by default. */
  readonly operation?: string;
  /** How many; 1 by default. */
  readonly times?: number;
}

export class Tampering {
  readonly #waiting: { readonly change: TokenChange; readonly operation: string | undefined; left: number }[] = [];

  add(change: TokenChange, { operation, times = 1 }: TamperOptions): void {
    this.#waiting.push({ change, operation, left: times });
  }

  apply(operation: string, members: AnswerMembers): unknown {
    const entry = this.#waiting.find((waiting) => waiting.left > 0 && (waiting.operation ?? operation) === operation);
    if (entry === undefined) return members;
    entry.left -= 1;
    return entry.change(members);
  }
}
