/** What `onEvent` is told. Nothing in an event is secret: no data, no signature, no header, no URL. */
import type { KmsErrorCode } from "../errors.js";

interface EventBase {
  /** `aws`, `azure`, `vault`, or the name of a provider of yours. */
  readonly provider: string;
  /** The method that was called, such as `sign`. */
  readonly operation: string;
}

/** One request: how long it took, and how it ended. */
export interface AttemptEvent extends EventBase {
  readonly type: "attempt";
  /** 1 for the first request of a step. */
  readonly attempt: number;
  readonly durationMs: number;
  readonly outcome: "ok" | KmsErrorCode;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
}

/** A request will be repeated after a wait. */
export interface RetryEvent extends EventBase {
  readonly type: "retry";
  readonly attempt: number;
  readonly delayMs: number;
  readonly reason: KmsErrorCode;
}

/** A credential was asked of its source. */
export interface TokenEvent extends EventBase {
  readonly type: "token";
  readonly durationMs: number;
  readonly outcome: "ok" | KmsErrorCode;
  readonly expiresAt?: Date | undefined;
}

/** A public key was looked for in the cache. */
export interface CacheEvent extends EventBase {
  readonly type: "cache";
  readonly keyId: string;
  readonly keyVersion?: string | undefined;
  readonly outcome: "hit" | "miss" | "dropped";
}

/** A key was rotated. */
export interface RotationEvent extends EventBase {
  readonly type: "rotation";
  readonly keyId: string;
  readonly status: "done" | "pending";
  readonly previousVersion?: string | undefined;
  readonly newVersion?: string | undefined;
}

/** An operation ended. */
export interface ResultEvent extends EventBase {
  readonly type: "result";
  readonly keyId: string;
  readonly durationMs: number;
  /** `unexpected`: an error that is none of this library's, such as a mistake in a provider of yours. */
  readonly outcome: "ok" | "unexpected" | KmsErrorCode;
}

/** All that `onEvent` is told, told apart by `type`. */
export type KmsEvent = AttemptEvent | RetryEvent | TokenEvent | CacheEvent | RotationEvent | ResultEvent;

/** Whatever it does, throw, reject, or never settle, the operation is not affected. */
export type OnEvent = (event: KmsEvent) => unknown;
