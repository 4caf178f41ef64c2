/** Response wrapping of the Vault emulator: answers that are kept for one reader (OpenBao `internal/vault/wrapping.go`). */
import { dataAnswer, plainError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import { durationProblem, parseDuration } from "./fields.js";
import { goTime, randomLetters } from "./tokens.js";

interface Wrapped {
  readonly answer: Answer;
  readonly createdAt: number;
  readonly ttlSeconds: number;
  readonly path: string;
}

const INVALID = "wrapping token is not valid or does not exist";

export class WrapStore {
  readonly #wrapped = new Map<string, Wrapped>();
  readonly #product: VaultProduct;
  readonly #now: () => number;

  constructor(product: VaultProduct, now: () => number) {
    this.#product = product;
    this.#now = now;
  }

  /** The answer that stands for another. Errors, and answers without a body, are never wrapped. */
  wrap(answer: Answer, { ttlSeconds, path }: { ttlSeconds: number; path: string }): Answer {
    if (answer.status !== 200 || (answer.data === undefined && answer.auth === undefined)) return answer;
    const token = `${this.#product === "vault" ? "hvs" : "s"}.${randomLetters(this.#product === "vault" ? 90 : 24)}`;
    const createdAt = this.#now();
    this.#wrapped.set(token, { answer, createdAt, ttlSeconds, path });
    const accessor = accessorOf(answer);
    const wrapInfo = {
      token,
      accessor: randomLetters(24),
      ttl: ttlSeconds,
      creation_time: goTime(createdAt),
      creation_path: path,
      ...(accessor ? { wrapped_accessor: accessor } : {}),
    };
    return { status: 200, wrapInfo };
  }

  #live(token: string | undefined): Wrapped | undefined {
    const wrapped = token === undefined ? undefined : this.#wrapped.get(token);
    return wrapped !== undefined && this.#now() < wrapped.createdAt + 1000 * wrapped.ttlSeconds ? wrapped : undefined;
  }

  /** Any use of a wrapping token is its last. */
  spend(token: string | undefined): boolean {
    const live = this.#live(token) !== undefined;
    this.#wrapped.delete(token ?? "");
    return live;
  }

  /** What a wrapping token is for, without spending it. */
  lookUp(token: string): Answer {
    const wrapped = this.#live(token);
    if (wrapped === undefined) return plainError(400, INVALID);
    const { path, createdAt, ttlSeconds } = wrapped;
    return { ...dataAnswer({ creation_path: path, creation_time: goTime(createdAt), creation_ttl: ttlSeconds }), mountType: "system" };
  }

  /** The answer that was wrapped; it can be had once. */
  open(token: string): Answer {
    const wrapped = this.#live(token);
    this.#wrapped.delete(token);
    return wrapped === undefined ? plainError(400, INVALID) : { ...wrapped.answer, unended: true };
  }

  /**
   * The answer to a request about a wrapping token that needs no token besides it; undefined where there is more to check, or the
   * path is another one. A token in the body comes before the one in the header.
   */
  answerOpen(path: string, inBody: unknown, inHeader: string | undefined): Answer | undefined {
    if (path !== "sys/wrapping/lookup" && path !== "sys/wrapping/unwrap") return undefined;
    if (typeof inBody !== "string" && inBody !== undefined && inBody !== null) {
      return plainError(403, "error validating wrapping token: could not decode token in request body");
    }
    const given = inBody || undefined;
    const token = given ?? inHeader;
    if (token === undefined) return plainError(403, "error validating wrapping token: token is empty");
    if (path === "sys/wrapping/lookup") return this.lookUp(token);
    if (this.#live(token) === undefined) return plainError(400, INVALID);
    return given === undefined ? this.open(token) : undefined;
  }
}

/** Of a token or a secret id in an answer. */
function accessorOf({ auth, data }: Answer): string | undefined {
  const ofToken = (auth as { accessor?: string } | undefined)?.accessor;
  return ofToken ?? (data as { secret_id_accessor?: string } | undefined)?.secret_id_accessor;
}

/** Seconds of `X-Vault-Wrap-TTL`, 0 without one, or the answer to one that is none. */
export function readWrapTtl(header: string | undefined): number | Answer {
  if (header === undefined || header === "") return 0;
  const seconds = parseDuration(header);
  const problem = seconds === undefined ? durationProblem(header) : seconds < 0 ? "requested wrap ttl cannot be negative" : undefined;
  return problem === undefined ? (seconds as number) : plainError(400, `error parsing X-Vault-Wrap-TTL header: ${problem}`);
}
